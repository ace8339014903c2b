"""The room of the filters: the medians and the Laplacian of a tile, with Astro-SCRAPPY's rules at the sides of a frame.

A tile is a flat array of pixels with its width ``w``; ``sides`` tells at which of its sides, top, bottom, left and
right, the frame ends. What is read beyond the other sides means nothing; see `kernels` for the margin of a tile.
"""

import numpy as np
from numba import njit

from .median_networks import OPTIONS, median3x3, median5, median5x5, median7, median7x7, median9

__all__ = ['copy', 'laplacian', 'set_ring', 'sides_of', 'smooth']

F32 = np.float32


@njit(inline='always')
def sides_of(box, shape):
    """Return at which sides the tile touches the frame's: top, bottom, left, right."""
    return box[0] == 0, box[1] == shape[0], box[2] == 0, box[3] == shape[1]


@njit(**OPTIONS)
def copy(x, out, begin, end):
    """Copy part of a flat tile to the same place in another."""
    for i in range(begin, end):
        out[i] = x[i]


@njit(inline='always')
def _copy_columns(x, out, w, half, sides):
    """Copy the outermost ``half`` columns of a tile of width ``w`` where they are the frame's own."""
    for begin in range(0, x.size, w):
        if sides[2]:
            copy(x, out, begin, begin + half)
        if sides[3]:
            copy(x, out, begin + w - half, begin + w)


@njit(inline='always')
def _copy_sides(x, out, w, half, sides):
    """Copy the outermost ``half`` pixels where they are the frame's own: there the filters leave them as they are."""
    if sides[0]:
        copy(x, out, 0, half * w)
    if sides[1]:
        copy(x, out, x.size - half * w, x.size)
    _copy_columns(x, out, w, half, sides)


@njit(inline='always')
def _median_line(x, half, step, out):
    if half == 2:
        median5(x, step, out)
    elif half == 3:
        median7(x, step, out)
    else:
        median9(x, step, out)


@njit(inline='always')
def _median_square(x, half, w, out, scratch):
    if half == 1:
        median3x3(x, w, out)
    elif half == 2:
        median5x5(x, w, out, scratch)
    else:
        median7x7(x, w, out, scratch)


@njit(inline='always')
def smooth(x, w, half, sepmed, sides, out, scratch):
    """Filter a flat tile by a median over 2 * half + 1 pixels: along x and then y, or over a square."""
    if sepmed:
        rows, step = scratch[: x.size], min(w, 1)  # no constant, so that one machine code does for both directions
        _median_line(x, half, step, rows)
        _copy_columns(x, rows, w, half, sides)
        _median_line(rows, half, w, out)
    else:
        _median_square(x, half, w, out, scratch)
    _copy_sides(x, out, w, half, sides)


@njit(**OPTIONS)
def laplacian(c, w, out):
    """L+ of a flat tile, without the array of 2 x 2 subpixels.

    Each pixel has four subpixels, and each of these two neighbors of its own value: the Laplacian of the upper left
    one is 4 c - c - c - left - up. The order of the sums is that of Astro-SCRAPPY's compiled library, and `pixels`
    tests it against that library before it is trusted.
    """
    zero = F32(0)
    n = c.size - 2 * w
    up, down, o = c[:n], c[2 * w :], out[w:]
    left, mid, right = c[w - 1 :], c[w:], c[w + 1 :]
    for i in range(1, n - 1):
        four = F32(4) * mid[i]
        to_left, to_right = (four - mid[i]) - left[i], (four - right[i]) - mid[i]
        to_up, to_down = mid[i] + up[i], down[i] + mid[i]
        one = max(to_left - to_up, zero) + max(to_right - to_down, zero)
        two = max(to_left - to_down, zero) + max(to_right - to_up, zero)
        o[i] = (one + two) * F32(0.25)


@njit(**OPTIONS)
def set_ring(out, w, box, sides, ring_rows, ring_columns):
    """Put the known L+ of the frame's outermost pixels in its place."""
    last = out.size - w
    for x in range(w):
        if sides[0]:
            out[x] = ring_rows[0, box[2] + x]
        if sides[1]:
            out[last + x] = ring_rows[1, box[2] + x]
    for y in range(box[1] - box[0]):
        if sides[2]:
            out[y * w] = ring_columns[0, box[0] + y]
        if sides[3]:
            out[y * w + w - 1] = ring_columns[1, box[0] + y]
