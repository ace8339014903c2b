"""The room of the pixels that L.A.Cosmic leaves out: input masks, and the saturated stars."""

import numpy as np

from ginga_crplugin.core.bits import MaskBit

from . import dilation

__all__ = ['Masked']

_BITS = np.uint8(MaskBit.before_run())


class Masked:
    """The pixels that are left out, kept so that a change of some costs no more than these.

    Attributes
    ----------
    mask : (ny, nx) uint8 ndarray
        0 where a pixel is good; else `dilation.GROWN` or `dilation.STARS`.
    source : ndarray or None
        The bits of the frame that it was made from.
    star_key : tuple
        What the saturated stars depend on.
    version : int
        Another one after each change.
    """

    def __init__(self, shape):
        self.mask = np.zeros(shape, np.uint8)
        self.source = None
        self.star_key = None
        self.version = 0
        self._bits = None
        self._stars = np.empty(0, np.int64)
        self._searched = None, None

    def set_input(self, source, bits):
        """Take input masks; only around pixels that are masked in another way than before anything is done.

        Parameters
        ----------
        source : ndarray
            What to remember them by.
        bits : (ny, nx) uint8 ndarray
        """
        ny, nx = self.mask.shape
        box = 0, ny, 0, nx
        if self._bits is not None:
            box = dilation.difference(self._bits, bits, _BITS)
        if box[1] > box[0]:
            y0, y1, x0, x1 = box
            box = max(0, y0 - 1), min(ny, y1 + 1), max(0, x0 - 1), min(nx, x1 + 1)
            dilation.grow_input(bits, _BITS, *box, self.mask)
            self.version += 1
        self.source, self._bits = source, bits

    def set_stars(self, stars, key):
        """Take saturated pixels, flat indices, and leave out what is near them."""
        flat = self.mask.reshape(-1)
        flat[self._stars] &= np.uint8(dilation.GROWN)
        grown = np.empty(min(69 * stars.size, self.mask.size), np.int64)
        self._stars = grown[: dilation.grow_stars(stars, self.mask, grown)].copy()
        self.star_key = key
        self.version += 1

    def searched(self, border):
        """Return where a cosmic ray can be found, (ny, nx) bool: the outermost ``border`` pixels never stand out."""
        key = self.version, border
        if self._searched[0] != key:
            searched = np.zeros(self.mask.shape, bool)
            inner = slice(border, -border), slice(border, -border)
            np.equal(self.mask[inner], 0, out=searched[inner])
            self._searched = key, searched
        return self._searched[1]
