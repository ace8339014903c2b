"""Uncertainties of frames, and their use as the noise of the pixels."""

from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.nddata import InverseVariance, NDUncertainty, StdDevUncertainty, VarianceUncertainty

if TYPE_CHECKING:
    from .frame import Frame

__all__ = ['copy_uncertainty', 'detached_uncertainty', 'inflate_uncertainty', 'own_variance']

#: The power of the unit of the frame that is the unit of the uncertainty.
_POWERS: dict[type[NDUncertainty], int] = {StdDevUncertainty: 1, VarianceUncertainty: 2, InverseVariance: -2}


def detached_uncertainty(
    uncertainty: NDUncertainty, shape: tuple[int, ...], unit: u.UnitBase | None
) -> NDUncertainty | None:
    """Return an uncertainty without its reference to an image.

    Parameters
    ----------
    uncertainty : `~astropy.nddata.NDUncertainty`
        The uncertainty.
    shape : tuple of int
        Shape of the image.
    unit : `~astropy.units.UnitBase` or None
        Unit of the image as it was given.

    Returns
    -------
    `~astropy.nddata.NDUncertainty` or None
        The same type, with an array of the shape of the image, in the unit of the image or the power of it that the
        type implies; its own ``unit`` is None. None if it has no array.

    Raises
    ------
    ValueError
        If its shape differs from that of the image, or its unit cannot be converted to that of the image.
    """
    if uncertainty.array is None:
        return None
    array = np.asarray(uncertainty.array)
    while array.ndim > len(shape) and len(array) == 1:
        array = array[0]
    try:
        array = np.broadcast_to(array, shape)
    except ValueError:
        msg = f"the uncertainty: shape {array.shape} differs from the frame's {shape}"
        raise ValueError(msg) from None
    own, cls = uncertainty.unit, type(uncertainty)
    power = next((power for known, power in _POWERS.items() if isinstance(uncertainty, known)), None)
    factor = 1.0 if own is None or power is None or unit is None else own.to(unit**power)
    return cls(array if factor == 1.0 else array * factor, copy=False)


def copy_uncertainty(uncertainty: NDUncertainty | None) -> NDUncertainty | None:
    """Return a copy of an uncertainty that does not refer to an image.

    Parameters
    ----------
    uncertainty : `~astropy.nddata.NDUncertainty` or None
        The uncertainty.

    Returns
    -------
    `~astropy.nddata.NDUncertainty` or None
        The copy; None for None.
    """
    return None if uncertainty is None else type(uncertainty)(uncertainty, copy=True)


def inflate_uncertainty(uncertainty: NDUncertainty, pixels: np.ndarray, scatter: np.ndarray) -> NDUncertainty:
    """Add the error of replaced pixels to an uncertainty, in quadrature.

    Parameters
    ----------
    uncertainty : `~astropy.nddata.NDUncertainty`
        The uncertainty, in the unit of the frame or the power of it that its type implies.
    pixels : (n,) int64 ndarray
        Flat indices of the replaced pixels.
    scatter : (n,) ndarray
        The standard deviations to add, in the unit of the frame.

    Returns
    -------
    `~astropy.nddata.NDUncertainty`
        A copy of the same type, with an array of the same dtype. An inverse variance of 0 remains 0, and an uncertainty
        of unknown type is unchanged.
    """
    inflated = type(uncertainty)(np.array(uncertainty.array), copy=False)
    values = inflated.array.reshape(-1)
    own = values[pixels].astype(float)
    with np.errstate(all='ignore'):
        if isinstance(uncertainty, StdDevUncertainty):
            values[pixels] = np.hypot(own, scatter)
        elif isinstance(uncertainty, VarianceUncertainty):
            values[pixels] = own + scatter**2
        elif isinstance(uncertainty, InverseVariance):
            values[pixels] = own / (1.0 + own * scatter**2)
    return inflated


def own_variance(frame: 'Frame') -> tuple[np.ndarray, list[str]]:
    """Return the variance of the pixels from the uncertainty of a frame.

    Parameters
    ----------
    frame : Frame
        The frame.

    Returns
    -------
    variance : (ny, nx) ndarray
        In the unit of the frame squared. Values that are not finite or not positive are replaced by the median of the
        others.
    notes : list of str
        How many were replaced, if any.

    Raises
    ------
    ValueError
        If the frame has no uncertainty, its type or unit is not known, or none of its values is positive and finite.
    """
    uncertainty = frame.uncertainty
    if uncertainty is None:
        msg = f'{frame.name} has no uncertainty (UNCERT, ERR, VAR or IVAR) to use as the noise: give a variance image'
        raise ValueError(msg)
    if not isinstance(uncertainty, StdDevUncertainty | VarianceUncertainty | InverseVariance):
        name = type(uncertainty).__name__
        msg = f'the uncertainty of {frame.name} is {name}, not a standard deviation or variance: give a variance image'
        raise ValueError(msg)
    with np.errstate(all='ignore'):
        values = np.asarray(uncertainty.represent_as(VarianceUncertainty).array)  # in the unit of the frame squared
        values = values.astype(values.dtype.newbyteorder('=') if values.dtype.kind == 'f' else np.float32, copy=False)
        good = (values > 0.0) & (values < np.finfo(np.float32).max)
    if not good.any():
        msg = f'the uncertainty of {frame.name} has no positive, finite values: give a variance image'
        raise ValueError(msg)
    count = good.size - np.count_nonzero(good)
    if not count:
        return values, []
    note = f'{count} px of the uncertainty are not finite and positive: using the median variance there'
    return np.where(good, values, np.median(values[good])), [note]
