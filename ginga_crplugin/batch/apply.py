"""The room of the night: one recipe over many frames, in this process or by Dask on many cores or machines."""

import logging
import time
from contextlib import contextmanager, suppress
from glob import glob
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np

from ginga_crplugin.io.extension import split_ext
from ginga_crplugin.io.read import frame_extensions
from ginga_crplugin.io.remote import local_file, name_of
from ginga_crplugin.io.save import stem_of

from .forkserver import SETTINGS, make_ready
from .job import Job, Outcome, in_a_line, process

__all__ = ['apply_recipe', 'files_of', 'local_client', 'remote_client']

#: Frames in flight for each thread of the cluster: one is worked on while the next waits there.
AHEAD = 2

#: Seconds after which a scheduler that does not answer is given up.
PATIENCE = 30

_LOST = 'the scheduler of the cluster is gone; what was done is whole, --resume does the rest'


class Lost(OSError):
    """The scheduler is gone."""


def apply_recipe(recipe, frames, folder='.', *, client=None, overwrite=False, resume=False):
    """Apply a recipe to many frames; give back what came of each as soon as it is there, in no order.

    Files of several frames are taken frame by frame, and each frame gets an output of its own:
    ``<name>_crmask.fits``, or ``<name>_ext<number of the HDU>_crmask.fits``. What is done already and whole is left as
    it is. A frame that fails stops no other. Only a few frames are in memory at a time, however many there are.

    Parameters
    ----------
    recipe : Recipe
    frames : iterable of path-like
        FITS files, ``FILE[EXT]``, or addresses that fsspec understands.
    folder : path-like, optional
        Where the masks go; it must be there.
    client : `distributed.Client`, optional
        The cluster that does the work; its workers must see the same files. By default this process does.
    overwrite : bool, optional
        Whether outputs that are there already may be replaced; those that hold a review never are.
    resume : bool, optional
        Whether those may be replaced that were made by another recipe or of other pixels, or are not whole.

    Yields
    ------
    Outcome

    Raises
    ------
    OSError
        If the cluster is lost; what it had finished is whole.
    """
    jobs, options = _jobs(frames, Path(folder).resolve()), {'overwrite': overwrite, 'resume': resume}
    if client is None:
        for job in jobs:
            yield job if isinstance(job, Outcome) else process(recipe, job, **options)
    else:
        yield from _spread(client, recipe, jobs, options)


# what is to be done


def files_of(names, where=None):
    """Return the files that names mean, each once, in order.

    Parameters
    ----------
    names : list of str
        Files, patterns such as ``night1/*.fits``, folders, ``FILE[EXT]``, or addresses. Patterns and folders mean no
        file whose name ends as those written here: ``_crmask.fits``.
    where : dict of str, optional
        Header keywords and the values that the frames must have, for `ccdproc.ImageFileCollection`.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If a name means no file.
    """
    files = []
    for name in names:
        found = _matching(str(name))
        if not found:
            msg = f'{name}: no such file'
            raise FileNotFoundError(msg)
        files += found
    files = list(dict.fromkeys(files))
    return _selected(files, where) if where else files


def _matching(name):
    if '://' in name or split_ext(name)[0].is_file():
        return [name]
    found = glob(str(Path(name) / '*') if Path(name).is_dir() else name)  # noqa: PTH207 - absolute patterns too
    return sorted(file for file in found if Path(file).is_file() and _may_be_frame(file))


def _may_be_frame(file):
    name = Path(file).name.lower()
    return stem_of(name) != name and not name.endswith('_crmask.fits')


def _selected(files, where):
    from ccdproc import ImageFileCollection

    local = [file for file in files if '://' not in file]
    if len(local) < len(files):
        msg = f'{next(file for file in files if "://" in file)}: only files can be selected by their headers'
        raise ValueError(msg)
    plain = [str(split_ext(file)[0]) for file in files]
    collection = ImageFileCollection(filenames=plain, keywords=list(where))
    chosen = set(collection.files_filtered(**where))
    return [file for file, path in zip(files, plain, strict=True) if path in chosen]


def _jobs(frames, folder):
    """Yield a job for every frame of every file; an outcome where a file can't be read or its output is taken."""
    taken = set()
    for name in map(str, frames):
        try:
            for job in _jobs_of(name, folder):
                if job.output in taken:
                    why = f'{Path(job.output).name} is the mask of another frame of the same name already'
                    yield Outcome(job.path, job.ext, job.output, 'failed', why, of=job.of)
                else:
                    taken.add(job.output)
                    yield job
        except Exception as error:  # noqa: BLE001 - one frame stops no other; fetching raises all there is
            yield Outcome(name, 0, '', 'failed', in_a_line(error))


def _jobs_of(name, folder):
    if '://' in name:
        stem = stem_of(name_of(name))
        with local_file(name) as copy:
            chosen = every = frame_extensions(copy)
    else:
        path, ext = split_ext(name)
        path = path.resolve()
        every = frame_extensions(path)
        chosen = every if ext is None else frame_extensions(path, ext)
        name, stem = str(path), stem_of(path.name)
    several = len(every) > 1
    outputs = {index: folder / f'{stem}{f"_ext{index}" if several else ""}_crmask.fits' for index in chosen}
    return [Job(name, index, str(output), len(chosen)) for index, output in outputs.items()]


# Dask


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
