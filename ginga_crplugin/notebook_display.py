"""The room of what the notebook's panel shows: each thing that the session says, on the image and in the controls."""

import asyncio
import time

from .notebook_source import cleaned_ccd
from .notebook_worker import has_loop
from .words import reasons, recipe_in_words, result_in_words, written_in_words

__all__ = ['Display']


class Display:
    """Shows what the session says.

    Parameters
    ----------
    session : Session
    view : View
    controls : Controls
    """

    def __init__(self, session, view, controls):
        self._session, self._view, self._controls = session, view, controls
        self._overlay = view.overlay
        self._started = 0.0

    def heard(self, event):
        """Show what the session has told."""
        getattr(self, f'_heard_{event}')()
        self._controls.show_enabled(reasons(self._session))

    def _heard_frame(self):
        frame = self._session.frame
        self._controls.show_frame(frame)
        self._show_nothing()
        if frame is not None and not self._view.taken:
            self._view.load(frame.ccd)
        self._heard_masks()
        self._heard_params()

    def _show_nothing(self):
        """Show that nothing is found yet."""
        self._overlay.clear()
        self._controls.cleaned.value = False
        self._controls.draw.value = 'off'
        self._controls.table.show(None)
        self.show_thumbnails()
        self._controls.show_result([])
        self._controls.show_saved('')
        self._heard_checks()
        self._controls.show_counts(None, None)
        self._controls.end_comparison()
        self._controls.show_kept(None)

    def _heard_params(self):
        self._controls.params.show(self._session.params, self._session.sources)

    def _heard_recipe(self):
        self._controls.show_recipe(recipe_in_words(self._session), self._session.min_size, self._session.grow)

    def _heard_masks(self):
        frame = self._session.frame
        self._controls.show_masks(self._session.masks, None if frame is None else frame.shape)
        if frame is not None:
            self._overlay.set_mask('input', frame.bits != 0)

    def _heard_busy(self):
        if self._session.busy:
            self._started = time.monotonic()
            self._tick()
        else:
            self._controls.show_progress(None)
            self._show_result()

    def _tick(self):
        """Show the time now and then, as long as the run goes on."""
        if self._session.busy:
            self.show_time()
            if has_loop():
                asyncio.get_running_loop().call_later(0.25, self._tick)

    def show_time(self):
        """Show how long the run goes on, where it takes long."""
        seconds = time.monotonic() - self._started
        if self._session.busy and seconds > 0.5:
            self._controls.show_progress(self._session.progress)
            self._controls.show_result([f'searching... {seconds:.0f} s'])

    def _show_result(self):
        self._controls.show_result(result_in_words(self._session))

    def _heard_result(self):
        result, verdicts = self._session.result, self._session.verdicts
        self._show_result()
        self._controls.end_comparison()
        self._overlay.set_segments(result.segments, verdicts)
        if self._controls.cleaned.value and result.exact:
            self._view.show_instead(cleaned_ccd(result, verdicts))
        self._controls.table.selected = self._overlay.selected
        self._controls.table.show(result.segments.listed, verdicts.rejected_labels)
        self._show_counts()

    def _heard_review(self):
        self._controls.show_kept(self._session.kept)
        result, verdicts = self._session.result, self._session.verdicts
        if result is not None:
            self._overlay.set_verdicts(result.segments, verdicts)
            self._controls.table.show_verdicts(verdicts.rejected_labels)
            self._show_counts()

    def show_thumbnails(self):
        """Show the selected segment beside itself."""
        rows, label = self._controls.table.rows, self._overlay.selected
        self._controls.thumbnails.show(self._session, label, rows.place(label), len(rows))

    def _show_counts(self):
        self._controls.show_counts(self._session.result.segments, self._session.verdicts)
        self.show_thumbnails()
        self._controls.show_saved('')

    def _heard_checks(self):
        result = self._session.result
        self._controls.checks.show(self._session.checks + (list(result.remarks) if result is not None else []))

    def _heard_hinted(self):
        result, verdicts = self._session.result, self._session.verdicts
        self._controls.table.show(result.segments.listed, verdicts.rejected_labels)
        self.show_thumbnails()
        self._heard_checks()

    def _heard_compared(self):
        result, comparison = self._session.result, self._session.comparison
        self._controls.show_comparison(comparison)
        if comparison is not None:
            self._overlay.set_comparison(comparison, result.frame.shape)
        elif result is not None:
            self._overlay.set_verdicts(result.segments, self._session.verdicts)

    def _heard_kept(self):
        self._controls.show_kept(self._session.kept)

    def _heard_verified(self):
        self._show_result()

    def _heard_engine(self):
        self._controls.show_engine(self._session.engine)

    def _heard_saved(self):
        self._controls.show_saved(written_in_words(self._session), self._session.written)
        self._controls.save.done()

    def _heard_error(self):
        self._controls.show_result([self._session.error], error=True)
        self._controls.save.show_error(self._session.error)
