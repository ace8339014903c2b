"""Checks, comparison and checksums of images."""

import numpy as np
from astropy.io import fits

__all__ = ['DTYPES', 'MAX_VALUE', 'MIN_SIDE', 'check_pixels', 'datasum', 'same_pixels']

#: The smallest side of a frame in pixels. The median filters need it, and Astro-SCRAPPY corrupts memory on frames one
#: or two pixels wide.
MIN_SIDE = 16

#: Values beyond this are treated as infinite: their squares exceed the range of float32.
MAX_VALUE = 1e30

#: The dtypes that FITS supports.
DTYPES = {'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f4', 'f8'}


def check_pixels(data: np.ndarray, name: str) -> None:
    """Check that L.A.Cosmic can be run on an image.

    Parameters
    ----------
    data : ndarray
        The pixels.
    name : str
        The name of the image in messages.

    Raises
    ------
    ValueError
        If they are not two-dimensional numbers, too few, or all non-finite.
    """
    if data.ndim != 2:
        msg = f'{name} has {data.ndim} axes, shape {data.shape}: an image must have 2 axes'
        raise ValueError(msg)
    if f'{data.dtype.kind}{data.dtype.itemsize}' not in DTYPES:
        msg = f'{name} has dtype {data.dtype}: use integers of 8 to 64 bits or floats of 32 or 64 bits'
        raise ValueError(msg)
    if min(data.shape) < MIN_SIDE:
        msg = f'{name} has shape {data.shape}: it must have at least {MIN_SIDE} x {MIN_SIDE} pixels'
        raise ValueError(msg)
    if data.dtype.kind == 'f' and not any((np.abs(row) <= MAX_VALUE).any() for row in data):
        msg = f'{name} has no finite pixels'
        raise ValueError(msg)


def same_pixels(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether two images have the same values, where NaN equals NaN.

    NaN are compared only in rows that differ, to save time and memory.

    Parameters
    ----------
    one, other : ndarray
        The images.

    Returns
    -------
    bool
        True if shapes and values are the same.
    """
    nan = one.dtype.kind == other.dtype.kind == 'f'
    rows = zip(one, other, strict=True) if one.shape == other.shape else [(one, other)]
    return all(np.array_equal(a, b) or (nan and np.array_equal(a, b, equal_nan=True)) for a, b in rows)


def datasum(data: np.ndarray) -> str:
    """Return the FITS checksum (DATASUM) of an array as it would be written.

    Parameters
    ----------
    data : ndarray
        The array.

    Returns
    -------
    str
        The checksum.
    """
    if data.dtype in (np.float32, np.int32) and data.flags.c_contiguous:
        # sum the 32-bit words directly, which is several times faster
        total = int(data.view(np.uint32).sum(dtype=np.uint64))
        return str(total and (total - 1) % 0xFFFFFFFF + 1)
    pixels = data.astype(np.uint8) if data.dtype == bool else data.view()
    pixels.flags.writeable = False  # otherwise astropy briefly swaps the bytes in place, which other threads could see
    hdu = fits.ImageHDU(pixels)
    hdu.add_datasum()
    return hdu.header['DATASUM']
