"""Level and scatter of the blank sky."""

from dataclasses import dataclass

import numpy as np

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.pixel_evidence import cut_tiles

__all__ = ['Sky', 'measure_sky']


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
    evidence, gain = frame.evidence, params.gain
    levels = (evidence.levels + params.pssl) * gain
    if frame.variance is None:
        expected = np.sqrt(np.maximum(levels, 0.0) + params.readnoise**2)
    else:
        variances = cut_tiles(frame.variance, evidence.tiles)
        expected = gain * np.sqrt(np.median(variances, axis=(1, 2)).clip(0.0))
    expected = np.maximum(expected, 1e-6)
    scatters = gain * evidence.scatters
    return Sky(
        float(np.median(levels)),
        float(np.nanmedian(scatters)),
        float(np.median(expected)),
        float(np.nanmedian(scatters / expected)),
        params.readnoise,
    )
