"""The room of the growing: what stands around bad pixels and saturated stars, compiled by numba."""

import numpy as np
from numba import njit

from .median_networks import OPTIONS

__all__ = ['GROWN', 'STARS', 'difference', 'grow_input', 'grow_stars']

#: In the mask of the engine: an input mask grown by one pixel, and a saturated star grown by four.
GROWN, STARS = np.uint8(1), np.uint8(2)


@njit(**OPTIONS)
def _spread(mask, y, x, bit):
    """Set a bit at a pixel and its eight neighbors, but not in the outermost pixels of the frame."""
    ny, nx = mask.shape
    mask[y, x] |= bit
    for j in range(max(1, y - 1), min(ny - 1, y + 2)):
        for i in range(max(1, x - 1), min(nx - 1, x + 2)):
            mask[j, i] |= bit


@njit(**OPTIONS)
def grow_input(bits, chosen, y0, y1, x0, x1, mask):
    """Grow the input mask by one pixel, in the box y0, y1, x0, x1 of ``mask`` alone.

    ``bits`` : (ny, nx) uint8; a pixel with one of the bits ``chosen`` is masked.
    """
    ny, nx = mask.shape
    for y in range(y0, y1):
        _keep(mask[y, x0:x1], STARS)
    left, right = max(0, x0 - 1), min(nx, x1 + 1)
    for y in range(max(0, y0 - 1), min(ny, y1 + 1)):
        for begin in range(left, right, 256):
            segment = bits[y, begin : min(begin + 256, right)]
            if _has(segment, chosen):
                for i in range(segment.size):
                    if segment[i] & chosen:
                        _spread(mask, y, begin + i, GROWN)


@njit(**OPTIONS)
def _keep(row, bit):
    for i in range(row.size):
        row[i] &= bit


@njit(**OPTIONS)
def _has(segment, chosen):
    together = np.uint8(0)
    for i in range(segment.size):
        together |= segment[i]
    return together & chosen != 0


@njit(**OPTIONS)
def grow_stars(stars, mask, out):
    """Grow saturated stars twice by the 21 pixels of a disc; list the pixels of it all, and return how many.

    The two outermost pixels of the frame are not grown into.
    """
    ny, nx = mask.shape
    count = 0
    for at in stars:
        if mask[at // nx, at % nx] & STARS == 0:
            mask[at // nx, at % nx] |= STARS
            out[count] = at
            count += 1
    begin = 0
    for _ in range(2):
        end = count
        for n in range(begin, end):
            y0, x0 = out[n] // nx, out[n] % nx
            for y in range(max(2, y0 - 2), min(ny - 2, y0 + 3)):
                for x in range(max(2, x0 - 2), min(nx - 2, x0 + 3)):
                    if abs(y - y0) + abs(x - x0) < 4 and mask[y, x] & STARS == 0:
                        mask[y, x] |= STARS
                        out[count] = y * nx + x
                        count += 1
        begin = end
    return count


@njit(**OPTIONS)
def difference(old, new, chosen):
    """Return the box y0, y1, x0, x1 of the pixels of which one alone has any bit of ``chosen``; y1 is 0 if none."""
    ny, nx = old.shape
    y0, y1, x0, x1 = ny, 0, nx, 0
    for y in range(ny):
        if _differ(old[y], new[y], chosen):
            y0, y1 = min(y0, y), y + 1
            for x in range(nx):
                if (old[y, x] & chosen == 0) != (new[y, x] & chosen == 0):
                    x0, x1 = min(x0, x), max(x1, x + 1)
    return y0, y1, x0, x1


@njit(**OPTIONS)
def _differ(old, new, chosen):
    together = np.uint8(0)
    for i in range(old.size):
        together |= np.uint8((old[i] & chosen == 0) != (new[i] & chosen == 0))
    return together != 0
