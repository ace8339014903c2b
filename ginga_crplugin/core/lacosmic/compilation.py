"""Compilation of the fast engine, and whether it can run.

This is the only place where numba is loaded. `ready` and `problem` return at once.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.input_mask import InputMask
from ginga_crplugin.core.params import LACosmicParams

from .tails import TailFinder, find_tails

if TYPE_CHECKING:
    from .engine import LACosmic

__all__ = ['Compiler', 'compile_all', 'problem', 'ready', 'run_all_options', 'run_defaults', 'usable']

#: The dtypes that cameras and pipelines write; others are compiled on first use.
_DTYPES = ('float32', 'uint16', 'int16', 'int32', 'float64')


def run_defaults() -> None:
    """Run the engine with the default parameters on a small frame, which compiles what they need."""
    frame = Frame(_sample())
    find_tails(frame, _engine(frame).detect())


def run_all_options() -> None:
    """Run the engine on small frames with every option that has machine code of its own."""
    pixels = _sample()
    for dtype in _DTYPES:
        frame = Frame(pixels.astype(dtype))
        detection, finder = _engine(frame).detect(), TailFinder()
        finder.find(frame, detection)
        finder.find(frame, detection)  # compares with the first time
    sky = np.full(pixels.shape, 100.0, np.float32)
    frame = Frame(pixels, background=sky, variance=sky)
    engine = _engine(frame)
    for sepmed, fsmode, cleantype in product((True, False), ('median', 'convolve'), ('meanmask', 'medmask', 'idw')):
        engine.detect(replace(engine.params, sepmed=sepmed, fsmode=fsmode, cleantype=cleantype, satlevel=30000.0))
    engine.set_frame(frame.replace(masks=(InputMask('some', MaskBit.BAD, pixels > 4000.0),)))
    engine.detect()


class Compiler:
    """State of the compilation, shared by all threads.

    Parameters
    ----------
    run_defaults, run_all_options : callable
        Compile the kernels by running them: with the default parameters, and with all options.

    Attributes
    ----------
    usable : bool
        Whether the engine ran with the default parameters.
    ready : bool
        Whether the engine ran with all options.
    problem : str
        Why the engine cannot run; empty if no reason is known.
    """

    def __init__(
        self, run_defaults: Callable[[], None] = run_defaults, run_all_options: Callable[[], None] = run_all_options
    ) -> None:
        self._run_defaults, self._run_all_options = run_defaults, run_all_options
        self._lock = threading.Lock()
        self.usable = False
        self.ready = False
        self.problem = ''

    def make_usable(self) -> bool:
        """Compile what the default parameters need; wait if another thread is compiling.

        Returns
        -------
        bool
            Whether the engine can run.
        """
        with self._lock:
            self.usable = self.usable or self._try(self._run_defaults)
        return self.usable

    def compile_all(self) -> bool:
        """Compile all kernels; wait if another thread is compiling.

        Returns
        -------
        bool
            Whether the engine can run with all options.
        """
        with self._lock:
            self.usable = self.usable or self._try(self._run_defaults)
            self.ready = self.ready or (self.usable and self._try(self._run_all_options))
        return self.ready

    def _try(self, run):
        """Return whether a run succeeds; once a run has failed, none is tried again."""
        if self.problem:
            return False
        try:
            run()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with numba, ccdproc can be used
            self.problem = f'{type(error).__name__}: {error}'.splitlines()[0]
            return False
        return True


#: The compiler of this process.
compiler = Compiler()


def ready() -> bool:
    """Return whether the fast engine is compiled and loaded in this process, with all its options.

    Returns
    -------
    bool
        False as long as `compile_all` has not succeeded.
    """
    return compiler.ready


def problem() -> str:
    """Return why the fast engine cannot run here.

    Returns
    -------
    str
        The error in one line; empty if none is known.
    """
    return compiler.problem


def usable() -> bool:
    """Compile what the default parameters need and return whether the fast engine can run.

    This takes about 15 s the first time on a machine, and half a second in later processes. If another thread
    is compiling, wait for it.

    Returns
    -------
    bool
        Whether the engine ran on a small frame.
    """
    return compiler.make_usable()


def compile_all() -> bool:
    """Compile all kernels, or load them from the cache, and return whether the fast engine can run.

    This takes about 20 s the first time on a machine, and half a second in later processes.

    Returns
    -------
    bool
        Whether the engine ran with all options.
    """
    return compiler.compile_all()


def _engine(frame: Frame) -> 'LACosmic':
    from .engine import LACosmic

    return LACosmic(frame, LACosmicParams())


def _sample():
    """Return a frame with a saturated star, and with cosmic rays of which one fills more than 5 x 5 pixels."""
    pixels = np.random.default_rng(0).normal(100.0, 10.0, (48, 48)).astype(np.float32)
    pixels[5:20, 5:20] = 32000.0
    pixels[34, 8:40] += 2000.0
    pixels[30:36, 20:26] += 5000.0
    return pixels
