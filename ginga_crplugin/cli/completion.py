"""The option that prints a completion script for a shell."""

import argparse
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

__all__ = ['PrintCompletion']

#: The shells that are supported.
SHELLS = ('bash', 'zsh', 'tcsh', 'fish')
#: Prefixes of the placeholders (metavar) of arguments that are files or folders.
_FILES = ('FRAME', 'FILE', 'OUT', 'DIR', 'RECIPE')


class PrintCompletion(argparse.Action):
    """Action that prints a completion script for a shell and exits.

    Parameters
    ----------
    option_strings : list of str
        The names of the option.
    dest : str
        The name of the value, which is not set.
    help : str, optional
        The help text.
    """

    def __init__(self, option_strings: list[str], dest: str, help: str | None = None) -> None:  # noqa: ARG002
        super().__init__(option_strings, argparse.SUPPRESS, default=argparse.SUPPRESS, choices=SHELLS, help=help)

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002
        values: Any,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        """Print the script for the shell ``values``."""
        if find_spec('shtab') is None:
            msg = "--print-completion needs shtab: pip install 'ginga-crplugin[completion]'"
            raise ValueError(msg)
        import shtab

        for action in _all_actions(parser):
            if str(action.metavar).startswith(_FILES):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
        print(shtab.complete(parser, shell=values))
        parser.exit()


def _all_actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the arguments of a parser and of its commands."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                yield from _all_actions(command)
