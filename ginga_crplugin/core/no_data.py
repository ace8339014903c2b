"""Fill values: regions without data in an image, in which all pixels have one value."""

import numpy as np

from .bits import MaskBit
from .input_mask import InputMask
from .stats import median, subsample

__all__ = ['fill_masks', 'find_fill_values']

#: Minimum number of pixels of a fill value, and of those at the edge in a row.
MIN_PIXELS, MIN_RUN = 100, 3
#: Maximum number of values that are tried.
MAX_VALUES = 4
#: Minimum share of pixels with the value within their closed region: noise of less than one unit leaves holes.
SOLID = 0.98
#: Maximum share of the other pixels that may have the value, as faint integers have by chance.
MAX_OUTSIDE = 0.2
#: Minimum share of the frame in solid regions of other values: a flat background between stars is no fill.
MIN_DATA = 0.02
#: Minimum difference between the value and the pixels next to its regions, relative to its difference from all other
#: pixels (medians): the wings of simulated stars approach a flat background.
MIN_STEP = 0.2
#: Minimum share of the frame for a fill with the highest value; smaller regions are saturated.
MIN_HIGHEST = 0.05
#: Distance from the level of the data, in scatters, from which every pixel with the value is fill.
FAR = 8.0

#: Distance in pixels of the rows and columns that are searched for values that do not reach the edge.
STEP = 8


def find_fill_values(data: np.ndarray) -> dict[float, np.ndarray]:
    """Find constant regions that are connected to the edge of an image, or far below its level.

    Parameters
    ----------
    data : (ny, nx) ndarray
        The pixels.

    Returns
    -------
    dict of (ny, nx) bool ndarray
        For each fill value its pixels: the regions at the edge and others of that value within the image. A value that
        is not at the edge, as in gaps between detectors, must be far below the level. Empty if the image has none.
    """
    found = {}
    candidates = [(value, True) for value in _edge_values(data)]
    candidates += [(value, False) for value in _low_values(data)]
    for value, at_edge in candidates:
        mask = None if float(value) in found else _fill_mask(data, value, at_edge=at_edge)
        if mask is not None:
            found[float(value)] = mask
    rest = ~np.logical_or.reduce([*found.values()]) if found else None
    # a plane of flags or labels consists of constant regions
    return {} if rest is None or np.count_nonzero(_eroded(rest)) < MIN_DATA * data.size else found


def fill_masks(data: np.ndarray, known: np.ndarray) -> tuple[list[InputMask], list[str]]:
    """Make masks of the fill values of an image.

    Parameters
    ----------
    data : (ny, nx) ndarray
        The pixels.
    known : (ny, nx) bool ndarray
        True for pixels that are masked as no data already; a value without other pixels gets no mask.

    Returns
    -------
    masks : list of InputMask
        A mask for each fill value.
    notes : list of str
        A note on each.
    """
    masks, notes = [], []
    for value, mask in find_fill_values(data).items():
        if (mask & ~known).any():
            masks.append(InputMask.from_data(f'no data (fill value {value:g})', MaskBit.NO_DATA, mask, 'own'))
            notes.append(f'{100.0 * mask.mean():.2g} % of the pixels have the fill value {value:g}: masked as no data')
    return masks, notes


def _edge_values(data):
    """Return the values of runs of equal pixels along the edges of an image, the most frequent ones first."""
    return _most_frequent([_runs(line[None]) for line in (data[0], data[-1], data[:, 0], data[:, -1])])


def _low_values(data):
    """Return the most frequent values of runs far below the level of an image, where no saturated pixels are."""
    level, scatter = _level_and_scatter(data)
    runs = [_runs(lines) for lines in (data[::STEP], data[:, ::STEP].T)]
    return _most_frequent([values[values < level - FAR * scatter] for values in runs])


def _runs(lines):
    """Return the first of each `MIN_RUN` equal neighbors in a line."""
    same = lines[:, 1:] == lines[:, :-1]
    size = same.shape[1] - MIN_RUN + 2
    run = np.logical_and.reduce([same[:, i : size + i] for i in range(MIN_RUN - 1)])
    return lines[:, :size][run]


def _most_frequent(parts):
    values, counts = np.unique(np.concatenate(parts), return_counts=True)
    return values[np.argsort(-counts, kind='stable')][:MAX_VALUES]


def _fill_mask(data, value, *, at_edge):
    """Return the pixels of a fill value; None if it is not one."""
    equal = data == value
    total = np.count_nonzero(equal)
    if total < MIN_PIXELS or total == data.size:
        return None
    if np.count_nonzero(_eroded(equal)) < 0.1 * total:  # scattered pixels, for which the slower tests are not needed
        return None
    regions, edge = _regions(equal)
    count = np.count_nonzero(edge if at_edge else regions)
    if count < MIN_PIXELS or (value == _highest(data) and count < MIN_HIGHEST * data.size):
        return None
    outside = np.count_nonzero(equal & ~regions) / max(1, data.size - np.count_nonzero(regions))
    if outside > MAX_OUTSIDE or not _has_data(data, value, equal, regions):
        return None
    return equal if _is_far(data, value, equal) else regions


def _eroded(mask):
    """Return the centers of the 3 x 3 squares in a mask, without the edge of the image."""
    rows = mask[:, 2:] & mask[:, 1:-1] & mask[:, :-2]
    return rows[2:] & rows[1:-1] & rows[:-2]


def _regions(equal):
    """Return the solid regions that contain a square of 3 x 3 pixels, and those of them at the edge of the image."""
    from scipy import ndimage

    labels, count = ndimage.label(equal)
    solid = np.zeros(count + 1, dtype=bool)
    solid[np.unique(labels[1:-1, 1:-1][_eroded(equal)])] = True
    closed = ndimage.binary_closing(np.pad(equal, 2), np.ones((3, 3)))[2:-2, 2:-2]
    groups, _ = ndimage.label(closed)
    areas = np.bincount(groups.ravel())
    full = np.bincount(groups[equal], minlength=areas.size) >= SOLID * areas
    first = np.zeros(count + 1, dtype=int)
    first[labels[equal]] = groups[equal]
    solid &= full[first]
    solid[0] = False
    regions = solid[labels]
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    at_edge = np.zeros_like(solid)
    at_edge[border] = True
    return regions, (solid & at_edge)[labels]


def _highest(data):
    return np.nanmax(data) if data.dtype.kind == 'f' else data.max()


def _has_data(data, value, equal, regions):
    """Return whether the pixels outside the regions are an image with noise of its own."""
    other = ~equal
    if data.dtype.kind == 'f':
        other &= np.isfinite(data)
    if np.count_nonzero(_eroded(other)) < MIN_DATA * data.size:
        return False
    if not np.isfinite(value):
        return True
    from scipy import ndimage

    adjacent = other & ndimage.binary_dilation(regions, np.ones((3, 3)))
    if not adjacent.any():
        return True
    steps = [float(median(np.abs(subsample(data[mask]) - float(value)))) for mask in (adjacent, other)]
    return steps[0] >= MIN_STEP * steps[1]


def _is_far(data, value, equal):
    """Return whether a value is far from those of the other pixels."""
    if not np.isfinite(value):
        return True
    level, scatter = _level_and_scatter(data[~equal])
    return abs(value - level) > FAR * scatter


def _level_and_scatter(values):
    """Return the level and the robust scatter of the finite values; NaN if there are none."""
    sample = subsample(values)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return np.nan, np.nan
    level = np.median(sample)
    return level, max(1.4826 * np.median(np.abs(sample - level)), 1e-12 * abs(level))
