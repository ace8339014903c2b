"""The room of the files that are opened to be read: unpacked, within bounds, with what is wrong told in a line."""

import bz2
import gzip
import io
import lzma
import math
import re
import warnings
from contextlib import contextmanager

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from .memory import available_memory, check_memory, format_size

__all__ = [
    'BLOCK_SIZE',
    'READ_SIZE',
    'clean_header',
    'compression_suffix',
    'datasum_notes',
    'open_decompressed',
    'open_fits',
    'read_hdus',
    'read_pixels',
]

#: The ways in which a file may be packed as a whole: how it begins, and what opens it.
_PACKED = {
    '.gz': (b'\x1f\x8b', gzip.open),
    '.bz2': (b'BZh', bz2.open),
    '.xz': (b'\xfd7zXZ', lzma.open),
}
#: A file that is larger than so many bytes, and so many times larger than it is packed, holds no frame.
MOST, RATIO = 2 << 30, 100
#: How much is unpacked at a time, bytes of a block of FITS, and how long a header can be.
READ_SIZE, BLOCK_SIZE, LONGEST = 1 << 24, 2880, 1 << 24
_END = re.compile(rb'END(?![A-Z0-9_-])')
_COUNT = re.compile(rb'(Z?NAXIS|TFIELDS) *= *\+?(\d+)')
_SIMPLE = re.compile(rb'SIMPLE\s*=\s*[TF]')


@contextmanager
def _told(path, why):
    """Say in one line what is wrong with a file, whatever the libraries that take it apart raise."""
    try:
        yield
    except MemoryError as error:
        msg = f'{path}: not enough memory to read it'
        raise ValueError(msg) from error
    except Exception as error:
        said = ' '.join(str(error).split())[:80]
        msg = f'{path}: {why} ({said or type(error).__name__})'
        raise ValueError(msg) from error


def compression_suffix(path):
    """Return how a file is packed: ``'.gz'``, ``'.bz2'``, ``'.xz'``, or ``''``."""
    with path.open('rb') as file:
        start = file.read(6)
    return next((suffix for suffix, (magic, _) in _PACKED.items() if start.startswith(magic)), '')


@contextmanager
def open_decompressed(path):
    """Open a FITS file; what is packed is unpacked into memory.

    Parameters
    ----------
    path : `~pathlib.Path`

    Yields
    ------
    binary file
        That can be sought in.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it may not be read.
    ValueError
        If it is not FITS, damaged, or unpacks to more than there is room for.
    """
    if not path.exists():
        msg = f'{path}: no such file'
        raise FileNotFoundError(msg)
    if not path.is_file():
        msg = f'{path} is a folder, not a FITS file' if path.is_dir() else f'{path} is not a regular file'
        raise ValueError(msg)
    suffix = compression_suffix(path)
    with path.open('rb') as file:
        content = _content(path, suffix) if suffix else file
        start = content.read(80)
        if not _SIMPLE.match(start):
            why = 'it does not begin with SIMPLE = T' if start else 'it is empty'
            msg = f'{path}: not a FITS file ({why})'
            raise ValueError(msg)
        content.seek(0)
        yield content


def _content(path, suffix):
    """Unpack a file in steps, to no more than there is room for."""
    free, packed = available_memory(), path.stat().st_size
    most = min(max(MOST, RATIO * packed), math.inf if free is None else free // 2)
    content = io.BytesIO()
    with _told(path, 'it cannot be unpacked, it is cut short or damaged'), _PACKED[suffix][1](path, 'rb') as file:
        while content.tell() <= most and (step := file.read(READ_SIZE)):
            content.write(step)
    if content.tell() > most:
        room = '' if free is None else f', and {format_size(free)} of memory are free'
        sizes = f'({format_size(packed)}) decompresses to more than {format_size(most)}'
        msg = f'{path} {sizes}{room}: it is too large, or no frame'
        raise ValueError(msg)
    content.seek(0)
    return content


@contextmanager
def open_fits(path):
    """Open a FITS file for reading; say in one line what is wrong with it.

    Parameters
    ----------
    path : `~pathlib.Path`

    Yields
    ------
    `~astropy.io.fits.HDUList`
        With all its HDUs read, apart from their data.
    """
    with open_decompressed(path) as file, read_hdus(file, path) as hdus:
        yield hdus


@contextmanager
def read_hdus(file, path, **options):
    """Read the HDUs of an open file, which stays open (see `opened`); options as for `astropy.io.fits.open`.

    What stands behind the last of them and is no extension, such as the padding of old tapes, is left alone.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', AstropyUserWarning)  # a file cut short is an error where its pixels are read
        with _told(path, 'not a FITS file, or damaged'):
            found = fits.HDUList(_hdus(file, options))
        try:
            yield found
        except (ValueError, OSError):
            raise
        except Exception as error:
            said = ' '.join(f'{type(error).__name__}: {error}'.split())[:80]
            msg = f'{path}: damaged, or not as FITS must be ({said})'
            raise ValueError(msg) from error


def _hdus(file, options):
    _check_header(file, 0)
    if _after(file, fits.PrimaryHDU.readfrom(file)) not in (b'XTENSION', b''):
        end = file.tell() - 8  # astropy would search all that follows for a header
        file.seek(0)
        file = io.BytesIO(file.read(end))
    file.seek(0)
    hdus = fits.open(file, memmap=False, lazy_load_hdus=True, **options)
    found = [hdus[0]]
    while _after(file, found[-1]) == b'XTENSION':
        _check_header(file, file.tell() - 8)
        found.append(hdus[len(found)])
    return found


def _after(file, hdu):
    """Return the 8 bytes that follow an HDU."""
    info = hdu.fileinfo()
    if info['datSpan'] < 0:  # astropy would find the same HDU behind it, for ever
        msg = f'HDU {hdu.name or "without a name"} has a negative size'
        raise ValueError(msg)
    file.seek(info['datLoc'] + info['datSpan'])
    return file.read(8)


def _check_header(file, start):
    """See that a header ends, and counts nothing without end, before astropy looks for all that it counts."""
    file.seek(start)
    for _ in range(LONGEST // BLOCK_SIZE):
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


def read_pixels(hdu, path, more=0):
    """Return the pixels of an HDU; say in one line if they are not all there, or can't all be held.

    Parameters
    ----------
    hdu : image HDU
    path : `~pathlib.Path`
        The file it is from.
    more : float, optional
        How many bytes besides are needed for each pixel, for what shall be done with them.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If they are not all there, damaged, or need more memory than there is.
    """
    with _told(path, 'the pixels cannot be read, the file is damaged'):
        size = abs(hdu.header['BITPIX']) // 8
        count = math.prod(hdu.shape)
        _ = range(size, count)  # whole numbers
    _check_there(hdu, path, count * size)
    words = ' x '.join(map(str, hdu.shape[::-1]))
    check_memory(count * (2 * size + more), f'{path} [{words} pixels]')
    with _told(path, 'the pixels cannot be read, the file is cut short or damaged'):
        return np.asarray(hdu.data)


def _check_there(hdu, path, size):
    """See that an image that is not tile-compressed is in the file as far as its header says."""
    info = hdu.fileinfo()
    if info is None or isinstance(hdu, fits.CompImageHDU):
        return
    there = _length(info['file']) - info['datLoc']
    if size > there:
        msg = f'{path}: the pixels cannot be read, the file is cut short or damaged ({there:,} of {size:,} bytes)'
        raise ValueError(msg)


def datasum_notes(hdu):
    """Return what is to be told where the pixels are not those that the DATASUM card was made of; ask before them."""
    if 'DATASUM' not in hdu.header or isinstance(hdu, fits.CompImageHDU):
        return []
    try:
        if hdu.verify_datasum():
            return []
    except Exception:  # noqa: BLE001 - damaged, which is told when they are read
        return []
    return ['DATASUM does not fit the pixels: they were changed or damaged after it was written']


def _length(file):
    """Return how many bytes an open file has."""
    at = file.tell()
    file.seek(0, 2)
    end = file.tell()
    file.seek(at)
    return end


def clean_header(header):
    """Return a header without the cards that can't be read, and what to tell of them."""
    cards = list(header.cards)
    readable = [card for card in cards if _is_readable(card)]
    lost = len(cards) - len(readable)
    words = '1 card' if lost == 1 else f'{lost} cards'
    return fits.Header(readable), [f'{words} of the header cannot be read: left aside'] if lost else []


def _is_readable(card):
    try:
        return card.keyword is not None and (str(card), card.value, card.comment) is not None
    except Exception:  # noqa: BLE001 - a damaged one raises all there is
        return False
