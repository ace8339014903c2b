"""Start the fork server, from which the workers are forked, while the program is still importing."""

import multiprocessing
import os
import signal
from multiprocessing import forkserver, resource_tracker

__all__ = ['DASK_CONFIG', 'start_forkserver']

#: The modules that the fork server imports once for all workers.
_PRELOAD = 'distributed', 'distributed.nanny', 'ginga_crplugin.batch.job', 'ginga_crplugin.core.lacosmic.engine'

#: Dask makes its workers return freed memory at once; frames reuse the same memory, and allocating its pages again
#: takes 0.5 s per frame instead of 0.3 s. Each worker runs with one thread.
_ENVIRONMENT = {
    'MALLOC_TRIM_THRESHOLD_': str(1 << 31),
    'MALLOC_MMAP_THRESHOLD_': str(1 << 30),
    'OMP_NUM_THREADS': '1',
    'OPENBLAS_NUM_THREADS': '1',
    'MKL_NUM_THREADS': '1',
}

_AVAILABLE = 'forkserver' in multiprocessing.get_all_start_methods()  # not on Windows

#: The Dask configuration of the workers; by default Dask profiles them a hundred times per second.
DASK_CONFIG = {
    'distributed.nanny.pre-spawn-environ': _ENVIRONMENT,
    'distributed.worker.profile.enabled': False,
    'distributed.worker.multiprocessing-method': 'forkserver' if _AVAILABLE else 'spawn',
}


def start_forkserver() -> None:
    """Start the fork server, which imports what the workers need; do nothing where the system has none (Windows)."""
    if not _AVAILABLE:
        return
    forkserver.set_forkserver_preload(list(_PRELOAD))
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    resource_tracker.ensure_running()  # before, because its start unblocks the signal
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited by the new process
    os.environ.update(_ENVIRONMENT)  # the variables are read when a process starts, not when it is forked
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
