"""Numba kernels for windows around groups of flagged pixels.

A window is a box (y0, y1, x0, x1) of the frame, contiguous in a flat array. Lists of pixels are flat indices, int64.
"""

import numpy as np
from numba import njit

from .median_networks import HELPER_OPTIONS, JIT_OPTIONS

__all__ = ['copy_windows', 'find_inside', 'find_windows', 'first_from', 'sampled_median', 'set_state']


@njit(**JIT_OPTIONS)
def copy_windows(image, boxes, starts, out):
    """Copy windows of an image.

    Parameters
    ----------
    image : (ny, nx) ndarray
        The image.
    boxes : (n, 4) int64 ndarray
        The windows.
    starts : (n + 1,) int64 ndarray
        Their places in ``out``.
    out : (m,) float64 ndarray
        The output.
    """
    for k in range(boxes.shape[0]):
        y0, y1, x0, x1 = boxes[k]
        place = starts[k]
        for y in range(y0, y1):
            row = image[y, x0:x1]
            part = out[place : place + x1 - x0]
            for x in range(x1 - x0):
                part[x] = row[x]
            place += x1 - x0


@njit(**JIT_OPTIONS)
def find_windows(pixels, starts, shape, margin, out):
    """Find the windows around groups of pixels.

    Parameters
    ----------
    pixels, starts : (k,) and (n + 1,) int64 ndarray
        The pixels of the groups, and where those of each group start.
    shape : tuple of int
        (ny, nx) of the frame.
    margin : int
        Pixels around the bounding box of a group; fewer at the edges of the frame.
    out : (n, 4) int64 ndarray
        The output.
    """
    ny, nx = shape
    for k in range(out.shape[0]):
        y0, y1, x0, x1 = ny, 0, nx, 0
        for pixel in pixels[starts[k] : starts[k + 1]]:
            y, x = pixel // nx, pixel % nx
            y0, y1, x0, x1 = min(y0, y), max(y1, y), min(x0, x), max(x1, x)
        out[k] = max(y0 - margin, 0), min(y1 + 1 + margin, ny), max(x0 - margin, 0), min(x1 + 1 + margin, nx)


@njit(**HELPER_OPTIONS)
def set_state(state, box, y, x, distance, value):
    """Set a state in the square around a pixel of the frame."""
    y0, y1, x0, x1 = box
    for v in range(max(y - distance, y0), min(y + distance + 1, y1)):
        for u in range(max(x - distance, x0), min(x + distance + 1, x1)):
            state[(v - y0) * (x1 - x0) + u - x0] |= value


@njit(**HELPER_OPTIONS)
def first_from(pixels, index, low, high):
    """Return the place in a part of a sorted list of the first pixel that is not before an index."""
    while low < high:
        middle = (low + high) // 2
        if pixels[middle] < index:
            low = middle + 1
        else:
            high = middle
    return low


@njit(**HELPER_OPTIONS)
def find_inside(pixels, box, nx, places):
    """Find the pixels of a sorted list that are in a window; return their number."""
    y0, y1, x0, x1 = box
    place = first_from(pixels, y0 * nx + x0, 0, pixels.size)
    end = first_from(pixels, (y1 - 1) * nx + x1, place, pixels.size)
    count = 0
    for y in range(y0, y1):
        place = first_from(pixels, y * nx + x0, place, end)
        while place < end and pixels[place] < y * nx + x1:
            places[count] = place
            count, place = count + 1, place + 1
        if place == end:
            break
    return count


@njit(**HELPER_OPTIONS)
def _median(values, count):
    """Return the lower median of the first values, which are sorted partly."""
    low, high, middle = 0, count - 1, (count - 1) // 2
    while low < high:
        pivot, i, j = values[(low + high) // 2], low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i, j = i + 1, j - 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            break
    return values[middle]


@njit(**HELPER_OPTIONS)
def sampled_median(values, width, y0, y1, x0, x1, stride, work):
    """Return the lower median of the finite values of every ``stride``-th pixel; infinity if there are none."""
    count = 0
    for y in range(y0, y1, stride):
        for x in range(x0, x1, stride):
            value = values[y * width + x]
            if value < np.inf:
                work[count] = value
                count += 1
    return _median(work, count) if count else np.inf
