"""The parser of the command line."""

import argparse

from ginga_crplugin import __version__

from . import apply, check, demo, detect, make_mask, sheet, view

__all__ = ['build_parser']


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``ginga-crplugin`` with all its commands.

    Returns
    -------
    `argparse.ArgumentParser`
        The parser; the namespaces it returns have the function of the command as ``run``.
    """
    parser = argparse.ArgumentParser(
        prog='ginga-crplugin',
        allow_abbrev=False,
        description='Find and mask cosmic rays in CCD frames with L.A.Cosmic.',
    )
    parser.add_argument('--version', action='version', version=f'%(prog)s {__version__}')
    commands = parser.add_subparsers(title='commands', dest='command', required=True, metavar='COMMAND')
    for module in (detect, sheet, check, apply, make_mask, view, demo):
        module.add_arguments(commands)
    return parser
