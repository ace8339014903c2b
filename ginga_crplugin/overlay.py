"""The room of the canvas: masks, segments and the selected segment drawn over an image in any Ginga viewer."""

import math

import numpy as np
from ginga.canvas.CanvasObject import CanvasObjectBase, get_canvas_types
from ginga.RGBImage import RGBImage

__all__ = ['COLORS', 'MaskOverlay']

#: Colours that the colour-blind can tell apart (Okabe & Ito 2008, "Color Universal Design").
COLORS = {'input': '#0072B2', 'cosmic rays': '#D55E00'}

#: At most this many segments get a marker, the brightest in view.
MARKERS = 200

_TAG = 'ginga_crplugin'
_GROWN = 4


class MaskOverlay:
    """Layers of flagged pixels and markers of segments over the image of a Ginga viewer.

    The image itself is never touched: all stands on a canvas of its own.

    Parameters
    ----------
    viewer : `ginga.ImageView.ImageViewBase`
        The viewer to draw on.
    opacity : float, optional
        Of the pixel layers, 0 to 1.
    colors : dict of str, optional
        Colour of each layer, the later drawn above the earlier.
    """

    def __init__(self, viewer, opacity=0.6, colors=None):
        self._viewer = viewer
        self._colors = dict(COLORS if colors is None else colors)
        self._opacity = opacity
        self._masks = {}
        self._hidden = set()
        self._labels = None
        self._rgb = None
        self._grown = 0
        types = get_canvas_types()
        self.canvas = types.DrawingCanvas()
        self.canvas.set_surface(viewer)
        self.canvas.register_for_cursor_drawing(viewer)
        self._markers = _Markers(self._colors['cosmic rays'])
        self.canvas.add(self._markers, tag='markers', redraw=False)
        viewer.get_settings().get_setting('scale').add_callback('set', lambda *_: self._zoomed())

    @property
    def shown(self):
        """Whether the overlay is on the viewer's canvas."""
        return self.canvas in self._viewer.get_canvas()

    def show(self):
        """Put the overlay on the viewer's canvas."""
        if not self.shown:
            self._viewer.get_canvas().add(self.canvas, tag=_TAG, redraw=False)
        self._redraw()

    def hide(self):
        """Take the overlay off the viewer's canvas."""
        if self.shown:
            self._viewer.get_canvas().delete_object(self.canvas, redraw=False)
        self._redraw()

    def clear(self):
        """Forget all masks and segments."""
        self._masks.clear()
        self._labels = None
        self._markers.set_table(None)
        self._markers.selected = None
        if self._rgb is not None:
            self.canvas.delete_object_by_tag('pixels', redraw=False)
            self._rgb = None
        self._redraw()

    def set_mask(self, layer, mask):
        """Draw the pixels of a mask in a layer.

        Parameters
        ----------
        layer : str
            One of the layers given with the colours.
        mask : (ny, nx) bool ndarray
        """
        self._masks[layer] = mask
        self._paint()

    def set_segments(self, labels, table):
        """Mark segments.

        Parameters
        ----------
        labels : (ny, nx) int ndarray
            The label of every pixel.
        table : `~astropy.table.QTable`
            The rows to mark, with ``label``, ``peak`` and the ``bbox`` columns.
        """
        if labels is not self._labels:  # other segments: the selected label would mean another
            self._markers.selected = None
        self._labels = labels
        self._markers.set_table(table)
        self._redraw()

    def set_visible(self, layer, visible):
        """Show a layer or not; ``'segments'`` are the markers."""
        (self._hidden.discard if visible else self._hidden.add)(layer)
        self._markers.visible = 'segments' not in self._hidden
        self._paint()

    def set_opacity(self, opacity):
        """Set the opacity of the pixel layers, 0 to 1."""
        self._opacity = opacity
        self._paint()

    def select(self, label):
        """Draw a box around the segment ``label``; None takes it away."""
        self._markers.selected = label
        self._redraw()

    def label_at(self, x, y):
        """Return the label of the segment at or nearest around a place (0-based pixels), or None."""
        if self._labels is None:
            return None
        ny, nx = self._labels.shape
        column, row = round(x), round(y)
        if not (0 <= row < ny and 0 <= column < nx):
            return None
        return int(self._labels[row, column]) or self._markers.label_at(x, y)

    def pan_to(self, x, y):
        """Bring a place to the middle, and zoom in where a pixel would be smaller than four on the screen."""
        self._viewer.set_pan(float(x), float(y))
        if self._viewer.get_scale_min() < 4.0:
            self._viewer.scale_to(4.0, 4.0)

    def _zoomed(self):
        """Draw cosmic rays larger where they would vanish between the pixels of the screen."""
        if self._rgb is not None and _growth(self._viewer) != self._grown:
            self._paint()

    def _paint(self):
        """Make the pixels of all layers; the one RGBA array is kept and written over."""
        shapes = {mask.shape for mask in self._masks.values()}
        if not shapes:
            return
        self._grown = _growth(self._viewer)
        ny, nx = shapes.pop()
        fresh = self._rgb is None or self._rgb.get_data().shape[:2] != (ny, nx)
        if fresh:
            self._rgb = RGBImage(data_np=np.zeros((ny, nx, 4), dtype=np.uint8))
        data = self._rgb.get_data()
        data[:] = 0
        alpha = round(255 * self._opacity)
        for layer, color in self._colors.items():
            if layer in self._masks and layer not in self._hidden:
                rgba = (*bytes.fromhex(color.lstrip('#')), alpha)
                grow = self._grown if layer == 'cosmic rays' else 0
                _draw_pixels(data, np.flatnonzero(self._masks[layer]), rgba, grow)
        if fresh:
            types = get_canvas_types()
            image = types.Image(0, 0, self._rgb, interpolation='nearest')
            if self.canvas.has_tag('pixels'):
                self.canvas.delete_object_by_tag('pixels', redraw=False)
            self.canvas.add(image, tag='pixels', belowThis=self._markers, redraw=False)
        self._redraw()

    def _redraw(self):
        # an Image object appears only with a redraw from the start
        self._viewer.redraw(whence=0)


def _growth(viewer):
    """By how many pixels a hit is drawn larger, so that it covers a pixel of the screen."""
    scale = viewer.get_scale_min()
    return 0 if scale >= 1.0 or scale <= 0.0 else min(_GROWN, math.ceil(0.5 / scale))


def _draw_pixels(data, flat, rgba, grow):
    ny, nx = data.shape[:2]
    y, x = np.divmod(flat, nx)
    for dy in range(-grow, grow + 1):
        for dx in range(-grow, grow + 1):
            data[np.clip(y + dy, 0, ny - 1), np.clip(x + dx, 0, nx - 1)] = rgba


class _Markers(CanvasObjectBase):
    """Boxes around the segments in view, drawn as one canvas object."""

    def __init__(self, color):
        super().__init__(color=color, linewidth=1, linestyle='solid', alpha=1.0, fill=False)
        self.kind = 'segments'
        self.visible = True
        self.selected = None
        self.set_table(None)

    def set_table(self, table):
        """Take the boxes of the rows, the brightest first."""
        if table is None or len(table) == 0:
            self._labels = np.zeros(0, dtype=int)
            self._boxes = np.zeros((0, 4))
            return
        order = np.argsort(-np.nan_to_num(table['peak'].value), kind='stable')
        self._labels = np.asarray(table['label'])[order]
        names = ('bbox_xmin', 'bbox_ymin', 'bbox_xmax', 'bbox_ymax')
        self._boxes = np.stack([np.asarray(table[name].value, dtype=float)[order] for name in names], axis=1)

    def label_at(self, x, y):
        """Return the label of the smallest box around a place, or None."""
        x0, y0, x1, y1 = (self._boxes + (-2.5, -2.5, 2.5, 2.5)).T
        inside = np.flatnonzero((x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1))
        if inside.size == 0:
            return None
        size = ((x1 - x0) * (y1 - y0))[inside]
        return int(self._labels[inside[np.argmin(size)]])

    def get_llur(self):
        """Return the box around all of it, as canvas objects do."""
        if len(self._boxes) == 0:
            return (0.0, 0.0, 0.0, 0.0)
        low, high = self._boxes[:, :2].min(axis=0), self._boxes[:, 2:].max(axis=0)
        return (*low, *high)

    def draw(self, viewer):
        """Draw the brightest boxes in view, and the selected one always."""
        pen = viewer.renderer.setup_cr(self)
        if self.visible:
            line = pen.get_line(self.color, linewidth=self.linewidth)
            for box in self._boxes[self._in_view(viewer)[:MARKERS]]:
                pen.draw_polygon(self._corners(viewer, box), line=line)
        for box in self._boxes[self._labels == self.selected]:
            for color, width in (('black', 5), ('white', 2)):
                pen.draw_polygon(self._corners(viewer, box), line=pen.get_line(color, linewidth=width))

    def _in_view(self, viewer):
        (x0, y0), (x1, y1) = np.min(viewer.get_draw_rect(), axis=0), np.max(viewer.get_draw_rect(), axis=0)
        left, low, right, high = self._boxes.T
        return np.flatnonzero((right >= x0) & (left <= x1) & (high >= y0) & (low <= y1))

    def _corners(self, viewer, box):
        x0, y0, x1, y1 = box + (-2.5, -2.5, 2.5, 2.5)
        return self.get_cpoints(viewer, points=np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]), no_rotate=True)
