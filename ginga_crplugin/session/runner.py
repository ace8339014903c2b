"""Runs of L.A.Cosmic in a worker: one at a time, the latest request next; late results are dropped."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ginga_crplugin.core.diagnostics.frame_kind import require_monochrome
from ginga_crplugin.core.lacosmic import compilation
from ginga_crplugin.core.lacosmic.detect import Detector
from ginga_crplugin.core.lacosmic.tails import TailFinder, with_tails
from ginga_crplugin.core.segments import segment

from .result import Result

if TYPE_CHECKING:
    from .scheduling import Run
    from .session import Session

__all__ = ['SLOW_RUN', 'Runner']

#: If the previous run took longer (seconds), the first iteration is computed and shown before the full result.
SLOW_RUN = 0.5


class Runner:
    """Runs L.A.Cosmic on the frame of a session, and sets its result.

    Parameters
    ----------
    session : Session
        The session.
    run : callable
        As for `Session`.

    Attributes
    ----------
    live : bool
        Whether the result follows every change.
    busy : bool
        Whether a run was requested whose result has not arrived; still True after a first iteration.
    progress : float
        The fraction of the run that is done, 0 to 1.
    """

    def __init__(self, session: Session, run: Run) -> None:
        self._session, self._run = session, run
        self._ticket = 0
        self._running = False
        self.live, self.progress = True, 0.0
        self.reset()

    def reset(self) -> None:
        """Drop the run and what was computed for the frame, without an event."""
        self._drop()
        self._detector, self._tail_finder, self._seconds = Detector(), TailFinder(), 0.0
        self._last: Result | None = None  # the last exact result, while a first iteration is shown

    def _drop(self) -> None:
        self._ticket += 1
        self.busy = False

    # requests

    def prepare(self) -> None:
        """Compile the fast engine in the worker, or load it if it was compiled before."""
        if not compilation.ready() and not compilation.problem():
            self._run(compilation.compile_all, lambda _ready, _error: self._prepared())

    def _prepared(self) -> None:
        self._session.events.engine_changed.emit()
        self.rerun()
        self.run_if_live()  # parameters or masks may have changed meanwhile

    def set_live(self, *, live: bool) -> None:
        """Set whether the result follows every change, once there is one and the fast engine is ready.

        Parameters
        ----------
        live : bool
            True to run again after every change.
        """
        self.live = live
        self.run_if_live()

    def run_if_live(self) -> None:
        """Run again if the result is outdated, the session is live and the fast engine is ready."""
        if self.live and self._session.outdated and compilation.ready():
            self.detect()

    def rerun(self) -> None:
        """Compute the result of the saved mask again, as soon as the engine is ready."""
        session = self._session
        ready = compilation.ready() or compilation.problem()
        if ready and session.result is None and not self.busy and session.settings.is_rerun(session.frame):
            self.detect()

    def detect(self) -> None:
        """Run L.A.Cosmic on the frame; the result of a running one is dropped."""
        if self._session.frame is None:
            return
        self._session.error = ''
        self._ticket += 1
        self.busy = True
        self._session.events.busy_changed.emit()
        if not self._running:  # otherwise `_done` starts it
            self._start_next()

    def cancel(self) -> None:
        """Cancel the run; the last exact result stays."""
        self._drop()
        session = self._session
        session.events.busy_changed.emit()
        if self._last is not None:
            session.set_result(self._last)
            self._last = None
            session.events.result_changed.emit()
        session.hinting.start()

    # runs

    def _start_next(self) -> None:
        slow = self._seconds > SLOW_RUN
        first = self.live and slow and self._session.params.niter > 1 and compilation.ready()
        self._start(exact=not first)

    def _start(self, *, exact: bool) -> None:
        session, ticket, detector, finder = self._session, self._ticket, self._detector, self._tail_finder
        frame, sources, min_size = session.frame, session.sources, session.min_size
        params = session.params if exact else replace(session.params, niter=1)
        assert frame is not None
        allow_mosaic, tails = session.settings.allow_mosaic, session.settings.tails

        def job() -> tuple[Result, float]:
            start = time.monotonic()
            if not allow_mosaic:
                require_monochrome(frame, 'click "Run anyway" in the checks to run all the same')
            detection = detector.detect(frame, params, self._set_progress, lambda: ticket != self._ticket)
            detection = with_tails(frame, detection, tails, finder)
            segments = segment(frame, detection, min_size)
            _ = segments.listed  # cached; computed in the worker
            return Result(frame, detection, segments, sources, exact), time.monotonic() - start

        self._running, self.progress = True, 0.0
        self._run(job, lambda outcome, error: self._done(ticket, outcome, error))

    def _set_progress(self, fraction: float) -> None:
        self.progress = fraction  # called in the worker; the panel reads it periodically

    def _done(self, ticket: int, outcome: tuple[Result, float], error: Exception | None) -> None:
        self._running = False
        if ticket != self._ticket:
            if self.busy:
                self._start_next()
        elif error is not None:
            self.cancel()
            self._session.report_error(error)
        elif outcome[0].exact:
            self._seconds = outcome[1]
            self._finish(outcome[0])
        else:
            self._show_first(outcome[0])
            if ticket == self._ticket:
                self._start(exact=True)

    def _show_first(self, first: Result) -> None:
        """Set the result of the first iteration; the run is still busy."""
        session = self._session
        if session.result is not None and session.result.exact:
            self._last = session.result
        self._set_result(first)
        session.events.result_changed.emit()

    def _finish(self, result: Result) -> None:
        self.busy, self._last = False, None
        session = self._session
        self._set_result(result)
        session.events.busy_changed.emit()
        session.events.result_changed.emit()
        self.run_if_live()  # parameters or masks may have changed before there was a result
        if not self.busy:
            session.hinting.start()

    def _set_result(self, result: Result) -> None:
        self._session.comparing.stop()
        self._session.set_result(result)
