"""The cleaned frame as an image of the channel."""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, Any

import numpy as np
from ginga.AstroImage import AstroImage
from ginga.misc.Future import Future

from ginga_crplugin.panels.result_ccd import cleaned_ccd

if TYPE_CHECKING:
    from .cosmic_rays import CosmicRays

__all__ = ['CleanedImage']


class CleanedImage:
    """The cleaned frame as an image of the channel, which follows the result and the review while it is shown.

    It is made in a worker thread, since it takes seconds for large frames.

    Parameters
    ----------
    plugin : CosmicRays
        The plugin, whose session, viewer, channel and worker are used.

    Attributes
    ----------
    image : `ginga.AstroImage.AstroImage` or None
        The image; None if it was not made for the open frame.
    """

    def __init__(self, plugin: CosmicRays) -> None:
        self._plugin: Any = plugin
        self._session: Any = plugin.session
        self._job: object = None  # of the worker, while it runs
        self.reset()
        self._session.events.result_changed.connect(self._follow)
        self._session.events.review_changed.connect(self._follow)

    def reset(self) -> None:
        """Discard the image, when another frame is opened or the panel is closed."""
        self.image: Any = None
        self._state: tuple[Any, Any] = (None, None)  # the detection and the decisions of which it is made
        self._job = None

    @property
    def shown(self) -> bool:
        """Whether it is the displayed image of the channel."""
        return self.image is not None and self._plugin.fitsimage.get_image() is self.image

    @property
    def current(self) -> bool:
        """Whether it shows the present result and review."""
        return self.image is not None and all(map(is_, self._state, self._present_state()))

    def _present_state(self):
        result = self._session.result
        return None if result is None else result.detection, self._session.review.decisions

    def show(self, name: str) -> None:
        """Show the cleaned frame as a new image in the channel.

        Parameters
        ----------
        name : str
            The name of the image.
        """
        logger = self._plugin.logger

        def make(ccd):
            image = AstroImage(data_np=ccd.data, logger=logger)
            image.update_keywords(ccd.header)
            image.set(name=name, ccd=ccd)
            future = Future()
            future.freeze(lambda: image)
            image.set(image_future=future)
            return image

        def add(image):
            self.image = image
            self._plugin.channel.add_image(image)

        self._run(make, add)

    def _follow(self):
        """Change the pixels of the image after a change of the result or the review."""
        if self._job is not None or self._session.result is None or not self.shown or self.current:
            return
        image = self.image
        pixels = image.get_data().reshape(-1)

        def compare(ccd):
            new = ccd.data.reshape(-1)
            changed = np.flatnonzero(new != pixels)
            ccd.data = image.get_data()
            return changed, new[changed], ccd

        def change(difference):
            changed, values, ccd = difference
            pixels[changed] = values
            image.set(ccd=ccd)
            image.make_callback('modified')

        self._run(compare, change)

    def _run(self, job, done):
        """Run ``job(ccd)`` with the cleaned frame in the worker thread, and then ``done(its value)``."""
        result, state = self._session.result, self._present_state()
        self._job = ticket = object()

        def finish(value, error):
            if ticket is not self._job:  # another frame was opened, or the image requested again
                return
            self._job = None
            if error is not None:
                self._session.report_error(error)
                return
            self._state = state
            done(value)
            self._follow()

        try:
            repaired = self._session.repairing.current
        except ValueError as error:  # there is no other exposure
            finish(None, error)
            return
        self._plugin.worker(lambda: job(cleaned_ccd(result, state[1], repaired)), finish)
