"""Detection of cosmic rays by masked L.A.Cosmic, with the fast engine or ccdproc."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from astropy.nddata import NDData
from numpy.typing import ArrayLike

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.interpretation import as_frame
from ginga_crplugin.core.params import LACosmicParams

from . import compilation
from .detection import Detection, Unsupported
from .reference import detect_with_ccdproc

if TYPE_CHECKING:
    from .engine import LACosmic

__all__ = ['Detector', 'detect']

ENGINES = 'fast', 'ccdproc'


def detect(
    frame: Frame | NDData | ArrayLike,
    params: LACosmicParams | None = None,
    engine: str = 'fast',
    threads: int = 1,
    progress: Callable[[float], object] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Detection:
    """Detect the cosmic rays of a frame by masked L.A.Cosmic (van Dokkum 2001).

    The input masks of the frame and its non-finite pixels are excluded from the search. The frame is not changed.

    Parameters
    ----------
    frame : Frame, `~astropy.nddata.CCDData`, `~astropy.nddata.NDData` or (ny, nx) array_like
        The frame with its masks and, where given, its background or variance image and kernel. Other images are
        converted with `Frame`.
    params : LACosmicParams, optional
        The parameters; by default those of the header of the frame, and the defaults of ccdproc.
    engine : {'fast', 'ccdproc'}
        The implementation. The results are identical. ccdproc is also used if numba cannot be used or the fast engine
        does not support the frame; the result records the engine.
    threads : int
        Number of threads of the fast engine.
    progress : callable, optional
        Called with the finished fraction of the work, from 0 to 1. Not called by ccdproc.
    cancel : callable, optional
        Returns whether to stop. Not called by ccdproc.

    Returns
    -------
    Detection
        The cosmic-ray pixels and the cleaned frame.

    Raises
    ------
    Cancelled
        If ``cancel`` returned True.
    ValueError
        If there is no such engine, if the frame is in electrons and the gain is not 1, if a sky level and a background
        or variance image are given together, or if no pixels are left to search.

    References
    ----------
    van Dokkum 2001, PASP 113, 1420.
    """
    if engine not in ENGINES:
        msg = f'engine is {engine!r}: it must be one of {", ".join(ENGINES)}'
        raise ValueError(msg)
    frame = as_frame(frame)
    if params is None:
        params, _ = frame.parameters()
    if engine == 'fast':
        return Detector(threads, wait=True).detect(frame, params, progress, cancel)
    return detect_with_ccdproc(frame, params)


class Detector:
    """Detects cosmic rays repeatedly, keeping intermediate results for the next run on the same pixels.

    Parameters
    ----------
    threads : int, optional
        Number of threads of the fast engine.
    wait : bool, optional
        Whether to wait until the fast engine is compiled. By default, ccdproc is used until then.
    """

    def __init__(self, threads: int = 1, *, wait: bool = False) -> None:
        self._threads, self._wait = threads, wait
        self._engine: LACosmic | None = None

    def detect(
        self,
        frame: Frame,
        params: LACosmicParams,
        progress: Callable[[float], object] | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Detection:
        """Detect the cosmic rays of a frame.

        Parameters
        ----------
        frame : Frame
            The frame to search.
        params : LACosmicParams
            The parameters.
        progress, cancel : callable, optional
            See `detect`.

        Returns
        -------
        Detection
            The cosmic-ray pixels and the cleaned frame.

        Raises
        ------
        Cancelled, ValueError
            See `detect`.
        """
        if (compilation.usable if self._wait else compilation.ready)():
            try:
                return self._engine_for(frame, params).detect(params, progress, cancel)
            except Unsupported:
                self._engine = None
        return detect_with_ccdproc(frame, params)

    def _engine_for(self, frame, params):
        """Return the engine of the last run if it is for the same pixels, else a new one."""
        from .engine import LACosmic

        try:
            self._engine.set_frame(frame)
        except (AttributeError, ValueError):  # there is no engine yet, or the pixels differ
            self._engine = LACosmic(frame, params, self._threads)
        return self._engine
