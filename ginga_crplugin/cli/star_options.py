"""Options for protected stars."""

import argparse
from pathlib import Path

__all__ = ['add_star_options']


def add_star_options(group: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    """Add the options for protected stars.

    Parameters
    ----------
    group : argparse argument group
        The group of the options.
    """
    group.add_argument(
        '--protect',
        type=Path,
        metavar='FILE',
        help='report each of these stars whose core is flagged: a table (.ecsv, .csv, .fits) with x and y (0-based '
        'pixels) or ra and dec (deg), and name, or DS9 regions (.reg)',
    )
    group.add_argument(
        '--keep-protected',
        action=argparse.BooleanOptionalAction,
        help='keep the cores of the stars of --protect out of the mask (default: as in the recipe, else no)',
    )
