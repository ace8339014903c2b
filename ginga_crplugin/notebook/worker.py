"""The room of the threads in a notebook, and of the event loop that their answers come back to."""

import asyncio
import queue
import threading
from contextlib import suppress

__all__ = ['Worker', 'has_loop']


class Worker:
    """Has jobs done in threads, and their answers taken in the thread of the event loop.

    Where no loop runs, as in a plain script, a job is done at once.
    """

    def __init__(self):
        self._answers = queue.SimpleQueue()

    def __call__(self, job, done):
        """Start a job; ``done(result, error)`` is called when it is done."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no loop
            done(*_outcome(job))
            return

        def work():
            self._answers.put((done, *_outcome(job)))
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self.take)

        threading.Thread(target=work, name='cosmic rays', daemon=True).start()

    def take(self):
        """Take the answers that are there."""
        with suppress(queue.Empty):
            while True:
                done, *outcome = self._answers.get_nowait()
                done(*outcome)

    def wait(self, condition, meanwhile=None):
        """Take answers until the condition holds, with the event loop standing still; for a cell that goes on then."""
        while not condition():
            try:
                done, *outcome = self._answers.get(timeout=0.25)
            except queue.Empty:
                if meanwhile is not None:
                    meanwhile()
                continue
            done(*outcome)


def _outcome(job):
    """Return what a job returned, and what it raised."""
    try:
        return job(), None
    except Exception as failure:  # noqa: BLE001 - handed on, and shown
        return None, failure


def has_loop():
    """Tell whether an event loop runs in this thread, as in a kernel."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
