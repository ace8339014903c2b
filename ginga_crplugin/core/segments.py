"""The room of the segments: flagged pixels that touch, and what can be measured of them, as photutils has them."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from astropy import units as u
from astropy.table import QTable
from photutils.segmentation import SegmentationImage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ['Segments', 'matching_label', 'segment']

#: The smallest segment that is listed for review, unless the user asks for another.
MIN_SIZE = 3

_BOX = ('bbox_xmin', 'bbox_ymin', 'bbox_xmax', 'bbox_ymax')


@dataclass(frozen=True, eq=False)
class Segments:
    """The connected groups of flagged pixels.

    Attributes
    ----------
    shape : tuple of int
        (ny, nx) of the frame.
    pixels : (n,) int64 ndarray
        The flat indices of the flagged pixels, rising.
    pixel_labels : (n,) int32 ndarray
        The label of the segment that each of them belongs to, from 1.
    table : `~astropy.table.QTable`
        A row for each segment, the smallest too: ``label``, ``x_centroid`` and ``y_centroid`` (pix, 0-based),
        ``area`` (pix), ``peak`` and ``flux`` (electron, above the cleaned frame), ``length`` (pix, from end to end),
        and the box ``bbox_xmin``, ``bbox_ymin``, ``bbox_xmax``, ``bbox_ymax`` (pix, 0-based, inclusive).
    min_size : int
        The smallest segment that is listed for review, in pixels.
    """

    shape: tuple[int, int]
    pixels: np.ndarray = field(repr=False)
    pixel_labels: np.ndarray = field(repr=False)
    table: QTable = field(repr=False)
    min_size: int = MIN_SIZE

    def __len__(self):
        return len(self.table)

    @cached_property
    def labels(self):
        """(ny, nx) int32 ndarray: the label of every pixel, 0 where it is not flagged."""
        labels = np.zeros(self.shape, dtype=np.int32)
        labels.ravel()[self.pixels] = self.pixel_labels
        return labels

    @cached_property
    def image(self):
        """The `~photutils.segmentation.SegmentationImage`, for whatever else photutils can measure."""
        return SegmentationImage(self.labels)

    @cached_property
    def listed(self):
        """The rows of the segments of at least ``min_size`` pixels."""
        return self.table[self.table['area'].value >= self.min_size]

    def label_at(self, x, y):
        """Return the label of the segment that the pixel (x, y) belongs to, or None."""
        ny, nx = self.shape
        if not (0 <= x < nx and 0 <= y < ny):
            return None
        place = np.searchsorted(self.pixels, y * nx + x)
        if place == len(self.pixels) or self.pixels[place] != y * nx + x:
            return None
        return int(self.pixel_labels[place])

    def pixels_of(self, labels):
        """Return the flat indices of the pixels of segments."""
        return self.pixels[np.isin(self.pixel_labels, labels)]


def segment(frame, detection, min_size=MIN_SIZE, crmask=None):
    """Group the flagged pixels into segments, 8-connected, and measure them.

    The labels are those of `photutils.segmentation.detect_sources`; only the flagged pixels are looked at, so that it
    takes as long as there are many of them, not as the frame is large.

    Parameters
    ----------
    frame : Frame
    detection : Detection
        What was found in it.
    min_size : int, optional
        The smallest segment that is listed for review, in pixels; smaller ones stay in the mask all the same.
    crmask : (ny, nx) bool array_like, optional
        The pixels to group; by default those detected.

    Returns
    -------
    Segments

    Raises
    ------
    ValueError
        If ``min_size`` is not a whole number of 1 or more.
    """
    if min_size != int(min_size) or min_size < 1:
        msg = f'min_size is {min_size}: it must be a whole number of 1 or more'
        raise ValueError(msg)
    crmask = detection.crmask if crmask is None else np.asarray(crmask, dtype=bool)
    pixels = np.flatnonzero(crmask)
    labels = _labelled(pixels, crmask.shape[1])
    excess = (frame.filled.ravel()[pixels] - detection.cleaned.ravel()[pixels].astype(float)) * detection.params.gain
    excess[~np.isfinite(excess)] = 0.0  # a pixel that was filled, marked by hand
    table = _measured(*np.divmod(pixels, crmask.shape[1]), labels, excess)
    return Segments(crmask.shape, pixels, labels, table, int(min_size))


def _labelled(pixels, nx):
    """Label the pixels, numbered by the first pixel of each segment in reading order."""
    x = pixels % nx
    links = []
    for step, inside in ((1, x < nx - 1), (nx - 1, x > 0), (nx, True), (nx + 1, x < nx - 1)):
        place = np.minimum(np.searchsorted(pixels, pixels + step), len(pixels) - 1)
        linked = np.flatnonzero((pixels[place] == pixels + step) & inside)
        links.append((linked, place[linked]))
    one, other = (np.concatenate(ends) for ends in zip(*links, strict=True))
    graph = coo_array((np.ones(len(one), dtype=bool), (one, other)), shape=(len(pixels), len(pixels)))
    count, component = connected_components(graph, directed=False)
    first = np.full(count, len(pixels))
    np.minimum.at(first, component, np.arange(len(pixels)))
    number = np.empty(count, dtype=np.int32)
    number[np.argsort(first)] = np.arange(1, count + 1)
    return number[component]


def _measured(y, x, labels, excess):
    """Measure every segment; ``excess`` is what its pixels have above the cleaned frame, in electrons."""
    order = np.argsort(labels, kind='stable')
    starts = np.flatnonzero(np.diff(labels[order], prepend=0))
    y, x, excess = y[order], x[order], excess[order]

    def of_each(reduce, values):
        return reduce.reduceat(values, starts) if len(starts) else np.zeros(0, values.dtype)

    area = of_each(np.add, np.ones(len(x)))
    box = [of_each(np.minimum, x), of_each(np.minimum, y), of_each(np.maximum, x), of_each(np.maximum, y)]
    table = QTable()
    table['label'] = np.arange(1, len(area) + 1, dtype=np.int32)
    table['x_centroid'] = of_each(np.add, x) / area * u.pix
    table['y_centroid'] = of_each(np.add, y) / area * u.pix
    table['area'] = area * u.pix
    table['peak'] = of_each(np.maximum, excess) * u.electron
    table['flux'] = of_each(np.add, excess) * u.electron
    table['length'] = (np.hypot(box[2] - box[0], box[3] - box[1]) + 1.0) * u.pix
    for name, edge in zip(_BOX, box, strict=True):
        table[name] = edge * u.pix
    return table


def matching_label(old, label, new):
    """Return the label that a segment has among others, or None."""
    pixels = old.pixels[old.pixel_labels == label]
    labels = new.pixel_labels[np.isin(new.pixels, pixels)]
    return int(labels[0]) if len(labels) else None
