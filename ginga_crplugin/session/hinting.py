"""Hints for the segments of the result, and the stars of the frame, computed when the session is idle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ginga_crplugin.core.tuning.result_remedies import check_result

if TYPE_CHECKING:
    from ginga_crplugin.core.diagnostics.check import Check
    from ginga_crplugin.core.lacosmic.detection import Detection
    from ginga_crplugin.core.segments import Segments

    from .result import Result
    from .scheduling import CallLater, Run
    from .session import Session

__all__ = ['IDLE', 'Hinting']

#: Seconds between a result and the computation of its hints, so that they do not slow down the dragging of a slider.
IDLE = 0.3


class Hinting:
    """Computes the hints and the checks of the result, and the stars of the frame, in a worker, after a delay.

    Parameters
    ----------
    session : Session
        The session whose result receives the hints.
    run, call_later : callable
        As for `Session`.
    """

    def __init__(self, session: Session, run: Run, call_later: CallLater) -> None:
        self._session, self._run, self._call_later = session, run, call_later
        self._ticket = 0
        self.reset()

    def reset(self) -> None:
        """Discard the request for hints."""
        self._detection: Detection | None = None
        self._ticket += 1

    def start(self) -> None:
        """Compute the hints, and find the stars, after `IDLE` seconds unless it was done or requested."""
        result = self._session.result
        if result is None or self._is_complete(result) or result.detection is self._detection:
            return
        self.reset()
        ticket, self._detection = self._ticket, result.detection
        self._call_later(IDLE, lambda: self._begin(ticket))

    def _is_complete(self, result: Result) -> bool:
        return result.is_hinted and self._session.touching.is_current(result)

    def _begin(self, ticket: int) -> None:
        if ticket != self._ticket:
            return
        result, dark, touching = self._session.result, self._session.masks.dark, self._session.touching
        if result is None or result.detection is not self._detection or self._is_complete(result):
            self._detection = None
            return

        def job() -> tuple[Segments, list[Check]]:
            segments = result.hinted(dark)
            _ = segments.listed  # cached; computed in the worker
            touching.find(result)
            return segments, check_result(result.frame, result.detection, segments)

        self._run(job, lambda outcome, error: self._done(ticket, result.detection, outcome, error))

    def _done(self, ticket: int, detection: Detection, outcome: Any, error: Exception | None) -> None:
        if ticket == self._ticket:
            self._detection = None
        current = self._session.result
        if current is None or current.detection is not detection:
            return
        if error is not None:
            self._session.report_error(error)
            return
        segments, remarks = outcome
        self._session.update_result(segments=replace(segments, min_size=current.segments.min_size), remarks=remarks)
        if len(self._session.touching.kept):
            self._session.review.refresh()
        self._session.events.hints_changed.emit()
