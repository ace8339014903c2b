"""The room of the blank sky: its level and scatter, and what these say of bias, sky, gain and read noise."""

from dataclasses import dataclass

import numpy as np

from ginga_crplugin.core.stats import nanmad_std, nanmedian

__all__ = ['Sky', 'measure_sky']

#: Side in pixels of the tiles that are looked at, and how many of them at most, evenly spread.
TILE, TILES = 32, 256


@dataclass(frozen=True)
class Sky:
    """The blank sky of a frame, in electrons.

    Attributes
    ----------
    level : float
        Median of the pixels, with the sky level added back that the parameters give (electron).
    scatter : float
        Robust scatter of pixels two apart (electron rms), along rows or columns, whichever is less: so that the lines
        of a spectrum don't count, nor that interpolation makes next neighbors alike.
    expected : float
        What L.A.Cosmic takes the noise to be: the root of level and read noise squared (electron rms).
    ratio : float
        ``scatter / expected``, the median over tiles; within 2 % of 1 on a frame whose numbers are right.
    readnoise : float
        The read noise that was given (electron rms).
    """

    level: float
    scatter: float
    expected: float
    ratio: float
    readnoise: float

    @property
    def photons(self):
        """The sky that would account for the scatter (electron); negative if the read noise alone is above it."""
        return self.scatter**2 - self.readnoise**2

    @property
    def offset(self):
        """How far the level lies above the sky that would account for the scatter (electron)."""
        return self.level - self.photons

    @property
    def factor(self):
        """The factor on all pixels with which level and scatter agree: the root of f2 scatter2 = f level + readnoise2.

        1.5 for a frame in ADU taken for electrons where the gain is 1.5; its inverse where that was applied twice.
        """
        level, variance = max(self.level, 0.0), max(self.scatter, 1e-9) ** 2
        return (level + np.sqrt(level**2 + 4.0 * variance * self.readnoise**2)) / (2.0 * variance)

    @property
    def readnoise_needed(self):
        """The read noise with which level and scatter would agree (electron rms); 0 if there is none."""
        return float(np.sqrt(max(self.scatter**2 - max(self.level, 0.0), 0.0)))


def measure_sky(frame, params):
    """Measure level and scatter of the blank sky on tiles spread over the frame.

    Pixels that are masked or not finite are left out. With a variance image the expected noise is that image's.

    Parameters
    ----------
    frame : Frame
    params : LACosmicParams

    Returns
    -------
    Sky
    """
    where = _places(frame.shape)
    pixels, good = _cut(frame.filled, where).astype(np.float32), _cut(frame.bits, where) == 0
    used = good.mean(axis=(1, 2)) > 0.5
    if not used.any():
        used[:] = good[:] = True
    pixels[~good] = np.nan
    pixels = (pixels[used] + params.pssl) * params.gain
    levels = nanmedian(_flat(pixels)).astype(float)
    if frame.variance is None:
        expected = np.sqrt(np.maximum(levels, 0.0) + params.readnoise**2)
    else:
        expected = params.gain * np.sqrt(nanmedian(_flat(_cut(frame.variance, where)[used])).clip(0.0))
    expected = np.maximum(expected, 1e-6)
    steps = pixels[:, :, 2:] - pixels[:, :, :-2], pixels[:, 2:] - pixels[:, :-2]
    steps = [nanmad_std(_flat(step)).astype(float) / np.sqrt(2.0) for step in steps]
    ratios = [np.nanmedian(step / expected) for step in steps]
    calm = int(np.argmin(ratios))
    return Sky(
        float(np.median(levels)),
        float(np.nanmedian(steps[calm])),
        float(np.median(expected)),
        float(ratios[calm]),
        params.readnoise,
    )


def _flat(tiles):
    return tiles.reshape(len(tiles), -1)


def _places(shape):
    """Return the first row and column of each tile, and the side of the tiles."""
    side = min(TILE, *shape)
    rows, columns = (np.arange(0, n - side + 1, side) for n in shape)
    y, x = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing='ij'))
    chosen = np.unique(np.linspace(0, y.size - 1, TILES).astype(int)) if y.size > TILES else slice(None)
    return y[chosen], x[chosen], side


def _cut(image, where):
    """Return the tiles of an image, (n, side, side)."""
    y, x, side = where
    return np.lib.stride_tricks.sliding_window_view(image, (side, side))[y, x]
