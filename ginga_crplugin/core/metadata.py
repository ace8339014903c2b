"""FITS headers from the metadata of images in memory, and values of header cards."""

import re
import warnings
from collections.abc import Mapping
from typing import Any

from astropy.io import fits

__all__ = ['Section', 'card_value', 'fits_header', 'read_section']

#: Rows and columns of a frame.
type Section = tuple[slice, slice]


def card_value(header: Mapping[str, Any], keyword: str, default: Any = None) -> Any:
    """Return the value of a header card.

    Parameters
    ----------
    header : mapping
        The header.
    keyword : str
        The keyword.
    default : object, optional
        The value for a keyword that is missing, or whose card cannot be parsed.

    Returns
    -------
    object
        The value.
    """
    try:
        return header.get(keyword, default)
    except fits.VerifyError:
        return default


def read_section(header: Mapping[str, Any], keyword: str, shape: tuple[int, int]) -> Section | None:
    """Return the rows and columns of a section in a header, such as ``[1:1024,1:2048]``.

    Parameters
    ----------
    header : mapping
        The header.
    keyword : str
        The keyword.
    shape : tuple of int
        (ny, nx) of the frame.

    Returns
    -------
    (slice, slice) or None
        Rows and columns, 0-based; None if there is no such keyword, or if its section is not inside the frame.
    """
    value = ''.join(str(card_value(header, keyword, '')).split())
    limits = re.fullmatch(r'\[(\d+):(\d+),(\d+):(\d+)\]', value)
    if limits is None:
        return None
    x0, x1, y0, y1 = map(int, limits.groups())
    (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))  # the order is that of the readout
    inside = x0 >= 1 and x1 <= shape[1] and y0 >= 1 and y1 <= shape[0]
    return (slice(y0 - 1, y1), slice(x0 - 1, x1)) if inside else None


def fits_header(meta: Mapping[str, Any]) -> tuple[fits.Header, list[str]]:
    """Return metadata as a FITS header.

    Parameters
    ----------
    meta : mapping
        A header, which is copied, or other metadata. Values that a FITS card cannot hold are converted to text.

    Returns
    -------
    header : `~astropy.io.fits.Header`
        The header.
    notes : list of str
        A note with the names of the entries that a header cannot hold, if there are any.
    """
    if isinstance(meta, fits.Header):
        return meta.copy(), []
    header, lost = fits.Header(), []
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', fits.verify.VerifyWarning)  # long keywords become HIERARCH cards
        for key, value in meta.items():
            if not (_add(header, str(key), value) or _add(header, str(key), _text(value))):
                lost.append(str(key))
    return header, [f'{", ".join(lost)} in the metadata cannot be written to a FITS header: ignored'] if lost else []


def _add(header: fits.Header, key: str, value: Any) -> bool:
    """Add an entry to a header, and return whether the header can hold it."""
    if key.upper() in ('COMMENT', 'HISTORY'):
        lines = value if isinstance(value, list | tuple) else str(value).splitlines()
        for line in lines:
            header.add_comment(_text(line)) if key.upper() == 'COMMENT' else header.add_history(_text(line))
        return True
    with_comment = value if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], str) else (value,)
    try:
        card = fits.Card(key, *with_comment)
        str(card)  # raises if it is too long
        header[key] = with_comment
    except (ValueError, TypeError, AttributeError):
        return False
    return True


def _text(value: Any) -> str:
    """Return a value as one line of ASCII text."""
    return ' '.join(str(value).split()).encode('ascii', 'replace').decode()
