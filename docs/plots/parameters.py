"""Detections in a small simulated frame for several values of each parameter."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from astropy.nddata import CCDData
from astropy.visualization import AsinhStretch, ImageNormalize
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

from ginga_crplugin import Frame, LACosmicParams, detect

SHAPE = 48, 80
GAIN, READNOISE, SKY, SATURATED = 1.5, 10.0, 200.0, 90000.0
#: Flagged pixels of cosmic rays, those not flagged, and flagged pixels without a cosmic ray.
COLORS = {'found': '#D55E00', 'missed': '#F0E442', 'false': '#56B4E9'}
PARAMS = LACosmicParams(gain=GAIN, readnoise=READNOISE, satlevel=SATURATED)


def _star(x, y, flux, fwhm):
    """Return an image of a star with a Moffat profile, in electrons."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    beta = 4.765
    alpha = fwhm / 2.0 / np.sqrt(2.0 ** (1.0 / beta) - 1.0)
    profile = (1.0 + ((columns - x) ** 2 + (rows - y) ** 2) / alpha**2) ** -beta
    return flux * profile * (beta - 1.0) / (np.pi * alpha**2)


def _track(x, y, length, angle, electrons):
    """Return an image of a cosmic-ray track, in electrons."""
    hit = np.zeros(SHAPE)
    along = np.arange(length)
    rows = np.rint(y + along * np.sin(np.radians(angle))).astype(int)
    columns = np.rint(x + along * np.cos(np.radians(angle))).astype(int)
    hit[rows, columns] = electrons
    return hit


def _scene():
    """Return the image in adu, and a mask of the cosmic rays."""
    rng = np.random.default_rng(7)
    stars = _star(13.3, 34.6, 3e4, 2.8) + _star(36.2, 35.4, 9e3, 1.5) + _star(62.4, 32.7, 3e6, 2.8)
    tracks = [(26, 8, 13, 25, 900.0), (8, 14, 9, -30, 90.0), (52, 13, 1, 0, 1500.0), (44, 0, 3, 90, 700.0)]
    tracks += [(68 + k, 7, 11, 60, 600.0) for k in range(3)]
    hits = sum(_track(*track) for track in tracks)
    electrons = rng.poisson(stars + SKY) + rng.normal(0.0, READNOISE, SHAPE) + hits
    return np.minimum(electrons, SATURATED).astype(np.float32) / np.float32(GAIN), hits > 0


PIXELS, HITS = _scene()


def _show(cases):
    """Draw the frame with its detections for each case, given as a title and the parameters that differ."""
    cases = list(cases)
    columns = min(len(cases), 3)
    rows = -(-len(cases) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(7.5, 2.0 * rows + 0.35), squeeze=False, layout='constrained')
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (title, changes) in zip(axes.flat, cases, strict=False):
        changes = dict(changes)
        frame = Frame(CCDData(PIXELS - changes.pop('subtracted', 0.0), unit='adu'))
        crmask = detect(frame, replace(PARAMS, **changes)).crmask
        false = np.count_nonzero(crmask & ~HITS)
        axis.imshow(_colored(crmask), origin='lower', interpolation='nearest')
        counts = f'{np.count_nonzero(crmask & HITS)} of {np.count_nonzero(HITS)} px, {false} false'
        axis.set_title(f'{title}\n{counts}', fontsize=10)
    handles = [Patch(color=color, label=name) for name, color in COLORS.items()]
    figure.legend(handles=handles, loc='outside lower center', ncols=3, frameon=False, fontsize=10)


def _colored(crmask):
    norm = ImageNormalize(vmin=SKY / GAIN - 40.0, vmax=3000.0, stretch=AsinhStretch(0.02), clip=True)
    image = np.repeat(norm(PIXELS).filled()[..., None], 3, axis=2)
    for name, where in {'found': crmask & HITS, 'missed': HITS & ~crmask, 'false': crmask & ~HITS}.items():
        image[where] = to_rgb(COLORS[name])
    return image


def _values(name, *values):
    _show((f'{name} {value:g}' if isinstance(value, float) else f'{name} {value}', {name: value}) for value in values)


def sigclip():
    """Draw the detections for values of sigclip."""
    _values('sigclip', 2.5, 4.5, 15.0)


def objlim():
    """Draw the detections for values of objlim: the undersampled star is flagged if it is low."""
    _values('objlim', 0.5, 5.0, 15.0)


def sigfrac():
    """Draw the detections for values of sigfrac, which controls the neighbors."""
    _values('sigfrac', 0.1, 0.3, 1.0)


def gain():
    """Draw the effect of an incorrect gain."""
    _values('gain', 0.5, 1.5, 6.0)


def readnoise():
    """Draw the effect of an incorrect read noise."""
    _values('readnoise', 1.0, 10.0, 40.0)


def satlevel():
    """Draw the saturated star, excluded from the search or not."""
    _show([('90000 e-', {}), ('higher than any pixel', {'satlevel': 1e9})])


def niter():
    """Draw the effect of iterations."""
    _values('niter', 1, 2, 4)


def sepmed():
    """Draw the detections with the separable and the full median."""
    _values('sepmed', True, False)


def fsmode():
    """Draw the detections for both fine structure modes and the values of objlim that they require."""
    kernel = {'fsmode': 'convolve', 'psffwhm': 2.8}
    _show([('median, objlim 5', {}), ('convolve, objlim 5', kernel), ('convolve, objlim 2', kernel | {'objlim': 2.0})])


def pssl():
    """Draw a sky-subtracted frame, without and with the subtracted level."""
    level = SKY / GAIN
    changes = {'subtracted': level}
    _show([('with sky', {}), ('sky subtracted', changes), (f'pssl {level:.0f}', changes | {'pssl': level})])


def search_edges():
    """Draw the cosmic ray at the edge."""
    _values('search_edges', False, True)


def cleantype():
    """Draw the cleaned image for each method."""
    _, axes = plt.subplots(1, 4, figsize=(7.5, 1.7), layout='constrained')
    norm = ImageNormalize(vmin=SKY / GAIN - 40.0, vmax=SKY / GAIN + 80.0)
    part = np.s_[2:22, 22:52]
    images = {'frame': PIXELS} | {
        name: detect(Frame(CCDData(PIXELS, unit='adu')), replace(PARAMS, cleantype=name)).cleaned
        for name in ('meanmask', 'medmask', 'idw')
    }
    for axis, (name, image) in zip(axes, images.items(), strict=True):
        axis.imshow(image[part], norm=norm, cmap='gray', origin='lower', interpolation='nearest')
        axis.set_title(name, fontsize=10)
        axis.set_axis_off()
