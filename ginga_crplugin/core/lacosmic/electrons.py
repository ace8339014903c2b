"""The room of the pixels in electrons: what tiles of a frame hold before anything is cleaned."""

from functools import cached_property, lru_cache

import numpy as np

from ginga_crplugin.core.frame import DTYPES, MAX_VALUE

from . import dense_kernels, filters, sparse_kernels
from .detection import Unsupported
from .tiles import rows_of_tiles, tiles

__all__ = ['Pixels']

#: Beyond this, weights by the inverse variance may vanish.
_SQUARABLE = 1e15


class Pixels:
    """The pixels of a frame as L.A.Cosmic works on them: electrons, and what is known of the sky and the variance.

    Nothing is converted before it is needed, and tile by tile; the values are those that Astro-SCRAPPY has.

    Parameters
    ----------
    raw : (ny, nx) ndarray
        The pixels in the frame's unit, all finite.
    background, variance : (ny, nx) ndarray or None
        In that unit, and in that unit squared.
    gain : float
        Electrons in one unit.
    pssl : float
        Level to be added to the pixels, in the frame's unit.
    """

    def __init__(self, raw, background, variance, gain, pssl):
        self.raw, self.background, self.variance = _plain(raw), _plain(background), _plain(variance)
        self.shape = raw.shape
        self.gain = np.float32(gain)
        self.pssl = pssl

    def electrons(self, where):
        """Return the electrons of tiles, flat float32."""
        return self._cut(self.raw, self.gain, self.pssl, where)

    def in_electrons(self, values):
        """Return pixels of the frame in electrons: float32, in the shape they have."""
        number = _number(values)
        return ((values + number(self.pssl)) * number(self.gain)).astype(np.float32)

    def around(self, some, readnoise2):
        """Return the electrons without the sky, and their variance, of 5 x 5 pixels around some: (n, 25) float32."""
        c, sky = self._around(self.raw, self.gain, self.pssl, some), 0
        if self.background is not None:
            sky = self._around(self.background, self.gain, 0.0, some)
            c -= sky
        if self.variance is None:
            return c, c + readnoise2
        return c, self._around(self.variance, self.gain * self.gain, 0.0, some) - sky

    @staticmethod
    def _around(array, gain, offset, some):
        number = _number(array)
        out = np.empty((some.size, 25), np.float32)
        sparse_kernels.around(array, number(gain), number(offset), some, out)
        return out

    def sky(self, where):
        """Return the sky of tiles in electrons; empty where the frame has none."""
        return _NOTHING if self.background is None else self._cut(self.background, self.gain, 0.0, where)

    def known_variance(self, where, sky):
        """Return the variance of tiles without that of the sky, in electrons squared; empty where it isn't given."""
        if self.variance is None:
            return _NOTHING
        variance = self._cut(self.variance, self.gain * self.gain, 0.0, where)
        return variance - sky if sky.size else variance

    def without_sky(self, where):
        """Return the electrons of tiles without the sky, and the sky."""
        c, sky = self.electrons(where), self.sky(where)
        return (np.subtract(c, sky, out=c) if sky.size else c), sky

    def with_variance(self, where, readnoise2):
        """Return the electrons of tiles without the sky, their variance, and the sky."""
        c, sky = self.without_sky(where)
        variance = self.known_variance(where, sky)
        return c, variance if variance.size else c + readnoise2, sky

    @staticmethod
    def _cut(array, gain, offset, where):
        number = _number(array)
        out = np.empty(where.size, np.float32)
        dense_kernels.electrons(array, number(gain), number(offset), where.boxes, where.starts, out)
        return out

    def in_frame_unit(self, at, electrons):
        """Turn electrons without the sky, of pixels at flat indices, into the frame's own unit."""
        if self.background is not None:
            y, x = np.divmod(at, self.shape[1])
            electrons = electrons + self.sky(tiles(np.stack([y, y + 1, x, x + 1], axis=1), 0, self.shape))
        return electrons / self.gain - self.pssl

    def check_range(self, *, convolve):
        """Raise `Unsupported` where squares and sums of the values may leave the range of float32."""
        limit = _SQUARABLE if convolve else MAX_VALUE
        if self._largest_beside > limit or (convolve and self._largest > limit):
            msg = f'values beyond {limit:g} electrons'
            raise Unsupported(msg)

    @cached_property
    def _largest(self):
        return _extreme(self.raw) * float(self.gain)

    @cached_property
    def _largest_beside(self):
        return max(_extreme(self.background) * float(self.gain), _extreme(self.variance) * float(self.gain) ** 2)

    @cached_property
    def ring(self):
        """L+ of the outermost pixels of the frame: (2, nx) first and last row, (2, ny) first and last column.

        Astro-SCRAPPY rounds them in another order than those within, so they come from its own functions. They never
        change: the two outermost pixels of a frame are never cleaned.
        """
        ny, nx = self.shape
        strips = (0, 4, 0, nx), (ny - 4, ny, 0, nx), (0, ny, 0, 4), (0, ny, nx - 4, nx)
        top, bottom, left, right = (reference_laplacian(self._one(strip)) for strip in strips)
        return np.stack([top[0], bottom[-1]]), np.stack([left[:, 0], right[:, -1]])

    def _one(self, box):
        where = tiles(np.array([box]), 0, self.shape)
        return self.without_sky(where)[0].reshape(box[1] - box[0], box[3] - box[2])

    def lplus(self, c, where):
        """Return L+ of tiles by Astro-SCRAPPY where that must be; else nothing, and `kernels` works it out."""
        if laplacian_agrees():
            return _NOTHING
        parts = (
            reference_laplacian(c[a:b].reshape(box[1] - box[0], box[3] - box[2])).ravel()
            for box, a, b in zip(where.boxes, where.starts[:-1], where.starts[1:], strict=True)
        )
        return np.concatenate(list(parts))

    def levels(self, mask, readnoise2):
        """Return the lower medians of the image and of its variance, of the pixels where ``mask`` is 0, float32."""
        image = self._level(mask, lambda where: self.without_sky(where)[0])
        if self.variance is None:
            return image, image + readnoise2  # rounding keeps the order, so that is its median too
        return image, self._level(mask, lambda where: self.with_variance(where, readnoise2)[1])

    def _level(self, mask, values):
        good = np.empty(np.count_nonzero(mask == 0), np.float32)
        count = 0
        for cores in rows_of_tiles(self.shape):
            y0, y1 = cores[0, :2]
            chosen = values(tiles(np.array([[y0, y1, 0, self.shape[1]]]), 0, self.shape))[mask[y0:y1].ravel() == 0]
            good[count : count + chosen.size] = chosen
            count += chosen.size
        middle = (count - 1) // 2
        good.partition(middle)
        return good[middle]


_NOTHING = np.empty(0, np.float32)


def _extreme(image):
    return 0.0 if image is None else max(abs(float(image.max())), abs(float(image.min())))


def _number(array):
    """Return the precision in which NumPy multiplies an array by a Python number."""
    return np.float32 if array.dtype == np.float32 else np.float64


def _plain(image):
    """Return an image as the kernels read it: contiguous, in native byte order, of a type that they know."""
    if image is None:
        return None
    if f'{image.dtype.kind}{image.dtype.itemsize}' not in DTYPES:
        msg = f'an image of {image.dtype}'
        raise Unsupported(msg)
    return np.ascontiguousarray(image, dtype=image.dtype.newbyteorder('='))


def reference_laplacian(image):
    """Return L+ of an image by Astro-SCRAPPY: the clipped Laplacian of its 2 x 2 subpixels (van Dokkum 2001)."""
    from astroscrappy.utils import laplaceconvolve, rebin, subsample

    convolved = laplaceconvolve(subsample(np.ascontiguousarray(image)))
    return rebin(np.maximum(convolved, np.float32(0), out=convolved))


@lru_cache(maxsize=1)
def laplacian_agrees():
    """Test whether `filters.laplacian` rounds as the installed build of Astro-SCRAPPY does.

    Its libraries are built so that the compiler may reorder sums; what it made of them depends on the build.
    """
    rng = np.random.default_rng(4)
    image = (1000 * rng.standard_normal((67, 93)) ** 3).astype(np.float32)
    own = np.empty(image.size, np.float32)
    filters.laplacian(image.ravel(), image.shape[1], own)
    own = own.reshape(image.shape)
    return np.array_equal(own[1:-1, 1:-1], reference_laplacian(image)[1:-1, 1:-1])
