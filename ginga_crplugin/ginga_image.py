"""The room of Ginga's images: the frame that is on display."""

from pathlib import Path

import numpy as np
from astropy.nddata import CCDData

from .core.frame import Frame
from .core.header import frame_unit
from .core.read import read_frame

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
        if frame is not None and np.array_equal(frame.ccd.data, data, equal_nan=data.dtype.kind == 'f'):
            return frame
    header = dict(image.get_header())
    unit = unit or header.get('BUNIT') or 'adu'
    return Frame(CCDData(data, unit=frame_unit(unit), header=header), name=str(image.get('name')))


def _frame_of_file(path, ext, unit):
    try:
        return read_frame(path, ext, unit)
    except ValueError as error:
        if 'not a FITS file' in str(error):  # Ginga reads other formats too
            return None
        raise
