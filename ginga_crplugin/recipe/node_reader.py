"""Values of YAML nodes, with the line number of each error."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import yaml

__all__ = ['NodeReader']


class NodeReader:
    """Converts YAML nodes into values; errors have the line number of the node.

    Parameters
    ----------
    name : str
        The name of the recipe in errors.
    folder : path-like
        The folder that paths are relative to.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._name, self._folder = name, folder
        self._loader: Any = None

    def _fail(self, node: yaml.Node, reason: object) -> NoReturn:
        msg = f'{self._name}, line {node.start_mark.line + 1}: {reason}'
        raise ValueError(msg)

    def _value(self, node: yaml.Node) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            self._fail(node, 'a single value is required')
        try:
            return self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            self._fail(node, f'{node.value!r} is not valid ({str(error).splitlines()[0]})')

    def _entries(self, node: yaml.Node | None, allowed: Iterable[str] | None) -> dict[str, yaml.Node]:
        """Return the entries of a mapping by key; none if there is no node."""
        if node is None or (isinstance(node, yaml.ScalarNode) and self._value(node) is None):
            return {}
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, 'entries of the form "name: value" are required')
        entries = {}
        for key, value in node.value:
            name = str(key.value)
            if not isinstance(key, yaml.ScalarNode) or (allowed is not None and name not in allowed):
                self._fail(key, f'unknown entry {name!r}: it must be one of {", ".join(allowed or ())}')
            if name in entries:
                self._fail(key, f'{name!r} is given twice')
            entries[name] = value
        return entries

    def _list(self, node: yaml.Node | None) -> list[yaml.Node]:
        if node is None or (isinstance(node, yaml.ScalarNode) and self._value(node) is None):
            return []
        if not isinstance(node, yaml.SequenceNode):
            self._fail(node, 'a list is required')
        return node.value

    def _choice(self, node: yaml.Node, name: str, allowed: tuple[str, ...]) -> str:
        value = self._value(node)
        if value not in allowed:
            self._fail(node, f'{name} is {value!r}: it must be one of {", ".join(allowed)}')
        return value

    def _flag(self, entries: dict[str, yaml.Node], name: str, *, default: bool) -> bool:
        if name not in entries:
            return default
        value = self._value(entries[name])
        if not isinstance(value, bool):
            self._fail(entries[name], f'{name} is {value!r}: it must be true or false')
        return value

    def _integer(self, node: yaml.Node, name: str) -> int:
        value = self._value(node)
        low, high = {'min_size': (1, 10**6), 'grow': (0, 3)}[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self._fail(node, f'{name} is {value!r}: it must be a whole number from {low} to {high}')
        return value

    def _finite(self, node: yaml.Node, name: str) -> float:
        value = self._value(node)
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if isinstance(value, bool) or not math.isfinite(number):
            self._fail(node, f'{name} is {value!r}: it must be a finite number')
        return number
