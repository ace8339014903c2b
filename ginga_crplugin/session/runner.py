"""Runs of L.A.Cosmic in a worker: one at a time, the latest request next; late results are dropped."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic import compilation
from ginga_crplugin.core.lacosmic.detect import Detector
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.segments import segment

from .result import Result
from .scheduling import Run

__all__ = ['SLOW_RUN', 'RunRequest', 'Runner']

#: If the previous run took longer (seconds), the first iteration is computed and shown before the full result.
SLOW_RUN = 0.5


class RunRequest(NamedTuple):
    """Everything a run depends on.

    Parameters
    ----------
    frame : Frame
        The frame with its masks.
    params : LACosmicParams
        The parameters.
    sources : dict of str
        Where each parameter comes from.
    min_size : int
        The smallest segment that is listed, in pixels.
    live : bool
        Whether the first iteration may be shown before the full result.
    """

    frame: Frame
    params: LACosmicParams
    sources: dict[str, str]
    min_size: int
    live: bool


class Runner:
    """Runs L.A.Cosmic in a worker.

    Parameters
    ----------
    run : callable
        As for `Session`.
    request : callable
        ``request()`` returns the present `RunRequest`; it is called when a run starts.
    found : callable
        ``found(result)`` receives a `Result`; after one that is not exact the runner is still busy.
    failed : callable
        ``failed(error)`` receives the error of a run that was neither cancelled nor superseded.

    Attributes
    ----------
    busy : bool
        Whether a run was requested whose result has not arrived.
    progress : float
        The fraction of the run that is done, 0 to 1.
    """

    def __init__(
        self,
        run: Run,
        request: Callable[[], RunRequest],
        found: Callable[[Result], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._run, self._request, self._found, self._failed = run, request, found, failed
        self._ticket = 0
        self._running = False
        self.progress = 0.0
        self.reset()

    def reset(self) -> None:
        """Cancel the run, and drop what was computed for the frame."""
        self.cancel()
        self._detector, self._seconds = Detector(), 0.0

    def cancel(self) -> None:
        """Cancel the run."""
        self._ticket += 1
        self.busy = False

    def request(self) -> None:
        """Request a run; the result of a running one is dropped. `start` must follow."""
        self._ticket += 1
        self.busy = True

    def start(self) -> None:
        """Start the requested run now, or after the running one."""
        if not self._running:  # otherwise `_done` starts it
            request = self._request()
            slow = self._seconds > SLOW_RUN
            first = request.live and slow and request.params.niter > 1 and compilation.ready()
            self._start(request, exact=not first)

    def _start(self, request: RunRequest, *, exact: bool) -> None:
        ticket, detector = self._ticket, self._detector
        frame, params, sources, min_size, _ = request
        params = params if exact else replace(params, niter=1)

        def job() -> tuple[Result, float]:
            start = time.monotonic()
            detection = detector.detect(frame, params, self._set_progress, lambda: ticket != self._ticket)
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
                self.start()
            return
        if error is not None:
            self._failed(error)
            return
        result, seconds = outcome
        if result.exact:
            self._seconds, self.busy = seconds, False
        self._found(result)
        if ticket == self._ticket and not result.exact:
            self._start(self._request(), exact=True)
