"""Level and scatter of the blank sky, and comparison of a gain with them."""

from dataclasses import dataclass

import numpy as np

from .stats import nanmad_std, nanmedian

__all__ = ['MAX_READNOISE', 'PixelEvidence', 'Tiles', 'choose_tiles', 'cut_tiles', 'measure_pixels']

#: Side of a tile in pixels, and the maximum number of tiles.
TILE_SIZE, MAX_TILES = 32, 256
#: Ratio of measured to highest plausible noise above which a gain is contradicted.
CONTRADICTED = 2.0
#: Highest plausible read noise (electron rms), and the factor by which that of the header may be too small.
MAX_READNOISE, READNOISE_FACTOR = 30.0, 1.5
#: Highest plausible variation of the sensitivity between pixels without a flat field, and the level (electron) up to
#: which it is allowed for.
PIXEL_RESPONSE, MAX_SKY = 0.01, 3e4
#: Highest plausible level of a subtracted sky (electron).
MAX_SUBTRACTED = 3e5

#: First row and first column of each tile, and their side in pixels.
type Tiles = tuple[np.ndarray, np.ndarray, int]


@dataclass(frozen=True, eq=False)
class PixelEvidence:
    """Level and scatter of the blank sky on tiles spread over a frame, in the unit of the frame.

    Attributes
    ----------
    tiles : (n,) ndarray of int, (n,) ndarray of int, int
        First row and first column of each tile with enough good pixels, and the side of a tile in pixels.
    levels : (n,) float ndarray
        Median of each tile.
    scatters : (n,) float ndarray
        Robust standard deviation of each tile from differences of pixels two apart, along rows or columns, whichever
        is smaller. Thus spectral lines do not contribute, and interpolated frames, in which adjacent pixels are
        correlated, give the true scatter.
    """

    tiles: Tiles
    levels: np.ndarray
    scatters: np.ndarray

    @property
    def level(self) -> float:
        """Median level."""
        return float(np.median(self.levels))

    @property
    def scatter(self) -> float:
        """Median scatter."""
        return float(np.nanmedian(self.scatters))

    def is_subtracted(self, pssl: float = 0.0) -> bool:
        """Return whether the level is so near 0 that the sky may have been subtracted.

        Parameters
        ----------
        pssl : float, optional
            Subtracted sky level, added to the level.

        Returns
        -------
        bool
            True if the level is below two scatters.
        """
        return self.level + pssl < 2.0 * self.scatter

    def noise_ratio(self, gain: float, readnoise: float, pssl: float = 0.0) -> float:
        """Return the ratio of the measured noise to the expected one, ``sqrt(level + readnoise**2)``.

        Parameters
        ----------
        gain : float
            Electrons per unit of the frame.
        readnoise : float
            Read noise (electron rms).
        pssl : float, optional
            Subtracted sky level in the unit of the frame.

        Returns
        -------
        float
            The median over the tiles.
        """
        return float(np.nanmedian(self.noise_ratios(gain, readnoise, pssl)))

    def noise_ratios(self, gain: float, readnoise: float, pssl: float = 0.0) -> np.ndarray:
        """Return the ratio of the measured noise to the expected one for each tile.

        Parameters
        ----------
        gain : float
            Electrons per unit of the frame.
        readnoise : float
            Read noise (electron rms).
        pssl : float, optional
            Subtracted sky level in the unit of the frame.

        Returns
        -------
        (n,) float ndarray
            The ratios.
        """
        expected = np.sqrt(np.maximum((self.levels + pssl) * gain, 0.0) + readnoise**2)
        return self.scatters * gain / np.maximum(expected, 1e-6)

    def implied_readnoise(self, gain: float, pssl: float = 0.0) -> float:
        """Return the read noise with which level and scatter agree.

        Its square is ``gain**2 * scatter**2 - gain * level``.

        Parameters
        ----------
        gain : float
            Electrons per unit of the frame.
        pssl : float, optional
            Subtracted sky level in the unit of the frame.

        Returns
        -------
        float
            The read noise (electron rms); NaN if the scatter is less than that of the level alone.
        """
        variance = np.nanmedian((gain * self.scatters) ** 2 - gain * np.maximum(self.levels + pssl, 0.0))
        return float(np.sqrt(variance)) if variance >= 0.0 else np.nan

    def contradicts(self, gain: float, readnoise: float | None = None, pssl: float = 0.0) -> bool:
        """Return whether the noise contradicts a gain.

        It does if in three quarters of the tiles it is more than twice the noise that any camera would have.

        A gain that is too small is never contradicted, since a remaining bias or an average of several exposures
        explains too little noise. Neither is one for which a plausible subtracted sky explains the noise.

        Parameters
        ----------
        gain : float
            Electrons per unit of the frame.
        readnoise : float, optional
            Read noise of the header (electron rms).
        pssl : float, optional
            Subtracted sky level in the unit of the frame.

        Returns
        -------
        bool
            True if the gain cannot be correct.
        """
        if self.is_subtracted(pssl) and (gain * self.scatter) ** 2 < MAX_SUBTRACTED:
            return False
        electrons = np.maximum((self.levels + pssl) * gain, 0.0)
        read = max(MAX_READNOISE, READNOISE_FACTOR * (readnoise or 0.0))
        pattern = PIXEL_RESPONSE * np.minimum(electrons, MAX_SKY)
        ratios = gain * self.scatters / np.sqrt(electrons + read**2 + pattern**2)
        return bool(np.nanquantile(ratios, 0.25) > CONTRADICTED)

    def estimate_gain(self, readnoise: float, pssl: float = 0.0) -> float:
        """Return the gain with which level and scatter agree for a given read noise.

        Parameters
        ----------
        readnoise : float
            Read noise (electron rms).
        pssl : float, optional
            Subtracted sky level in the unit of the frame.

        Returns
        -------
        float
            The gain (electrons per unit of the frame).
        """
        level, variance = max(self.level + pssl, 0.0), max(self.scatter, 1e-9) ** 2
        return float((level + np.sqrt(level**2 + 4.0 * variance * readnoise**2)) / (2.0 * variance))


def measure_pixels(pixels: np.ndarray, bits: np.ndarray) -> PixelEvidence:
    """Measure the level and scatter of the blank sky.

    Parameters
    ----------
    pixels : (ny, nx) ndarray
        The pixels, all finite.
    bits : (ny, nx) ndarray of int
        0 for the pixels to use.

    Returns
    -------
    PixelEvidence
        The measured values. Tiles of one constant value are ignored, unless there are no others.
    """
    tiles = choose_tiles(pixels.shape)
    cut, usable = cut_tiles(pixels, tiles), cut_tiles(bits, tiles) == 0
    constant = (cut == cut[:, :1, :1]).all(axis=(1, 2))
    enough = usable.mean(axis=(1, 2)) > 0.5
    for used in (enough & ~constant, enough, ~constant, np.ones_like(enough)):
        if used.any():
            break
    usable = usable[used] if enough[used].any() else np.ones_like(usable[used])
    values = cut[used].astype(np.float32)
    steps = np.zeros_like(values)
    if (values == np.round(values)).all():  # differences of whole numbers have too few values for a median
        steps = np.random.default_rng(0).random(values.shape, dtype=np.float32) - np.float32(0.5)
    values[~usable] = np.nan
    levels = nanmedian(_flatten(values)).astype(float)
    spread = values + steps
    differences = spread[:, :, 2:] - spread[:, :, :-2], spread[:, 2:] - spread[:, :-2]
    along = [nanmad_std(_flatten(difference)).astype(float) / np.sqrt(2.0) for difference in differences]
    scatters = along[int(np.argmin([np.nanmedian(scatter) for scatter in along]))]
    if steps.any():
        scatters = np.sqrt(np.maximum(scatters**2 - 1.0 / 12.0, 0.0))
    return PixelEvidence((tiles[0][used], tiles[1][used], tiles[2]), levels, scatters)


def cut_tiles(image: np.ndarray, tiles: Tiles) -> np.ndarray:
    """Return the tiles of an image.

    Parameters
    ----------
    image : (ny, nx) ndarray
        The image.
    tiles : (n,) ndarray of int, (n,) ndarray of int, int
        First row and first column of each tile, and the side of a tile in pixels.

    Returns
    -------
    (n, side, side) ndarray
        The tiles.
    """
    y, x, side = tiles
    return np.lib.stride_tricks.sliding_window_view(image, (side, side))[y, x]


def _flatten(tiles: np.ndarray) -> np.ndarray:
    return tiles.reshape(len(tiles), -1)


def choose_tiles(shape: tuple[int, int], side: int = TILE_SIZE) -> Tiles:
    """Return square tiles that are evenly spread over a frame, at most `MAX_TILES` of them.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the frame.
    side : int, optional
        Side of a tile in pixels; a smaller frame has tiles of its shorter side.

    Returns
    -------
    (n,) ndarray of int, (n,) ndarray of int, int
        First row and first column of each tile, which are multiples of the side, and the side of a tile in pixels.
    """
    side = min(side, *shape)
    rows, columns = (np.arange(0, n - side + 1, side) for n in shape)
    y, x = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing='ij'))
    if y.size > MAX_TILES:
        chosen = np.unique(np.linspace(0, y.size - 1, MAX_TILES).astype(int))
        y, x = y[chosen], x[chosen]
    return y, x, side
