"""The images of a channel: the displayed one, its cleaned copy, and others that are open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ginga_crplugin.core.pixels import same_pixels
from ginga_crplugin.panels.ginga_image import frame_of_image

from .cleaned_image import CleanedImage

if TYPE_CHECKING:
    from .cosmic_rays import CosmicRays

__all__ = ['ChannelImages']


class ChannelImages:
    """The displayed image of the plugin's channel, opened in the session, and its cleaned copy.

    Parameters
    ----------
    plugin : CosmicRays
        The plugin, whose session, viewer, channel and panel are used.

    Attributes
    ----------
    cleaned : CleanedImage
        The cleaned frame.
    """

    def __init__(self, plugin: CosmicRays) -> None:
        self._plugin: Any = plugin
        self._session: Any = plugin.session
        self._unit: str | None = None
        self._opened: tuple[Any, ...] = (None, None)
        self.cleaned = CleanedImage(plugin)
        self.reset()
        self._session.events.recipe_changed.connect(self._recipe_changed)

    def reset(self) -> None:
        """Discard the images, when the channel is empty or the panel is closed."""
        self._image: Any = None
        self.cleaned.reset()

    def check(self, *_: Any) -> None:
        """Open the displayed image unless it is the open one, or its cleaned copy.

        Parameters
        ----------
        *_
            Arguments of Ginga's callbacks, ignored.
        """
        panel = self._plugin.panel
        if panel is None:
            return
        image = self._plugin.fitsimage.get_image()
        if image is None:
            self.reset()
            self._session.close()
        elif image is not self.cleaned.image and not self._is_open(image):
            self.reset()
            self._image, self._unit = image, None
            panel.unit.set_index(0)
            self._open()

    def _is_open(self, image):
        frame = self._session.frame
        if image is not self._image or frame is None:
            return image is self._image and frame is None and not self._session.error
        data = image.get_data()
        return data is not None and same_pixels(data, frame.ccd.data)

    def _open(self):
        image = self._image
        self._opened = reading = self._session.settings.reading(self._unit)
        self._session.open(lambda: frame_of_image(image, *reading))
        self._plugin.panel.show_frame(None, opening=True)

    def set_unit(self, unit: str | None) -> None:
        """Open the displayed image again with another unit than that of its header.

        Parameters
        ----------
        unit : str or None
            The unit; None for that of the header.
        """
        self._unit = unit
        if self._image is not None:
            self._open()

    def _recipe_changed(self):
        """Open the image again if the recipe gives it another unit or other bits of DQ."""
        if self._image is not None and self._session.settings.reading(self._unit) != self._opened:
            self._open()

    def show_cleaned(self) -> None:
        """Show the cleaned frame as a new image in the channel, as soon as it is made."""
        self.cleaned.show(f'{self._image.get("name")}_cleaned')

    def blink(self) -> None:
        """Show the cleaned frame instead of the original, or the original again."""
        if self._session.result is None:
            return
        if self.cleaned.shown:
            self._plugin.channel.switch_image(self._image)
        elif self.cleaned.current:
            self._plugin.channel.switch_image(self.cleaned.image)
        else:
            self.show_cleaned()

    def exposures(self) -> dict[str, np.ndarray]:
        """Return the other open images of the shape of the frame, without its cleaned copy.

        Returns
        -------
        dict of (ny, nx) ndarray
            The images by name.
        """
        frame = self._session.frame
        images = {} if frame is None else self.others(frame.shape)
        cleaned = None if self.cleaned.image is None else self.cleaned.image.get_data()
        return {name: image for name, image in images.items() if image is not cleaned}

    def others(self, shape: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return the other open images of a shape, of all channels.

        Parameters
        ----------
        shape : tuple of int
            (ny, nx) of the images.

        Returns
        -------
        dict of (ny, nx) ndarray
            The images by name.
        """
        fv, images = self._plugin.fv, {}
        for name in fv.get_channel_names():
            channel = fv.get_channel(name)
            for title in channel.get_image_names():
                if title not in channel.datasrc:  # not loaded at present
                    continue
                image = channel.datasrc[title]
                if image is not self._image and getattr(image.get_data(), 'shape', None) == shape:
                    images[title] = image.get_data()
        return images
