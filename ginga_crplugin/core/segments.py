"""Segments of connected flagged pixels, and their measured properties."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.nddata import NDData
from astropy.table import QTable
from numpy.typing import ArrayLike

from .flat_indices import connected_labels, locate
from .frame import Frame
from .interpretation import as_frame
from .mission import add_mission
from .weak import WeakProperty

if TYPE_CHECKING:
    from photutils.segmentation import SegmentationImage

    from .lacosmic.detection import Detection

__all__ = ['ORIGINS', 'Segments', 'cleaned_values', 'matching_label', 'segment']

#: The default minimum area in pixels of the segments that are listed for review.
MIN_SIZE = 3

#: Who found a segment: pixels marked by hand alone, L.A.Cosmic, the mission, or both of these.
ORIGINS = ('by hand', 'L.A.Cosmic', 'mission', 'both')

_BOX = ('bbox_xmin', 'bbox_ymin', 'bbox_xmax', 'bbox_ymax')


@dataclass(frozen=True, eq=False)
class Segments:
    """The groups of connected flagged pixels.

    Attributes
    ----------
    shape : tuple of int
        (ny, nx) of the frame.
    pixels : (n,) int64 ndarray
        Flat indices of the flagged pixels, sorted.
    pixel_labels : (n,) int32 ndarray
        The label of the segment of each of them, from 1.
    table : `~astropy.table.QTable`
        A row for each segment of any size: ``label``, ``x_centroid`` and ``y_centroid`` (pix, 0-based), ``area`` (pix),
        ``peak`` and ``flux`` (electron, above the cleaned frame), ``length`` (pix, from end to end), and the bounding
        box ``bbox_xmin``, ``bbox_ymin``, ``bbox_xmax``, ``bbox_ymax`` (pix, 0-based, inclusive).
        If the mission found cosmic rays, ``origin`` is one of `ORIGINS`. If tails were looked for, all of these include
        them, and ``tail_area`` (pix) is their part of the area.
    min_size : int
        The minimum area in pixels of the segments that are listed for review.
    mission_only : (n,) int64 ndarray
        Flat indices of the pixels that the mission found and L.A.Cosmic did not, sorted.
    tails : (n,) int64 ndarray
        Flat indices of the pixels in tails, sorted. They have the label of the segment from which they grew.
    """

    shape: tuple[int, int]
    pixels: np.ndarray = field(repr=False)
    pixel_labels: np.ndarray = field(repr=False)
    table: QTable = field(repr=False)
    min_size: int = MIN_SIZE
    mission_only: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)
    tails: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def in_tail(self) -> np.ndarray:
        """(n,) bool ndarray: whether each of ``pixels`` is in a tail."""
        return locate(self.tails, self.pixels)[1]

    @WeakProperty
    def labels(self) -> np.ndarray:
        """(ny, nx) int32 ndarray: the label of each pixel, 0 for pixels that are not flagged."""
        labels = np.zeros(self.shape, dtype=np.int32)
        labels.ravel()[self.pixels] = self.pixel_labels
        return labels

    @cached_property
    def image(self) -> 'SegmentationImage':
        """The `~photutils.segmentation.SegmentationImage`, for further measurements with photutils."""
        from photutils.segmentation import SegmentationImage  # half a second to import

        return SegmentationImage(self.labels)

    @cached_property
    def listed(self) -> QTable:
        """The rows of the segments of at least ``min_size`` pixels."""
        return self.table[self.table['area'].value >= self.min_size]

    def label_at(self, x: int, y: int) -> int | None:
        """Return the label of the segment at a pixel.

        Parameters
        ----------
        x, y : int
            The pixel, 0-based.

        Returns
        -------
        int or None
            The label; None if the pixel is not flagged.
        """
        ny, nx = self.shape
        if not (0 <= x < nx and 0 <= y < ny):
            return None
        index, found = locate(self.pixels, np.array([y * nx + x]))
        return int(self.pixel_labels[index[0]]) if found[0] else None

    def pixels_of(self, labels: ArrayLike) -> np.ndarray:
        """Return the pixels of segments.

        Parameters
        ----------
        labels : int or array_like of int
            The labels of the segments.

        Returns
        -------
        (n,) int64 ndarray
            Flat indices, sorted.
        """
        return self.pixels[np.isin(self.pixel_labels, labels)]


def segment(
    frame: Frame | NDData | ArrayLike,
    detection: 'Detection',
    min_size: int = MIN_SIZE,
    crmask: ArrayLike | None = None,
) -> Segments:
    """Group the flagged pixels into 8-connected segments and measure them.

    The labels equal those of `photutils.segmentation.detect_sources`. The time depends on the number of flagged pixels,
    not on the size of the frame. Tails belong to the segment from which they grew; they do not join segments.

    Parameters
    ----------
    frame : Frame, `~astropy.nddata.CCDData`, `~astropy.nddata.NDData` or (ny, nx) array_like
        The frame.
    detection : Detection
        The cosmic rays detected in it, with their tails if these were looked for.
    min_size : int, optional
        The minimum area in pixels of the segments that are listed for review; smaller ones remain in the mask.
    crmask : (ny, nx) bool array_like, optional
        The pixels to group; by default those detected, their tails, and those that the mission found.

    Returns
    -------
    Segments
        The segments with their table.

    Raises
    ------
    ValueError
        If ``min_size`` is not an integer of 1 or more.
    """
    if min_size != int(min_size) or min_size < 1:
        msg = f'min_size is {min_size}: it must be a whole number of 1 or more'
        raise ValueError(msg)
    frame = as_frame(frame)
    shape, pixels = detection.shape, add_mission(frame, detection.flagged)
    if crmask is not None:
        crmask = np.asarray(crmask, dtype=bool)
        shape, pixels = crmask.shape, np.flatnonzero(crmask)
    labels, tails = _labels(detection, pixels, shape[1])
    excess = (frame.filled.ravel()[pixels] - cleaned_values(frame, detection, pixels)) * detection.params.gain
    excess[~np.isfinite(excess)] = 0.0  # non-finite pixels that were marked by hand
    table = _measure(*np.divmod(pixels, shape[1]), labels, excess)
    if detection.tails is not None:
        table['tail_area'] = np.bincount(labels[tails], minlength=len(table) + 1)[1:] * u.pix
    if not len(frame.mission):
        return Segments(shape, pixels, labels, table, int(min_size), tails=pixels[tails])
    mission, detected = locate(frame.mission, pixels)[1], locate(detection.indices, pixels)[1]
    found = np.zeros(len(table), dtype=int)
    np.bitwise_or.at(found, labels - 1, detected + 2 * mission)
    table['origin'] = np.array(ORIGINS)[found]
    return Segments(shape, pixels, labels, table, int(min_size), pixels[mission & ~detected], pixels[tails])


def _labels(detection, pixels, nx):
    """Return the labels of pixels, and which of them are in the tail of another of them."""
    place, tails = locate(detection.tail_indices, pixels)
    if tails.any():
        tails[tails] = locate(pixels, detection.tails.sources[place[tails]])[1]
    others = pixels[~tails]
    labels = np.empty(len(pixels), np.int32)
    known = np.array_equal(others, detection.indices)
    labels[~tails] = own = detection.labels if known else connected_labels(others, nx)
    if tails.any():
        labels[tails] = own[locate(others, detection.tails.sources[place[tails]])[0]]
    return labels, tails


def cleaned_values(frame: Frame, detection: 'Detection', pixels: np.ndarray) -> np.ndarray:
    """Return the values of flagged pixels without the cosmic ray.

    Parameters
    ----------
    frame : Frame
        The frame.
    detection : Detection
        The cosmic rays detected in it.
    pixels : (n,) int64 ndarray
        Flat indices.

    Returns
    -------
    (n,) float64 ndarray
        The cleaned frame; for pixels in tails, the median of the unflagged pixels around the segment; for pixels that
        the mission found and L.A.Cosmic did not, the median of the good pixels around them.
    """
    values = (detection.values if pixels is detection.indices else detection.cleaned_at(pixels)).astype(float)
    if detection.tails is not None:
        place, found = locate(detection.tails.indices, pixels)
        values[found] = detection.tails.levels[place[found]]
    if len(frame.mission):
        place, mission = locate(frame.mission, pixels)
        alone = mission & ~locate(detection.indices, pixels)[1]
        values[alone] = frame.mission_levels[place[alone]]
    return values


def _measure(y, x, labels, excess):
    """Return the table of the segments; ``excess`` is the pixels minus the cleaned frame, in electrons."""
    order = np.argsort(labels, kind='stable')
    starts = np.flatnonzero(np.diff(labels[order], prepend=0))
    y, x, excess = y[order], x[order], excess[order]

    def per_segment(reduce, values):
        return reduce.reduceat(values, starts) if len(starts) else np.zeros(0, values.dtype)

    area = per_segment(np.add, np.ones(len(x)))
    box = [
        per_segment(np.minimum, x),
        per_segment(np.minimum, y),
        per_segment(np.maximum, x),
        per_segment(np.maximum, y),
    ]
    table = QTable()
    table['label'] = np.arange(1, len(area) + 1, dtype=np.int32)
    table['x_centroid'] = per_segment(np.add, x) / area * u.pix
    table['y_centroid'] = per_segment(np.add, y) / area * u.pix
    table['area'] = area * u.pix
    table['peak'] = per_segment(np.maximum, excess) * u.electron
    table['flux'] = per_segment(np.add, excess) * u.electron
    table['length'] = (np.hypot(box[2] - box[0], box[3] - box[1]) + 1.0) * u.pix
    for name, edge in zip(_BOX, box, strict=True):
        table[name] = edge * u.pix
    return table


def matching_label(old: Segments, label: int | None, new: Segments) -> int | None:
    """Find the segment of a later result that overlaps a segment of an earlier result for the same frame.

    Parameters
    ----------
    old : Segments
        The segments of the earlier result.
    label : int or None
        The label of the segment in ``old``.
    new : Segments
        The segments of the later result.

    Returns
    -------
    int or None
        The label of a segment of ``new`` that shares pixels with it; None if there is none.
    """
    pixels = old.pixels[old.pixel_labels == label]
    labels = new.pixel_labels[np.isin(new.pixels, pixels)]
    return int(labels[0]) if len(labels) else None
