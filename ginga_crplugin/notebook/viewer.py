"""Adapter of the image viewer in a notebook."""

from typing import Any

from astropy.nddata import CCDData
from astropy.visualization import ZScaleInterval

from ginga_crplugin.panels.mask_overlay import MaskOverlay

from .catalog_overlay import CatalogOverlay

__all__ = ['ViewerAdapter']


class ViewerAdapter:
    """The image viewer of a panel and its overlay.

    Parameters
    ----------
    viewer : `~astro_image_display_api.ImageViewerInterface`, optional
        The viewer; by default a new `astrowidgets.ginga.ImageWidget`, with ZScale cuts for every image.
    image_label : str, optional
        The label of the image in the viewer.

    Attributes
    ----------
    viewer : `~astro_image_display_api.ImageViewerInterface`
        The viewer.
    overlay : MaskOverlay or CatalogOverlay
        The overlay: of pixels where the viewer has a Ginga canvas, or else of markers.
    has_pixels : bool
        Whether the overlay shows pixels.
    note : str
        A limitation of the viewer, for the user.
    from_viewer : bool
        Whether the open image was read from the viewer, which displays it already.
    """

    def __init__(self, viewer: Any = None, image_label: str | None = None) -> None:
        self._own = viewer is None
        self.viewer = viewer = _new_viewer() if viewer is None else viewer
        self.from_viewer = False
        self._label = image_label
        self._original: Any = None
        ginga = getattr(viewer, 'viewer', None)
        self.has_pixels = hasattr(ginga, 'get_canvas')
        self.overlay: Any = MaskOverlay(ginga) if self.has_pixels else CatalogOverlay(viewer, image_label)
        self.note = '' if self.has_pixels else CatalogOverlay.note
        self.overlay.show()
        if self.has_pixels:
            self.canvas.ui_set_active(True, viewer=ginga)  # noqa: FBT003

    @property
    def canvas(self) -> Any:
        """The Ginga canvas that receives mouse and key events; None if the viewer has none."""
        return self.overlay.canvas if self.has_pixels else None

    @property
    def _current_label(self) -> str | None:
        labels = self.viewer.image_labels
        return labels[0] if self._label is None and len(labels) == 1 else self._label

    def load(self, ccd: CCDData) -> None:
        """Display an image.

        Parameters
        ----------
        ccd : `~astropy.nddata.CCDData`
            The image.
        """
        self._original = None
        self.viewer.load_image(ccd, image_label=self._label)
        if self._own:
            self.viewer.set_cuts(ZScaleInterval())

    def show_instead(self, ccd: CCDData) -> None:
        """Display another image in place of the original, with the same pan and zoom.

        Parameters
        ----------
        ccd : `~astropy.nddata.CCDData`
            The image, of the same shape.
        """
        label = self._current_label
        if label not in self.viewer.image_labels:  # the image was not loaded through the API
            return
        if self._original is None:
            self._original = self.viewer.get_image(image_label=label)
        self._load_in_same_view(ccd, label)

    def show_original(self) -> None:
        """Display the original again, if another image is displayed in its place."""
        if self._original is not None:
            original, self._original = self._original, None
            self._load_in_same_view(original, self._current_label)

    def _load_in_same_view(self, ccd: Any, label: str | None) -> None:
        before = self.viewer.get_viewport(sky_or_pixel='pixel', image_label=label)
        self.viewer.load_image(ccd, image_label=label)
        center = tuple(float(value) for value in before['center'])
        self.viewer.set_viewport(center=center, fov=float(before['fov']), image_label=label)

    def close(self) -> None:
        """Display the original and remove the overlay."""
        self.show_original()
        self.overlay.clear()
        self.overlay.hide()


def _new_viewer() -> Any:
    from astrowidgets.ginga import ImageWidget

    viewer = ImageWidget(image_width=560, image_height=560)
    viewer.layout.flex = '0 0 auto'
    return viewer
