"""The room of the search: one run of L.A.Cosmic at a time, of what was wanted last; late answers are dropped."""

import time
from dataclasses import replace
from typing import NamedTuple

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic import compilation
from ginga_crplugin.core.lacosmic.detect import Detector
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.segments import segment

from .result import Result

__all__ = ['RunRequest', 'Runner']

#: A run that takes longer than this (seconds) shows its first iteration in between, which makes it longer by half.
PATIENCE = 0.5


class RunRequest(NamedTuple):
    """What is to be searched, and how; ``live`` is whether a first iteration may be shown in between."""

    frame: Frame
    params: LACosmicParams
    sources: dict[str, str]
    min_size: int
    live: bool


class Runner:
    """Runs L.A.Cosmic in a worker; `Session` tells what each attribute is.

    Parameters
    ----------
    run : callable
        As for `Session`.
    wish : callable
        ``wish()`` returns the `RunRequest` as it stands; it is asked for when a run begins.
    found : callable
        ``found(result)`` takes a `Result`; while one that is not exact is taken, the search is still busy.
    failed : callable
        ``failed(error)`` takes the error of a run that is still wanted.
    """

    def __init__(self, run, wish, found, failed):
        self._run, self._wish, self._found, self._failed = run, wish, found, failed
        self._ticket = 0
        self._running = False
        self.progress = 0.0
        self.end()

    def end(self):
        """Give up the run, and let go what was worked out for the frame."""
        self.cancel()
        self._detector, self._seconds = Detector(), 0.0

    def cancel(self):
        """Give up the run."""
        self._ticket += 1
        self.busy = False

    def want(self):
        """Take up a wish: what still runs is void, and the search is busy until `start` has led to an answer."""
        self._ticket += 1
        self.busy = True

    def start(self):
        """Begin a run, unless one still goes on; then it begins when that has come to its end."""
        if not self._running:
            wish = self._wish()
            first = wish.live and self._seconds > PATIENCE and wish.params.niter > 1 and compilation.ready()
            self._start(wish, exact=not first)

    def _start(self, wish, *, exact):
        ticket, detector = self._ticket, self._detector
        frame, params, sources, min_size, _ = wish
        params = params if exact else replace(params, niter=1)

        def job():
            start = time.monotonic()
            detection = detector.detect(frame, params, self._progressed, lambda: ticket != self._ticket)
            segments = segment(frame, detection, min_size)
            _ = segments.listed  # here rather than where the user waits for it
            return Result(frame, detection, segments, sources, exact), time.monotonic() - start

        self._running, self.progress = True, 0.0
        self._run(job, lambda answer, error: self._answered(ticket, answer, error))

    def _progressed(self, fraction):
        self.progress = fraction  # by the worker; the front looks now and then

    def _answered(self, ticket, answer, error):
        self._running = False
        if ticket != self._ticket:
            if self.busy:
                self.start()
            return
        if error is not None:
            self._failed(error)
            return
        result, seconds = answer
        if result.exact:
            self._seconds, self.busy = seconds, False
        self._found(result)
        if ticket == self._ticket and not result.exact:
            self._start(self._wish(), exact=True)
