"""The room of the stars: how wide their images are."""

import numpy as np
from photutils.psf import CircularGaussianPRF
from scipy.optimize import leastsq

from .outliers import far_pixels
from .shapes import spreads, windows

__all__ = ['star_widths']

#: Stars that are measured, of how many that are looked at more closely, and side of the box for one.
ENOUGH, LOOKED_AT, BOX = 15, 2000, 11
#: Peak in scatters from which a star is bright enough, and how far it must stand above the mean of the four pixels
#: beside it: what does not is noise on a bright ground.
BRIGHT, PEAKED = 30.0, 3.0

_MODEL = CircularGaussianPRF()


def star_widths(frame, scatter, saturation, far=None):
    """Measure the full width at half maximum of some bright stars.

    Parameters
    ----------
    frame : Frame
    scatter : float
        Robust scatter of the blank sky, in the frame's unit.
    saturation : float
        Level from which pixels are saturated, in the frame's unit.
    far : Far, optional
        The pixels far above the level, if they are known.

    Returns
    -------
    (n,) float ndarray
        FWHM in pixels, as `~photutils.psf.fit_fwhm` has it, of stars that are not saturated, masked, beside others, nor
        as sharp as a hot pixel or a cosmic ray; bright and less bright ones alike, for the brightest may be saturated
        where the level is not known.
    """
    stars = _stars(frame, scatter, saturation, far or far_pixels(frame, scatter))
    brighter = stars[: max(ENOUGH, len(stars) // 2)]
    widths = np.array([_width(star) for star in _evenly(brighter, ENOUGH)])
    return widths[(widths > 0.5) & (widths < BOX)]


def _stars(frame, scatter, saturation, far):
    """Return what is around stars, (n, BOX, BOX) above the level, the brightest first."""
    half, (ny, nx) = BOX // 2, frame.shape
    right, left, above, below = far.beside
    star = (far.height > BRIGHT * scatter) & spreads(far.height, left, right, below, above, scatter)
    star &= (far.height >= np.maximum.reduce(far.beside)) & (far.height - sum(far.beside) / 4.0 > PEAKED * scatter)
    star &= frame.filled.ravel()[far.places] < saturation
    y, x = np.divmod(far.places, nx)
    star &= (np.minimum(x, nx - 1 - x) >= half) & (np.minimum(y, ny - 1 - y) >= half)
    star = np.flatnonzero(star)
    star = _evenly(star[np.argsort(-far.height[star])], LOOKED_AT)
    places, height = far.places[star], far.height[star]
    boxes = windows(frame.filled, places, half) - (frame.filled.ravel()[places] - height)[:, None, None]
    top = boxes[:, half - 1 : half + 2, half - 1 : half + 2].max(axis=(1, 2)) == boxes[:, half, half]
    rest = boxes.copy()
    rest[:, half - 3 : half + 4, half - 3 : half + 4] = 0.0
    alone = rest.max(axis=(1, 2)) < 0.6 * height
    return boxes[top & alone & ~windows(frame.bits, places, half).any(axis=(1, 2))]


def _evenly(items, count):
    """Return so many of some items, or all if they are fewer."""
    return items[np.linspace(0, len(items) - 1, min(count, len(items))).astype(int)]


def _width(star):
    """Fit one star as `~photutils.psf.fit_fwhm` does, without its tables, that take most of its time."""
    x = np.arange(BOX)

    def away(guess):
        return (_MODEL.evaluate(x, x[:, None], *guess) - star).ravel()

    start = star.sum(), BOX // 2, BOX // 2, 3.0
    with np.errstate(all='ignore'):  # where the guess is no star; its width is left out
        found, *_ = leastsq(away, start, xtol=1e-4, ftol=1e-4, maxfev=200, full_output=True)
    return abs(found[3])
