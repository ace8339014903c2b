"""Blocks of a frame in which the second iteration finds nothing new, kept from run to run."""

from typing import Any

import numpy as np

from .tiles import BLOCK_SIZE

__all__ = ['SettledBlocks']

F32 = np.float32


class SettledBlocks:
    """Blocks whose cleaned pixels have no cosmic rays around them in the second iteration.

    After a change of a threshold, most blocks have the same pixels flagged in the first iteration as before, and
    therefore the same values in the second one. The highest of these values is kept for each block.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the frame.
    reach : int
        Distance in pixels at which a flagged pixel affects the values of a block.
    """

    def __init__(self, shape: tuple[int, int], reach: int) -> None:
        self._grid = tuple(-(-n // BLOCK_SIZE) for n in shape)
        self._columns, self._ring = shape[1], -(-reach // BLOCK_SIZE)
        self._flagged = np.empty(0, np.int64)
        self._highest = np.full(self._grid, np.inf, F32)  # S' around the cleaned pixels of a block
        self._open = np.ones(self._grid, bool)
        self._crowded = False  # then hardly any block is settled, and none is kept

    def set_flagged(self, flagged: np.ndarray) -> None:
        """Forget the blocks near pixels that were flagged in only one of this run and the last.

        Parameters
        ----------
        flagged : (n,) int64 ndarray
            Flat indices of the pixels flagged in the first iteration.
        """
        self._crowded = flagged.size > self._open.size
        if self._crowded:
            near: Any = slice(None)
            flagged = np.empty(0, np.int64)
        else:
            near = self._surroundings(np.setxor1d(self._flagged, flagged, assume_unique=True))
        self._highest[near] = np.inf
        self._flagged = flagged

    def _surroundings(self, pixels):
        """Return the blocks within reach of the blocks of pixels."""
        y, x = np.divmod(np.unique(np.ravel_multi_index(self._blocks(pixels), self._grid)), self._grid[1])
        steps = np.arange(-self._ring, self._ring + 1)
        rows = (y[:, None, None] + steps[:, None]).clip(0, self._grid[0] - 1)
        return rows, (x[:, None, None] + steps).clip(0, self._grid[1] - 1)

    def remove_settled(self, changed: np.ndarray, sigclip: np.float32) -> np.ndarray:
        """Remove the pixels of blocks in which nothing exceeds the threshold of S'.

        Parameters
        ----------
        changed : (n,) int64 ndarray
            Flat indices of the pixels cleaned in the first iteration.
        sigclip : float32
            The threshold.

        Returns
        -------
        (m,) int64 ndarray
            The pixels of the other blocks.
        """
        if self._crowded:
            return changed
        at = self._blocks(changed)
        still_open = self._highest[at] > sigclip
        self._open[at] = still_open
        return changed[still_open]

    def set_highest(self, boxes: np.ndarray, size: int, highest: np.ndarray) -> None:
        """Keep the highest S' around the remaining pixels.

        Parameters
        ----------
        boxes : (n, 4) int64 ndarray
            The bounding boxes of the pixels in squares.
        size : int
            Side of the squares in pixels.
        highest : (n,) float32 ndarray
            The highest S' around each box.
        """
        if self._crowded:
            return
        step = size // BLOCK_SIZE
        y, x = boxes[:, 0] // size * step, boxes[:, 2] // size * step
        for row in range(step):
            for column in range(step):
                at = np.minimum(y + row, self._grid[0] - 1), np.minimum(x + column, self._grid[1] - 1)
                was_open = self._open[at]
                at = at[0][was_open], at[1][was_open]
                self._highest[at] = highest[was_open]

    def _blocks(self, pixels):
        y, x = np.divmod(pixels, self._columns)
        return y // BLOCK_SIZE, x // BLOCK_SIZE
