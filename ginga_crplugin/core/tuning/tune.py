"""Measured advice on the parameters of L.A.Cosmic for one frame."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from astropy.nddata import NDData
from numpy.typing import ArrayLike
from scipy import ndimage

from ginga_crplugin.core.diagnostics.frame_checks import check_frame
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.interpretation import as_frame
from ginga_crplugin.core.lacosmic.engine import LACosmic
from ginga_crplugin.core.lacosmic.search_area import excluded_border
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.ray_rate import describe_impossible

from .inject import Injection, blank_frame, inject_rays
from .own_rays import cut_own_rays
from .physics import Sensor
from .quality import TUNED, Estimates, SetQuality, Tuning, estimate
from .rays import Ray, simulate_rays, turned
from .sample import Sample, sample_frame
from .stars import Scene, find_scene
from .trial import Trials, run_trials

__all__ = ['GRID', 'tune']

#: The values that are tried.
GRID: dict[str, tuple[Any, ...]] = {
    'sepmed': (True, False),
    'sigclip': (3.5, 4.0, 4.5, 5.5, 7.0),
    'sigfrac': (0.1, 0.3, 0.5, 0.8),
    'objlim': (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0),
}
#: Checks of a frame whose errors no parameter of the grid cures.
_PREREQUISITES = 'kind', 'bias', 'sky', 'units', 'overscan'
#: Minimum number of own rays that are used, number from which no simulated ones are added, how much fainter they are
#: made, and width of the stars in pixels below which they are not used.
_MIN_OWN, _MANY_OWN, _FAINTER, _NARROW = 8, 25, 0.3, 2.0
#: Number of pixels per injected ray, minimum and wanted number of rays, and maximum number of copies of the frame.
_AREA, _MIN_RAYS, _WANTED, _MAX_COPIES = 2500, 20, 80, 6
_MAX_RAYS = 240
#: Thin and thick sensors, of which rays are simulated where the frame has too few of its own.
_SENSORS = Sensor(thickness=20.0, diffusion=5.0), Sensor(thickness=250.0, diffusion=6.0)
#: Expected F1 score of rays that may be lost for pixels, and difference in scores below which sets are equally good.
_LOSS, _EQUAL = 0.003, 0.002
#: Width in pixels of the edge that is searched with ``search_edges`` only, and factor by which more pixels than
#: elsewhere may be flagged there.
_EDGE, _EDGE_FACTOR = 3, 4.0


def tune(
    frame: Frame | NDData | ArrayLike,
    params: LACosmicParams | None = None,
    *,
    rays: Sequence[Ray] = (),
    stars_at_most: float | None = None,
    noise_at_most: float | None = None,
    seed: int = 1,
    progress: Callable[[float], object] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Tuning:
    """Suggest parameters of L.A.Cosmic for a frame, measured by injecting cosmic rays into copies of it.

    About 280 sets of ``sigclip``, ``sigfrac``, ``objlim`` and ``sepmed`` are run on copies with injected rays, on the
    frame itself and on pure noise of its level. The set with the highest expected F1 scores of pixels and rays is
    suggested, unless it finds fewer rays than the defaults; of equally good ones, the nearest to the
    defaults. Of a frame of more than about 0.7 megapixels, parts are used. The frame is not changed.

    Parameters
    ----------
    frame : Frame, `~astropy.nddata.CCDData`, `~astropy.nddata.NDData` or (ny, nx) array_like
        The frame with its masks.
    params : LACosmicParams, optional
        The current parameters, of which gain, read noise and the others that are not tuned are kept; by default those
        of the header of the frame.
    rays : sequence of Ray, optional
        Cosmic rays of the same camera, from `~ginga_crplugin.core.tuning.rays.cut_rays`; by default those of the frame
        itself, with simulated ones if they are fewer than 25, or only these if they are fewer than 8.
    stars_at_most : float, optional
        Maximum share of the stars that may be touched, from 0 to 1.
    noise_at_most : float, optional
        Maximum number of pixels flagged in noise per million pixels.
    seed : int, optional
        Seed of the random numbers; the same seed gives the same result.
    progress : callable, optional
        Called with the finished fraction, from 0 to 1.
    cancel : callable, optional
        Returns whether to stop.

    Returns
    -------
    Tuning
        The suggestion; without one, ``refused`` says why.

    Raises
    ------
    Cancelled
        If ``cancel`` returned True.
    ValueError
        If a limit is negative.
    """
    for name, limit in (('stars_at_most', stars_at_most), ('noise_at_most', noise_at_most)):
        if limit is not None and not limit >= 0.0:
            msg = f'{name} is {limit!r}: it must be a number of 0 or more'
            raise ValueError(msg)
    frame = as_frame(frame)
    current = frame.parameters()[0] if params is None else params
    reason = _failed_check(frame, current)
    if reason:
        return _refuse(reason)
    study = _Study(frame, current, rays, np.random.default_rng(seed))
    if study.refused:
        return _refuse(study.refused, study.injected, len(study.own))
    trials = study.run(progress, cancel)
    return study.suggest(trials, stars_at_most, noise_at_most)


def _refuse(reason, rays=0, own=0):
    return Tuning(None, None, None, (), rays, own, '', reason)


def _failed_check(frame, params):
    """Return the error of a check of the frame that must be mended first."""
    failed = [check for check in check_frame(frame, params) if check.mark == 'error' and check.name in _PREREQUISITES]
    return f'{failed[0].name}: {failed[0].measured}; {failed[0].advice} first' if failed else ''


class _Study:
    """The frame, its copies with injected rays, and the parameter sets to try."""

    def __init__(self, frame: Frame, params: LACosmicParams, given: Sequence[Ray], rng: np.random.Generator) -> None:
        self.frame, self.params, self.rng = frame, params, rng
        self.base = replace(params, search_edges=False)
        self.sample: Sample = sample_frame(frame)
        self.scene: Scene = find_scene(self.sample.frame, self.base)
        self.own = cut_own_rays(self.sample.frame, self.base, self.scene)
        self.refused = self._too_many()
        self.source = ''
        self.copies: list[Injection] = []
        if not self.refused:
            self.source, self.copies = self._inject(list(given))
            if self.injected < _MIN_RAYS:
                self.refused = f'only {self.injected} rays can be injected: at least {_MIN_RAYS} are needed'

    @property
    def injected(self) -> int:
        """Number of injected rays."""
        return sum(copy.count for copy in self.copies)

    def _too_many(self):
        """Return why what the defaults flag outside stars cannot be cosmic rays."""
        found = LACosmic(self.sample.frame, self.base).detect(_with(self.base, LACosmicParams()))
        labels, pixels = found.labels, found.indices
        stars = np.unique(labels[self.scene.region.ravel()[pixels]])
        outside = ~np.isin(labels, stars)
        count = len(np.unique(labels[outside]))
        shape = self.sample.frame.shape
        reason = describe_impossible(self.frame.ccd.header, shape, count, np.count_nonzero(outside))
        return f'most flagged pixels cannot be cosmic rays ({reason}); mask hot pixels first' if reason else ''

    def _inject(self, given: list[Ray]) -> tuple[str, list[Injection]]:
        """Return what is injected, and the copies with it."""
        frame = self.sample.frame
        area = int(np.count_nonzero((frame.bits == 0) & self.sample.counted))
        each = min(max(area // _AREA, 4), _MAX_RAYS)
        blocked = ndimage.binary_dilation(self.scene.detection.crmask, iterations=2) | ~self.sample.counted
        pool, fainter, source = given, 1.0, 'given rays'
        narrow = self.scene.fwhm is not None and self.scene.fwhm < _NARROW  # some detections may be stars
        if not pool and len(self.own) >= _MIN_OWN and not narrow:
            pool, fainter, source = self.own, _FAINTER, 'rays of the frame'
        if not pool:
            source = 'simulated rays'
        copies = []
        for _ in range(min(max(-(-_WANTED // each), 1), _MAX_COPIES)):
            share = 1.0 if given else min(len(pool) / _MANY_OWN, 1.0)
            own = round(share * each)
            rays = [turned(pool[self.rng.integers(len(pool))], self.rng, fainter) for _ in range(own)]
            half = (each - own + 1) // len(_SENSORS)
            rays += [ray for sensor in _SENSORS for ray in simulate_rays(self.rng, half, sensor)]
            copies.append(inject_rays(frame, self.base, rays, self.rng, blocked, margin=_EDGE + 1))
        return source, copies

    def run(self, progress, cancel) -> Trials:
        """Try all sets."""
        noise = float(np.median(self.scene.noise))
        level = max(noise**2 - self.base.readnoise**2, 0.0)
        scatters = [self.base.gain * self.frame.evidence.scatter, self.scene.scatter]
        known = [scatter for scatter in scatters if scatter > 0.0]
        blank = blank_frame(level, self.base, self.rng, noise=min(known, default=noise))
        scene, counted = self.scene, self.sample.counted
        return run_trials(self.sample.frame, self.copies, blank, scene, counted, self.sets, progress, cancel)

    @property
    def sets(self) -> list[LACosmicParams]:
        """The defaults, the current parameters and the grid, those with the same median filters together."""
        grid = [_with(self.base, LACosmicParams(**dict(zip(GRID, values, strict=True)))) for values in _values()]
        first = [_with(self.base, LACosmicParams()), self.base]
        return sorted([*first, *grid], key=lambda item: not item.sepmed)

    def suggest(self, trials: Trials, stars_at_most: float | None, noise_at_most: float | None) -> Tuning:
        """Choose the best set within the limits."""
        sets, counted = self.sets, self.sample.counted
        edges = [self._edge_share(item) for item in sets]
        stars = self.scene.region & counted
        area = int(np.count_nonzero(counted))
        found = estimate(trials, area, int(np.count_nonzero(stars)) / area, edges, self.rng)
        qualities = tuple(found.quality(index, trials, item, len(self.scene)) for index, item in enumerate(sets))
        defaults, current = (sets.index(item) for item in (_with(self.base, LACosmicParams()), self.base))
        allowed = np.array(
            [
                (stars_at_most is None or item.stars_share <= stars_at_most)
                and (noise_at_most is None or item.noise_pixels_per_megapixel <= noise_at_most)
                for item in qualities
            ]
        )
        refused, suggested = '', None
        if allowed.any():
            suggested = qualities[_best(found, sets, defaults, allowed)]
            suggested = self._with_edges(suggested)
        else:
            refused = 'no parameters of the grid meet the limits; raise stars_at_most or noise_at_most'
        return Tuning(
            suggested,
            qualities[defaults],
            qualities[current],
            qualities,
            self.injected,
            len(self.own),
            self.source,
            refused,
        )

    def _edge_share(self, params):
        ny, nx = self.frame.shape
        border = excluded_border(params)
        return 1.0 - (ny - 2 * border) * (nx - 2 * border) / (ny * nx)

    def _with_edges(self, quality: SetQuality) -> SetQuality:
        """Suggest to search the edges if not much more is flagged there than elsewhere."""
        params = replace(quality.params, search_edges=True)
        y, x = np.divmod(LACosmic(self.frame, params).detect(params).indices, self.frame.shape[1])
        ny, nx = self.frame.shape
        outer = np.minimum(np.minimum(y, ny - 1 - y), np.minimum(x, nx - 1 - x)) < _EDGE
        share = self._edge_share(replace(params, search_edges=False, sepmed=True))
        expected = np.count_nonzero(~outer) * share / (1.0 - share)
        return replace(quality, params=params) if np.count_nonzero(outer) <= _EDGE_FACTOR * expected + 5.0 else quality


def _values() -> list[tuple[Any, ...]]:
    return list(product(*GRID.values()))


def _with(params, other):
    """Return parameters with the tuned ones of others."""
    return replace(params, **{name: getattr(other, name) for name in TUNED})


def _best(found: Estimates, sets: Sequence[LACosmicParams], defaults: int, allowed: np.ndarray) -> int:
    """Return the index of the set with the best scores; of equally good ones, the nearest to the defaults."""
    score = found.pixels + found.hits
    keeps = allowed & (found.hits >= found.hits[defaults] - _LOSS)
    choice = np.flatnonzero(keeps if keeps.any() else allowed)
    best = choice[np.argmax(score[choice])]
    good = choice[score[choice] >= score[best] - _EQUAL].tolist()
    usual = sets[defaults]
    distance = [
        abs(np.log(sets[k].sigclip / usual.sigclip))
        + abs(np.log(sets[k].objlim / usual.objlim))
        + abs(sets[k].sigfrac - usual.sigfrac)
        + (sets[k].sepmed != usual.sepmed)
        for k in good
    ]
    return good[int(np.argmin(distance))]
