"""Bits of the array that holds the state of each pixel in a run; 0 is a good pixel."""

import numpy as np

__all__ = ['AFFECTED', 'EXCLUDED', 'FLAGGED', 'GROWN', 'INPUT', 'STARS']

#: In the input mask, in the input mask grown by one pixel, and in a saturated star grown by four pixels.
INPUT, GROWN, STARS = np.uint8(1), np.uint8(2), np.uint8(4)
#: Excluded from the search.
EXCLUDED = np.uint8(GROWN | STARS)
#: Flagged in this run.
FLAGGED = np.uint8(8)
#: Listed for cleaning.
AFFECTED = np.uint8(16)
