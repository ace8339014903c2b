"""The number of cosmic rays that a frame can have."""

import pytest

from ginga_crplugin.core.ray_rate import area_and_exposure, describe_impossible, expected_rays

HEADER = {'XPIXSZ': 9.0, 'EXPTIME': 90.0}


def test_area_and_exposure_are_read_from_the_header():
    area, minutes = area_and_exposure(HEADER, (1000, 2000))
    assert (area, minutes) == (pytest.approx(1000 * 2000 * 81e-8), 1.5)
    for size in (0.009, 9e-6):
        assert area_and_exposure({'PIXSIZE': size, 'EXPTIME': 90.0}, (1000, 2000))[0] == pytest.approx(area)
    assert area_and_exposure({'EXPTIME': 90.0}, (9, 9)) is None
    assert expected_rays(HEADER, (1000, 2000)) == pytest.approx(1.5 * area)
    assert expected_rays({}, (9, 9)) is None


@pytest.mark.parametrize(('header', 'count'), [(HEADER, 4000), ({}, 5000)])
def test_impossible_numbers_are_described(header, count):
    assert describe_impossible(header, (1000, 2000), count, count).startswith(f'{count} segments')
    assert describe_impossible(header, (1000, 2000), 100, 1000) == ''
    assert describe_impossible(header, (1000, 2000), 100, 200_000) == '10 % of the pixels are flagged'
