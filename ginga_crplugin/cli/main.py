"""The entry point of the command line.

Exit codes: 0 for success; 1 for an input that cannot be used or an output that cannot be written, with one line on the
standard error; 2 for invalid usage; 3 for an error in a check with ``detect --strict``; 130 for an interruption.
"""

import atexit
import gc
import os
import sys
from collections.abc import Sequence

from .console import fail

__all__ = ['main']


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : list of str, optional
        The arguments, by default those of the process.

    Returns
    -------
    int
        The exit code.
    """
    gc.set_threshold(50_000)  # the imports create many objects and no garbage
    atexit.register(gc.freeze)  # or all these objects are searched for garbage when the process ends
    try:
        from .parser import build_parser  # takes a while, and can be interrupted

        args = build_parser().parse_args(argv)
        code: int = args.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return fail('interrupted', 130)
    except BrokenPipeError:  # the reader of the output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError as error:
        return fail(f'not enough memory. {error}')
    except OSError as error:
        return fail(f'{error.filename}: {error.strerror}' if error.filename and error.strerror else error)
    except ValueError as error:
        return fail(error)
    return code
