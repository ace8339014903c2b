"""Dask clients for batch processing, and the processing of jobs on a cluster."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from ginga_crplugin.recipe.recipe import Recipe

from .forkserver import DASK_CONFIG, start_forkserver
from .job import Job, Outcome, process

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ['SchedulerLostError', 'collect_outcome', 'local_client', 'process_on_cluster', 'remote_client']

#: Frames submitted per thread of the cluster: one is processed while the next one is queued at the worker.
FRAMES_PER_THREAD = 2

#: Seconds to wait for a scheduler to answer.
CONNECT_TIMEOUT = 30

#: Seconds between two queries for the number of threads, which changes as workers come and go.
THREAD_COUNT_INTERVAL = 5.0


class SchedulerLostError(OSError):
    """The connection to the Dask scheduler was lost."""

    def __init__(self) -> None:
        super().__init__('lost the Dask scheduler; finished outputs are complete, continue with --resume')


@contextmanager
def local_client(workers: int) -> 'Iterator[Client]':
    """Start a Dask cluster of worker processes on this machine, and stop it at the end.

    Parameters
    ----------
    workers : int
        The number of processes.

    Yields
    ------
    `distributed.Client`
        The client of the cluster.
    """
    import dask
    from distributed import Client, LocalCluster  # imported here because it is slow and may not be installed

    start_forkserver()
    with (
        _silence_logging(),
        dask.config.set(DASK_CONFIG),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            scheduler_kwargs={'dashboard_address': ':0'},  # the default port may be used by another cluster
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def _silence_logging() -> Iterator[None]:
    """Silence Dask's loggers, as errors are reported in one line."""
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
def remote_client(address: str) -> 'Iterator[Client]':
    """Connect to a running cluster.

    Parameters
    ----------
    address : str
        The address of its scheduler, such as ``tcp://host:8786``.

    Yields
    ------
    `distributed.Client`
        The client of the cluster.

    Raises
    ------
    OSError
        If no scheduler answers.
    """
    from distributed import Client

    with _silence_logging():
        try:
            client = Client(address, timeout=CONNECT_TIMEOUT)
        except (OSError, TimeoutError, ValueError) as error:
            msg = f'no scheduler answers at {address}: {str(error).splitlines()[0]}'
            raise OSError(msg) from error
        with client:
            yield client


def process_on_cluster(
    client: 'Client', recipe: Recipe, jobs: Iterator[Job | Outcome], *, overwrite: bool = False, resume: bool = False
) -> Iterator[Outcome]:
    """Process jobs on a cluster, with a few frames submitted at a time.

    Parameters
    ----------
    client : `distributed.Client`
        The client of the cluster.
    recipe : Recipe
        The recipe.
    jobs : iterator of Job or Outcome
        The jobs; an outcome is yielded unchanged.
    overwrite, resume : bool, optional
        As for `ginga_crplugin.batch.job.process`.

    Yields
    ------
    Outcome
        The outcome of each job, as soon as it is finished.

    Raises
    ------
    SchedulerLostError
        If the connection to the scheduler is lost.
    """
    finished: SimpleQueue[Future] = SimpleQueue()
    running: dict[Any, Job] = {}
    capacity, next_count = 0, time.monotonic()
    while True:
        if time.monotonic() >= next_count:
            threads = sum(_query_scheduler(client.nthreads).values())
            capacity, next_count = FRAMES_PER_THREAD * max(1, threads), time.monotonic() + THREAD_COUNT_INTERVAL
        while len(running) < capacity and (job := next(jobs, None)) is not None:
            if isinstance(job, Outcome):
                yield job
                continue
            future = client.submit(process, recipe, job, pure=False, overwrite=overwrite, resume=resume)
            running[future.key] = job
            future.add_done_callback(finished.put)
        if not running:
            return
        with suppress(Empty):
            future = finished.get(timeout=1.0)
            yield collect_outcome(future, running.pop(future.key))
        if client.status not in ('running', 'connecting'):
            raise SchedulerLostError


def _query_scheduler(query: Callable[[], Any]) -> Any:
    """Call a function that needs the scheduler's answer."""
    try:
        return query()
    except (OSError, TimeoutError, RuntimeError) as error:
        raise SchedulerLostError from error


def collect_outcome(future: 'Future', job: Job) -> Outcome:
    """Return the outcome of a job that has finished on the cluster.

    Parameters
    ----------
    future : `distributed.Future`
        The finished future of the job.
    job : Job
        The job.

    Returns
    -------
    Outcome
        The result of the future, or a failed outcome if the workers died.

    Raises
    ------
    SchedulerLostError
        If the connection to the scheduler is lost.
    """
    if future.status == 'cancelled':
        raise SchedulerLostError
    if future.status == 'error':  # errors of the job itself are in its outcome
        error = _query_scheduler(future.exception)
        reason = f'the workers died ({type(error).__name__}); the frame may need more memory than they have'
        return Outcome(job.path, job.ext, job.output, 'failed', reason, frames_in_file=job.frames_in_file)
    return _query_scheduler(future.result)
