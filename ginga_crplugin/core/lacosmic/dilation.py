"""Numba kernels that grow masked pixels and saturated stars."""

import numpy as np
from numba import njit

from .median_networks import HELPER_OPTIONS, JIT_OPTIONS

__all__ = ['GROWN', 'STARS', 'box_of_changes', 'grow_input', 'grow_stars']

#: Bits of the mask of the engine: input mask grown by one pixel, and saturated star grown by four pixels.
GROWN, STARS = np.uint8(1), np.uint8(2)


@njit(**HELPER_OPTIONS)
def _set_with_neighbors(mask, y, x, bit):
    """Set a bit of a pixel, and of those of its eight neighbors that are not at the edge of the frame."""
    ny, nx = mask.shape
    mask[y, x] |= bit
    for j in range(max(1, y - 1), min(ny - 1, y + 2)):
        for i in range(max(1, x - 1), min(nx - 1, x + 2)):
            mask[j, i] |= bit


@njit(**JIT_OPTIONS)
def grow_input(bits, selected, y0, y1, x0, x1, mask):
    """Set the input mask, grown by one pixel, in a box of the mask of the engine.

    Parameters
    ----------
    bits : (ny, nx) int16 ndarray
        The `MaskBit` values of each pixel.
    selected : int16
        The bits that mask a pixel.
    y0, y1, x0, x1 : int
        The box.
    mask : (ny, nx) uint8 ndarray
        The output.
    """
    ny, nx = mask.shape
    for y in range(y0, y1):
        _clear_other_bits(mask[y, x0:x1], STARS)
    left, right = max(0, x0 - 1), min(nx, x1 + 1)
    for y in range(max(0, y0 - 1), min(ny, y1 + 1)):
        for begin in range(left, right, 256):
            segment = bits[y, begin : min(begin + 256, right)]
            if _any_set(segment, selected):
                for i in range(segment.size):
                    if segment[i] & selected:
                        _set_with_neighbors(mask, y, begin + i, GROWN)


@njit(**HELPER_OPTIONS)
def _clear_other_bits(row, bit):
    for i in range(row.size):
        row[i] &= bit


@njit(**HELPER_OPTIONS)
def _any_set(segment, selected):
    union = np.int16(0)
    for i in range(segment.size):
        union |= segment[i]
    return union & selected != 0


@njit(**JIT_OPTIONS)
def grow_stars(stars, mask, out):
    """Set the saturated stars, grown twice by a disk of 21 pixels, in the mask of the engine.

    The two outermost pixels of the frame are not set.

    Parameters
    ----------
    stars : (n,) int64 ndarray
        Flat indices of the saturated pixels.
    mask : (ny, nx) uint8 ndarray
        The mask, changed in place.
    out : (m,) int64 ndarray
        The output: flat indices of all pixels of the stars.

    Returns
    -------
    int
        Number of these pixels.
    """
    ny, nx = mask.shape
    count = 0
    for pixel in stars:
        if mask[pixel // nx, pixel % nx] & STARS == 0:
            mask[pixel // nx, pixel % nx] |= STARS
            out[count] = pixel
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


@njit(**JIT_OPTIONS)
def box_of_changes(old, new, selected):
    """Return the bounding box of the pixels that are masked in only one of two arrays of bits.

    Parameters
    ----------
    old, new : (ny, nx) int16 ndarray
        The `MaskBit` values of each pixel.
    selected : int16
        The bits that mask a pixel.

    Returns
    -------
    y0, y1, x0, x1 : int
        The box; y1 is 0 if there is no such pixel.
    """
    ny, nx = old.shape
    y0, y1, x0, x1 = ny, 0, nx, 0
    for y in range(ny):
        if _any_change(old[y], new[y], selected):
            y0, y1 = min(y0, y), y + 1
            for x in range(nx):
                if (old[y, x] & selected == 0) != (new[y, x] & selected == 0):
                    x0, x1 = min(x0, x), max(x1, x + 1)
    return y0, y1, x0, x1


@njit(**HELPER_OPTIONS)
def _any_change(old, new, selected):
    union = np.uint8(0)
    for i in range(old.size):
        union |= np.uint8((old[i] & selected == 0) != (new[i] & selected == 0))
    return union != 0
