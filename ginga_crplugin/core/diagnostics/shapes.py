"""The room of the measurements: size, shape and signal of every segment, from the lists of its pixels."""

from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
from astropy import units as u

__all__ = ['Groups', 'reduced_around', 'shapes', 'spreads', 'windows']

#: Variance of a pixel's width: the least along each axis, as photutils has it.
PIXEL = 1.0 / 12.0
#: Share of its peak that a star leaves in each pixel beside it at least.
SPREAD = 0.05


@dataclass(frozen=True, eq=False)
class Groups:
    """The flagged pixels, segment by segment.

    Attributes
    ----------
    pixels : (n,) int64 ndarray
        Flat indices, those of a segment together, the segments in the order of their labels.
    starts : (k,) int64 ndarray
        Where each segment begins.
    values : (n,) float ndarray
        Electrons in the pixels, sky and all.
    excess : (n,) float ndarray
        Electrons above the cleaned frame.
    shape : tuple of int
    """

    pixels: np.ndarray
    starts: np.ndarray
    values: np.ndarray
    excess: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def of(cls, frame, detection, segments):
        """Sort the pixels of some segments, and look their values up."""
        order = np.argsort(segments.pixel_labels, kind='stable')
        pixels = segments.pixels[order]
        starts = np.flatnonzero(np.diff(segments.pixel_labels[order], prepend=0))
        params = detection.params
        values = (frame.filled.ravel()[pixels].astype(float) + params.pssl) * params.gain
        cleaned = (detection.cleaned.ravel()[pixels].astype(float) + params.pssl) * params.gain
        excess = np.where(np.isfinite(cleaned), values - cleaned, 0.0)
        return cls(pixels, starts, values, excess, frame.shape)

    def __len__(self):
        return len(self.starts)

    @cached_property
    def sizes(self):
        """Pixels in each segment."""
        return np.diff(np.append(self.starts, len(self.pixels)))

    @cached_property
    def peaks(self):
        """Place in the list of the brightest pixel of each segment."""
        highest = np.repeat(self.each(np.maximum, self.values), self.sizes)
        places = np.flatnonzero(self.values == highest)
        owner = np.repeat(np.arange(len(self)), self.sizes)[places]
        return places[np.unique(owner, return_index=True)[1]]

    def each(self, how, values):
        """Reduce values of the pixels to one for each segment."""
        return how.reduceat(values, self.starts) if len(self) else np.zeros(0, values.dtype)

    def any(self, flags):
        """Tell for each segment whether a flag is set in one of its pixels."""
        return self.each(np.logical_or, flags)


def shapes(groups, params):
    """Measure the shape and the signal of every segment.

    Returns
    -------
    dict
        ``snr``: excess of the brightest pixel over its noise; ``width``: full width at half maximum across (pix);
        ``elongation``: length over width; ``orientation``: angle from x towards y, -90 to 90 (deg). The last three
        are from second moments of the excess, as `~photutils.segmentation.SourceCatalog` defines them.
    """
    weight = np.maximum(groups.excess, 0.0)
    dark = groups.each(np.add, weight) <= 0.0  # marked by hand, on nothing
    weight[np.repeat(dark, groups.sizes)] = 1.0
    y, x = np.divmod(groups.pixels, groups.shape[1])
    total = groups.each(np.add, weight)

    def mean(values):
        return groups.each(np.add, weight * values) / total

    x = x - np.repeat(mean(x), groups.sizes)
    y = y - np.repeat(mean(y), groups.sizes)
    xx, yy, xy = mean(x * x), mean(y * y), mean(x * y)
    middle, spread = (xx + yy) / 2.0, np.hypot((xx - yy) / 2.0, xy)
    minor, major = (np.sqrt(np.maximum(variance, PIXEL)) for variance in (middle - spread, middle + spread))
    turned = np.where(middle + spread > PIXEL, np.arctan2(2.0 * xy, xx - yy) / 2.0, 0.0)
    top = groups.peaks
    below = groups.values[top] - groups.excess[top]
    noise = np.maximum(np.sqrt(np.maximum(below, 0.0) + params.readnoise**2), 1e-6)
    return {
        'snr': groups.excess[top] / noise,
        'width': 2.0 * np.sqrt(2.0 * np.log(2.0)) * minor * u.pix,
        'elongation': major / minor,
        'orientation': np.rad2deg(turned) * u.deg,
    }


def windows(image, places, reach):
    """Return what is around places, (n, 2 reach + 1, 2 reach + 1); beyond the edge the outermost pixels again.

    Parameters
    ----------
    image : (ny, nx) ndarray
    places : (n,) int64 ndarray
        Flat indices.
    reach : int
    """
    ny, nx = image.shape
    steps = np.arange(-reach, reach + 1)
    y, x = np.divmod(places, nx)
    y = np.clip(y[:, None] + steps, 0, ny - 1)
    x = np.clip(x[:, None] + steps, 0, nx - 1)
    return image.ravel()[(y * nx)[:, :, None] + x[:, None, :]]


def reduced_around(how, image, places, reach):
    """Reduce what is around places to one value each, as ``how.reduce`` of their `windows`, several times faster.

    Parameters
    ----------
    how : `numpy.ufunc`
    image, places, reach
        As for `windows`.

    Returns
    -------
    (n,) ndarray
    """
    ny, nx = image.shape
    y, x = np.divmod(places, nx)
    steps = range(-reach, reach + 1)
    rows = [np.clip(y + step, 0, ny - 1) * nx for step in steps]
    columns = [np.clip(x + step, 0, nx - 1) for step in steps]
    return reduce(how, (image.take(row + column) for row in rows for column in columns))


def spreads(peak, left, right, below, above, noise):
    """Tell whether light spreads from a peak to each of the four pixels beside it, as much on one side as the other.

    A track is dark on both sides; undersampled stars (FWHM 1.6) still leave 34 % of their peak there.

    Parameters
    ----------
    peak, left, right, below, above : (n,) float ndarray
        Light above the level.
    noise : float or (n,) ndarray
        In the same unit.

    Returns
    -------
    (n,) bool ndarray
    """
    least = np.minimum(np.minimum(left, right), np.minimum(below, above))
    across, along = left + right, below + above
    return (least > np.maximum(3.0 * noise, SPREAD * peak)) & (across < 3.0 * along) & (along < 3.0 * across)
