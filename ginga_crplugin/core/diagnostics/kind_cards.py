"""Header cards that say that a frame is a color mosaic or a spectrum."""

import re
from collections.abc import Mapping
from typing import Any

from ginga_crplugin.core.metadata import card_value

__all__ = ['mosaic_card', 'spectrum_card']

#: Keywords with the pattern of a color filter array: INDI, N.I.N.A., SharpCap, MaxIm DL, KStars, Atik.
_MOSAIC_CARDS = (
    'BAYERPAT',
    'BAYERPTN',
    'BAYER',
    'CFAPAT',
    'CFA-PAT',
    'CFA_PAT',
    'CFAPATT',
    'CFATYPE',
    'COLORTYP',
    'COLORCCD',
    'XBAYROFF',
    'YBAYROFF',
    'BAYOFFX',
    'BAYOFFY',
)
#: Those of them with the offset of the pattern in pixels, for which 0 is a valid value.
_OFFSET_CARDS = ('XBAYROFF', 'YBAYROFF', 'BAYOFFX', 'BAYOFFY')
#: COLORTYP may also name an image whose colors were interpolated.
_PATTERN = re.compile(r'[RGBCMYWE]{4,36}|BAYER.*|X-?TRANS', re.IGNORECASE)

#: Keywords with the name of the disperser in the beam.
_DISPERSER_CARDS = (
    'GRATING',
    'GRATNAME',
    'GRATENAM',
    'GRANAME',
    'DISPERSR',
    'DISPERSE',
    'DISPNAME',
    'GRISM',
    'GRISNAME',
    'GRISMID',
    'GRSNAME',
    'ALGRNM',
    'ECHELLE',
    'DISPAXIS',
    'DISPDIR',
    'ESO INS GRAT NAME',
    'ESO INS GRAT1 NAME',
    'ESO INS GRIS NAME',
    'ESO INS GRIS1 NAME',
)
#: Keywords with the mode of the observation.
_MODE_CARDS = ('OBSTYPE', 'OBSMODE', 'OBS_MODE', 'EXP_TYPE', 'INSTMODE', 'ESO DPR TECH', 'ESO INS MODE')
_SPECTRUM_MODE = re.compile(r'spec|long.?slit|echelle|grism|slitless|\b(lss|mos|mxu|ifu)\b', re.IGNORECASE)
#: Modes in which a disperser, if named at all, is not used.
_OTHER_MODE = re.compile(r'imag|^(bias|zero|dark)\b|acq', re.IGNORECASE)
#: Values that mean that there is no pattern or no disperser.
_NONE = re.compile(
    r'|0+(\.0*)?|f|false|n/?a|no|none|no[ _-].*|nogr.*|out.*|open.*|mirr?.*|clear.*|empty.*|imag.*|direct.*|blank.*|'
    r'free.*|un(known|def.*|used)|park.*|home|hole|dummy|mono.*|gr[ae]y.*|-+|-1',
    re.IGNORECASE,
)
#: Types of spectral axes in CTYPE (Greisen et al. 2006, A&A 446, 747).
_SPECTRAL_AXIS = re.compile(r'(WAVE|AWAV|FREQ|ENER|WAVN|VRAD|VOPT|ZOPT|VELO|BETA)(-.*)?')


def mosaic_card(header: Mapping[str, Any]) -> str:
    """Return the card that says that a frame is a color mosaic.

    Parameters
    ----------
    header : mapping
        The header of the frame.

    Returns
    -------
    str
        The card; empty if there is none.

    Examples
    --------
    >>> mosaic_card({'BAYERPAT': 'RGGB'})
    'BAYERPAT = RGGB'
    >>> mosaic_card({'BAYERPAT': 'NONE', 'COLORTYP': 'RGB'})
    ''
    """
    given = {name: _text(header, name) for name in _MOSAIC_CARDS if name in header}
    patterns = {name: value for name, value in given.items() if name not in _OFFSET_CARDS}
    for name, value in patterns.items():
        if not _NONE.fullmatch(value) and (name != 'COLORTYP' or _PATTERN.fullmatch(value)):
            return f'{name} = {value}'
    if not patterns:  # otherwise the values of the other keywords mean that there is none
        for name, value in given.items():
            if re.fullmatch(r'\d+(\.0*)?', value):
                return f'{name} = {value}'
    return ''


def spectrum_card(header: Mapping[str, Any]) -> str:
    """Return the card that says that a frame is a spectrum.

    Parameters
    ----------
    header : mapping
        The header of the frame.

    Returns
    -------
    str
        The card; empty if there is none, or if another card says that the frame is an image, a bias or a dark.

    Examples
    --------
    >>> spectrum_card({'GRATING': 'B600+_G5323', 'OBSTYPE': 'OBJECT'})
    'GRATING = B600+_G5323'
    >>> spectrum_card({'GRATING': 'MIRROR', 'OBSTYPE': 'OBJECT'})
    ''
    """
    modes = {name: _text(header, name) for name in _MODE_CARDS if name in header}
    if any(_OTHER_MODE.search(value) for value in modes.values()):
        return ''
    for name in _DISPERSER_CARDS:
        if name in header and not _NONE.fullmatch(_text(header, name)):
            return f'{name} = {_text(header, name)}'
    for name, value in modes.items():
        if _SPECTRUM_MODE.search(value):
            return f'{name} = {value}'
    for name in ('CTYPE1', 'CTYPE2'):
        if name in header and _SPECTRAL_AXIS.fullmatch(_text(header, name)):
            return f'{name} = {_text(header, name)}'
    return ''


def _text(header: Mapping[str, Any], name: str) -> str:
    """Return the value of a card as in FITS; empty for a card that cannot be read."""
    value = card_value(header, name, '')
    return 'TF'[not value] if isinstance(value, bool) else str(value).strip()
