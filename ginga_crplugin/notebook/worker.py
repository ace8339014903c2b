"""Worker threads of a notebook, whose results are delivered in the thread of the event loop."""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

__all__ = ['Worker', 'has_loop']


class Worker:
    """Runs jobs in threads and delivers their results on the thread of the event loop.

    Where no loop runs, as in a plain script, jobs and callbacks are run at once.
    """

    def __init__(self) -> None:
        self._results: queue.SimpleQueue = queue.SimpleQueue()

    def __call__(self, job: Callable[[], Any], done: Callable[[Any, Exception | None], None]) -> None:
        """Run ``job()`` in a thread, and then ``done(result, error)`` on the event loop."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no loop
            done(*_outcome(job))
            return

        def work() -> None:
            self._results.put((done, *_outcome(job)))
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self.deliver)

        threading.Thread(target=work, name='cosmic rays', daemon=True).start()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call a function on the event loop after a delay.

        Parameters
        ----------
        seconds : float
            The delay.
        callback : callable
            Called without arguments.
        """
        if has_loop():
            asyncio.get_running_loop().call_later(seconds, callback)
        else:
            callback()

    def deliver(self) -> None:
        """Deliver the results that have arrived."""
        with suppress(queue.Empty):
            while True:
                done, *outcome = self._results.get_nowait()
                done(*outcome)

    def wait(self, condition: Callable[[], Any], meanwhile: Callable[[], None] | None = None) -> None:
        """Deliver results until a condition is true; the event loop is blocked.

        Parameters
        ----------
        condition : callable
            ``condition()`` is called after each result.
        meanwhile : callable, optional
            Called without arguments whenever no result arrives for 0.25 s.
        """
        while not condition():
            try:
                done, *outcome = self._results.get(timeout=0.25)
            except queue.Empty:
                if meanwhile is not None:
                    meanwhile()
                continue
            done(*outcome)

    def wait_for(self, events: Any, event: str, action: Callable[[], Any]) -> None:
        """Call a function and wait for an event of the session.

        Parameters
        ----------
        events : SessionEvents
            The events of the session.
        event : str
            The name of the event.
        action : callable
            The function.

        Raises
        ------
        ValueError
            If an error comes first.
        """
        outcome: list[str] = []
        events[event].connect(succeeded := lambda: outcome.append(''))
        events.error_raised.connect(outcome.append)
        try:
            action()
            self.wait(lambda: outcome)
        finally:
            events[event].disconnect(succeeded)
            events.error_raised.disconnect(outcome.append)
        if outcome[0]:
            raise ValueError(outcome[0])


def _outcome(job: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """Return the result of a job and the exception that it raised; one of them is None."""
    try:
        return job(), None
    except Exception as failure:  # noqa: BLE001 - passed on and shown
        return None, failure


def has_loop() -> bool:
    """Return whether an event loop runs in this thread, as in a kernel.

    Returns
    -------
    bool
        True in a kernel, False in a plain script.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
