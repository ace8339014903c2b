"""The room of the worker processes of this machine: made ready while the program still reads what is to be done."""

import multiprocessing
import os
from multiprocessing import forkserver

__all__ = ['SETTINGS', 'make_ready']

#: What they have loaded before they are made, once for all of them.
_LOADED = 'distributed', 'distributed.nanny', 'ginga_crplugin.batch.job', 'ginga_crplugin.core.lacosmic.engine'

#: Dask has its workers give memory back at once; frames come and go in the same memory, and the pages that are given
#: back have to be made again for each: 0.5 s for a frame instead of 0.3. Each works with one thread.
_ENVIRON = {
    'MALLOC_TRIM_THRESHOLD_': str(1 << 31),
    'MALLOC_MMAP_THRESHOLD_': str(1 << 30),
    'OMP_NUM_THREADS': '1',
    'OPENBLAS_NUM_THREADS': '1',
    'MKL_NUM_THREADS': '1',
}

_FORKED = 'forkserver' in multiprocessing.get_all_start_methods()  # not on Windows

#: The configuration of Dask for them; by default it looks at them a hundred times in a second.
SETTINGS = {
    'distributed.nanny.pre-spawn-environ': _ENVIRON,
    'distributed.worker.profile.enabled': False,
    'distributed.worker.multiprocessing-method': 'forkserver' if _FORKED else 'spawn',
}


def make_ready():
    """Start the process that the workers are forked from, where there can be one; it loads what they need by itself."""
    if not _FORKED:
        return
    forkserver.set_forkserver_preload(list(_LOADED))
    before = {name: os.environ.get(name) for name in _ENVIRON}
    os.environ.update(_ENVIRON)  # read when a process begins, and not when it is forked
    try:
        forkserver.ensure_running()
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
