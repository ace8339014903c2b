"""Full width at half maximum of the stars."""

import math

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
#: Maximum number of steps of the fit, and the relative improvement of the sum of squares at which it ends.
MAX_STEPS, TOLERANCE = 50, 1e-6


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

    The fit is that of `~photutils.psf.fit_fwhm` with a `~photutils.psf.CircularGaussianPRF`, by the method of
    Levenberg and Marquardt, without its tables, which take most of its time, and without `scipy.optimize`, which takes
    a tenth of a second to import.

    Parameters
    ----------
    star : (BOX, BOX) float ndarray
        Cutout of the star above the local level.

    Returns
    -------
    float
        FWHM in pixels; it is meaningless if the source is not a star.
    """
    found, damping = np.array([star.sum(), BOX // 2, BOX // 2, 3.0]), 1e-3
    with np.errstate(all='ignore'):  # the fit may diverge if the source is not a star; its width is then rejected
        residuals, slopes = _residuals_and_slopes(star, *found)
        for _ in range(MAX_STEPS):
            normal = slopes @ slopes.T
            try:
                step = np.linalg.solve(normal + damping * np.diag(normal.diagonal()), slopes @ residuals)
            except np.linalg.LinAlgError:
                break
            tried = _residuals_and_slopes(star, *(found + step))
            improvement = 1.0 - tried[0] @ tried[0] / (residuals @ residuals)
            if improvement > 0.0:
                found, (residuals, slopes), damping = found + step, tried, damping / 10.0
            else:
                damping *= 10.0
            if 0.0 <= improvement < TOLERANCE:
                break
    return float(abs(found[3]))


def _residuals_and_slopes(
    star: np.ndarray, flux: float, x: float, y: float, fwhm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels of a star without a Gaussian, and the derivatives of this with respect to its parameters."""
    row, row_center, row_width = _pixel_integrals(x, fwhm)
    column, column_center, column_width = _pixel_integrals(y, fwhm)
    columns = np.array([column, column, column_center, column_width, column])
    rows = np.array([row, row_center, row, row, row_width])
    products = (columns[:, :, None] * rows[:, None, :]).reshape(5, -1)
    slopes = products[:4]
    slopes[3] += products[4]
    slopes[1:] *= flux
    return star.ravel() - flux * slopes[0], slopes


def _pixel_integrals(center: float, fwhm: float) -> np.ndarray:
    """Return the integrals of a normalized Gaussian over the pixels of a row of a box, and their derivatives.

    The derivatives are those with respect to the center and to the full width at half maximum.
    """
    scale = 2.0 * math.sqrt(math.log(2.0)) / fwhm
    edges = (np.arange(BOX + 1) - 0.5 - center) * scale
    heights = np.exp(-(edges**2)) / math.sqrt(math.pi)
    values = np.array([[0.5 * math.erf(edge) for edge in edges], -scale * heights, -edges * heights / fwhm])
    return values[:, 1:] - values[:, :-1]
