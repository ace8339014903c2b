"""The room of the canvas: masks, segments and the selected segment drawn over an image in any Ginga viewer."""

import math

import numpy as np
from ginga.canvas.CanvasObject import get_canvas_types

from .layer_image import LayerImage
from .segment_markers import SegmentMarkers

__all__ = ['COLORS', 'MaskOverlay']

#: Colors that the color-blind can tell apart (Okabe & Ito 2008, "Color Universal Design").
COLORS = {'input': '#0072B2', 'cosmic rays': '#D55E00', 'by hand': '#F0E442'}

#: Colors of a comparison: what both results have, and what the other has alone. Okabe & Ito's darker green and purple
#: come too near each other and the blue (tests/panels/test_colors.py).
COMPARISON_COLORS = {'in both': '#79EC8C', 'only there': '#FA9EEC'}

_TAG = 'ginga_crplugin'
_COARSEST = 64
_SMALL, _LARGE = 20.0, 60.0


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
        Color of each layer, the later drawn above the earlier.
    """

    def __init__(self, viewer, opacity=0.6, colors=None):
        self._viewer = viewer
        self._colors = (COLORS if colors is None else colors) | COMPARISON_COLORS
        self._opacity = opacity
        self._shape = None
        self._pixels = {}
        self._hidden = set()
        self._segments = None
        self._views = []
        self._picture = LayerImage()
        types = get_canvas_types()
        self.canvas = types.DrawingCanvas()
        self.canvas.set_surface(viewer)
        self.canvas.register_for_cursor_drawing(viewer)
        self._markers = SegmentMarkers(self._colors['cosmic rays'])
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

    def set_layers(self, layers, shape):
        """Draw the pixels of layers; only those that changed are drawn anew.

        Parameters
        ----------
        layers : dict of (n,) int ndarray
            The flat indices of the pixels, ascending, for one or some of the layers given with the colors.
        shape : tuple of int
            (ny, nx) of the image.
        """
        if shape != self._shape:
            self._pixels.clear()
            self._drop_picture()
            self._shape = shape
        self._pixels |= layers
        if self._picture.image is None:
            self._paint()
            return
        for layer, pixels in layers.items():
            self._picture.change(layer, pixels, self._rgba())
        self._redraw()

    def set_mask(self, layer, mask):
        """Draw the pixels of a (ny, nx) bool mask in a layer."""
        self.set_layers({layer: np.flatnonzero(mask)}, mask.shape)

    def set_segments(self, segments, decisions=None, selected=None):
        """Draw the pixels of segments as cosmic rays, and mark those that are listed.

        Parameters
        ----------
        segments : Segments
        decisions : Decisions, optional
            What was said of them: rejected segments get a gray marker, and what is in by hand another color.
        selected : int, optional
            The label of the selected segment.
        """
        self._segments = segments
        self._markers.selected = selected
        self._markers.set_table(segments.listed)
        self.set_decisions(segments, decisions)

    def set_decisions(self, segments, decisions):
        """Draw what was said of the segments (`Decisions`); None is nothing."""
        layers = {'cosmic rays': segments.pixels, 'by hand': np.zeros(0, dtype=np.int64)}
        rejected = ()
        if decisions is not None:
            detected = np.setdiff1d(decisions.pixels, decisions.marked, assume_unique=True)
            layers = {'cosmic rays': detected, 'by hand': decisions.marked}
            rejected = decisions.rejected_labels
        self._markers.set_rejected(rejected)
        nothing = (
            dict.fromkeys(COMPARISON_COLORS, np.zeros(0, dtype=np.int64))
            if COMPARISON_COLORS.keys() & self._pixels.keys()
            else {}
        )
        self.set_layers(layers | nothing, segments.shape)

    def set_comparison(self, comparison, shape):
        """Draw a `Comparison` instead of the segments; `set_decisions` ends it."""
        layers = {'in both': comparison.both, 'cosmic rays': comparison.here, 'only there': comparison.there}
        self.set_layers(layers | {'by hand': np.zeros(0, dtype=np.int64)}, shape)

    def set_visible(self, layer, visible):
        """Show a layer or not; ``'segments'`` are the markers."""
        (self._hidden.discard if visible else self._hidden.add)(layer)
        self._markers.visible = 'segments' not in self._hidden
        self._paint()

    def set_color(self, layer, color):
        """Draw a layer in another color, a hex string such as ``'#0072b2'``."""
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

    @property
    def selected(self):
        """The label of the selected segment, or None."""
        return self._markers.selected

    def label_at(self, x, y):
        """Return the label of the segment at or nearest around a place (0-based pixels), or None."""
        if self._segments is None:
            return None
        return self._segments.label_at(round(x), round(y)) or self._markers.label_at(x, y)

    def pan_to(self, x, y, size=3.0):
        """Bring a place to the middle, and zoom in where something of ``size`` pixels would look too small."""
        self._views.append((self._viewer.get_pan(), self._viewer.get_scale_xy()))
        self._viewer.set_pan(float(x), float(y))
        if self._viewer.get_scale_min() * size < _SMALL:
            scale = min(8.0, _LARGE / size)
            self._viewer.scale_to(scale, scale)

    def pan_back(self):
        """Go back to the view before the last `pan_to`, if there is one."""
        if self._views:
            pan, scale = self._views.pop()
            self._viewer.scale_to(*scale)
            self._viewer.set_pan(*pan)

    def _zoomed(self, *_):
        """Draw coarser pixels where single ones would vanish between those of the screen."""
        if self._picture.image is not None and _coarseness(self._viewer) != self._picture.step:
            self._paint()

    def _rgba(self):
        """Return the colors of the visible layers, the later above the earlier."""
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
        image = get_canvas_types().Image(0, 0, rgb, interpolation='nearest')
        self.canvas.add(image, tag='pixels', belowThis=self._markers, redraw=False)
        self._redraw()

    def _drop_picture(self):
        self._picture = LayerImage()
        if self.canvas.has_tag('pixels'):
            self.canvas.delete_object_by_tag('pixels', redraw=False)

    def _redraw(self):
        # an Image object appears only with a redraw from the start
        self._viewer.redraw(whence=0)


def _coarseness(viewer):
    """How many pixels of the image a drawn one must stand for, along each axis, to cover one of the screen."""
    scale = viewer.get_scale_min()
    return 1 if scale >= 1.0 or scale <= 0.0 else min(_COARSEST, math.ceil(1.0 / scale))
