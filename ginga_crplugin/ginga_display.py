"""The room of what Ginga's panel shows: each thing that the session says, on the image and in the widgets."""

import time

from .words import TIPS, reasons, recipe_in_words, result_in_words, written_in_words

__all__ = ['Display']

#: What the buttons do that are in Ginga alone, or do something else there.
_TIPS = {
    'blink': TIPS['cleaned'],
    'cleaned': 'Show the cleaned frame as a new image here.',
    'draw': TIPS['draw'] + ' A polygon takes a corner at key v.',
    'sheet': 'Draw all segments in the list, each beside itself, into a PDF or PNG.',
    'show_saved': 'Open the mask that was written.',
}


class Display:
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
        self._session, self._panel, self._overlay, self._dialogs, self._timer = session, panel, overlay, dialogs, timer
        self._started = 0.0
        timer.add_callback('expired', lambda _: self._show_time())
        panel.show_progress(None)

    def close(self):
        """Show nothing any more."""
        self._timer.stop()

    def heard(self, event):
        """Show what the session has told."""
        getattr(self, f'_heard_{event}')()
        self._show_enabled()

    def _heard_frame(self):
        self._panel.show_frame(self._session.frame, opening=False)
        self._overlay.clear()
        self._panel.table.show(None)
        self._panel.show_result([])
        self._panel.saved.set_text('')
        self.show_thumbnails()
        self._panel.show_counts(None, None)
        self._heard_checks()
        self._panel.show_comparison(None)
        self._panel.show_kept(None)
        if self._dialogs.saving:  # it names the file of the image before
            self._dialogs.close()
        self._heard_masks()
        self._heard_params()

    def _heard_params(self):
        self._panel.show_params(self._session.params, self._session.sources)

    def _heard_recipe(self):
        self._panel.show_recipe(recipe_in_words(self._session))
        self._panel.least.set_value(self._session.min_size)
        self._panel.grow.set_value(self._session.grow)

    def _heard_masks(self):
        frame = self._session.frame
        self._panel.show_masks(self._session.masks, frame.shape if frame is not None else None)
        if self._session.frame is not None:
            self._overlay.set_mask('input', self._session.frame.bits != 0)

    def _heard_busy(self):
        if self._session.busy:
            self._started = time.monotonic()
            self._show_time()
        else:
            self._timer.stop()
            self._panel.show_progress(None)
            self._show_result()

    def _heard_result(self):
        self._show_result()
        result = self._session.result
        verdicts = self._session.verdicts
        self._panel.compare.set_index(0)
        self._panel.show_comparison(None)
        self._overlay.set_segments(result.segments, verdicts)
        self._panel.table.show(result.segments.listed, verdicts.rejected_labels, self._overlay.selected)
        self.show_thumbnails()
        self._panel.show_counts(result.segments, verdicts)
        self._panel.saved.set_text('')

    def _heard_review(self):
        self._panel.show_kept(self._session.kept)
        result, verdicts = self._session.result, self._session.verdicts
        if result is None:
            return
        self._panel.compare.set_index(0)
        self._panel.show_comparison(None)
        self._overlay.set_verdicts(result.segments, verdicts)
        self._panel.table.show_verdicts(verdicts.rejected_labels)
        self.show_thumbnails()
        self._panel.show_counts(result.segments, verdicts)
        self._panel.saved.set_text('')

    def _heard_checks(self):
        result = self._session.result
        self._panel.checks.show(self._session.checks + (list(result.remarks) if result is not None else []))

    def _heard_hinted(self):
        result, verdicts = self._session.result, self._session.verdicts
        self._panel.table.show(result.segments.listed, verdicts.rejected_labels, self._overlay.selected)
        self.show_thumbnails()
        self._heard_checks()

    def _heard_compared(self):
        result, comparison = self._session.result, self._session.comparison
        self._panel.show_comparison(comparison)
        if comparison is not None:
            self._overlay.set_comparison(comparison, result.frame.shape)
        elif result is not None:
            self._overlay.set_verdicts(result.segments, self._session.verdicts)

    def _heard_kept(self):
        self._panel.show_kept(self._session.kept)

    def _heard_verified(self):
        self._show_result()

    def _heard_engine(self):
        self._panel.show_engine(self._session.engine)

    def _heard_saved(self):
        if self._dialogs.saving:
            self._dialogs.close()
        self._panel.saved.set_text(written_in_words(self._session))
        self._panel.saved.set_tooltip(str(self._session.written))

    def _heard_error(self):
        if self._dialogs.saving:
            self._dialogs.saving.show_error(self._session.error)
        self.show_error(self._session.error)
        self._panel.show_frame(self._session.frame, opening=False)

    def show_thumbnails(self):
        """Show the selected segment beside itself."""
        rows, label = self._panel.table.rows, self._overlay.selected
        place = 0 if label is None else rows.place(label)
        self._panel.thumbnails.show(self._session, label, (place, len(rows)))

    def show_error(self, message):
        """Say what went wrong."""
        self._panel.show_result([message], error=True)

    def _show_time(self):
        """Show how long the run goes on, now and then."""
        seconds = time.monotonic() - self._started
        if seconds > 0.5:
            self._panel.show_progress(self._session.progress)
            self._panel.show_result([f'searching... {seconds:.0f} s'])
        self._timer.start(0.25)

    def _show_result(self):
        self._panel.show_result(result_in_words(self._session))

    def _show_enabled(self):
        can = reasons(self._session)
        can |= {
            'blink': can['cleaned'],
            'sheet': can['cleaned'],
            'show_saved': '' if self._session.saved else 'Nothing was saved yet.',
        }
        self._panel.show_enabled({name: (why, (TIPS | _TIPS)[name]) for name, why in can.items()})
