"""The room in which a recipe is written: YAML with a comment on each entry."""

from dataclasses import fields
from pathlib import Path

import yaml

from ginga_crplugin.core.bits import CAUSES
from ginga_crplugin.core.params import FromHeader, LACosmicParams
from ginga_crplugin.io.atomic import AtomicFile

from .parse import VERSION
from .recipe import CHECKS, REMEDIES

__all__ = ['format_recipe', 'save_recipe']


def save_recipe(recipe, path, *, overwrite=False):
    """Write a recipe as commented YAML, and return its path.

    Parameters
    ----------
    recipe : Recipe
    path : path-like
    overwrite : bool, optional
        Whether an existing file may be replaced.

    Raises
    ------
    OSError
        If it can't be written, or is there already.
    """
    path = Path(path)
    AtomicFile(path, overwrite=overwrite).write(format_recipe(recipe, path.parent).encode())
    return path


def format_recipe(recipe, folder=None):
    """Return a recipe as commented YAML.

    Parameters
    ----------
    recipe : Recipe
    folder : path-like, optional
        Where the text will stand: the paths of masks in it or below are written as they are seen from there.

    Returns
    -------
    str
    """
    return '\n'.join(_lines(recipe, None if folder is None else Path(folder).resolve())) + '\n'


def _lines(recipe, folder):
    yield '# A recipe of ginga_crplugin: what is done with every frame. What is left out has its default.'
    yield f'recipe: {VERSION}  # version of this format'
    if recipe.unit is not None:
        yield f'unit: {_word(recipe.unit)}  # of the pixels, over what BUNIT says'
    yield ''
    yield '# The parameters of L.A.Cosmic. "header": from the header of each frame, which must have it;'
    yield '# "header else 6.5": from there too, and 6.5 where it does not say.'
    yield from _parameter_lines(recipe.parameters, '')
    yield ''
    yield '# What is masked before the run. Paths start from the folder of this file. cause: hot, bad or other; a dark'
    yield '# takes a limit instead, in its own unit. ext: same is that of the frame. With a datasum the pixels must be'
    yield '# the very same.'
    yield f'own_masks: {_word(recipe.own_masks)}  # whether the MASK or DQ in the file of the frame is used'
    yield from _mask_lines(recipe.masks, folder, '')
    yield ''
    yield '# stop: skip a frame if one of these checks is an error:'
    yield f'# {", ".join(CHECKS)}.'
    yield f'# remedy: the masks that these advise are used: {", ".join(REMEDIES)}.'
    yield 'checks:'
    yield f'  stop: {_word(list(recipe.stop))}'
    yield f'  remedy: {_word(list(recipe.remedy))}'
    yield ''
    yield 'segments:'
    yield f'  min_size: {recipe.min_size}  # pixels of the smallest segment that is listed; all are in the mask'
    yield f'  grow: {recipe.grow}  # by how many pixels the cosmic rays are grown in the mask'
    yield ''
    yield 'output:'
    yield f'  kind: {recipe.kind}  # new: the image with MASK, DQ and CRSEG; mask: these alone'
    yield f'  cleaned: {_word(recipe.cleaned)}  # whether CLEANED is added'
    yield ''
    yield '# Rules change this for frames of a kind; the first whose keywords fit is used. Such as:'
    yield '#   - name: red arm'
    yield '#     where: {INSTRUME: RED, XBINNING: [1, 2]}'
    yield '#     parameters: {readnoise: 4.2}'
    yield from _rule_lines(recipe.rules, folder)


def _parameter_lines(parameters, indent):
    yield f'{indent}parameters:' if parameters else f'{indent}parameters: {{}}'
    for item in fields(LACosmicParams):
        if item.name in parameters:
            value = _parameter_word(parameters[item.name])
            unit = f'{item.metadata["unit"]}; ' if item.metadata['unit'] else ''
            yield f'{indent}  {item.name}: {value}  # {unit}{item.metadata["help"].split(". ")[0].rstrip(".")}'


def _parameter_word(value):
    if isinstance(value, FromHeader):
        return 'header' if value.default is None else f'header else {value.default!r}'
    return _word(value)


def _mask_lines(masks, folder, indent):
    yield f'{indent}masks:' if masks else f'{indent}masks: []'
    for mask in masks:
        path = Path(mask.path).resolve()
        if folder is not None and path.is_relative_to(folder):
            path = path.relative_to(folder)
        yield f'{indent}- {"file" if mask.limit is None else "dark"}: {_word(path.as_posix())}'
        if mask.ext is not None:
            yield f'{indent}  ext: {_word(list(mask.ext) if isinstance(mask.ext, tuple) else mask.ext)}'
        if mask.limit is not None:
            yield f'{indent}  limit: {_word(mask.limit)}'
        elif mask.cause is not None:
            yield f'{indent}  cause: {next(word for word, bit in CAUSES.items() if bit == mask.cause)}'
        if mask.datasum:
            yield f'{indent}  datasum: {_word(mask.datasum)}'


def _rule_lines(rules, folder):
    yield 'rules:' if rules else 'rules: []'
    for rule in rules:
        where = {key: list(value) if isinstance(value, tuple) else value for key, value in rule.where.items()}
        yield f'- name: {_word(rule.name)}'
        yield f'  where: {_word(where)}'
        if rule.parameters:
            yield from _parameter_lines(rule.parameters, '  ')
        if rule.masks is not None:
            yield from _mask_lines(rule.masks, folder, '  ')
        checks = {name: getattr(rule, name) for name in ('stop', 'remedy') if getattr(rule, name) is not None}
        if checks:
            yield '  checks:'
            yield from (f'    {name}: {_word(list(names))}' for name, names in checks.items())


def _word(value):
    """Return a value as YAML, on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False)
    return text.removesuffix('...\n').strip()
