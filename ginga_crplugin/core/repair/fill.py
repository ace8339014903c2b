"""Values that replace pixels, computed from the good pixels around them."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ginga_crplugin.core.flat_indices import connected_labels
from ginga_crplugin.core.stats import CHUNK_SIZE, nanmad_std, nanmedian, subsample

from .surroundings import Surroundings, square

__all__ = [
    'fill_from_exposure',
    'fill_from_line',
    'fill_from_surface',
    'fill_inwards',
    'fill_like_lacosmic',
]

#: Largest distance in pixels of the good pixels of a line.
_REACH = 12

#: Half the width of the square to which a surface is fitted, standard deviation of the weights of its pixels in pixels,
#: minimum number of good pixels, and largest condition number.
_SURFACE_RADIUS, _SURFACE_SIGMA, _SURFACE_MIN, _CONDITION = 3, 1.0, 9, 1e6

#: Significance and number of pixels from which the ratio of two exposures is measured.
_BRIGHT, _MIN_BRIGHT = 10.0, 20


def fill_like_lacosmic(near: Surroundings, pixels: np.ndarray, cleantype: str) -> np.ndarray:
    """Return the values by the rule of L.A.Cosmic, from the good pixels in 5 x 5.

    Parameters
    ----------
    near : Surroundings
        The good pixels.
    pixels : (n,) int64 ndarray
        Flat indices.
    cleantype : {'meanmask', 'medmask', 'idw'}
        Mean, median, or mean weighted by inverse distance.

    Returns
    -------
    (n,) float64 ndarray
        The values; NaN where no pixel in 5 x 5 is good.
    """
    dy, dx = square(2)
    values = near.values(pixels, dy, dx)
    if cleantype == 'medmask':
        return nanmedian(values)
    distance = np.hypot(dy, dx)
    weight = 1.0 / np.maximum(distance, 1.0) if cleantype == 'idw' else np.ones(len(dy))
    weights = np.where(np.isnan(values), 0.0, weight)
    total = weights.sum(axis=1)
    return np.divide(np.nansum(weights * values, axis=1), total, out=np.full(len(pixels), np.nan), where=total > 0)


def fill_from_line(near: Surroundings, pixels: np.ndarray, axis: int) -> np.ndarray:
    """Interpolate linearly between the nearest good pixels on either side, along an axis.

    Parameters
    ----------
    near : Surroundings
        The good pixels.
    pixels : (n,) int64 ndarray
        Flat indices.
    axis : {0, 1}
        0 for columns, 1 for rows.

    Returns
    -------
    (n,) float64 ndarray
        The values; that of one side if the other has no good pixel, NaN if none has.
    """
    sides = []
    for sign in (-1, 1):
        offsets = np.zeros((2, _REACH), dtype=int)
        offsets[axis] = sign * np.arange(1, _REACH + 1)
        values = near.values(pixels, *offsets)
        nearest = np.argmax(~np.isnan(values), axis=1)  # 0 if none is good, where the value is NaN
        sides.append((values[np.arange(len(pixels)), nearest], nearest + 1))
    (low, left), (high, right) = sides
    between = low + (high - low) * left / (left + right)
    return np.where(np.isnan(low), high, np.where(np.isnan(high), low, between))


def fill_from_surface(near: Surroundings, pixels: np.ndarray) -> np.ndarray:
    """Fit a quadratic surface to the good pixels in 7 x 7 around each pixel, with weights that fall with the distance.

    Parameters
    ----------
    near : Surroundings
        The good pixels.
    pixels : (n,) int64 ndarray
        Flat indices.

    Returns
    -------
    (n,) float64 ndarray
        The values of the surfaces, at most the range of the good pixels above or below it; NaN where the good pixels do
        not determine a surface.
    """
    dy, dx = square(_SURFACE_RADIUS)
    terms = np.stack([np.ones(len(dy)), dx, dy, dx * dx, dx * dy, dy * dy], axis=1)
    weight = np.exp(-(dx * dx + dy * dy) / (2.0 * _SURFACE_SIGMA**2))
    filled = np.full(len(pixels), np.nan)
    step = max(1, CHUNK_SIZE // (len(dy) * terms.shape[1]))
    for begin in range(0, len(pixels), step):
        values = near.values(pixels[begin : begin + step], dy, dx)
        good = ~np.isnan(values)
        weights = np.where(good, weight, 0.0)
        matrix = np.einsum('nk,ki,kj->nij', weights, terms, terms)
        usable = np.flatnonzero(good.sum(axis=1) >= _SURFACE_MIN)
        usable = usable[np.linalg.cond(matrix[usable]) < _CONDITION]
        if not len(usable):
            continue
        low, high = np.nanmin(values[usable], axis=1), np.nanmax(values[usable], axis=1)
        excess = np.where(good[usable], values[usable] - low[:, None], 0.0)
        right = np.einsum('nk,ki->ni', weights[usable] * excess, terms)
        peak = np.linalg.solve(matrix[usable], right[..., None])[:, 0, 0]
        filled[begin + usable] = low + peak.clip(low - high, 2.0 * (high - low))
    return filled


def fill_inwards(near: Surroundings, pixels: np.ndarray) -> np.ndarray:
    """Fill groups of connected pixels from their edges inwards with medians of 3 x 3, and smooth them.

    The values equal those of the package maskfill (MIT license), with its default parameters.

    Parameters
    ----------
    near : Surroundings
        The good pixels.
    pixels : (n,) int64 ndarray
        Flat indices, sorted.

    Returns
    -------
    (n,) float64 ndarray
        The values; NaN for groups without good pixels around them.

    References
    ----------
    van Dokkum & Pasha 2024, PASP 136, 034503
    """
    from scipy.ndimage import binary_dilation  # takes a tenth of a second to import

    filled = np.full(len(pixels), np.nan)
    labels = connected_labels(pixels, near.shape[1])
    order = np.argsort(labels, kind='stable')
    for part in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        y, x = np.divmod(pixels[part], near.shape[1])
        top, left = max(0, y.min() - 2), max(0, x.min() - 2)
        box_y, box_x = np.mgrid[top : min(y.max() + 3, near.shape[0]), left : min(x.max() + 3, near.shape[1])]
        values = near.values(pixels[part[:1]], (box_y - y[0]).ravel(), (box_x - x[0]).ravel())[0].reshape(box_y.shape)
        if not np.isnan(values).all():
            while (missing := np.isnan(values)).any():
                edge = missing & binary_dilation(~missing, np.ones((3, 3)))
                values[edge] = nanmedian(_squares(values, edge))
            filled[part] = np.nanmean(_squares(values, (y - top, x - left)), axis=1)
    return filled


def _squares(image: np.ndarray, places: np.ndarray | tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the 3 x 3 pixels around pixels of an image, one row for each; NaN beyond its edges."""
    padded = np.pad(image, 1, constant_values=np.nan)
    return sliding_window_view(padded, (3, 3))[places].reshape(-1, 9)


def fill_from_exposure(near: Surroundings, pixels: np.ndarray, image: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    """Return the pixels of another exposure, multiplied by the ratio of the exposures and shifted to the level around.

    Parameters
    ----------
    near : Surroundings
        The good pixels.
    pixels : (n,) int64 ndarray
        Flat indices.
    image, exposure : (ny, nx) ndarray
        The frame, and the other exposure, registered to it.

    Returns
    -------
    (n,) float64 ndarray
        The values; NaN where the other exposure is not finite.
    """
    scaled = exposure * _exposure_ratio(image, exposure)
    values = scaled.ravel()[pixels].astype(float)
    values[~np.isfinite(values)] = np.nan
    return values + near.median(pixels, scaled)


def _exposure_ratio(image: np.ndarray, exposure: np.ndarray) -> float:
    """Return the median ratio of the signals of the pixels that are bright in both; 1 if there are too few."""
    signals = []
    bright = np.ones(image.shape, dtype=bool)
    for pixels in (image, exposure):
        sample = subsample(pixels)
        sample = sample[np.isfinite(sample)][None]
        signals.append(pixels - nanmedian(sample)[0])
        with np.errstate(invalid='ignore'):
            bright &= np.isfinite(pixels) & (signals[-1] > _BRIGHT * nanmad_std(sample)[0])
    if np.count_nonzero(bright) < _MIN_BRIGHT:
        return 1.0
    return float(np.median(signals[0][bright] / signals[1][bright]))
