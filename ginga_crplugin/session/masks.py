"""The input masks of a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .frame_inputs import MaskSetting

if TYPE_CHECKING:
    import numpy as np

    from ginga_crplugin.core.bits import MaskBit
    from ginga_crplugin.core.input_mask import InputMask

    from .scheduling import Run
    from .session import Session

__all__ = ['InputMasks']


class InputMasks(Sequence[MaskSetting]):
    """The input masks of a session, used or not: a sequence of `MaskSetting`.

    Parameters
    ----------
    session : Session
        The session whose settings hold the masks.
    run : callable
        As for `Session`.
    """

    def __init__(self, session: Session, run: Run) -> None:
        self._session, self._run = session, run

    def __getitem__(self, index):
        return self._session.settings.masks[index]

    def __len__(self) -> int:
        return len(self._session.settings.masks)

    def add(self, load: Callable[[], InputMask]) -> None:
        """Add a mask and use it.

        Parameters
        ----------
        load : callable
            ``load()`` returns the mask; it is called in the worker.
        """

        def done(mask: InputMask, error: Exception | None) -> None:
            session = self._session
            if error is None and session.frame is not None and mask.mask.shape != session.frame.shape:
                shapes = f"shape {mask.mask.shape} differs from the frame's {session.frame.shape}"
                error = ValueError(f'mask {mask.name}: {shapes}')
            if error is not None:
                session.report_error(error)
                return
            session.change_settings(session.settings.with_mask(mask))

        self._run(load, done)

    def change(self, index: int, *, used: bool | None = None, bit: MaskBit | None = None) -> None:
        """Change a mask.

        Parameters
        ----------
        index : int
            Its index.
        used : bool, optional
            Whether it is used.
        bit : MaskBit, optional
            Its cause.
        """
        self._session.change_settings(self._session.settings.with_mask_changed(index, used=used, bit=bit))

    @property
    def dark(self) -> np.ndarray | None:
        """The dark, (ny, nx), that a mask was made from; None if there is none of the frame's shape."""
        frame = self._session.frame
        return None if frame is None else self._session.settings.dark(frame.shape)
