"""The settings of the user: parameters, recipe and input masks."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.input_mask import InputMask
from ginga_crplugin.core.lacosmic.tails import DEFAULT_TAILS, TailOptions
from ginga_crplugin.core.params import FromHeader, LACosmicParams
from ginga_crplugin.core.pixel_noise import PixelNoise
from ginga_crplugin.recipe.previous_run import made_by_recipe, rebuild_recipe
from ginga_crplugin.recipe.recipe import Recipe

from .frame_inputs import MaskSetting

__all__ = ['Settings']


@dataclass(frozen=True, eq=False)
class Settings:
    """The settings of the user; a change makes another `Settings`.

    Attributes
    ----------
    given : dict
        Parameters set by the user, by field name; they override those of the header and the recipe.
    recipe : Recipe or None
        The recipe in use.
    masks : tuple of MaskSetting
        The input masks, used or not.
    noise : PixelNoise or None
        The noise of the frame from its uncertainty or its amplifiers; None if it is not used.
    tails : TailOptions
        Whether and how the tails of cosmic rays are found.
    run_anyway : bool
        Whether the open frame is searched even if it is a color mosaic.
    """

    given: dict[str, Any] = field(default_factory=dict)
    recipe: Recipe | None = None
    masks: tuple[MaskSetting, ...] = ()
    noise: PixelNoise | None = None
    tails: TailOptions = DEFAULT_TAILS
    run_anyway: bool = False

    # parameters

    def resolved(self, frame: Frame | None) -> tuple[LACosmicParams, dict[str, str]]:
        """Return the parameters for a frame.

        Parameters
        ----------
        frame : Frame or None
            The frame whose header is used, if any.

        Returns
        -------
        params : LACosmicParams
            The parameters.
        sources : dict of str
            Where each of them comes from.
        """
        if frame is not None:
            return frame.parameters(self.given, self._recipe_parameters(frame))
        params = LACosmicParams(**self.given)
        return params, {name: 'user' if name in self.given else 'default' for name in vars(params)}

    def _recipe_parameters(self, frame: Frame) -> dict[str, Any]:
        """Return the parameters of the recipe; those that the header lacks are left for the user to set."""
        if self.recipe is None:
            return {}
        parameters = self.recipe.for_header(frame.ccd.header).parameters
        return {name: value for name, value in parameters.items() if value != FromHeader()}

    def with_params(self, values: Mapping[str, Any]) -> Self:
        """Return the settings with other parameters.

        Parameters
        ----------
        values : dict
            Values by field name; None resets a parameter to the recipe, the header or the default.

        Returns
        -------
        Settings
            The new settings.

        Raises
        ------
        ValueError
            If there is no such parameter, or a value is not allowed.
        """
        names = [item.name for item in fields(LACosmicParams)]
        for name in values:
            if name not in names:
                msg = f'{name} is not a parameter; the parameters are {", ".join(names)}'
                raise ValueError(msg)
        given = {name: value for name, value in (self.given | dict(values)).items() if value is not None}
        LACosmicParams(**given)
        return replace(self, given=given)

    def reset(self) -> Self:
        """Return the settings with the parameters and tails of the recipe, the header and the defaults.

        Returns
        -------
        Settings
            The new settings.
        """
        return replace(self, given={}, tails=DEFAULT_TAILS if self.recipe is None else self.recipe.tails)

    # masks

    def with_mask(self, mask: InputMask, *, own: bool = False) -> Self:
        """Return the settings with another input mask.

        Parameters
        ----------
        mask : InputMask
            The mask; it is used.
        own : bool, optional
            Whether it is dropped when the frame is closed.

        Returns
        -------
        Settings
            The new settings.
        """
        return replace(self, masks=(*self.masks, MaskSetting(mask, own=own)))

    def with_mask_changed(self, index: int, *, used: bool | None, bit: MaskBit | None) -> Self:
        """Return the settings with one mask changed.

        Parameters
        ----------
        index : int
            The index of the mask.
        used : bool or None
            Whether it is used; None for no change.
        bit : MaskBit or None
            Its cause; None for no change.

        Returns
        -------
        Settings
            The new settings.
        """
        old = self.masks[index]
        mask = old.mask if bit is None else replace(old.mask, bit=MaskBit(bit))
        new = MaskSetting(mask, old.used if used is None else used, old.own)
        return replace(self, masks=(*self.masks[:index], new, *self.masks[index + 1 :]))

    def without_frame(self) -> Self:
        """Return the settings without what belongs to the frame, for the next frame.

        Returns
        -------
        Settings
            The new settings.
        """
        masks = tuple(setting for setting in self.masks if not setting.own)
        return replace(self, masks=masks, noise=None, run_anyway=False)

    def applied(self, frame: Frame) -> Frame:
        """Return a frame with the masks that are used, and with the noise of its pixels if that is used.

        Parameters
        ----------
        frame : Frame
            The frame as it was read.

        Returns
        -------
        Frame
            The frame for the run; the same frame if it has these masks already.
        """
        masks = self.used(frame.shape)
        masked = frame if masks == frame.masks else frame.replace(masks=masks)
        return masked if self.noise is None else self.noise.applied(masked)

    def used(self, shape: tuple[int, int]) -> tuple[InputMask, ...]:
        """Return the masks that are used on a frame.

        Parameters
        ----------
        shape : tuple of int
            (ny, nx) of the frame.

        Returns
        -------
        tuple of InputMask
            Those of this shape that are used.
        """
        return tuple(item.mask for item in self.masks if item.used and item.mask.mask.shape == shape)

    def dark(self, shape: tuple[int, int]) -> np.ndarray | None:
        """Return the dark that a mask was made from.

        Parameters
        ----------
        shape : tuple of int
            (ny, nx) of the frame.

        Returns
        -------
        (ny, nx) ndarray or None
            The first dark of this shape; None if there is none.
        """
        images = (setting.mask.image for setting in self.masks)
        return next((image for image in images if image is not None and image.shape == shape), None)

    # recipe

    @property
    def allow_mosaic(self) -> bool:
        """Whether a color mosaic is searched: the user or the recipe says so."""
        return self.run_anyway or (self.recipe is not None and self.recipe.allow_mosaic)

    def reading(self, unit: str | None = None) -> tuple[str | None, str | tuple[int, ...] | None]:
        """Return how a frame is read with the recipe in use.

        Parameters
        ----------
        unit : str, optional
            The unit that the user gives.

        Returns
        -------
        unit : str or None
            The unit, of the user or else of the recipe.
        dq_bits : str, tuple of int or None
            The bits of a DQ extension that mask a pixel, see `read_frame`.
        """
        return (unit, None) if self.recipe is None else (unit or self.recipe.unit, self.recipe.dq_bits)

    def is_rerun(self, frame: Frame | None) -> bool:
        """Return whether the recipe in use made the saved mask of a frame.

        Parameters
        ----------
        frame : Frame or None
            The frame, with its saved mask if there is one.

        Returns
        -------
        bool
            True if the mask was made by this recipe.
        """
        return frame is not None and made_by_recipe(frame, self.recipe)

    def of_saved_mask(self, frame: Frame) -> Self:
        """Return the settings that made the saved mask of a frame, if `is_rerun`.

        Parameters
        ----------
        frame : Frame
            The frame with its saved mask.

        Returns
        -------
        Settings
            With the parameters of the saved mask.
        """
        plain, _ = replace(self, given={}).resolved(frame)
        saved: Any = frame.saved
        given = {name: value for name, value in saved.params.items() if value != getattr(plain, name)}
        masks = tuple(setting for setting in self.masks if setting.own)
        return replace(self, given=given, masks=masks, tails=saved.tails)

    def recipe_of(self, frame: Frame, **options: Any) -> Recipe:
        """Return the settings as a recipe for other frames.

        Parameters
        ----------
        frame : Frame
            The open frame.
        **options : dict
            Further fields of the recipe.

        Returns
        -------
        Recipe
            The recipe.

        Raises
        ------
        ValueError
            If a mask that is used was not read from a file, or if only some of those in the frame's own file are used.
        """
        in_memory = [setting.used for setting in self.masks if setting.own and setting.mask.origin is None]
        own = in_memory + [setting.used for setting in self.masks if setting.mask.origin == 'own']
        if len(set(own)) > 1:
            msg = "of the masks in the frame's own file some are used and some are not: a recipe uses all or none"
            raise ValueError(msg)
        noise = None if self.noise is None else self.noise.source
        options |= {'own_masks': all(own), 'variance': noise, 'allow_mosaic': self.allow_mosaic, 'tails': self.tails}
        made = Recipe.from_frame(frame, *self.resolved(frame), self.recipe, **options)
        if self.recipe is None or not self.is_rerun(frame):
            return made
        base = self.recipe.for_header(frame.ccd.header)
        return rebuild_recipe(made, base, [setting.mask for setting in self.masks], rest_used=all(own))
