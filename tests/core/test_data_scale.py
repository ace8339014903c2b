"""Tests of scaled and padded values."""

import numpy as np
import pytest
from astropy.nddata import CCDData

from ginga_crplugin import check_frame, detect
from ginga_crplugin.core.data_scale import find_scale
from ginga_crplugin.core.interpretation import as_frame
from ginga_crplugin.demo.simulation import simulate
from ginga_crplugin.io.read import read_frame
from tests.cases import case, false_pixels, rays_found

GAIN = 1.4


@pytest.fixture(scope='module')
def truth():
    return simulate((400, 400), 5).ccd.data.astype(float)


def whole(truth, gain=GAIN, top=65535):
    """Return whole numbers of a camera of another gain than that of the simulation."""
    electrons = truth * 1.5
    return np.clip(np.round(electrons / gain), 0, top)


def frame_of(data, unit='adu', **cards):
    return as_frame(CCDData(data, unit=unit, header={'EGAIN': GAIN, 'RDNOISE': 10.0} | cards))


def units(frame, **chosen):
    checks = {check.name: check for check in check_frame(frame, frame.parameters(chosen)[0])}
    if checks['units'].mark == 'error':  # the only remedy
        assert [name for name in ('bias', 'sky', 'noise') if checks[name].remedy] == []
    return checks['units']


def test_case():
    path, truth = case('normalised')
    frame = read_frame(path)
    assert any('multiples of 1/65535' in note for note in frame.notes)
    check = units(frame)
    assert check.mark == 'error'
    assert 'multiples of 1/65535' in check.measured
    assert 'multiplied by 65535' in check.advice
    assert check.remedy.params['gain'] == pytest.approx(1.2 * 65535)
    params, _ = frame.parameters(check.remedy.params)
    crmask = detect(frame, params).crmask
    found, count = rays_found(crmask, truth)
    assert found >= 0.95 * count
    assert false_pixels(crmask, truth) <= 30
    assert units(frame, **check.remedy.params).mark == 'ok'


@pytest.mark.parametrize('dtype', ['f4', 'f8'])
@pytest.mark.parametrize('factor', [65535, 65536, 32767, 16383, 4095])
def test_normalised(truth, factor, dtype):
    data = (whole(truth, top=factor) / factor).astype(dtype)
    check = units(frame_of(data))
    assert check.mark == 'error'
    assert check.remedy.params['gain'] == pytest.approx(GAIN * factor, rel=1e-4)


@pytest.mark.parametrize('dtype', ['f4', 'f8'])
def test_divided_by_the_maximum(truth, dtype):
    data = whole(truth, top=51234)
    top = data.max()
    check = units(frame_of((data / top).astype(dtype)))
    assert check.mark == 'error'
    assert 'in steps of' in check.measured
    assert check.remedy.params['gain'] == pytest.approx(GAIN * top, rel=1e-3)


def test_linearly_rescaled(truth):
    data = whole(truth)
    data = (data - data.min()) / (data.max() - data.min()) * 0.8 + 0.1  # the level is not that of the sky
    check = units(frame_of(data))
    assert (check.mark, check.remedy) == ('error', None)


def test_without_steps(truth):
    data = truth / truth.max() * np.random.default_rng(1).normal(1, 0.01, (400, 400))
    data /= data.max()
    frame = frame_of(data)
    check = units(frame)
    assert check.mark == 'error'
    assert check.measured.endswith('are probably scaled')
    assert check.remedy.params['gain'] == pytest.approx(1.5 * truth.max(), rel=0.1)  # estimated
    assert units(frame, **check.remedy.params).mark == 'ok'
    assert units(frame_of(data - np.median(data))).remedy is None  # without the sky, the noise alone does not tell
    assert units(frame_of(data), gain=GAIN * float(truth.max())).mark != 'error'


def test_normalised_electrons_have_no_remedy(truth):
    check = units(frame_of(whole(truth) / 65535, unit='electron'))
    assert (check.mark, check.remedy) == ('error', None)
    assert check.advice.startswith('multiply the frame')


@pytest.mark.parametrize(('step', 'bits'), [(16, 12), (4, 14)])
@pytest.mark.parametrize('dtype', ['u2', 'f4'])
def test_padded(truth, step, bits, dtype):
    data = (whole(truth, gain=4.0, top=2**bits - 1) * step).astype(dtype)
    frame = frame_of(data, EGAIN=4.0)
    assert f'multiples of {step}: padded {bits}-bit data' in ' '.join(frame.notes)
    check = units(frame)
    assert check.mark == 'error'
    assert check.remedy.params['gain'] == pytest.approx(4.0 / step)
    assert units(frame, **check.remedy.params).mark == 'ok'
    assert units(frame_of(data, EGAIN=4.0 / step)).mark == 'ok'


def test_ordinary_values(truth):
    good = np.ones((400, 400), bool)
    for data in (truth, whole(truth), truth / 100, whole(truth) * 2, np.zeros((400, 400))):
        assert find_scale(data, good) is None
    rates = truth * 1.5 / 1e5
    assert units(as_frame(CCDData(rates, unit='electron / s', header={'EXPTIME': 1e5, 'RDNOISE': 10.0}))).mark == 'ok'
