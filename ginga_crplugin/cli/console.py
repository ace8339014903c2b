"""Errors and warnings on the terminal."""

import sys
import warnings
from contextlib import contextmanager

__all__ = ['fail', 'warnings_in_lines']


def fail(why, code=1):
    """Print one line on the standard error and return the exit code."""
    print('ginga-crplugin:', ' '.join(str(why).split()), file=sys.stderr)
    return code


@contextmanager
def warnings_in_lines():
    """Print a line for each warning when all went well; where it did not, the reason alone matters."""
    import astropy  # noqa: F401  first, for it puts its own hand on warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('default')
        warnings.simplefilter('ignore', DeprecationWarning)
        yield
    for text in dict.fromkeys(' '.join(str(item.message).split()) for item in caught):
        print('ginga-crplugin: warning:', text, file=sys.stderr)
