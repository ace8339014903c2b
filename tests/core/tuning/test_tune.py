from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ginga_crplugin import Frame, LACosmic, tune
from ginga_crplugin.core.lacosmic.detection import Cancelled
from ginga_crplugin.core.tuning.inject import inject_rays
from ginga_crplugin.core.tuning.own_rays import cut_own_rays
from ginga_crplugin.core.tuning.physics import Sensor
from ginga_crplugin.core.tuning.rays import simulate_rays
from ginga_crplugin.core.tuning.sample import MAX_PIXELS, sample_frame
from ginga_crplugin.core.tuning.stars import find_scene

from .test_stars import PARAMS, SHAPE, field

THICK = Sensor(thickness=200.0, diffusion=8.0, tilt=10.0)


@pytest.fixture(scope='module')
def injected():
    """A frame of stars with known rays, and the truth."""
    frame, _ = field(4.0)
    rng = np.random.default_rng(11)
    return inject_rays(frame, PARAMS, simulate_rays(rng, 40, THICK), rng)


@pytest.fixture(scope='module')
def result(injected):
    return tune(injected.frame, PARAMS)


def f1_of_pixels(injected, params):
    found = LACosmic(injected.frame, params).detect().crmask
    truth = injected.labels > 0
    return 2.0 * np.count_nonzero(found & truth) / (np.count_nonzero(found) + np.count_nonzero(truth))


def test_the_suggestion_is_better_than_the_defaults_by_the_truth(injected, result):
    suggested, defaults = (f1_of_pixels(injected, item.params) for item in (result.suggested, result.defaults))
    assert suggested > defaults + 0.01


def test_the_estimates_agree_with_the_truth(injected, result):
    for item in (result.suggested, result.defaults):
        assert abs(item.f1_pixels - f1_of_pixels(injected, item.params)) < 0.1
        assert 0.0 < item.f1_pixels_error < 0.1


def test_the_result_reports_what_was_measured(result):
    found = result.to_dict()
    assert set(found) == {'suggested', 'defaults', 'current', 'rays', 'own_rays', 'source', 'refused'}
    expected = {'parameters', 'rays_found', 'pixels_found', 'stars_touched', 'stars', 'f1_pixels', 'f1_rays'}
    assert expected | {'noise_pixels_per_megapixel'} <= set(found['suggested'])
    assert found['refused'] == ''
    assert found['rays'] >= 20
    assert found['defaults'] == found['current']
    assert len(result.sets) > 200


def test_gain_and_read_noise_are_kept(result):
    kept = result.suggested.params
    assert (kept.gain, kept.readnoise, kept.niter) == (PARAMS.gain, PARAMS.readnoise, PARAMS.niter)


def test_the_same_seed_gives_the_same_result(injected, result):
    before = injected.frame.ccd.data.copy()
    assert tune(injected.frame, PARAMS).to_dict() == result.to_dict()
    assert_array_equal(injected.frame.ccd.data, before)


def test_limits_are_kept(injected):
    limited = tune(injected.frame, replace(PARAMS, objlim=0.5), stars_at_most=0.02)
    assert limited.suggested.stars_share <= 0.02
    assert limited.current.params.objlim == 0.5
    with pytest.raises(ValueError, match='stars_at_most is -1'):
        tune(injected.frame, PARAMS, stars_at_most=-1)


def test_a_frame_full_of_hot_pixels_is_refused():
    frame, _ = field(4.0)
    pixels = frame.ccd.data.copy()
    rng = np.random.default_rng(3)
    pixels.flat[rng.choice(pixels.size, 2000, replace=False)] += 3000
    refused = tune(Frame(pixels), PARAMS)
    assert refused.suggested is None
    assert 'cannot be cosmic rays' in refused.refused


def test_a_frame_with_its_sky_subtracted_is_refused():
    frame, _ = field(4.0)
    refused = tune(Frame(frame.ccd.data - 200), PARAMS)
    assert 'sky' in refused.refused


def test_a_frame_that_is_nearly_all_masked_is_refused():
    frame, _ = field(4.0)
    mask = np.ones(SHAPE, dtype=bool)
    mask[:40, :40] = False
    masked = np.ma.MaskedArray(frame.ccd.data, mask)
    assert 'rays can be injected' in tune(masked, PARAMS).refused


def test_progress_and_cancel(injected):
    steps = []
    with pytest.raises(Cancelled):
        tune(injected.frame, PARAMS, progress=steps.append, cancel=lambda: len(steps) >= 3)
    assert len(steps) == 3
    assert 0.0 < steps[0] < steps[-1] < 1.0


def test_own_rays_are_those_of_the_frame(injected):
    scene = find_scene(injected.frame, PARAMS)
    rays = cut_own_rays(injected.frame, PARAMS, scene)
    assert 10 < len(rays) <= 45
    assert {ray.kind for ray in rays} == {'own'}


def test_of_a_large_frame_parts_are_used():
    pixels = np.arange(2000 * 1500, dtype=np.float32).reshape(2000, 1500)
    sample = sample_frame(Frame(pixels))
    assert sample.frame.bits.size <= MAX_PIXELS
    assert not sample.counted.all()
    assert np.isin(sample.frame.ccd.data, pixels).all()
    small = Frame(pixels[:300, :300])
    assert sample_frame(small).frame is small
