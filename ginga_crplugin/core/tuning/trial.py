"""Trials of parameter sets on copies of a frame with injected rays, on the frame itself and on noise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ginga_crplugin.core.flat_indices import connected_labels
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic.detection import Cancelled
from ginga_crplugin.core.lacosmic.engine import LACosmic
from ginga_crplugin.core.params import LACosmicParams

from .inject import Injection
from .stars import Scene

__all__ = ['Trials', 'run_trials']


@dataclass(frozen=True, eq=False)
class Trials:
    """What each of S parameter sets found.

    Attributes
    ----------
    ray_pixels : (R,) int64 ndarray
        Number of significant pixels of each of R injected rays.
    ray_charge : (R,) float64 ndarray
        Their charge (electron).
    found_pixels : (S, R) int64 ndarray
        Number of these pixels that were flagged.
    found_charge : (S, R) float64 ndarray
        Their charge (electron).
    beside : (S,) float64 ndarray
        Number of pixels that were flagged because of the rays without being significant.
    in_stars, outside : (S,) int64 ndarray
        Number of pixels flagged in the frame itself, in stars and elsewhere.
    segments_in_stars, segments_outside : (S,) int64 ndarray
        Number of segments of these.
    stars_touched : (S,) int64 ndarray
        Number of stars with a flagged pixel near the center.
    flux_lost : (S,) float64 ndarray
        Share of the flux of the stars that would be removed.
    noise_pixels, noise_segments : (S,) float64 ndarray
        Number of pixels and segments flagged in pure noise, per pixel.
    """

    ray_pixels: np.ndarray
    ray_charge: np.ndarray
    found_pixels: np.ndarray
    found_charge: np.ndarray
    beside: np.ndarray
    in_stars: np.ndarray
    outside: np.ndarray
    segments_in_stars: np.ndarray
    segments_outside: np.ndarray
    stars_touched: np.ndarray
    flux_lost: np.ndarray
    noise_pixels: np.ndarray
    noise_segments: np.ndarray


def run_trials(
    frame: Frame,
    copies: Sequence[Injection],
    noise: Frame,
    scene: Scene,
    counted: np.ndarray,
    sets: Sequence[LACosmicParams],
    progress: Callable[[float], object] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Trials:
    """Run L.A.Cosmic with many parameter sets, and count what each of them finds.

    Parameters
    ----------
    frame : Frame
        The frame.
    copies : sequence of Injection
        Copies of it with injected rays.
    noise : Frame
        A frame of noise alone.
    scene : Scene
        The stars of the frame.
    counted : (ny, nx) bool ndarray
        The pixels of the frame in which flagged pixels are counted.
    sets : sequence of LACosmicParams
        The parameter sets; sets with the same ``sepmed`` should follow each other.
    progress : callable, optional
        Called with the finished fraction, from 0 to 1.
    cancel : callable, optional
        Returns whether to stop.

    Returns
    -------
    Trials
        The counts.

    Raises
    ------
    Cancelled
        If ``cancel`` returned True.
    """
    engine, blank = LACosmic(frame, sets[0]), LACosmic(noise, sets[0])
    rays = [_RayCounter(copy, frame.shape) for copy in copies]
    engines = [LACosmic(copy.frame, sets[0]) for copy in copies]
    itself = _FrameCounter(frame, scene, counted)
    found, rows = [], []
    for number, params in enumerate(sets):
        if cancel is not None and cancel():
            raise Cancelled
        own = engine.detect(params)
        counts = [
            counter.count(one.detect(params).indices, own.indices) for counter, one in zip(rays, engines, strict=True)
        ]
        found.append([np.concatenate([count[k] for count in counts]) for k in (0, 1)])
        false = blank.detect(params).indices
        row = itself.count(own)
        row |= {'beside': sum(count[2] for count in counts)}
        row |= {
            'noise_pixels': len(false) / noise.bits.size,
            'noise_segments': _segments(false, noise) / noise.bits.size,
        }
        rows.append(row)
        if progress is not None:
            progress((number + 1) / len(sets))
    return Trials(
        np.concatenate([counter.pixels for counter in rays]),
        np.concatenate([counter.charge for counter in rays]),
        np.array([pixels for pixels, _ in found]),
        np.array([charge for _, charge in found]),
        **{name: np.array([row[name] for row in rows]) for name in rows[0]},
    )


def _segments(pixels, frame):
    return int(connected_labels(pixels, frame.shape[1]).max()) if len(pixels) else 0


class _RayCounter:
    """Counts what was found of the injected rays of one copy."""

    def __init__(self, copy: Injection, shape: tuple[int, int]) -> None:
        self._size = copy.count
        self._ray = np.full(shape[0] * shape[1], -1, dtype=np.int32)
        self._ray[copy.pixels] = copy.rays
        self._electrons = np.zeros(self._ray.size, dtype=np.float32)
        self._electrons[copy.pixels] = copy.electrons
        self._before = np.zeros(self._ray.size, dtype=bool)
        self.pixels = np.bincount(copy.rays, minlength=self._size)
        self.charge = np.bincount(copy.rays, copy.electrons, self._size)

    def count(self, pixels, before):
        """Return pixels and charge of each ray that were found, and the number of other pixels that are new."""
        self._before[before] = True
        new = pixels[~self._before[pixels]]
        self._before[before] = False
        ray = self._ray[pixels]
        found, ray = pixels[ray >= 0], ray[ray >= 0]
        other = np.count_nonzero(self._ray[new] < 0)
        return np.bincount(ray, minlength=self._size), np.bincount(ray, self._electrons[found], self._size), other


class _FrameCounter:
    """Counts what is flagged in the frame itself."""

    def __init__(self, frame: Frame, scene: Scene, counted: np.ndarray) -> None:
        self._frame = frame
        self._counted = counted.ravel()
        self._star = scene.labels.ravel()
        self._core = scene.cores.ravel() > 0
        self._flux = max(float(np.maximum(scene.flux, 0.0).sum()), 1e-9)

    def count(self, detection):
        pixels = detection.indices
        star = self._star[pixels]
        counted = self._counted[pixels]
        labels = connected_labels(pixels, self._frame.shape[1]) if len(pixels) else np.zeros(0, dtype=int)
        inside, outside = counted & (star > 0), counted & (star == 0)
        in_stars = np.unique(labels[inside])
        params = detection.params
        removed = (self._frame.filled.ravel()[pixels[inside]] - detection.values[inside]) * params.gain
        return {
            'in_stars': np.count_nonzero(inside),
            'outside': np.count_nonzero(outside),
            'segments_in_stars': len(in_stars),
            'segments_outside': len(np.setdiff1d(labels[outside], in_stars)),
            'stars_touched': len(np.unique(star[inside & self._core[pixels]])),
            'flux_lost': float(np.maximum(removed, 0.0).sum()) / self._flux,
        }
