"""A part of a large frame on which parameters are tried."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from astropy.nddata import CCDData

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.input_mask import InputMask

__all__ = ['MAX_PIXELS', 'Sample', 'cut_frame', 'sample_frame']

#: Number of pixels of a frame that is used completely, side of the boxes cut from a larger one, number of boxes on each
#: side of the sample, and number of pixels beside a seam that are not counted.
MAX_PIXELS, BOX, SIDE, MARGIN = 700_000, 256, 3, 8


@dataclass(frozen=True, eq=False)
class Sample:
    """A frame made of parts of a larger frame.

    Attributes
    ----------
    frame : Frame
        The frame itself, or boxes spread evenly over it, side by side.
    counted : (ny, nx) bool ndarray
        False beside the seams between the boxes.
    """

    frame: Frame
    counted: np.ndarray


def cut_frame(frame: Frame, cut: Callable[[np.ndarray], np.ndarray]) -> Frame:
    """Return a part of a frame, with its masks and companion images.

    Parameters
    ----------
    frame : Frame
        The frame.
    cut : callable
        Returns the part of a (ny, nx) ndarray.

    Returns
    -------
    Frame
        The part.
    """
    masks = tuple(InputMask(mask.name, mask.bit, cut(mask.mask)) for mask in frame.masks)
    background, variance = (image if image is None else cut(image) for image in (frame.background, frame.variance))
    ccd = CCDData(cut(frame.ccd.data), unit=frame.ccd.unit, header=frame.ccd.header)
    return Frame(ccd, frame.name, masks=masks, psfk=frame.psfk, background=background, variance=variance)


def sample_frame(frame: Frame) -> Sample:
    """Return a frame of at most about `MAX_PIXELS` pixels with the properties of a larger one.

    Parameters
    ----------
    frame : Frame
        The frame.

    Returns
    -------
    Sample
        The frame, or boxes of it with their masks and companion images.
    """
    ny, nx = frame.shape
    if frame.bits.size <= MAX_PIXELS or min(ny, nx) < SIDE * BOX:
        return Sample(frame, np.ones(frame.shape, dtype=bool))
    rows, columns = (np.linspace(0, side - BOX, SIDE).astype(int) for side in (ny, nx))

    def cut(image):
        return np.block([[image[y : y + BOX, x : x + BOX] for x in columns] for y in rows])

    part = cut_frame(frame, cut)
    counted = np.ones(part.shape, dtype=bool)
    for seam in range(BOX, SIDE * BOX, BOX):
        counted[seam - MARGIN : seam + MARGIN] = counted[:, seam - MARGIN : seam + MARGIN] = False
    return Sample(part, counted)
