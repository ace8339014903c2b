"""The room of Ginga's images: the frame that is on display."""

import warnings
from contextlib import suppress
from pathlib import Path

from astropy.io import fits

from ginga_crplugin.core.pixels import same_pixels
from ginga_crplugin.io.read import make_frame, read_frame

__all__ = ['frame_of_image']


def frame_of_image(image, unit=None):
    """Return the frame that Ginga displays, read from its file where the file holds the very same pixels.

    Parameters
    ----------
    image : `ginga.AstroImage.AstroImage`
    unit : str, optional
        Over what the header says.

    Returns
    -------
    Frame

    Raises
    ------
    ValueError
        If it can't be searched for cosmic rays.
    """
    data, path = image.get_data(), image.get('path', None)
    if data is None or data.ndim != 2:
        msg = f'{image.get("name")} is not a plain image of two axes'
        raise ValueError(msg)
    if path is not None and Path(path).is_file():
        frame = _frame_of_file(Path(path), image.get('idx', None), unit)
        if frame is not None and same_pixels(frame.ccd.data, data):
            return frame
    # a copy: others may change the image in place while it is searched
    return make_frame(data.copy(), _fits_header(image), str(image.get('name')), unit)


def _fits_header(image):
    """Return the cards of an image that say something of its sky and camera, not of the file that it came from."""
    header = fits.Header()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', fits.verify.VerifyWarning)  # a long keyword is a HIERARCH card
        for key, value in image.get_header().items():
            with suppress(ValueError):  # FITS has no room for it
                header[key] = value
    header.strip()
    for key in ('CHECKSUM', 'DATASUM', 'EXTNAME', 'EXTVER'):
        header.remove(key, ignore_missing=True)
    return header


def _frame_of_file(path, ext, unit):
    try:
        return read_frame(path, ext, unit)
    except ValueError as error:
        if 'not a FITS file' in str(error):  # Ginga reads other formats too
            return None
        raise
