"""The room of the result: what L.A.Cosmic found, and what is the same for every engine that finds it."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.params import LACosmicParams

__all__ = [
    'EDGE',
    'Cancelled',
    'Detection',
    'Unsupported',
    'check_consistent',
    'check_searched',
    'input_arrays',
    'mirror_edges',
    'restore_unflagged',
    'trim_counts',
    'trim_edges',
]

#: How far a frame is mirrored at its edges for `search_edges`: beyond the reach of all the filters.
EDGE = 8


class Cancelled(Exception):
    """The run was given up because its caller asked for that."""


class Unsupported(Exception):
    """An engine can't do what it is asked for; another can."""


@dataclass(frozen=True, eq=False)
class Detection:
    """What L.A.Cosmic found in a frame.

    Attributes
    ----------
    params : LACosmicParams
        The parameters it was found with.
    crmask : (ny, nx) bool ndarray
        True where there is a cosmic ray.
    cleaned : (ny, nx) float ndarray
        The frame in its own unit with the cosmic rays replaced; all other pixels have the very same values. float32
        where that holds the frame's values exactly, else float64.
    searched : (ny, nx) bool ndarray
        Where a cosmic ray could have been found at all.
    per_iteration : tuple of int
        New pixels in each iteration, up to the first that found none.
    engine : str
        What computed it, with versions.
    """

    params: LACosmicParams
    crmask: np.ndarray
    cleaned: np.ndarray
    searched: np.ndarray
    per_iteration: tuple[int, ...]
    engine: str

    @property
    def pixels(self):
        """How many pixels are flagged."""
        return int(np.count_nonzero(self.crmask))

    @property
    def excluded_fraction(self):
        """The fraction of the frame excluded from the search."""
        return 1.0 - np.count_nonzero(self.searched) / self.searched.size


def restore_unflagged(frame, crmask, cleaned):
    """Put the cleaned values where cosmic rays are, and the frame's own everywhere else."""
    exact = np.result_type(frame.ccd.data.dtype, np.float32)
    return np.where(crmask, cleaned, frame.ccd.data).astype(exact, copy=False)


def check_consistent(frame, params):
    """Raise a ValueError where the parameters don't go with the frame."""
    if frame.ccd.unit == u.electron and params.gain != 1.0:
        msg = f'gain is {params.gain:g}: it must be 1 for a frame that is in electrons already'
        raise ValueError(msg)
    if params.pssl != 0.0 and (frame.background is not None or frame.variance is not None):
        msg = f'pssl is {params.pssl:g}: give a sky level, or a background or variance image, not both'
        raise ValueError(msg)


def check_searched(searched):
    """Raise a ValueError where nothing is left to search."""
    if not searched.any():
        msg = 'nothing is left to search: the input masks and the saturated pixels cover the whole frame'
        raise ValueError(msg)


def trim_counts(counts):
    """Return the new pixels of each iteration without those after the first of a row of iterations that found none."""
    counts = list(counts)
    while len(counts) > 1 and counts[-1] == counts[-2] == 0:
        counts.pop()
    return tuple(counts)


def input_arrays(frame):
    """Return pixels, mask, background and variance as L.A.Cosmic takes them."""
    variance = None if frame.variance is None else np.asarray(frame.variance, dtype=np.float32)
    return frame.filled, (frame.bits & np.uint8(MaskBit.before_run())) != 0, frame.background, variance


def mirror_edges(array):
    """Mirror an image at its edges, for `search_edges`."""
    return None if array is None else np.pad(array, EDGE, mode='reflect')


def trim_edges(array, frame):
    """Cut off what `mirror_edges` added, if anything."""
    if array.shape == frame.shape:
        return array
    return array[EDGE:-EDGE, EDGE:-EDGE].copy()
