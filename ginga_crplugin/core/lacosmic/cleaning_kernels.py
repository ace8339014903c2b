"""Numba kernels for the replacement of flagged pixels.

Lists of pixels are flat indices, int64, into the (ny, nx) frame.
"""

import numpy as np
from numba import njit

from .median_networks import HELPER_OPTIONS, JIT_OPTIONS

__all__ = ['overlay_cleaned', 'replacement_values', 'store_cleaned']

F32 = np.float32


@njit(**HELPER_OPTIONS)
def _good_neighbors(pixel, states, good):
    """Write which of the 5 x 5 pixels around one are neither flagged nor excluded, and return how many these are."""
    nx = states.shape[1]
    y, x = pixel // nx, pixel % nx
    count = 0
    for j in range(5):
        for i in range(5):
            good[5 * j + i] = states[y + j - 2, x + i - 2] == 0
            count += good[5 * j + i]
    return count


@njit(**HELPER_OPTIONS)
def _masked_means(values, variances, n, good, count):
    """Return the means of value and variance, whose sums the processor computes at the same time."""
    total, total_variance = F32(0), F32(0)
    for k in range(25):
        total += values[n, k] if good[k] else F32(0)
        total_variance += variances[n, k] if good[k] else F32(0)
    return total / F32(count), total_variance / F32(count)


@njit(**HELPER_OPTIONS)
def _masked_median(values, n, good, ordered):
    """Return the lower median, by insertion sort."""
    count = 0
    for k in range(25):
        if good[k]:
            place = count
            while place > 0 and ordered[place - 1] > values[n, k]:
                ordered[place] = ordered[place - 1]
                place -= 1
            ordered[place] = values[n, k]
            count += 1
    return ordered[(count - 1) // 2]


@njit(**HELPER_OPTIONS)
def _weighted_mean(values, n, good, weights):
    total, sum_of_weights = F32(0), F32(0)
    for k in range(25):
        total += weights[k] * values[n, k] if good[k] else F32(0)
        sum_of_weights += weights[k] if good[k] else F32(0)
    return total / sum_of_weights


@njit(**HELPER_OPTIONS)
def _replacement(values, n, good, method, weights, ordered):
    if method == 1:
        return _masked_median(values, n, good, ordered)
    return _weighted_mean(values, n, good, weights)


@njit(**JIT_OPTIONS)
def replacement_values(pixels, values, variances, method, weights, states, levels, out, out_variances):
    """Compute the values that replace flagged pixels from the good pixels within 5 x 5.

    Parameters
    ----------
    pixels : (n,) int64 ndarray
        Flat indices of the flagged pixels.
    values, variances : (n, 25) float32 ndarray
        The 5 x 5 pixels around each in electrons, and their variances.
    method : int
        0 mean, 1 median, 2 mean weighted by inverse distance.
    weights : (25,) float32 ndarray
        The weights of method 2.
    states : (ny, nx) uint8 ndarray
        The states of the pixels; 0 for good pixels.
    levels : (2,) float32 ndarray
        Value and variance for pixels without good pixels around them.
    out, out_variances : (n,) float32 ndarray
        The output.

    Returns
    -------
    int
        Number of pixels without good pixels around them.
    """
    good, ordered = np.empty(25, np.bool_), np.empty(25, F32)
    isolated = 0
    for n in range(pixels.size):
        count = _good_neighbors(pixels[n], states, good)
        if count == 0:
            out[n], out_variances[n] = levels[0], levels[1]
            isolated += 1
        elif method == 0:
            out[n], out_variances[n] = _masked_means(values, variances, n, good, count)
        else:
            out[n] = _replacement(values, n, good, method, weights, ordered)
            out_variances[n] = _replacement(variances, n, good, method, weights, ordered)
    return isolated


@njit(**JIT_OPTIONS)
def store_cleaned(
    pixels, new, new_var, own, own_var, size, shape, heads, links, indices, values, variances, used, changed
):
    """Store cleaned values in a linked list for each block of pixels.

    Parameters
    ----------
    pixels : (n,) int64 ndarray
        Flat indices.
    new, new_var, own, own_var : (n,) float32 ndarray
        The cleaned values and variances, and the original ones.
    size : int
        Side of the blocks in pixels.
    shape : tuple of int
        (ny, nx) of the frame.
    heads : (blocks,) int32 ndarray
        The first entry of each block, or -1.
    links : int32 ndarray
        The entry that follows each entry, or -1.
    indices, values, variances : ndarray
        The entries: flat index, value and variance.
    used : int
        Number of entries.
    changed : (n,) int64 ndarray
        The output: the pixels whose value or variance changed.

    Returns
    -------
    used, count : int
        The new number of entries, and the number of pixels in ``changed``.
    """
    nx = shape[1]
    columns = (nx + size - 1) // size
    count = 0
    for n in range(pixels.size):
        block = (pixels[n] // nx // size) * columns + pixels[n] % nx // size
        entry = heads[block]
        while entry >= 0 and indices[entry] != pixels[n]:
            entry = links[entry]
        if entry < 0:
            entry = used
            used += 1
            indices[entry], values[entry], variances[entry] = pixels[n], own[n], own_var[n]
            links[entry], heads[block] = heads[block], entry
        if values[entry] != new[n] or variances[entry] != new_var[n]:
            values[entry], variances[entry] = new[n], new_var[n]
            changed[count] = pixels[n]
            count += 1
    return used, count


@njit(**JIT_OPTIONS)
def overlay_cleaned(boxes, starts, size, shape, heads, links, indices, values, variances, c, var):
    """Write the cleaned values into tiles.

    Parameters
    ----------
    boxes, starts : ndarray
        The tiles.
    size, shape, heads, links, indices, values, variances : int, tuple or ndarray
        See `store_cleaned`.
    c, var : (n,) float32 ndarray
        Electrons without the sky and their variance, changed in place.
    """
    nx = shape[1]
    columns = (nx + size - 1) // size
    for k in range(boxes.shape[0]):
        y0, y1, x0, x1 = boxes[k]
        for j in range(y0 // size, (y1 - 1) // size + 1):
            for i in range(x0 // size, (x1 - 1) // size + 1):
                entry = heads[j * columns + i]
                while entry >= 0:
                    y, x = indices[entry] // nx, indices[entry] % nx
                    if y0 <= y < y1 and x0 <= x < x1:
                        index = starts[k] + (y - y0) * (x1 - x0) + x - x0
                        c[index], var[index] = values[entry], variances[entry]
                    entry = links[entry]
