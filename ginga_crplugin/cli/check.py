"""The ``check`` command."""

import json

from .console import warnings_in_lines
from .detect import check_usage, prepare_frame

__all__ = ['run']


def run(args):
    """Print the checks of a frame.

    Parameters
    ----------
    args : `argparse.Namespace`

    Returns
    -------
    int
        The exit code.
    """
    check_usage(args)
    with warnings_in_lines():
        found = prepare_frame(args, stop=False).checks
    if args.json:
        keys = 'name', 'mark', 'measured', 'effect', 'advice'
        print(json.dumps([{key: getattr(check, key) for key in keys} for check in found], indent=2, allow_nan=False))
        return 0
    for check in found:
        parts = '; '.join(filter(None, [check.measured, check.effect, check.advice]))
        print(f'{check.mark:<9}{check.name:<12}{parts}')
    return 0
