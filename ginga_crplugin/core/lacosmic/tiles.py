"""The room of the tiles: how a frame is cut into parts, for all of it and for what is worked on again."""

from dataclasses import dataclass

import numpy as np

from ginga_crplugin.core.stats import CHUNK_SIZE

__all__ = ['BLOCK', 'SIZES', 'Tiles', 'areas', 'blocks', 'chunks', 'cover', 'rows_of_tiles', 'tiles']

#: Rows and columns of a tile when the whole frame is worked on.
TILE = 64, 512
#: Side in pixels of the blocks of which the highest values are kept.
BLOCK = 16
#: The sides that a part of the frame may have when it is worked on again: small ones waste the least where little is
#: found, large ones where much is.
SIZES = 16, 32, 64, 128


@dataclass(frozen=True, eq=False)
class Tiles:
    """Parts of a frame that lie one after the other in flat arrays.

    Attributes
    ----------
    cores : (n, 4) int64 ndarray
        The sides y0, y1, x0, x1 of what is wanted.
    boxes : (n, 4) int64 ndarray
        The same with the margin that it needs, within the frame.
    starts : (n + 1,) int64 ndarray
        Where each begins in the flat arrays; the last is their length.
    """

    cores: np.ndarray
    boxes: np.ndarray
    starts: np.ndarray

    @property
    def size(self):
        """How many pixels they have together."""
        return int(self.starts[-1])

    @property
    def where(self):
        """Boxes, starts and cores."""
        return self.boxes, self.starts, self.cores


def tiles(cores, margin, shape):
    """Return tiles with a margin of ``margin`` pixels around ``cores``, cut off at the sides of the frame."""
    boxes = cores + np.array([-margin, margin, -margin, margin])
    np.maximum(boxes[:, ::2], 0, out=boxes[:, ::2])
    np.minimum(boxes[:, 1], shape[0], out=boxes[:, 1])
    np.minimum(boxes[:, 3], shape[1], out=boxes[:, 3])
    starts = np.zeros(len(boxes) + 1, np.int64)
    np.cumsum(areas(boxes), out=starts[1:])
    return Tiles(cores, boxes, starts)


def areas(boxes):
    """Return how many pixels each box has."""
    return (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2])


def chunks(cores, margin):
    """Split cores into parts that, with their margin, have about `CHUNK_SIZE` pixels."""
    edge = np.array([-margin, margin, -margin, margin])
    part = np.cumsum(areas(cores + edge)) // CHUNK_SIZE
    return np.split(cores, np.flatnonzero(np.diff(part)) + 1) if len(cores) else []


def rows_of_tiles(shape):
    """Yield the cores of one row of tiles after the other, for the whole frame."""
    ny, nx = shape
    x0 = np.arange(0, nx, TILE[1])
    for y0 in range(0, ny, TILE[0]):
        yield _boxes(np.full_like(x0, y0), x0, TILE, shape)


def blocks(chosen, size, shape):
    """Return the cores of chosen blocks of size x size pixels, counted row by row."""
    across = -(-shape[1] // size)
    y, x = np.divmod(chosen, across)
    return _boxes(y * size, x * size, (size, size), shape)


def _boxes(y0, x0, size, shape):
    y1, x1 = np.minimum(y0 + size[0], shape[0]), np.minimum(x0 + size[1], shape[1])
    return np.stack([y0, y1, x0, x1], axis=1).astype(np.int64)


def cover(chosen, margin, shape):
    """Cover chosen blocks by rows of squares, of the size that makes the least of them with their margins.

    Parameters
    ----------
    chosen : (rows, columns) bool ndarray
        Which blocks of `BLOCK` pixels.

    Returns
    -------
    cores : (n, 4) int64 ndarray
    covered : (rows, columns) bool ndarray
        The blocks that they cover.
    """
    coarser = {size: _pooled(chosen, size // BLOCK) for size in SIZES}
    cores = {size: _rows_of(coarser[size], size, shape) for size in SIZES}
    size = min(SIZES, key=lambda size: tiles(cores[size], margin, shape).size)
    step = size // BLOCK
    covered = coarser[size].repeat(step, axis=0).repeat(step, axis=1)[: chosen.shape[0], : chosen.shape[1]]
    return cores[size], covered


def _rows_of(chosen, size, shape):
    """Return the cores of chosen squares, neighbors in a row as one: fewer margins; none is wider than a tile."""
    longest = TILE[1] // size
    before, after = np.zeros_like(chosen), np.zeros_like(chosen)
    before[:, 1:], after[:, :-1] = chosen[:, :-1], chosen[:, 1:]
    before[:, ::longest] = after[:, longest - 1 :: longest] = False
    y, first = np.nonzero(chosen & ~before)
    _, last = np.nonzero(chosen & ~after)
    return _boxes(y * size, first * size, (size, (last - first + 1) * size), shape)


def _pooled(chosen, step):
    """Tell for each step x step elements whether any is chosen."""
    ny, nx = (-(-n // step) for n in chosen.shape)
    wide = np.zeros((ny * step, nx * step), bool)
    wide[: chosen.shape[0], : chosen.shape[1]] = chosen
    return wide.reshape(ny, step, nx, step).any(axis=(1, 3))
