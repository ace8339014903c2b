"""RGBA image of the mask layers."""

import numpy as np
from ginga.RGBImage import RGBImage

__all__ = ['LayerImage']


class LayerImage:
    """The pixels of all layers in one RGBA image, coarse where the viewer is zoomed out."""

    def __init__(self):
        self.image = None
        self.step = 1
        self._cells = {}

    def make(self, shape, step, layers, colors):
        """Make the image: a drawn cell has a color if one of the pixels it stands for has.

        The image always has the size of the frame: Ginga puts an Image with a scale of its own in the wrong place
        where it is partly out of view.

        Parameters
        ----------
        shape : tuple of int
            (ny, nx) of the frame.
        step : int
            How many pixels of the frame a cell stands for, along each axis.
        layers : dict
            The flat indices of the pixels of each layer.
        colors : dict
            The RGBA of each visible layer, the later above the earlier.
        """
        self.step, self._across = step, -(-shape[1] // step)
        self.image = RGBImage(data_np=np.zeros((*shape, 4), dtype=np.uint8))
        self._cells = {layer: self._cells_of(pixels) for layer, pixels in layers.items()}
        self._color(np.concatenate(list(self._cells.values())), colors)
        return self.image

    def change(self, layer, pixels, colors):
        """Write over the cells that changed in a layer."""
        old, new = self._cells.get(layer, np.zeros(0, dtype=np.int64)), self._cells_of(pixels)
        self._cells[layer] = new
        self._color(np.setxor1d(old, new, assume_unique=True), colors)

    def _cells_of(self, pixels):
        if self.step == 1:
            return pixels
        y, x = np.divmod(pixels, self.image.width)
        return np.unique(y // self.step * self._across + x // self.step)

    def _color(self, cells, colors):
        values = np.zeros((len(cells), 4), dtype=np.uint8)
        for layer, color in colors.items():
            values[np.isin(cells, self._cells.get(layer, ()))] = color
        data, values = self.image.get_data().view(np.uint32)[..., 0], values.view(np.uint32)[:, 0]
        top, left = np.divmod(cells, self._across)
        for dy in range(self.step):
            for dx in range(self.step):
                y, x = top * self.step + dy, left * self.step + dx
                inside = (y < data.shape[0]) & (x < data.shape[1])
                data[y[inside], x[inside]] = values[inside]
