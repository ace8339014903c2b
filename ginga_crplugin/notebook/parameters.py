"""Controls of the L.A.Cosmic parameters, made from the metadata of the parameters."""

from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from typing import Any

import ipywidgets as w

from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.panels.labels import MAX_NUMBER, UNIT_LABELS, source_label

__all__ = ['ParameterControls']

_Callback = Callable[[str, Any], None]


class _Number:
    """Number entry, with a slider if the parameter has a usual range."""

    def __init__(self, item: Field, changed: _Callback) -> None:
        kind = w.FloatText if item.type is float else w.IntText
        self.box = kind(step=item.metadata['step'], layout=w.Layout(width='auto'))
        self.box.observe(lambda change: changed(item.name, change['new']), 'value')
        self.slider = None
        if item.metadata['slider']:
            low, high = item.metadata['slider']
            step = item.metadata['step']
            layout = w.Layout(width='auto')
            self.slider = w.FloatSlider(min=low, max=high, step=step, readout=False, layout=layout)
            self.slider.observe(lambda change: changed(item.name, round(change['new'], 6)), 'value')

    @property
    def widgets(self) -> list[w.Widget]:
        return [widget for widget in (self.slider, self.box) if widget is not None]

    def show(self, value: float) -> None:
        self.box.value = min(value, MAX_NUMBER)
        if self.slider is not None:
            value = min(max(value, self.slider.min), self.slider.max)
            if abs(value - self.slider.value) > 1e-6:  # do not move the slider back while it is being dragged
                self.slider.value = value


class _Choice:
    """Dropdown list."""

    def __init__(self, item: Field, changed: _Callback) -> None:
        self.box = w.Dropdown(options=item.metadata['choices'], layout=w.Layout(width='auto'))
        self.box.observe(lambda change: changed(item.name, change['new']), 'value')
        self.widgets = [self.box]

    def show(self, value: str) -> None:
        self.box.value = value


class _Switch:
    """Check box."""

    def __init__(self, item: Field, changed: _Callback) -> None:
        self.box = w.Checkbox(indent=False, layout=w.Layout(width='auto'))
        self.box.observe(lambda change: changed(item.name, change['new']), 'value')
        self.widgets = [self.box]

    def show(self, value: bool) -> None:  # noqa: FBT001 - as the other controls
        self.box.value = value


def _control(item: Field, changed: _Callback) -> Any:
    if item.metadata['choices']:
        return _Choice(item, changed)
    return (_Switch if item.type is bool else _Number)(item, changed)


class ParameterControls:
    """The controls of all parameters; ``controls[name]`` is that of one.

    Parameters
    ----------
    changed : callable
        ``changed(name, value)`` is called when the user changes a value.

    Attributes
    ----------
    common, others : ipywidgets widget
        The controls that are always shown, and those behind "More".
    sources : dict of ipywidgets label
        The source of each value, by the name of the parameter.
    """

    def __init__(self, changed: _Callback) -> None:
        self._changed = changed
        self._showing = False
        self._controls: dict[str, Any] = {}
        self.sources: dict[str, w.Label] = {}
        items = fields(LACosmicParams)
        self.common = self._grid([item for item in items if item.metadata['common']])
        self.others = self._grid([item for item in items if not item.metadata['common']])

    def __getitem__(self, name: str) -> Any:
        return self._controls[name]

    def _grid(self, items: list[Field]) -> w.GridBox:
        cells = []
        for item in items:
            control = self._controls[item.name] = _control(item, self._value_changed)
            source = self.sources[item.name] = w.Label()
            source.add_class('crp-soft')
            unit = UNIT_LABELS.get(item.metadata['unit'], item.metadata['unit'])
            widgets = control.widgets if len(control.widgets) == 2 else [source, *control.widgets]
            row = [w.Label(item.metadata['label']), *widgets, w.Label(unit)]
            for cell in row:
                cell.tooltip = item.metadata['help']
            cells += row
        columns = '104px minmax(90px, 1fr) 104px 52px'
        return w.GridBox(cells, layout=w.Layout(grid_template_columns=columns, align_items='center', grid_gap='0 4px'))

    def _value_changed(self, name: str, value: Any) -> None:
        if not self._showing:
            self._changed(name, value)

    def show(self, params: LACosmicParams, sources: Mapping[str, str]) -> None:
        """Show the values and their sources.

        Parameters
        ----------
        params : LACosmicParams
            The values.
        sources : dict of str
            The source of each value, by the name of the parameter.
        """
        self._showing = True
        try:
            for name, control in self._controls.items():
                value = getattr(params, name)
                control.show(value)
                source = source_label(value, sources[name])
                self.sources[name].value = source
                self.sources[name].tooltip = source  # the column may be too narrow
        finally:
            self._showing = False
