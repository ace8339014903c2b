"""Numba kernels for flagged pixels and their neighbors.

Lists of pixels are flat indices, int64, into the (ny, nx) frame. No kernel allocates an array of the size of the frame.
"""

import numpy as np
from numba import njit

from .dense_kernels import longest_tile
from .median_networks import HELPER_OPTIONS, JIT_OPTIONS

__all__ = ['bounding_boxes', 'find_cosmic_rays', 'find_flagged_neighbors', 'set_flags']

F32 = np.float32


@njit(**HELPER_OPTIONS)
def _above(s, box, y, x, limit, mask):
    """Return whether a pixel is good and its S' above a limit."""
    return s[(y - box[0]) * (box[3] - box[2]) + x - box[2]] > limit and mask[y, x] == 0


@njit(**HELPER_OPTIONS)
def _flag_neighbors(s, box, y, x, sigclip, siglow, mask, visited, found, count):
    """Add a pixel and its neighbors with S' > sigclip, and their neighbors with S' > siglow, to those found."""
    nx = mask.shape[1]
    for j in range(y - 1, y + 2):
        for i in range(x - 1, x + 2):
            if not _above(s, box, j, i, sigclip, mask):
                continue
            for v in range(j - 1, j + 2):
                for u in range(i - 1, i + 2):
                    index = (v - box[0]) * (box[3] - box[2]) + u - box[2]
                    if visited[index] == 0 and _above(s, box, v, u, siglow, mask):
                        visited[index] = 1
                        found[count] = v * nx + u
                        count += 1
    return count


@njit(**JIT_OPTIONS)
def find_cosmic_rays(s, s_boxes, s_starts, ratio, boxes, starts, cores, mask, sigclip, siglow, objlim, found):
    """Find the cosmic rays in the cores of tiles, with their neighbors (van Dokkum 2001, section 4).

    A cosmic ray has a pixel with S' > sigclip and S' / F > objlim. Its neighbors with S' > sigclip belong to it, and
    their neighbors with S' > siglow. The outermost pixels of the frame have S' = 0 and are never found.

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
    mask : (ny, nx) uint8 ndarray
        0 for good pixels.
    sigclip, siglow, objlim : float32
        The thresholds.
    found : (n,) int64 ndarray
        The output: flat indices, each once per tile, but possibly in several tiles.

    Returns
    -------
    int
        Number of indices.
    """
    visited = np.empty(longest_tile(s_starts), np.uint8)
    count = 0
    for k in range(cores.shape[0]):
        cleared = False
        y0, y1, x0, x1 = cores[k]
        tile, box = s[s_starts[k] : s_starts[k + 1]], s_boxes[k]
        for y in range(y0, y1):
            row = tile[(y - box[0]) * (box[3] - box[2]) + x0 - box[2] :]
            contrast = ratio[starts[k] + (y - boxes[k, 0]) * (boxes[k, 3] - boxes[k, 2]) + x0 - boxes[k, 2] :]
            for x in range(x1 - x0):
                if row[x] > sigclip and contrast[x] > objlim and mask[y, x0 + x] == 0:
                    if not cleared:
                        visited[: tile.size] = 0
                        cleared = True
                    count = _flag_neighbors(tile, box, y, x0 + x, sigclip, siglow, mask, visited, found, count)
    return count


@njit(**JIT_OPTIONS)
def set_flags(found, flags, new):
    """Flag pixels.

    Parameters
    ----------
    found : (n,) int64 ndarray
        Flat indices.
    flags : (pixels of the frame,) uint8 ndarray
        1 for flagged pixels, changed in place.
    new : (n,) int64 ndarray
        The output: those of the pixels that were not flagged before.

    Returns
    -------
    int
        Number of these pixels.
    """
    count = 0
    for pixel in found:
        if flags[pixel] == 0:
            flags[pixel] = 1
            new[count] = pixel
            count += 1
    return count


@njit(**JIT_OPTIONS)
def find_flagged_neighbors(new, flags, out):
    """Find the flagged pixels within 5 x 5 pixels of new ones, which are to be cleaned again.

    The two outermost pixels of the frame are never cleaned.

    Parameters
    ----------
    new : (n,) int64 ndarray
        Flat indices of the newly flagged pixels.
    flags : (ny, nx) uint8 ndarray
        1 for flagged pixels; the same after the call.
    out : (m,) int64 ndarray
        The output: flat indices, each once.

    Returns
    -------
    int
        Number of indices.
    """
    ny, nx = flags.shape
    count = 0
    for pixel in new:
        y0, x0 = pixel // nx, pixel % nx
        for y in range(max(2, y0 - 2), min(ny - 2, y0 + 3)):
            for x in range(max(2, x0 - 2), min(nx - 2, x0 + 3)):
                if flags[y, x] == 1:
                    flags[y, x] = 2
                    out[count] = y * nx + x
                    count += 1
    for pixel in out[:count]:
        flags[pixel // nx, pixel % nx] = 1
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
