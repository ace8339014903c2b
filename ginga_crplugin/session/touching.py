"""The stars of the open frame, and those that the mask touches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ginga_crplugin.core.stars.finding import find_star_list

if TYPE_CHECKING:
    from ginga_crplugin.core.decisions import Decisions
    from ginga_crplugin.core.stars.star_list import StarList, StarsTouched

    from .result import Result
    from .session import Session

__all__ = ['Touching']


class Touching:
    """Finds the stars of the frame of a session once, and which of them the mask touches.

    Parameters
    ----------
    session : Session
        The session.

    Attributes
    ----------
    stars : StarList or None
        The stars of the frame; None before they were looked for.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.reset()

    def reset(self) -> None:
        """Discard the stars, without an event."""
        self.stars: StarList | None = None
        self._key: tuple[object, ...] = ()
        self._touched: tuple[Decisions, StarList, StarsTouched] | None = None

    def find(self, result: Result) -> StarList:
        """Return the stars of the frame of a result; they are found only once for the same frame and noise.

        Parameters
        ----------
        result : Result
            The result of a run on the frame.

        Returns
        -------
        StarList
            The stars.
        """
        params, stars = result.detection.params, self.stars
        key = result.frame, params.gain, params.readnoise, params.satlevel, params.pssl
        if stars is None or key != self._key:  # called in the worker
            stars = find_star_list(result.frame, params)
            if result.frame is self._session.frame:
                self.stars, self._key = stars, key
        return stars

    @property
    def touched(self) -> StarsTouched | None:
        """The stars that the mask of the result touches; None if there is no result, or no stars yet."""
        stars, decisions = self.stars, self._session.review.decisions
        if stars is None or decisions is None or stars.shape != decisions.shape:
            return None
        if self._touched is None or self._touched[0] is not decisions or self._touched[1] is not stars:
            self._touched = decisions, stars, stars.touched(decisions.pixels)
        return self._touched[2]
