"""List of checks in the notebook panel, with a button for each remedy."""

from collections.abc import Callable, Iterator, Sequence
from html import escape

import ipywidgets as w

from ginga_crplugin.core.diagnostics.check import MARKS, Check, Remedy
from ginga_crplugin.panels.labels import TIPS
from ginga_crplugin.panels.text import check_text, count_marks

__all__ = ['STYLE', 'CheckList']

#: Style sheet of the list.
STYLE = """
.crp .crp-warning {color: var(--jp-warn-color0, #9a6700);}
.crp .crp-ok {color: var(--jp-success-color0, #2e7d32);}
.crp .crp-error {color: #b00020;}
"""


class CheckList:
    """Button with the number of checks of each mark, and the list of checks that it opens and closes.

    Parameters
    ----------
    apply_remedy : callable
        ``apply_remedy(remedy)`` applies the remedy of a check.

    Attributes
    ----------
    button, box : ipywidgets widget
        The button and the list.
    """

    def __init__(self, apply_remedy: Callable[[Remedy], None]) -> None:
        self._apply = apply_remedy
        self._worst = 'ok'
        self.button = w.ToggleButton(description='Checks', icon='caret-right', layout=w.Layout(width='auto'))
        self.button.tooltip = TIPS['checks']
        self.button.observe(lambda change: self._expand(expanded=change['new']), 'value')
        self.box = w.VBox()
        self._expand(expanded=False)

    def _expand(self, *, expanded: bool) -> None:
        self.box.layout.display = 'flex' if expanded else 'none'
        self.button.icon = 'caret-down' if expanded else 'caret-right'

    def show(self, checks: Sequence[Check]) -> None:
        """Show checks, errors first; the list opens when the first error appears.

        Parameters
        ----------
        checks : sequence of Check
            The checks.
        """
        self.button.description = f'Checks: {count_marks(checks)}' if checks else 'Checks'
        order = sorted(checks, key=lambda check: MARKS.index(check.mark), reverse=True)
        self.box.children = [widget for check in order for widget in self._widgets(check)]
        worst = 'error' if any(check.mark == 'error' for check in checks) else 'ok'
        if worst != self._worst:
            self.button.value = worst == 'error'
        self._worst = worst

    def _widgets(self, check: Check) -> Iterator[w.Widget]:
        yield w.HTML(f'<span class="crp-{check.mark}">{escape(check_text(check))}</span>')
        if check.remedy is not None:
            button = w.Button(description=check.remedy.name)
            button.on_click(lambda _, remedy=check.remedy: self._apply(remedy))
            yield button
