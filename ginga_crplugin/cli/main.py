"""The room of the command line: printing and exit codes. What it needs is imported when it is needed.

Exit codes: 0; 1 with one line on stderr for an input that can't be used or an output that can't be written; 2 for
wrong usage; 130 when interrupted.
"""

import json
import math
import os
import shlex
import sys
import warnings
from contextlib import contextmanager
from dataclasses import asdict, fields, replace

from ginga_crplugin.core.bits import CAUSES
from ginga_crplugin.plugin.launch import no_window, open_ginga

from .parser import build_parser, chosen_params, split_ext

__all__ = ['main']


def main(argv=None):
    """Run the command.

    Parameters
    ----------
    argv : list of str, optional
        By default what was typed.

    Returns
    -------
    int
        The exit code.
    """
    args = build_parser().parse_args(argv)
    commands = {
        'detect': _detect, 'sheet': _sheet, 'check': _check, 'apply': _apply, 'make-mask': _make_mask, 'view': _view,
        'demo': _demo,
    }  # fmt: skip
    run = commands[args.command]
    try:
        code = run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _failed('interrupted', 130)
    except BrokenPipeError:  # whoever read the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError as error:
        return _failed(f'not enough memory. {error}')
    except OSError as error:
        return _failed(f'{error.filename}: {error.strerror}' if error.filename and error.strerror else error)
    except ValueError as error:
        return _failed(error)
    return code


def _failed(why, code=1):
    print('ginga-crplugin:', ' '.join(str(why).split()), file=sys.stderr)
    return code


@contextmanager
def _warnings_in_lines():
    """Print a line for each warning when all went well; where it did not, the reason alone matters."""
    import astropy  # noqa: F401  first, for it puts its own hand on warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('default')
        warnings.simplefilter('ignore', DeprecationWarning)
        yield
    for text in dict.fromkeys(' '.join(str(item.message).split()) for item in caught):
        print('ginga-crplugin: warning:', text, file=sys.stderr)


# detect


def _detect(args):
    _check_usage(args)
    if args.into and args.mask_only:
        args.usage_error('--into and --mask-only exclude each other')
    with _warnings_in_lines():
        found = _found(args)
        prepared = found.prepared
        kind = 'into' if args.into else 'mask' if args.mask_only else prepared.recipe.kind
        cleaned = args.cleaned or prepared.recipe.cleaned
        output = found.save(args.output, kind=kind, cleaned=cleaned, overwrite=args.overwrite)
        if args.save_recipe is not None:
            _save_recipe(args, prepared, 'new' if args.into else kind, cleaned=cleaned)
    print(*(_json if args.json else _words)(found, output), sep='\n')
    return 0


def _save_recipe(args, prepared, kind, *, cleaned):
    from ginga_crplugin.recipe.format import save_recipe
    from ginga_crplugin.recipe.recipe import Recipe

    made = Recipe.of(
        prepared.frame, prepared.params, prepared.sources, prepared.recipe, kind=kind, cleaned=cleaned,
        own_masks=prepared.recipe.own_masks, min_size=prepared.recipe.min_size,
    )  # fmt: skip
    save_recipe(made, args.save_recipe, overwrite=args.overwrite)


def _found(args):
    """Read the frame, see that the output can be written, and find the cosmic rays."""
    from ginga_crplugin.batch.job import find
    from ginga_crplugin.io.save import default_path

    prepared = _prepared(args)
    if not args.into:
        _check_output(args, args.output or default_path(prepared.frame))
    return find(prepared)


def _prepared(args, *, stop=True):
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


def _check_usage(args):
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


def _cause(mask):
    return next(word for word, bit in CAUSES.items() if bit == mask.bit)


def _json(found, output):
    """Return the result as one JSON object; an infinite number as the word, for JSON has none."""
    frame, detection, segments = found.prepared.frame, found.detection, found.segments
    values = asdict(detection.params).items()
    result = {
        'frame': frame.label,
        'pixels': detection.pixels,
        'segments': len(segments),
        'segments_listed': len(segments.listed),
        'per_iteration': list(detection.per_iteration),
        'unsearched_fraction': detection.unsearched_fraction,
        'output': str(output),
        'parameters': {k: str(v) if isinstance(v, float) and math.isinf(v) else v for k, v in values},
        'sources': found.prepared.sources,
        'masks': [{'name': m.name, 'cause': _cause(m), 'pixels': m.count} for m in frame.masks],
        'nonfinite': int(frame.nonfinite.sum()),
        'notes': list(frame.notes),
        'engine': detection.engine,
    }
    yield json.dumps(result, indent=2, allow_nan=False)


def _words(found, output):
    """Return the result in words, line by line."""
    from ginga_crplugin.io.provenance import in_words

    frame, detection, segments, sources = found.prepared.frame, found.detection, found.segments, found.prepared.sources
    ny, nx = frame.shape
    yield f'{frame.label}   {nx} x {ny}   {frame.ccd.unit}'
    yield from (f'note: {note}' for note in frame.notes)
    yield 'masked before the run:'
    masks = [(mask.name, _cause(mask), mask.count) for mask in frame.masks]
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
    yield from in_words(detection, segments)
    yield f'found by {detection.engine}'
    yield f'written: {output}'


# sheet


def _sheet(args):
    _check_usage(args)
    with _warnings_in_lines():
        from ginga_crplugin.figures.contact_sheet import contact_sheet
        from ginga_crplugin.io.provenance import in_words

        found = _found(args)
        frame, detection, segments = found.prepared.frame, found.detection, found.segments
        labels = args.labels or args.largest or 'all'
        caption = f'{frame.label}: {in_words(detection, segments)[0]}'
        written = contact_sheet(
            args.output, segments, labels, list(_images(args, frame, detection)), caption=caption,
            overwrite=args.overwrite,
        )  # fmt: skip
    print(*(f'written: {path}' for path in written), sep='\n')
    return 0


def _images(args, frame, detection):
    """Return what each segment is shown in: title, image, and which of them share a stretch."""
    from ginga_crplugin.core.bits import merge_mask
    from ginga_crplugin.io.read import read_image

    yield 'mask', merge_mask(frame, detection)
    yield 'science', frame.ccd.data.astype(detection.cleaned.dtype, copy=False)
    if args.dark is not None:
        yield 'dark', read_image(*args.dark)[0].astype(float), 'dark'
    yield 'cleaned', detection.cleaned


# check


def _check(args):
    _check_usage(args)
    with _warnings_in_lines():
        found = _prepared(args, stop=False).checks
    if args.json:
        keys = [{'check': c.name, 'mark': c.mark, 'figure': c.figure, 'advice': c.advice} for c in found]
        print(json.dumps(keys, indent=2, allow_nan=False))
        return 0
    for check in found:
        advice = f'; {check.advice}' if check.advice else ''
        print(f'{check.mark:<6}{check.name:<12}{check.figure}{advice}')
    return 0


# apply


def _apply(args):
    from .apply import run_apply

    return run_apply(args)


# make-mask


def _make_mask(args):
    from .make_mask import run_make_mask

    with _warnings_in_lines():
        return run_make_mask(args)


# view


def _view(args):
    if any(os.path.isdir(frame) for frame in args.frames):  # noqa: PTH112 - the names of frames are no paths yet
        return _view_night(args)
    if args.all:
        args.usage_error('--all goes with a folder')
    for frame in args.frames:
        if not split_ext(frame)[0].is_file():
            msg = f'{split_ext(frame)[0]}: no such file'
            raise FileNotFoundError(msg)
    reason = no_window(args.toolkit)
    if reason:
        return _failed(reason)
    return open_ginga(args.frames, args.toolkit)


def _view_night(args):
    from ginga_crplugin.batch.reopen import night_of
    from ginga_crplugin.plugin.launch import open_night

    if len(args.frames) > 1:
        args.usage_error('a folder is viewed alone')
    with _warnings_in_lines():
        night = night_of(args.frames[0], every=args.all)
    reason = no_window(args.toolkit)
    if reason:
        return _failed(reason)
    print(*night.words, sep='\n', flush=True)
    return open_night(night, args.toolkit)


# demo


def _demo(args):
    with _warnings_in_lines():
        from ginga_crplugin.demo.demo import run_demo

        demo = run_demo(args.output, overwrite=args.overwrite)
    print(*_demo_words(demo), sep='\n', flush=True)
    if args.no_gui:
        return 0
    reason = no_window()
    if reason:
        print(f'not opened in Ginga: {reason}')
        return 0
    return open_ginga([str(demo.frame)])


def _demo_words(demo):
    """Return what was found of what is there, line by line."""
    truth, masked = demo.truth, demo.masked
    yield (
        f'simulated: {masked.hits} cosmic rays ({masked.pixels} px), {truth.hot.sum()} hot pixels, a bad column '
        f'({truth.column.sum()} px), {len(truth.stars)} stars'
    )
    for name, score in (('masked before the run', masked), ('without the masks', demo.unmasked)):
        yield f'hot pixels and column {name}:' if score is masked else f'the same {name}:'
        yield f'  cosmic rays   {score.hits_found:>5} found {score.hits_missed:>5} missed'
        yield f'  pixels        {score.pixels_found:>5} found {score.pixels_missed:>5} missed'
        yield (
            f'  false pixels  {score.false_pixels:>5}: {score.false_hot} at hot pixels, {score.false_column} at the '
            f'column, {score.false_star} in stars, {score.false_beside} beside a track, {score.false_other} elsewhere'
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
    for path in (demo.frame, demo.dark, demo.mask, demo.output, demo.picture):
        yield f'written: {path}'
    limit = f'{demo.dark_limit:g}'
    again = ['ginga-crplugin', 'detect', demo.frame, '--dark', demo.dark, '--dark-limit', limit]
    yield 'the same by hand: ' + shlex.join([*map(str, again), '--mask', f'{demo.mask}:bad', '--overwrite'])
