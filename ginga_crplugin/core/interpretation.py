"""Conversion of images to frames, with masks of their fill values and notes on their pixels."""

from astropy.nddata import NDData
from numpy.typing import ArrayLike

from .bits import DQ_DTYPE, MaskBit
from .frame import Frame
from .no_data import fill_masks
from .saturation import clipping_notes

__all__ = ['as_frame', 'interpreted']


def as_frame(image: Frame | NDData | ArrayLike) -> Frame:
    """Return an image as a frame.

    Parameters
    ----------
    image : Frame, `~astropy.nddata.NDData` or (ny, nx) array_like
        A frame, which is returned unchanged, or an image to make one from; its fill values are masked.

    Returns
    -------
    Frame
        The frame.

    Raises
    ------
    ValueError
        If the image cannot be a frame, see `Frame`.
    """
    return image if isinstance(image, Frame) else interpreted(Frame(image))  # type: ignore[arg-type]


def interpreted(frame: Frame) -> Frame:
    """Return a frame with masks of its fill values, and notes on these, on clipped pixels and on scaled values.

    A fill value is that of all pixels in regions without data (`~ginga_crplugin.core.no_data.find_fill_values`).

    Parameters
    ----------
    frame : Frame
        The frame.

    Returns
    -------
    Frame
        The frame with the notes, and with a mask for each fill value that is not masked as no data already.
    """
    masks, notes = fill_masks(frame.ccd.data, frame.bits & DQ_DTYPE(MaskBit.NO_DATA) != 0)
    if masks:
        frame = frame.replace(masks=(*frame.masks, *masks), notes=(*frame.notes, *notes))
    notes = clipping_notes(frame.clipping, frame.ccd.unit, frame.parameters()[1]['satlevel'])
    if frame.scale is not None:
        notes.append(f'{frame.scale.text}; {frame.scale.advice}')
    return frame.replace(notes=(*frame.notes, *notes)) if notes else frame
