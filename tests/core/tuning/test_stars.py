import numpy as np
import pytest
from astropy.table import QTable
from numpy.testing import assert_allclose
from photutils.datasets import make_model_image
from photutils.psf import MoffatPSF

from ginga_crplugin import Frame, LACosmicParams
from ginga_crplugin.core.tuning.inject import inject_rays
from ginga_crplugin.core.tuning.physics import Sensor
from ginga_crplugin.core.tuning.rays import simulate_rays
from ginga_crplugin.core.tuning.stars import find_scene

PARAMS = LACosmicParams(readnoise=8.0)
SHAPE = 400, 400


def field(fwhm, count=120, seed=2):
    """Return a frame of stars and their positions; the flux of each is that of a significant star."""
    rng = np.random.default_rng(seed)
    table = QTable()
    table['x_0'], table['y_0'] = rng.uniform(5, 394, (2, count))
    table['flux'] = 10 ** rng.uniform(4.0, 5.5, count)
    star = MoffatPSF(alpha=fwhm / (2.0 * np.sqrt(2.0 ** (1.0 / 4.765) - 1.0)), beta=4.765)
    image = make_model_image(SHAPE, star, table, model_shape=(41, 41))
    pixels = rng.poisson(image + 200.0) + rng.normal(0.0, 8.0, SHAPE)
    return Frame(pixels.astype(np.float32)), table


@pytest.mark.parametrize('fwhm', [1.5, 2.0, 4.0, 8.0])
@pytest.mark.parametrize('thick', [False, True])
def test_width_and_stars_are_those_of_the_field_in_spite_of_rays(fwhm, thick):
    frame, table = field(fwhm)
    rng = np.random.default_rng(4)
    sensor = Sensor(thickness=250.0, diffusion=6.0) if thick else Sensor()
    injected = inject_rays(frame, PARAMS, simulate_rays(rng, 80, sensor), rng)
    scene = find_scene(injected.frame, PARAMS)
    assert_allclose(scene.fwhm, fwhm, rtol=0.2)
    y, x = np.asarray(table['y_0']), np.asarray(table['x_0'])
    distance = np.hypot(scene.y[:, None] - y, scene.x[:, None] - x)
    # of the listed stars, those that are stars; spots look like the narrowest ones
    assert np.mean(distance.min(axis=1) < 3.0) > (0.85 if fwhm < 2.0 else 0.93)
    assert np.mean(distance.min(axis=0) < 0.7 * fwhm + 1.5) > 0.7  # of the stars, those listed; some are blended
    assert_allclose(np.median(scene.level), 200.0, rtol=0.03)


def test_a_field_of_rays_has_no_stars():
    rng = np.random.default_rng(1)
    frame = Frame((rng.poisson(200.0, SHAPE) + rng.normal(0.0, 8.0, SHAPE)).astype(np.float32))
    rays = simulate_rays(rng, 150, Sensor(thickness=250.0, diffusion=6.0))
    scene = find_scene(inject_rays(frame, PARAMS, rays, rng).frame, PARAMS)
    assert scene.fwhm is None
    assert len(scene) < 15


def test_every_pixel_of_a_star_has_its_number():
    scene = find_scene(field(4.0)[0], PARAMS)
    assert (scene.labels[scene.y, scene.x] == np.arange(1, len(scene) + 1)).all()
    assert scene.region.any()
    assert (scene.flux > 0).all()
