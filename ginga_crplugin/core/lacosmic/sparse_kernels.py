"""The room of the few: the steps of L.A.Cosmic that visit flagged pixels and their neighbors alone, compiled by numba.

Lists of pixels are flat indices, int64, into the (ny, nx) frame. What an element of a work array may hold is said
where it is written; no array of the size of the frame is made here.
"""

import numpy as np
from numba import njit

from .median_networks import OPTIONS

__all__ = ['around', 'bounds', 'clean', 'find', 'mark', 'near', 'overlay', 'store']

F32 = np.float32


@njit(**OPTIONS)
def _above(s, box, y, x, limit, mask):
    """Tell whether S' at a pixel is above a limit, and the pixel a good one."""
    return s[(y - box[0]) * (box[3] - box[2]) + x - box[2]] > limit and mask[y, x] == 0


@njit(**OPTIONS)
def _grow(s, box, y, x, sigclip, siglow, mask, seen, found, count):
    """Flag what stands around one seed: neighbors above sigclip, and their neighbors above siglow."""
    nx = mask.shape[1]
    for j in range(y - 1, y + 2):
        for i in range(x - 1, x + 2):
            if not _above(s, box, j, i, sigclip, mask):
                continue
            for v in range(j - 1, j + 2):
                for u in range(i - 1, i + 2):
                    at = (v - box[0]) * (box[3] - box[2]) + u - box[2]
                    if seen[at] == 0 and _above(s, box, v, u, siglow, mask):
                        seen[at] = 1
                        found[count] = v * nx + u
                        count += 1
    return count


@njit(**OPTIONS)
def find(s, s_boxes, s_starts, ratio, boxes, starts, cores, mask, sigclip, siglow, objlim, found):
    """Flag the cosmic rays whose seeds lie in the cores of tiles (van Dokkum 2001, section 4), and count them.

    A seed has S' above sigclip and S' / F above objlim; `_grow` flags what belongs to it. The outermost pixels of the
    frame have S' = 0, so that no seed lies there.

    Parameters
    ----------
    s, ratio : (n,) float32 ndarray
        S' of the tiles ``s_boxes``, at least two pixels larger than the cores, and S' / F of the tiles ``boxes``.
    found : int64 ndarray
        For the flat indices; each is written once for a tile, but may be for several of them.
    """
    seen = np.empty(np.max(np.diff(s_starts)), np.uint8)
    count = 0
    for k in range(cores.shape[0]):
        fresh = False
        y0, y1, x0, x1 = cores[k]
        tile, box = s[s_starts[k] : s_starts[k + 1]], s_boxes[k]
        for y in range(y0, y1):
            row = tile[(y - box[0]) * (box[3] - box[2]) + x0 - box[2] :]
            contrast = ratio[starts[k] + (y - boxes[k, 0]) * (boxes[k, 3] - boxes[k, 2]) + x0 - boxes[k, 2] :]
            for x in range(x1 - x0):
                if row[x] > sigclip and contrast[x] > objlim and mask[y, x0 + x] == 0:
                    if not fresh:
                        seen[: tile.size] = 0
                        fresh = True
                    count = _grow(tile, box, y, x0 + x, sigclip, siglow, mask, seen, found, count)
    return count


@njit(**OPTIONS)
def mark(found, flags, new):
    """Set the flags of the pixels that had none, list these, and return how many there are."""
    flat = flags.reshape(-1)
    count = 0
    for at in found:
        if flat[at] == 0:
            flat[at] = 1
            new[count] = at
            count += 1
    return count


@njit(**OPTIONS)
def near(new, flags, out):
    """List the flagged pixels within 5 x 5 of new ones, each once, and return how many there are.

    Only these are to be cleaned anew; the two outermost pixels of the frame never are.
    """
    ny, nx = flags.shape
    count = 0
    for at in new:
        y0, x0 = at // nx, at % nx
        for y in range(max(2, y0 - 2), min(ny - 2, y0 + 3)):
            for x in range(max(2, x0 - 2), min(nx - 2, x0 + 3)):
                if flags[y, x] == 1:
                    flags[y, x] = 2
                    out[count] = y * nx + x
                    count += 1
    for at in out[:count]:
        flags[at // nx, at % nx] = 1
    return count


@njit(**OPTIONS)
def around(raw, gain, sky, pixels, out):
    """Write the electrons of the 5 x 5 pixels around each; out : (n, 25). See `kernels.electrons`."""
    nx = raw.shape[1]
    for n in range(pixels.size):
        y, x = pixels[n] // nx - 2, pixels[n] % nx - 2
        for j in range(5):
            for i in range(5):
                out[n, 5 * j + i] = F32((raw[y + j, x + i] + sky) * gain)


@njit(**OPTIONS)
def _good_neighbors(at, flags, mask, good):
    """List which of the 5 x 5 pixels around one are neither flagged nor masked, and return how many."""
    nx = flags.shape[1]
    y, x = at // nx, at % nx
    count = 0
    for j in range(5):
        for i in range(5):
            if flags[y + j - 2, x + i - 2] == 0 and mask[y + j - 2, x + i - 2] == 0:
                good[count] = 5 * j + i
                count += 1
    return count


@njit(**OPTIONS)
def _masked_mean(values, good):
    total = F32(0)
    for k in good:
        total += values[k]
    return total / F32(good.size)


@njit(**OPTIONS)
def _masked_median(values, good, ordered):
    """Return the lower median, by insertion."""
    for n in range(good.size):
        value, k = values[good[n]], n
        while k > 0 and ordered[k - 1] > value:
            ordered[k] = ordered[k - 1]
            k -= 1
        ordered[k] = value
    return ordered[(good.size - 1) // 2]


@njit(**OPTIONS)
def _weighted_mean(values, good, weights):
    total, sum_of_weights = F32(0), F32(0)
    for k in good:
        total += weights[k] * values[k]
        sum_of_weights += weights[k]
    return total / sum_of_weights


@njit(**OPTIONS)
def _instead(values, good, how, weights, ordered):
    if how == 0:
        return _masked_mean(values, good)
    if how == 1:
        return _masked_median(values, good, ordered)
    return _weighted_mean(values, good, weights)


@njit(**OPTIONS)
def clean(pixels, values, variances, how, weights, flags, mask, levels, out, out_variances):
    """Replace flagged pixels by what the good ones in 5 x 5 say; return how many have none and get the ``levels``.

    Parameters
    ----------
    values, variances : (n, 25) float32 ndarray
        The 5 x 5 pixels around each.
    how : int
        0 mean, 1 median, 2 mean weighted by inverse distance.
    weights : (25,) float32 ndarray
    levels : (2,) float32 ndarray
        Of the image and of its variance.
    out, out_variances : (n,) float32 ndarray
    """
    room, ordered = np.empty(25, np.int64), np.empty(25, F32)
    alone = 0
    for n in range(pixels.size):
        good = room[: _good_neighbors(pixels[n], flags, mask, room)]
        if good.size == 0:
            out[n], out_variances[n] = levels[0], levels[1]
            alone += 1
        else:
            out[n] = _instead(values[n], good, how, weights, ordered)
            out_variances[n] = _instead(variances[n], good, how, weights, ordered)
    return alone


@njit(**OPTIONS)
def store(pixels, new, new_var, own, own_var, size, shape, heads, links, at, values, variances, used, changed):
    """Keep cleaned values in lists by blocks of size x size pixels.

    Parameters
    ----------
    new, new_var, own, own_var : (n,) float32 ndarray
        The values of the pixels and their variances, cleaned and untouched.
    heads : (blocks,) int32 ndarray
        The first entry of each block, or -1; ``links`` leads on from entry to entry.
    at, values, variances : ndarray
        The entries.
    used : int
        How many entries there are.
    changed : (n,) int64 ndarray
        For the pixels whose value or variance is another than before.

    Returns
    -------
    used, count : int
        How many entries there are now, and how many pixels are in ``changed``.
    """
    nx = shape[1]
    across = (nx + size - 1) // size
    count = 0
    for n in range(pixels.size):
        block = (pixels[n] // nx // size) * across + pixels[n] % nx // size
        entry = heads[block]
        while entry >= 0 and at[entry] != pixels[n]:
            entry = links[entry]
        if entry < 0:
            entry = used
            used += 1
            at[entry], values[entry], variances[entry] = pixels[n], own[n], own_var[n]
            links[entry], heads[block] = heads[block], entry
        if values[entry] != new[n] or variances[entry] != new_var[n]:
            values[entry], variances[entry] = new[n], new_var[n]
            changed[count] = pixels[n]
            count += 1
    return used, count


@njit(**OPTIONS)
def overlay(boxes, starts, size, shape, heads, links, at, values, variances, c, var):
    """Lay the cleaned values over the tiles."""
    nx = shape[1]
    across = (nx + size - 1) // size
    for k in range(boxes.shape[0]):
        y0, y1, x0, x1 = boxes[k]
        for j in range(y0 // size, (y1 - 1) // size + 1):
            for i in range(x0 // size, (x1 - 1) // size + 1):
                entry = heads[j * across + i]
                while entry >= 0:
                    y, x = at[entry] // nx, at[entry] % nx
                    if y0 <= y < y1 and x0 <= x < x1:
                        place = starts[k] + (y - y0) * (x1 - x0) + x - x0
                        c[place], var[place] = values[entry], variances[entry]
                    entry = links[entry]


@njit(**OPTIONS)
def bounds(pixels, size, nx, across, out):
    """Draw a box around the pixels of each block of size x size; out : (blocks, 4), y0, y1, x0, x1, 0 where none is."""
    for at in pixels:
        y, x = at // nx, at % nx
        box = out[(y // size) * across + x // size]
        if box[1] == 0:
            box[0], box[1], box[2], box[3] = y, y + 1, x, x + 1
        else:
            box[0], box[1] = min(box[0], y), max(box[1], y + 1)
            box[2], box[3] = min(box[2], x), max(box[3], x + 1)
