"""Check for bad pixels that are not masked."""

import numpy as np

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.input_mask import InputMask

from .check import Check, Remedy
from .measurements import Measurements
from .outliers import Outliers

__all__ = ['check_bad_pixels']

#: Number of hot pixels per million pixels that is a warning.
HOT_WARNING = 40.0
#: Distance in pixels within which an outlier causes false pixels; their number, and their fraction of all flagged
#: pixels, from which the outliers are an error.
INFLUENCE, MIN_FALSE, MIN_SHARE = 3, 10, 0.01


def check_bad_pixels(values: Measurements) -> Check:
    """Check for unmasked bad pixels.

    400 hot pixels and a bad column cause 1,280 false pixels at sigclip 7, and none if they are masked. One pixel at
    -5,000 electrons causes about 36. Negative pixels and bad lines cannot be cosmic rays; they are an error if pixels
    are flagged around them. Isolated bright pixels can be cosmic rays: they are never an error, and not masked without
    a dark.

    Parameters
    ----------
    values : Measurements
        The measurements of the frame.

    Returns
    -------
    Check
        The check ``bad_pixels``.
    """
    found, frame = values.outliers, values.frame
    mask = found.mask(frame.shape)
    many = found.hot.size > max(5.0, HOT_WARNING * frame.bits.size / 1e6)
    cost = _false_pixels(values, mask)
    mark = 'error' if cost else 'warning' if many or mask.any() else 'ok'
    masked = sum(item.count for item in frame.masks)
    measured = f'{_describe(found)} outside the masks ({masked} px masked)'
    if mark == 'ok':
        return Check('bad_pixels', mark, measured)
    if not mask.any():
        effect = 'hot pixels among the cosmic rays, if they are not cosmic rays themselves'
        return Check('bad_pixels', mark, measured, effect, 'add a dark (--dark) or a mask of hot pixels')
    effect = f'{cost} pixels flagged around them' if cost else 'hardly any false pixels around them'
    advice = f'add a mask or a dark (--dark), or mask the outliers ({np.count_nonzero(mask)} px)'
    item = InputMask('outliers of the frame', MaskBit.BAD, mask, origin='bad_pixels')
    return Check('bad_pixels', mark, measured, effect, advice, Remedy('Mask outliers', mask=item))


def _describe(found: Outliers) -> str:
    parts = [f'{found.negative.size} negative pixels', f'{found.hot.size} isolated bright pixels']
    for kind, lines in (('column', found.columns), ('row', found.rows)):
        if lines:
            parts.append(f'bad {kind} {", ".join(map(str, list(lines)[:5]))}' + (' ...' if len(lines) > 5 else ''))
    for kind, bands in (('columns', found.dead_columns), ('rows', found.dead_rows)):
        parts += [f'dead {kind} {start} to {stop - 1}' for start, stop in bands]
    return ', '.join(parts)


def _false_pixels(values: Measurements, outliers: np.ndarray) -> int:
    """Return how many more pixels are flagged around outliers than elsewhere; 0 if they are few."""
    if not outliers.any():
        return 0
    flagged = values.flagged(values.params)
    near = _grown(_grown(outliers).T).T
    around = int(np.count_nonzero(flagged & near))
    elsewhere = int(np.count_nonzero(flagged)) - around
    expected = elsewhere * near.mean() / max(1.0 - near.mean(), 1e-6)
    cost = int(around - 2.0 * expected)
    return cost if cost >= max(MIN_FALSE, MIN_SHARE * (around + elsewhere)) else 0


def _grown(mask: np.ndarray) -> np.ndarray:
    """Return a mask grown by `INFLUENCE` pixels along its first axis; `scipy.ndimage` takes ten times as long."""
    grown = mask.copy(order='K')
    for step in range(1, INFLUENCE + 1):
        grown[step:] |= mask[:-step]
        grown[:-step] |= mask[step:]
    return grown
