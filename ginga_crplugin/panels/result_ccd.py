"""Conversion of results to `~astropy.nddata.CCDData`."""

from copy import copy

import numpy as np
from astropy.nddata import CCDData

from ginga_crplugin.core.bits import merge_mask
from ginga_crplugin.core.decisions import Decisions
from ginga_crplugin.core.repair.repair import Repair
from ginga_crplugin.core.uncertainty import copy_uncertainty
from ginga_crplugin.session.result import Result

__all__ = ['cleaned_ccd', 'masked_ccd']


def masked_ccd(result: Result, decisions: Decisions) -> CCDData:
    """Return the frame of a result with the merged mask.

    Parameters
    ----------
    result : Result
        The result.
    decisions : Decisions
        The review decisions.

    Returns
    -------
    `~astropy.nddata.CCDData`
        The unchanged pixels, with ``mask`` and, as ``flags``, the causes (`MaskBit`), and with the unit, header, WCS,
        uncertainty and PSF of the frame.
    """
    return _with_mask(result, decisions, result.frame.ccd.data.copy())


def cleaned_ccd(result: Result, decisions: Decisions, repaired: Repair) -> CCDData:
    """Return the cleaned frame of a result with the merged mask.

    Parameters
    ----------
    result : Result
        The result.
    decisions : Decisions
        The review decisions.
    repaired : Repair
        The replacement of the cosmic-ray pixels (`~ginga_crplugin.session.repairing.Repairing.current`).

    Returns
    -------
    `~astropy.nddata.CCDData`
        The cleaned pixels, with everything else as in `masked_ccd`. Pixels whose ``flags`` have a bit of
        `MaskBit.cosmic_rays` are replaced, and their uncertainty is inflated.
    """
    ccd = _with_mask(result, decisions, repaired.cleaned)
    if ccd.uncertainty is not None:
        ccd.uncertainty = repaired.uncertainty
    return ccd


def _with_mask(result: Result, decisions: Decisions, data: np.ndarray) -> CCDData:
    frame, plane = result.frame.ccd, merge_mask(result.frame, result.detection, decisions.mask)
    ccd = CCDData(data, unit=frame.unit, mask=plane != 0, header=frame.header.copy(), wcs=frame.wcs)
    ccd.flags, ccd.uncertainty, ccd.psf = plane, copy_uncertainty(result.frame.uncertainty), copy(frame.psf)
    return ccd
