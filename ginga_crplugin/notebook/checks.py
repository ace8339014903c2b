"""The room of the checks in a notebook: what speaks against the frame or the result, and a button for each remedy."""

from html import escape

import ipywidgets as w

from ginga_crplugin.core.diagnostics.check import MARKS
from ginga_crplugin.panels.text import check_text, count_marks

__all__ = ['CheckList']

STYLE = """
.crp .crp-warning {color: var(--jp-warn-color0, #9a6700);}
.crp .crp-ok {color: var(--jp-success-color0, #2e7d32);}
.crp .crp-error {color: #b00020;}
"""

_CLASSES = {'ok': 'crp-ok', 'warning': 'crp-warning', 'error': 'crp-error'}


class CheckList:
    """A line that counts the checks, and folds out to all of them.

    Parameters
    ----------
    remedy : callable
        ``remedy(remedy)`` does what a check advises.
    """

    def __init__(self, remedy):
        self._apply = remedy
        self._worst = 'ok'
        self.button = w.ToggleButton(description='Checks', icon='caret-right', layout=w.Layout(width='auto'))
        self.button.tooltip = 'What speaks against running L.A.Cosmic on this frame as it stands.'
        self.button.observe(lambda change: self._fold(change['new']), 'value')
        self.box = w.VBox()
        self._fold(False)  # noqa: FBT003

    def _fold(self, open_):
        self.box.layout.display = 'flex' if open_ else 'none'
        self.button.icon = 'caret-down' if open_ else 'caret-right'

    def show(self, checks):
        """Show checks (`Check`); the list unfolds when the first error appears."""
        self.button.description = f'Checks: {count_marks(checks)}' if checks else 'Checks'
        order = sorted(checks, key=lambda check: MARKS.index(check.mark), reverse=True)
        self.box.children = [widget for check in order for widget in self._widgets(check)]
        worst = 'error' if any(check.mark == 'error' for check in checks) else 'ok'
        if worst != self._worst:
            self.button.value = worst == 'error'
        self._worst = worst

    def _widgets(self, check):
        yield w.HTML(f'<span class="{_CLASSES[check.mark]}">{escape(check_text(check))}</span>')
        if check.remedy is not None:
            button = w.Button(description=check.remedy.name)
            button.on_click(lambda _: self._apply(check.remedy))
            yield button
