"""Presentation of a session in the widgets and on the image, in both panels."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from psygnal import SignalInstance

from .text import disabled_reasons, engine_note, recipe_text, result_lines, saved_text

if TYPE_CHECKING:
    from ginga_crplugin.session.session import Session

    from .protocols import Overlay

__all__ = ['Presenter']


class Presenter:
    """Shows the changes of a session; a subclass adds what only its panel shows.

    Parameters
    ----------
    session : Session
        The session whose changes are shown, until `close`.
    widgets : PanelWidgets
        The widgets of the panel.
    overlay : Overlay
        The overlay on the image.
    """

    def __init__(self, session: Session, widgets: Any, overlay: Overlay) -> None:
        self._session: Any = session  # Any: attributes that may be None are used only when they are not
        self._widgets, self._overlay = widgets, overlay
        self._started = 0.0
        self._error_shown = False
        events = session.events
        self._connections: list[tuple[SignalInstance, Callable[..., Any]]] = [
            (events.frame_changed, self.show_frame),
            (events.params_changed, self.show_params),
            (events.recipe_changed, self.show_recipe),
            (events.masks_changed, self.show_masks),
            (events.busy_changed, self.show_busy),
            (events.result_changed, self.show_result),
            (events.hints_changed, self.show_hints),
            (events.verification_changed, self._show_summary),
            (events.engine_changed, self.show_engine),
            (events.checks_changed, self.show_checks),
            (events.review_changed, self.show_review),
            (events.unsaved_review_found, self.show_unsaved_review),
            (events.comparison_changed, self.show_comparison),
            (events.selection_changed, self.show_selection),
            (events.mask_saved, self.show_mask_saved),
            (events.error_raised, self.show_session_error),
        ]
        self._connections += [(events[name], self.show_disabled) for name in events]
        for signal, slot in self._connections:
            signal.connect(slot)

    def show_all(self) -> None:
        """Show the whole session, when the panel opens."""
        self.show_frame()
        self.show_recipe()
        self.show_engine()
        self.show_disabled()

    def close(self) -> None:
        """Disconnect from the events of the session."""
        for signal, slot in self._connections:
            signal.disconnect(slot)
        self._connections = []

    # messages and progress

    def show_error(self, message: str) -> None:
        """Show an error in the lines of the result.

        Parameters
        ----------
        message : str
            The message.
        """
        self._error_shown = True
        self._widgets.show_result([message], error=True)

    def show_session_error(self, message: str) -> None:
        """Show an error of the session.

        Parameters
        ----------
        message : str
            The message.
        """
        self.show_error(message)

    def show_disabled(self) -> None:
        """Disable the widgets that can't be used now."""
        self._widgets.show_disabled(self._reasons())

    def _reasons(self) -> dict[str, str]:
        """Return why widgets can't be used now, by their names; empty if they can."""
        return disabled_reasons(self._session)

    def show_busy(self) -> None:
        """Show the progress of a run, or its end."""
        if self._session.runner.busy:
            self._started = time.monotonic()
            self._tick()
        else:
            self._widgets.show_progress(None)
            self._show_summary()

    def _tick(self) -> None:
        """Show the progress every 0.25 s during a run."""
        if self._session.runner.busy:
            self.show_progress()
            self._tick_later(0.25)

    def _tick_later(self, seconds: float) -> None:
        """Call `_tick` after a delay."""
        raise NotImplementedError

    def show_progress(self) -> None:
        """Show the progress and the duration of a run that takes longer than 0.5 s."""
        seconds = time.monotonic() - self._started
        if self._session.runner.busy and seconds > 0.5:
            self._widgets.show_progress(self._session.runner.progress)
            self._widgets.show_result([f'searching... {seconds:.0f} s'])

    def show_engine(self) -> None:
        """Show the state of the fast engine."""
        self._widgets.show_engine_note(engine_note())

    # frame and settings

    def show_frame(self) -> None:
        """Show another frame, without a result."""
        self._widgets.show_frame(self._session.frame)
        self._overlay.clear()
        self._widgets.table.show(None)
        self._widgets.show_result([])
        self._widgets.show_saved_path('')
        self._show_thumbnails()
        self._widgets.show_counts(None, None)
        self._widgets.clear_comparison()
        self._widgets.show_unsaved_review(None)
        self.show_checks()
        self.show_masks()
        self.show_params()

    def show_params(self) -> None:
        """Show the parameters and their sources, and the settings of the tails."""
        session = self._session
        self._widgets.params.show(session.params, session.sources)
        self._widgets.show_tails(session.settings.tails, edges=session.params.search_edges)

    def show_recipe(self) -> None:
        """Show the recipe in use, and what it sets."""
        session = self._session
        self._widgets.show_recipe(recipe_text(session), session.min_size, session.review.grow)
        self.show_repair()

    def show_masks(self) -> None:
        """Show the input masks."""
        frame = self._session.frame
        self._widgets.show_masks(self._session.masks, None if frame is None else frame.shape)
        if frame is not None:
            self._overlay.set_layers({'input': frame.masked_pixels}, frame.shape)

    def show_checks(self) -> None:
        """Show the checks of the frame and of the result."""
        result = self._session.result
        self._widgets.checks.show(self._session.checks + (list(result.remarks) if result is not None else []))

    # result

    def show_result(self) -> None:
        """Show another result."""
        session = self._session
        self._show_summary()
        self._widgets.clear_comparison()
        self._overlay.set_segments(session.result.segments, session.review.decisions, session.selection)
        self.show_repair()
        self._show_table()
        self._show_counts()

    def show_hints(self) -> None:
        """Show the hints of the result, and the stars that it touches; an error stays."""
        if not self._error_shown:
            self._show_summary()
        self._show_table()
        self._show_thumbnails()
        self.show_checks()

    def show_selection(self) -> None:
        """Show the selected segment."""
        self._overlay.select(self._session.selection)
        self._widgets.table.select(self._session.selection)
        self.show_repair()
        self._show_thumbnails()

    def show_comparison(self) -> None:
        """Show a comparison, or its end."""
        session, comparison = self._session, self._session.comparing.comparison
        self._widgets.show_comparison(comparison)
        if comparison is not None:
            self._overlay.set_comparison(comparison, session.result.frame.shape)
        elif session.result is not None:
            self._overlay.set_decisions(session.result.segments, session.review.decisions)

    def _show_summary(self) -> None:
        self._error_shown = False
        self._widgets.show_result(result_lines(self._session))

    def _show_table(self) -> None:
        segments, decisions = self._session.result.segments, self._session.review.decisions
        self._widgets.table.show(segments.listed, decisions.rejected_labels, self._session.selection)

    def _show_counts(self) -> None:
        self._show_thumbnails()
        self._widgets.show_counts(self._session.result.segments, self._session.review.decisions)
        self._widgets.show_saved_path('')

    def _show_thumbnails(self) -> None:
        rows, label = self._widgets.table.rows, self._session.selection
        self._widgets.thumbnails.show(self._session, label, rows.position(label), len(rows))

    # review

    def show_repair(self) -> None:
        """Show the repair of the selected segment, and the default."""
        session = self._session
        self._widgets.show_repair(session.repairing.choice(session.selection), session.repairing.default)

    def show_review(self) -> None:
        """Show the review decisions."""
        self.show_unsaved_review()
        self.show_repair()
        result, decisions = self._session.result, self._session.review.decisions
        if result is not None:
            self._show_summary()
            self._widgets.clear_comparison()
            self._overlay.set_decisions(result.segments, decisions)
            self._widgets.table.show_decisions(decisions.rejected_labels)
            self._show_counts()

    def show_unsaved_review(self) -> None:
        """Offer the unsaved review of the frame, if there is one."""
        self._widgets.show_unsaved_review(self._session.review.unsaved_review)

    def show_mask_saved(self) -> None:
        """Show where the mask was saved."""
        self._widgets.show_saved_path(saved_text(self._session), self._session.review.last_saved_mask)
