"""The ``view`` command."""

import argparse
import os

from ginga_crplugin.io.extension import split_ext
from ginga_crplugin.plugin.launch import open_batch, open_ginga, startup_problem

from .arguments import FILE_EXT, file_and_extension
from .console import fail, print_warnings

__all__ = ['add_arguments', 'run']


def add_arguments(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        The commands of the parser.
    """
    command = commands.add_parser(
        'view',
        allow_abbrev=False,
        help='open frames in Ginga with the Cosmic Rays plugin started',
        description='Open frames in Ginga with the Cosmic Rays plugin started. For a folder written by apply, open the '
        'frames that stand out, with their recipe; a review can be saved back into their masks.',
        epilog=FILE_EXT,
    )
    command.add_argument(
        'frames', type=_frame, nargs='+', metavar='FRAME', help='open this FITS file, or folder written by apply'
    )
    command.add_argument(
        '--all', action='store_true', help='open all frames of the folder (default: those that stand out)'
    )
    command.add_argument(
        '-t', '--toolkit', default='qt', metavar='NAME', help='use this Ginga toolkit (default: the installed Qt)'
    )
    command.set_defaults(run=run, usage_error=command.error)


def _frame(text: str) -> str:
    """Check ``FILE[EXT]`` and return it unchanged, because Ginga parses it itself."""
    file_and_extension(text)
    return text


def run(args: argparse.Namespace) -> int:
    """Open frames, or those of a folder written by ``apply``, in Ginga.

    Parameters
    ----------
    args : `argparse.Namespace`
        The parsed arguments.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    FileNotFoundError
        If a frame does not exist.
    """
    if any(os.path.isdir(frame) for frame in args.frames):  # noqa: PTH112 - a frame may be FILE[EXT], not a path
        return _view_batch(args)
    if args.all:
        args.usage_error('--all needs a folder written by apply')
    for frame in args.frames:
        path = split_ext(frame)[0]
        if not path.is_file():
            msg = f'{path}: no such file'
            raise FileNotFoundError(msg)
    problem = startup_problem(args.toolkit)
    if problem:
        return fail(problem)
    return open_ginga(args.frames, args.toolkit)


def _view_batch(args: argparse.Namespace) -> int:
    from ginga_crplugin.batch.reopen import frames_to_review

    if len(args.frames) > 1:
        args.usage_error('a folder must be the only argument')
    with print_warnings():
        review = frames_to_review(args.frames[0], all_frames=args.all)
    problem = startup_problem(args.toolkit)
    if problem:
        return fail(problem)
    print(*review.messages, sep='\n', flush=True)
    return open_batch(review, args.toolkit)
