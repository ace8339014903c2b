"""Dask clients for batch processing."""

import logging
import time
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue

import numpy as np

from .forkserver import SETTINGS, make_ready
from .job import Outcome, process

__all__ = ['local_client', 'remote_client']


#: Frames in flight for each thread of the cluster: one is worked on while the next waits there.
AHEAD = 2


#: Seconds after which a scheduler that does not answer is given up.
PATIENCE = 30


_LOST = 'the scheduler of the cluster is gone; what was done is whole, --resume does the rest'


class Lost(OSError):
    """The scheduler is gone."""


@contextmanager
def local_client(workers):
    """Start a process for each of so many cores of this machine, and end them all.

    Parameters
    ----------
    workers : int

    Yields
    ------
    `distributed.Client`
    """
    import dask
    from distributed import Client, LocalCluster  # here, for it takes its time and may not be installed

    make_ready()
    with (
        _quiet(),
        dask.config.set(SETTINGS),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            scheduler_kwargs={'dashboard_address': ':0'},  # else it wants a port that another cluster may have
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def _quiet():
    """Have Dask not tell at length what is told in one line here."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith('distributed')]
    loggers = [logging.getLogger(name) for name in (*names, 'tornado.application', 'asyncio')]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def remote_client(address):
    """Join a running cluster.

    Parameters
    ----------
    address : str
        Of its scheduler, such as ``tcp://host:8786``.

    Yields
    ------
    `distributed.Client`

    Raises
    ------
    OSError
        If no scheduler answers.
    """
    from distributed import Client

    with _quiet():
        try:
            client = Client(address, timeout=PATIENCE)
        except (OSError, TimeoutError, ValueError) as error:
            msg = f'no scheduler answers at {address}: {str(error).splitlines()[0]}'
            raise OSError(msg) from error
        with client:
            yield client


def _spread(client, recipe, jobs, options):
    """Keep a few frames in flight on the cluster until all are done."""
    done, running = SimpleQueue(), {}
    room, looked = 0, -np.inf
    while True:
        if time.monotonic() - looked > 5.0:  # workers come and go
            room, looked = AHEAD * max(1, sum(_asked(client.nthreads).values())), time.monotonic()
        while len(running) < room and (job := next(jobs, None)) is not None:
            if isinstance(job, Outcome):
                yield job
                continue
            future = client.submit(process, recipe, job, pure=False, **options)
            running[future.key] = job
            future.add_done_callback(done.put)
        if not running:
            return
        with suppress(Empty):
            future = done.get(timeout=1.0)
            yield _outcome(future, running.pop(future.key))
        if client.status not in ('running', 'connecting'):
            raise Lost(_LOST)


def _asked(question):
    """Return what the scheduler answers, or what it is asked to fetch."""
    try:
        return question()
    except (OSError, TimeoutError, RuntimeError) as error:
        raise Lost(_LOST) from error


def _outcome(future, job):
    """Return what came of a job, or say that all is lost."""
    if future.status == 'cancelled':
        raise Lost(_LOST)
    if future.status == 'error':  # the job itself raises nothing
        error = _asked(future.exception)
        why = f'its workers died, it may need more memory than they have ({type(error).__name__})'
        return Outcome(job.path, job.ext, job.output, 'failed', why, of=job.of)
    return _asked(future.result)
