"""Pixel layers of the overlay, drawn as one RGBA image."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from ginga.canvas.CanvasObject import get_canvas_types
from ginga.RGBImage import RGBImage

__all__ = ['LayerImage', 'PixelLayers']

#: Maximum size of a drawn cell, in image pixels.
_MAX_STEP = 64

Color = tuple[int, ...]


class LayerImage:
    """RGBA image of the pixels of all layers, in cells of several pixels where the viewer is zoomed out.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the frame.
    step : int
        Size of a cell, in pixels of the frame along each axis.
    layers : dict of (n,) int ndarray
        The flat indices of the pixels of each layer.
    colors : dict of tuple
        The RGBA of each visible layer; later layers are drawn over earlier ones.

    Attributes
    ----------
    image : `ginga.RGBImage.RGBImage`
        The image; a cell has the color of a layer if any of its pixels is in the layer. It always has the size of the
        frame, because Ginga misplaces a scaled Image object that is partly out of view.
    step : int
        Size of a cell.
    """

    def __init__(
        self, shape: tuple[int, int], step: int, layers: Mapping[str, np.ndarray], colors: Mapping[str, Color]
    ) -> None:
        self.step, self._cells_in_row = step, -(-shape[1] // step)
        self.image = RGBImage(data_np=np.zeros((*shape, 4), dtype=np.uint8))
        self._cells = {layer: self._cells_of(pixels) for layer, pixels in layers.items()}
        self._color(np.concatenate(list(self._cells.values())), colors)

    def update(self, layer: str, pixels: np.ndarray, colors: Mapping[str, Color]) -> None:
        """Set the pixels of a layer; only the cells that change are written.

        Parameters
        ----------
        layer : str
            The layer.
        pixels : (n,) int ndarray
            The flat indices of its pixels.
        colors : dict of tuple
            The RGBA of each visible layer, in drawing order.
        """
        old, new = self._cells.get(layer, np.zeros(0, dtype=np.int64)), self._cells_of(pixels)
        self._cells[layer] = new
        self._color(np.setxor1d(old, new, assume_unique=True), colors)

    def _cells_of(self, pixels: np.ndarray) -> np.ndarray:
        if self.step == 1:
            return pixels
        y, x = np.divmod(pixels, self.image.width)
        return np.unique(y // self.step * self._cells_in_row + x // self.step)

    def _color(self, cells: np.ndarray, colors: Mapping[str, Color]) -> None:
        values = np.zeros((len(cells), 4), dtype=np.uint8)
        for layer, color in colors.items():
            values[np.isin(cells, self._cells.get(layer, ()))] = color
        data, packed = self.image.get_data().view(np.uint32)[..., 0], values.view(np.uint32)[:, 0]
        top, left = np.divmod(cells, self._cells_in_row)
        for dy in range(self.step):
            for dx in range(self.step):
                y, x = top * self.step + dy, left * self.step + dx
                inside = (y < data.shape[0]) & (x < data.shape[1])
                data[y[inside], x[inside]] = packed[inside]


class PixelLayers:
    """Layers of pixels on a canvas.

    Parameters
    ----------
    viewer : `ginga.ImageView.ImageViewBase`
        The viewer.
    canvas : `ginga.canvas.types.layer.DrawingCanvas`
        The canvas to draw on.
    below : ginga canvas object
        The object that is drawn over the layers.
    colors : dict of str
        The color of each layer, such as ``'#0072b2'``; later layers are drawn over earlier ones.
    opacity : float
        Opacity of all layers, 0 to 1.

    Attributes
    ----------
    pixels : dict of (n,) int ndarray
        The flat indices of the pixels of each layer.
    """

    def __init__(self, viewer: Any, canvas: Any, below: Any, colors: Mapping[str, str], opacity: float) -> None:
        self._viewer, self._canvas, self._below = viewer, canvas, below
        self._colors, self._opacity = dict(colors), opacity
        self._shape: tuple[int, int] | None = None
        self._hidden: set[str] = set()
        self._image: LayerImage | None = None
        self.pixels: dict[str, np.ndarray] = {}

    def clear(self) -> None:
        """Remove all pixels."""
        self.pixels.clear()
        self._remove_image()

    def set(self, layers: Mapping[str, np.ndarray], shape: tuple[int, int]) -> None:
        """Set the pixels of some layers.

        Parameters
        ----------
        layers : dict of (n,) int ndarray
            The flat indices of the pixels of each layer, in ascending order.
        shape : tuple of int
            (ny, nx) of the image.
        """
        if shape != self._shape:
            self.clear()
            self._shape = shape
        self.pixels |= layers
        if self._image is None:
            self.draw()
            return
        for layer, pixels in layers.items():
            self._image.update(layer, pixels, self._rgba())

    def set_visible(self, layer: str, *, visible: bool) -> None:
        """Show or hide a layer.

        Parameters
        ----------
        layer : str
            The layer.
        visible : bool
            Whether it is shown.
        """
        (self._hidden.discard if visible else self._hidden.add)(layer)
        self.draw()

    def set_color(self, layer: str, color: str) -> None:
        """Set the color of a layer.

        Parameters
        ----------
        layer : str
            The layer.
        color : str
            The color, such as ``'#0072b2'``.
        """
        self._colors[layer] = color
        self.draw()

    def set_opacity(self, opacity: float) -> None:
        """Set the opacity of all layers.

        Parameters
        ----------
        opacity : float
            Opacity, 0 to 1.
        """
        self._opacity = opacity
        self.draw()

    def update_zoom(self) -> bool:
        """Draw the layers again if another cell size suits the zoom of the viewer.

        Returns
        -------
        bool
            Whether the layers were drawn.
        """
        if self._image is None or self._image.step == _cell_size(self._viewer):
            return False
        self.draw()
        return True

    def draw(self) -> None:
        """Draw all layers."""
        if not self.pixels or self._shape is None:
            return
        self._remove_image()
        self._image = LayerImage(self._shape, _cell_size(self._viewer), self.pixels, self._rgba())
        image = get_canvas_types().Image(0, 0, self._image.image, interpolation='nearest')
        self._canvas.add(image, tag='pixels', belowThis=self._below, redraw=False)

    def _rgba(self) -> dict[str, Color]:
        """Return the RGBA of the visible layers, in drawing order."""
        alpha = round(255 * self._opacity)
        layers = [layer for layer in self._colors if layer in self.pixels and layer not in self._hidden]
        return {layer: (*bytes.fromhex(self._colors[layer].lstrip('#')), alpha) for layer in layers}

    def _remove_image(self) -> None:
        self._image = None
        if self._canvas.has_tag('pixels'):
            self._canvas.delete_object_by_tag('pixels', redraw=False)


def _cell_size(viewer: Any) -> int:
    """Return the size that a cell needs to cover a pixel of the screen; single pixels would vanish when zoomed out."""
    scale = viewer.get_scale_min()
    return 1 if scale >= 1.0 or scale <= 0.0 else min(_MAX_STEP, math.ceil(1.0 / scale))
