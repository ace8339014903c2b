"""Sorted lists of pixels as flat indices."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ['connected_labels', 'locate']


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


def connected_labels(pixels: np.ndarray, nx: int) -> np.ndarray:
    """Label 8-connected pixels.

    Parameters
    ----------
    pixels : (n,) int64 ndarray
        Flat indices, sorted.
    nx : int
        Width of the frame.

    Returns
    -------
    (n,) int32 ndarray
        The label of each pixel, from 1 in the order of the first pixels of the segments.
    """
    x = pixels % nx
    padded = np.append(pixels, np.iinfo(pixels.dtype).max)  # the pixel after the last is a neighbor of none
    right, below = np.arange(1, len(padded)), np.searchsorted(pixels, pixels + (nx - 1))
    links = []
    for step, inside in ((1, x < nx - 1), (nx - 1, x > 0), (nx, True), (nx + 1, x < nx - 1)):
        neighbor = right if step == 1 else below
        found = padded[neighbor] == pixels + step
        linked = np.flatnonzero(found & inside)
        links.append((linked, neighbor[linked]))
        if step > 1:
            below = below + found  # the pixels are sorted: the next neighbor is the next pixel
    one, other = (np.concatenate(ends) for ends in zip(*links, strict=True))
    graph = coo_array((np.ones(len(one), dtype=bool), (one, other)), shape=(len(pixels), len(pixels)))
    count, component = connected_components(graph, directed=False)
    first = np.full(count, len(pixels))
    np.minimum.at(first, component, np.arange(len(pixels)))
    number = np.empty(count, dtype=np.int32)
    number[np.argsort(first)] = np.arange(1, count + 1)
    return number[component]
