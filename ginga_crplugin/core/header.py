"""The room of the header cards: what the header of a frame says of its unit, gain, noise and saturation."""

import math

from astropy import units as u
from astropy.io.fits.card import Undefined

from .params import LACosmicParams

__all__ = ['UNITS', 'frame_unit', 'header_values']

#: The units that are understood, by the (lower-case) words that stand for them in BUNIT.
UNITS = {
    u.adu: ('adu', 'adus', 'count', 'counts', 'cts', 'dn'),
    u.electron: ('electron', 'electrons', 'e-', 'e'),
    u.electron / u.s: ('electron/s', 'electrons/s', 'electron/sec', 'electrons/sec', 'e-/s', 'e-/sec', 'electron s-1'),
    u.adu / u.s: ('adu/s', 'count/s', 'counts/s', 'counts/sec', 'cts/s', 'dn/s'),
}

_GAIN = ('GAIN', 'EGAIN', 'GAINA', 'ATODGAIN', 'CCDGAIN')
_READNOISE = ('RDNOISE', 'READNOIS', 'RON', 'RDNOISEA', 'ENOISE')
_SATURATION = ('SATURATE', 'SATLEVEL')
_EXPOSURE = ('EXPTIME', 'EXPOSURE')


def frame_unit(bunit):
    """Return the unit that a BUNIT card, or a user, names.

    Parameters
    ----------
    bunit : str or `~astropy.units.UnitBase`
        Such as ``'ADU'``, ``'counts'``, ``'e-'``, ``'electron/s'``.

    Returns
    -------
    `~astropy.units.UnitBase`
        adu, electron, or one of them per second.

    Raises
    ------
    ValueError
        If it is none of those that are understood; the message lists them.
    """
    word = ' '.join(str(bunit).lower().replace(' / ', '/').split())
    for unit, words in UNITS.items():
        if word in words:
            return unit
    understood = 'adu, count, DN, electron, e-, electron/s, adu/s'
    msg = f'unit {str(bunit)!r} is not understood: give one of {understood}'
    raise ValueError(msg)


def header_values(header, unit, gain=None):
    """Read what the header says of the parameters.

    Parameters
    ----------
    header : mapping
        The cards of the frame.
    unit : `~astropy.units.UnitBase`
        The unit of the frame.
    gain : float, optional
        The gain to turn a saturation in ADU into electrons; by default that of the header.

    Returns
    -------
    values : dict
        ``{field name of LACosmicParams: (value, source)}`` for those that it gives.
    notes : list of str
        What it says that can't be used, or what is missing and matters.
    """
    notes = []
    own_gain = _card(header, _GAIN, notes, 'gain')
    exposure = _card(header, _EXPOSURE, notes) if u.s in unit.bases else None
    values = _gain(unit, own_gain, exposure, notes)
    noise = _card(header, _READNOISE, notes, 'readnoise')
    if noise:
        values['readnoise'] = noise
    saturation = _saturation(header, unit, own_gain, gain, notes)
    if saturation:
        values['satlevel'] = saturation
    return values, notes


def _gain(unit, own_gain, exposure, notes):
    if unit == u.electron:
        return {'gain': (1.0, 'frame in electron')}
    if u.s not in unit.bases:
        return {'gain': own_gain} if own_gain else {}
    if exposure is None:
        notes.append(f'frame in {unit}, but there is no EXPTIME in the header: give electrons for one {unit} as gain')
        return {}
    if unit == u.electron / u.s:
        value, source = exposure[0], f'{exposure[1]} (frame in electron / s)'
    elif own_gain is None:
        return {}
    else:
        value, source = own_gain[0] * exposure[0], f'{own_gain[1]}, times EXPTIME'
    return {'gain': (value, source)} if _allowed('gain', value, source, notes) else {}


def _saturation(header, unit, own_gain, gain, notes):
    """Return the saturation in electrons: the card is in ADU, whatever the frame is in."""
    if gain is None or unit != u.adu:  # else the gain in use is not electrons for one ADU
        gain = None if own_gain is None else own_gain[0]
    factor = 1.0 if gain is None else gain
    card = _card(header, _SATURATION, notes, 'satlevel', factor)
    if card is None or factor == 1.0:
        return card
    value, source = card
    return value * factor, f'{source}, times the gain'


def _card(header, names, notes, field=None, factor=1.0):
    """Return value and source of the first card that holds a positive number, one that its parameter can take."""
    for name in names:
        value = header.get(name)
        if value is None or isinstance(value, Undefined):
            continue
        source = f'{name} in the header'
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not 0.0 < number < math.inf:
            notes.append(f'{source} is {value!r}, not a positive number: left aside')
        elif field is None or _allowed(field, number * factor, source, notes):
            return number, source
    return None


def _allowed(field, value, source, notes):
    """Whether a parameter can have a value; if not, a note tells why it is left aside."""
    try:
        LACosmicParams(**{field: value})
    except ValueError as error:
        notes.append(f'{source} is left aside: {error}')
        return False
    return True
