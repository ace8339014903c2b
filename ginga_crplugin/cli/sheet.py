"""The ``sheet`` command."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .address import local_frame
from .arguments import FILE_EXT, add_allow_mosaic, add_frame_arguments, add_min_size, positive_int
from .console import print_warnings
from .detect import check_usage, find_cosmic_rays
from .tail_options import add_tail_options

if TYPE_CHECKING:
    from ginga_crplugin.core.frame import Frame
    from ginga_crplugin.core.lacosmic.detection import Detection

__all__ = ['add_arguments', 'run']


def add_arguments(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        The commands of the parser.
    """
    command = commands.add_parser(
        'sheet',
        allow_abbrev=False,
        help='write a contact sheet of the detections',
        description='Detect the cosmic rays of a frame, and write a contact sheet: each segment in the mask, the '
        'frame, the dark if one is given, and the cleaned frame. Without --dark-limit, the dark is only '
        'shown, and its hot pixels are not masked.',
        epilog=FILE_EXT,
    )
    add_frame_arguments(command)
    add_allow_mosaic(command)
    group = command.add_argument_group('output')
    group.add_argument(
        '-o',
        '--output',
        type=_sheet_file,
        required=True,
        metavar='OUT',
        help='write to OUT.pdf or OUT.png; several pages of PNG become OUT-1.png, OUT-2.png, ...',
    )
    which = group.add_mutually_exclusive_group()
    which.add_argument(
        '--largest', type=positive_int, metavar='N', help='show the N largest segments (default: all listed segments)'
    )
    which.add_argument('--labels', type=_labels, metavar='1,5,9', help='show the segments with these labels')
    group.add_argument('--overwrite', action='store_true', help='overwrite an existing file')
    add_min_size(group)
    add_tail_options(group)
    command.set_defaults(run=run, into=False, mask_only=False)


def _labels(text: str) -> list[int]:
    """Parse labels of segments, separated by commas."""
    return [positive_int(number) for number in text.split(',')]


def _sheet_file(text: str) -> Path:
    """Parse the name of a contact sheet."""
    if Path(text).suffix.lower() not in ('.png', '.pdf'):
        msg = f'{text!r} must end in .png or .pdf'
        raise argparse.ArgumentTypeError(msg)
    return Path(text)


def run(args: argparse.Namespace) -> int:
    """Write a contact sheet of the detections.

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
        from ginga_crplugin.figures.contact_sheet import contact_sheet
        from ginga_crplugin.io.provenance import summary_lines

        found = find_cosmic_rays(args)
        frame, detection, segments = found.prepared.frame, found.detection, found.segments
        labels = args.labels or args.largest or 'all'
        caption = f'{frame.label}: {summary_lines(detection, segments)[0]}'
        written = contact_sheet(
            args.output,
            segments,
            labels,
            list(_images(args, frame, detection, found.prepared.recipe.repair)),
            caption=caption,
            overwrite=args.overwrite,
        )
    print(*(f'written: {path}' for path in written), sep='\n')
    return 0


def _images(args: argparse.Namespace, frame: 'Frame', detection: 'Detection', method: str) -> Iterator[tuple[Any, ...]]:
    """Yield the images that each segment is shown in: title, image, and optionally the group that shares a stretch."""
    from ginga_crplugin.core.bits import merge_mask
    from ginga_crplugin.core.repair.repair import repair
    from ginga_crplugin.figures.cutout import mask_image
    from ginga_crplugin.io.read import read_image

    yield 'mask', mask_image(merge_mask(frame, detection))
    cleaned = repair(frame, detection, method=method).cleaned
    yield 'science', frame.ccd.data.astype(cleaned.dtype, copy=False)
    if args.dark is not None:
        yield 'dark', read_image(*args.dark)[0].astype(float), 'dark'
    yield 'cleaned', cleaned
