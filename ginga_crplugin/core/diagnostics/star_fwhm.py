"""Full width at half maximum of the stars."""

import math
from itertools import pairwise

import numpy as np

from ginga_crplugin.core.frame import Frame

from .outliers import DeviantPixels, find_deviant_pixels
from .shapes import extract_windows, is_extended

__all__ = ['BOX', 'MAX_STARS', 'find_stars', 'fit_star_fwhm', 'measure_star_fwhm']

#: Maximum number of stars that are fitted, maximum number of candidates, and side in pixels of the box of a star.
MAX_STARS, MAX_CANDIDATES, BOX = 15, 2000, 11
#: Minimum peak of a star in scatters of the sky, and minimum height of the peak above the mean of its four neighbors;
#: anything lower is noise on a bright background.
MIN_PEAK, MIN_CONTRAST = 30.0, 3.0


def measure_star_fwhm(
    frame: Frame,
    scatter: float,
    saturation: float,
    deviant: DeviantPixels | None = None,
    excluded: np.ndarray | None = None,
) -> np.ndarray:
    """Measure the full width at half maximum of bright stars.

    Up to `MAX_STARS` stars are evenly chosen from the brighter half, since the brightest ones may be saturated where
    the saturation level is not known.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks.
    scatter : float
        Robust scatter of the blank sky, in the unit of the frame.
    saturation : float
        Saturation level, in the unit of the frame.
    deviant : DeviantPixels, optional
        The result of `find_deviant_pixels`, if already known.
    excluded : (ny, nx) bool ndarray, optional
        True for pixels that are no centers of stars, such as those of cosmic rays.

    Returns
    -------
    (n,) float ndarray
        FWHM in pixels, as measured by `~photutils.psf.fit_fwhm`.
    """
    stars = find_stars(frame, scatter, saturation, deviant, excluded)
    brighter = stars[: max(MAX_STARS, len(stars) // 2)]
    widths = np.array([fit_star_fwhm(star) for star in _choose_evenly(brighter, MAX_STARS)])
    return widths[(widths > 0.5) & (widths < BOX)]


def find_stars(
    frame: Frame,
    scatter: float,
    saturation: float,
    deviant: DeviantPixels | None = None,
    excluded: np.ndarray | None = None,
) -> np.ndarray:
    """Find bright isolated stars that are neither saturated nor masked.

    Hot pixels and cosmic rays are rejected by their sharpness.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks.
    scatter : float
        Robust scatter of the blank sky, in the unit of the frame.
    saturation : float
        Saturation level, in the unit of the frame.
    deviant : DeviantPixels, optional
        The result of `find_deviant_pixels`, if already known.
    excluded : (ny, nx) bool ndarray, optional
        True for pixels that are no centers of stars, such as those of cosmic rays.

    Returns
    -------
    (n, BOX, BOX) float ndarray
        Cutouts of the stars above the local level, the brightest first.
    """
    deviant = deviant or find_deviant_pixels(frame, scatter)
    half, (ny, nx) = BOX // 2, frame.shape
    right, left, above, below = deviant.neighbors
    height, highest = deviant.height, np.maximum.reduce(deviant.neighbors)
    star = (height > MIN_PEAK * scatter) & is_extended(height, left, right, below, above, scatter)
    star &= (height >= highest) & (height - np.sum(deviant.neighbors, axis=0) / 4.0 > MIN_CONTRAST * scatter)
    star &= frame.filled.ravel()[deviant.indices] < saturation
    if excluded is not None:
        star &= ~excluded.ravel()[deviant.indices]
    y, x = np.divmod(deviant.indices, nx)
    star &= (np.minimum(x, nx - 1 - x) >= half) & (np.minimum(y, ny - 1 - y) >= half)
    candidates = np.flatnonzero(star)
    candidates = _choose_evenly(candidates[np.argsort(-height[candidates])], MAX_CANDIDATES)
    indices, height = deviant.indices[candidates], height[candidates]
    boxes = extract_windows(frame.filled, indices, half) - (frame.filled.ravel()[indices] - height)[:, None, None]
    peaked = boxes[:, half - 1 : half + 2, half - 1 : half + 2].max(axis=(1, 2)) == boxes[:, half, half]
    outside = boxes.copy()
    outside[:, half - 3 : half + 4, half - 3 : half + 4] = 0.0
    isolated = outside.max(axis=(1, 2)) < 0.6 * height
    return boxes[peaked & isolated & ~extract_windows(frame.bits, indices, half).any(axis=(1, 2))]


def _choose_evenly(items: np.ndarray, count: int) -> np.ndarray:
    """Return ``count`` evenly spaced items, or all if there are fewer."""
    return items[np.linspace(0, len(items) - 1, min(count, len(items))).astype(int)]


def fit_star_fwhm(star: np.ndarray) -> float:
    """Fit the full width at half maximum of one star.

    The fit is that of `~photutils.psf.fit_fwhm` with a `~photutils.psf.CircularGaussianPRF`, without its tables, which
    take most of its time.

    Parameters
    ----------
    star : (BOX, BOX) float ndarray
        Cutout of the star above the local level.

    Returns
    -------
    float
        FWHM in pixels.
    """
    from scipy.optimize import leastsq  # takes a tenth of a second to import, and many frames have no stars

    def residuals(guess: np.ndarray) -> np.ndarray:
        flux, x, y, fwhm = guess
        return (flux * (_pixel_integrals(y, fwhm)[:, None] * _pixel_integrals(x, fwhm)) - star).ravel()

    start = star.sum(), BOX // 2, BOX // 2, 3.0
    with np.errstate(all='ignore'):  # the fit may diverge if the source is not a star; its width is then rejected
        found, *_ = leastsq(residuals, start, xtol=1e-4, ftol=1e-4, maxfev=200, full_output=True)
    return float(abs(found[3]))


def _pixel_integrals(center: float, fwhm: float) -> np.ndarray:
    """Return the integrals of a normalized Gaussian over the pixels of a row of a box."""
    scale = 2.0 * math.sqrt(math.log(2.0)) / fwhm if fwhm else math.inf
    edges = [0.5 * math.erf((edge - 0.5 - center) * scale) for edge in range(BOX + 1)]
    return np.array([after - before for before, after in pairwise(edges)])
