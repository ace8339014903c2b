"""Actions that only the notebook panel has: typed paths, and the cleaned frame in place of the original."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ginga_crplugin.panels.actions import Actions
from ginga_crplugin.panels.result_ccd import cleaned_ccd

if TYPE_CHECKING:
    from ginga_crplugin.session.session import Session

    from .viewer import ViewerAdapter

__all__ = ['NotebookActions']


class NotebookActions(Actions):
    """Actions of the controls and keys of the notebook panel.

    Parameters
    ----------
    session : Session
        The session that is changed.
    view : ViewerAdapter
        The viewer.
    set_unit : callable
        ``set_unit(unit)`` opens the image again with another unit.
    """

    def __init__(self, session: Session, view: ViewerAdapter, set_unit: Callable[[str | None], None]) -> None:
        super().__init__(session, view.overlay, view.canvas)
        self._view = view
        self.buttons |= {
            'add': lambda: self.settings.add_mask(self.widgets.mask_path.value.strip()),
            'dark': lambda: self.settings.add_dark(self.widgets.mask_path.value.strip(), self.widgets.limit.value),
            'load_recipe': lambda: self.settings.apply_recipe(self.widgets.recipe_path.value.strip()),
            'save_recipe': lambda: session.recipes.save(Path(self.widgets.recipe_path.value.strip())),
        }
        self.values |= {'cleaned': lambda cleaned: self.show_cleaned(cleaned=cleaned), 'unit': set_unit}

    def blink(self) -> None:
        """Show the cleaned frame instead of the original, or the original again."""
        button = self.widgets.cleaned
        button.value = not button.value and not button.disabled

    def show_cleaned(self, *, cleaned: bool) -> None:
        """Show the cleaned frame in place of the original, or the original again.

        Parameters
        ----------
        cleaned : bool
            True for the cleaned frame.
        """
        if not cleaned:
            self._view.show_original()
        elif self.session.result is not None:
            try:
                ccd = cleaned_ccd(self.session.result, self.session.review.decisions, self.session.repairing.current)
            except (OSError, ValueError) as error:  # the uncertainty cannot be read any more
                self.session.report_error(error)
            else:
                self._view.show_instead(ccd)
