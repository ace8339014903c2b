"""The room of the table of segments in Ginga: a page of rows at a time, sorted and filtered over all of them."""

import numpy as np
from ginga.gw import Widgets

from .core.review import VERDICTS

__all__ = ['SegmentTable']

#: Rows on a page: more would take longer to fill in than a slider may wait.
PAGE = 50

_COLUMNS = (
    ('#', 'label', 'integer', 32),
    ('x', 'x_centroid', 'float', 48),
    ('y', 'y_centroid', 'float', 48),
    ('px', 'area', 'integer', 32),
    ('S/N', 'snr', 'float', 40),
    ('e-', 'flux', 'float', 54),
    ('hint', 'hint', 'string', 76),
    ('verdict', 'verdict', 'string', 56),
)
_VERDICT = len(_COLUMNS) - 1
_DECIMALS = {'x_centroid': 1, 'y_centroid': 1}


class SegmentTable:
    """The segments as a table that can be sorted by any column, and filtered by verdict and hint.

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
        if hasattr(self.view.get_widget(), 'setTabKeyNavigation'):  # Qt: Tab shall lead on, not from cell to cell
            self.view.get_widget().setTabKeyNavigation(False)
        self.view.add_callback('selected', lambda _, rows: chosen(int(rows[0]['label'])) if rows else None)
        self.view.add_callback('sorted', self._sorted)
        self._build_filter()
        self._build_pages()

    def _build_filter(self):
        self.which = Widgets.ComboBox()
        self._whiches = ['all']
        self.which.append_text('all')
        self.which.set_tooltip('Which segments are listed: all, by verdict, or by what they may be instead.')
        self.which.add_callback('activated', lambda *_: self._refresh())

    def _build_pages(self):
        self.back, self.forth = Widgets.Button('<'), Widgets.Button('>')
        self.back.add_callback('activated', lambda _: self._turn(-1))
        self.forth.add_callback('activated', lambda _: self._turn(1))
        self.words = Widgets.Label('')
        self.pages = Widgets.HBox()
        self.pages.set_spacing(4)
        for widget in (self.back, self.words, self.forth):
            self.pages.add_widget(widget, stretch=0)
        self.pages.hide()

    def show(self, table, rejected=()):
        """Show the rows of a table of segments (`Segments.listed`), or none.

        Parameters
        ----------
        table : `~astropy.table.QTable` or None
        rejected : sequence of int, optional
            The labels of the segments that were rejected.
        """
        self._values = {}
        if table is not None:
            present = [key for _, key, _, _ in _COLUMNS if key in table.colnames]
            self._values = {key: np.asarray(table[key]) for key in present}
            self._values['verdict'] = self._verdicts(rejected)
        self._offer()
        self._refresh()

    def show_verdicts(self, rejected):
        """Show other verdicts on the same segments."""
        if not self._values:
            return
        self._values['verdict'] = self._verdicts(rejected)
        if self._which != 'all':
            self._refresh()
            return
        for row, label in enumerate(self.labels):
            self.view.set_cell(row, _VERDICT, str(self._values['verdict'][self._values['label'] == label][0]))

    def _verdicts(self, rejected):
        return VERDICTS[np.isin(self._values['label'], rejected).astype(int)]

    def _offer(self):
        """Offer to list what there is."""
        hints = sorted(set(self._values.get('hint', ())) - {''})
        offered = ['all', *VERDICTS, *hints]
        if offered != self._whiches:
            which = self._which
            self._whiches = offered
            self.which.clear()
            for word in offered:
                self.which.append_text(word)
            self.which.set_index(offered.index(which) if which in offered else 0)

    @property
    def _which(self):
        return self._whiches[max(0, self.which.get_index())]

    @property
    def shown(self):
        """The labels of all segments that are listed, on all pages."""
        return self._values['label'][self._order] if self._values else np.zeros(0, dtype=int)

    def select(self, label):
        """Select the row of a segment, on whatever page it is."""
        place = np.flatnonzero(self.shown == label)
        self.view.clear_selection()
        if len(place) == 0:  # not listed
            return
        page = int(place[0]) // PAGE
        if page != self._page:
            self._page = page
            self._show_page()
        row = self.labels.index(label)
        self.view.select_path([row])
        self.view.scroll_to_path([row])

    def beside(self, label, step):
        """Return the label of the segment that comes so many rows after another, or None at the end."""
        place = np.flatnonzero(self.shown == label)
        index = int(place[0]) + step if len(place) else 0
        return int(self.shown[index]) if 0 <= index < len(self.shown) else None

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

    def _refresh(self):
        self._sort()
        self._show_page()

    def _sort(self):
        if not self._values:
            self._order = np.zeros(0, dtype=int)
            return
        key, ascending = self._sorting
        order = np.argsort(self._values.get(key, self._values['label']), kind='stable')
        order = order if ascending else order[::-1]
        if self._which != 'all':
            key = 'verdict' if self._which in VERDICTS else 'hint'
            order = order[self._values[key][order] == self._which]
        self._order = order

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
            value = self._values[key][index] if key in self._values else ''
            if isinstance(value, str):
                row[key] = str(value)
                continue
            value += self._offset if key in _DECIMALS else 0
            row[key] = int(value) if kind == 'integer' else f'{value:.{_DECIMALS.get(key, 0)}f}'
        return row
