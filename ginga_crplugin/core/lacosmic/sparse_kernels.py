"""Numba kernels for flagged pixels and their neighbors.

Lists of pixels are flat indices, int64, into the (ny, nx) frame. No kernel allocates an array of the size of the frame.
"""

import numpy as np
from numba import njit

from .median_networks import HELPER_OPTIONS, JIT_OPTIONS
from .pixel_states import AFFECTED, EXCLUDED, FLAGGED, GROWN

__all__ = ['bounding_boxes', 'find_cosmic_rays', 'find_flagged_neighbors', 'set_flags']

F32 = np.float32


@njit(**HELPER_OPTIONS)
def _flag_neighbors(s, start, box, y, x, sigclip, siglow, states, visited, found, count):
    """Add a pixel and its neighbors with S' > sigclip, and their neighbors with S' > siglow, to those found."""
    w, nx = box[3] - box[2], states.shape[1]
    for j in range(y - 1, y + 2):
        for i in range(x - 1, x + 2):
            index = (j - box[0]) * w + i - box[2]
            if visited[index] & GROWN or not (s[start + index] > sigclip and states[j, i] & EXCLUDED == 0):
                continue
            visited[index] |= GROWN
            for v in range(j - 1, j + 2):
                for u in range(i - 1, i + 2):
                    index = (v - box[0]) * w + u - box[2]
                    if visited[index] & FLAGGED == 0 and s[start + index] > siglow and states[v, u] & EXCLUDED == 0:
                        visited[index] |= FLAGGED
                        found[count] = v * nx + u
                        count += 1
    return count


@njit(**JIT_OPTIONS)
def find_cosmic_rays(
    s, s_boxes, s_starts, ratio, boxes, starts, cores, states, sigclip, siglow, objlim, visited, highest, bounds, found
):
    """Find the cosmic rays in the cores of tiles, with their neighbors (van Dokkum 2001, section 4).

    A cosmic ray has a pixel with S' > sigclip and S' / F > objlim. Its neighbors with S' > sigclip belong to it, and
    their neighbors with S' > siglow. The outermost pixels of the frame have S' = 0 and are never found.

    Slices of arrays are reference counted, which takes longer than the work on a short row; the loops have none.

    Parameters
    ----------
    s, ratio : (n,) and (m,) float32 ndarray
        S' and S' / F.
    s_boxes, s_starts : ndarray
        The tiles of S', at least two pixels larger than the cores.
    boxes, starts : ndarray
        The tiles of S' / F.
    cores : (k, 4) int64 ndarray
        Boxes (y0, y1, x0, x1).
    states : (ny, nx) uint8 ndarray
        The states of the pixels.
    sigclip, siglow, objlim : float32
        The thresholds.
    visited : uint8 ndarray
        Working memory for the largest tile.
    highest : (k, 3) float32 ndarray
        For each core, the highest S' of the pixels that are not excluded, the highest S' / F of those with S' above a
        limit, and this limit; changed in place. Cores that exceed no threshold according to these values are skipped.
    bounds : (k, 4) int64 ndarray
        For each core, the bounding box of the pixels above this limit, changed in place.
    found : (n,) int64 ndarray
        The output: flat indices, each once per tile, but possibly in several tiles.

    Returns
    -------
    int
        Number of indices.
    """
    count = 0
    for k in range(cores.shape[0]):
        known = highest[k, 2] <= sigclip
        if known and (highest[k, 0] <= sigclip or highest[k, 1] <= objlim):
            continue
        cleared, start, box = False, s_starts[k], s_boxes[k]
        y0, y1, x0, x1 = bounds[k] if known else cores[k]
        top, bottom, left, right = y1, y0, x1, x0
        highest_s = highest_ratio = F32(-np.inf)
        for y in range(y0, y1):
            row = start + (y - box[0]) * (box[3] - box[2]) - box[2]
            ratio_row = starts[k] + (y - boxes[k, 0]) * (boxes[k, 3] - boxes[k, 2]) - boxes[k, 2]
            for x in range(x0, x1):
                value = s[row + x]
                if not value > min(highest_s, sigclip) or states[y, x] & EXCLUDED:
                    continue
                highest_s = max(highest_s, value)
                if not value > sigclip:
                    continue
                top, bottom, left, right = min(top, y), y + 1, min(left, x), max(right, x + 1)
                highest_ratio = max(highest_ratio, ratio[ratio_row + x])
                if ratio[ratio_row + x] > objlim:
                    if not cleared:
                        visited[: s_starts[k + 1] - start] = 0
                        cleared = True
                    args = sigclip, siglow, states, visited, found
                    count = _flag_neighbors(s, start, box, y, x, *args, count)
        if not known:
            highest[k, 0], highest[k, 1], highest[k, 2] = highest_s, highest_ratio, sigclip
            bounds[k, 0], bounds[k, 1], bounds[k, 2], bounds[k, 3] = top, bottom, left, right
    return count


@njit(**JIT_OPTIONS)
def set_flags(found, states, new):
    """Flag pixels.

    Parameters
    ----------
    found : (n,) int64 ndarray
        Flat indices.
    states : (pixels of the frame,) uint8 ndarray
        The states of the pixels, changed in place.
    new : (n,) int64 ndarray
        The output: those of the pixels that were not flagged before.

    Returns
    -------
    int
        Number of these pixels.
    """
    count = 0
    for pixel in found:
        if states[pixel] & FLAGGED == 0:
            states[pixel] |= FLAGGED
            new[count] = pixel
            count += 1
    return count


@njit(**JIT_OPTIONS)
def find_flagged_neighbors(new, states, out):
    """Find the flagged pixels within 5 x 5 pixels of new ones, which are to be cleaned again.

    The two outermost pixels of the frame are never cleaned.

    Parameters
    ----------
    new : (n,) int64 ndarray
        Flat indices of the newly flagged pixels.
    states : (ny, nx) uint8 ndarray
        The states of the pixels; the same after the call.
    out : (m,) int64 ndarray
        The output: flat indices, each once.

    Returns
    -------
    int
        Number of indices.
    """
    ny, nx = states.shape
    count = 0
    for pixel in new:
        y0, x0 = pixel // nx, pixel % nx
        for y in range(max(2, y0 - 2), min(ny - 2, y0 + 3)):
            for x in range(max(2, x0 - 2), min(nx - 2, x0 + 3)):
                if states[y, x] & (FLAGGED | AFFECTED) == FLAGGED:
                    states[y, x] |= AFFECTED
                    out[count] = y * nx + x
                    count += 1
    for pixel in out[:count]:
        states[pixel // nx, pixel % nx] &= ~AFFECTED
    return count


@njit(**JIT_OPTIONS)
def bounding_boxes(pixels, size, nx, places, blocks, boxes):
    """Compute the bounding box of the pixels in each block with pixels.

    Parameters
    ----------
    pixels : (n,) int64 ndarray
        Flat indices.
    size : int
        Side of the blocks in pixels.
    nx : int
        Width of the frame.
    places : int32 ndarray
        Working memory with at least one element for each block of the frame; -1 before and after the call.
    blocks : (m,) int64 ndarray
        The output: the numbers of the blocks, counted row by row, in the order of their first pixels.
    boxes : (m, 4) int64 ndarray
        The output: the boxes (y0, y1, x0, x1).

    Returns
    -------
    int
        Number of blocks with pixels.
    """
    columns = (nx + size - 1) // size
    count = 0
    for pixel in pixels:
        y, x = pixel // nx, pixel % nx
        block = (y // size) * columns + x // size
        if places[block] < 0:
            places[block], blocks[count] = count, block
            box = boxes[count]
            box[0], box[1], box[2], box[3] = y, y + 1, x, x + 1
            count += 1
        else:
            box = boxes[places[block]]
            box[0], box[1] = min(box[0], y), max(box[1], y + 1)
            box[2], box[3] = min(box[2], x), max(box[3], x + 1)
    for block in blocks[:count]:
        places[block] = -1
    return count
