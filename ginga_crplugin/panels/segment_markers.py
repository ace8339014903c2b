"""The room of the markers: boxes around the segments, as one object on a Ginga canvas."""

import numpy as np
from ginga.canvas.CanvasObject import CanvasObjectBase

__all__ = ['MAX_MARKERS', 'REJECTED_COLOR', 'SegmentMarkers']

#: Color of the markers of rejected segments.
REJECTED_COLOR = '#999999'

#: At most this many segments get a marker, the brightest in view.
MAX_MARKERS = 200


class SegmentMarkers(CanvasObjectBase):
    """Boxes around the segments in view, drawn as one canvas object."""

    def __init__(self, color):
        super().__init__(color=color, linewidth=1, linestyle='solid', alpha=1.0, fill=False)
        self.kind = 'segments'
        self.visible = True
        self.selected = None
        self.set_table(None)

    def set_rejected(self, labels):
        """Draw the boxes of these segments in gray."""
        self._rejected = np.isin(self._labels, labels)

    def set_table(self, table):
        """Take the boxes of the rows, the brightest first."""
        if table is None or len(table) == 0:
            self._labels, self._rejected = np.zeros(0, dtype=int), np.zeros(0, dtype=bool)
            self._boxes = np.zeros((0, 4))
            return
        order = np.argsort(-np.nan_to_num(table['peak'].value), kind='stable')
        self._labels = np.asarray(table['label'])[order]
        self._rejected = np.zeros(len(table), dtype=bool)
        names = ('bbox_xmin', 'bbox_ymin', 'bbox_xmax', 'bbox_ymax')
        self._boxes = np.stack([np.asarray(table[name].value, dtype=float)[order] for name in names], axis=1)

    def label_at(self, x, y):
        """Return the label of the smallest box around a place, or None."""
        x0, y0, x1, y1 = (self._boxes + (-2.5, -2.5, 2.5, 2.5)).T
        inside = np.flatnonzero((x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1))
        if inside.size == 0:
            return None
        size = ((x1 - x0) * (y1 - y0))[inside]
        return int(self._labels[inside[np.argmin(size)]])

    def get_llur(self):
        """Return the box around all of it, as canvas objects do."""
        if len(self._boxes) == 0:
            return (0.0, 0.0, 0.0, 0.0)
        low, high = self._boxes[:, :2].min(axis=0), self._boxes[:, 2:].max(axis=0)
        return (*low, *high)

    def draw(self, viewer):
        """Draw the brightest boxes in view, and the selected one always."""
        pen = viewer.renderer.setup_cr(self)
        if self.visible:
            lines = [pen.get_line(color, linewidth=self.linewidth) for color in (self.color, REJECTED_COLOR)]
            shown = self._in_view(viewer)[:MAX_MARKERS]
            for corners, rejected in zip(self._corners(viewer, shown), self._rejected[shown], strict=True):
                pen.draw_polygon(corners, line=lines[int(rejected)])
        for corners in self._corners(viewer, np.flatnonzero(self._labels == self.selected)):
            for color, width in (('black', 5), ('white', 2)):
                pen.draw_polygon(corners, line=pen.get_line(color, linewidth=width))

    def _in_view(self, viewer):
        (x0, y0), (x1, y1) = np.min(viewer.get_draw_rect(), axis=0), np.max(viewer.get_draw_rect(), axis=0)
        left, low, right, high = self._boxes.T
        return np.flatnonzero((right >= x0) & (left <= x1) & (high >= y0) & (low <= y1))

    def _corners(self, viewer, chosen):
        """Return the corners of the chosen boxes on the screen, (n, 4, 2)."""
        x0, y0, x1, y1 = (self._boxes[chosen] + (-2.5, -2.5, 2.5, 2.5)).T
        corners = np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=1).reshape(-1, 2)
        return np.asarray(self.get_cpoints(viewer, points=corners)).reshape(-1, 4, 2) if len(corners) else ()
