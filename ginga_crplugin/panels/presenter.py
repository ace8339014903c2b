"""The room of what both panels show: each thing that the session says, on the image and in the widgets."""

import time

from .text import disabled_reasons, recipe_text, result_lines, saved_text

__all__ = ['Display']


class Display:
    """Shows what the session says; each front adds what it alone has.

    Parameters
    ----------
    session : Session
    panel : Panel or Controls
        The widgets; those of both fronts are told by the same names.
    overlay : MaskOverlay
    """

    def __init__(self, session, panel, overlay):
        self._session, self._panel, self._overlay = session, panel, overlay
        self._started = 0.0

    def heard(self, event):
        """Show what the session has told."""
        getattr(self, f'_heard_{event}')()
        self._show_disabled()

    def show_error(self, message):
        """Say what went wrong."""
        self._panel.show_result([message], error=True)

    def show_thumbnails(self):
        """Show the selected segment beside itself."""
        rows, label = self._panel.table.rows, self._overlay.selected
        self._panel.thumbnails.show(self._session, label, rows.position(label), len(rows))

    def show_time(self):
        """Show how long the run goes on, where it takes long."""
        seconds = time.monotonic() - self._started
        if self._session.busy and seconds > 0.5:
            self._panel.show_progress(self._session.progress)
            self._panel.show_result([f'searching... {seconds:.0f} s'])

    def _show_disabled(self):
        self._panel.show_disabled(disabled_reasons(self._session))

    def _show_result(self):
        self._panel.show_result(result_lines(self._session))

    def _show_counts(self):
        self.show_thumbnails()
        self._panel.show_counts(self._session.result.segments, self._session.decisions)
        self._panel.show_saved_path('')

    def _show_segments(self):
        result, decisions = self._session.result, self._session.decisions
        self._panel.table.show(result.segments.listed, decisions.rejected_labels, self._overlay.selected)

    # what the session says

    def _heard_frame(self):
        self._panel.show_frame(self._session.frame)
        self._overlay.clear()
        self._panel.table.show(None)
        self._panel.show_result([])
        self._panel.show_saved_path('')
        self.show_thumbnails()
        self._panel.show_counts(None, None)
        self._panel.clear_comparison()
        self._panel.show_saved_review(None)
        for event in ('checks', 'masks', 'params'):
            getattr(self, f'_heard_{event}')()

    def _heard_params(self):
        self._panel.params.show(self._session.params, self._session.sources)

    def _heard_recipe(self):
        self._panel.show_recipe(recipe_text(self._session), self._session.min_size, self._session.grow)

    def _heard_masks(self):
        frame = self._session.frame
        self._panel.show_masks(self._session.masks, None if frame is None else frame.shape)
        if frame is not None:
            self._overlay.set_mask('input', frame.bits != 0)

    def _heard_busy(self):
        if self._session.busy:
            self._started = time.monotonic()
            self._tick()
        else:
            self._panel.show_progress(None)
            self._show_result()

    def _tick(self):
        """Show the time now and then, as long as the run goes on."""
        if self._session.busy:
            self.show_time()
            self._tick_later(0.25)

    def _heard_result(self):
        self._show_result()
        self._panel.clear_comparison()
        self._overlay.set_segments(self._session.result.segments, self._session.decisions)
        self._show_segments()
        self._show_counts()

    def _heard_review(self):
        self._panel.show_saved_review(self._session.kept)
        result, decisions = self._session.result, self._session.decisions
        if result is not None:
            self._panel.clear_comparison()
            self._overlay.set_decisions(result.segments, decisions)
            self._panel.table.show_decisions(decisions.rejected_labels)
            self._show_counts()

    def _heard_checks(self):
        result = self._session.result
        self._panel.checks.show(self._session.checks + (list(result.remarks) if result is not None else []))

    def _heard_hinted(self):
        self._show_segments()
        self.show_thumbnails()
        self._heard_checks()

    def _heard_compared(self):
        result, comparison = self._session.result, self._session.comparison
        self._panel.show_comparison(comparison)
        if comparison is not None:
            self._overlay.set_comparison(comparison, result.frame.shape)
        elif result is not None:
            self._overlay.set_decisions(result.segments, self._session.decisions)

    def _heard_kept(self):
        self._panel.show_saved_review(self._session.kept)

    def _heard_verified(self):
        self._show_result()

    def _heard_engine(self):
        self._panel.show_engine_note(self._session.engine)

    def _heard_saved(self):
        self._panel.show_saved_path(saved_text(self._session), self._session.written)

    def _heard_error(self):
        self.show_error(self._session.error)
