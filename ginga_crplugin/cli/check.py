"""The ``check`` command."""

import argparse
import json

from .address import local_frame
from .arguments import FILE_EXT, add_frame_arguments
from .console import print_warnings
from .detect import check_usage, prepare_frame
from .detect_output import check_line

__all__ = ['add_arguments', 'run']


def add_arguments(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        The commands of the parser.
    """
    command = commands.add_parser(
        'check',
        allow_abbrev=False,
        help='check whether a frame is suitable for L.A.Cosmic',
        description='Check whether a frame is suitable for L.A.Cosmic: kind of frame, bias, flat, sky, noise, units, '
        'bad pixels, sampling, overscan, non-finite pixels. Prints a line for each check: mark (ok, warning, error), '
        'name, what was measured, what it means, what to do. The exit code is 0 even if a check finds an error, and 1 '
        'if the frame cannot be read.',
        epilog=FILE_EXT,
    )
    add_frame_arguments(command)
    command.add_argument('--json', action='store_true', help='print a JSON list')
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the checks of a frame.

    Parameters
    ----------
    args : `argparse.Namespace`
        The parsed arguments.

    Returns
    -------
    int
        The exit code.
    """
    check_usage(args)
    with local_frame(args), print_warnings():
        checks = prepare_frame(args, stop=False).advice
    if args.json:
        keys = 'name', 'mark', 'measured', 'effect', 'advice'
        print(json.dumps([{key: getattr(check, key) for key in keys} for check in checks], indent=2, allow_nan=False))
        return 0
    for check in checks:
        print(check_line(check))
    return 0
