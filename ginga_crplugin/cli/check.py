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
        keys = [{'check': c.name, 'mark': c.mark, 'figure': c.figure, 'advice': c.advice} for c in found]
        print(json.dumps(keys, indent=2, allow_nan=False))
        return 0
    for check in found:
        advice = f'; {check.advice}' if check.advice else ''
        print(f'{check.mark:<6}{check.name:<12}{check.figure}{advice}')
    return 0
