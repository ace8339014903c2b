"""Options for data-quality planes."""

import argparse

__all__ = ['add_dq_bits', 'add_dq_format']

#: The formats of a saved plane, as in `ginga_crplugin.io.dq_flags`, which ``--help`` does not import.
_FORMATS = 'own', 'hst', 'jwst', 'roman', 'rubin'


def add_dq_bits(group: argparse._ArgumentGroup) -> None:
    """Add the option for the bits that mask a pixel.

    Parameters
    ----------
    group : argparse argument group
        The group of the option.
    """
    group.add_argument(
        '--dq-bits',
        type=_dq_bits,
        metavar='any|none|N,N',
        help="mask pixels with these bits of the DQ in the frame's file, such as 1,4,256 (default: by the table of the "
        'mission, else any)',
    )


def add_dq_format(group: argparse._ArgumentGroup) -> None:
    """Add the option for the bits that are written.

    Parameters
    ----------
    group : argparse argument group
        The group of the option.
    """
    group.add_argument(
        '--dq',
        choices=_FORMATS,
        help='write the data-quality plane in the bits of this mission, and the causes as CRDQ (default: own, the '
        'causes only)',
    )


def _dq_bits(text: str) -> str | tuple[int, ...]:
    from ginga_crplugin.io.own_masks import parse_dq_bits

    try:
        return parse_dq_bits(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
