"""The masks and the noise of a frame, from its file and from a recipe."""

from dataclasses import dataclass

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.input_mask import InputMask
from ginga_crplugin.core.pixel_noise import PixelNoise, pixel_noise
from ginga_crplugin.recipe.previous_run import made_by_recipe, run_masks
from ginga_crplugin.recipe.recipe import Recipe

__all__ = ['MaskSetting', 'masks_of', 'noise_of']


@dataclass(frozen=True, eq=False)
class MaskSetting:
    """An input mask, and whether it is used.

    Attributes
    ----------
    mask : InputMask
        The mask.
    used : bool
        Whether it is used.
    own : bool
        Whether it belongs to the frame, and is dropped when the frame is closed.
    """

    mask: InputMask
    used: bool = True
    own: bool = False


def masks_of(frame: Frame, recipe: Recipe | None) -> tuple[MaskSetting, ...]:
    """Return the masks of a frame: those of its file, and those that a recipe makes for it.

    Parameters
    ----------
    frame : Frame
        The frame as it was read.
    recipe : Recipe or None
        The recipe in use.

    Returns
    -------
    tuple of MaskSetting
        All of them belong to the frame.
    """
    used = recipe is None or recipe.own_masks
    own: tuple[InputMask, ...] = frame.masks
    made: tuple[InputMask, ...] = ()
    if recipe is not None and made_by_recipe(frame, recipe):
        (own, made), used = run_masks(frame, recipe), True
    elif recipe is not None:
        made = recipe.for_header(frame.ccd.header).masks_for(frame if used else frame.replace(masks=()))
    settings = [MaskSetting(mask, used, own=True) for mask in own]
    return tuple(settings + [MaskSetting(mask, own=True) for mask in made])


def noise_of(frame: Frame, recipe: Recipe | None) -> PixelNoise | None:
    """Return the noise of a frame from its uncertainty or its amplifiers, if a recipe uses that.

    Parameters
    ----------
    frame : Frame
        The frame as it was read.
    recipe : Recipe or None
        The recipe in use.

    Returns
    -------
    PixelNoise or None
        The noise; None if the recipe does not use it, or the frame has a variance image.
    """
    if recipe is None or recipe.variance is None or frame.variance is not None:
        return None
    return pixel_noise(frame, recipe.variance)
