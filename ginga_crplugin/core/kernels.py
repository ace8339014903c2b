"""The room of the fields: the dense steps of L.A.Cosmic on tiles of a frame, compiled by numba.

All arithmetic is float32, in the order in which Astro-SCRAPPY does it, without fast-math: the results are the same bit
for bit. Tiles lie one after the other in flat arrays: ``boxes`` (n, 4) int64 are their sides in the frame (y0, y1, x0,
x1), and ``starts`` (n + 1,) int64 where they begin. A tile that ends within the frame carries a margin of pixels that
are read, but whose fields mean nothing; at the sides of the frame Astro-SCRAPPY's own rules hold.
"""

import numpy as np
from numba import njit

from .networks import OPTIONS, median3x3, median5, median5x5, median7, median7x7, median9

__all__ = ['block_peaks', 'crop', 'electrons', 'fields', 'laplacian', 'peaks', 'saturated']

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


@njit(inline='always')
def _sides(box, shape):
    """Return at which sides the tile touches the frame's: top, bottom, left, right."""
    return box[0] == 0, box[1] == shape[0], box[2] == 0, box[3] == shape[1]


@njit(**OPTIONS)
def _copy(x, out, begin, end):
    """Copy part of a flat tile to the same place in another."""
    for i in range(begin, end):
        out[i] = x[i]


@njit(inline='always')
def _copy_columns(x, out, w, half, sides):
    """Copy the outermost ``half`` columns of a tile of width ``w`` where they are the frame's own."""
    for begin in range(0, x.size, w):
        if sides[2]:
            _copy(x, out, begin, begin + half)
        if sides[3]:
            _copy(x, out, begin + w - half, begin + w)


@njit(inline='always')
def _copy_sides(x, out, w, half, sides):
    """Copy the outermost ``half`` pixels where they are the frame's own: there the filters leave them as they are."""
    if sides[0]:
        _copy(x, out, 0, half * w)
    if sides[1]:
        _copy(x, out, x.size - half * w, x.size)
    _copy_columns(x, out, w, half, sides)


@njit(inline='always')
def _median_line(x, half, step, out):
    if half == 2:
        median5(x, step, out)
    elif half == 3:
        median7(x, step, out)
    else:
        median9(x, step, out)


@njit(inline='always')
def _median_square(x, half, w, out, scratch):
    if half == 1:
        median3x3(x, w, out)
    elif half == 2:
        median5x5(x, w, out, scratch)
    else:
        median7x7(x, w, out, scratch)


@njit(inline='always')
def _smooth(x, w, half, sepmed, sides, out, scratch):
    """Filter a flat tile by a median over 2 * half + 1 pixels: along x and then y, or over a square."""
    if sepmed:
        rows, step = scratch[: x.size], min(w, 1)  # no constant, so that one machine code does for both directions
        _median_line(x, half, step, rows)
        _copy_columns(x, rows, w, half, sides)
        _median_line(rows, half, w, out)
    else:
        _median_square(x, half, w, out, scratch)
    _copy_sides(x, out, w, half, sides)


@njit(**OPTIONS)
def laplacian(c, w, out):
    """L+ of a flat tile, without the array of 2 x 2 subpixels.

    Each pixel has four subpixels, and each of these two neighbours of its own value: the Laplacian of the upper left
    one is 4 c - c - c - left - up. The order of the sums is that of Astro-SCRAPPY's compiled library, and `tiles` tests
    it against that library before it is trusted.
    """
    zero = F32(0)
    n = c.size - 2 * w
    up, down, o = c[:n], c[2 * w :], out[w:]
    left, mid, right = c[w - 1 :], c[w:], c[w + 1 :]
    for i in range(1, n - 1):
        four = F32(4) * mid[i]
        to_left, to_right = (four - mid[i]) - left[i], (four - right[i]) - mid[i]
        to_up, to_down = mid[i] + up[i], down[i] + mid[i]
        one = max(to_left - to_up, zero) + max(to_right - to_down, zero)
        two = max(to_left - to_down, zero) + max(to_right - to_up, zero)
        o[i] = (one + two) * F32(0.25)


@njit(**OPTIONS)
def _set_ring(out, w, box, sides, ring_rows, ring_columns):
    """Put the known L+ of the frame's outermost pixels in its place."""
    last = out.size - w
    for x in range(w):
        if sides[0]:
            out[x] = ring_rows[0, box[2] + x]
        if sides[1]:
            out[last + x] = ring_rows[1, box[2] + x]
    for y in range(box[1] - box[0]):
        if sides[2]:
            out[y * w] = ring_columns[0, box[0] + y]
        if sides[3]:
            out[y * w + w - 1] = ring_columns[1, box[0] + y]


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
def _sharpness(c, var, sky, lap, box, shape, ring_rows, ring_columns, sepmed, halves, s, noise, m, scratch):
    """S' of a tile: L+ over the noise, without its own median (van Dokkum 2001, section 3.2).

    The noise is that of the smoothed variance, with the sky added back. ``lap`` is L+ where it is known already, else
    empty, and so is ``sky``.
    """
    w, sides = box[3] - box[2], _sides(box, shape)
    if lap.size:
        _copy(lap, s, 0, s.size)
    else:
        laplacian(c, w, s)
    _set_ring(s, w, box, sides, ring_rows, ring_columns)
    _smooth(var, w, halves[0], sepmed, sides, noise, scratch)
    if sky.size:
        _add(noise, sky)
    _signal_to_noise(s, noise)
    _smooth(s, w, halves[1], sepmed, sides, m, scratch)
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
def _ratio(c, s, noise, box, shape, sepmed, halves, psf, f, m, scratch):
    """S' / F of a tile, F being its fine structure (van Dokkum 2001, section 3.3): what is as sharp as a star."""
    w, sides = box[3] - box[2], _sides(box, shape)
    if psf.size:
        _matched_filter(c, noise, psf, w, f, scratch)
    else:
        _smooth(c, w, halves[2], sepmed, sides, f, scratch)
    _smooth(f, w, halves[3], sepmed, sides, m, scratch)
    _contrast(s, f, m, noise)


@njit(**OPTIONS)
def _peaks_of(x, box, core, size, across, out):
    """Write the highest value of each block of size x size pixels in the core of a tile."""
    w = box[3] - box[2]
    for y0 in range(core[0], core[1], size):
        y1 = min(y0 + size, core[1])
        for x0 in range(core[2], core[3], size):
            x1 = min(x0 + size, core[3])
            peak = F32(-np.inf)
            for y in range(y0, y1):
                begin = (y - box[0]) * w - box[2]
                peak = max(peak, _highest(x[begin + x0 : begin + x1]))
            out[(y0 // size) * across + x0 // size] = peak


@njit(**OPTIONS)
def _highest(x):
    peak = x[0]
    for i in range(1, x.size):
        peak = x[i] if x[i] > peak else peak
    return peak


@njit(**OPTIONS)
def block_peaks(raw, size, y0, y1, out):
    """Write the highest pixel of each block of size x size in the rows of a frame from y0 to y1; out : (rows, columns)."""
    nx = raw.shape[1]
    for y in range(y0, y1):
        for j in range(out.shape[1]):
            peak = _highest(raw[y, j * size : min((j + 1) * size, nx)])
            out[y // size, j] = peak if y % size == 0 else max(peak, out[y // size, j])


@njit(inline='always')
def _part(x, begin, end):
    """Return what belongs to one tile, or nothing where there is nothing."""
    return x[begin:end] if x.size else x


@njit(**OPTIONS)
def peaks(
    c, var, readnoise2, sky, lap, boxes, starts, cores, shape, ring_rows, ring_columns, sepmed, halves, size, across, out
):
    """Write the highest S' of each block of size x size pixels, and keep nothing else of the fields.

    ``var`` may be empty: the variance then is that of the electrons, c + readnoise2.
    """
    longest = np.max(np.diff(starts))
    room = np.empty((4, longest), F32)
    scratch = np.empty((1 if sepmed else 7) * longest, F32)
    for k in range(boxes.shape[0]):
        a, b = starts[k], starts[k + 1]
        v, s, noise, m = room[0, : b - a], room[1, : b - a], room[2, : b - a], room[3, : b - a]
        tile = c[a:b]
        if var.size:
            v = var[a:b]
        else:
            _add_to(tile, readnoise2, v)
        _sharpness(
            tile, v, _part(sky, a, b), _part(lap, a, b), boxes[k], shape, ring_rows, ring_columns, sepmed, halves,
            s, noise, m, scratch,
        )  # fmt: skip
        _peaks_of(s, boxes[k], cores[k], size, across, out)


@njit(**OPTIONS)
def _any_above(s, box, core, limit):
    w = box[3] - box[2]
    for y in range(core[0], core[1]):
        begin = (y - box[0]) * w - box[2]
        if _highest(s[begin + core[2] : begin + core[3]]) > limit:
            return True
    return False


@njit(**OPTIONS)
def fields(
    c, var, sky, lap, boxes, starts, cores, shape, ring_rows, ring_columns, sepmed, halves, psf, sigclip, s, ratio
):
    """Write S' and S' / F of tiles; S' / F is 0 in those in whose cores no S' is above ``sigclip``."""
    longest = np.max(np.diff(starts))
    room = np.empty((2, longest), F32)
    scratch = np.empty(_scratch_size(boxes, psf, longest, sepmed), F32)
    for k in range(boxes.shape[0]):
        a, b = starts[k], starts[k + 1]
        noise, m = room[0, : b - a], room[1, : b - a]
        _sharpness(
            c[a:b], var[a:b], _part(sky, a, b), _part(lap, a, b), boxes[k], shape, ring_rows, ring_columns, sepmed,
            halves, s[a:b], noise, m, scratch,
        )  # fmt: skip
        if _any_above(s[a:b], boxes[k], cores[k], sigclip):
            _ratio(c[a:b], s[a:b], noise, boxes[k], shape, sepmed, halves, psf, ratio[a:b], m, scratch)
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
def saturated(c, boxes, starts, cores, shape, sepmed, halves, level, low_level, found):
    """Write the flat indices of saturated pixels that lie in something large, and return how many there are.

    Saturated are those of ``level`` or more, and large is what a median of the neighbours above ``low_level`` tells.
    """
    longest = np.max(np.diff(starts))
    m = np.empty(longest, F32)
    scratch = np.empty((1 if sepmed else 7) * longest, F32)
    count = 0
    for k in range(boxes.shape[0]):
        x = c[starts[k] : starts[k + 1]]
        box, core = boxes[k], cores[k]
        w = box[3] - box[2]
        _smooth(x, w, halves[0], sepmed, _sides(box, shape), m[: x.size], scratch)
        for y in range(core[0], core[1]):
            for i in range(core[2], core[3]):
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
