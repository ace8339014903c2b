"""Presentation that only the notebook panel has: its viewer and its save form."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ginga_crplugin.panels.presenter import Presenter

from .worker import has_loop

if TYPE_CHECKING:
    from ginga_crplugin.session.session import Session

    from .controls import Controls
    from .viewer import ViewerAdapter

__all__ = ['NotebookPresenter']


class NotebookPresenter(Presenter):
    """Shows the changes of a session in a notebook.

    Parameters
    ----------
    session : Session
        The session whose changes are shown.
    widgets : Controls
        The widgets of the panel.
    view : ViewerAdapter
        The viewer.
    """

    def __init__(self, session: Session, widgets: Controls, view: ViewerAdapter) -> None:
        super().__init__(session, widgets, view.overlay)
        self._view = view

    def _tick_later(self, seconds: float) -> None:
        if has_loop():
            asyncio.get_running_loop().call_later(seconds, self._tick)

    def show_frame(self) -> None:
        """Show another frame, in the viewer too unless it displays it already."""
        frame = self._session.frame
        self._widgets.cleaned.value = False
        if frame is not None and not self._view.from_viewer:
            self._view.load(frame.ccd)
        super().show_frame()

    def show_result(self) -> None:
        """Show another result, and its cleaned frame if that is displayed."""
        super().show_result()
        if self._widgets.cleaned.value and self._session.result.exact:
            self._widgets.show_cleaned()

    def show_review(self) -> None:
        """Show the review decisions, and the cleaned frame that follows from them if it is displayed."""
        super().show_review()
        if self._widgets.cleaned.value and self._session.result is not None:
            self._widgets.show_cleaned()

    def show_mask_saved(self) -> None:
        """Show where the mask was saved, and clear the message of the save form."""
        super().show_mask_saved()
        self._widgets.save_form.finish()

    def show_session_error(self, message: str) -> None:
        """Show an error of the session, in the save form too if a file was being written.

        Parameters
        ----------
        message : str
            The message.
        """
        super().show_session_error(message)
        self._widgets.save_form.show_error(message)
