"""The 2 x 2 pattern of a color mosaic in the pixels."""

import numpy as np

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.pixel_evidence import choose_tiles, cut_tiles
from ginga_crplugin.core.stats import nanmad_std, nanmedian

__all__ = ['find_color_pattern']

#: Side of a tile in pixels, on frames of at least `LARGE` pixels and on smaller ones; it is even.
SIDE, SMALL_SIDE, LARGE = 32, 16, 256
#: Minimum difference of the levels, in scatters of a pixel and relative to the level of the frame.
MIN_DIFFERENCE, MIN_RELATIVE = 0.3, 0.005
#: Significance of a difference in a tile, in standard errors; the fraction of the tiles in which it must be
#: significant, and the fraction of those that must agree in its sign.
SIGNIFICANT, MIN_TILES, MIN_AGREEMENT = 3.0, 0.5, 0.95
#: Maximum deviation from each other of two differences that count as equal, relative to the larger one; and the minimum
#: diagonal difference relative to the difference of columns or rows, which does not follow from these alone.
EQUAL, DIAGONAL = 0.2, 0.2


def find_color_pattern(frame: Frame) -> tuple[float, float, float, float] | None:
    """Find the pattern of a color filter array: pixels of four interleaved images differ in level all over the frame.

    The four levels of a tile are split into the difference of even and odd columns, that of even and odd rows, and that
    of the two diagonals. Amplifiers that read every second column or row cause the first or the second one. A color
    filter array, in which two of four filters on a diagonal are the same, causes the third one, or the first two with
    the same amplitude.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks; masked pixels are ignored.

    Returns
    -------
    tuple of float, or None
        Levels of the pixels at (even row, even column), (even, odd), (odd, even) and (odd, odd) in the unit of the
        frame, medians over the frame; None if there is no such pattern.
    """
    tiles = _cut_tiles(frame)
    if len(tiles) < 4:
        return None
    slopes = [0.5 * nanmedian(_flat(difference)) for difference in _differences(tiles)]
    parts = [tiles[:, j::2, i::2] - (slopes[0] * i + slopes[1] * j)[:, None, None] for j in (0, 1) for i in (0, 1)]
    step = 1.0 if frame.filled.dtype.kind in 'iu' else 0.0  # medians of integers are coarse
    measured = [_clipped_mean(_flat(part), step) for part in parts]
    levels = np.array([level for level, _, _ in measured])
    scatter = np.median([scatter for _, scatter, _ in measured])
    error = np.sqrt(sum(error**2 for _, _, error in measured)) / 2.0
    (a, b, c, d) = levels
    differences = np.array([a + c - b - d, a + b - c - d, a + d - b - c]) / 2.0
    typical = np.median(levels, axis=1)
    limit = max(MIN_DIFFERENCE * scatter, MIN_RELATIVE * abs(np.median(typical)))
    if np.ptp(typical) < limit:
        return None
    present = [_is_everywhere(difference / error) for difference in differences]
    columns, rows, diagonal = np.abs(np.median(differences, axis=1))
    equal = present[0] and present[1] and abs(columns - rows) < EQUAL * max(columns, rows)
    if equal or (present[2] and diagonal > DIAGONAL * max(columns, rows)):
        return tuple(typical.tolist())
    return None


def _cut_tiles(frame: Frame) -> np.ndarray:
    """Return tiles spread over the frame that begin in even rows and columns, (n, side, side); NaN for bad pixels."""
    side = SIDE if min(frame.shape) >= LARGE else SMALL_SIDE
    places = choose_tiles(frame.shape, side)
    tiles = cut_tiles(frame.filled, places).astype(np.float64)
    tiles[cut_tiles(frame.bits, places) != 0] = np.nan
    return tiles[np.isfinite(tiles).mean(axis=(1, 2)) > 0.5]


def _differences(tiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the differences of pixels two columns apart, and two rows apart."""
    return tiles[:, :, 2:] - tiles[:, :, :-2], tiles[:, 2:] - tiles[:, :-2]


def _flat(tiles: np.ndarray) -> np.ndarray:
    return tiles.reshape(len(tiles), -1)


def _clipped_mean(values: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean, scatter and standard error of each row, without values more than 3 scatters from the median."""
    middle, scatter = nanmedian(values)[:, None], nanmad_std(values)[:, None]
    clipped = np.where(np.abs(values - middle) <= 3.0 * np.maximum(scatter, step), values, np.nan)
    count = np.maximum(np.isfinite(clipped).sum(axis=1), 1)
    mean = np.nansum(clipped, axis=1) / count
    spread = np.sqrt(np.nansum((clipped - mean[:, None]) ** 2, axis=1) / count)
    return mean, spread, np.maximum(spread / np.sqrt(count), 1e-9)


def _is_everywhere(significance: np.ndarray) -> bool:
    """Return whether a difference is significant in most tiles, with the same sign."""
    strong = significance[np.abs(significance) > SIGNIFICANT]
    same = max(np.count_nonzero(strong > 0.0), np.count_nonzero(strong < 0.0))
    return bool(strong.size >= MIN_TILES * significance.size and same >= MIN_AGREEMENT * strong.size)
