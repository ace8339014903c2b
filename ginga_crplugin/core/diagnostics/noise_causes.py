"""The room of the suspicion: which of bias, sky, units and read noise is to blame where the noise does not fit."""

import math

from astropy import units as u

from ginga_crplugin.core.header import header_values
from ginga_crplugin.core.params import LACosmicParams

__all__ = ['AGREE', 'HIGH', 'LOW', 'own_values', 'suspects']

#: Ratio of measured to expected noise that differs from 1 by no more than this agrees.
AGREE = 0.1
#: Below and above these ratios the result is spoilt.
LOW, HIGH = 0.8, 1.15
#: How near a factor must come to a known gain to be taken for it.
NEAR = 0.06
#: A factor above this is no gain that was forgotten where bias left in would explain it as well.
LIKELY_GAIN = 3.0
#: No usual CCD has more read noise (electron rms).
HIGHEST_READNOISE = 30.0


def own_values(frame):
    """Return what the header gives as gain (electron/adu) and read noise (electron), None where it gives none."""
    values, _ = header_values(frame.ccd.header, u.adu)
    return tuple(values[name][0] if name in values else None for name in ('gain', 'readnoise'))


def suspects(frame, params, sky):
    """Tell what is to blame where the scatter of the blank sky is not what level and read noise make.

    One ratio can't tell all apart. What the header says of gain and read noise breaks the tie; where it says nothing,
    the likelier cause is marked 'error' and the other 'warning'.

    Parameters
    ----------
    frame : Frame
    params : LACosmicParams
    sky : Sky

    Returns
    -------
    dict of str
        'warning' or 'error' by the names 'noise', 'sky', 'units', 'bias'; empty where the noise fits.
    """
    if abs(sky.ratio - 1.0) <= AGREE:
        return {}
    strong = not LOW <= sky.ratio <= HIGH
    mark = 'error' if strong else 'warning'
    spoilt = sky.ratio < LOW or (strong and params.sigclip / sky.ratio < 4.2)
    found = {'noise': 'error' if spoilt and frame.variance is None else 'warning'}
    own_gain, own_noise = own_values(frame)
    if frame.variance is not None or (own_noise and abs(params.readnoise / own_noise - 1.0) > AGREE):
        return found  # what the user gave contradicts the header: that alone is to blame
    blame = _too_much if sky.ratio > 1.0 else _too_little
    return found | blame(frame.ccd.unit, params, sky, own_gain, mark)


def _too_much(unit, params, sky, own_gain, mark):
    """Blame what makes more scatter than expected: sky taken off, or the gain applied twice."""
    found = {}
    if abs(sky.level) < 2.0 * sky.scatter:
        found['sky'] = mark
    twice = 1.0 / sky.factor if sky.factor else math.inf
    if any(gain and gain != 1.0 and abs(twice / gain - 1.0) < NEAR for gain in (params.gain, own_gain)):
        found['units'] = 'warning' if 'sky' in found else mark
    elif 'sky' not in found and own_gain is None and unit == u.electron:
        found['units'] = mark if sky.readnoise_needed > HIGHEST_READNOISE else 'warning'
    return found


def _too_little(unit, params, sky, own_gain, mark):
    """Blame what makes less scatter than expected: bias left in, or ADU taken for electrons."""
    bias = sky.photons > 0.0 and sky.offset > 0.0
    if own_gain is not None:
        used = own_gain / params.gain  # how many electrons a unit of the frame would be, over what it is taken for
        if used != 1.0 and abs(sky.factor / used - 1.0) < NEAR:
            return {'units': mark} | ({'bias': 'warning'} if bias else {})
        return {'bias': mark} if bias else {}
    if params.gain != 1.0 and unit == u.adu:  # the user gave it
        return {'bias': mark} if bias else {}
    unknown = params.readnoise == LACosmicParams().readnoise  # a default that nobody gave tells nothing of the gain
    if not bias:
        return {'units': 'warning' if unknown else mark}
    if sky.factor > LIKELY_GAIN:
        return {'bias': mark, 'units': 'warning'}
    return {'units': mark, 'bias': 'warning'}
