"""Recipes: parameters, masks, checks and outputs that are applied to many frames."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.diagnostics.check import CHECKS
from ginga_crplugin.core.diagnostics.frame_checks import check_frame
from ginga_crplugin.core.diagnostics.frame_kind import require_monochrome
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.input_mask import InputMask, MaskSource
from ginga_crplugin.core.lacosmic.tails import DEFAULT_TAILS, TailOptions
from ginga_crplugin.core.params import HEADER_FIELDS, FromHeader, LACosmicParams
from ginga_crplugin.core.pixel_noise import NOISE_SOURCES, pixel_noise
from ginga_crplugin.core.repair_names import DEFAULT_REPAIR, check_repair
from ginga_crplugin.core.saturation import ESTIMATED
from ginga_crplugin.core.segments import MIN_SIZE
from ginga_crplugin.io.dq_flags import check_dq_format
from ginga_crplugin.io.own_masks import check_dq_bits
from ginga_crplugin.io.read import header_unit

from .mask_cache import cached_mask
from .prepare import FailedCheckError, PreparedFrame
from .rule import Rule, check_choice, check_parameters, hashable

__all__ = ['REMEDIES', 'Recipe']

#: The checks whose remedy is a mask of outliers or unexposed edges.
REMEDIES = 'bad_pixels', 'overscan'

#: The fields that recipes of version 0.1 did not have; their defaults do not change the checksum.
_ADDED = 'variance', 'allow_mosaic', 'dq_bits', 'dq', 'tails', 'repair', 'protect', 'keep_protected'


@dataclass(frozen=True)
class Recipe:
    """Parameters, masks, checks and outputs that are applied to many frames.

    Attributes
    ----------
    parameters : dict
        ``{field of LACosmicParams: value or FromHeader}``; other parameters come from the header if it has them, or
        have their defaults.
    masks : tuple of MaskSource
        The input masks.
    own_masks : bool
        Whether the MASK or DQ extension in the frame's own file is used.
    unit : str or None
        Unit of the pixels, instead of BUNIT.
    stop : tuple of str
        A frame is not processed if one of these checks finds an error.
    allow_mosaic : bool
        Whether color mosaics are processed, of which most pixels are flagged.
    remedy : tuple of str
        The masks proposed by these checks are used.
    min_size : int
        The smallest listed segment in pixels.
    grow : int
        Number of pixels by which the cosmic rays are grown in the mask, 0 to 3.
    tails : TailOptions
        Whether and how the tails of the cosmic rays are found.
    kind : {'new', 'mask'}
        Whether the output contains the science image or only the mask.
    cleaned : bool
        Whether the output contains the cleaned image.
    repair : str
        What replaces the cosmic rays in it, a key of `~ginga_crplugin.core.repair_names.REPAIRS`.
    dq_bits : {'any', 'none'}, tuple of int or None
        The bits of a DQ extension that mask a pixel; None for those of the mission's table.
    dq : {'own', 'hst', 'jwst', 'roman', 'rubin'}
        The mission in whose bits the output has a data-quality plane as well.
    variance : {'own', 'amplifiers'} or None
        ``'own'``: the uncertainty in the frame's own file, or of the frame, is used as the noise of the pixels;
        ``'amplifiers'``: the gain and read noise of each amplifier.
    protect : `~pathlib.Path` or None
        A file with stars of which each that is touched is reported (`~ginga_crplugin.io.star_catalog.read_stars`).
    keep_protected : bool
        Whether the cores of these stars are kept out of the mask.
    rules : tuple of Rule
        The first one that matches the header is used.
    name : str
        The name of its file.

    Raises
    ------
    ValueError
        If a value is not allowed.
    """

    parameters: dict[str, Any] = field(default_factory=dict)
    masks: tuple[MaskSource, ...] = ()
    own_masks: bool = True
    unit: str | None = None
    stop: tuple[str, ...] = ()
    allow_mosaic: bool = False
    remedy: tuple[str, ...] = ()
    min_size: int = MIN_SIZE
    grow: int = 0
    tails: TailOptions = DEFAULT_TAILS
    kind: str = 'new'
    cleaned: bool = False
    repair: str = DEFAULT_REPAIR
    dq_bits: str | tuple[int, ...] | None = None
    dq: str = 'own'
    variance: str | None = None
    protect: Path | None = None
    keep_protected: bool = False
    rules: tuple[Rule, ...] = ()
    name: str = field(default='recipe', compare=False)

    def __post_init__(self) -> None:
        check_parameters(self.parameters)
        for rule in self.rules:
            check_parameters(rule.parameters)
        for name in self.stop:
            check_choice('stop', name, CHECKS)
        for name in self.remedy:
            check_choice('remedy', name, REMEDIES)
        check_choice('kind', self.kind, ('new', 'mask'))
        check_dq_format(self.dq)
        check_repair(self.repair)
        if self.keep_protected and self.protect is None:
            msg = 'keep_protected needs a file with stars: give protect (--protect FILE)'
            raise ValueError(msg)
        if self.dq_bits is not None:
            check_dq_bits(self.dq_bits)
        if self.variance is not None:
            check_choice('variance', self.variance, NOISE_SOURCES)
        for name, value, low, high in (('min_size', self.min_size, 1, 10**6), ('grow', self.grow, 0, 3)):
            if isinstance(value, bool) or value != int(value) or not low <= value <= high:
                msg = f'{name} is {value!r}: it must be a whole number from {low} to {high}'
                raise ValueError(msg)

    @cached_property
    def checksum(self) -> str:
        """Hash of the content in 32 hexadecimal digits, independent of file and folder names."""
        compared = [(item, getattr(self, item.name)) for item in fields(self) if item.compare]
        content = [hashable(value) for item, value in compared if item.name not in _ADDED or value != item.default]
        return hashlib.blake2b(repr(content).encode(), digest_size=16).hexdigest()

    def cards(self, ext: int) -> list[tuple[str, Any, str]]:
        """Return the header cards that identify the recipe and the frame of a mask.

        Parameters
        ----------
        ext : int
            The HDU number of the frame in its file.

        Returns
        -------
        list of (str, value, str)
            Keyword, value and comment.
        """
        return [
            ('CRRECIPE', self.name, 'the recipe'),
            ('CRRECSUM', self.checksum, 'hash of the recipe'),
            ('CRHDU', ext, 'HDU number of the frame in its file'),
        ]

    @classmethod
    def from_frame(
        cls,
        frame: Frame,
        params: LACosmicParams,
        sources: dict[str, str],
        base: 'Recipe | None' = None,
        **options: Any,
    ) -> 'Recipe':
        """Make a recipe from the parameters and masks of a frame.

        Parameters
        ----------
        frame : Frame
            The frame with the masks that were used.
        params : LACosmicParams
            The parameters that were used.
        sources : dict of str
            The source of each parameter's value; values from the header will come from the header of each frame.
        base : Recipe, optional
            The recipe that was used; its other settings are kept, its rules were applied already.
        **options
            Values of other attributes.

        Returns
        -------
        Recipe
            The recipe.

        Raises
        ------
        ValueError
            If a mask was not read from a file, or the frame has a background, variance or kernel image.
        """
        base = cls() if base is None else base.for_header(frame.ccd.header)
        used = {'own': ('variance',), 'amplifiers': ('background', 'variance')}
        made = used.get(str(options.get('variance', base.variance)), ())
        for name in ('background', 'variance', 'psfk'):
            if getattr(frame, name) is not None and name not in made:
                msg = f'{name} is an image of this frame, which a recipe cannot contain: remove it first'
                raise ValueError(msg)
        parameters = {item.name: _recipe_value(item.name, params, sources, base) for item in fields(params)}
        masks = tuple(
            _mask_source(mask.origin, mask.bit) for mask in frame.masks if isinstance(mask.origin, MaskSource)
        )
        remedy = tuple(dict.fromkeys(mask.origin for mask in frame.masks if mask.origin in REMEDIES))
        for mask in frame.masks:
            if mask.origin is None and mask.count:
                msg = (
                    f'mask {mask.name} was not read from a file: write it, or the image with it, to a file and use that'
                )
                raise ValueError(msg)
        unit = None if header_unit(frame.ccd.header) == frame.ccd.unit else frame.ccd.unit.to_string()
        return replace(base, parameters=parameters, masks=masks, remedy=remedy, unit=unit, **options)

    def rule_for(self, header: Mapping[str, Any]) -> Rule | None:
        """Return the rule for a frame with this header.

        Parameters
        ----------
        header : mapping
            The header.

        Returns
        -------
        Rule or None
            The first rule that matches, if any.
        """
        return next((rule for rule in self.rules if rule.matches(header)), None)

    def for_header(self, header: Mapping[str, Any]) -> 'Recipe':
        """Apply the rules for a frame with this header.

        Parameters
        ----------
        header : mapping
            The header.

        Returns
        -------
        Recipe
            The recipe for this frame, without rules.
        """
        rule = self.rule_for(header)
        changes: dict[str, Any] = {'rules': ()}
        if rule is not None:
            changes['parameters'] = self.parameters | rule.parameters
            given = {name: getattr(rule, name) for name in ('masks', 'stop', 'remedy')}
            changes |= {name: value for name, value in given.items() if value is not None}
        return replace(self, **changes)

    def masks_for(self, frame: Frame, params: LACosmicParams | None = None) -> tuple[InputMask, ...]:
        """Make the masks that a recipe without rules adds to those of a frame.

        Parameters
        ----------
        frame : Frame
            The frame with the masks of its own file that are used.
        params : LACosmicParams, optional
            The parameters of the run; by default those of the header and the recipe.

        Returns
        -------
        tuple of InputMask
            The masks of files and of remedies.

        Raises
        ------
        OSError, ValueError
            If a mask cannot be used.
        """
        masks = tuple(cached_mask(source, frame.ext) for source in self.masks)
        if not self.remedy:
            return masks
        if params is None:
            params, _ = frame.parameters(None, {k: v for k, v in self.parameters.items() if v != FromHeader()})
        checks = check_frame(frame.replace(masks=frame.masks + masks), params)
        return masks + tuple(
            check.remedy.mask for check in checks if check.name in self.remedy and check.remedy and check.remedy.mask
        )

    def prepare(
        self, frame: Frame, chosen: dict[str, Any] | None = None, masks: Iterable[InputMask] = ()
    ) -> PreparedFrame:
        """Prepare a frame for detection: add its masks, choose its parameters and check it.

        Parameters
        ----------
        frame : Frame
            The frame as it was read.
        chosen : dict, optional
            Parameters of the user, which override those of the recipe.
        masks : iterable of InputMask, optional
            Masks in addition to those of the recipe.

        Returns
        -------
        PreparedFrame
            The frame with its masks and parameters.

        Raises
        ------
        FailedCheckError
            If a check under ``stop`` finds an error.
        MosaicError
            If the frame is a color mosaic, without ``allow_mosaic``.
        ValueError
            If a mask cannot be used, or a parameter is missing.
        """
        masks = tuple(masks)
        rule = self.rule_for(frame.ccd.header)
        own = self.for_header(frame.ccd.header)
        if own.variance is not None and frame.variance is None:
            frame = pixel_noise(frame, own.variance).applied(frame)
        params, sources = frame.parameters(chosen, own.parameters)
        frame = frame.replace(masks=(frame.masks if own.own_masks else ()) + masks)
        frame = frame.replace(masks=frame.masks + own.masks_for(frame, params))
        prepared = PreparedFrame(frame, params, sources, own, '' if rule is None else rule.name)
        _ = prepared.given_stars  # before the run
        if not own.allow_mosaic:
            require_monochrome(frame, 'to run anyway, use --allow-mosaic, or allow_mosaic: true in the recipe')
        failed = own.stop and [check for check in prepared.checks if check.name in own.stop and check.mark == 'error']
        if failed:
            measured = '; '.join(f'{check.name}: {check.measured}' for check in failed)
            msg = f'{frame.name} is not processed: {measured}'
            raise FailedCheckError(msg)
        return prepared


def _mask_source(origin: MaskSource, cause: MaskBit) -> MaskSource:
    """Return the source of a mask with its present cause; the pixels of a dark are hot in any case."""
    same = origin.cause in (None, cause) or origin.limit is not None
    return origin if same else replace(origin, cause=cause)


def _recipe_value(name: str, params: LACosmicParams, sources: dict[str, str], base: Recipe) -> Any:
    """Return the value of a parameter in a recipe, so that it comes from the same source again."""
    value, source = getattr(params, name), sources[name]
    if source in ('user', 'estimated') or name not in HEADER_FIELDS:
        return value
    if isinstance(base.parameters.get(name), FromHeader):
        return base.parameters[name]
    if source.startswith(ESTIMATED):  # from the pixels of each frame
        return FromHeader(getattr(LACosmicParams(), name))
    if source == 'default':
        return FromHeader(value)
    return value if source == 'recipe' else FromHeader()
