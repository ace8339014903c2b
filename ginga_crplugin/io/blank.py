"""Pixels without a value in integer images: the BLANK card."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.input_mask import InputMask

__all__ = ['Blank', 'read_blank']


@dataclass(frozen=True)
class Blank:
    """The value of the pixels of an integer image that have none (FITS standard 4.0, section 4.4.2.5).

    Attributes
    ----------
    stored : int
        The BLANK card: the value as it is stored in the file.
    value : float
        The same with BZERO and BSCALE applied.
    """

    stored: int
    value: float

    def masks(self, data: np.ndarray) -> tuple[InputMask, ...]:
        """Return the mask of the pixels without a value.

        Parameters
        ----------
        data : (ny, nx) ndarray
            The pixels as astropy returns them: these are NaN in images that it converts to floats, and have their
            value in others, such as unsigned integers.

        Returns
        -------
        tuple of InputMask
            One mask; none if all pixels have a value.
        """
        mask = np.isnan(data) if data.dtype.kind == 'f' else data == self.value
        name = f'no data (BLANK {self.stored})'
        return (InputMask.from_data(name, MaskBit.NO_DATA, mask, 'own'),) if mask.any() else ()


def read_blank(hdu: Any) -> Blank | None:
    """Return the BLANK value of an image; call this before the pixels are read, which changes the header.

    Parameters
    ----------
    hdu : image HDU
        The HDU, tile-compressed or not.

    Returns
    -------
    Blank or None
        None if the header has no valid BLANK, or if the pixels are stored as floats, for which it is not defined.
    """
    header = hdu.header
    stored = header.get('BLANK', header.get('ZBLANK'))
    if header.get('BITPIX', 0) < 0 or not isinstance(stored, int) or isinstance(stored, bool):
        return None
    try:
        return Blank(stored, stored * float(header.get('BSCALE', 1)) + float(header.get('BZERO', 0)))
    except (TypeError, ValueError):
        return None
