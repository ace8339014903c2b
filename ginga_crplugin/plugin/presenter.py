"""The room of what Ginga's panel alone shows of the session: its dialogs, its timer, and buttons of its own."""

from ginga_crplugin.panels.presenter import Display
from ginga_crplugin.panels.text import TIPS, disabled_reasons

__all__ = ['GingaDisplay']

#: What the buttons do that are in Ginga alone, or do something else there.
_TIPS = {
    'blink': TIPS['cleaned'],
    'cleaned': 'Show the cleaned frame as a new image here.',
    'draw': TIPS['draw'] + ' A polygon takes a corner at key v.',
    'sheet': 'Draw all segments in the list, each beside itself, into a PDF or PNG.',
    'show_saved': 'Open the mask that was written.',
}


class GingaDisplay(Display):
    """Shows what the session says, as long as the panel is open.

    Parameters
    ----------
    session : Session
    panel : Panel
    overlay : MaskOverlay
    dialogs : Dialogs
    timer : Ginga timer
        It is this one's own.
    """

    def __init__(self, session, panel, overlay, dialogs, timer):
        super().__init__(session, panel, overlay)
        self._dialogs, self._timer = dialogs, timer
        timer.add_callback('expired', lambda _: self._tick())
        panel.show_progress(None)

    def close(self):
        """Show nothing any more."""
        self._timer.stop()

    def _tick_later(self, seconds):
        self._timer.start(seconds)

    def _heard_frame(self):
        super()._heard_frame()
        if self._dialogs.saving:  # it names the file of the image before
            self._dialogs.close()

    def _heard_saved(self):
        super()._heard_saved()
        if self._dialogs.saving:
            self._dialogs.close()

    def _heard_error(self):
        super()._heard_error()
        self._panel.show_frame(self._session.frame)
        if self._dialogs.saving:
            self._dialogs.saving.show_error(self._session.error)

    def _show_disabled(self):
        can = disabled_reasons(self._session)
        can |= {
            'blink': can['cleaned'],
            'sheet': can['cleaned'],
            'show_saved': '' if self._session.saved else 'Nothing was saved yet.',
        }
        self._panel.show_disabled({name: (why, (TIPS | _TIPS)[name]) for name, why in can.items()})
