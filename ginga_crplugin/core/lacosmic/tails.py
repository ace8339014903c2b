"""Tails of cosmic rays: pixels beside the detected ones, along the same track, that stand out less."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.ray_rate import describe_impossible

from .tiles import box_areas, make_tiles

if TYPE_CHECKING:
    from .detection import Detection

__all__ = [
    'DEFAULT_TAILS',
    'MAX_SIGMA',
    'MAX_STEPS',
    'MIN_SIGMA',
    'NO_TAILS',
    'TailOptions',
    'Tails',
    'find_tails',
    'with_tails',
]

#: Side of the blocks of which flagged pixels are treated together, and how many groups are treated at once, in pixels.
BLOCK, CHUNK = 64, 2**16
#: Fraction of the segments that are or may be in stars above which those that may be do not grow either.
MANY_STARS = 1.0 / 3.0
#: Maximum number of steps in such frames, and minimum margin of the windows around groups, in pixels.
STEPS_AMONG_STARS, MARGIN = 3, 9
#: Limits of the options.
MIN_SIGMA, MAX_SIGMA, MAX_STEPS = 1.0, 100.0, 20


@dataclass(frozen=True)
class TailOptions:
    """Whether and how the tails of cosmic rays are found.

    Attributes
    ----------
    enabled : bool
        Whether they are looked for.
    sigma : float
        Minimum height of a pixel above the local level, in units of the noise.
    steps : int
        Maximum number of steps from a detected pixel.

    Raises
    ------
    ValueError
        If a value is not allowed.
    """

    enabled: bool = True
    sigma: float = 3.5
    steps: int = 8

    def __post_init__(self) -> None:
        if isinstance(self.sigma, bool) or not MIN_SIGMA <= self.sigma <= MAX_SIGMA:
            msg = f'tail sigma is {self.sigma!r}: it must be from {MIN_SIGMA:g} to {MAX_SIGMA:g}'
            raise ValueError(msg)
        if isinstance(self.steps, bool) or self.steps != int(self.steps) or not 1 <= self.steps <= MAX_STEPS:
            msg = f'tail steps is {self.steps!r}: it must be a whole number from 1 to {MAX_STEPS}'
            raise ValueError(msg)
        object.__setattr__(self, 'sigma', float(self.sigma))
        object.__setattr__(self, 'steps', int(self.steps))


#: The default options, and those without tails.
DEFAULT_TAILS, NO_TAILS = TailOptions(), TailOptions(enabled=False)


@dataclass(frozen=True, eq=False)
class Tails:
    """The tails of the cosmic rays of a detection.

    Attributes
    ----------
    options : TailOptions
        How they were found.
    indices : (n,) int64 ndarray
        Flat indices of the pixels, sorted; none of them is flagged by L.A.Cosmic.
    sources : (n,) int64 ndarray
        For each of them, a pixel of the segment from which it grew.
    levels : (n,) float ndarray
        The median of the unflagged pixels around that segment, in the unit of the frame.
    reason : str
        Why none were looked for, although they were asked for; else empty.
    """

    options: TailOptions
    indices: np.ndarray
    sources: np.ndarray
    levels: np.ndarray
    reason: str = ''

    @classmethod
    def empty(cls, options: TailOptions, reason: str = '') -> 'Tails':
        """Return no tails.

        Parameters
        ----------
        options : TailOptions
            The options.
        reason : str, optional
            Why none were looked for.

        Returns
        -------
        Tails
            Without pixels.
        """
        none = np.zeros(0, np.int64)
        return cls(options, none, none, np.zeros(0), reason)


def find_tails(frame: Frame, detection: 'Detection', options: TailOptions | None = None) -> Tails:
    """Find the tails of detected cosmic rays by hysteresis.

    A neighbor of a detected pixel belongs to its tail if it stands ``sigma`` times the noise above the median of the
    unflagged pixels within 6 pixels, and ``sigma`` - 1 times above the median around the segment; so do its neighbors,
    up to ``steps`` pixels away. The medians are those of pixels up to 9 pixels from the bounding box of the segment, or
    up to ``steps`` pixels if these are more. The noise is that of the level and the read noise, or is taken from the
    variance of the frame.

    Segments do not grow in stars, or if they are saturated or touch saturated pixels, and nothing grows into stars,
    saturated or masked pixels. Pixels belong to a star if, within 3 pixels, 7 of 3 x 3 pixels of the cleaned frame
    stand 8 times the noise above the level. A segment is in a star as well if its brightest pixel has the profile of a
    star with a FWHM above 1.5 pixels along both axes and both diagonals, or a brighter neighbor. Nothing grows where
    the flagged pixels are too many to be cosmic rays.

    A segment may be in a star if this profile has a FWHM above 1.35 pixels, or if more than 3 % of the pixels around
    it that are neither near flagged ones nor in stars stand ``sigma`` times the noise above the level. Where more than
    a third of the segments are or may be in stars, as in undersampled or crowded frames, those that may be do not grow
    either, and the others grow by at most 3 steps.

    Parameters
    ----------
    frame : Frame
        The frame.
    detection : Detection
        The cosmic rays detected in it.
    options : TailOptions, optional
        The options; by default 3.5 sigma and 8 steps.

    Returns
    -------
    Tails
        The pixels. They depend on the arguments only.
    """
    options = DEFAULT_TAILS if options is None else options
    pixels = detection.indices
    if not options.enabled or not len(pixels):
        return Tails.empty(options)
    labels = detection.labels
    reason = _obstacle(frame, labels)
    if reason:
        return Tails.empty(options, reason)
    order, starts, owners = _group(pixels, labels, frame.shape[1])
    boxes = _boxes(pixels[order], starts, frame.shape, options.steps)
    grown = _Growth(frame, detection, options)
    parts = [
        grown.run(boxes[a:b], pixels[order[starts[a] : starts[b]]], starts[a : b + 1] - starts[a], a)
        for a, b in _chunks(boxes)
    ]
    found, groups, distances, levels, in_star = (np.concatenate(part) for part in zip(*parts, strict=True))
    stars, many = _find_stars(owners, in_star)
    kept = ~stars[owners[groups]]
    if many:
        kept &= distances <= STEPS_AMONG_STARS
    found, groups, distances = found[kept], groups[kept], distances[kept]
    first = np.lexsort((groups, distances, found))
    first = first[np.flatnonzero(np.diff(found[first], prepend=-1))]
    groups = groups[first]
    params = detection.params
    level = levels[groups] / params.gain - params.pssl
    if frame.background is not None:
        level = level + frame.background.reshape(-1)[found[first]]
    return Tails(options, found[first], pixels[order][starts[:-1]][groups], level)


def _obstacle(frame, labels):
    """Return why tails cannot be found; empty if they can."""
    from . import compilation

    if compilation.problem():
        return f'numba cannot be used: {compilation.problem()}'
    return describe_impossible(frame.ccd.header, frame.shape, int(labels.max()), len(labels))


def _find_stars(owners, in_star):
    """Return which segments do not grow because they are or may be in stars, by label, and whether many may be."""
    from .tail_stars import IN_STAR, NOT_IN_STAR

    count = int(owners.max())
    stars, possible = np.zeros((2, count + 1), bool)
    stars[owners[in_star == IN_STAR]] = True
    possible[owners[in_star != NOT_IN_STAR]] = True
    many = np.count_nonzero(possible) > MANY_STARS * count
    return possible if many else stars, many


def with_tails(frame: Frame, detection: 'Detection', options: TailOptions | None = None) -> 'Detection':
    """Add the tails of its cosmic rays to a detection.

    Parameters
    ----------
    frame : Frame
        The frame.
    detection : Detection
        The cosmic rays detected in it.
    options : TailOptions, optional
        The options; by default 3.5 sigma and 8 steps.

    Returns
    -------
    Detection
        A copy with ``tails``; the pixels detected by L.A.Cosmic are the same.
    """
    return replace(detection, tails=find_tails(frame, detection, options))


def _group(pixels, labels, nx):
    """Group pixels by segment and block; return their order, where the groups start, and the labels of the groups."""
    y, x = np.divmod(pixels, nx)
    columns = nx // BLOCK + 1
    key = (labels.astype(np.int64) << 40) + y // BLOCK * columns + x // BLOCK
    order = np.argsort(key, kind='stable')
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    return order, np.append(starts, len(pixels)), labels[order[starts]]


def _boxes(pixels, starts, shape, steps):
    """Return the windows of groups of pixels."""
    cores = []
    for values in np.divmod(pixels, shape[1]):
        cores += [np.minimum.reduceat(values, starts[:-1]), np.maximum.reduceat(values, starts[:-1]) + 1]
    return make_tiles(np.stack(cores, axis=1), max(steps, MARGIN), shape).boxes


def _chunks(boxes):
    """Split the windows into ranges of limited size."""
    ends = np.cumsum(box_areas(boxes))
    cuts = np.flatnonzero(np.diff(ends // CHUNK)) + 1
    edges = [0, *cuts.tolist(), len(boxes)]
    return list(pairwise(edges))


class _Growth:
    """The growth of groups of pixels of one detection."""

    def __init__(self, frame, detection, options):
        self.frame, self.detection, self.options = frame, detection, options
        params = detection.params
        self.gain, self.pssl = float(np.float32(params.gain)), params.pssl
        self.cleaned = (detection.values + self.pssl) * self.gain
        if frame.background is not None:
            self.cleaned = self.cleaned - frame.background.reshape(-1)[detection.indices] * self.gain

    def run(self, boxes, seeds, seed_starts, first):
        """Return pixels, groups and distances, and the levels of the groups and which are in stars."""
        from .tail_kernels import grow_tails

        frame, params, options = self.frame, self.detection.params, self.options
        starts = np.append(0, np.cumsum(box_areas(boxes)))
        values = self._windows(frame.filled, boxes, starts)
        values += self.pssl
        values *= self.gain
        background = self._windows(frame.background, boxes, starts) * self.gain
        variance = self._windows(frame.variance, boxes, starts) * self.gain**2
        if len(background):
            values -= background
        levels, in_star = np.empty(len(boxes)), np.empty(len(boxes), np.uint8)
        found, groups, distances = (np.empty(starts[-1], np.int64) for _ in range(3))
        count = grow_tails(
            boxes,
            starts,
            seeds,
            seed_starts,
            values,
            self._windows(frame.bits, boxes, starts),
            background,
            variance,
            self.detection.indices,
            self.cleaned.astype(np.float64, copy=False),
            self.detection.area.others,
            frame.shape[1],
            float(params.satlevel),
            float(params.readnoise),
            options.sigma,
            options.steps,
            levels,
            in_star,
            found,
            groups,
            distances,
        )
        return found[:count], groups[:count] + first, distances[:count], levels, in_star

    def _windows(self, image, boxes, starts):
        from .tail_windows import copy_windows

        if image is None:
            return np.empty(0)
        windows = np.empty(starts[-1])
        copy_windows(image, boxes, starts, windows)
        return windows
