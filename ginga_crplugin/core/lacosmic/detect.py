"""The room of the detection: masked L.A.Cosmic on a frame, by the fast engine or by ccdproc."""

from . import compilation
from .detection import (
    EDGE,
    Cancelled,
    Detection,
    Unsupported,
    restore_unflagged,
)
from .reference import detect_with_ccdproc

__all__ = ['EDGE', 'Cancelled', 'Detection', 'Detector', 'detect', 'restore_unflagged']

ENGINES = 'fast', 'ccdproc'


def detect(frame, params=None, engine='fast', threads=1, progress=None, cancel=None):
    """Find the cosmic rays of a frame by masked L.A.Cosmic (van Dokkum 2001).

    The frame's input masks and its pixels that are not finite are left out. The frame itself is not changed.

    Parameters
    ----------
    frame : Frame
        The frame, with its masks, and with a background or variance image and a kernel where there are.
    params : LACosmicParams, optional
        By default those of the frame's header, over ccdproc's own.
    engine : {'fast', 'ccdproc'}
        What computes it; the results are the same, bit for bit. Where numba is missing or fails, and for what the fast
        engine can't do, ccdproc is taken all the same; the result names its engine.
    threads : int
        How many threads the fast engine works with.
    progress, cancel : callable, optional
        As for `ginga_crplugin.core.lacosmic.engine.LACosmic.detect`; ccdproc can't tell, and can't be stopped.

    Returns
    -------
    Detection

    Raises
    ------
    ValueError
        If the frame is in electrons and the gain is not 1, if a sky level and a background or variance image
        are both given, or if the masks leave nothing to search.
    """
    if engine not in ENGINES:
        msg = f'engine is {engine!r}: it must be one of {", ".join(ENGINES)}'
        raise ValueError(msg)
    if params is None:
        params, _ = frame.parameters()
    if engine == 'fast':
        return Detector(threads, wait=True).detect(frame, params, progress, cancel)
    return detect_with_ccdproc(frame, params)


class Detector:
    """Finds the cosmic rays of a frame again and again: by the fast engine once that is compiled, else by ccdproc.

    Parameters
    ----------
    threads : int, optional
        How many threads the fast engine works with.
    wait : bool, optional
        Whether to wait for its compiling, rather than to take ccdproc until then.
    """

    def __init__(self, threads=1, *, wait=False):
        self._threads, self._wait = threads, wait
        self._engine = None

    def detect(self, frame, params, progress=None, cancel=None):
        """Find the cosmic rays, and keep what the next run on the same pixels can use (see `detect`)."""
        if (compilation.usable if self._wait else compilation.ready)():
            try:
                return self._engine_for(frame, params).detect(params, progress, cancel)
            except Unsupported:
                self._engine = None
        return detect_with_ccdproc(frame, params)

    def _engine_for(self, frame, params):
        from .engine import LACosmic

        try:
            self._engine.set_frame(frame)
        except (AttributeError, ValueError):  # there is none, or one for other pixels
            self._engine = LACosmic(frame, params, self._threads)
        return self._engine
