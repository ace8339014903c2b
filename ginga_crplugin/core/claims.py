"""Gain, read noise and other quantities of a frame according to the cards of its header."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from astropy import units as u
from astropy.io.fits import Header, VerifyError
from astropy.io.fits.card import Undefined

from .metadata import card_value

__all__ = ['CARDS', 'Claim', 'read_claims']

#: Quantity to its unit and its keywords in order of preference; # is an amplifier, A to P or a number of one or two
#: digits. GAIN comes late among the gains, since cameras also write their gain setting there. ESO DET OUT# GAIN is not
#: listed: it is in adu/electron. FULLWELL is the only saturation level in electrons.
CARDS: dict[str, tuple[str, tuple[str, ...]]] = {
    'gain': (
        'electron/adu',
        (
            'EGAIN',
            'EPERADU',
            'CONAD',
            'ATODGAIN',
            'GAIN',
            'CCDGAIN',
            'ESO DET OUT# CONAD',
            'EGAIN#',
            'GAIN#',
            'ATODGN#',
            'GTGAIN#',
        ),
    ),
    'readnoise': (
        'electron',
        (
            'RDNOISE',
            'READNOIS',
            'READNOISE',
            'RDNOIS',
            'RO_NOISE',
            'CCDRON',
            'RON',
            'ENOISE',
            'ESO DET OUT# RON',
            'RDNOISE#',
            'RDNOIS#',
            'READNSE#',
            'READNOI#',
            'RON#',
        ),
    ),
    'saturation': ('adu', ('SATURATE', 'SATLEVEL', 'MAXLIN', 'FULLWELL', 'DATAMAX', 'SATURAT#')),
    'exposure': ('s', ('EXPTIME', 'EXPOSURE', 'XPOSURE', 'EFFEXPTM', 'ITIME', 'TELAPSE')),
    'pedestal': ('adu', ('PEDESTAL',)),
}
#: The keywords whose values are in the unit of TIMEUNIT (FITS standard 4.0, section 9.3); EXPTIME is always in seconds.
_TIMEUNIT_CARDS = 'EXPOSURE', 'XPOSURE', 'TELAPSE'
#: Common names of units of time that astropy does not know.
_TIME_NAMES = {'sec': 's', 'secs': 's', 'seconds': 's', 'mins': 'min', 'hrs': 'h', 'hours': 'h', 'days': 'd'}


@dataclass(frozen=True)
class Claim:
    """The value of a quantity according to one card.

    Attributes
    ----------
    quantity : {'gain', 'readnoise', 'saturation', 'exposure', 'pedestal'}
        What it is about.
    value : float
        Its value, positive except for a pedestal.
    card : str
        Its keyword.
    unit : str
        The unit of the value; ``'adu'`` stands for the unit of the frame. Exposure times are converted to seconds.
    amplifier : str
        The amplifier in the keyword, ``'A'`` or ``'1'``; empty for the whole frame.
    """

    quantity: str
    value: float
    card: str
    unit: str
    amplifier: str = ''

    def __str__(self) -> str:
        return f'{self.card} = {self.value:g}'

    @property
    def template(self) -> str:
        """The keyword in `CARDS`, with # for the amplifier."""
        match = _match(self.card, (self.quantity,))
        return self.card if match is None else CARDS[self.quantity][1][match[1]]


def read_claims(header: Mapping[str, Any], *quantities: str) -> tuple[dict[str, tuple[Claim, ...]], list[str]]:
    """Read the claims in a header.

    Parameters
    ----------
    header : mapping
        The header cards.
    *quantities : str
        The quantities to read; by default all of `CARDS`.

    Returns
    -------
    claims : dict
        ``{quantity: claims in order of preference}``, with an empty tuple where there are none.
    notes : list of str
        Cards that are ignored because their value is not a positive number, keywords that occur with several values,
        and an unknown TIMEUNIT.

    Examples
    --------
    >>> claims, notes = read_claims({'GAIN': 120, 'EGAIN': 0.9, 'RDNOISE': '3,5'}, 'gain', 'readnoise')
    >>> [str(claim) for claim in claims['gain']]
    ['EGAIN = 0.9', 'GAIN = 120']
    >>> notes
    ["RDNOISE in the header is '3,5', not a positive number: ignored"]
    """
    notes: list[str] = []
    wanted = quantities or tuple(CARDS)
    found: dict[str, list[tuple[int, str, Claim]]] = {quantity: [] for quantity in wanted}
    for keyword in dict.fromkeys(header.keys() if isinstance(header, Header) else header):
        name = str(keyword).upper().removeprefix('HIERARCH ')
        match = _match(name, wanted)
        if match is not None:
            quantity, rank, amplifier = match
            values = list(_numbers(header, keyword, name, notes, signed=quantity == 'pedestal'))
            if len(set(values)) > 1:
                listed = ', '.join(f'{value:g}' for value in dict.fromkeys(values))
                notes.append(f'{name} occurs {len(values)} times in the header, with the values {listed}')
            for value in dict.fromkeys(values):
                claim = _claim(header, quantity, value, name, amplifier, notes)
                found[quantity].append((rank, amplifier.zfill(2), claim))
    claims = {
        quantity: tuple(claim for _, _, claim in sorted(items, key=lambda item: item[:2]))
        for quantity, items in found.items()
    }
    return claims, notes


@cache
def _patterns(quantity: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (name, re.compile(re.escape(name).replace(r'\#', '([A-P]|[0-9]{1,2})') if '#' in name else re.escape(name)))
        for name in CARDS[quantity][1]
    )


@cache
def _match(name: str, quantities: tuple[str, ...]) -> tuple[str, int, str] | None:
    """Return the quantity, the rank and the amplifier of a keyword."""
    for exact in (True, False):  # RDNOISE is no RDNOIS of an amplifier E
        for quantity in quantities:
            for rank, (template, pattern) in enumerate(_patterns(quantity)):
                match = pattern.fullmatch(name) if ('#' not in template) == exact else None
                if match is not None:
                    return quantity, rank, '' if exact else match[1]
    return None


def _numbers(header: Mapping[str, Any], keyword: str, name: str, notes: list[str], *, signed: bool) -> Iterator[float]:
    """Generate the valid values of all cards with a keyword."""
    count = header.count(keyword) if isinstance(header, Header) else 1
    for index in range(count):
        try:
            value = header[(keyword, index)] if isinstance(header, Header) else header[keyword]
        except VerifyError:
            notes.append(f'{name} in the header cannot be read: ignored')
            continue
        if value is None or isinstance(value, Undefined):
            continue
        number = _number(value)
        if signed and number == 0.0:
            continue
        if math.isfinite(number) and (signed or number > 0.0):
            yield number
        else:
            kind = 'a number' if signed else 'a positive number'
            notes.append(f'{name} in the header is {value!r}, not {kind}: ignored')


def _number(value: Any) -> float:
    """Return a value as a float; NaN if it is none. A logical value is no number."""
    if isinstance(value, bool) or type(value).__name__ in ('bool', 'bool_'):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _claim(
    header: Mapping[str, Any], quantity: str, value: float, name: str, amplifier: str, notes: list[str]
) -> Claim:
    unit = 'electron' if name == 'FULLWELL' else CARDS[quantity][0]
    if name in _TIMEUNIT_CARDS:
        value *= _seconds(header, notes)
    return Claim(quantity, value, name, unit, amplifier)


def _seconds(header: Mapping[str, Any], notes: list[str]) -> float:
    """Return the number of seconds in the TIMEUNIT of a header."""
    given = card_value(header, 'TIMEUNIT')
    if given is None or isinstance(given, Undefined) or not str(given).strip():
        return 1.0
    name = str(given).strip().lower()
    try:
        return float(u.Unit(_TIME_NAMES.get(name, name)).to(u.s))
    except (ValueError, TypeError, u.UnitConversionError):
        note = f'TIMEUNIT in the header is {given!r}, not a unit of time: taking seconds'
        notes += [] if note in notes else [note]
        return 1.0
