"""The frame in electrons, computed tile by tile."""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from ginga_crplugin.core.pixels import DTYPES, MAX_VALUE
from ginga_crplugin.core.stats import row_slices

from . import dense_kernels, laplacian
from .detection import Unsupported
from .tiles import Tiles, make_tiles

__all__ = ['ElectronImage']

#: Above this value, the weights by inverse variance of ``fsmode='convolve'`` may vanish in float32.
_MAX_CONVOLVED = 1e15

_EMPTY = np.empty(0, np.float32)


class ElectronImage:
    """A frame in electrons with its sky and variance (the image I and the noise model N of van Dokkum 2001).

    Nothing is converted before it is needed. The values are those of Astro-SCRAPPY, bit for bit.

    Parameters
    ----------
    raw : (ny, nx) ndarray
        The pixels in the unit of the frame, all finite.
    background, variance : (ny, nx) ndarray or None
        The sky in that unit, and the variance in that unit squared.
    gain : float
        Electrons per unit of the frame.
    pssl : float
        Subtracted sky level in the unit of the frame, added back here.
    """

    def __init__(
        self,
        raw: np.ndarray,
        background: np.ndarray | None,
        variance: np.ndarray | None,
        gain: float,
        pssl: float,
    ) -> None:
        self.raw = _native(raw)
        self.background = None if background is None else _native(background)
        self.variance = None if variance is None else _native(variance)
        self.shape = raw.shape
        self.gain = np.float32(gain)
        self.pssl = pssl

    def electrons(self, tiles: Tiles) -> np.ndarray:
        """Return the pixels of tiles in electrons.

        Parameters
        ----------
        tiles : Tiles
            The parts of the frame.

        Returns
        -------
        (n,) float32 ndarray
            The pixels with their sky.
        """
        return self._cut(self.raw, self.gain, self.pssl, tiles)

    def to_electrons(self, values: np.ndarray) -> np.ndarray:
        """Convert values from the unit of the frame to electrons.

        Parameters
        ----------
        values : ndarray
            Pixels of the frame.

        Returns
        -------
        float32 ndarray
            The values in electrons, with their sky, in the same shape.
        """
        return _product(values, self.gain, self.pssl)

    def neighborhoods(self, pixels: np.ndarray, readnoise2: np.float32) -> tuple[np.ndarray, np.ndarray]:
        """Return the 5 x 5 pixels around each of some pixels.

        Parameters
        ----------
        pixels : (n,) int64 ndarray
            Flat indices; none in the two outermost rows and columns.
        readnoise2 : float
            Read noise squared, in electrons squared.

        Returns
        -------
        image : (n, 25) float32 ndarray
            Electrons without the sky.
        variance : (n, 25) float32 ndarray
            The variance in electrons squared.
        """
        steps = np.arange(-2, 3)
        places = pixels[:, None] + (self.shape[1] * steps[:, None] + steps).ravel()
        image = _product(self.raw.reshape(-1)[places], self.gain, self.pssl)
        sky = self._sky_at(places)
        image = image if sky is None else image - sky
        if self.variance is None:
            return image, image + readnoise2
        variance = _product(self.variance.reshape(-1)[places], self.gain * self.gain, 0.0)
        return image, variance if sky is None else variance - sky

    def _sky_at(self, places):
        if self.background is None:
            return None
        return _product(self.background.reshape(-1)[places], self.gain, 0.0)

    def sky(self, tiles: Tiles) -> np.ndarray:
        """Return the sky of tiles.

        Parameters
        ----------
        tiles : Tiles
            The parts of the frame.

        Returns
        -------
        (n,) or (0,) float32 ndarray
            The sky in electrons; empty without a background image.
        """
        return _EMPTY if self.background is None else self._cut(self.background, self.gain, 0.0, tiles)

    def given_variance(self, tiles: Tiles, sky: np.ndarray) -> np.ndarray:
        """Return the given variance of tiles without that of the sky.

        Parameters
        ----------
        tiles : Tiles
            The parts of the frame.
        sky : (n,) or (0,) float32 ndarray
            Their sky.

        Returns
        -------
        (n,) or (0,) float32 ndarray
            The variance in electrons squared; empty without a variance image.
        """
        if self.variance is None:
            return _EMPTY
        variance = self._cut(self.variance, self.gain * self.gain, 0.0, tiles)
        return variance - sky if sky.size else variance

    def without_sky(self, tiles: Tiles) -> tuple[np.ndarray, np.ndarray]:
        """Return tiles without the sky.

        Parameters
        ----------
        tiles : Tiles
            The parts of the frame.

        Returns
        -------
        image : (n,) float32 ndarray
            Electrons without the sky.
        sky : (n,) or (0,) float32 ndarray
            The sky in electrons; empty without a background image.
        """
        c, sky = self.electrons(tiles), self.sky(tiles)
        return (np.subtract(c, sky, out=c) if sky.size else c), sky

    def with_variance(self, tiles: Tiles, readnoise2: np.float32) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return tiles without the sky, with their variance.

        Parameters
        ----------
        tiles : Tiles
            The parts of the frame.
        readnoise2 : float
            Read noise squared, in electrons squared.

        Returns
        -------
        image : (n,) float32 ndarray
            Electrons without the sky.
        variance : (n,) float32 ndarray
            The variance in electrons squared; without a variance image that of signal and read noise.
        sky : (n,) or (0,) float32 ndarray
            The sky in electrons; empty without a background image.
        """
        c, sky = self.without_sky(tiles)
        variance = self.given_variance(tiles, sky)
        return c, variance if variance.size else c + readnoise2, sky

    @staticmethod
    def _cut(array, gain, offset, tiles):
        dtype = _product_dtype(array)
        out = np.empty(tiles.size, np.float32)
        dense_kernels.cut_electrons(array, dtype(gain), dtype(offset), tiles.boxes, tiles.starts, out)
        return out

    def to_frame_unit(self, pixels: np.ndarray, electrons: np.ndarray) -> np.ndarray:
        """Convert electrons without the sky to the unit of the frame.

        Parameters
        ----------
        pixels : (n,) int64 ndarray
            Flat indices.
        electrons : (n,) float32 ndarray
            Their values.

        Returns
        -------
        (n,) ndarray
            The values in the unit of the frame, with the sky of a background image.
        """
        sky = self._sky_at(pixels)
        return (electrons if sky is None else electrons + sky) / self.gain - self.pssl

    def check_range(self, *, convolve: bool) -> None:
        """Check that squares and sums of the values are within the range of float32.

        Parameters
        ----------
        convolve : bool
            Whether the fine structure is computed by convolution, which requires smaller values.

        Raises
        ------
        Unsupported
            If they may not be.
        """
        limit = _MAX_CONVOLVED if convolve else MAX_VALUE
        if self._max_companion > limit or (convolve and self._max_pixel > limit):
            msg = f'values beyond {limit:g} electrons are not supported by the fast engine'
            raise Unsupported(msg)

    @cached_property
    def _max_pixel(self):
        return _max_abs(self.raw) * float(self.gain)

    @cached_property
    def _max_companion(self):
        return max(_max_abs(self.background) * float(self.gain), _max_abs(self.variance) * float(self.gain) ** 2)

    @cached_property
    def border_laplacian(self) -> tuple[np.ndarray, np.ndarray]:
        """L+ of the outermost pixels: (2, nx) first and last row, (2, ny) first and last column.

        Astro-SCRAPPY rounds them in another order than the inner pixels, so they are computed by its own functions.
        They never change, since the two outermost pixels of a frame are never cleaned.
        """
        ny, nx = self.shape
        strips = (0, 4, 0, nx), (ny - 4, ny, 0, nx), (0, ny, 0, 4), (0, ny, nx - 4, nx)
        top, bottom, left, right = (laplacian.reference_laplacian(self._box_without_sky(strip)) for strip in strips)
        return np.stack([top[0], bottom[-1]]), np.stack([left[:, 0], right[:, -1]])

    def _box_without_sky(self, box):
        tiles = make_tiles(np.array([box]), 0, self.shape)
        return self.without_sky(tiles)[0].reshape(box[1] - box[0], box[3] - box[2])

    def laplacian(self, c: np.ndarray, tiles: Tiles) -> np.ndarray:
        """Return L+ of tiles as Astro-SCRAPPY computes it, if `filters.laplacian` does not reproduce it.

        Parameters
        ----------
        c : (n,) float32 ndarray
            Electrons without the sky.
        tiles : Tiles
            The parts of the frame.

        Returns
        -------
        (n,) or (0,) float32 ndarray
            L+; empty if the kernels can compute it.
        """
        if laplacian.laplacian_agrees():
            return _EMPTY
        parts = (
            laplacian.reference_laplacian(c[a:b].reshape(box[1] - box[0], box[3] - box[2])).ravel()
            for box, a, b in zip(tiles.boxes, tiles.starts[:-1], tiles.starts[1:], strict=True)
        )
        return np.concatenate(list(parts))

    def median_levels(self, states: np.ndarray, readnoise2: np.float32) -> tuple[np.float32, np.float32]:
        """Return the median of the image and of its variance.

        Parameters
        ----------
        states : (ny, nx) uint8 ndarray
            The states of the pixels (`pixel_states`), of which the excluded ones are not used.
        readnoise2 : float
            Read noise squared, in electrons squared.

        Returns
        -------
        image, variance : float32
            The lower medians, as in Astro-SCRAPPY.
        """
        image = self._median(states, lambda tiles: self.without_sky(tiles)[0])
        if self.variance is None:
            return image, image + readnoise2  # adding a constant keeps the order, so that this is the median too
        return image, self._median(states, lambda tiles: self.with_variance(tiles, readnoise2)[1])

    def _median(self, states: np.ndarray, values: Callable[[Tiles], np.ndarray]) -> np.float32:
        """Return the lower median of the pixels that are not excluded: first its upper 16 bits, then the others."""
        selected, rank, key = -1, -1, 0
        for _ in range(2):
            counts = np.zeros(1 << 16, np.int64)
            for rows in row_slices(self.shape):
                tiles = make_tiles(np.array([[rows.start, rows.stop, 0, self.shape[1]]]), 0, self.shape)
                bits = values(tiles).view(np.uint32)
                dense_kernels.count_sort_keys(bits, states[rows].reshape(-1), selected, counts)
            below = np.cumsum(counts)
            if rank < 0:
                rank = (below[-1] - 1) // 2
            selected = int(np.searchsorted(below, rank, side='right'))
            rank -= below[selected] - counts[selected]
            key = key << 16 | selected
        return dense_kernels.from_sort_key(key)


def _max_abs(image):
    return 0.0 if image is None else max(abs(float(image.max())), abs(float(image.min())))


def _product_dtype(array):
    """Return the dtype in which NumPy multiplies an array by a Python number."""
    return np.float32 if array.dtype == np.float32 else np.float64


def _product(values, gain, offset):
    """Return (values + offset) * gain as `dense_kernels.cut_electrons` does."""
    dtype = _product_dtype(values)
    return ((values + dtype(offset)) * dtype(gain)).astype(np.float32, copy=False)


def _native(image: np.ndarray) -> np.ndarray:
    """Return an image as the kernels read it: contiguous, in native byte order, of a known dtype."""
    if f'{image.dtype.kind}{image.dtype.itemsize}' not in DTYPES:
        msg = f'dtype {image.dtype} is not supported by the fast engine'
        raise Unsupported(msg)
    return np.ascontiguousarray(image, dtype=image.dtype.newbyteorder('='))
