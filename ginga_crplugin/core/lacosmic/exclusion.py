"""Pixels excluded from the search: input masks and saturated stars."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ginga_crplugin.core.stats import row_slices

from . import dilation
from .pixel_states import EXCLUDED, STARS

__all__ = ['Exclusion']


class Exclusion:
    """The excluded pixels, updated where their causes change.

    As in Astro-SCRAPPY, the input masks are grown by one pixel, and saturated stars twice by a disk of 21 pixels.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the frame.

    Attributes
    ----------
    states : (ny, nx) uint8 ndarray
        The sum of the bits in `pixel_states` for each pixel; 0 for good pixels.
    source : object
        What the input mask was made from; compared by identity.
    star_key : tuple or None
        The parameters on which the saturated stars depend.
    version : object
        An object that is replaced when the excluded pixels change.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.states = np.zeros(shape, np.uint8)
        self.source: object = None
        self.star_key: tuple[Any, ...] | None = None
        self.version = object()
        self._stars = np.empty(0, np.int64)

    def set_input(
        self, source: object, excluded: Callable[[slice], np.ndarray], map_jobs: Callable[..., Iterable[Any]] = map
    ) -> None:
        """Set the input mask; only the neighborhood of changed pixels is updated.

        Parameters
        ----------
        source : object
            What the mask is made from, kept as ``source``.
        excluded : callable
            Returns for a slice of rows which of their pixels are masked.
        map_jobs : callable
            Applies a function to each of several slices, as `map` does.
        """
        ny, nx = self.states.shape

        def set_rows(rows):
            return dilation.set_input(excluded(rows), rows.start, self.states)

        boxes = map_jobs(set_rows, row_slices((ny, nx)))
        changes = np.array([box for box in boxes if box[1]], np.int64)
        if len(changes):
            y0, _, x0, _ = changes.min(axis=0).tolist()
            _, y1, _, x1 = changes.max(axis=0).tolist()
            dilation.grow_input(max(0, y0 - 1), min(ny, y1 + 1), max(0, x0 - 1), min(nx, x1 + 1), self.states)
            self.version = object()
        self.source = source

    def set_stars(self, stars: np.ndarray, key: tuple[Any, ...]) -> None:
        """Set the saturated stars and exclude their surroundings.

        Parameters
        ----------
        stars : (n,) int64 ndarray
            Flat indices of the saturated pixels.
        key : tuple
            The parameters on which they depend, kept as ``star_key``.
        """
        self.states.reshape(-1)[self._stars] &= ~STARS
        grown = np.empty(min(69 * stars.size, self.states.size), np.int64)
        grown = grown[: dilation.grow_stars(stars, self.states, grown)].copy()
        if not np.array_equal(grown, self._stars):
            self.version = object()
        self._stars, self.star_key = grown, key

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
        inner = self.states[border:-border, border:-border]
        return sum(int(np.count_nonzero(inner[rows] & EXCLUDED == 0)) for rows in row_slices(inner.shape))
