"""The room in which a recipe is read: YAML, and the line of what is wrong in it."""

import re
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import yaml

from ginga_crplugin.core.bits import CAUSES
from ginga_crplugin.core.frame import MaskSource
from ginga_crplugin.core.header import frame_unit
from ginga_crplugin.core.params import HEADER_FIELDS, FromHeader, LACosmicParams

from .recipe import CHECKS, REMEDIES, Recipe, Rule

__all__ = ['VERSION', 'load_recipe', 'parse_recipe']

#: Version of the format, and the largest file that is read (bytes).
VERSION, LARGEST = 1, 1_000_000

_PARTS = 'recipe', 'unit', 'parameters', 'own_masks', 'masks', 'checks', 'segments', 'output', 'rules'
_RULE = 'where', 'name', 'parameters', 'masks', 'checks'


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
    return parse_recipe(content, path.parent, path.name)


def parse_recipe(text, folder='.', name='recipe'):
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
        return Rule(where, name, self._parameters(parts), masks, checks['stop'], checks['remedy'])

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
        entries = self._entries(parts.get('checks'), ('stop', 'remedy'))
        allowed = {'stop': CHECKS, 'remedy': REMEDIES}
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
