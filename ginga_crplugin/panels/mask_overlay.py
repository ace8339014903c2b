"""Overlay of masks and segments on an image in Ginga."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ginga.canvas.CanvasObject import get_canvas_types

from ginga_crplugin.core.decisions import Decisions
from ginga_crplugin.core.segments import Segments
from ginga_crplugin.session.comparing import Comparison

from .layer_image import PixelLayers
from .segment_markers import SegmentMarkers

__all__ = ['COLORS', 'COMPARISON_COLORS', 'MaskOverlay']

#: Colors of the layers, distinct with color vision deficiency (Okabe & Ito 2008, "Color Universal Design").
COLORS = {'input': '#0072B2', 'cosmic rays': '#D55E00', 'by hand': '#F0E442'}

#: Colors of a comparison: pixels of both results, and pixels of the other result only. Okabe & Ito's darker green and
#: purple are too similar to each other and to the blue (tests/panels/test_colors.py).
COMPARISON_COLORS = {'in both': '#79EC8C', 'only there': '#FA9EEC'}

_TAG = 'ginga_crplugin'
#: Size of a segment on the screen: `MaskOverlay.pan_to` zooms in below the first, to the second (screen pixels).
_SMALL, _LARGE = 20.0, 60.0


class MaskOverlay:
    """Layers of flagged pixels and markers of segments over the image of a Ginga viewer.

    The overlay has its own canvas; the image is never changed.

    Parameters
    ----------
    viewer : `ginga.ImageView.ImageViewBase`
        The viewer to draw on.
    opacity : float, optional
        Opacity of the pixel layers, 0 to 1.
    colors : dict of str, optional
        The color of each layer; later layers are drawn over earlier ones.

    Attributes
    ----------
    canvas : `ginga.canvas.types.layer.DrawingCanvas`
        The canvas of the overlay.
    layers : PixelLayers
        The pixel layers.
    markers : SegmentMarkers
        The segment markers.
    """

    def __init__(self, viewer: Any, opacity: float = 0.6, colors: Mapping[str, str] | None = None) -> None:
        self._viewer = viewer
        self._segments: Segments | None = None
        self._views: list[tuple[Any, Any]] = []
        self.canvas = get_canvas_types().DrawingCanvas()
        self.canvas.set_surface(viewer)
        self.canvas.register_for_cursor_drawing(viewer)
        all_colors = dict(COLORS if colors is None else colors) | COMPARISON_COLORS
        self.markers = SegmentMarkers(all_colors['cosmic rays'])
        self.layers = PixelLayers(all_colors, opacity)
        self.canvas.add(self.layers, tag='pixels', redraw=False)
        self.canvas.add(self.markers, tag='markers', redraw=False)

    @property
    def shown(self) -> bool:
        """Whether the overlay is on the viewer's canvas."""
        return self.canvas in self._viewer.get_canvas()

    def show(self) -> None:
        """Add the overlay to the viewer's canvas."""
        if not self.shown:
            self._viewer.get_canvas().add(self.canvas, tag=_TAG, redraw=False)
        self._viewer.redraw(whence=0)

    def hide(self) -> None:
        """Remove the overlay from the viewer's canvas."""
        if self.shown:
            self._viewer.get_canvas().delete_object(self.canvas, redraw=False)
        self._viewer.redraw(whence=0)

    def clear(self) -> None:
        """Remove all pixels and segments."""
        self._segments = None
        self.markers.set_table(None)
        self.markers.selected = None
        self.layers.clear()
        self._redraw()

    def set_layers(self, layers: Mapping[str, np.ndarray], shape: tuple[int, int]) -> None:
        """Set the pixels of some layers.

        Parameters
        ----------
        layers : dict of (n,) int ndarray
            The flat indices of the pixels of each layer, in ascending order.
        shape : tuple of int
            (ny, nx) of the image.
        """
        self.layers.set(layers, shape)
        self._redraw()

    def set_mask(self, layer: str, mask: np.ndarray) -> None:
        """Set the pixels of a layer from a mask.

        Parameters
        ----------
        layer : str
            The layer.
        mask : (ny, nx) bool ndarray
            True where a pixel is in the layer.
        """
        self.set_layers({layer: np.flatnonzero(mask)}, mask.shape)

    def set_segments(self, segments: Segments, decisions: Decisions | None = None, selected: int | None = None) -> None:
        """Draw the pixels of segments as cosmic rays, and mark the listed segments.

        Parameters
        ----------
        segments : Segments
            The segments.
        decisions : Decisions, optional
            The review decisions.
        selected : int, optional
            The label of the selected segment.
        """
        self._segments = segments
        self.markers.selected = selected
        self.markers.set_table(segments.listed)
        self.set_decisions(segments, decisions)

    def set_decisions(self, segments: Segments, decisions: Decisions | None) -> None:
        """Draw the review decisions: rejected segments have gray markers, pixels marked by hand a layer of their own.

        Parameters
        ----------
        segments : Segments
            The segments.
        decisions : Decisions or None
            The review decisions; None if there are none.
        """
        no_pixels = np.zeros(0, dtype=np.int64)
        layers = {'cosmic rays': segments.pixels, 'by hand': no_pixels}
        rejected: Any = ()
        if decisions is not None:
            detected = np.setdiff1d(decisions.pixels, decisions.marked, assume_unique=True)
            layers = {'cosmic rays': detected, 'by hand': decisions.marked}
            rejected = decisions.rejected_labels
        self.markers.set_rejected(rejected)
        if COMPARISON_COLORS.keys() & self.layers.pixels.keys():
            layers |= dict.fromkeys(COMPARISON_COLORS, no_pixels)
        self.set_layers(layers, segments.shape)

    def set_comparison(self, comparison: Comparison, shape: tuple[int, int]) -> None:
        """Draw a comparison of two results instead of the segments; `set_decisions` ends it.

        Parameters
        ----------
        comparison : Comparison
            The comparison.
        shape : tuple of int
            (ny, nx) of the image.
        """
        layers = {'in both': comparison.both, 'cosmic rays': comparison.here, 'only there': comparison.there}
        self.set_layers(layers | {'by hand': np.zeros(0, dtype=np.int64)}, shape)

    def set_visible(self, layer: str, *, visible: bool) -> None:
        """Show or hide a layer.

        Parameters
        ----------
        layer : str
            The layer; ``'segments'`` for the markers.
        visible : bool
            Whether it is shown.
        """
        if layer == 'segments':
            self.markers.visible = visible
        else:
            self.layers.set_visible(layer, visible=visible)
        self._redraw()

    def set_color(self, layer: str, color: str) -> None:
        """Set the color of a layer.

        Parameters
        ----------
        layer : str
            The layer.
        color : str
            The color, such as ``'#0072b2'``.
        """
        self.layers.set_color(layer, color)
        if layer == 'cosmic rays':
            self.markers.color = color
        self._redraw()

    def set_opacity(self, opacity: float) -> None:
        """Set the opacity of the pixel layers.

        Parameters
        ----------
        opacity : float
            Opacity, 0 to 1.
        """
        self.layers.set_opacity(opacity)
        self._redraw()

    def select(self, label: int | None) -> None:
        """Draw a box around the selected segment.

        Parameters
        ----------
        label : int or None
            The label of the segment; None for no selection.
        """
        self.markers.selected = label
        self._viewer.redraw(whence=3)

    def label_at(self, x: float, y: float) -> int | None:
        """Return the label of the segment at a position, or of the marker around it.

        Parameters
        ----------
        x, y : float
            The position, 0-based pixels.

        Returns
        -------
        int or None
            The label; None if there is no segment.
        """
        if self._segments is None:
            return None
        return self._segments.label_at(round(x), round(y)) or self.markers.label_at(x, y)

    def pan_to(self, x: float, y: float, size: float = 3.0) -> None:
        """Center the view on a position; zoom in if a segment would be too small on the screen.

        Parameters
        ----------
        x, y : float
            The position, 0-based pixels.
        size : float, optional
            Size of the segment there, in pixels.
        """
        self._views.append((self._viewer.get_pan(), self._viewer.get_scale_xy()))
        self._viewer.set_pan(float(x), float(y))
        if self._viewer.get_scale_min() * size < _SMALL:
            scale = min(8.0, _LARGE / size)
            self._viewer.scale_to(scale, scale)

    def pan_back(self) -> None:
        """Restore the view before the last `pan_to`, if there is one."""
        if self._views:
            pan, scale = self._views.pop()
            self._viewer.scale_to(*scale)
            self._viewer.set_pan(*pan)

    def _redraw(self) -> None:
        self._viewer.redraw(whence=self.layers.update(self._viewer) if self.shown else 3)
