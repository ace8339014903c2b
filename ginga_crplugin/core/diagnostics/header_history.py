"""Calibration history and detector geometry in a header."""

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.metadata import card_value, read_section
from ginga_crplugin.core.params import LACosmicParams

__all__ = [
    'bias_section',
    'calibration_keyword',
    'outside_trimsec',
    'subtracted_sky',
]

#: Keywords, in upper case, that pipelines write after a calibration step: IRAF, ccdproc, DES, MaxIm DL.
_KEYWORDS = {
    'bias': (
        'ZEROCOR',
        'BIASCOR',
        'BIASSUB',
        'BIASFIL',
        'BIASFILE',
        'DESBIAS',
        'SUBTRACT_BIAS',
        'SUBBIAS',
        'OVERSCAN',
        'OVSCAN',
        'DESOSCN',
        'SUBTRACT_OVERSCAN',
        'BT-FLAG',
    ),
    'dark': ('DARKCOR', 'DARKSUB', 'DARKFIL', 'DARKFILE', 'SUBTRACT_DARK', 'SUBDARK', 'DK-FLAG'),
    'flat': ('FLATCOR', 'FLATFIL', 'FLATFILE', 'DESFLAT', 'FLAT_CORRECT', 'FLATCORR', 'FF-FLAG', 'FLATIM'),
}
#: Letter of the step in CALSTAT, which MaxIm DL writes.
_CALSTAT = {'bias': 'B', 'dark': 'D', 'flat': 'F'}
#: Values that mean that the step was not done.
_NOT_DONE = (
    *('', '0', 'F', 'FALSE', 'N', 'NO', 'NONE', 'N/A'),
    *('OMIT', 'PERFORM', 'PENDING', 'SKIP', 'SKIPPED', 'FAILED', 'INCOMPLETE', 'UNKNOWN', 'UNDEFINED'),
)
#: Keywords of the overscan, and of the level of a subtracted sky.
_BIAS_SECTIONS = re.compile(r'(BIASSEC|BSEC)[A-D0-9]{0,2}')
_SKY_LEVELS = 'AVSKY', 'SKYLEVEL', 'SKYLEV', 'SKYVAL', 'SKYADU', 'SKYSUB', 'SKY', 'MDRIZSKY', 'BACKGRND', 'BKGLEVEL'
#: Ratios of measured to expected noise between which the level of a subtracted sky is believed.
_AGREES = 0.85, 1.2


def calibration_keyword(header: Mapping[str, Any], step: str) -> str:
    """Return the keyword that records a calibration step.

    Parameters
    ----------
    header : mapping
        The header of the frame.
    step : {'bias', 'dark', 'flat'}
        The calibration step.

    Returns
    -------
    str
        The keyword; empty if the header records no such step.

    Examples
    --------
    >>> calibration_keyword({'ZEROCOR': 'Apr 22 bias.imh', 'FLATCOR': 'OMIT'}, 'bias')
    'ZEROCOR'
    >>> calibration_keyword({'ZEROCOR': 'Apr 22 bias.imh', 'FLATCOR': 'OMIT'}, 'flat')
    ''
    """
    for keyword in _KEYWORDS[step]:
        if str(card_value(header, keyword, '')).strip().upper() not in _NOT_DONE:
            return keyword
    return 'CALSTAT' if _CALSTAT[step] in str(card_value(header, 'CALSTAT', '')).upper() else ''


def outside_trimsec(header: Mapping[str, Any], shape: tuple[int, int]) -> np.ndarray | None:
    """Return a mask of the pixels outside the section given by TRIMSEC.

    Parameters
    ----------
    header : mapping
        The header of the frame.
    shape : (int, int)
        Shape (ny, nx) of the frame.

    Returns
    -------
    (ny, nx) bool ndarray or None
        True outside the section; None if there is no such keyword or if it does not fit the shape.
    """
    section = read_section(header, 'TRIMSEC', shape)
    if section is None:
        return None
    outside = np.ones(shape, dtype=bool)
    outside[section] = False
    return outside


def bias_section(header: Mapping[str, Any], shape: tuple[int, int]) -> tuple[str, np.ndarray] | None:
    """Return a mask of the overscan sections given by BIASSEC or BSEC1, BSEC2, BSECA, ...

    Parameters
    ----------
    header : mapping
        The header of the frame.
    shape : (int, int)
        Shape (ny, nx) of the frame.

    Returns
    -------
    (str, (ny, nx) bool ndarray) or None
        The keywords, and True in the sections; None if no section fits the shape.
    """
    mask, names = np.zeros(shape, dtype=bool), []
    for keyword in dict.fromkeys(header):
        section = read_section(header, keyword, shape) if _BIAS_SECTIONS.fullmatch(keyword) else None
        if section is not None:
            mask[section] = True
            names.append(keyword)
    return (', '.join(names), mask) if names else None


def subtracted_sky(frame: Frame, params: LACosmicParams) -> tuple[str, float] | None:
    """Return the level of the subtracted sky in the header, if the scatter of the frame agrees with it.

    Parameters
    ----------
    frame : Frame
        The frame with its header.
    params : LACosmicParams
        Gain and read noise to use.

    Returns
    -------
    (str, float) or None
        The card as text, and the level in the unit of the frame; None if no card agrees.
    """
    found = []
    for keyword in _SKY_LEVELS:
        level = card_value(frame.ccd.header, keyword)
        if isinstance(level, int | float) and not isinstance(level, bool) and level > 0:
            ratio = frame.evidence.noise_ratio(params.gain, params.readnoise, float(level))
            if _AGREES[0] < ratio < _AGREES[1]:
                found.append((abs(math.log(ratio)), f'{keyword} = {level:g}', float(level)))
    return min(found)[1:] if found else None
