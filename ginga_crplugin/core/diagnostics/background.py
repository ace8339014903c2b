"""Level and scatter of the blank sky, and frames without their background."""

from dataclasses import dataclass

import numpy as np
from astropy.nddata import CCDData

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.input_mask import InputMask
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.pixel_evidence import cut_tiles

__all__ = ['Sky', 'measure_sky', 'normalized_residual']


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
    residual : float or None
        Median level after subtraction of the background image (electron); None without one.
    """

    level: float
    scatter: float
    expected: float
    ratio: float
    readnoise: float
    residual: float | None = None

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

    Masked and non-finite pixels are ignored. If the frame has a variance image, the expected noise is taken from it. If
    it has a background image, the scatter is that of its deviations from the background in units of their noise.

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
    scatter, usual = gain * evidence.scatter, float(np.median(expected))
    ratio, residual = float(np.nanmedian(gain * evidence.scatters / expected)), None
    if frame.background is not None:
        residual = _level_above(frame.background, frame, params)
        ratio = normalized_residual(frame, params).evidence.scatter
        scatter = ratio * usual
    return Sky(float(np.median(levels)), scatter, usual, ratio, params.readnoise, residual)


def normalized_residual(frame: Frame, params: LACosmicParams) -> Frame:
    """Return a frame without its background, in units of its noise, in which outliers can be found everywhere.

    Parameters
    ----------
    frame : Frame
        The frame.
    params : LACosmicParams
        Gain, read noise and saturation level to use.

    Returns
    -------
    Frame
        The residual, in which saturated pixels are masked; the frame itself if it has no background.
    """
    if frame.background is None:
        return frame
    sky = frame.background.astype(np.float32) * np.float32(params.gain)
    if frame.variance is None:
        level = sky + _level_above(frame.background, frame, params)  # from which L.A.Cosmic computes the noise
        noise = np.sqrt(np.maximum(level, 0.0) + params.readnoise**2)
    else:
        noise = params.gain * np.sqrt(frame.variance.clip(0.0))
    pixels = (frame.filled.astype(np.float32) * np.float32(params.gain) - sky) / np.maximum(noise, 1e-6)
    masks = (
        InputMask('masks', MaskBit.INPUT, frame.bits != 0),
        InputMask('saturated', MaskBit.BAD, frame.saturated(params)),
    )
    return Frame(CCDData(pixels, unit=frame.ccd.unit), frame.name, masks=masks)


def _level_above(background: np.ndarray, frame: Frame, params: LACosmicParams) -> float:
    """Return the median level of a frame without its background (electron)."""
    sky = np.median(cut_tiles(background, frame.evidence.tiles), axis=(1, 2))
    return params.gain * float(np.median(frame.evidence.levels - sky))
