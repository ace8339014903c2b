"""File, color and save dialogs, one at a time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ginga.gw import Widgets

from ginga_crplugin.session.result import Result

from .save_dialog import SaveDialog
from .toolkit import delete_dialog

__all__ = ['FITS', 'YAML', 'Dialogs']

#: Name and extension of the file types in file dialogs.
FITS = (('FITS', 'fits'), ('FITS', 'fit'), ('FITS', 'fts'), ('FITS', 'gz'), ('FITS', 'fz'))
YAML = (('YAML', 'yaml'), ('YAML', 'yml'))


class Dialogs:
    """The dialogs of the panel; opening one closes the previous one.

    Parameters
    ----------
    parent : Ginga widget
        Parent of the dialogs.

    Attributes
    ----------
    shown : Ginga dialog, SaveDialog or None
        The dialog that was opened last.
    """

    def __init__(self, parent: Any) -> None:
        self._parent = parent
        self.shown: Any = None

    def close(self) -> None:
        """Close the dialog, if there is one."""
        if self.shown is not None:
            delete_dialog(self.shown)
            self.shown = None

    def ask_files(
        self,
        title: str,
        mode: str,
        chosen: Callable[[Path], Any],
        *,
        file_types: Sequence[tuple[str, str]] = (),
        folder: Path | None = None,
    ) -> None:
        """Open a file dialog.

        Parameters
        ----------
        title : str
            Title of the dialog.
        mode : {'file', 'files', 'save'}
            Whether the user selects an existing file, several, or a new one.
        chosen : callable
            ``chosen(path)`` is called for each selected file.
        file_types : sequence of (str, str), optional
            Name and extension of the listed file types; by default all files are listed.
        folder : `~pathlib.Path`, optional
            The folder that is shown first.
        """
        self.close()
        self.shown = Widgets.FileDialog(title=title, parent=self._parent)
        self.shown.set_mode(mode)
        for name, extension in file_types:
            self.shown.add_ext_filter(name, extension)
        if folder is not None:
            self.shown.set_directory(str(folder))
        self.shown.add_callback('activated', lambda _, paths: [chosen(Path(path)) for path in paths])
        self.shown.popup()

    def ask_color(self, title: str, color: str, chosen: Callable[[Any], Any]) -> None:
        """Open a color dialog.

        Parameters
        ----------
        title : str
            Title of the dialog.
        color : str
            The color that is selected first.
        chosen : callable
            ``chosen(color)`` is called with a hex string or a tuple of floats from 0 to 1.
        """
        self.close()
        self.shown = Widgets.ColorDialog(title=title, parent=self._parent)
        self.shown.set_color(color)
        self.shown.add_callback('activated', lambda _, color: chosen(color))
        self.shown.popup()

    def ask_save(self, result: Result, save: Callable[..., None]) -> None:
        """Open the save dialog.

        Parameters
        ----------
        result : Result
            The result to save.
        save : callable
            ``save(path, kind=..., cleaned=..., dq=..., overwrite=...)`` writes the file.
        """
        self.close()
        self.shown = SaveDialog(self._parent, result, save)

    @property
    def saving(self) -> SaveDialog | None:
        """The save dialog, if it is the one that was opened last."""
        return self.shown if isinstance(self.shown, SaveDialog) else None
