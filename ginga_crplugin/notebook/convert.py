"""Conversion of images in a notebook to frames and masks."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from astropy.nddata import NDData

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.image_data import split_image
from ginga_crplugin.core.input_mask import InputMask
from ginga_crplugin.core.pixels import datasum
from ginga_crplugin.core.uncertainty import copy_uncertainty
from ginga_crplugin.io.input_masks import check_limit, read_dark, read_mask
from ginga_crplugin.io.read import make_frame, read_frame
from ginga_crplugin.panels.ginga_image import frame_of_image

__all__ = [
    'displayed_image',
    'frame_loader',
    'is_viewer',
    'make_dark_mask',
    'make_input_mask',
    'to_frame',
]


def is_viewer(obj: object) -> bool:
    """Return whether an object has the methods of the astro-image-display-api.

    Parameters
    ----------
    obj : object
        Any object.

    Returns
    -------
    bool
        True for a viewer.
    """
    return all(callable(getattr(obj, name, None)) for name in ('load_image', 'load_catalog', 'set_viewport'))


def displayed_image(viewer: Any, image_label: str | None = None) -> Any:
    """Return the image that a viewer displays.

    Parameters
    ----------
    viewer : `~astro_image_display_api.ImageViewerInterface`
        The viewer.
    image_label : str, optional
        The label of the image, if the viewer has several.

    Returns
    -------
    `~astropy.nddata.NDData`, ndarray, `ginga.AstroImage.AstroImage` or None
        The image; None if the viewer displays none.

    Raises
    ------
    ValueError
        If the viewer has several images and ``image_label`` is not given.
    """
    if viewer.image_labels:
        return viewer.get_image(image_label=image_label)
    ginga = getattr(viewer, 'viewer', None)
    return None if ginga is None else ginga.get_image()


def frame_loader(
    source: Any, ext: Any = None, unit: str | None = None, dq_bits: str | tuple[int, ...] | None = None
) -> Callable[[], Frame]:
    """Return a function that makes a frame from a source, to be called in a worker thread.

    Parameters
    ----------
    source : path-like, Frame, `~astropy.nddata.NDData`, (ny, nx) array_like or `ginga.AstroImage.AstroImage`
        The image.
    ext : int, str or (str, int), optional
        The extension of a file; by default the first image.
    unit : str, optional
        The unit of the pixels; overrides the source.
    dq_bits : str or tuple of int, optional
        The bits of the DQ extension that mask a pixel, see `read_frame`.

    Returns
    -------
    callable
        A function without arguments that returns the `Frame`.

    Raises
    ------
    TypeError, ValueError
        If the source is not an image, or an empty path.
    """
    if isinstance(source, str | os.PathLike):
        if not str(source).strip():
            msg = f'source is {source!r}: give the path of a FITS file'
            raise ValueError(msg)
        return lambda: read_frame(source, ext, unit, dq_bits)
    if isinstance(source, Frame):
        return lambda: source
    if hasattr(source, 'get_data'):  # an image of Ginga
        return lambda: frame_of_image(source, unit, dq_bits)
    if isinstance(source, NDData | list | tuple) or hasattr(source, '__array__'):
        return lambda: to_frame(source, unit)
    msg = f'source is {type(source).__name__}: give a path, a CCDData, an NDData, an array, or an image widget'
    raise TypeError(msg)


def to_frame(source: Any, unit: str | None = None) -> Frame:
    """Return the frame of an array or NDData with its uncertainty; its mask becomes an input mask of unknown cause.

    Parameters
    ----------
    source : `~astropy.nddata.NDData` or (ny, nx) array_like
        The pixels, with or without unit, mask, header and WCS.
    unit : str, optional
        The unit of the pixels; overrides the source.

    Returns
    -------
    Frame
        The frame, with a copy of the pixels.
    """
    ccd, notes = split_image(source, 'source', unit)
    own = copy_uncertainty(ccd.uncertainty)
    data, header = ccd.data.copy(), ccd.header.copy()  # the source may change later
    unit = unit if unit is not None else getattr(source, 'unit', None)
    frame = make_frame(data, header, 'frame', unit, ccd.wcs, notes, uncertainty_source=own)
    frame.ccd.psf = ccd.psf
    if ccd.mask is None:
        return frame
    mask = InputMask.from_data(f'mask of the {type(source).__name__}', MaskBit.INPUT, ccd.mask.copy())
    return frame.replace(masks=(mask, *frame.masks))


def make_input_mask(source: Any, bit: MaskBit) -> InputMask:
    """Return the input mask of a source.

    Parameters
    ----------
    source : path-like, (ny, nx) array_like, `~astropy.nddata.NDData` or InputMask
        An image in which every nonzero pixel is bad; an `InputMask` is returned unchanged.
    bit : MaskBit
        The cause.

    Returns
    -------
    InputMask
        The mask.
    """
    if isinstance(source, InputMask):
        return source
    if isinstance(source, str | os.PathLike):
        return read_mask(source, bit)
    data = np.asarray(source.data if isinstance(source, NDData) else source)
    return InputMask.from_data('mask', bit, data != 0)


def make_dark_mask(source: Any, limit: float) -> InputMask:
    """Return the mask of the hot pixels of a combined dark.

    Parameters
    ----------
    source : path-like, (ny, nx) array_like or `~astropy.nddata.NDData`
        The dark.
    limit : float
        Pixels above this value are hot, in the unit of the dark.

    Returns
    -------
    InputMask
        The mask, with the dark as its image.
    """
    if isinstance(source, str | os.PathLike):
        return read_dark(source, limit)
    check_limit(limit)
    data = np.array(source.data if isinstance(source, NDData) else source)
    return InputMask(f'dark > {limit:g}', MaskBit.HOT, ~(data <= limit), datasum(data), data)
