"""The ``tune`` command."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .address import local_frame
from .arguments import FILE_EXT, add_frame_arguments, check_overwrite, file_and_extension
from .console import print_warnings
from .detect import check_usage, prepare_frame

if TYPE_CHECKING:
    from ginga_crplugin.core.tuning.quality import SetQuality, Tuning
    from ginga_crplugin.core.tuning.rays import Ray
    from ginga_crplugin.recipe.prepare import PreparedFrame

__all__ = ['add_arguments', 'run']


def add_arguments(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : argparse subparsers
        The commands of the parser.
    """
    command = commands.add_parser(
        'tune',
        allow_abbrev=False,
        help='suggest parameters by injecting cosmic rays into copies of a frame',
        description='Suggest sigclip, sigfrac, objlim and sepmed for a frame. Cosmic rays are injected into copies of '
        'it, and about 280 parameter sets are tried on these, on the frame itself and on noise. Nothing is suggested '
        'for a frame whose flagged pixels cannot be cosmic rays; the exit code is then 1.',
        epilog=FILE_EXT,
    )
    add_frame_arguments(command)
    group = command.add_argument_group('tuning')
    group.add_argument(
        '--rays',
        type=file_and_extension,
        nargs='+',
        default=[],
        metavar='FILE',
        help='inject the cosmic rays of these darks or biases (single exposures, in adu) (default: those of the frame, '
        'or simulated ones)',
    )
    group.add_argument(
        '--stars-at-most', type=float, metavar='X', help='allow this share of the stars to be touched, such as 0.001'
    )
    group.add_argument(
        '--noise-at-most', type=float, metavar='N', help='allow N pixels flagged in noise per million pixels'
    )
    group.add_argument('--seed', type=int, default=1, metavar='N', help='seed of the random numbers (default: 1)')
    output = command.add_argument_group('output')
    output.add_argument('--json', action='store_true', help='print one JSON object')
    output.add_argument(
        '--save-recipe', type=Path, metavar='FILE', help='write a recipe (YAML) with the suggested parameters'
    )
    output.add_argument(
        '--plot', type=_plot_file, metavar='OUT', help='plot rays found against stars touched to OUT.png, .svg or .pdf'
    )
    output.add_argument('--overwrite', action='store_true', help='overwrite existing files')
    command.set_defaults(run=run)


def _plot_file(text: str) -> Path:
    """Parse the name of a plot."""
    if Path(text).suffix.lower() not in ('.png', '.svg', '.pdf'):
        msg = f'{text!r} must end in .png, .svg or .pdf'
        raise argparse.ArgumentTypeError(msg)
    return Path(text)


def run(args: argparse.Namespace) -> int:
    """Suggest parameters for a frame.

    Parameters
    ----------
    args : `argparse.Namespace`
        The parsed arguments.

    Returns
    -------
    int
        The exit code, 1 if nothing is suggested.
    """
    check_usage(args)
    for path, option in ((args.save_recipe, '--save-recipe'), (args.plot, '--plot')):
        if path is not None:
            check_overwrite(path, option, overwrite=args.overwrite)
    with local_frame(args), print_warnings():
        from ginga_crplugin.core.tuning.tune import tune

        prepared = prepare_frame(args, stop=False)
        result = tune(
            prepared.frame,
            prepared.params,
            rays=_read_rays(args, prepared.params.gain),
            stars_at_most=args.stars_at_most,
            noise_at_most=args.noise_at_most,
            seed=args.seed,
        )
        _write(args, prepared, result)
    if args.json:
        print(json.dumps(result.to_dict(), indent=2, allow_nan=False))
    else:
        print(*_text_lines(result), sep='\n')
    return 0 if result.suggested else 1


def _read_rays(args: argparse.Namespace, gain: float) -> 'list[Ray]':
    """Cut the cosmic rays out of darks or biases."""
    if not args.rays:
        return []
    from ginga_crplugin.core.tuning.rays import cut_rays
    from ginga_crplugin.io.read import read_image

    rays = cut_rays([read_image(*file)[0] for file in args.rays], gain)
    if not rays:
        msg = f'{args.rays[0][0]}: no cosmic rays in the images of --rays; give single exposures, or leave --rays out'
        raise ValueError(msg)
    return rays


def _write(args: argparse.Namespace, prepared: 'PreparedFrame', result: 'Tuning') -> None:
    """Write the recipe and the plot."""
    if args.plot is not None and result.sets:
        from ginga_crplugin.report.tuning_plot import plot_tuning

        plot_tuning(result, args.plot, overwrite=args.overwrite)
    if args.save_recipe is not None and result.suggested is not None:
        from ginga_crplugin.core.tuning.quality import TUNED
        from ginga_crplugin.recipe.format import save_recipe
        from ginga_crplugin.recipe.recipe import Recipe

        sources = prepared.sources | dict.fromkeys(TUNED, 'user')
        recipe = Recipe.from_frame(prepared.frame, result.suggested.params, sources, prepared.recipe)
        save_recipe(recipe, args.save_recipe, overwrite=args.overwrite)


def _text_lines(result: 'Tuning') -> list[str]:
    """Return the result as text."""
    lines = [f'no suggestion: {result.refused}'] if result.refused else []
    if result.sets:
        lines.append(f'{result.rays} rays injected ({result.source}), {len(result.sets)} parameter sets tried')
    sets = (('suggested', result.suggested), ('defaults', result.defaults), ('current', result.current))
    return lines + [f'{name}: {_describe(item)}' for name, item in sets if item is not None]


def _describe(item: 'SetQuality') -> str:
    values: dict[str, Any] = item.to_dict()['parameters']
    options = ' '.join(
        f'--{"" if value is not False else "no-"}{name.replace("_", "-")}'
        + ('' if isinstance(value, bool) else f' {value:g}')
        for name, value in values.items()
    )
    return (
        f'{options}; finds {item.rays_found:.0%} of the rays, {item.pixels_found:.0%} of their pixels; '
        f'{item.stars_touched} of {item.stars} stars touched; F1 of pixels {item.f1_pixels:.2f} '
        f'± {item.f1_pixels_error:.2f}, of rays {item.f1_rays:.2f} ± {item.f1_rays_error:.2f}'
    )
