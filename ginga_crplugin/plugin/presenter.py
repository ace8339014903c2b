"""What only the panel in Ginga shows: its dialogs, its timer, and buttons of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ginga_crplugin.panels.presenter import Presenter

if TYPE_CHECKING:
    from ginga_crplugin.panels.mask_overlay import MaskOverlay
    from ginga_crplugin.session.session import Session

    from .dialogs import Dialogs
    from .panel import Panel

__all__ = ['GingaPresenter']


class GingaPresenter(Presenter):
    """Shows the changes of a session in Ginga, as long as the panel is open.

    Parameters
    ----------
    session : Session
        Its events are shown.
    widgets : Panel
        The widgets of the panel.
    overlay : MaskOverlay
        What is drawn on the image.
    dialogs : Dialogs
        A dialog that saves is closed or shows why it failed.
    timer : `ginga.qtw.QtHelp.Timer`
        A timer of any toolkit, for the progress.
    """

    def __init__(self, session: Session, widgets: Panel, overlay: MaskOverlay, dialogs: Dialogs, timer: Any) -> None:
        super().__init__(session, widgets, overlay)
        self._dialogs, self._timer = dialogs, timer
        timer.add_callback('expired', lambda _: self._tick())
        widgets.show_progress(None)

    def close(self) -> None:
        """Show nothing any more."""
        super().close()
        self._timer.stop()

    def _tick_later(self, seconds: float) -> None:
        self._timer.start(seconds)

    def show_frame(self) -> None:
        """Show another frame; a dialog that saves the one before is closed."""
        super().show_frame()
        self._close_save_dialog()

    def show_mask_saved(self) -> None:
        """Show where the mask was saved, and close the dialog."""
        super().show_mask_saved()
        self._close_save_dialog()

    def _close_save_dialog(self) -> None:
        if self._dialogs.saving:
            self._dialogs.close()

    def show_session_error(self, message: str) -> None:
        """Show an error of the session, in the dialog too if it saves.

        Parameters
        ----------
        message : str
            The message.
        """
        super().show_session_error(message)
        self._widgets.show_frame(self._session.frame)
        if self._dialogs.saving:
            self._dialogs.saving.show_error(message)

    def _reasons(self) -> dict[str, str]:
        reasons = super()._reasons()
        saved = self._session.review.saved_mask
        return reasons | {
            'blink': reasons['cleaned'],
            'sheet': reasons['cleaned'],
            'show_saved': '' if saved else 'Nothing was saved yet.',
        }
