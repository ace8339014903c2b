"""The ``make-mask`` command."""

import argparse
from pathlib import Path
from typing import Any

from ginga_crplugin.io.ccdmask_options import CCDMASK_OPTIONS

from .arguments import check_overwrite, file_and_extension
from .console import print_warnings

__all__ = ['add_arguments', 'run']


def add_arguments(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        The commands of the parser.
    """
    command = commands.add_parser(
        'make-mask',
        allow_abbrev=False,
        help='make an input mask from flats or from a dark',
        description='Make the mask of the bad pixels in flats (with ccdproc.ccdmask), or of the hot pixels in a dark. '
        'The file records the cause; detect, recipes and the panels read it. With flats it takes about ten seconds for '
        'a million pixels, with --byblocks about two.',
        epilog='FILE may end in [EXT], such as flat.fits[SCI,2].',
    )
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument(
        '--flats',
        type=file_and_extension,
        nargs='+',
        metavar='FILE',
        help='mask the bad pixels in the ratio of two flats of different brightness: give the ratio, or both flats',
    )
    source.add_argument(
        '--dark', type=file_and_extension, metavar='FILE', help='mask the hot pixels of a combined dark'
    )
    command.add_argument('--limit', type=float, metavar='X', help='mask pixels of the dark above X, in its unit')
    command.add_argument('-o', '--output', type=Path, required=True, metavar='OUT', help='write the mask to OUT')
    command.add_argument('--overwrite', action='store_true', help='overwrite an existing file')
    options = command.add_argument_group('options of ccdmask')
    for name, (default, lowest, _, text) in CCDMASK_OPTIONS.items():
        flag = lowest is None
        kind: dict[str, Any] = (
            {'action': argparse.BooleanOptionalAction} if flag else {'type': type(default), 'metavar': 'N'}
        )
        default_text = 'no' if flag else f'{default:g}'
        options.add_argument(f'--{name}', default=argparse.SUPPRESS, help=f'{text} (default: {default_text})', **kind)
    command.set_defaults(run=run, usage_error=command.error)


def run(args: argparse.Namespace) -> int:
    """Make the mask and print how many pixels are bad.

    Parameters
    ----------
    args : `argparse.Namespace`
        The parsed arguments.

    Returns
    -------
    int
        The exit code.
    """
    from ginga_crplugin.io.bad_pixel_mask import make_mask

    given = {name: getattr(args, name) for name in CCDMASK_OPTIONS if hasattr(args, name)}
    if args.dark is not None and (args.limit is None or given):
        args.usage_error('--dark needs --limit; the options of ccdmask are for --flats only')
    if args.flats is not None and (args.limit is not None or len(args.flats) > 2):
        args.usage_error('--flats takes one or two files; --limit is for --dark only')
    check_overwrite(args.output, overwrite=args.overwrite)
    with print_warnings():
        path, mask = make_mask(
            args.output, flats=args.flats or (), dark=args.dark, limit=args.limit, overwrite=args.overwrite, **given
        )
    cause = 'bad' if args.dark is None else 'hot'
    print(f'{mask.sum()} of {mask.size} px are {cause} ({100.0 * mask.mean():.2g} %)')
    print(f'written: {path}')
    return 0
