"""Comparison of the result with another result on the same frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from ginga_crplugin.core.lacosmic.detect import detect
from ginga_crplugin.core.lacosmic.tails import NO_TAILS, with_tails
from ginga_crplugin.core.mission import add_mission

if TYPE_CHECKING:
    from .result import Result
    from .scheduling import Run
    from .session import Session

__all__ = ['Comparing', 'Comparison', 'compare_without_masks']


@dataclass(frozen=True, eq=False)
class Comparison:
    """Comparison of the flagged pixels of two results.

    Attributes
    ----------
    name : str
        The other result, for `text`: ``'without the masks'``.
    both, here, there : (n,) int64 ndarray
        The flat indices of the pixels flagged in both results, only in the present one, and only in the other.
    """

    name: str
    both: np.ndarray
    here: np.ndarray
    there: np.ndarray

    @classmethod
    def of(cls, result: Result, pixels: np.ndarray, name: str) -> Self:
        """Compare a result with the flagged pixels of another.

        Parameters
        ----------
        result : Result
            The present result.
        pixels : (n,) int64 ndarray
            Flat indices of the flagged pixels of the other.
        name : str
            The other result, for `text`.

        Returns
        -------
        Comparison
            The comparison.
        """
        here = result.segments.pixels
        both = np.intersect1d(here, pixels, assume_unique=True)
        return cls(name, both, *(np.setdiff1d(one, both, assume_unique=True) for one in (here, pixels)))

    @property
    def text(self) -> str:
        """The counts, as one line."""
        here, there = len(self.both) + len(self.here), len(self.both) + len(self.there)
        return (
            f'{here} px here, {there} px {self.name}: {len(self.both)} in both, '
            f'{len(self.here)} only here, {len(self.there)} only there'
        )


def compare_without_masks(result: Result) -> Comparison:
    """Compare a result with the same run without any input mask, in the same units.

    Parameters
    ----------
    result : Result
        The present result.

    Returns
    -------
    Comparison
        The comparison.
    """
    frame = result.frame.replace(masks=())
    other = with_tails(frame, detect(frame, result.detection.params), result.detection.tail_options or NO_TAILS)
    return Comparison.of(result, add_mission(result.frame, other.flagged), 'without the masks')


class Comparing:
    """Compares the result of a session with a pinned result, or with a run without masks.

    Parameters
    ----------
    session : Session
        The session whose result is compared.
    run : callable
        As for `Session`.

    Attributes
    ----------
    pinned : Result or None
        The pinned result.
    comparison : Comparison or None
        The present comparison.
    """

    def __init__(self, session: Session, run: Run) -> None:
        self._session, self._run = session, run
        self._ticket = 0
        self.reset()

    def reset(self) -> None:
        """Discard the comparison and the pinned result, without an event."""
        self.pinned: Result | None = None
        self.stop()

    def stop(self) -> None:
        """End the comparison, without an event."""
        self.comparison: Comparison | None = None
        self._ticket += 1

    def pin(self) -> None:
        """Pin the result, to compare later ones with it."""
        self.pinned = self._session.result
        self._session.events.comparison_changed.emit()

    def compare(self, other: Literal['pinned', 'without masks'] | None = None) -> None:
        """Compare the result with another on the same frame.

        Parameters
        ----------
        other : {'pinned', 'without masks'}, optional
            What to compare with; None ends the comparison.
        """
        self.stop()
        ticket, result = self._ticket, self._session.result
        if other == 'pinned' and self.pinned is not None and result is not None:
            self.comparison = Comparison.of(result, self.pinned.segments.pixels, 'in the pinned result')
        elif other == 'without masks' and result is not None:
            self._run(lambda: compare_without_masks(result), lambda found, error: self._done(ticket, found, error))
        self._session.events.comparison_changed.emit()

    def _done(self, ticket: int, found: Comparison | None, error: Exception | None) -> None:
        if ticket != self._ticket:
            return
        if error is not None:
            self._session.report_error(error)
            return
        self.comparison = found
        self._session.events.comparison_changed.emit()
