"""Selection of the image HDUs of a FITS file."""

import os
from pathlib import Path
from typing import Any

from astropy.io import fits

from .fits_reader import open_fits

__all__ = ['COMPANIONS', 'extver', 'frame_extensions', 'image_index', 'other_images']

#: Names of extensions that accompany an image.
COMPANIONS = {
    'MASK',
    'DQ',
    'CRDQ',
    'CLEANED',
    'CLEANED_UNCERT',
    'ERR',
    'ERROR',
    'UNCERT',
    'VAR',
    'VARIANCE',
    'IVAR',
    'WHT',
    'WEIGHT',
    'BKG',
    'BACKGROUND',
    'SKY',
    'SKYFIT',
    'SKYMODEL',
    'MODEL',
    'PSF',
    'PSFIMAGE',
    'SEGM',
    'TIME',
}


def extver(value: Any) -> int:
    """Return the number of an extension among those of its name.

    Parameters
    ----------
    value : object
        The value of EXTVER.

    Returns
    -------
    int
        The value; 1 if it is not an integer.
    """
    return value if isinstance(value, int) else 1


def frame_extensions(path: str | os.PathLike[str], ext: int | str | tuple[str, int] | None = None) -> tuple[int, ...]:
    """Return the numbers of the HDUs of a FITS file that are frames: every chip of a mosaic.

    If there are images named SCI, these are the frames; otherwise all images except those whose names mark them as
    masks, errors or other companions of an image.

    Parameters
    ----------
    path : path-like
        A FITS file.
    ext : int, str or (str, int), optional
        The extension to use; a name without EXTVER selects all extensions of that name.

    Returns
    -------
    tuple of int
        The numbers of the HDUs.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read, or has no such image.
    """
    path = Path(path)
    with open_fits(path) as hdus:
        first = image_index(hdus, ext, path)
        if ext is not None:
            if not isinstance(ext, str):
                return (first,)
            return tuple(i for i, hdu in enumerate(hdus) if hdu.is_image and hdu.name == hdus[first].name)
        return _frames(hdus)


def other_images(hdus: fits.HDUList, index: int) -> list[str]:
    """Return a note on the other frames of a file.

    Parameters
    ----------
    hdus : `~astropy.io.fits.HDUList`
        The HDUs of the file.
    index : int
        The number of the HDU that is read.

    Returns
    -------
    list of str
        The note; empty if there is no other frame.
    """
    others = [i for i in _frames(hdus) if i != index]
    if not others:
        return []
    listed = ', '.join(f'{i} {_printable(hdus[i].name)}'.strip() for i in others[:3])
    more = ', ...' if len(others) > 3 else ''
    return [f'extension {index} is read, one of {len(others) + 1} images in the file; the others are {listed}{more}']


def _printable(name: str) -> str:
    return ''.join(letter for letter in name if letter.isprintable())


def _frames(hdus: fits.HDUList) -> tuple[int, ...]:
    """Return the numbers of the images named SCI, or of all that are no companions."""
    names = {index: hdu.name for index, hdu in enumerate(hdus) if _is_image(hdu)}
    science = [index for index, name in names.items() if name == 'SCI']
    first = min(names, default=0)
    return tuple(science or [index for index, name in names.items() if index == first or name not in COMPANIONS])


def image_index(hdus: fits.HDUList, ext: int | str | tuple[str, int] | None, path: Path) -> int:
    """Return the number of an image HDU.

    Parameters
    ----------
    hdus : `~astropy.io.fits.HDUList`
        The HDUs of a file.
    ext : int, str, (str, int) or None
        The extension; None for the first image.
    path : `~pathlib.Path`
        The file, for errors.

    Returns
    -------
    int
        The number of the HDU, from 0.

    Raises
    ------
    ValueError
        If there is no such extension, or it is not an image.
    """
    if ext is None:
        for index, hdu in enumerate(hdus):
            if _is_image(hdu):
                return index
        msg = f'{path}: no image in it'
        raise ValueError(msg)
    try:
        index = hdus.index_of(ext)
        hdu = hdus[index]
        index %= len(hdus)
    except (KeyError, IndexError):
        names = ', '.join(f'{i} {hdu.name}'.strip() for i, hdu in enumerate(hdus))
        msg = f'{path}: no extension {ext!r}; it has {names}'
        raise ValueError(msg) from None
    if not _is_image(hdu):
        kind = 'empty' if hdu.is_image else 'a table'
        msg = f'{path}: extension {ext!r} is {kind}, not an image'
        raise ValueError(msg)
    return index


def _is_image(hdu: Any) -> bool:
    return hdu.is_image and len(getattr(hdu, 'shape', ())) > 0  # a nonstandard HDU may have no shape
