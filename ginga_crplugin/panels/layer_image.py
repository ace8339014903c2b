"""Pixel layers of the overlay, blended into the window image of a viewer."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from ginga.canvas.CanvasObject import CanvasObjectBase, get_canvas_types
from ginga.RGBImage import RGBImage

from .view_cells import ViewCells

__all__ = ['PixelLayers']


class _Drawn:
    """What was blended into the window image of a viewer.

    Attributes
    ----------
    cells : ViewCells or None
        The cells of the view.
    layers : dict of (n,) int ndarray
        The cells of each layer.
    window : (h, w, 4) uint8 ndarray
        The window image.
    places, below : (n,) int ndarray, (n, 4) uint8 ndarray
        Flat indices of the pixels that were changed, and their values before.
    """

    def __init__(self) -> None:
        self.cells: ViewCells | None = None
        self.layers: dict[str, np.ndarray] = {}
        self.window = np.zeros((0, 0, 4), dtype=np.uint8)
        self.places, self.below = np.zeros(0, dtype=np.int64), np.zeros((0, 4), dtype=np.uint8)


class PixelLayers(CanvasObjectBase):
    """Layers of pixels, as one canvas object.

    Ginga calls `prepare_image` when it composes the window image. The colors are blended into it there, in the cells of
    flagged pixels alone; every flagged pixel in view is visible, even when zoomed out. After a change of the layers,
    `update` blends them into the same window image, without drawing the frame again.

    Parameters
    ----------
    colors : dict of str
        The color of each layer, such as ``'#0072b2'``; later layers are drawn over earlier ones.
    opacity : float
        Opacity of all layers, 0 to 1.

    Attributes
    ----------
    pixels : dict of (n,) int ndarray
        The flat indices of the pixels of each layer.
    """

    def __init__(self, colors: Mapping[str, str], opacity: float) -> None:
        super().__init__()
        self.kind = 'layers'
        self.editable = False
        self._colors, self.opacity = dict(colors), opacity
        self._shape: tuple[int, int] = (0, 0)
        self._hidden: set[str] = set()
        self._drawn: WeakKeyDictionary[Any, _Drawn] = WeakKeyDictionary()
        self._texture: Any = None
        self.pixels: dict[str, np.ndarray] = {}

    def clear(self) -> None:
        """Remove all pixels."""
        self.pixels.clear()
        for drawn in self._drawn.values():
            drawn.layers.clear()
        self._texture = None

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
        for drawn in self._drawn.values():
            for layer in layers:
                drawn.layers.pop(layer, None)
        self._texture = None

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
        self._texture = None

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
        self._texture = None

    def set_opacity(self, opacity: float) -> None:
        """Set the opacity of all layers.

        Parameters
        ----------
        opacity : float
            Opacity, 0 to 1.
        """
        self.opacity = opacity
        self._texture = None

    # drawing

    def update(self, viewer: Any) -> float:
        """Blend the layers into the window image of a viewer again, after a change.

        Parameters
        ----------
        viewer : `ginga.ImageView.ImageViewBase`
            The viewer.

        Returns
        -------
        float
            The stage from which Ginga has to redraw (``whence``).
        """
        drawn, window = self._drawn.get(viewer), _window_image(viewer)
        if drawn is None or window is None or drawn.window is not window:
            return 0.0
        window.reshape(-1, 4)[drawn.places] = drawn.below
        self._blend(drawn, viewer)
        return 2.3  # the stage after that in which images are composed

    def prepare_image(self, viewer: Any, whence: float) -> None:
        """Blend the layers into the window image; Ginga calls this when it composes it.

        Parameters
        ----------
        viewer : `ginga.ImageView.ImageViewBase`
            The viewer.
        whence : float
            The stage from which Ginga redraws.
        """
        window = _window_image(viewer)
        if window is None:
            self._prepare_texture(viewer, whence)
            return
        drawn = self._drawn.setdefault(viewer, _Drawn())
        drawn.window = window
        self._blend(drawn, viewer)

    def _blend(self, drawn: _Drawn, viewer: Any) -> None:
        """Blend the visible layers into the window image, and remember what was there."""
        layers, window = self._visible_layers(), drawn.window
        cells, old = ViewCells.of(viewer, self._shape, window.shape[:2]), drawn.cells
        if cells is None or old is None or cells.key != old.key:
            drawn.layers.clear()
        drawn.cells, drawn.places, drawn.below = cells, drawn.places[:0], drawn.below[:0]
        if cells is None or not layers:
            return
        values = np.zeros(cells.size, dtype=np.uint8)
        for value, layer in enumerate(layers, 1):
            if layer not in drawn.layers:
                drawn.layers[layer] = cells.find(self.pixels[layer])
            values[drawn.layers[layer]] = value
        drawn.places, values = cells.places(values, window.shape[:2])
        flat = window.reshape(-1, 4)
        drawn.below = flat[drawn.places]
        # `blended[layer, channel, value below]`
        colors = np.array([(0, 0, 0), *map(self._rgb, layers)])
        blended = np.rint(self.opacity * colors[..., None] + (1.0 - self.opacity) * np.arange(256)).astype(np.uint8)
        above = drawn.below.copy()
        for channel in range(3):
            above[:, channel] = blended[values, channel, drawn.below[:, channel]]
        flat[drawn.places] = above

    def _visible_layers(self) -> list[str]:
        """Return the visible layers in drawing order."""
        return [layer for layer in self._colors if layer in self.pixels and layer not in self._hidden]

    def _rgb(self, layer: str) -> tuple[int, ...]:
        return tuple(bytes.fromhex(self._colors[layer].lstrip('#')))

    def _prepare_texture(self, viewer: Any, whence: float) -> None:
        """Prepare an image of the whole frame, for OpenGL, which does not compose a window image."""
        if self._texture is None:
            rgba = np.zeros((*self._shape, 4), dtype=np.uint8)
            for layer in self._visible_layers():
                rgba.reshape(-1, 4)[self.pixels[layer]] = *self._rgb(layer), round(255 * self.opacity)
            self._texture = get_canvas_types().Image(0, 0, RGBImage(data_np=rgba), interpolation='nearest')
            self._texture.crdmap = self.crdmap
        self._texture.prepare_image(viewer, whence)

    def draw(self, viewer: Any) -> None:
        """Draw nothing, except with OpenGL; the layers are in the window image.

        Parameters
        ----------
        viewer : `ginga.ImageView.ImageViewBase`
            The viewer.
        """
        if self._texture is not None and self._texture.in_cache(viewer):
            self._texture.draw(viewer)

    def get_llur(self) -> tuple[float, ...]:
        """Return the bounding box of the frame, as Ginga's canvas objects do.

        Returns
        -------
        tuple of float
            (xmin, ymin, xmax, ymax) in 0-based pixels.
        """
        return (-0.5, -0.5, self._shape[1] - 0.5, self._shape[0] - 0.5)


def _window_image(viewer: Any) -> np.ndarray | None:
    """Return the image in which Ginga composes all images in view; None if it does not (OpenGL)."""
    return viewer.renderer.pipeline.get('dstarr', None)
