"""The pixels in which a cosmic ray can be detected."""

from dataclasses import dataclass

import numpy as np

from ginga_crplugin.core.flat_indices import locate
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.weak import WeakProperty

__all__ = ['SearchArea', 'excluded_border']


@dataclass(frozen=True, eq=False)
class SearchArea:
    """The pixels in which a cosmic ray can be detected, from what excludes the others.

    Attributes
    ----------
    shape : tuple of int
        (ny, nx) of the frame.
    frame : Frame or None
        The frame; the pixels of its input masks and their eight neighbors are excluded.
    others : (n,) int64 ndarray
        Flat indices of other excluded pixels, sorted: saturated stars and their surroundings.
    border : int
        Number of outermost pixels that are excluded, since the median filters do not change them.
    count : int
        Number of pixels in the area.
    """

    shape: tuple[int, int]
    frame: Frame | None
    others: np.ndarray
    border: int
    count: int

    @classmethod
    def from_image(cls, searched: np.ndarray, frame: Frame | None = None, border: int = 0) -> 'SearchArea':
        """Describe the area of a mask.

        Parameters
        ----------
        searched : (ny, nx) bool ndarray
            True for the pixels in the area.
        frame : Frame, optional
            The frame with its input masks.
        border : int, optional
            Number of outermost pixels that are excluded.

        Returns
        -------
        SearchArea
            The area.
        """
        known = cls(searched.shape, frame, np.empty(0, np.int64), border, 0).image
        return cls(searched.shape, frame, np.flatnonzero(known & ~searched), border, int(np.count_nonzero(searched)))

    @property
    def edge_fraction(self) -> float:
        """Fraction of the frame in its outermost pixels, which are not searched."""
        ny, nx = self.shape
        return 1.0 - (ny - 2 * self.border) * (nx - 2 * self.border) / (ny * nx)

    def touches_others(self, pixels: np.ndarray) -> np.ndarray:
        """Return which pixels, or their neighbors, are excluded for another reason than the masks and the border.

        Parameters
        ----------
        pixels : (n,) int64 ndarray
            Flat indices; none in the first or last column.

        Returns
        -------
        (n,) bool ndarray
            True where one of the nine pixels is among ``others``.
        """
        nx = self.shape[1]
        steps = [row * nx + column for row in (-1, 0, 1) for column in (-1, 0, 1)]
        return np.logical_or.reduce([locate(self.others, pixels + step)[1] for step in steps])

    @WeakProperty
    def image(self) -> np.ndarray:
        """(ny, nx) bool ndarray: True for the pixels in the area."""
        excluded = np.zeros(self.shape, bool) if self.frame is None else self.frame.excluded()
        for image in (excluded, excluded.T):
            masked = image.copy()
            image[1:] |= masked[:-1]
            image[:-1] |= masked[1:]
        excluded.reshape(-1)[self.others] = True
        for image in (excluded, excluded.T) if self.border else ():
            image[: self.border] = image[-self.border :] = True
        return np.logical_not(excluded, out=excluded)


def excluded_border(params: LACosmicParams) -> int:
    """Return the number of outermost pixels of a frame that are excluded from the search.

    Parameters
    ----------
    params : LACosmicParams
        The parameters of the run.

    Returns
    -------
    int
        The pixels that the median filters do not change; 0 with ``search_edges``.
    """
    return 0 if params.search_edges else 3 if params.sepmed else 2
