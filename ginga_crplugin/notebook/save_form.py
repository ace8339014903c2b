"""Form that saves the merged mask."""

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.panels.labels import ADD_CLEANED, DQ_TEXTS, KINDS, OVERWRITE, TIPS, WRITING
from ginga_crplugin.panels.output import default_kind, default_target, save_text

__all__ = ['SaveForm']


class SaveForm:
    """Widgets that ask for the output file and show what will be written.

    Parameters
    ----------
    save : callable
        ``save(path, kind=..., cleaned=..., dq=..., overwrite=...)`` writes the file.

    Attributes
    ----------
    widgets : list of ipywidgets widget
        The rows of the form.
    """

    def __init__(self, save: Callable[..., None]) -> None:
        self._save = save
        self._frame: Frame | None = None
        self._writing = False
        wide = w.Layout(width='auto', flex='1 1 auto')
        self.kind = w.Dropdown(options=KINDS, layout=wide, tooltip='What is written.')
        self.path = w.Text(layout=wide, tooltip='Path of the output file.', continuous_update=True)
        self.cleaned = w.Checkbox(description=ADD_CLEANED, indent=False, layout=w.Layout(width='auto'))
        self.overwrite = w.Checkbox(description=OVERWRITE, indent=False, layout=w.Layout(width='auto'))
        self.dq = w.Dropdown(options=DQ_TEXTS, layout=w.Layout(width='170px'), tooltip=TIPS['dq'])
        for widget in (self.kind, self.path, self.overwrite):
            widget.observe(lambda _: self._show_output(), 'value')
        self.button = w.Button(description='Save', tooltip=TIPS['save'], layout=w.Layout(width='72px'))
        self.button.on_click(lambda _: self._save_clicked())
        self.message = w.HTML()
        rows = [self.kind, self.dq], [self.path, self.button], [self.cleaned, self.overwrite], [self.message]
        self.widgets = [w.HBox(row, layout=w.Layout(align_items='center', flex_flow='row wrap')) for row in rows]
        self.widgets[1].layout.flex_flow = 'row'

    def set_frame(self, frame: Frame | None) -> None:
        """Set the frame, and fill in its default output.

        Parameters
        ----------
        frame : Frame or None
            The frame; None without an image.
        """
        self._frame = frame
        kinds = {text: kind for text, kind in KINDS.items() if kind != 'into' or (frame and frame.path is not None)}
        if len(self.kind.options) != len(kinds):
            self.kind.options = kinds
        self.path.value = '' if frame is None else str(default_target(frame))
        self.kind.value = default_kind(frame)
        self.overwrite.value = False  # it was meant for the previous file
        saved: Any = None if frame is None else frame.saved
        self.cleaned.value = saved is not None and saved.cleaned
        self.dq.value = 'own' if saved is None else saved.dq
        self._show_output()

    @property
    def target(self) -> Path:
        """The output file."""
        if self.kind.value == 'into' and self._frame is not None and self._frame.path is not None:
            return self._frame.path
        return Path(self.path.value).expanduser()

    def _show_output(self) -> None:
        self.path.disabled = self.kind.value == 'into'
        if self._frame is None:
            self.message.value = ''
        else:
            text = save_text(self._frame, self.kind.value, self.target, overwrite=self.overwrite.value)
            self._show_message(text)

    def _show_message(self, text: str) -> None:
        self.message.value = f'<span class="crp-soft">{escape(text)}</span>'

    def finish(self) -> None:
        """Clear the message after the file was written."""
        self._writing = False
        self._show_message('')

    def show_error(self, message: str) -> None:
        """Show an error if a file was being written.

        Parameters
        ----------
        message : str
            The error message.
        """
        if self._writing:
            self._writing = False
            self.message.value = f'<span class="crp-wrong">{escape(message)}</span>'

    def _save_clicked(self) -> None:
        self._writing = True
        self._show_message(WRITING)
        path = None if self.kind.value == 'into' else self.target
        options = {name: getattr(self, name).value for name in ('kind', 'cleaned', 'dq', 'overwrite')}
        self._save(path, **options)
