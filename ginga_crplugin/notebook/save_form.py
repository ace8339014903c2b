"""The room of saving in a notebook: where to, what will be written, and what may be replaced."""

from html import escape
from pathlib import Path

import ipywidgets as w

from ginga_crplugin.panels.text import KINDS, TIPS, default_kind, default_target, save_text

__all__ = ['SaveForm']


class SaveForm:
    """The widgets that ask where the merged mask shall go.

    Parameters
    ----------
    save : callable
        ``save(path, kind=..., cleaned=..., overwrite=...)``.
    """

    def __init__(self, save):
        self._save = save
        self._frame, self._writing = None, False
        wide = w.Layout(width='auto', flex='1 1 auto')
        self.kind = w.Dropdown(options=KINDS, layout=wide, tooltip='What is written.')
        self.path = w.Text(layout=wide, tooltip='The file that is written.', continuous_update=True)
        self.cleaned = w.Checkbox(description='add the cleaned image', indent=False, layout=w.Layout(width='auto'))
        self.overwrite = w.Checkbox(description='replace what is there', indent=False, layout=w.Layout(width='auto'))
        for widget in (self.kind, self.path, self.overwrite):
            widget.observe(lambda _: self._show(), 'value')
        self.button = w.Button(description='Save', tooltip=TIPS['save'], layout=w.Layout(width='72px'))
        self.button.on_click(lambda _: self._clicked())
        self.message = w.HTML()
        rows = [self.kind], [self.path, self.button], [self.cleaned, self.overwrite], [self.message]
        self.widgets = [w.HBox(row, layout=w.Layout(align_items='center', flex_flow='row wrap')) for row in rows]
        self.widgets[1].layout.flex_flow = 'row'

    def set_frame(self, frame):
        """Offer a place for the mask of another frame."""
        self._frame = frame
        kinds = {words: kind for words, kind in KINDS.items() if kind != 'into' or (frame and frame.path is not None)}
        if len(self.kind.options) != len(kinds):
            self.kind.options = kinds
        self.path.value = '' if frame is None else str(default_target(frame))
        self.kind.value = default_kind(frame)
        self.overwrite.value = False  # what was said of another file
        self.cleaned.value = frame is not None and frame.saved is not None and frame.saved.cleaned  # as it was
        self._show()

    @property
    def target(self):
        """The file that will be written."""
        return self._frame.path if self.kind.value == 'into' else Path(self.path.value).expanduser()

    def _show(self):
        self.path.disabled = self.kind.value == 'into'
        if self._frame is None:
            self.message.value = ''
        else:
            self.say(save_text(self._frame, self.kind.value, self.target, overwrite=self.overwrite.value))

    def say(self, words):
        """Show a line of words."""
        self.message.value = f'<span class="crp-soft">{escape(words)}</span>'

    def done(self):
        """Show that it was written."""
        self._writing = False
        self.say('')

    def show_error(self, message):
        """Say here too why it was not saved, if that is what went wrong."""
        if self._writing:
            self._writing = False
            self.message.value = f'<span class="crp-wrong">{escape(message)}</span>'

    def _clicked(self):
        self._writing = True
        self.say('writing...')
        path = None if self.kind.value == 'into' else self.target
        self._save(path, kind=self.kind.value, cleaned=self.cleaned.value, overwrite=self.overwrite.value)
