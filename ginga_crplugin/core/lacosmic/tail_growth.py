"""Growth of groups of flagged pixels, repeated only where something has changed."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ginga_crplugin.core.frame import Frame

from .tiles import box_areas

if TYPE_CHECKING:
    from .detection import Detection

__all__ = ['Grown', 'TailGrowth']

#: Side of the blocks of which flagged pixels are treated together, and how many groups are treated at once, in pixels.
BLOCK, CHUNK = 64, 2**16
#: Minimum margin of the windows around groups, in pixels.
MARGIN = 9


@dataclass(frozen=True, eq=False)
class Grown:
    """Groups of flagged pixels, those of one segment in one block, and the pixels into which they grow.

    Attributes
    ----------
    owners : (n,) int32 ndarray
        The labels of their segments.
    seeds, seed_starts : (k,) and (n + 1,) int64 ndarray
        Their pixels, as flat indices, and where those of each group start.
    levels : (n,) float64 ndarray
        The medians of the pixels around them, in electrons.
    in_star : (n,) uint8 ndarray
        Whether they are in stars (`~.tail_stars.IN_STAR` and others).
    found, groups, distances : (m,) int64 ndarray
        The pixels into which they grow, as flat indices, the numbers of the groups, and the steps from these. A pixel
        may be in several groups.
    """

    owners: np.ndarray
    seeds: np.ndarray
    seed_starts: np.ndarray
    levels: np.ndarray
    in_star: np.ndarray
    found: np.ndarray
    groups: np.ndarray
    distances: np.ndarray


class TailGrowth:
    """Grows groups of flagged pixels, and keeps what it found for the next detection of the same frame.

    What a group grows into depends on the frame, on some parameters and, in the window around it, on the flagged
    pixels, the values that replace them, and the saturated pixels.
    """

    def __init__(self) -> None:
        self._last: tuple[_Inputs, Grown] | None = None

    def grow(self, frame: Frame, detection: 'Detection', sigma: float, steps: int) -> Grown:
        """Grow the groups of a detection.

        Parameters
        ----------
        frame : Frame
            The frame.
        detection : Detection
            The cosmic rays detected in it.
        sigma : float
            Minimum height of a pixel in units of the noise.
        steps : int
            Maximum number of steps.

        Returns
        -------
        Grown
            The groups and the pixels; they depend on the arguments only.
        """
        from .tail_windows import find_windows

        inputs = _Inputs(frame, detection, sigma, steps)
        labels = detection.labels
        order, starts, owners = _group(detection.indices, labels, frame.shape[1])
        seeds = detection.indices[order]
        boxes = np.empty((len(owners), 4), np.int64)
        find_windows(seeds, starts, frame.shape, max(steps, MARGIN), boxes)
        last, known = None, np.full(len(owners), -1)
        if self._last is not None and self._last[0].alike(inputs):
            old, last = self._last
            known = _match(seeds, starts, boxes, last, inputs.changes(old), frame.shape[1])
        new = np.flatnonzero(known < 0)
        levels, in_star, found, groups, distances = _grow(
            inputs, boxes[new], seeds[np.repeat(known < 0, np.diff(starts))], np.diff(starts)[new]
        )
        grown = Grown(owners, seeds, starts, levels, in_star, found, new[groups], distances)
        if last is not None:
            grown = _join(grown, new, last, known)
        self._last = inputs, grown
        return grown


class _Inputs:
    """The inputs of the growth of all groups of one detection."""

    def __init__(self, frame, detection, sigma, steps):
        params = detection.params
        self.frame, self.options = frame, (sigma, steps)
        self.scale = float(np.float32(params.gain)), params.pssl
        self.limits = float(params.satlevel), float(params.readnoise)
        self.pixels, self.others = detection.indices, detection.area.others
        gain, pssl = self.scale
        cleaned = (detection.values + pssl) * gain
        if frame.background is not None:
            cleaned = cleaned - frame.background.reshape(-1)[detection.indices] * gain
        self.cleaned = cleaned.astype(np.float64, copy=False)

    def alike(self, other):
        """Return whether other inputs differ in flagged pixels at most."""
        return (
            self.frame is other.frame
            and (self.options, self.scale, self.limits) == (other.options, other.scale, other.limits)
            and np.array_equal(self.others, other.others)
        )

    def changes(self, other):
        """Return the pixels, sorted, that are flagged in one of both only or replaced by other values."""
        from .tail_changes import find_changes

        out = np.empty(len(self.pixels) + len(other.pixels), np.int64)
        return out[: find_changes(self.pixels, self.cleaned, other.pixels, other.cleaned, out)]

    def windows(self, boxes, starts):
        """Return values, bits, background and variance of windows, in electrons; empty if there is none."""
        gain, pssl = self.scale
        frame = self.frame
        values = _copy(frame.filled, boxes, starts)
        values += pssl
        values *= gain
        background = _copy(frame.background, boxes, starts) * gain
        if len(background):
            values -= background
        return values, _copy(frame.bits, boxes, starts), background, _copy(frame.variance, boxes, starts) * gain**2


def _copy(image, boxes, starts):
    from .tail_windows import copy_windows

    if image is None:
        return np.empty(0)
    windows = np.empty(starts[-1])
    copy_windows(image, boxes, starts, windows)
    return windows


def _group(pixels, labels, nx):
    """Group pixels by segment and block; return their order, where the groups start, and the labels of the groups."""
    y, x = np.divmod(pixels, nx)
    columns = nx // BLOCK + 1
    key = (labels.astype(np.int64) << 40) + y // BLOCK * columns + x // BLOCK
    order = np.argsort(key, kind='stable')
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    return order, np.append(starts, len(pixels)), labels[order[starts]]


def _match(seeds, starts, boxes, last, changed, nx):
    """Return the number that each group had the last time, -1 if there is none or something has changed around it."""
    from .tail_changes import find_same_groups

    firsts = last.seeds[last.seed_starts[:-1]]
    order = np.argsort(firsts)
    places = np.searchsorted(firsts, seeds[starts[:-1]], sorter=order)
    known = order[np.minimum(places, len(order) - 1)]
    find_same_groups(seeds, starts, boxes, last.seeds, last.seed_starts, changed, nx, known)
    return known


def _grow(inputs, boxes, seeds, sizes):
    """Return the levels of groups and whether they are in stars, and pixels, groups and distances."""
    from .tail_kernels import grow_tails

    seed_starts = np.append(0, np.cumsum(sizes))
    levels, in_star = np.empty(len(boxes)), np.empty(len(boxes), np.uint8)
    parts = []
    for a, b in _chunks(boxes):
        starts = np.append(0, np.cumsum(box_areas(boxes[a:b])))
        found, groups, distances = (np.empty(starts[-1], np.int64) for _ in range(3))
        count = grow_tails(
            boxes[a:b],
            starts,
            seeds,
            seed_starts[a : b + 1],
            *inputs.windows(boxes[a:b], starts),
            inputs.pixels,
            inputs.cleaned,
            inputs.others,
            inputs.frame.shape[1],
            *inputs.limits,
            *inputs.options,
            levels[a:b],
            in_star[a:b],
            found,
            groups,
            distances,
        )
        parts.append((found[:count], groups[:count] + a, distances[:count]))
    return levels, in_star, *(np.concatenate(part) for part in zip(*parts, strict=True))


def _chunks(boxes):
    """Split the windows into ranges of limited size."""
    ends = np.cumsum(box_areas(boxes))
    cuts = np.flatnonzero(np.diff(ends // CHUNK)) + 1
    edges = [0, *cuts.tolist(), len(boxes)]
    return list(pairwise(edges))


def _join(grown, new, last, known):
    """Return what new groups grow into, together with what the known ones grew into the last time."""
    old = np.flatnonzero(known >= 0)
    levels, in_star = last.levels[known], last.in_star[known]
    levels[new], in_star[new] = grown.levels, grown.in_star
    numbers = np.full(len(last.owners), -1)
    numbers[known[old]] = old
    groups = numbers[last.groups]
    kept = groups >= 0
    return Grown(
        grown.owners,
        grown.seeds,
        grown.seed_starts,
        levels,
        in_star,
        np.append(last.found[kept], grown.found),
        np.append(groups[kept], grown.groups),
        np.append(last.distances[kept], grown.distances),
    )
