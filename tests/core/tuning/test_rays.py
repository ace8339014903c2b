import numpy as np
import pytest
from numpy.testing import assert_allclose

from ginga_crplugin.core.tuning.physics import Sensor, electron_loss, muon_charge, muon_directions, scattering_angle
from ginga_crplugin.core.tuning.rays import KINDS, Ray, cut_rays, simulate_rays, turned

THICK = Sensor(thickness=250.0, diffusion=6.0)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_a_muon_frees_about_80_electrons_per_micron(rng):
    charge = muon_charge(rng, np.full(20_000, 300.0))
    counts, edges = np.histogram(charge, bins=np.linspace(0.0, 60_000.0, 61))
    assert_allclose(edges[np.argmax(counts)] / 300.0, 76.0, rtol=0.06)  # Janesick: 80; PDG: 84 keV in 300 microns
    assert np.mean(charge) > 1.1 * np.median(charge)  # the tail of the Landau distribution


def test_muons_come_from_above(rng):
    down = muon_directions(rng, 20_000, tilt=0.0)
    assert_allclose(np.linalg.norm(down, axis=1), 1.0)
    assert_allclose(np.mean(down[:, 2]), 4.0 / 5.0, rtol=0.02)  # of cos^3, the intensity and the projected area
    assert (
        np.mean(muon_directions(rng, 20_000, tilt=90.0)[:, 2]) < 0.6
    )  # a vertical sensor is crossed at grazing angles


def test_electrons_lose_the_energy_of_the_tables():
    # ESTAR, collision stopping power of silicon: 3.24 and 1.52 MeV cm2/g
    assert_allclose(electron_loss(np.array([0.1, 1.0])) * 1e4 / 2.329, [3.24, 1.52], rtol=0.02)


def test_slow_electrons_are_scattered_more():
    slow, fast = scattering_angle(np.array([0.1, 1.0]), 3.0)
    assert slow > 5.0 * fast


def test_rays_of_a_thick_sensor_are_larger_and_wider(rng):
    thin, thick = simulate_rays(rng, 200), simulate_rays(rng, 200, THICK)
    assert np.median([ray.charge for ray in thick]) > 5.0 * np.median([ray.charge for ray in thin])
    assert np.median([len(ray.y) for ray in thick]) > 2.0 * np.median([len(ray.y) for ray in thin])


def test_diffusion_widens_spots(rng):
    def pixels(diffusion):
        rays = simulate_rays(rng, 300, Sensor(diffusion=diffusion), {'spot': 1.0})
        return np.mean([np.count_nonzero(ray.electrons > 30.0) for ray in rays])

    assert pixels(12.0) > 1.5 * pixels(2.0)


def test_all_kinds_are_simulated(rng):
    assert {ray.kind for ray in simulate_rays(rng, 100)} == set(KINDS)
    assert {ray.kind for ray in simulate_rays(rng, 20, shares={'muon': 1.0})} == {'muon'}


def test_the_same_seed_gives_the_same_rays():
    one, other = (simulate_rays(np.random.default_rng(7), 30) for _ in range(2))
    assert all(np.array_equal(a.electrons, b.electrons) for a, b in zip(one, other, strict=True))


def test_the_sensor_must_be_possible():
    with pytest.raises(ValueError, match='thickness is 0'):
        Sensor(thickness=0)


def test_a_turned_ray_has_the_same_charge(rng):
    ray = Ray.from_pixels(np.array([5, 6, 6]), np.array([9, 9, 10]), np.array([10.0, 20.0, 30.0]))
    assert ray.shape == (2, 2)
    for _ in range(8):
        new = turned(ray, rng)
        assert sorted(new.electrons) == [10.0, 20.0, 30.0]
        assert (new.y.min(), new.x.min()) == (0, 0)


def test_rays_are_cut_from_darks_and_hot_pixels_are_left(rng):
    darks = [rng.normal(1000.0, 5.0, (100, 120)) for _ in range(2)]
    for dark in darks:
        dark[50, 50] += 4000.0  # hot
    darks[0][20, 30:36] += 500.0
    rays = cut_rays(darks, gain=2.0)
    assert len(rays) == 1
    assert_allclose(rays[0].charge, 6000.0, rtol=0.05)


def test_in_a_single_dark_bright_pixels_are_taken_for_hot(rng):
    dark = rng.normal(0.0, 5.0, (100, 120))
    dark[50, 50] += 4000.0
    dark[20, 30:36] += 500.0
    assert len(cut_rays([dark], gain=1.0)) == 1
