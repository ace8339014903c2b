"""The extensions with the cleaned image and its uncertainty."""

from typing import Any

import numpy as np
from astropy.io import fits
from astropy.nddata import UnknownUncertainty

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.repair.repair import Repair

from .provenance import to_cards

__all__ = ['CLEANED_NAMES', 'cleaned_hdus']

#: Names of the extensions.
CLEANED_NAMES = 'CLEANED', 'CLEANED_UNCERT'


def cleaned_hdus(repaired: Repair, name_dq: str) -> list[fits.ImageHDU]:
    """Return the HDUs of the cleaned image and of its uncertainty.

    Parameters
    ----------
    repaired : Repair
        The replacement of the cosmic-ray pixels.
    name_dq : str
        Name of the extension with the causes.

    Returns
    -------
    list of `~astropy.io.fits.ImageHDU`
        ``CLEANED``, and ``CLEANED_UNCERT`` if the frame has an uncertainty of known type.
    """
    image = fits.ImageHDU(repaired.cleaned, name=CLEANED_NAMES[0])
    image.header['BUNIT'] = repaired.frame.ccd.unit.to_string()
    image.header.extend(_replacement_cards(repaired, name_dq))
    uncertainty = repaired.uncertainty
    if uncertainty is None or isinstance(uncertainty, UnknownUncertainty):
        return [image]
    error = fits.ImageHDU(uncertainty.array, name=CLEANED_NAMES[1])
    error.header['UTYPE'] = (type(uncertainty).__name__, 'the type, as CCDData reads it')
    error.header.extend(_replacement_cards(repaired, name_dq)[:2])
    return [image, error]


def _replacement_cards(repaired: Repair, name_dq: str) -> list[fits.Card]:
    """Return the cards that tell which pixels are replaced, and how."""
    names, counts = np.unique(repaired.methods, return_counts=True)
    cards: list[tuple[str, Any, str]] = [
        ('CRREPBIT', int(MaskBit.cosmic_rays()), f'pixels with any of these bits in {name_dq}'),
        ('CRREPNUM', len(repaired.pixels), 'pixels replaced'),
        ('LACLEAN', repaired.detection.params.cleantype, 'how L.A.Cosmic replaces them'),
    ]
    for number, (name, count) in enumerate(zip(names, counts, strict=True), start=1):
        cards.append((f'CRREP{number}', f'{name} {count}', 'repair, and pixels replaced by it'))
    return to_cards(cards)
