"""Trial of a remedy on a copy of a frame with injected cosmic rays."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from astropy.nddata import CCDData

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic.detect import Detector
from ginga_crplugin.core.params import LACosmicParams

from .inject import inject_rays
from .own_rays import cut_own_rays
from .physics import Sensor
from .rays import Ray, simulate_rays, turned
from .sample import cut_frame
from .stars import Scene, find_scene

__all__ = ['Quality', 'RemedyTrial', 'own_pixels']

#: Maximum side of the part of a frame that is used, and pixels per injected ray.
_SIDE, _AREA = 768, 2500
#: Minimum number of rays of the frame itself that are injected, up to this factor fainter.
_MIN_OWN, _FAINTER = 8, 0.3
#: Thin and thick sensors, of which rays are injected in equal numbers.
_SENSORS = Sensor(thickness=20.0, diffusion=5.0), Sensor(thickness=250.0, diffusion=6.0)
#: Share of rays and of their pixels that may be lost, share of stars that may be touched more, and pixels per million
#: that may be flagged more in noise: what the trial cannot distinguish. Up to the last number are usual.
_RAYS, _PIXELS, _STARS, _NOISE, _USUAL_NOISE = 0.015, 0.02, 0.005, 15.0, 100.0
#: Gain in the expected F1 score for which these shares of rays may be lost and stars be touched; share of spared stars
#: for which that share of rays may be lost; and the loss of F1 that is not accepted.
_BETTER, _FOR_BETTER, _STARS_FOR_BETTER = 0.02, 0.04, 0.02
_MANY_STARS, _FOR_STARS, _WORSE = 0.2, 0.08, 0.05
#: Share of found rays below which the search finds nothing, and share of stars that may be touched by one that does.
_BLIND, _MOST_STARS = 0.1, 0.05
#: Completeness from which the number of rays of the frame is estimated.
_COMPLETE = 0.3


@dataclass(frozen=True)
class Quality:
    """How a frame with certain masks and parameters is searched.

    Attributes
    ----------
    rays, pixels : float
        Share of the injected rays, and of their pixels, that are flagged because of them.
    stars : float
        Share of the stars that are touched.
    noise : float
        Flagged pixels per million pixels of pure noise.
    flagged : int
        Flagged pixels of the frame without injected rays.
    injected, count : int
        Number of injected pixels and of injected rays.
    """

    rays: float
    pixels: float
    stars: float
    noise: float
    flagged: int
    injected: int
    count: int

    def score(self, own: float) -> float:
        """Return the expected F1 score of pixels if the frame had as many rays as were injected.

        Parameters
        ----------
        own : float
            Number of pixels of the rays in the frame itself, see `own_pixels`. What is flagged beyond is false.

        Returns
        -------
        float
            The F1 score.
        """
        true = self.pixels * self.injected
        false = max(self.flagged - self.pixels * own, 0.0)
        return 2.0 * true / max(true + self.injected + false, 1.0)

    def objection(self, before: 'Quality', own: float) -> str:
        """Return what is worse than before.

        Parameters
        ----------
        before : Quality
            The quality without the remedy.
        own : float
            Number of pixels of the rays in the frame itself.

        Returns
        -------
        str
            What is worse, with its values; empty if nothing is.
        """
        if before.rays < _BLIND:  # what finds nothing touches no star
            before = replace(before, stars=_MOST_STARS)
        better, spared = self.score(own) - before.score(own), before.stars - self.stars
        if spared < -(_STARS_FOR_BETTER if better >= _BETTER else _STARS):
            return _change('stars touched', before.stars, self.stars)
        if self.noise > max(before.noise + _NOISE, _USUAL_NOISE):
            return f'{before.noise:,.0f} -> {self.noise:,.0f} false pixels per million'
        spares = spared > _MANY_STARS and better > -_WORSE
        allowed = _FOR_STARS if spares else _FOR_BETTER if better >= _BETTER else _RAYS
        if self.rays < before.rays - max(allowed, 1.5 / max(self.count, 1)):
            return _change('found rays', before.rays, self.rays)
        if better < -_WORSE or (self.pixels < before.pixels - _PIXELS and not spares):
            return _change('found pixels of rays', before.pixels, self.pixels)
        return ''

    def gained(self, before: 'Quality') -> str:
        """Return what is better than before.

        Parameters
        ----------
        before : Quality
            The quality without the remedy.

        Returns
        -------
        str
            The share of found rays, and what changes beside it.
        """
        parts = [_change('found rays', before.rays, self.rays)]
        if round(before.stars, 2) > round(self.stars, 2):
            parts.append(_change('stars touched', before.stars, self.stars))
        if before.noise - self.noise > _NOISE:
            parts.append(f'false pixels in noise {before.noise:,.0f} -> {self.noise:,.0f} per million')
        elif before.flagged > 1.1 * self.flagged + 5 and len(parts) == 1:
            parts.append(f'flagged pixels {before.flagged:,} -> {self.flagged:,}')
        return ', '.join(parts)


def own_pixels(qualities: Sequence[Quality]) -> float:
    """Estimate the number of pixels of the rays in a frame itself.

    Parameters
    ----------
    qualities : sequence of Quality
        Measured with several masks and parameters.

    Returns
    -------
    float
        The smallest number of flagged pixels that the completeness for injected rays implies: what flags more has false
        pixels.
    """
    implied = [quality.flagged / quality.pixels for quality in qualities if quality.pixels > _COMPLETE]
    return min(implied, default=0.0)


def _change(name: str, before: float, after: float) -> str:
    return f'{name} {before:.0%} -> {after:.0%}'


class RemedyTrial:
    """A part of a frame with injected rays, on which masks and parameters are tried.

    The random numbers are seeded by the pixels, so that the same frame always gives the same result.

    Parameters
    ----------
    frame : Frame
        The frame.
    params : LACosmicParams
        The most probable parameters, by which charge is converted to the unit of the frame, and stars are found.
    masks : sequence of (ny, nx) bool ndarray
        Masks to be tried; no rays are injected there.
    """

    def __init__(self, frame: Frame, params: LACosmicParams, masks: Sequence[np.ndarray]) -> None:
        ny, nx = frame.shape
        y, x = max(0, (ny - _SIDE) // 2), max(0, (nx - _SIDE) // 2)
        self._part = slice(y, y + _SIDE), slice(x, x + _SIDE)
        part = self._cut(frame)
        rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(part.filled)))
        self._scene = find_scene(part, params)
        blocked = np.logical_or.reduce([mask[self._part] for mask in masks]) if masks else None
        rays = _rays_for(part, params, self._scene, rng)
        self._injected = inject_rays(part, params, rays, rng, blocked, margin=4)
        self._peaks = self._brightest_pixels()
        self._level = (self._scene.level / params.gain - params.pssl).astype(np.float32)
        self._noise = _noise_like(part, rng)

    def _cut(self, frame: Frame) -> Frame:
        return cut_frame(frame, lambda image: image[self._part])

    def _brightest_pixels(self) -> np.ndarray:
        """Return the brightest pixel of each injected ray."""
        order = np.lexsort((-self._injected.electrons, self._injected.rays))
        first = np.unique(self._injected.rays[order], return_index=True)[1]
        return self._injected.pixels[order][first]

    def measure(self, frame: Frame, params: LACosmicParams) -> Quality:
        """Measure how rays, stars and noise are flagged.

        Parameters
        ----------
        frame : Frame
            The frame with other masks, or another noise.
        params : LACosmicParams
            The parameters.

        Returns
        -------
        Quality
            The quality.
        """
        part = self._cut(frame)
        images: dict[str, Any] = {'background': part.background, 'variance': part.variance}
        plain = _flagged(part, params)
        injected = Frame(self._injected.frame.ccd, masks=part.masks, psfk=part.psfk, **images)
        new = _flagged(injected, params) & ~plain
        truth = self._injected.pixels
        level = self._level if part.background is None else part.background
        blank = Frame(CCDData(self._noise + level, unit=frame.ccd.unit), masks=part.masks, psfk=part.psfk, **images)
        noise = 1e6 * float(_flagged(blank, params).mean())
        return Quality(
            float(new.ravel()[self._peaks].mean()) if self._peaks.size else 0.0,
            float(new.ravel()[truth].mean()) if truth.size else 0.0,
            self._touched(plain),
            noise,
            int(np.count_nonzero(plain)),
            truth.size,
            self._peaks.size,
        )

    def _touched(self, flagged: np.ndarray) -> float:
        """Return the share of the stars of which the core is flagged."""
        cores = self._scene.cores
        return len(np.unique(cores[flagged & (cores > 0)])) / max(len(self._scene), 1)


def _flagged(frame: Frame, params: LACosmicParams) -> np.ndarray:
    """Return the flagged pixels; none if no pixels are left to search."""
    try:
        return Detector(wait=True).detect(frame, params).crmask
    except ValueError:
        return np.zeros(frame.shape, dtype=bool)


def _rays_for(frame: Frame, params: LACosmicParams, scene: Scene, rng: np.random.Generator) -> list[Ray]:
    """Return rays like those of the frame, or simulated ones if it has too few."""
    count = max(20, frame.bits.size // _AREA)
    own = cut_own_rays(frame, params, scene)
    if len(own) >= _MIN_OWN:
        return [turned(own[rng.integers(len(own))], rng, _FAINTER) for _ in range(count)]
    return [ray for sensor in _SENSORS for ray in simulate_rays(rng, count // 2, sensor)]


def _noise_like(frame: Frame, rng: np.random.Generator) -> np.ndarray:
    """Return pure noise with the scatter of each tile of a frame."""
    evidence = frame.evidence
    scatter = np.full(frame.shape, evidence.scatter)
    rows, columns, side = evidence.tiles
    for y, x, spread in zip(rows, columns, evidence.scatters, strict=True):
        scatter[y : y + side, x : x + side] = spread
    return rng.normal(0.0, scatter).astype(np.float32)
