"""What is typed into the panel is what is used, and the wheel changes nothing by accident."""

import numpy as np
import pytest
from astropy.io import fits
from qtpy import QtCore, QtGui, QtTest, QtWidgets

TAB, RETURN = QtCore.Qt.Key.Key_Tab, QtCore.Qt.Key.Key_Return


@pytest.fixture
def plugin(shell, channel, tmp_path):
    """Return the plugin with a result, with all parts of the panel expanded."""
    data = np.random.default_rng(5).normal(300, 17, (120, 140)).astype(np.float32)
    data[20:60, 60] += 2000
    fits.PrimaryHDU(data, fits.Header({'BUNIT': 'electron'})).writeto(tmp_path / 'tracks.fits')
    plugin = shell.find(channel, tmp_path / 'tracks.fits')
    plugin.panel.more.expand(True)
    shell.settle()
    return plugin


def clear(spin):
    """Focus a spin box and select its text."""
    spin.setFocus()
    spin.selectAll()


@pytest.mark.parametrize('key', [RETURN, TAB])
@pytest.mark.parametrize(
    ('name', 'text'), [('sigclip', '7.25'), ('readnoise', '4.24'), ('gain', '1.5625'), ('sigfrac', '0.125')]
)
def test_number_is_used_when_it_is_complete(shell, plugin, name, text, key):
    spin = plugin.panel.params[name].spin.get_widget()
    before = getattr(plugin.session.params, name)
    clear(spin)
    for digit in text:
        QtTest.QTest.keyClicks(spin, digit)
        plugin.panel.params.show(plugin.session.params, plugin.session.sources)  # as after any change elsewhere
        shell.pump(0.05)
        assert getattr(plugin.session.params, name) == before
    assert spin.text() == text
    QtTest.QTest.keyClick(spin, key)
    shell.settle()
    assert getattr(plugin.session.params, name) == float(text)
    assert float(spin.text()) == float(text)


def test_number_is_used_when_another_control_is_clicked(shell, plugin):
    spin = plugin.panel.params['objlim'].spin.get_widget()
    clear(spin)
    QtTest.QTest.keyClicks(spin, '3.75')
    plugin.panel.run.get_widget().setFocus()
    shell.settle()
    assert plugin.session.params.objlim == 3.75


def controls(plugin):
    """Return the spin boxes, sliders and combo boxes of the panel."""
    widget = plugin.panel.run.get_widget()
    while not isinstance(widget, QtWidgets.QTabWidget):
        widget = widget.parent()
    kinds = (QtWidgets.QAbstractSpinBox, QtWidgets.QAbstractSlider, QtWidgets.QComboBox)
    found = [child for kind in kinds for child in widget.currentWidget().findChildren(kind)]
    return [child for child in found if not isinstance(child, QtWidgets.QScrollBar) and child.isVisible()]


def value(control):
    """Return the value of a control."""
    return control.currentIndex() if isinstance(control, QtWidgets.QComboBox) else control.value()


def turn_wheel(control):
    """Turn the wheel by one notch with the mouse over a control."""
    center = QtCore.QPointF(control.rect().center())
    event = QtGui.QWheelEvent(
        center,
        QtCore.QPointF(control.mapToGlobal(control.rect().center())),
        QtCore.QPoint(0, 0),
        QtCore.QPoint(0, -120),
        QtCore.Qt.MouseButton.NoButton,
        QtCore.Qt.KeyboardModifier.NoModifier,
        QtCore.Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QtWidgets.QApplication.sendEvent(control, event)


def test_wheel_changes_no_value(shell, plugin):
    plugin.panel.run.get_widget().setFocus()
    found = controls(plugin)
    assert len(found) > 20
    before = [value(control) for control in found]
    params = plugin.session.params
    for control in found:
        turn_wheel(control)
    shell.settle()
    assert [value(control) for control in found] == before
    assert plugin.session.params == params


def test_wheel_changes_the_value_after_a_click(plugin):
    spin = plugin.panel.params['objlim'].spin.get_widget()
    spin.setFocus()
    turn_wheel(spin)
    assert value(spin) == pytest.approx(4.9)
