"""Cosmic rays to inject: simulated ones, those of the frame itself, and those of darks or biases."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ginga_crplugin.core.stats import subsample

from .physics import PAIR_ENERGY, Sensor, electron_loss, muon_charge, muon_directions, scattering_angle

__all__ = ['KINDS', 'Ray', 'cut_rays', 'simulate_rays', 'turned']

#: The kinds of simulated rays and their shares: muons; Compton electrons, whose tracks are scattered ("worms" of
#: Groom 2002); and X-rays and electrons that stop within one pixel ("spots").
KINDS = {'muon': 0.4, 'worm': 0.4, 'spot': 0.2}

#: Length of a step of a track in microns, maximum number of steps of a worm, and number of parts into which the charge
#: of a step is divided to be spread.
_STEP, _MAX_STEPS, _PARTS = 3.0, 800, 12
#: Kinetic energy of Compton electrons (MeV): up to the edge of the line of potassium-40 at 1.46 MeV.
_MIN_COMPTON, _MAX_COMPTON = 0.03, 1.24
#: Logarithm of the energy of a spot (eV), mean and standard deviation.
_SPOT = np.log(8000.0), 0.8
#: Longest side of a ray in pixels; a longer track is cut off.
MAX_SIDE = 120
#: Significance of the brightest pixel and of the other pixels of a ray that is cut from a dark.
_PEAK, _FAINTEST = 8.0, 2.0
_SQUARE = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, eq=False)
class Ray:
    """The charge of one cosmic ray.

    Attributes
    ----------
    y, x : (n,) int ndarray
        Pixels relative to the lower left corner of the bounding box.
    electrons : (n,) float32 ndarray
        Their charge.
    kind : str
        One of `KINDS`, ``'own'`` or ``'given'``.
    """

    y: np.ndarray
    x: np.ndarray
    electrons: np.ndarray
    kind: str = ''

    @classmethod
    def from_pixels(cls, y: np.ndarray, x: np.ndarray, electrons: np.ndarray, kind: str = '') -> 'Ray':
        """Make a ray of pixels anywhere in an image.

        Parameters
        ----------
        y, x : (n,) int ndarray
            The pixels.
        electrons : (n,) float ndarray
            Their charge.
        kind : str, optional
            The kind.

        Returns
        -------
        Ray
            The ray.
        """
        return cls(y - y.min(), x - x.min(), np.asarray(electrons, dtype=np.float32), kind)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the bounding box."""
        return int(self.y.max()) + 1, int(self.x.max()) + 1

    @property
    def charge(self) -> float:
        """Sum of the charge in electrons."""
        return float(self.electrons.sum())


def turned(ray: Ray, rng: np.random.Generator, fainter: float = 1.0) -> Ray:
    """Return a ray in a random orientation.

    Parameters
    ----------
    ray : Ray
        The ray.
    rng : `numpy.random.Generator`
        Random numbers.
    fainter : float, optional
        Lower limit of a random factor of up to 1 for the charge.

    Returns
    -------
    Ray
        The ray, mirrored and turned by a multiple of 90 degrees.
    """
    y, x = (ray.y, ray.x) if rng.random() < 0.5 else (ray.x, ray.y)
    y, x = (y if rng.random() < 0.5 else y.max() - y), (x if rng.random() < 0.5 else x.max() - x)
    return Ray(y, x, ray.electrons * np.float32(rng.uniform(fainter, 1.0)), ray.kind)


def simulate_rays(
    rng: np.random.Generator, count: int, sensor: Sensor | None = None, shares: dict[str, float] | None = None
) -> list[Ray]:
    """Simulate cosmic rays in a CCD.

    Muons cross the sensor along straight lines (`~ginga_crplugin.core.tuning.physics.muon_directions`) and free charge
    with Landau fluctuations. Compton electrons from gamma rays of the surroundings are scattered and lose their energy
    at the rate of the Bethe formula. The charge of each step diffuses by its depth.

    Parameters
    ----------
    rng : `numpy.random.Generator`
        Random numbers.
    count : int
        Number of rays.
    sensor : Sensor, optional
        The CCD; by default a thinned one.
    shares : dict of float, optional
        Share of each of `KINDS`.

    Returns
    -------
    list of Ray
        The rays, in random order.

    References
    ----------
    Groom 2002, Experimental Astronomy 14, 45; PDG, Review of Particle Physics, section 34.
    """
    sensor = Sensor() if sensor is None else sensor
    shares = KINDS if shares is None else shares
    weights = np.array([shares.get(kind, 0.0) for kind in KINDS])
    kinds = rng.choice(len(KINDS), count, p=weights / weights.sum())
    rays: list[Ray] = []
    for kind, simulate in zip(KINDS, (_muons, _worms, _spots), strict=True):
        number = int(np.count_nonzero(kinds == list(KINDS).index(kind)))
        if number:
            rays += _collect(rng, simulate(rng, number, sensor), sensor, kind)
    return [rays[index] for index in rng.permutation(len(rays))]


def _muons(rng, count, sensor):
    """Return number of the ray, position (microns; z above the pixels) and charge of the steps of muons."""
    directions = muon_directions(rng, count, sensor.tilt)
    directions[:, 2] = np.maximum(directions[:, 2], sensor.thickness / (MAX_SIDE * sensor.pixel_size))
    lengths = sensor.thickness / directions[:, 2]
    steps = np.maximum(np.ceil(lengths / _STEP), 2).astype(int)
    ray = np.repeat(np.arange(count), steps)
    fraction = (np.arange(len(ray)) - np.repeat(np.cumsum(steps) - steps, steps) + 0.5) / steps[ray]
    place = directions[ray] * (lengths[ray] * fraction)[:, None]
    return ray, place, muon_charge(rng, lengths[ray] / steps[ray])


def _worms(rng, count, sensor):
    """Return the same of electrons that enter or start at a random depth, until they stop or leave."""
    energy = rng.uniform(_MIN_COMPTON, _MAX_COMPTON, count)
    place = np.zeros((count, 3))
    place[:, 2] = rng.uniform(0.0, sensor.thickness, count)
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    active, parts = np.arange(count), []
    step = min(_STEP, sensor.thickness / 4.0)
    for _ in range(_MAX_STEPS):
        lost = np.minimum(electron_loss(energy[active]) * step * rng.gamma(4.0, 0.25, len(active)), energy[active])
        parts.append((active, place[active].copy(), lost * 1e6 / PAIR_ENERGY))
        energy[active] -= lost
        kick = rng.normal(size=(len(active), 3)) * np.minimum(scattering_angle(energy[active], step), 1.0)[:, None]
        turned_to = direction[active] + kick
        direction[active] = turned_to / np.linalg.norm(turned_to, axis=1, keepdims=True)
        place[active] += step * direction[active]
        depth = place[active, 2]
        active = active[(energy[active] > 1e-3) & (depth > 0.0) & (depth < sensor.thickness)]
        if not len(active):
            break
    ray, place, charge = zip(*parts, strict=True)
    return np.concatenate(ray), np.concatenate(place), np.concatenate(charge)


def _spots(rng, count, sensor):
    """Return the same of charge that is freed at one point."""
    place = np.zeros((count, 3))
    place[:, 2] = rng.uniform(0.0, sensor.thickness, count)
    return np.arange(count), place, rng.lognormal(*_SPOT, count) / PAIR_ENERGY


def _collect(rng, steps, sensor, kind):
    """Spread the charge of steps by diffusion and collect it in pixels."""
    ray, place, charge = steps
    count = int(ray.max()) + 1
    sigma = sensor.diffusion * np.sqrt(np.clip(place[:, 2] / sensor.thickness, 0.0, 1.0))
    parts = _PARTS if len(ray) > 4 * count else 40 * _PARTS  # a spot has one step
    offset = rng.normal(size=(parts, len(ray), 2)) * sigma[:, None] + place[:, :2]
    offset = offset.reshape(-1, 2) / sensor.pixel_size
    ray = np.tile(ray, parts)
    offset += rng.random((count, 2))[ray]
    x, y = np.floor(offset).astype(np.int64).T + MAX_SIDE
    inside = np.flatnonzero((np.minimum(x, y) >= 0) & (np.maximum(x, y) < 2 * MAX_SIDE))
    key = (ray * 2 * MAX_SIDE + y) * 2 * MAX_SIDE + x
    key, inverse = np.unique(key[inside], return_inverse=True)
    electrons = np.bincount(inverse, np.tile(charge, parts)[inside] / parts)
    key, electrons = key[electrons >= 1.0], electrons[electrons >= 1.0]
    ray, y, x = key // (2 * MAX_SIDE) ** 2, key // (2 * MAX_SIDE) % (2 * MAX_SIDE), key % (2 * MAX_SIDE)
    starts = np.flatnonzero(np.diff(ray)) + 1
    groups = zip(np.split(y, starts), np.split(x, starts), np.split(electrons, starts), strict=True)
    return [Ray.from_pixels(*group, kind) for group in groups if len(group[0])]


def cut_rays(images: Sequence[np.ndarray], gain: float) -> list[Ray]:
    """Cut cosmic rays out of darks or biases, which contain no stars.

    Pixels that are bright in more than one image are hot. Where there is only one image, single bright pixels are taken
    for hot pixels.

    Parameters
    ----------
    images : sequence of (ny, nx) ndarray
        Single exposures, not combined, in adu.
    gain : float
        Electrons per adu.

    Returns
    -------
    list of Ray
        The rays with their pixels above twice the noise.
    """
    found = []
    for image in images:
        electrons = gain * np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
        electrons -= np.median(electrons, axis=0)  # patterns of columns and rows
        electrons -= np.median(electrons, axis=1, keepdims=True)
        sample = subsample(electrons)
        noise = max(1.4826 * float(np.median(np.abs(sample - np.median(sample)))), 1e-6)
        found.append((electrons, noise))
    rays: list[Ray] = []
    for number, (electrons, noise) in enumerate(found):
        others = [(other > _PEAK / 2.0 * sigma) for k, (other, sigma) in enumerate(found) if k != number]
        others = [other for other in others if other.shape == electrons.shape]
        hot = np.logical_or.reduce(others) if others else np.zeros(electrons.shape, dtype=bool)
        peaks = (electrons > _PEAK * noise) & ~hot
        labels, count = ndimage.label((electrons > _FAINTEST * noise) & ~hot, _SQUARE)
        bright = np.flatnonzero(np.bincount(labels[peaks], minlength=count + 1)[1:]) + 1
        boxes = ndimage.find_objects(labels)
        for label in bright:
            box = boxes[label - 1]
            y, x = np.nonzero(labels[box] == label)
            if (len(y) > 1 or others) and max(y.max(), x.max()) < MAX_SIDE:
                rays.append(Ray.from_pixels(y, x, electrons[box][y, x], 'given'))
    return rays
