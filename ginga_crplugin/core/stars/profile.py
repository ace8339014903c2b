"""The profile of the stars of a frame."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ginga_crplugin.core.diagnostics.star_fwhm import fit_star_fwhm

__all__ = [
    'CONSISTENT',
    'HALF_BOX',
    'MAX_STARS',
    'MIN_STARS',
    'NARROW',
    'STRICT',
    'StarFit',
    'StarProfile',
    'agreed_width',
    'measure_profile',
]

#: Thresholds with which nearly all cosmic rays are removed before stars are searched.
STRICT: dict[str, Any] = {'sigclip': 4.5, 'objlim': 2.0}
#: Minimum number of stars for a profile, and the maximum.
MIN_STARS, MAX_STARS = 3, 200
#: Half the side of the box of a star, in pixels.
HALF_BOX = 5
#: Width in pixels below which stars may be removed from the cleaned frame.
NARROW = 2.6
#: Relative difference of the widths in the frame and in the cleaned frame up to which they agree; the relative scatter
#: of many widths up to which those in the cleaned frame, or in the frame, are believed alone: that of stars is about
#: 0.02, that of cosmic rays 0.2.
_AGREE, _CONSISTENT_CLEAN, CONSISTENT = 0.25, 0.12, 0.06
#: Number of widths that are fitted, and the range of those that are not rejected.
_WIDTHS, _FITTED = 25, (0.5, 15.0)
#: Distances from the center in pixels between which the profile is linear, radius in which centers are measured, and
#: distance between the centers that are tried.
_STEP, _CENTROID, _SHIFT = 0.25, 2.9, 0.3


def agreed_width(boxes: np.ndarray, in_raw: np.ndarray) -> float | None:
    """Return the width of the stars on which a frame and its cleaned copy agree.

    Parameters
    ----------
    boxes : (n, b, b) float ndarray
        Sources of the cleaned frame that were not flagged, above the level, the brightest first.
    in_raw : (m,) float ndarray
        Widths of stars of the frame, in pixels.

    Returns
    -------
    float or None
        The median width; that of many consistent sources if only one of the two has them. None if they disagree.
    """
    in_clean = np.array([fit_star_fwhm(box) for box in boxes[:: max(1, len(boxes) // _WIDTHS)]])
    in_clean = in_clean[(in_clean > _FITTED[0]) & (in_clean < _FITTED[1])]
    if len(in_clean) >= 2:
        clean = float(np.median(in_clean))
        if len(in_raw) and abs(float(np.median(in_raw)) / clean - 1.0) < _AGREE:
            return clean
        if np.median(np.abs(in_clean / clean - 1.0)) < _CONSISTENT_CLEAN and clean > 2.5 and len(in_clean) >= 10:
            return clean
    if len(in_raw) >= 10:
        width = float(np.median(in_raw))
        if np.median(np.abs(in_raw / width - 1.0)) < CONSISTENT:
            return width
    return None


@dataclass(frozen=True, eq=False)
class StarProfile:
    """Share of the flux of a star in a pixel, by its distance from the center of the star.

    Attributes
    ----------
    radii : (m,) float ndarray
        Distances, in pixels.
    shares : (m,) float ndarray
        Shares of the flux; the pixels of a box together have 1.
    """

    radii: np.ndarray
    shares: np.ndarray

    def at(self, distances: np.ndarray) -> np.ndarray:
        """Return the share of the flux at some distances.

        Parameters
        ----------
        distances : float ndarray
            Distances from the center, in pixels.

        Returns
        -------
        float ndarray
            The shares, 0 beyond the box.
        """
        return np.interp(distances, self.radii, self.shares, right=0.0)

    def fit(self, boxes: np.ndarray, good: np.ndarray, reach: float = 0.9) -> 'StarFit':
        """Fit the centers and fluxes of stars to those of their pixels that are good.

        Parameters
        ----------
        boxes : (n, b, b) float ndarray
            The stars above the level.
        good : (n, b, b) bool ndarray
            True for the pixels to fit.
        reach : float, optional
            Maximum distance of the centers from the middle of the boxes along each axis, in pixels.

        Returns
        -------
        StarFit
            Centers and fluxes.
        """
        steps = np.arange(boxes.shape[1]) - boxes.shape[1] // 2
        weight = good.reshape(len(boxes), -1).astype(float)
        own = boxes.reshape(len(boxes), -1) * weight
        total = (own**2).sum(axis=1)
        left = np.full(len(boxes), np.inf)
        dy, dx, flux = np.zeros((3, len(boxes)))
        shifts = np.linspace(-reach, reach, 2 * round(reach / _SHIFT) + 1)
        for y, x in product(shifts, shifts):
            model = self.at(np.hypot(steps[:, None] - y, steps - x)).ravel()
            overlap = own @ model
            amplitude = np.maximum(overlap / np.maximum(weight @ model**2, 1e-12), 0.0)
            rest = total - amplitude * overlap
            better = rest < left
            left[better], flux[better], dy[better], dx[better] = rest[better], amplitude[better], y, x
        distance = np.hypot(steps[:, None] - dy[:, None, None], steps - dx[:, None, None])
        return StarFit(dy, dx, flux, flux[:, None, None] * self.at(distance))


@dataclass(frozen=True, eq=False)
class StarFit:
    """The profile fitted to stars.

    Attributes
    ----------
    dy, dx : (n,) float64 ndarray
        Position of the centers with respect to the middle of the box, in pixels.
    flux : (n,) float64 ndarray
        The fluxes; 0 or more.
    model : (n, b, b) float64 ndarray
        The fitted pixels.
    """

    dy: np.ndarray
    dx: np.ndarray
    flux: np.ndarray
    model: np.ndarray


def measure_profile(boxes: np.ndarray) -> StarProfile:
    """Measure the profile of stars that nothing disturbs.

    Parameters
    ----------
    boxes : (n, b, b) float ndarray
        The stars above any level, each with its peak in the middle; at least one.

    Returns
    -------
    StarProfile
        The medians of the stars at each distance, up to half the side of the boxes.
    """
    half = boxes.shape[1] // 2
    steps = np.arange(-half, half + 1)
    distance = np.hypot(steps[:, None], steps)
    inside = distance <= half
    boxes = boxes - np.median(boxes[:, inside & (distance > half - 1)], axis=1)[:, None, None]
    weight = np.maximum(boxes, 0.0) * (distance <= _CENTROID)
    sums = np.maximum(weight.sum(axis=(1, 2)), 1e-9)
    y, x = (weight * steps[:, None]).sum(axis=(1, 2)) / sums, (weight * steps).sum(axis=(1, 2)) / sums
    distance = np.hypot(steps[:, None] - y[:, None, None], steps - x[:, None, None])
    share = boxes / np.maximum((boxes * inside).sum(axis=(1, 2)), 1e-9)[:, None, None]
    number = np.round(distance / _STEP).astype(int)
    members = {k: share[number == k] for k in range(round(half / _STEP) + 1)}
    shares = {k: max(float(np.median(values)), 0.0) for k, values in members.items() if values.size}
    return StarProfile(_STEP * np.array(list(shares)), np.array(list(shares.values())))
