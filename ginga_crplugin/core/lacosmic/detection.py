"""The result of L.A.Cosmic, and the input and output steps that all engines share."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from astropy import units as u

from ginga_crplugin.core.bits import DQ_DTYPE, MaskBit
from ginga_crplugin.core.frame import Frame
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

#: Number of pixels that are mirrored at each edge for ``search_edges``; more than the filters reach.
EDGE = 8


class Cancelled(Exception):
    """The caller cancelled the run."""


class Unsupported(Exception):
    """The engine does not support the frame or the parameters; another engine may."""


@dataclass(frozen=True, eq=False)
class Detection:
    """Cosmic rays detected by L.A.Cosmic in a frame.

    Attributes
    ----------
    params : LACosmicParams
        The parameters of the run.
    crmask : (ny, nx) bool ndarray
        True for cosmic-ray pixels.
    cleaned : (ny, nx) float ndarray
        The frame in its own unit with the cosmic-ray pixels replaced; all other pixels are unchanged. float32 if that
        represents the values of the frame exactly, else float64.
    searched : (ny, nx) bool ndarray
        True for pixels in which a cosmic ray can be detected.
    per_iteration : tuple of int
        New pixels per iteration, up to the first iteration without any.
    engine : str
        The engine, with versions.
    """

    params: LACosmicParams
    crmask: np.ndarray
    cleaned: np.ndarray
    searched: np.ndarray
    per_iteration: tuple[int, ...]
    engine: str

    @property
    def pixels(self) -> int:
        """Number of flagged pixels."""
        return int(np.count_nonzero(self.crmask))

    @property
    def excluded_fraction(self) -> float:
        """Fraction of the frame excluded from the search."""
        return 1.0 - np.count_nonzero(self.searched) / self.searched.size


def restore_unflagged(frame: Frame, crmask: np.ndarray, cleaned: np.ndarray) -> np.ndarray:
    """Return the frame with the cleaned values in the cosmic-ray pixels only.

    Parameters
    ----------
    frame : Frame
        The original frame.
    crmask : (ny, nx) bool ndarray
        True for cosmic-ray pixels.
    cleaned : (ny, nx) float ndarray
        The cleaned frame, in the unit of the frame.

    Returns
    -------
    (ny, nx) float ndarray
        ``where(crmask, cleaned, original)``, float32 or float64 as in `Detection`.
    """
    exact = np.result_type(frame.ccd.data.dtype, np.float32)
    return np.where(crmask, cleaned, frame.ccd.data).astype(exact, copy=False)


def check_consistent(frame: Frame, params: LACosmicParams) -> None:
    """Check that the parameters and the frame are consistent.

    Parameters
    ----------
    frame : Frame
        The frame to search.
    params : LACosmicParams
        The parameters of the run.

    Raises
    ------
    ValueError
        If the frame is in electrons and the gain is not 1, or if a sky level and a background or variance image are
        given together.
    """
    if frame.ccd.unit == u.electron and params.gain != 1.0:
        msg = f'gain is {params.gain:g}: it must be 1 for a frame in electrons'
        raise ValueError(msg)
    if params.pssl != 0.0 and (frame.background is not None or frame.variance is not None):
        msg = f'pssl is {params.pssl:g}, but the frame has a background or variance image: use only one of them'
        raise ValueError(msg)


def check_searched(searched: np.ndarray) -> None:
    """Check that there are pixels to search.

    Parameters
    ----------
    searched : (ny, nx) bool ndarray
        True for pixels in which a cosmic ray can be detected.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not searched.any():
        msg = 'no pixels to search: the input masks and saturated pixels cover the frame; check masks and satlevel'
        raise ValueError(msg)


def trim_counts(counts: Iterable[int]) -> tuple[int, ...]:
    """Remove all but the first of the zeros at the end of the counts.

    Parameters
    ----------
    counts : iterable of int
        New pixels per iteration.

    Returns
    -------
    tuple of int
        The counts up to the first iteration after which no more pixels were found.
    """
    counts = list(counts)
    while len(counts) > 1 and counts[-1] == counts[-2] == 0:
        counts.pop()
    return tuple(counts)


def input_arrays(frame: Frame) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Return the arrays of a frame as L.A.Cosmic takes them.

    Parameters
    ----------
    frame : Frame
        The frame to search.

    Returns
    -------
    data : (ny, nx) ndarray
        The pixels, all finite.
    mask : (ny, nx) bool ndarray
        True for pixels that are masked before the run.
    background : (ny, nx) ndarray or None
        The sky, in the unit of the frame.
    variance : (ny, nx) float32 ndarray or None
        The variance, in that unit squared.
    """
    variance = None if frame.variance is None else np.asarray(frame.variance, dtype=np.float32)
    return frame.filled, (frame.bits & DQ_DTYPE(MaskBit.before_run())) != 0, frame.background, variance


def mirror_edges(array: np.ndarray | None) -> np.ndarray | None:
    """Extend an image by `EDGE` mirrored pixels at each edge, for ``search_edges``.

    Parameters
    ----------
    array : (ny, nx) ndarray or None
        The image, if there is one.

    Returns
    -------
    ndarray or None
        The larger image.
    """
    return None if array is None else np.pad(array, EDGE, mode='reflect')


def trim_edges(array: np.ndarray, frame: Frame) -> np.ndarray:
    """Remove the pixels that `mirror_edges` added, if it did.

    Parameters
    ----------
    array : ndarray
        An image with or without mirrored edges.
    frame : Frame
        The frame it belongs to.

    Returns
    -------
    (ny, nx) ndarray
        The image in the shape of the frame.
    """
    if array.shape == frame.shape:
        return array
    return array[EDGE:-EDGE, EDGE:-EDGE].copy()
