"""Checks of frames with cosmic rays and defects: cosmic rays are no defects, and no remedy masks them."""

import numpy as np
import pytest

from ginga_crplugin.core.diagnostics.frame_checks import check_frame
from ginga_crplugin.core.diagnostics.header_history import calibration_keyword
from tests.star_fields import star_field


def check_of(frame, name, **values):
    return next(check for check in check_frame(frame, frame.parameters(values)[0]) if check.name == name)


# widths of stars


@pytest.mark.parametrize('rays', [25, 100])
@pytest.mark.parametrize('fwhm', [8.0, 4.3])
@pytest.mark.parametrize('stars', [8, 120])
def test_wide_stars_are_not_narrow_for_cosmic_rays(fwhm, rays, stars):
    for seed in (1, 2, 3):
        check = check_of(star_field(seed, fwhm=fwhm, rays=rays, stars=stars).frame, 'sampling')
        assert check.mark == 'ok', check.measured
        if check.measured.startswith('FWHM'):
            assert float(check.measured.split()[1]) == pytest.approx(fwhm, rel=0.1)


@pytest.mark.parametrize('diffusion', [0.25, 0.4, 0.6])
def test_cosmic_rays_alone_are_no_stars(diffusion):
    field = star_field(4, shape=(1024, 1024), stars=0, rays=400, diffusion=diffusion)
    assert check_of(field.frame, 'sampling').measured.startswith('not measured')


@pytest.mark.parametrize('rays', [0, 25, 100])
@pytest.mark.parametrize('fwhm', [1.4, 1.8])
def test_narrow_stars_are_narrow(fwhm, rays):
    for seed in (1, 2, 3):
        check = check_of(star_field(seed, fwhm=fwhm, rays=rays).frame, 'sampling')
        assert check.mark == 'error'
        assert float(check.measured.split()[1]) == pytest.approx(fwhm, abs=0.15)


# columns, bands and pixels


def along_column(adu, length=0.45, height=600.0):
    adu[20 : 20 + int(length * len(adu)), 200] += height
    return adu


def test_a_track_along_a_column_is_no_bad_column():
    check = check_of(star_field(4, change=along_column).frame, 'bad_pixels')
    assert 'column' not in check.measured
    assert check.mark == 'ok'


def test_a_bad_column_costs_false_pixels():
    def spoil(adu):
        adu[:, 200] += 1000.0 * (np.arange(len(adu)) % 7 < 4)  # not constant: its pixels are flagged
        return adu

    check = check_of(star_field(4, change=spoil).frame, 'bad_pixels')
    assert check.mark == 'error'
    assert 'bad column 200' in check.measured
    assert 'pixels flagged around them' in check.effect


def test_a_column_that_costs_nothing_is_no_error():
    def spoil(adu):
        adu[:, 200] -= 40.0
        return adu

    check = check_of(star_field(4, change=spoil).frame, 'bad_pixels')
    assert check.mark == 'warning'
    assert 'bad column 200' in check.measured


@pytest.mark.parametrize('level', [0.0, 20.0])
@pytest.mark.parametrize('axis', ['columns', 'rows'])
def test_a_dead_band(axis, level):
    def spoil(adu):
        band = np.s_[:, 100:350] if axis == 'columns' else np.s_[100:350]
        adu[band] = np.random.default_rng(1).normal(level, 3.0, adu[band].shape)
        return adu

    check = check_of(star_field(5, change=spoil).frame, 'bad_pixels')
    assert f'dead {axis} 100 to 349' in check.measured
    mask = check.remedy.mask.mask
    assert (mask if axis == 'columns' else mask.T)[:, 100:350].all()


def test_single_bright_pixels_are_never_an_error_and_never_masked():
    def spoil(adu):
        adu.ravel()[np.random.default_rng(3).choice(adu.size, 400, replace=False)] += 3000.0
        return adu

    check = check_of(star_field(5, change=spoil).frame, 'bad_pixels')
    assert check.mark == 'warning'
    assert check.remedy is None
    assert '--dark' in check.advice


# sections


def with_overscan(adu):
    adu[:, -24:] = np.random.default_rng(2).normal(0.0, 5.0, adu[:, -24:].shape)
    adu[:, :40] -= 150.0  # vignetted
    return adu


@pytest.mark.parametrize('keyword', ['BIASSEC', 'BSEC1', 'BSECA', 'BIASSEC1'])
def test_the_overscan_is_where_the_header_says(keyword):
    frame = star_field(6, cards={keyword: '[489:512,1:512]'}, change=with_overscan).frame
    check = check_of(frame, 'overscan')
    assert check.measured == f'unexposed edges: 24 px right ({keyword})'
    mask = check.remedy.mask.mask
    assert mask[:, -24:].all()
    assert not mask[:, :-24].any()


def test_an_exposed_overscan_section_is_ignored():
    frame = star_field(6, cards={'BIASSEC': '[1:16,1:512]'}).frame
    assert check_of(frame, 'overscan').measured == 'no unexposed edges'


# header


@pytest.mark.parametrize('value', ['PERFORM', 'perform', 'N', 'N/A', 'FAILED', 'PENDING', False])
def test_a_step_that_was_not_done(value):
    assert calibration_keyword({'FLATCORR': value}, 'flat') == ''
    assert calibration_keyword({'FLATCORR': 'COMPLETE'}, 'flat') == 'FLATCORR'


@pytest.mark.parametrize('keyword', ['AVSKY', 'SKY', 'SKYLEVEL'])
def test_the_subtracted_sky_of_the_header(keyword):
    frame = star_field(7, cards={keyword: 203.5}, change=lambda adu: adu - 203.5).frame
    check = check_of(frame, 'sky')
    assert check.remedy.params == {'pssl': 203.5}
    assert f'{keyword} = 203.5' in check.advice


def test_a_sky_of_the_header_that_the_noise_contradicts():
    frame = star_field(7, cards={'AVSKY': 2000.0}, change=lambda adu: adu - 200.0).frame
    assert check_of(frame, 'sky').remedy.params['pssl'] == pytest.approx(200.0, rel=0.1)
