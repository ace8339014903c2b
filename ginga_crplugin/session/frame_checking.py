"""Checks of the frame, repeated in a worker whenever something they depend on changes."""

from collections.abc import Callable
from typing import Any

from ginga_crplugin.core.diagnostics.check import Check
from ginga_crplugin.core.diagnostics.frame_checks import check_frame
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.params import LACosmicParams

from .scheduling import Run

__all__ = ['FrameChecking']


class FrameChecking:
    """Checks one frame at a time, with the latest parameters.

    Parameters
    ----------
    run : callable
        As for `Session`.
    found : callable
        ``found(checks)`` receives the checks of the latest frame.
    failed : callable
        ``failed(error)`` receives the error of a check.
    """

    def __init__(self, run: Run, found: Callable[[list[Check]], None], failed: Callable[[Exception], None]) -> None:
        self._run, self._found, self._failed = run, found, failed
        self._running = False
        self.reset()

    def reset(self) -> None:
        """Forget the frame."""
        self._latest: tuple[Frame, LACosmicParams] | None = None
        self._checked: tuple[Any, ...] | None = None

    def update(self, frame: Frame | None, params: LACosmicParams) -> None:
        """Check a frame, unless it was checked already with the same values.

        Parameters
        ----------
        frame : Frame or None
            The frame with its masks.
        params : LACosmicParams
            The parameters of the next run.
        """
        self._latest = None if frame is None else (frame, params)
        self._start()

    def _start(self) -> None:
        if self._latest is None or self._running:
            return
        frame, params = self._latest
        values = (params.gain, params.readnoise, params.satlevel, params.pssl, params.sepmed)
        if self._checked is not None and self._checked[0] is frame and self._checked[1] == values:
            return
        self._running, self._checked = True, (frame, values)

        def done(checks: list[Check], error: Exception | None) -> None:
            self._running = False
            if error is not None:
                self._failed(error)
            elif self._latest is not None and self._latest[0] is frame:
                self._found(checks)
            self._start()  # what has changed meanwhile

        self._run(lambda: check_frame(frame, params), done)
