"""Actions of the controls that set parameters, tails, input masks and the recipe, in both panels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.io.input_masks import read_dark, read_mask
from ginga_crplugin.recipe.parse import load_recipe

if TYPE_CHECKING:
    from .actions import Actions

__all__ = ['SettingsActions']


class SettingsActions:
    """Actions of the controls that set parameters, tails, input masks and the recipe.

    A value that is not allowed is shown as an error, and the old one is shown again.

    Parameters
    ----------
    actions : Actions
        The actions of the panel, whose session and presenter are used.
    """

    def __init__(self, actions: Actions) -> None:
        self._actions = actions

    def set_param(self, name: str, value: Any) -> None:
        """Set a parameter.

        Parameters
        ----------
        name : str
            Field of `LACosmicParams`.
        value : float, int, bool or str
            The value.
        """
        self._set(self._actions.session.set_params, {name: value})

    def set_tails(self, **values: Any) -> None:
        """Set whether and how tails are found.

        Parameters
        ----------
        **values : dict
            Values by field name of `TailOptions`.
        """
        self._set(self._actions.session.set_tails, values)

    def _set(self, setter: Callable[..., None], values: dict[str, Any]) -> None:
        try:
            setter(**values)
        except ValueError as error:
            self._actions.presenter.show_error(str(error))
            self._actions.presenter.show_params()

    def reset_params(self) -> None:
        """Reset all parameters and the tails to the recipe, the header and the defaults."""
        session = self._actions.session
        session.change_settings(session.settings.reset())

    def add_mask(self, path: str | Path) -> None:
        """Add a mask from a file, in which every pixel that is not 0 is bad.

        Parameters
        ----------
        path : path-like
            The FITS file.
        """
        self._actions.session.masks.add(lambda: read_mask(path, default=MaskBit.BAD))

    def add_dark(self, path: str | Path, limit: float) -> None:
        """Add a mask of the pixels of a combined dark above a limit.

        Parameters
        ----------
        path : path-like
            The FITS file.
        limit : float
            The limit, in the unit of the dark.
        """
        self._actions.session.masks.add(lambda: read_dark(path, limit))

    def apply_recipe(self, path: str | Path) -> None:
        """Apply a recipe from a file.

        Parameters
        ----------
        path : path-like
            The YAML file.
        """
        try:
            recipe = load_recipe(path)
        except (ValueError, OSError) as error:
            self._actions.presenter.show_error(str(error))
        else:
            self._actions.session.recipes.apply(recipe)
