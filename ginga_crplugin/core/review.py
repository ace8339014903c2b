"""Review decisions on segments and pixels, with undo and redo."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .decisions import Decisions
from .repair_names import REPAIR_DTYPE, REPAIRS, check_repair

if TYPE_CHECKING:
    from .segments import Segments

__all__ = ['ERASED', 'MARKED', 'REJECTED', 'Review', 'stroke_pixels']

#: The decision on a pixel: its segment was rejected, the pixel was erased, or it was marked as a cosmic ray.
REJECTED, ERASED, MARKED = 1, 2, 3

# The code of a pixel has the decision in its lower 4 bits, and in the upper 4 the number of the repair that was chosen
# for its segment, from 1 in the order of `REPAIRS`; 0 if none was.
_DECISION, _REPAIR_SHIFT = np.uint8(15), np.uint8(4)
_NAMES = np.array(['', *REPAIRS])


class Review:
    """The review decisions on one frame, pixel by pixel, with unlimited undo and redo.

    Decisions persist when the parameters change: a segment of a new result is rejected if at least half of its pixels
    were rejected with a segment; erased and marked pixels remain so. Tails do not count for that; they are rejected
    with their segment.

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
        self._decide(pixels, REJECTED)

    def keep(self, pixels: ArrayLike) -> None:
        """Remove all decisions on pixels.

        Parameters
        ----------
        pixels : (n,) int array_like
            Flat indices.
        """
        self._decide(pixels, 0)

    def erase(self, pixels: ArrayLike) -> None:
        """Erase pixels: they are not cosmic rays.

        Parameters
        ----------
        pixels : (n,) int array_like
            Flat indices.
        """
        self._decide(pixels, ERASED)

    def mark(self, pixels: ArrayLike) -> None:
        """Mark pixels as cosmic rays.

        Parameters
        ----------
        pixels : (n,) int array_like
            Flat indices.
        """
        self._decide(pixels, MARKED)

    def repair(self, pixels: ArrayLike, name: str = '') -> None:
        """Choose what replaces the pixels of segments in the cleaned image.

        Parameters
        ----------
        pixels : (n,) int array_like
            Flat indices of all their pixels.
        name : str, optional
            A key of `~ginga_crplugin.core.repair_names.REPAIRS`; by default the choice is removed.

        Raises
        ------
        ValueError
            If there is no such repair.
        """
        pixels = np.asarray(pixels, dtype=np.int64)
        number = list(REPAIRS).index(check_repair(name)) + 1 if name else 0
        self._set(pixels, self._codes[pixels] & _DECISION | np.uint8(number) << _REPAIR_SHIFT)

    def _decide(self, pixels, decision):
        pixels = np.asarray(pixels, dtype=np.int64)
        self._set(pixels, self._codes[pixels] & ~_DECISION | np.uint8(decision))

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
        """(n,) int64 flat indices of the pixels with a decision or a chosen repair, and (n,) uint8 their codes.

        A code is `REJECTED`, `ERASED`, `MARKED` or 0, plus 16 times the number of the repair, from 1 in the order of
        `~ginga_crplugin.core.repair_names.REPAIRS`; 0 if none was chosen.
        """
        pixels = self._edited[self._codes[self._edited] != 0]
        return pixels, self._codes[pixels]

    def restore(self, pixels: ArrayLike, codes: ArrayLike) -> None:
        """Restore saved decisions as one edit, which can be undone.

        Parameters
        ----------
        pixels : (n,) int array_like
            Flat indices, as saved from `edited`.
        codes : (n,) uint8 array_like
            The codes, as of `edited`.

        Raises
        ------
        ValueError
            If they do not belong to a frame of this shape.
        """
        pixels, codes = np.asarray(pixels, dtype=np.int64), np.asarray(codes, dtype=np.uint8)
        inside = len(pixels) == 0 or (pixels.min() >= 0 and pixels.max() < self._codes.size)
        if pixels.shape != codes.shape or not inside or not _are_codes(codes):
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
            labels, repairs = none.astype(np.int32), np.zeros(len(segments), REPAIR_DTYPE)
            return Decisions(
                self._shape, segments.pixels, none, labels, none, 0, segments.mission_only, segments.tails, repairs
            )
        codes = self._codes[segments.pixels] & _DECISION
        index = segments.pixel_labels - 1
        counted = ~segments.in_tail
        area = np.bincount(index[counted], minlength=len(segments))
        rejected, erased = (
            np.bincount(index[counted & (codes == code)], minlength=len(segments)) for code in (REJECTED, ERASED)
        )
        dropped = (rejected > 0) & (2 * (rejected + erased) >= area) | (erased == area)
        out = dropped[index] & (codes != MARKED) | (codes == ERASED)
        edited, decided = self.edited
        decided &= _DECISION
        pixels = np.union1d(segments.pixels[~out], edited[decided == MARKED])
        if grow:
            excluded = np.union1d(segments.pixels[out], edited[decided == ERASED])
            pixels = np.setdiff1d(_grown(pixels, self._shape, grow), excluded, assume_unique=True)
        pending = ~np.isin(edited, segments.pixels, assume_unique=True) & np.isin(decided, (REJECTED, ERASED))
        return Decisions(
            self._shape,
            pixels,
            segments.pixels[out],
            np.flatnonzero(dropped).astype(np.int32) + 1,
            np.setdiff1d(pixels, segments.pixels, assume_unique=True),
            int(pending.sum()),
            np.intersect1d(segments.mission_only, pixels, assume_unique=True),
            np.intersect1d(segments.tails, pixels, assume_unique=True),
            self._repairs(segments),
        )

    def _repairs(self, segments):
        """Return the names of the repairs that were chosen for the segments: for half of their pixels or more."""
        counted = ~segments.in_tail
        numbers = self._codes[segments.pixels[counted]] >> _REPAIR_SHIFT
        index = segments.pixel_labels[counted] - 1
        area, names = np.bincount(index, minlength=len(segments)), np.zeros(len(segments), REPAIR_DTYPE)
        for number in np.unique(numbers[numbers > 0]):
            count = np.bincount(index[numbers == number], minlength=len(segments))
            names[2 * count >= np.maximum(area, 1)] = _NAMES[number]
        return names


def _are_codes(codes):
    """Test whether all numbers are codes of `Review.edited`."""
    decisions, repairs = codes & _DECISION, codes >> _REPAIR_SHIFT
    return bool(((decisions <= MARKED) & (repairs <= len(REPAIRS)) & (codes != 0)).all())


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
