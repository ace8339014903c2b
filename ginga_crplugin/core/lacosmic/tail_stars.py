"""Numba kernels that recognize stars in the windows around groups of flagged pixels.

A window is a box (y0, y1, x0, x1) of the frame, contiguous in a flat array, and its pixels have states. Lists of pixels
are flat indices, int64.
"""

import numpy as np
from numba import njit

from .median_networks import HELPER_OPTIONS
from .tail_windows import set_state

__all__ = ['IN_STAR', 'NOT_IN_STAR', 'find_star']

#: Height of the pixels of a star above the level in units of the noise, how many of 3 x 3 pixels must be as high, and
#: the number of pixels around these that belong to the star.
STAR_HEIGHT, MAJORITY, STAR_MARGIN = 8.0, 7, 3
#: Minimum ratio of the product of two opposite neighbors to the square of the peak of a star, exp(-1 / sigma^2): that
#: of a FWHM of 1.55 pixels; and that of a possible star, of 1.36 pixels.
SHARPNESS, POSSIBLE_SHARPNESS = 0.1, 0.05
#: Fraction of pixels that stand out, away from flagged ones and bright stars, above which they are faint stars.
CROWDED = 0.03

#: States of the pixels of a window: flagged, near these or masked, masked, saturated, in a star, and visited.
FLAGGED, NEAR, MASKED, SATURATED, STAR, VISITED = 1, 2, 4, 8, 16, 32
#: Whether a group of flagged pixels is in a star.
NOT_IN_STAR, IN_STAR, MAYBE_IN_STAR = 0, 1, 2


@njit(**HELPER_OPTIONS)
def _mark_stars(state, high, box):
    """Mark the pixels around those of which most of 3 x 3 pixels are high."""
    y0, y1, x0, x1 = box
    width = x1 - x0
    for y in range(1, y1 - y0 - 1):
        above, here, below = high[(y - 1) * width :], high[y * width :], high[(y + 1) * width :]
        for x in range(1, width - 1):
            count = 0
            for u in range(x - 1, x + 2):
                count += above[u] + here[u] + below[u]
            if count >= MAJORITY:
                set_state(state, box, y0 + y, x0 + x, STAR_MARGIN, STAR)


@njit(**HELPER_OPTIONS)
def _find_high(high, state, box, nx, values, pixels, flagged, cleaned, limit):
    """Set where the pixels of the cleaned frame are above a limit; return whether they can be a star."""
    y0, _, x0, x1 = box
    count = 0
    for index in range(state.size):
        above = (values[index] > limit) & (state[index] & (MASKED | FLAGGED) == 0)
        high[index] = above
        count += above
    for place in flagged:
        y, x = pixels[place] // nx, pixels[place] % nx
        high[(y - y0) * (x1 - x0) + x - x0] = cleaned[place] > limit
        count += cleaned[place] > limit
    return count >= MAJORITY


@njit(**HELPER_OPTIONS)
def _is_star(values, box, nx, seeds, level, sharpness):
    """Return whether the brightest of flagged pixels has the profile of a star along both axes and both diagonals.

    It also has it if a neighbor is brighter, which L.A.Cosmic did not flag.

    The ratio of the product of two opposite neighbors to the square of the peak depends on the width alone, not on
    where in its pixel the center lies: exp(-d^2 / sigma^2) for neighbors at a distance d.
    """
    y0, y1, x0, x1 = box
    width = x1 - x0
    peak, place = -np.inf, 0
    for seed in seeds:
        index = (seed // nx - y0) * width + seed % nx - x0
        if values[index] > peak:
            peak, place = values[index], index
    y, x = place // width, place % width
    if y == 0 or x == 0 or y == y1 - y0 - 1 or x == width - 1:
        return False
    for step in (1, width - 1, width, width + 1):
        if max(values[place - step], values[place + step]) > peak:
            return True
    for step, least in ((1, sharpness), (width, sharpness), (width - 1, sharpness**2), (width + 1, sharpness**2)):
        one, other = values[place - step] - level, values[place + step] - level
        if one <= 0.0 or other <= 0.0 or one * other < least * (peak - level) ** 2:
            return False
    return True


@njit(**HELPER_OPTIONS)
def _is_crowded(state, values, limit):
    """Return whether more than `CROWDED` of the pixels away from flagged ones and stars are above a limit."""
    above, count = 0, 0
    for index in range(state.size):
        free = state[index] & (NEAR | STAR) == 0
        count += free
        above += free & (values[index] > limit)
    return above > CROWDED * count


@njit(**HELPER_OPTIONS)
def _in_star(state, box, nx, seeds):
    """Return whether flagged pixels are in a star, or saturated, or beside saturated ones."""
    y0, y1, x0, x1 = box
    for seed in seeds:
        y, x = seed // nx, seed % nx
        if state[(y - y0) * (x1 - x0) + x - x0] & STAR:
            return True
        for v in range(max(y - 1, y0), min(y + 2, y1)):
            for u in range(max(x - 1, x0), min(x + 2, x1)):
                if state[(v - y0) * (x1 - x0) + u - x0] & SATURATED:
                    return True
    return False


@njit(**HELPER_OPTIONS)
def find_star(state, high, box, nx, values, pixels, flagged, cleaned, seeds, level, noise, sigma):
    """Mark the stars of a window; return whether a group of flagged pixels is in one."""
    if _find_high(high, state, box, nx, values, pixels, flagged, cleaned, level + STAR_HEIGHT * noise):
        _mark_stars(state, high, box)
    if _in_star(state, box, nx, seeds) or _is_star(values, box, nx, seeds, level, SHARPNESS):
        return IN_STAR
    possible = _is_crowded(state, values, level + sigma * noise)
    possible = possible or _is_star(values, box, nx, seeds, level, POSSIBLE_SHARPNESS)
    return MAYBE_IN_STAR if possible else NOT_IN_STAR
