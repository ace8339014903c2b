"""A drop-in replacement for `ccdproc.cosmicray_lacosmic`."""

import os
import warnings

import numpy as np
from astropy import units as u
from astropy.nddata import CCDData
from astropy.utils.decorators import deprecated_renamed_argument
from astropy.utils.exceptions import AstropyDeprecationWarning

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.input_mask import InputMask
from ginga_crplugin.core.params import LACosmicParams

from . import compilation
from .detection import Unsupported

__all__ = ['cosmicray_lacosmic']


@deprecated_renamed_argument(
    'pssl', None, '2.3.0', arg_in_kwargs=True, alternative='ccdproc 3.0 removes it. Use inbkg instead.'
)
def cosmicray_lacosmic(
    ccd: CCDData | np.ndarray,
    sigclip: float = 4.5,
    sigfrac: float = 0.3,
    objlim: float = 5.0,
    gain: float | u.Quantity = 1.0,
    readnoise: float | u.Quantity = 6.5,
    satlevel: float = 65535.0,
    pssl: float = 0.0,
    niter: int = 4,
    sepmed: bool = True,  # noqa: FBT001, FBT002 - ccdproc's own signature
    cleantype: str = 'meanmask',
    fsmode: str = 'median',
    psfmodel: str = 'gauss',
    psffwhm: float = 2.5,
    psfsize: int = 7,
    psfk: np.ndarray | None = None,
    psfbeta: float = 4.765,
    verbose: bool = False,  # noqa: FBT001, FBT002
    gain_apply: bool = True,  # noqa: FBT001, FBT002
    inbkg: np.ndarray | None = None,
    invar: np.ndarray | None = None,
) -> CCDData | tuple[np.ndarray, np.ndarray]:
    """Identify cosmic rays with L.A.Cosmic, as `ccdproc.cosmicray_lacosmic` does, in a small fraction of the time.

    Signature, units, warnings and results are those of ccdproc: data, mask, unit, meta and dtype are equal, bit for
    bit. ccdproc itself computes what the engine cannot: pixels that are not finite and not masked, ``verbose``,
    ``cleantype='median'``, and inputs of unusual type or size. Errors are then those of ccdproc.

    Parameters
    ----------
    ccd : `~astropy.nddata.CCDData` or (ny, nx) ndarray
        The image. A mask in it is excluded from the search, grown by one pixel.
    sigclip : float, optional
        Laplacian signal-to-noise limit of a cosmic ray.
    sigfrac : float, optional
        The fraction of ``sigclip`` that is the limit for neighbors of a cosmic ray.
    objlim : float, optional
        Minimum contrast between the Laplacian and the fine-structure image.
    gain : float or `~astropy.units.Quantity`, optional
        Gain, electron/adu.
    readnoise : float or `~astropy.units.Quantity`, optional
        Read noise, electron rms.
    satlevel : float, optional
        Saturation level, electron.
    pssl : float, optional
        Subtracted sky level, adu. Deprecated by ccdproc; use ``inbkg``.
    niter : int, optional
        Maximum number of iterations.
    sepmed : bool, optional
        Use separable median filters.
    cleantype : {'meanmask', 'medmask', 'idw', 'median'}, optional
        How flagged pixels are replaced.
    fsmode : {'median', 'convolve'}, optional
        How the fine-structure image is made.
    psfmodel : {'gauss', 'gaussx', 'gaussy', 'moffat'}, optional
        Model of the point spread function, for ``fsmode='convolve'``.
    psffwhm : float, optional
        Its full width at half maximum, pixels.
    psfsize : int, optional
        Side of its kernel, pixels.
    psfk : (n, n) float32 ndarray, optional
        Kernel of the point spread function, in place of a model.
    psfbeta : float, optional
        Exponent of the Moffat profile.
    verbose : bool, optional
        Print each iteration.
    gain_apply : bool, optional
        Return data multiplied by the gain.
    inbkg : (ny, nx) ndarray, optional
        Background image, in the unit of ``ccd``; it is subtracted for the search and restored.
    invar : (ny, nx) float32 ndarray, optional
        Variance image, in that unit squared.

    Returns
    -------
    nccd : `~astropy.nddata.CCDData` or (ny, nx) ndarray
        The cleaned image, of the type of ``ccd``; everything else in a CCDData is copied.
    crmask : (ny, nx) bool ndarray
        The cosmic rays; only for an array. For a CCDData they are added to its mask.

    Raises
    ------
    TypeError
        If ``ccd`` is neither a CCDData nor an array.
    ValueError
        If the units of ``ccd``, ``gain`` and ``readnoise`` are inconsistent, or a value is not allowed.

    References
    ----------
    van Dokkum, P. G. 2001, PASP, 113, 1420; McCully, C. et al. 2018, Astro-SCRAPPY, doi:10.5281/zenodo.1482019

    Examples
    --------
    >>> import numpy as np
    >>> from ginga_crplugin import cosmicray_lacosmic
    >>> data = np.full((32, 32), 100.0, dtype=np.float32)
    >>> data[16, 16] = 5000
    >>> cleaned, crmask = cosmicray_lacosmic(data, sigclip=5)
    >>> int(crmask.sum()), float(cleaned[16, 16])
    (1, 100.0)
    """
    options = {
        'sigclip': sigclip,
        'sigfrac': sigfrac,
        'objlim': objlim,
        'satlevel': satlevel,
        'niter': niter,
        'sepmed': sepmed,
        'cleantype': cleantype,
        'fsmode': fsmode,
        'psfmodel': psfmodel,
        'psffwhm': psffwhm,
        'psfsize': psfsize,
        'psfbeta': psfbeta,
    }
    images = {'inbkg': inbkg, 'invar': invar, 'psfk': psfk}
    factor = gain if isinstance(gain, u.Quantity) else gain * u.electron / u.adu
    noise = readnoise if isinstance(readnoise, u.Quantity) else readnoise * u.electron
    if pssl != 0 and (inbkg is not None or invar is not None):
        raise ValueError('Cannot set both pssl and inbkg')
    data, mask = ccd, None
    if isinstance(ccd, CCDData):
        data, mask, factor = ccd.data, ccd.mask, _consistent_gain(ccd, factor, noise)
    options |= {'gain': factor.value, 'readnoise': noise.value}
    found = None if verbose else _detect(data, mask, pssl, options, images)
    if found is None:
        options |= {'gain': gain, 'readnoise': readnoise, 'verbose': verbose, 'gain_apply': gain_apply}
        return _by_ccdproc(ccd, pssl, options | images)
    crmask, cleaned = found
    if pssl != 0:
        cleaned = cleaned - pssl
    if gain_apply and factor.value != 1.0:
        cleaned = cleaned * factor.value
    return _cleaned_ccd(ccd, cleaned, crmask, factor.unit) if isinstance(ccd, CCDData) else (cleaned, crmask)


def _consistent_gain(ccd, gain, readnoise):
    """Return the gain with the unit that ccdproc uses for this image; raise a ValueError if the units disagree."""
    if ccd.unit.is_equivalent(u.electron) and gain.value != 1.0:
        text = 'Image unit is electron but gain value is not 1.0. Data maybe end up being gain corrected twice.'
        warnings.warn(text, stacklevel=4)
        return gain
    if ccd.unit == u.electron and readnoise.unit == u.electron and gain.value == 1.0:
        gain = gain.value * u.one
    if not (gain * ccd.unit).unit.is_equivalent(readnoise.unit):
        msg = f'Inconsistent units for gain ({gain.unit})  ccd ({ccd.unit}) and readnoise ({readnoise.unit}).'
        raise ValueError(msg)
    return gain


def _cleaned_ccd(ccd, cleaned, crmask, factor):
    new = ccd.copy()
    new.unit = ccd.unit * factor
    new.data = cleaned
    new.mask = crmask if new.mask is None else new.mask + crmask
    return new


def _by_ccdproc(ccd, pssl, options):
    from ccdproc import cosmicray_lacosmic as reference

    with warnings.catch_warnings():  # this function has emitted them already
        warnings.filterwarnings('ignore', message='.*pssl', category=AstropyDeprecationWarning)
        warnings.filterwarnings('ignore', message='Image unit is electron', category=UserWarning)
        return reference(ccd, **({'pssl': pssl} if pssl != 0 else {}), **options)


def _detect(data, mask, pssl, options, images):
    """Return mask and cleaned pixels as `astroscrappy.detect_cosmics` does, or None if the engine cannot."""
    if not _is_plain(data, mask, options, images) or not compilation.usable():
        return None
    from .engine import LACosmic

    if pssl != 0:
        data = data + pssl
    background, variance = images['inbkg'], images['invar']
    try:
        params = LACosmicParams(**options)
        masks = () if mask is None else (InputMask('mask', MaskBit.INPUT, mask),)
        frame = Frame(data, masks=masks, background=background, variance=variance, psfk=images['psfk'])
        if frame.nonfinite.any():
            return None
        detection = LACosmic(frame, params, _threads()).detect()
    except (Unsupported, ValueError):
        return None
    gain = np.float32(options['gain'])
    cleaned = _electrons(data, gain)
    if background is not None:
        sky = _electrons(background, gain)
        cleaned = (cleaned - sky) + sky  # the rounding of Astro-SCRAPPY
    cleaned /= gain
    cleaned.reshape(-1)[detection.indices] = detection.values
    return detection.crmask.copy(), cleaned


def _electrons(image, gain):
    return (image * float(gain)).astype(np.float32, copy=False)


def _is_plain(data, mask, options, images):
    """Return whether the engine and Astro-SCRAPPY interpret all inputs in the same way."""
    numbers = [value for name, value in options.items() if name not in _NOT_FLOAT]
    return (
        type(data) is np.ndarray
        and (mask is None or (type(mask) is np.ndarray and mask.dtype == bool and mask.shape == data.shape))
        and all(isinstance(value, int | float | np.floating) for value in numbers)
        and all(isinstance(options[name], int) for name in ('niter', 'psfsize'))
        and isinstance(options['sepmed'], bool)
        and all(image is None or (type(image) is np.ndarray and image.dtype.kind == 'f') for image in images.values())
        and all(images[name] is None or images[name].dtype == np.float32 for name in ('invar', 'psfk'))
    )


_NOT_FLOAT = {'niter', 'psfsize', 'sepmed', 'cleantype', 'fsmode', 'psfmodel'}


def _threads():
    """Return the number of threads that Astro-SCRAPPY would use."""
    limit = os.environ.get('OMP_NUM_THREADS', '')
    available = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    return min(int(limit), available) if limit.isdigit() and int(limit) else available
