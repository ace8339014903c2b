"""Hints: possible causes of a segment other than a cosmic ray. They do not change the mask."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ginga_crplugin.core.bits import DQ_DTYPE, MaskBit
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.segments import Segments

from .bad_lines import find_bad_lines_near
from .frame_kind import find_frame_kind
from .shapes import SegmentPixels, extract_windows, is_extended, measure_shapes, reduce_windows

if TYPE_CHECKING:
    from ginga_crplugin.core.lacosmic.detection import Detection

__all__ = ['HINTS', 'compute_hints', 'explain_hint', 'with_hints']

#: The hints and their explanations, in order of priority: a segment gets the first one that applies. Evidence from the
#: pixels themselves precedes the location, so that on a heavily masked frame a nearby mask is only given as a last
#: resort.
HINTS = {
    'bad column or row': 'along a bad column or row, or a straight line along one',
    'negative core': 'next to a pixel far below the sky, such as a hot pixel from which too much dark was subtracted',
    'hot pixel': 'high in the dark, or a single pixel where most segments are single pixels',
    'saturated': 'touches saturated pixels or the surroundings of a saturated star',
    'star-like': 'flux extends to all sides, as in the core of a star or its persistence image',
    'at the edge': 'reaches the outermost searched pixels, so part of it may lie outside',
    'touches a mask': 'touches masked pixels, so its extent is unknown',
}

#: Radius in pixels of the window around the brightest pixel.
WINDOW = 4
#: Distance in pixels within which a negative pixel or a bad line affects the detection.
INFLUENCE = 3
#: Minimum deviation of a negative or hot pixel, and maximum height of an unaffected neighbor, in units of the noise.
MIN_DEVIATION, MAX_NEIGHBOR = 8.0, 5.0
#: Minimum length in pixels of a straight line along a column or row that is not a cosmic ray.
STRAIGHT = 20
#: Maximum number of flagged pixels in the core of a star.
MAX_CORE = 40


def with_hints(frame: Frame, detection: 'Detection', segments: Segments, dark: ArrayLike | None = None) -> Segments:
    """Return the segments with measurements and hints added to their table.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks.
    detection : Detection
        The detection in the frame.
    segments : Segments
        Segments of the detection.
    dark : (ny, nx) array_like, optional
        Combined dark of the same exposure time, in the unit of the frame.

    Returns
    -------
    Segments
        The same pixels; the table has the additional columns ``snr``, ``width``, ``elongation``, ``orientation`` and
        ``hint``.

    Raises
    ------
    ValueError
        If the shape of the dark differs from that of the frame.
    """
    table = segments.table.copy(copy_data=False)
    for name, values in compute_hints(frame, detection, segments, dark).items():
        table[name] = values
    return replace(segments, table=table)


def compute_hints(
    frame: Frame, detection: 'Detection', segments: Segments, dark: ArrayLike | None = None
) -> dict[str, Any]:
    """Measure every segment and find a possible cause other than a cosmic ray.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks.
    detection : Detection
        The detection in the frame.
    segments : Segments
        Segments of the detection.
    dark : (ny, nx) array_like, optional
        Combined dark of the same exposure time, in the unit of the frame.

    Returns
    -------
    dict
        The columns of `~ginga_crplugin.core.diagnostics.shapes.measure_shapes`, and ``hint``: one of `HINTS`, or an
        empty string if there is no sign of another cause.

    Raises
    ------
    ValueError
        If the shape of the dark differs from that of the frame.
    """
    if dark is not None and np.shape(dark) != frame.shape:
        msg = f"the dark: shape {np.shape(dark)} differs from the frame's {frame.shape}"
        raise ValueError(msg)
    pixels = SegmentPixels.from_segments(frame, detection, segments)
    columns = measure_shapes(pixels, detection.params)
    hint = np.full(len(pixels), '', dtype='U17')
    if len(pixels):
        found = _apply_tests(_Surroundings(frame, detection, pixels), segments, dark)
        hint = np.select([found[name] for name in HINTS], list(HINTS), '').astype('U17')
    return columns | {'hint': hint}


def explain_hint(row: Mapping[str, Any]) -> str:
    """Explain the hint of a segment.

    Parameters
    ----------
    row : `~astropy.table.Row`
        Row of the table of segments, with hints.

    Returns
    -------
    str
        The explanation; empty if the segment has no hint.
    """
    if not row['hint']:
        return ''
    return f'{HINTS[str(row["hint"])]} (peak {row["snr"]:.0f} times the noise)'


@dataclass(frozen=True, eq=False)
class _Surroundings:
    """Pixels around the brightest pixel of each segment."""

    frame: Frame
    detection: 'Detection'
    segments: SegmentPixels

    @cached_property
    def peaks(self) -> np.ndarray:
        """Flat index of the brightest pixel of each segment."""
        return self.segments.pixels[self.segments.peaks]

    @cached_property
    def _windows(self) -> np.ndarray:
        params = self.detection.params
        return (extract_windows(self.frame.filled, self.peaks, WINDOW).astype(np.float32) + params.pssl) * params.gain

    @cached_property
    def _borders(self) -> np.ndarray:
        windows = self._windows
        return np.concatenate([windows[:, 0], windows[:, -1], windows[:, 1:-1, 0], windows[:, 1:-1, -1]], axis=1)

    @cached_property
    def level(self) -> np.ndarray:
        """Median of the outermost pixels of each window (electron)."""
        middle = self._borders.shape[1] // 2
        return np.partition(self._borders, middle, axis=1)[:, middle]

    @cached_property
    def heights(self) -> np.ndarray:
        """Electrons above the level in each window, (n, 9, 9)."""
        return self._windows - self.level[:, None, None]

    @cached_property
    def scatter(self) -> float:
        """Robust scatter of the sky around the first segments, in the unit of the frame."""
        deviations = np.abs(self._borders[:500] - self.level[:500, None])
        return max(1.4826 * float(np.median(deviations)) / self.detection.params.gain, 1e-6)

    @cached_property
    def noise(self) -> np.ndarray:
        """Noise at the level of each window (electron rms)."""
        return np.maximum(np.sqrt(np.maximum(self.level, 0.0) + self.detection.params.readnoise**2), 1e-6)

    @property
    def peak_heights(self) -> np.ndarray:
        """Electrons above the level in the brightest pixels."""
        return self.heights[:, WINDOW, WINDOW]

    @property
    def neighbors(self) -> list[np.ndarray]:
        """Electrons above the level in the pixels to the left, to the right, below and above."""
        steps = (0, -1), (0, 1), (-1, 0), (1, 0)
        return [self.heights[:, WINDOW + y, WINDOW + x] for y, x in steps]


def _apply_tests(around: _Surroundings, segments: Segments, dark: ArrayLike | None) -> dict[str, np.ndarray]:
    """Return the segments to which each hint applies, (n,) bool by the name of the hint."""
    found = {
        'negative core': _is_negative(around),
        'bad column or row': _is_along_line(around, segments),
        'star-like': _is_star(around),
        'at the edge': _is_at_edge(around),
    }
    if not find_frame_kind(around.frame).is_image:  # lines and orders of a spectrum are neither
        for name in ('bad column or row', 'star-like'):
            found[name] = np.zeros(len(around.segments), dtype=bool)
    found['saturated'], found['touches a mask'] = _touches_saturated_or_masked(around)
    others = np.logical_or.reduce(list(found.values()))
    found['hot pixel'] = _is_hot_without_dark(around, others)
    if dark is not None:
        found['hot pixel'] |= _is_hot_in_dark(around, np.asarray(dark))
    return found


def _is_negative(around: _Surroundings) -> np.ndarray:
    """Test for a nearby pixel far below the level: at -5,000 electrons, 36 of its neighbors are flagged."""
    inner = slice(WINDOW - INFLUENCE, WINDOW + INFLUENCE + 1)
    depth = -around.heights[:, inner, inner].min(axis=(1, 2))
    faint = around.peak_heights < np.maximum(MAX_NEIGHBOR * around.noise, 0.3 * depth)
    return (depth > MIN_DEVIATION * around.noise) & faint


def _is_hot_in_dark(around: _Surroundings, dark: np.ndarray) -> np.ndarray:
    """Test whether the dark is high at the peak, and high enough to explain it."""
    step = max(1, min(dark.shape) // 256)
    sampled = dark[::step, ::step]
    sampled = sampled[np.isfinite(sampled)]
    level = np.median(sampled)
    scatter = 1.4826 * np.median(np.abs(sampled - level))
    excess = np.nan_to_num(dark.ravel()[around.peaks].astype(float), nan=np.inf) - level
    residual = around.peak_heights - MAX_NEIGHBOR * around.noise
    return (excess > MIN_DEVIATION * max(scatter, 1e-6)) & (residual < 2.0 * excess * around.detection.params.gain)


def _is_hot_without_dark(around: _Surroundings, others: np.ndarray) -> np.ndarray:
    """Test for isolated single pixels, if they are the majority of the segments.

    On a frame with cosmic rays only (SAAO), 1 in 6 segments was a single pixel; on a raw frame with hot pixels (Feder),
    all 33 were.
    """
    faint = np.mean(around.neighbors, axis=0) < 1.5 * around.noise + 0.02 * around.peak_heights
    isolated = (around.segments.sizes == 1) & faint
    single = isolated & ~others
    rest = int(np.count_nonzero(~others & ~isolated))
    return single if int(np.count_nonzero(single)) >= max(10, 2 * rest) else np.zeros_like(single)


def _is_along_line(around: _Surroundings, segments: Segments) -> np.ndarray:
    """Test whether half of the pixels are near a bad column or row, or all form a straight line along one."""
    pixels, table = around.segments, segments.table
    y, x = np.divmod(pixels.pixels, pixels.shape[1])
    columns, rows = find_bad_lines_near(around.frame, around.scatter, x, y)
    near = np.zeros(len(x), dtype=bool)
    for bad, coordinate in ((columns, x), (rows, y)):
        for line in bad:
            near |= np.abs(coordinate - line) <= INFLUENCE
    along = pixels.reduce(np.add, near.astype(float)) >= 0.5 * pixels.sizes
    width = table['bbox_xmax'].value - table['bbox_xmin'].value + 1
    height = table['bbox_ymax'].value - table['bbox_ymin'].value + 1
    length = np.maximum(width, height)
    straight = (np.minimum(width, height) <= 2) & (length >= STRAIGHT)
    return along | (straight & (pixels.sizes >= 0.6 * length))


def _is_star(around: _Surroundings) -> np.ndarray:
    """Test whether flux extends from the peak to all sides, and no more pixels are flagged than the core of a star."""
    inner = around.heights[:, WINDOW - 1 : WINDOW + 2, WINDOW - 1 : WINDOW + 2]
    peaked = inner.max(axis=(1, 2)) <= around.peak_heights
    left, right, below, above = around.neighbors
    extended = is_extended(around.peak_heights, left, right, below, above, around.noise)
    return extended & peaked & (around.segments.sizes <= MAX_CORE)


def _is_at_edge(around: _Surroundings) -> np.ndarray:
    """Test whether a segment reaches the outermost searched pixels."""
    params = around.detection.params
    border = 0 if params.search_edges else 3 if params.sepmed else 2
    return around.segments.any(_edge_distance(around) <= border)


def _edge_distance(around: _Surroundings) -> np.ndarray:
    """Return the distance of each flagged pixel to the nearest edge of the frame."""
    ny, nx = around.frame.shape
    y, x = np.divmod(around.segments.pixels, nx)
    return np.minimum(np.minimum(x, nx - 1 - x), np.minimum(y, ny - 1 - y))


def _touches_saturated_or_masked(around: _Surroundings) -> tuple[np.ndarray, np.ndarray]:
    """Return which segments touch saturated pixels or stars, and which ones touch masked pixels."""
    frame, params, segments = around.frame, around.detection.params, around.segments
    highest = reduce_windows(np.maximum, frame.filled, segments.pixels, 1)
    saturated = highest * np.float64(params.gain) >= params.satlevel
    causes = DQ_DTYPE(MaskBit.before_run())
    masked = (reduce_windows(np.bitwise_or, frame.bits, segments.pixels, 2) & causes) != 0
    # pixels that are neither masked nor at the edge are excluded from the search only around saturated stars
    excluded = around.detection.area.touches_others(segments.pixels)
    inside = _edge_distance(around) > INFLUENCE + 1
    return segments.any(saturated | (excluded & ~masked & inside)), segments.any(masked)
