"""Masks that were saved before: causes, review, parameters, and cutouts of segments."""

import math
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import QTable

from ginga_crplugin.core.bits import BITS_CARD, DQ_DTYPE, IMAGE_CARD, REJECTED_RAY, REVIEW, MaskBit
from ginga_crplugin.core.image_data import image_plane, plane_axes
from ginga_crplugin.core.input_mask import InputMask
from ginga_crplugin.core.lacosmic.tails import NO_TAILS, TailOptions
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.repair_names import DEFAULT_REPAIR, REPAIRS

from .companions import image_shape
from .dq_flags import DQ_FORMATS, MISSION_CARD
from .fits_reader import open_fits, read_pixels

__all__ = [
    'READ_ERRORS',
    'RUN_CARDS',
    'SavedMask',
    'SegmentCutout',
    'hdus_of_image',
    'kept_segments',
    'read_review',
    'read_saved_mask',
    'read_segment_cutout',
]

#: What astropy raises on truncated or damaged files.
READ_ERRORS = (OSError, ValueError, TypeError, EOFError, zlib.error)

#: Cards that identify a batch run; they are kept when a review is saved over its mask.
RUN_CARDS = 'CRRECIPE', 'CRRECSUM', 'CRRULE', 'CRHDU', 'CRIDENT', 'CRCHECKS'


@dataclass(frozen=True, eq=False)
class SavedMask:
    """A mask that was saved for a frame.

    Attributes
    ----------
    path : `~pathlib.Path`
        The file that contains it: the frame's own, or another.
    masks : tuple of InputMask
        The pixels that were masked before the run, by cause.
    cards : dict
        The ``RUN_CARDS`` of its header, ``{keyword: (value, comment)}``.
    cleaned : bool
        Whether the file contains the cleaned image.
    params : dict
        The parameters of the run, by field name.
    grow : int
        Number of pixels by which the cosmic rays were grown.
    dq : str
        The mission whose bits were written beside those of this package; ``'own'`` if none were.
    repair : str
        The repair of segments for which none was chosen.
    tails : TailOptions
        Whether and how tails were found; not enabled in a mask that does not say so.
    """

    path: Path
    masks: tuple[InputMask, ...]
    cards: dict[str, tuple[Any, str]]
    cleaned: bool
    params: dict[str, Any]
    grow: int
    dq: str = 'own'
    repair: str = DEFAULT_REPAIR
    tails: TailOptions = NO_TAILS

    @property
    def recipe(self) -> str:
        """The hash of the recipe it was made with (`Recipe.checksum`); ``''`` if there was none."""
        return self.cards.get('CRRECSUM', ('',))[0]

    @property
    def ext(self) -> int | None:
        """The HDU number of the frame in its original file; None if it is not known."""
        return self.cards.get('CRHDU', (None,))[0]


def read_review(hdus: Sequence[Any], version: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Read the review that was saved for a frame.

    Parameters
    ----------
    hdus : `~astropy.io.fits.HDUList` or list of HDU
        The HDUs of the file.
    version : int
        EXTVER of the frame.

    Returns
    -------
    tuple of (n,) int64 and (n,) uint8 ndarray, or None
        Flat pixel indices and codes (`Review.edited`); None if there is no readable review.
    """
    for hdu in hdus:
        if hdu.name == REVIEW and hdu.ver == version and BITS_CARD in hdu.header and not hdu.is_image:
            try:
                indices, codes = (np.array(hdu.data[name]) for name in ('PIXEL', 'CODE'))
            except (KeyError, *READ_ERRORS):
                return None
            kept = codes != REJECTED_RAY
            return indices[kept].astype(np.int64), codes[kept].astype(np.uint8)
    return None


def _rejected_rays(hdus: Sequence[Any], version: int, size: int) -> np.ndarray:
    """Return the pixels that the mission found and that are not in the saved mask, as flat indices."""
    for hdu in hdus:
        if hdu.name == REVIEW and hdu.ver == version and BITS_CARD in hdu.header and not hdu.is_image:
            try:
                indices = np.array(hdu.data['PIXEL'], dtype=np.int64)[hdu.data['CODE'] == REJECTED_RAY]
            except (KeyError, *READ_ERRORS):
                continue
            return indices[(indices >= 0) & (indices < size)]
    return np.zeros(0, dtype=np.int64)


def hdus_of_image(hdus: fits.HDUList, name: str) -> list[Any]:
    """Return the HDUs without the masks that this package has saved for other images of the file.

    Parameters
    ----------
    hdus : `~astropy.io.fits.HDUList`
        The HDUs of the file.
    name : str
        EXTNAME of the image.

    Returns
    -------
    list of HDU
        The HDUs.
    """
    return [hdu for hdu in hdus if BITS_CARD not in hdu.header or hdu.header.get(IMAGE_CARD, name) == name]


def read_saved_mask(hdus: Sequence[Any], version: int, shape: tuple[int, ...], path: Path) -> SavedMask | None:
    """Read the mask that was saved for a frame.

    Parameters
    ----------
    hdus : `~astropy.io.fits.HDUList` or list of HDU
        The HDUs of the file.
    version : int
        EXTVER of the frame.
    shape : tuple of int
        Shape of the frame.
    path : `~pathlib.Path`
        The file, for errors.

    Returns
    -------
    SavedMask or None
        None if there is none.

    Raises
    ------
    ValueError
        If it does not consist of integers.
    """
    plane = _dq_plane(hdus, version, shape)
    if plane is None:
        return None
    headers = {hdu.name: hdu.header for hdu in hdus if hdu.ver == version and BITS_CARD in hdu.header}
    header = headers.get('MASK', plane.header)
    cards = {key: (header[key], header.comments[key]) for key in RUN_CARDS if key in header}
    own = image_plane(read_pixels(plane, path), plane.name)
    masks = _masks_by_cause(own, _rejected_rays(hdus, version, math.prod(shape)), path)
    grow = header.get('CRGROW', 0)
    grow = grow if grow in range(4) else 0
    dq = header.get(MISSION_CARD, 'own')
    dq = dq if dq in DQ_FORMATS else 'own'
    repair = header.get('CRREPAIR', DEFAULT_REPAIR)
    repair = repair if repair in REPAIRS else DEFAULT_REPAIR
    return SavedMask(Path(path), masks, cards, 'CLEANED' in headers, _params(header), grow, dq, repair, _tails(header))


def _tails(header: fits.Header) -> TailOptions:
    """Return how tails were found; they were not if the cards are missing or not valid."""
    try:
        return TailOptions(header['CRTAIL'] is True, header['CRTAILSG'], header['CRTAILST'])
    except (KeyError, ValueError, TypeError):  # of an earlier version, or edited by another program
        return NO_TAILS


def _params(header: fits.Header) -> dict[str, Any]:
    """Return the parameters of the run from its header; none if they are not valid."""
    values = {item.name: header[card] for item in fields(LACosmicParams) if (card := item.metadata['card']) in header}
    try:
        values = {name: float(value) if value == 'inf' else value for name, value in values.items()}
        params = LACosmicParams(**values)
    except (ValueError, TypeError):  # edited by another program
        return {}
    return {name: getattr(params, name) for name in values}


def kept_segments(hdus: fits.HDUList) -> QTable:
    """Return the table of the segments of a saved mask without the rejected ones.

    Parameters
    ----------
    hdus : `~astropy.io.fits.HDUList`
        The HDUs of a file with one mask.

    Returns
    -------
    `~astropy.table.QTable`
        The rows that were not rejected in review.
    """
    table = QTable(hdus['CRSEG'].data)
    return table[table['decision'] != 'rejected'] if 'decision' in table.colnames else table


def _dq_plane(hdus: Sequence[Any], version: int, shape: tuple[int, ...]) -> Any:
    """Return the HDU with the causes that this package wrote for a frame, or None."""
    planes = (hdu for hdu in hdus if hdu.is_image and BITS_CARD in hdu.header and hdu.name in ('DQ', 'CRDQ'))
    return next((hdu for hdu in planes if hdu.ver == version and image_shape(hdu.header) == shape), None)


def _masks_by_cause(plane: np.ndarray, rejected_rays: np.ndarray, path: Path) -> tuple[InputMask, ...]:
    """Return the input masks of a saved plane by cause; of its cosmic rays those that the mission found."""
    if plane.dtype.kind not in 'iu':
        msg = f'{path}: DQ has dtype {plane.dtype.name}, not integers: save the mask again'
        raise ValueError(msg)
    causes = MaskBit.INPUT, MaskBit.HOT, MaskBit.BAD, MaskBit.NO_DATA, MaskBit.CR_MISSION
    masks = [(bit, (plane & DQ_DTYPE(bit)) != 0) for bit in causes]
    masks[-1][1].ravel()[rejected_rays] = True
    saturated = DQ_DTYPE(MaskBit.INPUT | MaskBit.SATURATED)  # by the mission; others have no INPUT
    masks.append((MaskBit.SATURATED, (plane & saturated) == saturated))
    return tuple(
        InputMask.from_data(f'{bit.name} of the DQ in this file', bit, mask, 'own') for bit, mask in masks if mask.any()
    )


@dataclass(frozen=True, eq=False)
class SegmentCutout:
    """A cutout of a frame around a segment.

    Attributes
    ----------
    plane : (h, w) int16 or uint8 ndarray
        The causes (`MaskBit`).
    science : (h, w) ndarray or None
        The pixels; None if they are not available.
    segment : (h, w) bool ndarray
        The pixels of the segment.
    """

    plane: np.ndarray
    science: np.ndarray | None
    segment: np.ndarray


def read_segment_cutout(
    output: str | os.PathLike[str],
    label: int,
    margin: int,
    science: tuple[str | os.PathLike[str], int] | None = None,
) -> SegmentCutout | None:
    """Read a cutout around a segment of a saved mask.

    Parameters
    ----------
    output : path-like
        A file with one mask.
    label : int
        The label of the segment in its table.
    margin : int
        Number of pixels around the segment.
    science : (path-like, int), optional
        File and HDU number of the frame, if it is not in the same file.

    Returns
    -------
    SegmentCutout or None
        None if the segment is not in the mask: it was rejected in review.

    Raises
    ------
    OSError, ValueError
        If a file cannot be read, or has no such segment.
    """
    with open_fits(Path(output)) as hdus:
        try:
            plane: Any = next(hdu for hdu in hdus if BITS_CARD in hdu.header and hdu.name in ('DQ', 'CRDQ'))
            table = hdus['CRSEG'].data
            row = table[table['label'] == label][0]
        except (StopIteration, KeyError, IndexError):
            msg = f'{output} has no segment {label}'
            raise ValueError(msg) from None
        shape = image_shape(plane.header)
        box, inner = _boxes(row, shape, margin)
        part = _section(plane, box)
        segment = _segment_mask(part, inner, row['area'])
        if segment is None:
            return None
        images = [hdu for hdu in hdus if image_shape(hdu.header) == shape and BITS_CARD not in hdu.header]
        pixels = _section(images[0], box) if images else None
    if pixels is None and science is not None:
        with open_fits(Path(science[0])) as hdus:
            pixels = _section(hdus[science[1]], box)
    return SegmentCutout(part, pixels, segment)


def _boxes(row: Any, shape: tuple[int, ...], margin: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return the slices of the frame to read, and those of the segment in the cutout."""
    box, inner = [], []
    for low, high, end in (('bbox_ymin', 'bbox_ymax', shape[0]), ('bbox_xmin', 'bbox_xmax', shape[1])):
        first, last = int(row[low]), int(row[high]) + 1
        start = max(0, first - margin)
        box.append(slice(start, min(end, last + margin)))
        inner.append(slice(first - start, last - start))
    return tuple(box), tuple(inner)


def _section(hdu: Any, box: tuple[slice, ...]) -> np.ndarray:
    """Return a section of an image, which may have axes of length 1; whole rows are read, which is faster."""
    axes = plane_axes(hdu.shape)
    rows = tuple(box[0] if axis == axes[0] else slice(None) for axis in range(len(hdu.shape)))
    return image_plane(hdu.section[rows], hdu.name)[:, box[1]]


def _segment_mask(plane: np.ndarray, inner: tuple[slice, ...], area: int) -> np.ndarray | None:
    """Return the pixels of the segment in a bounding box, or None; of several groups the one closest in area."""
    from scipy import ndimage  # takes a tenth of a second to import

    rays = plane[inner] & DQ_DTYPE(MaskBit.CR_DETECTED | MaskBit.CR_TAIL | MaskBit.CR_MISSION)
    groups, count = ndimage.label(rays, np.ones((3, 3)))
    if count == 0:
        return None
    sizes = np.bincount(groups.ravel())[1:]
    segment = np.zeros(plane.shape, dtype=bool)
    segment[inner] = groups == np.argmin(np.abs(sizes - area)) + 1
    return segment
