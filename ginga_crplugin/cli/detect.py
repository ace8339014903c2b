"""The ``detect`` command, and reading of a frame as all commands on one frame do it."""

import json
import math
import os
from dataclasses import asdict, fields, replace

from ginga_crplugin.core.bits import CAUSES

from .console import warnings_in_lines
from .parser import chosen_params

__all__ = ['run']


def run(args):
    """Detect the cosmic rays of a frame and write the merged mask.

    Parameters
    ----------
    args : `argparse.Namespace`

    Returns
    -------
    int
        The exit code.
    """
    check_usage(args)
    if args.into and args.mask_only:
        args.usage_error('--into and --mask-only exclude each other')
    with warnings_in_lines():
        found = find_cosmic_rays(args)
        prepared = found.prepared
        kind = 'into' if args.into else 'mask' if args.mask_only else prepared.recipe.kind
        cleaned = args.cleaned or prepared.recipe.cleaned
        output = found.save(args.output, kind=kind, cleaned=cleaned, overwrite=args.overwrite)
        if args.save_recipe is not None:
            _save_recipe(args, prepared, 'new' if args.into else kind, cleaned=cleaned)
    print(*(describe_as_json if args.json else describe_result)(found, output), sep='\n')
    return 0


def _save_recipe(args, prepared, kind, *, cleaned):
    from ginga_crplugin.recipe.format import save_recipe
    from ginga_crplugin.recipe.recipe import Recipe

    made = Recipe.from_frame(
        prepared.frame,
        prepared.params,
        prepared.sources,
        prepared.recipe,
        kind=kind,
        cleaned=cleaned,
        own_masks=prepared.recipe.own_masks,
        min_size=prepared.recipe.min_size,
    )
    save_recipe(made, args.save_recipe, overwrite=args.overwrite)


def find_cosmic_rays(args):
    """Read the frame, see that the output can be written, and find the cosmic rays."""
    from ginga_crplugin.io.save import default_path
    from ginga_crplugin.recipe.run import run_recipe

    prepared = prepare_frame(args)
    if not args.into:
        _check_output(args, args.output or default_path(prepared.frame))
    return run_recipe(prepared)


def prepare_frame(args, *, stop=True):
    """Read the frame and all that goes with it."""
    from ginga_crplugin.io.read import read_dark, read_frame, read_image, read_mask
    from ginga_crplugin.recipe.parse import load_recipe
    from ginga_crplugin.recipe.recipe import Recipe

    recipe = Recipe() if args.recipe is None else load_recipe(args.recipe)
    changes = {'min_size': args.min_size} if getattr(args, 'min_size', None) else {}
    recipe = replace(recipe, own_masks=recipe.own_masks and not args.no_own_masks, **changes)
    if not stop:
        rules = tuple(replace(rule, stop=()) for rule in recipe.rules)
        recipe = replace(recipe, stop=(), rules=rules)
    path, ext = args.frame
    frame = read_frame(path, ext if args.ext is None else args.ext, args.unit or recipe.unit)
    masks = [read_mask(file, CAUSES.get(cause), ext) for file, ext, cause in args.masks]
    if args.dark_limit is not None:
        file, ext = args.dark
        masks.append(read_dark(file, args.dark_limit, ext))
    named = {'background': args.background, 'variance': args.variance, 'psfk': args.psf}
    images = {name: read_image(*file)[0] for name, file in named.items() if file is not None}
    return recipe.prepare(frame.replace(**images), chosen_params(args), tuple(masks))


def check_usage(args):
    if args.dark is None and args.dark_limit is not None:
        args.usage_error('--dark-limit needs --dark')
    if args.dark is not None and args.dark_limit is None and args.command != 'sheet':
        args.usage_error('--dark needs --dark-limit')
    if args.ext is not None and args.frame[1] is not None:
        args.usage_error('the extension is given twice: by --ext and behind the name of the frame')


def _check_output(args, target):
    """Say what stands in the way of the output before the long part, not after it."""
    if not target.parent.is_dir():
        msg = f'{target.parent}: no such folder'
        raise FileNotFoundError(msg)
    if not os.access(target.parent, os.W_OK):
        msg = f'{target.parent}: no right to write there, choose another place by -o'
        raise PermissionError(msg)
    if not target.exists():
        return
    if not args.overwrite:
        msg = f'{target} exists already: choose another name by -o, or give --overwrite'
        raise FileExistsError(msg)
    others = [args.frame, args.dark, args.background, args.variance, args.psf, *args.masks]
    others += [] if args.recipe is None else [(args.recipe, None)]
    if any(target.samefile(file[0]) for file in others if file is not None):
        msg = f'{target} is one of the files to be read: choose another name by -o'
        raise FileExistsError(msg)


def cause_of(mask):
    return next(word for word, bit in CAUSES.items() if bit == mask.bit)


def describe_as_json(found, output):
    """Return the result as one JSON object; an infinite number as the word, for JSON has none."""
    frame, detection, segments = found.prepared.frame, found.detection, found.segments
    values = asdict(detection.params).items()
    result = {
        'frame': frame.label,
        'pixels': detection.pixels,
        'segments': len(segments),
        'segments_listed': len(segments.listed),
        'per_iteration': list(detection.per_iteration),
        'excluded_fraction': detection.excluded_fraction,
        'output': str(output),
        'parameters': {k: str(v) if isinstance(v, float) and math.isinf(v) else v for k, v in values},
        'sources': found.prepared.sources,
        'masks': [{'name': m.name, 'cause': cause_of(m), 'pixels': m.count} for m in frame.masks],
        'nonfinite': int(frame.nonfinite.sum()),
        'notes': list(frame.notes),
        'engine': detection.engine,
    }
    yield json.dumps(result, indent=2, allow_nan=False)


def describe_result(found, output):
    """Return the result in words, line by line."""
    from ginga_crplugin.io.provenance import summary_lines

    frame, detection, segments, sources = found.prepared.frame, found.detection, found.segments, found.prepared.sources
    ny, nx = frame.shape
    yield f'{frame.label}   {nx} x {ny}   {frame.ccd.unit}'
    yield from (f'note: {note}' for note in frame.notes)
    yield 'masked before the run:'
    masks = [(mask.name, cause_of(mask), mask.count) for mask in frame.masks]
    if frame.nonfinite.any():
        masks.append(('pixels of the frame', 'not finite', frame.nonfinite.sum()))
    longest = max((len(name) for name, _, _ in masks), default=0)
    yield from (f'  {name:<{longest}}  {cause:<10} {count:>8} px' for name, cause, count in masks)
    if not masks:
        yield '  nothing'
    yield 'parameters:'
    for item in fields(detection.params):
        value = getattr(detection.params, item.name)
        text = f'{value:.10g}' if isinstance(value, float) else str(value)
        yield f'  {item.name:<14} {text + " " + item.metadata["unit"]:<20} {sources[item.name]}'
    yield from summary_lines(detection, segments)
    yield f'found by {detection.engine}'
    yield f'written: {output}'
