"""Reading the positions of stars from tables and DS9 region files."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.table import Table

from ginga_crplugin.core.frame import Frame

__all__ = ['GivenStars', 'read_stars']

#: Columns that may contain the names of stars.
_NAMES = 'name', 'target', 'id'
#: Largest radius of the core of a star, in pixels.
MAX_RADIUS = 100.0


class GivenStars(NamedTuple):
    """Stars that the user gave, in the pixels of a frame.

    Parameters
    ----------
    names : tuple of str
        Their names.
    y, x : (n,) float64 ndarray
        Their centers (0-based pixels).
    radii : (n,) float64 ndarray
        The radii of their cores in pixels; NaN where none was given.
    """

    names: tuple[str, ...]
    y: np.ndarray
    x: np.ndarray
    radii: np.ndarray


def read_stars(path: Path, frame: Frame) -> GivenStars:
    """Read the stars of a file that lie in a frame.

    Parameters
    ----------
    path : `~pathlib.Path`
        A DS9 region file (``.reg``) of points, circles and other regions with a center; or a table (``.ecsv``, ``.csv``
        or ``.fits``) with the columns ``x`` and ``y`` (0-based pixels), or ``ra`` and ``dec`` (ICRS, in degrees if
        they have no unit), and optionally ``name`` and ``radius`` (pixels).
    frame : Frame
        The frame, whose WCS converts celestial positions.

    Returns
    -------
    GivenStars
        The stars in the frame.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it has no positions, or celestial ones and the frame has no WCS; if a value is missing or is no number, or a
        radius is not above 0 and at most 100 pixels; or if the package regions is missing.
    """
    if not path.is_file():
        msg = f'{path}: no such file'
        raise FileNotFoundError(msg)
    names, x, y, radii = _read_regions(path, frame) if path.suffix.lower() == '.reg' else _read_table(path, frame)
    for name, radius in zip(names, radii, strict=True):
        if not (np.isnan(radius) or 0.0 < radius <= MAX_RADIUS):
            msg = f'{path}: the radius of {name} is {radius:g} px: it must be above 0 and at most {MAX_RADIUS:g} px'
            raise ValueError(msg)
    ny, nx = frame.shape
    inside = (x >= -0.5) & (x < nx - 0.5) & (y >= -0.5) & (y < ny - 0.5)
    return GivenStars(tuple(np.array(names, dtype=object)[inside]), y[inside], x[inside], radii[inside])


def _read_table(path, frame):
    """Return names, positions and radii of a table."""
    from astropy.coordinates import SkyCoord

    formats = {'.ecsv': 'ascii.ecsv', '.csv': 'ascii.csv', '.fits': 'fits', '.fit': 'fits'}
    kind = formats.get(path.suffix.lower())
    if kind is None:
        msg = f'{path}: the name of a list of stars must end in .ecsv, .csv, .fits or .reg'
        raise ValueError(msg)
    try:
        table = Table.read(path, format=kind)
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:  # raised by astropy for damaged tables
        msg = f'{path} is not a table: {(str(error).splitlines() or [""])[0]}'
        raise ValueError(msg) from error
    columns = {name.lower(): table[name] for name in table.colnames}
    names = next((list(map(str, columns[key])) for key in _NAMES if key in columns), None)
    names = [f'star {number + 1}' for number in range(len(table))] if names is None else names
    if {'x', 'y'} <= set(columns):
        x, y = (_numbers(path, key, columns[key]) for key in ('x', 'y'))
    elif {'ra', 'dec'} <= set(columns):
        sky = SkyCoord(*(_numbers(path, key, columns[key]) * (columns[key].unit or u.deg) for key in ('ra', 'dec')))
        x, y = (np.atleast_1d(values).astype(float) for values in _wcs(path, frame).world_to_pixel(sky))
    else:
        msg = f'{path} has no positions: columns x and y, or ra and dec, are needed'
        raise ValueError(msg)
    radii = _numbers(path, 'radius', columns['radius']) if 'radius' in columns else np.full(len(table), np.nan)
    return names, x, y, radii


def _numbers(path, name, column):
    """Return the values of a column; NaN for a radius that is not given."""
    values = []
    for number, value in enumerate(column, start=1):
        missing = value is np.ma.masked
        try:
            values.append(np.nan if missing else float(getattr(value, 'value', value)))
        except (TypeError, ValueError):
            values.append(np.inf)
        if not np.isfinite(values[-1]) and not (missing and name == 'radius'):
            given = 'missing' if missing else repr(str(value))
            msg = f'{path}: {name} is {given} in row {number}: it must be a finite number'
            raise ValueError(msg)
    return np.array(values, dtype=float)


def _read_regions(path, frame):
    """Return names, positions and radii of DS9 regions."""
    try:
        from regions import PixelRegion, Regions
    except ImportError as error:
        msg = f'{path}: reading DS9 regions needs the package regions: pip install "ginga-crplugin[regions]"'
        raise ValueError(msg) from error
    try:
        found = list(Regions.read(path, format='ds9'))
    except (ValueError, TypeError, KeyError, IndexError) as error:
        msg = f'{path} is not a DS9 region file: {(str(error).splitlines() or [""])[0]}'
        raise ValueError(msg) from error
    found = [item if isinstance(item, PixelRegion) else item.to_pixel(_wcs(path, frame)) for item in found]
    found = [item for item in found if hasattr(item, 'center')]
    if not found:
        msg = f'{path} has no regions with a center, such as points and circles'
        raise ValueError(msg)
    names = [str(item.meta.get('text') or f'star {number + 1}') for number, item in enumerate(found)]
    x, y, radii = np.array(
        [(float(item.center.x), float(item.center.y), float(getattr(item, 'radius', np.nan))) for item in found]
    ).T
    return names, x, y, radii


def _wcs(path, frame):
    if frame.ccd.wcs is None or not frame.ccd.wcs.has_celestial:
        msg = f'{path} has celestial positions, but {frame.name} has no WCS; give x and y in pixels'
        raise ValueError(msg)
    return frame.ccd.wcs.celestial
