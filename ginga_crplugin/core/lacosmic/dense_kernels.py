"""Numba kernels for all pixels of tiles of a frame.

All arithmetic is float32, in the order in which Astro-SCRAPPY does it and without fast-math, so that the results are
identical bit for bit. Tiles are stored one after the other in flat arrays: ``boxes`` (n, 4) int64 are their boxes (y0,
y1, x0, x1) in the frame, and ``starts`` (n + 1,) int64 their first elements.
"""

import numpy as np
from numba import njit

from .filters import median_filter, touching_edges
from .median_networks import HELPER_OPTIONS, JIT_OPTIONS
from .pixel_states import EXCLUDED

__all__ = [
    'array_max',
    'count_sort_keys',
    'crop',
    'cut_electrons',
    'find_saturated',
    'from_sort_key',
    'longest_tile',
]

F32 = np.float32


@njit(**HELPER_OPTIONS)
def longest_tile(starts):
    """Return the number of pixels of the largest tile."""
    longest = 0
    for k in range(starts.size - 1):
        longest = max(longest, starts[k + 1] - starts[k])
    return longest


@njit(**HELPER_OPTIONS)
def _convert_row(raw, y, x0, w, gain, offset, out, begin):
    """Convert part of a row; unsigned indices need no test for negative ones, and no slices, which are slow to make."""
    for i in range(np.uint64(w)):
        out[begin + i] = F32((raw[y, x0 + i] + offset) * gain)


@njit(**JIT_OPTIONS)
def cut_electrons(raw, gain, offset, boxes, starts, out):
    """Cut tiles out of a frame and convert them to electrons: ``(pixel + offset) * gain``.

    Parameters
    ----------
    raw : (ny, nx) ndarray
        The pixels in the unit of the frame.
    gain, offset : float32 or float64
        Electrons per unit, and what is added before; their dtype is that in which NumPy computes the product.
    boxes, starts : ndarray
        The tiles.
    out : (n,) float32 ndarray
        The output.
    """
    for k in range(boxes.shape[0]):
        y0, y1, x0, x1 = boxes[k]
        w = x1 - x0
        for y in range(y0, y1):
            _convert_row(raw, np.uint64(y), np.uint64(x0), w, gain, offset, out, np.uint64(starts[k] + (y - y0) * w))


@njit(**HELPER_OPTIONS)
def array_max(x):
    """Return the maximum of a flat array."""
    maximum = x[0]
    for i in range(1, x.size):
        maximum = x[i] if x[i] > maximum else maximum
    return maximum


@njit(**JIT_OPTIONS)
def find_saturated(c, geometry, shape, medians, level, low_level, found):
    """Find the saturated pixels of extended objects.

    Parameters
    ----------
    c : (n,) float32 ndarray
        Electrons of tiles with the sky.
    geometry : tuple
        Boxes, starts and cores of the tiles.
    shape : tuple of int
        (ny, nx) of the frame.
    medians : tuple
        Whether the filter is separable, and its half widths, of which the first is used.
    level, low_level : float32
        Pixels of ``level`` or more are saturated; the object is extended if their median is above ``low_level``.
    found : (n,) int64 ndarray
        The output: flat indices.

    Returns
    -------
    int
        Number of pixels found.
    """
    boxes, starts, cores = geometry
    sepmed, half_widths = medians
    longest = longest_tile(starts)
    buffers = np.empty(longest, F32)
    scratch = np.empty((1 if sepmed else 7) * longest, F32)
    count = 0
    for k in range(boxes.shape[0]):
        x, box = c[starts[k] : starts[k + 1]], boxes[k]
        w, m = box[3] - box[2], buffers[: x.size]
        median_filter(x, w, half_widths[0], sepmed, touching_edges(box, shape), m, scratch)
        for y in range(cores[k, 0], cores[k, 1]):
            for i in range(cores[k, 2], cores[k, 3]):
                at = (y - box[0]) * w + i - box[2]
                if x[at] >= level and m[at] > low_level:
                    found[count] = y * shape[1] + i
                    count += 1
    return count


@njit(**JIT_OPTIONS)
def crop(x, boxes, starts, inner, inner_starts, out):
    """Copy inner boxes of tiles.

    Parameters
    ----------
    x : (n,) ndarray
        Values of tiles.
    boxes, starts : ndarray
        The tiles.
    inner, inner_starts : ndarray
        The inner boxes, and their first elements in the output.
    out : (m,) ndarray
        The output.
    """
    for k in range(boxes.shape[0]):
        y0, y1, x0, x1 = inner[k]
        w = boxes[k, 3] - boxes[k, 2]
        for y in range(y0, y1):
            begin = starts[k] + (y - boxes[k, 0]) * w - boxes[k, 2]
            end = inner_starts[k] + (y - y0) * (x1 - x0)
            for i in range(x1 - x0):
                out[end + i] = x[begin + x0 + i]


@njit(**JIT_OPTIONS)
def count_sort_keys(bits, states, selected, counts):
    """Count the pixels that are not excluded by half of the sort key of their values.

    The sort key of a float32 value is a uint32 number in the order of the values: the bits with the sign inverted, or
    all bits inverted for negative values.

    Parameters
    ----------
    bits : (n,) uint32 ndarray
        The bits of the values.
    states : (n,) uint8 ndarray
        The states of the pixels.
    selected : int
        If negative, the upper 16 bits are counted; else the lower 16 bits of the keys with these upper bits.
    counts : (65536,) int64 ndarray
        The counts, changed in place.
    """
    for i in range(bits.size):
        if states[i] & EXCLUDED == 0:
            key = bits[i] ^ (np.uint32(0xFFFFFFFF) if bits[i] >> np.uint32(31) else np.uint32(0x80000000))
            upper = np.int64(key >> np.uint32(16))
            if selected < 0:
                counts[upper] += 1
            elif upper == selected:
                counts[np.int64(key & np.uint32(0xFFFF))] += 1


def from_sort_key(key: int) -> np.float32:
    """Return the value of a sort key of `count_sort_keys`.

    Parameters
    ----------
    key : int
        The key.

    Returns
    -------
    float32
        The value.
    """
    bits = key ^ (0x80000000 if key >> 31 else 0xFFFFFFFF)
    return np.array([bits], np.uint32).view(np.float32)[0]
