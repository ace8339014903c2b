"""The room of the cleaning: the values that replace flagged pixels, kept as lists beside the untouched frame."""

import numpy as np

from ginga_crplugin.core.stats import CHUNK_SIZE

from . import sparse_kernels

__all__ = ['Cleaning', 'bounds']

#: Side in pixels of the blocks by which the lists are kept.
BLOCK = 16

_HOW = {'meanmask': 0, 'medmask': 1, 'idw': 2}
#: The weights of Astro-SCRAPPY's inverse distances, to its own digits.
_WEIGHTS = np.array(
    [
        [0.35355339, 0.4472136, 0.5, 0.4472136, 0.35355339],
        [0.4472136, 0.70710678, 1.0, 0.70710678, 0.4472136],
        [0.5, 1.0, 0.0, 1.0, 0.5],
        [0.4472136, 0.70710678, 1.0, 0.70710678, 0.4472136],
        [0.35355339, 0.4472136, 0.5, 0.4472136, 0.35355339],
    ],
    dtype=np.float32,
).ravel()


class Cleaning:
    """What the flagged pixels of one run are replaced by, in the image and in its variance.

    A flagged pixel takes its new value from the good pixels in 5 x 5, and a good pixel is never replaced. So the values
    depend on what is flagged alone, and a pixel is cleaned again only if a new flag stands in its 5 x 5.

    Parameters
    ----------
    pixels : Pixels
    mask : (ny, nx) uint8 ndarray
        0 where a pixel is good.
    cleantype : str
    readnoise2 : float
        Read noise squared.
    levels : callable
        Gives the levels of image and variance for a pixel without any good one around it.
    """

    def __init__(self, pixels, mask, cleantype, readnoise2, levels):
        self.pixels, self.mask, self.readnoise2, self.levels = pixels, mask, readnoise2, levels
        self.how = _HOW[cleantype]
        self.shape = ny, nx = pixels.shape
        self.flags = np.zeros(self.shape, np.uint8)
        self.heads = np.full(-(-ny // BLOCK) * -(-nx // BLOCK), -1, np.int32)
        self.links = np.empty(0, np.int32)
        self.at, self.values, self.variances = np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float32)
        self.used = 0

    def flag(self, found):
        """Flag pixels, and return those that were not flagged yet."""
        new = np.empty(found.size, np.int64)
        return new[: sparse_kernels.mark(found, self.flags, new)]

    def clean(self, new):
        """Clean what is flagged around new flags, and return the pixels whose values are others now."""
        around = np.empty(min(25 * new.size, self.used + new.size), np.int64)
        around = around[: sparse_kernels.near(new, self.flags, around)]
        self._make_room(new.size)
        step = CHUNK_SIZE // 25
        changed = [self._clean(around[k : k + step]) for k in range(0, around.size, step)]
        return np.concatenate(changed) if changed else around

    def _clean(self, some):
        image, variance = self.pixels.around(some, self.readnoise2)
        values = self._filled(some, image, variance)
        changed = np.empty(some.size, np.int64)
        own = image[:, 12].copy(), variance[:, 12].copy()
        self.used, count = sparse_kernels.store(
            some,
            *values,
            *own,
            BLOCK,
            self.shape,
            self.heads,
            self.links,
            self.at,
            self.values,
            self.variances,
            self.used,
            changed,
        )
        return changed[:count]

    def _filled(self, some, image, variance):
        """Return the new values of some pixels and of their variances, of those around them."""
        out = np.empty(some.size, np.float32), np.empty(some.size, np.float32)
        args = some, image, variance, self.how, _WEIGHTS, self.flags, self.mask
        if sparse_kernels.clean(*args, np.zeros(2, np.float32), *out):
            sparse_kernels.clean(*args, np.array(self.levels(), np.float32), *out)
        return out

    def _make_room(self, more):
        """Let the lists grow, by a half at least."""
        if self.used + more <= self.at.size:
            return
        size = max(self.used + more, self.at.size * 3 // 2)
        for name in ('links', 'at', 'values', 'variances'):
            old = getattr(self, name)
            bigger = np.empty(size, old.dtype)
            bigger[: self.used] = old[: self.used]
            setattr(self, name, bigger)

    def lay_over(self, where, image, variance):
        """Put the cleaned values into tiles of the image and of its variance."""
        lists = self.heads, self.links, self.at, self.values, self.variances
        sparse_kernels.overlay(where.boxes, where.starts, BLOCK, self.shape, *lists, image, variance)

    @property
    def result(self):
        """Flat indices of the cleaned pixels, and their electrons without the sky."""
        return self.at[: self.used], self.values[: self.used]


def bounds(pixels, size, shape):
    """Return one box around the pixels, flat indices, in each block of size x size: (n, 4) int64."""
    ny, nx = shape
    across = -(-nx // size)
    boxes = np.zeros((-(-ny // size) * across, 4), np.int64)
    sparse_kernels.bounds(pixels, size, nx, across, boxes)
    return boxes[boxes[:, 1] > 0]
