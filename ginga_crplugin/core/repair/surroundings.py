"""The good pixels around the pixels of cosmic rays."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ginga_crplugin.core.bits import DQ_DTYPE, MaskBit
from ginga_crplugin.core.stats import CHUNK_SIZE, nanmad_std, nanmedian, subsample

if TYPE_CHECKING:
    from ginga_crplugin.core.frame import Frame
    from ginga_crplugin.core.params import LACosmicParams

__all__ = ['Surroundings', 'square']

_BAD = DQ_DTYPE(MaskBit.before_run() | MaskBit.SATURATED)

#: Half the widths in pixels of the squares in which good pixels are looked for, one after the other.
_RADII = (2, 3, 5, 8)

#: Minimum number of good pixels in such a square.
_MIN_GOOD = 8


def square(radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the offsets of the pixels in a square around a pixel.

    Parameters
    ----------
    radius : int
        Half the width of the square, without its center.

    Returns
    -------
    dy, dx : (n,) int ndarray
        The offsets.
    """
    dy, dx = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return dy.ravel(), dx.ravel()


class Surroundings:
    """The good pixels around flagged pixels: not flagged, not masked before the run, not saturated.

    Parameters
    ----------
    frame : Frame
        The frame.
    params : LACosmicParams
        The parameters of the run, for the saturation level.
    flagged : (n,) int64 ndarray
        Flat indices of the flagged pixels.
    """

    def __init__(self, frame: 'Frame', params: 'LACosmicParams', flagged: np.ndarray) -> None:
        self.shape = frame.shape
        self._image, self._bits = frame.filled.ravel(), frame.bits.ravel()
        self._flagged = np.zeros(self._image.size, dtype=bool)
        self._flagged[flagged] = True
        self._saturation = params.satlevel / params.gain - params.pssl

    def values(self, pixels: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> np.ndarray:
        """Return the good pixels at some offsets from each of some pixels.

        Parameters
        ----------
        pixels : (n,) int64 ndarray
            Flat indices.
        dy, dx : (k,) int ndarray
            The offsets.

        Returns
        -------
        (n, k) float64 ndarray
            The pixels; NaN for those that are not good, or outside the frame.
        """
        places, inside = self.places(pixels, dy, dx)
        values = self._image[places].astype(float)
        bad = ~inside | self._flagged[places] | (self._bits[places] & _BAD != 0) | (values >= self._saturation)
        values[bad] = np.nan
        return values

    def places(self, pixels: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixels at some offsets from each of some pixels.

        Parameters
        ----------
        pixels : (n,) int64 ndarray
            Flat indices.
        dy, dx : (k,) int ndarray
            The offsets.

        Returns
        -------
        places : (n, k) int64 ndarray
            Flat indices; where outside the frame, those of the nearest pixels in it.
        inside : (n, k) bool ndarray
            Whether they are inside the frame.
        """
        ny, nx = self.shape
        y, x = np.divmod(pixels[:, None], nx)
        y, x = y + dy, x + dx
        inside = (y >= 0) & (y < ny) & (x >= 0) & (x < nx)
        return y.clip(0, ny - 1) * nx + x.clip(0, nx - 1), inside

    def median(self, pixels: np.ndarray, other: np.ndarray | None = None) -> np.ndarray:
        """Return the medians of the good pixels in the smallest square around each pixel that has enough of them.

        Parameters
        ----------
        pixels : (n,) int64 ndarray
            Flat indices.
        other : (ny, nx) ndarray, optional
            An image that is subtracted; its non-finite pixels are not used.

        Returns
        -------
        (n,) float64 ndarray
            The medians; where there are no good pixels near, the median of the frame.
        """
        return self._widened(pixels, nanmedian, other)

    def scatter(self, pixels: np.ndarray) -> np.ndarray:
        """Return the robust standard deviations of the same pixels.

        Parameters
        ----------
        pixels : (n,) int64 ndarray
            Flat indices.

        Returns
        -------
        (n,) float64 ndarray
            The standard deviations (from the median absolute deviation), in the unit of the frame.
        """
        return self._widened(pixels, nanmad_std)

    def _widened(
        self, pixels: np.ndarray, reduce: Callable[[np.ndarray], np.ndarray], other: np.ndarray | None = None
    ) -> np.ndarray:
        """Reduce the good pixels in the smallest square around each pixel that has enough of them."""
        result = np.full(len(pixels), np.nan)
        left = np.arange(len(pixels))
        for radius in _RADII:
            dy, dx = square(radius)
            step, some = max(1, CHUNK_SIZE // len(dy)), radius == _RADII[-1]
            missing = []
            for begin in range(0, len(left), step):
                part = left[begin : begin + step]
                values = self.values(pixels[part], dy, dx)
                if other is not None:
                    values -= other.ravel()[self.places(pixels[part], dy, dx)[0]]
                    values[~np.isfinite(values)] = np.nan
                enough = np.count_nonzero(~np.isnan(values), axis=1) >= (1 if some else _MIN_GOOD)
                result[part[enough]] = reduce(values[enough])
                missing.append(part[~enough])
            left = np.concatenate(missing) if missing else left
        if len(left):
            image = self._image if other is None else self._image - other.ravel()
            values = subsample(image.reshape(self.shape))
            result[left] = reduce(values[np.isfinite(values)][None])[0] if np.isfinite(values).any() else 0.0
        return result
