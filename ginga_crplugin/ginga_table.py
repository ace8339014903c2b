"""The room of the table of segments in Ginga: a page of rows at a time, sorted over all of them."""

import numpy as np
from ginga.gw import Widgets

__all__ = ['SegmentTable']

#: Rows on a page: more would take longer to fill in than a slider may wait.
PAGE = 50

_COLUMNS = (
    ('#', 'label', 'integer', 44),
    ('x', 'x_centroid', 'float', 62),
    ('y', 'y_centroid', 'float', 62),
    ('px', 'area', 'integer', 44),
    ('peak e-', 'peak', 'float', 74),
    ('flux e-', 'flux', 'float', 80),
)
_DECIMALS = {'x_centroid': 1, 'y_centroid': 1}


class SegmentTable:
    """The segments as a table that can be sorted by any column.

    Parameters
    ----------
    chosen : callable
        ``chosen(label)`` is called when the user takes a row.
    offset : float
        What is added to a pixel coordinate for the user, who counts as Ginga does.
    """

    def __init__(self, chosen, offset):
        self._offset = offset
        self._values = {}
        self._order = np.zeros(0, dtype=int)
        self._page = 0
        self._sorting = ('label', True)
        columns = [dict(zip(('label', 'key', 'type', 'colwidth'), column, strict=True)) for column in _COLUMNS]
        self.view = Widgets.TableView(
            columns=[column | {'halign': 'right'} for column in columns],
            selection_mode='single',
            sortable=True,
            alternate_row_colors=True,
        )
        self.view.set_min_size(360, 170)
        self.view.add_callback('selected', lambda _, rows: chosen(int(rows[0]['label'])) if rows else None)
        self.view.add_callback('sorted', self._sorted)
        self.back, self.forth = Widgets.Button('<'), Widgets.Button('>')
        self.back.add_callback('activated', lambda _: self._turn(-1))
        self.forth.add_callback('activated', lambda _: self._turn(1))
        self.words = Widgets.Label('')
        self.pages = Widgets.HBox()
        self.pages.set_spacing(4)
        for widget in (self.back, self.words, self.forth):
            self.pages.add_widget(widget, stretch=0)
        self.pages.hide()

    def show(self, table):
        """Show the rows of a table of segments (`Segments.listed`), or none."""
        names = [key for _, key, _, _ in _COLUMNS]
        self._values = {} if table is None else {name: np.asarray(table[name]) for name in names}
        self._sort()
        self._show_page()

    def select(self, label):
        """Select the row of a segment, on whatever page it is."""
        place = np.flatnonzero(self._values['label'][self._order] == label) if self._values else ()
        self.view.clear_selection()
        if len(place) == 0:  # not listed
            return
        page, row = divmod(int(place[0]), PAGE)
        if page != self._page:
            self._page = page
            self._show_page()
        self.view.select_path([row])
        self.view.scroll_to_path([row])

    @property
    def labels(self):
        """The labels on the page, from top to bottom."""
        return [int(row['label']) for row in self.view.get_rows()]

    def _sorted(self, _, key, ascending):
        self._sorting = (key, ascending)
        self._page = 0
        self._sort()
        if len(self._order) > PAGE:
            self._show_page()

    def _sort(self):
        key, ascending = self._sorting
        order = np.argsort(self._values[key], kind='stable') if self._values else np.zeros(0, dtype=int)
        self._order = order if ascending else order[::-1]

    def _turn(self, pages):
        self._page += pages
        self._show_page()

    def _show_page(self):
        count = len(self._order)
        self._page = min(max(self._page, 0), max(0, (count - 1) // PAGE))
        first = self._page * PAGE
        self.view.set_rows([self._row(index) for index in self._order[first : first + PAGE]])
        (self.pages.show if count > PAGE else self.pages.hide)()
        self.words.set_text(f'{first + 1} to {min(first + PAGE, count)} of {count}')
        self.back.set_enabled(self._page > 0)
        self.forth.set_enabled(first + PAGE < count)

    def _row(self, index):
        row = {}
        for _, key, kind, _ in _COLUMNS:
            value = self._values[key][index]
            if key in _DECIMALS:
                value += self._offset
            row[key] = int(value) if kind == 'integer' else f'{value:.{_DECIMALS.get(key, 0)}f}'
        return row
