"""Argument types, groups of arguments and checks that several commands share."""

import argparse
from collections.abc import Callable
from contextlib import suppress
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.io.extension import FITS_SUFFIXES, parse_ext, split_ext

from .address import is_address
from .dq_options import add_dq_bits

__all__ = [
    'FILE_EXT',
    'add_allow_mosaic',
    'add_frame_arguments',
    'add_min_size',
    'check_overwrite',
    'extension',
    'file_and_extension',
    'fits_output',
    'frame_and_extension',
    'given_params',
    'positive_int',
]

FILE_EXT = 'FILE may end in [EXT], such as frame.fits[SKYFIT] or frame.fits[SCI,2].'


def file_and_extension(text: str) -> tuple[Path, Any]:
    """Parse ``FILE[EXT]`` on the command line.

    Parameters
    ----------
    text : str
        The argument.

    Returns
    -------
    path : `~pathlib.Path`
        The file.
    ext : int, str, (str, int) or None
        The extension, None if the argument names none.

    Raises
    ------
    argparse.ArgumentTypeError
        If EXT is not an extension specifier.
    """
    return _parse(split_ext, text)


def frame_and_extension(text: str) -> tuple[str | Path, Any]:
    """Parse ``FILE[EXT]`` or ``ADDRESS[EXT]`` on the command line.

    Parameters
    ----------
    text : str
        The argument.

    Returns
    -------
    frame : `~pathlib.Path` or str
        The file or the address.
    ext : int, str, (str, int) or None
        The extension, None if the argument names none.

    Raises
    ------
    argparse.ArgumentTypeError
        If EXT is not an extension specifier.
    """
    if not is_address(text):
        return file_and_extension(text)
    if not text.endswith(']'):
        return text, None
    address, _, ext = text.removesuffix(']').rpartition('[')
    return address, _parse(parse_ext, ext)


def fits_output(text: str) -> Path:
    """Check the name of a FITS file to be written.

    Parameters
    ----------
    text : str
        The argument.

    Returns
    -------
    `~pathlib.Path`
        The file.

    Raises
    ------
    argparse.ArgumentTypeError
        If the name has a suffix other than those of FITS files.
    """
    path = Path(text)
    if path.suffix and path.suffix.lower() not in FITS_SUFFIXES:
        msg = f'{text!r} is not the name of a FITS file; use the suffix .fits or .fits.gz'
        raise argparse.ArgumentTypeError(msg)
    return path


def extension(text: str) -> Any:
    """Parse an extension specifier on the command line.

    Parameters
    ----------
    text : str
        A number, NAME or NAME,VER.

    Returns
    -------
    int, str or (str, int)
        The extension.

    Raises
    ------
    argparse.ArgumentTypeError
        If the argument is not an extension specifier.
    """
    return _parse(parse_ext, text)


def positive_int(text: str) -> int:
    """Parse an integer of at least 1 on the command line.

    Parameters
    ----------
    text : str
        The argument.

    Returns
    -------
    int
        The number.

    Raises
    ------
    argparse.ArgumentTypeError
        If the argument is not an integer of at least 1.
    """
    number = 0
    with suppress(ValueError):
        number = int(text)
    if number < 1:
        msg = f'{text!r} is not an integer of at least 1'
        raise argparse.ArgumentTypeError(msg)
    return number


def check_overwrite(path: Path, option: str = '-o', *, overwrite: bool) -> None:
    """Check that an output file may be written.

    Parameters
    ----------
    path : `~pathlib.Path`
        The output file.
    option : str, optional
        The option that names it.
    overwrite : bool
        Whether it may exist.

    Raises
    ------
    FileExistsError
        If it exists and may not be overwritten.
    """
    if path.exists() and not overwrite:
        msg = f'{path} already exists; choose another name with {option}, or use --overwrite'
        raise FileExistsError(msg)


def given_params(args: argparse.Namespace) -> dict[str, Any]:
    """Return the parameters of L.A.Cosmic given on the command line.

    Parameters
    ----------
    args : `argparse.Namespace`
        The parsed arguments of a command with `add_frame_arguments`.

    Returns
    -------
    dict
        Values by the field names of `LACosmicParams`.
    """
    return {item.name: getattr(args, item.name) for item in fields(LACosmicParams) if hasattr(args, item.name)}


def add_frame_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments for a frame, its companion images, and the parameters of L.A.Cosmic.

    Parameters
    ----------
    command : `argparse.ArgumentParser`
        The parser of the command.
    """
    command.add_argument(
        'frame',
        type=frame_and_extension,
        metavar='FRAME',
        help="read this FITS file (also .gz, .fz), or fsspec address ('https://...')",
    )
    command.add_argument(
        '--ext',
        type=extension,
        metavar='E',
        help='read this extension: number, NAME or NAME,VER (default: first image)',
    )
    command.add_argument(
        '--unit', metavar='U', help='set the unit of the pixels: adu, electron, ... (default: BUNIT, else adu)'
    )
    command.add_argument(
        '--recipe', type=Path, metavar='FILE', help='use the parameters and masks of a recipe; options override it'
    )
    _add_companions(command.add_argument_group('masks and companion images'))
    _add_params(command.add_argument_group('parameters of L.A.Cosmic'))
    command.set_defaults(usage_error=command.error)


def add_allow_mosaic(command: argparse.ArgumentParser) -> None:
    """Add the option ``--allow-mosaic``.

    Parameters
    ----------
    command : `argparse.ArgumentParser`
        The parser of the command.
    """
    command.add_argument(
        '--allow-mosaic', action='store_true', help='process a color mosaic (Bayer pattern), which is refused otherwise'
    )


def add_min_size(group: argparse._ArgumentGroup) -> None:
    """Add the option ``--min-size``.

    Parameters
    ----------
    group : argument group
        The group of the output options.
    """
    group.add_argument(
        '--min-size', type=positive_int, metavar='N', help='list segments of at least N pixels (default: 3 px)'
    )


def _parse(parser: Callable[[str], Any], text: str) -> Any:
    """Call a parser, and raise its ValueError as an ArgumentTypeError, whose message argparse prints."""
    try:
        return parser(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _mask(text: str) -> tuple[Path, Any, str | None]:
    """Parse ``FILE[EXT]:CAUSE``; the cause is None if it is not given.

    A colon in the name of an existing file is part of the name.
    """
    from ginga_crplugin.core.bits import CAUSES

    name, colon, cause = text.rpartition(':')
    if not colon or Path(text).exists():
        return *file_and_extension(text), None
    if cause in CAUSES:
        return *file_and_extension(name), cause
    if file_and_extension(name)[0].exists():
        msg = f'unknown cause {cause!r}: use one of {", ".join(CAUSES)}'
        raise argparse.ArgumentTypeError(msg)
    return Path(text), None, None


def _variance(text: str) -> Any:
    """Parse a variance image, or a source in the frame."""
    return text if text in ('own', 'amplifiers') else file_and_extension(text)


def _add_companions(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--mask',
        type=_mask,
        action='append',
        default=[],
        metavar='FILE[:hot|bad|other]',
        dest='masks',
        help='exclude the nonzero pixels of a mask from the search, and record their cause (default: the cause in the '
        'file, else other); can be given several times',
    )
    group.add_argument(
        '--dark', type=file_and_extension, metavar='FILE', help='mask the hot pixels of this combined dark'
    )
    group.add_argument(
        '--dark-limit', type=float, metavar='X', help='mask pixels of the dark above X, in the unit of the dark'
    )
    group.add_argument('--no-own-masks', action='store_true', help="ignore the MASK or DQ in the frame's file")
    add_dq_bits(group)
    group.add_argument(
        '--background',
        type=file_and_extension,
        metavar='FILE',
        help="read a model of the sky or of a spectrum, in the frame's unit; it is subtracted for the search only",
    )
    group.add_argument(
        '--variance',
        type=_variance,
        metavar='FILE|own|amplifiers',
        help="read the variance of the pixels, in the frame's unit squared; own: use the uncertainty of the frame "
        '(UNCERT, ERR, VAR or IVAR in its file) as the noise; amplifiers: use gain and read noise of each amplifier',
    )
    group.add_argument(
        '--psf',
        type=file_and_extension,
        metavar='FILE',
        help='read the kernel of the point spread function, for --fsmode convolve',
    )


def _add_params(group: argparse._ArgumentGroup) -> None:
    """Add an option for every field of `LACosmicParams`; options that are not given are absent from the namespace."""
    for item in fields(LACosmicParams):
        option, text = '--' + item.name.replace('_', '-'), _help(item)
        if item.type is bool:
            group.add_argument(option, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text)
            continue
        choices = item.metadata['choices']
        metavar = '{' + ','.join(choices) + '}' if choices else 'N' if item.type is int else 'X'
        group.add_argument(option, type=item.type, default=argparse.SUPPRESS, metavar=metavar, help=text)


def _help(item: Field[Any]) -> str:
    """Return the help text of a parameter with its default and unit."""
    default = item.default
    if item.type is bool:
        default = 'yes' if item.default else 'no'
    unit = f' {item.metadata["unit"]}' if item.metadata['unit'] else ''
    return f'{item.metadata["help"]} Default: {default}{unit}.'.replace('%', '%%')
