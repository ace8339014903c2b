"""Saturation level of a frame, estimated from pixels that were clipped."""

import math
from dataclasses import dataclass

import numpy as np

from .params import LACosmicParams
from .stats import has_distinct, median, subsample

__all__ = ['ESTIMATED', 'MIN_LEVEL', 'Clipping', 'clipping_notes', 'find_clipping', 'saturation_level']

#: The source of a saturation level that was estimated.
ESTIMATED = 'estimated from the pixels'

#: Minimum number of clipped pixels, and their minimum ratio to the pixels of any other value in the upper half.
MIN_CLIPPED, MIN_EXCESS = 5, 5
#: Minimum number of different values of the frame: among very faint integers, many pixels have the highest one.
MIN_VALUES = 20
#: Minimum height of the clipped pixels above the level, in scatters.
MIN_HEIGHT = 20.0
#: After flat-fielding: range of the clipped pixels relative to their height, and their minimum number.
RANGE, MIN_SPREAD = 0.04, 30
#: Maximum range of 3 x 3 pixels at the top of a clipped star, relative to its height.
FLATNESS = 0.02
#: Minimum number of stars with a square of clipped pixels, and the minimum standard deviation of their positions along
#: each axis, as a fraction of its length.
MIN_STARS, MIN_DISTANCE = 3, 0.05

#: Minimum saturation level in electrons.
MIN_LEVEL = 1e-3


@dataclass(frozen=True)
class Clipping:
    """Pixels that were clipped at one value.

    Attributes
    ----------
    level : float
        The value in the unit of the frame; after flat-fielding the lowest of the values.
    count : int
        Number of clipped pixels.
    exact : bool
        Whether all have the same value, which is the highest of the frame.
    """

    level: float
    count: int
    exact: bool

    def electrons(self, params: LACosmicParams) -> float:
        """Return the saturation level in electrons.

        Parameters
        ----------
        params : LACosmicParams
            ``gain``, and the subtracted sky ``pssl``, which is added back.

        Returns
        -------
        float
            The level, less a millionth so that rounding does not exclude the clipped pixels.
        """
        level = (self.level + params.pssl) * params.gain
        return level - 1e-6 * abs(level)

    def describe(self, unit: object) -> str:
        """Describe the clipped pixels in a few words.

        Parameters
        ----------
        unit : object
            The unit of the frame.

        Returns
        -------
        str
            Their number and level.
        """
        level = f'the highest value, {self.level:.10g} {unit}' if self.exact else f'about {self.level:.4g} {unit}'
        return f'{self.count} pixels are clipped at {level}'


def find_clipping(data: np.ndarray) -> Clipping | None:
    """Find pixels that were clipped at the saturation level.

    In a raw frame they have one value, the highest. After flat-fielding or the subtraction of a bias frame they scatter
    by some percent, and are recognized as many values close to each other in several stars.

    Parameters
    ----------
    data : (ny, nx) ndarray
        The pixels, all finite.

    Returns
    -------
    Clipping or None
        None if there are no clipped pixels.
    """
    sample = subsample(data)
    top = data.max()
    below = sample[sample < top]
    if not below.size:
        return None
    level = float(median(below))
    scatter = 1.4826 * float(median(np.abs(below - level)))
    middle = level + 0.5 * (float(top) - level)
    if float(top) - level <= MIN_HEIGHT * scatter or not has_distinct(sample, MIN_VALUES):
        return None
    bright = np.flatnonzero(data > min(level + MIN_HEIGHT * scatter, middle))
    values = data.ravel()[bright]
    count = int(np.count_nonzero(values == top))
    if count >= MIN_CLIPPED:
        upper = values[(values > middle) & (values < top)]
        most = int(np.unique(upper, return_counts=True)[1].max()) if upper.size else 1
        if count >= MIN_EXCESS * most:
            return Clipping(float(top), count, exact=True)
    high = values > level + MIN_HEIGHT * scatter
    y, x = np.divmod(bright[high], data.shape[1])
    heights = values[high].astype(float) - level
    if heights.size < MIN_SPREAD:
        return None
    return _find_spread(data, level, np.sort(heights)) or _find_plateaus(data, level, y, x, heights)


def _find_spread(data, level, heights):
    """Find clipped pixels that scatter by some percent around one value."""
    first = np.searchsorted(heights, (1.0 - RANGE) * heights)
    counts = np.arange(heights.size) - first + 1
    last = int(np.argmax(counts * (heights > 0.3 * heights[-1])))
    count, begin = int(counts[last]), int(first[last])
    low, high = heights[begin], heights[last]
    before = begin - int(np.searchsorted(heights, (1.0 - RANGE) * low))
    after = heights.size - 1 - last
    if count < MIN_SPREAD or count < MIN_EXCESS * before or count < MIN_EXCESS * after:
        return None
    clipped = (data >= level + low) & (data <= level + high)
    squares = clipped[1:, 1:] & clipped[:-1, 1:] & clipped[1:, :-1] & clipped[:-1, :-1]
    if not _in_several_stars(np.argwhere(squares), data.shape):
        return None
    return Clipping(level + float(low), count, exact=False)


def _find_plateaus(data, level, y, x, heights):
    """Find stars with a flat top of 3 x 3 pixels, whose level varies across the frame with the flat field."""
    ny, nx = data.shape
    high = (heights > 0.5 * heights.max()) & (y > 0) & (x > 0) & (y < ny - 1) & (x < nx - 1)
    y, x, heights = y[high], x[high], heights[high]
    around = [data[y + dy, x + dx] - level for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    flat = np.ptp(around, axis=0) < FLATNESS * heights
    if not _in_several_stars(np.stack([y[flat], x[flat]], axis=1), data.shape):
        return None
    lowest = float(np.min(around, axis=0)[flat].min())
    return Clipping(level + lowest, int(np.count_nonzero(heights >= lowest)), exact=False)


def _in_several_stars(positions, shape):
    """Return whether positions are in several stars across the frame, not along one row or column as in a line."""
    if len(positions) < MIN_STARS:
        return False
    stars = positions[:1]
    for position in positions[:1000]:
        if np.abs(stars - position).max(axis=1).min() > 20:
            stars = np.vstack([stars, position])
    return len(stars) >= MIN_STARS and bool((stars.std(axis=0) > MIN_DISTANCE * np.array(shape)).all())


def saturation_level(clipping: Clipping | None, params: LACosmicParams, source: str) -> tuple[float, str]:
    """Decide between the saturation level of the header and that of the pixels.

    A level of the user or a recipe is kept. One of the header, or of a recipe for headers without it, is kept unless
    pixels are clipped below it. Without a level, clipped pixels give it; if there are none, no pixel is saturated and
    the level is infinite.

    Parameters
    ----------
    clipping : Clipping or None
        The clipped pixels.
    params : LACosmicParams
        The parameters, with the level of the header.
    source : str
        The source of that level.

    Returns
    -------
    level : float
        The saturation level in electrons.
    source : str
        Its source; it names the card of the header that is not used.
    """
    level = 0.0 if clipping is None else clipping.electrons(params)
    kind, _, others = source.partition('; ')
    replaceable = kind == 'default' or 'in the header' in kind  # also of a recipe, where the header has none
    if level < MIN_LEVEL or not replaceable or params.satlevel <= level * 1.001:
        return params.satlevel, source
    if math.isinf(params.satlevel):
        return level, '; '.join(part for part in (ESTIMATED, others) if part)
    return level, f'{ESTIMATED}; {source} is above the clipped pixels'


def clipping_notes(clipping: Clipping | None, unit: object, source: str) -> list[str]:
    """Return a note on clipped pixels that give the saturation level.

    Parameters
    ----------
    clipping : Clipping or None
        The clipped pixels.
    unit : object
        The unit of the frame.
    source : str
        The source of the saturation level.

    Returns
    -------
    list of str
        One note, or none.
    """
    if clipping is None or not source.startswith(ESTIMATED):
        return []
    ignored = source.removeprefix(ESTIMATED)
    return [f'{clipping.describe(unit)}: used as the saturation level{ignored}']
