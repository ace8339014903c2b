"""The room where FITS is read: frames, and the masks and images that go with them."""

import warnings
from pathlib import Path

import numpy as np
from astropy.nddata import CCDData
from astropy.wcs import WCS, FITSFixedWarning

from .bits import BITS_CARD, MaskBit
from .frame import Frame, InputMask, check_pixels, datasum
from .header import frame_unit, header_values
from .source import clean_header, opened, pixels, sum_notes

__all__ = ['frame_of', 'read_dark', 'read_frame', 'read_image', 'read_mask']

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
    with opened(path) as hdus:
        index = _image_index(hdus, ext, path)
        hdu = hdus[index]
        header, notes = clean_header(hdu.header)
        if index:
            header.extend(clean_header(hdus[0].header)[0], unique=True, strip=True)
        notes += sum_notes(hdu)
        data = pixels(hdu, path, _SEARCH)
        masks = _own_masks(hdus, index, path)
        wcs, of_sky = _wcs(header, hdus)
    return frame_of(data, header, path.name, unit, wcs, notes + of_sky, path=path, ext=index, masks=masks)


def frame_of(data, header, name, unit=None, wcs=None, notes=(), **origin):
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
        ``path``, ``ext`` and ``masks`` of the `Frame`.

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


def read_image(path, ext=None, prefer=None):
    """Read a plain image: a mask, a dark, a background, a variance or a kernel.

    Parameters
    ----------
    path, ext
        As for `read_frame`.
    prefer : str, optional
        The name of the extension to take where there is one and ``ext`` is not given.

    Returns
    -------
    data : (ny, nx) ndarray
        In native byte order.
    datasum : str
        FITS checksum (DATASUM) of the pixels.
    """
    path = Path(path)
    with opened(path) as hdus:
        if ext is None and prefer in hdus:
            ext = prefer
        data = pixels(hdus[_image_index(hdus, ext, path)], path)
    return data.astype(data.dtype.newbyteorder('='), copy=False), datasum(data)


def read_mask(path, bit=MaskBit.INPUT, ext=None):
    """Read an input mask: every pixel that is not 0 is bad.

    Parameters
    ----------
    path : path-like
        A FITS file.
    ext : int, str or (str, int), optional
        The extension; by default the one called MASK, else the first image.
    bit : MaskBit
        The cause: HOT, BAD, or INPUT where it is another or unknown.

    Returns
    -------
    InputMask
    """
    data, checksum = read_image(path, ext, prefer='MASK')
    return InputMask(Path(path).name, MaskBit(bit), data != 0, checksum)


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
    if not np.isfinite(limit):
        msg = f'the limit of the dark is {limit}: it must be a finite number'
        raise ValueError(msg)
    data, checksum = read_image(path, ext)
    return InputMask(f'{Path(path).name} > {limit:g}', MaskBit.HOT, ~(data <= limit), checksum, data)


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


def _own_masks(hdus, index, path):
    """Return the masks that stand beside the image in its own file, matched by EXTVER."""
    science = hdus[index]
    others = [hdu for hdu in hdus if hdu is not science]
    beside = [hdu for hdu in others if _is_image(hdu) and hdu.ver == science.ver and hdu.shape == science.shape]
    planes = [hdu for hdu in beside if BITS_CARD in hdu.header and hdu.name in ('DQ', 'CRDQ')]
    if planes:
        return tuple(_split(pixels(planes[0], path), path))
    return tuple(
        InputMask.of(f'{hdu.name} in this file', MaskBit.INPUT, pixels(hdu, path))
        for hdu in beside
        if hdu.name in ('MASK', 'DQ')
    )


def _split(plane, path):
    """Give back the input masks of a saved plane by cause; its cosmic rays are found anew."""
    if plane.dtype.kind not in 'iu':
        msg = f'{path}: its DQ holds {plane.dtype.name}, not the whole numbers that were written'
        raise ValueError(msg)
    for bit in (MaskBit.INPUT, MaskBit.HOT, MaskBit.BAD):
        mask = (plane & np.uint8(bit)) != 0
        if mask.any():
            yield InputMask.of(f'{bit.name} of the DQ in this file', bit, mask)
