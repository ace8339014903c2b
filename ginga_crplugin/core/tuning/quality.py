"""Expected quality of parameter sets, from trials with injected rays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ginga_crplugin.core.params import LACosmicParams

from .trial import Trials

__all__ = ['TUNED', 'Estimates', 'SetQuality', 'Tuning', 'estimate']

#: The parameters that are tuned.
TUNED = 'sigclip', 'sigfrac', 'objlim', 'sepmed', 'search_edges'
#: Percentile of the numbers of cosmic rays that follow from each parameter set, since false detections only raise them;
#: half of the minimum share of the injected rays that a set must find; and maximum share of noise in what it flags.
_LOW_PERCENT, _MIN_FOUND, _MAX_NOISE = 15.0, 0.15, 0.2
#: Smallest number of cosmic-ray pixels per megapixel, and of cosmic rays, that is assumed.
_FEW_PIXELS, _FEW_RAYS = 30.0, 3.0
#: Number of bootstrap samples.
_SAMPLES = 100


@dataclass(frozen=True)
class SetQuality:
    """Expected quality of a parameter set for one frame.

    Attributes
    ----------
    params : LACosmicParams
        The parameters.
    rays_found, pixels_found, charge_found : float
        Share of the injected rays, of their significant pixels, and of the charge of these that was found.
    stars_touched, stars : int
        Number of stars with a flagged pixel near the center, and of all stars that were examined.
    flux_lost : float
        Share of the flux of the stars that would be removed.
    noise_pixels_per_megapixel : float
        Number of pixels flagged in pure noise, per million pixels.
    beside : float
        Share of pixels that are flagged because of a ray without having significant charge.
    f1_pixels, f1_rays : float
        Expected F1 score (harmonic mean of completeness and precision) of pixels and of rays.
    f1_pixels_error, f1_rays_error : float
        Their standard deviations from bootstrap samples of the injected rays.
    """

    params: LACosmicParams
    rays_found: float
    pixels_found: float
    charge_found: float
    stars_touched: int
    stars: int
    flux_lost: float
    noise_pixels_per_megapixel: float
    beside: float
    f1_pixels: float
    f1_rays: float
    f1_pixels_error: float
    f1_rays_error: float

    @property
    def stars_share(self) -> float:
        """Share of the stars that are touched; 0 without stars."""
        return self.stars_touched / self.stars if self.stars else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON.

        Returns
        -------
        dict
            ``parameters``, and the attributes by their names, rounded.
        """
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != 'params'}
        rounded = {name: value if isinstance(value, int) else round(value, 4) for name, value in values.items()}
        return {'parameters': {name: getattr(self.params, name) for name in TUNED}} | rounded


@dataclass(frozen=True, eq=False)
class Tuning:
    """Suggested parameters for a frame, and what was measured of others.

    Attributes
    ----------
    suggested, defaults, current : SetQuality or None
        The suggested parameters, the defaults, and those of the user; None if nothing was measured, and no suggestion
        if no set meets the limits.
    sets : tuple of SetQuality
        All sets that were tried.
    rays : int
        Number of injected rays.
    own_rays : int
        Number of confident detections in the frame that were cut out; they were injected if they are 8 or more,
        together with simulated ones if they are fewer than 25.
    source : str
        What was injected.
    refused : str
        Why there is no suggestion; else empty.
    """

    suggested: SetQuality | None
    defaults: SetQuality | None
    current: SetQuality | None
    sets: tuple[SetQuality, ...]
    rays: int
    own_rays: int
    source: str
    refused: str = ''

    def to_dict(self) -> dict[str, Any]:
        """Return the result for JSON.

        Returns
        -------
        dict
            ``suggested``, ``defaults``, ``current``, ``rays``, ``own_rays``, ``source`` and ``refused``.
        """
        sets = {name: getattr(self, name) for name in ('suggested', 'defaults', 'current')}
        found: dict[str, Any] = {name: None if item is None else item.to_dict() for name, item in sets.items()}
        return found | {'rays': self.rays, 'own_rays': self.own_rays, 'source': self.source, 'refused': self.refused}


@dataclass(frozen=True, eq=False)
class Estimates:
    """Expected F1 scores of S parameter sets.

    Attributes
    ----------
    pixels, hits : (S,) float64 ndarray
        Expected F1 score of pixels and of rays.
    pixel_samples, hit_samples : (B, S) float64 ndarray
        The same for bootstrap samples of the injected rays.
    found_pixels, found_hits, found_charge, beside : (S,) float64 ndarray
        Share of pixels, rays and charge that was found, and of pixels beside them.
    """

    pixels: np.ndarray
    hits: np.ndarray
    pixel_samples: np.ndarray
    hit_samples: np.ndarray
    found_pixels: np.ndarray
    found_hits: np.ndarray
    found_charge: np.ndarray
    beside: np.ndarray

    def quality(self, index: int, trials: Trials, params: LACosmicParams, stars: int) -> SetQuality:
        """Return the quality of one parameter set.

        Parameters
        ----------
        index : int
            Its index.
        trials : Trials
            The trials.
        params : LACosmicParams
            Its parameters.
        stars : int
            Number of stars.

        Returns
        -------
        SetQuality
            The quality.
        """
        return SetQuality(
            params,
            rays_found=float(self.found_hits[index]),
            pixels_found=float(self.found_pixels[index]),
            charge_found=float(self.found_charge[index]),
            stars_touched=int(trials.stars_touched[index]),
            stars=stars,
            flux_lost=float(trials.flux_lost[index]),
            noise_pixels_per_megapixel=float(trials.noise_pixels[index]) * 1e6,
            beside=float(self.beside[index]),
            f1_pixels=float(self.pixels[index]),
            f1_rays=float(self.hits[index]),
            f1_pixels_error=float(np.std(self.pixel_samples[:, index])),
            f1_rays_error=float(np.std(self.hit_samples[:, index])),
        )


def estimate(
    trials: Trials,
    area: int,
    star_share: float,
    edge_shares: Sequence[float],
    rng: np.random.Generator,
) -> Estimates:
    """Estimate the F1 scores of parameter sets for the cosmic rays of the frame itself.

    From each set follows how many cosmic rays the frame has: what it flags outside stars, less what it flags in noise,
    divided by the share of the injected rays that it finds. False detections raise this number, so a low one is taken,
    and what a set flags beyond it counts as false.

    Parameters
    ----------
    trials : Trials
        The trials of the sets.
    area : int
        Number of pixels in which flagged pixels were counted.
    star_share : float
        Share of them that belongs to stars.
    edge_shares : sequence of float
        Share of the frame that each set does not search, since it is at the edge.
    rng : `numpy.random.Generator`
        Random numbers.

    Returns
    -------
    Estimates
        The scores.
    """
    count = len(trials.ray_pixels)
    weights = np.concatenate([np.ones((1, count)), rng.multinomial(count, np.full(count, 1.0 / count), _SAMPLES)])
    searched = 1.0 - np.asarray(edge_shares)
    pixels = (weights @ trials.found_pixels.T) / np.maximum(weights @ trials.ray_pixels, 1)[:, None]
    hits = (weights @ (trials.found_pixels > 0).T) / count
    significant = trials.found_pixels.sum(axis=1)
    beside = trials.beside / np.maximum(significant + trials.beside, 1)
    noise, noise_segments = trials.noise_pixels * area, trials.noise_segments * area
    outside = np.maximum(trials.outside - noise, 0.0) * (1.0 - beside)
    segments = np.maximum(trials.segments_outside - noise_segments, 0.0)
    usable = 1.0 - star_share

    def number(flagged, false, found, few):
        """Return how many there are, from the sets that flag the least besides cosmic rays."""
        totals = flagged / np.maximum(found * searched * usable, _MIN_FOUND)
        known = (found[0] >= 2.0 * _MIN_FOUND) & (false < _MAX_NOISE * (false + flagged))
        known |= not known.any()
        return np.maximum(np.percentile(totals[:, known], _LOW_PERCENT, axis=1), few)

    def score(found, number, true_ratio, outside, noise, in_stars):
        true = found * searched * number[:, None]
        false = np.maximum(outside - true * usable * true_ratio, noise) + (true_ratio - 1.0) * true
        false += np.maximum(in_stars - true * star_share * true_ratio, 0.0)
        return 2.0 * true / np.maximum(true + number[:, None] + false, 1e-9)

    total = number(outside, noise, pixels, _FEW_PIXELS * area / 1e6)
    total_hits = number(segments, noise_segments, hits, _FEW_RAYS)
    ratio = 1.0 / np.maximum(1.0 - beside, 0.05)
    f1_pixels = score(pixels, total, ratio, trials.outside, noise, trials.in_stars)
    f1_hits = score(hits, total_hits, 1.0, trials.segments_outside, noise_segments, trials.segments_in_stars)
    charge = trials.found_charge.sum(axis=1) / max(trials.ray_charge.sum(), 1e-9)
    return Estimates(
        f1_pixels[0],
        f1_hits[0],
        f1_pixels[1:],
        f1_hits[1:],
        pixels[0],
        hits[0],
        charge,
        beside,
    )
