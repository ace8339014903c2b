"""The room of the names that users give to frames: a file, or one of its extensions."""

from pathlib import Path

__all__ = ['parse_ext', 'split_ext']


def split_ext(text):
    """Take ``FILE[EXT]`` apart.

    Parameters
    ----------
    text : str
        A file of that very name is taken as it is, brackets or not.

    Returns
    -------
    path : `~pathlib.Path`
    ext : int, str, (str, int) or None

    Raises
    ------
    ValueError
        If what stands in the brackets is no extension.

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


def parse_ext(text):
    """Understand an extension: its number, NAME, or NAME,VER."""
    name, comma, version = text.strip().rpartition(',')
    if not comma:
        name, version = text.strip(), None
    if name.isdecimal() and version is None:
        return int(name)
    if not name or name.startswith('-') or (version is not None and not version.strip().isdecimal()):
        msg = f'{text!r} is no extension: give its number, NAME, or NAME,VER'
        raise ValueError(msg)
    return name if version is None else (name, int(version))
