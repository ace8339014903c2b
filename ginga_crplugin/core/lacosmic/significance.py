"""The room of the fields: S' and S' / F of the frame, where they are needed, and what stands above the thresholds."""

from dataclasses import dataclass

import numpy as np

from . import dense_kernels, sparse_kernels
from .tiles import BLOCK, Tiles, tiles

__all__ = ['Fields', 'Seen', 'Thresholds']

F32 = np.float32
#: How far the medians reach: of the variance, of S, of the image for its fine structure, and of that again. With
#: ``sepmed`` Astro-SCRAPPY filters along x and y over two pixels more than the squares have that it takes without.
HALVES = {True: (3, 3, 2, 4), False: (2, 2, 1, 3)}
_EVERYWHERE = F32(-np.inf)


@dataclass(frozen=True)
class Thresholds:
    """What S' and S' / F must be above, as float32."""

    sigclip: np.float32
    siglow: np.float32
    objlim: np.float32


@dataclass(frozen=True, eq=False)
class Seen:
    """S' and S' / F of tiles, flat float32.

    S' is known in their boxes ``s_tiles`` and S' / F in the boxes ``ratio_tiles``, whose cores are those of both.
    """

    s_tiles: Tiles
    s: np.ndarray
    ratio_tiles: Tiles
    ratio: np.ndarray

    def find(self, mask, limits):
        """Flag the cosmic rays whose seeds lie in the cores: flat indices.

        Parameters
        ----------
        mask : (ny, nx) uint8 ndarray
            0 where a pixel is good.
        limits : Thresholds
        """
        found = np.empty(self.s.size, np.int64)
        args = self.s, *self.s_tiles.where[:2], self.ratio, *self.ratio_tiles.where, mask
        return found[: sparse_kernels.find(*args, limits.sigclip, limits.siglow, limits.objlim, found)].copy()


class Fields:
    """What S' and S' / F of a frame are with some parameters.

    Parameters
    ----------
    pixels : Pixels
    readnoise2 : float
        Read noise squared.
    sepmed : bool
    psf : (n, n) float32 ndarray
        Empty where the fine structure comes from medians.
    """

    def __init__(self, pixels, readnoise2, sepmed, psf):
        self.pixels, self.readnoise2, self.psf = pixels, readnoise2, psf
        self.shape = pixels.shape
        halves = HALVES[sepmed]
        self.medians = sepmed, halves
        self.reach = halves[0] + halves[1]
        reach_of_ratio = halves[0] + psf.shape[0] // 2 + halves[3] if psf.size else halves[2] + halves[3]
        #: How far a pixel has an effect on what is flagged: two pixels are flagged with a seed.
        self.margin = max(self.reach + 2, reach_of_ratio)

    @property
    def _frame(self):
        return self.shape, *self.pixels.ring

    def peaks(self, cores, out):
        """Write the highest S' of each block in the cores; out : (rows, columns) float32 ndarray, for all blocks."""
        where = tiles(cores, self.reach, self.shape)
        c, sky = self.pixels.without_sky(where)
        var = self.pixels.known_variance(where, sky)
        lap = self.pixels.lplus(c, where)
        dense_kernels.peaks(c, var, sky, lap, where.where, self._frame, self.medians, self.readnoise2, BLOCK, out)

    def before(self, cores):
        """Work out the fields of the frame as it came, and keep them.

        Returns
        -------
        Seen
            With as little as can be kept.
        """
        where = tiles(cores, self.margin, self.shape)
        s, ratio = self._of(where, *self.pixels.with_variance(where, self.readnoise2), _EVERYWHERE)
        s_tiles, ratio_tiles = tiles(cores, 2, self.shape), tiles(cores, 0, self.shape)
        return Seen(s_tiles, _cropped(s, where, s_tiles), ratio_tiles, _cropped(ratio, where, ratio_tiles))

    def after(self, cores, cleaning, sigclip):
        """Work out the fields of the frame as it is now that some pixels are cleaned; S' / F where S' > sigclip."""
        where = tiles(cores, self.margin, self.shape)
        c, var, sky = self.pixels.with_variance(where, self.readnoise2)
        cleaning.lay_over(where, c, var)
        s, ratio = self._of(where, c, var, sky, sigclip)
        return Seen(where, s, where, ratio)

    def _of(self, where, c, var, sky, sigclip):
        s, ratio = np.empty(where.size, F32), np.empty(where.size, F32)
        lap = self.pixels.lplus(c, where)
        dense_kernels.fields(c, var, sky, lap, where.where, self._frame, self.medians, self.psf, sigclip, s, ratio)
        return s, ratio

    def saturated(self, cores, level):
        """Find the pixels in the cores that are saturated and lie in something large, a star: flat indices."""
        where = tiles(cores, max(HALVES[True]), self.shape)
        found = np.empty(where.size, np.int64)
        c = self.pixels.electrons(where)
        low_level = F32(float(level) / 10.0)
        return found[
            : dense_kernels.saturated(c, where.where, self.shape, self.medians, level, low_level, found)
        ].copy()


def _cropped(x, where, inner):
    out = np.empty(inner.size, F32)
    dense_kernels.crop(x, where.boxes, where.starts, inner.boxes, inner.starts, out)
    return out
