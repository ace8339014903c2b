"""Replacement values of flagged pixels, kept in lists; the frame itself is not changed."""

from collections.abc import Callable

import numpy as np

from ginga_crplugin.core.stats import CHUNK_SIZE

from . import cleaning_kernels, sparse_kernels
from .electrons import ElectronImage
from .pixel_states import FLAGGED
from .tiles import Tiles

__all__ = ['Cleaning', 'Workspace', 'bounding_boxes']

#: Side in pixels of the blocks by which the cleaned pixels are listed.
LIST_BLOCK_SIZE = 16

_METHODS = {'meanmask': 0, 'medmask': 1, 'idw': 2}
#: The weights by inverse distance, with the digits of Astro-SCRAPPY.
_WEIGHTS = np.array(
    [
        [0.35355339, 0.4472136, 0.5, 0.4472136, 0.35355339],
        [0.4472136, 0.70710678, 1.0, 0.70710678, 0.4472136],
        [0.5, 1.0, 0.0, 1.0, 0.5],
        [0.4472136, 0.70710678, 1.0, 0.70710678, 0.4472136],
        [0.35355339, 0.4472136, 0.5, 0.4472136, 0.35355339],
    ],
    dtype=np.float32,
).ravel()


class Workspace:
    """Arrays for the blocks of a frame that the runs of an engine use one after the other.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the frame.

    Attributes
    ----------
    heads : (blocks,) int32 ndarray
        The first entry of each block in the list of cleaned pixels; all -1 between runs.
    places : (blocks,) int32 ndarray
        Memory for `bounding_boxes`; all -1 between its calls.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.heads = np.full(-(-shape[0] // LIST_BLOCK_SIZE) * -(-shape[1] // LIST_BLOCK_SIZE), -1, np.int32)
        self.places = self.heads.copy()


class Cleaning:
    """The flags of one run and the values that replace the flagged pixels, in the image and in its variance.

    A flagged pixel is replaced by the good pixels within 5 x 5, and good pixels are never replaced. The values
    therefore depend on the flags only, and a pixel is cleaned again only if a pixel within its 5 x 5 is newly flagged.

    Parameters
    ----------
    image : ElectronImage
        The frame in electrons.
    states : (ny, nx) uint8 ndarray
        The states of the pixels (`pixel_states`); flags are set during the run and removed at the end of the ``with``
        block.
    cleantype : {'meanmask', 'medmask', 'idw'}
        Mean, median, or mean weighted by inverse distance.
    readnoise2 : float
        Read noise squared, in electrons squared.
    levels : callable
        Returns the values of image and variance for a pixel without good pixels around it.
    work : Workspace
        Arrays for this run; they are reset likewise.
    """

    def __init__(
        self,
        image: ElectronImage,
        states: np.ndarray,
        cleantype: str,
        readnoise2: np.float32,
        levels: Callable[[], tuple[np.float32, np.float32]],
        work: Workspace,
    ) -> None:
        self.image, self.states, self.readnoise2, self.levels = image, states, readnoise2, levels
        self.method = _METHODS[cleantype]
        self.shape = image.shape
        self.work, self._flagged = work, list[np.ndarray]()
        # the cleaned pixels of each block are a linked list: heads has its first entry, links the entry after each
        self.heads = work.heads
        self.links = np.empty(0, np.int32)
        self.pixels = np.empty(0, np.int64)
        self.values, self.variances = np.empty(0, np.float32), np.empty(0, np.float32)
        self.used = 0

    def __enter__(self) -> 'Cleaning':
        return self

    def __exit__(self, *_: object) -> None:
        y, x = np.divmod(self.pixels[: self.used], self.shape[1])
        self.heads[y // LIST_BLOCK_SIZE * -(-self.shape[1] // LIST_BLOCK_SIZE) + x // LIST_BLOCK_SIZE] = -1
        for new in self._flagged:
            self.states.reshape(-1)[new] &= ~FLAGGED

    def flag(self, found: np.ndarray) -> np.ndarray:
        """Flag pixels.

        Parameters
        ----------
        found : (n,) int64 ndarray
            Flat indices.

        Returns
        -------
        (m,) int64 ndarray
            Those that were not flagged before.
        """
        new = np.empty(found.size, np.int64)
        new = new[: sparse_kernels.set_flags(found, self.states.reshape(-1), new)]
        self._flagged.append(new)
        return new

    def clean(self, new: np.ndarray) -> np.ndarray:
        """Clean the flagged pixels around new flags.

        Parameters
        ----------
        new : (n,) int64 ndarray
            Flat indices of the newly flagged pixels.

        Returns
        -------
        (m,) int64 ndarray
            Flat indices of the pixels whose value or variance changed.
        """
        affected = new
        if self.used:
            affected = np.empty(min(25 * new.size, self.used + new.size), np.int64)
            affected = affected[: sparse_kernels.find_flagged_neighbors(new, self.states, affected)]
        self._reserve(new.size)
        step = CHUNK_SIZE // 100  # several arrays of 25 values for each pixel fit into the cache
        changed = [self._clean_chunk(affected[k : k + step]) for k in range(0, affected.size, step)]
        return np.concatenate(changed) if changed else affected

    def _clean_chunk(self, pixels):
        image, variance = self.image.neighborhoods(pixels, self.readnoise2)
        new_values = self._replacement_values(pixels, image, variance)
        changed = np.empty(pixels.size, np.int64)
        own = image[:, 12].copy(), variance[:, 12].copy()
        self.used, count = cleaning_kernels.store_cleaned(
            pixels,
            *new_values,
            *own,
            LIST_BLOCK_SIZE,
            self.shape,
            self.heads,
            self.links,
            self.pixels,
            self.values,
            self.variances,
            self.used,
            changed,
        )
        return changed[:count]

    def _replacement_values(self, pixels, image, variance):
        """Return the new values and variances of pixels, from the 5 x 5 pixels around each."""
        out = np.empty(pixels.size, np.float32), np.empty(pixels.size, np.float32)
        args = pixels, image, variance, self.method, _WEIGHTS, self.states
        if cleaning_kernels.replacement_values(*args, np.zeros(2, np.float32), *out):
            cleaning_kernels.replacement_values(*args, np.array(self.levels(), np.float32), *out)
        return out

    def _reserve(self, count):
        """Enlarge the lists for more entries, by half of their length at least."""
        if self.used + count <= self.pixels.size:
            return
        size = max(self.used + count, self.pixels.size * 3 // 2)
        for name in ('links', 'pixels', 'values', 'variances'):
            old = getattr(self, name)
            larger = np.empty(size, old.dtype)
            larger[: self.used] = old[: self.used]
            setattr(self, name, larger)

    def apply_to(self, tiles: Tiles, image: np.ndarray, variance: np.ndarray) -> None:
        """Write the cleaned values into tiles of the image and of its variance.

        Parameters
        ----------
        tiles : Tiles
            The parts of the frame.
        image, variance : (n,) float32 ndarray
            Their values, changed in place.
        """
        lists = self.heads, self.links, self.pixels, self.values, self.variances
        cleaning_kernels.overlay_cleaned(
            tiles.boxes, tiles.starts, LIST_BLOCK_SIZE, self.shape, *lists, image, variance
        )

    @property
    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """Flat indices of the cleaned pixels, sorted, and their values in electrons without the sky."""
        pixels = self.pixels[: self.used].astype(np.uint64)
        order = np.sort(pixels << np.uint64(32) | np.arange(self.used, dtype=np.uint64)) & np.uint64(0xFFFFFFFF)
        return self.pixels[order], self.values[order]


def bounding_boxes(pixels: np.ndarray, size: int, shape: tuple[int, int], work: Workspace) -> np.ndarray:
    """Return the bounding box of the pixels in each square block.

    Parameters
    ----------
    pixels : (n,) int64 ndarray
        Flat indices.
    size : int
        Side of the blocks in pixels, `LIST_BLOCK_SIZE` or more.
    shape : tuple of int
        (ny, nx) of the frame.
    work : Workspace
        Working memory for a frame of this shape.

    Returns
    -------
    (m, 4) int64 ndarray
        Boxes (y0, y1, x0, x1) for the blocks with pixels, row by row.
    """
    most = min(pixels.size, work.places.size)
    blocks, boxes = np.empty(most, np.int64), np.empty((most, 4), np.int64)
    count = sparse_kernels.bounding_boxes(pixels, size, shape[1], work.places, blocks, boxes)
    return boxes[np.argsort(blocks[:count])]
