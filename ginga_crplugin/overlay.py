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
_COARSEST = 64


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
        self._shape = None
        self._pixels = {}
        self._hidden = set()
        self._segments = None
        self._picture = _Picture()
        types = get_canvas_types()
        self.canvas = types.DrawingCanvas()
        self.canvas.set_surface(viewer)
        self.canvas.register_for_cursor_drawing(viewer)
        self._markers = _Markers(self._colors['cosmic rays'])
        self.canvas.add(self._markers, tag='markers', redraw=False)

    @property
    def _scale(self):
        return self._viewer.get_settings().get_setting('scale')

    @property
    def shown(self):
        """Whether the overlay is on the viewer's canvas."""
        return self.canvas in self._viewer.get_canvas()

    def show(self):
        """Put the overlay on the viewer's canvas."""
        if not self.shown:
            self._viewer.get_canvas().add(self.canvas, tag=_TAG, redraw=False)
            self._scale.add_callback('set', self._zoomed)
        self._redraw()

    def hide(self):
        """Take the overlay off the viewer's canvas."""
        if self.shown:
            self._viewer.get_canvas().delete_object(self.canvas, redraw=False)
            self._scale.remove_callback('set', self._zoomed)
        self._redraw()

    def clear(self):
        """Forget all pixels and segments."""
        self._pixels.clear()
        self._segments = None
        self._markers.set_table(None)
        self._markers.selected = None
        self._drop_picture()
        self._redraw()

    def set_pixels(self, layer, pixels, shape):
        """Draw pixels in a layer; only those that changed are drawn anew.

        Parameters
        ----------
        layer : str
            One of the layers given with the colours.
        pixels : (n,) int ndarray
            Their flat indices, rising.
        shape : tuple of int
            (ny, nx) of the image.
        """
        if shape != self._shape:
            self._pixels.clear()
            self._drop_picture()
            self._shape = shape
        self._pixels[layer] = pixels
        if self._picture.image is None:
            self._paint()
        else:
            self._picture.change(layer, pixels, self._rgba())
            self._redraw()

    def set_mask(self, layer, mask):
        """Draw the pixels of a (ny, nx) bool mask in a layer."""
        self.set_pixels(layer, np.flatnonzero(mask), mask.shape)

    def set_segments(self, segments):
        """Draw the pixels of segments (`Segments`) as cosmic rays, and mark those that are listed.

        The selected segment stays selected where it is found again.
        """
        if self._segments is not None and self._markers.selected is not None:
            self._markers.selected = _found_again(self._segments, self._markers.selected, segments)
        self._segments = segments
        self._markers.set_table(segments.listed)
        self.set_pixels('cosmic rays', segments.pixels, segments.shape)

    def set_visible(self, layer, visible):
        """Show a layer or not; ``'segments'`` are the markers."""
        (self._hidden.discard if visible else self._hidden.add)(layer)
        self._markers.visible = 'segments' not in self._hidden
        self._paint()

    def set_color(self, layer, color):
        """Draw a layer in another colour, a hex string such as ``'#0072b2'``."""
        self._colors[layer] = color
        self._markers.color = self._colors['cosmic rays']
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
        if self._segments is None:
            return None
        return self._segments.label_at(round(x), round(y)) or self._markers.label_at(x, y)

    def pan_to(self, x, y):
        """Bring a place to the middle, and zoom in where a pixel would be smaller than four on the screen."""
        self._viewer.set_pan(float(x), float(y))
        if self._viewer.get_scale_min() < 4.0:
            self._viewer.scale_to(4.0, 4.0)

    def _zoomed(self, *_):
        """Draw coarser pixels where single ones would vanish between those of the screen."""
        if self._picture.image is not None and _coarseness(self._viewer) != self._picture.step:
            self._paint()

    def _rgba(self):
        """Return the colours of the visible layers, the later above the earlier."""
        alpha = round(255 * self._opacity)
        layers = [layer for layer in self._colors if layer in self._pixels and layer not in self._hidden]
        return {layer: (*bytes.fromhex(self._colors[layer].lstrip('#')), alpha) for layer in layers}

    def _paint(self):
        """Make the picture of all layers anew."""
        if not self._pixels:
            return
        self._drop_picture()
        step = _coarseness(self._viewer)
        rgb = self._picture.make(self._shape, step, self._pixels, self._rgba())
        image = get_canvas_types().Image(0, 0, rgb, scale_x=step, scale_y=step, interpolation='nearest')
        self.canvas.add(image, tag='pixels', belowThis=self._markers, redraw=False)
        self._redraw()

    def _drop_picture(self):
        self._picture = _Picture()
        if self.canvas.has_tag('pixels'):
            self.canvas.delete_object_by_tag('pixels', redraw=False)

    def _redraw(self):
        # an Image object appears only with a redraw from the start
        self._viewer.redraw(whence=0)


def _coarseness(viewer):
    """How many pixels of the image a drawn one must stand for, along each axis, to cover one of the screen."""
    scale = viewer.get_scale_min()
    return 1 if scale >= 1.0 or scale <= 0.0 else min(_COARSEST, math.ceil(1.0 / scale))


def _found_again(old, label, new):
    """Return the label that a segment has among others, or None."""
    pixels = old.pixels[old.pixel_labels == label]
    labels = new.pixel_labels[np.isin(new.pixels, pixels)]
    return int(labels[0]) if len(labels) else None


class _Picture:
    """The pixels of all layers in one RGBA image, coarse where the viewer is zoomed out."""

    def __init__(self):
        self.image = None
        self.step = 1
        self._cells = {}

    def make(self, shape, step, layers, colors):
        """Make the image: a drawn pixel has a colour if one of those it stands for has.

        Parameters
        ----------
        shape : tuple of int
            (ny, nx) of the frame.
        step : int
            How many pixels of the frame a drawn one stands for, along each axis.
        layers : dict
            The flat indices of the pixels of each layer.
        colors : dict
            The RGBA of each visible layer, the later above the earlier.
        """
        self.step, self._nx = step, shape[1]
        self.image = RGBImage(data_np=np.zeros((*(-(-n // step) for n in shape), 4), dtype=np.uint8))
        self._cells = {layer: self._cells_of(pixels) for layer, pixels in layers.items()}
        self._color(np.concatenate(list(self._cells.values())), colors)
        return self.image

    def change(self, layer, pixels, colors):
        """Write over the drawn pixels that changed in a layer."""
        old, new = self._cells.get(layer, np.zeros(0, dtype=np.int64)), self._cells_of(pixels)
        self._cells[layer] = new
        self._color(np.setxor1d(old, new, assume_unique=True), colors)

    def _cells_of(self, pixels):
        if self.step == 1:
            return pixels
        y, x = np.divmod(pixels, self._nx)
        return np.unique(y // self.step * self.image.width + x // self.step)

    def _color(self, cells, colors):
        values = np.zeros((len(cells), 4), dtype=np.uint8)
        for layer, color in colors.items():
            values[np.isin(cells, self._cells[layer], assume_unique=False)] = color
        self.image.get_data().reshape(-1, 4)[cells] = values


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
            for corners in self._corners(viewer, self._in_view(viewer)[:MARKERS]):
                pen.draw_polygon(corners, line=line)
        for corners in self._corners(viewer, np.flatnonzero(self._labels == self.selected)):
            for color, width in (('black', 5), ('white', 2)):
                pen.draw_polygon(corners, line=pen.get_line(color, linewidth=width))

    def _in_view(self, viewer):
        (x0, y0), (x1, y1) = np.min(viewer.get_draw_rect(), axis=0), np.max(viewer.get_draw_rect(), axis=0)
        left, low, right, high = self._boxes.T
        return np.flatnonzero((right >= x0) & (left <= x1) & (high >= y0) & (low <= y1))

    def _corners(self, viewer, chosen):
        """Return the corners of the chosen boxes on the screen, (n, 4, 2)."""
        x0, y0, x1, y1 = (self._boxes[chosen] + (-2.5, -2.5, 2.5, 2.5)).T
        corners = np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=1).reshape(-1, 2)
        return np.asarray(self.get_cpoints(viewer, points=corners)).reshape(-1, 4, 2) if len(corners) else ()
