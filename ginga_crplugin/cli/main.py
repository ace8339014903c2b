"""The room of the command line: printing and exit codes. What it needs is imported when it is needed.

Exit codes: 0; 1 with one line on stderr for an input that can't be used or an output that can't be written; 2 for
wrong usage; 130 when interrupted.
"""

import os
import sys
from importlib import import_module

from .console import fail
from .parser import build_parser

__all__ = ['main']


def main(argv=None):
    """Run the command.

    Parameters
    ----------
    argv : list of str, optional
        By default what was typed.

    Returns
    -------
    int
        The exit code.
    """
    args = build_parser().parse_args(argv)
    command = import_module(f'.{args.command.replace("-", "_")}', __package__)
    try:
        code = command.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return fail('interrupted', 130)
    except BrokenPipeError:  # whoever read the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError as error:
        return fail(f'not enough memory. {error}')
    except OSError as error:
        return fail(f'{error.filename}: {error.strerror}' if error.filename and error.strerror else error)
    except ValueError as error:
        return fail(error)
    return code
