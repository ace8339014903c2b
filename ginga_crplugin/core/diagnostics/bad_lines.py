"""Bad columns and rows, and unexposed edges such as overscan."""

from collections.abc import Sequence

import numpy as np

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.stats import nanmad_std, nanmedian, running_median

__all__ = ['find_bad_lines', 'find_bad_lines_near', 'find_dead_bands', 'find_unexposed_edges', 'sample_lines']

#: Number of pieces of a line (column or row), each of which is tested, the number of bright ones that make a line bad,
#: since a track along a line is shorter, and the minimum deviation of a bad piece in standard errors of its median.
PIECES, MIN_PIECES, MIN_ERRORS = 4, 3, 8.0
#: Minimum deviation of a bad line, in scatters of the sky, to affect L.A.Cosmic.
MIN_DEVIATION = 2.0
#: Minimum width of a band of dead lines, its minimum depth in scatters, and the fraction of the depth that the steps at
#: its sides must have.
MIN_BAND, MIN_DEPTH, SHARP = 3, 5.0, 0.7
#: Number of pixels sampled of each line (up to twice as many). The median of a piece then has an error of 0.11
#: scatters, so that `MIN_ERRORS` errors are well below `MIN_DEVIATION`.
SAMPLES = 512


def find_bad_lines(
    frame: Frame, scatter: float, lines: Sequence[np.ndarray] | None = None
) -> tuple[dict[int, float], dict[int, float]]:
    """Find columns and rows brighter than their neighbors over most of their length, or darker over a quarter of it.

    Only single lines and pairs of lines are found: anything wider may be light, such as a spectral line.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks; masked pixels are ignored.
    scatter : float
        Robust scatter of the blank sky, in the unit of the frame.
    lines : list of ndarray, optional
        The result of `sample_lines`, if already known.

    Returns
    -------
    columns, rows : dict of float
        Deviation of each bad line in scatters, by its index.
    """
    columns, rows = sample_lines(frame) if lines is None else lines
    return _deviations(columns, scatter), _deviations(rows, scatter)


def find_bad_lines_near(
    frame: Frame, scatter: float, x: np.ndarray, y: np.ndarray
) -> tuple[dict[int, float], dict[int, float]]:
    """Find the bad columns and rows among those with an excess of flagged pixels.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks; masked pixels are ignored.
    scatter : float
        Robust scatter of the blank sky, in the unit of the frame.
    x, y : (n,) int ndarray
        Coordinates of the flagged pixels (0-based pixels).

    Returns
    -------
    columns, rows : dict of float
        Deviation of each bad line in scatters, by its index.
    """
    (columns, column_bits), (rows, row_bits) = _both_axes(frame)
    return _bad_among(columns, column_bits, scatter, x), _bad_among(rows, row_bits, scatter, y)


def _bad_among(pixels: np.ndarray, bits: np.ndarray, scatter: float, flagged: np.ndarray) -> dict[int, float]:
    """Return the deviations of the bad lines among those that hold far more flagged pixels than the average."""
    counts = np.bincount(flagged, minlength=len(pixels))
    mean = counts.mean()
    candidates = np.flatnonzero(counts > mean + 8.0 * np.sqrt(mean) + 8.0).tolist()
    if len(candidates) > 20:
        parts = [(0, len(pixels), candidates)]
    else:
        parts = [(max(0, line - 30), line + 31, [line]) for line in candidates]
    found: dict[int, float] = {}
    for start, stop, lines in parts:
        bad = _deviations(_sample(pixels[start:stop], bits[start:stop]), scatter)
        found |= {line: bad[line - start] for line in lines if line - start in bad}
    return found


def sample_lines(frame: Frame) -> list[np.ndarray]:
    """Return evenly spaced pixels of each column, and of each row.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks.

    Returns
    -------
    list of (n, samples) float32 ndarray
        The columns and the rows; NaN for bad pixels.
    """
    return [_sample(*images) for images in _both_axes(frame)]


def _both_axes(frame: Frame) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return pixels and bits with the columns of the frame as first axis, and with its rows."""
    return (frame.filled.T, frame.bits.T), (frame.filled, frame.bits)


def _sample(pixels: np.ndarray, bits: np.ndarray) -> np.ndarray:
    step = max(1, pixels.shape[1] // SAMPLES)
    pixels, bits = pixels[:, ::step], bits[:, ::step]
    sampled = np.empty(pixels.shape, dtype=np.float32)
    for start in range(0, sampled.shape[1], 32):  # small blocks, so that columns are transposed in the cache
        sampled[:, start : start + 32] = pixels[:, start : start + 32]
    sampled[bits != 0] = np.nan
    return sampled


def _deviations(lines: np.ndarray, scatter: float) -> dict[int, float]:
    """Return the deviations of the bad lines in scatters, by their indices."""
    pieces = lines[:, : lines.shape[1] // PIECES * PIECES].reshape(len(lines), PIECES, -1).swapaxes(0, 1)
    deviations = np.array([_piece_deviations(piece, scatter) for piece in pieces])
    bright = np.sort(deviations, axis=0)[-MIN_PIECES]
    deviation = np.maximum(np.maximum(bright, 0.0), -deviations.min(axis=0))
    return {int(line): float(deviation[line]) for line in np.flatnonzero(deviation)}


def _piece_deviations(piece: np.ndarray, scatter: float) -> np.ndarray:
    """Return the deviation of each line of a piece from its neighbors in scatters; 0 if it is not significant."""
    level = nanmedian(piece)
    known = np.isfinite(level)
    level = np.where(known, level, np.median(level[known]) if known.any() else 0.0)
    deviation = level - running_median(level, 9)
    significant = (np.abs(deviation) > MIN_DEVIATION * scatter) & known
    if not significant.any():
        return np.zeros(len(piece))
    # 1.2533 is the standard error of the median relative to that of the mean
    spread = np.full(len(piece), scatter)
    spread[significant] = np.maximum(nanmad_std(piece[significant]), scatter)  # more than the sky's in bright objects
    error = 1.2533 * spread / np.sqrt(np.maximum(np.isfinite(piece).sum(axis=1), 1))
    typical = 1.4826 * running_median(np.abs(deviation), 51)
    significant &= np.abs(deviation) > MIN_ERRORS * np.maximum(error, typical)
    limit = np.maximum(0.25 * np.abs(deviation), 3.0 * error)
    before, after, second_before, second_after = (np.abs(np.roll(deviation, k)) < limit for k in (1, -1, 2, -2))
    single = before & after
    pair = (before & second_after) | (after & second_before)
    return np.where(significant & (single | pair), deviation / scatter, 0.0)


def find_dead_bands(lines: np.ndarray, scatter: float) -> tuple[tuple[int, int], ...]:
    """Find bands of dead lines: darker than the others over most of their length, with a sharp step on both sides.

    Parameters
    ----------
    lines : (n, samples) ndarray
        The columns or the rows, as returned by `sample_lines`.
    scatter : float
        Robust scatter of the blank sky, in the unit of the frame.

    Returns
    -------
    tuple of (int, int)
        First index and the index after the last one of each band of at least `MIN_BAND` lines. Lines at the edges of
        the frame are not included.
    """
    pieces = lines[:, : lines.shape[1] // PIECES * PIECES].reshape(len(lines), PIECES, -1).swapaxes(0, 1)
    levels = np.sort([nanmedian(piece) for piece in pieces], axis=0)[MIN_PIECES - 1]
    known = np.isfinite(levels)
    if not known.any():
        return ()
    usual = float(np.quantile(levels[known], 0.7))  # up to two thirds may be dead
    dark = np.where(known, levels, np.inf) < usual - MIN_DEPTH * scatter
    changes = np.flatnonzero(np.diff(dark, prepend=False, append=False))
    found = []
    for start, stop in zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True):
        if stop - start < MIN_BAND or start == 0 or stop == len(levels):
            continue
        depth = usual - np.median(levels[start:stop])
        steps = levels[start - 1] - levels[start], levels[stop] - levels[stop - 1]
        if min(steps) > SHARP * depth:
            found.append((start, stop))
    return tuple(found)


def find_unexposed_edges(frame: Frame, scatter: float, lines: Sequence[np.ndarray] | None = None) -> dict[str, int]:
    """Find rows and columns at the edges that were not exposed to light: overscan or masked rows.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks; masked pixels are ignored.
    scatter : float
        Robust scatter of the blank sky, in the unit of the frame.
    lines : list of ndarray, optional
        The result of `sample_lines`, if already known.

    Returns
    -------
    dict of int
        Number of lines at ``'left'``, ``'right'``, ``'bottom'`` and ``'top'`` that are at least three scatters below
        the rest and end in a step.
    """
    found = {}
    sampled = sample_lines(frame) if lines is None else lines
    for sides, some in zip((('left', 'right'), ('bottom', 'top')), sampled, strict=True):
        levels = nanmedian(some)
        for side, ordered in zip(sides, (levels, levels[::-1]), strict=True):
            found[side] = _dark_lines(ordered, scatter)
    return found


def _dark_lines(levels: np.ndarray, scatter: float) -> int:
    """Return the number of lines at the beginning that are darker than the rest and end in a step."""
    half = levels[: levels.size // 2]
    known = np.isfinite(half)
    if not known.any():
        return 0
    low = np.where(known, half, np.inf) < np.median(half[known]) - 3.0 * scatter
    if not low.any():
        return 0
    last = int(np.flatnonzero(low)[-1])
    while last >= 0 and not low[: last + 1].mean() > 0.5:  # single dark lines further in do not belong to the edge
        below = np.flatnonzero(low[:last])
        last = int(below[-1]) if below.size else -1
    inside = half[last + 1 : last + 4]
    if last < 0 or not inside.size or np.isnan(inside).all():
        return 0
    step = np.nanmax(inside) - np.nanmedian(half[max(0, last - 3) : last + 1])
    return last + 1 if step > 2.0 * scatter else 0
