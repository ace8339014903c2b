"""Medians and robust standard deviations."""

import math

import numpy as np

__all__ = [
    'CHUNK_SIZE',
    'has_distinct',
    'local_medians',
    'median',
    'nanmad_std',
    'nanmedian',
    'row_slices',
    'running_median',
    'subsample',
    'subsample_others',
]

#: Number of pixels that are processed at a time, so that a few arrays of them fit into the cache.
CHUNK_SIZE = 1 << 18

#: Bytes of a row up to which sorting it is faster than sorting its halves, and those faster than partial sorting.
SORTED_SIZE = 2048

#: Ratio of the standard deviation of normally distributed values to their median absolute deviation.
_MAD_TO_STD = 1.482602218505602


def row_slices(shape: tuple[int, int]) -> list[slice]:
    """Divide an image into groups of rows of about `CHUNK_SIZE` pixels.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the image.

    Returns
    -------
    list of slice
        The rows of each group.
    """
    step = max(1, CHUNK_SIZE // shape[1])
    return [slice(begin, min(begin + step, shape[0])) for begin in range(0, shape[0], step)]


def median(values: np.ndarray) -> float:
    """Return the median of finite values, as `numpy.median` does, but several times faster for large arrays.

    Parameters
    ----------
    values : (n,) ndarray
        The values.

    Returns
    -------
    float
        The median.
    """
    half = values.size // 2
    partitioned = np.partition(values, half)
    if values.size % 2:
        return partitioned[half]
    return (partitioned[:half].max() + partitioned[half]) / 2


def nanmedian(values: np.ndarray) -> np.ndarray:
    """Return the medians along the last axis, ignoring NaN.

    The result equals that of `numpy.nanmedian`, which takes several times as long.

    Parameters
    ----------
    values : (..., n) float ndarray
        The values, NaN where they are unknown; none may be infinite.

    Returns
    -------
    (...) ndarray
        The medians; NaN where all values are unknown.
    """
    count = values.shape[-1]
    rows = np.full((values.size // count, count + count % 2), np.nan, dtype=values.dtype)
    rows[:, :count] = values.reshape(-1, count)
    unknown = _balance(rows)
    low, high = _middle(rows)
    with np.errstate(invalid='ignore'):
        medians = (np.where(unknown % 2, low, high) + low) / 2
    medians[unknown == rows.shape[1]] = np.nan
    return medians.reshape(values.shape[:-1])


def _balance(rows: np.ndarray) -> np.ndarray:
    """Replace NaN in rows by plus and minus infinity in turn, and return their number in each row.

    The median of a row stays in its middle: the lower one of the two values there, if that number is odd.
    """
    holes = np.flatnonzero(np.isnan(rows))
    lines = holes // rows.shape[1]
    unknown = np.bincount(lines, minlength=len(rows))
    rank = np.arange(len(holes)) - (np.cumsum(unknown) - unknown)[lines]
    rows.reshape(-1)[holes] = np.where(rank % 2, -np.inf, np.inf)
    return unknown


def _middle(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the two middle values of each row of even length; the rows are reordered."""
    half = rows.shape[1] // 2
    size = rows.itemsize * rows.shape[1]
    if SORTED_SIZE < size <= 4 * SORTED_SIZE:  # the lower and the upper half of two sorted halves
        rows.reshape(-1, half).sort(axis=1)
        one, other = rows[:, :half], rows[:, : half - 1 : -1]
        return np.minimum(one, other).max(axis=1), np.maximum(one, other).min(axis=1)
    if size <= SORTED_SIZE:
        rows.sort(axis=1)
    else:
        rows.partition((half - 1, half), axis=1)
    return rows[:, half - 1], rows[:, half]


def local_medians(image: np.ndarray, pixels: np.ndarray, excluded: np.ndarray, radius: int = 3) -> np.ndarray:
    """Return the median of the good pixels in a square around each of some pixels.

    Parameters
    ----------
    image : (ny, nx) ndarray
        The image, with finite pixels.
    pixels : (n,) int64 ndarray
        Flat indices of the centers.
    excluded : (ny, nx) bool ndarray
        True for pixels that are not used.
    radius : int, optional
        Half the width of the square, without its center.

    Returns
    -------
    (n,) float64 ndarray
        The medians; where no pixel is good, the median of them all.
    """
    ny, nx = image.shape
    dy, dx = (step.ravel() for step in np.mgrid[-radius : radius + 1, -radius : radius + 1])
    medians = np.empty(len(pixels))
    step = max(1, CHUNK_SIZE // len(dy))
    for begin in range(0, len(pixels), step):
        y, x = np.divmod(pixels[begin : begin + step, None], nx)
        y, x = y + dy, x + dx
        inside = (y >= 0) & (y < ny) & (x >= 0) & (x < nx)
        y, x = y.clip(0, ny - 1), x.clip(0, nx - 1)
        values, good = image[y, x].astype(float), inside & ~excluded[y, x]
        some = good.any(axis=1, keepdims=True)
        medians[begin : begin + step] = nanmedian(np.where(np.where(some, good, inside), values, np.nan))
    return medians


def nanmad_std(values: np.ndarray) -> np.ndarray:
    """Return robust standard deviations along the last axis, ignoring NaN, as `astropy.stats.mad_std`.

    Parameters
    ----------
    values : (..., n) float ndarray
        The values, NaN where they are unknown; none may be infinite.

    Returns
    -------
    (...) ndarray
        The standard deviations; NaN where all values are unknown.
    """
    return _MAD_TO_STD * nanmedian(np.abs(values - nanmedian(values)[..., None]))


def running_median(values: np.ndarray, width: int) -> np.ndarray:
    """Return the running median, mirrored at the ends.

    Parameters
    ----------
    values : (n,) ndarray
        The values without NaN, at least ``width // 2 + 1`` of them.
    width : int
        Odd number of values of which each median is taken.

    Returns
    -------
    (n,) ndarray
        The medians.
    """
    mirrored = np.pad(values, width // 2, mode='reflect')
    ordered = np.sort(np.lib.stride_tricks.sliding_window_view(mirrored, width), axis=-1)  # faster than np.median
    return ordered[:, width // 2]


def subsample(values: np.ndarray, count: int = 100_000) -> np.ndarray:
    """Return evenly spaced values of an array.

    Parameters
    ----------
    values : ndarray
        The array.
    count : int, optional
        Number of values, or somewhat more; all values of a smaller array.

    Returns
    -------
    (n,) float64 ndarray
        A copy of the values.
    """
    return values.ravel()[:: _sampling_step(values.size, values.shape[-1], count)].astype(float)


def _sampling_step(size: int, width: int, count: int) -> int:
    step = max(1, size // count)
    while math.gcd(step, width) > 1:  # otherwise only some columns are sampled
        step -= 1
    return step


def subsample_others(values: np.ndarray, excluded: np.ndarray, count: int = 100_000) -> np.ndarray:
    """Return evenly spaced values among those that are not excluded.

    The result equals ``subsample(values[~excluded], count)``, without a copy of all these values.

    Parameters
    ----------
    values : ndarray
        The array.
    excluded : bool ndarray
        True for values that are not sampled.
    count : int, optional
        Number of values, or somewhat more; all of them if there are fewer.

    Returns
    -------
    (n,) float64 ndarray
        A copy of the values.
    """
    left_out = np.flatnonzero(excluded)
    size = values.size - left_out.size
    places = np.arange(0, size, _sampling_step(size, size, count))
    places += np.searchsorted(left_out - np.arange(left_out.size), places, side='right')
    return values.ravel()[places].astype(float)


def has_distinct(values: np.ndarray, count: int) -> bool:
    """Return whether an array has a number of different values.

    Parameters
    ----------
    values : (n,) ndarray
        The array.
    count : int
        The number.

    Returns
    -------
    bool
        True if it has so many or more.
    """
    return any(np.unique(part).size >= count for part in (values[:1000], values))
