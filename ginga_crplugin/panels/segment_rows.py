"""Sorting, filtering and paging of the segment table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy.table import QTable

from ginga_crplugin.core.decisions import DECISIONS
from ginga_crplugin.core.segments import ORIGINS

__all__ = ['COLUMNS', 'PAGE_SIZE', 'SegmentRows']

#: Rows on a page; filling in more would slow down the update while a slider is dragged.
PAGE_SIZE = 50

#: Header, key and decimals of each column; a column without decimals holds text.
COLUMNS: tuple[tuple[str, str, int | None], ...] = (
    ('#', 'label', 0),
    ('x', 'x_centroid', 1),
    ('y', 'y_centroid', 1),
    ('px', 'area', 0),
    ('S/N', 'snr', 0),
    ('e-', 'flux', 0),
    ('hint', 'hint', None),
    ('decision', 'decision', None),
    ('found by', 'origin', None),
)


class SegmentRows:
    """The listed segments in display order.

    Parameters
    ----------
    offset : float, optional
        Value added to the 0-based pixel coordinates for display.

    Attributes
    ----------
    filter : str
        Which segments are listed: ``'all'``, a decision, who found them, or a hint.
    sort_order : tuple of (str, bool)
        Key of the column that the rows are sorted by, and whether in ascending order.
    page : int
        Index of the current page, from 0.
    """

    def __init__(self, offset: float = 0.0) -> None:
        self._offset = offset
        self._values: dict[str, np.ndarray] = {}
        self._hints: list[str] | None = None
        self._order = np.zeros(0, dtype=int)
        self.filter = 'all'
        self.sort_order = ('label', True)
        self.page = 0

    def set_table(self, table: QTable | None, rejected: Sequence[int] | np.ndarray = ()) -> None:
        """Set the segments to list.

        Parameters
        ----------
        table : `~astropy.table.QTable` or None
            The table of the listed segments (`Segments.listed`); None for no segments.
        rejected : sequence of int, optional
            The labels of the rejected segments.
        """
        self._values, self._hints = {}, None
        if table is not None:
            self._values = {key: np.asarray(table[key]) for _, key, _ in COLUMNS if key in table.colnames}
            self._values |= {key: self._values[key] + self._offset for key in ('x_centroid', 'y_centroid')}
            if 'hint' in self._values:
                self._hints = sorted(set(self._values['hint'].tolist()) - {''})
        self.set_rejected(rejected)

    def set_rejected(self, rejected: Sequence[int] | np.ndarray) -> None:
        """Set which of the segments are rejected.

        Parameters
        ----------
        rejected : sequence of int
            The labels of the rejected segments.
        """
        if self._values:
            self._values['decision'] = DECISIONS[np.isin(self._values['label'], rejected).astype(int)]
        if self.filter not in self.filters:  # no segment has that hint
            self.filter = 'all'
        self._update_order()

    def set_filter(self, name: str) -> None:
        """List only segments with a given decision, origin or hint.

        Parameters
        ----------
        name : str
            One of `filters`.
        """
        self.filter = name
        self.page = 0
        self._update_order()

    def toggle_sort(self, key: str) -> None:
        """Sort by a column; reverse the order if the rows are already sorted by it.

        Parameters
        ----------
        key : str
            Key of the column.
        """
        self.sort_by(key, ascending=not (self.sort_order[0] == key and self.sort_order[1]))

    def sort_by(self, key: str, *, ascending: bool) -> None:
        """Sort by a column.

        Parameters
        ----------
        key : str
            Key of the column.
        ascending : bool
            Whether the smallest value comes first.
        """
        self.sort_order = (key, ascending)
        self.page = 0
        self._update_order()

    def _update_order(self) -> None:
        order = np.zeros(0, dtype=int)
        if self._values:
            key, ascending = self.sort_order
            order = np.argsort(self._values.get(key, self._values['label']), kind='stable')
            order = order if ascending else order[::-1]
            if self.filter != 'all':
                key = 'decision' if self.filter in DECISIONS else 'origin' if self.filter in ORIGINS else 'hint'
                values = self._values.get(key, np.zeros(len(order), str))
                order = order[values[order] == self.filter]
        self._order = order
        self.page = min(max(self.page, 0), max(0, (len(order) - 1) // PAGE_SIZE))

    @property
    def columns(self) -> list[tuple[str, str, int | None]]:
        """Header, key and decimals of the columns that have values; without segments, of all but the last."""
        return [column for column in COLUMNS if column[1] in self._values] or list(COLUMNS[:-1])

    @property
    def filters(self) -> list[str]:
        """The available filters: ``'all'``, the decisions, and the origins and hints of the segments."""
        origins = [name for name in ORIGINS if name in self._values.get('origin', ())]
        # while the hints are being computed, the selected one stays available
        hints = self._hints
        if hints is None:
            hints = [] if self.filter in ('all', *DECISIONS, *ORIGINS) else [self.filter]
        return ['all', *map(str, DECISIONS), *origins, *hints]

    @property
    def labels(self) -> np.ndarray:
        """The labels of all listed segments, on all pages."""
        return self._values['label'][self._order] if self._values else np.zeros(0, dtype=int)

    def __len__(self) -> int:
        return len(self._order)

    @property
    def first_index(self) -> int:
        """The index of the first row of the page, from 0."""
        return self.page * PAGE_SIZE

    @property
    def last_index(self) -> int:
        """The index after the last row of the page."""
        return min(self.first_index + PAGE_SIZE, len(self))

    @property
    def range_text(self) -> str:
        """The range of rows on the page: ``'1 to 50 of 73'``."""
        return f'{self.first_index + 1} to {self.last_index} of {len(self)}'

    @property
    def has_pages(self) -> bool:
        """Whether there are more rows than a page holds."""
        return len(self) > PAGE_SIZE

    def position(self, label: int | None) -> int:
        """Return the row number of a segment.

        Parameters
        ----------
        label : int or None
            The label of the segment.

        Returns
        -------
        int
            The row number, from 1; 0 if the segment is not listed.
        """
        index = np.flatnonzero(self.labels == label)
        return int(index[0]) + 1 if len(index) else 0

    def go_to_label(self, label: int | None) -> None:
        """Go to the page with a segment, if it is listed.

        Parameters
        ----------
        label : int or None
            The label of the segment.
        """
        if self.position(label):
            self.page = (self.position(label) - 1) // PAGE_SIZE

    def change_page(self, step: int) -> None:
        """Go forward or back by a number of pages.

        Parameters
        ----------
        step : int
            Number of pages; negative goes back.
        """
        self.page += step
        self._update_order()

    def neighbor(self, label: int | None, step: int) -> int | None:
        """Return the label of the segment a number of rows after another.

        Parameters
        ----------
        label : int or None
            The label to start from; without it, or if it is not listed, the result is the first row.
        step : int
            Number of rows; negative goes up.

        Returns
        -------
        int or None
            The label; None beyond the first and the last row.
        """
        position = self.position(label)
        index = position - 1 + step if position else 0
        return int(self.labels[index]) if 0 <= index < len(self) else None

    @property
    def page_rows(self) -> list[tuple[int, bool, list[str]]]:
        """The rows of the page: label, whether it is rejected, and the texts of its cells."""
        rows = []
        for index in self._order[self.first_index : self.last_index]:
            cells = [_cell_text(self._values[key][index], decimals) for _, key, decimals in self.columns]
            rejected = self._values['decision'][index] == DECISIONS[1]
            rows.append((int(self._values['label'][index]), bool(rejected), cells))
        return rows


def _cell_text(value: Any, decimals: int | None) -> str:
    return str(value) if decimals is None else f'{value:.{decimals}f}'
