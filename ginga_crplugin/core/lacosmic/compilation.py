"""The room of the compiler: whether the fast engine can run, and its compiling, once on a machine.

numba is loaded here and nowhere before; whoever asks `ready` may do so without waiting.
"""

import threading
from dataclasses import replace
from itertools import product

import numpy as np

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.frame import Frame, InputMask
from ginga_crplugin.core.params import LACosmicParams

__all__ = ['compile_all', 'problem', 'ready', 'usable']

#: The numbers that cameras and pipelines write; another kind is compiled when it comes.
_NUMBERS = ('float32', 'uint16', 'int16', 'int32', 'float64')


class _State:
    """What is known of the compiler; shared by all threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.usable = False
        self.ready = False
        self.problem = ''


_state = _State()


def ready():
    """Tell whether the fast engine is compiled and loaded in this process, with all its options."""
    return _state.ready


def problem():
    """Return in words why the fast engine can't run here; empty while nothing is known against it."""
    return _state.problem


def usable():
    """Return whether the fast engine can run here, after having it run on a small frame.

    It takes about half a minute the first time on a machine, to compile what the default parameters need, and half a
    second in later processes. If another thread is at it already, wait for that.
    """
    with _state.lock:
        _try('usable', _run_once)
    return _state.usable


def compile_all():
    """Compile all kernels, or load them where that was done before, and return whether the fast engine can run.

    It takes up to a minute the first time on a machine, and a second in later processes.
    """
    with _state.lock:
        _try('usable', _run_once)
        if _state.usable:
            _try('ready', _run_all)
    return _state.ready


def _try(name, run):
    """Set what is true of the state if a run works, and the problem if it doesn't."""
    if getattr(_state, name) or _state.problem:
        return
    try:
        run()
        setattr(_state, name, True)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with numba, ccdproc does it
        _state.problem = f'{type(error).__name__}: {error}'.splitlines()[0]


def _run_once():
    """Run the engine as it is run most."""
    _engine(Frame(_sample())).detect()


def _run_all():
    """Run the engine on a small frame of each kind, with each option that has machine code of its own."""
    pixels = _sample()
    for number in _NUMBERS:
        _engine(Frame(pixels.astype(number))).detect()
    sky = np.full(pixels.shape, 100.0, np.float32)
    frame = Frame(pixels, background=sky, variance=sky)
    engine = _engine(frame)
    for sepmed, fsmode, cleantype in product((True, False), ('median', 'convolve'), ('meanmask', 'medmask', 'idw')):
        engine.detect(replace(engine.params, sepmed=sepmed, fsmode=fsmode, cleantype=cleantype, satlevel=30000.0))
    engine.set_frame(frame.replace(masks=(InputMask('some', MaskBit.BAD, pixels > 4000.0),)))
    engine.detect()


def _engine(frame):
    from .engine import LACosmic

    return LACosmic(frame, LACosmicParams())


def _sample():
    """Return a frame with a saturated star, and hits of which one fills more than 5 x 5 pixels."""
    pixels = np.random.default_rng(0).normal(100.0, 10.0, (48, 48)).astype(np.float32)
    pixels[5:20, 5:20] = 32000.0
    pixels[34, 8:40] += 2000.0
    pixels[30:36, 20:26] += 5000.0
    return pixels
