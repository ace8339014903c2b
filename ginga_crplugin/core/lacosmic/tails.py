"""Tails of cosmic rays: pixels beside the detected ones, along the same track, that stand out less."""

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.ray_rate import describe_impossible

from .tail_growth import Grown, TailGrowth

if TYPE_CHECKING:
    from .detection import Detection

__all__ = [
    'DEFAULT_TAILS',
    'MAX_SIGMA',
    'MAX_STEPS',
    'MIN_SIGMA',
    'NO_TAILS',
    'TailFinder',
    'TailOptions',
    'Tails',
    'find_tails',
    'with_tails',
]

#: Fraction of the segments that are or may be in stars above which those that may be do not grow either.
MANY_STARS = 1.0 / 3.0
#: Maximum number of steps in such frames.
STEPS_AMONG_STARS = 3
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
    return TailFinder().find(frame, detection, options)


class TailFinder:
    """Finds tails repeatedly; segments around which nothing has changed since the last time are not examined again."""

    def __init__(self) -> None:
        self._growth = TailGrowth()

    def find(self, frame: Frame, detection: 'Detection', options: TailOptions | None = None) -> Tails:
        """Find the tails of detected cosmic rays.

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
            What `find_tails` returns.
        """
        options = DEFAULT_TAILS if options is None else options
        if not options.enabled or not len(detection.indices):
            return Tails.empty(options)
        reason = _obstacle(frame, detection.labels)
        if reason:
            return Tails.empty(options, reason)
        return _select(frame, detection, options, self._growth.grow(frame, detection, options.sigma, options.steps))


def _select(frame, detection, options, grown: Grown):
    """Return the tails of groups that are not in stars, each pixel with the group nearest to it."""
    stars, many = _find_stars(grown.owners, grown.in_star)
    kept = ~stars[grown.owners[grown.groups]]
    if many:
        kept &= grown.distances <= STEPS_AMONG_STARS
    found, groups, distances = grown.found[kept], grown.groups[kept], grown.distances[kept]
    first = np.lexsort((groups, distances, found))
    first = first[np.flatnonzero(np.diff(found[first], prepend=-1))]
    found, groups = found[first], groups[first]
    params = detection.params
    level = grown.levels[groups] / params.gain - params.pssl
    if frame.background is not None:
        level = level + frame.background.reshape(-1)[found]
    return Tails(options, found, grown.seeds[grown.seed_starts[groups]], level)


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


def with_tails(
    frame: Frame, detection: 'Detection', options: TailOptions | None = None, finder: TailFinder | None = None
) -> 'Detection':
    """Add the tails of its cosmic rays to a detection.

    Parameters
    ----------
    frame : Frame
        The frame.
    detection : Detection
        The cosmic rays detected in it.
    options : TailOptions, optional
        The options; by default 3.5 sigma and 8 steps.
    finder : TailFinder, optional
        What finds them; one that found those of an earlier detection of this frame needs less time.

    Returns
    -------
    Detection
        A copy with ``tails``; the pixels detected by L.A.Cosmic are the same.
    """
    tails = (finder or TailFinder()).find(frame, detection, options)
    copied = copy(detection)  # with its labels, which `replace` would drop
    object.__setattr__(copied, 'tails', tails)
    return copied
