"""The room of the save dialog in Ginga: where to, what will be written, and what may be replaced."""

from pathlib import Path

from ginga.gw import Widgets

from ginga_crplugin.panels.text import KINDS, default_kind, default_target, save_text

from .toolkit import entry_text, set_text_wrapped

__all__ = ['SaveDialog']

_WIDE = 80


class SaveDialog:
    """Asks where the merged mask shall go, and shows what will be written.

    Parameters
    ----------
    parent : Ginga widget
    result : Result
        What is to be saved.
    save : callable
        ``save(path, kind=..., cleaned=..., overwrite=...)``.
    """

    def __init__(self, parent, result, save):
        self._save, self._parent = save, parent
        self._frame = result.frame
        self._kinds = {k: v for k, v in KINDS.items() if v != 'into' or result.frame.path is not None}
        self._dialog = Widgets.Dialog(
            title='Save the merged mask', parent=parent, modal=False, buttons=[('Save', 1), ('Cancel', 0)]
        )
        self._dialog.add_callback('activated', self._answered)
        self._dialog.add_callback('close', lambda _: self.delete())
        self._build(self._dialog.get_content_area())
        self._show()
        self._dialog.resize(620, 220)
        self._dialog.show()
        if hasattr(self._dialog.get_widget(), 'activateWindow'):  # Qt: the keys go to the dialog
            self._dialog.get_widget().activateWindow()

    def _build(self, box):
        box.set_border_width(8)
        box.set_spacing(6)
        self.kind = Widgets.ComboBox()
        for kind in self._kinds:
            self.kind.append_text(kind)
        self.kind.set_index(list(self._kinds.values()).index(default_kind(self._frame)))
        self.kind.add_callback('activated', lambda *_: self._show())
        self.path = Widgets.TextEntry()
        self.path.set_text(str(default_target(self._frame)))
        self.path.add_callback('activated', lambda *_: self._show())
        self.cleaned = Widgets.CheckBox('add the cleaned image (CLEANED)')
        self.cleaned.set_state(self._frame.saved is not None and self._frame.saved.cleaned)  # as it was
        self.overwrite = Widgets.CheckBox('replace what is there')
        for check in (self.cleaned, self.overwrite):
            check.add_callback('activated', lambda *_: self._show())
        browse = Widgets.Button('Browse...')
        browse.add_callback('activated', lambda _: self._browse())
        row = Widgets.HBox()
        row.add_widget(self.path, stretch=1)
        row.add_widget(browse, stretch=0)
        self.message = Widgets.Label('')
        for widget in (self.kind, row, self.cleaned, self.overwrite, self.message):
            box.add_widget(widget, stretch=0)

    @property
    def chosen(self):
        """What is to be saved: new, into or mask."""
        return list(self._kinds.values())[max(0, self.kind.get_index())]

    def _show(self):
        into = self.chosen == 'into'
        path = self._frame.path if into else self._target
        self.path.set_enabled(not into)
        words = save_text(self._frame, self.chosen, path, overwrite=self.overwrite.get_state())
        set_text_wrapped(self.message, words, _WIDE)

    @property
    def _target(self):
        return Path(entry_text(self.path)).expanduser()

    def _browse(self):
        self._files = Widgets.FileDialog(title='Save the merged mask as', parent=self._parent)
        self._files.set_mode('save')
        if self._target.parent.is_dir():
            self._files.set_directory(str(self._target.parent))
        self._files.add_callback('activated', self._browsed)
        self._files.popup()

    def _browsed(self, _, paths):
        self.path.set_text(str(paths[0]))
        self._show()

    def _answered(self, _, save):
        if save:
            self.save()
        else:
            self.delete()

    def save(self):
        """Save the mask with what is chosen."""
        self.message.set_text('writing...')
        path = None if self.chosen == 'into' else self._target
        self._save(path, kind=self.chosen, cleaned=self.cleaned.get_state(), overwrite=self.overwrite.get_state())

    def show_error(self, message):
        """Say why it was not saved; all that was chosen stays."""
        set_text_wrapped(self.message, message, _WIDE)

    def delete(self):
        """Take the dialog away."""
        if self._dialog is not None:
            dialog, self._dialog = self._dialog, None
            dialog.hide()
            dialog.delete()
