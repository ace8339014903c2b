"""The cosmic-ray pixels of a result after review."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .bits import DQ_DTYPE, MaskBit
from .flat_indices import locate
from .repair_names import DEFAULT_REPAIR, REPAIR_DTYPE
from .weak import WeakProperty

if TYPE_CHECKING:
    from .segments import Segments

__all__ = ['DECISIONS', 'Decisions']

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
    tails : (n,) int64 ndarray
        The cosmic-ray pixels in tails.
    repairs : (m,) str ndarray
        The repair that was chosen for each segment of the result; empty text for the default.
    """

    shape: tuple[int, int]
    pixels: np.ndarray
    rejected: np.ndarray
    rejected_labels: np.ndarray
    marked: np.ndarray
    pending: int
    mission_only: np.ndarray
    tails: np.ndarray
    repairs: np.ndarray

    @WeakProperty
    def mask(self) -> np.ndarray:
        """(ny, nx) bool ndarray: True for cosmic-ray pixels after review."""
        mask = np.zeros(self.shape, dtype=bool)
        mask.ravel()[self.pixels] = True
        return mask

    def without(self, pixels: np.ndarray) -> 'Decisions':
        """Return the decisions with some pixels that are in no case cosmic rays.

        Parameters
        ----------
        pixels : (n,) int64 ndarray
            Flat indices.

        Returns
        -------
        Decisions
            A copy in which those of the pixels that were cosmic rays count as rejected.
        """
        return replace(
            self,
            pixels=np.setdiff1d(self.pixels, pixels),
            rejected=np.union1d(self.rejected, np.intersect1d(self.pixels, pixels)),
            marked=np.setdiff1d(self.marked, pixels),
            mission_only=np.setdiff1d(self.mission_only, pixels),
            tails=np.setdiff1d(self.tails, pixels),
        )

    def plane(self, bits: np.ndarray) -> np.ndarray:
        """Add the cosmic rays after review to the causes known before the run.

        Parameters
        ----------
        bits : (ny, nx) int16 ndarray
            The `MaskBit` values known before the run.

        Returns
        -------
        (ny, nx) int16 ndarray
            The `MaskBit` values with CR_DETECTED, CR_TAIL and CR_MARKED, and CR_MISSION where it was not rejected.
        """
        changed = np.union1d(self.rejected, self.pixels)
        plane = bits.copy()
        plane.reshape(-1)[changed] = self.plane_at(changed, bits)
        return plane

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
        plane[locate(self.tails, pixels)[1]] ^= DQ_DTYPE(MaskBit.CR_DETECTED | MaskBit.CR_TAIL)
        return plane

    def annotate(self, segments: 'Segments', repair: str = DEFAULT_REPAIR) -> 'Segments':
        """Add columns ``decision`` and ``repair`` to the table of segments.

        Parameters
        ----------
        segments : Segments
            The segments of the result.
        repair : str, optional
            The repair of segments for which none was chosen.

        Returns
        -------
        Segments
            A copy whose table has ``'keep'`` or ``'rejected'`` for each segment, and what replaces its pixels.
        """
        table = segments.table.copy(copy_data=False)
        table['decision'] = DECISIONS[np.isin(table['label'], self.rejected_labels).astype(int)]
        table['repair'] = np.where(self.repairs == '', repair, self.repairs).astype(REPAIR_DTYPE)
        return replace(segments, table=table)
