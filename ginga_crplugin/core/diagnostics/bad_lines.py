"""The room of the lines: columns and rows that are off, and those at the edges that saw no light."""

import numpy as np
from scipy.ndimage import median_filter

from ginga_crplugin.core.stats import nanmedian

__all__ = ['bad_lines', 'dark_edges', 'lines_near', 'sample_lines']

#: Pieces that a column or row is cut into, and the errors of its median that it must stand away from its neighbors.
PIECES, ERRORS = 4, 8.0
#: Scatters that such a line must stand away to matter to L.A.Cosmic.
CLEAR = 2.0
#: Pixels of a column or row that are looked at, evenly spread, and up to twice as many. The medians of its pieces are
#: then known to 0.11 scatters, so that `ERRORS` of them stay well below `CLEAR`.
SAMPLES = 512


def bad_lines(frame, scatter, lines=None):
    """Find columns and rows that stand away from those beside them, in a quarter of their length or more.

    Only single lines and pairs count: what is wider may be light, such as a line of a spectrum.

    Parameters
    ----------
    frame : Frame
    scatter : float
        In the frame's unit.
    lines : list of ndarray, optional
        Their `sample_lines`, if they are known.

    Returns
    -------
    columns, rows : dict of float
        By their numbers how far they stand away, in scatters; without those that are masked already.
    """
    return tuple(_bad(some, scatter) for some in lines or sample_lines(frame))


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
        flagged = np.bincount(place, minlength=len(pixels))
        usual = flagged.mean()
        wanted = np.flatnonzero(flagged > usual + 8.0 * np.sqrt(usual) + 8.0).tolist()
        if len(wanted) > 20:
            parts = [(0, len(pixels), wanted)]
        else:
            parts = [(max(0, line - 30), line + 31, [line]) for line in wanted]
        far = {}
        for start, stop, those in parts:
            bad = _bad(_sampled(pixels[start:stop], bits[start:stop]), scatter)
            far |= {line: bad[line - start] for line in those if line - start in bad}
        found.append(far)
    return tuple(found)


def sample_lines(frame):
    """Return some pixels of each column, and of each row: (n, samples) float32, NaN where they are bad."""
    return [_sampled(*images) for images in _both_ways(frame)]


def _both_ways(frame):
    """Return the pixels and bits with the columns of the frame as rows, and with its rows."""
    return (frame.filled.T, frame.bits.T), (frame.filled, frame.bits)


def _sampled(pixels, bits):
    step = max(1, pixels.shape[1] // SAMPLES)
    pixels, bits = pixels[:, ::step], bits[:, ::step]
    some = np.empty(pixels.shape, dtype=np.float32)
    for begin in range(0, some.shape[1], 32):  # so few that columns are turned in the cache
        some[:, begin : begin + 32] = pixels[:, begin : begin + 32]
    some[bits != 0] = np.nan
    return some


def _bad(lines, scatter):
    """Return the numbers of the lines of which a piece stands away from those beside, and how far, in scatters."""
    pieces = lines[:, : lines.shape[1] // PIECES * PIECES].reshape(len(lines), PIECES, -1).swapaxes(0, 1)
    off = np.max([_stands_out(piece, scatter) for piece in pieces], axis=0)
    return {int(line): float(off[line]) for line in np.flatnonzero(off)}


def _stands_out(piece, scatter):
    """Return how far the lines of a piece of the frame stand away from those beside, in scatters; 0 where little."""
    middle = nanmedian(piece)
    known = np.isfinite(middle)
    middle = np.where(known, middle, np.median(middle[known]) if known.any() else 0.0)
    away = middle - median_filter(middle, 9, mode='mirror')
    far = (np.abs(away) > CLEAR * scatter) & known
    if not far.any():
        return np.zeros(len(piece))
    error = 1.2533 * scatter / np.sqrt(np.maximum(np.isfinite(piece).sum(axis=1), 1))
    usual = 1.4826 * median_filter(np.abs(away), 51, mode='mirror')
    far &= np.abs(away) > ERRORS * np.maximum(error, usual)
    nothing = [np.abs(np.roll(away, k)) < np.maximum(0.25 * np.abs(away), 3.0 * error) for k in (1, -1, 2, -2)]
    single = nothing[0] & nothing[1]
    pair = (nothing[0] & nothing[3]) | (nothing[1] & nothing[2])
    return np.where(far & (single | pair), np.abs(away) / scatter, 0.0)


def dark_edges(frame, scatter, lines=None):
    """Find rows and columns at the edges that saw no light: overscan, or masked rows.

    Parameters
    ----------
    frame, scatter, lines
        As for `bad_lines`.

    Returns
    -------
    dict of int
        How many lines at the ``'left'``, ``'right'``, ``'bottom'`` and ``'top'`` lie below the rest by three scatters
        or more, and end in a step.
    """
    found = {}
    for sides, some in zip((('left', 'right'), ('bottom', 'top')), lines or sample_lines(frame), strict=True):
        levels = nanmedian(some)
        for side, run in zip(sides, (levels, levels[::-1]), strict=True):
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
