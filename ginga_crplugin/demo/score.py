"""Score of a detection on a simulated frame."""

from dataclasses import dataclass

import numpy as np

from .simulation import FWHM

__all__ = ['HintScore', 'Score', 'score', 'score_hints']


#: How far from a hot pixel or the bad column L.A.Cosmic is misled by it, in pixels.
REACH = 3


@dataclass(frozen=True)
class Score:
    """What was found of what is there.

    Attributes
    ----------
    pixels, pixels_found : int
        Pixels in which a cosmic ray shows, and those of them that were flagged.
    hits, hits_found : int
        Cosmic rays, and those of which at least one pixel was flagged.
    false_hot, false_column, false_star, false_adjacent, false_other : int
        Flagged pixels that no cosmic ray touched: at a hot pixel, at the bad column, in a star, beside a cosmic ray,
        or elsewhere.
    """

    pixels: int
    pixels_found: int
    hits: int
    hits_found: int
    false_hot: int
    false_column: int
    false_star: int
    false_adjacent: int
    false_other: int

    @property
    def pixels_missed(self):
        """Pixels in which a cosmic ray shows that were not flagged."""
        return self.pixels - self.pixels_found

    @property
    def hits_missed(self):
        """Cosmic rays of which no pixel was flagged."""
        return self.hits - self.hits_found

    @property
    def false_pixels(self):
        """Flagged pixels that no cosmic ray touched."""
        return self.false_hot + self.false_column + self.false_star + self.false_adjacent + self.false_other


def score(truth, crmask):
    """Compare a mask of cosmic rays with the truth.

    Parameters
    ----------
    truth : Simulation
    crmask : (ny, nx) bool ndarray

    Returns
    -------
    Score
    """
    shown = truth.hits > 0
    numbers = np.unique(truth.hits[shown])
    found = np.unique(truth.hits[shown & crmask])
    left = crmask & (truth.cosmic_rays == 0)
    false = []
    beside = _grown(truth.cosmic_rays > 0, 1)
    for near in (_grown(truth.hot, REACH), _grown(truth.column, REACH), _near_stars(truth), beside):
        false.append(int(np.count_nonzero(left & near)))
        left = left & ~near
    return Score(
        int(np.count_nonzero(shown)),
        int(np.count_nonzero(shown & crmask)),
        len(numbers),
        len(found),
        *false,
        int(np.count_nonzero(left)),
    )


#: The hints that are right for what is near, and those that are never wrong where they are true.
_RIGHT = {
    'hot': ('hot pixel', 'negative core'),
    'column': ('bad column or row',),
    'stars': ('star-like', 'saturated'),
}


_NEUTRAL = '', 'at the edge', 'touches a mask'


@dataclass(frozen=True)
class HintScore:
    """How well the hints tell what is no cosmic ray.

    Attributes
    ----------
    false, false_right : int
        Segments that hold no cosmic ray but lie at a hot pixel, the bad column or in a star; those with a right hint.
    cosmic_rays, cosmic_rays_wrong : int
        Segments that hold a cosmic ray, and those of them with the hint of something else.
    """

    false: int
    false_right: int
    cosmic_rays: int
    cosmic_rays_wrong: int


def score_hints(truth, segments):
    """Compare the hints of segments with the truth.

    Parameters
    ----------
    truth : Simulation
    segments : Segments
        With hints.

    Returns
    -------
    HintScore
    """
    hint = np.asarray(segments.table['hint'])
    near = {'hot': _grown(truth.hot, REACH), 'column': _grown(truth.column, REACH), 'stars': _near_stars(truth)}
    right, false = np.zeros(len(hint), dtype=bool), np.zeros(len(hint), dtype=bool)
    for kind, where in near.items():
        there = _touched(segments, where)
        false |= there
        right |= there & np.isin(hint, _RIGHT[kind])
    real = _touched(segments, truth.hits > 0)
    false &= ~real
    wrong = real & ~np.isin(hint, _NEUTRAL)
    return HintScore(*(int(np.count_nonzero(some)) for some in (false, false & right, real, wrong)))


def _touched(segments, where):
    """Return which segments have a pixel there, by their labels."""
    return np.bincount(segments.pixel_labels, where.ravel()[segments.pixels], len(segments) + 1)[1:] > 0


def _grown(mask, reach):
    """Return the mask with all pixels of the squares that reach so far around its own."""
    for axis in (0, 1):
        around = [(reach, reach) if side == axis else (0, 0) for side in (0, 1)]
        mask = np.lib.stride_tricks.sliding_window_view(np.pad(mask, around), 2 * reach + 1, axis=axis).any(axis=-1)
    return mask


def _near_stars(truth, radius=2.0 * FWHM):
    near = np.zeros(truth.hot.shape, dtype=bool)
    reach = int(np.ceil(radius))
    for x, y in truth.stars.iterrows('x_0', 'y_0'):
        low_y, low_x = max(0, round(y) - reach), max(0, round(x) - reach)
        box = np.s_[low_y : round(y) + reach + 1, low_x : round(x) + reach + 1]
        rows, columns = np.indices(near[box].shape)
        near[box] |= np.hypot(rows + low_y - y, columns + low_x - x) <= radius
    return near
