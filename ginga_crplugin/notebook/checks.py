"""The room of the checks in a notebook: what speaks against the frame or the result, and a button for each remedy."""

from html import escape

import ipywidgets as w

from ginga_crplugin.panels.text import check_in_words

__all__ = ['Checks']

_WORDS = {'fine': 'fine', 'look': 'to look at', 'wrong': 'wrong'}

STYLE = """
.crp .crp-look {color: var(--jp-warn-color0, #9a6700);}
.crp .crp-fine {color: var(--jp-success-color0, #2e7d32);}
.crp .crp-bad {color: #b00020;}
"""

_CLASSES = {'fine': 'crp-fine', 'look': 'crp-look', 'wrong': 'crp-bad'}


class Checks:
    """A line that counts the checks, and folds out to all of them.

    Parameters
    ----------
    remedy : callable
        ``remedy(remedy)`` does what a check advises.
    """

    def __init__(self, remedy):
        self._apply = remedy
        self._worst = 'fine'
        self.button = w.ToggleButton(description='Checks', icon='caret-right', layout=w.Layout(width='auto'))
        self.button.tooltip = 'What speaks against running L.A.Cosmic on this frame as it stands.'
        self.button.observe(lambda change: self._fold(change['new']), 'value')
        self.box = w.VBox()
        self._fold(False)  # noqa: FBT003

    def _fold(self, open_):
        self.box.layout.display = 'flex' if open_ else 'none'
        self.button.icon = 'caret-down' if open_ else 'caret-right'

    def show(self, checks):
        """Show checks (`Check`); they unfold when one is newly wrong."""
        counts = {mark: sum(check.mark == mark for check in checks) for mark in _WORDS}
        words = ', '.join(f'{count} {_WORDS[mark]}' for mark, count in counts.items() if count)
        self.button.description = f'Checks: {words}' if checks else 'Checks'
        order = sorted(checks, key=lambda check: list(_WORDS).index(check.mark), reverse=True)
        self.box.children = [widget for check in order for widget in self._widgets(check)]
        worst = 'wrong' if counts['wrong'] else 'fine'
        if worst != self._worst:
            self.button.value = worst == 'wrong'
        self._worst = worst

    def _widgets(self, check):
        yield w.HTML(f'<span class="{_CLASSES[check.mark]}">{escape(check_in_words(check))}</span>')
        if check.remedy is not None:
            button = w.Button(description=check.remedy.name)
            button.on_click(lambda _: self._apply(check.remedy))
            yield button
