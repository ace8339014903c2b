"""Numba kernels for the tails of cosmic rays.

Windows are boxes (y0, y1, x0, x1) of the frame, each contiguous in a flat array. Lists of pixels are flat indices,
int64, into the (ny, nx) frame.
"""

import numpy as np
from numba import njit

from ginga_crplugin.core.bits import MaskBit

from .median_networks import HELPER_OPTIONS, JIT_OPTIONS
from .tail_stars import FLAGGED, IN_STAR, MASKED, NEAR, SATURATED, STAR, VISITED, find_star
from .tail_windows import find_inside, sampled_median, set_state

__all__ = ['grow_tails']

#: Radius of the window of the local level, in pixels; step between the pixels for the level around a segment and for
#: the variance; minimum number of unflagged pixels.
RADIUS, STRIDE, MIN_GOOD = 6, 3, 12
#: Distance from flagged pixels within which pixels do not count for the level, and the bit of saturated pixels.
NEAR_MARGIN, SATURATED_BIT = 2, int(MaskBit.SATURATED)


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
def _level_and_noise(good, background, variance, center, height, width, readnoise2, work):
    """Return the median of the good pixels of a window, infinity if there are none, and its noise."""
    level = sampled_median(good, width, 0, height, 0, width, STRIDE, work)
    if variance.size:
        square = sampled_median(variance, width, 0, height, 0, width, STRIDE, work)
    else:
        square = max(level + (background[center] if background.size else 0.0), 0.0) + readnoise2
    return level, np.sqrt(square)


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
            in_star[k] = find_star(state, high, box, nx, image, pixels, flagged, cleaned, mine, level, noise, sigma)
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
