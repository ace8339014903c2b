"""The room of the parameters in a notebook: widgets made from the parameters' own metadata."""

from dataclasses import fields

import ipywidgets as w

from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.panels.text import UNIT_LABELS

__all__ = ['ParameterControls']

#: Larger numbers, infinity among them, are shown as this.
_LARGEST = 1e7


class _Number:
    """A box for a number, with a slider beside it where the parameter has a usual range."""

    def __init__(self, item, changed):
        self._item, self._changed = item, changed
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
    def widgets(self):
        return [widget for widget in (self.slider, self.box) if widget is not None]

    def show(self, value):
        self.box.value = min(value, _LARGEST)
        if self.slider is not None:
            value = min(max(value, self.slider.min), self.slider.max)
            if abs(value - self.slider.value) > 1e-6:  # it must not be sent back to where the mouse has left already
                self.slider.value = value


class _Choice:
    """A list to choose from."""

    def __init__(self, item, changed):
        self.box = w.Dropdown(options=item.metadata['choices'], layout=w.Layout(width='auto'))
        self.box.observe(lambda change: changed(item.name, change['new']), 'value')
        self.widgets = [self.box]

    def show(self, value):
        self.box.value = value


class _Switch:
    """A box to tick."""

    def __init__(self, item, changed):
        self.box = w.Checkbox(indent=False, layout=w.Layout(width='auto'))
        self.box.observe(lambda change: changed(item.name, change['new']), 'value')
        self.widgets = [self.box]

    def show(self, value):
        self.box.value = value


def _control(item, changed):
    if item.metadata['choices']:
        return _Choice(item, changed)
    return (_Switch if item.type is bool else _Number)(item, changed)


class ParameterControls:
    """The widgets of all parameters.

    Parameters
    ----------
    changed : callable
        ``changed(name, value)`` is called when the user changes one.

    Attributes
    ----------
    common, others : ipywidgets widget
        Those that are in sight, and those that are folded.
    """

    def __init__(self, changed):
        self._changed = changed
        self._showing = False
        self._controls, self._sources = {}, {}
        items = fields(LACosmicParams)
        self.common = self._grid([item for item in items if item.metadata['common']])
        self.others = self._grid([item for item in items if not item.metadata['common']])

    def __getitem__(self, name):
        return self._controls[name]

    def _grid(self, items):
        cells = []
        for item in items:
            control = self._controls[item.name] = _control(item, self._choose)
            source = self._sources[item.name] = w.Label()
            source.add_class('crp-soft')
            unit = UNIT_LABELS.get(item.metadata['unit'], item.metadata['unit'])
            widgets = control.widgets if len(control.widgets) == 2 else [source, *control.widgets]
            row = [w.Label(item.metadata['label']), *widgets, w.Label(unit)]
            for cell in row:
                cell.tooltip = item.metadata['help']
            cells += row
        columns = '104px minmax(90px, 1fr) 104px 52px'
        return w.GridBox(cells, layout=w.Layout(grid_template_columns=columns, align_items='center', grid_gap='0 4px'))

    def _choose(self, name, value):
        if not self._showing:
            self._changed(name, value)

    def show(self, params, sources):
        """Show the values, and where they come from."""
        self._showing = True
        try:
            for name, control in self._controls.items():
                control.show(getattr(params, name))
                self._sources[name].value = sources[name]
        finally:
            self._showing = False
