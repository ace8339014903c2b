"""The room of what a notebook calls an image: paths, arrays, CCDData, what a viewer displays; as frames, and back."""

import os
from contextlib import suppress

import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData, NDData

from ginga_crplugin.core.bits import MaskBit, merge_mask
from ginga_crplugin.core.frame import Frame, InputMask
from ginga_crplugin.core.pixels import datasum
from ginga_crplugin.io.input_masks import check_limit, read_dark, read_mask
from ginga_crplugin.io.read import make_frame, read_frame
from ginga_crplugin.panels.ginga_image import frame_of_image

__all__ = [
    'cleaned_ccd',
    'displayed_image',
    'frame_loader',
    'is_viewer',
    'make_dark_mask',
    'make_input_mask',
    'masked_ccd',
    'to_frame',
]


def is_viewer(thing):
    """Tell whether it speaks the astro-image-display-api."""
    return all(callable(getattr(thing, name, None)) for name in ('load_image', 'load_catalog', 'set_viewport'))


def displayed_image(viewer, image_label=None):
    """Return what a viewer displays: NDData, an array or a Ginga image; None if it displays nothing.

    Raises
    ------
    ValueError
        If it has several images, and ``image_label`` does not say which.
    """
    if viewer.image_labels:
        return viewer.get_image(image_label=image_label)
    ginga = getattr(viewer, 'viewer', None)
    return None if ginga is None else ginga.get_image()


def frame_loader(source, ext=None, unit=None):
    """Return a function that makes a frame of a source, to be called in a worker.

    Raises
    ------
    TypeError
        If it is nothing that could be an image.
    """
    if isinstance(source, str | os.PathLike):
        return lambda: read_frame(source, ext, unit)
    if isinstance(source, Frame):
        return lambda: source
    if hasattr(source, 'get_data'):  # Ginga's
        return lambda: frame_of_image(source, unit)
    if isinstance(source, NDData | list | tuple) or hasattr(source, '__array__'):
        return lambda: to_frame(source, unit)
    msg = f'source is {type(source).__name__}: give a path, a CCDData, an NDData, an array, or an image widget'
    raise TypeError(msg)


def to_frame(source, unit=None):
    """Make a frame of an array or NDData; its mask becomes an input mask of unknown cause.

    Parameters
    ----------
    source : `~astropy.nddata.NDData` or (ny, nx) array_like
        With or without unit, mask, header and WCS.
    unit : str, optional
        The unit of the pixels, over what the source says.

    Returns
    -------
    Frame
    """
    data = np.array(source.data if isinstance(source, NDData) else np.ma.getdata(source))  # a copy: it may be changed
    unit = unit if unit is not None else getattr(source, 'unit', None)
    wcs = getattr(source, 'wcs', None)
    frame = make_frame(data, _header(getattr(source, 'meta', {})), 'frame', unit, wcs=wcs)
    mask = getattr(source, 'mask', None)
    if mask is None or mask is np.ma.nomask:
        return frame
    mask = np.array(np.broadcast_to(np.asarray(mask, dtype=bool), data.shape))
    name = f'mask of the {type(source).__name__}'
    return frame.replace(masks=(InputMask.from_data(name, MaskBit.INPUT, mask, 'own'),))


def _header(meta):
    if isinstance(meta, fits.Header):
        return meta.copy()
    header = fits.Header()
    for key, value in meta.items():
        with suppress(ValueError):  # FITS has no room for it
            header[key] = value
    return header


def make_input_mask(source, bit):
    """Make an input mask of a path, an array, NDData, or an `InputMask`, which is taken as it is."""
    if isinstance(source, InputMask):
        return source
    if isinstance(source, str | os.PathLike):
        return read_mask(source, bit)
    data = np.asarray(source.data if isinstance(source, NDData) else source)
    return InputMask.from_data('mask', bit, data != 0)


def make_dark_mask(source, limit):
    """Make a mask of the hot pixels of a dark: a path, an array or NDData."""
    if isinstance(source, str | os.PathLike):
        return read_dark(source, limit)
    check_limit(limit)
    data = np.array(source.data if isinstance(source, NDData) else source)
    return InputMask(f'dark > {limit:g}', MaskBit.HOT, ~(data <= limit), datasum(data), data)


def masked_ccd(result, decisions):
    """Return the frame of a result with the merged mask, and its causes as flags."""
    return _with_mask(result, decisions, result.frame.ccd.data.copy())


def cleaned_ccd(result, decisions):
    """Return the same with its cosmic rays replaced, but not those that were rejected."""
    data, rejected = result.detection.cleaned.copy(), decisions.rejected
    data.ravel()[rejected] = result.frame.ccd.data.ravel()[rejected]
    return _with_mask(result, decisions, data)


def _with_mask(result, decisions, data):
    frame, plane = result.frame.ccd, merge_mask(result.frame, result.detection, decisions.mask)
    ccd = CCDData(data, unit=frame.unit, mask=plane != 0, header=frame.header.copy(), wcs=frame.wcs)
    ccd.flags = plane
    return ccd
