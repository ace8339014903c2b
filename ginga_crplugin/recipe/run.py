"""Detection of the cosmic rays of a prepared frame, with the settings of its recipe."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ginga_crplugin.core.diagnostics.check import Check
from ginga_crplugin.core.diagnostics.hints import with_hints
from ginga_crplugin.core.diagnostics.result_checks import check_result
from ginga_crplugin.core.lacosmic.detection import Detection
from ginga_crplugin.core.lacosmic.tails import with_tails
from ginga_crplugin.core.review import Review
from ginga_crplugin.core.segments import Segments, segment
from ginga_crplugin.core.stars.star_list import StarsTouched
from ginga_crplugin.io.provenance import grow_cards, protect_cards, repair_cards, star_cards
from ginga_crplugin.io.save import save_mask

from .prepare import PreparedFrame

__all__ = ['RecipeResult', 'run_recipe']


@dataclass(frozen=True, eq=False)
class RecipeResult:
    """The result of a recipe for one frame.

    Attributes
    ----------
    prepared : PreparedFrame
        The frame with its masks and parameters.
    detection : Detection
        The detected pixels and their tails.
    segments : Segments
        The segments with hints and decisions.
    crmask : (ny, nx) bool ndarray or None
        The cosmic rays, grown and without protected stars; None if they are neither.
    kept : int or None
        Number of cosmic-ray pixels that are not in it since they are in protected stars; None if these may be flagged.
    """

    prepared: PreparedFrame
    detection: Detection
    segments: Segments
    crmask: np.ndarray | None
    kept: int | None = None

    @cached_property
    def checks(self) -> list[Check]:
        """The checks of the result."""
        return check_result(self.prepared.frame, self.detection, self.segments)

    @cached_property
    def pixels(self) -> np.ndarray:
        """(n,) int64 ndarray: flat indices of the cosmic-ray pixels of the mask, sorted."""
        return self.segments.pixels if self.crmask is None else np.flatnonzero(self.crmask)

    @cached_property
    def touched(self) -> StarsTouched:
        """The stars that the mask touches."""
        return self.prepared.stars.touched(self.pixels)

    @cached_property
    def protected(self) -> StarsTouched:
        """The protected stars that the mask touches."""
        return self.prepared.protected.touched(self.pixels)

    def save(self, path: str | Path | None, cards: Iterable[tuple[str, Any, str]] = (), **options: Any) -> Path:
        """Write the merged mask.

        Parameters
        ----------
        path : path-like or None
            The file; None for the default path.
        cards : iterable of (str, value, str), optional
            More header cards.
        **options
            Options of `save_mask`, by default those of the recipe.

        Returns
        -------
        `~pathlib.Path`
            The file that was written.
        """
        recipe = self.prepared.recipe
        names = 'kind', 'cleaned', 'repair', 'dq'
        options = {name: getattr(recipe, name) for name in names} | options
        return save_mask(
            self.prepared.frame,
            self.detection,
            self.segments,
            path,
            crmask=self.crmask,
            sources=self.prepared.sources,
            cards=[*self._cards(options['repair']), *cards],
            **options,
        )

    def _cards(self, repair: str) -> list[tuple[str, Any, str]]:
        recipe = self.prepared.recipe
        cards = [*grow_cards(recipe.grow), *repair_cards(repair), *star_cards(self.touched)]
        if recipe.protect is not None:
            cards += protect_cards(recipe.protect.name, self.prepared.protected, self.protected, self.kept)
        return cards


def run_recipe(prepared: PreparedFrame) -> RecipeResult:
    """Detect the cosmic rays of a prepared frame.

    Parameters
    ----------
    prepared : PreparedFrame
        The frame with its masks and parameters.

    Returns
    -------
    RecipeResult
        The detected pixels and segments.
    """
    frame, recipe = prepared.frame, prepared.recipe
    detection = with_tails(frame, prepared.detection, recipe.tails)
    segments = segment(frame, detection, recipe.min_size)
    dark = next((mask.image for mask in frame.masks if mask.image is not None), None)
    decisions = Review(frame.shape).decisions(segments, recipe.grow)  # a review without edits
    kept = None
    if recipe.keep_protected:
        cosmic_rays, decisions = decisions, decisions.without(prepared.protected.cores[0])
        kept = len(cosmic_rays.pixels) - len(decisions.pixels)
    segments = decisions.annotate(with_hints(frame, detection, segments, dark), recipe.repair)
    crmask = decisions.mask if recipe.grow or kept else None
    return RecipeResult(prepared, detection, segments, crmask, kept)
