"""The steps of one run of the fast engine."""

from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import version
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

import ginga_crplugin
from ginga_crplugin.core.params import LACosmicParams

from .cleaning import Cleaning, Workspace, bounding_boxes
from .detection import EDGE, Cancelled, Detection, check_searched, mirror_edges, trim_counts
from .electrons import ElectronImage
from .exclusion import Exclusion
from .psf import psf_kernel
from .search_area import SearchArea, excluded_border
from .settled import SettledBlocks
from .significance import SignificanceImage, SignificanceTiles, Thresholds
from .tiles import (
    BLOCK_SIZE,
    SQUARE_SIZES,
    block_boxes,
    cover_blocks,
    make_tiles,
    row_maxima,
    split_into_chunks,
    tile_rows,
)

if TYPE_CHECKING:
    from .engine import LACosmic

__all__ = ['Run', 'check_cancel']

F32 = np.float32
_NO_PSF = np.empty((0, 0), F32)
_NO_VALUES = np.empty(0, F32)


def check_cancel(cancel: Callable[[], bool]) -> None:
    """Stop the run if the caller cancelled it.

    Parameters
    ----------
    cancel : callable
        Returns whether to stop.

    Raises
    ------
    Cancelled
        If it returns True.
    """
    if cancel():
        raise Cancelled


class _FirstIteration:
    """S' and S' / F of the original frame in the blocks in which they were computed; S' is below sigclip in others."""

    def __init__(self, grid):
        self.computed = np.zeros(grid, bool)
        self.tiles = list[SignificanceTiles]()
        self.sigclip = np.inf
        self.version = None

    def set_version(self, version):
        """Forget the highest values in the tiles if other pixels are excluded."""
        for tiles in self.tiles if version is not self.version else ():
            tiles.highest.fill(np.inf)
        self.version = version


class Run:
    """One run of L.A.Cosmic with one set of parameters.

    The numbers of the steps in the docstrings are those in `engine`.

    Parameters
    ----------
    engine : LACosmic
        The engine with the frame and the cached results of earlier runs.
    params : LACosmicParams
        The parameters.
    progress : callable
        Called with the finished fraction of the work, from 0 to 1.
    cancel : callable
        Returns whether to stop.
    """

    def __init__(
        self,
        engine: 'LACosmic',
        params: LACosmicParams,
        progress: Callable[[float], object],
        cancel: Callable[[], bool],
    ) -> None:
        self.engine, self.params, self.progress, self.cancel = engine, params, progress, cancel
        sigclip = F32(params.sigclip)
        self.limits = Thresholds(sigclip, F32(params.sigfrac) * sigclip, F32(params.objlim))
        self.image_key = params.search_edges, params.gain, params.pssl
        self.image = engine.cached('image', self.image_key, self._make_image)
        psf = psf_kernel(params, engine.frame.psfk) if params.fsmode == 'convolve' else _NO_PSF
        self.image.check_range(convolve=psf.size > 0)
        self.readnoise2 = F32(params.readnoise) * F32(params.readnoise)
        self.significance = SignificanceImage(self.image, self.readnoise2, params.sepmed, psf)
        self.shape = self.image.shape
        self.grid = tuple(-(-n // BLOCK_SIZE) for n in self.shape)

    def _make_image(self):
        arrays = self.engine.cached('arrays', self.params.search_edges, self._make_arrays)
        return ElectronImage(*arrays, self.params.gain, self.params.pssl)

    def _make_arrays(self):
        frame = self.engine.frame
        variance = None if frame.variance is None else np.asarray(frame.variance, dtype=F32)
        return [self._with_edges(image) for image in (frame.filled, frame.background, variance)]

    def _with_edges(self, image):
        return mirror_edges(image) if self.params.search_edges else image

    def detection(self) -> Detection:
        """Find cosmic rays and clean them, until no new ones are found.

        Returns
        -------
        Detection
            The cosmic-ray pixels and the cleaned frame.

        Raises
        ------
        Cancelled
            If ``cancel`` returned True.
        ValueError
            If no pixels are left to search.
        """
        exclusion = self._exclusion()
        area = self._area(exclusion)
        check_searched(area.count)
        levels = self._levels(exclusion)
        work = self.engine.cached('work', self.shape, lambda: Workspace(self.shape))
        with Cleaning(self.image, exclusion.states, self.params.cleantype, self.readnoise2, levels, work) as cleaning:
            counts = self._iterate(cleaning, exclusion)
            return self._result(cleaning, area, counts)

    def _iterate(self, cleaning, exclusion):
        """Flag and clean until no new pixels are found; return the number of new pixels in each iteration."""
        found, counts = self._first_iteration(exclusion), []
        settled = self._settled(exclusion)
        while True:
            new = cleaning.flag(found)
            counts.append(self._to_frame(new)[0].size)  # without those in the mirrored edges
            if new.size == 0:
                break
            changed = cleaning.clean(new)
            if len(counts) == self.params.niter:
                break
            self.progress(0.9 + 0.1 * len(counts) / self.params.niter)
            if len(counts) == 1:
                settled.set_flagged(new)
                changed = settled.remove_settled(changed, self.limits.sigclip)
            boxes, size = self._affected_boxes(changed, cleaning.work)
            found, highest = self._next_iteration(boxes, cleaning)
            if len(counts) == 1:
                settled.set_highest(boxes, size, highest)
        return counts

    def _settled(self, exclusion):
        """Return the blocks in which the second iteration of an earlier run found nothing."""
        psf = self.significance.psf
        key = *self.image_key, self.params.readnoise, self.params.sepmed, psf.shape, psf.tobytes()
        # a pixel is cleaned with the good pixels within 5 x 5
        make = partial(SettledBlocks, self.shape, 2 * self.significance.margin + 2)
        return self.engine.cached('settled', (*key, self.params.cleantype, exclusion.version), make)

    def _area(self, exclusion):
        """Return the pixels that are searched; results with the same exclusion share them."""
        border = excluded_border(self.params)

        def make():
            stars = self._to_frame(np.sort(exclusion.stars))[0]
            frame = self.engine.frame
            return SearchArea(frame.shape, frame, stars, border, exclusion.count_good(border or EDGE))

        return self.engine.cached('area', (self.params.search_edges, exclusion.version, border), make)

    def _exclusion(self):
        """Exclude the input masks, grown by one pixel, and the saturated stars, grown by four (step 1)."""
        exclusion = self.engine.cached('exclusion', self.params.search_edges, lambda: Exclusion(self.shape))
        frame = self.engine.frame
        if exclusion.source is not frame.masks:
            excluded = self._with_edges(frame.excluded()).__getitem__ if self.params.search_edges else frame.excluded
            # without cancel, since a mask that is set in part could not be updated
            exclusion.set_input(frame.masks, excluded, partial(self.engine.map_jobs, cancel=bool))
        key = *self.image_key, self.params.satlevel, self.params.sepmed
        if exclusion.star_key != key:
            exclusion.set_stars(self._find_saturated(), key)
        return exclusion

    def _find_saturated(self):
        """Return the flat indices of the saturated pixels of stars."""
        level = F32(self.params.satlevel)
        if np.isinf(level):
            return np.empty(0, np.int64)
        maxima = self.engine.cached('maxima', self.params.search_edges, self._block_maxima)
        saturated = np.flatnonzero(self.image.to_electrons(maxima) >= level)
        cores = block_boxes(saturated, BLOCK_SIZE, self.shape)
        chunks = split_into_chunks(cores, self.significance.margin)
        return self._concatenate(lambda cores: self.significance.find_saturated(cores, level), chunks)

    def _block_maxima(self):
        """Return the maximum of each block, in the unit of the frame."""
        return np.concatenate(list(self._map(partial(row_maxima, self.image.raw), tile_rows(self.shape))))

    def _first_iteration(self, exclusion):
        """Return the flat indices of the cosmic rays of the original frame (steps 2 and 3).

        S' / F is computed once in each block in which S' exceeds ``sigclip``.
        """
        key = *self.image_key, self.params.readnoise, self.params.sepmed
        significance = self.engine.cached('significance', key, self._block_significance)
        psf = self.significance.psf
        first = self.engine.cached('first', (*key, psf.shape, psf.tobytes()), lambda: _FirstIteration(self.grid))
        if self.limits.sigclip < first.sigclip:
            missing = (significance > self.limits.sigclip) & ~first.computed
            cores, computed = cover_blocks(missing, self.significance.margin, self.shape)
            jobs = split_into_chunks(cores, self.significance.margin)
            first.tiles += list(self._map(self.significance.of_original, jobs))
            first.computed |= computed
            first.sigclip = self.limits.sigclip
        first.set_version(exclusion.version)
        return self._concatenate(lambda tiles: tiles.find_cosmic_rays(exclusion.states, self.limits), first.tiles)

    def _block_significance(self):
        """Return the maximum of S' in each block."""
        out = np.empty(self.grid, F32)
        reach = self.significance.reach
        jobs = [chunk for row in tile_rows(self.shape) for chunk in split_into_chunks(row, reach)]
        for k, _ in enumerate(self._map(lambda cores: self.significance.block_maxima(cores, out), jobs)):
            self.progress(0.8 * (k + 1) / len(jobs))
        return out

    def _next_iteration(self, boxes, cleaning):
        """Find the cosmic rays around boxes of pixels that changed in the last iteration (step 5).

        Returns the flat indices of the cosmic rays, and the highest S' around each box.
        """
        significance, limits = self.significance, self.limits

        def find(cores):
            tiles = significance.of_cleaned(cores, cleaning, limits.sigclip)
            return tiles.find_cosmic_rays(cleaning.states, limits), tiles.highest[:, 0]

        cores = make_tiles(boxes, significance.margin, self.shape).boxes
        parts = list(self._map(find, split_into_chunks(cores, significance.margin)))
        return _joined([found for found, _ in parts]), np.concatenate([highest for _, highest in parts] or [_NO_VALUES])

    def _affected_boxes(self, changed, work):
        """Return the bounding boxes of pixels in squares of the size that needs the fewest pixels, and this size."""
        margin, choices = self.significance.margin, []
        for size in SQUARE_SIZES:
            boxes = bounding_boxes(changed, size, self.shape, work)
            y0, y1, x0, x1 = boxes.T
            changed = np.concatenate([y0 * self.shape[1] + x0, (y1 - 1) * self.shape[1] + x1 - 1])
            choices.append((make_tiles(boxes, 2 * margin, self.shape).size, boxes, size))
        return min(choices, key=itemgetter(0))[1:]

    def _map(self, work, jobs):
        return self.engine.map_jobs(work, jobs, self.cancel)

    def _concatenate(self, work, jobs):
        return _joined(list(self._map(work, jobs)))

    def _levels(self, exclusion):
        """Return a function that computes the median levels of image and variance when they are needed."""
        key = *self.image_key, self.params.readnoise, exclusion.version

        def compute():
            return self.image.median_levels(exclusion.states, self.readnoise2)

        return lambda: self.engine.cached('levels', key, compute)

    def _to_frame(self, pixels):
        """Convert flat indices to those of the frame without mirrored edges; also return which ones are in it."""
        if not self.params.search_edges:
            return pixels, slice(None)
        y, x = np.divmod(pixels, self.shape[1])
        ny, nx = self.engine.frame.shape
        inside = (y >= EDGE) & (x >= EDGE) & (y < ny + EDGE) & (x < nx + EDGE)
        return ((y - EDGE) * nx + x - EDGE)[inside], inside

    def _result(self, cleaning, area, counts):
        pixels, electrons = cleaning.result
        indices, inside = self._to_frame(pixels)
        values = self.image.to_frame_unit(pixels, electrons)[inside]
        self.progress(1.0)
        data = self.engine.frame.ccd.data
        return Detection(self.params, data, indices, values, area, trim_counts(counts), _engine_name())


@cache
def _engine_name():
    own = f'ginga_crplugin {ginga_crplugin.__version__}, numba {version("numba")}'
    return f'{own}, identical to astroscrappy {version("astroscrappy")}'


def _joined(parts):
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
