"""The room of the mask bits: why a pixel is bad, and the one plane that holds all the reasons."""

from enum import IntFlag

import numpy as np

__all__ = ['BITS_CARD', 'CAUSES', 'CAUSE_CARD', 'REVIEW', 'MaskBit', 'merge_mask']

#: The card by which extensions written here name themselves, with the version of their bits as its value.
BITS_CARD = 'CRPBITS'

#: The card by which a mask of one cause alone names it, with a word of `CAUSES` as its value.
CAUSE_CARD = 'CRCAUSE'

#: The extension that holds what was said in review.
REVIEW = 'CRREVIEW'


class MaskBit(IntFlag):
    """Why a pixel is bad; 0 is a good pixel.

    The values are those written to the ``DQ`` extension; `meaning` is what its header says of each.
    """

    INPUT = 1
    HOT = 2
    BAD = 4
    NONFINITE = 8
    SATURATED = 16
    CR_DETECTED = 32
    CR_MARKED = 64

    @property
    def meaning(self):
        """What the bit says of a pixel, in a few words."""
        return _MEANINGS[self]

    @classmethod
    def before_run(cls):
        """Return the causes that are known before L.A.Cosmic runs, and that it is told to leave out."""
        return cls.INPUT | cls.HOT | cls.BAD | cls.NONFINITE


_MEANINGS = {
    MaskBit.INPUT: 'masked on arrival, cause unknown',
    MaskBit.HOT: 'hot pixel',
    MaskBit.BAD: 'bad pixel or column (ccdmask)',
    MaskBit.NONFINITE: 'not a number, or infinite',
    MaskBit.SATURATED: 'at or above the saturation level',
    MaskBit.CR_DETECTED: 'cosmic ray found by L.A.Cosmic',
    MaskBit.CR_MARKED: 'cosmic ray marked by hand',
}

#: The causes that a user can give an input mask, and the words for them.
CAUSES = {'hot': MaskBit.HOT, 'bad': MaskBit.BAD, 'other': MaskBit.INPUT}


def merge_mask(frame, detection, crmask=None):
    """Merge all that is known to be bad into one plane that keeps the causes.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks.
    detection : Detection
        What L.A.Cosmic found in it.
    crmask : (ny, nx) bool array_like, optional
        The cosmic-ray pixels after review; by default those detected.

    Returns
    -------
    (ny, nx) uint8 ndarray
        The sum of the `MaskBit` values of each pixel; 0 where it is good.

    Raises
    ------
    ValueError
        If ``crmask`` has another shape than the frame.
    """
    detected = detection.crmask
    crmask = detected if crmask is None else np.asarray(crmask, dtype=bool)
    for name, mask in (('the detection', detected), ('crmask', crmask)):
        if mask.shape != frame.shape:
            msg = f'{name} has shape {mask.shape}, the frame {frame.shape}: they must be the same'
            raise ValueError(msg)
    merged = frame.bits.copy()
    flat, pixels = merged.ravel(), np.flatnonzero(crmask)
    flat[np.flatnonzero(frame.saturated(detection.params))] |= np.uint8(MaskBit.SATURATED)
    kinds = np.array([MaskBit.CR_MARKED, MaskBit.CR_DETECTED], dtype=np.uint8)
    flat[pixels] |= kinds[detected.ravel()[pixels].astype(int)]
    return merged
