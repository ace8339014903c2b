"""Review decisions on segments and pixels, with undo and redo."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .bits import DQ_DTYPE, MaskBit
from .flat_indices import locate
from .weak import WeakProperty

if TYPE_CHECKING:
    from .segments import Segments

__all__ = ['DECISIONS', 'ERASED', 'MARKED', 'REJECTED', 'Decisions', 'Review', 'stroke_pixels']

#: The decision on a pixel: its segment was rejected, the pixel was erased, or it was marked as a cosmic ray.
REJECTED, ERASED, MARKED = 1, 2, 3

#: The decisions on a segment in tables: not rejected, and rejected.
DECISIONS = np.array(['keep', 'rejected'])


@dataclass(frozen=True, eq=False)
class Decisions:
    """The cosmic-ray pixels of a result after review.

    Attributes
    ----------
    shape : tuple of int
        (ny, nx) of the frame.
    pixels : (n,) int64 ndarray
        Flat indices of the cosmic-ray pixels after review, sorted.
    rejected : (n,) int64 ndarray
        The pixels of segments that were rejected or erased.
    rejected_labels : (n,) int32 ndarray
        The labels of the rejected segments.
    marked : (n,) int64 ndarray
        The cosmic-ray pixels that were not detected, but marked by hand or added by growing.
    pending : int
        Number of rejected or erased pixels that the result does not contain.
    mission_only : (n,) int64 ndarray
        The cosmic-ray pixels that the mission found and L.A.Cosmic did not.
    """

    shape: tuple[int, int]
    pixels: np.ndarray
    rejected: np.ndarray
    rejected_labels: np.ndarray
    marked: np.ndarray
    pending: int
    mission_only: np.ndarray

    @WeakProperty
    def mask(self) -> np.ndarray:
        """(ny, nx) bool ndarray: True for cosmic-ray pixels after review."""
        mask = np.zeros(self.shape, dtype=bool)
        mask.ravel()[self.pixels] = True
        return mask

    def plane(self, bits: np.ndarray) -> np.ndarray:
        """Add the cosmic rays after review to the causes known before the run.

        Parameters
        ----------
        bits : (ny, nx) int16 ndarray
            The `MaskBit` values known before the run.

        Returns
        -------
        (ny, nx) int16 ndarray
            The `MaskBit` values with CR_DETECTED and CR_MARKED, and CR_MISSION where it was not rejected.
        """
        plane = bits.copy().ravel()
        plane[self.rejected] &= ~DQ_DTYPE(MaskBit.CR_MISSION)
        plane[self.pixels] |= DQ_DTYPE(MaskBit.CR_DETECTED)
        plane[self.mission_only] ^= DQ_DTYPE(MaskBit.CR_DETECTED)
        plane[self.marked] ^= DQ_DTYPE(MaskBit.CR_DETECTED | MaskBit.CR_MARKED)
        return plane.reshape(self.shape)

    def plane_at(self, pixels: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """Return some pixels of `plane`.

        Parameters
        ----------
        pixels : int64 ndarray
            Flat indices.
        bits : (ny, nx) int16 ndarray
            The `MaskBit` values known before the run.

        Returns
        -------
        int16 ndarray
            The `MaskBit` values, in the shape of ``pixels``.
        """
        plane = bits.ravel()[pixels]
        plane[locate(self.rejected, pixels)[1]] &= ~DQ_DTYPE(MaskBit.CR_MISSION)
        plane[locate(self.pixels, pixels)[1]] |= DQ_DTYPE(MaskBit.CR_DETECTED)
        plane[locate(self.mission_only, pixels)[1]] ^= DQ_DTYPE(MaskBit.CR_DETECTED)
        plane[locate(self.marked, pixels)[1]] ^= DQ_DTYPE(MaskBit.CR_DETECTED | MaskBit.CR_MARKED)
        return plane

    def annotate(self, segments: 'Segments') -> 'Segments':
        """Add a column ``decision`` to the table of segments.

        Parameters
        ----------
        segments : Segments
            The segments of the result.

        Returns
        -------
        Segments
            A copy whose table has ``'keep'`` or ``'rejected'`` for each segment.
        """
        table = segments.table.copy(copy_data=False)
        table['decision'] = DECISIONS[np.isin(table['label'], self.rejected_labels).astype(int)]
        return replace(segments, table=table)


class Review:
    """The review decisions on one frame, pixel by pixel, with unlimited undo and redo.

    Decisions persist when the parameters change: a segment of a new result is rejected if at least half of its pixels
    were rejected with a segment; erased and marked pixels remain so.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the frame.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._codes = np.zeros(shape, dtype=np.uint8).ravel()
        self._shape = shape[0], shape[1]
        self._edited = np.zeros(0, dtype=np.int64)
        # (pixels, codes before, codes after) of each edit
        self._done: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._undone: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    # edits

    def reject(self, pixels: ArrayLike) -> None:
        """Reject segments.

        Parameters
        ----------
        pixels : (n,) int array_like
            Flat indices of all their pixels.
        """
        self._set(pixels, REJECTED)

    def keep(self, pixels: ArrayLike) -> None:
        """Remove all decisions on pixels.

        Parameters
        ----------
        pixels : (n,) int array_like
            Flat indices.
        """
        self._set(pixels, 0)

    def erase(self, pixels: ArrayLike) -> None:
        """Erase pixels: they are not cosmic rays.

        Parameters
        ----------
        pixels : (n,) int array_like
            Flat indices.
        """
        self._set(pixels, ERASED)

    def mark(self, pixels: ArrayLike) -> None:
        """Mark pixels as cosmic rays.

        Parameters
        ----------
        pixels : (n,) int array_like
            Flat indices.
        """
        self._set(pixels, MARKED)

    def _set(self, pixels, codes):
        pixels = np.asarray(pixels, dtype=np.int64)
        codes = np.broadcast_to(np.uint8(codes), pixels.shape)
        pixels, first = np.unique(pixels, return_index=True)
        changed = self._codes[pixels] != codes[first]
        pixels, codes = pixels[changed], codes[first][changed]
        if len(pixels):
            self._done.append((pixels, self._codes[pixels], codes))
            self._undone.clear()
            self._codes[pixels] = codes
            self._edited = np.union1d(self._edited, pixels)

    # undo

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit to redo."""
        return bool(self._undone)

    def undo(self) -> None:
        """Undo the last edit, if there is one."""
        if self._done:
            pixels, before, after = self._done.pop()
            self._codes[pixels] = before
            self._undone.append((pixels, before, after))

    def redo(self) -> None:
        """Redo the last edit that was undone, if there is one."""
        if self._undone:
            pixels, before, after = self._undone.pop()
            self._codes[pixels] = after
            self._done.append((pixels, before, after))

    # results

    @property
    def edited(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) int64 flat indices of the pixels with a decision, and (n,) uint8 the decisions."""
        pixels = self._edited[self._codes[self._edited] != 0]
        return pixels, self._codes[pixels]

    def restore(self, pixels: ArrayLike, codes: ArrayLike) -> None:
        """Restore saved decisions as one edit, which can be undone.

        Parameters
        ----------
        pixels : (n,) int array_like
            Flat indices, as saved from `edited`.
        codes : (n,) uint8 array_like
            The decisions: `REJECTED`, `ERASED` or `MARKED`.

        Raises
        ------
        ValueError
            If they do not belong to a frame of this shape.
        """
        pixels, codes = np.asarray(pixels, dtype=np.int64), np.asarray(codes, dtype=np.uint8)
        inside = len(pixels) == 0 or (pixels.min() >= 0 and pixels.max() < self._codes.size)
        if pixels.shape != codes.shape or not inside or not np.isin(codes, (REJECTED, ERASED, MARKED)).all():
            msg = f'the review does not belong to a frame of shape {self._shape}'
            raise ValueError(msg)
        self._set(pixels, codes)

    def decisions(self, segments: 'Segments', grow: int = 0) -> Decisions:
        """Apply the decisions to a result.

        Parameters
        ----------
        segments : Segments
            The segments of the result.
        grow : int, optional
            Number of pixels by which the cosmic rays are grown in each direction; the added pixels count as marked.

        Returns
        -------
        Decisions
            The cosmic-ray pixels after review.
        """
        if not grow and not len(self.edited[0]):
            none = np.zeros(0, dtype=np.int64)
            rejected_labels = none.astype(np.int32)
            return Decisions(self._shape, segments.pixels, none, rejected_labels, none, 0, segments.mission_only)
        codes = self._codes[segments.pixels]
        index = segments.pixel_labels - 1
        area = np.bincount(index, minlength=len(segments))
        rejected, erased = (np.bincount(index[codes == code], minlength=len(segments)) for code in (REJECTED, ERASED))
        dropped = (rejected > 0) & (2 * (rejected + erased) >= area) | (erased == area)
        out = dropped[index] & (codes != MARKED) | (codes == ERASED)
        edited, decided = self.edited
        pixels = np.union1d(segments.pixels[~out], edited[decided == MARKED])
        if grow:
            excluded = np.union1d(segments.pixels[out], edited[decided == ERASED])
            pixels = np.setdiff1d(_grown(pixels, self._shape, grow), excluded, assume_unique=True)
        pending = ~np.isin(edited, segments.pixels, assume_unique=True) & (decided != MARKED)
        return Decisions(
            self._shape,
            pixels,
            segments.pixels[out],
            np.flatnonzero(dropped).astype(np.int32) + 1,
            np.setdiff1d(pixels, segments.pixels, assume_unique=True),
            int(pending.sum()),
            np.intersect1d(segments.mission_only, pixels, assume_unique=True),
        )


def _grown(pixels, shape, distance):
    """Return the pixels and all pixels within a distance of them along each axis."""
    y, x = np.divmod(pixels, shape[1])
    neighbors = []
    for dy in range(-distance, distance + 1):
        for dx in range(-distance, distance + 1):
            inside = (y + dy >= 0) & (y + dy < shape[0]) & (x + dx >= 0) & (x + dx < shape[1])
            neighbors.append((pixels + dy * shape[1] + dx)[inside])
    return np.unique(np.concatenate(neighbors))


def stroke_pixels(points: Sequence[tuple[float, float]], width: int, shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels of a brush stroke along a line.

    Parameters
    ----------
    points : sequence of (float, float)
        x and y of the points of the line, 0-based.
    width : int
        Diameter of the round brush in pixels; a brush of even width is centered between pixels.
    shape : tuple of int
        (ny, nx) of the frame.

    Returns
    -------
    (n,) int64 ndarray
        Flat indices of the pixels in the frame, sorted.
    """
    corners = np.asarray(points, dtype=float)
    dense = [corners[:1]]
    for one, other in itertools.pairwise(corners):
        count = max(1, int(np.ceil(2.0 * np.hypot(*(other - one)))))
        dense.append(one + (other - one) * np.linspace(0.0, 1.0, count + 1)[1:, None])
    middle = (width - 1) / 2.0
    x, y = np.rint(np.concatenate(dense) - middle).astype(np.int64).T  # the lowest pixels of the brush
    dy, dx = np.mgrid[:width, :width]
    disk = (dy - middle) ** 2 + (dx - middle) ** 2 <= (width / 2.0) ** 2
    y, x = (y[:, None] + dy[disk]).ravel(), (x[:, None] + dx[disk]).ravel()
    inside = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
    return np.unique(y[inside] * shape[1] + x[inside])
