"""Pixels, unit, mask, header and WCS of an image in memory, whatever its type."""

import math
import warnings
from collections.abc import Mapping
from contextlib import suppress
from copy import copy
from typing import Any

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData, NDData
from astropy.utils.masked import Masked
from astropy.wcs import WCS
from numpy.typing import ArrayLike

from .header import frame_unit
from .metadata import fits_header
from .pixels import check_pixels
from .uncertainty import detached_uncertainty

__all__ = ['image_plane', 'original_shape', 'plane_axes', 'split_image']


def split_image(
    image: NDData | ArrayLike, name: str, unit: str | u.UnitBase | None = None
) -> tuple[CCDData, list[str]]:
    """Return an image in memory as a two-dimensional CCDData, without copying its pixels.

    Parameters
    ----------
    image : `~astropy.nddata.NDData` or array_like
        The image: a CCDData, an NDData, an array, a masked array (`numpy.ma`, `~astropy.utils.masked.Masked`) or a
        `~astropy.units.Quantity`. It has two axes, and any number of axes of length 1.
    name : str
        The name of the image in messages.
    unit : str or `~astropy.units.UnitBase`, optional
        The unit of the pixels; by default that of the image, or adu if it has none.

    Returns
    -------
    ccd : `~astropy.nddata.CCDData`
        The (ny, nx) pixels with their unit, mask, uncertainty, header, WCS and PSF.
    notes : list of str
        Notes on metadata and a WCS that could not be kept.

    Raises
    ------
    ValueError
        If the image is not suitable (`check_pixels`), has several planes or rows of different length, its mask or
        uncertainty has another shape, or its unit is not supported.
    """
    data, mask = image, None
    if isinstance(image, NDData):
        data, mask = image.data, image.mask
    elif isinstance(image, Masked):
        data, mask = image.unmasked, image.mask
    elif np.ma.isMaskedArray(image):
        data, mask = np.ma.getdata(image), None if image.mask is np.ma.nomask else image.mask
    own = getattr(image, 'unit', None)
    try:
        pixels = np.asarray(data)
    except ValueError:
        msg = f'{name} is a {type(image).__name__} whose rows differ in length: give an image with 2 axes'
        raise ValueError(msg) from None
    plane = image_plane(pixels, name)
    check_pixels(plane, name)
    wcs, notes = _fits_wcs(getattr(image, 'wcs', None), pixels.shape)
    header, lost = _header(getattr(image, 'meta', {}), pixels.shape)
    ccd = CCDData(
        plane, unit=frame_unit(unit or own or u.adu), header=header, wcs=wcs, psf=copy(_nddata_attribute(image, 'psf'))
    )
    if mask is not None:
        ccd.mask = image_plane(_broadcast_mask(mask, pixels.shape), name)
    uncertainty = _nddata_attribute(image, 'uncertainty')
    whole = None if uncertainty is None else detached_uncertainty(uncertainty, pixels.shape, own)
    if whole is not None:
        ccd.uncertainty = type(whole)(image_plane(whole.array, name), copy=False)
    return ccd, notes + lost


def _broadcast_mask(mask, shape):
    mask = np.asarray(mask, dtype=bool)
    try:
        return np.broadcast_to(mask, shape)
    except ValueError:
        msg = f"the mask: shape {mask.shape} differs from the frame's {shape}"
        raise ValueError(msg) from None


def _nddata_attribute(image, name):
    return getattr(image, name, None) if isinstance(image, NDData) else None


def plane_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes of an array without those of length 1 beyond two axes.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.

    Returns
    -------
    tuple of int
        The axes: two for an image, more for a cube of several planes.
    """
    single = [axis for axis, length in enumerate(shape) if length == 1][: max(0, len(shape) - 2)]
    return tuple(axis for axis in range(len(shape)) if axis not in single)


def image_plane(data: np.ndarray, name: str) -> np.ndarray:
    """Return the only plane of an array.

    Parameters
    ----------
    data : ndarray
        The array, with two axes and any number of axes of length 1.
    name : str
        The name of the image in messages.

    Returns
    -------
    ndarray
        A view of its plane, (ny, nx); the array itself if it has fewer than three axes.

    Raises
    ------
    ValueError
        If the array has several planes.
    """
    if data.ndim < 3:
        return data
    axes = plane_axes(data.shape)
    if len(axes) > 2:
        planes = math.prod(data.shape[axis] for axis in axes[:-2])
        msg = (
            f'{name} has {data.ndim} axes, shape {data.shape}: an image must have 2 axes; '
            f'give one of its {planes} planes (data[0]) or another extension (ext)'
        )
        raise ValueError(msg)
    return data.reshape([data.shape[axis] for axis in axes])


def original_shape(ccd: CCDData) -> tuple[int, ...]:
    """Return the shape of an image as it was read, with axes of length 1.

    Parameters
    ----------
    ccd : `~astropy.nddata.CCDData`
        The (ny, nx) pixels, and the header with the original axes.

    Returns
    -------
    tuple of int
        The shape given by the header if it is that of one plane of the same size, otherwise (ny, nx).
    """
    header = ccd.header
    try:
        shape = tuple(int(header[f'NAXIS{axis}']) for axis in range(int(header['NAXIS']), 0, -1))
    except (KeyError, TypeError, ValueError):
        return ccd.data.shape
    return shape if tuple(shape[axis] for axis in plane_axes(shape)) == ccd.data.shape else ccd.data.shape


def _header(meta: Mapping[str, Any], shape: tuple[int, ...]) -> tuple[fits.Header, list[str]]:
    """Return metadata as a header with all axes of the image, and notes on what a header cannot hold."""
    if isinstance(meta, fits.Header) and len(shape) == 2:
        return meta, []
    header, notes = fits_header(meta)
    if len(shape) > 2:
        header.update({'NAXIS': len(shape)} | {f'NAXIS{n}': side for n, side in enumerate(shape[::-1], start=1)})
    return header, notes


def _fits_wcs(wcs: Any, shape: tuple[int, ...]) -> tuple[WCS | None, list[str]]:
    """Return the WCS of the plane of an array if it can be written to a FITS header, else None and a note."""
    if wcs is None:
        return None, []
    known = wcs if isinstance(wcs, WCS) else _converted(wcs, shape)
    if known is not None and known.naxis > 2:
        try:
            ndim = len(shape)
            axes = [ndim - axis for axis in plane_axes(shape)[::-1]]
            known = known.sub(axes) if known.naxis == ndim else known.celestial
        except Exception:  # noqa: BLE001 - WCS can raise anything; the pixels are usable without it
            known = None
    if known is None or known.naxis != 2:
        return None, ['the WCS cannot be written to a FITS header: ignored']
    return known, []


def _converted(wcs: Any, shape: tuple[int, ...]) -> WCS | None:
    """Return a WCS of another kind as a FITS WCS; None if it offers no conversion."""
    box = tuple((-0.5, side - 0.5) for side in shape[::-1])
    parts: tuple[Any, ...] = wcs, getattr(wcs, 'low_level_wcs', None)
    for part in parts:
        with suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            if hasattr(part, 'to_header'):
                return WCS(part.to_header())
            if hasattr(part, 'to_fits_sip'):  # of gwcs, which may have no bounding box
                options = {'bounding_box': box} if getattr(part, 'bounding_box', box) is None else {}
                return WCS(part.to_fits_sip(**options))
    return None
