"""The room of the dialogs in Ginga: one at a time, for files, for colors and for the mask."""

from pathlib import Path

from ginga.gw import Widgets

from .save_dialog import SaveDialog
from .toolkit import delete_dialog

__all__ = ['FITS', 'YAML', 'Dialogs']

#: Endings that are offered, and what they are called.
FITS = (('FITS', 'fits'), ('FITS', 'fit'), ('FITS', 'fts'), ('FITS', 'gz'), ('FITS', 'fz'))
YAML = (('YAML', 'yaml'), ('YAML', 'yml'))


class Dialogs:
    """Asks the user; what is still open makes room for the next.

    Parameters
    ----------
    parent : Ginga widget

    Attributes
    ----------
    shown : Ginga dialog or SaveDialog or None
        The dialog that was opened last.
    """

    def __init__(self, parent):
        self._parent, self.shown = parent, None

    def close(self):
        """Take the dialog away."""
        if self.shown is not None:
            delete_dialog(self.shown)
            self.shown = None

    def ask_files(self, title, mode, chosen, *, endings=(), folder=None):
        """Ask for files.

        Parameters
        ----------
        title : str
        mode : {'file', 'files', 'save'}
            One that is there, some, or one that is to be written.
        chosen : callable
            ``chosen(path)`` is called for each.
        endings : sequence of (str, str), optional
            What is offered.
        folder : `~pathlib.Path`, optional
            Where the user looks first.
        """
        self.close()
        self.shown = Widgets.FileDialog(title=title, parent=self._parent)
        self.shown.set_mode(mode)
        for name, ending in endings:
            self.shown.add_ext_filter(name, ending)
        if folder is not None:
            self.shown.set_directory(str(folder))
        self.shown.add_callback('activated', lambda _, paths: [chosen(Path(path)) for path in paths])
        self.shown.popup()

    def ask_color(self, title, color, chosen):
        """Ask for a color, beginning with one; ``chosen(color)`` is called with a hex string or a tuple, 0 to 1."""
        self.close()
        self.shown = Widgets.ColorDialog(title=title, parent=self._parent)
        self.shown.set_color(color)
        self.shown.add_callback('activated', lambda _, color: chosen(color))
        self.shown.popup()

    def ask_save(self, result, save):
        """Ask where to save, and show what will be written (see `SaveDialog`)."""
        self.close()
        self.shown = SaveDialog(self._parent, result, save)

    @property
    def saving(self):
        """The dialog of `ask_save`, if it is the one that is shown."""
        return self.shown if isinstance(self.shown, SaveDialog) else None
