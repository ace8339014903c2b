"""Masks and recipe of a frame that was processed before."""

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.input_mask import InputMask, MaskSource
from ginga_crplugin.io.saved_mask import SavedMask

from .mask_cache import cached_mask
from .recipe import Recipe

__all__ = ['made_by_recipe', 'rebuild_recipe', 'run_masks']


def made_by_recipe(frame: Frame, recipe: Recipe | None) -> bool:
    """Return whether the saved mask of a frame was made with a recipe.

    Parameters
    ----------
    frame : Frame
        The frame.
    recipe : Recipe or None
        The recipe.

    Returns
    -------
    bool
        Whether the hash of the recipe is in the header of the mask.
    """
    saved = cast('SavedMask | None', frame.saved)
    return recipe is not None and saved is not None and saved.recipe == recipe.checksum


def run_masks(frame: Frame, recipe: Recipe) -> tuple[tuple[InputMask, ...], tuple[InputMask, ...]]:
    """Return the masks that were used when a frame was processed.

    The saved plane contains all masked pixels, even if the mask files were modified or removed since. Masks of the
    recipe that are part of the plane are returned as the recipe makes them, with their names and images.

    Parameters
    ----------
    frame : Frame
        The frame, whose saved mask was made with the recipe.
    recipe : Recipe
        The recipe.

    Returns
    -------
    rest : tuple of InputMask
        The pixels of the saved plane that are in no mask of the recipe, by cause.
    made : tuple of InputMask
        The masks of the recipe whose pixels are all in the saved plane.
    """
    saved = cast('SavedMask', frame.saved)
    planes = {mask.bit: mask.mask for mask in saved.masks}
    left = {bit: plane.copy() for bit, plane in planes.items()}
    made = []
    for source in recipe.for_header(frame.ccd.header).masks:
        try:
            mask = cached_mask(source, saved.ext)
        except (ValueError, OSError):  # missing or modified; its pixels are in the plane
            continue
        plane = planes.get(mask.bit)
        if mask.mask.shape == frame.shape and plane is not None and not (mask.mask & ~plane).any():
            made.append(mask)
            left[mask.bit] &= ~mask.mask
    rest = (replace(mask, mask=left[mask.bit]) for mask in saved.masks)
    return tuple(mask for mask in rest if mask.mask.any()), tuple(made)


def rebuild_recipe(made: Recipe, base: Recipe, masks: Iterable[InputMask], *, rest_used: bool) -> Recipe:
    """Return the recipe for a frame that was processed before.

    Parameters
    ----------
    made : Recipe
        The recipe that `Recipe.from_frame` makes from the frame.
    base : Recipe
        The recipe of the previous run, without rules.
    masks : iterable of InputMask
        All masks that are listed for the frame, used or not.
    rest_used : bool
        Whether the pixels of the saved plane that are in no mask of the recipe are used: those of the frame's own
        file, of remedies, or of files that are missing now.

    Returns
    -------
    Recipe
        The recipe that gives the same masks.
    """
    if not rest_used:
        return replace(made, own_masks=False)
    listed = [mask.origin for mask in masks if isinstance(mask.origin, MaskSource)]
    missing = tuple(source for source in base.masks if not any(_is_same(source, origin) for origin in listed))
    return replace(made, masks=missing + made.masks, remedy=base.remedy, own_masks=base.own_masks)


def _is_same(source: MaskSource, origin: MaskSource) -> bool:
    return (source.path, source.limit) == (origin.path, origin.limit) and source.ext in (None, origin.ext)
