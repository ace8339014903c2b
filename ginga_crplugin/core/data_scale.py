"""Scaled or padded pixel values: fractions of the range of the camera, or multiples of a number."""

from dataclasses import dataclass

import numpy as np

from .stats import has_distinct, subsample_others

__all__ = ['DataScale', 'find_scale']

#: The factors by which programs divide the values of a camera: 8 to 16 bits.
FACTORS = tuple(2**bits - one for bits in (8, 10, 12, 14, 15, 16) for one in (1, 0))
#: Maximum distance from a whole number, and minimum share of the pixels within it.
TOLERANCE, SHARE = 0.03, 0.995
#: Highest value of a frame whose values are fractions.
HIGHEST = 1.0 + 1e-6
#: Minimum number of different values of the frame, and minimum step of padded values.
MIN_VALUES, MIN_STEP = 20, 4


@dataclass(frozen=True)
class DataScale:
    """The scale of the pixel values of a frame.

    Attributes
    ----------
    factor : float or None
        Number by which the values must be multiplied to get those of the camera: 65535 for values from 0 to 1, 1/16 for
        multiples of 16. None if the values are from 0 to 1 without a smallest step.
    exact : bool
        Whether the values times the factor are whole numbers; if not, only their differences are.
    text : str
        What was found, for notes and checks.
    """

    factor: float | None
    exact: bool
    text: str

    @property
    def padded(self) -> bool:
        """Whether the values are multiples of a number."""
        return self.factor is not None and self.factor < 1.0

    @property
    def advice(self) -> str:
        """What to do with a gain in electrons per unit of the camera."""
        if self.padded:
            return f'a gain per native ADU must be divided by {1.0 / self.factor:.6g}'  # type: ignore[operator]
        if self.factor is None:
            return 'a gain per ADU does not apply to them; multiply the frame by the factor it was divided by'
        return f'a gain per ADU must be multiplied by {self.factor:.6g}'


def find_scale(data: np.ndarray, good: np.ndarray) -> DataScale | None:
    """Find out whether the values of a frame were scaled to the range from 0 to 1, or padded to more bits.

    Parameters
    ----------
    data : (ny, nx) ndarray
        The pixels.
    good : (ny, nx) bool ndarray
        True for the pixels to use.

    Returns
    -------
    DataScale or None
        None for values that are neither.
    """
    sample = subsample_others(data, ~good)
    if not has_distinct(sample, MIN_VALUES):
        return None
    if (sample == np.round(sample)).all():
        return _padded(sample, data, good)
    if data.dtype.kind != 'f' or sample.max() > HIGHEST or sample.min() < -1.0:
        return None
    low, high = float(data[good].min()), float(data[good].max())
    if high > HIGHEST or low < -1.0:
        return None
    text = f'values from {low:.3g} to {high:.3g}'
    for factor in FACTORS:
        scaled = sample * factor
        if np.mean(np.abs(scaled - np.round(scaled)) < TOLERANCE) >= SHARE:
            return DataScale(float(factor), exact=True, text=f'{text} are multiples of 1/{factor}')
    step = _smallest_step(sample)
    if step is None:
        return DataScale(None, exact=False, text=f'{text} are probably scaled')
    whole = np.abs(sample / step - np.round(sample / step)) < 0.1
    return DataScale(1.0 / step, exact=bool(whole.mean() > 0.9), text=f'{text} in steps of {step:.4g}')


def _padded(sample, data, good):
    """Return the scale of whole numbers that have a common factor."""
    step = int(np.gcd.reduce(np.abs(sample[np.abs(sample) < 2**53]).astype(np.int64)))
    if step < MIN_STEP:
        return None
    bits = 16 - step.bit_length() + 1
    padded = f': padded {bits}-bit data' if step.bit_count() == 1 and bits >= 8 and data[good].max() < 2**16 else ''
    return DataScale(1.0 / step, exact=True, text=f'values are multiples of {step}{padded}')


def _smallest_step(sample):
    """Return the step of which all differences are multiples; None if there is none above the precision."""
    values = np.unique(sample)
    steps = np.diff(values)
    precision = 4.0 * np.finfo(np.float32).eps * max(abs(values[0]), abs(values[-1]))
    steps = steps[steps > precision]
    if steps.size < MIN_VALUES:
        return None
    step = float(np.quantile(steps, 0.05))
    for _ in range(3):  # refined with larger and larger differences
        near = steps[np.abs(steps / step - np.round(steps / step)) < 0.2]
        if not near.size:
            return None
        step = float(near.sum() / np.round(near / step).sum())
    offsets = (sample - values[0]) / step
    fits = np.abs(offsets - np.round(offsets)) < 0.1
    return step if fits.mean() > 0.9 and step > 10.0 * precision else None
