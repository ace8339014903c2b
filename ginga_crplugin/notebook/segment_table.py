"""Segment table of the notebook panel: a page of rows as HTML."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import ipywidgets as w
import numpy as np
from astropy.table import QTable
from ipyevents import Event

from ginga_crplugin.panels.labels import TIPS
from ginga_crplugin.panels.segment_rows import SegmentRows

__all__ = ['STYLE', 'SegmentTable']

_TIP = (
    'Click a row to show the segment, a column header to sort. With the mouse on the table, the keys of the image '
    'work here too, and the up and down arrows select the previous and next segment. x and y are 0-based.'
)

#: Names of the browser's keys in Ginga.
_KEYS = {'ArrowDown': 'n', 'ArrowUp': 'N', 'Escape': 'escape', 'Backspace': 'backspace'}

#: Style sheet of the table.
STYLE = """
.crp-table {border: 1px solid var(--jp-border-color2, #ccc);}
.crp-table .widget-html-content, .crp-table .widget-html-content > table {width: 100%;}
.crp-table table {border-collapse: collapse; font-size: 12px; cursor: pointer; user-select: none;
  font-variant-numeric: tabular-nums;}
.crp-table tr {height: 22px;}
.crp-table td, .crp-table th {line-height: 20px; padding: 0 5px; text-align: right; white-space: nowrap; border: none;}
.crp-table th {background: var(--jp-layout-color2, #eee); position: sticky; top: 0;}
.crp-table tr:hover td {background: var(--jp-layout-color2, #eee);}
.crp-table tr.crp-rejected td {color: var(--jp-ui-font-color2, #666); text-decoration: line-through;}
.crp-table tr.crp-chosen td {background: var(--jp-brand-color1, #2b7cd3); color: #fff;}
"""


class SegmentTable:
    """Table of segments that can be sorted by any column and filtered by decision and hint.

    Parameters
    ----------
    selected : callable
        ``selected(label)`` is called when the user selects a row.
    key_pressed : callable
        ``key_pressed(key)`` is called when a key is pressed with the mouse on the table; otherwise JupyterLab would
        handle it, and cut the cell at x.

    Attributes
    ----------
    rows : SegmentRows
        The rows.
    selected : int or None
        The label of the selected segment.
    """

    def __init__(self, selected: Callable[[int], Any], key_pressed: Callable[[str], Any]) -> None:
        self._row_selected, self._key_pressed = selected, key_pressed
        self.rows = SegmentRows()
        self.selected: int | None = None
        self.html = w.HTML(tooltip=_TIP)
        self.view = w.Box([self.html], layout=w.Layout(height='158px', overflow='auto', display='block'))
        self.view.add_class('crp-table')
        self._event = Event(source=self.html, watched_events=['click', 'keydown'], ignore_modifier_key_events=True)
        self._event.on_dom_event(self.handle_event)
        self.filter = w.Dropdown(options=['all'], layout=w.Layout(width='86px'))
        self.filter.tooltip = TIPS['filter']
        self.filter.observe(self._filter_changed, 'value')
        self._build_pages()
        self.show(None)

    def _build_pages(self) -> None:
        layout = w.Layout(width='36px')
        self.previous, self.next = (w.Button(description=text, layout=layout) for text in '<>')
        self.previous.on_click(lambda _: self._change_page(-1))
        self.next.on_click(lambda _: self._change_page(1))
        self.page_text = w.Label()
        self.pages = w.HBox([self.previous, self.page_text, self.next])

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
        self.selected = selected
        self.rows.set_table(table, rejected)
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
        self._show_page()

    def select(self, label: int | None) -> None:
        """Select the row of a segment, and go to its page.

        Parameters
        ----------
        label : int or None
            The label of the segment.
        """
        self.selected = label
        self.rows.go_to_label(label)
        self._show_page()

    def handle_event(self, event: dict[str, Any]) -> None:
        """Handle a click or a key in the browser.

        Parameters
        ----------
        event : dict
            The event of ipyevents.
        """
        if event['type'] == 'click':
            self._cell_clicked(event['target']['className'])
        elif not (event['ctrlKey'] or event['metaKey'] or event['altKey']):
            self._key_pressed(_KEYS.get(event['key'], event['key']))

    def _cell_clicked(self, class_name: str) -> None:
        """Select the row or sort by the column that the class of a cell names."""
        kind, _, name = class_name.partition(' ')
        if kind == 'crp-head':
            self.rows.toggle_sort(name)
            self._show_page()
        elif kind == 'crp-cell' and self.rows.position(int(name)):  # the list may have changed since the click
            self._row_selected(int(name))

    def _change_page(self, step: int) -> None:
        self.rows.change_page(step)
        self._show_page()

    def _update_filters(self) -> None:
        if self.filter.options != tuple(self.rows.filters):
            selected = self.rows.filter
            self.filter.options = self.rows.filters
            self.filter.value = selected

    def _filter_changed(self, change: dict[str, Any]) -> None:
        self.rows.set_filter(change['new'] or 'all')
        self._show_page()

    def _show_page(self) -> None:
        rows = self.rows
        self.html.value = self._page_html()
        self.pages.layout.display = 'flex' if rows.has_pages else 'none'
        self.page_text.value = rows.range_text
        self.previous.disabled = rows.page == 0
        self.next.disabled = rows.last_index >= len(rows)

    def _page_html(self) -> str:
        key, ascending = self.rows.sort_order
        arrow = ' ▲' if ascending else ' ▼'
        heads = ''.join(
            f'<th class="crp-head {name}">{head}{arrow if name == key else ""}</th>'
            for head, name, _ in self.rows.columns
        )
        body = ''
        for label, rejected, cells in self.rows.page_rows:
            classes = ' '.join(['crp-chosen'] * (label == self.selected) + ['crp-rejected'] * rejected)
            html = ''.join(f'<td class="crp-cell {label}">{escape(text)}</td>' for text in cells)
            body += f'<tr class="{classes}">{html}</tr>'
        # tabindex: a click focuses the table, and JupyterLab's shortcuts are off while it has the focus
        return f'<table tabindex="0" data-lm-suppress-shortcuts="true"><tr>{heads}</tr>{body}</table>'
