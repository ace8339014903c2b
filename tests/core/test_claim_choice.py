"""The pixels decide between the cards of a header."""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData

from ginga_crplugin import Frame, check_frame, detect, read_frame
from ginga_crplugin.core.diagnostics import frame_checks
from ginga_crplugin.core.header import header_values
from tests.cases import case, false_pixels, rays_found

SHAPE = (192, 192)


def pixels_of(sky, gain, readnoise, bias=0.0, exposures=1, seed=1):
    rng = np.random.default_rng(seed)
    electrons = rng.poisson(sky, (exposures, *SHAPE)) + rng.normal(0.0, readnoise, (exposures, *SHAPE))
    return electrons.mean(axis=0) / gain + bias


def frame_of(pixels, unit='adu', **cards):
    return Frame(CCDData(pixels, unit=unit, header=fits.Header(cards)))


def checks_of(frame, **values):
    return {check.name: check for check in check_frame(frame, frame.parameters(values)[0])}


@pytest.mark.parametrize('dial', [60, 120, 300])
@pytest.mark.parametrize(('sky', 'gain', 'readnoise'), [(20.0, 0.3, 2.0), (300.0, 1.1, 8.0), (20000.0, 2.5, 5.0)])
@pytest.mark.parametrize('dtype', ['u2', 'f4'])
def test_a_camera_setting_is_not_taken_for_the_gain(dial, sky, gain, readnoise, dtype):
    pixels = np.round(pixels_of(sky, gain, readnoise)).clip(0, 65535).astype(dtype)
    params, sources = frame_of(pixels, GAIN=dial, EPERADU=gain).parameters()
    assert params.gain == gain
    assert sources['gain'] == f'EPERADU in the header; GAIN = {dial} contradicts the noise'
    alone = frame_of(pixels, GAIN=dial)
    params, sources = alone.parameters()
    assert (params.gain, sources['gain']) == (1.0, f'default; GAIN = {dial} contradicts the noise')
    check = checks_of(alone)['units']
    assert check.mark == 'error'
    assert f'GAIN = {dial} contradicts the noise' in check.measured
    assert 'estimated' in check.advice  # offered, or tried without success
    untried = {check.name: check for check in frame_checks.check_frame(alone, params)}['units']
    assert untried.remedy.params['gain'] == pytest.approx(gain, rel=0.5)
    after = checks_of(alone, **untried.remedy.params)
    assert {name: after[name].mark for name in ('units', 'noise', 'bias')} == dict.fromkeys(
        ('units', 'noise', 'bias'), 'ok'
    )


def test_a_contradicted_gain_is_the_only_cause_that_is_named():
    frame = frame_of(pixels_of(60.0, 0.9, 3.5, bias=500.0), GAIN=120)
    checks = checks_of(frame)
    assert {name for name, check in checks.items() if check.mark == 'error'} == {'units', 'noise'}
    assert checks['noise'].advice == 'see the check units'


@pytest.mark.parametrize('gain', [0.1, 0.9, 4.5, 15.0])
@pytest.mark.parametrize('sky', [5.0, 300.0, 50000.0])
@pytest.mark.parametrize('readnoise', [1.5, 25.0])
@pytest.mark.parametrize(
    ('bias', 'exposures'), [(0.0, 1), (1000.0, 1), ('subtracted', 1), (0.0, 9)], ids=['plain', 'bias', 'no sky', 'mean']
)
def test_a_correct_gain_is_never_contradicted(gain, sky, readnoise, bias, exposures):
    offset = -sky / gain if bias == 'subtracted' else bias
    frame = frame_of(pixels_of(sky, gain, readnoise, offset, exposures), GAIN=gain)
    params, sources = frame.parameters()
    assert (params.gain, sources['gain']) == (gain, 'GAIN in the header')
    assert frame.notes == ()


def test_no_gain_of_a_real_frame_is_contradicted(data):
    for path in sorted(data.glob('*.f*')):
        if '_ood_' not in path.name:
            frame = read_frame(path)
            assert 'contradicts' not in ' '.join([*frame.parameters()[1].values(), *frame.notes]), path.name


def test_a_gain_that_is_too_small_gives_way_to_one_that_agrees():
    frame = frame_of(pixels_of(2000.0, 4.0, 5.0), GAIN=1.0, CCDGAIN=4.0)
    assert frame.parameters()[1]['gain'] == 'CCDGAIN in the header; GAIN = 1 contradicts the noise'
    stack = frame_of(pixels_of(100.0, 1.0, 5.0, exposures=50), EGAIN=1.0, GAIN=50)  # its noise is that of 50 e-/adu
    assert stack.parameters()[0].gain == 1.0


def test_cards_that_agree_are_not_named():
    frame = frame_of(pixels_of(200.0, 2.0, 5.0), GAIN=2.0, ATODGAIN=2.02, RDNOISE=5.0, RON=5.1)
    sources = frame.parameters()[1]
    assert (sources['gain'], sources['readnoise']) == ('ATODGAIN in the header', 'RDNOISE in the header')


def test_a_second_value_is_named_and_the_one_that_agrees_is_used():
    pixels = pixels_of(50.0, 1.5, 9.0)
    header = fits.Header([('GAIN', 1.5), ('RDNOISE', 3.0), ('RON', 9.0)])
    params, sources = Frame(CCDData(pixels, unit='adu', header=header)).parameters()
    assert (params.readnoise, sources['readnoise']) == (9.0, 'RON in the header; RDNOISE = 3 contradicts the noise')
    header = fits.Header([('GAIN', 1.5), ('GAIN', 1.9)])
    assert Frame(CCDData(pixels, unit='adu', header=header)).parameters()[1]['gain'].endswith('GAIN = 1.9 differs')


@pytest.mark.parametrize('values', [(1.0, 2.2), (2.2, 1.0)])
def test_of_two_cards_of_one_name_the_one_that_agrees_is_used(values):
    header = fits.Header([('RDNOISE', 6.0), *(('GAIN', value) for value in values)])
    frame = Frame(CCDData(pixels_of(400.0, 2.2, 6.0), unit='adu', header=header))
    assert frame.parameters()[0].gain == 2.2
    assert {check.name for check in check_frame(frame) if check.mark != 'ok'} <= {'flat'}


@pytest.mark.parametrize(('pixels', 'unit'), [(200.0, 'adu'), (400.0, 'electron')])
def test_a_saturation_level_below_the_sky_is_ignored(pixels, unit):
    header = fits.Header({'GAIN': 2.0, 'RDNOISE': 5.0, 'SATURATE': 100.0, 'MAXLIN': 50000.0})
    frame = Frame(CCDData(np.random.default_rng(1).normal(pixels, 12.0, (128, 150)), unit=unit, header=header))
    params, sources = frame.parameters()
    assert (params.satlevel, sources['satlevel']) == (100000.0, 'MAXLIN in the header, times the gain')
    _, notes = header_values(header, frame.ccd.unit, evidence=lambda: frame.evidence)
    assert notes[-1] == 'SATURATE = 100 in the header is below the level of the frame: ignored'


@pytest.mark.parametrize(
    'cards', [{}, {'EXPTIME': 0.0, 'GAIN': 2.0}, {'EXPTIME': '60 s', 'GAIN': 2.0}, {'EXPTIME': 60.0}]
)
def test_a_frame_per_second_without_exposure_time_or_gain_is_an_error(cards):
    frame = frame_of(pixels_of(200.0, 120.0, 5.0), unit='adu/s', RDNOISE=5.0, **cards)
    check = checks_of(frame)['units']
    missing = 'gain' if cards.get('EXPTIME') == 60.0 else 'exposure time'
    assert (check.mark, check.measured) == ('error', f'unit adu / s, but no {missing} in the header, gain 1 is used')
    assert check.remedy.params == {'gain': pytest.approx(120.0, rel=0.1), 'readnoise': 5.0}
    assert {item.mark for item in checks_of(frame, **check.remedy.params).values()} <= {'ok', 'warning'}


def test_the_choice_of_the_user_ends_the_error():
    frame = frame_of(pixels_of(60.0, 0.9, 3.5), GAIN=120)
    assert checks_of(frame, gain=0.9)['units'].mark == 'ok'
    assert checks_of(frame, gain=120.0)['units'].mark == 'error'


def test_the_contradiction_is_in_the_notes(tmp_path):
    path = tmp_path / 'a.fits'
    fits.PrimaryHDU(pixels_of(60.0, 0.9, 3.5), fits.Header({'GAIN': 120, 'EGAIN': 0.9, 'BUNIT': 'adu'})).writeto(path)
    assert read_frame(path).notes == ('GAIN = 120 in the header contradicts the noise; using EGAIN = 0.9',)


@pytest.mark.parametrize('unit', ['electron/s', 'adu/s'])
def test_the_unit_of_the_exposure_time_is_obeyed(unit):
    gain = 2.0 if unit == 'adu/s' else 1.0
    frame = frame_of(pixels_of(1000.0, gain, 5.0) / 1425.6, unit, EXPOSURE=0.0165, TIMEUNIT='d', GAIN=gain)
    params, sources = frame.parameters()
    assert params.gain == pytest.approx(1425.6 * gain)
    assert 'EXPOSURE' in sources['gain']
    assert checks_of(frame, readnoise=5.0)['noise'].mark == 'ok'


@pytest.mark.parametrize(('card', 'pssl'), [(-100, -100.0), (100, -100.0)])
def test_a_pedestal_is_the_default_of_the_subtracted_sky(card, pssl):
    frame = frame_of(pixels_of(20.0, 1.5, 9.0, bias=100.0), EGAIN=1.5, RDNOISE=9.0, PEDESTAL=card)
    params, sources = frame.parameters()
    assert params.pssl == pssl
    assert sources['pssl'].startswith('PEDESTAL in the header')
    bias = checks_of(frame)['bias']
    assert (bias.mark, 'PEDESTAL in the header' in bias.measured) == ('ok', True)


def test_a_pedestal_that_was_subtracted_is_ignored():
    frame = frame_of(pixels_of(200.0, 1.5, 9.0), EGAIN=1.5, RDNOISE=9.0, PEDESTAL=-100)
    assert (frame.parameters()[0].pssl, frame.parameters()[1]['pssl']) == (0.0, 'default')


def test_a_pedestal_and_a_background_are_not_combined():
    pixels = pixels_of(20.0, 1.5, 9.0, bias=100.0)
    frame = frame_of(pixels, EGAIN=1.5, RDNOISE=9.0, PEDESTAL=-100).replace(background=np.full(SHAPE, 113.0))
    assert frame.parameters()[0].pssl == 0.0
    detect(frame)


@pytest.mark.parametrize('engine', ['fast', 'ccdproc'])
def test_a_negative_subtracted_sky_equals_pixels_without_pedestal(engine):
    pixels = np.round(pixels_of(20.0, 1.5, 9.0))
    pixels[np.arange(50, 62), np.arange(60, 72)] += 900.0
    values = {'gain': 1.5, 'readnoise': 9.0}
    plain, raised = frame_of(pixels), frame_of(pixels + 100.0)
    expected = detect(plain, plain.parameters(values)[0], engine=engine)
    found = detect(raised, raised.parameters(values | {'pssl': -100.0})[0], engine=engine)
    assert expected.pixels >= 12
    np.testing.assert_array_equal(found.crmask, expected.crmask)
    np.testing.assert_allclose(found.cleaned, expected.cleaned + 100.0, rtol=1e-5)


# the frames of the cases


@pytest.mark.parametrize(('name', 'card'), [('dial', 'EGAIN'), ('eperadu', 'EPERADU')])
def test_a_camera_setting_beside_the_gain(name, card):
    found = case(name)
    frame = read_frame(found.frame)
    params, sources = frame.parameters()
    assert (params.gain, sources['gain']) == (0.9, f'{card} in the header; GAIN = 120 contradicts the noise')
    checks = checks_of(frame)
    assert {name for name, check in checks.items() if check.mark == 'error'} == set()
    assert checks['noise'].remedy.params['readnoise'] == pytest.approx(3.5, abs=0.5)
    crmask = detect(frame, params).crmask
    assert rays_found(crmask, found.truth) == (60, 60)
    crmask = detect(frame, frame.parameters({'sepmed': False})[0]).crmask
    assert (rays_found(crmask, found.truth), false_pixels(crmask, found.truth) <= 30) == ((60, 60), True)


def test_a_camera_setting_alone():
    found = case('dial_alone')
    frame = read_frame(found.frame)
    check = checks_of(frame)['units']
    assert (check.mark, frame.parameters()[0].gain) == ('error', 1.0)
    assert check.remedy.params['gain'] == pytest.approx(0.9, rel=0.1)
    values = check.remedy.params
    assert checks_of(frame, **values)['units'].mark == 'ok'
    crmask = detect(frame, frame.parameters(values | {'sepmed': False})[0]).crmask
    assert (rays_found(crmask, found.truth), false_pixels(crmask, found.truth) <= 30) == ((60, 60), True)


def test_a_pedestal():
    found = case('pedestal')
    frame = read_frame(found.frame)
    params, sources = frame.parameters()
    assert (params.pssl, sources['pssl']) == (-100.0, 'PEDESTAL in the header')
    assert {name for name, check in checks_of(frame).items() if check.mark == 'error'} == set()
    crmask = detect(frame, params).crmask
    assert (rays_found(crmask, found.truth), false_pixels(crmask, found.truth) <= 30) == ((79, 79), True)


def test_an_exposure_time_in_days():
    frame = read_frame(case('days').frame)
    params, _ = frame.parameters()
    assert (frame.ccd.unit, params.readnoise) == (u.electron / u.s, 10.0)
    assert params.gain == pytest.approx(1425.6)
    assert checks_of(frame)['noise'].mark == 'ok'
