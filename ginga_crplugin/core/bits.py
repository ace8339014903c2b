"""Bits of the mask plane, which record why a pixel is bad."""

from enum import IntFlag
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .flat_indices import locate
from .mission import add_mission

if TYPE_CHECKING:
    from .frame import Frame
    from .lacosmic.detection import Detection

__all__ = [
    'BITS_CARD',
    'CAUSES',
    'CAUSE_CARD',
    'DQ_DTYPE',
    'IMAGE_CARD',
    'REJECTED_RAY',
    'REVIEW',
    'MaskBit',
    'cause_name',
    'merge_mask',
]

#: The header card that identifies extensions written by this package; its value is the version of the bits.
BITS_CARD = 'CRPBITS'

#: The header card of such an extension with the EXTNAME of its image, where several images have the same EXTVER.
IMAGE_CARD = 'CRIMAGE'

#: The type of planes of bits.
DQ_DTYPE = np.int16

#: The header card of a mask with a single cause; its value is a key of `CAUSES`.
CAUSE_CARD = 'CRCAUSE'

#: The name of the extension with the review decisions.
REVIEW = 'CRREVIEW'

#: The code in that extension of a pixel that the mission found and that is not in the mask; it is no decision.
REJECTED_RAY = 4


class MaskBit(IntFlag):
    """Causes of bad pixels; 0 is a good pixel.

    The values are written to the ``DQ`` extension, and `meaning` to its header.
    """

    INPUT = 1
    HOT = 2
    BAD = 4
    NONFINITE = 8
    SATURATED = 16
    CR_DETECTED = 32
    CR_MARKED = 64
    CR_TAIL = 128
    CR_MISSION = 1024
    NO_DATA = 2048

    @property
    def meaning(self) -> str:
        """The meaning of the bit, in a few words."""
        return _MEANINGS[self]

    @classmethod
    def before_run(cls) -> 'MaskBit':
        """Return the causes that are known before the run; L.A.Cosmic excludes these pixels.

        Returns
        -------
        MaskBit
            The sum of the bits.
        """
        return cls.INPUT | cls.HOT | cls.BAD | cls.NONFINITE | cls.NO_DATA

    @classmethod
    def cosmic_rays(cls) -> 'MaskBit':
        """Return the causes that are cosmic rays.

        Returns
        -------
        MaskBit
            The sum of the bits.
        """
        return cls.CR_DETECTED | cls.CR_MARKED | cls.CR_TAIL | cls.CR_MISSION


_MEANINGS = {
    MaskBit.INPUT: 'input mask, cause unknown',
    MaskBit.HOT: 'hot pixel',
    MaskBit.BAD: 'bad pixel or column (ccdmask)',
    MaskBit.NONFINITE: 'NaN or infinite',
    MaskBit.SATURATED: 'at or above the saturation level',
    MaskBit.CR_DETECTED: 'cosmic ray found by L.A.Cosmic',
    MaskBit.CR_MARKED: 'cosmic ray marked by hand',
    MaskBit.CR_TAIL: 'tail of a cosmic ray',
    MaskBit.CR_MISSION: 'cosmic ray found by the mission',
    MaskBit.NO_DATA: 'no data (fill value)',
}

#: The causes that a user can assign to an input mask, by their names.
CAUSES = {'hot': MaskBit.HOT, 'bad': MaskBit.BAD, 'other': MaskBit.INPUT, 'nodata': MaskBit.NO_DATA}

#: The names of the other causes of input masks.
_FIXED = {MaskBit.CR_MISSION: 'cosmic ray', MaskBit.SATURATED: 'saturated'}


def cause_name(bit: MaskBit) -> str:
    """Return the name of the cause of an input mask.

    Parameters
    ----------
    bit : MaskBit
        The cause, which may include INPUT in addition.

    Returns
    -------
    str
        A key of `CAUSES`, or ``'cosmic ray'`` or ``'saturated'``.

    Examples
    --------
    >>> cause_name(MaskBit.HOT), cause_name(MaskBit.INPUT | MaskBit.SATURATED)
    ('hot', 'saturated')
    """
    names = {cause: name for name, cause in CAUSES.items()} | _FIXED
    return names[bit] if bit in names else names[bit & ~MaskBit.INPUT]


def merge_mask(frame: 'Frame', detection: 'Detection', crmask: ArrayLike | None = None) -> np.ndarray:
    """Merge input masks, saturated pixels and cosmic rays into one plane that keeps the causes.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks.
    detection : Detection
        The cosmic rays detected in it, with their tails if these were looked for.
    crmask : (ny, nx) bool array_like, optional
        The cosmic-ray pixels after review; by default those detected, their tails, and those that the mission found.

    Returns
    -------
    (ny, nx) int16 ndarray
        The sum of the `MaskBit` values of each pixel; 0 for good pixels.

    Raises
    ------
    ValueError
        If the shapes of ``crmask`` or the detection and the frame differ.
    """
    pixels = add_mission(frame, detection.flagged)
    shapes = {'the detection': detection.shape}
    if crmask is not None:
        crmask = np.asarray(crmask, dtype=bool)
        pixels, shapes['crmask'] = np.flatnonzero(crmask), crmask.shape
    for name, shape in shapes.items():
        if shape != frame.shape:
            msg = f"{name}: shape {shape} differs from the frame's {frame.shape}"
            raise ValueError(msg)
    merged = frame.bits.copy()
    flat = merged.ravel()
    mission = flat[pixels] & DQ_DTYPE(MaskBit.CR_MISSION)
    flat[frame.mission] &= ~DQ_DTYPE(MaskBit.CR_MISSION)
    flat[np.flatnonzero(frame.saturated(detection.params))] |= DQ_DTYPE(MaskBit.SATURATED)
    bits = np.where(mission, mission, DQ_DTYPE(MaskBit.CR_MARKED))
    bits[locate(detection.tail_indices, pixels)[1]] = DQ_DTYPE(MaskBit.CR_TAIL)
    found = locate(detection.indices, pixels)[1]
    bits[found] = mission[found] | DQ_DTYPE(MaskBit.CR_DETECTED)
    flat[pixels] |= bits
    return merged
