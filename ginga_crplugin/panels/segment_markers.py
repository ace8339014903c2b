"""Segment markers on a Ginga canvas."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy.table import QTable
from ginga.canvas.CanvasObject import CanvasObjectBase

__all__ = ['MAX_MARKERS', 'REJECTED_COLOR', 'SegmentMarkers']

#: Color of the markers of rejected segments.
REJECTED_COLOR = '#999999'

#: Maximum number of markers drawn: those of the brightest segments in view.
MAX_MARKERS = 200

#: Margin between the bounding box of a segment and its marker, in pixels.
_MARGIN = 2.5


class SegmentMarkers(CanvasObjectBase):
    """Boxes around the segments in view, drawn as one canvas object.

    Parameters
    ----------
    color : str
        Color of the markers.

    Attributes
    ----------
    selected : int or None
        The label of the selected segment, which has a white box.
    """

    def __init__(self, color: str) -> None:
        super().__init__(color=color, linewidth=1, linestyle='solid', alpha=1.0, fill=False)
        self.kind = 'segments'
        self.visible = True
        self.selected: int | None = None
        self.set_table(None)

    def set_rejected(self, labels: Sequence[int] | np.ndarray) -> None:
        """Draw the markers of the rejected segments in gray.

        Parameters
        ----------
        labels : sequence of int
            The labels of the rejected segments.
        """
        self._rejected = np.isin(self._labels, labels)

    def set_table(self, table: QTable | None) -> None:
        """Set the segments that are marked.

        Parameters
        ----------
        table : `~astropy.table.QTable` or None
            Rows of `Segments.table`; None for no segments.
        """
        if table is None or len(table) == 0:
            self._labels, self._rejected = np.zeros(0, dtype=int), np.zeros(0, dtype=bool)
            self._boxes, self._peaks = np.zeros((0, 4)), np.zeros(0)
            return
        self._labels = np.asarray(table['label'])
        self._rejected = np.zeros(len(table), dtype=bool)
        names = ('bbox_xmin', 'bbox_ymin', 'bbox_xmax', 'bbox_ymax')
        self._boxes = np.stack([np.asarray(table[name].value, dtype=float) for name in names], axis=1)
        self._peaks = np.nan_to_num(table['peak'].value)

    def label_at(self, x: float, y: float) -> int | None:
        """Return the label of the smallest marker around a position.

        Parameters
        ----------
        x, y : float
            Position in the image, 0-based pixels.

        Returns
        -------
        int or None
            The label, or None if the position is outside all markers.
        """
        x0, y0, x1, y1 = self._outlines(slice(None)).T
        inside = np.flatnonzero((x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1))
        if inside.size == 0:
            return None
        size = ((x1 - x0) * (y1 - y0))[inside]
        return int(self._labels[inside[np.argmin(size)]])

    def get_llur(self) -> tuple[float, ...]:
        """Return the bounding box of all markers, as Ginga's canvas objects do.

        Returns
        -------
        tuple of float
            (xmin, ymin, xmax, ymax) in 0-based pixels.
        """
        if len(self._boxes) == 0:
            return (0.0, 0.0, 0.0, 0.0)
        low, high = self._boxes[:, :2].min(axis=0), self._boxes[:, 2:].max(axis=0)
        return (*low, *high)

    def draw(self, viewer: Any) -> None:
        """Draw the markers of the brightest segments in view, and always that of the selected segment.

        Parameters
        ----------
        viewer : `ginga.ImageView.ImageViewBase`
            The viewer to draw on.
        """
        pen = viewer.renderer.setup_cr(self)
        if self.visible:
            lines = [pen.get_line(color, linewidth=self.linewidth) for color in (self.color, REJECTED_COLOR)]
            shown = self._brightest(self._indices_in_view(viewer))
            for corners, rejected in zip(self._corners(viewer, shown), self._rejected[shown], strict=True):
                pen.draw_polygon(corners, line=lines[int(rejected)])
        for corners in self._corners(viewer, np.flatnonzero(self._labels == self.selected)):
            for color, width in (('black', 5), ('white', 2)):
                pen.draw_polygon(corners, line=pen.get_line(color, linewidth=width))

    def _indices_in_view(self, viewer: Any) -> np.ndarray:
        (x0, y0), (x1, y1) = np.min(viewer.get_draw_rect(), axis=0), np.max(viewer.get_draw_rect(), axis=0)
        left, low, right, high = self._boxes.T
        return np.flatnonzero((right >= x0) & (left <= x1) & (high >= y0) & (low <= y1))

    def _brightest(self, indices: np.ndarray) -> np.ndarray:
        if len(indices) <= MAX_MARKERS:
            return indices
        return indices[np.argpartition(self._peaks[indices], -MAX_MARKERS)[-MAX_MARKERS:]]

    def _outlines(self, indices: slice | np.ndarray) -> np.ndarray:
        return self._boxes[indices] + (-_MARGIN, -_MARGIN, _MARGIN, _MARGIN)

    def _corners(self, viewer: Any, indices: np.ndarray) -> list[list[list[float]]]:
        """Return the corners of markers on the screen, (n, 4, 2); lists are drawn faster than arrays."""
        if len(indices) == 0:
            return []
        x0, y0, x1, y1 = self._outlines(indices).T
        corners = np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=1).reshape(-1, 2)
        return np.asarray(self.get_cpoints(viewer, points=corners)).reshape(-1, 4, 2).tolist()
