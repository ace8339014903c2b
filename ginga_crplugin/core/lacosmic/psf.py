"""Kernels of the point spread function for ``fsmode='convolve'``."""

import numpy as np

from ginga_crplugin.core.params import LACosmicParams

from .detection import Unsupported

__all__ = ['psf_kernel']


def psf_kernel(params: LACosmicParams, psfk: np.ndarray | None = None) -> np.ndarray:
    """Return the kernel with which the fine structure is convolved.

    Astro-SCRAPPY reverses the kernels of its own models, but not a given kernel.

    Parameters
    ----------
    params : LACosmicParams
        The model of the point spread function: ``psfmodel``, ``psffwhm``, ``psfsize``, ``psfbeta``.
    psfk : (n, n) float32 ndarray, optional
        A kernel that is used instead of the model.

    Returns
    -------
    (n, n) float32 ndarray
        The kernel.

    Raises
    ------
    Unsupported
        If the kernel has negative values or no weight at its center: the weights of a pixel could then sum to zero.
    """
    psf = psfk if psfk is not None else _model(params)[::-1, ::-1]
    center = psf[psf.shape[0] // 2, psf.shape[0] // 2]
    if psf.min() < 0 or not center > 1e-15 or psf.max() > 1e15:
        msg = 'the kernel of the point spread function has negative values or no weight at its center'
        raise Unsupported(msg)
    return np.ascontiguousarray(psf, dtype=np.float32)


def _model(params):
    import astroscrappy

    if params.psfmodel == 'moffat':
        return _moffat(np.float32(params.psffwhm), np.float32(params.psfbeta), params.psfsize)
    name = {'gauss': 'gausskernel', 'gaussx': 'gaussxkernel', 'gaussy': 'gaussykernel'}[params.psfmodel]
    return getattr(astroscrappy, name)(params.psffwhm, params.psfsize)


def _moffat(fwhm, beta, size):
    """Return the Moffat profile of Astro-SCRAPPY, which has no public function for it."""
    x = np.tile(np.arange(size) - size // 2, (size, 1))
    y = x.transpose().copy()
    r = np.sqrt(x * x + y * y)
    alpha = float(fwhm) / 2.0 / np.sqrt(np.power(2.0, 1.0 / float(beta)) - 1.0)
    kernel = np.power(1.0 + (r * r / alpha / alpha), -1.0 * float(beta)).astype(np.float32)
    return kernel / kernel.sum()
