"""Parsing recipes from YAML, with the line number of each error."""

import os
import re
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from ginga_crplugin.core.bits import CAUSES
from ginga_crplugin.core.diagnostics.check import CHECKS
from ginga_crplugin.core.header import frame_unit
from ginga_crplugin.core.input_mask import MaskSource
from ginga_crplugin.core.lacosmic.tails import TailOptions
from ginga_crplugin.core.params import HEADER_FIELDS, FromHeader, LACosmicParams
from ginga_crplugin.core.pixel_noise import NOISE_SOURCES
from ginga_crplugin.core.repair_names import REPAIRS
from ginga_crplugin.io.dq_flags import DQ_FORMATS
from ginga_crplugin.io.own_masks import parse_dq_bits

from .node_reader import NodeReader
from .recipe import REMEDIES, Recipe
from .rule import Rule

__all__ = ['VERSION', 'load_recipe', 'parse_recipe']

#: Version of the format.
VERSION = 1

#: Size in bytes of the largest file that is read.
_MAX_SIZE = 1_000_000

#: The entries of a recipe.
_RECIPE_KEYS = (
    'recipe',
    'unit',
    'parameters',
    'own_masks',
    'dq_bits',
    'masks',
    'variance',
    'checks',
    'allow_mosaic',
    'segments',
    'stars',
    'output',
    'rules',
)

#: The entries of a rule.
_RULE_KEYS = 'where', 'name', 'parameters', 'masks', 'checks'

_EXT_ERROR = 'ext must be a number, a name, [name, version], or "same"'


def load_recipe(path: str | os.PathLike[str]) -> Recipe:
    """Read a recipe from a YAML file.

    Parameters
    ----------
    path : path-like
        The file; paths of masks are relative to its folder.

    Returns
    -------
    Recipe
        The recipe.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If an entry is unknown or not valid; the message has its line number.
    """
    path = Path(path)
    with path.open('rb') as file:
        content = file.read(_MAX_SIZE + 1)
    if len(content) > _MAX_SIZE:
        msg = f'{path} is not a recipe: it has more than {_MAX_SIZE} bytes'
        raise ValueError(msg)
    return parse_recipe(content, path.parent, path.name)


def parse_recipe(text: str | bytes, folder: str | os.PathLike[str] = '.', name: str = 'recipe') -> Recipe:
    """Parse a recipe from YAML text.

    Parameters
    ----------
    text : str or bytes
        The YAML text.
    folder : path-like, optional
        The folder that paths of masks are relative to.
    name : str, optional
        The name of the recipe in errors and headers.

    Returns
    -------
    Recipe
        The recipe.

    Raises
    ------
    ValueError
        If an entry is unknown or not valid; the message has its line number.
    """
    return _Parser(name, Path(folder)).recipe(text)


class _Parser(NodeReader):
    """Converts a YAML text into a recipe."""

    def recipe(self, text: str | bytes) -> Recipe:
        try:
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
                msg = f'{self._name} is not a recipe: aliases (& and *) are not allowed'
                raise ValueError(msg)
            self._loader = yaml.SafeLoader(text)
            node = self._loader.get_single_node()
        except (yaml.YAMLError, RecursionError) as error:
            mark = getattr(error, 'problem_mark', None)
            line = '' if mark is None else f', line {mark.line + 1}'
            problem = getattr(error, 'problem', None) or str(error).splitlines()[0]
            msg = f'{self._name}{line}: not valid YAML ({problem})'
            raise ValueError(msg) from error
        if node is None:
            msg = f'{self._name} is empty'
            raise ValueError(msg)
        return self._recipe(self._entries(node, _RECIPE_KEYS), node)

    def _recipe(self, entries: dict[str, yaml.Node], node: yaml.Node) -> Recipe:
        if 'recipe' not in entries or self._value(entries['recipe']) != VERSION:
            self._fail(entries.get('recipe', node), f'"recipe: {VERSION}" is missing, the version of the format')
        checks = self._checks(entries)
        values: dict[str, Any] = {
            'parameters': self._parameters(entries),
            'masks': self._masks(entries) or (),
            'own_masks': self._flag(entries, 'own_masks', default=True),
            'unit': self._unit(entries),
            'dq_bits': self._dq_bits(entries),
            'variance': self._choice(entries['variance'], 'variance', NOISE_SOURCES) if 'variance' in entries else None,
            'allow_mosaic': self._flag(entries, 'allow_mosaic', default=False),
            'rules': tuple(self._rule(rule) for rule in self._list(entries.get('rules'))),
            'name': self._name,
        }
        values |= {name: names for name, names in checks.items() if names is not None}
        segments = self._entries(entries.get('segments'), ('min_size', 'grow', 'tails', 'tail_sigma', 'tail_steps'))
        values |= {name: self._integer(segments[name], name) for name in ('min_size', 'grow') if name in segments}
        values['tails'] = self._tails(segments)
        stars = self._entries(entries.get('stars'), ('protect', 'keep'))
        if 'protect' in stars:
            values['protect'] = self._path(stars['protect'])
        values['keep_protected'] = self._flag(stars, 'keep', default=False)
        if values['keep_protected'] and 'protect' not in stars:
            self._fail(stars['keep'], '"keep" needs "protect", a file with stars')
        output = self._entries(entries.get('output'), ('kind', 'cleaned', 'repair', 'dq'))
        if 'dq' in output:
            values['dq'] = self._choice(output['dq'], 'dq', DQ_FORMATS)
        if 'kind' in output:
            values['kind'] = self._choice(output['kind'], 'kind', ('new', 'mask'))
        if 'repair' in output:
            values['repair'] = self._choice(output['repair'], 'repair', tuple(REPAIRS))
        values['cleaned'] = self._flag(output, 'cleaned', default=False)
        return Recipe(**values)

    def _tails(self, entries: dict[str, yaml.Node]) -> TailOptions:
        options: dict[str, Any] = {'enabled': self._flag(entries, 'tails', default=True)}
        for name in ('sigma', 'steps'):
            if (node := entries.get(f'tail_{name}')) is not None:
                options[name] = self._finite(node, f'tail_{name}')
                try:
                    TailOptions(**options)
                except ValueError as error:
                    self._fail(node, error)
        return TailOptions(**options)

    def _rule(self, node: yaml.Node) -> Rule:
        entries = self._entries(node, _RULE_KEYS)
        if 'where' not in entries:
            self._fail(node, 'the rule has no "where"')
        where = {key: self._rule_value(value) for key, value in self._entries(entries['where'], None).items()}
        if not where:
            self._fail(entries['where'], '"where" is empty: give keywords of the header')
        checks = self._checks(entries)
        name = ', '.join(f'{key} {value}' for key, value in where.items())
        if 'name' in entries:
            name = str(self._value(entries['name']))
        masks = self._masks(entries)
        return Rule(where, name, self._parameters(entries), masks, checks['stop'], checks['remedy'])

    def _rule_value(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.SequenceNode):
            return tuple(self._header_value(one) for one in node.value)
        return self._header_value(node)

    def _header_value(self, node: yaml.Node) -> bool | int | float | str:
        """Return a number, a bool or text, as in a header."""
        value = self._value(node)
        return value if isinstance(value, bool | int | float | str) else node.value

    def _parameters(self, entries: dict[str, yaml.Node]) -> dict[str, Any]:
        names = [item.name for item in fields(LACosmicParams)]
        parameters = self._entries(entries.get('parameters'), names)
        return {name: self._parameter(name, node) for name, node in parameters.items()}

    def _parameter(self, name: str, node: yaml.Node) -> Any:
        match = re.fullmatch(r'header(?:\s+else\s+(\S+))?', str(node.value).strip()) if name in HEADER_FIELDS else None
        if match is not None and match[1] is None:
            return FromHeader()
        item = next(item for item in fields(LACosmicParams) if item.name == name)
        value: Any = self._value(node) if match is None else match[1]
        if item.type is float and isinstance(value, str):
            with suppress(ValueError):  # YAML reads 1e4 as text
                value = float(value)
        try:
            value = getattr(LACosmicParams(**{name: value}), name)
        except ValueError as error:
            self._fail(node, error)
        return value if match is None else FromHeader(value)

    def _masks(self, entries: dict[str, yaml.Node]) -> tuple[MaskSource, ...] | None:
        """Return the masks; None if there is no such entry."""
        return tuple(self._mask(node) for node in self._list(entries['masks'])) if 'masks' in entries else None

    def _mask(self, node: yaml.Node) -> MaskSource:
        entries = self._entries(node, ('file', 'dark', 'ext', 'cause', 'limit', 'datasum'))
        kind = 'dark' if 'dark' in entries else 'file'
        if kind not in entries or len({'dark', 'file'} & set(entries)) != 1:
            self._fail(node, 'a mask must have either a "file" or a "dark"')
        path = self._path(entries[kind])
        ext = self._ext(entries['ext']) if 'ext' in entries else None
        datasum = str(self._value(entries['datasum'])) if 'datasum' in entries else ''
        if kind == 'file':
            if 'limit' in entries:
                self._fail(entries['limit'], 'a "limit" is allowed for a "dark" only')
            cause = CAUSES[self._choice(entries['cause'], 'cause', tuple(CAUSES))] if 'cause' in entries else None
            return MaskSource(path, ext, cause, None, datasum)
        if 'limit' not in entries or 'cause' in entries:
            self._fail(node, 'a dark needs a "limit" in its own unit, and no "cause": its pixels are hot')
        return MaskSource(path, ext, CAUSES['hot'], self._finite(entries['limit'], 'limit'), datasum)

    def _path(self, node: yaml.Node) -> Path:
        return self._folder / Path(str(self._value(node))).expanduser()

    def _ext(self, node: yaml.Node) -> int | str | tuple[str, int]:
        if isinstance(node, yaml.SequenceNode):
            values = [self._value(one) for one in node.value]
            if len(values) != 2 or not isinstance(values[0], str) or not isinstance(values[1], int):
                self._fail(node, _EXT_ERROR)
            return tuple(values)
        value = self._value(node)
        if isinstance(value, bool) or not isinstance(value, int | str):
            self._fail(node, _EXT_ERROR)
        return value

    def _checks(self, entries: dict[str, yaml.Node]) -> dict[str, tuple[str, ...] | None]:
        checks = self._entries(entries.get('checks'), ('stop', 'remedy'))
        names: dict[str, tuple[str, ...] | None] = {'stop': None, 'remedy': None}
        for name, node in checks.items():
            allowed = CHECKS if name == 'stop' else REMEDIES
            names[name] = tuple(self._choice(one, name, allowed) for one in self._list(node))
        return names

    def _dq_bits(self, entries: dict[str, yaml.Node]) -> str | tuple[int, ...] | None:
        if 'dq_bits' not in entries:
            return None
        node = entries['dq_bits']
        items = self._list(node) if isinstance(node, yaml.SequenceNode) else [node]
        try:
            return parse_dq_bits(','.join(str(item.value) for item in items))
        except ValueError as error:
            self._fail(node, error)

    def _unit(self, entries: dict[str, yaml.Node]) -> str | None:
        if 'unit' not in entries or self._value(entries['unit']) is None:
            return None
        unit = str(self._value(entries['unit']))
        try:
            frame_unit(unit)
        except ValueError as error:
            self._fail(entries['unit'], error)
        return unit
