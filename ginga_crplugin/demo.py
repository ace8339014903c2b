"""The room of the demonstration: a simulated frame whose cosmic rays are known, and how many of them are found."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.table import QTable
from astropy.wcs import WCS
from photutils.datasets import make_model_image
from photutils.psf import MoffatPSF

from .core.bits import MaskBit
from .core.detect import detect
from .core.frame import read_dark, read_frame, read_mask
from .core.save import save_mask
from .core.segment import segment
from .picture import save_picture

__all__ = ['DARK_LIMIT', 'Demo', 'Score', 'Simulation', 'run_demo', 'score', 'simulate']

GAIN = 1.5
READNOISE = 10.0
SKY = 200.0
FWHM = 2.8
BETA = 4.765
SATURATION = 60000.0  # adu
#: Electrons from which a pixel of a cosmic ray shows: three times the noise of the sky.
SHOWS = 3.0 * float(np.hypot(np.sqrt(SKY), READNOISE))
#: How far from a hot pixel or the bad column L.A.Cosmic is misled by it, in pixels.
REACH = 3
#: Level of the combined dark (adu) above which a pixel is hot.
DARK_LIMIT = 30.0


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
        ``x_0``, ``y_0`` (0-based pixels) and ``flux`` (electron) of the stars.
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
    stars = _stars(rng, shape, round(120 * share))
    electrons = _exposed(rng, shape, stars)
    cosmic_rays, hits = _cosmic_rays(rng, shape, round(140 * share), round(8 * share))
    electrons += cosmic_rays
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
        cosmic_rays, hits, hot, column, stars,
    )  # fmt: skip


def _stars(rng, shape, count):
    table = QTable()
    table['x_0'] = rng.uniform(0, shape[1] - 1, count)
    table['y_0'] = rng.uniform(0, shape[0] - 1, count)
    table['flux'] = 10 ** rng.uniform(2.8, 6.2, count)
    return table


def _exposed(rng, shape, stars):
    """Return stars and sky with their noise, in electrons."""
    star = MoffatPSF(alpha=FWHM / (2.0 * np.sqrt(2.0 ** (1.0 / BETA) - 1.0)), beta=BETA)
    light = make_model_image(shape, star, stars, model_shape=(41, 41)) if len(stars) else np.zeros(shape)
    return rng.poisson(light + SKY) + rng.normal(0.0, READNOISE, shape)


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


@dataclass(frozen=True)
class Score:
    """What was found of what is there.

    Attributes
    ----------
    pixels, pixels_found : int
        Pixels in which a cosmic ray shows, and those of them that were flagged.
    hits, hits_found : int
        Cosmic rays, and those of which at least one pixel was flagged.
    false_hot, false_column, false_star, false_beside, false_other : int
        Flagged pixels that no cosmic ray touched: at a hot pixel, at the bad column, in a star, beside a cosmic ray,
        or elsewhere.
    """

    pixels: int
    pixels_found: int
    hits: int
    hits_found: int
    false_hot: int
    false_column: int
    false_star: int
    false_beside: int
    false_other: int

    @property
    def pixels_missed(self):
        """Pixels in which a cosmic ray shows that were not flagged."""
        return self.pixels - self.pixels_found

    @property
    def hits_missed(self):
        """Cosmic rays of which no pixel was flagged."""
        return self.hits - self.hits_found

    @property
    def false_pixels(self):
        """Flagged pixels that no cosmic ray touched."""
        return self.false_hot + self.false_column + self.false_star + self.false_beside + self.false_other


def score(truth, crmask):
    """Compare a mask of cosmic rays with the truth.

    Parameters
    ----------
    truth : Simulation
    crmask : (ny, nx) bool ndarray

    Returns
    -------
    Score
    """
    shown = truth.hits > 0
    numbers = np.unique(truth.hits[shown])
    found = np.unique(truth.hits[shown & crmask])
    left = crmask & (truth.cosmic_rays == 0)
    false = []
    beside = _grown(truth.cosmic_rays > 0, 1)
    for near in (_grown(truth.hot, REACH), _grown(truth.column, REACH), _near_stars(truth), beside):
        false.append(int(np.count_nonzero(left & near)))
        left = left & ~near
    return Score(
        int(np.count_nonzero(shown)), int(np.count_nonzero(shown & crmask)), len(numbers), len(found),
        *false, int(np.count_nonzero(left)),
    )  # fmt: skip


def _grown(mask, reach):
    """Return the mask with all pixels of the squares that reach so far around its own."""
    for axis in (0, 1):
        around = [(reach, reach) if side == axis else (0, 0) for side in (0, 1)]
        mask = np.lib.stride_tricks.sliding_window_view(np.pad(mask, around), 2 * reach + 1, axis=axis).any(axis=-1)
    return mask


def _near_stars(truth, radius=2.0 * FWHM):
    near = np.zeros(truth.hot.shape, dtype=bool)
    reach = int(np.ceil(radius))
    for x, y in truth.stars.iterrows('x_0', 'y_0'):
        low_y, low_x = max(0, round(y) - reach), max(0, round(x) - reach)
        box = np.s_[low_y : round(y) + reach + 1, low_x : round(x) + reach + 1]
        rows, columns = np.indices(near[box].shape)
        near[box] |= np.hypot(rows + low_y - y, columns + low_x - x) <= radius
    return near


@dataclass(frozen=True, eq=False)
class Demo:
    """What the demonstration made.

    Attributes
    ----------
    frame, dark, mask, output, picture : `~pathlib.Path`
        The files: the simulated frame, its combined dark, the mask of the bad column, the saved mask with all causes,
        and the picture.
    masked, unmasked : Score
        What was found with the hot pixels and the column masked before the run, and without; both in electrons.
    segments : Segments
        The segments of the masked run.
    truth : Simulation
    """

    frame: Path
    dark: Path
    mask: Path
    output: Path
    picture: Path
    masked: Score
    unmasked: Score
    segments: object
    truth: Simulation


def run_demo(folder='ginga-crplugin-demo', *, overwrite=False, shape=(1024, 1024), seed=1):
    """Simulate a frame, mask its bad pixels, find its cosmic rays, save them, and compare with the truth.

    Parameters
    ----------
    folder : path-like, optional
        Where the files go; it is made if need be.
    overwrite : bool, optional
        Whether files of an earlier demonstration may be replaced.
    shape, seed
        As for `simulate`.

    Returns
    -------
    Demo

    Raises
    ------
    FileExistsError
        If one of the files exists and ``overwrite`` is not set.
    """
    files = _files(Path(folder), overwrite=overwrite)
    truth = simulate(shape, seed)
    _write(truth, files, overwrite=overwrite)
    frame = read_frame(files['frame'])
    frame = frame.replace(masks=(read_dark(files['dark'], DARK_LIMIT), read_mask(files['mask'], MaskBit.BAD)))
    params, sources = frame.parameters()
    detection = detect(frame, params)
    segments = segment(frame, detection)
    save_mask(frame, detection, segments, files['output'], overwrite=overwrite, sources=sources)
    unmasked = detect(frame.replace(masks=()), params)
    masked, unmasked = score(truth, detection.crmask), score(truth, unmasked.crmask)
    save_picture(files['picture'], frame, detection, _caption(masked, unmasked))
    return Demo(**files, masked=masked, unmasked=unmasked, segments=segments, truth=truth)


def _caption(masked, unmasked):
    return (
        f'{masked.hits_found} of {masked.hits} simulated cosmic rays found, with {masked.false_pixels} false pixels '
        f'({masked.false_beside} of them beside a track); '
        f'{unmasked.false_pixels} false pixels if the hot pixels and the bad column are not masked before the run.'
    )


def _files(folder, *, overwrite):
    """Return the files by what they are; make their folder, and refuse to replace one unasked."""
    names = {
        'frame': 'demo.fits',
        'dark': 'demo_dark.fits',
        'mask': 'demo_column.fits',
        'output': 'demo_crmask.fits',
        'picture': 'demo_overlay.png',
    }
    files = {kind: folder / name for kind, name in names.items()}
    for path in files.values():
        if path.exists() and not overwrite:
            msg = f'{path} exists already: choose another folder, or say that it may be overwritten'
            raise FileExistsError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    return files


def _write(truth, files, *, overwrite):
    truth.ccd.write(files['frame'], overwrite=overwrite)
    truth.dark.write(files['dark'], overwrite=overwrite)
    fits.PrimaryHDU(truth.column.astype(np.uint8)).writeto(files['mask'], overwrite=overwrite)
