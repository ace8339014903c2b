"""List of checks in the panel, with a button for each remedy."""

from collections.abc import Callable, Sequence
from typing import Any

from ginga.gw import Widgets

from ginga_crplugin.core.diagnostics.check import MARKS, Check, Remedy
from ginga_crplugin.panels.labels import TIPS
from ginga_crplugin.panels.text import check_text, count_marks

from .toolkit import set_tab_order, set_text_wrapped

__all__ = ['CheckList']

_COLORS = {'ok': '#2e7d32', 'warning': '#9a6700', 'error': '#b00020'}
_LINE_LENGTH = 60


class CheckList:
    """Button with the number of checks of each mark, and the list of checks that it opens and closes.

    Parameters
    ----------
    apply_remedy : callable
        ``apply_remedy(remedy)`` applies the remedy of a check.

    Attributes
    ----------
    button, box : Ginga widget
        The button and the list.
    """

    def __init__(self, apply_remedy: Callable[[Remedy], None]) -> None:
        self._apply = apply_remedy
        self._expanded = False
        self._remedy_buttons: list[Any] = []
        self._worst = 'ok'
        self.button = Widgets.Button('Checks')
        self.button.set_tooltip(TIPS['checks'])
        self.button.add_callback('activated', lambda _: self.expand(expanded=not self._expanded))
        self.box = Widgets.VBox()
        self.box.set_spacing(2)
        self.box.hide()

    def expand(self, *, expanded: bool) -> None:
        """Open or close the list.

        Parameters
        ----------
        expanded : bool
            Whether the list is open.
        """
        self._expanded = expanded
        (self.box.show if expanded else self.box.hide)()

    @property
    def last(self) -> Any:
        """The last of the buttons, in tab order."""
        return [self.button, *self._remedy_buttons][-1]

    def show(self, checks: Sequence[Check]) -> None:
        """Show checks, errors first; the list opens when the first error appears.

        Parameters
        ----------
        checks : sequence of Check
            The checks.
        """
        self.button.set_text(f'Checks: {count_marks(checks)}' if checks else 'Checks')
        self.box.remove_all(delete=True)
        self._remedy_buttons = []
        for check in sorted(checks, key=lambda check: MARKS.index(check.mark), reverse=True):
            self._add(check)
        set_tab_order(self.button, *self._remedy_buttons)
        worst = 'error' if any(check.mark == 'error' for check in checks) else 'ok'
        if worst != self._worst:
            self.expand(expanded=worst == 'error')
        self._worst = worst

    def _add(self, check: Check) -> None:
        label = Widgets.Label('')
        set_text_wrapped(label, check_text(check), _LINE_LENGTH)
        label.set_color(fg=_COLORS[check.mark])
        self.box.add_widget(label, stretch=0)
        if check.remedy is not None:
            button = Widgets.Button(check.remedy.name)
            button.add_callback('activated', lambda _, remedy=check.remedy: self._apply(remedy))
            self._remedy_buttons.append(button)
            row = Widgets.HBox()
            row.add_widget(button, stretch=0)
            row.add_widget(Widgets.Label(''), stretch=1)
            self.box.add_widget(row, stretch=0)
