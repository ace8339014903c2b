"""The parser of the command line."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from ginga_crplugin import __version__

from . import apply, check, demo, detect, make_mask, sheet, tune, view
from .completion import PrintCompletion

__all__ = ['build_parser']


class _Parser(argparse.ArgumentParser):
    """A parser that prints a usage error as one line, without the usage of the command."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}; see '{self.prog} --help'\n")

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:  # type: ignore[override]
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:  # here and not after the parsers of all commands, so that the message names the command
            self.error(f'unrecognized arguments: {" ".join(unknown)}')
        return namespace, unknown


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``ginga-crplugin`` with all its commands.

    Returns
    -------
    `argparse.ArgumentParser`
        The parser; the namespaces it returns have the function of the command as ``run``.
    """
    parser = _Parser(
        prog='ginga-crplugin',
        allow_abbrev=False,
        description='Find and mask cosmic rays in CCD frames with L.A.Cosmic.',
    )
    parser.add_argument('--version', action='version', version=f'%(prog)s {__version__}')
    parser.add_argument(
        '--print-completion',
        action=PrintCompletion,
        help='print a script with which the shell completes commands, options and file names',
    )
    commands = parser.add_subparsers(title='commands', dest='command', required=True, metavar='COMMAND')
    for module in (detect, tune, sheet, check, apply, make_mask, view, demo):
        module.add_arguments(commands)
    return parser
