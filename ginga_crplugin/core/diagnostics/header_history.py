"""The room of the history cards: what a header says was done to the frame already, and of its geometry."""

import re

import numpy as np

__all__ = ['area_and_exposure', 'done', 'section_outside']

#: Cards that pipelines write when a step was done, in upper case; IRAF, ccdproc, DES, MaxIm DL.
_DONE = {
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
_LETTER = {'bias': 'B', 'dark': 'D', 'flat': 'F'}  # in CALSTAT
_NOT = ('', '0', 'F', 'FALSE', 'NO', 'NONE', 'OMIT', 'SKIPPED')


def done(header, step):
    """Return the card that says that a step was done, or ''.

    Parameters
    ----------
    header : mapping
    step : {'bias', 'dark', 'flat'}

    Examples
    --------
    >>> done({'ZEROCOR': 'Apr 22 bias.imh', 'FLATCOR': 'OMIT'}, 'bias')
    'ZEROCOR'
    >>> done({'ZEROCOR': 'Apr 22 bias.imh', 'FLATCOR': 'OMIT'}, 'flat')
    ''
    """
    for card in _DONE[step]:
        if str(header.get(card, '')).strip().upper() not in _NOT:
            return card
    return 'CALSTAT' if _LETTER[step] in str(header.get('CALSTAT', '')).upper() else ''


def section_outside(header, shape):
    """Return what lies outside of TRIMSEC, (ny, nx) bool; None without such a card, or if it fits no such frame."""
    card = ''.join(str(header.get('TRIMSEC', '')).split())
    numbers = re.fullmatch(r'\[(\d+):(\d+),(\d+):(\d+)\]', card)
    if numbers is None:
        return None
    x0, x1, y0, y1 = map(int, numbers.groups())
    if not (1 <= x0 < x1 <= shape[1] and 1 <= y0 < y1 <= shape[0]):
        return None
    outside = np.ones(shape, dtype=bool)
    outside[y0 - 1 : y1, x0 - 1 : x1] = False
    return outside


def area_and_exposure(header, shape):
    """Return the area of the frame in square centimeters and its exposure in minutes; None where a card is missing.

    The size of a pixel in microns (millimetres if below 0.5, metres if below 0.0005) is that of XPIXSZ, PIXSIZE,
    PIXSIZE1 or PIXSZ.
    """
    size = _number(header, ('XPIXSZ', 'PIXSIZE', 'PIXSIZE1', 'PIXSZ'))
    seconds = _number(header, ('EXPTIME', 'EXPOSURE', 'ITIME'))
    if size is None or seconds is None:
        return None
    other = _number(header, ('YPIXSZ', 'PIXSIZE2')) or size
    scale = 1e-4 if size > 0.5 else 1e-1 if size > 0.0005 else 1e2  # to centimeters
    return shape[0] * shape[1] * size * other * scale**2, seconds / 60.0


def _number(header, names):
    for name in names:
        value = header.get(name)
        if isinstance(value, int | float) and value > 0:
            return float(value)
    return None
