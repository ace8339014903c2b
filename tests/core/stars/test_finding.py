from dataclasses import replace

import numpy as np
import pytest
from astropy.table import QTable
from numpy.testing import assert_allclose, assert_array_equal
from photutils.datasets import make_model_image
from photutils.psf import MoffatPSF

from ginga_crplugin import Frame, LACosmicParams, detect
from ginga_crplugin.core.lacosmic.detect import Detector
from ginga_crplugin.core.stars.finding import find_star_list, local_maxima
from ginga_crplugin.core.tuning.inject import inject_rays
from ginga_crplugin.core.tuning.physics import Sensor
from ginga_crplugin.core.tuning.rays import simulate_rays

PARAMS = LACosmicParams(readnoise=8.0)
SKY, BETA = 200.0, 3.5
NOISE = np.sqrt(SKY + PARAMS.readnoise**2)
SIDE, COUNT = 800, 300


class Field:
    """A frame of stars of known flux, whose peaks stand 8 to 1000 times the noise above the sky, with cosmic rays."""

    def __init__(self, fwhm, thick=False, rays=100, seed=11):
        rng = np.random.default_rng(seed)
        step = SIDE / 18
        rows, columns = np.divmod(rng.permutation(18 * 18)[:COUNT], 18)
        self.stars = QTable({'x_0': (columns + 0.5) * step, 'y_0': (rows + 0.5) * step})
        for name in ('x_0', 'y_0'):
            self.stars[name] += rng.uniform(-6.0, 6.0, COUNT)
        self.stars['flux'] = 10 ** rng.uniform(0.7, 3.0, COUNT) * NOISE * (1.2 * fwhm**2 + 0.6)
        self.psf = MoffatPSF(alpha=fwhm / (2.0 * np.sqrt(2.0 ** (1.0 / BETA) - 1.0)), beta=BETA)
        image = make_model_image((SIDE, SIDE), self.psf, self.stars, model_shape=(61, 61))
        pixels = rng.poisson(image + SKY) + rng.normal(0.0, PARAMS.readnoise, image.shape)
        self.frame = Frame(pixels.astype(np.float32))
        if rays:
            sensor = Sensor(thickness=250.0, diffusion=6.0) if thick else Sensor()
            rng = np.random.default_rng(seed + 7)
            self.frame = inject_rays(self.frame, PARAMS, simulate_rays(rng, rays, sensor), rng).frame

    def touched(self, pixels, radius):
        """Return the true share of the stars within whose radius pixels are flagged, and of their flux in these."""
        rows, columns = np.divmod(pixels, SIDE)
        count = touched = 0
        lost = total = 0.0
        for star in self.stars:
            y, x, flux = star['y_0'], star['x_0'], star['flux']
            if flux * self.psf.evaluate(np.round(x), np.round(y), 1.0, x, y, *self.psf.parameters[3:]) < 10.0 * NOISE:
                continue
            distance = np.hypot(rows - y, columns - x)
            count, total = count + 1, total + flux
            if (distance <= radius).any():
                near = distance < 30.0
                touched += 1
                lost += flux * self.psf.evaluate(columns[near], rows[near], 1.0, x, y, *self.psf.parameters[3:]).sum()
        return touched / count, lost / total


@pytest.mark.parametrize('fwhm', [1.5, 1.7, 2.0, 3.0, 5.0, 8.0])
@pytest.mark.parametrize('thick', [False, True])
def test_stars_touched_and_their_flux_are_right_to_2_percent(fwhm, thick):
    field = Field(fwhm, thick)
    stars = find_star_list(field.frame, PARAMS)
    for objlim in (5.0, 20.0):
        pixels = detect(field.frame, replace(PARAMS, objlim=objlim)).indices
        found = stars.touched(pixels)
        share, lost = field.touched(pixels, stars.radius)
        assert_allclose(len(found) / found.count, share, rtol=0.0, atol=0.02)
        assert_allclose(found.flux_lost, lost, rtol=0.0, atol=0.02)


def test_stars_are_the_same_after_a_search_with_other_parameters():
    field, detector = Field(2.0), Detector(wait=True)
    detector.detect(field.frame, replace(PARAMS, sigclip=6.0))
    stars, expected = find_star_list(field.frame, PARAMS, detector), find_star_list(field.frame, PARAMS)
    for name in ('y', 'x', 'flux'):
        assert_array_equal(getattr(stars, name), getattr(expected, name))


@pytest.mark.parametrize('fwhm', [2.0, 4.0])
def test_positions_and_fluxes(fwhm):
    field = Field(fwhm, rays=0)
    stars = find_star_list(field.frame, PARAMS)
    distance = np.hypot(stars.y[:, None] - field.stars['y_0'], stars.x[:, None] - field.stars['x_0'])
    nearest = distance.argmin(axis=1)
    assert np.mean(distance.min(axis=1) < 0.5) > 0.97
    assert len(stars) > 0.8 * COUNT
    assert_allclose(np.median(stars.flux / field.stars['flux'][nearest]), 0.9, rtol=0.1)  # within 1.5 FWHM
    assert_allclose(stars.fwhm, fwhm, rtol=0.15)


def test_every_flagged_pixel_of_one_star_is_counted():
    field = Field(4.0, rays=0)
    stars = find_star_list(field.frame, PARAMS)
    y, x = round(stars.y[5]), round(stars.x[5])
    pixels = np.sort([y * SIDE + x, y * SIDE + x + 1, (y - 1) * SIDE + x])
    found = stars.touched(pixels)
    assert found.stars.tolist() == [5]
    assert found.pixels.tolist() == [3]
    assert 0.05 < found.lost[0] < 0.25
    assert_allclose(found.flux_lost, found.lost[0] * stars.flux[5] / stars.flux.sum())
    assert len(stars.touched(pixels[:0])) == 0


def test_rays_alone_are_no_stars():
    rng = np.random.default_rng(1)
    frame = Frame((rng.poisson(SKY, (400, 400)) + rng.normal(0.0, 8.0, (400, 400))).astype(np.float32))
    rays = simulate_rays(rng, 150, Sensor(thickness=250.0, diffusion=6.0))
    stars = find_star_list(inject_rays(frame, PARAMS, rays, rng).frame, PARAMS)
    assert stars.fwhm is None
    assert len(stars) < 15


def test_a_blank_frame_has_no_stars():
    pixels = np.random.default_rng(1).normal(SKY, 10.0, (64, 64)).astype(np.float32)
    stars = find_star_list(Frame(pixels), PARAMS)
    assert (len(stars), stars.touched(np.array([5])).flux_lost, stars.reason) == (0, None, '')


def test_a_background_image_is_subtracted():
    field = Field(3.0, rays=0)
    slope = np.broadcast_to(np.linspace(0.0, 3000.0, SIDE, dtype=np.float32), (SIDE, SIDE))
    frame = Frame(field.frame.ccd.data + slope).replace(background=slope.copy())
    plain = find_star_list(field.frame, PARAMS)
    assert abs(len(find_star_list(frame, PARAMS)) - len(plain)) < 0.05 * len(plain)


def test_local_maxima_across_groups_of_rows():
    rng = np.random.default_rng(2)
    shape = 1200, 700
    pixels = np.unique(rng.integers(0, shape[0] * shape[1], 60_000))
    values = rng.integers(0, 50, len(pixels)).astype(float)
    image = np.full((shape[0] + 4, shape[1] + 4), -np.inf)
    image[2:-2, 2:-2].reshape(shape)[np.divmod(pixels, shape[1])] = values
    windows = np.lib.stride_tricks.sliding_window_view(image, (5, 5)).reshape(*shape, 25)
    expected = windows.argmax(axis=-1)[np.divmod(pixels, shape[1])] == 12
    assert (local_maxima(pixels, values, shape, 2) == expected).all()
