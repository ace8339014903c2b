"""The room of the cuts: a segment of a saved mask with what is around it, read without the rest of its file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from ginga_crplugin.core.bits import BITS_CARD, MaskBit

from .fits_reader import opened

__all__ = ['Cut', 'read_cut']


@dataclass(frozen=True, eq=False)
class Cut:
    """A part of a frame.

    Attributes
    ----------
    plane : (h, w) uint8 ndarray
        The causes (`MaskBit`).
    science : (h, w) ndarray or None
        The pixels; None where they are not at hand.
    segment : (h, w) bool ndarray
        The segment.
    """

    plane: np.ndarray
    science: np.ndarray | None
    segment: np.ndarray


def read_cut(output, label, around, science=None):
    """Read a segment of a saved mask.

    Parameters
    ----------
    output : path-like
        A file that holds one mask.
    label : int
        Of the segment, in its table.
    around : int
        How many pixels around it are read.
    science : (path-like, int), optional
        Where the frame is, if it is not in the same file.

    Returns
    -------
    Cut or None
        None if nothing of the segment is left in the mask: it was rejected in review.

    Raises
    ------
    OSError, ValueError
        If a file can't be read, or does not hold these.
    """
    with opened(Path(output)) as hdus:
        try:
            plane = next(hdu for hdu in hdus if BITS_CARD in hdu.header and hdu.name in ('DQ', 'CRDQ'))
            table = hdus['CRSEG'].data
            row = table[table['label'] == label][0]
        except (StopIteration, KeyError, IndexError):
            msg = f'{output} holds no segment {label}'
            raise ValueError(msg) from None
        box, inner = _boxes(row, plane.shape, around)
        part = _part(plane, box)
        segment = _segment(part, inner, row['area'])
        if segment is None:
            return None
        own = [hdu for hdu in hdus if hdu.is_image and hdu.shape == plane.shape and BITS_CARD not in hdu.header]
        pixels = _part(own[0], box) if own else None
    if pixels is None and science is not None:
        with opened(Path(science[0])) as hdus:
            pixels = _part(hdus[science[1]], box)
    return Cut(part, pixels, segment)


def _boxes(row, shape, around):
    """Return the part of the frame to read, and where in it the segment is."""
    box, inner = [], []
    for low, high, end in (('bbox_ymin', 'bbox_ymax', shape[0]), ('bbox_xmin', 'bbox_xmax', shape[1])):
        first, last = int(row[low]), int(row[high]) + 1
        start = max(0, first - around)
        box.append(slice(start, min(end, last + around)))
        inner.append(slice(first - start, last - start))
    return tuple(box), tuple(inner)


def _part(hdu, box):
    """Return a part of an image; of whole rows, which are read at once."""
    return hdu.section[box[0], :][:, box[1]]


def _segment(plane, inner, area):
    """Return where the segment is that fills a box, or None; of several groups the one of its size."""
    groups, count = ndimage.label(plane[inner] & np.uint8(MaskBit.CR_DETECTED), np.ones((3, 3)))
    if count == 0:
        return None
    sizes = np.bincount(groups.ravel())[1:]
    segment = np.zeros(plane.shape, dtype=bool)
    segment[inner] = groups == np.argmin(np.abs(sizes - area)) + 1
    return segment
