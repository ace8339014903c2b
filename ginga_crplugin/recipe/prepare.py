"""A frame prepared for detection by a recipe."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ginga_crplugin.core.diagnostics.check import Check
from ginga_crplugin.core.diagnostics.frame_checks import check_frame
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic.detect import Detector
from ginga_crplugin.core.lacosmic.detection import Detection
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.stars.finding import find_star_list
from ginga_crplugin.core.stars.star_list import StarList
from ginga_crplugin.io.star_catalog import GivenStars, read_stars

if TYPE_CHECKING:
    from .recipe import Recipe

__all__ = ['FailedCheckError', 'PreparedFrame']


class FailedCheckError(ValueError):
    """A check under ``stop`` in the recipe found an error."""


@dataclass(frozen=True, eq=False)
class PreparedFrame:
    """A frame with all its masks and parameters.

    Attributes
    ----------
    frame : Frame
        The frame with all its masks.
    params : LACosmicParams
        The parameters.
    sources : dict of str
        The source of each parameter's value.
    recipe : Recipe
        The recipe for this frame, without rules.
    rule : str
        The name of the rule that was used; ``''`` if there was none.
    """

    frame: Frame
    params: LACosmicParams
    sources: dict[str, str]
    recipe: 'Recipe'
    rule: str

    @cached_property
    def checks(self) -> list[Check]:
        """The checks of the frame, with remedies that were not tried."""
        return check_frame(self.frame, self.params, lambda: self.detection)

    @property
    def advice(self) -> list[Check]:
        """The checks of the frame, with remedies that were tried."""
        from ginga_crplugin.core.tuning.remedies import try_remedies  # most runs do not need scipy.ndimage

        return try_remedies(self.frame, self.params, self.checks)

    @cached_property
    def stars(self) -> StarList:
        """The stars of the frame."""
        return find_star_list(self.frame, self.params, self._detector)

    @cached_property
    def given_stars(self) -> GivenStars | None:
        """The stars that the recipe protects; None if it has no list of them."""
        return None if self.recipe.protect is None else read_stars(self.recipe.protect, self.frame)

    @cached_property
    def protected(self) -> StarList:
        """The stars that the recipe protects."""
        given = self.given_stars
        return StarList.empty(self.frame.shape) if given is None else self.stars.given(*given)

    @cached_property
    def detection(self) -> Detection:
        """The detected pixels."""
        return self._detector.detect(self.frame, self.params)

    @cached_property
    def _detector(self):
        return Detector(wait=True)
