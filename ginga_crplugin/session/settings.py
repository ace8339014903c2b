"""The room of the choices: parameters, recipe and masks, as the user wants them for the frame at hand."""

from dataclasses import dataclass, field, fields, replace

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.frame import InputMask
from ginga_crplugin.core.params import FromHeader, LACosmicParams
from ginga_crplugin.recipe.previous_run import made_by_recipe, rebuild_recipe, run_masks
from ginga_crplugin.recipe.recipe import Recipe

__all__ = ['MaskSetting', 'Settings', 'masks_of']


@dataclass(frozen=True, eq=False)
class MaskSetting:
    """An input mask, and whether it is used."""

    mask: InputMask
    used: bool = True
    own: bool = False


def masks_of(frame, recipe):
    """Return the masks of a frame alone: those of its file, and those that a recipe makes for it."""
    used = recipe is None or recipe.own_masks
    if made_by_recipe(frame, recipe):
        (own, made), used = run_masks(frame, recipe), True
    elif recipe is None:
        own, made = frame.masks, ()
    else:
        own = frame.masks
        made = recipe.for_header(frame.ccd.header).masks_for(frame if used else frame.replace(masks=()))
    choices = [MaskSetting(mask, used, own=True) for mask in own]
    return tuple(choices + [MaskSetting(mask, own=True) for mask in made])


@dataclass(frozen=True, eq=False)
class Settings:
    """What the user chose; another choice is another `Settings`.

    Attributes
    ----------
    given : dict
        Parameters over those of the header and the recipe, by field name.
    recipe : Recipe or None
        The recipe that is used.
    masks : tuple of MaskSetting
        The input masks, used or not.
    """

    given: dict = field(default_factory=dict)
    recipe: Recipe | None = None
    masks: tuple[MaskSetting, ...] = ()

    def resolved(self, frame):
        """Return the parameters for a frame (`LACosmicParams`), None for no frame, and where each comes from."""
        if frame is not None:
            return frame.parameters(self.given, self._of_recipe(frame))
        params = LACosmicParams(**self.given)
        return params, {name: 'user' if name in self.given else 'default' for name in vars(params)}

    def _of_recipe(self, frame):
        """Return what the recipe says for a frame; what its header lacks is shown, and can be given by hand."""
        if self.recipe is None:
            return {}
        parameters = self.recipe.for_header(frame.ccd.header).parameters
        return {name: value for name, value in parameters.items() if value != FromHeader()}

    def with_params(self, values):
        """Return them with other parameters; None gives one back. Raise a ValueError if a name or value is none."""
        names = [item.name for item in fields(LACosmicParams)]
        for name in values:
            if name not in names:
                msg = f'{name} is no parameter: there are {", ".join(names)}'
                raise ValueError(msg)
        given = {name: value for name, value in (self.given | values).items() if value is not None}
        LACosmicParams(**given)
        return replace(self, given=given)

    # the masks

    def with_mask(self, mask, *, own=False):
        """Return them with another `InputMask`; one of its own goes with the frame."""
        return replace(self, masks=(*self.masks, MaskSetting(mask, own=own)))

    def with_mask_changed(self, index, used, bit):
        """Return them with a mask used or not, or of another cause; None leaves it as it is."""
        old = self.masks[index]
        mask = old.mask if bit is None else replace(old.mask, bit=MaskBit(bit))
        new = MaskSetting(mask, old.used if used is None else used, old.own)
        return replace(self, masks=(*self.masks[:index], new, *self.masks[index + 1 :]))

    def without_frame(self):
        """Return what holds for the frames that come."""
        return replace(self, masks=tuple(choice for choice in self.masks if not choice.own))

    def used(self, shape):
        """Return the masks that are used on a frame of a shape (tuple of `InputMask`)."""
        return tuple(choice.mask for choice in self.masks if choice.used and choice.mask.mask.shape == shape)

    def dark(self, shape):
        """Return the dark, (ny, nx), that a mask was made from; None if there is none of this shape."""
        images = (choice.mask.image for choice in self.masks)
        return next((image for image in images if image is not None and image.shape == shape), None)

    # the recipe

    def as_saved(self, frame):
        """Return them as they were when the mask of a frame was saved that was made by the recipe that is used."""
        plain, _ = replace(self, given={}).resolved(frame)
        given = {name: value for name, value in frame.saved.params.items() if value != getattr(plain, name)}
        return replace(self, given=given, masks=tuple(choice for choice in self.masks if choice.own))

    def done_before(self, frame):
        """Whether the mask that was saved of a frame was made by the recipe that is used."""
        return frame is not None and made_by_recipe(frame, self.recipe)

    def recipe_of(self, frame, **options):
        """Return what is done with a frame, as a `Recipe` for others.

        Raises
        ------
        ValueError
            If a mask that is used came from no file, or if only some of those in the frame's own file are used.
        """
        own = [choice.used for choice in self.masks if choice.mask.origin == 'own']
        if len(set(own)) > 1:
            msg = "of the masks in the frame's own file some are used and some are not: a recipe uses all or none"
            raise ValueError(msg)
        made = Recipe.from_frame(frame, *self.resolved(frame), self.recipe, own_masks=all(own), **options)
        if not self.done_before(frame):
            return made
        base = self.recipe.for_header(frame.ccd.header)
        return rebuild_recipe(made, base, [choice.mask for choice in self.masks], rest_used=all(own))
