"""Unit, gain, read noise and saturation level from the header of a frame."""

import math
from collections.abc import Mapping
from typing import Any

from astropy import units as u
from astropy.io.fits.card import Undefined

from .params import LACosmicParams

__all__ = ['UNITS', 'frame_unit', 'header_values']

#: The supported units, with their lower-case names in BUNIT.
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


def frame_unit(bunit: str | u.UnitBase) -> u.UnitBase:
    """Parse the unit of a frame.

    Parameters
    ----------
    bunit : str or `~astropy.units.UnitBase`
        The value of a BUNIT card, or a unit: ``'ADU'``, ``'counts'``, ``'e-'``, ``'electron/s'``.

    Returns
    -------
    `~astropy.units.UnitBase`
        adu, electron, adu / s or electron / s.

    Raises
    ------
    ValueError
        If the unit is not supported.
    """
    name = ' '.join(str(bunit).lower().replace(' / ', '/').split())
    for unit, names in UNITS.items():
        if name in names:
            return unit
    supported = 'adu, count, DN, electron, e-, electron/s, adu/s'
    msg = f'unit {str(bunit)!r} is not supported: give one of {supported}'
    raise ValueError(msg)


def header_values(
    header: Mapping[str, Any], unit: u.UnitBase, gain: float | None = None
) -> tuple[dict[str, tuple[float, str]], list[str]]:
    """Read the parameters in the header of a frame.

    Parameters
    ----------
    header : mapping
        The header cards.
    unit : `~astropy.units.UnitBase`
        The unit of the frame.
    gain : float, optional
        The gain with which a saturation level in ADU is converted to electrons; by default that of the header.

    Returns
    -------
    values : dict
        ``{field name of LACosmicParams: (value, source)}``.
    notes : list of str
        Cards that are ignored, and important cards that are missing.
    """
    notes: list[str] = []
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
        notes.append(f'frame in {unit}, but no EXPTIME in the header: give the electrons per {unit} as gain')
        return {}
    if unit == u.electron / u.s:
        value, source = exposure[0], f'{exposure[1]} (frame in electron / s)'
    elif own_gain is None:
        return {}
    else:
        value, source = own_gain[0] * exposure[0], f'{own_gain[1]}, times EXPTIME'
    return {'gain': (value, source)} if _allowed('gain', value, source, notes) else {}


def _saturation(header, unit, own_gain, gain, notes):
    """Return the saturation level in electrons; the card is in ADU, whatever the unit of the frame."""
    if gain is None or unit != u.adu:  # in other units, gain is not in electrons per ADU
        gain = None if own_gain is None else own_gain[0]
    factor = 1.0 if gain is None else gain
    card = _card(header, _SATURATION, notes, 'satlevel', factor)
    if card is None or factor == 1.0:
        return card
    value, source = card
    return value * factor, f'{source}, times the gain'


def _card(header, names, notes, field=None, factor=1.0):
    """Return value and source of the first card with a positive number that is allowed for its parameter."""
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
            notes.append(f'{source} is {value!r}, not a positive number: ignored')
        elif field is None or _allowed(field, number * factor, source, notes):
            return number, source
    return None


def _allowed(field, value, source, notes):
    """Return whether a value is allowed for a parameter; if not, add a note that it is ignored."""
    try:
        LACosmicParams(**{field: value})
    except ValueError as error:
        notes.append(f'{source} is ignored: {error}')
        return False
    return True
