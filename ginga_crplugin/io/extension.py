"""File names: extension specifiers, as in ``FILE[EXT]``, and the suffixes of FITS files."""

from pathlib import Path

__all__ = ['FITS_SUFFIXES', 'parse_ext', 'split_ext']

#: The suffixes of FITS files in lower case, those of compressed files first.
FITS_SUFFIXES = '.gz', '.fz', '.bz2', '.xz', '.fits', '.fit', '.fts'


def split_ext(text: str) -> tuple[Path, int | str | tuple[str, int] | None]:
    """Split ``FILE[EXT]`` into file and extension.

    Parameters
    ----------
    text : str
        A file name with or without an extension in brackets; the name of an existing file is not split.

    Returns
    -------
    path : `~pathlib.Path`
        The file.
    ext : int, str, (str, int) or None
        The extension; None if there is none in brackets.

    Raises
    ------
    ValueError
        If the text in brackets is not an extension.

    Examples
    --------
    >>> split_ext('frame.fits[SCI,2]')[1]
    ('SCI', 2)
    >>> split_ext('frame.fits')[1] is None
    True
    """
    name, bracket, ext = text.rpartition('[')
    if not (name and bracket and ext.endswith(']')) or Path(text).exists():
        return Path(text), None
    return Path(name), parse_ext(ext[:-1])


def parse_ext(text: str) -> int | str | tuple[str, int]:
    """Parse an extension specifier.

    Parameters
    ----------
    text : str
        Its number, ``NAME``, or ``NAME,VER``.

    Returns
    -------
    int, str or (str, int)
        The extension.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    name, comma, version = text.strip().rpartition(',')
    if not comma:
        name, version = text.strip(), ''
        if name.isdecimal():
            return int(name)
    if not name or name.startswith('-') or (comma and not version.strip().isdecimal()):
        msg = f'{text!r} is not an extension: use its number, NAME, or NAME,VER'
        raise ValueError(msg)
    return (name, int(version)) if comma else name
