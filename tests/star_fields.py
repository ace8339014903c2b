"""Simulated star fields with tracks of charged particles as thick detectors record them, and their truth."""

from typing import NamedTuple

import numpy as np
from astropy.nddata import CCDData
from scipy.special import erf

from ginga_crplugin import Frame

__all__ = ['StarField', 'star_field']


class StarField(NamedTuple):
    """A frame in adu, the charge of its cosmic rays and the light of its stars (electron), and their positions."""

    frame: Frame
    rays: np.ndarray
    light: np.ndarray
    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray


def _tracks(rng, shape, count, diffusion):
    image = np.zeros(shape)
    for _ in range(count):
        length, angle = min(abs(rng.standard_cauchy()) * 3.0, 40.0), rng.uniform(0.0, 2.0 * np.pi)
        charge = 400.0 * np.hypot(length, 2.0) * rng.lognormal(0.0, 0.4)
        steps = max(int(length * 8), 8)
        along, weight = np.linspace(0.0, length, steps), np.repeat(rng.gamma(2.0, 1.0, steps), 12)
        at = rng.uniform(8, shape[0] - 8), rng.uniform(8, shape[1] - 8)
        y = np.repeat(at[0] + along * np.sin(angle), 12) + rng.normal(0.0, diffusion, steps * 12)
        x = np.repeat(at[1] + along * np.cos(angle), 12) + rng.normal(0.0, diffusion, steps * 12)
        inside = (x >= 0) & (y >= 0) & (x < shape[1]) & (y < shape[0])
        np.add.at(image, (y[inside].astype(int), x[inside].astype(int)), (weight * charge / weight.sum())[inside])
    return image


def _stars(rng, shape, count, fwhm, brightest):
    sigma, radius = fwhm / 2.3548, int(np.ceil(2.2 * fwhm + 2))
    flux = (300.0**-0.5 + rng.random(count) * (brightest**-0.5 - 300.0**-0.5)) ** -2.0
    y, x = rng.uniform(0, shape[0] - 1, count), rng.uniform(0, shape[1] - 1, count)
    image = np.zeros(shape)

    def integrals(center, size):
        pixels = np.arange(max(0, int(center) - radius), min(size, int(center) + radius + 1))
        edges = np.append(pixels - 0.5, pixels[-1] + 0.5)
        return pixels, np.diff(0.5 * erf((edges - center) / sigma / np.sqrt(2.0)))

    for star in range(count):
        (rows, down), (columns, across) = integrals(y[star], shape[0]), integrals(x[star], shape[1])
        image[np.ix_(rows, columns)] += flux[star] * np.outer(down, across)
    return image, x, y, flux


def star_field(
    seed,
    shape=(512, 512),
    *,
    fwhm=3.0,
    stars=120,
    rays=60,
    sky=300.0,
    readnoise=8.0,
    gain=1.5,
    diffusion=0.4,
    brightest=2e5,
    cards=None,
    change=lambda adu: adu,
):
    """Return a `StarField`; ``change`` is applied to its pixels in adu."""
    rng = np.random.default_rng(seed)
    charge = _tracks(rng, shape, rays, diffusion)
    light, x, y, flux = _stars(rng, shape, stars, fwhm, brightest)
    electrons = rng.poisson(light + sky) + rng.normal(0.0, readnoise, shape) + rng.poisson(charge)
    header = {'GAIN': gain, 'RDNOISE': readnoise, 'FLATCOR': 'flat.fits'} | (cards or {})
    pixels = np.round(change(electrons / gain)).astype(np.float32)
    return StarField(Frame(CCDData(pixels, unit='adu', header=header)), charge, light, x, y, flux)
