"""Frames with known cosmic rays for ``truth.py``: real and simulated ones, with rays that the tuned code never saw."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.table import QTable
from photutils.datasets import make_model_image
from photutils.psf import MoffatPSF
from scipy import ndimage

from ginga_crplugin import Frame, InputMask, LACosmicParams, MaskBit, detect, read_frame
from ginga_crplugin.core.tuning.inject import Injection, inject_rays
from ginga_crplugin.core.tuning.own_rays import cut_own_rays
from ginga_crplugin.core.tuning.physics import Sensor
from ginga_crplugin.core.tuning.rays import Ray, simulate_rays, turned
from ginga_crplugin.core.tuning.stars import find_scene

__all__ = ['SQUARE', 'Case', 'Known', 'cases', 'data_folder', 'put_in']

#: Sensors and shares of kinds other than those that the tuned code simulates.
SENSORS = {
    'thin': Sensor(thickness=35.0, pixel_size=13.5, diffusion=7.0, tilt=60.0),
    'thick': Sensor(thickness=180.0, pixel_size=15.0, diffusion=8.5, tilt=10.0),
}
SHARES = {'muon': 0.55, 'worm': 0.35, 'spot': 0.1}
SKY, READNOISE, GAIN, SIDE = 250.0, 7.0, 1.6, 512
SQUARE = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class Case:
    """A frame before cosmic rays are put in.

    ``rays`` is ``'thin'``, ``'thick'``, or real rays. ``stars`` (x, y, and whether the peak stands ten times above the
    noise) is known for simulated frames. ``natural`` are pixels of rays that other exposures show in a real frame.
    """

    name: str
    frame: Frame
    params: LACosmicParams
    rays: str | list[Ray]
    fwhm: float | None = None
    stars: np.ndarray | None = None
    natural: np.ndarray | None = None
    count: int = 0
    well_sampled: bool = True
    refused: bool = False


@dataclass(frozen=True)
class Known:
    """A frame with injected rays, and the pixels of its own rays, which are not counted."""

    case: Case
    injected: Injection
    ignored: np.ndarray


def data_folder() -> Path:
    """Return the folder of the real frames."""
    return Path(os.environ.get('GINGA_CRPLUGIN_DATA') or Path(__file__).parents[3] / 'shared' / 'data')


def put_in(case: Case, seed: int) -> Known:
    """Inject the rays of a case."""
    rng = np.random.default_rng([seed, 77] if case.stars is not None else [seed, *case.name.encode()])
    count = case.count or max(30, case.frame.bits.size // 5000)  # with fewer, single rays would decide
    if isinstance(case.rays, str):
        rays = simulate_rays(rng, count, SENSORS[case.rays], SHARES)
    else:
        rays = [turned(case.rays[rng.integers(len(case.rays))], rng, 0.5) for _ in range(count)]
    natural = np.zeros(case.frame.shape, dtype=bool)
    if case.stars is None:  # what a careful run finds outside stars in the real frame
        scene = find_scene(case.frame, case.params)
        labels, _ = ndimage.label(detect(case.frame, case.params).crmask | scene.detection.crmask, SQUARE)
        in_stars = np.unique(labels[scene.region])
        natural = (labels > 0) & ~np.isin(labels, in_stars)
        if case.natural is not None:
            natural |= case.natural
        natural = ndimage.binary_dilation(natural, SQUARE, iterations=2)
    return Known(case, inject_rays(case.frame, case.params, rays, rng, natural), natural)


def cases(names: str = '') -> Iterator[Case]:
    """Yield the cases whose names contain a text."""
    for make in (*_simulated(), *_real()):
        if names in make[0]:
            yield make[1]()


def _simulated():
    for fwhm in (1.5, 2.0, 2.8, 4.0, 6.0, 8.0):
        for rays in SENSORS:
            name = f'simulated {fwhm} {rays}'
            yield name, lambda fwhm=fwhm, rays=rays, name=name: _star_field(name, fwhm, rays)
    yield 'hot pixels, dark', lambda: _star_field('hot pixels, dark', 3.2, 'thin', hot=True, dark=True)
    yield 'hot pixels, no dark', lambda: _star_field('hot pixels, no dark', 1.8, 'thin', hot=True)


def _star_field(name, fwhm, rays, hot=False, dark=False):
    rng = np.random.default_rng([round(10 * fwhm), len(rays), hot])
    table = QTable()
    count = 250
    table['x_0'], table['y_0'] = rng.uniform(0, SIDE - 1, (2, count))
    table['flux'] = 10 ** rng.uniform(2.8, 6.0, count)
    star = MoffatPSF(alpha=fwhm / (2.0 * np.sqrt(2.0 ** (1.0 / 3.5) - 1.0)), beta=3.5)
    image = make_model_image((SIDE, SIDE), star, table, model_shape=(61, 61))
    gradient = np.linspace(0.9, 1.1, SIDE)[:, None]
    electrons = rng.poisson(image + SKY * gradient) + rng.normal(0.0, READNOISE, (SIDE, SIDE))
    bad = np.zeros(image.shape, dtype=bool)
    if hot:
        bad.ravel()[rng.choice(bad.size, 3000, replace=False)] = True
        electrons[bad] += 10 ** rng.uniform(2.0, 4.0, np.count_nonzero(bad))
    masks = (InputMask('dark', MaskBit.HOT, bad),) if dark else ()
    cards = {'EXPTIME': 900.0, 'XPIXSZ': 15.0, 'GAIN': GAIN, 'RDNOISE': READNOISE, 'SATURATE': 60000.0}
    header = fits.Header(cards | {'ZEROCOR': 'yes', 'FLATCOR': 'yes'})
    ccd = CCDData(np.minimum(electrons / GAIN, 60000.0).astype(np.float32), unit='adu', header=header)
    frame = Frame(ccd, name, masks=masks)
    peak = np.asarray(table['flux']) * 0.8 / fwhm**2
    stars = np.stack([table['x_0'], table['y_0'], peak > 10.0 * np.hypot(np.sqrt(SKY), READNOISE)], axis=1)
    params = frame.parameters()[0]
    return Case(name, frame, params, rays, fwhm, stars, well_sampled=fwhm >= 2.5, refused=hot and not dark)


def _real():
    folder = data_folder()
    if not folder.is_dir():
        return
    yield 'SAAO', lambda: replace(_saao(folder), rays='thick')
    yield 'DECam z', lambda: _plain(folder, 'DECam z', 'decam_c4d_170316_ooi_z_N2.fits', rays='thick')
    for letter in 'abcde':
        yield f'DECam i {letter}', lambda letter=letter: _decam_i(folder, letter)
    yield 'Feder, calibrated', lambda: _feder(folder)
    yield 'Feder, raw', lambda: _feder_raw(folder)


def _plain(folder, name, file, rays, **given):
    frame = read_frame(folder / file)
    return Case(name, frame, frame.parameters(given)[0], rays)


def _saao(folder):
    raw = read_frame(folder / 'saao_ste3_a8280271.fits').ccd
    pixels = raw.data[:512, 16:528].astype(np.float32) - np.median(raw.data[:512, 3:13])
    frame = Frame(CCDData(pixels, unit='adu', header=raw.header), 'SAAO')
    return Case('SAAO', frame, frame.parameters()[0], 'thin')


def _saao_rays(folder):
    case = _saao(folder)
    return cut_own_rays(case.frame, case.params, find_scene(case.frame, case.params))


def _decam_i(folder, letter):
    """Return an exposure of a field, and where it is brighter than the four others."""
    path = folder / f'field_decam_i_04{letter}.fits.gz'
    sky = float(fits.getheader(path)['AVSKY'])
    case = _plain(folder, f'DECam i {letter}', path.name, 'thick', pssl=sky)
    others = [fits.getdata(folder / f'field_decam_i_04{other}.fits.gz') for other in 'abcde' if other != letter]
    excess = case.frame.filled - np.median(others, axis=0)
    excess -= ndimage.median_filter(excess, 25)
    return replace(case, natural=excess > 4.0 * 1.4826 * np.median(np.abs(excess)))


def _feder(folder):
    raw = read_frame(folder / 'feder_kelt16b_S001-R001-C084-r.fit.gz').ccd
    bias, dark, flat = (
        fits.getdata(folder / f'feder_kelt16b_combined_{name}.fit.gz').astype(float)
        for name in ('bias', 'dark_90.000', 'flat_filter_r')
    )
    pixels = ((raw.data - bias - dark) / (flat / np.median(flat))).astype(np.float32)
    hot = InputMask('dark', MaskBit.HOT, dark > 30)
    frame = Frame(CCDData(pixels, unit='adu', header=raw.header), 'Feder', masks=(hot,))
    given = {'gain': 1.5, 'readnoise': 14.0}
    # more than 15 rays are impossible in its area and exposure time
    return Case('Feder, calibrated', frame, frame.parameters(given)[0], _saao_rays(folder), count=10)


def _feder_raw(folder):
    raw = read_frame(folder / 'feder_kelt16b_S001-R001-C084-r.fit.gz').ccd
    bias = fits.getdata(folder / 'feder_kelt16b_combined_bias.fit.gz').astype(float)
    frame = Frame(CCDData((raw.data - bias).astype(np.float32), unit='adu', header=raw.header), 'Feder raw')
    params = frame.parameters({'gain': 1.5, 'readnoise': 14.0})[0]
    return Case('Feder, raw', frame, params, _saao_rays(folder), refused=True)
