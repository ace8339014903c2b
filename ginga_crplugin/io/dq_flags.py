"""Flags of data-quality planes by their meaning: tables of missions, and planes that are named in a header."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from importlib.resources import files
from operator import or_
from typing import Any, NamedTuple

import numpy as np
from astropy.io import fits

from ginga_crplugin.core.bits import MaskBit

__all__ = [
    'DQ_FORMATS',
    'MEANINGS',
    'MISSION_CARD',
    'Flag',
    'FlagTable',
    'check_dq_format',
    'find_table',
    'mission_table',
    'named_planes',
    'to_unsigned',
]

#: The meanings of flags, and the cause of an input mask for each; flags that are noted only mask nothing.
MEANINGS = {
    'cosmic ray': MaskBit.CR_MISSION,
    'unusable': MaskBit.INPUT,
    'saturated': MaskBit.INPUT | MaskBit.SATURATED,  # INPUT excludes them from the search
    'hot': MaskBit.HOT,
    'noted': None,
}

#: The formats of a saved data-quality plane: the bits of this package alone, or those of a mission beside it.
DQ_FORMATS = 'own', 'hst', 'jwst', 'roman', 'rubin'

#: The header card of this package's own plane with the mission whose plane was written beside it.
MISSION_CARD = 'CRDQMIS'

#: The tables by TELESCOP, INSTRUME and DETECTOR; ``''`` stands for any value.
_TABLES = {
    ('HST', 'ACS', ''): 'hst_acs',
    ('HST', 'WFC3', 'UVIS'): 'hst_wfc3_uvis',
    ('HST', 'WFC3', 'IR'): 'hst_wfc3_ir',
    ('HST', 'STIS', ''): 'hst_stis',
    ('JWST', '', ''): 'jwst',
    ('ROMAN', '', ''): 'roman',
}

#: The table of a mission whose own frame does not name an instrument, for writing.
_DEFAULT_TABLES = {'hst': 'hst_acs', 'jwst': 'jwst', 'roman': 'roman'}

#: The names of planes with a meaning, as in the Rubin science pipelines; the others are noted.
_PLANES = {
    'CR': 'cosmic ray',
    'COSMIC_RAY': 'cosmic ray',
    'BAD': 'unusable',
    'NO_DATA': 'unusable',
    'SAT': 'saturated',
    'SATURATED': 'saturated',
}

#: The planes of the Rubin science pipelines (lsst.afw.image.Mask), for frames without planes of their own.
_RUBIN_PLANES = 'BAD', 'SAT', 'INTRP', 'CR', 'EDGE', 'DETECTED', 'DETECTED_NEGATIVE', 'SUSPECT', 'NO_DATA'


class Flag(NamedTuple):
    """A flag of a data-quality plane.

    Parameters
    ----------
    value : int
        The value of its bit.
    name : str
        Its name.
    meaning : str
        One of `MEANINGS`.
    """

    value: int
    name: str
    meaning: str


@dataclass(frozen=True, eq=False)
class FlagTable:
    """The flags of a data-quality plane.

    Attributes
    ----------
    name : str
        The mission and the instrument, for display.
    flags : tuple of Flag
        The flags.
    """

    name: str
    flags: tuple[Flag, ...]

    @property
    def mission(self) -> str:
        """The mission, in lower case."""
        return self.name.split()[0].lower()

    @cached_property
    def known(self) -> int:
        """The sum of the values of all flags."""
        return self.bits(*MEANINGS)

    def bits(self, *meanings: str) -> int:
        """Return the bits of meanings.

        Parameters
        ----------
        *meanings : str
            Keys of `MEANINGS`.

        Returns
        -------
        int
            The sum of the values of their flags.
        """
        return reduce(or_, (flag.value for flag in self.flags if flag.meaning in meanings), 0)

    def unknown(self, plane: np.ndarray) -> tuple[int, ...]:
        """Return the values of the bits that are set in a plane and are not in the table.

        Parameters
        ----------
        plane : (ny, nx) ndarray
            The data-quality plane, of any type that `to_unsigned` accepts.

        Returns
        -------
        tuple of int
            The values, in ascending order.
        """
        found = int(np.bitwise_or.reduce(to_unsigned(plane), axis=None)) & ~self.known
        return tuple(1 << number for number in range(found.bit_length()) if found >> number & 1)

    def split(self, plane: np.ndarray) -> dict[str, np.ndarray]:
        """Return the pixels of each meaning.

        Parameters
        ----------
        plane : (ny, nx) ndarray
            The data-quality plane, of any type that `to_unsigned` accepts.

        Returns
        -------
        dict of (ny, nx) bool ndarray
            The pixels by meaning, for those that occur. Bits that are not in the table are unusable.
        """
        flags = to_unsigned(plane)
        masks = {}
        for meaning in MEANINGS:
            bits = self.bits(meaning)
            if meaning == 'unusable':
                bits |= sum(self.unknown(flags))
            masks[meaning] = (flags & np.uint64(bits).astype(flags.dtype)) != 0  # bits beyond the type are never set
        return {meaning: mask for meaning, mask in masks.items() if mask.any()}


def check_dq_format(name: str) -> str:
    """Check the name of a format.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    str
        The same.

    Raises
    ------
    ValueError
        If it is not in `DQ_FORMATS`.
    """
    if name not in DQ_FORMATS:
        msg = f'dq is {name!r}: it must be one of {", ".join(DQ_FORMATS)}'
        raise ValueError(msg)
    return name


def to_unsigned(plane: np.ndarray) -> np.ndarray:
    """Return a plane of flags as unsigned integers, so that the highest bit is a flag like the others.

    Parameters
    ----------
    plane : (ny, nx) ndarray
        Integers of any type, bools, or floats that are whole numbers.

    Returns
    -------
    (ny, nx) ndarray
        Unsigned integers in native byte order, of the same size; uint64 for floats.

    Raises
    ------
    ValueError
        If the values are not whole numbers from 0 to 2**53.
    """
    plane = np.asarray(plane)
    if plane.dtype.kind in 'iub':
        native = plane.astype(plane.dtype.newbyteorder('='), copy=False)
        return native.view(np.dtype(f'u{native.dtype.itemsize}'))
    if plane.dtype.kind != 'f' or not ((plane >= 0) & (plane <= 2**53) & (np.floor(plane) == plane)).all():
        msg = f'its {plane.dtype.name} values are not whole numbers of 0 or more, so they are no flags'
        raise ValueError(msg)
    return plane.astype(np.uint64)


def find_table(*headers: fits.Header) -> FlagTable | None:
    """Find the flags of a data-quality plane.

    Parameters
    ----------
    *headers : `~astropy.io.fits.Header`
        The header of the plane, and those of its image, in order of priority.

    Returns
    -------
    FlagTable or None
        The planes named in the first header (see `named_planes`), or the table for TELESCOP, INSTRUME and DETECTOR;
        None if there is none.
    """
    planes = named_planes(headers[0])
    if planes is not None:
        return planes
    values = [_first_value(headers, card) for card in ('TELESCOP', 'INSTRUME', 'DETECTOR')]
    for key, name in _TABLES.items():
        if all(wanted in ('', value) for wanted, value in zip(key, values, strict=True)):
            return _read_table(name)
    return None


def _first_value(headers: Iterable[fits.Header], card: str) -> str:
    values = (str(header[card]).strip().upper() for header in headers if card in header)
    return next(filter(None, values), '')


@lru_cache
def _read_table(name: str) -> FlagTable:
    lines = files(__package__).joinpath('flag_tables', f'{name}.csv').read_text(encoding='utf-8').splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith('#'))
    flags = tuple(Flag(int(row['value']), row['name'], row['meaning']) for row in rows)
    return FlagTable(name.replace('_', ' ').upper() if name != 'roman' else 'Roman', flags)


def mission_table(mission: str) -> FlagTable:
    """Return the flags of a mission for writing, for frames that have no plane of this mission.

    Parameters
    ----------
    mission : {'hst', 'jwst', 'roman', 'rubin'}
        The mission.

    Returns
    -------
    FlagTable
        The flags; those of ACS for HST.
    """
    if mission == 'rubin':
        return FlagTable('Rubin', tuple(_plane_flags(enumerate(_RUBIN_PLANES))))
    return _read_table(_DEFAULT_TABLES[mission])


def named_planes(header: fits.Header) -> FlagTable | None:
    """Return the flags that a header names, as the Rubin science pipelines write them.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        The header of the plane: a card ``MP_<NAME>`` with the number of the bit for each flag, or cards ``MSKN<n>``
        with its name and ``MSKM<n>`` with its value.

    Returns
    -------
    FlagTable or None
        The flags; None if the header has no such cards.
    """
    numbers: dict[int, str] = {}
    for card, value in header.items():
        if card.startswith('MP_') and _is_number(value, 0, 63):
            numbers[value] = card[3:].upper()
        match = re.fullmatch(r'MSKN(\d+)', card)
        mask: Any = header.get(f'MSKM{match[1]}') if match else None
        if match and _is_number(mask, 1, 2**63) and mask.bit_count() == 1:
            numbers[mask.bit_length() - 1] = str(value).strip().upper()
    return FlagTable('Rubin', tuple(_plane_flags(sorted(numbers.items())))) if numbers else None


def _plane_flags(planes: Iterable[tuple[int, str]]) -> Iterator[Flag]:
    for number, name in planes:
        yield Flag(1 << number, name, _PLANES.get(name, 'noted'))


def _is_number(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
