"""The room of the algorithm: L.A.Cosmic (van Dokkum 2001) as Astro-SCRAPPY computes it, exactly, and incrementally.

The result is that of `astroscrappy.detect_cosmics`, mask and cleaned values, bit for bit; what makes it fast enough to
follow a slider is

- medians without branches, on tiles that stay in the cache (`networks`, `filters`, `kernels`);
- of S' of the whole frame only the highest value of each block of pixels: S' / F, the costly part, is worked out where
  something stands above the threshold, and kept (`fields`);
- later iterations where something was cleaned in the one before, and nowhere else (`sparse`, `cleaning`).

S' and S' / F of the first iteration depend on none of sigclip, sigfrac, objlim, the masks, satlevel, niter and
cleantype. So another threshold costs a scan of the kept blocks and the later iterations, and another mask no fields.
"""

from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import numpy as np

import ginga_crplugin

from . import dense_kernels
from .cleaning import Cleaning, bounds
from .detection import (
    EDGE,
    Cancelled,
    Detection,
    check_consistent,
    check_searched,
    mirror_edges,
    trim_counts,
    trim_edges,
)
from .electrons import Pixels
from .exclusion import Masked
from .psf import kernel_of
from .significance import Fields, Thresholds
from .tiles import BLOCK, SIZES, blocks, chunks, cover, rows_of_tiles, tiles

__all__ = ['LACosmic']

F32 = np.float32
_NO_PSF = np.empty((0, 0), F32)


class LACosmic:
    """An engine for one frame that keeps what can be kept from run to run.

    Parameters
    ----------
    frame : Frame
    params : LACosmicParams, optional
        What `detect` takes when it is called without; by default those of the frame's header.
    threads : int
        How many threads work on it.

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

    def __init__(self, frame, params=None, threads=1):
        self.frame = frame
        self.params = frame.parameters()[0] if params is None else params
        self.threads = threads
        self._kept = {}

    def detect(self, params=None, progress=None, cancel=None):
        """Find the cosmic rays of the frame.

        Parameters
        ----------
        params : LACosmicParams, optional
        progress : callable, optional
            Is told the fraction that is done, from 0 to 1, by rows of tiles.
        cancel : callable, optional
            Is asked between rows of tiles and between iterations whether to stop.

        Returns
        -------
        Detection

        Raises
        ------
        Cancelled
            If ``cancel`` said so. What was kept before is as good as it was.
        Unsupported
            If it can't be done here: pixels, sky or variance out of the range of float32, or a kernel of the point
            spread function with negative values.
        ValueError
            As `ginga_crplugin.detect`.
        """
        params = self.params if params is None else params
        check_consistent(self.frame, params)
        return _Run(self, params, progress or _ignore, cancel or _never).detection()

    def set_frame(self, frame):
        """Take a frame with the same pixels and other masks, or another background, variance or kernel.

        Raises
        ------
        ValueError
            If its pixels are others.
        """
        if not _same(frame.ccd.data, self.frame.ccd.data):
            msg = f'{frame.name} has other pixels than {self.frame.name}: make a new engine for it'
            raise ValueError(msg)
        old, self.frame = self.frame, frame
        if not all(_same(getattr(frame, name), getattr(old, name)) for name in ('background', 'variance', 'filled')):
            self._kept.clear()

    def keep(self, name, key, make):
        """Return what is kept under a name if it was made for the same key; else make it, and keep that."""
        kept = self._kept.get(name)
        if kept is None or kept[0] != key:
            kept = self._kept[name] = key, make()
        return kept[1]

    def each(self, work, jobs, cancel):
        """Yield what ``work`` makes of each job, in order; stop where ``cancel`` says so."""
        if self.threads == 1:
            for job in jobs:
                _stop_if(cancel)
                yield work(job)
            return
        pool = ThreadPoolExecutor(self.threads)
        try:
            for result in pool.map(work, jobs):
                _stop_if(cancel)
                yield result
        finally:
            pool.shutdown(cancel_futures=True)


def _ignore(_):
    pass


def _never():
    return False


def _stop_if(cancel):
    if cancel():
        raise Cancelled


def _same(one, other):
    """Tell whether two arrays are the same, or have the same values."""
    if one is other:
        return True
    if one is None or other is None or one.shape != other.shape or one.dtype != other.dtype:
        return False
    return one.__array_interface__['data'] == other.__array_interface__['data'] or np.array_equal(one, other)


class _First:
    """What is known of the first iteration: which blocks were looked at, and what was seen there."""

    def __init__(self, grid):
        self.looked_at = np.zeros(grid, bool)
        self.seen = []


class _Run:
    """One run: the steps of L.A.Cosmic with one set of parameters."""

    def __init__(self, engine, params, progress, cancel):
        self.engine, self.params, self.progress, self.cancel = engine, params, progress, cancel
        sigclip = F32(params.sigclip)
        self.limits = Thresholds(sigclip, F32(params.sigfrac) * sigclip, F32(params.objlim))
        self.pixel_key = params.search_edges, params.gain, params.pssl
        self.pixels = engine.keep('pixels', self.pixel_key, self._pixels)
        psf = kernel_of(params, engine.frame.psfk) if params.fsmode == 'convolve' else _NO_PSF
        self.pixels.check_range(convolve=psf.size > 0)
        self.readnoise2 = F32(params.readnoise) * F32(params.readnoise)
        self.fields = Fields(self.pixels, self.readnoise2, params.sepmed, psf)
        self.shape = self.pixels.shape
        self.grid = tuple(-(-n // BLOCK) for n in self.shape)

    def _pixels(self):
        images = self.engine.keep('images', self.params.search_edges, self._images)
        return Pixels(*images, self.params.gain, self.params.pssl)

    def _images(self):
        frame = self.engine.frame
        variance = None if frame.variance is None else np.asarray(frame.variance, dtype=F32)
        return [self._wide(image) for image in (frame.filled, frame.background, variance)]

    def _wide(self, image):
        return mirror_edges(image) if self.params.search_edges else image

    def detection(self):
        """Find the cosmic rays, clean them, and find what they hid, until nothing more is found."""
        masked = self.masked()
        searched = masked.searched(3 if self.params.sepmed else 2)
        check_searched(searched)
        levels = self._levels(masked)
        cleaning = Cleaning(self.pixels, masked.mask, self.params.cleantype, self.readnoise2, levels)
        found, counts = self.first_iteration(masked.mask), []
        while True:
            new = cleaning.flag(found)
            counts.append(self._count(new))
            if new.size == 0:
                break
            changed = cleaning.clean(new)
            if len(counts) == self.params.niter:
                break
            self.progress(0.9 + 0.1 * len(counts) / self.params.niter)
            found = self.next_iteration(changed, cleaning)
        return self._result(cleaning, searched, counts)

    def masked(self):
        """Leave out the input masks, grown by one pixel, and the saturated stars, grown by four."""
        masked = self.engine.keep('masked', self.params.search_edges, lambda: Masked(self.shape))
        bits = self.engine.frame.bits
        if masked.source is not bits:
            masked.set_input(bits, self._wide(bits))
        key = *self.pixel_key, self.params.satlevel, self.params.sepmed
        if masked.star_key != key:
            masked.set_stars(self.saturated(), key)
        return masked

    def saturated(self):
        """Find the pixels of saturated stars: flat indices."""
        level = F32(self.params.satlevel)
        bright = self.pixels.in_electrons(self.engine.keep('bright', self.params.search_edges, self._bright))
        cores = blocks(np.flatnonzero(bright >= level), BLOCK, self.shape)
        return self._all(lambda cores: self.fields.saturated(cores, level), chunks(cores, self.fields.margin))

    def _bright(self):
        """Return the highest pixel of each block, in the frame's unit."""
        out = np.empty(self.grid, self.pixels.raw.dtype)
        for row in rows_of_tiles(self.shape):
            _stop_if(self.cancel)
            dense_kernels.block_peaks(self.pixels.raw, BLOCK, row[0, 0], row[0, 1], out)
        return out

    def first_iteration(self, mask):
        """Find the cosmic rays of the frame as it came: flat indices.

        S' / F is worked out in the blocks where S' gets above sigclip anywhere, and that once.
        """
        key = *self.pixel_key, self.params.readnoise, self.params.sepmed
        peaks = self.engine.keep('peaks', key, self._peaks)
        psf = self.fields.psf
        first = self.engine.keep('first', (*key, psf.shape, psf.tobytes()), lambda: _First(self.grid))
        missing = (peaks > self.limits.sigclip) & ~first.looked_at
        if missing.any():
            cores, looked_at = cover(missing, self.fields.margin, self.shape)
            jobs = chunks(cores, self.fields.margin)
            first.seen += list(self.engine.each(self.fields.before, jobs, self.cancel))
            first.looked_at |= looked_at
        return _joined([seen.find(mask, self.limits) for seen in first.seen])

    def _peaks(self):
        """Return the highest S' of each block."""
        out = np.empty(self.grid, F32)
        rows = list(rows_of_tiles(self.shape))
        for k, _ in enumerate(self.engine.each(lambda cores: self.fields.peaks(cores, out), rows, self.cancel)):
            self.progress(0.8 * (k + 1) / len(rows))
        return out

    def next_iteration(self, changed, cleaning):
        """Find the cosmic rays where the frame was cleaned in the last iteration, and as far as that reaches."""
        fields, limits = self.fields, self.limits

        def find(cores):
            return fields.after(cores, cleaning, limits.sigclip).find(cleaning.mask, limits)

        return self._all(find, chunks(self._around(changed), fields.margin))

    def _around(self, changed):
        """Return boxes around changed pixels and all that they have an effect on, that cost the least together."""
        margin, choices = self.fields.margin, []
        for size in SIZES:
            boxes = bounds(changed, size, self.shape)
            y0, y1, x0, x1 = boxes.T
            changed = np.concatenate([y0 * self.shape[1] + x0, (y1 - 1) * self.shape[1] + x1 - 1])
            choices.append(tiles(boxes, margin, self.shape).boxes)
        return min(choices, key=lambda cores: tiles(cores, margin, self.shape).size)

    def _all(self, work, jobs):
        return _joined(list(self.engine.each(work, jobs, self.cancel)))

    def _levels(self, masked):
        """Return what gives the levels of image and variance, when they are needed at all."""
        key = *self.pixel_key, self.params.readnoise, masked.version
        return lambda: self.engine.keep('levels', key, lambda: self.pixels.levels(masked.mask, self.readnoise2))

    def _count(self, new):
        """Count pixels, without those in the mirrored margin."""
        return int(np.count_nonzero(self._places(new)[1])) if self.params.search_edges else new.size

    def _places(self, flat):
        """Return where flat indices of the mirrored frame are in the frame itself, and which of them are at all."""
        y, x = np.divmod(flat, self.shape[1])
        ny, nx = self.engine.frame.shape
        inside = (y >= EDGE) & (x >= EDGE) & (y < ny + EDGE) & (x < nx + EDGE)
        return (y - EDGE) * nx + x - EDGE, inside

    def _result(self, cleaning, searched, counts):
        frame = self.engine.frame
        at, electrons = cleaning.result
        values = self.pixels.in_frame_unit(at, electrons)
        if self.params.search_edges:
            at, inside = self._places(at)
            at, values = at[inside], values[inside]
        cleaned = frame.ccd.data.astype(np.result_type(frame.ccd.data.dtype, F32))
        cleaned.reshape(-1)[at] = values
        crmask = trim_edges(cleaning.flags.view(bool), frame)
        self.progress(1.0)
        return Detection(self.params, crmask, cleaned, trim_edges(searched, frame), trim_counts(counts), _name())


def _name():
    own = f'ginga_crplugin {ginga_crplugin.__version__}, numba {version("numba")}'
    return f'{own}, as astroscrappy {version("astroscrappy")}'


def _joined(parts):
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
