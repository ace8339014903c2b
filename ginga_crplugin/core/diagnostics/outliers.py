"""Hot and negative pixels, bad lines and unexposed edges of a frame."""

from dataclasses import dataclass

import numpy as np

from ginga_crplugin.core.flat_indices import locate
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.stats import nanmedian

from .bad_lines import find_bad_lines, find_dead_bands, find_unexposed_edges, sample_lines

__all__ = ['DeviantPixels', 'Outliers', 'find_deviant_pixels', 'find_outliers']

#: Side in pixels of the blocks in which the local level is measured.
BLOCK = 64
#: Minimum deviation from the local level of a deviant pixel, in scatters.
MIN_DEVIATION = 10.0


@dataclass(frozen=True, eq=False)
class Outliers:
    """Unmasked pixels and lines that cannot be caused by light.

    Attributes
    ----------
    hot : (n,) int64 ndarray
        Flat indices of isolated bright pixels.
    negative : (n,) int64 ndarray
        Flat indices of isolated pixels below the level.
    columns, rows : dict of float
        Deviation in scatters of bad columns and rows, by their indices; those of unexposed edges are not included.
    edges : dict of int
        Number of unexposed columns or rows, by the side of the frame; sides without any are not included.
    dead_columns, dead_rows : tuple of (int, int)
        First index and the index after the last one of each band of dead columns or rows.
    """

    hot: np.ndarray
    negative: np.ndarray
    columns: dict[int, float]
    rows: dict[int, float]
    edges: dict[str, int]
    dead_columns: tuple[tuple[int, int], ...] = ()
    dead_rows: tuple[tuple[int, int], ...] = ()

    def mask(self, shape: tuple[int, int]) -> np.ndarray:
        """Return a mask of the outliers, without the bright pixels, which may be cosmic rays, and unexposed edges.

        Parameters
        ----------
        shape : (int, int)
            Shape (ny, nx) of the frame.

        Returns
        -------
        (ny, nx) bool ndarray
            True at outliers.
        """
        mask = np.zeros(shape, dtype=bool)
        mask.ravel()[self.negative] = True
        mask[:, list(self.columns)] = True
        mask[list(self.rows)] = True
        for start, stop in self.dead_columns:
            mask[:, start:stop] = True
        for start, stop in self.dead_rows:
            mask[start:stop] = True
        return mask


@dataclass(frozen=True, eq=False)
class DeviantPixels:
    """Good pixels far from the local level, and their four neighbors; without the outermost pixels of the frame.

    Attributes
    ----------
    indices : (n,) int64 ndarray
        Flat indices.
    height : (n,) float ndarray
        Height above the level of the block, in the unit of the frame.
    neighbors : list of (n,) float ndarray
        Height of the pixels to the right, to the left, above and below.
    """

    indices: np.ndarray
    height: np.ndarray
    neighbors: list[np.ndarray]


def find_outliers(frame: Frame, scatter: float, deviant: DeviantPixels | None = None) -> Outliers:
    """Find isolated hot and negative pixels, bad lines and unexposed edges.

    A star leaves at least 15 % of its peak in each of the four neighbors, even at a FWHM of 1.2 pixels; a hot pixel
    leaves nothing. A cosmic ray can hit a single pixel too, so hot pixels are only significant by their number.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks; masked pixels are ignored.
    scatter : float
        Robust scatter of the blank sky, in the unit of the frame.
    deviant : DeviantPixels, optional
        The result of `find_deviant_pixels`, if already known.

    Returns
    -------
    Outliers
        The outliers that are not masked.
    """
    ny, nx = frame.shape
    lines = sample_lines(frame)
    edges = {side: count for side, count in find_unexposed_edges(frame, scatter, lines).items() if count}
    columns, rows = find_bad_lines(frame, scatter, lines)
    columns = _between(columns, edges.get('left', 0), nx - edges.get('right', 0))
    rows = _between(rows, edges.get('bottom', 0), ny - edges.get('top', 0))
    hot, negative = _isolated(deviant or find_deviant_pixels(frame, scatter), scatter, nx)
    dead = [find_dead_bands(sampled, scatter) for sampled in lines]
    return Outliers(hot, negative, columns, rows, edges, *dead)


def _between(lines: dict[int, float], first: int, stop: int) -> dict[int, float]:
    return {line: deviation for line, deviation in lines.items() if first <= line < stop}


def _isolated(deviant: DeviantPixels, scatter: float, nx: int) -> tuple[np.ndarray, np.ndarray]:
    """Return isolated bright pixels and isolated negative pixels."""
    own, highest = deviant.height, np.maximum.reduce(deviant.neighbors)
    total = np.sum(deviant.neighbors, axis=0)
    hot = (own > 0.0) & (highest < 3.5 * scatter + 0.05 * own) & (total < 4.0 * (scatter + 0.02 * own))
    bright, single = deviant.indices[own > 0.0], deviant.indices[hot]
    for step in (nx + 1, nx - 1, -nx + 1, -nx - 1):  # the pixels of a diagonal track touch at their corners
        single = single[~locate(bright, single + step)[1]]
    low = np.flatnonzero(own < 0.0)
    second_lowest = np.sort([side[low] for side in deviant.neighbors], axis=0)[1]
    low = low[second_lowest > 0.3 * own[low]]
    return single, deviant.indices[low]


def find_deviant_pixels(frame: Frame, scatter: float) -> DeviantPixels:
    """Find the good pixels far from the local level: candidates for outliers and stars.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks; masked pixels are ignored.
    scatter : float
        Robust scatter of the blank sky, in the unit of the frame.

    Returns
    -------
    DeviantPixels
        The pixels that deviate by more than `MIN_DEVIATION` scatters.
    """
    ny, nx = frame.shape
    level = _level_map(frame.filled, frame.bits)
    indices = _deviant_indices(frame.filled, level, MIN_DEVIATION * scatter)
    y, x = np.divmod(indices, nx)
    inside = (y > 0) & (x > 0) & (y < ny - 1) & (x < nx - 1) & (frame.bits.ravel()[indices] == 0)
    indices, level = indices[inside], level[y[inside] // BLOCK, x[inside] // BLOCK]
    height, *neighbors = (frame.filled.ravel()[indices + step] - level for step in (0, 1, -1, nx, -nx))
    return DeviantPixels(indices, height, neighbors)


def _level_map(pixels: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Return the level of each block: the median of its good pixels in every fourth row and second column."""
    (ny, nx), (high, wide) = pixels.shape, (BLOCK // 4, BLOCK // 2)
    down, across = -(-ny // BLOCK), -(-nx // BLOCK)
    padded = np.full((down * high, across * wide), np.nan, dtype=np.float32)
    sampled = padded[: -(-ny // 4), : -(-nx // 2)]
    sampled[:] = pixels[::4, ::2]
    sampled[bits[::4, ::2] != 0] = np.nan
    level = nanmedian(padded.reshape(down, high, across, wide).swapaxes(1, 2).reshape(down, across, -1))
    default = np.nanmedian(level) if np.isfinite(level).any() else np.median(pixels)
    return np.where(np.isfinite(level), level, default)


def _deviant_indices(pixels: np.ndarray, level: np.ndarray, limit: float) -> np.ndarray:
    """Return the flat indices of the pixels that deviate from the level of their block by more than a limit."""
    nx = pixels.shape[1]
    found = []
    for start, row in zip(range(0, len(pixels), BLOCK), level, strict=True):
        height = pixels[start : start + BLOCK] - np.repeat(row, BLOCK)[:nx]
        found.append(np.flatnonzero(np.abs(height, out=height) > limit) + start * nx)
    return np.concatenate(found)
