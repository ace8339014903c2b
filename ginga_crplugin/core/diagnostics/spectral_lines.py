"""Spectral lines and orders in the pixels: sharp lines across most of the frame, along its columns or rows."""

from typing import NamedTuple

import numpy as np

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.stats import nanmad_std, nanmedian, running_median

__all__ = ['SpectralLines', 'find_spectral_lines']

#: Number of rows of a strip whose median is a profile, distance of the two strips of a pair, maximum number of pairs,
#: and maximum shift of the lines between the two strips, in pixels.
HEIGHT, DISTANCE, MAX_PAIRS, MAX_SHIFT = 8, 24, 12, 6
#: Size of the median filter that removes the continuum, and the maximum distance in pixels at which a line has fallen
#: to half of its peak.
CONTINUUM, MAX_HALF_WIDTH = 31, 4
#: Minimum peak of a line in scatters of a pixel, and the fraction of it that both neighbors must have, unlike those of
#: a bad column.
MIN_PEAK, MIN_NEIGHBOR = 5.0, 0.1
#: Height in scatters to which lines are clipped before two strips are compared, so that one of them does not dominate.
CLIP = 20.0
#: Minimum number of lines in a strip, minimum correlation of the strips of a pair, the fraction of the pairs that must
#: have lines, and the fraction of those that must be correlated.
MIN_LINES, MIN_CORRELATION, MIN_PAIRS, MIN_AGREEMENT = 3, 0.5, 0.5, 0.8
#: Minimum correlation of adjacent pixels of a profile.
MIN_ADJACENT = 0.2
#: Minimum number of pairs, below which stars may correlate by chance.
FEWEST_PAIRS = 3


class SpectralLines(NamedTuple):
    """Spectral lines in the pixels of a frame.

    Parameters
    ----------
    axis : {'columns', 'rows'}
        The direction in which they extend.
    number : int
        How many there are, the median over the frame.
    width : float
        Their full width at half maximum, the median over the frame (pixel).
    """

    axis: str
    number: int
    width: float


def find_spectral_lines(frame: Frame) -> SpectralLines | None:
    """Find sharp lines across most of the frame, such as those of a long-slit spectrum or the orders of an echelle.

    Pairs of short strips all over the frame are compared: the lines of a spectrum are in both of them, shifted by a few
    pixels where they are tilted or curved; stars are not. Bad columns are narrower, and fringes are wider.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks; masked pixels are ignored.

    Returns
    -------
    SpectralLines or None
        The lines; None if there are none.
    """
    pixels = frame.filled, frame.bits
    found = {'columns': _find_lines(*pixels), 'rows': _find_lines(*(image.T for image in pixels))}
    axis = max(found, key=lambda name: len(found[name]))
    if not len(found[axis]):
        return None
    number, width = np.median(found[axis], axis=0)
    return SpectralLines(axis, int(number), float(width))


def _find_lines(pixels: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Return number and width of the lines along the columns in each pair of strips with lines, (n, 2).

    There are no lines unless most of the pairs have them.
    """
    none = np.zeros((0, 2))
    starts = np.arange(0, len(pixels) - HEIGHT - DISTANCE + 1, DISTANCE)
    if starts.size < FEWEST_PAIRS:
        return none
    if starts.size > MAX_PAIRS:
        starts = starts[np.unique(np.linspace(0, starts.size - 1, MAX_PAIRS).astype(int))]
    scatter = _usual_scatter(pixels)
    found: list[tuple[int, float]] = []
    correlations = []
    for tried, start in enumerate(starts.tolist()):
        if tried - len(found) > (1.0 - MIN_PAIRS) * starts.size:  # so many pairs without lines
            return none
        pair, measured = [], []
        for row in (start, start + DISTANCE):
            pair.append(_profile(pixels[row : row + HEIGHT], bits[row : row + HEIGHT], scatter))
            measured.append(_measure_peaks(pair[-1]))
            if measured[-1][0] < MIN_LINES:
                break
        else:
            found.append(min(measured))
            correlations.append(_correlate(*pair))
    if len(found) < MIN_PAIRS * starts.size or np.mean(np.array(correlations) > MIN_CORRELATION) < MIN_AGREEMENT:
        return none
    return np.array(found)


def _usual_scatter(pixels: np.ndarray) -> float:
    """Return the scatter of a pixel in some strips, which may be much larger than that of a strip of fill values."""
    some = np.linspace(0, len(pixels) - 3, min(64, len(pixels) - 2)).astype(int)
    differences = pixels[some + 2].astype(np.float32) - pixels[some]
    differences = differences[differences != 0.0]
    return float(nanmad_std(differences)) / np.sqrt(2.0) if differences.size else 0.0


def _profile(pixels: np.ndarray, bits: np.ndarray, usual_scatter: float) -> np.ndarray:
    """Return the medians of the columns of a strip above the continuum, in scatters of a pixel; 0 where unknown."""
    strip = pixels.T.astype(np.float32)
    strip[bits.T != 0] = np.nan
    level = nanmedian(strip)
    known = np.isfinite(level)
    if not known.any():
        return np.zeros(len(level))
    scatter = float(np.nan_to_num(nanmad_std((strip[:, 2:] - strip[:, :-2]).ravel()))) / np.sqrt(2.0)
    level = np.where(known, level, np.median(level[known]))
    height = np.where(known, level.astype(np.float64) - running_median(level, CONTINUUM), 0.0)
    return height / (max(scatter, 0.3 * usual_scatter) or 1.0)


def _measure_peaks(profile: np.ndarray) -> tuple[int, float]:
    """Return number and FWHM of the sharp peaks of a profile that are wider than a pixel."""
    if not _is_resolved(profile):
        return 0, 0.0
    inside = slice(MAX_HALF_WIDTH, -MAX_HALF_WIDTH)
    own = profile[inside]
    before, after = (
        np.array([np.roll(profile, sign * k)[inside] for k in range(1, MAX_HALF_WIDTH + 1)]) for sign in (1, -1)
    )
    peak = (own > MIN_PEAK) & (own >= before.max(axis=0)) & (own > after.max(axis=0))
    peak &= np.minimum(before[0], after[0]) > MIN_NEIGHBOR * own
    peak &= np.maximum(before.min(axis=0), after.min(axis=0)) < 0.5 * own
    if not peak.any():
        return 0, 0.0
    # of a Gaussian through the peak and its neighbors, whose geometric mean does not depend on the center of the line
    ratio = np.median(np.sqrt(before[0][peak] * after[0][peak]) / own[peak])
    return int(np.count_nonzero(peak)), float(np.sqrt(4.0 * np.log(2.0) / -np.log(min(ratio, 0.99))))


def _is_resolved(profile: np.ndarray) -> bool:
    """Return whether adjacent pixels of a profile are correlated, unlike those of an amplifier with noisy rows."""
    clipped = np.clip(profile, -CLIP, CLIP)
    bright = np.abs(clipped) > MIN_PEAK / 2.0
    bright[[0, -1]] = False
    neighbors = (np.roll(clipped, 1) + np.roll(clipped, -1)) / 2.0
    return bool(np.sum((clipped * neighbors)[bright]) > MIN_ADJACENT * np.sum(clipped[bright] ** 2))


def _correlate(one: np.ndarray, other: np.ndarray) -> float:
    """Return the correlation of two profiles at the shift at which it is highest."""
    one, other = (np.clip(profile, -CLIP, CLIP) for profile in (one, other))
    correlations = [0.0]
    for shift in range(-MAX_SHIFT, MAX_SHIFT + 1):
        a = one[max(0, shift) : len(one) + min(0, shift)]
        b = other[max(0, -shift) : len(other) + min(0, -shift)]
        norm = np.sqrt(np.sum(a**2) * np.sum(b**2))
        correlations.append(float(np.sum(a * b) / norm) if norm else 0.0)
    return max(correlations)
