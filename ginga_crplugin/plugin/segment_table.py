"""Segment table of the panel."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from astropy.table import QTable
from ginga.gw import Widgets

from ginga_crplugin.core.decisions import DECISIONS
from ginga_crplugin.panels.labels import TIPS
from ginga_crplugin.panels.segment_rows import COLUMNS, SegmentRows

from .toolkit import in_browser, limit_width, protect_value, text_width

__all__ = ['SegmentTable']

#: Width of the columns in characters; in a browser, in screen pixels.
_WIDTHS = (3.5, 5.75, 5.75, 3.5, 4.75, 6.5, 14.5, 7.0, 8.0)
_BROWSER_WIDTHS = (26, 46, 46, 28, 37, 52, 58, 52, 60)
#: Width of the scroll bar and the row headers, and height of the table, in characters.
_BAR, _HEIGHT = 2.75, 22.0
_DECISION = [key for _, key, _ in COLUMNS].index('decision')


class SegmentTable:
    """Table of segments that can be sorted by any column and filtered by decision and hint.

    Parameters
    ----------
    selected : callable
        ``selected(label)`` is called when the user selects a row.
    offset : float
        Value added to the 0-based pixel coordinates for display, as Ginga's own.

    Attributes
    ----------
    rows : SegmentRows
        The rows.
    """

    def __init__(self, selected: Callable[[int], Any], offset: float) -> None:
        self.rows = SegmentRows(offset)
        self._filters: list[str] = []
        self._origin = False
        self._row_selected = selected
        self._selected: int | None = None
        self._build_table()
        self.filter = protect_value(limit_width(Widgets.ComboBox(), 120))
        self.filter.set_tooltip(TIPS['filter'])
        self.filter.add_callback('activated', lambda _, index: self.set_filter(self._filters[index]))
        self._build_pages()
        self._update_filters()

    def _columns(self, *, origin: bool) -> list[dict[str, Any]]:
        """Return the columns for Ginga, with that of the origin if the mission found cosmic rays."""
        plain = Widgets.Label('')
        widths = _BROWSER_WIDTHS if in_browser() else [text_width(plain, width) for width in _WIDTHS]
        kinds = ['string' if decimals is None else 'float' for _, _, decimals in COLUMNS]
        columns = [
            {'label': head, 'key': key, 'type': kind, 'colwidth': width, 'halign': 'right'}
            for (head, key, _), kind, width in zip(COLUMNS, kinds, widths, strict=True)
        ]
        return columns if origin else columns[:-1]

    def _show_columns(self) -> None:
        """Show or hide the column of the origin."""
        origin = any(key == 'origin' for _, key, _ in self.rows.columns)
        if origin != self._origin:
            self._origin = origin
            self.view.set_columns(self._columns(origin=origin))

    def _build_table(self) -> None:
        plain, columns = Widgets.Label(''), self._columns(origin=False)
        widths = [column['colwidth'] for column in columns]
        self.view: Any = Widgets.TableView(
            columns=columns,
            selection_mode='single',
            sortable=True,
            alternate_row_colors=True,
        )
        if in_browser():
            self.view.set_min_size(360, 170)
            self.view.set_font('sans', 9)
            self.view.set_column_spacing(3)
        else:
            self.view.set_min_size(sum(widths) + text_width(plain, _BAR), text_width(plain, _HEIGHT))
        if hasattr(self.view.get_widget(), 'setTabKeyNavigation'):  # Qt: Tab leaves the table
            self.view.get_widget().setTabKeyNavigation(False)
        self.view.add_callback('selected', self._selection_changed)
        self.view.add_callback('sorted', self._sort_changed)

    def _build_pages(self) -> None:
        self.previous, self.next = Widgets.Button('<'), Widgets.Button('>')
        self.previous.add_callback('activated', lambda _: self._change_page(-1))
        self.next.add_callback('activated', lambda _: self._change_page(1))
        self.page_text = Widgets.Label('')
        self.page_text.set_valign('center')
        self.pages = Widgets.HBox()
        self.pages.set_spacing(4)
        for widget in (self.previous, self.page_text, self.next):
            self.pages.add_widget(widget, stretch=0)
        self.pages.hide()

    def show(
        self, table: QTable | None, rejected: Sequence[int] | np.ndarray = (), selected: int | None = None
    ) -> None:
        """Show segments.

        Parameters
        ----------
        table : `~astropy.table.QTable` or None
            The table of the listed segments (`Segments.listed`); None for no segments.
        rejected : sequence of int, optional
            The labels of the rejected segments.
        selected : int, optional
            The label of the selected segment.
        """
        self._selected = selected
        self.rows.set_table(table, rejected)
        self._show_columns()
        self._update_filters()
        self._show_page()

    def show_decisions(self, rejected: Sequence[int] | np.ndarray) -> None:
        """Show which of the segments are rejected.

        Parameters
        ----------
        rejected : sequence of int
            The labels of the rejected segments.
        """
        self.rows.set_rejected(rejected)
        # the table in a browser has no method to set a single cell
        if in_browser() or self.rows.filter != 'all' or self.rows.sort_order[0] == 'decision':
            self._show_page()
            return
        decisions = {label: DECISIONS[int(is_rejected)] for label, is_rejected, _ in self.rows.page_rows}
        for row, label in enumerate(self.labels):
            self.view.set_cell(row, _DECISION, str(decisions[label]))

    def set_filter(self, name: str) -> None:
        """List only segments with a given decision or hint.

        Parameters
        ----------
        name : str
            One of `SegmentRows.filters`.
        """
        self.rows.set_filter(name)
        self._show_page()

    @property
    def labels(self) -> list[int]:
        """The labels of the segments on the page, from top to bottom."""
        return [int(row['label']) for row in self.view.get_rows()]

    def select(self, label: int | None) -> None:
        """Select the row of a segment, and go to its page.

        Parameters
        ----------
        label : int or None
            The label of the segment.
        """
        self._selected = label
        page = self.rows.page
        self.rows.go_to_label(label)
        if page != self.rows.page:
            self._show_page()
        else:
            self._show_selected()

    def _update_filters(self) -> None:
        filters = self.rows.filters
        if filters != self._filters:
            self._filters = filters
            self.filter.clear()
            for name in filters:
                self.filter.append_text(name)
        self.filter.set_index(filters.index(self.rows.filter))

    def _selection_changed(self, _: Any, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._selected = int(rows[0]['label'])
            self._row_selected(self._selected)

    def _sort_changed(self, _: Any, key: str, ascending: bool) -> None:  # noqa: FBT001 - a callback of Ginga
        self.rows.sort_by(key, ascending=ascending)
        if self.rows.has_pages:
            self._show_page()

    def _change_page(self, step: int) -> None:
        self.rows.change_page(step)
        self._show_page()

    def _show_selected(self) -> None:
        labels = self.labels
        if [int(row['label']) for row in self.view.get_selected()] != [self._selected]:
            self.view.clear_selection()
        elif self._selected in labels:  # the user has just selected it
            self.view.scroll_to_path([labels.index(self._selected)])
            return
        if self._selected in labels:
            path = [labels.index(self._selected)]
            self.view.select_path(path)
            self.view.scroll_to_path(path)

    def _set_rows(self, rows: list[dict[str, str]]) -> None:
        """Set the rows of the view; in Qt, only the cells that change, which is faster than new rows."""
        table, old = self.view.get_widget(), self.view.get_rows()
        if not hasattr(table, 'setSortingEnabled') or len(rows) != len(old):
            self.view.set_rows(rows)
            return
        blocked = table.blockSignals(True)  # noqa: FBT003
        table.setSortingEnabled(False)  # otherwise, it would sort after each cell
        for index, (row, before) in enumerate(zip(rows, old, strict=True)):
            for column, key in enumerate(before):
                if row[key] != before[key]:
                    self.view.set_cell(index, column, row[key])
        table.setSortingEnabled(True)
        table.blockSignals(blocked)

    def _show_page(self) -> None:
        rows = self.rows
        keys = [key for _, key, _ in rows.columns]
        blank = dict.fromkeys((key for _, key, _ in COLUMNS), '')
        self._set_rows([blank | dict(zip(keys, cells, strict=True)) for _, _, cells in rows.page_rows])
        (self.pages.show if rows.has_pages else self.pages.hide)()
        self._show_selected()
        self.page_text.set_text(rows.range_text)
        self.previous.set_enabled(rows.page > 0)
        self.next.set_enabled(rows.last_index < len(rows))
