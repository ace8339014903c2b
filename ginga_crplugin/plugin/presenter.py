"""What only the panel in Ginga shows: its dialogs, its timer, and buttons of its own."""

from ginga_crplugin.panels.presenter import Presenter

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

    def __init__(self, session, widgets, overlay, dialogs, timer):
        super().__init__(session, widgets, overlay)
        self._dialogs, self._timer = dialogs, timer
        timer.add_callback('expired', lambda _: self._tick())
        widgets.show_progress(None)

    def close(self):
        """Show nothing any more."""
        super().close()
        self._timer.stop()

    def _tick_later(self, seconds):
        self._timer.start(seconds)

    def show_frame(self):
        """Show another frame; a dialog that saves the one before is closed."""
        super().show_frame()
        self._close_save_dialog()

    def show_mask_saved(self):
        """Show where the mask was saved, and close the dialog."""
        super().show_mask_saved()
        self._close_save_dialog()

    def _close_save_dialog(self):
        if self._dialogs.saving:
            self._dialogs.close()

    def show_session_error(self, message):
        """Show an error of the session, in the dialog too if it saves."""
        super().show_session_error(message)
        self._widgets.show_frame(self._session.frame)
        if self._dialogs.saving:
            self._dialogs.saving.show_error(message)

    def _reasons(self):
        reasons = super()._reasons()
        saved = self._session.review.saved_mask
        return reasons | {
            'blink': reasons['cleaned'],
            'sheet': reasons['cleaned'],
            'show_saved': '' if saved else 'Nothing was saved yet.',
        }
