"""The result of L.A.Cosmic, and the input and output steps that all engines share."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u

from ginga_crplugin.core.flat_indices import connected_labels, locate
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.weak import WeakProperty

from .search_area import SearchArea

if TYPE_CHECKING:
    from .tails import TailOptions, Tails

__all__ = [
    'EDGE',
    'Cancelled',
    'Detection',
    'Unsupported',
    'check_consistent',
    'check_searched',
    'input_arrays',
    'mirror_edges',
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

    Only the flagged pixels are stored. ``crmask``, ``cleaned`` and ``searched`` are computed on access and read-only,
    and are freed when there are no other references to them.

    Attributes
    ----------
    params : LACosmicParams
        The parameters of the run.
    image : (ny, nx) ndarray
        The pixels of the frame in its own unit.
    indices : (n,) int64 ndarray
        Flat indices of the cosmic-ray pixels, sorted.
    values : (n,) float ndarray
        The values that replace them, in the unit of the frame.
    area : SearchArea
        The pixels in which a cosmic ray can be detected.
    per_iteration : tuple of int
        New pixels per iteration, up to the first iteration without any.
    engine : str
        The engine, with versions.
    tails : Tails or None
        The tails of the cosmic rays, if they were looked for (`~ginga_crplugin.with_tails`). They are in none of the
        images.
    """

    params: LACosmicParams
    image: np.ndarray
    indices: np.ndarray
    values: np.ndarray
    area: SearchArea
    per_iteration: tuple[int, ...]
    engine: str
    tails: 'Tails | None' = None

    @classmethod
    def from_images(
        cls,
        params: LACosmicParams,
        crmask: np.ndarray,
        cleaned: np.ndarray,
        searched: np.ndarray,
        per_iteration: tuple[int, ...],
        engine: str,
    ) -> 'Detection':
        """Make a detection from its images.

        Parameters
        ----------
        params : LACosmicParams
            The parameters of the run.
        crmask : (ny, nx) bool ndarray
            True for cosmic-ray pixels.
        cleaned : (ny, nx) ndarray
            The frame in its own unit with the cosmic-ray pixels replaced.
        searched : (ny, nx) bool ndarray
            True for pixels in which a cosmic ray can be detected.
        per_iteration : tuple of int
            New pixels per iteration.
        engine : str
            The engine, with versions.

        Returns
        -------
        Detection
            The detection.
        """
        indices = np.flatnonzero(crmask)
        area = SearchArea.from_image(searched)
        return cls(params, cleaned, indices, cleaned.ravel()[indices], area, per_iteration, engine)

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx) of the frame."""
        return self.image.shape

    @WeakProperty
    def crmask(self) -> np.ndarray:
        """(ny, nx) bool ndarray: True for cosmic-ray pixels."""
        crmask = np.zeros(self.shape, bool)
        crmask.reshape(-1)[self.indices] = True
        return crmask

    @WeakProperty
    def cleaned(self) -> np.ndarray:
        """(ny, nx) float ndarray: the frame in its own unit with the cosmic-ray pixels replaced.

        All other pixels are unchanged. float32 if that represents the values of the frame exactly, else float64.
        """
        return self.clean(self.indices)

    @property
    def searched(self) -> np.ndarray:
        """(ny, nx) bool ndarray: True for pixels in which a cosmic ray can be detected."""
        return self.area.image

    @property
    def pixels(self) -> int:
        """Number of pixels flagged by L.A.Cosmic, without tails."""
        return len(self.indices)

    @cached_property
    def labels(self) -> np.ndarray:
        """(n,) int32 ndarray: the label of the segment of each flagged pixel, from 1."""
        return connected_labels(self.indices, self.shape[1])

    @property
    def tail_indices(self) -> np.ndarray:
        """(m,) int64 ndarray: flat indices of the pixels in tails, sorted."""
        return self.indices[:0] if self.tails is None else self.tails.indices

    @property
    def tail_options(self) -> 'TailOptions | None':
        """TailOptions: how tails were looked for; None if they were not."""
        return None if self.tails is None else self.tails.options

    @property
    def flagged(self) -> np.ndarray:
        """(n + m,) int64 ndarray: flat indices of the cosmic-ray pixels and those in tails, sorted."""
        return np.union1d(self.indices, self.tail_indices) if len(self.tail_indices) else self.indices

    @property
    def excluded_fraction(self) -> float:
        """Fraction of the frame excluded from the search."""
        return 1.0 - self.area.count / self.image.size

    def clean(self, pixels: np.ndarray) -> np.ndarray:
        """Replace some of the pixels of the frame by their cleaned values.

        Parameters
        ----------
        pixels : (n,) int64 ndarray
            Flat indices; of those, the cosmic-ray pixels are replaced.

        Returns
        -------
        (ny, nx) float ndarray
            A new image, float32 or float64 as ``cleaned``.
        """
        cleaned = self.image.astype(self._dtype)
        cleaned.reshape(-1)[pixels] = self.cleaned_at(pixels)
        return cleaned

    def cleaned_at(self, pixels: np.ndarray) -> np.ndarray:
        """Return pixels of the cleaned frame.

        Parameters
        ----------
        pixels : int64 ndarray
            Flat indices.

        Returns
        -------
        float ndarray
            The values, in the shape of ``pixels``; those of the frame in pixels without a cosmic ray.
        """
        values = self.image.reshape(-1)[pixels].astype(self._dtype)
        place, detected = locate(self.indices, pixels)
        values[detected] = self.values[place[detected]]
        return values

    @property
    def _dtype(self):
        return np.result_type(self.image.dtype, np.float32)


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


def check_searched(count: int) -> None:
    """Check that there are pixels to search.

    Parameters
    ----------
    count : int
        Number of pixels in which a cosmic ray can be detected.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not count:
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
    return frame.filled, frame.excluded(), frame.background, variance


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
