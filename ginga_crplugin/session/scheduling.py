"""Types of the functions that run jobs in a worker thread and callbacks after a delay.

The GUI thread is that of Ginga, or of the event loop in a notebook.
"""

from collections.abc import Callable
from typing import Any

__all__ = ['CallLater', 'Run', 'call_at_once']

#: ``run(job, done)`` calls ``job()`` in a worker and then ``done(result, error)`` in the GUI thread;
#: the error is what the job raised, or None.
Run = Callable[[Callable[[], Any], Callable[[Any, Exception | None], None]], None]

#: ``call_later(seconds, callback)`` calls ``callback()`` after a delay in the GUI thread.
CallLater = Callable[[float, Callable[[], None]], None]


def call_at_once(_seconds: float, callback: Callable[[], None]) -> None:
    """Call a callback without delay, where there is no event loop.

    Parameters
    ----------
    _seconds : float
        Ignored.
    callback : callable
        Called without arguments.
    """
    callback()
