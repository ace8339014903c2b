"""The room of the recipe: everything needed to do with other frames what was done with one."""

import hashlib
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

from ginga_crplugin.core.diagnostics.frame_checks import check_frame
from ginga_crplugin.core.frame import MaskSource
from ginga_crplugin.core.params import HEADER_FIELDS, FromHeader, LACosmicParams
from ginga_crplugin.core.segments import MIN_SIZE
from ginga_crplugin.io.input_masks import read_mask_source
from ginga_crplugin.io.read import header_unit

from .prepare import FailedCheckError, PreparedFrame

__all__ = ['CHECKS', 'REMEDIES', 'Recipe', 'Rule']

#: The checks that can stop a frame, and those whose remedy is a mask of the frame's own outliers or dark edges.
CHECKS = 'bias', 'flat', 'sky', 'noise', 'units', 'bad_pixels', 'sampling', 'overscan', 'nonfinite'
REMEDIES = 'bad_pixels', 'overscan'


@dataclass(frozen=True)
class Rule:
    """What is different for frames of a kind.

    Attributes
    ----------
    where : dict
        ``{keyword: value or tuple of values}``; all of them must hold. Words are compared without regard to case.
    name : str
        What it is called in the records.
    parameters : dict
        As for `Recipe`, laid over those of the recipe.
    masks : tuple of MaskSource or None
        Instead of those of the recipe; None takes those.
    stop, remedy : tuple of str or None
        Likewise.
    """

    where: dict
    name: str = ''
    parameters: dict = field(default_factory=dict)
    masks: tuple[MaskSource, ...] | None = None
    stop: tuple[str, ...] | None = None
    remedy: tuple[str, ...] | None = None

    def matches(self, header):
        """Whether the rule is for a frame with this header."""
        return all(_holds(header.get(keyword), wanted) for keyword, wanted in self.where.items())


@dataclass(frozen=True)
class Recipe:
    """Parameters, masks, checks and output, to be used on frame after frame.

    Attributes
    ----------
    parameters : dict
        ``{field of LACosmicParams: value or FromHeader}``; those left out come from the header where it has them, else
        they have their defaults.
    masks : tuple of MaskSource
    own_masks : bool
        Whether the MASK or DQ in the frame's own file is used.
    unit : str or None
        Unit of the pixels, over what BUNIT says.
    stop : tuple of str
        A frame is skipped if one of these checks is an error.
    remedy : tuple of str
        The masks that these checks advise are used.
    min_size, grow : int
        The smallest segment listed, and by how many pixels the cosmic rays are grown in the mask.
    kind : {'new', 'mask'}
        Whether the science image stands beside the mask.
    cleaned : bool
        Whether the cleaned image is written too.
    rules : tuple of Rule
        The first whose ``where`` holds is used.
    name : str
        What it is called: its file.

    Raises
    ------
    ValueError
        If a value is not allowed.
    """

    parameters: dict = field(default_factory=dict)
    masks: tuple[MaskSource, ...] = ()
    own_masks: bool = True
    unit: str | None = None
    stop: tuple[str, ...] = ()
    remedy: tuple[str, ...] = ()
    min_size: int = MIN_SIZE
    grow: int = 0
    kind: str = 'new'
    cleaned: bool = False
    rules: tuple[Rule, ...] = ()
    name: str = field(default='recipe', compare=False)

    def __post_init__(self):
        _check_parameters(self.parameters)
        for rule in self.rules:
            _check_parameters(rule.parameters)
        for name in self.stop:
            _check_choice('stop', name, CHECKS)
        for name in self.remedy:
            _check_choice('remedy', name, REMEDIES)
        _check_choice('kind', self.kind, ('new', 'mask'))
        for name, value, low, high in (('min_size', self.min_size, 1, 10**6), ('grow', self.grow, 0, 3)):
            if isinstance(value, bool) or value != int(value) or not low <= value <= high:
                msg = f'{name} is {value!r}: it must be a whole number from {low} to {high}'
                raise ValueError(msg)

    @cached_property
    def checksum(self):
        """A word for all that it says, whatever it and the folders of its masks are called: 32 hexadecimal digits."""
        own = [_said(getattr(self, item.name)) for item in fields(self) if item.compare]
        return hashlib.blake2b(repr(own).encode(), digest_size=16).hexdigest()

    def cards(self, ext):
        """Return the cards by which a mask names the recipe it was made by, and the HDU that its frame was."""
        return [
            ('CRRECIPE', self.name, 'the recipe'),
            ('CRRECSUM', self.checksum, 'a word for what it says'),
            ('CRHDU', ext, 'the HDU of its file that the frame was'),
        ]

    @classmethod
    def from_frame(cls, frame, params, sources, base=None, **options):
        """Make the recipe of what was done with a frame.

        Parameters
        ----------
        frame : Frame
            With the masks that were used.
        params : LACosmicParams
        sources : dict of str
            Where each parameter came from: those of the header will be taken from that of each frame.
        base : Recipe, optional
            The recipe that was used, whose other choices are kept; its rules are not, for they have been applied.
        **options
            Other attributes.

        Returns
        -------
        Recipe

        Raises
        ------
        ValueError
            If a mask came from no file.
        """
        for name in ('background', 'variance', 'psfk'):
            if getattr(frame, name) is not None:
                msg = f'{name} is an image of this frame alone: a recipe cannot hold it'
                raise ValueError(msg)
        base = cls() if base is None else base.for_header(frame.ccd.header)
        made = {item.name: _again(item.name, params, sources, base) for item in fields(params)}
        masks = tuple(_source(mask) for mask in frame.masks if isinstance(mask.origin, MaskSource))
        remedy = tuple(dict.fromkeys(mask.origin for mask in frame.masks if mask.origin in REMEDIES))
        for mask in frame.masks:
            if mask.origin is None:
                msg = f'mask {mask.name} came from no file: write it to one and add that, to have it in a recipe'
                raise ValueError(msg)
        unit = None if header_unit(frame.ccd.header) == frame.ccd.unit else frame.ccd.unit.to_string()
        return replace(base, parameters=made, masks=masks, remedy=remedy, unit=unit, **options)

    def rule_for(self, header):
        """Return the rule for a frame with this header; None if there is none."""
        return next((rule for rule in self.rules if rule.matches(header)), None)

    def for_header(self, header):
        """Return the recipe without rules that this one comes to for a frame with this header."""
        rule = self.rule_for(header)
        changes = {'rules': ()}
        if rule is not None:
            changes['parameters'] = self.parameters | rule.parameters
            given = {name: getattr(rule, name) for name in ('masks', 'stop', 'remedy')}
            changes |= {name: value for name, value in given.items() if value is not None}
        return replace(self, **changes)

    def masks_for(self, frame, params=None):
        """Make the masks that a recipe without rules adds to those of a frame.

        Parameters
        ----------
        frame : Frame
            With the masks of its own file that are used.
        params : LACosmicParams, optional
            Those of the run; by default those of the header, over the recipe's own.

        Returns
        -------
        tuple of InputMask
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

    def prepare(self, frame, chosen=None, masks=()):
        """Make a frame ready: its masks, parameters and checks.

        Parameters
        ----------
        frame : Frame
            As it was read.
        chosen : dict, optional
            Parameters over those of the recipe.
        masks : tuple of InputMask, optional
            Masks besides those of the recipe.

        Returns
        -------
        Prepared

        Raises
        ------
        Stopped
            If a check that the recipe names in `stop` is an error.
        ValueError
            If a mask can't be used, or a parameter is missing.
        """
        masks = tuple(masks)
        rule = self.rule_for(frame.ccd.header)
        own = self.for_header(frame.ccd.header)
        params, sources = frame.parameters(chosen, own.parameters)
        frame = frame.replace(masks=(frame.masks if own.own_masks else ()) + masks)
        frame = frame.replace(masks=frame.masks + own.masks_for(frame, params))
        prepared = PreparedFrame(frame, params, sources, own, '' if rule is None else rule.name)
        against = own.stop and [check for check in prepared.checks if check.name in own.stop and check.mark == 'error']
        if against:
            figures = '; '.join(f'{check.name}: {check.measured}' for check in against)
            msg = f'{frame.name} is not processed: {figures}'
            raise FailedCheckError(msg)
        return prepared


def cached_mask(source, index=0):
    """Make the input mask of a `MaskSource`, once as long as its file stays the same."""
    stat = Path(source.path).stat()
    return _cached(source, index if source.ext == 'same' else 0, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=8)
def _cached(source, index, _mtime, _size):
    return read_mask_source(source, index)


def _source(mask):
    """Return where a mask came from, with its cause as it is now; the pixels of a dark are hot whatever it is."""
    same = mask.origin.cause in (None, mask.bit) or mask.origin.limit is not None
    return mask.origin if same else replace(mask.origin, cause=mask.bit)


def _said(value):
    """Return a value of a recipe in a form that is the same for the same."""
    if isinstance(value, MaskSource):
        return value.path.name, value.ext, value.cause, value.limit, value.datasum
    if isinstance(value, dict):
        return sorted((key, _said(item)) for key, item in value.items())
    if isinstance(value, tuple | list):
        return [_said(item) for item in value]
    if is_dataclass(value):
        return type(value).__name__, [_said(getattr(value, item.name)) for item in fields(value)]
    return float(value) if isinstance(value, int) else value


def _again(name, params, sources, base):
    """Return what a recipe says of a parameter, so that it gets the same value from the same place."""
    value, source = getattr(params, name), sources[name]
    if source in ('user', 'estimated') or name not in HEADER_FIELDS:
        return value
    if isinstance(base.parameters.get(name), FromHeader):
        return base.parameters[name]
    if source == 'default':
        return FromHeader(value)
    return value if source == 'recipe' else FromHeader()


def _check_parameters(parameters):
    names = [item.name for item in fields(LACosmicParams)]
    for name, value in parameters.items():
        _check_choice('a parameter', name, names)
        asked = isinstance(value, FromHeader)
        if asked:
            _check_choice('a parameter from the header', name, HEADER_FIELDS)
        if not asked or value.default is not None:
            LACosmicParams(**{name: value.default if asked else value})


def _check_choice(what, value, allowed):
    if value not in allowed:
        msg = f'{what} is {value!r}: it must be one of {", ".join(allowed)}'
        raise ValueError(msg)


def _holds(value, wanted):
    if isinstance(wanted, tuple):
        return any(_holds(value, one) for one in wanted)
    if isinstance(wanted, str) or isinstance(value, str):
        return str(value).strip().casefold() == str(wanted).strip().casefold()
    return value is not None and value == wanted
