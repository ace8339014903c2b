"""The room of the image in a notebook: what is drawn on a viewer, by whatever that viewer can draw."""

from astropy.visualization import ZScaleInterval

from ginga_crplugin.panels.mask_overlay import MaskOverlay

from .catalog_overlay import CatalogOverlay

__all__ = ['ViewerAdapter']


class ViewerAdapter:
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
        if self.has_pixels:
            self.canvas.ui_set_active(True, viewer=ginga)  # noqa: FBT003

    @property
    def canvas(self):
        """The canvas that receives the mouse and the keys; None where the viewer has none."""
        return self.overlay.canvas if self.has_pixels else None

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
