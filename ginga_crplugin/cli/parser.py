"""The room of the command line's options: what can be typed, and how it is taken apart. Prints and computes nothing."""

import argparse
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from ginga_crplugin import __version__
from ginga_crplugin.core.bits import CAUSES
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.io import extension

from .make_mask import add_make_mask

__all__ = ['build_parser', 'chosen_params', 'split_ext']

_FILE_EXT = 'FILE may end in [EXT], such as frame.fits[SKYFIT] or frame.fits[SCI,2].'


def build_parser():
    """Return the parser of the whole command."""
    parser = argparse.ArgumentParser(
        prog='ginga-crplugin', allow_abbrev=False, description='Find and mask cosmic rays in CCD frames, by L.A.Cosmic.'
    )
    parser.add_argument('--version', action='version', version=f'%(prog)s {__version__}')
    commands = parser.add_subparsers(title='commands', dest='command', required=True, metavar='COMMAND')
    _add_detect(commands)
    _add_sheet(commands)
    _add_check(commands)
    _add_apply(commands)
    add_make_mask(commands, split_ext)
    _add_view(commands)
    _add_demo(commands)
    return parser


def chosen_params(args):
    """Return the parameters of L.A.Cosmic that the user gave, by field name."""
    return {item.name: getattr(args, item.name) for item in fields(LACosmicParams) if hasattr(args, item.name)}


def split_ext(text):
    """Take ``FILE[EXT]`` apart (see `ginga_crplugin.io.extension.split_ext`)."""
    return _typed(extension.split_ext, text)


def _ext(text):
    return _typed(extension.parse_ext, text)


def _typed(understand, text):
    """Understand what was typed, or tell the parser why not."""
    try:
        return understand(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _frame(text):
    """Leave ``FILE[EXT]`` as it is, for Ginga takes it apart itself; but see that it can."""
    split_ext(text)
    return text


def _mask(text):
    """Take ``FILE[EXT]:CAUSE`` apart into file, extension and cause; a file of that very name is taken as it is."""
    name, colon, cause = text.rpartition(':')
    if not colon or Path(text).exists():
        return *split_ext(text), None
    if cause in CAUSES:
        return *split_ext(name), cause
    if split_ext(name)[0].exists():
        msg = f'{cause!r} is no cause: give one of {", ".join(CAUSES)}'
        raise argparse.ArgumentTypeError(msg)
    return Path(text), None, None


def _count(text):
    """Understand a whole number of 1 or more."""
    number = int(text)
    if number < 1:
        msg = f'{number} is not a whole number of 1 or more'
        raise argparse.ArgumentTypeError(msg)
    return number


def _labels(text):
    """Understand numbers of segments, with commas between them."""
    return [_count(number) for number in text.split(',')]


def _sheet_file(text):
    """Understand the name of a sheet."""
    if Path(text).suffix.lower() not in ('.png', '.pdf'):
        msg = f'{text!r} must end in .png or .pdf'
        raise argparse.ArgumentTypeError(msg)
    return Path(text)


def _add_detect(commands):
    detect = commands.add_parser(
        'detect',
        allow_abbrev=False,
        help='find the cosmic rays of a frame and save the mask',
        description='Find the cosmic rays of a frame, and save a mask that keeps every reason why a pixel is bad.',
        epilog=_FILE_EXT,
    )
    _add_input(detect)
    _add_output(detect.add_argument_group('output'))


def _add_apply(commands):
    apply = commands.add_parser(
        'apply',
        allow_abbrev=False,
        help='do with many frames what a recipe says',
        description='Find the cosmic rays of many frames by one recipe (detect --save-recipe writes one), and save a '
        'mask for each, with a summary (summary.ecsv) and a report (report.html). Prints a line for each frame. The '
        'exit code is 1 if a frame failed.',
        epilog='A file of several images is taken image by image. ' + _FILE_EXT,
    )
    apply.add_argument('recipe', type=Path, metavar='RECIPE', help='YAML file')
    apply.add_argument(
        'frames', nargs='+', metavar='FRAMES', help="FITS files, patterns, folders, or fsspec addresses ('s3://...')"
    )
    apply.add_argument('-o', '--output', type=Path, required=True, metavar='DIR', help='where the masks go')
    apply.add_argument(
        '--where',
        type=_keyword,
        action='append',
        default=[],
        metavar='KEY=VALUE',
        help='only frames whose header says so, such as imagetyp=LIGHT; may be given several times',
    )
    work = apply.add_mutually_exclusive_group()
    work.add_argument('-j', '--jobs', type=_count, metavar='N', help='processes (default: one for each core)')
    work.add_argument('--scheduler', metavar='tcp://HOST:PORT', help='a running Dask cluster does the work')
    again = apply.add_mutually_exclusive_group()
    again.add_argument('--resume', action='store_true', help='go on: what is done and whole is left as it is')
    again.add_argument('--overwrite', action='store_true', help='replace masks that are there, but none with a review')
    apply.add_argument('--json', action='store_true', help='print a JSON object a line instead')
    apply.set_defaults(usage_error=apply.error)


def _keyword(text):
    """Take ``KEY=VALUE`` apart; the value is a number where it looks like one."""
    key, equals, value = text.partition('=')
    if not (key.strip() and equals):
        msg = f'{text!r} is not of the form KEY=VALUE'
        raise argparse.ArgumentTypeError(msg)
    for kind in (int, float):
        with suppress(ValueError):
            return key.strip(), kind(value)
    return key.strip(), value.strip()


def _add_sheet(commands):
    sheet = commands.add_parser(
        'sheet',
        allow_abbrev=False,
        help='find the cosmic rays of a frame and draw each beside itself',
        description='Find the cosmic rays of a frame, and draw a contact sheet: each in the mask, the frame, the dark '
        'where one is given, and the cleaned frame.',
        epilog=_FILE_EXT,
    )
    _add_input(sheet)
    _add_drawing(sheet.add_argument_group('output'))
    sheet.set_defaults(into=False, mask_only=False)


def _add_input(command):
    """Add the frame, what goes with it, and the parameters."""
    command.add_argument('frame', type=split_ext, metavar='FRAME', help='FITS file; .gz and .fz too')
    command.add_argument('--ext', type=_ext, metavar='E', help='number, NAME or NAME,VER; by default the first image')
    command.add_argument('--unit', metavar='U', help='unit of the pixels, over what BUNIT says: adu, electron, ...')
    command.add_argument(
        '--recipe', type=Path, metavar='FILE', help='parameters and masks from a recipe; options go before what it says'
    )
    _add_companions(command.add_argument_group('what goes with the frame'))
    _add_params(command.add_argument_group('parameters of L.A.Cosmic'))
    command.set_defaults(usage_error=command.error)


def _add_check(commands):
    check = commands.add_parser(
        'check',
        allow_abbrev=False,
        help='say what speaks against running L.A.Cosmic on a frame',
        description='Check a frame against the notes for users of L.A.Cosmic: bias, flat, sky, noise, units, bad '
        'pixels, sampling, overscan, pixels that are not finite. Prints a line for each: mark (ok, warning, error), '
        'name, what was measured, what it means, what to do. The exit code is 0 whatever the marks are, and 1 if the '
        'frame cannot be read.',
        epilog=_FILE_EXT,
    )
    _add_input(check)
    check.add_argument('--json', action='store_true', help='print a JSON list instead')


def _add_companions(group):
    group.add_argument(
        '--mask',
        type=_mask,
        action='append',
        default=[],
        metavar='FILE[:hot|bad|other]',
        dest='masks',
        help='input mask, every pixel that is not 0 is bad, and the cause (default: what the file says, else other); '
        'may be given several times',
    )
    group.add_argument('--dark', type=split_ext, metavar='FILE', help='combined dark, to mask the hot pixels')
    group.add_argument('--dark-limit', type=float, metavar='X', help='pixels of the dark above this are hot')
    group.add_argument('--no-own-masks', action='store_true', help="leave the frame's own MASK or DQ aside")
    group.add_argument('--background', type=split_ext, metavar='FILE', help="sky image, in the frame's unit")
    group.add_argument('--variance', type=split_ext, metavar='FILE', help="noise squared, in the frame's unit squared")
    group.add_argument(
        '--psf', type=split_ext, metavar='FILE', help='kernel of the point spread, for --fsmode convolve'
    )


def _add_params(group):
    """Add every field of `LACosmicParams`; only what the user gives ends up in the arguments."""
    for item in fields(LACosmicParams):
        option, text = '--' + item.name.replace('_', '-'), _help(item)
        if item.type is bool:
            group.add_argument(option, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text)
            continue
        choices = item.metadata['choices']
        metavar = '{' + ','.join(choices) + '}' if choices else 'N' if item.type is int else 'X'
        group.add_argument(option, type=item.type, default=argparse.SUPPRESS, metavar=metavar, help=text)


def _help(item):
    default = {True: 'yes', False: 'no'}[item.default] if item.type is bool else item.default
    unit = f' {item.metadata["unit"]}' if item.metadata['unit'] else ''
    return f'{item.metadata["help"]} Default: {default}{unit}.'.replace('%', '%%')


def _add_output(group):
    where = group.add_mutually_exclusive_group()
    where.add_argument(
        '-o',
        '--output',
        type=Path,
        metavar='OUT',
        help='default: <name>_crmask.fits beside the frame (<name>_ext4_crmask.fits for a later image of its file)',
    )
    where.add_argument('--into', action='store_true', help="add the mask to the frame's own file")
    group.add_argument('--mask-only', action='store_true', help='write the mask without the science image')
    group.add_argument('--cleaned', action='store_true', help='add the cleaned image')
    group.add_argument('--overwrite', action='store_true', help='replace an existing file, or mask')
    group.add_argument(
        '--save-recipe', type=Path, metavar='FILE', help='write a recipe that does the same with other frames (YAML)'
    )
    _add_min_size(group)
    group.add_argument(
        '--json', action='store_true', help='print one JSON object instead; an infinite number becomes "inf"'
    )


def _add_min_size(group):
    group.add_argument('--min-size', type=_count, metavar='N', help='smallest segment listed (default: 3 px)')


def _add_drawing(group):
    group.add_argument(
        '-o',
        '--output',
        type=_sheet_file,
        required=True,
        metavar='OUT',
        help='OUT.pdf, or OUT.png; of several pages of PNG each becomes a file: OUT-1.png',
    )
    which = group.add_mutually_exclusive_group()
    which.add_argument('--largest', type=_count, metavar='N', help='so many of the segments (default: all listed)')
    which.add_argument('--labels', type=_labels, metavar='1,5,9', help='these segments, of whatever size')
    group.add_argument('--overwrite', action='store_true', help='replace an existing file')
    _add_min_size(group)


def _add_view(commands):
    view = commands.add_parser(
        'view',
        allow_abbrev=False,
        help='open frames in Ginga, with Cosmic Rays started',
        description='Open frames in Ginga, with the plugin Cosmic Rays started on them. Of a folder that apply has '
        'written, the frames that stand out are opened, with the recipe taken up: what is rejected there can be saved '
        'back into their masks.',
        epilog=_FILE_EXT,
    )
    view.add_argument('frames', type=_frame, nargs='+', metavar='FRAME', help='FITS file, or a folder of apply')
    view.add_argument('--all', action='store_true', help='all frames of the folder, not those alone that stand out')
    view.add_argument(
        '-t', '--toolkit', default='qt', metavar='NAME', help="Ginga's toolkit (default: the Qt installed)"
    )
    view.set_defaults(usage_error=view.error)


def _add_demo(commands):
    demo = commands.add_parser(
        'demo',
        allow_abbrev=False,
        help='make a simulated frame and find its cosmic rays',
        description='Make a simulated frame, find its cosmic rays, and say what was found of what is there.',
    )
    demo.add_argument(
        '-o',
        '--output',
        type=Path,
        default=Path('ginga-crplugin-demo'),
        metavar='DIR',
        help='where the files go (default: ./ginga-crplugin-demo)',
    )
    demo.add_argument('--no-gui', action='store_true', help='do not open it in Ginga')
    demo.add_argument('--overwrite', action='store_true', help='replace the files of an earlier demonstration')
