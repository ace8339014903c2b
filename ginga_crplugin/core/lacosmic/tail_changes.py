"""Numba kernels that find where two detections of a frame differ.

Lists of pixels are flat indices, int64, into the (ny, nx) frame; windows are boxes (y0, y1, x0, x1).
"""

from numba import njit

from .median_networks import HELPER_OPTIONS, JIT_OPTIONS
from .tail_windows import first_from

__all__ = ['find_changes', 'find_same_groups']


@njit(**JIT_OPTIONS)
def find_changes(pixels, values, old_pixels, old_values, out):
    """Find the pixels that are in one of two sorted lists only, or have other values.

    Parameters
    ----------
    pixels, old_pixels : (n,) and (m,) int64 ndarray
        The lists.
    values, old_values : (n,) and (m,) float64 ndarray
        The values of the pixels.
    out : (n + m,) int64 ndarray
        The output, sorted.

    Returns
    -------
    int
        Number of these pixels.
    """
    i, j, count = 0, 0, 0
    while i < pixels.size or j < old_pixels.size:
        new = j == old_pixels.size or (i < pixels.size and pixels[i] < old_pixels[j])
        old = i == pixels.size or (j < old_pixels.size and old_pixels[j] < pixels[i])
        if new or old or values[i] != old_values[j]:
            out[count] = old_pixels[j] if old else pixels[i]
            count += 1
        i, j = i + (not old), j + (not new)
    return count


@njit(**HELPER_OPTIONS)
def _any_inside(pixels, box, nx):
    """Return whether a pixel of a sorted list is in a window."""
    y0, y1, x0, x1 = box
    place = first_from(pixels, y0 * nx + x0, 0, pixels.size)
    while place < pixels.size and pixels[place] < y1 * nx:
        if x0 <= pixels[place] % nx < x1:
            return True
        place += 1
    return False


@njit(**JIT_OPTIONS)
def find_same_groups(seeds, starts, boxes, old_seeds, old_starts, changed, nx, same):
    """Find the groups that are as before, with no changed pixel in their windows.

    Parameters
    ----------
    seeds, starts : (k,) and (n + 1,) int64 ndarray
        The pixels of the groups, and where those of each group start.
    boxes : (n, 4) int64 ndarray
        The windows around the groups.
    old_seeds, old_starts : (l,) and (m + 1,) int64 ndarray
        Those before.
    changed : (c,) int64 ndarray
        The changed pixels, sorted.
    nx : int
        Width of the frame.
    same : (n,) int64 ndarray
        For each group the number of the group before that starts with the same pixel, or any other; the output: -1 if
        that group is another or has a changed pixel in its window.
    """
    for k in range(boxes.shape[0]):
        first, last = old_starts[same[k]], old_starts[same[k] + 1]
        equal = last - first == starts[k + 1] - starts[k]
        if equal:
            for i in range(last - first):
                equal &= seeds[starts[k] + i] == old_seeds[first + i]
        if not equal or _any_inside(changed, boxes[k], nx):
            same[k] = -1
