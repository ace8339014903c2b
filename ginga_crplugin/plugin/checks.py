"""List of checks in the panel, with a button for each remedy."""

from ginga.gw import Widgets

from ginga_crplugin.core.diagnostics.check import MARKS
from ginga_crplugin.panels.text import check_text, count_marks

from .toolkit import set_tab_order, set_text_wrapped

__all__ = ['CheckList']

_COLORS = {'ok': '#2e7d32', 'warning': '#9a6700', 'error': '#b00020'}
_WIDE = 60


class CheckList:
    """A line that counts the checks, and folds out to all of them.

    Parameters
    ----------
    remedy : callable
        ``remedy(remedy)`` does what a check advises.
    """

    def __init__(self, remedy):
        self._apply = remedy
        self._open = False
        self._cures = []
        self._worst = 'ok'
        self.button = Widgets.Button('Checks')
        self.button.set_tooltip('What speaks against running L.A.Cosmic on this frame as it stands.')
        self.button.add_callback('activated', lambda _: self.fold_out(not self._open))
        self.box = Widgets.VBox()
        self.box.set_spacing(2)
        self.box.hide()

    def fold_out(self, open_):
        """Show all checks, or the line that counts them alone."""
        self._open = open_
        (self.box.show if open_ else self.box.hide)()

    @property
    def last(self):
        """The last of its buttons."""
        return [self.button, *self._cures][-1]

    def show(self, checks):
        """Show checks (`Check`); the list unfolds when the first error appears."""
        self.button.set_text(f'Checks: {count_marks(checks)}' if checks else 'Checks')
        self.box.remove_all(delete=True)
        self._cures = []
        for check in sorted(checks, key=lambda check: MARKS.index(check.mark), reverse=True):
            self._add(check)
        set_tab_order(self.button, *self._cures)
        worst = 'error' if any(check.mark == 'error' for check in checks) else 'ok'
        if worst != self._worst:
            self.fold_out(worst == 'error')
        self._worst = worst

    def _add(self, check):
        label = Widgets.Label('')
        set_text_wrapped(label, check_text(check), _WIDE)
        label.set_color(fg=_COLORS[check.mark])
        self.box.add_widget(label, stretch=0)
        if check.remedy is not None:
            button = Widgets.Button(check.remedy.name)
            button.add_callback('activated', lambda _, remedy=check.remedy: self._apply(remedy))
            self._cures.append(button)
            row = Widgets.HBox()
            row.add_widget(button, stretch=0)
            row.add_widget(Widgets.Label(''), stretch=1)
            self.box.add_widget(row, stretch=0)
