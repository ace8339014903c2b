"""The unsaved reviews of a session in their cache, so that a crash loses no decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ginga_crplugin.io.review_cache import ReviewCache, frame_hash

from .scheduling import Run

if TYPE_CHECKING:
    from ginga_crplugin.core.frame import Frame

    from .session import Session

__all__ = ['Edited', 'UnsavedReviews']

#: Flat indices of pixels, and the code of each (`Review.edited`).
Edited = tuple[np.ndarray, np.ndarray]


class UnsavedReviews:
    """The unsaved reviews of frames, which are written to a cache in the worker.

    Parameters
    ----------
    session : Session
        The session, which reports errors.
    run : callable
        As for `Session`.
    cache : ReviewCache or None
        The cache; None for no cache.
    """

    def __init__(self, session: Session, run: Run, cache: ReviewCache | None) -> None:
        self._session, self._run, self._cache = session, run, cache

    def look_up(self, frame: Frame) -> tuple[str | None, Edited | None]:
        """Return the identifier of a frame and its review in the cache; to be called in a worker.

        Parameters
        ----------
        frame : Frame
            The frame that is being opened.

        Returns
        -------
        key : str or None
            Its identifier in the cache; None without a cache.
        unsaved_review : tuple of ndarray or None
            Pixels and codes, if there are any.
        """
        if self._cache is None:
            return None, None
        key = frame_hash(frame)
        return key, self._cache.load(key)

    def write(self, key: str | None, order: int, edited: Edited | None = None) -> None:
        """Write the review of a frame to the cache, or delete it there if it is empty.

        Parameters
        ----------
        key : str or None
            The identifier of the frame (`look_up`).
        order : int
            A number that increases from edit to edit; nothing is done after one with a larger number.
        edited : tuple of ndarray, optional
            Pixels and codes; by default none.
        """
        cache = self._cache
        if cache is None or key is None:
            return
        if edited is not None and len(edited[0]):
            self._run(lambda: cache.save(key, order, *edited), self._done)
        else:
            self._run(lambda: cache.delete(key, order), self._done)

    def _done(self, _: Any, error: Exception | None) -> None:
        if error is not None:
            self._session.report_error(error)
