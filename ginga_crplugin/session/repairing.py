"""What replaces the cosmic rays of a frame in the cleaned image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ginga_crplugin.core.repair.repair import Repair, check_exposure, repair
from ginga_crplugin.core.repair_names import DEFAULT_REPAIR, check_repair

if TYPE_CHECKING:
    from .session import Session

__all__ = ['Repairing']


class Repairing:
    """The repair of the open frame: its default, and the repairs that were chosen for segments.

    Parameters
    ----------
    session : Session
        The session.

    Attributes
    ----------
    default : str
        The repair of segments for which none was chosen (`~ginga_crplugin.core.repair_names.REPAIRS`).
    exposure : (ny, nx) ndarray or None
        The other exposure for the repair ``'exposure'``.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.default = DEFAULT_REPAIR
        self.exposure: np.ndarray | None = None

    def reset(self) -> None:
        """Discard the other exposure when the frame is closed, without an event."""
        self.exposure = None

    @property
    def current(self) -> Repair | None:
        """The replacement of the cosmic rays of the result after review; None without a result.

        Raises a ValueError if another exposure is needed and there is none.
        """
        result, decisions = self._session.result, self._session.review.decisions
        if result is None or decisions is None:
            return None
        segments = decisions.annotate(result.segments, self.default)
        return repair(
            result.frame, result.detection, segments, decisions.pixels, method=self.default, exposure=self.exposure
        )

    def set_default(self, name: str) -> None:
        """Set the repair of segments for which none was chosen.

        Parameters
        ----------
        name : str
            A key of `~ginga_crplugin.core.repair_names.REPAIRS`.

        Raises
        ------
        ValueError
            If there is no such repair.
        """
        self.default = check_repair(name)
        self._session.review.refresh()

    def set_exposure(self, exposure: ArrayLike | None) -> None:
        """Set the other exposure of the field, for the open frame only.

        Parameters
        ----------
        exposure : (ny, nx) array_like or None
            Registered to the frame; None for none.

        Raises
        ------
        ValueError
            If there is no frame, or its shape differs from that of the frame.
        """
        frame = self._session.frame
        if frame is None:
            msg = 'there is no frame yet: open one before the other exposure'
            raise ValueError(msg)
        self.exposure = None if exposure is None else check_exposure(exposure, frame)
        self._session.review.refresh()

    def choice(self, label: int | None) -> str:
        """Return the repair that was chosen for a segment.

        Parameters
        ----------
        label : int or None
            Its label; None for no segment.

        Returns
        -------
        str
            The name; empty if none was chosen.
        """
        decisions = self._session.review.decisions
        return '' if label is None or decisions is None else str(decisions.repairs[label - 1])
