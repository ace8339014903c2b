"""The room of the table of segments in Ginga: the widgets around the rows."""

from ginga.gw import Widgets

from ginga_crplugin.core.review import DECISIONS
from ginga_crplugin.panels.segment_rows import COLUMNS, Rows

from .toolkit import characters, in_browser, narrow

__all__ = ['SegmentTable']

#: Of the columns, in characters; in a browser, in pixels.
_WIDTHS = (3.5, 5.75, 5.75, 3.5, 4.75, 6.5, 14.5, 7.0)
_BROWSER_WIDTHS = (26, 46, 46, 28, 37, 52, 58, 52)
#: What stands beside the columns, and the height of the table, in characters' widths.
_BAR, _HEIGHT = 2.75, 22.0
_VERDICT = len(COLUMNS) - 1


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
        self.rows = Rows(offset)
        self._whiches = []
        self._chosen, self._selected = chosen, None
        plain = Widgets.Label('')
        widths = _BROWSER_WIDTHS if in_browser() else [characters(plain, width) for width in _WIDTHS]
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
            self.view.set_min_size(sum(widths) + characters(plain, _BAR), characters(plain, _HEIGHT))
        if hasattr(self.view.get_widget(), 'setTabKeyNavigation'):  # Qt: Tab shall lead on, not from cell to cell
            self.view.get_widget().setTabKeyNavigation(False)
        self.view.add_callback('selected', lambda _, rows: self._take(int(rows[0]['label'])) if rows else None)
        self.view.add_callback('sorted', self._sorted)
        self.which = narrow(Widgets.ComboBox(), 120)
        self.which.set_tooltip('Which segments are listed: all, by decision, or by what they may be instead.')
        self.which.add_callback('activated', lambda _, index: self._filter(self._whiches[index]))
        self._build_pages()
        self._offer()

    def _build_pages(self):
        self.back, self.forth = Widgets.Button('<'), Widgets.Button('>')
        self.back.add_callback('activated', lambda _: self._turn(-1))
        self.forth.add_callback('activated', lambda _: self._turn(1))
        self.words = Widgets.Label('')
        self.words.set_valign('center')
        self.pages = Widgets.HBox()
        self.pages.set_spacing(4)
        for widget in (self.back, self.words, self.forth):
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
        if in_browser() or self.rows.which != 'all' or self.rows.sorting[0] == 'decision':  # there a cell can't be set
            self._show_page()
            return
        words = {label: DECISIONS[int(out)] for label, out, _ in self.rows.shown}
        for row, label in enumerate(self.labels):
            self.view.set_cell(row, _VERDICT, str(words[label]))

    def _offer(self):
        """Offer to list what there is."""
        if self.rows.whiches != self._whiches:
            self._whiches = self.rows.whiches
            self.which.clear()
            for word in self._whiches:
                self.which.append_text(word)
        self.which.set_index(self._whiches.index(self.rows.which))

    def _filter(self, which):
        self.rows.show(which)
        self._show_page()

    @property
    def shown(self):
        """The labels of all segments that are listed, on all pages."""
        return self.rows.labels

    @property
    def labels(self):
        """The labels on the page, from top to bottom."""
        return [int(row['label']) for row in self.view.get_rows()]

    def select(self, label):
        """Select the row of a segment, on whatever page it is."""
        self._selected = label
        page = self.rows.page
        self.rows.turn_to(label)
        if page != self.rows.page:
            self._show_page()
        else:
            self._show_selected()

    def _take(self, label):
        self._selected = label
        self._chosen(label)

    def _show_selected(self):
        self.view.clear_selection()
        if self._selected in self.labels:
            path = [self.labels.index(self._selected)]
            self.view.select_path(path)
            self.view.scroll_to_path(path)

    def _sorted(self, _, key, ascending):
        self.rows.sort_by(key, rising=ascending)
        if self.rows.paged:
            self._show_page()

    def _turn(self, pages):
        self.rows.turn(pages)
        self._show_page()

    def _show_page(self):
        rows = self.rows
        keys = [key for _, key, _ in rows.columns]
        blank = dict.fromkeys((key for _, key, _ in COLUMNS), '')
        self.view.set_rows([blank | dict(zip(keys, words, strict=True)) for _, _, words in rows.shown])
        (self.pages.show if rows.paged else self.pages.hide)()
        self._show_selected()
        self.words.set_text(rows.range)
        self.back.set_enabled(rows.page > 0)
        self.forth.set_enabled(rows.first + len(rows.shown) < len(rows))
