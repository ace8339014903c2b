"""Checks: each defect is reported, and good frames and real frames give no false errors."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from photutils.psf import fit_fwhm

from ginga_crplugin import Frame, InputMask, MaskBit, detect, read_dark, read_frame, segment
from ginga_crplugin.core.diagnostics.background import measure_sky
from ginga_crplugin.core.diagnostics.bad_lines import find_bad_lines, find_unexposed_edges
from ginga_crplugin.core.diagnostics.frame_checks import check_frame
from ginga_crplugin.core.diagnostics.header_history import calibration_keyword, outside_trimsec
from ginga_crplugin.core.diagnostics.outliers import find_deviant_pixels, find_outliers
from ginga_crplugin.core.diagnostics.result_checks import check_result
from ginga_crplugin.core.diagnostics.star_fwhm import BOX, MAX_STARS, find_stars, fit_star_fwhm, measure_star_fwhm
from ginga_crplugin.core.interpretation import as_frame
from ginga_crplugin.demo.simulation import simulate

NAMES = [
    'kind',
    'bias',
    'flat',
    'sky',
    'noise',
    'units',
    'bad_pixels',
    'sampling',
    'overscan',
    'nonfinite',
    'saturation',
    'flags',
]
GAIN, SHAPE = 1.5, (512, 512)


@pytest.fixture(scope='module')
def truth():
    return simulate(SHAPE, seed=1)


def masks_of(truth):
    return InputMask('dark', MaskBit.HOT, truth.hot), InputMask('column', MaskBit.BAD, truth.column)


def make_frame(truth, change=lambda adu: adu, unit='adu', masks=None, cards=None, without=()):
    """Return the good frame with other pixels (a function of those in adu), unit, masks or header."""
    header = truth.ccd.header.copy()
    header.update(cards or {})
    for card in without:
        del header[card]
    pixels = change(truth.ccd.data.astype(float))
    return Frame(CCDData(pixels, unit=unit, header=header), masks=masks_of(truth) if masks is None else masks)


def marks(frame, **values):
    found = check_frame(frame, frame.parameters(values)[0])
    assert [check.name for check in found] == NAMES
    return {check.name: check.mark for check in found}


def errors(frame, **values):
    return {name for name, mark in marks(frame, **values).items() if mark == 'error'}


def get_check(frame, name, **values):
    return next(check for check in check_frame(frame, frame.parameters(values)[0]) if check.name == name)


# good frames


@pytest.mark.parametrize('seed', [1, 2, 3])
def test_a_good_frame_passes(seed):
    found = marks(make_frame(simulate(SHAPE, seed)))
    assert found == dict.fromkeys(NAMES, 'ok') | {'flat': 'warning'}


def test_a_good_frame_passes_without_a_header(truth):
    frame = make_frame(truth, without=('GAIN', 'RDNOISE'))
    assert errors(frame, gain=1.5, readnoise=10.0) == set()
    assert errors(make_frame(truth, lambda adu: adu * GAIN, 'electron')) == set()
    assert errors(make_frame(truth, without=('GAIN',), cards={'FLATCOR': 'flat.fits'}), gain=1.5) == set()


def test_a_read_noise_beyond_all_limits_is_ignored(truth):
    assert marks(make_frame(truth, cards={'RDNOISE': 1e300}), readnoise=10.0)['units'] == 'ok'


@pytest.mark.parametrize('sky', [5.0, 2000.0, 20000.0])
@pytest.mark.parametrize('readnoise', [3.0, 15.0])
def test_any_sky_level_passes(sky, readnoise):
    rng = np.random.default_rng(4)
    pixels = rng.poisson(sky, SHAPE) + rng.normal(0.0, readnoise, SHAPE)
    frame = Frame(CCDData(pixels, unit='electron', header={'RDNOISE': readnoise}))
    assert errors(frame) == set()
    assert get_check(frame, 'noise').mark == 'ok'


# frames with one defect


BIAS = [(1000.0, 'adu', {}), (10000.0, 'adu', {}), (1000.0, 'electron', {'RDNOISE': 10.0})]


@pytest.mark.parametrize(('level', 'unit', 'cards'), BIAS)
def test_remaining_bias(truth, level, unit, cards):
    scale = GAIN if unit == 'electron' else 1.0
    frame = make_frame(truth, lambda adu: (adu + level / GAIN) * scale, unit, cards=cards)
    assert errors(frame) == {'bias', 'noise'}
    assert f'level {level + 200:,.0f} e-' in get_check(frame, 'bias').measured


@pytest.mark.parametrize('without', [(), ('GAIN', 'RDNOISE')])
def test_subtracted_sky_and_its_remedy(truth, without):
    frame = make_frame(truth, lambda adu: adu - 200.0 / GAIN, without=without)
    values = {'gain': GAIN, 'readnoise': 10.0}
    check = get_check(frame, 'sky', **values)
    assert errors(frame, **values) == {'sky', 'noise'}
    assert check.remedy.params['pssl'] == pytest.approx(200.0 / GAIN, rel=0.05)
    assert errors(frame, **values, **check.remedy.params) == set()


@pytest.mark.parametrize('readnoise', [40.0, 2.5])
def test_incorrect_read_noise(truth, readnoise):
    frame = make_frame(truth)
    assert errors(frame, readnoise=readnoise) == {'noise'}
    check = get_check(frame, 'noise', readnoise=readnoise)
    assert check.remedy.params['readnoise'] == pytest.approx(10.0, rel=0.1)
    assert errors(frame, **check.remedy.params) == set()
    assert 'noise' in errors(make_frame(truth, without=('GAIN', 'RDNOISE')), gain=GAIN, readnoise=readnoise)


@pytest.mark.parametrize(('gain', 'unit'), [(1.5, 'adu'), (4.0, 'adu'), (1.5, 'electron'), (4.0, 'electron')])
def test_gain_applied_twice(truth, gain, unit):
    scale = GAIN if unit == 'adu' else GAIN * gain
    frame = make_frame(truth, lambda adu: adu * scale, unit, cards={'GAIN': gain})
    assert errors(frame) == {'units', 'noise'}
    remedy = get_check(frame, 'units').remedy
    if unit == 'adu':
        assert errors(frame, **remedy.params) == set()
    else:
        assert remedy is None


@pytest.mark.parametrize(
    ('unit', 'values', 'without'),
    [
        ('electron', {}, ()),
        ('electron', {'readnoise': 10.0}, ('GAIN', 'RDNOISE')),
        ('adu', {'gain': 1.0}, ()),
        ('adu', {'readnoise': 10.0}, ('GAIN', 'RDNOISE')),
    ],
)
def test_adu_treated_as_electrons(truth, unit, values, without):
    frame = make_frame(truth, unit=unit, without=without)
    assert errors(frame, **values) == {'units', 'noise'}
    remedy = get_check(frame, 'units', **values).remedy
    assert (remedy is None) == (unit == 'electron')
    if remedy:
        assert remedy.params['gain'] == pytest.approx(GAIN, rel=0.05)
        assert errors(frame, **values | remedy.params) == set()


def test_a_missing_gain_is_a_warning():
    pixels = np.random.default_rng(1).normal(100.0, np.sqrt(100.0 + 6.5**2), SHAPE)
    assert marks(Frame(pixels))['units'] == 'warning'


def test_pixels_in_electrons_with_a_gain_in_the_header_and_no_unit():
    pixels = np.random.default_rng(1).poisson(2000.0, SHAPE) + np.random.default_rng(2).normal(0.0, 5.0, SHAPE)
    frame = Frame(CCDData(pixels, unit='adu', header={'GAIN': 20.0, 'RDNOISE': 5.0}))
    assert frame.parameters()[1]['gain'] == 'default; GAIN = 20 contradicts the noise'
    remedy = get_check(frame, 'units').remedy
    values = {} if remedy is None else remedy.params
    check = get_check(frame, 'units', **values)
    assert check.mark in ('ok', 'warning')
    assert frame.parameters(values)[0].gain == pytest.approx(1.0, abs=0.02)


def test_missing_masks(truth):
    frame = make_frame(truth, masks=())
    assert errors(frame) == {'bad_pixels'}
    mask = get_check(frame, 'bad_pixels').remedy.mask
    assert mask.mask[:, SHAPE[1] // 3].all()
    assert np.count_nonzero(mask.mask & ~truth.hot & ~truth.column) < SHAPE[0] // 4 + 10
    assert errors(frame.replace(masks=(mask,))) == set()
    assert errors(frame.replace(masks=masks_of(truth)[:1])) == {'bad_pixels'}
    assert errors(frame.replace(masks=masks_of(truth)[1:])) == {'bad_pixels'}


@pytest.mark.parametrize(
    ('side', 'box'),
    [('top', np.s_[-8:]), ('bottom', np.s_[:3]), ('left', np.s_[:, :16]), ('right', np.s_[:, -1:])],
)
def test_unexposed_rows_and_columns(truth, side, box):
    def darkened(adu):
        adu[box] = np.random.default_rng(2).normal(0.0, 10.0 / GAIN, adu[box].shape)
        return adu

    frame = make_frame(truth, darkened)
    assert errors(frame) == {'overscan'}
    check = get_check(frame, 'overscan')
    expected = np.zeros(SHAPE, dtype=bool)
    expected[box] = True
    assert side in check.measured
    np.testing.assert_array_equal(check.remedy.mask.mask, expected)
    assert errors(frame.replace(masks=(*frame.masks, check.remedy.mask))) == set()


def test_bias_is_measured_in_the_overscan(truth):
    def raw(adu):
        adu[:, :16] = np.random.default_rng(2).normal(0.0, 10.0 / GAIN, adu[:, :16].shape)
        return adu + 500.0

    check = get_check(make_frame(truth, raw), 'bias')
    assert check.mark == 'error'
    assert 'unexposed edges have a level of 500' in check.measured


def test_a_trimsec_from_before_the_trimming_is_ignored(truth):
    assert errors(make_frame(truth, cards={'TRIMSEC': '[17:512,1:512]'})) == set()


def test_nonfinite_pixels(truth):
    def with_nonfinite(adu):
        adu[100:140], adu[:, 300] = np.nan, np.inf
        return adu

    frame = make_frame(truth, with_nonfinite)
    assert errors(frame) == set()
    assert get_check(frame, 'nonfinite').mark == 'warning'
    assert get_check(frame, 'nonfinite').measured == '8 % of the pixels are not finite'


@pytest.mark.parametrize(('rows', 'mark'), [(360, 'warning'), (490, 'error')])
@pytest.mark.parametrize('fill', [np.nan, 0.0])
def test_empty_borders_are_no_error_unless_almost_nothing_is_left(truth, fill, rows, mark):
    def with_border(adu):
        adu[:rows] = fill
        return adu

    frame = as_frame(make_frame(truth, with_border).ccd)  # which masks fill values
    assert get_check(frame, 'nonfinite').mark == mark


@pytest.mark.parametrize(('fwhm', 'mark'), [(1.6, 'error'), (2.3, 'warning'), (2.8, 'ok'), (5.0, 'ok')])
def test_star_fwhm(fwhm, mark):
    frame = make_frame(simulate((1024, 1024), seed=1, fwhm=fwhm, sharp_stars=0))
    found = get_check(frame, 'sampling')
    assert (found.mark, errors(frame) - {'sampling'}) == (mark, set())
    widths = measure_star_fwhm(frame, 11.6, 40000.0)
    assert len(widths) >= 5
    assert np.median(widths) == pytest.approx(fwhm, rel=0.07)
    assert get_check(frame, 'sampling', sepmed=False).mark == 'ok'


def test_fwhm_equals_photutils(truth):
    frame = make_frame(truth)
    stars = find_stars(frame, 11.6, 40000.0)[:MAX_STARS]
    fitted = [fit_fwhm(star, xypos=[(BOX // 2, BOX // 2)], fit_shape=BOX)[0] for star in stars]
    assert len(stars) == MAX_STARS
    np.testing.assert_allclose([fit_star_fwhm(star) for star in stars], fitted, rtol=1e-3)
    spike = np.zeros((BOX, BOX))
    spike[BOX // 2, BOX // 2] = 1000.0
    assert not 0.5 < fit_star_fwhm(spike) < BOX


def test_unknown_saturation_level_does_not_bias_the_fwhm():
    frame = make_frame(simulate((1024, 1024), seed=1, fwhm=1.8))
    brightest = find_stars(frame, 11.6, np.inf)[:MAX_STARS]
    assert np.median([fit_star_fwhm(star) for star in brightest]) > 2.0
    assert np.median(measure_star_fwhm(frame, 11.6, np.inf)) == pytest.approx(1.8, rel=0.07)


def test_noise_on_a_bright_background_is_no_star():
    rows, columns = np.indices((1024, 256))
    pixels = np.where(columns < 100, 0.0, 20000.0)  # in a block that is half dark, all other pixels are above the level
    for row in range(60, 1000, 80):
        pixels += 9000.0 * np.exp(-4.0 * np.log(2.0) * ((columns - 180) ** 2 + (rows - row) ** 2) / 3.0**2)
    frame = Frame(pixels + np.random.default_rng(5).normal(0.0, 100.0, pixels.shape))
    widths = measure_star_fwhm(frame, 100.0, 60000.0)
    assert len(widths) == 12
    np.testing.assert_allclose(widths, np.sqrt(3.0**2 - 0.462), rtol=0.05)  # the fit excludes the width of a pixel


def test_two_of_a_few_stars_may_be_cosmic_rays(truth):
    rows, columns = np.indices((64, 80))
    pixels = np.random.default_rng(5).normal(100.0, 6.5, rows.shape)
    header = {'RDNOISE': 6.5, 'GAIN': 1.0, 'FLATCOR': 'done'}
    for number, fwhm in enumerate((1.5, 1.5, 3.0, 3.0)):
        if number == 3:
            few = Frame(CCDData(pixels.copy(), unit='adu', header=header))
        pixels += 2000.0 * np.exp(-4.0 * np.log(2.0) * ((columns - 12 - 18 * number) ** 2 + (rows - 30) ** 2) / fwhm**2)
    assert get_check(few, 'sampling').measured == 'not measured: fewer than 4 stars'
    check = get_check(Frame(CCDData(pixels, unit='adu', header=header)), 'sampling')
    assert (check.mark, check.measured) == ('ok', 'not measured: no stars of the same width')


def test_every_warning_and_error_states_effect_and_advice(truth):
    def spoil(adu):
        adu[:, :16] = np.random.default_rng(2).normal(0.0, 10.0 / GAIN, adu[:, :16].shape)
        adu[100:140] = np.nan
        return adu

    frames = [make_frame(truth, spoil, masks=()), make_frame(truth, lambda adu: adu - 200.0 / GAIN)]
    frames.append(make_frame(truth, lambda adu: adu + 1000.0))
    frames.append(make_frame(truth, unit='electron'))
    checks = [check for frame in frames for check in check_frame(frame)]
    assert {check.mark for check in checks} == {'ok', 'warning', 'error'}
    for check in checks:
        assert check.measured
        assert bool(check.effect) == bool(check.advice) == (check.mark != 'ok'), check
        assert ';' not in check.measured + check.effect + check.advice  # separates the parts in a line


# real frames


FEDER = {'gain': 1.5, 'readnoise': 10.0}


def test_the_saao_frame(data, saao):
    raw = read_frame(data / 'saao_ste3_a8280271.fits')
    assert errors(raw) == {'bias', 'noise', 'overscan'}
    edges = find_unexposed_edges(raw, 7.3)
    assert edges == {'left': 16, 'right': 8, 'bottom': 0, 'top': 8}
    assert errors(saao) == set()
    assert errors(read_frame(data / 'saao_sci_err_dq_electron.fits')) == set()


def test_the_feder_frame(data):
    path = data / 'feder_kelt16b_S001-R001-C084-r.fit.gz'
    dark = data / 'feder_kelt16b_combined_dark_90.000.fit.gz'
    assert errors(read_frame(path), **FEDER) == {'bias', 'noise'}
    assert 'bad column 93' in get_check(read_frame(path), 'bad_pixels', **FEDER).measured
    bias, flat = (fits.getdata(data / f'feder_kelt16b_combined_{name}.fit.gz') for name in ('bias', 'flat_filter_r'))
    pixels = (fits.getdata(path) - bias - fits.getdata(dark)) / (flat / np.median(flat))
    frame = Frame(CCDData(pixels, unit='adu', header=fits.getheader(path)), masks=(read_dark(dark, 30),))
    assert errors(frame, **FEDER, sigclip=7.0) == set()
    check = get_check(frame, 'noise', **FEDER, sigclip=7.0)  # its scatter implies a read noise of 15
    assert check.mark == 'warning'
    assert check.remedy.params['readnoise'] == pytest.approx(15.0, abs=0.6)
    assert marks(frame, **FEDER | {'readnoise': 15.0})['noise'] == 'ok'


@pytest.mark.parametrize('name', ['decam_c4d_170316_ooi_z_N2.fits', 'decam_c4d_170316_nan.fits'])
def test_the_decam_frame(data, name):
    frame = read_frame(data / name)
    assert errors(frame) == set()
    assert get_check(frame, 'noise').mark == 'ok'
    assert get_check(frame, 'nonfinite').mark == ('warning' if 'nan' in name else 'ok')
    assert float(get_check(frame, 'sampling').measured.split()[1]) == pytest.approx(3.69, abs=0.1)  # FWHM in its header


def test_the_decam_frame_without_its_sky(data):
    frame = read_frame(data / 'decam_c4d_170316_ooi_z_N2.fits')
    off = frame.replace(ccd=CCDData(frame.ccd.data - np.median(frame.ccd.data), unit='adu', header=frame.ccd.header))
    assert errors(off) == {'sky', 'noise'}
    assert get_check(off, 'sky').remedy.params['pssl'] == pytest.approx(np.median(frame.ccd.data), rel=0.05)


def test_the_gmos_spectrum(gmos_path):
    frame = read_frame(gmos_path)
    assert errors(frame, gain=1.933, readnoise=4.24) == set()


def test_the_m51_frame_has_a_bad_row_and_unknown_noise(data):
    frame = read_frame(data / 'm51_devpix_workshop.fits.gz')
    assert errors(frame) == {'noise'}  # hardly any pixels are flagged around that row
    assert 'bad row 109' in get_check(frame, 'bad_pixels').measured
    row = np.median(frame.ccd.data[106:113, :128], axis=1)  # 49 to 55 in its neighbors, 19.5 in that row
    assert row[3] < row.mean() - 20


# measurements


def test_sky_level_and_scatter():
    rng = np.random.default_rng(3)
    frame = Frame(CCDData(rng.normal(300.0, 20.0, SHAPE), unit='electron', header={'RDNOISE': 10.0}))
    sky = measure_sky(frame, frame.parameters()[0])
    assert sky.level == pytest.approx(300.0, abs=0.5)
    assert sky.scatter == pytest.approx(20.0, rel=0.01)
    assert sky.expected == pytest.approx(20.0, rel=0.01)
    assert sky.implied_readnoise == pytest.approx(10.0, rel=0.05)
    assert sky.scale_factor == pytest.approx(1.0, rel=0.02)


def test_isolated_outliers():
    pixels = np.random.default_rng(3).normal(100.0, 5.0, (80, 90))
    pixels[10, 20], pixels[40, 50], pixels[60, 70:72] = 900.0, -900.0, 900.0  # a hot pixel, a negative one, a track
    found = find_outliers(Frame(pixels), 5.0)
    assert (list(found.hot), list(found.negative)) == ([10 * 90 + 20], [40 * 90 + 50])
    mask = InputMask('m', MaskBit.HOT, pixels == 900.0)
    assert find_outliers(Frame(pixels, masks=(mask,)), 5.0).hot.size == 0


@pytest.mark.parametrize('shape', [(64, 128), (65, 130), (61, 67), (200, 70)])
def test_outliers_are_found_in_every_block(shape):
    pixels = np.random.default_rng(3).normal(100.0, 5.0, shape)
    pixels[-40:] += 500.0  # another level, as in the other half of a chip
    places = [(5, 7), (shape[0] - 2, shape[1] - 2), (shape[0] - 3, 30), (20, shape[1] - 2)]
    for place in places:
        pixels[place] += 900.0
    deviant = find_deviant_pixels(Frame(pixels), 5.0)
    ys, xs = np.divmod(deviant.indices, shape[1])
    for place in places:
        assert place in set(zip(ys.tolist(), xs.tolist(), strict=True))
    right, left, above, below = deviant.neighbors
    for side, (j, i) in zip((right, left, above, below), ((0, 1), (0, -1), (1, 0), (-1, 0)), strict=True):
        np.testing.assert_allclose(deviant.height - side, pixels[ys, xs] - pixels[ys + j, xs + i], atol=1e-3)


def test_lines_in_unexposed_edges_are_not_bad_lines():
    pixels = np.random.default_rng(3).normal(100.0, 5.0, (200, 220))
    pixels[:, :8] -= 100.0
    pixels[:, 3] += 40.0
    pixels[:, 30] += 25.0
    found = find_outliers(Frame(pixels), 5.0)
    assert (list(found.columns), found.rows, found.edges) == ([30], {}, {'left': 8})


def test_only_narrow_bad_lines_are_found():
    pixels = np.random.default_rng(3).normal(100.0, 5.0, (200, 220))
    pixels[:, 30] += 25.0
    pixels[100:200, 60] -= 100.0
    pixels[150, :] += 50.0
    pixels[:, 120:126] += 50.0  # as wide as a spectral line
    columns, rows = find_bad_lines(Frame(pixels), 5.0)
    assert (list(columns), list(rows)) == ([30, 60], [150])
    assert columns[30] == pytest.approx(5.0, abs=0.5)


def test_of_pixels_far_below_zero_only_the_level_is_corrected():
    rng = np.random.default_rng(1)
    pixels = rng.poisson(200.0, (200, 220)) + rng.normal(0.0, 5.0, (200, 220)) - 32768.0
    frame = Frame(CCDData(pixels, unit='electron', header=fits.Header({'RDNOISE': 5.0})))
    remedies = [check.remedy.params for check in check_frame(frame) if check.remedy]
    assert remedies == [{'pssl': pytest.approx(32768.0, abs=20.0)}]


def test_a_gain_applied_twice_is_recognized_despite_faint_stars():
    rng = np.random.default_rng(1)
    electrons = rng.poisson(200.0, (200, 220)) + rng.normal(0.0, np.sqrt(25.0 + 17.0), (200, 220))
    frame = Frame(CCDData(electrons, unit='adu', header=fits.Header({'GAIN': 2.0, 'RDNOISE': 5.0})))
    assert [check.remedy.params for check in check_frame(frame) if check.remedy] == [{'gain': 1.0}]


@pytest.mark.parametrize('seed', range(2, 8))
def test_bright_stars_with_wings_are_no_bad_lines(seed):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:300, :200].astype(float)
    light = np.full(y.shape, 5.0)
    for _ in range(25):
        distance = (y - rng.uniform(0, 300)) ** 2 + (x - rng.uniform(0, 200)) ** 2
        light += np.exp(rng.uniform(6, 11)) * (1 + distance / 28.0) ** -2.5
    frame = Frame(rng.poisson(light) + rng.normal(0, 3, y.shape))
    assert find_bad_lines(frame, frame.evidence.scatter) == ({}, {})


def test_header_keywords():
    header = fits.Header({'CALSTAT': 'BDF', 'TRIMSEC': '[ 3: 100, 1:50]'})
    assert (calibration_keyword(header, 'flat'), calibration_keyword(fits.Header({'FLATCOR': 'OMIT'}), 'flat')) == (
        'CALSTAT',
        '',
    )
    outside = outside_trimsec(header, (50, 104))
    assert outside.sum() == 50 * 6
    assert not outside[:, 2:100].any()
    assert outside_trimsec(header, (50, 90)) is None


@pytest.mark.parametrize('shape', [(16, 16), (16, 300), (300, 17)])
@pytest.mark.parametrize('value', [0.0, 100.0])
def test_any_frame_can_be_checked(shape, value):
    assert [check.name for check in check_frame(Frame(np.full(shape, value)))] == NAMES
    pixels = np.full(shape, np.nan)
    pixels[3, 3] = value
    assert [check.name for check in check_frame(Frame(pixels))] == NAMES


def test_the_frame_is_not_changed(truth):
    frame = make_frame(truth)
    before = frame.ccd.data.copy(), frame.bits.copy()
    check_frame(frame)
    np.testing.assert_array_equal(frame.ccd.data, before[0])
    np.testing.assert_array_equal(frame.bits, before[1])


# results


def result_checks(frame, **values):
    detection = detect(frame, frame.parameters(values)[0])
    return {check.name: check for check in check_result(frame, detection, segment(frame, detection))}


def test_a_plausible_result(truth):
    found = result_checks(make_frame(truth))
    assert list(found) == ['share', 'stars', 'rate']
    assert (found['share'].mark, found['rate'].mark) == ('ok', 'ok')


def test_a_result_without_the_sky_is_not_plausible(data):
    frame = read_frame(data / 'decam_c4d_170316_ooi_z_N2.fits')
    off = frame.replace(ccd=CCDData(frame.ccd.data - np.median(frame.ccd.data), unit='adu', header=frame.ccd.header))
    share = result_checks(off)['share']
    assert share.mark == 'error'
    assert float(share.measured.split()[0]) > 50.0


def test_flagged_stars_are_an_error():
    found = result_checks(make_frame(simulate(SHAPE, seed=1, fwhm=1.6)))['stars']
    assert found.mark == 'error'
    assert found.remedy.params == {'sepmed': False}


@pytest.mark.parametrize(
    ('size', 'seconds', 'mark'), [(9.0, 90.0, 'warning'), (15.0, 600.0, 'ok'), (15.0, 1e6, 'warning')]
)
def test_number_of_segments_against_the_muon_rate(truth, size, seconds, mark):
    found = result_checks(make_frame(truth, cards={'XPIXSZ': size, 'EXPTIME': seconds}))['rate']
    assert found.mark == mark
    assert 'expected' in found.measured


def test_a_detection_that_is_needed_otherwise_is_used(truth):
    frame = make_frame(truth, masks=())
    params, _ = frame.parameters()
    found = []

    def detection():
        found.append(detect(frame, params))
        return found[-1]

    checks = check_frame(frame, params, detection)
    assert len(found) == 1
    assert [check.measured for check in checks] == [check.measured for check in check_frame(frame, params)]
