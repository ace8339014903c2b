"""Search for the stars of a frame, none of which is a cosmic ray."""

from dataclasses import replace

import numpy as np
from astropy.nddata import CCDData

from ginga_crplugin.core.diagnostics.frame_kind import find_frame_kind
from ginga_crplugin.core.diagnostics.outliers import find_deviant_pixels
from ginga_crplugin.core.diagnostics.star_fwhm import find_stars, measure_star_fwhm
from ginga_crplugin.core.flat_indices import locate
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic.detect import Detector
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.stats import row_slices

from .profile import (
    HALF_BOX,
    MAX_STARS,
    MIN_STARS,
    NARROW,
    STRICT,
    StarFit,
    StarProfile,
    agreed_width,
    measure_profile,
)
from .star_list import StarList, core_radius

__all__ = ['find_star_list', 'local_maxima']

#: Significance of the median of 3 x 3 pixels at the peak of a star, of the peaks of stars from which the profile is
#: made, and of peaks of sources that were removed with the cosmic rays; width up to which stars are.
_SIGNIFICANT, _BRIGHT, _REMOVED_PEAK, _REMOVED_WIDTH = 4.0, 20.0, 12.0, 4.0
#: How a star that was partly flagged differs from the profile at most: in units of its noise, and shares of the sum of
#: its squares in all pixels, and in those that were not flagged.
_NOISE, _SIMILAR, _BESIDE = 2.0, 0.045, 0.04
#: Of a star that a cosmic ray hit, the minimum share of pixels that were not flagged; if the stars are narrow, the
#: minimum share of the flux in these, times the width; the share of the flux that may be missing in the others; and the
#: significance of its peak.
_MIN_GOOD, _MIN_SEEN, _MAX_MISSING, _PEAK = 0.4, 0.85, 0.2, 8.0
#: The outermost pixels of a box around a peak.
_BORDER = np.pad(np.zeros((2 * HALF_BOX - 1, 2 * HALF_BOX - 1), dtype=bool), 1, constant_values=True)


def find_star_list(frame: Frame, params: LACosmicParams, detector: Detector | None = None) -> StarList:
    """Find the stars of a frame, whose peaks stand 10 times the scatter of the sky above it.

    Cosmic rays are removed with strict thresholds, and the peaks that remain are stars. One that was partly flagged
    must have the profile of those that were not, in all its pixels or, if a cosmic ray hit it, in those that were not
    flagged. Narrow stars that were removed with the cosmic rays are found by this profile. The time depends on the
    number of pixels above the sky.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks.
    params : LACosmicParams
        Gain, read noise and saturation level; the thresholds are not used.
    detector : Detector, optional
        The detector that searched the frame before, which then takes less time.

    Returns
    -------
    StarList
        The stars; without any if the frame is no image of stars.
    """
    kind = find_frame_kind(frame)
    if not kind.is_image:
        return StarList.empty(frame.shape, f'the frame is a {kind.name}')
    return _Search(frame, params, detector or Detector(wait=True)).run()


class _Search:
    """Search for the stars of one frame, in the unit of the frame."""

    def __init__(self, frame: Frame, params: LACosmicParams, detector: Detector) -> None:
        self._original, self._params, self._detector = frame, params, detector
        if frame.background is not None:
            ccd = CCDData(frame.filled - frame.background, unit=frame.ccd.unit, header=frame.ccd.header)
            frame = Frame(ccd, frame.name, masks=frame.masks)
        self._frame = frame
        self._scatter = max(frame.evidence.scatter, 1e-6)
        self._saturation = params.satlevel / params.gain
        self._deviant = find_deviant_pixels(frame, self._scatter)
        above = self._deviant.height > 0.0
        self._pixels, self._height = self._deviant.indices[above], self._deviant.height[above]

    def run(self) -> StarList:
        """Find the stars."""
        shape = self._frame.shape
        if not len(self._pixels):
            return StarList.empty(shape)
        strict = replace(self._params, **STRICT)
        try:
            self._found = self._detector.detect(self._original, strict)
        except ValueError:  # as the run itself reports
            return StarList.empty(shape, 'no pixels can be searched')
        peaks = self._peaks()
        fwhm, profile = self._measure_profile(peaks)
        if fwhm is None or profile is None:
            y, x = np.divmod(peaks, shape[1])
            return StarList(shape, y.astype(float), x.astype(float), np.full(len(peaks), np.nan), fwhm)
        return self._measured(self._with_removed(peaks) if fwhm < _REMOVED_WIDTH else peaks, fwhm, profile)

    def _clean(self, pixels: np.ndarray) -> np.ndarray:
        """Return pixels of the cleaned frame."""
        values = self._frame.filled.ravel()[pixels].astype(np.float32)
        place, flagged = locate(self._found.indices, pixels)
        values[flagged] = self._found.values[place[flagged]]
        if self._original.background is not None:
            values[flagged] -= self._original.background.ravel()[pixels[flagged]]
        return values

    def _level(self, peaks: np.ndarray) -> np.ndarray:
        """Return the level of the sky at pixels above it."""
        return self._frame.filled.ravel()[peaks] - self._height[locate(self._pixels, peaks)[0]]

    def _peaks(self) -> np.ndarray:
        """Return the peaks of the cleaned frame."""
        (ny, nx), pixels = self._frame.shape, self._pixels
        around = np.array([-nx - 1, -nx, -nx + 1, -1, 0, 1, nx - 1, nx, nx + 1])
        values = self._clean(pixels[:, None] + around) - self._level(pixels)[:, None]
        smooth = values.mean(axis=1)
        values.sort(axis=1)
        high = values[:, 4] > _SIGNIFICANT * self._scatter
        pixels, smooth = pixels[high], smooth[high]
        first = local_maxima(pixels, smooth, (ny, nx), 2)
        pixels, smooth = pixels[first], smooth[first]
        around = np.median(self._boxes(pixels)[0][:, _BORDER], axis=1)
        noise = np.sqrt(self._scatter**2 + np.maximum(smooth, 0.0) / self._params.gain)
        return pixels[smooth - around > _SIGNIFICANT * noise]

    def _boxes(self, peaks: np.ndarray, half: int = HALF_BOX) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixels around peaks above the level, and whether they were flagged; repeated beyond the edges."""
        ny, nx = self._frame.shape
        steps = np.arange(-half, half + 1)
        y, x = np.divmod(peaks, nx)
        rows, columns = np.clip(y[:, None] + steps, 0, ny - 1), np.clip(x[:, None] + steps, 0, nx - 1)
        pixels = rows[:, :, None] * nx + columns[:, None, :]
        values = self._frame.filled.ravel()[pixels] - self._level(peaks)[:, None, None]
        return values, locate(self._found.indices, pixels)[1]

    def _is_inside(self, peaks: np.ndarray, half: int = HALF_BOX) -> np.ndarray:
        ny, nx = self._frame.shape
        y, x = np.divmod(peaks, nx)
        return (np.minimum(y, ny - 1 - y) >= half) & (np.minimum(x, nx - 1 - x) >= half)

    def _measure_profile(self, peaks: np.ndarray) -> tuple[float | None, StarProfile | None]:
        """Return the width and the profile of the stars; None if there are too few."""
        boxes, flagged = self._boxes(peaks)
        top = boxes[:, HALF_BOX, HALF_BOX]
        good = self._is_inside(peaks) & ~flagged[:, 3:-3, 3:-3].any(axis=(1, 2)) & (top > _BRIGHT * self._scatter)
        good &= (self._frame.filled.ravel()[peaks] < 0.9 * self._saturation) & (boxes.max(axis=(1, 2)) <= 1.05 * top)
        chosen = peaks[good][np.argsort(-top[good])][:MAX_STARS]
        boxes = self._boxes(chosen)[0]
        raw = measure_star_fwhm(self._frame, self._scatter, self._saturation, self._deviant)
        fwhm = agreed_width(boxes, raw)
        if fwhm is not None and fwhm < NARROW:
            boxes = find_stars(self._frame, self._scatter, self._saturation, self._deviant)[:MAX_STARS]
        elif fwhm is not None:
            half = max(HALF_BOX, int(np.ceil(1.5 * fwhm)))
            boxes, flagged = self._boxes(chosen[self._is_inside(chosen, half)], half)
            boxes = boxes[~flagged.any(axis=(1, 2))]
        return fwhm, None if fwhm is None or len(boxes) < MIN_STARS else measure_profile(boxes)

    def _with_removed(self, peaks: np.ndarray) -> np.ndarray:
        """Return peaks with those of narrow sources that were removed with the cosmic rays."""
        removed = locate(self._found.indices, self._pixels)[1] & (self._height > _REMOVED_PEAK * self._scatter)
        removed &= local_maxima(self._pixels, self._height, self._frame.shape, 1)
        return np.union1d(peaks, self._pixels[removed & self._is_inside(self._pixels)])

    def _measured(self, peaks: np.ndarray, fwhm: float, profile: StarProfile) -> StarList:
        """Return the list of the peaks that are stars, with centers and fluxes."""
        half = int(np.ceil(max(2.5, core_radius(fwhm)))) + 1
        values, flagged = self._boxes(peaks, half)
        steps = np.arange(-half, half + 1)
        near = np.broadcast_to(np.hypot(steps[:, None], steps) <= half - 1, values.shape)
        good, hidden = near & ~flagged, near & flagged
        whole, beside = profile.fit(values, near), profile.fit(values, good)
        suspect = flagged[:, half - 2 : half + 3, half - 2 : half + 3].any(axis=(1, 2))
        similar = self._agrees(values, whole, near, _SIMILAR)
        missing = np.where(hidden, beside.model - values, 0.0).clip(0.0)  # a cosmic ray only adds charge
        hit = self._agrees(values, beside, good, _SIMILAR if fwhm < NARROW else _BESIDE)
        hit &= good.sum(axis=(1, 2)) >= _MIN_GOOD * near.sum(axis=(1, 2))
        hit &= _sum(missing, hidden) <= _MAX_MISSING * _sum(beside.model, hidden)
        hit &= beside.flux * profile.at(np.zeros(1)) > _PEAK * self._scatter
        if fwhm < NARROW:
            hit &= _sum(beside.model, good) >= _MIN_SEEN / fwhm * _sum(beside.model, near)
        parts = (whole.dy, whole.dx, whole.flux), (beside.dy, beside.dx, beside.flux)
        dy, dx, flux = (np.where(suspect & ~similar, *pair) for pair in zip(*reversed(parts), strict=True))
        stars = np.flatnonzero(~suspect | similar | hit)
        stars = stars[local_maxima(peaks[stars], flux[stars], self._frame.shape, round(core_radius(fwhm)))]
        y, x = np.divmod(peaks, self._frame.shape[1])
        y, x, flux = (y + dy)[stars], (x + dx)[stars], flux[stars] * self._params.gain
        return StarList(self._frame.shape, y, x, flux, fwhm, profile)

    def _agrees(self, values: np.ndarray, fit: StarFit, good: np.ndarray, tolerance: float) -> np.ndarray:
        """Return which sources have the fitted profile."""
        variance = self._scatter**2 + np.maximum(fit.model, 0.0) / self._params.gain
        return _sum((values - fit.model) ** 2, good) <= _NOISE * _sum(variance, good) + tolerance * _sum(
            values**2, good
        )


def _sum(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.sum(values, axis=(1, 2), where=where)


def local_maxima(pixels: np.ndarray, values: np.ndarray, shape: tuple[int, int], radius: int) -> np.ndarray:
    """Return which of some pixels have the highest value of those in a square around them.

    Parameters
    ----------
    pixels : (n,) int64 ndarray
        Flat indices, sorted.
    values : (n,) float ndarray
        Their values.
    shape : tuple of int
        (ny, nx) of the frame.
    radius : int
        Half the width of the square, without its center.

    Returns
    -------
    (n,) bool ndarray
        True for the highest; of equal ones, for the first.
    """
    nx = shape[1]
    highest = np.zeros(len(pixels), dtype=bool)
    steps = [(dy, dx) for dy in range(-radius, radius + 1) for dx in range(-radius, radius + 1)]
    for rows in row_slices(shape):
        start, stop = np.searchsorted(pixels, (rows.start * nx, rows.stop * nx))
        if start == stop:
            continue
        low, high = np.searchsorted(pixels, ((rows.start - radius) * nx, (rows.stop + radius) * nx))
        image = np.full((rows.stop - rows.start + 2 * radius, nx + 2 * radius), -np.inf, dtype=np.float32)
        y, x = np.divmod(pixels[low:high], nx)
        image[y - rows.start + radius, x + radius] = values[low:high]
        y, x = np.divmod(pixels[start:stop], nx)
        y, x, own = y - rows.start + radius, x + radius, values[start:stop].astype(np.float32)
        first = np.ones(stop - start, dtype=bool)
        for dy, dx in steps:
            other = image[y + dy, x + dx]
            first &= (other < own) if (dy, dx) < (0, 0) else (other <= own)
        highest[start:stop] = first
    return highest
