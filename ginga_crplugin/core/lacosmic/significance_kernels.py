"""Numba kernels for the significance S' and the fine-structure contrast S' / F of tiles (van Dokkum 2001).

All arithmetic is float32, in the order in which Astro-SCRAPPY does it and without fast-math, so that the results are
identical bit for bit. Tiles are stored one after the other in flat arrays: ``boxes`` (n, 4) int64 are their boxes (y0,
y1, x0, x1) in the frame, and ``starts`` (n + 1,) int64 their first elements.
A tile that ends within the frame has a margin that is read, but whose results are invalid. At the edges of the frame
the rules of Astro-SCRAPPY apply.

Variables: c, the electrons without the sky; var, their variance; s, S or S'; f, the image for the fine structure; m,
an image filtered by a median; w, the width of a tile.
"""

import numpy as np
from numba import njit

from .dense_kernels import array_max, longest_tile
from .filters import copy_range, laplacian, median_filter, set_border, touching_edges
from .median_networks import HELPER_OPTIONS, JIT_OPTIONS

__all__ = ['significance_and_contrast']

F32 = np.float32


@njit(**HELPER_OPTIONS)
def _signal_to_noise(s, noise):
    """Convert in place the filtered variance to the noise N, and L+ to S = L+ / (2 N)."""
    for i in range(s.size):
        noise[i] = np.sqrt(max(noise[i], F32(0.00001)))
        s[i] = s[i] / (F32(2) * noise[i])


@njit(**HELPER_OPTIONS)
def _subtract(a, b):
    for i in range(a.size):
        a[i] = a[i] - b[i]


@njit(**HELPER_OPTIONS)
def _add(a, b):
    for i in range(a.size):
        a[i] = a[i] + b[i]


@njit(**HELPER_OPTIONS)
def _add_to(a, number, out):
    for i in range(a.size):
        out[i] = a[i] + number


@njit(inline='always')
def _significance(c, var, sky, lplus, box, frame, medians, s, noise, m, scratch):
    """Compute S' = S - med5(S) with S = L+ / (2 N) of a tile (van Dokkum 2001, section 3.2).

    The noise N is the square root of the filtered variance with the sky added back. ``lplus`` is L+ where Astro-SCRAPPY
    computed it, else empty; ``sky`` is empty if none was subtracted.
    """
    shape, border_rows, border_columns = frame
    sepmed, half_widths = medians
    w, edges = box[3] - box[2], touching_edges(box, shape)
    if lplus.size:
        copy_range(lplus, s, 0, s.size)
    else:
        laplacian(c, w, s)
    set_border(s, w, box, edges, border_rows, border_columns)
    median_filter(var, w, half_widths[0], sepmed, edges, noise, scratch)
    if sky.size:
        _add(noise, sky)
    _signal_to_noise(s, noise)
    median_filter(s, w, half_widths[1], sepmed, edges, m, scratch)
    _subtract(s, m)


@njit(**HELPER_OPTIONS)
def _weigh(c, noise, w, weighted, weights, half):
    """Write c / N / N and 1 / N / N into tiles padded with zeros by ``half`` pixels."""
    wide = w + 2 * half
    for i in range(weighted.size):
        weighted[i] = weights[i] = F32(0)
    for y in range(c.size // w):
        begin = (y + half) * wide + half
        p, q, v, n = weighted[begin:], weights[begin:], c[y * w :], noise[y * w :]
        for x in range(w):
            p[x] = v[x] / n[x] / n[x]
            q[x] = F32(1) / n[x] / n[x]


@njit(**HELPER_OPTIONS)
def _convolve(x, psf, w, out):
    """Convolve a flat, padded tile of width ``w``; the products are added row by row, in each row along x."""
    side = psf.shape[0]
    n = x.size - (side - 1) * (w + 1)
    o = out[:n]
    for i in range(n):
        o[i] = F32(0)
    for j in range(side):
        for i in range(side):
            _add_product(o, psf[side - 1 - j, side - 1 - i], x[j * w + i :])


@njit(**HELPER_OPTIONS)
def _add_product(out, factor, x):
    for i in range(out.size):
        out[i] = out[i] + factor * x[i]


@njit(**HELPER_OPTIONS)
def _matched_filter(c, noise, psf, w, f, scratch):
    """Apply a matched filter to a tile: the convolved weighted image divided by the convolved weights."""
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


@njit(**HELPER_OPTIONS)
def _divide_by_fine_structure(s, f, m, noise):
    """Convert in place the filtered image to S' / F, with the fine structure F = (f - m) / N, at least 0.01."""
    for i in range(s.size):
        f[i] = s[i] / max((f[i] - m[i]) / noise[i], F32(0.01))


@njit(inline='always')
def _contrast(c, s, noise, box, frame, medians, psf, f, m, scratch):
    """Compute S' / F of a tile with the fine structure F, which is large for stars (van Dokkum 2001, section 3.3).

    F = (med3(I) - med7(med3(I))) / N; for ``fsmode='convolve'``, a matched filter replaces med3.
    """
    sepmed, half_widths = medians
    w, edges = box[3] - box[2], touching_edges(box, frame[0])
    if psf.size:
        _matched_filter(c, noise, psf, w, f, scratch)
    else:
        median_filter(c, w, half_widths[2], sepmed, edges, f, scratch)
    median_filter(f, w, half_widths[3], sepmed, edges, m, scratch)
    _divide_by_fine_structure(s, f, m, noise)


@njit(**HELPER_OPTIONS)
def _fill(x, value):
    for i in range(x.size):
        x[i] = value


@njit(**HELPER_OPTIONS)
def _write_block_maxima(x, box, core, size, highest, out):
    """Write the maximum of each block of size x size pixels in the core of a tile, from the maxima of its columns."""
    w = box[3] - box[2]
    for y0 in range(core[0], core[1], size):
        columns = highest[: core[3] - core[2]]
        _fill(columns, F32(-np.inf))
        for y in range(y0, min(y0 + size, core[1])):
            _update_maxima(columns, x[(y - box[0]) * w + core[2] - box[2] :])
        for x0 in range(0, columns.size, size):
            out[y0 // size, (core[2] + x0) // size] = array_max(columns[x0 : x0 + size])


@njit(**HELPER_OPTIONS)
def _update_maxima(maxima, row):
    for i in range(maxima.size):
        maxima[i] = row[i] if row[i] > maxima[i] else maxima[i]


@njit(**HELPER_OPTIONS)
def _slice_or_empty(x, begin, end):
    """Return the elements of one tile, or an empty array if there are none."""
    return x[begin:end] if x.size else x


@njit(**HELPER_OPTIONS)
def _any_above(s, box, core, limit):
    w = box[3] - box[2]
    for y in range(core[0], core[1]):
        begin = (y - box[0]) * w - box[2]
        if array_max(s[begin + core[2] : begin + core[3]]) > limit:
            return True
    return False


@njit(**JIT_OPTIONS)
def significance_and_contrast(images, geometry, frame, medians, psf, readnoise2, sigclip, size, maxima, s, ratio):
    """Write S' and S' / F of tiles, or only the maximum of S' of each block.

    There is one kernel for both, since compiling the median filters takes most of the time for each kernel that has
    them.

    Parameters
    ----------
    images : tuple of (n,) or (0,) float32 ndarray
        Electrons of tiles without the sky; their variance, by default electrons + ``readnoise2``; their sky, if
        subtracted; L+, if Astro-SCRAPPY computed it.
    geometry : tuple
        Boxes, starts and cores of the tiles.
    frame : tuple
        The shape of the frame, and L+ of its outermost pixels: (2, nx) first and last row, (2, ny) columns.
    medians : tuple
        Whether the filters are separable, and their half widths: for variance, S, image, and filtered image.
    psf : (m, m) float32 ndarray
        Kernel for the fine structure; empty if it is computed by median filters.
    readnoise2 : float32
        Read noise squared, in electrons squared.
    sigclip : float32
        S' / F is set to 0 in tiles without a pixel of S' above this value in their cores.
    size : int
        Side of the blocks in pixels.
    maxima : (rows, columns) float32 ndarray
        The output for all blocks of the frame; empty for S' and S' / F of all pixels.
    s, ratio : (n,) or (0,) float32 ndarray
        The output: S' and S' / F; empty for the maxima of the blocks.
    """
    c, var, sky, lplus = images
    boxes, starts, cores = geometry
    longest = longest_tile(starts)
    buffers = np.empty((4, longest), F32)
    scratch = np.empty(_scratch_size(boxes, psf, longest, medians[0]), F32)
    for k in range(boxes.shape[0]):
        a, b = starts[k], starts[k + 1]
        tile, v, s_tile = c[a:b], buffers[0, : b - a], buffers[1, : b - a]
        noise, m = buffers[2, : b - a], buffers[3, : b - a]
        if s.size:
            s_tile = s[a:b]
        if var.size:
            v = var[a:b]
        else:
            _add_to(tile, readnoise2, v)
        sky_of_tile, lplus_tile = _slice_or_empty(sky, a, b), _slice_or_empty(lplus, a, b)
        _significance(tile, v, sky_of_tile, lplus_tile, boxes[k], frame, medians, s_tile, noise, m, scratch)
        if maxima.size:
            _write_block_maxima(s_tile, boxes[k], cores[k], size, m, maxima)
        elif _any_above(s_tile, boxes[k], cores[k], sigclip):
            _contrast(tile, s_tile, noise, boxes[k], frame, medians, psf, ratio[a:b], m, scratch)
        else:
            _fill(ratio[a:b], F32(0))


@njit(**HELPER_OPTIONS)
def _scratch_size(boxes, psf, longest, sepmed):
    size = (1 if sepmed else 7) * longest
    border = psf.shape[0] - 1
    for k in range(boxes.shape[0] if psf.size else 0):
        size = max(size, 4 * (boxes[k, 1] - boxes[k, 0] + border) * (boxes[k, 3] - boxes[k, 2] + border))
    return size
