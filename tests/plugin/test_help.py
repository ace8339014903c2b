"""Help and tooltips of the panel."""

from dataclasses import fields

import numpy as np
import pytest
from astropy.io import fits
from qtpy import QtWidgets

from ginga_crplugin import LACosmicParams
from ginga_crplugin.plugin import cosmic_rays


@pytest.fixture
def plugin(shell, channel):
    """Return the plugin without an image."""
    return shell.start(channel)


def buttons(plugin):
    return {b.text(): b for b in plugin.panel.run.get_widget().window().findChildren(QtWidgets.QPushButton)}


def test_help_shows_the_module_docstring(shell, plugin):
    buttons(plugin)['Help'].click()
    shell.settle()
    texts = [w.toPlainText() for w in QtWidgets.QApplication.allWidgets() if isinstance(w, QtWidgets.QTextEdit)]
    expected = cosmic_rays.__doc__.split()
    assert len(expected) > 300
    assert any(' '.join(expected) in ' '.join(text.split()) for text in texts)


@pytest.mark.parametrize('item', fields(LACosmicParams), ids=lambda item: item.name)
def test_tooltip_is_the_help_of_the_parameter(plugin, item):
    widgets = plugin.panel.params[item.name].widgets
    assert {widget.get_widget().toolTip() for widget in widgets} == {item.metadata['help']}


def test_checks_show_their_mark_as_text(shell, channel, tmp_path):
    data = np.random.default_rng(1).poisson(300, (64, 64)).astype(np.float32)
    fits.PrimaryHDU(data - 300, fits.Header({'BUNIT': 'electron'})).writeto(tmp_path / 'no_sky.fits')
    shell.load(channel, tmp_path / 'no_sky.fits')
    plugin = shell.start(channel)
    shell.wait(lambda: len(plugin.session.checks) > 0)
    shell.settle()
    texts = [label.text() for label in plugin.panel.checks.box.get_widget().findChildren(QtWidgets.QLabel)]
    marks = [text.split(' - ')[0] for text in texts if text]
    assert marks[: len(plugin.session.checks)] == [*sorted(marks, key=['error', 'warning', 'ok'].index)]
    assert 'error' in marks
