"""The room of the stars: how wide their images are."""

import warnings
from itertools import pairwise

import numpy as np
from astropy.utils.exceptions import AstropyWarning
from photutils.detection import DAOStarFinder
from photutils.psf import fit_fwhm

from .outliers import level_map

__all__ = ['star_widths']

#: Side in pixels of the parts of the frame that are searched, and how many of them at most.
PART, PARTS = 512, 8
#: Stars that are measured, and side of the box for one.
ENOUGH, BOX = 15, 11
#: Peak in scatters from which a star is bright enough.
BRIGHT = 30.0


def star_widths(frame, scatter, saturation):
    """Measure the full width at half maximum of some bright stars.

    Parameters
    ----------
    frame : Frame
    scatter : float
        Robust scatter of the blank sky, in the frame's unit.
    saturation : float
        Level from which pixels are saturated, in the frame's unit.

    Returns
    -------
    (n,) float ndarray
        FWHM in pixels, by photutils: stars from `~photutils.detection.DAOStarFinder` that are not saturated, masked,
        nor as sharp as a hot pixel or a cosmic ray, fitted by `~photutils.psf.fit_fwhm`.
    """
    widths = []
    for part in _parts(frame.shape):
        pixels = frame.filled[part].astype(float)
        bad = frame.bits[part] != 0
        level = float(np.median(level_map(pixels, frame.bits[part])))
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', AstropyWarning)  # that there is no star, or one that can't be fitted
            widths += _widths(pixels - level, bad, scatter, saturation - level, ENOUGH - len(widths))
        if len(widths) >= ENOUGH:
            break
    return np.array(widths)


def _parts(shape):
    """Yield parts of the frame, the middle first."""
    sizes = [max(1, n // PART) for n in shape]
    cuts = [np.linspace(0, n, size + 1).astype(int) for n, size in zip(shape, sizes, strict=True)]
    parts = [np.s_[y0:y1, x0:x1] for y0, y1 in pairwise(cuts[0]) for x0, x1 in pairwise(cuts[1])]
    middle = [n / 2 for n in shape]
    parts.sort(key=lambda part: sum(abs((s.start + s.stop) / 2 - m) for s, m in zip(part, middle, strict=True)))
    return parts[:PARTS]


def _widths(pixels, bad, scatter, saturation, wanted):
    pixels[bad] = 0.0
    finder = DAOStarFinder(
        0.5 * BRIGHT * scatter, 2.0, sharpness_range=None, roundness_range=(-1.0, 1.0), exclude_border=True,
        scale_threshold=False,
    )  # fmt: skip
    found = finder(pixels)
    if found is None:
        return []
    found.sort('peak', reverse=True)
    half = BOX // 2
    widths = []
    for x, y in zip(np.round(found['x_centroid']).astype(int), np.round(found['y_centroid']).astype(int), strict=True):
        box = np.s_[y - half : y + half + 1, x - half : x + half + 1]
        if min(x, y) < half or pixels[box].shape != (BOX, BOX) or bad[box].any():
            continue
        if _is_star(pixels[box], scatter, saturation):
            widths.append(float(fit_fwhm(pixels[box], xypos=[(half, half)], fit_shape=BOX)[0]))
        if len(widths) >= wanted:
            break
    return [width for width in widths if 0.5 < width < BOX]


def _is_star(box, scatter, saturation):
    """Tell whether a bright source spreads into all four pixels beside its peak, as light does, and is alone."""
    half = BOX // 2
    peak = box[half, half]
    around = np.array([box[half, half - 1], box[half, half + 1], box[half - 1, half], box[half + 1, half]])
    inner = np.s_[half - 1 : half + 2, half - 1 : half + 2]
    rest = box.copy()
    rest[half - 3 : half + 4, half - 3 : half + 4] = 0.0
    return (
        BRIGHT * scatter < peak < saturation
        and box[inner].max() == peak
        and around.min() > max(0.05 * peak, 3.0 * scatter)
        and rest.max() < 0.6 * peak
    )
