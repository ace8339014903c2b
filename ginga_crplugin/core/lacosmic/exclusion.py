"""Pixels excluded from the search: input masks and saturated stars."""

from typing import Any

import numpy as np

from ginga_crplugin.core.bits import DQ_DTYPE, MaskBit
from ginga_crplugin.core.stats import CHUNK_SIZE

from . import dilation

__all__ = ['Exclusion']

_INPUT_BITS = DQ_DTYPE(MaskBit.before_run())


class Exclusion:
    """The mask of excluded pixels, updated where its inputs change.

    As in Astro-SCRAPPY, the input masks are grown by one pixel, and saturated stars twice by a disk of 21 pixels.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the frame.

    Attributes
    ----------
    mask : (ny, nx) uint8 ndarray
        0 for good pixels, else the sum of `dilation.GROWN` and `dilation.STARS`.
    source : ndarray or None
        The mask bits of the frame from which the input mask was made; compared by identity.
    star_key : tuple or None
        The parameters on which the saturated stars depend.
    version : int
        A number that changes with the mask.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.mask = np.zeros(shape, np.uint8)
        self.source: np.ndarray | None = None
        self.star_key: tuple[Any, ...] | None = None
        self.version = 0
        self._bits: np.ndarray | None = None
        self._stars = np.empty(0, np.int64)

    def set_input(self, source: np.ndarray, bits: np.ndarray) -> None:
        """Set the input masks; only the neighborhood of changed pixels is updated.

        Parameters
        ----------
        source : ndarray
            The array that identifies these input masks, kept as ``source``.
        bits : (ny, nx) int16 ndarray
            The `MaskBit` values of each pixel.
        """
        ny, nx = self.mask.shape
        box = 0, ny, 0, nx
        if self._bits is not None:
            box = dilation.box_of_changes(self._bits, bits, _INPUT_BITS)
        if box[1] > box[0]:
            y0, y1, x0, x1 = box
            box = max(0, y0 - 1), min(ny, y1 + 1), max(0, x0 - 1), min(nx, x1 + 1)
            dilation.grow_input(bits, _INPUT_BITS, *box, self.mask)
            self.version += 1
        self.source, self._bits = source, bits

    def set_stars(self, stars: np.ndarray, key: tuple[Any, ...]) -> None:
        """Set the saturated stars and exclude their surroundings.

        Parameters
        ----------
        stars : (n,) int64 ndarray
            Flat indices of the saturated pixels.
        key : tuple
            The parameters on which they depend, kept as ``star_key``.
        """
        flat = self.mask.reshape(-1)
        flat[self._stars] &= np.uint8(dilation.GROWN)
        grown = np.empty(min(69 * stars.size, self.mask.size), np.int64)
        self._stars = grown[: dilation.grow_stars(stars, self.mask, grown)].copy()
        self.star_key = key
        self.version += 1

    @property
    def stars(self) -> np.ndarray:
        """Flat indices of the saturated stars and their surroundings."""
        return self._stars

    def count_good(self, border: int) -> int:
        """Count the pixels that are not excluded.

        Parameters
        ----------
        border : int
            Number of outermost pixels that are not counted.

        Returns
        -------
        int
            Number of pixels.
        """
        inner = self.mask[border:-border, border:-border]
        rows = max(1, CHUNK_SIZE // inner.shape[1])
        return sum(int(np.count_nonzero(inner[y : y + rows] == 0)) for y in range(0, len(inner), rows))
