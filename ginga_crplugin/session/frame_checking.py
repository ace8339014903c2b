"""Checks of the frame, repeated in a worker whenever something they depend on changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ginga_crplugin.core.diagnostics.frame_checks import check_frame
from ginga_crplugin.core.tuning.remedies import try_remedies, without_untried

if TYPE_CHECKING:
    from ginga_crplugin.core.diagnostics.check import Check
    from ginga_crplugin.core.frame import Frame

    from .scheduling import Run
    from .session import Session

__all__ = ['FrameChecking']


class FrameChecking:
    """Checks the frame of a session, with its present parameters, and then tries the remedies.

    Parameters
    ----------
    session : Session
        The session whose frame is checked; its ``checks`` are set.
    run : callable
        As for `Session`.
    """

    def __init__(self, session: Session, run: Run) -> None:
        self._session, self._run = session, run
        self._running = False
        self.reset()

    def reset(self) -> None:
        """Discard the values of the last check, so that the next `update` checks again."""
        self._checked: tuple[Any, ...] = ()

    def update(self) -> None:
        """Check the frame, unless it was checked with the same values or a check is running."""
        frame, params = self._session.frame, self._session.params
        values = (params.gain, params.readnoise, params.satlevel, params.pssl, params.sepmed)
        if (
            frame is None
            or self._running
            or (self._checked and self._checked[0] is frame and self._checked[1] == values)
        ):
            return
        self._running, self._checked = True, (frame, values)

        def done(checks: list[Check], error: Exception | None) -> None:
            if error is not None:
                self._finish(error)
                return
            shown = without_untried(checks)
            if all(check.remedy is other.remedy for check, other in zip(checks, shown, strict=True)):
                self._show(frame, checks)
                self._finish(None)
                return
            self._show(frame, shown)
            self._run(lambda: try_remedies(frame, params, checks), tried)

        def tried(checks: list[Check], error: Exception | None) -> None:
            if error is None:
                self._show(frame, checks)
            self._finish(error)

        self._run(lambda: check_frame(frame, params), done)

    def _show(self, frame: Frame, checks: list[Check]) -> None:
        if frame is self._session.frame:
            self._session.checks = checks
            self._session.events.checks_changed.emit()

    def _finish(self, error: Exception | None) -> None:
        self._running = False
        if error is not None:
            self._session.report_error(error)
        self.update()  # the parameters may have changed meanwhile
