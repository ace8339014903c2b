"""The compliance tests of a panel, for the panel in notebooks."""

import pytest

pytest.importorskip('astrowidgets')

from ginga_crplugin import CosmicRayPanel
from ginga_crplugin.core.lacosmic import compilation
from tests.panels.compliance import PanelCompliance, expected, write_frame  # noqa: F401 - a fixture

pytestmark = pytest.mark.filterwarnings(
    'ignore:Passing unrecognized arguments to super:DeprecationWarning',
)


@pytest.fixture
def frame_path(tmp_path):
    return write_frame(tmp_path)


class NotebookPanel:
    """The panel in a notebook, with methods for what a user does."""

    def __init__(self, path):
        compilation.compile_all()
        self.panel = CosmicRayPanel(path)
        self.session, self.actions, self.presenter = self.panel.session, self.panel.actions, self.panel.presenter
        self.widgets, self.overlay = self.panel.controls, self.panel.overlay

    def wait(self, condition):
        assert condition()  # without an event loop everything is done at once

    def set_parameter(self, name, value):
        self.widgets.params[name].box.value = value

    def click(self, name):
        self.widgets[name].click()

    def save(self, path):
        self.widgets.save_form.path.value = str(path)
        self.widgets.save_form.button.click()

    def message(self):
        return self.widgets.result.value


@pytest.fixture
def panel(frame_path):
    panel = NotebookPanel(frame_path)
    yield panel
    panel.panel.close()


class TestNotebook(PanelCompliance):
    pass
