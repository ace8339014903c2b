"""Score of a detection on a simulated frame."""

from dataclasses import dataclass

import numpy as np
from photutils.aperture import CircularAperture
from scipy.ndimage import binary_dilation

from ginga_crplugin.core.segments import Segments

from .simulation import FWHM, Simulation

__all__ = ['HintScore', 'Score', 'score', 'score_hints']

#: Distance in pixels within which a hot pixel or the bad column affects the detection.
INFLUENCE = 3
#: Radius in pixels within which a star affects the detection.
STAR_RADIUS = 2.0 * FWHM
#: The correct hints for false detections, by what they are near, and the hints that are not incorrect for cosmic rays.
_CORRECT = {
    'hot': ('hot pixel', 'negative core'),
    'column': ('bad column or row',),
    'stars': ('star-like', 'saturated'),
}
_NEUTRAL = '', 'at the edge', 'touches a mask'


@dataclass(frozen=True)
class Score:
    """Numbers of correct, missed and false detections.

    Attributes
    ----------
    pixels, pixels_found : int
        Number of pixels with a significant signal of a cosmic ray, and of those that were flagged.
    hits, hits_found : int
        Number of cosmic rays, and of those with at least one flagged pixel.
    false_hot, false_column, false_star, false_adjacent, false_other : int
        Number of flagged pixels without any signal of a cosmic ray: at a hot pixel, at the bad column, in a star, next
        to a cosmic ray, or elsewhere.
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
    def pixels_missed(self) -> int:
        """Number of pixels with a significant signal of a cosmic ray that were not flagged."""
        return self.pixels - self.pixels_found

    @property
    def hits_missed(self) -> int:
        """Number of cosmic rays without any flagged pixel."""
        return self.hits - self.hits_found

    @property
    def false_pixels(self) -> int:
        """Number of flagged pixels without any signal of a cosmic ray."""
        return self.false_hot + self.false_column + self.false_star + self.false_adjacent + self.false_other


def score(truth: Simulation, crmask: np.ndarray) -> Score:
    """Compare a mask of cosmic rays with the truth.

    Parameters
    ----------
    truth : Simulation
        The simulated frame.
    crmask : (ny, nx) bool ndarray
        True where a cosmic ray was detected.

    Returns
    -------
    Score
        Numbers of correct, missed and false detections.
    """
    significant = truth.hits > 0
    hits = np.unique(truth.hits[significant])
    found = np.unique(truth.hits[significant & crmask])
    remaining = crmask & (truth.cosmic_rays == 0)
    false = {}
    regions = _false_regions(truth) | {'adjacent': _grow(truth.cosmic_rays > 0, 1)}
    for cause, region in regions.items():  # a pixel counts for the first cause only
        false[cause] = int(np.count_nonzero(remaining & region))
        remaining = remaining & ~region
    return Score(
        pixels=int(np.count_nonzero(significant)),
        pixels_found=int(np.count_nonzero(significant & crmask)),
        hits=len(hits),
        hits_found=len(found),
        false_hot=false['hot'],
        false_column=false['column'],
        false_star=false['stars'],
        false_adjacent=false['adjacent'],
        false_other=int(np.count_nonzero(remaining)),
    )


@dataclass(frozen=True)
class HintScore:
    """Numbers of correct and incorrect hints.

    Attributes
    ----------
    false, false_right : int
        Number of segments without a cosmic ray at a hot pixel, at the bad column or in a star, and of those with a
        correct hint.
    cosmic_rays, cosmic_rays_wrong : int
        Number of segments with a cosmic ray, and of those with a hint of another cause.
    """

    false: int
    false_right: int
    cosmic_rays: int
    cosmic_rays_wrong: int


def score_hints(truth: Simulation, segments: Segments) -> HintScore:
    """Compare the hints of segments with the truth.

    Parameters
    ----------
    truth : Simulation
        The simulated frame.
    segments : Segments
        Segments with hints.

    Returns
    -------
    HintScore
        Numbers of correct and incorrect hints.
    """
    hint = np.asarray(segments.table['hint'])
    right, false = np.zeros(len(hint), dtype=bool), np.zeros(len(hint), dtype=bool)
    for kind, region in _false_regions(truth).items():
        touched = _touches(segments, region)
        false |= touched
        right |= touched & np.isin(hint, _CORRECT[kind])
    cosmic_ray = _touches(segments, truth.hits > 0)
    false &= ~cosmic_ray
    wrong = cosmic_ray & ~np.isin(hint, _NEUTRAL)
    return HintScore(*(int(np.count_nonzero(flags)) for flags in (false, false & right, cosmic_ray, wrong)))


def _touches(segments: Segments, region: np.ndarray) -> np.ndarray:
    """Return which segments have a pixel in a region, in the order of their labels."""
    return np.bincount(segments.pixel_labels, region.ravel()[segments.pixels], len(segments) + 1)[1:] > 0


def _false_regions(truth: Simulation) -> dict[str, np.ndarray]:
    """Return the regions of false detections, (ny, nx) bool by their cause."""
    return {
        'hot': _grow(truth.hot, INFLUENCE),
        'column': _grow(truth.column, INFLUENCE),
        'stars': _star_region(truth),
    }


def _grow(mask: np.ndarray, radius: int) -> np.ndarray:
    """Grow a mask by a number of pixels in all directions, diagonals included."""
    return binary_dilation(mask, np.ones((3, 3)), iterations=radius)


def _star_region(truth: Simulation) -> np.ndarray:
    """Return the pixels within `STAR_RADIUS` of a star."""
    region = np.zeros(truth.hot.shape, dtype=bool)
    if len(truth.stars):
        positions = np.transpose([truth.stars['x_0'], truth.stars['y_0']])
        for aperture in CircularAperture(positions, STAR_RADIUS).to_mask(method='center'):
            frame_slices, aperture_slices = aperture.get_overlap_slices(region.shape)
            region[frame_slices] |= aperture.data[aperture_slices] > 0
    return region
