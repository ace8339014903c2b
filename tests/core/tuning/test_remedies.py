"""Remedies are offered only if they help, on frames with known cosmic rays and stars."""

import numpy as np
import pytest
from astropy.nddata import CCDData, UnknownUncertainty

from ginga_crplugin import LACosmicParams, check_frame, check_result, detect, read_frame, segment
from ginga_crplugin.core.diagnostics import frame_checks
from tests.cases import case, false_pixels, rays_found
from tests.star_fields import star_field


def remedies(frame, **values):
    return {c.name: c.remedy for c in check_frame(frame, frame.parameters(values)[0]) if c.remedy is not None}


def f1_of_pixels(field, frame, params):
    truth = field.rays > 3.0 * np.sqrt(300.0 + 64.0)
    found = detect(frame, params).crmask
    return 2.0 * np.count_nonzero(found & truth) / max(np.count_nonzero(found) + np.count_nonzero(truth), 1)


FIELDS = [
    {'fwhm': 1.8},
    {'fwhm': 2.3},
    {'fwhm': 4.0, 'cards': {'RDNOISE': 40.0}},
    {'fwhm': 3.0, 'change': lambda adu: adu - 200.0},
    {'fwhm': 2.5, 'stars': 1500, 'shape': (500, 500)},
    {'fwhm': 3.0, 'cards': {'GAIN': 1.0}},
    {'fwhm': 3.0, 'change': lambda adu: adu + 700.0},
]


@pytest.mark.parametrize('options', FIELDS)
def test_remedies_do_not_lower_the_f1_score(options):
    field = star_field(11, **options)
    params, _ = field.frame.parameters()
    before = f1_of_pixels(field, field.frame, params)
    for remedy in remedies(field.frame).values():
        masks = () if remedy.mask is None else (remedy.mask,)
        changed = field.frame.replace(masks=(*field.frame.masks, *masks))
        assert f1_of_pixels(field, changed, field.frame.parameters(remedy.params)[0]) > before - 0.01, remedy.name


def test_the_advice_tells_what_is_gained():
    field = star_field(3, cards={'RDNOISE': 40.0})
    check = next(c for c in check_frame(field.frame) if c.name == 'noise')
    assert check.remedy.params['readnoise'] == pytest.approx(8.0, abs=1.0)
    assert 'tried: found rays' in check.advice
    params = field.frame.parameters(check.remedy.params)[0]
    assert (
        f1_of_pixels(field, field.frame, params)
        > f1_of_pixels(field, field.frame, LACosmicParams(readnoise=40.0)) + 0.05
    )


def test_a_remedy_that_harms_is_not_offered():
    field = star_field(3, fwhm=1.4)
    untried = next(c for c in frame_checks.check_frame(field.frame) if c.name == 'sampling')
    check = next(c for c in check_frame(field.frame) if c.name == 'sampling')
    assert untried.remedy is not None
    assert check.remedy is None
    assert 'was tried and does not help (found rays' in check.advice


def test_parameters_that_help_together_only():
    remedy = remedies(star_field(3, fwhm=1.8).frame)['sampling']
    assert remedy.params == {'sepmed': False, 'objlim': 2.0}
    assert remedy.name == 'Switch off separable median, objlim 2'


@pytest.mark.parametrize(
    'change',
    [lambda adu: adu + 1000.0, lambda adu: adu.clip(None, 190.0), lambda adu: adu - 200.0],
    ids=['bias', 'clipped', 'sky subtracted'],
)
def test_no_gain_and_no_read_noise_while_the_level_is_wrong(change):
    for cards in ({}, {'RDNOISE': 0.5}):
        found = remedies(star_field(5, change=change, cards=cards).frame)
        assert not {'units', 'noise'} & found.keys()


def test_the_same_frame_gets_the_same_advice():
    first, second = (check_frame(star_field(3, fwhm=1.8).frame) for _ in range(2))
    assert [check.advice for check in first] == [check.advice for check in second]


def test_a_frame_that_needs_no_remedy_is_not_tried():
    frame = star_field(3).frame
    assert [c.measured for c in check_frame(frame)] == [c.measured for c in frame_checks.check_frame(frame)]


@pytest.mark.parametrize(('name', 'rays', 'false'), [('dial', 60, 30), ('dial_alone', 60, 30), ('normalised', 58, 20)])
def test_cases(name, rays, false):
    path, truth = case(name)
    frame = read_frame(path)
    values = {name: value for remedy in remedies(frame).values() for name, value in remedy.params.items()}
    crmask = detect(frame, frame.parameters(values)[0]).crmask
    assert rays_found(crmask, truth)[0] >= rays
    assert false_pixels(crmask, truth) <= false


@pytest.mark.parametrize('name', ['dial', 'eperadu'])
def test_the_remedy_of_a_result(name):
    path, truth = case(name)
    frame = read_frame(path)
    detection = detect(frame)
    check = next(c for c in check_result(frame, detection, segment(frame, detection)) if c.name == 'stars')
    assert check.mark != 'ok'
    assert check.remedy is not None
    crmask = detect(frame, frame.parameters(check.remedy.params)[0]).crmask
    assert rays_found(crmask, truth) == (60, 60)
    assert false_pixels(crmask, truth) <= 25


def test_an_uncertainty_that_is_no_noise_is_not_offered():
    ccd = CCDData(np.random.default_rng(5).poisson(300, (128, 128)) / 3.0, unit='adu')
    ccd.uncertainty = UnknownUncertainty(np.ones(ccd.shape))
    check = {check.name: check for check in check_frame(ccd)}['noise']
    assert check.remedy is None
    assert 'not a standard deviation or variance' in check.advice
