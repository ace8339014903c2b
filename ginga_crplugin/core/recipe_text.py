"""The room of the recipe's text: readable YAML with comments; no other room knows YAML."""

import re
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import yaml

from .bits import CAUSES
from .frame import MaskSource
from .header import frame_unit
from .params import HEADER_FIELDS, FromHeader, LACosmicParams
from .recipe import CHECKS, CURES, Recipe, Rule
from .whole import Place

__all__ = ['load_recipe', 'recipe_of_text', 'save_recipe', 'text_of_recipe']

#: Version of the format, and the largest file that is read (bytes).
VERSION, LARGEST = 1, 1_000_000

_PARTS = 'recipe', 'unit', 'parameters', 'own_masks', 'masks', 'checks', 'segments', 'output', 'rules'
_RULE = 'where', 'name', 'parameters', 'masks', 'checks'


# from text


def load_recipe(path):
    """Read a recipe.

    Parameters
    ----------
    path : path-like
        A YAML file; the paths in it start from its folder.

    Returns
    -------
    Recipe

    Raises
    ------
    OSError
        If it can't be read.
    ValueError
        With the line of an entry that is unknown or wrong.
    """
    path = Path(path)
    with path.open('rb') as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        msg = f'{path} is no recipe: it has more than {LARGEST} bytes'
        raise ValueError(msg)
    return recipe_of_text(content, path.parent, path.name)


def recipe_of_text(text, folder='.', name='recipe'):
    """Make a recipe of its text.

    Parameters
    ----------
    text : str or bytes
    folder : path-like, optional
        Where the paths in it start.
    name : str, optional
        What it is called, in errors and records.

    Returns
    -------
    Recipe
    """
    return _Reader(name, Path(folder)).recipe(text)


class _Reader:
    """Takes the nodes of a YAML text apart, and names the line of what is wrong."""

    def __init__(self, name, folder):
        self._name, self._folder = name, folder
        self._loader = None

    def _fail(self, node, why):
        msg = f'{self._name}, line {node.start_mark.line + 1}: {why}'
        raise ValueError(msg)

    def recipe(self, text):
        try:
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
                msg = f'{self._name} is no recipe: references (& and *) are not allowed'
                raise ValueError(msg)
            self._loader = yaml.SafeLoader(text)
            node = self._loader.get_single_node()
        except (yaml.YAMLError, RecursionError) as error:
            mark = getattr(error, 'problem_mark', None)
            where = '' if mark is None else f', line {mark.line + 1}'
            msg = f'{self._name}{where}: no YAML ({getattr(error, "problem", None) or str(error).splitlines()[0]})'
            raise ValueError(msg) from error
        if node is None:
            msg = f'{self._name} is empty'
            raise ValueError(msg)
        return self._recipe(self._entries(node, _PARTS), node)

    def _recipe(self, parts, node):
        if 'recipe' not in parts or self._value(parts['recipe']) != VERSION:
            self._fail(parts.get('recipe', node), f'"recipe: {VERSION}" is missing: the version of its format')
        checks = self._checks(parts)
        values = {
            'parameters': self._parameters(parts),
            'masks': self._masks(parts) or (),
            'own_masks': self._flag(parts, 'own_masks', default=True),
            'unit': self._unit(parts),
            'rules': tuple(self._rule(rule) for rule in self._list(parts.get('rules'))),
            'name': self._name,
        }
        values |= {name: names for name, names in checks.items() if names is not None}
        segments = self._entries(parts.get('segments'), ('min_size', 'grow'))
        values |= {name: self._whole(entry, name) for name, entry in segments.items()}
        output = self._entries(parts.get('output'), ('kind', 'cleaned'))
        if 'kind' in output:
            values['kind'] = self._choice(output['kind'], 'kind', ('new', 'mask'))
        values['cleaned'] = self._flag(output, 'cleaned', default=False)
        return Recipe(**values)

    def _rule(self, node):
        parts = self._entries(node, _RULE)
        if 'where' not in parts:
            self._fail(node, 'the rule has no "where"')
        where = {key: self._wanted(value) for key, value in self._entries(parts['where'], None).items()}
        if not where:
            self._fail(parts['where'], '"where" is empty: give keywords of the header')
        checks = self._checks(parts)
        name = str(self._value(parts['name'])) if 'name' in parts else ', '.join(f'{k} {v}' for k, v in where.items())
        masks = self._masks(parts)
        return Rule(where, name, self._parameters(parts), masks, checks['stop'], checks['cure'])

    def _wanted(self, node):
        if isinstance(node, yaml.SequenceNode):
            return tuple(self._plain(one) for one in node.value)
        return self._plain(node)

    def _plain(self, node):
        """Return a number, a truth or a word as a header can hold it."""
        value = self._value(node)
        return value if isinstance(value, bool | int | float | str) else node.value

    def _parameters(self, parts):
        entries = self._entries(parts.get('parameters'), [item.name for item in fields(LACosmicParams)])
        return {name: self._parameter(name, node) for name, node in entries.items()}

    def _parameter(self, name, node):
        words = re.fullmatch(r'header(?:\s+else\s+(\S+))?', str(node.value).strip())
        item = next(item for item in fields(LACosmicParams) if item.name == name)
        if words is not None and words[1] is None and name in HEADER_FIELDS:
            return FromHeader()
        asked = words is not None and name in HEADER_FIELDS
        value = words[1] if asked else self._value(node)
        if item.type is float and isinstance(value, str):
            with suppress(ValueError):  # YAML sees a word in 1e4
                value = float(value)
        try:
            value = getattr(LACosmicParams(**{name: value}), name)
        except ValueError as error:
            self._fail(node, error)
        return FromHeader(value) if asked else value

    def _masks(self, parts):
        """Return the masks; None where nothing is said of them."""
        return tuple(self._mask(node) for node in self._list(parts['masks'])) if 'masks' in parts else None

    def _mask(self, node):
        parts = self._entries(node, ('file', 'dark', 'ext', 'cause', 'limit', 'datasum'))
        kind = 'dark' if 'dark' in parts else 'file'
        if kind not in parts or len({'dark', 'file'} & set(parts)) != 1:
            self._fail(node, 'a mask is either a "file" or a "dark"')
        path = self._folder / Path(str(self._value(parts[kind]))).expanduser()
        ext = self._ext(parts['ext']) if 'ext' in parts else None
        total = str(self._value(parts['datasum'])) if 'datasum' in parts else ''
        if kind == 'file':
            if 'limit' in parts:
                self._fail(parts['limit'], 'a limit goes with a "dark"')
            cause = CAUSES[self._choice(parts['cause'], 'cause', tuple(CAUSES))] if 'cause' in parts else None
            return MaskSource(path, ext, cause, None, total)
        if 'limit' not in parts or 'cause' in parts:
            self._fail(node, 'a dark needs a "limit" in its own unit, and no "cause": its pixels above that are hot')
        return MaskSource(path, ext, CAUSES['hot'], self._finite(parts['limit'], 'limit'), total)

    def _ext(self, node):
        if isinstance(node, yaml.SequenceNode):
            values = [self._value(one) for one in node.value]
            if len(values) != 2 or not isinstance(values[0], str) or not isinstance(values[1], int):
                self._fail(node, 'ext is a number, a name, [name, version], or "same"')
            return tuple(values)
        value = self._value(node)
        if isinstance(value, bool) or not isinstance(value, int | str):
            self._fail(node, 'ext is a number, a name, [name, version], or "same"')
        return value

    def _checks(self, parts):
        entries = self._entries(parts.get('checks'), ('stop', 'cure'))
        allowed = {'stop': CHECKS, 'cure': CURES}
        return {
            name: tuple(self._choice(one, name, allowed[name]) for one in self._list(entries[name]))
            if name in entries
            else None
            for name in allowed
        }

    def _unit(self, parts):
        if 'unit' not in parts or self._value(parts['unit']) is None:
            return None
        unit = str(self._value(parts['unit']))
        try:
            frame_unit(unit)
        except ValueError as error:
            self._fail(parts['unit'], error)
        return unit

    # the plain kinds

    def _value(self, node):
        if not isinstance(node, yaml.ScalarNode):
            self._fail(node, 'a single value is needed')
        try:
            return self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            self._fail(node, f'{node.value!r} is not understood ({str(error).splitlines()[0]})')

    def _entries(self, node, allowed):
        """Return the entries of a mapping by their keys; none where there is no node."""
        if node is None or (isinstance(node, yaml.ScalarNode) and self._value(node) is None):
            return {}
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, 'entries of the form "name: value" are needed')
        entries = {}
        for key, value in node.value:
            name = str(key.value)
            if not isinstance(key, yaml.ScalarNode) or (allowed is not None and name not in allowed):
                self._fail(key, f'unknown entry {name!r}: it must be one of {", ".join(allowed or ())}')
            if name in entries:
                self._fail(key, f'{name!r} stands there twice')
            entries[name] = value
        return entries

    def _list(self, node):
        if node is None or (isinstance(node, yaml.ScalarNode) and self._value(node) is None):
            return []
        if not isinstance(node, yaml.SequenceNode):
            self._fail(node, 'a list is needed')
        return node.value

    def _choice(self, node, name, allowed):
        value = self._value(node)
        if value not in allowed:
            self._fail(node, f'{name} is {value!r}: it must be one of {", ".join(allowed)}')
        return value

    def _flag(self, parts, name, *, default):
        if name not in parts:
            return default
        value = self._value(parts[name])
        if not isinstance(value, bool):
            self._fail(parts[name], f'{name} is {value!r}: it must be true or false')
        return value

    def _whole(self, node, name):
        value = self._value(node)
        low, high = {'min_size': (1, 10**6), 'grow': (0, 3)}[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self._fail(node, f'{name} is {value!r}: it must be a whole number from {low} to {high}')
        return value

    def _finite(self, node, name):
        value = self._value(node)
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float('nan')
        if isinstance(value, bool) or number - number != 0.0:
            self._fail(node, f'{name} is {value!r}: it must be a number')
        return number


# to text


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
    Place(path, overwrite=overwrite).write(text_of_recipe(recipe, path.parent).encode())
    return path


def text_of_recipe(recipe, folder=None):
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
    yield '# stop: a frame is left out where one of these finds something wrong:'
    yield f'# {", ".join(CHECKS)}.'
    yield f'# cure: the masks that these advise are used: {", ".join(CURES)}.'
    yield 'checks:'
    yield f'  stop: {_word(list(recipe.stop))}'
    yield f'  cure: {_word(list(recipe.cure))}'
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
        return 'header' if value.otherwise is None else f'header else {value.otherwise!r}'
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
        checks = {name: getattr(rule, name) for name in ('stop', 'cure') if getattr(rule, name) is not None}
        if checks:
            yield '  checks:'
            yield from (f'    {name}: {_word(list(names))}' for name, names in checks.items())


def _word(value):
    """Return a value as YAML, on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False)
    return text.removesuffix('...\n').strip()
