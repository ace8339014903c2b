"""Numba kernels for median filters of flat tiles by branch-free selection networks.

Any network of minima and maxima that selects the median returns the same float32 value. Without branches the compiler
vectorizes the loops, which accounts for most of the speed of `ginga_crplugin.core.lacosmic.engine`.

A tile of h x w pixels is a contiguous array of h * w values. A filter along x has a step of 1 along this array, a
filter along y a step of w. The results are invalid within the reach of the filter from the sides of the tile.
"""

from typing import Any

from numba import njit

__all__ = ['HELPER_OPTIONS', 'JIT_OPTIONS', 'median3x3', 'median5', 'median5x5', 'median7', 'median7x7', 'median9']

#: Options of the kernels. Fast-math is off: the order of the operations is that of Astro-SCRAPPY.
JIT_OPTIONS: dict[str, Any] = {'cache': True, 'nogil': True, 'error_model': 'numpy', 'no_cfunc_wrapper': True}

#: Options of the networks: they are a part of the kernels and not cached themselves.
NETWORK_OPTIONS = JIT_OPTIONS | {'cache': False}

#: Options of the functions that only kernels call; a call from Python would crash it.
HELPER_OPTIONS = NETWORK_OPTIONS | {'no_cpython_wrapper': True}


@njit(**NETWORK_OPTIONS)
def low(a, b):
    """Return the lower of two values."""
    return a if a < b else b


@njit(**NETWORK_OPTIONS)
def high(a, b):
    """Return the higher of two values."""
    return a if a > b else b


@njit(**NETWORK_OPTIONS)
def middle3(a, b, c):
    """Return the median of three values."""
    return high(low(a, b), low(high(a, b), c))


@njit(**NETWORK_OPTIONS)
def sort3(a, b, c):
    """Return three values in order."""
    lo, hi = low(a, b), high(a, b)
    mid = low(hi, c)
    return low(lo, c), high(lo, mid), high(hi, c)


@njit(**NETWORK_OPTIONS)
def middle5(a, b, c, d, e):
    """Return the median of five values; of any four, the lowest and the highest are not the median."""
    return middle3(e, high(low(a, b), low(c, d)), low(high(a, b), high(c, d)))


@njit(**NETWORK_OPTIONS)
def middle7(a, b, c, d, e, f, g):
    """Return the median of seven values, from two sorted triples and the seventh."""
    low1, mid1, high1 = sort3(a, b, c)
    low2, mid2, high2 = sort3(d, e, f)
    below = high(high(low1, low2), low(mid1, mid2))
    above = low(low(high1, high2), high(mid1, mid2))
    return middle3(below, above, g)


@njit(**NETWORK_OPTIONS)
def middle9(a, b, c, d, e, f, g, h, i):
    """Return the median of nine values, from three sorted triples."""
    low1, mid1, high1 = sort3(a, b, c)
    low2, mid2, high2 = sort3(d, e, f)
    low3, mid3, high3 = sort3(g, h, i)
    return middle3(high(high(low1, low2), low3), middle3(mid1, mid2, mid3), low(low(high1, high2), high3))


@njit(**NETWORK_OPTIONS)
def sort5(a, b, c, d, e):
    """Return five values in order, by 9 exchanges."""
    a, d = low(a, d), high(a, d)
    b, e = low(b, e), high(b, e)
    a, c = low(a, c), high(a, c)
    b, d = low(b, d), high(b, d)
    a, b = low(a, b), high(a, b)
    c, e = low(c, e), high(c, e)
    b, c = low(b, c), high(b, c)
    d, e = low(d, e), high(d, e)
    c, d = low(c, d), high(c, d)
    return a, b, c, d, e


@njit(**NETWORK_OPTIONS)
def sort6(a, b, c, d, e, f):
    """Return six values in order, by 12 exchanges."""
    a, f = low(a, f), high(a, f)
    b, d = low(b, d), high(b, d)
    c, e = low(c, e), high(c, e)
    b, c = low(b, c), high(b, c)
    d, e = low(d, e), high(d, e)
    a, d = low(a, d), high(a, d)
    c, f = low(c, f), high(c, f)
    a, b = low(a, b), high(a, b)
    c, d = low(c, d), high(c, d)
    e, f = low(e, f), high(e, f)
    b, c = low(b, c), high(b, c)
    d, e = low(d, e), high(d, e)
    return a, b, c, d, e, f


@njit(**NETWORK_OPTIONS)
def sort7(a, b, c, d, e, f, g):
    """Return seven values in order, by 16 exchanges."""
    a, g = low(a, g), high(a, g)
    c, d = low(c, d), high(c, d)
    e, f = low(e, f), high(e, f)
    a, c = low(a, c), high(a, c)
    b, e = low(b, e), high(b, e)
    d, g = low(d, g), high(d, g)
    a, b = low(a, b), high(a, b)
    c, f = low(c, f), high(c, f)
    d, e = low(d, e), high(d, e)
    b, c = low(b, c), high(b, c)
    e, g = low(e, g), high(e, g)
    c, d = low(c, d), high(c, d)
    e, f = low(e, f), high(e, f)
    b, c = low(b, c), high(b, c)
    d, e = low(d, e), high(d, e)
    f, g = low(f, g), high(f, g)
    return a, b, c, d, e, f, g


@njit(**JIT_OPTIONS)
def median5(x, step, out):
    """Filter a flat tile by the median of 5 values, ``step`` apart; valid from 2 * step to -2 * step."""
    n = x.size - 4 * step
    a, b, c, d, e = x[:n], x[step:], x[2 * step :], x[3 * step :], x[4 * step :]
    o = out[2 * step :]
    for i in range(n):
        o[i] = middle5(a[i], b[i], c[i], d[i], e[i])


@njit(**JIT_OPTIONS)
def median7(x, step, out):
    """Filter a flat tile by the median of 7 values, ``step`` apart; valid from 3 * step to -3 * step."""
    n = x.size - 6 * step
    a, b, c, d, e, f, g = x[:n], x[step:], x[2 * step :], x[3 * step :], x[4 * step :], x[5 * step :], x[6 * step :]
    o = out[3 * step :]
    for i in range(n):
        o[i] = middle7(a[i], b[i], c[i], e[i], f[i], g[i], d[i])


@njit(**JIT_OPTIONS)
def median9(x, step, out):
    """Filter a flat tile by the median of 9 values, ``step`` apart; valid from 4 * step to -4 * step."""
    n = x.size - 8 * step
    a, b, c, d, e = x[:n], x[step:], x[2 * step :], x[3 * step :], x[4 * step :]
    f, g, h, j = x[5 * step :], x[6 * step :], x[7 * step :], x[8 * step :]
    o = out[4 * step :]
    for i in range(n):
        o[i] = middle9(a[i], b[i], c[i], d[i], e[i], f[i], g[i], h[i], j[i])


@njit(**JIT_OPTIONS)
def median3x3(x, w, out):
    """Filter a flat tile of width ``w`` by the median of 3 x 3 values."""
    n = x.size - 2 * w - 2
    a0, a1, a2 = x[:n], x[1:], x[2:]
    b0, b1, b2 = x[w:], x[w + 1 :], x[w + 2 :]
    c0, c1, c2 = x[2 * w :], x[2 * w + 1 :], x[2 * w + 2 :]
    o = out[w + 1 :]
    for i in range(n):
        o[i] = middle9(a0[i], b0[i], c0[i], a1[i], b1[i], c1[i], a2[i], b2[i], c2[i])


@njit(**HELPER_OPTIONS)
def rows5(x, size):
    """Divide an array into 5 parts of a size."""
    return x[:size], x[size : 2 * size], x[2 * size : 3 * size], x[3 * size : 4 * size], x[4 * size : 5 * size]


@njit(**HELPER_OPTIONS)
def sort_columns5(x, w, ranks):
    """Sort the 5 values that follow each pixel at steps of ``w``; ranks : 5 arrays, the lowest first."""
    n = x.size - 4 * w
    a, b, c, d, e = x[:n], x[w:], x[2 * w :], x[3 * w :], x[4 * w :]
    o0, o1, o2, o3, o4 = ranks
    for i in range(n):
        o0[i], o1[i], o2[i], o3[i], o4[i] = sort5(a[i], b[i], c[i], d[i], e[i])


@njit(**HELPER_OPTIONS)
def rows7(x, size):
    """Divide an array into 7 parts of a size."""
    return (
        x[:size],
        x[size : 2 * size],
        x[2 * size : 3 * size],
        x[3 * size : 4 * size],
        x[4 * size : 5 * size],
        x[5 * size : 6 * size],
        x[6 * size : 7 * size],
    )


@njit(**HELPER_OPTIONS)
def sort_columns7(x, w, ranks):
    """Sort the 7 values that follow each pixel at steps of ``w``; ranks : 7 arrays, the lowest first."""
    n = x.size - 6 * w
    a, b, c, d, e, f, g = x[:n], x[w:], x[2 * w :], x[3 * w :], x[4 * w :], x[5 * w :], x[6 * w :]
    o0, o1, o2, o3, o4, o5, o6 = ranks
    for i in range(n):
        o0[i], o1[i], o2[i], o3[i], o4[i], o5[i], o6[i] = sort7(a[i], b[i], c[i], d[i], e[i], f[i], g[i])


@njit(**HELPER_OPTIONS)
def row5(r, i):
    """Return 5 neighboring values of a row, sorted."""
    return sort5(r[0][i], r[1][i], r[2][i], r[3][i], r[4][i])


@njit(**HELPER_OPTIONS)
def row7(r, i):
    """Return 7 neighboring values of a row, sorted."""
    return sort7(r[0][i], r[1][i], r[2][i], r[3][i], r[4][i], r[5][i], r[6][i])


@njit(**HELPER_OPTIONS)
def shifted5(r):
    """Return five views of a row, each shifted by one more pixel."""
    return r, r[1:], r[2:], r[3:], r[4:]


@njit(**HELPER_OPTIONS)
def shifted7(r):
    """Return seven views of a row, each shifted by one more pixel."""
    return r, r[1:], r[2:], r[3:], r[4:], r[5:], r[6:]


@njit(**JIT_OPTIONS)
def median5x5(x, w, out, scratch):
    """Filter a flat tile of width ``w`` by the median of 5 x 5 values.

    The columns of the 5 x 5 values are sorted, then the rows. The median is then on one of three anti-diagonals, and is
    the median of one candidate from each.

    Parameters
    ----------
    x : (n,) float32 ndarray
        The tile, row by row.
    w : int
        Width of a row.
    out : (n,) float32 ndarray
        The medians; its edges are not written.
    scratch : (5 * x.size or more,) float32 ndarray
        Working memory.
    """
    n = x.size - 4 * w - 4
    ranks = rows5(scratch, x.size)
    sort_columns5(x, w, ranks)
    row_0, row_1, row_2 = shifted5(ranks[0]), shifted5(ranks[1]), shifted5(ranks[2])
    row_3, row_4 = shifted5(ranks[3]), shifted5(ranks[4])
    o = out[2 * w + 2 :]
    for i in range(n):
        _, _, _, a3, a4 = row5(row_0, i)
        _, _, b2, b3, b4 = row5(row_1, i)
        _, c1, c2, c3, _ = row5(row_2, i)
        d0, d1, d2, _, _ = row5(row_3, i)
        e0, e1, _, _, _ = row5(row_4, i)
        below = high(high(a3, b2), high(c1, d0))
        above = low(low(b4, c3), low(d2, e1))
        o[i] = middle3(below, middle5(a4, b3, c2, d1, e0), above)


@njit(**HELPER_OPTIONS)
def three_highest(a, b, c, d):
    """Return four values without the lowest of them, in any order."""
    return high(a, b), high(c, d), high(low(a, b), low(c, d))


@njit(**HELPER_OPTIONS)
def three_lowest(a, b, c, d):
    """Return four values without the highest of them, in any order."""
    return low(a, b), low(c, d), low(high(a, b), high(c, d))


@njit(**JIT_OPTIONS)
def median7x7(x, w, out, scratch):
    """Filter a flat tile of width ``w`` by the median of 7 x 7 values.

    As `median5x5`, with eleven candidates on the five middle anti-diagonals. The lowest and the highest of the eleven
    are removed first.

    Parameters
    ----------
    x : (n,) float32 ndarray
        The tile, row by row.
    w : int
        Width of a row.
    out : (n,) float32 ndarray
        The medians; its edges are not written.
    scratch : (7 * x.size or more,) float32 ndarray
        Working memory.
    """
    n = x.size - 6 * w - 6
    ranks = rows7(scratch, x.size)
    sort_columns7(x, w, ranks)
    row_0, row_1, row_2, row_3 = shifted7(ranks[0]), shifted7(ranks[1]), shifted7(ranks[2]), shifted7(ranks[3])
    row_4, row_5, row_6 = shifted7(ranks[4]), shifted7(ranks[5]), shifted7(ranks[6])
    o = out[3 * w + 3 :]
    for i in range(n):
        _, _, _, _, a4, a5, a6 = row7(row_0, i)
        _, _, _, b3, b4, b5, b6 = row7(row_1, i)
        _, _, c2, c3, c4, c5, c6 = row7(row_2, i)
        _, d1, d2, d3, d4, d5, _ = row7(row_3, i)
        e0, e1, e2, e3, e4, _, _ = row7(row_4, i)
        f0, f1, f2, f3, _, _, _ = row7(row_5, i)
        g0, g1, g2, _, _, _, _ = row7(row_6, i)
        p = high(high(high(a4, b3), high(c2, d1)), e0)
        _, _, _, q1, q2, q3 = sort6(a5, b4, c3, d2, e1, f0)
        _, _, r1, r2, r3, _, _ = sort7(a6, b5, c4, d3, e2, f1, g0)
        s1, s2, s3, _, _, _ = sort6(b6, c5, d4, e3, f2, g1)
        t = low(low(low(c6, d5), low(e4, f3)), g2)
        u1, u2, u3 = three_highest(p, q1, r1, s1)
        v1, v2, v3 = three_lowest(q3, r3, s3, t)
        o[i] = middle9(u1, u2, u3, q2, r2, s2, v1, v2, v3)
