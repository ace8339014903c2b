"""The room of the rows: the segments as a list that is sorted, filtered and paged, for a front that shows it."""

import numpy as np

from ginga_crplugin.core.review import DECISIONS

__all__ = ['COLUMNS', 'PAGE_SIZE', 'SegmentRows']

#: Rows on a page: more would take longer to fill in than a slider may wait.
PAGE_SIZE = 50

#: Head, key and decimals (None is a word) of each column.
COLUMNS = (
    ('#', 'label', 0),
    ('x', 'x_centroid', 1),
    ('y', 'y_centroid', 1),
    ('px', 'area', 0),
    ('S/N', 'snr', 0),
    ('e-', 'flux', 0),
    ('hint', 'hint', None),
    ('decision', 'decision', None),
)


class SegmentRows:
    """The segments that are listed, in order.

    Parameters
    ----------
    offset : float, optional
        What is added to a pixel coordinate for the user.
    """

    def __init__(self, offset=0.0):
        self._offset = offset
        self._values = {}
        self._order = np.zeros(0, dtype=int)
        self.filter = 'all'
        self.sort_order = ('label', True)
        self.page = 0

    def set_table(self, table, rejected=()):
        """List the segments of a table (`Segments.listed`), or none.

        Parameters
        ----------
        table : `~astropy.table.QTable` or None
        rejected : sequence of int, optional
            The labels of the segments that were rejected.
        """
        self._values = {}
        if table is not None:
            self._values = {key: np.asarray(table[key]) for _, key, _ in COLUMNS if key in table.colnames}
        self.set_rejected(rejected)

    def set_rejected(self, rejected):
        """Take other decisions on the same segments."""
        if self._values:
            self._values['decision'] = DECISIONS[np.isin(self._values['label'], rejected).astype(int)]
        if self.filter not in self.filters:  # no segment has that hint
            self.filter = 'all'
        self._arrange()

    def set_filter(self, which):
        """List all segments, or those with a decision or a hint."""
        self.filter = which
        self.page = 0
        self._arrange()

    def toggle_sort(self, key):
        """Sort by a column; the other way round if it is sorted by it already."""
        self.sort_by(key, ascending=not (self.sort_order[0] == key and self.sort_order[1]))

    def sort_by(self, key, *, ascending):
        """Sort by a column, ascending or descending."""
        self.sort_order = (key, ascending)
        self.page = 0
        self._arrange()

    def _arrange(self):
        order = np.zeros(0, dtype=int)
        if self._values:
            key, ascending = self.sort_order
            order = np.argsort(self._values.get(key, self._values['label']), kind='stable')
            order = order if ascending else order[::-1]
            if self.filter != 'all':
                values = self._values.get('decision' if self.filter in DECISIONS else 'hint', np.zeros(len(order), str))
                order = order[values[order] == self.filter]
        self._order = order
        self.page = min(max(self.page, 0), max(0, (len(order) - 1) // PAGE_SIZE))

    @property
    def columns(self):
        """Head, key and decimals of the columns that there is something in."""
        return [column for column in COLUMNS if column[1] in self._values or not self._values]

    @property
    def filters(self):
        """What can be listed."""
        # while hints are worked out, the one that was asked for stays
        hints = self._values.get('hint', () if self.filter in ('all', *DECISIONS) else (self.filter,))
        return ['all', *map(str, DECISIONS), *sorted(set(map(str, hints)) - {''})]

    @property
    def labels(self):
        """The labels of all segments that are listed, on all pages."""
        return self._values['label'][self._order] if self._values else np.zeros(0, dtype=int)

    def __len__(self):
        return len(self._order)

    @property
    def first_index(self):
        """The place of the first row of the page, from 0."""
        return self.page * PAGE_SIZE

    @property
    def range_text(self):
        """Which of the rows are on the page, in words."""
        return f'{self.first_index + 1} to {min(self.first_index + PAGE_SIZE, len(self))} of {len(self)}'

    @property
    def has_pages(self):
        """Whether there are more rows than a page holds."""
        return len(self) > PAGE_SIZE

    def position(self, label):
        """Return at which place a segment is listed, from 1; 0 if it is not."""
        place = np.flatnonzero(self.labels == label)
        return int(place[0]) + 1 if len(place) else 0

    def go_to_label(self, label):
        """Turn to the page with a segment, if it is listed."""
        if self.position(label):
            self.page = (self.position(label) - 1) // PAGE_SIZE

    def change_page(self, pages):
        """Turn so many pages on."""
        self.page += pages
        self._arrange()

    def neighbor(self, label, step):
        """Return the label of the segment that comes so many rows after another, or None at the end."""
        place = self.position(label)
        index = place - 1 + step if place else 0
        return int(self.labels[index]) if 0 <= index < len(self) else None

    @property
    def page_rows(self):
        """The rows of the page: label, whether it is rejected, and the words in the columns."""
        rows = []
        for index in self._order[self.first_index : self.first_index + PAGE_SIZE]:
            words = [self._word(key, decimals, index) for _, key, decimals in self.columns]
            rejected = self._values['decision'][index] == DECISIONS[1]
            rows.append((int(self._values['label'][index]), bool(rejected), words))
        return rows

    def _word(self, key, decimals, index):
        value = self._values[key][index]
        if decimals is None:
            return str(value)
        value += self._offset if key in ('x_centroid', 'y_centroid') else 0
        return f'{value:.{decimals}f}'
