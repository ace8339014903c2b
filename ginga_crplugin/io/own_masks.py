"""The masks that a frame has in its own file: MASK extensions, and DQ extensions by the meaning of their bits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.image_data import image_plane
from ginga_crplugin.core.input_mask import InputMask
from ginga_crplugin.core.pixels import datasum

from .companions import companions
from .dq_flags import MEANINGS, FlagTable, find_table, to_unsigned
from .fits_reader import read_pixels

__all__ = ['DQ_CHOICES', 'check_dq_bits', 'flag_planes', 'parse_dq_bits', 'read_own_masks']

_CHOICE_ERROR = "dq_bits is '{}': it must be any, none, or powers of two separated by commas, such as 1,4,256"

#: The names of extensions with flags.
FLAG_PLANES = 'MASK', 'DQ'

#: The choices for a DQ plane in place of its bits.
DQ_CHOICES = 'any', 'none'


def parse_dq_bits(text: str) -> str | tuple[int, ...]:
    """Parse the choice of the bits of a DQ plane that mask a pixel.

    Parameters
    ----------
    text : str
        ``'any'``, ``'none'``, or values of bits separated by commas.

    Returns
    -------
    str or tuple of int
        The choice; the values are in ascending order.

    Raises
    ------
    ValueError
        If it is none of these, or a value is not a power of two.

    Examples
    --------
    >>> parse_dq_bits('256,1,4')
    (1, 4, 256)
    """
    if text.strip().lower() in DQ_CHOICES:
        return text.strip().lower()
    values = [part.strip() for part in text.split(',')]
    if not all(value.isdecimal() for value in values):
        raise ValueError(_CHOICE_ERROR.format(text))
    return check_dq_bits(tuple(sorted({int(value) for value in values})))


def check_dq_bits(dq_bits: Any) -> str | tuple[int, ...]:
    """Check the choice of the bits of a DQ plane that mask a pixel.

    Parameters
    ----------
    dq_bits : object
        The choice.

    Returns
    -------
    str or tuple of int
        The same.

    Raises
    ------
    ValueError
        If it is not ``'any'``, ``'none'``, or a tuple of powers of two.
    """
    bits = isinstance(dq_bits, tuple) and all(_is_bit(bit) for bit in dq_bits) and dq_bits
    if not bits and dq_bits not in DQ_CHOICES:
        text = ','.join(map(str, dq_bits)) if isinstance(dq_bits, tuple) else dq_bits
        raise ValueError(_CHOICE_ERROR.format(text))
    return dq_bits


def _is_bit(value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and 0 < value < 2**64 and value.bit_count() == 1


def flag_planes(hdus: fits.HDUList, science: Any) -> Iterator[Any]:
    """Yield the MASK and DQ extensions that belong to a frame.

    Parameters
    ----------
    hdus : `~astropy.io.fits.HDUList`
        The HDUs of the file.
    science : image HDU
        The frame.

    Yields
    ------
    image HDU
        The next one.
    """
    yield from (hdus[index] for index in companions(hdus, science, FLAG_PLANES))


def read_own_masks(
    hdus: fits.HDUList,
    science: Any,
    header: fits.Header,
    path: Path,
    dq_bits: str | tuple[int, ...] | None = None,
) -> tuple[tuple[InputMask, ...], list[str]]:
    """Read the MASK and DQ extensions in a frame's own file.

    Parameters
    ----------
    hdus : `~astropy.io.fits.HDUList`
        The HDUs of the file.
    science : image HDU
        The frame; extensions with the same EXTVER and shape belong to it.
    header : `~astropy.io.fits.Header`
        The header of the frame, with that of the primary HDU.
    path : `~pathlib.Path`
        The file, for errors.
    dq_bits : str or tuple of int, optional
        The bits of the DQ that mask a pixel, see `parse_dq_bits`; by default those of the table of the mission.

    Returns
    -------
    masks : tuple of InputMask
        The masks, by the meaning of the bits where it is known.
    notes : list of str
        What was ignored.
    """
    masks, notes = [], []
    for hdu in flag_planes(hdus, science):
        plane = image_plane(read_pixels(hdu, path), hdu.name)
        table = find_table(hdu.header, header)
        if hdu.name == 'MASK' and (table is None or table.name != 'Rubin'):
            masks.append(InputMask.from_data('MASK in this file', MaskBit.INPUT, plane, 'own'))
            continue
        try:
            flags = to_unsigned(plane)
        except ValueError as error:
            notes.append(f'{hdu.name} in this file is ignored: {error}')
            continue
        checksum, name = datasum(plane), f'{hdu.name} in this file'
        if dq_bits is not None:
            masks += _masks_of_bits(flags, dq_bits, name, checksum)
        elif table is not None:
            masks += _masks_of_table(flags, table, hdu.name, checksum)
        else:
            masks.append(_mask_of_any_bit(flags, name, checksum))
    return tuple(masks), notes


def _masks_of_bits(flags: np.ndarray, dq_bits: str | tuple[int, ...], name: str, checksum: str) -> list[InputMask]:
    if dq_bits == 'none':
        return []
    if isinstance(dq_bits, str):
        return [InputMask(f'{name}, any bit', MaskBit.INPUT, flags != 0, checksum, origin='own')]
    bits = np.uint64(sum(dq_bits)).astype(flags.dtype)  # bits beyond the type are never set
    text = ','.join(map(str, dq_bits))
    return [InputMask(f'{name}, bits {text}', MaskBit.INPUT, (flags & bits) != 0, checksum, origin='own')]


def _masks_of_table(flags: np.ndarray, table: FlagTable, name: str, checksum: str) -> list[InputMask]:
    unknown = ', '.join(map(str, table.unknown(flags)))
    assumed = f'bits {unknown} are not in the table of {table.name}: counted as unusable' if unknown else ''
    masks = []
    for meaning, mask in table.split(flags).items():
        bit = MEANINGS[meaning]
        if bit is not None:
            text = assumed if meaning == 'unusable' else ''
            masks.append(
                InputMask(f'{name} ({table.name}): {meaning}', bit, mask, checksum, origin='own', assumed=text)
            )
    return masks


def _mask_of_any_bit(flags: np.ndarray, name: str, checksum: str) -> InputMask:
    found = int(np.bitwise_or.reduce(flags, axis=None))
    values = [str(1 << number) for number in range(found.bit_length()) if found >> number & 1]
    text = f'no table for its bits ({", ".join(values)}): every bit masks a pixel'
    return InputMask(name, MaskBit.INPUT, flags != 0, checksum, origin='own', assumed=text if found > 1 else '')
