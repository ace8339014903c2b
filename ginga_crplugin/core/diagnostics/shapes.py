"""Size, shape and signal of segments, measured on their pixels only."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.segments import Segments, cleaned_values

if TYPE_CHECKING:
    from ginga_crplugin.core.lacosmic.detection import Detection

__all__ = ['SegmentPixels', 'extract_windows', 'is_extended', 'measure_shapes', 'reduce_windows']

#: Minimum variance along each axis (pix2): that of a uniformly filled pixel, as in photutils.
PIXEL_VARIANCE = 1.0 / 12.0
#: Minimum fraction of the peak of a star in each of the four neighbors.
EXTENDED = 0.05


@dataclass(frozen=True, eq=False)
class SegmentPixels:
    """The flagged pixels in the order of their segments.

    Attributes
    ----------
    pixels : (n,) int64 ndarray
        Flat indices, sorted by label.
    starts : (k,) int64 ndarray
        Index in ``pixels`` of the first pixel of each segment.
    values : (n,) float ndarray
        Pixel values, including the sky (electron).
    excess : (n,) float ndarray
        Pixel values above the cleaned frame (electron).
    shape : (int, int)
        Shape (ny, nx) of the frame.
    """

    pixels: np.ndarray
    starts: np.ndarray
    values: np.ndarray
    excess: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def from_segments(cls, frame: Frame, detection: 'Detection', segments: Segments) -> 'SegmentPixels':
        """Sort the pixels of segments by label and read their values. Pixels in tails are left out.

        Parameters
        ----------
        frame : Frame
            The frame.
        detection : Detection
            The detection with the cleaned frame.
        segments : Segments
            Segments of the flagged pixels.

        Returns
        -------
        SegmentPixels
            The sorted pixels.
        """
        pixels, labels = segments.pixels[~segments.in_tail], segments.pixel_labels[~segments.in_tail]
        order = np.argsort(labels, kind='stable')
        pixels = pixels[order]
        starts = np.flatnonzero(np.diff(labels[order], prepend=0))
        params = detection.params
        values = (frame.filled.ravel()[pixels].astype(float) + params.pssl) * params.gain
        cleaned = (cleaned_values(frame, detection, pixels) + params.pssl) * params.gain
        excess = np.where(np.isfinite(cleaned), values - cleaned, 0.0)
        return cls(pixels, starts, values, excess, frame.shape)

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Number of pixels of each segment."""
        return np.diff(np.append(self.starts, len(self.pixels)))

    @cached_property
    def peaks(self) -> np.ndarray:
        """Index in ``pixels`` of the brightest pixel of each segment."""
        highest = np.repeat(self.reduce(np.maximum, self.values), self.sizes)
        indices = np.flatnonzero(self.values == highest)
        owners = np.repeat(np.arange(len(self)), self.sizes)[indices]
        return indices[np.unique(owners, return_index=True)[1]]

    def reduce(self, ufunc: np.ufunc, values: np.ndarray) -> np.ndarray:
        """Reduce values of the pixels to one value for each segment.

        Parameters
        ----------
        ufunc : `numpy.ufunc`
            The function to reduce with, such as `numpy.add`.
        values : (n,) ndarray
            One value for each pixel.

        Returns
        -------
        (k,) ndarray
            One value for each segment.
        """
        return ufunc.reduceat(values, self.starts) if len(self) else np.zeros(0, values.dtype)

    def any(self, flags: np.ndarray) -> np.ndarray:
        """Test for each segment whether a flag is set in any of its pixels.

        Parameters
        ----------
        flags : (n,) bool ndarray
            One flag for each pixel.

        Returns
        -------
        (k,) bool ndarray
            One flag for each segment.
        """
        return self.reduce(np.logical_or, flags)


def measure_shapes(segments: SegmentPixels, params: LACosmicParams) -> dict[str, Any]:
    """Measure the shape and the signal of every segment.

    Shapes are computed from second moments of the excess, as defined by `~photutils.segmentation.SourceCatalog`.

    Parameters
    ----------
    segments : SegmentPixels
        Pixels of the segments.
    params : LACosmicParams
        Parameters of the detection; the read noise is used.

    Returns
    -------
    dict
        Columns with one value for each segment. ``snr``: excess of the brightest pixel over its noise; ``width``: full
        width at half maximum along the minor axis (pix); ``elongation``: ratio of major and minor axis;
        ``orientation``: angle of the major axis from x towards y, -90 to 90 (deg).
    """
    weight = np.maximum(segments.excess, 0.0)
    empty = segments.reduce(np.add, weight) <= 0.0  # marked by hand without any signal
    weight[np.repeat(empty, segments.sizes)] = 1.0
    y, x = np.divmod(segments.pixels, segments.shape[1])
    total = segments.reduce(np.add, weight)

    def mean(values: np.ndarray) -> np.ndarray:
        return segments.reduce(np.add, weight * values) / total

    x = x - np.repeat(mean(x), segments.sizes)
    y = y - np.repeat(mean(y), segments.sizes)
    xx, yy, xy = mean(x * x), mean(y * y), mean(x * y)
    middle, half_range = (xx + yy) / 2.0, np.hypot((xx - yy) / 2.0, xy)
    variances = middle - half_range, middle + half_range
    minor, major = (np.sqrt(np.maximum(variance, PIXEL_VARIANCE)) for variance in variances)
    angle = np.where(middle + half_range > PIXEL_VARIANCE, np.arctan2(2.0 * xy, xx - yy) / 2.0, 0.0)
    peaks = segments.peaks
    background = segments.values[peaks] - segments.excess[peaks]
    noise = np.maximum(np.sqrt(np.maximum(background, 0.0) + params.readnoise**2), 1e-6)
    return {
        'snr': segments.excess[peaks] / noise,
        'width': 2.0 * np.sqrt(2.0 * np.log(2.0)) * minor * u.pix,
        'elongation': major / minor,
        'orientation': np.rad2deg(angle) * u.deg,
    }


def extract_windows(image: np.ndarray, indices: np.ndarray, radius: int) -> np.ndarray:
    """Extract square windows around pixels; beyond the edges the outermost pixels are repeated.

    Parameters
    ----------
    image : (ny, nx) ndarray
        The image.
    indices : (n,) int64 ndarray
        Flat indices of the central pixels.
    radius : int
        Number of pixels on each side of the central one.

    Returns
    -------
    (n, 2 radius + 1, 2 radius + 1) ndarray
        The windows.
    """
    ny, nx = image.shape
    steps = np.arange(-radius, radius + 1)
    y, x = np.divmod(indices, nx)
    y = np.clip(y[:, None] + steps, 0, ny - 1)
    x = np.clip(x[:, None] + steps, 0, nx - 1)
    return image.ravel()[(y * nx)[:, :, None] + x[:, None, :]]


def reduce_windows(ufunc: np.ufunc, image: np.ndarray, indices: np.ndarray, radius: int) -> np.ndarray:
    """Reduce the windows around pixels to one value each.

    The result is that of ``ufunc.reduce`` of the windows that `extract_windows` returns, several times faster.

    Parameters
    ----------
    ufunc : `numpy.ufunc`
        The function to reduce with, such as `numpy.maximum`.
    image : (ny, nx) ndarray
        The image.
    indices : (n,) int64 ndarray
        Flat indices of the central pixels.
    radius : int
        Number of pixels on each side of the central one.

    Returns
    -------
    (n,) ndarray
        One value for each window.
    """
    ny, nx = image.shape
    y, x = np.divmod(indices, nx)
    steps = range(-radius, radius + 1)
    rows = [np.clip(y + step, 0, ny - 1) * nx for step in steps]
    columns = [np.clip(x + step, 0, nx - 1) for step in steps]
    values: Iterable[np.ndarray] = (image.take(row + column) for row in rows for column in columns)
    return reduce(ufunc, values)


def is_extended(
    peak: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    below: np.ndarray,
    above: np.ndarray,
    noise: float | np.ndarray,
) -> np.ndarray:
    """Test whether flux extends into all four neighbors of a peak, about equally along both axes.

    A track has no flux on its two sides; even an undersampled star (FWHM 1.6 pixels) has 34 % of its peak there.

    Parameters
    ----------
    peak, left, right, below, above : (n,) float ndarray
        Flux above the level in the peak and in its neighbors.
    noise : float or (n,) ndarray
        Noise in the same unit (rms).

    Returns
    -------
    (n,) bool ndarray
        True for extended peaks.
    """
    least = np.minimum(np.minimum(left, right), np.minimum(below, above))
    horizontal, vertical = left + right, below + above
    extended = least > np.maximum(3.0 * noise, EXTENDED * peak)
    return extended & (horizontal < 3.0 * vertical) & (vertical < 3.0 * horizontal)
