"""The number of cosmic rays that a frame can have."""

from collections.abc import Mapping
from typing import Any

from .claims import read_claims
from .metadata import card_value

__all__ = [
    'FEW',
    'HIGH',
    'LOW',
    'MUON_RATE',
    'TOO_MANY',
    'area_and_exposure',
    'describe_impossible',
    'expected_rays',
    'exposure_time',
]

#: Muons per square centimeter and minute at sea level, and the factors within which a number is plausible.
MUON_RATE, LOW, HIGH = 1.0, 0.1, 10.0
#: Factor beyond which a number is impossible: in orbit, the rate is 60 times that at sea level.
IMPOSSIBLE = 200.0
#: Fraction of flagged pixels that is impossible; the maximum number of segments per pixel where the area of the
#: detector or the exposure time is not known, and a number that is always possible.
TOO_MANY, MAX_DENSITY, FEW = 0.05, 0.002, 5.0


def expected_rays(header: Mapping[str, Any], shape: tuple[int, int]) -> float | None:
    """Return the number of cosmic rays that is expected at sea level.

    Parameters
    ----------
    header : mapping
        The header of the frame.
    shape : (int, int)
        Shape (ny, nx) of the frame.

    Returns
    -------
    float or None
        The number; None if the pixel size or the exposure time is not in the header.
    """
    known = area_and_exposure(header, shape)
    return None if known is None else MUON_RATE * known[0] * known[1]


def describe_impossible(header: Mapping[str, Any], shape: tuple[int, int], count: int, pixels: int) -> str:
    """Describe why flagged pixels cannot be cosmic rays.

    Parameters
    ----------
    header : mapping
        The header of the frame.
    shape : (int, int)
        Shape (ny, nx) of the frame.
    count : int
        Number of segments.
    pixels : int
        Number of flagged pixels.

    Returns
    -------
    str
        The reason in a few words; empty if they can be cosmic rays.
    """
    size = shape[0] * shape[1]
    if pixels > TOO_MANY * size:
        return f'{100.0 * pixels / size:.2g} % of the pixels are flagged'
    expected = expected_rays(header, shape)
    if expected is not None:
        return f'{count} segments, about {expected:.2g} expected' if count > IMPOSSIBLE * expected + FEW else ''
    return f'{count} segments in {size} pixels' if count > MAX_DENSITY * size + FEW else ''


def area_and_exposure(header: Mapping[str, Any], shape: tuple[int, int]) -> tuple[float, float] | None:
    """Return the area and the exposure time of a frame.

    The exposure time is read from the cards in `~ginga_crplugin.core.claims.CARDS`, in the unit of TIMEUNIT.
    The pixel size is read from XPIXSZ, PIXSIZE, PIXSIZE1 or PIXSZ, in microns; a value below 0.5 is in millimeters,
    and one below 0.0005 in meters.

    Parameters
    ----------
    header : mapping
        The header of the frame.
    shape : (int, int)
        Shape (ny, nx) of the frame.

    Returns
    -------
    (float, float) or None
        Area in square centimeters and exposure time in minutes; None if a keyword is missing.
    """
    size = _first_number(header, ('XPIXSZ', 'PIXSIZE', 'PIXSIZE1', 'PIXSZ'))
    seconds = exposure_time(header)
    if size is None or seconds is None:
        return None
    height = _first_number(header, ('YPIXSZ', 'PIXSIZE2')) or size
    scale = 1e-4 if size > 0.5 else 1e-1 if size > 0.0005 else 1e2  # to centimeters
    return shape[0] * shape[1] * size * height * scale**2, seconds / 60.0


def exposure_time(header: Mapping[str, Any]) -> float | None:
    """Return the exposure time of a frame.

    Parameters
    ----------
    header : mapping
        The header of the frame.

    Returns
    -------
    float or None
        The exposure time in seconds; None if the header has none.
    """
    claims = read_claims(header, 'exposure')[0]['exposure']
    return claims[0].value if claims else None


def _first_number(header: Mapping[str, Any], keywords: tuple[str, ...]) -> float | None:
    """Return the first value that is a positive number."""
    for keyword in keywords:
        value = card_value(header, keyword)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return float(value)
    return None
