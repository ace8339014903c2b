"""Presentation that only the panel in Ginga has: its dialogs, timer and additional buttons."""

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
        The session whose changes are shown.
    widgets : Panel
        The widgets of the panel.
    overlay : MaskOverlay
        The overlay on the image.
    dialogs : Dialogs
        The dialogs; the save dialog shows an error, or is closed after saving.
    timer : `ginga.qtw.QtHelp.Timer`
        A timer of the toolkit, for the progress.
    """

    def __init__(self, session: Session, widgets: Panel, overlay: MaskOverlay, dialogs: Dialogs, timer: Any) -> None:
        super().__init__(session, widgets, overlay)
        self._dialogs, self._timer = dialogs, timer
        timer.add_callback('expired', lambda _: self._tick())
        widgets.show_progress(None)

    def close(self) -> None:
        """Disconnect from the events of the session, and stop the timer."""
        super().close()
        self._timer.stop()

    def _tick_later(self, seconds: float) -> None:
        self._timer.start(seconds)

    def show_frame(self) -> None:
        """Show another frame, and close the save dialog of the previous one."""
        super().show_frame()
        self._close_save_dialog()

    def show_mask_saved(self) -> None:
        """Show where the mask was saved, and close the save dialog."""
        super().show_mask_saved()
        self._close_save_dialog()

    def _close_save_dialog(self) -> None:
        if self._dialogs.saving:
            self._dialogs.close()

    def show_session_error(self, message: str) -> None:
        """Show an error of the session, in the save dialog too if it is open.

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
            'show_saved': '' if saved else 'Save the mask first.',
        }
