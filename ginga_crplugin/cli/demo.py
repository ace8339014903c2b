"""The ``demo`` command."""

import shlex

from ginga_crplugin.plugin.launch import no_window, open_ginga

from .console import warnings_in_lines

__all__ = ['run']


def run(args):
    """Make the demonstration frame, detect its cosmic rays, and open it in Ginga.

    Parameters
    ----------
    args : `argparse.Namespace`

    Returns
    -------
    int
        The exit code.
    """
    with warnings_in_lines():
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
            f'column, {score.false_star} in stars, {score.false_adjacent} beside a track, {score.false_other} elsewhere'
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
    again = ['ginga-crplugin', 'detect', demo.frame, '--dark', demo.dark, '--dark-limit', limit]
    yield 'the same by hand: ' + shlex.join([*map(str, again), '--mask', f'{demo.mask}:bad', '--overwrite'])
