"""Frames whose amplifiers differ in gain and read noise."""

import json
from itertools import permutations

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData
from numpy.testing import assert_array_equal

from ginga_crplugin import Frame, check_frame, detect, load_recipe, read_frame, save_recipe
from ginga_crplugin.cli.main import main
from ginga_crplugin.core.amplifiers import find_amplifiers, read_amplifiers
from ginga_crplugin.core.pixel_noise import pixel_noise
from ginga_crplugin.session.session import Session
from tests.cases import case, false_pixels, rays_found

SHAPE = (256, 320)
HALVES = {
    'columns': ((slice(0, 256), slice(0, 160)), (slice(0, 256), slice(160, 320))),
    'rows': ((slice(0, 128), slice(0, 320)), (slice(128, 256), slice(0, 320))),
}
QUADRANTS = tuple((y, x) for y in (slice(0, 128), slice(128, 256)) for x in (slice(0, 160), slice(160, 320)))


def pixels_of(sections, gains, readnoises, sky=100.0, tracks=0, seed=1):
    rng = np.random.default_rng(seed)
    electrons, rays = rng.poisson(sky, SHAPE).astype(float), np.zeros(SHAPE, dtype=bool)
    for y, x in rng.integers(10, (SHAPE[0] - 20, SHAPE[1] - 20), (tracks, 2)):
        rays[np.arange(y, y + 6), np.arange(x, x + 6)] = True
    electrons[rays] += 2000.0
    for section, gain, readnoise in zip(sections, gains, readnoises, strict=True):
        electrons[section] += rng.normal(0.0, readnoise, electrons[section].shape)
        electrons[section] /= gain
    return electrons, rays


def frame_of(pixels, unit='adu', **cards):
    return Frame(CCDData(pixels, unit=unit, header=fits.Header(cards)))


def noise_check(frame):
    return next(check for check in check_frame(frame) if check.name == 'noise')


@pytest.mark.parametrize(
    'cards',
    [
        {'GAINA': 1.5, 'GAINB': 2.9, 'RDNOISEA': 3.5, 'RDNOISEB': 9.0},
        {'GAIN1': 1.5, 'GAIN2': 2.9, 'RDNOIS01': 3.5, 'RDNOIS02': 9.0},
        {'ATODGNA': 1.5, 'ATODGNB': 2.9, 'READNSEA': 3.5, 'READNSEB': 9.0},
        {
            'HIERARCH ESO DET OUT1 CONAD': 1.5,
            'HIERARCH ESO DET OUT2 CONAD': 2.9,
            'HIERARCH ESO DET OUT1 RON': 3.5,
            'HIERARCH ESO DET OUT2 RON': 9.0,
        },
    ],
    ids=lambda cards: next(iter(cards)),
)
def test_the_worse_value_of_the_amplifiers_is_used(cards):
    found = read_amplifiers(fits.Header(cards), u.adu)
    assert [(item.gain, item.readnoise) for item in found] == [(1.5, 3.5), (2.9, 9.0)]
    params, sources = frame_of(pixels_of(HALVES['columns'], (1.5, 2.9), (3.5, 9.0))[0], **cards).parameters()
    assert (params.gain, params.readnoise) == (1.5, 9.0)
    assert sources['gain'].endswith('the smallest of 2 amplifiers')
    assert sources['readnoise'].endswith('the largest of 2 amplifiers')


def test_values_beyond_the_limits_are_ignored():
    header = fits.Header({'GAINA': 1.5, 'GAINB': 1e30, 'RDNOISEA': 4.0, 'RDNOISEB': 1e30})
    assert read_amplifiers(header, u.adu) == ()


def test_amplifiers_that_hardly_differ_are_one():
    header = fits.Header({'GAINA': 4.0, 'GAINB': 4.1, 'RDNOISEA': 6.0, 'RDNOISEB': 6.2})
    assert read_amplifiers(header, u.adu) == ()
    params, sources = frame_of(np.random.default_rng(1).poisson(100.0, SHAPE), **header).parameters()
    assert (params.gain, sources['readnoise']) == (4.0, 'RDNOISEA in the header')


@pytest.mark.parametrize('halves', HALVES)
@pytest.mark.parametrize('swapped', [False, True])
@pytest.mark.parametrize('unit', ['adu', 'electron'])
def test_the_noise_shows_where_the_amplifiers_are(halves, swapped, unit):
    sections = HALVES[halves][::-1] if swapped else HALVES[halves]
    gains = (1.5, 2.9) if unit == 'adu' else (1.0, 1.0)
    pixels, _ = pixels_of(sections, gains, (3.5, 9.0), sky=60.0)
    frame = frame_of(pixels, unit, GAINA=1.5, GAINB=2.9, RDNOISEA=3.5, RDNOISEB=9.0)
    assert [item.section for item in find_amplifiers(frame)] == list(sections)


@pytest.mark.parametrize('order', list(permutations(range(4)))[::5])
def test_quadrants_are_located(order):
    sections = [QUADRANTS[k] for k in order]
    gains, noises = (1.0, 1.6, 2.5, 4.0), (4.0, 5.0, 6.0, 9.0)
    cards = {f'GAIN{k + 1}': gains[k] for k in range(4)} | {f'RON{k + 1}': noises[k] for k in range(4)}
    frame = frame_of(pixels_of(sections, gains, noises)[0], **cards)
    assert [item.section for item in find_amplifiers(frame)] == sections


def test_bright_objects_do_not_hide_where_the_amplifiers_are():
    pixels, _ = pixels_of(HALVES['columns'], (4.0, 4.4), (3.0, 9.0), sky=40.0)
    rng = np.random.default_rng(5)
    for y, x in rng.integers(0, (SHAPE[0] - 32, SHAPE[1] - 32), (12, 2)):
        pixels[y : y + 30, x : x + 30] += rng.normal(0.0, 8.0, (30, 30))
    frame = frame_of(pixels, GAIN1=4.0, GAIN2=4.4, RDNOISE1=3.0, RDNOISE2=9.0)
    assert tuple(item.section for item in find_amplifiers(frame)) == HALVES['columns']


def test_sections_of_the_header_are_used_if_they_cover_the_frame():
    cards = {'RDNOISEA': 3.5, 'RDNOISEB': 9.0, 'CCDSECA': '[1:100,1:256]', 'CCDSECB': '[320:101, 1:256]'}
    pixels = np.random.default_rng(1).normal(100.0, 10.0, SHAPE)
    sections = [item.section for item in find_amplifiers(frame_of(pixels, 'electron', **cards))]
    assert sections == [(slice(0, 256), slice(0, 100)), (slice(0, 256), slice(100, 320))]
    for wrong in ('[101:330,1:256]', '[90:320,1:256]', '[0:320,1:256]', 'x', '[101:300,1:256]'):
        frame = frame_of(pixels, 'electron', **cards | {'CCDSECB': wrong})
        assert [item.section for item in find_amplifiers(frame)] == [None, None]


@pytest.mark.parametrize('engine', ['fast', 'ccdproc'])
@pytest.mark.parametrize('sky', [100.0, 3000.0])
def test_the_noise_of_each_amplifier_leaves_no_step(engine, sky):
    pixels, rays = pixels_of(HALVES['columns'], (1.5, 2.9), (3.5, 9.0), sky, tracks=20)
    frame = frame_of(pixels, GAINA=1.5, GAINB=2.9, RDNOISEA=3.5, RDNOISEB=9.0)
    check = noise_check(frame)
    assert check.mark == ('error' if sky > 1000.0 else 'warning')
    assert 'amplifiers A, B with gain 1.5, 2.9 and read noise 3.5, 9 e-' in check.measured
    assert {item.name for item in check_frame(frame) if item.mark == 'error'} <= {'noise', 'bad_pixels'}
    found = pixel_noise(frame, check.remedy.noise).applied(frame)
    assert_array_equal(found.ccd.data, pixels)
    assert noise_check(found).mark == 'ok'
    detection = detect(found, engine=engine)
    assert rays_found(detection.crmask, rays)[0] >= 0.95 * rays_found(rays, rays)[1]
    assert false_pixels(detection.crmask, rays) <= 10


def test_amplifiers_that_do_not_matter_on_a_bright_sky_are_no_warning():
    pixels, _ = pixels_of(HALVES['columns'], (1.0, 1.0), (3.5, 9.0), sky=3000.0)
    check = noise_check(frame_of(pixels, 'electron', RDNOISEA=3.5, RDNOISEB=9.0))
    assert (check.mark, 'amplifiers A, B' in check.measured) == ('ok', True)


def test_amplifiers_that_do_not_differ_are_a_note():
    pixels, _ = pixels_of(HALVES['columns'], (1.5, 1.5), (4.0, 4.0))
    noise = pixel_noise(frame_of(pixels, GAIN=1.5, RDNOISE=4.0), 'amplifiers')
    assert noise.notes == ('the header has no amplifiers that differ: using one gain and read noise',)


def test_unknown_sections_are_a_warning():
    pixels = np.random.default_rng(1).normal(100.0, 30.0, SHAPE)
    frame = frame_of(pixels, GAINA=1.5, GAINB=2.9, RDNOISEA=3.5, RDNOISEB=9.0)
    check = noise_check(frame)
    assert (check.mark, check.remedy) == ('warning', None)
    noise = pixel_noise(frame, 'amplifiers')
    assert noise.images == {}
    assert 'sections of the amplifiers are not known' in noise.notes[0]


@pytest.mark.parametrize('name', ['amps', 'amps_electron'])
def test_the_frames_with_two_amplifiers(name):
    found = case(name)
    frame = read_frame(found.frame)
    check = noise_check(frame)
    assert {item.name for item in check_frame(frame) if item.mark == 'error'} == set()
    for used in (frame, pixel_noise(frame, check.remedy.noise).applied(frame)):
        crmask = detect(used).crmask
        assert rays_found(crmask, found.truth) == (60, 60)
        assert false_pixels(crmask, found.truth) <= 10


@pytest.fixture
def path(tmp_path):
    pixels, _ = pixels_of(HALVES['columns'], (1.5, 2.9), (3.5, 9.0), tracks=20)
    cards = {'GAINA': 1.5, 'GAINB': 2.9, 'RDNOISEA': 3.5, 'RDNOISEB': 9.0, 'BUNIT': 'adu'}
    fits.PrimaryHDU(pixels.astype('f4'), fits.Header(cards)).writeto(tmp_path / 'a.fits')
    return tmp_path / 'a.fits'


def test_the_remedy_in_a_session_and_its_recipe(path, tmp_path):
    session = Session(lambda job, done: done(job(), None))
    session.open(lambda: read_frame(path))
    check = next(check for check in session.checks if check.name == 'noise')
    session.apply_remedy(check.remedy)
    assert session.error == ''
    assert_array_equal(session.frame.variance, pixel_noise(read_frame(path), 'amplifiers').images['variance'])
    assert next(check for check in session.checks if check.name == 'noise').mark == 'ok'
    recipe = session.recipes.current
    assert recipe.variance == 'amplifiers'
    save_recipe(recipe, tmp_path / 'r.yaml')
    prepared = load_recipe(tmp_path / 'r.yaml').prepare(read_frame(path))
    assert_array_equal(prepared.frame.variance, session.frame.variance)
    assert_array_equal(prepared.frame.background, session.frame.background)


def test_the_remedy_replaces_the_pedestal(path):
    with fits.open(path, mode='update') as hdus:
        hdus[0].header['PEDESTAL'] = 5
    session = Session(lambda job, done: done(job(), None))
    session.open(lambda: read_frame(path))
    assert (session.params.pssl, session.sources['pssl']) == (5.0, 'PEDESTAL in the header')
    shown = []
    session.events.params_changed.connect(lambda: shown.append(session.params.pssl))
    check = next(check for check in session.checks if check.name == 'noise')
    session.apply_remedy(check.remedy)
    assert (session.error, shown) == ('', [0.0])
    assert session.sources['pssl'] == 'default'
    detect(session.frame, session.params)


def test_the_option_of_the_command_line(path, capsys):
    assert main(['check', str(path), '--variance', 'amplifiers', '--json']) == 0
    marks = {check['name']: check['mark'] for check in json.loads(capsys.readouterr().out)}
    assert marks['noise'] == 'ok'
    assert main(['detect', str(path), '--variance', 'amplifiers', '--quiet']) == 0
    with fits.open(path.with_name('a_crmask.fits')) as hdus:
        expected = detect(pixel_noise(read_frame(path), 'amplifiers').applied(read_frame(path)))
        assert_array_equal(hdus['MASK'].data > 0, expected.crmask)
