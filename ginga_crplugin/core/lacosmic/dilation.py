"""Numba kernels that grow masked pixels and saturated stars."""

import numpy as np
from numba import njit

from .median_networks import HELPER_OPTIONS, JIT_OPTIONS
from .pixel_states import GROWN, INPUT, STARS

__all__ = ['grow_input', 'grow_stars', 'set_input']


@njit(**JIT_OPTIONS)
def set_input(excluded, row, states):
    """Set the input mask of some rows of the frame, and return the bounding box of its changes.

    Parameters
    ----------
    excluded : (n, nx) bool ndarray
        True for masked pixels.
    row : int
        The first of the rows.
    states : (ny, nx) uint8 ndarray
        The states of the pixels, changed in place.

    Returns
    -------
    y0, y1, x0, x1 : int
        The box; y1 is 0 if nothing changed.
    """
    ny, nx = states.shape
    y0, y1, x0, x1 = ny, 0, nx, 0
    for j in range(excluded.shape[0]):
        y = row + j
        if _any_change(states[y], excluded[j]):
            y0, y1 = min(y0, y), y + 1
            for x in range(nx):
                if (states[y, x] & INPUT != 0) != excluded[j, x]:
                    x0, x1 = min(x0, x), max(x1, x + 1)
                    states[y, x] ^= INPUT
    return y0, y1, x0, x1


@njit(**HELPER_OPTIONS)
def _any_change(states, excluded):
    changes = np.uint8(0)
    for i in range(states.size):
        changes |= (states[i] & INPUT) ^ np.uint8(excluded[i])
    return changes != 0


@njit(**HELPER_OPTIONS)
def _set_with_neighbors(states, y, x, state):
    """Set a bit of a pixel, and of those of its eight neighbors that are not at the edge of the frame."""
    ny, nx = states.shape
    states[y, x] |= state
    for j in range(max(1, y - 1), min(ny - 1, y + 2)):
        for i in range(max(1, x - 1), min(nx - 1, x + 2)):
            states[j, i] |= state


@njit(**JIT_OPTIONS)
def grow_input(y0, y1, x0, x1, states):
    """Grow the input mask by one pixel in a box of the frame.

    Parameters
    ----------
    y0, y1, x0, x1 : int
        The box.
    states : (ny, nx) uint8 ndarray
        The states of the pixels, changed in place.
    """
    ny, nx = states.shape
    for y in range(y0, y1):
        _clear(states[y, x0:x1], GROWN)
    left, right = max(0, x0 - 1), min(nx, x1 + 1)
    for y in range(max(0, y0 - 1), min(ny, y1 + 1)):
        for begin in range(left, right, 256):
            segment = states[y, begin : min(begin + 256, right)]
            if _any_set(segment, INPUT):
                for i in range(segment.size):
                    if segment[i] & INPUT:
                        _set_with_neighbors(states, y, begin + i, GROWN)


@njit(**HELPER_OPTIONS)
def _clear(row, state):
    for i in range(row.size):
        row[i] &= ~state


@njit(**HELPER_OPTIONS)
def _any_set(segment, state):
    union = np.uint8(0)
    for i in range(segment.size):
        union |= segment[i]
    return union & state != 0


@njit(**JIT_OPTIONS)
def grow_stars(stars, states, out):
    """Set the saturated stars, grown twice by a disk of 21 pixels, in the states of the pixels.

    The two outermost pixels of the frame are not set.

    Parameters
    ----------
    stars : (n,) int64 ndarray
        Flat indices of the saturated pixels.
    states : (ny, nx) uint8 ndarray
        The states of the pixels, changed in place.
    out : (m,) int64 ndarray
        The output: flat indices of all pixels of the stars.

    Returns
    -------
    int
        Number of these pixels.
    """
    ny, nx = states.shape
    count = 0
    for pixel in stars:
        if states[pixel // nx, pixel % nx] & STARS == 0:
            states[pixel // nx, pixel % nx] |= STARS
            out[count] = pixel
            count += 1
    begin = 0
    for _ in range(2):
        end = count
        for n in range(begin, end):
            y0, x0 = out[n] // nx, out[n] % nx
            for y in range(max(2, y0 - 2), min(ny - 2, y0 + 3)):
                for x in range(max(2, x0 - 2), min(nx - 2, x0 + 3)):
                    if abs(y - y0) + abs(x - x0) < 4 and states[y, x] & STARS == 0:
                        states[y, x] |= STARS
                        out[count] = y * nx + x
                        count += 1
        begin = end
    return count
