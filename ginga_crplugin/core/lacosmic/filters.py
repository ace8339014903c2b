"""Numba kernels for the median filters and the Laplacian of a tile.

A tile is a flat array of pixels with its width ``w``; ``edges`` are four booleans: whether its first row, last row,
first column and last column are at the edge of the frame, where the rules of Astro-SCRAPPY apply. At its other sides
the results are invalid within the reach of the filter, so that tiles need a margin.
"""

import numpy as np
from numba import njit

from .median_networks import HELPER_OPTIONS, JIT_OPTIONS, median3x3, median5, median5x5, median7, median7x7, median9

__all__ = ['copy_range', 'laplacian', 'median_filter', 'set_border', 'touching_edges']

F32 = np.float32


@njit(**HELPER_OPTIONS)
def touching_edges(box, shape):
    """Return whether the first row, last row, first column and last column of a box are at the edge of the frame."""
    return box[0] == 0, box[1] == shape[0], box[2] == 0, box[3] == shape[1]


@njit(**HELPER_OPTIONS)
def copy_range(x, out, begin, end):
    """Copy the elements from ``begin`` to ``end`` of a flat array to the same elements of another."""
    for i in range(begin, end):
        out[i] = x[i]


@njit(**HELPER_OPTIONS)
def _copy_columns(x, out, w, half, edges):
    """Copy the outermost ``half`` columns of a tile that are at the edge of the frame."""
    for begin in range(0, x.size, w):
        if edges[2]:
            copy_range(x, out, begin, begin + half)
        if edges[3]:
            copy_range(x, out, begin + w - half, begin + w)


@njit(**HELPER_OPTIONS)
def _copy_edges(x, out, w, half, edges):
    """Copy the outermost ``half`` pixels that are at the edge of the frame, which the filters do not change."""
    if edges[0]:
        copy_range(x, out, 0, half * w)
    if edges[1]:
        copy_range(x, out, x.size - half * w, x.size)
    _copy_columns(x, out, w, half, edges)


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


@njit(**HELPER_OPTIONS)
def median_filter(x, w, half, sepmed, edges, out, scratch):
    """Apply a median filter of 2 * half + 1 pixels to a flat tile.

    Parameters
    ----------
    x : (n,) float32 ndarray
        The tile.
    w : int
        Its width.
    half : int
        Half width of the filter.
    sepmed : bool
        Whether to filter along x and then y, instead of over a square.
    edges : tuple of bool
        See `touching_edges`.
    out : (n,) float32 ndarray
        The output.
    scratch : float32 ndarray
        Working memory: n elements if ``sepmed``, else 7 n.
    """
    if sepmed:
        rows, step = scratch[: x.size], min(w, 1)  # not a constant, so that both directions use the same machine code
        _median_line(x, half, step, rows)
        _copy_columns(x, rows, w, half, edges)
        _median_line(rows, half, w, out)
    else:
        _median_square(x, half, w, out, scratch)
    _copy_edges(x, out, w, half, edges)


@njit(**JIT_OPTIONS)
def laplacian(c, w, out):
    """Compute L+ of a flat tile without the array of 2 x 2 subpixels.

    Each pixel has four subpixels, and each of these has two neighbors of the same value: the Laplacian of the upper
    left one is 4 c - c - c - left - up. The sums are in the order of the compiled library of Astro-SCRAPPY;
    `laplacian.laplacian_agrees` tests this.

    Parameters
    ----------
    c : (n,) float32 ndarray
        Electrons without the sky.
    w : int
        Width of the tile.
    out : (n,) float32 ndarray
        The output, invalid in the outermost pixels.
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


@njit(**HELPER_OPTIONS)
def set_border(out, w, box, edges, border_rows, border_columns):
    """Set L+ of the outermost pixels of the frame in a tile.

    Parameters
    ----------
    out : (n,) float32 ndarray
        L+ of the tile, changed in place.
    w : int
        Width of the tile.
    box : tuple of int
        (y0, y1, x0, x1) of the tile.
    edges : tuple of bool
        See `touching_edges`.
    border_rows, border_columns : (2, nx) and (2, ny) float32 ndarray
        L+ of the first and last row, and of the first and last column.
    """
    last = out.size - w
    for x in range(w):
        if edges[0]:
            out[x] = border_rows[0, box[2] + x]
        if edges[1]:
            out[last + x] = border_rows[1, box[2] + x]
    for y in range(box[1] - box[0]):
        if edges[2]:
            out[y * w] = border_columns[0, box[0] + y]
        if edges[3]:
            out[y * w + w - 1] = border_columns[1, box[0] + y]
