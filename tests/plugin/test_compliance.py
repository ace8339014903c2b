"""The compliance tests of a panel, for the panel in Ginga."""

import pytest

from ginga_crplugin.core.lacosmic import compilation
from tests.panels.compliance import PanelCompliance, expected, write_frame  # noqa: F401 - a fixture


@pytest.fixture
def frame_path(tmp_path):
    return write_frame(tmp_path)


class GingaPanel:
    """The panel in Ginga, with methods for what a user does."""

    def __init__(self, shell, plugin):
        self.plugin, self._shell = plugin, shell
        self.session, self.actions, self.presenter = plugin.session, plugin.actions, plugin.presenter
        self.widgets, self.overlay = plugin.panel, plugin.overlay

    def wait(self, condition):
        self._shell.wait(condition)
        self._shell.settle()

    def set_parameter(self, name, value):
        self.widgets.params[name].spin.get_widget().setValue(value)

    def click(self, name):
        getattr(self.widgets, name).get_widget().click()

    def save(self, path):
        self.click('save')
        dialog = self.plugin.dialogs.shown
        dialog.path.set_text(str(path))
        dialog.save()

    def message(self):
        return self.widgets.result


@pytest.fixture
def panel(shell, channel, frame_path):
    compilation.compile_all()
    shell.load(channel, frame_path)
    plugin = shell.start(channel)
    shell.wait(lambda: plugin.session.frame is not None)
    shell.settle()
    return GingaPanel(shell, plugin)


class TestGinga(PanelCompliance):
    pass
