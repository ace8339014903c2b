"""The room where FITS is read: frames, and the masks and images that go with them."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from astropy.nddata import CCDData
from astropy.wcs import WCS, FITSFixedWarning

from ginga_crplugin.core.bits import CAUSE_CARD, CAUSES, MaskBit
from ginga_crplugin.core.frame import Frame, InputMask, MaskSource, check_pixels, datasum
from ginga_crplugin.core.header import frame_unit, header_values

from .fits_reader import clean_header, datasum_notes, open_fits, read_pixels
from .saved_mask import read_own_masks, read_review, read_saved_mask

__all__ = [
    'add_saved_mask',
    'frame_extensions',
    'make_frame',
    'read_dark',
    'read_frame',
    'read_image',
    'read_mask',
    'read_mask_source',
]

#: Names of extensions that go with an image, rather than be one.
_COMPANIONS = {
    'MASK',
    'DQ',
    'CRDQ',
    'CLEANED',
    'ERR',
    'ERROR',
    'UNCERT',
    'VAR',
    'VARIANCE',
    'IVAR',
    'WHT',
    'WEIGHT',
    'BKG',
    'SKY',
    'SKYFIT',
    'PSF',
    'SEGM',
    'TIME',
}

#: Bytes for each pixel that the search and the saving need at most, besides the pixels themselves.
_SEARCH = 16


def read_frame(path, ext=None, unit=None):
    """Read a frame from a FITS file, with the MASK and DQ that belong to it.

    Parameters
    ----------
    path : path-like
        A FITS file; ``.gz`` and tile-compressed ``.fz`` too.
    ext : int, str or (str, int), optional
        The extension by number, name, or name and EXTVER; by default the first image.
    unit : str, optional
        The unit of the pixels, over what BUNIT says.

    Returns
    -------
    Frame

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not FITS, holds no such image, or its unit is not understood.
    """
    path = Path(path)
    with open_fits(path) as hdus:
        index = _image_index(hdus, ext, path)
        first = index == _image_index(hdus, None, path)
        hdu = hdus[index]
        header, notes = clean_header(hdu.header)
        if index:
            header.extend(clean_header(hdus[0].header)[0], unique=True, strip=True)
        notes += datasum_notes(hdu)
        data = read_pixels(hdu, path, _SEARCH)
        saved, review = read_saved_mask(hdus, hdu.ver, hdu.shape, path), read_review(hdus, hdu.ver)
        masks = read_own_masks(hdus, hdu, path) if saved is None else saved.masks
        wcs, of_sky = _wcs(header, hdus)
    return make_frame(
        data,
        header,
        path.name,
        unit,
        wcs,
        notes + of_sky,
        path=path,
        ext=index,
        first=first,
        masks=masks,
        review=review,
        saved=saved,
    )


def add_saved_mask(frame, path):
    """Return a frame with the mask that was saved of it in another file, and what was said there in review.

    Parameters
    ----------
    frame : Frame
    path : path-like

    Returns
    -------
    Frame

    Raises
    ------
    OSError
        If the file can't be read.
    ValueError
        If it holds no such mask.
    """
    path = Path(path)
    with open_fits(path) as hdus:
        saved, review = read_saved_mask(hdus, 1, frame.shape, path), read_review(hdus, 1)
    if saved is None:
        msg = f'{path} holds no mask of {frame.label}'
        raise ValueError(msg)
    return frame.replace(saved=saved, review=review)


def make_frame(data, header, name, unit=None, wcs=None, notes=(), **origin):
    """Make a frame of pixels and their header, with what is to be told of it.

    Parameters
    ----------
    data : (ny, nx) ndarray
    header : `~astropy.io.fits.Header`
    name : str
    unit : str, optional
        The unit of the pixels, over what BUNIT says.
    wcs : `~astropy.wcs.WCS`, optional
        By default that of the header.
    notes : list of str, optional
        What is to be told of it already.
    **origin
        ``path``, ``ext``, ``first``, ``masks``, ``review`` and ``saved`` of the `Frame`.

    Returns
    -------
    Frame
    """
    named, of_unit = (unit, []) if unit is not None else _unit_of(header)
    try:
        unit = frame_unit(named)
    except ValueError as error:
        msg = f'{name}: {error}'
        raise ValueError(msg) from None
    check_pixels(data, f'{name} [{origin["ext"]}]' if 'ext' in origin else name)
    of_sky = []
    if wcs is None and 'path' not in origin:
        wcs, of_sky = _wcs(header)
    notes = [*notes, *of_unit, *header_values(header, unit)[1], *of_sky]
    ccd = CCDData(data, unit=unit, header=header, wcs=wcs)
    return Frame(ccd, name, notes=tuple(notes), **origin)


def _unit_of(header):
    """Return what the header says of the unit, and what to tell the user about it."""
    bunit = str(header.get('BUNIT', '')).strip()
    return (bunit, []) if bunit else ('adu', ['BUNIT is missing: the frame is taken to be in adu'])


def header_unit(header):
    """Return the unit that a header gives to a frame; None where its BUNIT is not understood."""
    try:
        return frame_unit(_unit_of(header)[0])
    except ValueError:
        return None


def read_image(path, ext=None):
    """Read a plain image: a dark, a background, a variance or a kernel.

    Parameters
    ----------
    path, ext
        As for `read_frame`.

    Returns
    -------
    data : (ny, nx) ndarray
        In native byte order.
    datasum : str
        FITS checksum (DATASUM) of the pixels.
    """
    path = Path(path)
    with open_fits(path) as hdus:
        data = _native(read_pixels(hdus[_image_index(hdus, ext, path)], path))
    return data, datasum(data)


def _native(data):
    return data.astype(data.dtype.newbyteorder('='), copy=False)


def read_mask(path, bit=None, ext=None, default=MaskBit.INPUT):
    """Read an input mask: every pixel that is not 0 is bad.

    Parameters
    ----------
    path : path-like
        A FITS file.
    ext : int, str or (str, int), optional
        The extension; by default the one called MASK, else the first image.
    bit : MaskBit, optional
        The cause: HOT, BAD, or INPUT where it is another or unknown; by default what the file says of itself.
    default : MaskBit, optional
        The cause where neither says one.

    Returns
    -------
    InputMask
    """
    path = Path(path)
    with open_fits(path) as hdus:
        if ext is None and 'MASK' in hdus:
            ext = 'MASK'
        hdu = hdus[_image_index(hdus, ext, path)]
        data, cause = _native(read_pixels(hdu, path)), str(hdu.header.get(CAUSE_CARD, '')).strip().lower()
    bit = CAUSES.get(cause, default) if bit is None else MaskBit(bit)
    checksum = datasum(data)
    return InputMask(path.name, bit, data != 0, checksum, origin=MaskSource(path, ext, bit, None, checksum))


def read_dark(path, limit, ext=None):
    """Make a mask of the hot pixels of a combined dark.

    Parameters
    ----------
    path, ext
        As for `read_frame`.
    limit : float
        Pixels above it, in the unit of the dark, and pixels that are not finite, are hot.

    Returns
    -------
    InputMask
    """
    check_limit(limit)
    data, checksum = read_image(path, ext)
    origin = MaskSource(Path(path), ext, MaskBit.HOT, float(limit), checksum)
    return InputMask(f'{Path(path).name} > {limit:g}', MaskBit.HOT, ~(data <= limit), checksum, data, origin)


def check_limit(limit):
    """Refuse a limit of a dark that says nothing, with a `ValueError`."""
    if not np.isfinite(limit):
        msg = f'the limit of the dark is {limit}: it must be a finite number'
        raise ValueError(msg)


def read_mask_source(source, index=0):
    """Make the input mask that a `MaskSource` describes.

    Parameters
    ----------
    source : MaskSource
    index : int, optional
        The number of the frame's HDU, for those that take the same extension.

    Returns
    -------
    InputMask

    Raises
    ------
    ValueError
        If the file does not hold the pixels that are expected.
    """
    ext = index if source.ext == 'same' else source.ext
    if source.limit is None:
        mask = read_mask(source.path, source.cause, ext)
    else:
        mask = read_dark(source.path, source.limit, ext)
    if source.datasum and source.datasum != mask.datasum:
        msg = f'{source.path} has changed: its pixels have DATASUM {mask.datasum}, expected is {source.datasum}'
        raise ValueError(msg)
    return replace(mask, origin=source) if source.ext == 'same' else mask


def frame_extensions(path, ext=None):
    """Return the numbers of the HDUs of a FITS file that hold frames: every chip of a mosaic.

    Where images are called SCI they are the frames; else all images, save those that by their names go with others.

    Parameters
    ----------
    path : path-like
    ext : int, str or (str, int), optional
        The one that is wanted; of a name without EXTVER all of that name.

    Returns
    -------
    tuple of int
    """
    path = Path(path)
    with open_fits(path) as hdus:
        if ext is not None:
            index = _image_index(hdus, ext, path)
            same = isinstance(ext, str)
            return tuple(
                i
                for i, hdu in enumerate(hdus)
                if (hdu.name == hdus[index].name and hdu.is_image if same else i == index)
            )
        images = [index for index, hdu in enumerate(hdus) if _is_image(hdu)]
        names = {index: hdus[index].name for index in images}
        first = _image_index(hdus, None, path)
    science = [index for index in images if names[index] == 'SCI']
    return tuple(science or [index for index in images if index == first or names[index] not in _COMPANIONS])


def _wcs(header, hdus=None):
    """Return the sky coordinates that a header gives, or None, and what is to be told of them."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', FITSFixedWarning)
        try:
            wcs = WCS(header, hdus, naxis=2)
            wcs.to_header(relax=True)
        except Exception as error:  # noqa: BLE001 - WCS raises all there is; the pixels are usable without
            said = ' '.join(str(error).split())[:80]
            return None, [f'the sky coordinates cannot be read ({said}): left aside']
    return (wcs if wcs.wcs.ctype[0] else None), []


def _image_index(hdus, ext, path):
    """Return the number of the HDU asked for, or of the first image."""
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


def _is_image(hdu):
    return hdu.is_image and len(getattr(hdu, 'shape', ())) > 0  # what is no standard HDU may have no shape
