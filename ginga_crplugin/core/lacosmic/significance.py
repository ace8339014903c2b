"""Significance S' and fine-structure contrast S' / F of a frame, and the pixels above the thresholds.

The names are those of van Dokkum (2001): L+ is the Laplacian image, S = L+ / (2 N) with the noise N
(section 3.2), S' = S - med5(S) the significance without the smooth structure of extended objects, and F the fine
structure (section 3.3).
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from . import dense_kernels, significance_kernels, sparse_kernels
from .electrons import ElectronImage
from .tiles import BLOCK_SIZE, Tiles, make_tiles

if TYPE_CHECKING:
    from .cleaning import Cleaning

__all__ = ['SignificanceImage', 'SignificanceTiles', 'Thresholds']

F32 = np.float32
#: Half widths of the median filters: of the variance, of S, of the image for F, and of the filtered image for F. With
#: ``sepmed`` Astro-SCRAPPY filters along x and then y, over two pixels more than the squares it uses without.
HALF_WIDTHS = {True: (3, 3, 2, 4), False: (2, 2, 1, 3)}
_NO_THRESHOLD = F32(-np.inf)
_EMPTY, _NO_MAXIMA = np.empty(0, F32), np.empty((0, 0), F32)


@dataclass(frozen=True)
class Thresholds:
    """The thresholds of S' and S' / F that a pixel must exceed to be flagged.

    Attributes
    ----------
    sigclip : float32
        S' of cosmic rays and of their neighbors.
    siglow : float32
        S' of the neighbors of these: ``sigfrac * sigclip``.
    objlim : float32
        S' / F of cosmic rays.
    """

    sigclip: np.float32
    siglow: np.float32
    objlim: np.float32


@dataclass(frozen=True, eq=False)
class SignificanceTiles:
    """S' and S' / F of tiles of a frame.

    Attributes
    ----------
    s_tiles : Tiles
        The boxes in which S' is known.
    s : (n,) float32 ndarray
        S'.
    ratio_tiles : Tiles
        The boxes in which S' / F is known; their cores are those of both.
    ratio : (m,) float32 ndarray
        S' / F.
    highest : (k, 3) float32 ndarray
        For each core, the highest S' of the pixels that are not excluded, the highest S' / F of those with S' above
        a limit, and this limit, as far as known from earlier searches; else infinite.
    bounds : (k, 4) int64 ndarray
        For each core, the bounding box of the pixels above this limit, if known.
    """

    s_tiles: Tiles
    s: np.ndarray
    ratio_tiles: Tiles
    ratio: np.ndarray
    highest: np.ndarray = field(init=False)
    bounds: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, 'highest', np.full((len(self.s_tiles.cores), 3), np.inf, F32))
        object.__setattr__(self, 'bounds', np.empty_like(self.s_tiles.cores))

    def find_cosmic_rays(self, states: np.ndarray, limits: Thresholds) -> np.ndarray:
        """Find the cosmic rays with a pixel above all thresholds in the cores, and update ``highest``.

        Parameters
        ----------
        states : (ny, nx) uint8 ndarray
            The states of the pixels (`pixel_states`).
        limits : Thresholds
            The thresholds.

        Returns
        -------
        (n,) int64 ndarray
            Flat indices of the cosmic-ray pixels; some may occur twice.
        """
        found = np.empty(self.s.size, np.int64)
        visited = np.empty(self.s_tiles.largest, np.uint8)
        args = self.s, self.s_tiles.boxes, self.s_tiles.starts, self.ratio, *self.ratio_tiles.geometry, states
        thresholds = limits.sigclip, limits.siglow, limits.objlim
        count = sparse_kernels.find_cosmic_rays(*args, *thresholds, visited, self.highest, self.bounds, found)
        return found[:count].copy()


class SignificanceImage:
    """S' and S' / F of a frame, computed tile by tile.

    Parameters
    ----------
    image : ElectronImage
        The frame in electrons.
    readnoise2 : float
        Read noise squared, in electrons squared.
    sepmed : bool
        Whether the median filters are separable.
    psf : (n, n) float32 ndarray
        Kernel for the fine structure; empty if it is computed by median filters.

    Attributes
    ----------
    reach : int
        Distance in pixels at which a pixel affects S'.
    margin : int
        Distance in pixels at which a pixel affects the flags; neighbors are flagged up to two pixels away.
    """

    def __init__(self, image: ElectronImage, readnoise2: np.float32, sepmed: bool, psf: np.ndarray) -> None:  # noqa: FBT001
        self.image, self.readnoise2, self.psf = image, readnoise2, psf
        self.shape = image.shape
        half_widths = HALF_WIDTHS[sepmed]
        self.medians = sepmed, half_widths
        self.reach = half_widths[0] + half_widths[1]
        reach_of_ratio = (half_widths[0] + psf.shape[0] // 2 if psf.size else half_widths[2]) + half_widths[3]
        self.margin = max(self.reach + 2, reach_of_ratio)

    @property
    def _frame(self):
        return self.shape, *self.image.border_laplacian

    def block_maxima(self, cores: np.ndarray, out: np.ndarray) -> None:
        """Compute the maximum of S' in each block of the original frame.

        Parameters
        ----------
        cores : (n, 4) int64 ndarray
            Boxes (y0, y1, x0, x1).
        out : (rows, columns) float32 ndarray
            The output, for all blocks of the frame.
        """
        tiles = make_tiles(cores, self.reach, self.shape)
        c, sky = self.image.without_sky(tiles)
        var = self.image.given_variance(tiles, sky)
        lplus = self.image.laplacian(c, tiles)
        args = self._frame, self.medians, self.psf, self.readnoise2, _NO_THRESHOLD, BLOCK_SIZE, out, _EMPTY, _EMPTY
        significance_kernels.significance_and_contrast((c, var, sky, lplus), tiles.geometry, *args)

    def of_original(self, cores: np.ndarray) -> SignificanceTiles:
        """Compute S' and S' / F of the original frame.

        Parameters
        ----------
        cores : (n, 4) int64 ndarray
            Boxes (y0, y1, x0, x1).

        Returns
        -------
        SignificanceTiles
            The values without the margins, to be kept.
        """
        tiles = make_tiles(cores, self.margin, self.shape)
        s, ratio = self._compute(tiles, *self.image.with_variance(tiles, self.readnoise2), _NO_THRESHOLD)
        s_tiles, ratio_tiles = make_tiles(cores, 2, self.shape), make_tiles(cores, 0, self.shape)
        return SignificanceTiles(s_tiles, _cropped(s, tiles, s_tiles), ratio_tiles, _cropped(ratio, tiles, ratio_tiles))

    def of_cleaned(self, cores: np.ndarray, cleaning: 'Cleaning', sigclip: np.float32) -> SignificanceTiles:
        """Compute S' and S' / F of the cleaned frame.

        Parameters
        ----------
        cores : (n, 4) int64 ndarray
            Boxes (y0, y1, x0, x1).
        cleaning : Cleaning
            The cleaned pixels.
        sigclip : float
            S' / F is computed only in tiles with a pixel of S' above this value.

        Returns
        -------
        SignificanceTiles
            The values.
        """
        tiles = make_tiles(cores, self.margin, self.shape)
        c, var, sky = self.image.with_variance(tiles, self.readnoise2)
        cleaning.apply_to(tiles, c, var)
        s, ratio = self._compute(tiles, c, var, sky, sigclip)
        return SignificanceTiles(tiles, s, tiles, ratio)

    def _compute(self, tiles, c, var, sky, sigclip):
        s, ratio = np.empty(tiles.size, F32), np.empty(tiles.size, F32)
        lplus = self.image.laplacian(c, tiles)
        args = self._frame, self.medians, self.psf, self.readnoise2, sigclip, BLOCK_SIZE, _NO_MAXIMA, s, ratio
        significance_kernels.significance_and_contrast((c, var, sky, lplus), tiles.geometry, *args)
        return s, ratio

    def find_saturated(self, cores: np.ndarray, level: np.float32) -> np.ndarray:
        """Find the saturated pixels of extended objects.

        Parameters
        ----------
        cores : (n, 4) int64 ndarray
            Boxes (y0, y1, x0, x1).
        level : float32
            The saturation level in electrons. The median around a pixel must be above a tenth of it.

        Returns
        -------
        (n,) int64 ndarray
            Flat indices.
        """
        tiles = make_tiles(cores, max(HALF_WIDTHS[True]), self.shape)
        found = np.empty(tiles.size, np.int64)
        c = self.image.electrons(tiles)
        low_level = F32(float(level) / 10.0)
        count = dense_kernels.find_saturated(c, tiles.geometry, self.shape, self.medians, level, low_level, found)
        return found[:count].copy()


def _cropped(x, tiles, inner):
    out = np.empty(inner.size, F32)
    dense_kernels.crop(x, tiles.boxes, tiles.starts, inner.boxes, inner.starts, out)
    return out
