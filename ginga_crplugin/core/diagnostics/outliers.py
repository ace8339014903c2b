"""The room of the outliers: pixels that stand far from the level, and what stands out by itself, as no light does."""

from dataclasses import dataclass

import numpy as np

from ginga_crplugin.core.stats import nanmedian

from .bad_lines import bad_lines, dark_edges, sample_lines

__all__ = ['Far', 'Outliers', 'far_pixels', 'find_outliers']

#: Side in pixels of the blocks that the level is taken from.
BLOCK = 64
#: Scatters that a pixel must stand away from the level to be looked at, and that make a negative one harmful.
FAR, DEEP = 10.0, 20.0


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
        Columns and rows of which a quarter or more is off, and how far, in scatters; without those of the edges.
    edges : dict of int
        How many columns and rows saw no light, at the sides where there are any (`dark_edges`).
    """

    hot: np.ndarray
    negative: np.ndarray
    deep: int
    columns: dict
    rows: dict
    edges: dict

    def mask(self, shape, *, hot=True):
        """Return a mask of them all, (ny, nx) bool; of the bright ones only if there are too many for cosmic rays."""
        mask = np.zeros(shape, dtype=bool)
        mask.ravel()[self.negative] = True
        if hot:
            mask.ravel()[self.hot] = True
        mask[:, list(self.columns)] = True
        mask[list(self.rows)] = True
        return mask


@dataclass(frozen=True, eq=False)
class Far:
    """Good pixels that stand far from the level, with those beside them; none of the outermost pixels of the frame.

    Attributes
    ----------
    places : (n,) int64 ndarray
        Flat indices.
    height : (n,) float ndarray
        How far they stand above the level of their block, in the frame's unit.
    beside : list of (n,) float ndarray
        The same of the pixels to the right, to the left, above and below.
    """

    places: np.ndarray
    height: np.ndarray
    beside: list


def find_outliers(frame, scatter, far=None):
    """Find single pixels and lines that stand out.

    A star, even of a FWHM of 1.2 pixels, leaves 15 % of its peak in each pixel beside it; a hot pixel nothing. A
    cosmic ray may do the same in one pixel, so that hot ones tell something by their number alone.

    Parameters
    ----------
    frame : Frame
    scatter : float
        Robust scatter of the blank sky, in the frame's unit.
    far : Far, optional
        If they are known.

    Returns
    -------
    Outliers
    """
    ny, nx = frame.shape
    lines = sample_lines(frame)
    edges = {side: count for side, count in dark_edges(frame, scatter, lines).items() if count}
    columns, rows = bad_lines(frame, scatter, lines)
    columns = _between(columns, edges.get('left', 0), nx - edges.get('right', 0))
    rows = _between(rows, edges.get('bottom', 0), ny - edges.get('top', 0))
    return Outliers(*_single(far or far_pixels(frame, scatter), scatter), columns, rows, edges)


def _between(lines, first, stop):
    return {line: far for line, far in lines.items() if first <= line < stop}


def _single(far, scatter):
    """Return bright pixels and negative ones with nothing around them, and how many of these are deep."""
    own, most = far.height, np.maximum.reduce(far.beside)
    hot = (own > 0.0) & (most < 3.5 * scatter + 0.05 * own) & (sum(far.beside) < 4.0 * (scatter + 0.02 * own))
    low = np.flatnonzero(own < 0.0)
    second = np.sort([side[low] for side in far.beside], axis=0)[1]
    low = low[second > 0.3 * own[low]]
    return far.places[hot], far.places[low], int(np.count_nonzero(own[low] < -DEEP * scatter))


def far_pixels(frame, scatter):
    """Find the pixels that stand far from the level, for whoever looks for outliers or stars.

    Parameters
    ----------
    frame, scatter
        As for `find_outliers`.

    Returns
    -------
    Far
    """
    ny, nx = frame.shape
    level = _level_map(frame.filled, frame.bits)
    places = _beyond(frame.filled, level, FAR * scatter)
    y, x = np.divmod(places, nx)
    inside = (y > 0) & (x > 0) & (y < ny - 1) & (x < nx - 1) & (frame.bits.ravel()[places] == 0)
    places, level = places[inside], level[y[inside] // BLOCK, x[inside] // BLOCK]
    height, *beside = (frame.filled.ravel()[places + step] - level for step in (0, 1, -1, nx, -nx))
    return Far(places, height, beside)


def _level_map(pixels, bits):
    """Return the level of each block: the median of its good pixels, of every fourth row and second column."""
    (ny, nx), (high, wide) = pixels.shape, (BLOCK // 4, BLOCK // 2)
    down, across = -(-ny // BLOCK), -(-nx // BLOCK)
    few = np.full((down * high, across * wide), np.nan, dtype=np.float32)
    some = few[: -(-ny // 4), : -(-nx // 2)]
    some[:] = pixels[::4, ::2]
    some[bits[::4, ::2] != 0] = np.nan
    level = nanmedian(few.reshape(down, high, across, wide).swapaxes(1, 2).reshape(down, across, -1))
    middle = np.nanmedian(level) if np.isfinite(level).any() else np.median(pixels)
    return np.where(np.isfinite(level), level, middle)


def _beyond(pixels, level, limit):
    """Return the flat indices of the pixels that stand away from the level of their block by more than a limit."""
    nx = pixels.shape[1]
    found = []
    for begin, row in zip(range(0, len(pixels), BLOCK), level, strict=True):
        height = pixels[begin : begin + BLOCK] - np.repeat(row, BLOCK)[:nx]
        found.append(np.flatnonzero(np.abs(height, out=height) > limit) + begin * nx)
    return np.concatenate(found)
