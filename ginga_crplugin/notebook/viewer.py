"""The room of the image in a notebook: what is drawn on a viewer, by whatever that viewer can draw."""

import numpy as np
from astropy.table import Table
from astropy.visualization import ZScaleInterval

from ginga_crplugin.panels.mask_overlay import COLORS, MaskOverlay, found_again
from ginga_crplugin.panels.segment_markers import REJECTED

__all__ = ['CatalogOverlay', 'View']

#: At most this many segments get a marker in a viewer that has nothing but markers, the brightest.
MARKERS = 1000

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

    def set_segments(self, segments, verdicts=None):
        """Mark the listed segments; the selected one stays selected where it is found again."""
        if self._segments is not None and self.selected is not None:
            self.selected = found_again(self._segments, self.selected, segments)
        self._segments = segments
        self.set_verdicts(segments, verdicts)

    def set_verdicts(self, _segments, verdicts):
        """Mark those that were rejected in grey."""
        self._rejected = () if verdicts is None else verdicts.rejected_labels
        self._draw()

    def set_visible(self, layer, visible):
        """Show the markers of a layer or not; ``'segments'`` are all of them."""
        (self._hidden.discard if visible else self._hidden.add)(layer)
        self._draw()

    def set_color(self, layer, color):
        """Draw the markers of a layer in another colour."""
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
        table = table[np.argsort(-np.nan_to_num(table['peak'].value), kind='stable')[:MARKERS]]
        rejected = np.isin(table['label'], self._rejected)
        kept = table[~rejected] if 'cosmic rays' not in self._hidden else None
        self._load('cosmic rays', kept, {'shape': 'circle', 'color': self._colors['cosmic rays'], 'size': 12})
        self._load('rejected', table[rejected], {'shape': 'circle', 'color': REJECTED, 'size': 12})
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


class View:
    """The image in a viewer, and what is drawn over it.

    Parameters
    ----------
    viewer : `~astro_image_display_api.ImageViewerInterface` or None
        By default a new `astrowidgets.ginga.ImageWidget`, whose cuts are set to the image.
    image_label : str, optional
        Which of its images is meant.

    Attributes
    ----------
    taken : bool
        Whether the image at hand was taken from the viewer, so that it displays it already.
    """

    def __init__(self, viewer=None, image_label=None):
        self._own = viewer is None
        self.viewer = viewer = _new_viewer() if viewer is None else viewer
        self.taken = False
        self._label = image_label
        self._original = None
        ginga = getattr(viewer, 'viewer', None)
        self.has_pixels = hasattr(ginga, 'get_canvas')
        self.overlay = MaskOverlay(ginga) if self.has_pixels else CatalogOverlay(viewer, image_label)
        self.note = '' if self.has_pixels else CatalogOverlay.note
        self.overlay.show()

    def listen(self, clicked, pressed):
        """Have ``clicked(x, y)`` and ``pressed(key)`` called, where the viewer tells of it; they return what they took.

        Where it does not, nothing happens.
        """
        if not self.has_pixels:
            return
        canvas = self.overlay.canvas
        canvas.add_callback('cursor-down', lambda _canvas, _event, x, y, *_: clicked(x, y))
        canvas.add_callback('key-down-none', lambda _canvas, event, *_: pressed(event.key))
        canvas.ui_set_active(True, viewer=self.viewer.viewer)  # noqa: FBT003

    @property
    def _shown_label(self):
        labels = self.viewer.image_labels
        return labels[0] if self._label is None and len(labels) == 1 else self._label

    def load(self, ccd):
        """Display an image."""
        self._original = None
        self.viewer.load_image(ccd, image_label=self._label)
        if self._own:
            self.viewer.set_cuts(ZScaleInterval())

    def show_instead(self, ccd):
        """Display an image in place of the one on display; the view stays."""
        label = self._shown_label
        if label not in self.viewer.image_labels:  # it is not known to the API
            return
        if self._original is None:
            self._original = self.viewer.get_image(image_label=label)
        self._show(ccd, label)

    def show_original(self):
        """Display the image again that another was displayed in place of, if there was one."""
        if self._original is not None:
            original, self._original = self._original, None
            self._show(original, self._shown_label)

    def _show(self, ccd, label):
        before = self.viewer.get_viewport(sky_or_pixel='pixel', image_label=label)
        self.viewer.load_image(ccd, image_label=label)
        center = tuple(float(value) for value in before['center'])
        self.viewer.set_viewport(center=center, fov=float(before['fov']), image_label=label)

    def close(self):
        """Leave nothing behind on the viewer."""
        self.show_original()
        self.overlay.clear()
        self.overlay.hide()


def _new_viewer():
    from astrowidgets.ginga import ImageWidget

    viewer = ImageWidget(image_width=560, image_height=560)
    viewer.layout.flex = '0 0 auto'
    return viewer
