"""Controls of the L.A.Cosmic parameters, made from the metadata of the parameters."""

from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from typing import Any

from ginga.gw import Widgets

from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.panels.labels import MAX_NUMBER, UNIT_LABELS, source_label

from .toolkit import fit_spin_box, limit_width, protect_value, set_number, set_text_wrapped

__all__ = ['ParameterControls']

#: Characters in a line of the source of a value.
_LINE_LENGTH = 24

_Callback = Callable[[str, Any], None]


class _Number:
    """Spin box, with a slider if the parameter has a usual range."""

    def __init__(self, item: Field, changed: _Callback) -> None:
        self._item, self._changed = item, changed
        self._step = item.metadata['step']
        kind = float if item.type is float else int
        self.spin = protect_value(limit_width(Widgets.SpinBox(dtype=kind), 100))
        if kind is float:
            self.spin.set_decimals(1 if self._step >= 1.0 else 3 if item.metadata['slider'] else 4)
        low, high = max(item.metadata['low'], -MAX_NUMBER), min(item.metadata['high'], MAX_NUMBER)
        fit_spin_box(self.spin, 9)
        self.spin.set_limits(kind(low), kind(high), kind(self._step))
        self.spin.add_callback('value-changed', lambda _, value: changed(item.name, value))
        self.slider = None
        if item.metadata['slider']:
            low, high = (round(edge / self._step) for edge in item.metadata['slider'])
            self.slider = protect_value(Widgets.Slider(orientation='horizontal', dtype=int, track=True))
            self.slider.set_limits(low, high, 1)
            self.slider.add_callback('value-changed', self._slider_moved)

    def _slider_moved(self, _: Any, value: int) -> None:
        self._changed(self._item.name, round(value * self._step, 6))

    @property
    def widgets(self) -> list[Any]:
        return [w for w in (self.slider, self.spin) if w is not None]

    def show(self, value: float) -> None:
        set_number(self.spin, min(value, MAX_NUMBER))
        if self.slider is not None:
            low, high = self._item.metadata['slider']
            self.slider.set_value(round(min(max(value, low), high) / self._step))


class _Choice:
    """Combo box."""

    def __init__(self, item: Field, changed: _Callback) -> None:
        self._options = item.metadata['choices']
        self.box = protect_value(Widgets.ComboBox())
        for option in self._options:
            self.box.append_text(option)
        self.box.add_callback('activated', lambda _, index: changed(item.name, self._options[index]))

    @property
    def widgets(self) -> list[Any]:
        return [self.box]

    def show(self, value: str) -> None:
        self.box.set_index(self._options.index(value))


class _Switch:
    """Check box."""

    def __init__(self, item: Field, changed: _Callback) -> None:
        self.box = Widgets.CheckBox('')
        self.box.add_callback('activated', lambda _, state: changed(item.name, bool(state)))

    @property
    def widgets(self) -> list[Any]:
        return [self.box]

    def show(self, value: bool) -> None:  # noqa: FBT001 - as the other controls
        self.box.set_state(value)


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
    common, others : Ginga widget
        The controls that are always shown, and those behind "More".
    sources : dict of Ginga label
        The source of each value, by the name of the parameter.
    """

    def __init__(self, changed: _Callback) -> None:
        self._changed = changed
        self._controls: dict[str, Any] = {}
        self.sources: dict[str, Any] = {}
        items = fields(LACosmicParams)
        self.common = self._grid([item for item in items if item.metadata['common']])
        self.others = self._grid([item for item in items if not item.metadata['common']])

    def __getitem__(self, name: str) -> Any:
        return self._controls[name]

    def _grid(self, items: list[Field]) -> Any:
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
            if len(cells) == 5:  # with a slider, there is no column left for the source
                cells.pop()
            for column, cell in enumerate(cells):
                cell.set_tooltip(item.metadata['help'])
                grid.add_widget(cell, row, column, stretch=1 if column == 1 else 0)
        return grid

    def show(self, params: LACosmicParams, sources: Mapping[str, str]) -> None:
        """Show the values and their sources.

        Parameters
        ----------
        params : LACosmicParams
            The values.
        sources : dict of str
            The source of each value, by the name of the parameter.
        """
        for name, control in self._controls.items():
            value = getattr(params, name)
            control.show(value)
            source = source_label(value, sources[name])
            set_text_wrapped(self.sources[name], source, _LINE_LENGTH)
            self.sources[name].set_tooltip(source)


def _label(text: str) -> Any:
    label = Widgets.Label(text)
    label.set_valign('center')
    return label
