"""The panel without a mouse: Tab reaches every control, and keys operate it."""

import numpy as np
import pytest
from astropy.io import fits
from qtpy import QtCore, QtTest, QtWidgets

from ginga_crplugin import InputMask, MaskBit

KINDS = (
    QtWidgets.QAbstractButton,
    QtWidgets.QComboBox,
    QtWidgets.QAbstractSpinBox,
    QtWidgets.QSlider,
    QtWidgets.QTableView,
)


@pytest.fixture
def plugin(shell, channel, tmp_path):
    """Return the plugin with a result, with all parts of the panel expanded."""
    data = np.random.default_rng(5).normal(300, 17, (120, 140)).astype(np.float32)
    data[20:60, 60] += 2000
    data[80, 100:104] += 2000
    fits.PrimaryHDU(data, fits.Header({'BUNIT': 'electron'})).writeto(tmp_path / 'tracks.fits')
    plugin = shell.find(channel, tmp_path / 'tracks.fits')
    plugin.session.masks.add(lambda: InputMask('column', MaskBit.BAD, np.eye(120, 140, dtype=bool)))
    shell.wait(lambda: plugin.session.masks and not plugin.session.runner.busy)
    plugin.panel.more.expand(True)
    plugin.panel.checks.expand(expanded=True)
    plugin.actions.select(1, pan=False)
    seen = []
    while seen != (seen := list(plugin.session.checks)):  # a new check replaces the buttons
        shell.pump(1.5)
    return plugin


def column(plugin):
    """Return the widget that contains the panel."""
    widget = plugin.panel.run.get_widget()
    while not isinstance(widget, QtWidgets.QTabWidget):
        widget = widget.parent()
    return widget.currentWidget()


def usable(plugin):
    """Return the widgets that a mouse can operate."""
    inner = (QtWidgets.QAbstractSpinBox, QtWidgets.QComboBox, QtWidgets.QTableView, QtWidgets.QScrollBar)
    return [
        widget
        for widget in column(plugin).findChildren(QtWidgets.QWidget)
        if isinstance(widget, KINDS)
        and widget.isVisible()
        and widget.isEnabled()
        and not isinstance(widget.parent(), inner)
        and not isinstance(widget.parent().parent(), QtWidgets.QComboBox)
    ]


def describe(widget):
    text = widget.text() if isinstance(widget, QtWidgets.QAbstractButton) else widget.toolTip()
    return f'{type(widget).__name__} {text}'


def test_tab_reaches_every_control(shell, plugin):
    expected = usable(plugin)
    assert len(expected) > 50
    window = column(plugin).window()
    window.activateWindow()
    column(plugin).findChild(QtWidgets.QComboBox).setFocus()
    shell.settle()
    reached = []
    for _ in range(4 * len(expected)):
        reached.append(QtWidgets.QApplication.focusWidget())
        QtTest.QTest.keyClick(reached[-1], QtCore.Qt.Key.Key_Tab)
    missed = [describe(widget) for widget in expected if not any(widget is other for other in reached)]
    assert missed == []
    order = [describe(widget) for widget in reached]
    in_order = 'QCheckBox column', 'QPushButton Add mask...', 'QCheckBox live'
    indices = [order.index(text) for text in in_order]
    assert indices == sorted(indices)


def test_keys_operate_the_controls(shell, plugin):
    reject, undo = plugin.panel.reject.get_widget(), plugin.panel.undo.get_widget()
    QtTest.QTest.keyClick(reject, QtCore.Qt.Key.Key_Space)
    shell.settle()
    assert len(plugin.session.review.decisions.rejected_labels) == 1
    QtTest.QTest.keyClick(undo, QtCore.Qt.Key.Key_Space)
    shell.settle()
    assert len(plugin.session.review.decisions.rejected_labels) == 0
    slider = plugin.panel.params['sigclip'].slider.get_widget()
    before = plugin.session.params.sigclip
    QtTest.QTest.keyClick(slider, QtCore.Qt.Key.Key_Right)
    shell.wait(lambda: not plugin.session.runner.busy)
    assert plugin.session.params.sigclip == pytest.approx(before + 0.1)
    table = plugin.panel.table.view.get_widget()
    table.selectRow(0)
    QtTest.QTest.keyClick(table, QtCore.Qt.Key.Key_Down)
    shell.settle()
    assert plugin.session.selection == plugin.panel.table.labels[1]
