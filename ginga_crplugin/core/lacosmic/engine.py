"""The fast engine: L.A.Cosmic (van Dokkum 2001) as Astro-SCRAPPY computes it, bit for bit, tile by tile.

The steps of one run (`run.Run.detection`):

1. Exclude the input masks and the saturated stars (`exclusion`).
2. Compute the significance S' of the frame in electrons, and its maximum in each block of pixels (`significance`).
3. Where S' exceeds ``sigclip``, compute S' / F with the fine structure F. Pixels with S' > ``sigclip`` and
   S' / F > ``objlim`` are cosmic rays, together with their significant neighbors.
4. Replace the flagged pixels by the good pixels around them (`cleaning`).
5. Repeat steps 2 to 4 where pixels were replaced, until no new pixels are found or ``niter`` is reached.

The engine is fast because

- the median filters are selection networks on tiles that fit into the cache (`median_networks`, `filters`,
  `dense_kernels`, `significance_kernels`);
- F, the expensive part, is computed only in blocks with a pixel of S' above the threshold, and kept;
- later iterations compute only the surroundings of pixels that were replaced (`sparse_kernels`).

S' and S' / F of the first iteration depend on none of ``sigclip``, ``sigfrac``, ``objlim``, the masks, ``satlevel``,
``niter`` and ``cleantype``. A change of these costs a search of the kept blocks and the later iterations.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cached_property
from typing import Any

import numpy as np

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.params import LACosmicParams

from .detection import Detection, check_consistent
from .run import Run, check_cancel

__all__ = ['LACosmic']


class LACosmic:
    """An engine for one frame that keeps intermediate results from run to run.

    Parameters
    ----------
    frame : Frame
        The frame to search.
    params : LACosmicParams, optional
        The parameters of `detect` if it is called without; by default those of the header of the frame.
    threads : int
        Number of threads.

    Examples
    --------
    >>> import numpy as np
    >>> from ginga_crplugin import Frame, LACosmicParams
    >>> pixels = np.full((32, 32), 100.0, dtype=np.float32)
    >>> pixels[16, 16] = 5000
    >>> engine = LACosmic(Frame(pixels), LACosmicParams(sigclip=5))
    >>> engine.detect().pixels
    1
    """

    def __init__(self, frame: Frame, params: LACosmicParams | None = None, threads: int = 1) -> None:
        self.frame = frame
        self.params = frame.parameters()[0] if params is None else params
        self.threads = threads
        self._cache: dict[str, tuple[Any, Any]] = {}

    def detect(
        self,
        params: LACosmicParams | None = None,
        progress: Callable[[float], object] | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Detection:
        """Detect the cosmic rays of the frame.

        Parameters
        ----------
        params : LACosmicParams, optional
            The parameters; by default those of the engine.
        progress : callable, optional
            Called with the finished fraction of the work, from 0 to 1, after each row of tiles.
        cancel : callable, optional
            Returns whether to stop; called between rows of tiles and between iterations.

        Returns
        -------
        Detection
            The cosmic-ray pixels and the cleaned frame.

        Raises
        ------
        Cancelled
            If ``cancel`` returned True. The intermediate results remain valid.
        Unsupported
            If pixels, sky or variance are beyond the range of float32, or the kernel of the point spread function has
            negative values.
        ValueError
            As `ginga_crplugin.detect`.
        """
        params = self.params if params is None else params
        check_consistent(self.frame, params)
        return Run(self, params, progress or _ignore_progress, cancel or _never_cancel).detection()

    def set_frame(self, frame: Frame) -> None:
        """Replace the frame by one with the same pixels and other masks, background, variance or kernel.

        Parameters
        ----------
        frame : Frame
            The new frame.

        Raises
        ------
        ValueError
            If its pixels differ.
        """
        if not _same(frame.ccd.data, self.frame.ccd.data):
            msg = f'the pixels of {frame.name} differ from those of {self.frame.name}: make a new engine'
            raise ValueError(msg)
        old, self.frame = self.frame, frame
        if not all(_same(getattr(frame, name), getattr(old, name)) for name in ('background', 'variance', 'filled')):
            self._cache.clear()

    def cached(self, name: str, key: Any, make: Callable[[], Any]) -> Any:
        """Return a cached value, after computing it if its key has changed.

        Parameters
        ----------
        name : str
            The name of the value.
        key : object
            Everything the value depends on.
        make : callable
            Computes the value.

        Returns
        -------
        object
            The value.
        """
        entry = self._cache.get(name)
        if entry is None or entry[0] != key:
            entry = self._cache[name] = key, make()
        return entry[1]

    def map_jobs(self, work: Callable[[Any], Any], jobs: Iterable[Any], cancel: Callable[[], bool]) -> Iterator[Any]:
        """Apply a function to jobs, in threads if the engine has several.

        Parameters
        ----------
        work : callable
            The function.
        jobs : iterable
            Its arguments.
        cancel : callable
            Returns whether to stop; called after each job.

        Yields
        ------
        object
            The results, in order.
        """
        if self.threads == 1:
            for job in jobs:
                check_cancel(cancel)
                yield work(job)
            return
        futures = [self._pool.submit(work, job) for job in jobs]
        try:
            for future in futures:
                check_cancel(cancel)
                yield future.result()
        finally:
            wait([future for future in futures if not future.cancel()])

    @cached_property
    def _pool(self):
        return ThreadPoolExecutor(self.threads)


def _ignore_progress(_):
    pass


def _never_cancel():
    return False


def _same(one, other):
    """Return whether two arrays are the same or have equal values."""
    if one is other:
        return True
    if one is None or other is None or one.shape != other.shape or one.dtype != other.dtype:
        return False
    return one.__array_interface__['data'] == other.__array_interface__['data'] or np.array_equal(one, other)
