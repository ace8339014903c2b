"""Reading frames and images from FITS files."""

import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.units import UnitBase
from astropy.wcs import WCS, FITSFixedWarning

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.header import frame_unit, header_values
from ginga_crplugin.core.image_data import image_plane, plane_axes
from ginga_crplugin.core.interpretation import interpreted
from ginga_crplugin.core.pixels import check_pixels, datasum

from .blank import read_blank
from .companions import find_uncertainty
from .fits_reader import clean_header, open_fits, read_pixels
from .image_hdus import extver, image_index, other_images
from .own_masks import check_dq_bits, read_own_masks
from .saved_mask import hdus_of_image, read_review, read_saved_mask

__all__ = [
    'add_saved_mask',
    'header_unit',
    'make_frame',
    'native_order',
    'read_frame',
    'read_image',
]

#: Bytes per pixel that detection and saving need at most, in addition to the pixels.
_WORKING_MEMORY = 16


def read_frame(
    path: str | os.PathLike[str],
    ext: int | str | tuple[str, int] | None = None,
    unit: str | UnitBase | None = None,
    dq_bits: str | tuple[int, ...] | None = None,
) -> Frame:
    """Read a frame from a FITS file, with the MASK and DQ extensions that belong to it.

    Parameters
    ----------
    path : path-like
        A FITS file; it may be compressed (``.gz``, ``.bz2``, ``.xz``, tile-compressed ``.fz``).
    ext : int, str or (str, int), optional
        The extension by number, name, or name and EXTVER; by default the first image.
    unit : str or `~astropy.units.UnitBase`, optional
        The unit of the pixels, instead of BUNIT.
    dq_bits : {'any', 'none'} or tuple of int, optional
        The bits of the DQ extension that mask a pixel, by their values; by default those of the mission's table,
        or any bit if there is none. In a file with a saved mask, the masks of that run are used instead.

    Returns
    -------
    Frame
        The frame.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a FITS file, has no such image, its unit is not supported, or ``dq_bits`` is none of these.
    """
    path = Path(path)
    if dq_bits is not None:
        check_dq_bits(dq_bits)
    with open_fits(path) as hdus:
        index = image_index(hdus, ext, path)
        first = index == image_index(hdus, None, path)
        hdu: Any = hdus[index]
        header, notes = clean_header(hdu.header)
        if index:
            header.extend(clean_header(hdus[0].header)[0], unique=True, strip=True)
        notes += _datasum_notes(hdu)
        if ext is None:
            notes += other_images(hdus, index)
        blank = read_blank(hdu)
        data = image_plane(read_pixels(hdu, path, _WORKING_MEMORY), f'{path.name} [{index}]')
        version, own = extver(hdu.ver), hdus_of_image(hdus, hdu.name)
        saved, review = read_saved_mask(own, version, data.shape, path), read_review(own, version)
        masks, mask_notes = (saved.masks, []) if saved else read_own_masks(hdus, hdu, header, path, dq_bits)
        if blank is not None and not any(mask.bit == MaskBit.NO_DATA for mask in masks):
            masks = (*masks, *blank.masks(data))
        uncertainty = find_uncertainty(hdus, hdu, path)
        wcs, wcs_notes = _read_wcs(header, hdus, [len(hdu.shape) - axis for axis in plane_axes(hdu.shape)[::-1]])
    return make_frame(
        data,
        header,
        path.name,
        unit,
        wcs,
        notes + mask_notes + wcs_notes,
        path=path,
        ext=index,
        first=first,
        masks=masks,
        review=review,
        saved=saved,
        uncertainty_source=uncertainty,
    )


def add_saved_mask(frame: Frame, path: str | os.PathLike[str]) -> Frame:
    """Add the mask and the review that were saved for a frame in another file.

    Parameters
    ----------
    frame : Frame
        The frame.
    path : path-like
        The file with the mask.

    Returns
    -------
    Frame
        The frame with its saved mask and review.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it has no mask of this shape.
    """
    path = Path(path)
    with open_fits(path) as hdus:
        for version in (extver(frame.ccd.header.get('EXTVER')), 1):  # 1 in a file with the mask alone
            saved = read_saved_mask(hdus, version, frame.shape, path)
            if saved is not None:
                return frame.replace(saved=saved, review=read_review(hdus, version))
    msg = f'{path} has no mask of {frame.label}'
    raise ValueError(msg)


def make_frame(
    data: np.ndarray,
    header: fits.Header,
    name: str,
    unit: str | UnitBase | None = None,
    wcs: WCS | None = None,
    notes: Iterable[str] = (),
    **origin: Any,
) -> Frame:
    """Make a frame from pixels and header.

    Parameters
    ----------
    data : (ny, nx) ndarray
        The pixels.
    header : `~astropy.io.fits.Header`
        The header.
    name : str
        Name of the frame.
    unit : str or `~astropy.units.UnitBase`, optional
        The unit of the pixels, instead of BUNIT.
    wcs : `~astropy.wcs.WCS`, optional
        By default that of the header.
    notes : iterable of str, optional
        Notes about the header, placed before those found here.
    **origin
        ``path``, ``ext``, ``first``, ``masks``, ``review``, ``saved`` and ``uncertainty_source`` of the `Frame`.

    Returns
    -------
    Frame
        The frame, with notes about its header, and masks of its fill values.

    Raises
    ------
    ValueError
        If the unit is not supported, or the pixels cannot be processed.
    """
    unit_name, unit_notes = (unit, []) if unit is not None else _header_unit(header)
    try:
        unit = frame_unit(unit_name)
    except ValueError as error:
        msg = f'{name}: {error}'
        raise ValueError(msg) from None
    check_pixels(data, f'{name} [{origin["ext"]}]' if 'ext' in origin else name)
    wcs_notes: list[str] = []
    if wcs is None and 'path' not in origin:
        wcs, wcs_notes = _read_wcs(header)
    ccd = CCDData(data, unit=unit, header=header, wcs=wcs)
    frame = interpreted(Frame(ccd, name, notes=(*notes, *unit_notes), **origin))
    card_notes = header_values(header, unit, evidence=lambda: frame.evidence)[1]
    return frame.replace(notes=(*frame.notes, *card_notes, *wcs_notes))


def _header_unit(header: fits.Header) -> tuple[str, list[str]]:
    """Return the unit named in a header, and notes about it."""
    bunit = str(header.get('BUNIT', '')).strip()
    return (bunit, []) if bunit else ('adu', ['BUNIT is missing: assuming adu'])


def header_unit(header: fits.Header) -> UnitBase | None:
    """Return the unit of a frame according to its header.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        The header.

    Returns
    -------
    `~astropy.units.UnitBase` or None
        adu if BUNIT is missing; None if it is not supported.
    """
    try:
        return frame_unit(_header_unit(header)[0])
    except ValueError:
        return None


def read_image(path: str | os.PathLike[str], ext: int | str | tuple[str, int] | None = None) -> tuple[np.ndarray, str]:
    """Read an image: a dark, a background, a variance or a kernel.

    Parameters
    ----------
    path : path-like
        A FITS file.
    ext : int, str or (str, int), optional
        The extension; by default the first image.

    Returns
    -------
    data : (ny, nx) ndarray
        The pixels, in native byte order.
    datasum : str
        FITS checksum (DATASUM) of the pixels.

    Raises
    ------
    OSError, ValueError
        As for `read_frame`.
    """
    path = Path(path)
    with open_fits(path) as hdus:
        data = native_order(image_plane(read_pixels(hdus[image_index(hdus, ext, path)], path), path.name))
    return data, datasum(data)


def native_order(data: np.ndarray) -> np.ndarray:
    """Convert an array to native byte order, without a copy if it has it already.

    Parameters
    ----------
    data : ndarray
        The array.

    Returns
    -------
    ndarray
        The array in native byte order.
    """
    return data.astype(data.dtype.newbyteorder('='), copy=False)


def _datasum_notes(hdu: Any) -> list[str]:
    """Return a note if the pixels do not match the DATASUM card; call this before the pixels are read."""
    if 'DATASUM' not in hdu.header or isinstance(hdu, fits.CompImageHDU):
        return []
    try:
        if hdu.verify_datasum():
            return []
    except Exception:  # noqa: BLE001 - damaged: reading the pixels raises the error
        return []
    return ['DATASUM does not match the pixels: they were modified or damaged after it was written']


def _read_wcs(
    header: fits.Header, hdus: fits.HDUList | None = None, axes: Sequence[int] = (1, 2)
) -> tuple[WCS | None, list[str]]:
    """Return the sky coordinates of a header, None if there are none or they are not valid, and notes about them."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', FITSFixedWarning)
        try:
            wcs = WCS(header, hdus, naxis=list(axes))
            wcs.to_header(relax=True)
        except Exception as error:  # noqa: BLE001 - WCS can raise anything; the pixels are usable without it
            detail = ' '.join(str(error).split())[:80]
            return None, [f'the sky coordinates are not valid ({detail}): ignored']
    return (wcs if wcs.wcs.ctype[0] else None), []
