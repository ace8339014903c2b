"""Division of a frame into tiles and blocks."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ginga_crplugin.core.stats import CHUNK_SIZE

__all__ = [
    'BLOCK_SIZE',
    'SQUARE_SIZES',
    'Tiles',
    'block_boxes',
    'box_areas',
    'cover_blocks',
    'make_tiles',
    'row_maxima',
    'split_into_chunks',
    'tile_rows',
]

#: Rows and columns of a tile when the whole frame is processed.
TILE_SHAPE = 64, 512
#: Side in pixels of the blocks whose maxima are kept.
BLOCK_SIZE = 16
#: Possible sides in pixels of the squares that are processed again. Small squares waste the least where few pixels are
#: flagged, large ones where many are.
SQUARE_SIZES = 16, 32, 64, 128


@dataclass(frozen=True, eq=False)
class Tiles:
    """Parts of a frame, stored one after the other in flat arrays.

    Attributes
    ----------
    cores : (n, 4) int64 ndarray
        The boxes (y0, y1, x0, x1) for which results are computed.
    boxes : (n, 4) int64 ndarray
        The cores with the margin that the filters need, clipped to the frame.
    starts : (n + 1,) int64 ndarray
        The first element of each box in the flat arrays; the last entry is the length of these arrays.
    """

    cores: np.ndarray
    boxes: np.ndarray
    starts: np.ndarray

    @property
    def size(self) -> int:
        """Number of pixels in all boxes."""
        return int(self.starts[-1])

    @cached_property
    def largest(self) -> int:
        """Number of pixels in the largest box."""
        return int((self.starts[1:] - self.starts[:-1]).max(initial=0))

    @property
    def geometry(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Boxes, starts and cores, in the order in which the kernels take them."""
        return self.boxes, self.starts, self.cores


def make_tiles(cores: np.ndarray, margin: int, shape: tuple[int, int]) -> Tiles:
    """Add a margin to boxes and clip them to the frame.

    Parameters
    ----------
    cores : (n, 4) int64 ndarray
        Boxes (y0, y1, x0, x1).
    margin : int
        Width of the margin in pixels.
    shape : tuple of int
        (ny, nx) of the frame.

    Returns
    -------
    Tiles
        The tiles with their positions in flat arrays.
    """
    boxes = cores + np.array([-margin, margin, -margin, margin])
    np.maximum(boxes[:, ::2], 0, out=boxes[:, ::2])
    np.minimum(boxes[:, 1], shape[0], out=boxes[:, 1])
    np.minimum(boxes[:, 3], shape[1], out=boxes[:, 3])
    starts = np.zeros(len(boxes) + 1, np.int64)
    np.cumsum(box_areas(boxes), out=starts[1:])
    return Tiles(cores, boxes, starts)


def box_areas(boxes: np.ndarray) -> np.ndarray:
    """Return the number of pixels in each box.

    Parameters
    ----------
    boxes : (n, 4) int64 ndarray
        Boxes (y0, y1, x0, x1).

    Returns
    -------
    (n,) int64 ndarray
        The areas.
    """
    return (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2])


def split_into_chunks(cores: np.ndarray, margin: int) -> list[np.ndarray]:
    """Split boxes into groups that have about `CHUNK_SIZE` pixels with their margins.

    Parameters
    ----------
    cores : (n, 4) int64 ndarray
        Boxes (y0, y1, x0, x1).
    margin : int
        Width of the margin in pixels.

    Returns
    -------
    list of (m, 4) int64 ndarray
        The groups, in order.
    """
    edge = np.array([-margin, margin, -margin, margin])
    chunk = np.cumsum(box_areas(cores + edge)) // CHUNK_SIZE
    return np.split(cores, np.flatnonzero(np.diff(chunk)) + 1) if len(cores) else []


def tile_rows(shape: tuple[int, int]) -> Iterator[np.ndarray]:
    """Divide a frame into tiles of `TILE_SHAPE`.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the frame.

    Yields
    ------
    (n, 4) int64 ndarray
        The boxes (y0, y1, x0, x1) of one row of tiles.
    """
    ny, nx = shape
    x0 = np.arange(0, nx, TILE_SHAPE[1])
    for y0 in range(0, ny, TILE_SHAPE[0]):
        yield _boxes(np.full_like(x0, y0), x0, TILE_SHAPE, shape)


def row_maxima(image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return the maxima of the blocks in a row of tiles.

    Parameters
    ----------
    image : (ny, nx) ndarray
        The frame.
    boxes : (n, 4) int64 ndarray
        The tiles, as from `tile_rows`.

    Returns
    -------
    (rows, columns) ndarray
        The maximum of each block of `BLOCK_SIZE` pixels.
    """
    y0, y1 = boxes[0, :2]
    highest = image[y0:y1:BLOCK_SIZE].copy()
    for y in range(y0 + 1, min(y0 + BLOCK_SIZE, y1)):
        rows = image[y:y1:BLOCK_SIZE]
        np.maximum(highest[: len(rows)], rows, out=highest[: len(rows)])
    return np.maximum.reduceat(highest, np.arange(0, image.shape[1], BLOCK_SIZE), axis=1)


def block_boxes(indices: np.ndarray, size: int, shape: tuple[int, int]) -> np.ndarray:
    """Return the boxes of square blocks of a frame.

    Parameters
    ----------
    indices : (n,) int64 ndarray
        Indices of the blocks, counted row by row.
    size : int
        Side of the blocks in pixels.
    shape : tuple of int
        (ny, nx) of the frame.

    Returns
    -------
    (n, 4) int64 ndarray
        Boxes (y0, y1, x0, x1), clipped to the frame.
    """
    y, x = np.divmod(indices, -(-shape[1] // size))
    return _boxes(y * size, x * size, (size, size), shape)


def _boxes(y0, x0, size, shape):
    y1, x1 = np.minimum(y0 + size[0], shape[0]), np.minimum(x0 + size[1], shape[1])
    return np.stack([y0, y1, x0, x1], axis=1).astype(np.int64)


def cover_blocks(blocks: np.ndarray, margin: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Cover blocks by rows of larger squares, of the size that needs the fewest pixels including the margins.

    Parameters
    ----------
    blocks : (rows, columns) bool ndarray
        The blocks of `BLOCK_SIZE` pixels to cover.
    margin : int
        Width of the margin in pixels.
    shape : tuple of int
        (ny, nx) of the frame.

    Returns
    -------
    cores : (n, 4) int64 ndarray
        Boxes (y0, y1, x0, x1) of the rows of squares.
    covered : (rows, columns) bool ndarray
        The blocks within these boxes.
    """
    squares = {size: _any_in_square(blocks, size // BLOCK_SIZE) for size in SQUARE_SIZES}
    cores = {size: _join_rows(squares[size], size, shape) for size in SQUARE_SIZES}
    size = min(SQUARE_SIZES, key=lambda size: make_tiles(cores[size], margin, shape).size)
    step = size // BLOCK_SIZE
    covered = squares[size].repeat(step, axis=0).repeat(step, axis=1)[: blocks.shape[0], : blocks.shape[1]]
    return cores[size], covered


def _join_rows(squares, size, shape):
    """Return boxes of squares, joined along x up to the width of a tile to save margins."""
    longest = TILE_SHAPE[1] // size
    before, after = np.zeros_like(squares), np.zeros_like(squares)
    before[:, 1:], after[:, :-1] = squares[:, :-1], squares[:, 1:]
    before[:, ::longest] = after[:, longest - 1 :: longest] = False
    y, first = np.nonzero(squares & ~before)
    _, last = np.nonzero(squares & ~after)
    return _boxes(y * size, first * size, (size, (last - first + 1) * size), shape)


def _any_in_square(blocks, step):
    """Return for each square of step x step blocks whether any of them is set."""
    ny, nx = (-(-n // step) for n in blocks.shape)
    padded = np.zeros((ny * step, nx * step), bool)
    padded[: blocks.shape[0], : blocks.shape[1]] = blocks
    return padded.reshape(ny, step, nx, step).any(axis=(1, 3))
