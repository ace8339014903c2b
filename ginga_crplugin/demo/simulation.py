"""The room of the simulation: a frame of stars, hot pixels, a bad column and cosmic rays, with the truth."""

from dataclasses import dataclass

import numpy as np
from astropy.nddata import CCDData
from astropy.table import QTable, vstack
from astropy.wcs import WCS
from photutils.datasets import make_model_image
from photutils.psf import MoffatPSF

__all__ = ['Simulation', 'simulate']

GAIN = 1.5
READNOISE = 10.0
SKY = 200.0
FWHM = 2.8
SHARP_FWHM = 1.5
BETA = 4.765
SATURATION = 60000.0  # adu
#: Electrons from which a pixel of a cosmic ray shows: three times the noise of the sky.
SHOWS = 3.0 * float(np.hypot(np.sqrt(SKY), READNOISE))


@dataclass(frozen=True, eq=False)
class Simulation:
    """A frame, bias and dark taken off, the sky left in, and the truth about it.

    Attributes
    ----------
    ccd : `~astropy.nddata.CCDData`
        (ny, nx) float32 pixels in adu, with header and WCS.
    dark : `~astropy.nddata.CCDData`
        The combined dark of the same exposure, (ny, nx) float32 in adu.
    cosmic_rays : (ny, nx) float32 ndarray
        Electrons that cosmic rays left in each pixel.
    hits : (ny, nx) int32 ndarray
        Number of the cosmic ray that a pixel belongs to, from 1; 0 where there is none, or too faint to show.
    hot, column : (ny, nx) bool ndarray
        Hot pixels, and the bad column as `ccdproc.ccdmask` would mask it.
    stars : `~astropy.table.QTable`
        ``x_0``, ``y_0`` (0-based pixels) and ``flux`` (electron) of the stars, and whether they are ``sharp``: narrower
        than the others, so that L.A.Cosmic flags their cores.
    """

    ccd: CCDData
    dark: CCDData
    cosmic_rays: np.ndarray
    hits: np.ndarray
    hot: np.ndarray
    column: np.ndarray
    stars: QTable


def simulate(shape=(1024, 1024), seed=1):
    """Simulate a frame of stars, sky and noise with hot pixels, a bad column and cosmic rays.

    Parameters
    ----------
    shape : (int, int)
        ny, nx.
    seed : int
        The same seed gives the same frame.

    Returns
    -------
    Simulation
    """
    rng = np.random.default_rng(seed)
    share = shape[0] * shape[1] / 1024**2
    stars = _stars(rng, shape, round(120 * share), 2.8, 6.2)
    electrons = _exposed(rng, shape, stars)
    cosmic_rays, hits = _cosmic_rays(rng, shape, round(140 * share), round(8 * share))
    electrons += cosmic_rays
    sharp = _sharp_stars(np.random.default_rng([seed, 1]), shape, round(20 * share), electrons)
    dark, hot = _dark(rng, shape, round(400 * share))
    # the sensor was not quite as warm as when the darks were taken
    electrons[hot] += GAIN * dark[hot] * rng.normal(0.0, 0.3, np.count_nonzero(hot))
    column = np.zeros(shape, dtype=bool)
    column[shape[0] // 4 :, shape[1] // 3] = True
    electrons[column] += rng.normal(1500.0, 200.0, np.count_nonzero(column))
    header = _header(shape)
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


def _stars(rng, shape, count, faintest, brightest):
    table = QTable()
    table['x_0'] = rng.uniform(0, shape[1] - 1, count)
    table['y_0'] = rng.uniform(0, shape[0] - 1, count)
    table['flux'] = 10 ** rng.uniform(faintest, brightest, count)
    table['sharp'] = np.zeros(count, dtype=bool)
    return table


def _light(shape, stars, fwhm):
    """Return the electrons of stars, without noise."""
    star = MoffatPSF(alpha=fwhm / (2.0 * np.sqrt(2.0 ** (1.0 / BETA) - 1.0)), beta=BETA)
    return make_model_image(shape, star, stars, model_shape=(41, 41)) if len(stars) else np.zeros(shape)


def _exposed(rng, shape, stars):
    """Return stars and sky with their noise, in electrons."""
    return rng.poisson(_light(shape, stars, FWHM) + SKY) + rng.normal(0.0, READNOISE, shape)


def _sharp_stars(rng, shape, count, electrons):
    """Add stars as narrow as those of an undersampled frame; L.A.Cosmic takes their cores for cosmic rays."""
    stars = _stars(rng, shape, count, 3.8, 4.8)
    stars['sharp'] = True
    electrons += rng.poisson(_light(shape, stars, SHARP_FWHM))
    return stars


def _cosmic_rays(rng, shape, short, muons):
    """Return the electrons left by short tracks and long muons, and the number of the hit of each pixel."""
    electrons = np.zeros(shape, dtype=np.float32)
    hits = np.zeros(shape, dtype=np.int32)
    lengths = np.concatenate([1.0 + rng.exponential(4.0, short), rng.uniform(40.0, 200.0, muons)])
    # electrons for a pixel's width of track: a muon leaves about 80 in a micron of silicon
    charges = np.concatenate([10 ** rng.uniform(2.0, 4.3, short), rng.normal(1100.0, 150.0, muons)])
    for number, (length, charge) in enumerate(zip(lengths, charges, strict=True), start=1):
        left = _track(rng, shape, length, charge)
        electrons += left
        hits[left >= SHOWS] = number
    return electrons, hits


def _track(rng, shape, length, charge):
    """Return the electrons that one straight track leaves in each pixel, ``charge`` for every pixel's width."""
    step = 0.05
    angle = rng.uniform(0.0, np.pi)
    along = np.arange(0.0, length, step)
    x = np.floor(rng.uniform(0, shape[1]) + along * np.cos(angle)).astype(int)
    y = np.floor(rng.uniform(0, shape[0]) + along * np.sin(angle)).astype(int)
    inside = (x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])
    left = np.zeros(shape, dtype=np.float32)
    np.add.at(left, (y[inside], x[inside]), charge * step)
    touched = np.nonzero(left)
    left[touched] *= rng.lognormal(0.0, 0.25, touched[0].size)
    return left


def _dark(rng, shape, count):
    """Return a combined dark in adu, and where it is hot."""
    dark = rng.normal(5.0, 1.0, shape).astype(np.float32)
    hot = np.zeros(shape, dtype=bool)
    hot.flat[rng.choice(hot.size, count, replace=False)] = True
    dark[hot] += (10 ** rng.uniform(1.8, 4.0, count)).astype(np.float32)
    return dark, hot


def _header(shape):
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
