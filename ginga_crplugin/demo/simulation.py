"""Simulation of a frame with stars, hot pixels, a bad column and cosmic rays."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.table import QTable, vstack
from astropy.wcs import WCS
from photutils.datasets import make_model_image
from photutils.psf import MoffatPSF

__all__ = ['Simulation', 'simulate']

GAIN = 1.5  # electron/adu
READNOISE = 10.0  # electron rms
SKY = 200.0  # electron
FWHM = 2.8  # pix
SHARP_FWHM = 1.5  # pix
BETA = 4.765  # exponent of the Moffat profile of a star
SATURATION = 60000.0  # adu
#: Minimum signal in electrons of a pixel to count as part of a cosmic ray: three times the noise of the sky.
SIGNIFICANT = 3.0 * float(np.hypot(np.sqrt(SKY), READNOISE))


@dataclass(frozen=True, eq=False)
class Simulation:
    """A simulated frame and the truth about it; bias and dark are subtracted, the sky is not.

    Attributes
    ----------
    ccd : `~astropy.nddata.CCDData`
        (ny, nx) float32 pixels in adu, with header and WCS.
    dark : `~astropy.nddata.CCDData`
        The combined dark of the same exposure, (ny, nx) float32 in adu.
    cosmic_rays : (ny, nx) float32 ndarray
        Signal of the cosmic rays (electron).
    hits : (ny, nx) int32 ndarray
        Label of the cosmic ray in each pixel, from 1; 0 if there is none or its signal is below `SIGNIFICANT`.
    hot, column : (ny, nx) bool ndarray
        Hot pixels, and the bad column as masked by `ccdproc.ccdmask`.
    stars : `~astropy.table.QTable`
        Columns ``x_0``, ``y_0`` (0-based pixels), ``flux`` (electron) and ``sharp``: True for stars so narrow that
        L.A.Cosmic flags their cores.
    """

    ccd: CCDData
    dark: CCDData
    cosmic_rays: np.ndarray
    hits: np.ndarray
    hot: np.ndarray
    column: np.ndarray
    stars: QTable


def simulate(
    shape: tuple[int, int] = (1024, 1024), seed: int = 1, *, fwhm: float = FWHM, sharp_stars: int = 20
) -> Simulation:
    """Simulate a frame of stars, sky and noise with hot pixels, a bad column and cosmic rays.

    Parameters
    ----------
    shape : (int, int), optional
        Shape (ny, nx) of the frame.
    seed : int, optional
        Seed of the random numbers; the same seed gives the same frame.
    fwhm : float, optional
        Full width at half maximum of the stars (pix).
    sharp_stars : int, optional
        Number of sharp stars for each 1024 x 1024 pixels.

    Returns
    -------
    Simulation
        The frame and the truth about it.
    """
    rng = np.random.default_rng(seed)
    area = shape[0] * shape[1] / 1024**2
    stars = _make_stars(rng, shape, round(120 * area), 2.8, 6.2)
    electrons = _expose(rng, shape, stars, fwhm)
    cosmic_rays, hits = _make_cosmic_rays(rng, shape, round(140 * area), round(8 * area))
    electrons += cosmic_rays
    sharp = _add_sharp_stars(np.random.default_rng([seed, 1]), shape, round(sharp_stars * area), electrons)
    dark, hot = _make_dark(rng, shape, round(400 * area))
    # the temperature of the sensor differs slightly from that of the darks
    electrons[hot] += GAIN * dark[hot] * rng.normal(0.0, 0.3, np.count_nonzero(hot))
    column = np.zeros(shape, dtype=bool)
    column[shape[0] // 4 :, shape[1] // 3] = True
    electrons[column] += rng.normal(1500.0, 200.0, np.count_nonzero(column))
    header = _make_header(shape)
    adu = np.minimum(electrons / GAIN, 65535.0).astype(np.float32)
    return Simulation(
        CCDData(adu, unit='adu', header=header, wcs=WCS(header)),
        CCDData(dark, unit='adu'),
        cosmic_rays,
        hits,
        hot,
        column,
        vstack([stars, sharp]),
    )


def _make_stars(
    rng: np.random.Generator, shape: tuple[int, int], count: int, faintest: float, brightest: float
) -> QTable:
    """Return stars at random positions; the limits are logarithms of the flux in electrons."""
    table = QTable()
    table['x_0'] = rng.uniform(0, shape[1] - 1, count)
    table['y_0'] = rng.uniform(0, shape[0] - 1, count)
    table['flux'] = 10 ** rng.uniform(faintest, brightest, count)
    table['sharp'] = np.zeros(count, dtype=bool)
    return table


def _star_image(shape: tuple[int, int], stars: QTable, fwhm: float) -> np.ndarray:
    """Return the signal of stars in electrons, without noise."""
    star = MoffatPSF(alpha=fwhm / (2.0 * np.sqrt(2.0 ** (1.0 / BETA) - 1.0)), beta=BETA)
    return make_model_image(shape, star, stars, model_shape=(41, 41)) if len(stars) else np.zeros(shape)


def _expose(rng: np.random.Generator, shape: tuple[int, int], stars: QTable, fwhm: float) -> np.ndarray:
    """Return stars and sky with their noise, in electrons."""
    return rng.poisson(_star_image(shape, stars, fwhm) + SKY) + rng.normal(0.0, READNOISE, shape)


def _add_sharp_stars(rng: np.random.Generator, shape: tuple[int, int], count: int, electrons: np.ndarray) -> QTable:
    """Add stars as narrow as those of an undersampled frame; L.A.Cosmic flags their cores."""
    stars = _make_stars(rng, shape, count, 3.8, 4.8)
    stars['sharp'] = True
    electrons += rng.poisson(_star_image(shape, stars, SHARP_FWHM))
    return stars


def _make_cosmic_rays(
    rng: np.random.Generator, shape: tuple[int, int], short: int, muons: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the electrons of short tracks and of long muon tracks, and the label of the track in each pixel."""
    electrons = np.zeros(shape, dtype=np.float32)
    hits = np.zeros(shape, dtype=np.int32)
    lengths = np.concatenate([1.0 + rng.exponential(4.0, short), rng.uniform(40.0, 200.0, muons)])
    # electrons per pixel of track length: a muon leaves about 80 per micron of silicon
    charges = np.concatenate([10 ** rng.uniform(2.0, 4.3, short), rng.normal(1100.0, 150.0, muons)])
    for label, (length, charge) in enumerate(zip(lengths, charges, strict=True), start=1):
        track = _make_track(rng, shape, length, charge)
        electrons += track
        hits[track >= SIGNIFICANT] = label
    return electrons, hits


def _make_track(rng: np.random.Generator, shape: tuple[int, int], length: float, charge: float) -> np.ndarray:
    """Return the electrons of one straight track, with ``charge`` electrons per pixel of its length."""
    step = 0.05
    angle = rng.uniform(0.0, np.pi)
    distances = np.arange(0.0, length, step)
    x = np.floor(rng.uniform(0, shape[1]) + distances * np.cos(angle)).astype(int)
    y = np.floor(rng.uniform(0, shape[0]) + distances * np.sin(angle)).astype(int)
    inside = (x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])
    electrons = np.zeros(shape, dtype=np.float32)
    np.add.at(electrons, (y[inside], x[inside]), charge * step)
    touched = np.nonzero(electrons)
    electrons[touched] *= rng.lognormal(0.0, 0.25, touched[0].size)
    return electrons


def _make_dark(rng: np.random.Generator, shape: tuple[int, int], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a combined dark in adu, and the mask of its hot pixels."""
    dark = rng.normal(5.0, 1.0, shape).astype(np.float32)
    hot = np.zeros(shape, dtype=bool)
    hot.flat[rng.choice(hot.size, count, replace=False)] = True
    dark[hot] += (10 ** rng.uniform(1.8, 4.0, count)).astype(np.float32)
    return dark, hot


def _make_header(shape: tuple[int, int]) -> fits.Header:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ['RA---TAN', 'DEC--TAN']
    wcs.wcs.crpix = [shape[1] / 2 + 0.5, shape[0] / 2 + 0.5]
    wcs.wcs.crval = [314.27, 31.66]
    wcs.wcs.cdelt = [-0.56 / 3600.0, 0.56 / 3600.0]
    header = wcs.to_header()
    header['OBJECT'] = ('simulated', 'stars, sky, hot pixels, cosmic rays')
    header['EXPTIME'] = (600.0, '[s] exposure time')
    header['GAIN'] = (GAIN, '[electron/adu]')
    header['RDNOISE'] = (READNOISE, '[electron] read noise')
    header['SATURATE'] = (SATURATION, '[adu] saturation level')
    return header
