"""Tooltips of the notebook panel."""

from dataclasses import fields

import pytest

pytest.importorskip('ipywidgets')

from ginga_crplugin import LACosmicParams
from ginga_crplugin.notebook.parameters import ParameterControls


@pytest.mark.parametrize('item', fields(LACosmicParams), ids=lambda item: item.name)
def test_tooltip_is_the_help_of_the_parameter(item):
    widgets = ParameterControls(lambda name, value: None)[item.name].widgets
    assert widgets
    assert {widget.tooltip for widget in widgets} == {item.metadata['help']}
