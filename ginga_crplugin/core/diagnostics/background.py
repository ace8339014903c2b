"""Level and scatter of the blank sky."""

from dataclasses import dataclass

import numpy as np

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.stats import nanmad_std, nanmedian

__all__ = ['Sky', 'measure_sky']

#: Side of a tile in pixels, and the maximum number of tiles.
TILE_SIZE, MAX_TILES = 32, 256

#: First row and first column of each tile, and their side in pixels.
type _Tiles = tuple[np.ndarray, np.ndarray, int]


@dataclass(frozen=True)
class Sky:
    """Level and scatter of the blank sky of a frame.

    Attributes
    ----------
    level : float
        Median level of the tiles, with the subtracted sky ``pssl`` added back (electron).
    scatter : float
        Robust standard deviation from differences of pixels two apart (electron rms), along rows or columns, whichever
        is smaller. Thus spectral lines do not contribute, and interpolated frames, in which adjacent pixels are
        correlated, give the true scatter.
    expected : float
        Noise that L.A.Cosmic expects: the square root of the level plus the squared read noise, or of the variance
        image if there is one (electron rms).
    ratio : float
        ``scatter / expected``, the median over the tiles. It is within 2 % of 1 if gain, read noise and level are
        correct.
    readnoise : float
        Read noise of the parameters (electron rms).
    """

    level: float
    scatter: float
    expected: float
    ratio: float
    readnoise: float

    @property
    def implied_level(self) -> float:
        """Sky level implied by the scatter (electron); negative if the read noise alone exceeds the scatter."""
        return self.scatter**2 - self.readnoise**2

    @property
    def excess_level(self) -> float:
        """Difference between the level and the one implied by the scatter (electron)."""
        return self.level - self.implied_level

    @property
    def scale_factor(self) -> float:
        """Factor f for the pixels with which level and scatter agree: f**2 scatter**2 = f level + readnoise**2.

        It is 1.5 for a frame in ADU with a gain of 1.5 that is treated as electrons, and the inverse if the gain was
        applied twice.
        """
        level, variance = max(self.level, 0.0), max(self.scatter, 1e-9) ** 2
        return float((level + np.sqrt(level**2 + 4.0 * variance * self.readnoise**2)) / (2.0 * variance))

    @property
    def implied_readnoise(self) -> float:
        """Read noise with which level and scatter agree (electron rms); 0 if there is none."""
        return float(np.sqrt(max(self.scatter**2 - max(self.level, 0.0), 0.0)))


def measure_sky(frame: Frame, params: LACosmicParams) -> Sky:
    """Measure the level and scatter of the blank sky on tiles spread over the frame.

    Masked and non-finite pixels are ignored. If the frame has a variance image, the expected noise is taken from it.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks.
    params : LACosmicParams
        Gain, read noise and subtracted sky to use.

    Returns
    -------
    Sky
        The measured values, in electrons.
    """
    tiles = _choose_tiles(frame.shape)
    pixels, good = _cut(frame.filled, tiles).astype(np.float32), _cut(frame.bits, tiles) == 0
    used = good.mean(axis=(1, 2)) > 0.5
    if not used.any():
        used[:] = good[:] = True
    pixels[~good] = np.nan
    pixels = (pixels[used] + params.pssl) * params.gain
    levels = nanmedian(_flatten(pixels)).astype(float)
    if frame.variance is None:
        expected = np.sqrt(np.maximum(levels, 0.0) + params.readnoise**2)
    else:
        expected = params.gain * np.sqrt(nanmedian(_flatten(_cut(frame.variance, tiles)[used])).clip(0.0))
    expected = np.maximum(expected, 1e-6)
    differences = pixels[:, :, 2:] - pixels[:, :, :-2], pixels[:, 2:] - pixels[:, :-2]
    noises = [nanmad_std(_flatten(difference)).astype(float) / np.sqrt(2.0) for difference in differences]
    ratios = [np.nanmedian(noise / expected) for noise in noises]
    axis = int(np.argmin(ratios))
    return Sky(
        float(np.median(levels)),
        float(np.nanmedian(noises[axis])),
        float(np.median(expected)),
        float(ratios[axis]),
        params.readnoise,
    )


def _flatten(tiles: np.ndarray) -> np.ndarray:
    return tiles.reshape(len(tiles), -1)


def _choose_tiles(shape: tuple[int, int]) -> _Tiles:
    """Return tiles that are evenly spread over a frame."""
    side = min(TILE_SIZE, *shape)
    rows, columns = (np.arange(0, n - side + 1, side) for n in shape)
    y, x = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing='ij'))
    if y.size > MAX_TILES:
        chosen = np.unique(np.linspace(0, y.size - 1, MAX_TILES).astype(int))
        y, x = y[chosen], x[chosen]
    return y, x, side


def _cut(image: np.ndarray, tiles: _Tiles) -> np.ndarray:
    """Return the tiles of an image, (n, side, side)."""
    y, x, side = tiles
    return np.lib.stride_tricks.sliding_window_view(image, (side, side))[y, x]
