"""The room of the outliers: pixels, columns and rows that stand out of the frame by themselves, as no light does."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

__all__ = ['Outliers', 'bad_lines', 'dark_edges', 'find_outliers', 'level_map', 'lines_near']

#: Side in pixels of the blocks that the level is taken from.
BLOCK = 64
#: Scatters that a pixel must stand away from the level to be looked at, and that make a negative one harmful.
FAR, DEEP = 10.0, 20.0
#: Pieces that a column or row is cut into, and the errors of its median that it must stand away from its neighbours.
PIECES, ERRORS = 4, 8.0
#: Scatters that such a line must stand away to matter to L.A.Cosmic.
CLEAR = 2.0


@dataclass(frozen=True, eq=False)
class Outliers:
    """Pixels that no light can have made, and that are not masked yet.

    Attributes
    ----------
    hot, negative : (n,) int64 ndarray
        Flat indices of bright pixels with nothing around them, and of pixels below the level alone.
    deep : int
        How many of these lie so far below the level that L.A.Cosmic flags what is around.
    columns, rows : dict of float
        Columns and rows of which a quarter or more is off, and how far, in scatters.
    """

    hot: np.ndarray
    negative: np.ndarray
    deep: int
    columns: dict
    rows: dict

    def mask(self, shape, *, hot=True):
        """Return a mask of them all, (ny, nx) bool; of the bright ones only if there are too many for cosmic rays."""
        mask = np.zeros(shape, dtype=bool)
        mask.ravel()[self.negative] = True
        if hot:
            mask.ravel()[self.hot] = True
        mask[:, list(self.columns)] = True
        mask[list(self.rows)] = True
        return mask


def find_outliers(frame, scatter):
    """Find single pixels and lines that stand out.

    A star, even of a FWHM of 1.2 pixels, leaves 15 % of its peak in each pixel beside it; a hot pixel nothing. A
    cosmic ray may do the same in one pixel, so that hot ones tell something by their number alone.

    Parameters
    ----------
    frame : Frame
    scatter : float
        Robust scatter of the blank sky, in the frame's unit.

    Returns
    -------
    Outliers
    """
    pixels, good = frame.filled, frame.bits == 0
    ny, nx = pixels.shape
    level = level_map(pixels, frame.bits)
    height = _above(pixels, level)
    far = np.flatnonzero((np.abs(height) > FAR * scatter) & good)
    y, x = np.divmod(far, nx)
    inside = (y > 0) & (x > 0) & (y < ny - 1) & (x < nx - 1)
    far, y, x = far[inside], y[inside], x[inside]
    own = height[y, x]
    around = np.stack([height[y + j, x + i] for j, i in ((0, 1), (0, -1), (1, 0), (-1, 0))])
    mean = around.mean(axis=0)
    hot = far[(own > 0.0) & (mean < scatter + 0.02 * own) & (around.max(axis=0) < 3.5 * scatter + 0.05 * own)]
    negative = (own < 0.0) & (np.sort(around, axis=0)[1] > 0.3 * own)
    deep = int(np.count_nonzero(own[negative] < -DEEP * scatter))
    return Outliers(hot, far[negative], deep, *bad_lines(frame, scatter))


def level_map(pixels, bits):
    """Return the level of each block: the median of its good pixels, of every fourth row and second column."""
    ny, nx = pixels.shape
    few = pixels[::4, ::2].astype(np.float32)
    few[bits[::4, ::2] != 0] = np.nan
    high, wide = BLOCK // 4, BLOCK // 2
    padded = np.pad(few, ((0, -few.shape[0] % high), (0, -few.shape[1] % wide)), constant_values=np.nan)
    blocks = padded.reshape(padded.shape[0] // high, high, -1, wide).swapaxes(1, 2).reshape(-1, high * wide)
    level = _median(blocks, axis=1).reshape(-(-ny // BLOCK), -(-nx // BLOCK))
    middle = np.nanmedian(level) if np.isfinite(level).any() else np.median(pixels)
    return np.where(np.isfinite(level), level, middle)


def _above(pixels, level):
    """Return how far the pixels are above the level of their block."""
    ny, nx = pixels.shape
    rows = np.repeat(level.astype(np.float32), BLOCK, axis=1)[:, :nx]
    height = np.empty(pixels.shape, dtype=np.float32)
    for number, row in enumerate(rows):
        part = slice(number * BLOCK, min((number + 1) * BLOCK, ny))
        np.subtract(pixels[part], row, out=height[part], casting='same_kind')
    return height


def _median(values, axis):
    """Return the median of the finite values, NaN where there are none: like nanmedian, faster where all are."""
    if np.isfinite(values).all():
        return np.median(values, axis=axis)
    ordered = np.sort(values, axis=axis)  # NaN last
    count = np.isfinite(ordered).sum(axis=axis, keepdims=True)
    both = [np.take_along_axis(ordered, np.maximum(k, 0), axis) for k in ((count - 1) // 2, count // 2)]
    middle = (both[0] + both[1]) / 2.0
    return np.where(count > 0, middle, np.nan).squeeze(axis)


def bad_lines(frame, scatter):
    """Find columns and rows that stand away from those beside them, in a quarter of their length or more.

    Only single lines and pairs count: what is wider may be light, such as a line of a spectrum.

    Parameters
    ----------
    frame : Frame
    scatter : float
        In the frame's unit.

    Returns
    -------
    columns, rows : dict of float
        By their numbers how far they stand away, in scatters; without those that are masked already.
    """
    return tuple(_bad_columns(*images, scatter, None) for images in _both_ways(frame))


def lines_near(frame, scatter, x, y):
    """Find the bad columns and rows among those that hold far more flagged pixels than others.

    Parameters
    ----------
    frame, scatter
        As for `bad_lines`.
    x, y : (n,) int ndarray
        The flagged pixels.

    Returns
    -------
    columns, rows : dict of float
        As for `bad_lines`.
    """
    found = []
    for (pixels, bits), place in zip(_both_ways(frame), (x, y), strict=True):
        flagged = np.bincount(place, minlength=pixels.shape[1])
        usual = flagged.mean()
        found.append(_bad_columns(pixels, bits, scatter, np.flatnonzero(flagged > usual + 8.0 * np.sqrt(usual) + 8.0)))
    return tuple(found)


def _both_ways(frame):
    return (frame.filled, frame.bits), (frame.filled.T, frame.bits.T)


def _bad_columns(pixels, bits, scatter, which):
    """Find the bad columns; only among ``which``, if these are given, and few."""
    step = max(1, min(pixels.shape) // 512)
    if which is None or which.size > 20:
        parts = [(0, pixels.shape[1], which)]
    else:
        parts = [(max(0, line - 30), min(pixels.shape[1], line + 31), [line]) for line in which]
    found = {}
    for start, stop, wanted in parts:
        some = pixels[::step, start:stop].astype(np.float32)
        some[bits[::step, start:stop] != 0] = np.nan
        off = np.max([_stands_out(piece, scatter) for piece in np.array_split(some, PIECES)], axis=0)
        lines = np.flatnonzero(off) + start
        found |= {int(line): float(off[line - start]) for line in lines if wanted is None or line in wanted}
    return found


def _stands_out(piece, scatter):
    """Return how far the columns of a piece of the frame stand away from those beside, in scatters; 0 where little."""
    middle = _median(piece, axis=0)
    count = np.isfinite(piece).sum(axis=0)
    known = np.isfinite(middle)
    middle = np.where(known, middle, np.median(middle[known]) if known.any() else 0.0)
    error = 1.2533 * scatter / np.sqrt(np.maximum(count, 1))
    away = middle - median_filter(middle, 9, mode='mirror')
    usual = 1.4826 * median_filter(np.abs(away), 51, mode='mirror')
    far = (np.abs(away) > np.maximum(np.maximum(ERRORS * error, ERRORS * usual), CLEAR * scatter)) & known
    nothing = [np.abs(np.roll(away, k)) < np.maximum(0.25 * np.abs(away), 3.0 * error) for k in (1, -1, 2, -2)]
    single = nothing[0] & nothing[1]
    pair = (nothing[0] & nothing[3]) | (nothing[1] & nothing[2])
    return np.where(far & (single | pair), np.abs(away) / scatter, 0.0)


def dark_edges(frame, scatter):
    """Find rows and columns at the edges that saw no light: overscan, or masked rows.

    Parameters
    ----------
    frame : Frame
    scatter : float
        In the frame's unit.

    Returns
    -------
    dict of str
        How many lines at the ``'left'``, ``'right'``, ``'bottom'`` and ``'top'`` lie below the rest by three scatters
        or more, and end in a step.
    """
    found = {}
    for sides, pixels, bits in (
        (('left', 'right'), frame.filled, frame.bits),
        (('bottom', 'top'), frame.filled.T, frame.bits.T),
    ):
        step = max(1, pixels.shape[0] // 512)
        some = pixels[::step].astype(np.float32)
        some[bits[::step] != 0] = np.nan
        lines = _median(some, axis=0)
        for side, run in zip(sides, (lines, lines[::-1]), strict=True):
            found[side] = _run_length(run, scatter)
    return found


def _run_length(lines, scatter):
    """Return how many lines at the beginning are below the rest, up to a step."""
    half = lines[: lines.size // 2]
    known = np.isfinite(half)
    if not known.any():
        return 0
    low = np.where(known, half, np.inf) < np.median(half[known]) - 3.0 * scatter
    if not low.any():
        return 0
    last = int(np.flatnonzero(low)[-1])
    while last >= 0 and not low[: last + 1].mean() > 0.5:  # single dark lines further in are none of the edge
        below = np.flatnonzero(low[:last])
        last = int(below[-1]) if below.size else -1
    rise = half[last + 1 : last + 4]
    if last < 0 or not rise.size or np.isnan(rise).all():
        return 0
    step = np.nanmax(rise) - np.nanmedian(half[max(0, last - 3) : last + 1])
    return last + 1 if step > 2.0 * scatter else 0
