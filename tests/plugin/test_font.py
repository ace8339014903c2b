"""The panel in fonts of normal and 1.5 times the size: no text is cut off, and nothing scrolls horizontally."""

import numpy as np
import pytest
from astropy.io import fits
from qtpy import QtWidgets

from ginga_crplugin import InputMask, MaskBit
from ginga_crplugin.core.decisions import DECISIONS
from ginga_crplugin.core.diagnostics.hints import HINTS


@pytest.fixture(params=[1.0, 1.5])
def font(request):
    """Set the size of the application font."""
    application = QtWidgets.QApplication.instance()
    before = application.font()
    large = application.font()
    large.setPointSizeF(before.pointSizeF() * request.param)
    application.setFont(large)
    yield
    application.setFont(before)


@pytest.fixture
def plugin(font, shell, channel, tmp_path):
    """Return the plugin with a mask and a result, in that font."""
    data = np.random.default_rng(5).normal(300, 17, (1200, 1400)).astype(np.float32)
    data[920:960, 1060] += 30000
    data[80, 100:104] += 2000
    header = fits.Header({'BUNIT': 'adu', 'GAIN': 1.5, 'RDNOISE': 10.0, 'SATURATE': 60000.0})
    fits.PrimaryHDU(data, header).writeto(tmp_path / 'tracks.fits')
    plugin = shell.find(channel, tmp_path / 'tracks.fits')
    plugin.session.masks.add(
        lambda: InputMask('a_name_as_long_as_they_get_in_practice.fits', MaskBit.BAD, data > 29000)
    )
    shell.wait(lambda: plugin.session.masks and not plugin.session.runner.busy)
    plugin.actions.select(1, pan=False)
    shell.pump(1.0)
    return plugin


def ancestor(widget, kind):
    """Return the closest ancestor of a class."""
    while not isinstance(widget, kind):
        widget = widget.parent()
    return widget


def test_nothing_scrolls_horizontally(plugin):
    table = plugin.panel.table.view.get_widget()
    column = ancestor(plugin.panel.pin.get_widget(), QtWidgets.QScrollArea)
    assert [part.horizontalScrollBar().maximum() for part in (column, table)] == [0, 0]


def test_no_text_is_cut_off(plugin):
    column = ancestor(plugin.panel.run.get_widget(), QtWidgets.QTabWidget).currentWidget()
    kinds = QtWidgets.QPushButton | QtWidgets.QCheckBox | QtWidgets.QComboBox | QtWidgets.QLabel
    shown = [w for w in column.findChildren(QtWidgets.QWidget) if isinstance(w, kinds) and w.isVisible()]
    assert len(shown) > 40
    narrow = [w for w in shown if not (isinstance(w, QtWidgets.QLabel) and w.wordWrap())]
    swatches = [swatch.get_widget() for swatch in plugin.panel.swatches.values()]
    assert [describe(w) for w in narrow if w.width() < w.minimumSizeHint().width() and w not in swatches] == []
    wrapped = [w for w in shown if w not in narrow]
    assert [describe(w) for w in wrapped if w.height() < w.heightForWidth(w.width())] == []


def test_columns_are_wide_enough_for_their_cells(plugin):
    table = plugin.panel.table.view.get_widget()
    margins = 2 * (table.style().pixelMetric(QtWidgets.QStyle.PixelMetric.PM_FocusFrameHMargin) + 1)
    more = {'hint': HINTS, 'decision': DECISIONS}
    for column in range(table.columnCount()):
        head = table.horizontalHeaderItem(column).text()
        texts = [head, *(table.item(row, column).text() for row in range(2)), *more.get(head, ())]
        assert max(map(table.fontMetrics().horizontalAdvance, texts)) + margins <= table.columnWidth(column), texts


def describe(widget):
    text = widget.currentText() if isinstance(widget, QtWidgets.QComboBox) else widget.text()
    return f'{type(widget).__name__} {text!r}: {widget.width()} x {widget.height()}'
