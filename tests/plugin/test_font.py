"""The panel in a font half as large again: nothing is cut off, and nothing has to be scrolled sideways."""

import numpy as np
import pytest
from astropy.io import fits
from qtpy import QtWidgets

from ginga_crplugin import InputMask, MaskBit
from ginga_crplugin.core.diagnostics.hints import HINTS
from ginga_crplugin.core.review import DECISIONS


@pytest.fixture(params=[1.0, 1.5])
def font(request):
    """A font of another size."""
    application = QtWidgets.QApplication.instance()
    before = application.font()
    large = application.font()
    large.setPointSizeF(before.pointSizeF() * request.param)
    application.setFont(large)
    yield
    application.setFont(before)


@pytest.fixture
def plugin(font, shell, channel, tmp_path):
    """The panel with a mask and a result, in that font."""
    data = np.random.default_rng(5).normal(300, 17, (1200, 1400)).astype(np.float32)
    data[920:960, 1060] += 30000
    data[80, 100:104] += 2000
    header = fits.Header({'BUNIT': 'adu', 'GAIN': 1.5, 'RDNOISE': 10.0, 'SATURATE': 60000.0})
    fits.PrimaryHDU(data, header).writeto(tmp_path / 'tracks.fits')
    plugin = shell.find(channel, tmp_path / 'tracks.fits')
    plugin.session.masks.add(
        lambda: InputMask('a_name_as_long_as_they_get_in_practice.fits', MaskBit.BAD, data > 29000)
    )
    shell.wait(lambda: plugin.session.masks and not plugin.session.busy)
    plugin.actions.select(1, pan=False)
    shell.pump(1.0)
    return plugin


def above(widget, kind):
    """Return what of a kind a widget stands in."""
    while not isinstance(widget, kind):
        widget = widget.parent()
    return widget


def test_nothing_is_scrolled_sideways(plugin):
    table = plugin.panel.table.view.get_widget()
    column = above(plugin.panel.run.get_widget(), QtWidgets.QScrollArea)
    assert [part.horizontalScrollBar().maximum() for part in (column, table)] == [0, 0]


def test_no_words_are_cut(plugin):
    column = above(plugin.panel.run.get_widget(), QtWidgets.QScrollArea).widget()
    kinds = QtWidgets.QPushButton | QtWidgets.QCheckBox | QtWidgets.QComboBox | QtWidgets.QLabel
    shown = [w for w in column.findChildren(QtWidgets.QWidget) if isinstance(w, kinds) and w.isVisible()]
    assert len(shown) > 40
    narrow = [w for w in shown if not (isinstance(w, QtWidgets.QLabel) and w.wordWrap())]
    swatches = [swatch.get_widget() for swatch in plugin.panel.swatches.values()]
    assert [told(w) for w in narrow if w.width() < w.minimumSizeHint().width() and w not in swatches] == []
    wrapped = [w for w in shown if w not in narrow]
    assert [told(w) for w in wrapped if w.height() < w.heightForWidth(w.width())] == []


def test_the_columns_hold_what_stands_in_them(plugin):
    table = plugin.panel.table.view.get_widget()
    margins = 2 * (table.style().pixelMetric(QtWidgets.QStyle.PixelMetric.PM_FocusFrameHMargin) + 1)
    more = {'hint': HINTS, 'decision': DECISIONS}
    for column in range(table.columnCount()):
        head = table.horizontalHeaderItem(column).text()
        words = [head, *(table.item(row, column).text() for row in range(2)), *more.get(head, ())]
        assert max(map(table.fontMetrics().horizontalAdvance, words)) + margins <= table.columnWidth(column), words


def told(widget):
    words = widget.currentText() if isinstance(widget, QtWidgets.QComboBox) else widget.text()
    return f'{type(widget).__name__} {words!r}: {widget.width()} x {widget.height()}'
