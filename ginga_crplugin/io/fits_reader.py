"""Opening FITS files: decompression, size limits, and one-line errors for damaged files."""

import bz2
import gzip
import io
import lzma
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from .asdf_reader import ASDF_MAGIC, asdf_as_fits
from .compressed_tiles import check_tiles
from .memory import available_memory, check_memory, format_size

__all__ = [
    'BLOCK_SIZE',
    'MAX_DECOMPRESSED',
    'READ_SIZE',
    'clean_header',
    'compression_suffix',
    'open_decompressed',
    'open_fits',
    'read_hdus',
    'read_pixels',
]

#: Compressed files by suffix: first bytes, and the function that opens them.
_COMPRESSED: dict[str, tuple[bytes, Any]] = {
    '.gz': (b'\x1f\x8b', gzip.open),
    '.bz2': (b'BZh', bz2.open),
    '.xz': (b'\xfd7zXZ', lzma.open),
}
#: A file that decompresses to more bytes than this, and to more than ``_MAX_RATIO`` times its size, is not read.
MAX_DECOMPRESSED, _MAX_RATIO = 2 << 30, 100
#: Bytes that are decompressed at a time.
READ_SIZE = 1 << 24
#: Bytes of a FITS block.
BLOCK_SIZE = 2880
#: Largest header in bytes.
_MAX_HEADER = 1 << 24
_END = re.compile(rb'END(?![A-Z0-9_-])')
#: The cards that define the data of an HDU.
_STRUCTURE = re.compile(r'SIMPLE|XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT')
_COUNT = re.compile(rb'(Z?NAXIS|TFIELDS) *= *\+?(\d+)')
_SIMPLE = re.compile(rb'SIMPLE\s*=\s*[TF]')


@contextmanager
def _one_line_errors(path: Path | str, reason: str) -> Iterator[None]:
    """Convert any exception that reading a damaged file raises into a ValueError of one line."""
    try:
        yield
    except MemoryError as error:
        msg = f'{path}: not enough memory to read it'
        raise ValueError(msg) from error
    except Exception as error:
        detail = ' '.join(str(error).split())[:80]
        msg = f'{path}: {reason} ({detail or type(error).__name__})'
        raise ValueError(msg) from error


def compression_suffix(path: Path) -> str:
    """Return the kind of compression of a file, found from its first bytes.

    Parameters
    ----------
    path : `~pathlib.Path`
        An existing file.

    Returns
    -------
    str
        ``'.gz'``, ``'.bz2'``, ``'.xz'``, or ``''`` if it is not compressed.
    """
    with path.open('rb') as file:
        start = file.read(6)
    return next((suffix for suffix, (magic, _) in _COMPRESSED.items() if start.startswith(magic)), '')


@contextmanager
def open_decompressed(path: Path) -> Iterator[BinaryIO]:
    """Open a FITS file; a compressed one is decompressed into memory, and one in ASDF is converted.

    Parameters
    ----------
    path : `~pathlib.Path`
        The file.

    Yields
    ------
    binary file
        Open for reading, seekable.

    Raises
    ------
    OSError
        If there is no such file, or no permission to read it.
    ValueError
        If it is not a FITS file, is damaged, or decompresses to more than the memory can hold.
    """
    if not path.exists():
        msg = f'{path}: no such file'
        raise FileNotFoundError(msg)
    if not path.is_file():
        msg = f'{path} is a folder, not a FITS file' if path.is_dir() else f'{path} is not a regular file'
        raise ValueError(msg)
    suffix = compression_suffix(path)
    with path.open('rb') as file:
        content: BinaryIO = _decompress(path, suffix) if suffix else file
        start = content.read(80)
        if start.startswith(ASDF_MAGIC):
            content = asdf_as_fits(content, path)
            start = content.read(80)
        if not _SIMPLE.match(start):
            why = 'it does not begin with SIMPLE = T' if start else 'it is empty'
            msg = f'{path}: not a FITS file ({why})'
            raise ValueError(msg)
        content.seek(0)
        yield content


def _decompress(path: Path, suffix: str) -> BinaryIO:
    """Decompress a file in steps, up to the size limit."""
    free, size = available_memory(), path.stat().st_size
    limit = min(max(MAX_DECOMPRESSED, _MAX_RATIO * size), math.inf if free is None else free // 2)
    content = io.BytesIO()
    opener = _COMPRESSED[suffix][1]
    with _one_line_errors(path, 'cannot be decompressed, it is truncated or damaged'), opener(path, 'rb') as file:
        while content.tell() <= limit and (step := file.read(READ_SIZE)):
            content.write(step)
    if content.tell() > limit:
        memory = '' if free is None else f', {format_size(free)} of memory are available'
        msg = f'{path} decompresses from {format_size(size)} to more than {format_size(limit)}{memory}: not read'
        raise ValueError(msg)
    content.seek(0)
    return content


@contextmanager
def open_fits(path: Path) -> Iterator[fits.HDUList]:
    """Open a FITS file for reading, with one-line errors.

    Parameters
    ----------
    path : `~pathlib.Path`
        The file.

    Yields
    ------
    `~astropy.io.fits.HDUList`
        All HDUs; their data are read on access.

    Raises
    ------
    OSError, ValueError
        As for `open_decompressed`.
    """
    with open_decompressed(path) as file, read_hdus(file, path) as hdus:
        yield hdus


@contextmanager
def read_hdus(file: BinaryIO, path: Path | str, **options: Any) -> Iterator[fits.HDUList]:
    """Read the HDUs of an open file, which stays open.

    Anything after the last HDU that is not an extension, such as the padding of tapes, is ignored.

    Parameters
    ----------
    file : binary file
        Open for reading.
    path : path-like
        Its name, for errors.
    **options
        As for `astropy.io.fits.open`.

    Yields
    ------
    `~astropy.io.fits.HDUList`
        All HDUs; their data are read on access.

    Raises
    ------
    ValueError
        If it is not a FITS file or is damaged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', AstropyUserWarning)  # truncation is an error where the pixels are read
        with _one_line_errors(path, 'not a FITS file, or damaged'):
            found = fits.HDUList(_hdus(file, options))
        try:
            yield found
        except (ValueError, OSError):
            raise
        except Exception as error:
            detail = ' '.join(f'{type(error).__name__}: {error}'.split())[:80]
            msg = f'{path}: damaged or not valid FITS ({detail})'
            raise ValueError(msg) from error


def _hdus(file: BinaryIO, options: dict[str, Any]) -> list[Any]:
    _check_header(file, 0)
    after = _bytes_after(file, fits.PrimaryHDU.readfrom(file))
    if after == b'XTENSION':
        _check_header(file, file.tell() - 8)  # astropy may read the first extension with the primary HDU
    elif after:
        end = file.tell() - 8  # astropy would search the rest of the file for a header
        file.seek(0)
        file = io.BytesIO(file.read(end))
    file.seek(0)
    hdus = fits.open(file, memmap=False, lazy_load_hdus=True, **options)
    found = [hdus[0]]
    while _bytes_after(file, found[-1]) == b'XTENSION':
        _check_header(file, file.tell() - 8)
        found.append(hdus[len(found)])
    return found


def _bytes_after(file: BinaryIO, hdu: Any) -> bytes:
    """Return the 8 bytes that follow an HDU."""
    info = hdu.fileinfo()
    if info['datSpan'] < 0:  # astropy would find the same HDU again, endlessly
        msg = f'HDU {hdu.name or "without a name"} has a negative size'
        raise ValueError(msg)
    file.seek(info['datLoc'] + info['datSpan'])
    return file.read(8)


def _check_header(file: BinaryIO, start: int) -> None:
    """Check that a header ends and declares no more than 999 axes or fields, which astropy would all look up."""
    file.seek(start)
    for _ in range(_MAX_HEADER // BLOCK_SIZE):
        block = file.read(BLOCK_SIZE)
        for at in range(0, len(block), 80):
            counted = _COUNT.match(block, at)
            if counted and int(counted[2]) > 999:
                msg = f'{counted[1].decode()} is {counted[2].decode()}'
                raise ValueError(msg)
            if _END.match(block, at):
                file.seek(start)
                return
        if len(block) < BLOCK_SIZE:
            break
    msg = 'a header has no END'
    raise ValueError(msg)


def read_pixels(hdu: Any, path: Path | str, extra: float = 0) -> np.ndarray:
    """Return the pixels of an HDU after checking that they are complete and fit into memory.

    Parameters
    ----------
    hdu : image HDU
        The HDU.
    path : path-like
        Its file, for errors.
    extra : float, optional
        Bytes of memory per pixel that the caller needs in addition.

    Returns
    -------
    ndarray
        The pixels.

    Raises
    ------
    ValueError
        If they are truncated or damaged, or need more memory than is available.
    """
    with _one_line_errors(path, 'the pixels cannot be read, the file is damaged'):
        size = abs(hdu.header['BITPIX']) // 8
        count = math.prod(hdu.shape)
        _ = range(size, count)  # raises if these are not integers
    _check_complete(hdu, path, count * size)
    shape = ' x '.join(map(str, hdu.shape[::-1]))
    check_memory(count * (2 * size + extra), f'{path} [{shape} pixels]')
    with _one_line_errors(path, 'the pixels cannot be read, the file is truncated or damaged'):
        if isinstance(hdu, fits.CompImageHDU):
            check_tiles(hdu)
        return np.asarray(hdu.data)


def _check_complete(hdu: Any, path: Path | str, size: int) -> None:
    """Check that the file contains all pixels of an image that is not tile-compressed."""
    info = hdu.fileinfo()
    if info is None or isinstance(hdu, fits.CompImageHDU):
        return
    present = _length(info['file']) - info['datLoc']
    if size > present:
        msg = f'{path}: the pixels cannot be read, the file is truncated or damaged ({present:,} of {size:,} bytes)'
        raise ValueError(msg)


def _length(file: BinaryIO) -> int:
    """Return the number of bytes of an open file."""
    at = file.tell()
    file.seek(0, 2)
    end = file.tell()  # seek of astropy's files returns None
    file.seek(at)
    return end


def clean_header(header: fits.Header) -> tuple[fits.Header, list[str]]:
    """Return a copy of a header without cards that cannot be parsed, and without repeated cards of the structure.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        The header.

    Returns
    -------
    header : `~astropy.io.fits.Header`
        The cards that can be parsed.
    notes : list of str
        How many were ignored, if any, and which occurred again.
    """
    cards = list(header.cards)
    readable = [card for card in cards if _is_readable(card)]
    lost = len(cards) - len(readable)
    count = '1 header card' if lost == 1 else f'{lost} header cards'
    notes = [f'{count} cannot be parsed: ignored'] if lost else []
    used: list[fits.Card] = []
    for card in readable:
        if _STRUCTURE.fullmatch(card.keyword) and any(card.keyword == other.keyword for other in used):
            notes.append(f'{card.keyword} occurs again in the header: ignored')
        else:
            used.append(card)
    return fits.Header(used), notes


def _is_readable(card: fits.Card) -> bool:
    try:
        return card.keyword is not None and (str(card), card.value, card.comment) is not None
    except Exception:  # noqa: BLE001 - a damaged card can raise anything
        return False
