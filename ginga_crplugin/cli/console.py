"""Errors and warnings on the terminal."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ['fail', 'print_warnings']


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
