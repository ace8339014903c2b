"""Tests of the saturation level estimated from clipped pixels."""

import math

import numpy as np
import pytest
from astropy.nddata import CCDData

from ginga_crplugin import LACosmicParams, MaskBit, check_frame, detect, merge_mask
from ginga_crplugin.core.interpretation import as_frame
from ginga_crplugin.core.saturation import find_clipping
from ginga_crplugin.io.read import read_frame
from ginga_crplugin.recipe.recipe import Recipe
from tests.cases import case, false_pixels, rays_found

SHAPE = 400, 420
ROWS, COLUMNS = np.indices(SHAPE)


def stars(seed, peak=300_000.0, fwhm=4.0, gain=1.0):
    """Return electrons of a field with bright stars."""
    rng = np.random.default_rng(seed)
    image = np.full(SHAPE, 200.0)
    for y, x in rng.uniform(10, 390, (40, 2)):
        height = np.exp(rng.uniform(np.log(500), np.log(peak)))
        image += height * np.exp(-4 * np.log(2) * ((ROWS - y) ** 2 + (COLUMNS - x) ** 2) / fwhm**2)
    return rng.poisson(image) + rng.normal(0, 5, SHAPE)


def clipped(seed, top, gain):
    return np.clip(np.round(stars(seed) / gain), 0, top)


def frame_of(data, unit='adu', **cards):
    return as_frame(CCDData(data, unit=unit, header={'EGAIN': 0.5, 'RDNOISE': 5.0} | cards))


def test_case():
    path, truth = case('clipped')
    frame = read_frame(path)
    params, sources = frame.parameters()
    assert sources['satlevel'] == 'estimated from the pixels'
    assert params.satlevel == pytest.approx(65535 * 0.25, rel=1e-5)
    with np.load(truth) as arrays:
        assert np.array_equal(frame.saturated(params), arrays['saturated'])
        count = np.count_nonzero(arrays['saturated'])
    assert f'{count} pixels are clipped at the highest value, 65535 adu' in ' '.join(frame.notes)
    crmask = detect(frame, params).crmask
    found, rays = rays_found(crmask, truth)
    assert found >= 0.95 * rays
    assert false_pixels(crmask, truth) <= 30


@pytest.mark.parametrize(
    ('top', 'gain', 'dtype'), [(65535, 0.5, 'u2'), (16383, 3.0, 'i2'), (4095, 9.0, 'i4'), (50000, 1.0, 'f4')]
)
def test_one_value(top, gain, dtype):
    data = clipped(1, top, gain).astype(dtype)
    found = find_clipping(data)
    assert (found.level, found.count, found.exact) == (top, np.count_nonzero(data == top), True)


@pytest.mark.parametrize('kind', ['flat', 'bias', 'vignetting'])
def test_after_calibration(kind):
    rng = np.random.default_rng(2)
    raw = clipped(3, 65535, 0.5)
    data = {
        'flat': raw / rng.normal(1, 0.01, SHAPE),
        'bias': raw - rng.normal(300, 3, SHAPE),
        'vignetting': raw / (1 - 2e-4 * np.hypot(ROWS - 200, COLUMNS - 210)),
    }[kind].astype('f4')
    found = find_clipping(data)
    assert not found.exact
    assert 0.94 * 65535 < found.level < 1.01 * 65535
    assert 0.9 < np.count_nonzero(data >= found.level) / np.count_nonzero(raw == 65535) < 1.5


def test_nothing_is_clipped():
    rng = np.random.default_rng(4)
    electrons = stars(5)
    assert find_clipping(electrons.astype('f4')) is None
    assert find_clipping(np.round(electrons).astype('i4')) is None
    assert find_clipping(stars(5, fwhm=9.0)) is None
    for rate in (0.01, 0.1, 1.0, 100.0, 30_000.0):
        assert find_clipping(rng.poisson(rate, SHAPE).astype('i4')) is None
        assert find_clipping(rng.poisson(rate, SHAPE) / 65535) is None
    assert find_clipping(np.full(SHAPE, 65535, 'u2')) is None
    sky = rng.normal(100, 10, SHAPE)
    disk = np.hypot(ROWS - 200, COLUMNS - 200) < 60
    assert find_clipping(sky + disk * rng.normal(30_000, 170, SHAPE)) is None  # a planet
    line = 20_000 * np.exp(-(((COLUMNS - 200) / 3.0) ** 2))
    assert find_clipping(rng.poisson(100 + line) + sky) is None  # a line of a spectrum


@pytest.mark.parametrize(('card', 'uses_card'), [(100_000.0, False), (50_000.0, True), (65_535.0, True)])
def test_a_card_above_the_clipped_pixels_is_ignored(card, uses_card):
    frame = frame_of(clipped(6, 65535, 0.5), SATURATE=card)
    params, sources = frame.parameters()
    if uses_card:
        assert 'SATURATE in the header' in sources['satlevel']
        assert params.satlevel == card * 0.5
        assert not any('clipped' in note for note in frame.notes)
    else:
        assert sources['satlevel'].startswith('estimated from the pixels; SATURATE in the header')
        assert params.satlevel == pytest.approx(65535 * 0.5, rel=1e-5)
        assert any('SATURATE in the header' in note for note in frame.notes)


def test_level_follows_gain_and_subtracted_sky():
    frame = frame_of(clipped(6, 65535, 0.5))
    for chosen in ({}, {'gain': 0.73}, {'pssl': 123.4}, {'gain': 3.3, 'pssl': -50.0}):
        params, _ = frame.parameters(chosen)
        assert np.array_equal(frame.saturated(params), frame.ccd.data == 65535)
    assert frame.parameters({'satlevel': 1000.0})[1]['satlevel'] == 'user'
    assert frame.parameters(None, {'satlevel': 1e6})[0].satlevel == 1e6


def test_nobody_chose_a_level():
    electrons = stars(7, peak=500_000.0)
    frame = as_frame(CCDData(electrons + 120_000.0, unit='electron'))
    params, sources = frame.parameters()
    assert (params.satlevel, sources['satlevel']) == (math.inf, 'default')
    detection = detect(frame)
    assert detection.searched[3:-3, 3:-3].all()
    assert not (merge_mask(frame, detection) & MaskBit.SATURATED).any()
    assert LACosmicParams().satlevel == math.inf


def checks(frame, **chosen):
    return next(check for check in check_frame(frame, frame.parameters(chosen)[0]) if check.name == 'saturation')


def test_check():
    frame = frame_of(clipped(6, 65535, 0.5))
    found = checks(frame)
    assert found.mark == 'ok'
    assert 'clipped at the highest value, 65535 adu' in found.measured
    found = checks(frame, satlevel=1e6)
    assert found.mark == 'error'
    assert checks(frame, **found.remedy.params).mark == 'ok'
    assert checks(frame, satlevel=50.0).mark == 'error'
    found = checks(frame_of(stars(5)))
    assert (found.mark, found.measured) == ('ok', 'no saturation level, and no clipped pixels')


def test_recipe_estimates_the_level_of_each_frame():
    first, second = frame_of(clipped(6, 65535, 0.5)), frame_of(clipped(8, 40000, 0.5))
    recipe = Recipe.from_frame(first, *first.parameters())
    for frame, level in ((first, 65535), (second, 40000), (frame_of(stars(5)), math.inf)):
        assert recipe.prepare(frame).params.satlevel == pytest.approx(level * 0.5, rel=1e-5)
