"""Kinds of frames: color mosaics and spectra are recognized from cards and pixels, other frames are not."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

from ginga_crplugin import Frame, detect, read_frame, segment, with_hints
from ginga_crplugin.core.diagnostics.frame_checks import check_frame
from ginga_crplugin.core.diagnostics.frame_kind import find_frame_kind
from ginga_crplugin.core.diagnostics.result_checks import check_result
from tests.cases import case, false_pixels, rays_found

SHAPE = 256, 384
PATTERNS = {
    'RGGB': (0.6, 1.0, 1.0, 0.4),
    'BGGR': (0.4, 1.0, 1.0, 0.6),
    'GRBG': (1.0, 0.7, 0.5, 1.0),
    'GBRG': (1.0, 0.5, 0.7, 1.0),
    'weak': (0.9, 1.0, 1.0, 0.9),
    'one weak': (1.0, 1.0, 1.0, 0.9),
    'evenly spaced': (0.5, 0.75, 0.75, 1.0),
    'CYGM': (0.9, 0.7, 0.5, 0.8),
}


def grid(shape):
    return np.mgrid[: shape[0], : shape[1]]


def star_field(rng, shape=SHAPE, sky=200.0, stars=40, fwhm=3.0):
    """Return the light of stars on a sky, in electrons."""
    y, x = grid(shape)
    image = np.full(shape, sky)
    for _ in range(stars):
        at, peak = rng.uniform(0, 1, 2) * shape, np.exp(rng.uniform(5, 10))
        image += peak * np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) * 4 * np.log(2) / fwhm**2)
    return image


def expose(rng, light, readnoise=4.0):
    return rng.poisson(light) + rng.normal(0.0, readnoise, light.shape)


def pattern(levels, shape=SHAPE):
    y, x = grid(shape)
    return np.choose(2 * (y % 2) + x % 2, levels)


def lines(rng, shape=(240, 480), count=30, tilt=0.01, curve=0.0, fwhm=1.9):
    """Return the light of a long-slit spectrum: sky lines along the columns, and a trace along the rows."""
    y, x = grid(shape)
    image = np.full(shape, 60.0) + 500.0 * np.exp(-((y - shape[0] / 2) ** 2) / 12.0)
    for _ in range(count):
        center = rng.uniform(0, shape[1]) + tilt * (y - 100) + curve * (y - 100) ** 2
        image += np.exp(rng.uniform(5, 9)) * np.exp(-((x - center) ** 2) * 4 * np.log(2) / fwhm**2)
    return image


def orders(shape=(300, 400), separation=18, slope=0.06, sigma=1.6):
    """Return the light of the orders of an echelle."""
    y, x = grid(shape)
    image = np.full(shape, 15.0)
    for k in range(-5, shape[0] // separation + 5):
        image += 1500 * np.exp(-((y - k * separation - slope * x) ** 2) / 2 / sigma**2)
    return image


def kind(pixels, cards=None):
    frame = Frame(CCDData(pixels, unit='adu', header=fits.Header(cards or {})))
    return find_frame_kind(frame).name


# color mosaics


@pytest.mark.parametrize('levels', PATTERNS.values(), ids=PATTERNS)
@pytest.mark.parametrize('sky', [30.0, 5000.0])
def test_mosaic_without_a_card(levels, sky):
    rng = np.random.default_rng(7)
    light = star_field(rng, sky=sky) * pattern(levels)
    y, x = grid(SHAPE)
    assert kind(expose(rng, light)) == 'color mosaic'
    assert (
        kind(np.round(expose(rng, light * (1.0 + x / 200.0 + y / 300.0)) + 500.0).astype(np.uint16)) == 'color mosaic'
    )


def test_mosaic_in_small_units_and_on_small_frames():
    rng = np.random.default_rng(8)
    pixels = expose(rng, star_field(rng, (61, 83), stars=3) * pattern(PATTERNS['RGGB'], (61, 83)))
    assert kind((pixels / 65535.0).astype(np.float32)) == 'color mosaic'


@pytest.mark.parametrize(
    ('cards', 'expected'),
    [
        ({'BAYERPAT': 'GRBG'}, 'color mosaic'),
        ({'COLORTYP': 'RGGB'}, 'color mosaic'),
        ({'CFAPAT': '0 1 1 2'}, 'color mosaic'),
        ({'XBAYROFF': 0, 'YBAYROFF': 1}, 'color mosaic'),
        ({'COLORCCD': 1}, 'color mosaic'),
        ({'BAYERPAT': True}, 'color mosaic'),
        ({'BAYERPAT': 'NONE', 'XBAYROFF': 0}, 'image'),
        ({'BAYERPAT': ''}, 'image'),
        ({'COLORTYP': 'MONO'}, 'image'),
        ({'COLORTYP': 'RGB'}, 'image'),
        ({'COLORCCD': 0}, 'image'),
        ({'GRATING': '600'}, 'spectrum'),
        ({'GRISM': 'G800L'}, 'spectrum'),
        ({'DISPERSR': 'R1000B', 'OBSTYPE': 'OBJECT'}, 'spectrum'),
        ({'DISPAXIS': 1}, 'spectrum'),
        ({'OBSTYPE': 'SPECTROSCOPIC'}, 'spectrum'),
        ({'HIERARCH ESO DPR TECH': 'ECHELLE'}, 'spectrum'),
        ({'HIERARCH ESO INS GRIS1 NAME': 'GRIS_600B'}, 'spectrum'),
        ({'CTYPE1': 'AWAV', 'CTYPE2': 'LINEAR'}, 'spectrum'),
        ({'GRATING': 'none'}, 'image'),
        ({'GRATING': 'MIRROR'}, 'image'),
        ({'GRISM': 'open1'}, 'image'),
        ({'GRISM': 'No Grism'}, 'image'),
        ({'DISPERSR': 'Out'}, 'image'),
        ({'DISPAXIS': 0}, 'image'),
        ({'GRATING': '600', 'OBSMODE': 'IMAGING'}, 'image'),
        ({'GRATING': '600', 'OBSTYPE': 'BIAS'}, 'image'),
        ({'CTYPE1': 'RA---TAN', 'OBSTYPE': 'OBJECT', 'INSTRUME': 'GMOS-S'}, 'image'),
    ],
)
def test_cards(cards, expected):
    rng = np.random.default_rng(9)
    assert kind(expose(rng, star_field(rng)), cards) == expected


# spectra


@pytest.mark.parametrize(
    'options',
    [{}, {'tilt': 0.12}, {'curve': 3e-4}, {'fwhm': 1.4}, {'fwhm': 4.0}, {'count': 5}],
    ids=['lines', 'tilted', 'curved', 'narrow', 'wide', 'few'],
)
def test_spectrum_without_a_card(options):
    rng = np.random.default_rng(11)
    pixels = expose(rng, lines(rng, **options))
    assert kind(pixels) == kind(pixels.T) == 'spectrum'


@pytest.mark.parametrize(('fwhm', 'mark'), [(1.9, 'error'), (2.7, 'error'), (3.5, 'error'), (5.0, 'warning')])
def test_lines_that_are_flagged_are_an_error(fwhm, mark):
    rng = np.random.default_rng(11)
    frame = Frame(expose(rng, lines(rng, fwhm=fwhm)))
    assert check_frame(frame)[0].mark == mark
    assert (np.count_nonzero(detect(frame).crmask) > 50) == (mark == 'error')


@pytest.mark.parametrize('slope', [0.0, 0.06, 0.15])
def test_echelle_without_a_card(slope):
    pixels = expose(np.random.default_rng(12), orders(slope=slope))
    assert kind(pixels) == kind(pixels.T) == 'spectrum'


# images


def variants(pixels, rng):
    """Return an image with the defects that resemble a mosaic or a spectrum."""
    y, x = grid(pixels.shape)
    scatter = 1.48 * np.nanmedian(np.abs(np.diff(pixels, axis=1))) / np.sqrt(2.0)
    ny, nx = pixels.shape
    chosen = rng.integers(0, nx, 12)
    return {
        'unchanged': pixels,
        'gradient': pixels + 20 * scatter * (x / nx + y / ny),
        'even columns': pixels + 3 * scatter * (x % 2),
        'even rows and columns': pixels + scatter * (3 * (x % 2) + y % 2),
        'gains of rows and columns': pixels * (1.0 + 0.05 * (x % 2)) * (1.0 + 0.03 * (y % 2)),
        'amplifiers': pixels + 5 * scatter * (x > nx // 2) - 3 * scatter * (y > ny // 2),
        'stripes': pixels + 10 * scatter * ((x // max(1, nx // 8)) % 2),
        'bad columns': pixels + 30 * scatter * np.isin(x, chosen),
        'pairs of bad columns': pixels + 30 * scatter * (np.isin(x, chosen) + 0.8 * np.isin(x, chosen + 1)),
        'fringes': pixels + 4 * scatter * np.sin((x + 0.1 * y) / 5.0),
        'noisy rows': pixels + 6 * scatter * rng.normal(size=(ny, 1)),
        'binned': np.repeat(np.repeat(pixels[: ny // 2, : nx // 2], 2, 0), 2, 1),
    }


@pytest.mark.parametrize('seed', [1, 2, 3])
@pytest.mark.parametrize(
    'options',
    [{}, {'stars': 1500}, {'stars': 1500, 'fwhm': 1.3}, {'stars': 300, 'fwhm': 6.0}, {'shape': (64, 90), 'stars': 60}],
    ids=['stars', 'crowded', 'narrow', 'wide', 'small'],
)
def test_images_are_images(seed, options):
    rng = np.random.default_rng(seed)
    pixels = expose(rng, star_field(rng, **options))
    found = {name: kind(image) for name, image in variants(pixels, rng).items()}
    assert set(found.values()) == {'image'}, found


REAL = ['feder*', 'saao*', 'decam*ooi*', 'decam*nan*', 'm51*', 'field*_i_*', 'field*ooi*']


@pytest.mark.parametrize('name', REAL)
def test_real_images_are_images(data, name):
    for path in sorted(data.glob(name)):
        frame = read_frame(path)
        images = variants(frame.filled.astype(float), np.random.default_rng(1))
        found = {key: find_frame_kind(Frame(image, masks=frame.masks)) for key, image in images.items()}
        assert {key: str(value) for key, value in found.items() if not value.is_image} == {}, path


def test_real_spectrum(gmos_path):
    frame = read_frame(gmos_path)
    assert find_frame_kind(frame).evidence.startswith('GRATING = R400+_G5325, ')
    assert kind(frame.filled) == 'spectrum'


# checks


def checks_of(frame):
    params, _ = frame.parameters()
    detection = detect(frame, params)
    found = check_frame(frame, params) + check_result(frame, detection, segment(frame, detection))
    return {check.name: check for check in found}, detection


def test_checks_of_a_mosaic():
    checks, _ = checks_of(read_frame(case('bayer').frame))
    assert next(iter(checks)) == 'kind'
    assert (checks['kind'].mark, checks['kind'].measured) == ('error', 'color mosaic (BAYERPAT = RGGB)')
    assert checks['kind'].remedy.allow_mosaic
    assert {name for name, check in checks.items() if check.mark != 'ok'} == {'kind', 'share'}
    assert [name for name, check in checks.items() if check.remedy] == ['kind']
    assert checks['share'].advice == 'see the check kind'
    assert checks['bias'].measured == 'not checked: color mosaic'


def test_checks_of_a_spectrum():
    checks, _ = checks_of(read_frame(case('spectrum').frame))
    assert next(iter(checks)) == 'kind'
    assert checks['kind'].mark == 'error'
    assert checks['kind'].measured.startswith('spectrum (GRATING = 600, ')
    assert '--background' in checks['kind'].advice
    assert not any(check.remedy for check in checks.values())
    assert {name for name, check in checks.items() if check.mark != 'ok'} == {'kind', 'flat', 'share'}


def with_model(example):
    return read_frame(example.frame).replace(background=fits.getdata(example.frame, 'MODEL').astype(float))


def test_spectrum_with_a_model():
    example = case('spectrum')
    checks, detection = checks_of(with_model(example))
    assert {name for name, check in checks.items() if check.mark != 'ok'} == {'flat'}
    assert not any(check.remedy for check in checks.values())
    assert false_pixels(detection.crmask, example.truth) <= 60
    found, rays = rays_found(detection.crmask, example.truth)
    assert found >= 0.95 * rays


def test_hints_of_a_spectrum_name_no_bad_column():
    frame = read_frame(case('spectrum').frame)
    checks, detection = checks_of(frame)
    segments = segment(frame, detection)
    assert checks['stars'].mark == 'ok'
    hints = set(with_hints(frame, detection, segments).table['hint'])
    assert not hints & {'bad column or row', 'star-like'}


# checks of frames with a background


def varying_sky(rng, shape=SHAPE):
    y, x = grid(shape)
    sky = 200.0 + 1.5 * x + 100.0 * np.sin(y / 40.0)
    light = sky + star_field(rng, shape, sky=0.0)
    return sky, expose(rng, light, 5.0)


def make_frame(pixels, **options):
    header = fits.Header({'RDNOISE': 5.0, 'FLATCOR': 'T'})
    return Frame(CCDData(pixels, unit='electron', header=header), **options)


def test_good_background():
    sky, pixels = varying_sky(np.random.default_rng(21))
    checks = {check.name: check for check in check_frame(make_frame(pixels, background=sky))}
    assert {check.mark for check in checks.values()} == {'ok'}
    assert ' e- above the background' in checks['sky'].measured


def test_background_that_was_subtracted_before():
    sky, pixels = varying_sky(np.random.default_rng(22))
    checks = {check.name: check for check in check_frame(make_frame(pixels - sky, background=sky))}
    assert (checks['sky'].mark, checks['sky'].remedy) == ('error', None)
    assert checks['sky'].advice.startswith('add the background to the frame')


def test_background_of_another_frame():
    sky, pixels = varying_sky(np.random.default_rng(23))
    check = next(check for check in check_frame(make_frame(pixels, background=3.0 * sky)) if check.name == 'sky')
    assert (check.mark, check.effect) == ('warning', 'the background does not fit the frame')


def test_bad_pixels_above_a_background():
    rng = np.random.default_rng(24)
    sky, pixels = varying_sky(rng)
    pixels[:, 100] += 400.0
    checks = {check.name: check for check in check_frame(make_frame(pixels, background=sky))}
    assert 'bad column 100 outside' in checks['bad_pixels'].measured


def test_pixels_of_a_diagonal_track_are_not_hot():
    rng = np.random.default_rng(25)
    pixels = expose(rng, np.full(SHAPE, 100.0))
    for start in range(20, 220, 25):
        steps = np.arange(12)
        pixels[start + steps, start + steps] += 3000.0
    check = next(check for check in check_frame(make_frame(pixels)) if check.name == 'bad_pixels')
    assert (check.mark, check.remedy) == ('ok', None)


@pytest.mark.parametrize('keyword', ['BAYERPAT', 'GRATING', 'OBSTYPE', 'CTYPE1'])
def test_a_card_that_cannot_be_read_is_ignored(keyword):
    rng = np.random.default_rng(3)
    ccd = CCDData(expose(rng, star_field(rng)), unit='adu')
    ccd.header = fits.Header.fromstring(f"{keyword:8}= 12 ab cd ' x".ljust(80))
    assert find_frame_kind(Frame(ccd)).is_image
