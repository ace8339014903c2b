"""Reading input masks from mask files and combined darks."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from ginga_crplugin.core.bits import CAUSE_CARD, CAUSES, MaskBit
from ginga_crplugin.core.image_data import image_plane
from ginga_crplugin.core.input_mask import InputMask, MaskSource
from ginga_crplugin.core.pixels import datasum

from .fits_reader import open_fits, read_pixels
from .image_hdus import image_index
from .read import native_order, read_image

__all__ = ['check_limit', 'read_dark', 'read_mask', 'read_mask_source']


def read_mask(
    path: str | os.PathLike[str],
    bit: MaskBit | None = None,
    ext: int | str | tuple[str, int] | None = None,
    default: MaskBit = MaskBit.INPUT,
) -> InputMask:
    """Read an input mask: pixels that are not 0 are bad.

    Parameters
    ----------
    path : path-like
        A FITS file.
    bit : MaskBit, optional
        The cause: HOT, BAD, or INPUT for other or unknown causes; by default the one named in the file.
    ext : int, str or (str, int), optional
        The extension; by default the one named MASK, or the first image.
    default : MaskBit, optional
        The cause if the file does not name one.

    Returns
    -------
    InputMask
        The mask.

    Raises
    ------
    OSError, ValueError
        As for `read_frame`.
    """
    path = Path(path)
    with open_fits(path) as hdus:
        if ext is None and 'MASK' in hdus:
            ext = 'MASK'
        hdu = hdus[image_index(hdus, ext, path)]
        data = native_order(image_plane(read_pixels(hdu, path), path.name))
        cause = str(hdu.header.get(CAUSE_CARD, '')).strip().lower()
    bit = CAUSES.get(cause, default) if bit is None else MaskBit(bit)
    checksum = datasum(data)
    return InputMask(path.name, bit, data != 0, checksum, origin=MaskSource(path, ext, bit, None, checksum))


def read_dark(path: str | os.PathLike[str], limit: float, ext: int | str | tuple[str, int] | None = None) -> InputMask:
    """Make a mask of the hot pixels of a combined dark.

    Parameters
    ----------
    path : path-like
        A FITS file.
    limit : float
        Pixels above it, in the unit of the dark, and pixels that are not finite, are hot.
    ext : int, str or (str, int), optional
        The extension; by default the first image.

    Returns
    -------
    InputMask
        The mask.

    Raises
    ------
    OSError, ValueError
        As for `read_frame`, or if the limit is not finite.
    """
    check_limit(limit)
    data, checksum = read_image(path, ext)
    origin = MaskSource(Path(path), ext, MaskBit.HOT, float(limit), checksum)
    return InputMask(f'{Path(path).name} > {limit:g}', MaskBit.HOT, ~(data <= limit), checksum, data, origin)


def check_limit(limit: float) -> None:
    """Raise an error if the limit of a dark is not finite.

    Parameters
    ----------
    limit : float
        The limit, in the unit of the dark.

    Raises
    ------
    ValueError
        If it is not finite.
    """
    if not np.isfinite(limit):
        msg = f'the limit of the dark is {limit}: it must be a finite number'
        raise ValueError(msg)


def read_mask_source(source: MaskSource, index: int | None = 0) -> InputMask:
    """Make the input mask that a `MaskSource` describes.

    Parameters
    ----------
    source : MaskSource
        File, extension, cause and checksum of the mask.
    index : int or None, optional
        The number of the frame's HDU, for ``ext='same'``; None if it is not known.

    Returns
    -------
    InputMask
        The mask.

    Raises
    ------
    OSError, ValueError
        As for `read_frame`, or if the checksum of the pixels differs.
    """
    ext = index if source.ext == 'same' else source.ext
    if source.limit is None:
        mask = read_mask(source.path, source.cause, ext)
    else:
        mask = read_dark(source.path, source.limit, ext)
    if source.datasum and source.datasum != mask.datasum:
        sums = f'the DATASUM of its pixels is {mask.datasum}, expected {source.datasum}'
        msg = f'{source.path} was modified: {sums}; restore the file or update the recipe'
        raise ValueError(msg)
    return replace(mask, origin=source) if source.ext == 'same' else mask
