"""The room of the segments: flagged pixels that touch, and what can be measured of them, by photutils."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from astropy import units as u
from astropy.table import QTable
from photutils.segmentation import SegmentationImage, SourceCatalog, detect_sources

__all__ = ['Segments', 'segment']

#: The smallest segment that is listed for review, unless the user asks for another.
LISTED = 3

_BOX = ('bbox_xmin', 'bbox_ymin', 'bbox_xmax', 'bbox_ymax')


@dataclass(frozen=True, eq=False)
class Segments:
    """The connected groups of flagged pixels.

    Attributes
    ----------
    labels : (ny, nx) int32 ndarray
        The label of the segment that each pixel belongs to; 0 where it is not flagged.
    table : `~astropy.table.QTable`
        A row for each segment, the smallest too: ``label``, ``x_centroid`` and ``y_centroid`` (pix, 0-based),
        ``area`` (pix), ``peak`` and ``flux`` (electron, above the cleaned frame), ``length`` (pix, from end to end),
        and the box ``bbox_xmin``, ``bbox_ymin``, ``bbox_xmax``, ``bbox_ymax`` (pix, 0-based, inclusive).
    min_size : int
        The smallest segment that is listed for review, in pixels.
    """

    labels: np.ndarray
    table: QTable
    min_size: int = LISTED

    def __len__(self):
        return len(self.table)

    @cached_property
    def listed(self):
        """The rows of the segments of at least ``min_size`` pixels."""
        return self.table[self.table['area'].value >= self.min_size]


def segment(frame, detection, min_size=LISTED, crmask=None):
    """Group the flagged pixels into segments, 8-connected, and measure them.

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
    if not crmask.any():
        return Segments(np.zeros(frame.shape, dtype=np.int32), _table(*[[]] * 7, box=[[]] * 4), int(min_size))
    image = detect_sources(crmask, 0.5, n_pixels=1, connectivity=8)
    return Segments(image.data.astype(np.int32, copy=False), _measured(frame, detection, image), int(min_size))


def _measured(frame, detection, image: SegmentationImage):
    """Measure every segment on the excess over the cleaned frame, in electrons."""
    excess = (frame.filled - detection.cleaned.astype(float)) * detection.params.gain
    excess[~np.isfinite(excess)] = 0.0
    catalog = SourceCatalog(excess, image)
    # the centre of the pixels themselves: a segment may have a negative core
    shape = SourceCatalog((image.data > 0).astype(float), image)
    box = [np.atleast_1d(getattr(shape, name)) for name in _BOX]
    x_min, y_min, x_max, y_max = box
    return _table(
        image.labels,
        np.atleast_1d(shape.x_centroid),
        np.atleast_1d(shape.y_centroid),
        image.areas,
        np.atleast_1d(catalog.max_value),
        np.atleast_1d(catalog.segment_flux),
        np.hypot(y_max - y_min, x_max - x_min) + 1.0,
        box,
    )


def _table(label, x, y, area, peak, flux, length, box):
    table = QTable()
    table['label'] = np.asarray(label, dtype=np.int32)
    table['x_centroid'] = np.asarray(x, dtype=float) * u.pix
    table['y_centroid'] = np.asarray(y, dtype=float) * u.pix
    table['area'] = np.asarray(area, dtype=np.int64) * u.pix
    table['peak'] = np.asarray(peak, dtype=float) * u.electron
    table['flux'] = np.asarray(flux, dtype=float) * u.electron
    table['length'] = np.asarray(length, dtype=float) * u.pix
    for name, edge in zip(_BOX, box, strict=True):
        table[name] = np.asarray(edge, dtype=np.int64) * u.pix
    return table
