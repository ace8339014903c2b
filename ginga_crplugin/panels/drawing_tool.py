"""The room of drawing by hand in Ginga: strokes, lines, polygons and boxes on the image, as pixels."""

import numpy as np

from ginga_crplugin.core.review import stroke_pixels

__all__ = ['MODES', 'DrawingTool']

#: What can be drawn, and what it means for the pixels.
MODES = ('off', 'paint', 'erase', 'line', 'polygon', 'reject in box')


class DrawingTool:
    """What the mouse does on the image while something is drawn.

    Parameters
    ----------
    canvas : `ginga.canvas.types.layer.DrawingCanvas`
        The canvas of the overlay.
    drawn : callable
        ``drawn(mode, pixels)`` is called with the flat indices of what was drawn.
    preview : callable
        ``preview(pixels)`` is called while the mouse moves.
    """

    def __init__(self, canvas, drawn, preview):
        self._canvas, self._drawn, self._preview = canvas, drawn, preview
        self._points = []
        self.mode = 'off'
        self.width = 3
        self.shape = None
        canvas.add_callback('cursor-down', self._down)
        canvas.add_callback('cursor-move', self._move)
        canvas.add_callback('cursor-up', self._up)
        canvas.add_callback('draw-event', self._outlined)

    def set_mode(self, mode):
        """Draw in another way, one of `MODES`."""
        self.mode = mode
        self._points = []
        outline = {'polygon': 'polygon', 'reject in box': 'rectangle'}.get(mode)
        self._canvas.enable_draw(outline is not None)
        self._canvas.set_draw_mode('draw' if outline else None)
        if outline:
            self._canvas.set_drawtype(outline, color='white', linestyle='dash')

    @property
    def _by_hand(self):
        return self.shape is not None and self.mode in ('paint', 'erase', 'line')

    def _down(self, _canvas, _event, x, y, *_):  # not every viewer names itself
        if not self._by_hand:
            return False
        self._points = [(x, y)]
        self._preview(self._pixels())
        return True

    def _move(self, _canvas, _event, x, y, *_):
        if not self._points:
            return False
        self._points = [self._points[0], (x, y)] if self.mode == 'line' else [*self._points, (x, y)]
        self._preview(self._pixels())
        return True

    def _up(self, *event):
        if not self._points:
            return False
        self._move(*event)
        pixels, self._points = self._pixels(), []
        self._drawn(self.mode, pixels)
        return True

    def _pixels(self):
        return stroke_pixels(self._points, self.width, self.shape)

    def _outlined(self, canvas, tag):
        outline = canvas.get_object_by_tag(tag)
        canvas.delete_object_by_tag(tag)
        if self.shape is not None:
            self._drawn(self.mode, _inside(outline, self.shape))


def _inside(outline, shape):
    """Return the flat indices of the pixels whose centers lie in a canvas object."""
    x0, y0, x1, y1 = outline.get_llur()
    y, x = np.mgrid[max(0, int(y0)) : min(shape[0], int(y1) + 2), max(0, int(x0)) : min(shape[1], int(x1) + 2)]
    if x.size == 0:
        return np.zeros(0, dtype=np.int64)
    places = np.stack([x.ravel(), y.ravel()], axis=1).astype(float)
    with np.errstate(divide='ignore', invalid='ignore'):  # level edges of a polygon
        inside = np.asarray(outline.contains_pts(places)).reshape(x.shape)
    return np.sort((y * shape[1] + x)[inside])
