"""What a session needs of its front: worker threads and timers."""

from collections.abc import Callable
from typing import Any

__all__ = ['CallLater', 'Run', 'call_at_once']

#: ``run(job, done)`` calls ``job()`` in a worker and then ``done(result, error)`` in the thread of the front.
Run = Callable[[Callable[[], Any], Callable[[Any, Exception | None], None]], None]

#: ``call_later(seconds, callback)`` calls ``callback()`` after a delay in the thread of the front.
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
