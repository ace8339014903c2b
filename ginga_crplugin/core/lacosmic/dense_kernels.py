"""The room of the dense steps: what L.A.Cosmic does with every pixel of tiles of a frame, compiled by numba.

All arithmetic is float32, in the order in which Astro-SCRAPPY does it, without fast-math: the results are the same bit
for bit. Tiles lie one after the other in flat arrays: ``boxes`` (n, 4) int64 are their sides in the frame (y0, y1, x0,
x1), and ``starts`` (n + 1,) int64 where they begin. A tile that ends within the frame carries a margin of pixels that
are read, but whose fields mean nothing; at the sides of the frame Astro-SCRAPPY's own rules hold.
"""

import numpy as np
from numba import njit

from .filters import copy, laplacian, set_ring, sides_of, smooth
from .median_networks import OPTIONS, high

__all__ = ['block_peaks', 'crop', 'electrons', 'fields', 'peaks', 'saturated']

F32 = np.float32


@njit(**OPTIONS)
def electrons(raw, gain, sky, boxes, starts, out):
    """Cut tiles out of a frame: (pixel + sky) * gain, in the precision in which NumPy works it out for the dtype."""
    for k in range(boxes.shape[0]):
        y0, y1, x0, x1 = boxes[k]
        w = x1 - x0
        for y in range(y0, y1):
            row = raw[y, x0:x1]
            o = out[starts[k] + (y - y0) * w :]
            for x in range(w):
                o[x] = F32((row[x] + sky) * gain)


@njit(**OPTIONS)
def _signal_to_noise(s, noise):
    """Turn the smoothed variance into the noise, and L+ into S = L+ / (2 noise)."""
    for i in range(s.size):
        noise[i] = np.sqrt(max(noise[i], F32(0.00001)))
        s[i] = s[i] / (F32(2) * noise[i])


@njit(**OPTIONS)
def _subtract(a, b):
    for i in range(a.size):
        a[i] = a[i] - b[i]


@njit(**OPTIONS)
def _add(a, b):
    for i in range(a.size):
        a[i] = a[i] + b[i]


@njit(**OPTIONS)
def _add_to(a, number, out):
    for i in range(a.size):
        out[i] = a[i] + number


@njit(inline='always')
def _sharpness(c, var, sky, lap, box, frame, medians, s, noise, m, scratch):
    """S' of a tile: L+ over the noise, without its own median (van Dokkum 2001, section 3.2).

    The noise is that of the smoothed variance, with the sky added back. ``lap`` is L+ where it is known already, else
    empty, and so is ``sky``.
    """
    shape, ring_rows, ring_columns = frame
    sepmed, halves = medians
    w, sides = box[3] - box[2], sides_of(box, shape)
    if lap.size:
        copy(lap, s, 0, s.size)
    else:
        laplacian(c, w, s)
    set_ring(s, w, box, sides, ring_rows, ring_columns)
    smooth(var, w, halves[0], sepmed, sides, noise, scratch)
    if sky.size:
        _add(noise, sky)
    _signal_to_noise(s, noise)
    smooth(s, w, halves[1], sepmed, sides, m, scratch)
    _subtract(s, m)


@njit(**OPTIONS)
def _weigh(c, noise, w, weighted, weights, half):
    """Lay c / noise / noise and 1 / noise / noise into tiles that are padded with zeros."""
    wide = w + 2 * half
    for i in range(weighted.size):
        weighted[i] = weights[i] = F32(0)
    for y in range(c.size // w):
        begin = (y + half) * wide + half
        p, q, v, n = weighted[begin:], weights[begin:], c[y * w :], noise[y * w :]
        for x in range(w):
            p[x] = v[x] / n[x] / n[x]
            q[x] = F32(1) / n[x] / n[x]


@njit(**OPTIONS)
def _convolve(x, psf, w, out):
    """Convolve a flat, padded tile of width ``w``; the sum runs over the rows of pixels, in each along x."""
    side = psf.shape[0]
    n = x.size - (side - 1) * (w + 1)
    o = out[:n]
    for i in range(n):
        o[i] = F32(0)
    for j in range(side):
        for i in range(side):
            _add_product(o, psf[side - 1 - j, side - 1 - i], x[j * w + i :])


@njit(**OPTIONS)
def _add_product(out, factor, x):
    for i in range(out.size):
        out[i] = out[i] + factor * x[i]


@njit(**OPTIONS)
def _matched_filter(c, noise, psf, w, f, scratch):
    """Match a tile to the point spread function: the convolved image over the convolved weights."""
    half = psf.shape[0] // 2
    wide = w + 2 * half
    n = (c.size // w + 2 * half) * wide
    weighted, weights, a, b = scratch[:n], scratch[n : 2 * n], scratch[2 * n : 3 * n], scratch[3 * n : 4 * n]
    _weigh(c, noise, w, weighted, weights, half)
    _convolve(weighted, psf, wide, a)
    _convolve(weights, psf, wide, b)
    for y in range(c.size // w):
        o, p, q = f[y * w :], a[y * wide :], b[y * wide :]
        for x in range(w):
            o[x] = p[x] / q[x]


@njit(**OPTIONS)
def _contrast(s, f, m, noise):
    """Turn the fine structure into the contrast of each pixel with it, S' / F."""
    for i in range(s.size):
        f[i] = s[i] / max((f[i] - m[i]) / noise[i], F32(0.01))


@njit(inline='always')
def _ratio(c, s, noise, box, frame, medians, psf, f, m, scratch):
    """S' / F of a tile, F being its fine structure (van Dokkum 2001, section 3.3): what is as sharp as a star."""
    sepmed, halves = medians
    w, sides = box[3] - box[2], sides_of(box, frame[0])
    if psf.size:
        _matched_filter(c, noise, psf, w, f, scratch)
    else:
        smooth(c, w, halves[2], sepmed, sides, f, scratch)
    smooth(f, w, halves[3], sepmed, sides, m, scratch)
    _contrast(s, f, m, noise)


@njit(**OPTIONS)
def _peaks_of(x, box, core, size, out):
    """Write the highest value of each block of size x size pixels in the core of a tile."""
    w = box[3] - box[2]
    for y0 in range(core[0], core[1], size):
        for x0 in range(core[2], core[3], size):
            x1 = min(x0 + size, core[3])
            peak = F32(-np.inf)
            for y in range(y0, min(y0 + size, core[1])):
                begin = (y - box[0]) * w - box[2]
                peak = max(peak, _highest(x[begin + x0 : begin + x1]))
            out[y0 // size, x0 // size] = peak


@njit(**OPTIONS)
def _highest(x):
    peak = x[0]
    for i in range(1, x.size):
        peak = x[i] if x[i] > peak else peak
    return peak


@njit(**OPTIONS)
def block_peaks(raw, size, y0, y1, out):
    """Write the highest pixel of each block of size x size in rows of a frame; out : (rows, columns)."""
    nx = raw.shape[1]
    highest = np.empty(nx, raw.dtype)
    for y in range(y0, y1, size):
        copy(raw[y], highest, 0, nx)
        for row in range(y + 1, min(y + size, y1)):
            _raise_to(raw[row], highest)
        for j in range(out.shape[1]):
            out[y // size, j] = _highest(highest[j * size : min((j + 1) * size, nx)])


@njit(**OPTIONS)
def _raise_to(x, highest):
    for i in range(x.size):
        highest[i] = high(x[i], highest[i])


@njit(inline='always')
def _part(x, begin, end):
    """Return what belongs to one tile, or nothing where there is nothing."""
    return x[begin:end] if x.size else x


@njit(**OPTIONS)
def peaks(c, var, sky, lap, where, frame, medians, readnoise2, size, out):
    """Write the highest S' of each block of size x size pixels, and keep nothing else of the fields.

    Parameters
    ----------
    c : (n,) float32 ndarray
        The electrons of tiles, without the sky.
    var, sky, lap : (n,) or (0,) float32 ndarray
        Their variance, by default c + readnoise2; their sky, if it was taken off; L+, if it is known.
    where : tuple
        Boxes, starts and cores of the tiles.
    frame : tuple
        Its shape, and the known L+ of its outermost pixels: (2, nx) first and last row, (2, ny) first and last column.
    medians : tuple
        Whether they are separable, and how far they reach: of the variance, of S, of the image and of that again.
    out : (rows, columns) float32 ndarray
        For the blocks.
    """
    boxes, starts, cores = where
    longest = np.max(np.diff(starts))
    room = np.empty((4, longest), F32)
    scratch = np.empty((1 if medians[0] else 7) * longest, F32)
    for k in range(boxes.shape[0]):
        a, b = starts[k], starts[k + 1]
        v, s, noise, m = room[0, : b - a], room[1, : b - a], room[2, : b - a], room[3, : b - a]
        tile = c[a:b]
        if var.size:
            v = var[a:b]
        else:
            _add_to(tile, readnoise2, v)
        _sharpness(tile, v, _part(sky, a, b), _part(lap, a, b), boxes[k], frame, medians, s, noise, m, scratch)
        _peaks_of(s, boxes[k], cores[k], size, out)


@njit(**OPTIONS)
def _any_above(s, box, core, limit):
    w = box[3] - box[2]
    for y in range(core[0], core[1]):
        begin = (y - box[0]) * w - box[2]
        if _highest(s[begin + core[2] : begin + core[3]]) > limit:
            return True
    return False


@njit(**OPTIONS)
def fields(c, var, sky, lap, where, frame, medians, psf, sigclip, s, ratio):
    """Write S' and S' / F of tiles; S' / F is 0 in those in whose cores no S' is above ``sigclip``.

    ``psf`` is empty where the fine structure comes from medians; else as `peaks`.
    """
    boxes, starts, cores = where
    longest = np.max(np.diff(starts))
    room = np.empty((2, longest), F32)
    scratch = np.empty(_scratch_size(boxes, psf, longest, medians[0]), F32)
    for k in range(boxes.shape[0]):
        a, b = starts[k], starts[k + 1]
        noise, m, tile, sharp = room[0, : b - a], room[1, : b - a], c[a:b], s[a:b]
        sky_of_tile, lap_of_tile = _part(sky, a, b), _part(lap, a, b)
        _sharpness(tile, var[a:b], sky_of_tile, lap_of_tile, boxes[k], frame, medians, sharp, noise, m, scratch)
        if _any_above(sharp, boxes[k], cores[k], sigclip):
            _ratio(tile, sharp, noise, boxes[k], frame, medians, psf, ratio[a:b], m, scratch)
        else:
            for i in range(a, b):
                ratio[i] = F32(0)


@njit(**OPTIONS)
def _scratch_size(boxes, psf, longest, sepmed):
    size = (1 if sepmed else 7) * longest
    border = psf.shape[0] - 1
    for k in range(boxes.shape[0] if psf.size else 0):
        size = max(size, 4 * (boxes[k, 1] - boxes[k, 0] + border) * (boxes[k, 3] - boxes[k, 2] + border))
    return size


@njit(**OPTIONS)
def saturated(c, where, shape, medians, level, low_level, found):
    """Write the flat indices of saturated pixels that lie in something large, and return how many there are.

    Saturated are those of ``level`` or more, and large is what a median of the neighbors above ``low_level`` tells.
    """
    boxes, starts, cores = where
    sepmed, halves = medians
    longest = np.max(np.diff(starts))
    room = np.empty(longest, F32)
    scratch = np.empty((1 if sepmed else 7) * longest, F32)
    count = 0
    for k in range(boxes.shape[0]):
        x, box = c[starts[k] : starts[k + 1]], boxes[k]
        w, m = box[3] - box[2], room[: x.size]
        smooth(x, w, halves[0], sepmed, sides_of(box, shape), m, scratch)
        for y in range(cores[k, 0], cores[k, 1]):
            for i in range(cores[k, 2], cores[k, 3]):
                at = (y - box[0]) * w + i - box[2]
                if x[at] >= level and m[at] > low_level:
                    found[count] = y * shape[1] + i
                    count += 1
    return count


@njit(**OPTIONS)
def crop(x, boxes, starts, inner, inner_starts, out):
    """Copy the inner boxes of tiles."""
    for k in range(boxes.shape[0]):
        y0, y1, x0, x1 = inner[k]
        w = boxes[k, 3] - boxes[k, 2]
        for y in range(y0, y1):
            begin = starts[k] + (y - boxes[k, 0]) * w - boxes[k, 2]
            end = inner_starts[k] + (y - y0) * (x1 - x0)
            for i in range(x1 - x0):
                out[end + i] = x[begin + x0 + i]
