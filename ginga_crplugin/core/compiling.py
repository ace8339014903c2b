"""The room of the compiler: whether the fast engine can run, and its compiling, once on a machine, in the background.

numba is loaded here and nowhere before; whoever asks `ready` may do so without waiting.
"""

import threading
from dataclasses import replace
from itertools import product

import numpy as np

from .frame import Frame
from .params import LACosmicParams

__all__ = ['compile_all', 'compile_in_background', 'problem', 'ready']

#: The numbers that cameras and pipelines write; another kind is compiled when it comes.
_NUMBERS = ('float32', 'uint16', 'int16', 'int32', 'float64')


class _State:
    """What is known of the compiler; shared by all threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.ready = False
        self.problem = ''


_state = _State()


def ready():
    """Tell whether the fast engine is compiled and loaded in this process."""
    return _state.ready


def problem():
    """Return in words why the fast engine can't run here; empty while nothing is known against it."""
    return _state.problem


def compile_all():
    """Compile all kernels, or load them where that was done before, and return whether the fast engine can run.

    It takes about half a minute the first time on a machine, and half a second in later processes. If another thread
    is at it already, wait for that.
    """
    with _state.lock:
        if not _state.ready and not _state.problem:
            try:
                _try_all()
                _state.ready = True
            except Exception as error:  # noqa: BLE001 - whatever is wrong with numba, ccdproc does it
                _state.problem = f'{type(error).__name__}: {error}'.splitlines()[0]
    return _state.ready


def compile_in_background(done=None):
    """Start `compile_all` in a thread of its own.

    Parameters
    ----------
    done : callable, optional
        Is called in that thread with whether the fast engine can run.

    Returns
    -------
    `threading.Thread`
    """

    def work():
        able = compile_all()
        if done is not None:
            done(able)

    thread = threading.Thread(target=work, name='compile L.A.Cosmic', daemon=True)
    thread.start()
    return thread


def _try_all():
    """Run the engine on a small frame of each kind, with each option that has kernels of its own."""
    pixels = _sample()
    for number in _NUMBERS:
        _engine(Frame(pixels.astype(number))).detect()
    sky = np.full(pixels.shape, 100.0, np.float32)
    frame = Frame(pixels, background=sky, variance=sky)
    engine = _engine(frame)
    for sepmed, fsmode, cleantype in product((True, False), ('median', 'convolve'), ('meanmask', 'medmask', 'idw')):
        engine.detect(replace(engine.params, sepmed=sepmed, fsmode=fsmode, cleantype=cleantype, satlevel=30000.0))


def _engine(frame):
    from .lacosmic import LACosmic

    return LACosmic(frame, LACosmicParams())


def _sample():
    """Return a frame with a saturated star, and hits of which one fills more than 5 x 5 pixels."""
    pixels = np.random.default_rng(0).normal(100.0, 10.0, (48, 48)).astype(np.float32)
    pixels[5:20, 5:20] = 32000.0
    pixels[34, 8:40] += 2000.0
    pixels[30:36, 20:26] += 5000.0
    return pixels
