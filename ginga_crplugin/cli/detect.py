"""The ``detect`` command, and the preparation of a frame that it shares with other commands."""

import argparse
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ginga_crplugin.core.repair_names import DEFAULT_REPAIR, REPAIRS, refuse_exposure

from .address import is_address, local_frame
from .arguments import (
    FILE_EXT,
    add_allow_mosaic,
    add_frame_arguments,
    add_min_size,
    check_overwrite,
    file_and_extension,
    fits_output,
    given_params,
)
from .console import add_verbosity, fail, print_warnings
from .detect_output import json_lines, text_lines
from .dq_options import add_dq_format
from .star_options import add_star_options
from .tail_options import add_tail_options, given_tails

if TYPE_CHECKING:
    import numpy as np

    from ginga_crplugin.core.diagnostics.check import Check
    from ginga_crplugin.recipe.prepare import PreparedFrame
    from ginga_crplugin.recipe.recipe import Recipe
    from ginga_crplugin.recipe.run import RecipeResult

#: The arguments that override attributes of the recipe.
_OF_RECIPE = 'min_size', 'dq_bits', 'dq', 'repair', 'protect', 'keep_protected'

__all__ = ['add_arguments', 'check_usage', 'find_cosmic_rays', 'prepare_frame', 'run']


def add_arguments(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        The commands of the parser.
    """
    command = commands.add_parser(
        'detect',
        allow_abbrev=False,
        help='detect the cosmic rays of a frame and save the mask',
        description='Detect the cosmic rays of a frame, and save a mask that records why each pixel is bad.',
        epilog=FILE_EXT,
    )
    add_frame_arguments(command)
    add_allow_mosaic(command)
    _add_output(command.add_argument_group('output'))
    add_verbosity(
        command,
        'print one JSON object; an infinite number becomes "inf"',
        'print what each check measured, what it means and what to do',
    )
    command.set_defaults(run=run)


def _add_output(group: argparse._ArgumentGroup) -> None:
    where = group.add_mutually_exclusive_group()
    where.add_argument(
        '-o',
        '--output',
        type=fits_output,
        metavar='OUT',
        help='write the mask to OUT (default: <name>_crmask.fits beside the frame, or <name>_ext4_crmask.fits for a '
        'later image of its file; in the current folder for a frame at an address)',
    )
    where.add_argument('--into', action='store_true', help="add the mask to the frame's own file")
    group.add_argument('--mask-only', action='store_true', help='write the mask without the science image')
    group.add_argument('--cleaned', action='store_true', help='write the cleaned image too')
    group.add_argument(
        '--repair',
        choices=REPAIRS,
        help=f'what replaces cosmic rays in the cleaned image (default: {DEFAULT_REPAIR}, the value of L.A.Cosmic)',
    )
    group.add_argument(
        '--exposure',
        type=file_and_extension,
        metavar='FILE',
        help='another exposure of the same field, registered to the frame, for --repair exposure',
    )
    add_dq_format(group)
    group.add_argument('--overwrite', action='store_true', help='overwrite an existing file or mask')
    group.add_argument(
        '--save-recipe', type=Path, metavar='FILE', help='write a recipe (YAML) to process other frames the same way'
    )
    add_min_size(group)
    add_tail_options(group)
    add_star_options(group)
    group.add_argument(
        '--strict',
        action='store_true',
        help='write nothing if a check before or after the run finds an error (exit code 3)',
    )


def run(args: argparse.Namespace) -> int:
    """Detect the cosmic rays of a frame and write the merged mask.

    Parameters
    ----------
    args : `argparse.Namespace`
        The parsed arguments.

    Returns
    -------
    int
        The exit code, 3 if a check found an error with ``--strict``.
    """
    check_usage(args)
    if args.into and args.mask_only:
        args.usage_error('--into and --mask-only cannot be combined')
    if args.into and is_address(args.frame[0]):
        args.usage_error('--into needs a local file; download the frame first')
    with local_frame(args), print_warnings(quiet=args.quiet):
        from ginga_crplugin.recipe.run import run_recipe

        prepared = prepare_frame(args)
        _check_output(args, prepared)
        kind = 'into' if args.into else 'mask' if args.mask_only else prepared.recipe.kind
        cleaned = args.cleaned or prepared.recipe.cleaned
        exposure = _read_exposure(args, prepared)
        recipe = None
        if args.save_recipe is not None:
            recipe = _new_recipe(args, prepared, 'new' if args.into else kind, cleaned=cleaned)
        if args.strict and (problem := _errors(prepared.checks)):
            return fail(f'{prepared.frame.name}: {problem}; nothing was written (--strict)', 3)
        found = run_recipe(prepared)
        if args.strict and (problem := _errors(found.checks)):
            return fail(f'{prepared.frame.name}: {problem}; nothing was written (--strict)', 3)
        options = {'kind': kind, 'cleaned': cleaned, 'exposure': exposure, 'overwrite': args.overwrite}
        output = found.save(_output_path(args, prepared), **options)
        if recipe is not None:
            from ginga_crplugin.recipe.format import save_recipe

            save_recipe(recipe, args.save_recipe, overwrite=args.overwrite)
    if not args.quiet:
        lines = json_lines(found, output) if args.json else text_lines(found, output, verbose=args.verbose)
        print(*lines, sep='\n')
    return 0


def _errors(checks: 'Iterable[Check]') -> str:
    """Return the checks that found an error, with what was measured."""
    return '; '.join(f'{check.name}: {check.measured}' for check in checks if check.mark == 'error')


def _read_exposure(args: argparse.Namespace, prepared: 'PreparedFrame') -> 'np.ndarray | None':
    """Read the other exposure for the repair, before the run."""
    from ginga_crplugin.core.repair.repair import check_exposure
    from ginga_crplugin.io.read import read_image

    if prepared.recipe.repair == 'exposure' and args.exposure is None:
        args.usage_error('--repair exposure needs --exposure FILE')
    return None if args.exposure is None else check_exposure(read_image(*args.exposure)[0], prepared.frame)


def _new_recipe(args: argparse.Namespace, prepared: 'PreparedFrame', kind: str, *, cleaned: bool) -> 'Recipe':
    """Make the recipe to save, after checking that it can be written."""
    from ginga_crplugin.recipe.recipe import Recipe

    target = args.save_recipe
    if os.path.realpath(target) == os.path.realpath(_output_path(args, prepared)):
        msg = f'{target} is the mask; choose another name with --save-recipe'
        raise FileExistsError(msg)
    _check_target(target, '--save-recipe', _inputs(args), overwrite=args.overwrite)
    return Recipe.from_frame(
        prepared.frame,
        prepared.params,
        prepared.sources,
        prepared.recipe,
        kind=kind,
        cleaned=cleaned,
    )


def find_cosmic_rays(args: argparse.Namespace) -> 'RecipeResult':
    """Read a frame and find its cosmic rays, after checking that the output can be written.

    Parameters
    ----------
    args : `argparse.Namespace`
        The parsed arguments.

    Returns
    -------
    RecipeResult
        The detected cosmic rays.

    Raises
    ------
    OSError, ValueError
        If the frame cannot be used or the output cannot be written.
    """
    from ginga_crplugin.recipe.run import run_recipe

    prepared = prepare_frame(args)
    refuse_exposure(prepared.recipe.repair)
    _check_output(args, prepared)
    return run_recipe(prepared)


def prepare_frame(args: argparse.Namespace, *, stop: bool = True) -> 'PreparedFrame':
    """Read a frame with its masks and companion images, and resolve its parameters.

    Parameters
    ----------
    args : `argparse.Namespace`
        The parsed arguments.
    stop : bool, optional
        Whether a failed check raises an error if the recipe lists it under ``stop``, and a color mosaic does.

    Returns
    -------
    PreparedFrame
        The frame and its parameters.

    Raises
    ------
    OSError, ValueError
        If the frame or another input cannot be used.
    """
    from ginga_crplugin.core.bits import CAUSES
    from ginga_crplugin.io.input_masks import read_dark, read_mask
    from ginga_crplugin.io.read import read_frame, read_image
    from ginga_crplugin.recipe.recipe import Recipe

    recipe = Recipe()
    if args.recipe is not None:
        from ginga_crplugin.recipe.parse import load_recipe

        recipe = load_recipe(args.recipe)
    given = {name: getattr(args, name, None) for name in _OF_RECIPE}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if not stop or args.allow_mosaic:
        changes['allow_mosaic'] = True
    changes['tails'] = given_tails(args, recipe.tails)
    recipe = replace(recipe, own_masks=recipe.own_masks and not args.no_own_masks, **changes)
    if not stop:
        rules = tuple(replace(rule, stop=()) for rule in recipe.rules)
        recipe = replace(recipe, stop=(), rules=rules)
    path, ext = args.frame
    frame = read_frame(path, ext if args.ext is None else args.ext, args.unit or recipe.unit, recipe.dq_bits)
    if args.dq_bits is not None and frame.saved is not None and recipe.own_masks:
        note = '--dq-bits is ignored: the file has masks of an earlier run; use the original file, or --no-own-masks'
        frame = frame.replace(notes=(*frame.notes, note))
    masks = [read_mask(file, CAUSES.get(cause), ext) for file, ext, cause in args.masks]
    if args.dark_limit is not None:
        file, ext = args.dark
        masks.append(read_dark(file, args.dark_limit, ext))
    if args.variance is not None:
        recipe = replace(recipe, variance=args.variance if isinstance(args.variance, str) else None)
    variance = None if isinstance(args.variance, str) else args.variance
    files = {'background': args.background, 'variance': variance, 'psfk': args.psf}
    images = {name: read_image(*file)[0] for name, file in files.items() if file is not None}
    return recipe.prepare(frame.replace(**images), given_params(args), tuple(masks))


def check_usage(args: argparse.Namespace) -> None:
    """Exit with a usage error if arguments for the frame contradict each other or lack another one.

    Parameters
    ----------
    args : `argparse.Namespace`
        The parsed arguments.
    """
    if args.dark is None and args.dark_limit is not None:
        args.usage_error('--dark-limit needs --dark')
    if args.dark is not None and args.dark_limit is None and args.command != 'sheet':  # a sheet only shows the dark
        args.usage_error('--dark needs --dark-limit')
    if args.ext is not None and args.frame[1] is not None:
        args.usage_error('the extension is given twice: by --ext and after the file name')


def _output_path(args: argparse.Namespace, prepared: 'PreparedFrame') -> Path:
    """Return the file that is written."""
    from ginga_crplugin.io.save import default_path

    if args.into:
        return args.frame[0]
    default = default_path(prepared.frame)
    return args.output or (Path(default.name) if args.remote else default)


def _check_output(args: argparse.Namespace, prepared: 'PreparedFrame') -> None:
    """Raise an error before the detection if the output cannot be written."""
    if not args.into:
        recipe = [] if args.recipe is None else [args.recipe]
        _check_target(_output_path(args, prepared), '-o', _inputs(args) + recipe, overwrite=args.overwrite)


def _inputs(args: argparse.Namespace) -> list[Path]:
    """Return the frame and its masks and companion images."""
    exposure = getattr(args, 'exposure', None)  # of detect alone
    files = [args.frame, args.dark, args.background, args.variance, args.psf, exposure, *args.masks]
    protect = getattr(args, 'protect', None)
    paths = [file[0] for file in files if file is not None and not isinstance(file, str)]
    return paths if protect is None else [*paths, protect]


def _check_target(target: Path, option: str, inputs: list[Path], *, overwrite: bool) -> None:
    """Raise an error if a file cannot be written; the option is that which names it."""
    if not target.parent.is_dir():
        msg = f'{target.parent}: no such folder'
        raise FileNotFoundError(msg)
    if not os.access(target.parent, os.W_OK):
        msg = f'{target.parent} is not writable; choose another folder with {option}'
        raise PermissionError(msg)
    check_overwrite(target, option, overwrite=overwrite)
    if not target.exists():
        return
    if any(target.samefile(file) for file in inputs):
        msg = f'{target} is an input file; choose another name with {option}'
        raise FileExistsError(msg)
    if not (target.is_file() and os.access(target, os.W_OK)):
        msg = f'{target} is write-protected or not a regular file; choose another name with {option}'
        raise PermissionError(msg)
