"""Dialog that saves the merged mask."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ginga.gw import Widgets

from ginga_crplugin.panels.labels import ADD_CLEANED, DQ_TEXTS, KINDS, OVERWRITE, TIPS, WRITING
from ginga_crplugin.panels.output import default_kind, default_target, save_text
from ginga_crplugin.session.result import Result

from .toolkit import entry_text, set_text_wrapped

__all__ = ['SaveDialog']

_LINE_LENGTH = 80


class SaveDialog:
    """Dialog that asks for the output file and shows what will be written.

    Parameters
    ----------
    parent : Ginga widget
        Parent of the dialog.
    result : Result
        The result to save.
    save : callable
        ``save(path, kind=..., cleaned=..., dq=..., overwrite=...)`` writes the file.
    """

    def __init__(self, parent: Any, result: Result, save: Callable[..., None]) -> None:
        self._save, self._parent = save, parent
        self._frame = result.frame
        self._kinds = {k: v for k, v in KINDS.items() if v != 'into' or result.frame.path is not None}
        self.dialog = Widgets.Dialog(
            title='Save the merged mask', parent=parent, modal=False, buttons=[('Save', 1), ('Cancel', 0)]
        )
        self.dialog.add_callback('activated', self._button_pressed)
        self.dialog.add_callback('close', lambda _: self.delete())
        self._build(self.dialog.get_content_area())
        self._show_output()
        self.dialog.resize(620, 220)
        self.dialog.show()
        if hasattr(self.dialog.get_widget(), 'activateWindow'):  # Qt: give the dialog the keyboard focus
            self.dialog.get_widget().activateWindow()

    def _build(self, box: Any) -> None:
        box.set_border_width(8)
        box.set_spacing(6)
        self.kind = Widgets.ComboBox()
        for kind in self._kinds:
            self.kind.append_text(kind)
        self.kind.set_index(list(self._kinds.values()).index(default_kind(self._frame)))
        self.kind.add_callback('activated', lambda *_: self._show_output())
        self.path = Widgets.TextEntry()
        self.path.set_text(str(default_target(self._frame)))
        self.path.add_callback('activated', lambda *_: self._show_output())
        self.cleaned = Widgets.CheckBox(ADD_CLEANED)
        saved: Any = self._frame.saved
        self.cleaned.set_state(saved is not None and saved.cleaned)
        self.dq = Widgets.ComboBox()
        for text in DQ_TEXTS:
            self.dq.append_text(text)
        self.dq.set_index(list(DQ_TEXTS.values()).index('own' if saved is None else saved.dq))
        self.dq.set_tooltip(TIPS['dq'])
        self.overwrite = Widgets.CheckBox(OVERWRITE)
        for check in (self.cleaned, self.overwrite):
            check.add_callback('activated', lambda *_: self._show_output())
        browse = Widgets.Button('Browse...')
        browse.add_callback('activated', lambda _: self._browse())
        row = Widgets.HBox()
        row.add_widget(self.path, stretch=1)
        row.add_widget(browse, stretch=0)
        self.message = Widgets.Label('')
        for widget in (self.kind, row, self.dq, self.cleaned, self.overwrite, self.message):
            box.add_widget(widget, stretch=0)

    @property
    def selected_kind(self) -> str:
        """The kind of output: ``'new'``, ``'into'`` or ``'mask'``."""
        return list(self._kinds.values())[max(0, self.kind.get_index())]

    def _show_output(self) -> None:
        kind, path = self.selected_kind, self._typed_path
        if kind == 'into' and self._frame.path is not None:
            path = self._frame.path
        self.path.set_enabled(kind != 'into')
        text = save_text(self._frame, kind, path, overwrite=self.overwrite.get_state())
        set_text_wrapped(self.message, text, _LINE_LENGTH)

    @property
    def _typed_path(self) -> Path:
        return Path(entry_text(self.path)).expanduser()

    def _browse(self) -> None:
        self._files = Widgets.FileDialog(title='Save the merged mask as', parent=self._parent)
        self._files.set_mode('save')
        if self._typed_path.parent.is_dir():
            self._files.set_directory(str(self._typed_path.parent))
        self._files.add_callback('activated', self._file_selected)
        self._files.popup()

    def _file_selected(self, _: Any, paths: Sequence[str]) -> None:
        self.path.set_text(str(paths[0]))
        self._show_output()

    def _button_pressed(self, _: Any, save: int) -> None:
        if save:
            self.save()
        else:
            self.delete()

    def save(self) -> None:
        """Write the file with the selected options."""
        kind = self.selected_kind
        self.message.set_text(WRITING)
        path = None if kind == 'into' else self._typed_path
        dq = list(DQ_TEXTS.values())[max(0, self.dq.get_index())]
        self._save(path, kind=kind, cleaned=self.cleaned.get_state(), dq=dq, overwrite=self.overwrite.get_state())

    def show_error(self, message: str) -> None:
        """Show why the file was not written; the dialog stays open.

        Parameters
        ----------
        message : str
            The error message.
        """
        set_text_wrapped(self.message, message, _LINE_LENGTH)

    def delete(self) -> None:
        """Close and delete the dialog."""
        if self.dialog is not None:
            dialog, self.dialog = self.dialog, None
            dialog.hide()
            dialog.delete()
