"""The room of the checks: what speaks against running L.A.Cosmic on a frame as it stands.

They follow the notes for users of L.A.Cosmic (van Dokkum 2001, PASP 113, 1420). The figures in the texts were measured
on a simulated frame of 1024 x 1024 pixels with 149 cosmic rays, sky 200 and read noise 10 electrons, at sigclip 4.5,
where the right run finds 149 with 11 false pixels.
"""

from functools import cached_property

import numpy as np
from astropy import units as u

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.frame import InputMask

from .background import measure_sky
from .check import MARKS, Check, Remedy
from .header_history import done, section_outside
from .noise_causes import own_values, suspects
from .outliers import far_pixels, find_outliers
from .result_checks import check_result
from .star_fwhm import star_widths

__all__ = ['MARKS', 'Check', 'Remedy', 'check_frame', 'check_result']

#: Below this FWHM (pixels) the separable median flags stars. Among fewer stars two cosmic rays would decide.
NARROW, FEWEST = 2.5, 4
#: Deep negative pixels and hot ones for a million pixels that spoil the result, and bright ones that deserve a warning.
SPOILT, HOT, SOME = 3.0, 300.0, 40.0
#: Scatters from which a bad line spoils the result.
BAD_LINE = 5.0


class _Facts:
    """What the checks look at, each measured once."""

    def __init__(self, frame, params):
        self.frame, self.params = frame, params
        self.sky = measure_sky(frame, params)
        self.scatter = max(self.sky.scatter / params.gain, 1e-6)  # in the frame's unit
        self.suspects = suspects(frame, params, self.sky)

    @cached_property
    def far(self):
        return far_pixels(self.frame, self.scatter)

    @cached_property
    def outliers(self):
        return find_outliers(self.frame, self.scatter, self.far)

    @property
    def edges(self):
        return self.outliers.edges

    @cached_property
    def unexposed(self):
        """Where the edges saw no light, (ny, nx) bool."""
        mask = np.zeros(self.frame.shape, dtype=bool)
        ny, nx = self.frame.shape
        mask[:, : self.edges.get('left', 0)] = mask[:, nx - self.edges.get('right', 0) :] = True
        mask[: self.edges.get('bottom', 0)] = mask[ny - self.edges.get('top', 0) :] = True
        return mask


def check_frame(frame, params=None):
    """Check a frame against the notes for users of L.A.Cosmic.

    Parameters
    ----------
    frame : Frame
        With the input masks, background and variance that are to be used.
    params : LACosmicParams, optional
        By default those of the frame's header.

    Returns
    -------
    list of Check
        bias, flat, sky, noise, units, bad_pixels, sampling, overscan, nonfinite, in this order.
    """
    facts = _Facts(frame, frame.parameters()[0] if params is None else params)
    checks = _bias, _flat, _sky, _noise, _units, _bad_pixels, _sampling, _overscan, _nonfinite
    return [check(facts) for check in checks]


def _bias(facts):
    """Bias and dark: 1,000 electrons left in leave 145 of 149 cosmic rays, 10,000 leave 102.

    The level must be the sky that makes the scatter; what it has above that is no light. Where the edges hold
    overscan, its level is seen itself.
    """
    sky, gain = facts.sky, facts.params.gain
    effect = 'the noise is taken to be larger than it is: faint cosmic rays are missed (10,000 e- left in: 1 in 3)'
    if facts.edges:
        dark = float(np.median(facts.frame.filled[facts.unexposed]))
        if dark * gain > 5.0 * sky.scatter:
            figure = f'edges without light stand at {dark:.4g} {facts.frame.ccd.unit}'
            return Check('bias', 'error', figure, effect, 'subtract the bias')
    mark = facts.suspects.get('bias')
    if mark:
        figure = f'level {sky.level:,.0f} e-, but the scatter is that of a sky of {max(sky.photons, 0.0):,.0f} e-'
        return Check('bias', mark, figure, effect, 'subtract bias and dark')
    steps = done(facts.frame.ccd.header, 'bias'), done(facts.frame.ccd.header, 'dark')
    cards = ', '.join(card for card in steps if card)
    figure = f'level {sky.level:,.0f} e-, no more than the scatter accounts for'
    return Check('bias', 'ok', figure + (f'; {cards} in the header' if cards else ''))


def _flat(facts):
    """Flat field: the notes advise it, L.A.Cosmic works without; only the header can tell."""
    card = done(facts.frame.ccd.header, 'flat')
    if card:
        return Check('flat', 'ok', f'{card} in the header')
    effect = 'little: dust and vignetting are smooth; single weak pixels may be taken for edges'
    return Check(
        'flat', 'warning', 'the header says nothing of a flat field', effect, 'flat-field the frame if you can'
    )


def _sky(facts):
    """Sky: subtracted, it makes 11,129 false pixels, on real DECam frames 61 to 85 % of the frame.

    Its level is near 0 then, and its scatter far above the read noise; the scatter tells how much was taken off.
    """
    sky, params = facts.sky, facts.params
    mark = facts.suspects.get('sky')
    if not mark and sky.level > -5.0 * sky.scatter:
        return Check('sky', 'ok', f'level {sky.level:,.0f} e-')
    taken = params.pssl + (sky.photons - sky.level) / params.gain
    remedy = None
    if facts.frame.background is None and facts.frame.variance is None:
        remedy = Remedy(f'Add {taken:.4g} {facts.frame.ccd.unit} for the noise', {'pssl': float(f'{taken:.4g}')})
    return Check(
        'sky',
        mark or 'error',
        f'level {sky.level:,.0f} e-, but the scatter is that of a sky of {sky.photons:,.0f} e-',
        'the noise is taken to be smaller than it is: thousands of false pixels',
        f'use the frame with its sky, or give the level that was taken off (pssl, about {taken:.4g})',
        remedy,
    )


def _noise(facts):
    """Noise: sqrt(sky + readnoise^2) and the scatter of blank sky agree within 2 % when all is right.

    Read noise 0.1 for 10 makes 84 false pixels, 4 times too large leaves 142 of 149.
    """
    sky = facts.sky
    mark = facts.suspects.get('noise', 'ok')
    figure = f'blank sky scatters by {sky.scatter:.3g} e-, {sky.expected:.3g} expected (ratio {sky.ratio:.2f})'
    if mark == 'ok':
        return Check('noise', mark, figure)
    effect = 'false pixels' if sky.ratio > 1.0 else 'faint cosmic rays are missed'
    others = [name for name in ('bias', 'sky', 'units') if name in facts.suspects]
    if others:
        return Check('noise', mark, figure, effect, f'see {" and ".join(others)}')
    if facts.frame.variance is not None:
        advice = 'see whether the variance image is in the unit of the frame, squared'
        return Check('noise', mark, figure, effect, advice)
    needed = round(sky.readnoise_needed, 1)
    if not needed:
        return Check('noise', mark, figure, effect, 'see whether read noise, gain and level are right')
    remedy = Remedy(f'Read noise {needed:g} e-', {'readnoise': needed})
    return Check('noise', mark, figure, effect, f'a read noise of {needed:g} e- would fit', remedy)


def _units(facts):
    """Units: pixels times gain must be electrons; the gain twice makes 319 false pixels (1.5) or 17,868 (4).

    ADU taken for electrons leave 132 of 149. The factor with which level and scatter agree is compared with the gain.
    """
    sky, params, unit = facts.sky, facts.params, facts.frame.ccd.unit
    own_gain, _ = own_values(facts.frame)
    mark = facts.suspects.get('units')
    figure = f'{unit}, times gain {params.gain:g}'
    if mark is None:
        if unit == u.adu and params.gain == 1.0 and own_gain is None:
            effect = 'if a count is not one electron the noise is wrong'
            return Check('units', 'warning', f'{figure}, which nobody gave', effect, 'give the gain in electron/adu')
        return Check('units', 'ok', figure)
    figure += f'; level and scatter agree if the pixels are multiplied by {sky.factor:.3g}'
    if sky.ratio > 1.0:
        remedy = Remedy('Gain 1', {'gain': 1.0}) if unit == u.adu and params.gain != 1.0 else None
        effect = 'the noise is taken to be smaller than it is: false pixels'
        return Check('units', mark, figure, effect, 'see whether the gain was applied twice', remedy)
    gain = own_gain or float(f'{params.gain * sky.factor:.3g}')
    remedy = None if unit == u.electron else Remedy(f'Gain {gain:g}', {'gain': gain})
    effect = 'the noise is taken to be larger than it is: faint cosmic rays are missed'
    advice = f'give the gain, about {gain:g}'
    if unit == u.electron:
        advice = 'see whether the frame is in adu, not in electrons'
    return Check('units', mark, figure, effect, advice, remedy)


def _bad_pixels(facts):
    """Bad pixels: 400 hot and negative pixels and a column make 1,280 false pixels at sigclip 7, none if masked.

    A single pixel at -5,000 electrons makes about 36. Negative pixels can't be cosmic rays; bright ones alone may be,
    about 15 for a million pixels on frames of some minutes.
    """
    found, frame = facts.outliers, facts.frame
    million = frame.bits.size / 1e6
    many = found.hot.size > max(5.0, SOME * million)
    worst = max([*found.columns.values(), *found.rows.values()], default=0.0)
    harmful = found.deep >= max(3.0, SPOILT * million) or found.hot.size >= max(10.0, HOT * million)
    mark = 'ok'
    if harmful or worst >= BAD_LINE:
        mark = 'error'
    elif many or worst or found.negative.size:
        mark = 'warning'
    parts = [f'{found.negative.size} negative', f'{found.hot.size} single bright pixels']
    for kind, some in (('column', found.columns), ('row', found.rows)):
        if some:
            parts.append(f'bad {kind} {", ".join(map(str, list(some)[:5]))}' + (' ...' if len(some) > 5 else ''))
    masked = sum(mask.count for mask in frame.masks)
    figure = f'{", ".join(parts)} outside the masks ({masked} px masked)'
    if mark == 'ok':
        return Check('bad_pixels', mark, figure)
    outliers = found.mask(frame.shape, hot=many)
    mask = InputMask('outliers of the frame', MaskBit.BAD, outliers, origin='bad_pixels')
    remedy = Remedy('Mask the outliers', mask=mask)
    effect = 'false pixels around each negative one and along a bad line; hot pixels are taken for cosmic rays'
    advice = f'give a mask, or a dark; the outliers of the frame would mask {np.count_nonzero(outliers)} px'
    return Check('bad_pixels', mark, figure, effect, advice, remedy)


def _sampling(facts):
    """Measure the sampling: at a FWHM of 1.6 pixels the separable median makes 1,744 false pixels, the full one 26.

    McCully et al. (Astro-SCRAPPY) advise the full median where stars are narrow; below about 2.5 pixels it matters.
    """
    params = facts.params
    widths = star_widths(facts.frame, facts.scatter, params.satlevel / params.gain, facts.far)
    if widths.size < FEWEST:
        return Check('sampling', 'ok', f'fewer than {FEWEST} stars to measure')
    width = float(np.sort(widths)[widths.size // 2])  # of two the wider, for the narrower may be a cosmic ray
    figure = f'FWHM {width:.2f} pixels ({widths.size} stars)'
    if width >= NARROW or not params.sepmed:
        return Check('sampling', 'ok', figure + ('' if params.sepmed else ', separable median off'))
    remedy = Remedy('Full median', {'sepmed': False})
    mark = 'error' if width < 2.0 else 'warning'
    return Check('sampling', mark, figure, 'cores of stars are flagged', 'switch the separable median off', remedy)


def _overscan(facts):
    """Overscan and dark rows: their step is taken for cosmic rays along its whole length.

    The pixels decide; a TRIMSEC that is left from before the trimming is not followed.
    """
    frame = facts.frame
    if not facts.edges:
        return Check('overscan', 'ok', 'light up to all edges')
    figure = ', '.join(f'{count} at the {side}' for side, count in facts.edges.items()) + ' saw no light'
    mask, name = facts.unexposed, 'rows and columns without light'
    trimmed = section_outside(frame.ccd.header, frame.shape)
    if trimmed is not None and (trimmed & mask).any():
        mask, name = mask | trimmed, 'outside TRIMSEC, and without light'
    mask = InputMask(name, MaskBit.BAD, mask, origin='overscan')
    remedy = Remedy('Mask them', mask=mask)
    return Check('overscan', 'error', figure, 'false pixels along the step', 'trim the frame, or mask them', remedy)


def _nonfinite(facts):
    """Pixels that are not finite: they are left out of the search, and those beside them."""
    share = 100.0 * np.count_nonzero(facts.frame.nonfinite) / facts.frame.nonfinite.size
    if share == 0.0:
        return Check('nonfinite', 'ok', 'all pixels are finite')
    effect = 'they and their neighbors are excluded from the search'
    mark = 'error' if share > 50.0 else 'warning'
    figure = f'{share:.2g} % of the pixels are not finite'
    return Check('nonfinite', mark, figure, effect, 'see whether the frame is whole')
