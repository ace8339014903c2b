"""Worker threads and timers of Ginga."""

from collections.abc import Callable
from typing import Any

__all__ = ['Worker']


class Worker:
    """Runs jobs in Ginga's threads, and callbacks in its GUI thread.

    Parameters
    ----------
    fv : `ginga.rv.Control.GingaShell`
        Ginga's shell.
    """

    def __init__(self, fv: Any) -> None:
        self._fv = fv
        self._timers: set[Any] = set()

    def __call__(self, job, done):
        """Run ``job()`` in a thread, and then ``done(result, error)`` in the GUI thread."""
        pending = [(job, done)]

        def work():
            job, done = pending.pop()  # Ginga's threads keep their last job, and everything that it refers to
            try:
                result, error = job(), None
            except Exception as failure:  # noqa: BLE001 - passed on and shown
                result, error = None, failure
            self._fv.gui_do(done, result, error)

        self._fv.nongui_do(work)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call ``callback()`` in the GUI thread after a delay.

        Parameters
        ----------
        seconds : float
            The delay.
        callback : callable
            Called without arguments.
        """
        timer = self._fv.get_backend_timer()
        self._timers.add(timer)  # a reference, or else it would be deleted before it expires

        def expired(_):
            self._timers.discard(timer)
            callback()

        timer.add_callback('expired', expired)
        timer.start(seconds)
