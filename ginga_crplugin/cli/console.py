"""What is printed on the terminal: errors, warnings, and how much else."""

import argparse
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ['add_verbosity', 'fail', 'print_warnings']


def add_verbosity(command: argparse.ArgumentParser, json_help: str, verbose_help: str) -> None:
    """Add the options ``--json``, ``--quiet`` and ``--verbose``, of which one can be given.

    Parameters
    ----------
    command : `argparse.ArgumentParser`
        The parser of the command.
    json_help, verbose_help : str
        The help texts.
    """
    group = command.add_mutually_exclusive_group()
    group.add_argument('--json', action='store_true', help=json_help)
    group.add_argument('-q', '--quiet', action='store_true', help='print errors only')
    group.add_argument('-v', '--verbose', action='store_true', help=verbose_help)


def fail(reason: object, code: int = 1) -> int:
    """Print an error as one line on the standard error.

    Parameters
    ----------
    reason : object
        The error, or its text.
    code : int, optional
        The exit code.

    Returns
    -------
    int
        The exit code.
    """
    print('ginga-crplugin:', ' '.join(str(reason).split()), file=sys.stderr)
    return code


@contextmanager
def print_warnings(*, quiet: bool = False) -> Iterator[None]:
    """Print each warning once, as one line, after the block has ended without an error.

    Parameters
    ----------
    quiet : bool, optional
        Whether to print none.

    Yields
    ------
    None
        Nothing.
    """
    import astropy  # noqa: F401  imported first, because it changes how warnings are shown

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('default')
        warnings.simplefilter('ignore', DeprecationWarning)
        yield
    if quiet:
        return
    for text in dict.fromkeys(' '.join(str(item.message).split()) for item in caught):
        print('ginga-crplugin: warning:', text, file=sys.stderr)
