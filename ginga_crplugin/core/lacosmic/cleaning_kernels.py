"""Numba kernels for the replacement of flagged pixels.

Lists of pixels are flat indices, int64, into the (ny, nx) frame.
"""

import numpy as np
from numba import njit

from .median_networks import HELPER_OPTIONS, JIT_OPTIONS

__all__ = ['overlay_cleaned', 'replacement_values', 'store_cleaned']

F32 = np.float32


@njit(**HELPER_OPTIONS)
def _good_neighbors(pixel, flags, mask, good):
    """Write which of the 5 x 5 pixels around one are neither flagged nor masked, and return how many these are."""
    nx = flags.shape[1]
    y, x = pixel // nx, pixel % nx
    count = 0
    for j in range(5):
        for i in range(5):
            if flags[y + j - 2, x + i - 2] == 0 and mask[y + j - 2, x + i - 2] == 0:
                good[count] = 5 * j + i
                count += 1
    return count


@njit(**HELPER_OPTIONS)
def _masked_mean(values, good):
    total = F32(0)
    for k in good:
        total += values[k]
    return total / F32(good.size)


@njit(**HELPER_OPTIONS)
def _masked_median(values, good, ordered):
    """Return the lower median, by insertion sort."""
    for n in range(good.size):
        value, k = values[good[n]], n
        while k > 0 and ordered[k - 1] > value:
            ordered[k] = ordered[k - 1]
            k -= 1
        ordered[k] = value
    return ordered[(good.size - 1) // 2]


@njit(**HELPER_OPTIONS)
def _weighted_mean(values, good, weights):
    total, sum_of_weights = F32(0), F32(0)
    for k in good:
        total += weights[k] * values[k]
        sum_of_weights += weights[k]
    return total / sum_of_weights


@njit(**HELPER_OPTIONS)
def _replacement(values, good, method, weights, ordered):
    if method == 0:
        return _masked_mean(values, good)
    if method == 1:
        return _masked_median(values, good, ordered)
    return _weighted_mean(values, good, weights)


@njit(**JIT_OPTIONS)
def replacement_values(pixels, values, variances, method, weights, flags, mask, levels, out, out_variances):
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
    flags, mask : (ny, nx) uint8 ndarray
        0 for pixels that are not flagged, and for good pixels.
    levels : (2,) float32 ndarray
        Value and variance for pixels without good pixels around them.
    out, out_variances : (n,) float32 ndarray
        The output.

    Returns
    -------
    int
        Number of pixels without good pixels around them.
    """
    indices, ordered = np.empty(25, np.int64), np.empty(25, F32)
    isolated = 0
    for n in range(pixels.size):
        good = indices[: _good_neighbors(pixels[n], flags, mask, indices)]
        if good.size == 0:
            out[n], out_variances[n] = levels[0], levels[1]
            isolated += 1
        else:
            out[n] = _replacement(values[n], good, method, weights, ordered)
            out_variances[n] = _replacement(variances[n], good, method, weights, ordered)
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
