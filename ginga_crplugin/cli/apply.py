"""The room of the night on the command line: a line for each frame, how far it is, and what failed."""

import json
import math
import os
import sys
from contextlib import nullcontext
from dataclasses import asdict
from importlib.util import find_spec

from ginga_crplugin.batch.forkserver import make_ready

__all__ = ['run']

#: What the extra ``batch`` installs.
_NEEDED = 'distributed', 'jinja2', 'matplotlib', 'tqdm'


def run(args):
    """Apply a recipe to many frames.

    Returns
    -------
    int
        The exit code: 1 if a frame failed.
    """
    for name in _NEEDED:
        if find_spec(name) is None:
            msg = f"apply needs {name}: pip install 'ginga-crplugin[batch]'"
            raise ValueError(msg)
    workers = args.jobs or os.cpu_count() or 1
    if workers > 1 and not args.scheduler:
        make_ready()
    from ginga_crplugin.batch.apply import apply_recipe, files_of
    from ginga_crplugin.batch.cluster import local_client, remote_client
    from ginga_crplugin.recipe.parse import load_recipe
    from ginga_crplugin.report.page import write_report

    recipe = load_recipe(args.recipe)
    files = files_of(args.frames, dict(args.where))
    if not files:
        args.usage_error('no frame has a header of that kind')
    _begin(args, recipe)
    cluster = nullcontext()
    if args.scheduler:
        cluster = remote_client(args.scheduler)
    elif workers > 1 and (len(files) > 1 or args.jobs):
        cluster = local_client(workers)
    with cluster as client:
        options = {'overwrite': args.overwrite, 'resume': args.resume}
        outcomes = apply_recipe(recipe, files, args.output, client=client, **options)
        outcomes = list(_told(outcomes, len(files), as_json=args.json))
    written = write_report(args.output, outcomes, recipe)
    failed = [outcome for outcome in outcomes if outcome.status == 'failed']
    if args.json:
        print(json.dumps({'frames': len(outcomes), 'failed': len(failed), 'written': [str(path) for path in written]}))
        return int(bool(failed))
    for outcome in failed:
        print(f'failed: {_name(outcome)}: {outcome.reason}')
    done = sum(outcome.status == 'done' for outcome in outcomes)
    print(f'{len(outcomes)} frames: {done} done, {len(outcomes) - done - len(failed)} skipped, {len(failed)} failed')
    print(*(f'written: {path}' for path in written), sep='\n')
    return int(bool(failed))


def _begin(args, recipe):
    """See that the folder can be used, and leave the recipe there."""
    from ginga_crplugin.recipe.format import save_recipe
    from ginga_crplugin.report.page import check_folder

    args.output.mkdir(parents=True, exist_ok=True)
    check_folder(args.output)
    copy = args.output / 'recipe.yaml'
    if copy.exists() and not (args.resume or args.overwrite):
        msg = f'{args.output} holds results already: --resume goes on with them, --overwrite makes them anew'
        raise FileExistsError(msg)
    if not (copy.exists() and copy.samefile(args.recipe)):
        save_recipe(recipe, copy, overwrite=True)


def _told(outcomes, count, *, as_json):
    """Print a line for each outcome, below them how far it is, and hand them on."""
    from tqdm import tqdm

    with tqdm(total=count, unit='frame', file=sys.stderr, disable=None, leave=False, dynamic_ncols=True) as bar:
        told = set()
        for outcome in outcomes:
            if outcome.path not in told:
                told.add(outcome.path)
                bar.total += outcome.of - 1
            with bar.external_write_mode(file=sys.stdout):
                print(describe_as_json(outcome) if as_json else describe_result(outcome), flush=True)
            bar.update()
            yield outcome


def _name(outcome):
    return f'{outcome.path} [{outcome.ext}]' if outcome.output else outcome.path


def describe_result(outcome):
    if outcome.status == 'failed':
        return f'failed   {_name(outcome)}: {outcome.reason}'
    rule = f'; rule {outcome.rule}' if outcome.rule else ''
    checks = f'; {outcome.checks}' if outcome.checks else ''
    state = 'reviewed' if outcome.reviewed else outcome.status
    return (
        f'{state:<8} {_name(outcome)}: {outcome.pixels} px in {outcome.segments} segments, '
        f'{100.0 * outcome.excluded:.1f} % of the frame excluded{rule}{checks}'
    )


def describe_as_json(outcome):
    """Return an outcome as JSON; a number that is not known is null."""
    values = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(outcome).items()}
    return json.dumps(values, allow_nan=False)
