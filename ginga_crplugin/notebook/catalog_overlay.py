"""Segment markers on viewers without a canvas."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.table import QTable, Table

from ginga_crplugin.core.decisions import Decisions
from ginga_crplugin.core.segments import Segments
from ginga_crplugin.panels.mask_overlay import COLORS
from ginga_crplugin.panels.segment_markers import REJECTED_COLOR
from ginga_crplugin.session.comparing import Comparison

__all__ = ['CATALOGS', 'MAX_MARKERS', 'CatalogOverlay']


#: Maximum number of markers drawn: those of the brightest segments.
MAX_MARKERS = 1000

#: Labels of the catalogs in the viewer, distinct from those of the user.
CATALOGS = {name: f'CosmicRayPanel: {name}' for name in ('cosmic rays', 'rejected', 'selected')}

#: Smallest field of view when panning to a segment, in pixels.
_MIN_FOV = 64.0


class CatalogOverlay:
    """Segment markers as catalogs of a viewer with the astro-image-display-api.

    It has the methods of `MaskOverlay`. Those that draw pixels do nothing, since the API can't draw pixels.

    Parameters
    ----------
    viewer : `~astro_image_display_api.ImageViewerInterface`
        The viewer.
    image_label : str, optional
        The label of the image in the viewer.

    Attributes
    ----------
    selected : int or None
        The label of the selected segment.
    """

    #: The limitation of this overlay, for the user.
    note = 'This viewer shows segments as markers; the pixel layers need astrowidgets.ginga.ImageWidget.'

    def __init__(self, viewer: Any, image_label: str | None = None) -> None:
        self._viewer = viewer
        self._image = {} if image_label is None else {'image_label': image_label}
        self._colors = dict(COLORS)
        self._hidden: set[str] = set()
        self._segments: Segments | None = None
        self._rejected: Any = ()
        self._views: list[tuple[tuple[float, ...], float]] = []
        self.selected: int | None = None

    def show(self) -> None:
        """Show the markers."""
        self._draw()

    def hide(self) -> None:
        """Remove the markers from the viewer."""
        for label in CATALOGS:
            self._load(label, None, {})

    def clear(self) -> None:
        """Remove all segments."""
        self._segments, self._rejected, self.selected = None, (), None
        self._draw()

    def set_mask(self, layer: str, mask: np.ndarray) -> None:
        """Do nothing: pixels can't be shown.

        Parameters
        ----------
        layer : str
            Ignored.
        mask : (ny, nx) bool ndarray
            Ignored.
        """

    def set_layers(self, layers: Mapping[str, np.ndarray], shape: tuple[int, int]) -> None:
        """Do nothing: pixels can't be shown.

        Parameters
        ----------
        layers : dict of (n,) int ndarray
            Ignored.
        shape : tuple of int
            Ignored.
        """

    def set_comparison(self, comparison: Comparison, shape: tuple[int, int]) -> None:
        """Do nothing: pixels can't be shown.

        Parameters
        ----------
        comparison : Comparison
            Ignored.
        shape : tuple of int
            Ignored.
        """

    def set_opacity(self, opacity: float) -> None:
        """Do nothing: pixels can't be shown.

        Parameters
        ----------
        opacity : float
            Ignored.
        """

    def set_segments(self, segments: Segments, decisions: Decisions | None = None, selected: int | None = None) -> None:
        """Mark the listed segments and the selected one.

        Parameters
        ----------
        segments : Segments
            The segments.
        decisions : Decisions, optional
            The review decisions.
        selected : int, optional
            The label of the selected segment.
        """
        self._segments, self.selected = segments, selected
        self.set_decisions(segments, decisions)

    def set_decisions(self, segments: Segments, decisions: Decisions | None) -> None:  # noqa: ARG002
        """Mark the rejected segments in gray.

        Parameters
        ----------
        segments : Segments
            Ignored: the segments of `set_segments` are marked.
        decisions : Decisions or None
            The review decisions.
        """
        self._rejected = () if decisions is None else decisions.rejected_labels
        self._draw()

    def set_visible(self, layer: str, *, visible: bool) -> None:
        """Show or hide the markers of a layer.

        Parameters
        ----------
        layer : str
            The layer; ``'segments'`` for all markers.
        visible : bool
            Whether the markers are shown.
        """
        (self._hidden.discard if visible else self._hidden.add)(layer)
        self._draw()

    def set_color(self, layer: str, color: str) -> None:
        """Set the color of the markers of a layer.

        Parameters
        ----------
        layer : str
            The layer.
        color : str
            The color, such as ``'#0072b2'``.
        """
        self._colors[layer] = color
        self._draw()

    def select(self, label: int | None) -> None:
        """Mark the selected segment with a square.

        Parameters
        ----------
        label : int or None
            The label of the segment; None for no selection.
        """
        self.selected = label
        self._draw_selected()

    def label_at(self, x: float, y: float) -> None:
        """Return None: the API has no mouse events.

        Parameters
        ----------
        x, y : float
            Ignored.
        """

    def pan_to(self, x: float, y: float, size: float = 3.0) -> None:
        """Center the view on a position; zoom in if the field of view is large.

        Parameters
        ----------
        x, y : float
            The position, 0-based pixels.
        size : float, optional
            Size of the segment there, in pixels.
        """
        view = self._viewer.get_viewport(sky_or_pixel='pixel', **self._image)
        fov = float(view['fov'])
        self._views.append((tuple(float(value) for value in view['center']), fov))
        near = max(_MIN_FOV, 4.0 * size)
        self._viewer.set_viewport(center=(float(x), float(y)), fov=near if fov > 2.0 * near else fov, **self._image)

    def pan_back(self) -> None:
        """Restore the view before the last `pan_to`, if there is one."""
        if self._views:
            center, fov = self._views.pop()
            self._viewer.set_viewport(center=center, fov=fov, **self._image)

    def _draw(self) -> None:
        if self._segments is None or 'segments' in self._hidden:
            self.hide()
            return
        table = self._segments.listed
        table = table[np.argsort(-np.nan_to_num(table['peak'].value), kind='stable')[:MAX_MARKERS]]
        rejected = np.isin(table['label'], self._rejected)
        kept = table[~rejected] if 'cosmic rays' not in self._hidden else None
        self._load('cosmic rays', kept, {'shape': 'circle', 'color': self._colors['cosmic rays'], 'size': 12})
        self._load('rejected', table[rejected], {'shape': 'circle', 'color': REJECTED_COLOR, 'size': 12})
        self._draw_selected()

    def _draw_selected(self) -> None:
        table = None
        if self._segments is not None and self.selected is not None:
            table = self._segments.table[self.selected - 1 : self.selected]
        self._load('selected', table, {'shape': 'square', 'color': 'white', 'size': 20})

    def _load(self, name: str, table: QTable | None, style: dict[str, Any]) -> None:
        """Show a catalog, or remove it if it has no rows."""
        label = CATALOGS[name]
        if table is not None and len(table):
            positions = Table({'x': table['x_centroid'].value, 'y': table['y_centroid'].value})
            self._viewer.load_catalog(positions, catalog_label=label, catalog_style=style)
        elif label in self._viewer.catalog_labels:
            self._viewer.remove_catalog(catalog_label=label)
