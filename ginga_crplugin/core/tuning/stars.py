"""Stars of a frame, distinguished from cosmic rays by comparing the frame with its cleaned copy."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from ginga_crplugin.core.diagnostics.star_fwhm import find_stars, fit_star_fwhm, measure_star_fwhm
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic.detect import Detector
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.stars.profile import CONSISTENT, HALF_BOX, MAX_STARS, MIN_STARS, NARROW, STRICT, agreed_width
from ginga_crplugin.core.stars.star_list import core_radius
from ginga_crplugin.core.stats import nanmad_std, subsample

if TYPE_CHECKING:
    from ginga_crplugin.core.lacosmic.detection import Detection
    from ginga_crplugin.core.lacosmic.engine import LACosmic

__all__ = ['Scene', 'find_scene']

_SQUARE = np.ones((3, 3), dtype=bool)
#: Significance and minimum number of pixels of a star in the cleaned frame.
_SIGNIFICANT, _MIN_AREA = 4.0, 4
#: Minimum correlation of a source that was partly flagged with the profile of the stars that were not, and of a narrow
#: star that has their width.
_SIMILAR, _NARROW_SIMILAR = 0.9, 0.7
#: Significance of the peaks of stars from which the profile is made, and of narrow stars that are looked for with it.
_BRIGHT, _NARROW_PEAK = 20.0, 12.0


@dataclass(frozen=True, eq=False)
class Scene:
    """Level, noise and stars of a frame.

    Attributes
    ----------
    level, noise : (ny, nx) float32 ndarray
        Local sky and its noise (electron), without stars and cosmic rays.
    scatter : float
        Measured scatter of the pixels without stars and cosmic rays (electron).
    y, x : (n,) int64 ndarray
        Brightest pixel of each star.
    flux : (n,) float64 ndarray
        Flux of the region of each star above the level (electron).
    labels : (ny, nx) int32 ndarray
        The number of the star in each pixel of its region, from 1; 0 elsewhere.
    fwhm : float or None
        Full width at half maximum of the stars in pixels; None if it was not measured, since there are too few stars or
        their widths in the frame and in the cleaned frame disagree.
    profile : (2 * HALF_BOX + 1, 2 * HALF_BOX + 1) float32 ndarray or None
        Median profile of the stars with a peak of 1; None if there are too few.
    detection : Detection
        The detection with which the cleaned frame was made.
    """

    level: np.ndarray
    noise: np.ndarray
    scatter: float
    y: np.ndarray
    x: np.ndarray
    flux: np.ndarray
    labels: np.ndarray
    fwhm: float | None
    profile: np.ndarray | None
    detection: 'Detection'

    @property
    def region(self) -> np.ndarray:
        """(ny, nx) bool ndarray: True for the pixels of stars."""
        return self.labels > 0

    @property
    def core_radius(self) -> float:
        """Distance from the peak in pixels within which a flagged pixel touches a star."""
        return core_radius(self.fwhm)

    @cached_property
    def cores(self) -> np.ndarray:
        """(ny, nx) int32 ndarray: the number of the star within `core_radius` of its peak, from 1; 0 elsewhere."""
        y, x = np.nonzero(self.labels)
        label = self.labels[y, x]
        near = np.hypot(y - self.y[label - 1], x - self.x[label - 1]) <= self.core_radius
        cores = np.zeros_like(self.labels)
        cores[y[near], x[near]] = label[near]
        return cores

    def __len__(self) -> int:
        return len(self.y)


def find_scene(frame: Frame, params: LACosmicParams, engine: 'LACosmic | None' = None) -> Scene:
    """Find the stars of a frame, none of which is a cosmic ray.

    Stars are the sources of the cleaned frame. One that was partly flagged must have the profile of those that were
    not, else it is what remained of a cosmic ray; narrow stars that were removed completely are found by this profile.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks.
    params : LACosmicParams
        The parameters; thresholds other than those of the user are taken.
    engine : LACosmic, optional
        An engine for this frame, whose intermediate results are used.

    Returns
    -------
    Scene
        Level, noise and stars.
    """
    strict = replace(params, **STRICT)
    found = Detector(wait=True).detect(frame, strict) if engine is None else engine.detect(strict)
    gain, pssl = params.gain, params.pssl
    raw = ((frame.filled + pssl) * gain).astype(np.float32)
    clean = raw.copy()
    clean.ravel()[found.indices] = (found.values + pssl) * gain
    bad = frame.bits != 0
    level = _local_level(clean, bad)
    if frame.variance is None:
        noise = np.sqrt(np.maximum(level, 0.0) + params.readnoise**2, dtype=np.float32)
    else:
        noise = gain * np.sqrt(np.maximum(frame.variance, 0.0), dtype=np.float32)
    np.maximum(noise, 1e-6, out=noise)
    smooth = ndimage.median_filter(clean - level, 3) / noise
    smooth[bad] = 0.0
    core, count = ndimage.label(smooth > _SIGNIFICANT, _SQUARE)
    small = np.bincount(core.ravel(), minlength=count + 1) < _MIN_AREA
    core[small[core]] = 0
    above = raw - level
    y, x = _peaks(smooth, core > 0)
    y, x, fwhm, profile = _compare(frame, params, (y, x), above, noise, found.crmask)
    labels = _assign(y, x, core)
    flux = np.bincount(labels.ravel(), above.ravel(), minlength=len(y) + 1)[1 : len(y) + 1]
    free = subsample((clean - level)[~(ndimage.binary_dilation(core > 0, _SQUARE, iterations=3) | bad)][None])
    scatter = float(nanmad_std(free)) if free.size else 0.0
    return Scene(level, noise, scatter, y, x, flux, labels, fwhm, profile, found)


def _local_level(image, bad):
    """Return the local level of an image without stars."""
    from photutils.background import Background2D, MedianBackground  # half a second to import

    box = max(4, min(32, *(side // 4 for side in image.shape)))
    options = {'mask': bad, 'exclude_percentile': 80.0, 'filter_size': 3, 'bkg_estimator': MedianBackground()}
    try:
        return Background2D(image, box, **options).background.astype(np.float32)
    except ValueError:  # no box has enough good pixels
        return np.full(image.shape, np.median(image[~bad]) if not bad.all() else 0.0, dtype=np.float32)


def _peaks(smooth, core):
    """Return the pixels that are the highest within 5 x 5."""
    y, x = np.nonzero(core & (smooth == ndimage.maximum_filter(smooth, 5)))
    if not len(y):
        return y, x
    labels, _ = ndimage.label(_image_of(y, x, smooth.shape), _SQUARE)  # plateaus
    first = np.unique(labels[y, x], return_index=True)[1]
    return y[first], x[first]


def _image_of(y, x, shape):
    image = np.zeros(shape, dtype=bool)
    image[y, x] = True
    return image


def _compare(frame, params, places, above, noise, flagged):
    """Return the stars among sources, with width and profile, by comparing frame and cleaned frame."""
    y, x = places
    inside = _is_inside(y, x, above.shape)
    near = ndimage.maximum_filter(flagged, 5)
    good = inside & ~near[y, x] & (above[y, x] > _BRIGHT * noise[y, x]) & (frame.bits[y, x] == 0)
    good &= above[y, x] < 0.9 * params.satlevel
    boxes = _boxes(above, y[good], x[good])
    boxes = boxes[boxes.max(axis=(1, 2)) <= 1.05 * boxes[:, HALF_BOX, HALF_BOX]]
    boxes = boxes[np.argsort(-boxes[:, HALF_BOX, HALF_BOX])][:MAX_STARS]
    scatter, saturation = max(frame.evidence.scatter, 1e-6), params.satlevel / params.gain
    in_raw = measure_star_fwhm(frame, scatter, saturation)
    fwhm = agreed_width(boxes, in_raw)
    narrow = fwhm is not None and fwhm < NARROW
    if narrow:
        boxes = find_stars(frame, scatter, saturation)[:MAX_STARS]
    if len(boxes) < MIN_STARS:
        return y, x, fwhm, None
    profile = np.median(boxes / boxes[:, HALF_BOX, HALF_BOX][:, None, None], axis=0).astype(np.float32)
    if narrow:
        peaks = flagged & (above > _NARROW_PEAK * noise) & (above == ndimage.maximum_filter(above, 3))
        new_y, new_x = np.nonzero(peaks & ~_image_of(y, x, above.shape))
        kept = _is_inside(new_y, new_x, above.shape)
        y, x = np.concatenate([y, new_y[kept]]), np.concatenate([x, new_x[kept]])
    suspect = _is_inside(y, x, above.shape) & near[y, x]
    keep = ~suspect
    similar = _similarity(above, y[suspect], x[suspect], profile)
    keep[suspect] = similar > _SIMILAR
    if narrow:  # their profile depends on where in a pixel the center is; the fitted width does not
        unsure = np.flatnonzero(suspect)[(similar > _NARROW_SIMILAR) & (similar <= _SIMILAR)][:MAX_STARS]
        widths = np.array([fit_star_fwhm(box) for box in _boxes(above, y[unsure], x[unsure])])
        keep[unsure[np.abs(widths / fwhm - 1.0) < 2.0 * CONSISTENT]] = True
    return y[keep], x[keep], fwhm, profile


def _is_inside(y, x, shape):
    """Return which boxes around pixels lie in the frame."""
    return (np.minimum(y, shape[0] - 1 - y) >= HALF_BOX) & (np.minimum(x, shape[1] - 1 - x) >= HALF_BOX)


def _boxes(image, y, x):
    steps = np.arange(-HALF_BOX, HALF_BOX + 1)
    return image[(y[:, None] + steps)[:, :, None], (x[:, None] + steps)[:, None, :]]


def _similarity(image, y, x, profile):
    """Return the best correlation of the sources with a profile, within one pixel of their centers."""
    best = np.zeros(len(y))
    ny, nx = image.shape
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            boxes = _boxes(
                image, (y + dy).clip(HALF_BOX, ny - 1 - HALF_BOX), (x + dx).clip(HALF_BOX, nx - 1 - HALF_BOX)
            )
            norm = np.sqrt((boxes**2).sum(axis=(1, 2)) * (profile**2).sum())
            best = np.maximum(best, (boxes * profile).sum(axis=(1, 2)) / np.maximum(norm, 1e-9))
    return best


def _assign(y, x, core):
    """Return the number of the nearest star for each pixel of its source and the pixels around it."""
    labels = np.zeros(core.shape, dtype=np.int32)
    if not len(y):
        return labels
    kept = np.zeros(int(core.max()) + 1, dtype=bool)
    kept[core[y, x]] = True
    kept[0] = False
    numbers = np.zeros(core.shape, dtype=np.int32)
    numbers[y, x] = np.arange(1, len(y) + 1)
    region = ndimage.binary_dilation(kept[core] | (numbers > 0), _SQUARE)
    nearest = ndimage.distance_transform_edt(numbers == 0, return_distances=False, return_indices=True)
    labels[region] = numbers[tuple(nearest)][region]
    return labels
