"""Run a recipe on a prepared frame."""

from dataclasses import dataclass

from ginga_crplugin.core.diagnostics.hints import with_hints
from ginga_crplugin.core.lacosmic.detect import detect
from ginga_crplugin.core.review import Review
from ginga_crplugin.core.segments import segment
from ginga_crplugin.io.provenance import grow_cards
from ginga_crplugin.io.save import save_mask

__all__ = ['RecipeResult', 'run_recipe']


@dataclass(frozen=True, eq=False)
class RecipeResult:
    """What a recipe finds in a frame.

    Attributes
    ----------
    prepared : Prepared
    detection : Detection
    segments : Segments
        With hints and decisions.
    crmask : (ny, nx) bool ndarray or None
        The grown cosmic rays; None where they are not grown.
    """

    prepared: object
    detection: object
    segments: object
    crmask: object

    def save(self, path, cards=(), **options):
        """Write the merged mask (see `save_mask`), by default in the kind that the recipe says."""
        recipe = self.prepared.recipe
        options = {'kind': recipe.kind, 'cleaned': recipe.cleaned} | options
        return save_mask(
            self.prepared.frame,
            self.detection,
            self.segments,
            path,
            crmask=self.crmask,
            sources=self.prepared.sources,
            cards=[*grow_cards(recipe.grow), *cards],
            **options,
        )


def run_recipe(prepared):
    """Find the cosmic rays of a frame as its recipe says.

    Parameters
    ----------
    prepared : Prepared

    Returns
    -------
    Found
    """
    frame, recipe = prepared.frame, prepared.recipe
    detection = detect(frame, prepared.params)
    segments = segment(frame, detection, recipe.min_size)
    dark = next((mask.image for mask in frame.masks if mask.image is not None), None)
    decisions = Review(frame.shape).decisions(segments, recipe.grow)  # as if looked at, and nothing rejected
    segments = decisions.annotate(with_hints(frame, detection, segments, dark))
    return RecipeResult(prepared, detection, segments, decisions.mask if recipe.grow else None)
