"""Sorted lists of pixels as flat indices."""

import numpy as np

__all__ = ['locate']


def locate(pixels: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find pixels in a sorted list of pixels.

    Parameters
    ----------
    pixels : (n,) int64 ndarray
        Flat indices, sorted.
    wanted : int64 ndarray
        Flat indices of the pixels to find.

    Returns
    -------
    place : int64 ndarray
        Their places in the list, in the shape of ``wanted``; meaningless for those that are not in it.
    found : bool ndarray
        Whether they are in the list.
    """
    if not len(pixels):
        return np.zeros(wanted.shape, np.int64), np.zeros(wanted.shape, bool)
    place = np.minimum(np.searchsorted(pixels, wanted), len(pixels) - 1)
    return place, pixels[place] == wanted
