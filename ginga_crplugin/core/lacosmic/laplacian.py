"""The Laplacian L+ of Astro-SCRAPPY, and whether the kernels reproduce it."""

from functools import lru_cache

import numpy as np

from . import filters

__all__ = ['laplacian_agrees', 'reference_laplacian']


def reference_laplacian(image: np.ndarray) -> np.ndarray:
    """Return L+ of an image by Astro-SCRAPPY (van Dokkum 2001).

    L+ is the Laplacian of the image with each pixel divided into 2 x 2, negative values set to 0, and resampled to the
    original pixels.

    Parameters
    ----------
    image : (ny, nx) float32 ndarray
        Electrons without the sky.

    Returns
    -------
    (ny, nx) float32 ndarray
        L+.
    """
    from astroscrappy.utils import laplaceconvolve, rebin, subsample

    convolved = laplaceconvolve(subsample(np.ascontiguousarray(image)))
    return rebin(np.maximum(convolved, np.float32(0), out=convolved))


@lru_cache(maxsize=1)
def laplacian_agrees() -> bool:
    """Test whether `filters.laplacian` rounds as the installed build of Astro-SCRAPPY does.

    Astro-SCRAPPY is compiled with options that allow the compiler to reorder sums, so that the rounding depends on the
    build.

    Returns
    -------
    bool
        Whether both give the same values for a random image.
    """
    rng = np.random.default_rng(4)
    image = (1000 * rng.standard_normal((67, 93)) ** 3).astype(np.float32)
    own = np.empty(image.size, np.float32)
    filters.laplacian(image.ravel(), image.shape[1], own)
    return np.array_equal(own.reshape(image.shape)[1:-1, 1:-1], reference_laplacian(image)[1:-1, 1:-1])
