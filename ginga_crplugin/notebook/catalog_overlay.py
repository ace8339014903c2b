"""Segment markers on viewers without a canvas."""

import numpy as np
from astropy.table import Table

from ginga_crplugin.panels.mask_overlay import COLORS
from ginga_crplugin.panels.segment_markers import REJECTED_COLOR

__all__ = ['CatalogOverlay']


#: At most this many segments get a marker in a viewer that has nothing but markers, the brightest.
MAX_MARKERS = 1000


#: In a viewer that has nothing but markers: the names of its catalogs, which shall not be those of the user's own.
CATALOGS = {name: f'CosmicRayPanel: {name}' for name in ('cosmic rays', 'rejected', 'selected')}


#: In a viewer that has nothing but markers: what is seen around a segment of so many pixels, in pixels.
_NEAR = 64.0


class CatalogOverlay:
    """Markers of segments in any viewer of the astro-image-display-api, by its catalogs.

    It has the methods of `MaskOverlay`; those that draw pixels do nothing, for that API has no pixels to draw.

    Parameters
    ----------
    viewer : `~astro_image_display_api.ImageViewerInterface`
    image_label : str, optional
        Which of its images is meant.
    """

    #: What the user should know about it.
    note = 'This viewer shows segments as markers; the layer of the pixels needs astrowidgets.ginga.ImageWidget.'

    def __init__(self, viewer, image_label=None):
        self._viewer = viewer
        self._image = {} if image_label is None else {'image_label': image_label}
        self._colors = dict(COLORS)
        self._hidden = set()
        self._segments = None
        self._rejected = ()
        self._views = []
        self.selected = None

    def show(self):
        """Draw the markers."""
        self._draw()

    def hide(self):
        """Take the markers off the viewer."""
        for label in CATALOGS:
            self._load(label, None, None)

    def clear(self):
        """Forget the segments."""
        self._segments, self._rejected, self.selected = None, (), None
        self._draw()

    def set_mask(self, layer, mask):
        """Do nothing."""

    def set_layers(self, layers, shape):
        """Do nothing."""

    def set_comparison(self, comparison, shape):
        """Do nothing."""

    def set_opacity(self, opacity):
        """Do nothing."""

    def set_segments(self, segments, decisions=None, selected=None):
        """Mark the listed segments and the selected one."""
        self._segments, self.selected = segments, selected
        self.set_decisions(segments, decisions)

    def set_decisions(self, _segments, decisions):
        """Mark those that were rejected in gray."""
        self._rejected = () if decisions is None else decisions.rejected_labels
        self._draw()

    def set_visible(self, layer, visible):
        """Show the markers of a layer or not; ``'segments'`` are all of them."""
        (self._hidden.discard if visible else self._hidden.add)(layer)
        self._draw()

    def set_color(self, layer, color):
        """Draw the markers of a layer in another color."""
        self._colors[layer] = color
        self._draw()

    def select(self, label):
        """Put a square around the segment ``label``; None takes it away."""
        self.selected = label
        self._draw_selected()

    def label_at(self, _x, _y):
        """Return None: clicks of the user are not told by that API."""

    def pan_to(self, x, y, size=3.0):
        """Bring a place to the middle, and zoom in where something of ``size`` pixels would look too small."""
        view = self._viewer.get_viewport(sky_or_pixel='pixel', **self._image)
        fov = float(view['fov'])
        self._views.append((tuple(float(value) for value in view['center']), fov))
        near = max(_NEAR, 4.0 * size)
        self._viewer.set_viewport(center=(float(x), float(y)), fov=near if fov > 2.0 * near else fov, **self._image)

    def pan_back(self):
        """Go back to the view before the last `pan_to`, if there is one."""
        if self._views:
            center, fov = self._views.pop()
            self._viewer.set_viewport(center=center, fov=fov, **self._image)

    def _draw(self):
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

    def _draw_selected(self):
        table = None
        if self._segments is not None and self.selected is not None:
            table = self._segments.table[self.selected - 1 : self.selected]
        self._load('selected', table, {'shape': 'square', 'color': 'white', 'size': 20})

    def _load(self, label, table, style):
        """Show a catalog, or take it away where it has no rows."""
        label = CATALOGS[label]
        if table is not None and len(table):
            places = Table({'x': table['x_centroid'].value, 'y': table['y_centroid'].value})
            self._viewer.load_catalog(places, catalog_label=label, catalog_style=style)
        elif label in self._viewer.catalog_labels:
            self._viewer.remove_catalog(catalog_label=label)
