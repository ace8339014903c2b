"""Names of the repairs: what replaces the pixels of a cosmic ray."""

__all__ = ['DEFAULT_REPAIR', 'REPAIRS', 'REPAIR_DTYPE', 'check_repair', 'refuse_exposure']


#: The repairs by name, with what replaces a pixel.
REPAIRS = {
    'detected': 'the value of L.A.Cosmic (cleantype)',
    'x': 'linear interpolation along the row',
    'y': 'linear interpolation along the column',
    'surface': 'a quadratic surface through the good pixels around',
    'median': 'the median of the good pixels around',
    'maskfill': 'inward medians (maskfill, van Dokkum & Pasha 2024)',
    'exposure': 'the same pixel of another exposure, scaled to the level around',
}

#: The repair that is used unless another is chosen.
DEFAULT_REPAIR = 'detected'


#: The type of arrays of names.
REPAIR_DTYPE = f'U{max(map(len, REPAIRS))}'


def check_repair(name: str) -> str:
    """Check the name of a repair.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    str
        The name.

    Raises
    ------
    ValueError
        If there is no such repair.

    Examples
    --------
    >>> check_repair('x')
    'x'
    """
    if name not in REPAIRS:
        msg = f'repair is {name!r}: it must be one of {", ".join(REPAIRS)}'
        raise ValueError(msg)
    return name


def refuse_exposure(name: str) -> None:
    """Refuse a repair from another exposure, for a command that cannot read one.

    Parameters
    ----------
    name : str
        The name of the repair.

    Raises
    ------
    ValueError
        If it is ``'exposure'``.
    """
    if name == 'exposure':
        others = ', '.join(other for other in REPAIRS if other != name)
        msg = f"repair is 'exposure', which needs another exposure of each frame; in the recipe, use one of {others}"
        raise ValueError(msg)
