"""The room of the kernel of the point spread function, for ``fsmode='convolve'``."""

import numpy as np

from .detection import Unsupported

__all__ = ['kernel_of']


def kernel_of(params, given=None):
    """Return the kernel that the fine structure is convolved with.

    Astro-SCRAPPY reverses the kernels that it makes, and takes one that it is given as it is.

    Parameters
    ----------
    params : LACosmicParams
    given : (n, n) float32 ndarray, optional

    Returns
    -------
    (n, n) float32 ndarray

    Raises
    ------
    Unsupported
        If it has negative values, or no weight in its middle: then a pixel may be left without any weight.
    """
    psf = given if given is not None else _made(params)[::-1, ::-1]
    middle = psf[psf.shape[0] // 2, psf.shape[0] // 2]
    if psf.min() < 0 or not middle > 1e-15 or psf.max() > 1e15:
        msg = 'a kernel with negative values, or none in its middle'
        raise Unsupported(msg)
    return np.ascontiguousarray(psf, dtype=np.float32)


def _made(params):
    import astroscrappy

    if params.psfmodel == 'moffat':
        return _moffat(np.float32(params.psffwhm), np.float32(params.psfbeta), params.psfsize)
    make = {'gauss': 'gausskernel', 'gaussx': 'gaussxkernel', 'gaussy': 'gaussykernel'}[params.psfmodel]
    return getattr(astroscrappy, make)(params.psffwhm, params.psfsize)


def _moffat(fwhm, beta, size):
    """Return Astro-SCRAPPY's Moffat profile, which it doesn't let others call."""
    x = np.tile(np.arange(size) - size // 2, (size, 1))
    y = x.transpose().copy()
    r = np.sqrt(x * x + y * y)
    alpha = float(fwhm) / 2.0 / np.sqrt(np.power(2.0, 1.0 / float(beta)) - 1.0)
    kernel = np.power(1.0 + (r * r / alpha / alpha), -1.0 * float(beta)).astype(np.float32)
    return kernel / kernel.sum()
