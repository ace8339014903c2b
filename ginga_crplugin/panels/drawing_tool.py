"""Drawing of pixels on an image in Ginga: strokes, lines, polygons and boxes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ginga_crplugin.core.review import stroke_pixels

__all__ = ['MODES', 'DrawingTool']

#: The drawing modes.
MODES = ('off', 'paint', 'erase', 'line', 'polygon', 'reject in box')


class DrawingTool:
    """Mouse handler that turns what is drawn on the image into pixels.

    Parameters
    ----------
    canvas : `ginga.canvas.types.layer.DrawingCanvas`
        The canvas of the overlay.
    drawn : callable
        ``drawn(mode, pixels)`` is called with the flat indices of the drawn pixels.
    preview : callable
        ``preview(pixels)`` is called while the mouse moves.

    Attributes
    ----------
    mode : str
        The drawing mode, one of `MODES`.
    width : int
        Width of strokes and lines, in pixels.
    shape : tuple of int or None
        (ny, nx) of the image; nothing can be drawn without it.
    """

    def __init__(
        self, canvas: Any, drawn: Callable[[str, np.ndarray], None], preview: Callable[[np.ndarray], None]
    ) -> None:
        self._canvas, self._drawn, self._preview = canvas, drawn, preview
        self._points: list[tuple[float, float]] = []
        self.mode = 'off'
        self.width = 3
        self.shape: tuple[int, int] | None = None
        canvas.add_callback('cursor-down', self._button_pressed)
        canvas.add_callback('cursor-move', self._mouse_moved)
        canvas.add_callback('cursor-up', self._button_released)
        canvas.add_callback('draw-event', self._outline_drawn)

    def set_mode(self, mode: str) -> None:
        """Set the drawing mode.

        Parameters
        ----------
        mode : str
            One of `MODES`.
        """
        self.mode = mode
        self._points = []
        outline = {'polygon': 'polygon', 'reject in box': 'rectangle'}.get(mode)
        self._canvas.enable_draw(outline is not None)
        self._canvas.set_draw_mode('draw' if outline else None)
        if outline:
            self._canvas.set_drawtype(outline, color='white', linestyle='dash')

    # Ginga passes the viewer with some events only, so the callbacks accept further arguments

    def _button_pressed(self, _canvas: Any, _event: Any, x: float, y: float, *_: Any) -> bool:
        if self.shape is None or self.mode not in ('paint', 'erase', 'line'):
            return False
        self._points = [(x, y)]
        self._preview(self._pixels())
        return True

    def _mouse_moved(self, _canvas: Any, _event: Any, x: float, y: float, *_: Any) -> bool:
        if not self._points:
            return False
        self._points = [self._points[0], (x, y)] if self.mode == 'line' else [*self._points, (x, y)]
        self._preview(self._pixels())
        return True

    def _button_released(self, *args: Any) -> bool:
        if not self._points:
            return False
        self._mouse_moved(*args)
        pixels, self._points = self._pixels(), []
        self._drawn(self.mode, pixels)
        return True

    def _pixels(self) -> np.ndarray:
        if self.shape is None:
            return np.zeros(0, dtype=np.int64)
        return stroke_pixels(self._points, self.width, self.shape)

    def _outline_drawn(self, canvas: Any, tag: str) -> None:
        outline = canvas.get_object_by_tag(tag)
        canvas.delete_object_by_tag(tag)
        if self.shape is not None:
            self._drawn(self.mode, _enclosed_pixels(outline, self.shape))


def _enclosed_pixels(outline: Any, shape: tuple[int, int]) -> np.ndarray:
    """Return the flat indices of the pixels whose centers are inside a canvas object."""
    x0, y0, x1, y1 = outline.get_llur()
    y, x = np.mgrid[max(0, int(y0)) : min(shape[0], int(y1) + 2), max(0, int(x0)) : min(shape[1], int(x1) + 2)]
    if x.size == 0:
        return np.zeros(0, dtype=np.int64)
    centers = np.stack([x.ravel(), y.ravel()], axis=1).astype(float)
    with np.errstate(divide='ignore', invalid='ignore'):  # Ginga divides by the slope of horizontal edges
        inside = np.asarray(outline.contains_pts(centers)).reshape(x.shape)
    return np.sort((y * shape[1] + x)[inside])
