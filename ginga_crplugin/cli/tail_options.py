"""Options for the tails of cosmic rays."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ginga_crplugin.core.lacosmic.tails import TailOptions

__all__ = ['add_tail_options', 'given_tails']


def add_tail_options(group: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    """Add the options for the tails of cosmic rays.

    Parameters
    ----------
    group : argparse argument group
        The group of the options.
    """
    group.add_argument(
        '--tails',
        action=argparse.BooleanOptionalAction,
        help='add the faint pixels along the tracks of cosmic rays to the mask (default: as in the recipe, else yes)',
    )
    group.add_argument(
        '--tail-sigma',
        type=float,
        metavar='K',
        help='add pixels that stand K times the noise above the level (default: as in the recipe, else 3.5 sigma)',
    )
    group.add_argument(
        '--tail-steps',
        type=int,
        metavar='N',
        help='add pixels up to N steps from a detected pixel (default: as in the recipe, else 8 pix)',
    )


def given_tails(args: argparse.Namespace, tails: 'TailOptions') -> 'TailOptions':
    """Return the options for tails with those that were given.

    Parameters
    ----------
    args : `argparse.Namespace`
        The parsed arguments.
    tails : TailOptions
        Those of the recipe.

    Returns
    -------
    TailOptions
        The options.

    Raises
    ------
    ValueError
        If a value is not allowed.
    """
    from dataclasses import replace

    names = {'enabled': 'tails', 'sigma': 'tail_sigma', 'steps': 'tail_steps'}
    given = {name: getattr(args, option, None) for name, option in names.items()}
    return replace(tails, **{name: value for name, value in given.items() if value is not None})
