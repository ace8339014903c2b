"""Writing recipes as commented YAML."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from ginga_crplugin.core.bits import CAUSES
from ginga_crplugin.core.diagnostics.check import CHECKS
from ginga_crplugin.core.input_mask import MaskSource
from ginga_crplugin.core.params import FromHeader, LACosmicParams
from ginga_crplugin.core.repair_names import REPAIRS
from ginga_crplugin.io.atomic import AtomicFile

from .parse import VERSION
from .recipe import REMEDIES, Recipe
from .rule import Rule

__all__ = ['format_recipe', 'save_recipe']


def save_recipe(recipe: Recipe, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a recipe as commented YAML.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    path : path-like
        The file to write.
    overwrite : bool, optional
        Whether an existing file may be replaced.

    Returns
    -------
    `~pathlib.Path`
        The file that was written.

    Raises
    ------
    OSError
        If it cannot be written, or exists and ``overwrite`` is not set.
    """
    path = Path(path)
    AtomicFile(path, overwrite=overwrite).write(format_recipe(recipe, path.parent).encode())
    return path


def format_recipe(recipe: Recipe, folder: str | os.PathLike[str] | None = None) -> str:
    """Format a recipe as commented YAML.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    folder : path-like, optional
        The folder of the file: paths of masks in it are written relative to it.

    Returns
    -------
    str
        The text.
    """
    return '\n'.join(_lines(recipe, None if folder is None else Path(folder).resolve())) + '\n'


def _lines(recipe: Recipe, folder: Path | None) -> Iterator[str]:
    yield '# Recipe of ginga_crplugin, applied to every frame. Omitted entries have their defaults.'
    yield f'recipe: {VERSION}  # version of this format'
    if recipe.unit is not None:
        yield f'unit: {_scalar(recipe.unit)}  # of the pixels, instead of BUNIT'
    yield ''
    yield '# Parameters of L.A.Cosmic. "header": from the header of each frame, which must have it;'
    yield '# "header else 6.5": from the header, or 6.5 if it is missing there.'
    yield from _parameter_lines(recipe.parameters, '')
    yield ''
    yield '# Input masks. Paths are relative to the folder of this file. cause: hot, bad or other; a dark has a limit'
    yield '# instead, in its own unit. ext: same is the HDU number of the frame. A datasum must match the pixels.'
    yield f'own_masks: {_scalar(recipe.own_masks)}  # whether to use MASK or DQ in the file of the frame'
    if recipe.dq_bits is not None:
        bits = recipe.dq_bits if isinstance(recipe.dq_bits, str) else list(recipe.dq_bits)
        yield f'dq_bits: {_scalar(bits)}  # of DQ that mask a pixel: any, none, or their values'
    yield from _mask_lines(recipe.masks, folder, '')
    if recipe.variance is not None:
        source = {'own': 'the uncertainty of each frame (UNCERT, ERR, VAR)', 'amplifiers': 'that of each amplifier'}
        yield f'variance: {_scalar(recipe.variance)}  # {source[recipe.variance]} is its noise'
    yield ''
    yield '# stop: a frame is not processed if one of these checks finds an error:'
    yield f'# {", ".join(CHECKS)}.'
    yield f'# remedy: the masks proposed by these checks are used: {", ".join(REMEDIES)}.'
    yield 'checks:'
    yield f'  stop: {_scalar(list(recipe.stop))}'
    yield f'  remedy: {_scalar(list(recipe.remedy))}'
    yield f'allow_mosaic: {_scalar(recipe.allow_mosaic)}  # whether to process color mosaics or to refuse them'
    yield ''
    yield from _segment_lines(recipe)
    yield ''
    if recipe.protect is not None:
        yield from _star_lines(recipe.protect, folder, keep=recipe.keep_protected)
        yield ''
    yield from _output_lines(recipe)
    yield ''
    yield '# Rules change the recipe by header keywords; the first that matches is used. Example:'
    yield '#   - name: red arm'
    yield '#     where: {INSTRUME: RED, XBINNING: [1, 2]}'
    yield '#     parameters: {readnoise: 4.2}'
    yield from _rule_lines(recipe.rules, folder)


def _segment_lines(recipe: Recipe) -> Iterator[str]:
    yield 'segments:'
    yield f'  min_size: {recipe.min_size}  # pixels of the smallest listed segment; the mask contains all'
    yield f'  grow: {recipe.grow}  # pixels by which the cosmic rays are grown in the mask'
    yield f'  tails: {_scalar(recipe.tails.enabled)}  # whether to add the tails of cosmic rays, along their tracks'
    yield f'  tail_sigma: {_scalar(recipe.tails.sigma)}  # minimum height of their pixels, in units of the noise'
    yield f'  tail_steps: {recipe.tails.steps}  # maximum number of steps from a detected pixel'


def _star_lines(protect: Path, folder: Path | None, *, keep: bool) -> Iterator[str]:
    yield 'stars:'
    yield f'  protect: {_scalar(_relative(protect, folder))}  # stars that are reported if they are touched'
    yield f'  keep: {_scalar(keep)}  # whether their cores are kept out of the mask'


def _relative(path: Path, folder: Path | None) -> str:
    """Return a path relative to a folder that contains it."""
    path = Path(path).resolve()
    if folder is not None and path.is_relative_to(folder):
        path = path.relative_to(folder)
    return path.as_posix()


def _output_lines(recipe: Recipe) -> Iterator[str]:
    yield 'output:'
    yield f'  kind: {recipe.kind}  # new: the image with MASK, DQ and CRSEG; mask: without the image'
    yield f'  cleaned: {_scalar(recipe.cleaned)}  # whether to add CLEANED'
    yield f'  repair: {recipe.repair}  # what replaces cosmic rays in it: {", ".join(REPAIRS)}'
    if recipe.dq != 'own':
        yield f'  dq: {recipe.dq}  # the mission in whose bits DQ is written, beside CRDQ'


def _parameter_lines(parameters: dict[str, Any], indent: str) -> Iterator[str]:
    yield f'{indent}parameters:' if parameters else f'{indent}parameters: {{}}'
    for item in fields(LACosmicParams):
        if item.name in parameters:
            value = _parameter_scalar(parameters[item.name])
            unit = f'{item.metadata["unit"]}; ' if item.metadata['unit'] else ''
            yield f'{indent}  {item.name}: {value}  # {unit}{item.metadata["help"].split(". ")[0].rstrip(".")}'


def _parameter_scalar(value: Any) -> str:
    if isinstance(value, FromHeader):
        return 'header' if value.default is None else f'header else {value.default!r}'
    return _scalar(value)


def _mask_lines(masks: Iterable[MaskSource], folder: Path | None, indent: str) -> Iterator[str]:
    yield f'{indent}masks:' if masks else f'{indent}masks: []'
    for mask in masks:
        yield f'{indent}- {"file" if mask.limit is None else "dark"}: {_scalar(_relative(mask.path, folder))}'
        if mask.ext is not None:
            yield f'{indent}  ext: {_scalar(list(mask.ext) if isinstance(mask.ext, tuple) else mask.ext)}'
        if mask.limit is not None:
            yield f'{indent}  limit: {_scalar(mask.limit)}'
        elif mask.cause is not None:
            yield f'{indent}  cause: {next(name for name, bit in CAUSES.items() if bit == mask.cause)}'
        if mask.datasum:
            yield f'{indent}  datasum: {_scalar(mask.datasum)}'


def _rule_lines(rules: Iterable[Rule], folder: Path | None) -> Iterator[str]:
    yield 'rules:' if rules else 'rules: []'
    for rule in rules:
        where = {key: list(value) if isinstance(value, tuple) else value for key, value in rule.where.items()}
        yield f'- name: {_scalar(rule.name)}'
        yield f'  where: {_scalar(where)}'
        if rule.parameters:
            yield from _parameter_lines(rule.parameters, '  ')
        if rule.masks is not None:
            yield from _mask_lines(rule.masks, folder, '  ')
        checks = {name: getattr(rule, name) for name in ('stop', 'remedy') if getattr(rule, name) is not None}
        if checks:
            yield '  checks:'
            yield from (f'    {name}: {_scalar(list(names))}' for name, names in checks.items())


def _scalar(value: Any) -> str:
    """Return a value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False)
    return text.removesuffix('...\n').strip()
