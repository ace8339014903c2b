"""Actions of the controls that choose what replaces the pixels of segments, in both panels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .actions import Actions

__all__ = ['RepairActions']


class RepairActions:
    """Actions of the controls that choose what replaces the pixels of segments in the cleaned image.

    Parameters
    ----------
    actions : Actions
        The actions of the panel, whose session, widgets and presenter are used.

    Attributes
    ----------
    find_exposure : callable
        Returns the other exposure for the repair ``'exposure'``, or raises a ValueError if there is none.
    """

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self.find_exposure: Callable[[], np.ndarray] = _no_exposure

    def choose(self, name: str | None) -> None:
        """Choose the repair of the selected segment.

        Parameters
        ----------
        name : str or None
            A key of `~ginga_crplugin.core.repair_names.REPAIRS`; empty or None for the default.
        """
        selection = self._actions.session.selection
        if selection is not None:
            self._choose(name or '', [selection])

    def choose_for_listed(self) -> None:
        """Choose the repair that is shown for all segments in the list."""
        if self._actions.session.result is not None:
            self._choose(self._actions.widgets.shown_repair, self._actions.widgets.table.rows.labels)

    def _choose(self, name: str, labels: Sequence[int]) -> None:
        session = self._actions.session
        if self._has_exposure(name):
            session.review.edit('repair', session.result.segments.pixels_of(labels), name)

    def set_default(self, name: str) -> None:
        """Set the repair of segments without one of their own.

        Parameters
        ----------
        name : str
            A key of `~ginga_crplugin.core.repair_names.REPAIRS`.
        """
        if self._has_exposure(name):
            self._actions.session.repairing.set_default(name)

    def _has_exposure(self, name: str) -> bool:
        """Return whether a repair has the other exposure that it needs; show an error if it has not."""
        repairing, presenter = self._actions.session.repairing, self._actions.presenter
        if name == 'exposure' and repairing.exposure is None:
            try:
                repairing.set_exposure(self.find_exposure())
            except ValueError as error:
                presenter.show_repair()
                presenter.show_error(str(error))
                return False
        return True


def _no_exposure() -> np.ndarray:
    """Raise a ValueError: the other exposure is given from Python."""
    msg = 'there is no other exposure: give one first with panel.session.repairing.set_exposure(array)'
    raise ValueError(msg)
