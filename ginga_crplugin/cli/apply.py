"""The ``apply`` command."""

import argparse
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import FILE_EXT, positive_int
from .console import add_verbosity, fail
from .tail_options import add_tail_options, given_tails

if TYPE_CHECKING:
    from ginga_crplugin.batch.job import Outcome
    from ginga_crplugin.recipe.recipe import Recipe

__all__ = ['add_arguments', 'run']

#: The packages that the extra ``batch`` installs.
_REQUIRED = 'distributed', 'jinja2', 'matplotlib', 'tqdm'


def add_arguments(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        The commands of the parser.
    """
    command = commands.add_parser(
        'apply',
        allow_abbrev=False,
        help='apply a recipe to many frames',
        description='Apply a recipe (written by detect --save-recipe) to many frames, and save a mask for each, a '
        'summary (summary.ecsv) and a report (report.html). Prints a line for each frame. The exit code is 1 if a '
        'frame failed.',
        epilog='Every image of a file is processed, and has its own mask. ' + FILE_EXT,
    )
    command.add_argument('recipe', type=Path, metavar='RECIPE', help='apply this recipe (YAML)')
    command.add_argument(
        'frames',
        nargs='+',
        metavar='FRAMES',
        help="process these FITS files, patterns, folders, or fsspec addresses ('s3://...')",
    )
    command.add_argument(
        '-o',
        '--output',
        type=Path,
        required=True,
        metavar='DIR',
        help='write the masks, the summary and the report to DIR',
    )
    command.add_argument(
        '--where',
        type=_keyword,
        action='append',
        default=[],
        metavar='KEY=VALUE',
        help='select frames by header keyword, such as imagetyp=LIGHT; can be given several times',
    )
    add_tail_options(command)
    work = command.add_mutually_exclusive_group()
    work.add_argument('-j', '--jobs', type=positive_int, metavar='N', help='use N processes (default: one per core)')
    work.add_argument('--scheduler', metavar='tcp://HOST:PORT', help='use the workers of a running Dask cluster')
    existing = command.add_mutually_exclusive_group()
    existing.add_argument(
        '--resume',
        action='store_true',
        help='continue an earlier run; frames with a complete output of this recipe are skipped',
    )
    existing.add_argument('--overwrite', action='store_true', help='overwrite existing masks, except reviewed ones')
    add_verbosity(
        command, 'print one JSON object per line', 'print the output of each frame, and the time that it took (second)'
    )
    command.set_defaults(run=run, usage_error=command.error)


def _keyword(text: str) -> tuple[str, int | float | str]:
    """Parse ``KEY=VALUE``; the value is a number if it can be read as one."""
    key, equals, value = text.partition('=')
    if not (key.strip() and equals):
        msg = f'{text!r} is not of the form KEY=VALUE'
        raise argparse.ArgumentTypeError(msg)
    for kind in (int, float):
        with suppress(ValueError):
            return key.strip(), kind(value)
    return key.strip(), value.strip()


def run(args: argparse.Namespace) -> int:
    """Apply a recipe to many frames, print a line for each, and write the summary and the report.

    Parameters
    ----------
    args : `argparse.Namespace`
        The parsed arguments.

    Returns
    -------
    int
        The exit code, 1 if a frame failed.

    Raises
    ------
    ValueError
        If a required package is not installed, or the repair of the recipe needs another exposure.
    """
    for name in _REQUIRED:
        if find_spec(name) is None:
            msg = f"apply needs {name}: pip install 'ginga-crplugin[batch]'"
            raise ValueError(msg)
    workers = args.jobs or os.cpu_count() or 1
    if workers > 1 and not args.scheduler:
        from ginga_crplugin.batch.forkserver import start_forkserver

        start_forkserver()  # before the imports below, so that both run at the same time
    from ginga_crplugin.batch.apply import apply_recipe, find_files
    from ginga_crplugin.batch.cluster import local_client, remote_client
    from ginga_crplugin.core.repair_names import refuse_exposure
    from ginga_crplugin.recipe.parse import load_recipe
    from ginga_crplugin.report.page import write_report

    recipe = load_recipe(args.recipe)
    recipe = replace(recipe, tails=given_tails(args, recipe.tails))
    if recipe.cleaned:
        refuse_exposure(recipe.repair)
    files = find_files(args.frames, dict(args.where))
    if not files:
        args.usage_error('no frame matches --where')
    _prepare_folder(args, recipe)
    cluster: AbstractContextManager[Any] = nullcontext()
    if args.scheduler:
        cluster = remote_client(args.scheduler)
    elif workers > 1 and (len(files) > 1 or args.jobs):
        cluster = local_client(workers)
    with cluster as client:
        results = apply_recipe(recipe, files, args.output, client=client, overwrite=args.overwrite, resume=args.resume)
        outcomes = list(_print_progress(results, len(files), args))
    written = write_report(args.output, outcomes, recipe)
    if not args.quiet:
        _print_totals(outcomes, written, as_json=args.json)
    return int(any(outcome.status == 'failed' for outcome in outcomes))


def _prepare_folder(args: argparse.Namespace, recipe: 'Recipe') -> None:
    """Create the output folder, check that it can be used, and save the recipe in it."""
    from ginga_crplugin.recipe.format import save_recipe
    from ginga_crplugin.report.page import check_folder

    args.output.mkdir(parents=True, exist_ok=True)
    check_folder(args.output)
    copy = args.output / 'recipe.yaml'
    if copy.exists() and not (args.resume or args.overwrite):
        msg = f'{args.output} already has results; use --resume to continue, or --overwrite to start again'
        raise FileExistsError(msg)
    if not (copy.exists() and copy.samefile(args.recipe)):
        save_recipe(recipe, copy, overwrite=True)


def _print_progress(outcomes: 'Iterable[Outcome]', files: int, args: argparse.Namespace) -> 'Iterator[Outcome]':
    """Print a line for each outcome above a progress bar, and yield the outcome."""
    from tqdm import tqdm

    hidden = True if args.quiet else None  # None: hidden where the output is not a terminal
    with tqdm(total=files, unit='frame', file=sys.stderr, disable=hidden, leave=False, dynamic_ncols=True) as bar:
        seen = set()
        for outcome in outcomes:
            if outcome.path not in seen:  # the number of frames in a file is known from its first outcome
                seen.add(outcome.path)
                bar.total += outcome.frames_in_file - 1
            with bar.external_write_mode(file=sys.stdout):
                _print_outcome(outcome, args)
            bar.update()
            yield outcome


def _print_outcome(outcome: 'Outcome', args: argparse.Namespace) -> None:
    if args.quiet:
        if outcome.status == 'failed':
            fail(f'{_name(outcome)}: {_reason(outcome)}')
        return
    print(_json_line(outcome) if args.json else _text_line(outcome), flush=True)
    if args.verbose and outcome.output:
        print(f'{"":<8} {outcome.output}, {outcome.seconds:.1f} s', flush=True)


def _print_totals(outcomes: 'list[Outcome]', written: list[Path], *, as_json: bool) -> None:
    failed = sum(outcome.status == 'failed' for outcome in outcomes)
    marks = {
        mark: Counter(name for outcome in outcomes for name, found in outcome.checks if found == mark)
        for mark in ('error', 'warning')
    }
    if as_json:
        totals = {'frames': len(outcomes), 'failed': failed, 'written': [str(path) for path in written]}
        print(json.dumps(totals | {'errors': marks['error'], 'warnings': marks['warning']}))
        return
    done = sum(outcome.status == 'done' for outcome in outcomes)
    frames = 'frame' if len(outcomes) == 1 else 'frames'
    print(f'{len(outcomes)} {frames}: {done} done, {len(outcomes) - done - failed} skipped, {failed} failed')
    print(*(f'written: {path}' for path in written), sep='\n')
    counts = [f'{name} ({number} {"frame" if number == 1 else "frames"})' for name, number in marks['error'].items()]
    print('errors in checks:', ', '.join(counts) or 'none')


def _name(outcome: 'Outcome') -> str:
    return f'{outcome.path} [{outcome.ext}]' if outcome.output else outcome.path


def _reason(outcome: 'Outcome') -> str:
    """Return why a frame failed, without its path, with which the line begins."""
    return outcome.reason.removeprefix(f'{outcome.path}: ')


def _text_line(outcome: 'Outcome') -> str:
    if outcome.status == 'failed':
        return f'failed   {_name(outcome)}: {_reason(outcome)}'
    rule = f'; rule {outcome.rule}' if outcome.rule else ''
    checks = f'; {outcome.checks_text}' if outcome.checks else ''
    state = 'reviewed' if outcome.reviewed else outcome.status
    segments = 'segment' if outcome.segments == 1 else 'segments'
    return (
        f'{state:<8} {_name(outcome)}: {outcome.pixels} px in {outcome.segments} {segments}, '
        f'{100.0 * outcome.excluded_fraction:.1f} % excluded{rule}{checks}'
    )


def _json_line(outcome: 'Outcome') -> str:
    """Return an outcome as JSON; unknown numbers become null."""
    values = asdict(outcome) | {'checks': outcome.checks_text}
    return json.dumps(
        {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}, allow_nan=False
    )
