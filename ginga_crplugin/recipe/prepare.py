"""A frame prepared by a recipe."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ginga_crplugin.core.diagnostics.frame_checks import check_frame
from ginga_crplugin.core.params import LACosmicParams

if TYPE_CHECKING:
    from .recipe import Recipe

__all__ = ['FailedCheckError', 'PreparedFrame']


class FailedCheckError(ValueError):
    """A check that the recipe names speaks against the frame."""


@dataclass(frozen=True, eq=False)
class PreparedFrame:
    """A frame made ready for the run: with all its masks, its parameters known, and nothing against it.

    Attributes
    ----------
    frame : Frame
        With all its masks.
    params : LACosmicParams
    sources : dict of str
        Where each parameter comes from.
    recipe : Recipe
        What the recipe comes to for this frame.
    rule : str
        The name of the rule that was used, '' for none.
    """

    frame: object
    params: LACosmicParams
    sources: dict
    recipe: 'Recipe'
    rule: str

    @cached_property
    def checks(self):
        """What speaks against the frame (list of `Check`)."""
        return check_frame(self.frame, self.params)
