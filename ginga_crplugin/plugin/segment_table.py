"""The room of the table of segments in Ginga: the widgets around the rows."""

from ginga.gw import Widgets

from ginga_crplugin.core.review import DECISIONS
from ginga_crplugin.panels.segment_rows import COLUMNS, SegmentRows

from .toolkit import in_browser, limit_width, text_width

__all__ = ['SegmentTable']

#: Of the columns, in characters; in a browser, in pixels.
_WIDTHS = (3.5, 5.75, 5.75, 3.5, 4.75, 6.5, 14.5, 7.0)
_BROWSER_WIDTHS = (26, 46, 46, 28, 37, 52, 58, 52)
#: What stands beside the columns, and the height of the table, in characters' widths.
_BAR, _HEIGHT = 2.75, 22.0
_DECISION = len(COLUMNS) - 1


class SegmentTable:
    """The segments as a table that can be sorted by any column, and filtered by decision and hint.

    Parameters
    ----------
    chosen : callable
        ``chosen(label)`` is called when the user takes a row.
    offset : float
        What is added to a pixel coordinate for the user, who counts as Ginga does.
    """

    def __init__(self, chosen, offset):
        self.rows = SegmentRows(offset)
        self._filters = []
        self._chosen, self._selected = chosen, None
        plain = Widgets.Label('')
        widths = _BROWSER_WIDTHS if in_browser() else [text_width(plain, width) for width in _WIDTHS]
        columns = [
            {'label': head, 'key': key, 'type': 'string' if decimals is None else 'float', 'colwidth': width}
            for (head, key, decimals), width in zip(COLUMNS, widths, strict=True)
        ]
        self.view = Widgets.TableView(
            columns=[column | {'halign': 'right'} for column in columns],
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
        if hasattr(self.view.get_widget(), 'setTabKeyNavigation'):  # Qt: Tab shall lead on, not from cell to cell
            self.view.get_widget().setTabKeyNavigation(False)
        self.view.add_callback('selected', lambda _, rows: self._take(int(rows[0]['label'])) if rows else None)
        self.view.add_callback('sorted', self._sorted)
        self.filter = limit_width(Widgets.ComboBox(), 120)
        self.filter.set_tooltip('Which segments are listed: all, by decision, or by what they may be instead.')
        self.filter.add_callback('activated', lambda _, index: self.set_filter(self._filters[index]))
        self._build_pages()
        self._offer()

    def _build_pages(self):
        self.previous, self.next = Widgets.Button('<'), Widgets.Button('>')
        self.previous.add_callback('activated', lambda _: self._turn(-1))
        self.next.add_callback('activated', lambda _: self._turn(1))
        self.page_text = Widgets.Label('')
        self.page_text.set_valign('center')
        self.pages = Widgets.HBox()
        self.pages.set_spacing(4)
        for widget in (self.previous, self.page_text, self.next):
            self.pages.add_widget(widget, stretch=0)
        self.pages.hide()

    def show(self, table, rejected=(), selected=None):
        """Show the rows of a table of segments (`Segments.listed`), or none.

        Parameters
        ----------
        table : `~astropy.table.QTable` or None
        rejected : sequence of int, optional
            The labels of the segments that were rejected.
        selected : int, optional
            The label of the selected segment.
        """
        self._selected = selected
        self.rows.set_table(table, rejected)
        self._offer()
        self._show_page()

    def show_decisions(self, rejected):
        """Show other decisions on the same segments."""
        self.rows.set_rejected(rejected)
        if (
            in_browser() or self.rows.filter != 'all' or self.rows.sort_order[0] == 'decision'
        ):  # there a cell can't be set
            self._show_page()
            return
        words = {label: DECISIONS[int(out)] for label, out, _ in self.rows.page_rows}
        for row, label in enumerate(self.labels):
            self.view.set_cell(row, _DECISION, str(words[label]))

    def _offer(self):
        """Offer to list what there is."""
        if self.rows.filters != self._filters:
            self._filters = self.rows.filters
            self.filter.clear()
            for word in self._filters:
                self.filter.append_text(word)
        self.filter.set_index(self._filters.index(self.rows.filter))

    def set_filter(self, name):
        """List all segments, or those with a decision or a hint."""
        self.rows.set_filter(name)
        self._show_page()

    @property
    def labels(self):
        """The labels on the page, from top to bottom."""
        return [int(row['label']) for row in self.view.get_rows()]

    def select(self, label):
        """Select the row of a segment, on whatever page it is."""
        self._selected = label
        page = self.rows.page
        self.rows.go_to_label(label)
        if page != self.rows.page:
            self._show_page()
        else:
            self._show_selected()

    def _take(self, label):
        self._selected = label
        self._chosen(label)

    def _show_selected(self):
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

    def _sorted(self, _, key, ascending):
        self.rows.sort_by(key, ascending=ascending)
        if self.rows.has_pages:
            self._show_page()

    def _turn(self, pages):
        self.rows.change_page(pages)
        self._show_page()

    def _show_page(self):
        rows = self.rows
        keys = [key for _, key, _ in rows.columns]
        blank = dict.fromkeys((key for _, key, _ in COLUMNS), '')
        self.view.set_rows([blank | dict(zip(keys, words, strict=True)) for _, _, words in rows.page_rows])
        (self.pages.show if rows.has_pages else self.pages.hide)()
        self._show_selected()
        self.page_text.set_text(rows.range_text)
        self.previous.set_enabled(rows.page > 0)
        self.next.set_enabled(rows.first_index + len(rows.page_rows) < len(rows))
