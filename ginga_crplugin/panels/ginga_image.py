"""Conversion of Ginga images to frames."""

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.image_data import image_plane
from ginga_crplugin.core.input_mask import InputMask
from ginga_crplugin.core.metadata import fits_header
from ginga_crplugin.core.pixels import same_pixels
from ginga_crplugin.core.uncertainty import detached_uncertainty
from ginga_crplugin.io.read import make_frame, read_frame

__all__ = ['frame_of_image']


def frame_of_image(image: Any, unit: str | None = None, dq_bits: str | tuple[int, ...] | None = None) -> Frame:
    """Return the frame of an image in Ginga.

    The frame is read from the file of the image if the file holds the same pixels; it then has the masks of the file
    too.

    Parameters
    ----------
    image : `ginga.AstroImage.AstroImage`
        The image.
    unit : str, optional
        The unit of the pixels; overrides the header.
    dq_bits : str or tuple of int, optional
        The bits of the DQ extension that mask a pixel, see `read_frame`.

    Returns
    -------
    Frame
        The frame, with a copy of the pixels.

    Raises
    ------
    ValueError
        If the image is not suitable for a search.
    """
    data, path = image.get_data(), image.get('path', None)
    if data is None:
        msg = f'{image.get("name")} has no pixels; a frame is an image with two axes'
        raise ValueError(msg)
    data = image_plane(data, str(image.get('name')))
    if path is not None and Path(path).is_file():
        frame = _frame_of_file(Path(path), image.get('idx', None), unit, dq_bits)
        if frame is not None and same_pixels(frame.ccd.data, data):
            return frame
    ccd = image.get('ccd', None)  # of a cleaned frame
    if isinstance(ccd, CCDData) and same_pixels(ccd.data, data):
        return _frame_of_ccd(ccd, str(image.get('name')), unit)
    # a copy: other plugins may change the image in place during the search
    return make_frame(data.copy(), _fits_header(image), str(image.get('name')), unit)


def _frame_of_ccd(ccd: CCDData, name: str, unit: str | None) -> Frame:
    mask = InputMask.from_data('mask of the image', MaskBit.INPUT, np.asarray(ccd.mask))
    return make_frame(
        ccd.data.copy(),
        ccd.header.copy(),
        name,
        ccd.unit if unit is None else unit,
        ccd.wcs,
        masks=(mask,),
        uncertainty_source=None
        if ccd.uncertainty is None
        else detached_uncertainty(ccd.uncertainty, ccd.shape, ccd.unit),
    )


def _fits_header(image: Any) -> fits.Header:
    """Return the header cards of an image, without those that describe its file."""
    header, _ = fits_header(dict(image.get_header().items()))
    header.strip()
    for key in ('CHECKSUM', 'DATASUM', 'EXTNAME', 'EXTVER'):
        header.remove(key, ignore_missing=True)
    return header


def _frame_of_file(path: Path, ext: Any, *reading: Any) -> Frame | None:
    try:
        return read_frame(path, ext, *reading)
    except ValueError as error:
        if 'not a FITS file' in str(error):  # Ginga reads other formats too
            return None
        raise
