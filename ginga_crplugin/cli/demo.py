"""The ``demo`` command."""

import argparse
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ginga_crplugin.plugin.launch import open_ginga, startup_problem

from .console import print_warnings

if TYPE_CHECKING:
    from ginga_crplugin.demo.demo import Demo

__all__ = ['add_arguments', 'run']


def add_arguments(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        The commands of the parser.
    """
    command = commands.add_parser(
        'demo',
        allow_abbrev=False,
        help='simulate a frame and detect its cosmic rays',
        description='Simulate a frame, detect its cosmic rays, compare them with the simulated ones, and open the '
        'frame in Ginga if there is a display.',
    )
    command.add_argument(
        '-o',
        '--output',
        type=Path,
        default=Path('ginga-crplugin-demo'),
        metavar='DIR',
        help='write the files to DIR (default: ./ginga-crplugin-demo)',
    )
    command.add_argument('--no-gui', action='store_true', help='do not open the frame in Ginga')
    command.add_argument('--overwrite', action='store_true', help='overwrite the files of an earlier demonstration')
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Simulate the demonstration frame, detect its cosmic rays, and open it in Ginga.

    Parameters
    ----------
    args : `argparse.Namespace`
        The parsed arguments.

    Returns
    -------
    int
        The exit code.
    """
    with print_warnings():
        from ginga_crplugin.demo.demo import run_demo

        demo = run_demo(args.output, overwrite=args.overwrite)
    print(*_result_lines(demo), sep='\n', flush=True)
    if args.no_gui:
        return 0
    problem = startup_problem()
    if problem:
        print(problem)
        return 0
    return open_ginga([str(demo.frame)])


def _result_lines(demo: 'Demo') -> Iterator[str]:
    """Yield the comparison with the simulated cosmic rays as lines of text."""
    truth, masked = demo.truth, demo.masked
    yield (
        f'simulated: {masked.hits} cosmic rays ({masked.pixels} px), {truth.hot.sum()} hot pixels, a bad column '
        f'({truth.column.sum()} px), {len(truth.stars)} stars'
    )
    for title, score in (
        ('hot pixels and column masked before the search:', masked),
        ('without the masks:', demo.unmasked),
    ):
        yield title
        yield f'  cosmic rays   {score.hits_found:>5} found {score.hits_missed:>5} missed'
        yield f'  pixels        {score.pixels_found:>5} found {score.pixels_missed:>5} missed'
        yield (
            f'  false pixels  {score.false_pixels:>5}: {score.false_hot} at hot pixels, '
            f'{score.false_column} at the column, {score.false_star} in stars, '
            f'{score.false_adjacent} next to a track, {score.false_other} elsewhere'
        )
    hints = demo.hints
    yield 'hints without the masks:'
    yield (
        f'  hot pixels, column and stars {hints.false_right} of {hints.false} right '
        f'({100.0 * hints.false_right / max(hints.false, 1):.1f} %)'
    )
    yield (
        f'  cosmic rays {hints.cosmic_rays_wrong} of {hints.cosmic_rays} wrong '
        f'({100.0 * hints.cosmic_rays_wrong / max(hints.cosmic_rays, 1):.1f} %)'
    )
    for path in (demo.frame, demo.dark, demo.mask, demo.output, demo.overview):
        yield f'written: {path}'
    limit = f'{demo.dark_limit:g}'
    command = ['ginga-crplugin', 'detect', str(demo.frame), '--dark', str(demo.dark), '--dark-limit', limit]
    yield 'the same with detect: ' + shlex.join([*command, '--mask', f'{demo.mask}:bad', '--overwrite'])
