"""The room of what was saved before: mask, review and record, as they stand in a file beside a frame or without one."""

import zlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from astropy.table import QTable
from scipy import ndimage

from ginga_crplugin.core.bits import BITS_CARD, REVIEW, MaskBit
from ginga_crplugin.core.frame import InputMask
from ginga_crplugin.core.params import LACosmicParams

from .fits_reader import open_fits, read_pixels

__all__ = [
    'READ_ERRORS',
    'RUN_CARDS',
    'SavedMask',
    'SegmentCutout',
    'kept_segments',
    'read_own_masks',
    'read_review',
    'read_saved_mask',
    'read_segment_cutout',
]

#: What astropy raises where a file is cut short or damaged.
READ_ERRORS = (OSError, ValueError, TypeError, EOFError, zlib.error)

#: The cards by which a run over many frames names itself: they stay when a review is saved over its mask.
RUN_CARDS = 'CRRECIPE', 'CRRECSUM', 'CRRULE', 'CRHDU', 'CRIDENT', 'CRCHECKS'


@dataclass(frozen=True, eq=False)
class SavedMask:
    """A mask that was saved of a frame.

    Attributes
    ----------
    path : `~pathlib.Path`
        The file that holds it: the frame's own, or another.
    masks : tuple of InputMask
        What had been masked before the run, by cause.
    cards : dict
        Those of ``RUN_CARDS`` that its header has, ``{keyword: (value, comment)}``.
    cleaned : bool
        Whether the cleaned image stands beside it.
    params : dict
        The parameters that it was made with, by field name.
    grow : int
        By how many pixels the cosmic rays were grown.
    """

    path: Path
    masks: tuple[InputMask, ...]
    cards: dict
    cleaned: bool
    params: dict
    grow: int

    @property
    def recipe(self):
        """The word for the recipe that it was made by (`Recipe.checksum`); '' if by none."""
        return self.cards.get('CRRECSUM', ('',))[0]

    @property
    def ext(self):
        """The number of the HDU that the frame had where it came from; None if that is not known."""
        return self.cards.get('CRHDU', (None,))[0]


def read_own_masks(hdus, science, path):
    """Return the masks of other makers that stand beside an image in its own file, matched by EXTVER."""
    return tuple(
        InputMask.from_data(f'{hdu.name} in this file', MaskBit.INPUT, read_pixels(hdu, path), 'own')
        for hdu in hdus
        if hdu is not science
        and hdu.is_image
        and hdu.name in ('MASK', 'DQ')
        and hdu.ver == science.ver
        and getattr(hdu, 'shape', None) == science.shape
    )


def read_review(hdus, version):
    """Return what was said in review of an image, (n,) pixels and codes; None where there is nothing usable."""
    for hdu in hdus:
        if hdu.name == REVIEW and hdu.ver == version and BITS_CARD in hdu.header and not hdu.is_image:
            try:
                places, codes = (np.array(hdu.data[name]) for name in ('PIXEL', 'CODE'))
            except (KeyError, *READ_ERRORS):
                return None
            return places.astype(np.int64), codes.astype(np.uint8)
    return None


def read_saved_mask(hdus, version, shape, path):
    """Return the mask that was saved of an image, or None."""
    plane = _plane(hdus, version, shape)
    if plane is None:
        return None
    beside = {hdu.name: hdu.header for hdu in hdus if hdu.ver == version and BITS_CARD in hdu.header}
    header = beside.get('MASK', plane.header)
    cards = {key: (header[key], header.comments[key]) for key in RUN_CARDS if key in header}
    masks = _split(read_pixels(plane, path), path)
    grow = header.get('CRGROW', 0)
    grow = grow if grow in range(4) else 0
    return SavedMask(Path(path), masks, cards, 'CLEANED' in beside, _params(header), grow)


def _params(header):
    """Return the parameters that a mask was made with, as far as its header tells; none if they can't be used."""
    values = {item.name: header[card] for item in fields(LACosmicParams) if (card := item.metadata['card']) in header}
    try:
        values = {name: float(value) if value == 'inf' else value for name, value in values.items()}
        made = LACosmicParams(**values)
    except (ValueError, TypeError):  # edited by others
        return {}
    return {name: getattr(made, name) for name in values}


def kept_segments(hdus):
    """Return the table of the segments of a file that holds one mask, without those that were rejected in review."""
    table = QTable(hdus['CRSEG'].data)
    return table[table['decision'] != 'rejected'] if 'decision' in table.colnames else table


def _plane(hdus, version, shape):
    """Return the HDU of the causes that was written here for an image, or None."""
    planes = (hdu for hdu in hdus if hdu.is_image and BITS_CARD in hdu.header and hdu.name in ('DQ', 'CRDQ'))
    return next((hdu for hdu in planes if hdu.ver == version and getattr(hdu, 'shape', None) == shape), None)


def _split(plane, path):
    """Give back the input masks of a saved plane by cause; its cosmic rays are found anew."""
    if plane.dtype.kind not in 'iu':
        msg = f'{path}: its DQ holds {plane.dtype.name}, not the whole numbers that were written'
        raise ValueError(msg)
    masks = ((bit, (plane & np.uint8(bit)) != 0) for bit in (MaskBit.INPUT, MaskBit.HOT, MaskBit.BAD))
    return tuple(
        InputMask.from_data(f'{bit.name} of the DQ in this file', bit, mask, 'own') for bit, mask in masks if mask.any()
    )


@dataclass(frozen=True, eq=False)
class SegmentCutout:
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


def read_segment_cutout(output, label, around, science=None):
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
    with open_fits(Path(output)) as hdus:
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
        with open_fits(Path(science[0])) as hdus:
            pixels = _part(hdus[science[1]], box)
    return SegmentCutout(part, pixels, segment)


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
