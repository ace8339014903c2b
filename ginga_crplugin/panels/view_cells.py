"""The cells in which a Ginga viewer draws the pixels of a frame."""

from typing import Any, Self

import numpy as np
from ginga import trcalc

__all__ = ['ViewCells']


class _Axis:
    """The cells along one axis of a view: one pixel of the frame, or of the screen if that is larger.

    Parameters
    ----------
    start, stop : int
        The first pixel of the frame in the view, and the one after the last.
    shown : (n,) int ndarray
        The pixel of the frame that Ginga shows in each pixel of the screen.
    """

    def __init__(self, start: int, stop: int, shown: np.ndarray) -> None:
        self.start, self.stop = start, stop
        inside = np.arange(start, stop)
        if len(shown) < stop - start:  # zoomed out; Ginga skips pixels, and they have no cell of their own
            self.cells, self.drawn = np.searchsorted(shown, inside, side='right') - 1, np.arange(len(shown))
        else:
            self.cells, self.drawn = inside - start, shown - start
        self.count = int(self.cells[-1]) + 1


class ViewCells:
    """The cells of the part of a frame that a viewer shows, and their places in the window image that Ginga composes.

    Parameters
    ----------
    nx : int
        Number of columns of the frame.
    y, x : _Axis
        The axes.
    left, top : int
        The position of the first pixel of the screen in the window image; negative if it is outside.
    """

    def __init__(self, nx: int, y: _Axis, x: _Axis, left: int, top: int) -> None:
        self._nx, self._y, self._x, self._left, self._top = nx, y, x, left, top
        self.key = nx, y.start, y.stop, len(y.drawn), x.start, x.stop, len(x.drawn)

    @classmethod
    def of(cls, viewer: Any, shape: tuple[int, int], size: tuple[int, int]) -> Self | None:
        """Return the cells of a viewer.

        Parameters
        ----------
        viewer : `ginga.ImageView.ImageViewBase`
            The viewer.
        shape : tuple of int
            (ny, nx) of the frame.
        size : tuple of int
            (ny, nx) of the window image.

        Returns
        -------
        ViewCells or None
            The cells; None if no pixels of the frame are in view.
        """
        # as the stages Scale and Merge of ginga.util.stages.render, so that the cells are aligned with the image
        box = np.asarray(viewer.get_draw_bbox())
        if not np.isfinite(box).all():
            return None
        low, high = np.floor(box.min(axis=0)).astype(int) - 1, np.ceil(box.max(axis=0)).astype(int) + 1
        last = shape[1] - 1, shape[0] - 1
        corner, (x0, y0), (x1, y1) = trcalc.calc_image_merge_clip(low, high, (0, 0), (0, 0), last)
        scales = viewer.get_scale_xy()
        (rows, columns), _ = trcalc.get_scaled_cutout_basic_view(shape, (x0, y0), (x1, y1), scales)
        if x1 <= x0 or y1 <= y0 or not len(rows) or not len(columns):
            return None
        offset = (np.asarray(corner) - np.asarray(viewer.get_pan()[:2]) - viewer.data_off) * scales
        left, top = np.round(np.asarray(size[::-1]) * 0.5 + offset).astype(int)
        return cls(shape[1], _Axis(int(y0), int(y1) + 1, rows), _Axis(int(x0), int(x1) + 1, columns), left, top)

    @property
    def size(self) -> int:
        """Number of cells."""
        return self._y.count * self._x.count

    def find(self, pixels: np.ndarray) -> np.ndarray:
        """Return the cells of pixels.

        Parameters
        ----------
        pixels : (n,) int ndarray
            Flat indices of pixels of the frame, in ascending order.

        Returns
        -------
        (m,) int ndarray
            The cells of those in view.
        """
        rows = np.searchsorted(pixels, (self._y.start * self._nx, self._y.stop * self._nx))
        y, x = np.divmod(pixels[slice(*rows)], self._nx)
        if self._x.start > 0 or self._x.stop < self._nx:
            inside = (x >= self._x.start) & (x < self._x.stop)
            y, x = y[inside], x[inside]
        return self._y.cells[y - self._y.start] * self._x.count + self._x.cells[x - self._x.start]

    def places(self, values: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Return where cells with nonzero values are in the window image.

        Parameters
        ----------
        values : (size,) uint8 ndarray
            A value for each cell.
        size : tuple of int
            (ny, nx) of the window image.

        Returns
        -------
        places : (n,) int ndarray
            Flat indices of pixels of the window image.
        values : (n,) uint8 ndarray
            Their values.
        """
        y = self._y.drawn[max(0, -self._top) : size[0] - self._top]
        x = self._x.drawn[max(0, -self._left) : size[1] - self._left]
        shown = values.reshape(self._y.count, self._x.count)[y[:, None], x]
        places = np.flatnonzero(shown)
        row, column = np.divmod(places, len(x)) if len(places) else (places, places)
        row, column = row + max(0, self._top), column + max(0, self._left)
        return row * size[1] + column, shown.reshape(-1)[places]
