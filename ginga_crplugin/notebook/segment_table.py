"""The room of the table of segments in a notebook: a page of rows as HTML, whose cells tell what was clicked."""

from html import escape

import ipywidgets as w
from ipyevents import Event

from ginga_crplugin.panels.segment_rows import PAGE_SIZE, SegmentRows

__all__ = ['SegmentTable']

_TIP = (
    'Click a row to go there, a head to sort. With the mouse here the keys of the image work too, and the arrows go up '
    'and down. x and y count from 0, as in Python.'
)

#: The keys of the browser that are called otherwise here.
_KEYS = {'ArrowDown': 'n', 'ArrowUp': 'N', 'Escape': 'escape', 'Backspace': 'backspace'}

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
    """The segments as a table that can be sorted by any column, and filtered by decision and hint.

    Parameters
    ----------
    chosen : callable
        ``chosen(label)`` is called when the user takes a row.
    pressed : callable
        ``pressed(key)`` is called when a key is pressed with the mouse on the table. JupyterLab would take it else, and
        cut the cell at x.
    """

    def __init__(self, chosen, pressed):
        self._chosen, self._pressed = chosen, pressed
        self.rows = SegmentRows()
        self.html = w.HTML(tooltip=_TIP)
        self.view = w.Box([self.html], layout=w.Layout(height='158px', overflow='auto', display='block'))
        self.view.add_class('crp-table')
        self._event = Event(source=self.html, watched_events=['click', 'keydown'], ignore_modifier_key_events=True)
        self._event.on_dom_event(self._heard)
        self.filter = w.Dropdown(options=['all'], layout=w.Layout(width='86px'))
        self.filter.tooltip = 'Which segments are listed: all, by decision, or by what they may be instead.'
        self.filter.observe(self._filter, 'value')
        self._build_pages()
        self.show(None)

    def _build_pages(self):
        layout = w.Layout(width='36px')
        self.previous, self.next = (w.Button(description=word, layout=layout) for word in '<>')
        self.previous.on_click(lambda _: self.turn(-1))
        self.next.on_click(lambda _: self.turn(1))
        self.page_text = w.Label()
        self.pages = w.HBox([self.previous, self.page_text, self.next])

    def show(self, table, rejected=(), selected=None):
        """Show the rows of a table of segments (`Segments.listed`), or none; one of them may be selected."""
        self.selected = selected
        self.rows.set_table(table, rejected)
        self._offer()
        self._show_page()

    def show_decisions(self, rejected):
        """Show other decisions on the same segments."""
        self.rows.set_rejected(rejected)
        self._show_page()

    def select(self, label):
        """Select the row of a segment, on whatever page it is."""
        self.selected = label
        self.rows.go_to_label(label)
        self._show_page()

    def turn(self, pages):
        """Turn so many pages on."""
        self.rows.change_page(pages)
        self._show_page()

    def _offer(self):
        if self.filter.options != tuple(self.rows.filters):
            which = self.rows.filter
            self.filter.options = self.rows.filters
            self.filter.value = which

    def _filter(self, change):
        self.rows.set_filter(change['new'] or 'all')
        self._show_page()

    def _heard(self, event):
        if event['type'] == 'click':
            self._clicked(event)
        elif not (event['ctrlKey'] or event['metaKey'] or event['altKey']):
            key = event['key']
            self._pressed(_KEYS.get(key, key))

    def _clicked(self, event):
        """Take the row, or sort by the column, whose class the clicked cell has."""
        kind, _, name = event['target']['className'].partition(' ')
        if kind == 'crp-head':
            self.rows.toggle_sort(name)
            self._show_page()
        elif kind == 'crp-cell' and self.rows.position(int(name)):  # else it was gone before the click was heard
            self._chosen(int(name))

    def _show_page(self):
        rows, count = self.rows, len(self.rows)
        self.html.value = self._page()
        self.pages.layout.display = 'flex' if count > PAGE_SIZE else 'none'
        self.page_text.value = f'{rows.first_index + 1} to {min(rows.first_index + PAGE_SIZE, count)} of {count}'
        self.previous.disabled = rows.page == 0
        self.next.disabled = rows.first_index + PAGE_SIZE >= count

    def _page(self):
        key, ascending = self.rows.sort_order
        arrow = ' ▲' if ascending else ' ▼'
        heads = ''.join(
            f'<th class="crp-head {name}">{head}{arrow if name == key else ""}</th>'
            for head, name, _ in self.rows.columns
        )
        body = ''
        for label, rejected, words in self.rows.page_rows:
            classes = ' '.join(['crp-chosen'] * (label == self.selected) + ['crp-rejected'] * rejected)
            cells = ''.join(f'<td class="crp-cell {label}">{escape(word)}</td>' for word in words)
            body += f'<tr class="{classes}">{cells}</tr>'
        # a click gives it the focus, and JupyterLab's shortcuts are off there
        return f'<table tabindex="0" data-lm-suppress-shortcuts="true"><tr>{heads}</tr>{body}</table>'
