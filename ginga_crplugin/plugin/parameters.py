"""The room of the parameters in Ginga: widgets made from the parameters' own metadata."""

from dataclasses import fields

from ginga.gw import Widgets

from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.panels.text import UNIT_LABELS

from .toolkit import fit_spin_box, limit_width, set_text_wrapped

__all__ = ['ParameterControls']

#: Letters in a line of what tells where a value comes from.
_WIDE = 24


class _Number:
    """A spin box, with a slider beside it where the parameter has a usual range."""

    def __init__(self, item, changed):
        self._item, self._changed = item, changed
        self._step = item.metadata['step']
        kind = float if item.type is float else int
        self.spin = limit_width(Widgets.SpinBox(dtype=kind), 100)
        if kind is float:
            self.spin.set_decimals(2 if item.metadata['slider'] else 1 if self._step >= 1.0 else 3)
        high = min(item.metadata['high'], 1e7)
        fit_spin_box(self.spin, 9)
        self.spin.set_limits(kind(max(item.metadata['low'], -1e7)), kind(high), kind(self._step))
        self.spin.add_callback('value-changed', lambda _, value: changed(item.name, value))
        self.slider = None
        if item.metadata['slider']:
            low, high = (round(edge / self._step) for edge in item.metadata['slider'])
            self.slider = Widgets.Slider(orientation='horizontal', dtype=int, track=True)
            self.slider.set_limits(low, high, 1)
            self.slider.add_callback('value-changed', self._slid)

    def _slid(self, _, value):
        self._changed(self._item.name, round(value * self._step, 6))

    @property
    def widgets(self):
        return [w for w in (self.slider, self.spin) if w is not None]

    def show(self, value):
        self.spin.set_value(min(value, 1e7))
        if self.slider is not None:
            low, high = self._item.metadata['slider']
            self.slider.set_value(round(min(max(value, low), high) / self._step))


class _Choice:
    """A combination box."""

    def __init__(self, item, changed):
        self._words = item.metadata['choices']
        self.box = Widgets.ComboBox()
        for word in self._words:
            self.box.append_text(word)
        self.box.add_callback('activated', lambda _, index: changed(item.name, self._words[index]))

    @property
    def widgets(self):
        return [self.box]

    def show(self, value):
        self.box.set_index(self._words.index(value))


class _Switch:
    """A check box."""

    def __init__(self, item, changed):
        self.box = Widgets.CheckBox('')
        self.box.add_callback('activated', lambda _, state: changed(item.name, bool(state)))

    @property
    def widgets(self):
        return [self.box]

    def show(self, value):
        self.box.set_state(value)


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
    common, others : Ginga widget
        Those that are in sight, and those that are folded.
    sources : dict of Ginga label
        Where the value of each comes from.
    """

    def __init__(self, changed):
        self._changed = changed
        self._controls, self.sources = {}, {}
        items = fields(LACosmicParams)
        self.common = self._grid([item for item in items if item.metadata['common']])
        self.others = self._grid([item for item in items if not item.metadata['common']])

    def __getitem__(self, name):
        return self._controls[name]

    def _grid(self, items):
        grid = Widgets.GridBox(rows=len(items), columns=4)
        grid.set_spacing(3)
        for row, item in enumerate(items):
            control = _control(item, self._changed)
            self._controls[item.name] = control
            self.sources[item.name] = _label('')
            cells = [
                _label(item.metadata['label']),
                *control.widgets,
                _label(UNIT_LABELS.get(item.metadata['unit'], item.metadata['unit'])),
                self.sources[item.name],
            ]
            if len(cells) == 5:  # a slider: its source is plain to see
                cells.pop()
            for column, cell in enumerate(cells):
                cell.set_tooltip(item.metadata['help'])
                grid.add_widget(cell, row, column, stretch=1 if column == 1 else 0)
        return grid

    def show(self, params, sources):
        """Show the values, and where they come from."""
        for name, control in self._controls.items():
            control.show(getattr(params, name))
            set_text_wrapped(self.sources[name], sources[name], _WIDE)
            self.sources[name].set_tooltip(sources[name])


def _label(words):
    label = Widgets.Label(words)
    label.set_valign('center')
    return label
