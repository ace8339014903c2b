import numpy as np
import pytest
from astropy.nddata import CCDData
from numpy.testing import assert_allclose, assert_array_equal

from ginga_crplugin import Frame, InputMask, LACosmicParams, MaskBit, detect
from ginga_crplugin.core.tuning.inject import blank_frame, inject_rays
from ginga_crplugin.core.tuning.rays import Ray, simulate_rays

PARAMS = LACosmicParams(gain=2.0, readnoise=5.0)
LINE = Ray.from_pixels(np.zeros(6, int), np.arange(6), np.full(6, 4000.0))


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def frame(rng):
    return Frame(CCDData(rng.poisson(100, (80, 90)).astype(np.uint16), unit='adu'))


def test_the_frame_is_not_changed(frame, rng):
    before = frame.ccd.data.copy()
    inject_rays(frame, PARAMS, [LINE], rng)
    assert_array_equal(frame.ccd.data, before)


def test_charge_is_added_in_the_unit_of_the_frame(frame, rng):
    found = inject_rays(frame, PARAMS, [LINE] * 5, rng, margin=8)
    added = found.frame.ccd.data - frame.ccd.data.astype(np.float32)
    assert_allclose(added.sum(), 5 * 24_000 / PARAMS.gain, rtol=0.03)
    assert_array_equal(np.flatnonzero(added), np.sort(found.touched))
    assert found.count == 5
    assert_array_equal(np.bincount(found.rays), [6] * 5)
    assert_array_equal(found.labels.ravel()[found.pixels], found.rays + 1)


def test_the_truth_has_at_least_three_sigma(frame, rng):
    noise = np.sqrt(200.0 + 25.0)
    faint = Ray.from_pixels(np.zeros(4, int), np.arange(4), noise * np.array([2.8, 3.2, 50.0, 1.0]))
    found = inject_rays(frame, PARAMS, [faint], rng, margin=8)
    assert_allclose(np.sort(found.electrons), noise * np.array([3.2, 50.0]), rtol=1e-5)


def test_masked_blocked_and_injected_pixels_are_left(frame, rng):
    masked, blocked = np.zeros((2, *frame.shape), dtype=bool)
    masked[:, :30] = True
    blocked[:40] = True
    frame = frame.replace(masks=(InputMask('test', MaskBit.HOT, masked),))
    found = inject_rays(frame, PARAMS, [LINE] * 200, rng, blocked=blocked)
    assert 5 < found.count < 200
    assert not (masked | blocked).ravel()[found.touched].any()
    assert len(np.unique(found.touched)) == len(found.touched)


def test_rays_may_cross_the_edges_of_the_frame(frame, rng):
    found = inject_rays(frame, PARAMS, [LINE] * 100, rng)
    sizes = np.bincount(found.rays)
    assert sizes.min() < 6
    inner = inject_rays(frame, PARAMS, [LINE] * 30, rng, margin=4)
    y, x = np.divmod(inner.touched, frame.shape[1])
    assert y.min() >= 4
    assert x.max() < 86


def test_injected_rays_are_found(rng):
    frame = blank_frame(200.0, PARAMS, rng, side=256)
    found = inject_rays(frame, PARAMS, simulate_rays(rng, 40), rng, margin=4)
    mask = detect(found.frame, PARAMS).crmask
    assert len(np.unique(found.rays[mask.ravel()[found.pixels]])) > 0.9 * found.count


def test_a_blank_frame_has_the_noise_of_its_level(rng):
    frame = blank_frame(400.0, PARAMS, rng)
    assert_allclose(np.std(frame.ccd.data * PARAMS.gain), np.sqrt(400.0 + 25.0), rtol=0.01)
    assert detect(frame, PARAMS).pixels < 60
