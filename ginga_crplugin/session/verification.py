"""Verification of the result with ccdproc."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ginga_crplugin.core.flat_indices import locate
from ginga_crplugin.core.lacosmic.detect import detect

if TYPE_CHECKING:
    from .result import Result
    from .scheduling import Run
    from .session import Session

__all__ = ['Verification', 'verify']


def verify(result: Result) -> str:
    """Compute a result with ccdproc and count the pixels that differ, in the mask or in the cleaned values.

    Parameters
    ----------
    result : Result
        The result to verify.

    Returns
    -------
    str
        The outcome, such as ``'identical to ccdproc 2.4.2'``.
    """
    reference = detect(result.frame, result.detection.params, engine='ccdproc')
    detection = result.detection
    pixels = np.union1d(reference.indices, detection.indices)
    one, other = reference.cleaned_at(pixels), detection.cleaned_at(pixels)
    equal = (one == other) | (np.isnan(one) & np.isnan(other))
    for found in (reference, detection):
        equal &= locate(found.indices, pixels)[1]
    count = int(np.count_nonzero(~equal))
    return f'{count} px differ from {reference.engine}' if count else f'identical to {reference.engine}'


class Verification:
    """The comparison of the result with ccdproc, in a worker.

    Parameters
    ----------
    session : Session
        The session whose result is verified; the outcome becomes ``result.verified``.
    run : callable
        As for `Session`.

    Attributes
    ----------
    running : bool
        Whether a verification is running.
    """

    def __init__(self, session: Session, run: Run) -> None:
        self._session, self._run = session, run
        self._ticket = 0
        self.running = False

    def reset(self) -> None:
        """Ignore the outcome of a running verification."""
        self._ticket += 1
        self.running = False

    def start(self) -> None:
        """Verify the result, if it is exact."""
        result = self._session.result
        if result is None or not result.exact:
            return
        self.reset()
        ticket, self.running = self._ticket, True
        self._session.events.verification_changed.emit()
        self._run(lambda: verify(result), lambda text, error: self._done(ticket, result, text, error))

    def _done(self, ticket: int, result: Result, text: str, error: Exception | None) -> None:
        if ticket != self._ticket:
            return
        self.running = False
        current = self._session.result
        if error is not None:
            self._session.report_error(error)
        elif current is not None and current.detection is result.detection:
            self._session.update_result(verified=text)
        self._session.events.verification_changed.emit()
