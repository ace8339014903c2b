"""Numba kernels for the tails of cosmic rays.

Windows are boxes (y0, y1, x0, x1) of the frame, each contiguous in a flat array. Lists of pixels are flat indices,
int64, into the (ny, nx) frame.
"""

import numpy as np
from numba import njit

from ginga_crplugin.core.bits import MaskBit

from .median_networks import HELPER_OPTIONS, JIT_OPTIONS
from .tail_windows import find_inside, sampled_median, set_state

__all__ = ['IN_STAR', 'NOT_IN_STAR', 'RADIUS', 'grow_tails']

#: Radius of the window of the local level, in pixels; step between the pixels for the level around a segment and for
#: the variance; minimum number of unflagged pixels.
RADIUS, STRIDE, MIN_GOOD = 6, 3, 12
#: Height of the pixels of a star above the level in units of the noise, how many of 3 x 3 pixels must be as high, and
#: the number of pixels around these that belong to the star.
STAR_HEIGHT, MAJORITY, STAR_MARGIN = 8.0, 7, 3
#: Minimum ratio of the product of two opposite neighbors to the square of the peak of a star, exp(-1 / sigma^2): that
#: of a FWHM of 1.55 pixels; and that of a possible star, of 1.36 pixels.
SHARPNESS, POSSIBLE_SHARPNESS = 0.1, 0.05
#: Fraction of pixels that stand out, away from flagged ones and bright stars, above which they are faint stars.
CROWDED = 0.03
#: Distance from flagged pixels within which pixels do not count for the level, and the bit of saturated pixels.
NEAR_MARGIN, SATURATED_BIT = 2, int(MaskBit.SATURATED)

#: States of the pixels of a window: flagged, near these or masked, masked, saturated, in a star, and visited.
FLAGGED, NEAR, MASKED, SATURATED, STAR, VISITED = 1, 2, 4, 8, 16, 32
#: Whether a group of flagged pixels is in a star.
NOT_IN_STAR, IN_STAR, MAYBE_IN_STAR = 0, 1, 2


@njit(**HELPER_OPTIONS)
def _highest_level(value, background, sigma, readnoise2):
    """Return the level above which a pixel no longer stands ``sigma`` times the noise of the level above it.

    It is the solution of value = level + sigma * sqrt(max(level + background, 0) + readnoise2).
    """
    total = value + background
    if total < sigma * np.sqrt(readnoise2):
        return value - sigma * np.sqrt(readnoise2)
    return value - sigma * 0.5 * (np.sqrt(sigma * sigma + 4.0 * (readnoise2 + total)) - sigma)


@njit(**HELPER_OPTIONS)
def _stands_out(index, value, good, background, variance, box, sigma, readnoise2, work):
    """Return whether a pixel stands ``sigma`` times the noise above the median of the good pixels within `RADIUS`."""
    height, width = box[1] - box[0], box[3] - box[2]
    y, x = index // width, index % width
    y0, y1 = max(y - RADIUS, 0), min(y + RADIUS + 1, height)
    x0, x1 = max(x - RADIUS, 0), min(x + RADIUS + 1, width)
    if variance.size:
        limit = value - sigma * np.sqrt(sampled_median(variance, width, y0, y1, x0, x1, STRIDE, work))
    else:
        limit = _highest_level(value, background[index] if background.size else 0.0, sigma, readnoise2)
    below, count = 0, 0
    for v in range(y0, y1):
        row = good[v * width + x0 : v * width + x1]
        for u in range(row.size):
            below += row[u] < limit
            count += row[u] < np.inf
    return count >= MIN_GOOD and below >= (count + 1) // 2


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
def _set_states(state, box, nx, values, bits, pixels, flagged, others, saturated, satlevel):
    """Set the states of the pixels of a window, except those of stars."""
    y0, _, x0, x1 = box
    masked = 0
    for index in range(state.size):
        bad = bits[index] != 0.0
        state[index] = bad * (MASKED | NEAR) | (values[index] >= satlevel) * SATURATED
        masked += bad
    if masked:
        for index in range(state.size):
            if int(bits[index]) & SATURATED_BIT:
                state[index] |= SATURATED
    for place in saturated:
        y, x = others[place] // nx, others[place] % nx
        state[(y - y0) * (x1 - x0) + x - x0] |= SATURATED
    for place in flagged:
        y, x = pixels[place] // nx, pixels[place] % nx
        state[(y - y0) * (x1 - x0) + x - x0] |= FLAGGED
        set_state(state, box, y, x, NEAR_MARGIN, NEAR)


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
def _level_and_noise(good, background, variance, center, height, width, readnoise2, work):
    """Return the median of the good pixels of a window, infinity if there are none, and its noise."""
    level = sampled_median(good, width, 0, height, 0, width, STRIDE, work)
    if variance.size:
        square = sampled_median(variance, width, 0, height, 0, width, STRIDE, work)
    else:
        square = max(level + (background[center] if background.size else 0.0), 0.0) + readnoise2
    return level, np.sqrt(square)


@njit(**HELPER_OPTIONS)
def _find_star(state, high, box, nx, values, pixels, flagged, cleaned, seeds, level, noise, sigma):
    """Mark the stars of a window; return whether a group of flagged pixels is in one."""
    if _find_high(high, state, box, nx, values, pixels, flagged, cleaned, level + STAR_HEIGHT * noise):
        _mark_stars(state, high, box)
    if _in_star(state, box, nx, seeds) or _is_star(values, box, nx, seeds, level, SHARPNESS):
        return IN_STAR
    possible = _is_crowded(state, values, level + sigma * noise)
    possible = possible or _is_star(values, box, nx, seeds, level, POSSIBLE_SHARPNESS)
    return MAYBE_IN_STAR if possible else NOT_IN_STAR


@njit(**HELPER_OPTIONS)
def _grow(
    state,
    box,
    nx,
    seeds,
    values,
    good,
    background,
    variance,
    floor,
    readnoise2,
    sigma,
    steps,
    work,
    found,
    distances,
    count,
):
    """Add the tails of a group of flagged pixels to those found; return their number.

    Pixels below ``floor`` are not examined, which are nearly all.
    """
    y0, y1, x0, x1 = box
    barred = FLAGGED | MASKED | SATURATED | STAR | VISITED
    front, first, last = seeds, 0, seeds.size
    for step in range(1, steps + 1):
        start = count
        for pixel in front[first:last]:
            y, x = pixel // nx, pixel % nx
            for v in range(max(y - 1, y0), min(y + 2, y1)):
                for u in range(max(x - 1, x0), min(x + 2, x1)):
                    index = (v - y0) * (x1 - x0) + u - x0
                    if state[index] & barred:
                        continue
                    state[index] |= VISITED
                    if values[index] > floor and _stands_out(
                        index, values[index], good, background, variance, box, sigma, readnoise2, work
                    ):
                        found[count], distances[count] = v * nx + u, step
                        count += 1
        front, first, last = found, start, count
    return count


@njit(**JIT_OPTIONS)
def grow_tails(
    boxes,
    starts,
    seeds,
    seed_starts,
    values,
    bits,
    background,
    variance,
    pixels,
    cleaned,
    others,
    nx,
    satlevel,
    readnoise,
    sigma,
    steps,
    levels,
    in_star,
    found,
    groups,
    distances,
):
    """Grow groups of flagged pixels into neighbors that stand out of the local level, step by step.

    Parameters
    ----------
    boxes : (n, 4) int64 ndarray
        A window around each group, with at least ``steps`` pixels around it where the frame has them; the pixels for
        the local level are those in it.
    starts : (n + 1,) int64 ndarray
        Their places in the arrays of windows.
    seeds, seed_starts : (k,) and (n + 1,) int64 ndarray
        The flagged pixels of the groups.
    values, bits : (m,) float64 ndarray
        The frame in electrons, without the background, and its `MaskBit` values.
    background, variance : (m,) float64 ndarray
        The background and the variance in electrons; empty if there is none.
    pixels, cleaned : (p,) int64 and float64 ndarray
        All flagged pixels, sorted, and the values that replace them in electrons, without the background.
    others : (q,) int64 ndarray
        Pixels excluded as saturated stars, sorted.
    nx : int
        Width of the frame.
    satlevel, readnoise : float
        Saturation level and read noise in electrons.
    sigma : float
        Minimum height of a pixel in units of the noise.
    steps : int
        Maximum number of steps.
    levels : (n,) float64 ndarray
        The output: the median of the pixels around each group, in electrons.
    in_star : (n,) uint8 ndarray
        The output: `IN_STAR` if a group is in a star, or saturated, or touches saturated pixels; `MAYBE_IN_STAR` if
        it may be in a star; else `NOT_IN_STAR`.
    found, groups, distances : (m,) int64 ndarray
        The output: the pixels, their groups, and their steps from these; a pixel may be in several groups.

    Returns
    -------
    int
        Number of these pixels.
    """
    longest = 0
    for k in range(boxes.shape[0]):
        longest = max(longest, starts[k + 1] - starts[k])
    states, high = np.empty(longest, np.uint8), np.empty(longest, np.uint8)
    good, work = np.empty(longest, np.float64), np.empty(longest, np.float64)
    places, more = np.empty(longest, np.int64), np.empty(longest, np.int64)
    readnoise2 = readnoise * readnoise
    count = 0
    for k in range(boxes.shape[0]):
        box, begin, end = boxes[k], starts[k], starts[k + 1]
        y0, y1, x0, x1 = box
        width, state, image = x1 - x0, states[: end - begin], values[begin:end]
        mine = seeds[seed_starts[k] : seed_starts[k + 1]]
        sky = background[begin:end] if background.size else background
        noise2 = variance[begin:end] if variance.size else variance
        flagged = places[: find_inside(pixels, box, nx, places)]
        saturated = more[: find_inside(others, box, nx, more)]
        _set_states(state, box, nx, image, bits[begin:end], pixels, flagged, others, saturated, satlevel)
        for index in range(state.size):
            good[index] = np.inf if state[index] & NEAR else image[index]
        center = (mine[0] // nx - y0) * width + mine[0] % nx - x0
        level, noise = _level_and_noise(good, sky, noise2, center, y1 - y0, width, readnoise2, work)
        levels[k], in_star[k] = level, IN_STAR
        if level < np.inf:
            in_star[k] = _find_star(state, high, box, nx, image, pixels, flagged, cleaned, mine, level, noise, sigma)
        if in_star[k] == IN_STAR:
            continue
        last = count
        count = _grow(
            state,
            box,
            nx,
            mine,
            image,
            good,
            sky,
            noise2,
            level + (sigma - 1.0) * noise,
            readnoise2,
            sigma,
            steps,
            work,
            found,
            distances,
            count,
        )
        groups[last:count] = k
    return count
