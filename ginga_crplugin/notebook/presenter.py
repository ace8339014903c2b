"""The room of what the notebook's panel alone shows of the session: the image in its viewer, and its save form."""

import asyncio

from ginga_crplugin.panels.presenter import Display

from .convert import cleaned_ccd
from .worker import has_loop

__all__ = ['NotebookDisplay']


class NotebookDisplay(Display):
    """Shows what the session says.

    Parameters
    ----------
    session : Session
    view : View
    controls : Controls
    """

    def __init__(self, session, view, controls):
        super().__init__(session, controls, view.overlay)
        self._view = view

    def _tick_later(self, seconds):
        if has_loop():
            asyncio.get_running_loop().call_later(seconds, self._tick)

    def _heard_frame(self):
        frame = self._session.frame
        self._panel.cleaned.value = False
        self._panel.draw.value = 'off'
        if frame is not None and not self._view.taken:
            self._view.load(frame.ccd)
        super()._heard_frame()

    def _heard_result(self):
        super()._heard_result()
        result = self._session.result
        if self._panel.cleaned.value and result.exact:
            self._view.show_instead(cleaned_ccd(result, self._session.decisions))

    def _heard_saved(self):
        super()._heard_saved()
        self._panel.save.done()

    def _heard_error(self):
        super()._heard_error()
        self._panel.save.show_error(self._session.error)
