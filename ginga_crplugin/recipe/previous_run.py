"""The room of the frame that was done before: by which recipe, and with which masks."""

from dataclasses import replace

from ginga_crplugin.core.frame import MaskSource

from .recipe import cached_mask

__all__ = ['made_by_recipe', 'rebuild_recipe', 'run_masks']


def made_by_recipe(frame, recipe):
    """Whether the mask that was saved of a frame was made by a recipe."""
    return recipe is not None and frame.saved is not None and frame.saved.recipe == recipe.checksum


def run_masks(frame, recipe):
    """Return the masks that a frame was run with, each once.

    What was masked stands in the saved plane, whatever has become of the files. Those masks of the recipe that hold
    nothing else than that are given back as the recipe makes them: with their names, and the images behind them.

    Parameters
    ----------
    frame : Frame
        Whose saved mask was made by the recipe.
    recipe : Recipe

    Returns
    -------
    rest, made : tuple of InputMask
        What the masks of the recipe leave of the plane, and these masks.
    """
    planes = {mask.bit: mask.mask for mask in frame.saved.masks}
    left = {bit: plane.copy() for bit, plane in planes.items()}
    made = []
    for source in recipe.for_header(frame.ccd.header).masks:
        try:
            mask = cached_mask(source, frame.saved.ext)
        except (ValueError, OSError):  # gone, or another by now; its pixels are in the plane
            continue
        plane = planes.get(mask.bit)
        if mask.mask.shape == frame.shape and plane is not None and not (mask.mask & ~plane).any():
            made.append(mask)
            left[mask.bit] &= ~mask.mask
    rest = (replace(mask, mask=left[mask.bit]) for mask in frame.saved.masks)
    return tuple(mask for mask in rest if mask.mask.any()), tuple(made)


def rebuild_recipe(made, base, masks, *, rest_used):
    """Return the recipe of what was done with a frame that was done before.

    Parameters
    ----------
    made : Recipe
        As `Recipe.from_frame` makes it of the frame.
    base : Recipe
        The one that the frame was done by, without rules.
    masks : iterable of InputMask
        All that are listed, used or not.
    rest_used : bool
        Whether the masks are used that the recipe's own leave of the plane: they came from the file of the frame, by
        the remedies of the recipe, or from files that are no more.

    Returns
    -------
    Recipe
    """
    if not rest_used:
        return replace(made, own_masks=False)
    listed = [mask.origin for mask in masks if isinstance(mask.origin, MaskSource)]
    gone = tuple(source for source in base.masks if not any(_same(source, origin) for origin in listed))
    return replace(made, masks=gone + made.masks, remedy=base.remedy, own_masks=base.own_masks)


def _same(source, origin):
    return (source.path, source.limit) == (origin.path, origin.limit) and source.ext in (None, origin.ext)
