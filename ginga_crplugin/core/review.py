"""The room of the decisions: what the user threw out, erased or painted, and how to take it back."""

import itertools
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .bits import MaskBit

__all__ = ['DECISIONS', 'ERASED', 'MARKED', 'REJECTED', 'Decisions', 'Review', 'stroke_pixels']

#: What the user said of a pixel: that its segment is no cosmic ray, that it is none itself, or that it is one.
REJECTED, ERASED, MARKED = 1, 2, 3

#: The words for the decisions on a segment, without and with rejection.
DECISIONS = np.array(['keep', 'rejected'])


@dataclass(frozen=True, eq=False)
class Decisions:
    """What the decisions make of a result.

    Attributes
    ----------
    pixels : (n,) int64 ndarray
        The flat indices of the cosmic-ray pixels after review, rising.
    rejected : (n,) int64 ndarray
        Those of the detected pixels that were thrown out.
    rejected_labels : (n,) int32 ndarray
        The labels of the segments that were rejected.
    marked : (n,) int64 ndarray
        Those of the pixels that are in by hand, though they were not detected.
    pending : int
        How many pixels the user rejected, erased or painted where the present result has nothing to say them of.
    """

    shape: tuple[int, int]
    pixels: np.ndarray
    rejected: np.ndarray
    rejected_labels: np.ndarray
    marked: np.ndarray
    pending: int

    @cached_property
    def mask(self):
        """(ny, nx) bool: the cosmic-ray pixels after review."""
        mask = np.zeros(self.shape, dtype=bool)
        mask.ravel()[self.pixels] = True
        return mask

    def plane(self, bits):
        """Return the causes known before the run, (ny, nx) uint8, with the cosmic rays of the review laid over."""
        plane = bits.copy().ravel()
        plane[self.pixels] |= np.uint8(MaskBit.CR_DETECTED)
        plane[self.marked] ^= np.uint8(MaskBit.CR_DETECTED | MaskBit.CR_MARKED)
        return plane.reshape(self.shape)

    def annotate(self, segments):
        """Return the segments with a column ``decision`` in their table: ``'keep'`` or ``'rejected'``."""
        table = segments.table.copy(copy_data=False)
        table['decision'] = DECISIONS[np.isin(table['label'], self.rejected_labels).astype(int)]
        return replace(segments, table=table)


class Review:
    """The decisions on one frame, pixel by pixel, with undo and redo without limit.

    They outlive a change of parameters: a segment of a new result is rejected if at least half of its pixels had been
    rejected with a segment; erased and painted pixels stay so.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the frame.
    """

    def __init__(self, shape):
        self._codes = np.zeros(shape, dtype=np.uint8).ravel()
        self._shape = tuple(shape)
        self._touched = np.zeros(0, dtype=np.int64)
        self._done = []
        self._undone = []

    # edits

    def reject(self, pixels):
        """Throw out segments, given by all their pixels (flat indices)."""
        self._set(pixels, REJECTED)

    def keep(self, pixels):
        """Take back whatever was said of these pixels."""
        self._set(pixels, 0)

    def erase(self, pixels):
        """Say of pixels that they are no cosmic ray; painted ones are just no longer painted."""
        self._set(pixels, ERASED)

    def mark(self, pixels):
        """Say of pixels that they are a cosmic ray."""
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
            self._touched = np.union1d(self._touched, pixels)

    # undo

    @property
    def can_undo(self):
        """Whether there is an edit to take back."""
        return bool(self._done)

    @property
    def can_redo(self):
        """Whether there is an edit that was taken back."""
        return bool(self._undone)

    def undo(self):
        """Take back the last edit, if there is one."""
        if self._done:
            pixels, before, after = self._done.pop()
            self._codes[pixels] = before
            self._undone.append((pixels, before, after))

    def redo(self):
        """Make the last edit that was taken back again, if there is one."""
        if self._undone:
            pixels, before, after = self._undone.pop()
            self._codes[pixels] = after
            self._done.append((pixels, before, after))

    # what they come to

    @property
    def edited(self):
        """(n,) int64 flat indices of the pixels that something was said of, and (n,) uint8 what."""
        pixels = self._touched[self._codes[self._touched] != 0]
        return pixels, self._codes[pixels]

    def restore(self, pixels, codes):
        """Take up decisions that were kept (`edited`), as one edit that can be undone.

        Raises
        ------
        ValueError
            If they don't belong to a frame of this shape.
        """
        pixels, codes = np.asarray(pixels, dtype=np.int64), np.asarray(codes, dtype=np.uint8)
        inside = len(pixels) == 0 or (pixels.min() >= 0 and pixels.max() < self._codes.size)
        if pixels.shape != codes.shape or not inside or not np.isin(codes, (REJECTED, ERASED, MARKED)).all():
            msg = f'the kept review does not belong to a frame of shape {self._shape}'
            raise ValueError(msg)
        self._set(pixels, codes)

    def decisions(self, segments, grow=0):
        """Return what the decisions make of a result.

        Parameters
        ----------
        segments : Segments
        grow : int, optional
            By how many pixels the cosmic rays are grown, all around; the pixels that come in count as marked.

        Returns
        -------
        Decisions
        """
        if not grow and not len(self.edited[0]):
            none = np.zeros(0, dtype=np.int64)
            return Decisions(self._shape, segments.pixels, none, none.astype(np.int32), none, 0)
        codes = self._codes[segments.pixels]
        index = segments.pixel_labels - 1
        area = np.bincount(index, minlength=len(segments))
        rejected, erased = (np.bincount(index[codes == code], minlength=len(segments)) for code in (REJECTED, ERASED))
        thrown = (rejected > 0) & (2 * (rejected + erased) >= area) | (erased == area)
        out = thrown[index] & (codes != MARKED) | (codes == ERASED)
        edited, said = self.edited
        pixels = np.union1d(segments.pixels[~out], edited[said == MARKED])
        if grow:
            said_no = np.union1d(segments.pixels[out], edited[said == ERASED])
            pixels = np.setdiff1d(_grown(pixels, self._shape, grow), said_no, assume_unique=True)
        idle = ~np.isin(edited, segments.pixels, assume_unique=True) & (said != MARKED)
        return Decisions(
            self._shape,
            pixels,
            segments.pixels[out],
            np.flatnonzero(thrown).astype(np.int32) + 1,
            np.setdiff1d(pixels, segments.pixels, assume_unique=True),
            int(idle.sum()),
        )


def _grown(pixels, shape, by):
    """Return the pixels and those that are at most so far from one, along each axis."""
    y, x = np.divmod(pixels, shape[1])
    around = []
    for dy in range(-by, by + 1):
        for dx in range(-by, by + 1):
            inside = (y + dy >= 0) & (y + dy < shape[0]) & (x + dx >= 0) & (x + dx < shape[1])
            around.append((pixels + dy * shape[1] + dx)[inside])
    return np.unique(np.concatenate(around))


def stroke_pixels(points, width, shape):
    """Return the pixels under a brush that is drawn along a line.

    Parameters
    ----------
    points : sequence of (float, float)
        x and y of the points that it is drawn through, 0-based.
    width : int
        Diameter of the round brush, in pixels; one of an even number is centered between pixels.
    shape : tuple of int
        (ny, nx) of the frame.

    Returns
    -------
    (n,) int64 ndarray
        Their flat indices, rising; those outside of the frame left out.
    """
    points = np.asarray(points, dtype=float)
    dense = [points[:1]]
    for one, other in itertools.pairwise(points):
        count = max(1, int(np.ceil(2.0 * np.hypot(*(other - one)))))
        dense.append(one + (other - one) * np.linspace(0.0, 1.0, count + 1)[1:, None])
    middle = (width - 1) / 2.0
    x, y = np.rint(np.concatenate(dense) - middle).astype(np.int64).T  # the lowest pixels of the brush
    dy, dx = np.mgrid[:width, :width]
    disk = (dy - middle) ** 2 + (dx - middle) ** 2 <= (width / 2.0) ** 2
    y, x = (y[:, None] + dy[disk]).ravel(), (x[:, None] + dx[disk]).ravel()
    inside = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
    return np.unique(y[inside] * shape[1] + x[inside])
