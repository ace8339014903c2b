"""Injection of cosmic rays into a copy of a frame, with the truth about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from astropy.nddata import CCDData

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.pixel_evidence import cut_tiles

from .rays import Ray

__all__ = ['SIGNIFICANT', 'Injection', 'blank_frame', 'inject_rays']

#: Charge in units of the noise from which a pixel belongs to the truth.
SIGNIFICANT = 3.0
#: Distance in pixels that is kept between injected rays and from blocked pixels, and number of attempts per ray.
_MARGIN, _ATTEMPTS = 3, 50


@dataclass(frozen=True, eq=False)
class Injection:
    """A copy of a frame with injected cosmic rays.

    Attributes
    ----------
    frame : Frame
        The copy, with the masks and companion images of the original.
    pixels : (n,) int64 ndarray
        Flat indices of the pixels with at least `SIGNIFICANT` times the noise of injected charge, sorted by ray.
    rays : (n,) int32 ndarray
        The number of the ray of each of them, from 0.
    electrons : (n,) float32 ndarray
        Their injected charge.
    touched : (m,) int64 ndarray
        Flat indices of all pixels that were changed.
    count : int
        Number of rays with a significant pixel.
    """

    frame: Frame
    pixels: np.ndarray
    rays: np.ndarray
    electrons: np.ndarray
    touched: np.ndarray
    count: int

    @cached_property
    def labels(self) -> np.ndarray:
        """(ny, nx) int32 ndarray: the number of the ray in each pixel of the truth, from 1; 0 elsewhere."""
        labels = np.zeros(self.frame.shape, dtype=np.int32)
        labels.ravel()[self.pixels] = self.rays + 1
        return labels


def inject_rays(
    frame: Frame,
    params: LACosmicParams,
    rays: Sequence[Ray],
    rng: np.random.Generator,
    blocked: np.ndarray | None = None,
    margin: int = 0,
) -> Injection:
    """Inject cosmic rays into a copy of a frame at random positions.

    The charge has Poisson noise. Rays are not injected over masked pixels or over each other; pixels outside the frame
    are lost. Rays for which there is no room are left out.

    Parameters
    ----------
    frame : Frame
        The frame, which is not changed.
    params : LACosmicParams
        The gain, read noise and subtracted sky.
    rays : sequence of Ray
        The rays.
    rng : `numpy.random.Generator`
        Random numbers.
    blocked : (ny, nx) bool ndarray, optional
        More pixels where no ray is injected, such as those already flagged.
    margin : int, optional
        Number of outermost pixels of the frame without injected rays.

    Returns
    -------
    Injection
        The copy and the truth.
    """
    ny, nx = frame.shape
    taken = frame.bits != 0
    if blocked is not None:
        taken |= blocked
    if margin:
        taken[:margin] = taken[-margin:] = True
        taken[:, :margin] = taken[:, -margin:] = True
    data = frame.filled.astype(np.result_type(frame.filled.dtype, np.float32))
    flat, noise = data.ravel(), _noise(frame, params)
    added, truth = [], []
    for ray in rays:
        place = _free_place(ray, taken, rng)
        if place is None:
            continue
        y, x = place
        inside = (y >= 0) & (y < ny) & (x >= 0) & (x < nx)
        pixels, electrons = (y * nx + x)[inside], ray.electrons[inside]
        significant = electrons >= SIGNIFICANT * noise
        taken[max(y.min() - _MARGIN, 0) : y.max() + _MARGIN + 1, max(x.min() - _MARGIN, 0) : x.max() + _MARGIN + 1] = (
            True
        )
        flat[pixels] += (rng.poisson(np.maximum(electrons, 0.0)) / params.gain).astype(data.dtype)
        added.append(pixels)
        if significant.any():
            truth.append((pixels[significant], electrons[significant]))
    copy = frame.replace(ccd=CCDData(data, unit=frame.ccd.unit, header=frame.ccd.header, wcs=frame.ccd.wcs))
    numbers = [np.full(len(pixels), k, dtype=np.int32) for k, (pixels, _) in enumerate(truth)]
    return Injection(
        copy,
        _joined([pixels for pixels, _ in truth], np.int64),
        _joined(numbers, np.int32),
        _joined([electrons for _, electrons in truth], np.float32),
        _joined(added, np.int64),
        len(truth),
    )


def blank_frame(
    level: float, params: LACosmicParams, rng: np.random.Generator, side: int = 512, noise: float | None = None
) -> Frame:
    """Make a frame of sky and noise alone, on which every flagged pixel is false.

    Parameters
    ----------
    level : float
        Level of the sky with the subtracted sky (electron).
    params : LACosmicParams
        The gain, read noise and subtracted sky.
    rng : `numpy.random.Generator`
        Random numbers.
    side : int, optional
        Side of the frame in pixels.
    noise : float, optional
        Noise of a pixel (electron rms), if it is not that of the level and the read noise.

    Returns
    -------
    Frame
        A square frame in the unit for which the gain is.
    """
    shape = side, side
    if noise is None:
        electrons = rng.poisson(max(level, 0.0), shape) + rng.normal(0.0, params.readnoise, shape)
    else:
        electrons = rng.normal(level, noise, shape)
    return Frame((electrons / params.gain - params.pssl).astype(np.float32), 'noise')


def _noise(frame, params):
    """Return the noise of the blank sky that L.A.Cosmic expects (electron)."""
    if frame.variance is not None:
        return params.gain * float(np.sqrt(np.median(cut_tiles(frame.variance, frame.evidence.tiles)).clip(0.0)))
    level = (frame.evidence.level + params.pssl) * params.gain
    return float(np.sqrt(max(level, 0.0) + params.readnoise**2))


def _free_place(ray, taken, rng):
    """Return the pixels of a ray at a free place; None if none was found."""
    (ny, nx), (height, width) = taken.shape, ray.shape
    for _ in range(_ATTEMPTS):
        y = ray.y + rng.integers(-(height // 2), max(ny - height // 2, 1 - height // 2))
        x = ray.x + rng.integers(-(width // 2), max(nx - width // 2, 1 - width // 2))
        if not taken[y.clip(0, ny - 1), x.clip(0, nx - 1)].any():
            return y, x
    return None


def _joined(parts, dtype):
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)
