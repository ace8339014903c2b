"""The room of ``make-mask`` on the command line: what can be typed, and what it prints."""

import argparse
from pathlib import Path

from ginga_crplugin.io.ccdmask_options import CCDMASK_OPTIONS

from .console import warnings_in_lines

__all__ = ['add_make_mask', 'run']


def add_make_mask(commands, file):
    """Add the command to those of the parser; ``file`` understands the name of a file."""
    command = commands.add_parser(
        'make-mask',
        allow_abbrev=False,
        help='make an input mask of flats, or of a dark',
        description='Make the mask of bad pixels that flats show (by ccdproc.ccdmask), or of hot pixels that a dark '
        'shows. The file says why its pixels are bad; detect, recipes and the panels take it as it is. With flats it '
        'takes about ten seconds for a million pixels, --byblocks a fifth of that.',
        epilog='FILE may end in [EXT], such as flat.fits[SCI,2].',
    )
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument(
        '--flats',
        type=file,
        nargs='+',
        metavar='FILE',
        help='the ratio of two flats of different light, or the two flats, whose ratio is then taken',
    )
    what.add_argument('--dark', type=file, metavar='FILE', help='a combined dark')
    command.add_argument('--limit', type=float, metavar='X', help='pixels of the dark above this, in its unit, are hot')
    command.add_argument('-o', '--output', type=Path, required=True, metavar='OUT', help='the file to write')
    command.add_argument('--overwrite', action='store_true', help='replace an existing file')
    options = command.add_argument_group('options of ccdmask')
    for name, (default, lowest, _, words) in CCDMASK_OPTIONS.items():
        kind = {'action': argparse.BooleanOptionalAction} if lowest is None else {'type': type(default), 'metavar': 'N'}
        text = words if lowest is None else f'{words} (default: {default:g})'
        options.add_argument(f'--{name}', default=argparse.SUPPRESS, help=text, **kind)
    command.set_defaults(usage_error=command.error)


def run(args):
    """Make the mask, and say how much of the frame it is.

    Returns
    -------
    int
        The exit code.
    """
    from ginga_crplugin.io.bad_pixel_mask import make_mask

    given = {name: getattr(args, name) for name in CCDMASK_OPTIONS if hasattr(args, name)}
    if args.dark is not None and (args.limit is None or given):
        args.usage_error('--dark needs --limit, and takes no option of ccdmask')
    if args.flats is not None and (args.limit is not None or len(args.flats) > 2):
        args.usage_error('--flats takes one file or two, and no --limit')
    with warnings_in_lines():
        path, mask = make_mask(
            args.output, flats=args.flats or (), dark=args.dark, limit=args.limit, overwrite=args.overwrite, **given
        )
    cause = 'bad' if args.dark is None else 'hot'
    print(f'{mask.sum()} of {mask.size} px are {cause} ({100.0 * mask.mean():.2g} %)')
    print(f'written: {path}')
    return 0
