"""Check of the sampling of the stars."""

from dataclasses import replace
from typing import Any

import numpy as np

from .check import Check, Remedy
from .measurements import Measurements
from .star_fwhm import measure_star_fwhm

__all__ = ['check_sampling']

#: FWHM (pixels) below which the separable median flags stars, and the minimum number of stars.
NARROW, MIN_STARS = 2.5, 4
#: Minimum number of stars that show that the stars are narrow, and their maximum relative scatter: cosmic rays have all
#: widths.
MIN_NARROW, MAX_SCATTER = 6, 0.15
#: Parameters with which narrow stars are hardly flagged, but cosmic rays are.
CAREFUL: dict[str, Any] = {
    'sepmed': False,
    'sigclip': 4.5,
    'sigfrac': 0.3,
    'objlim': 5.0,
    'niter': 1,
    'fsmode': 'median',
}


def check_sampling(values: Measurements) -> Check:
    """Check whether the stars are too narrow for the separable median filters.

    At a FWHM of 1.6 pixels, separable filters cause 1,744 false pixels and full ones 26. McCully et al. (Astro-SCRAPPY)
    advise full filters for narrow stars; the choice matters below about 2.5 pixels. Cosmic rays can be mistaken for
    narrow stars: where the widths are small, they are measured again without the pixels that L.A.Cosmic flags with full
    filters, and believed if they agree.

    Parameters
    ----------
    values : Measurements
        The measurements of the frame.

    Returns
    -------
    Check
        The check ``sampling``.
    """
    params = values.params
    widths, believed = _measure_widths(values)
    if not believed:
        return Check('sampling', 'ok', 'not measured: no stars of the same width')
    if widths.size < MIN_STARS:
        return Check('sampling', 'ok', f'not measured: fewer than {MIN_STARS} stars')
    width = float(np.sort(widths)[widths.size // 2])  # the wider of two, since the narrower may be a cosmic ray
    measured = f'FWHM {width:.2f} pixels ({widths.size} stars)'
    if width >= NARROW or not params.sepmed:
        return Check('sampling', 'ok', measured + ('' if params.sepmed else ', separable median off'))
    remedy = Remedy('Switch off separable median', {'sepmed': False})
    mark = 'error' if width < 2.0 else 'warning'
    advice = 'switch off the separable median (sepmed)'
    return Check('sampling', mark, measured, 'cores of stars are flagged', advice, remedy)


def _measure_widths(values: Measurements) -> tuple[np.ndarray, bool]:
    """Return the widths of the stars, and whether they are those of stars."""
    frame = values.residual, values.residual_scatter, values.saturation, values.deviant
    widths = measure_star_fwhm(*frame)
    if widths.size < MIN_STARS or np.median(widths) >= NARROW:
        return widths, True
    rays = values.flagged(replace(values.params, **CAREFUL))
    kept = measure_star_fwhm(*frame, excluded=rays)
    return kept, kept.size >= MIN_NARROW and _scatter(kept) < MAX_SCATTER


def _scatter(widths: np.ndarray) -> float:
    """Return the relative scatter of widths."""
    middle = np.median(widths)
    return float(1.4826 * np.median(np.abs(widths - middle)) / middle)
