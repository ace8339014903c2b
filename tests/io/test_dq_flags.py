import csv
from importlib.resources import files

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.io.dq_flags import MEANINGS, Flag, FlagTable, find_table, mission_table, to_unsigned
from ginga_crplugin.io.own_masks import parse_dq_bits

INTEGERS = ['u1', 'i1', '>u2', '>i2', 'u4', '>i4', '>u4', 'i8', '>u8']
TABLES = sorted(path.name for path in files('ginga_crplugin.io').joinpath('flag_tables').iterdir())
HST = {'TELESCOP': 'HST', 'INSTRUME': 'WFC3'}


def table_of(*meanings):
    return FlagTable('test', tuple(Flag(1 << n, f'bit {n}', meaning) for n, meaning in enumerate(meanings)))


@pytest.mark.parametrize('name', TABLES)
def test_tables_name_their_source_and_have_one_flag_for_each_bit(name):
    lines = files('ginga_crplugin.io').joinpath('flag_tables', name).read_text().splitlines()
    assert lines[0].startswith('# Source: ')
    rows = list(csv.DictReader(lines[1:]))
    assert [set(row) for row in rows] == [{'value', 'name', 'meaning'}] * len(rows)
    values = [int(row['value']) for row in rows]
    assert all(value.bit_count() == 1 for value in values)
    assert len(set(values)) == len(values) >= 15
    assert {row['meaning'] for row in rows} <= set(MEANINGS)


@pytest.mark.parametrize(
    ('cards', 'cosmic_rays', 'unusable', 'saturated', 'hot'),
    [
        (
            {'TELESCOP': 'HST', 'INSTRUME': 'ACS', 'DETECTOR': 'WFC'},
            4096 + 8192,
            1 + 2 + 4 + 8 + 128 + 512,
            256 + 2048,
            112,
        ),
        (
            {'TELESCOP': 'HST', 'INSTRUME': 'ACS', 'DETECTOR': 'HRC'},
            4096 + 8192,
            1 + 2 + 4 + 8 + 128 + 512,
            256 + 2048,
            112,
        ),
        (HST | {'DETECTOR': 'UVIS'}, 4096 + 8192, 1 + 2 + 4 + 8 + 128 + 512, 256 + 2048, 16 + 64),
        (HST | {'DETECTOR': 'ir '}, 4096 + 8192, 1 + 2 + 4 + 8 + 128 + 512 + 2048, 256, 112),
        ({'TELESCOP': 'HST', 'INSTRUME': 'STIS'}, 8192, 1 + 2 + 4 + 8 + 128 + 512, 256, 16),
        ({'TELESCOP': 'JWST', 'INSTRUME': 'MIRI'}, 4 + 16, 1 + 512 + 1024 + 2**31, 2, 0),
        ({'TELESCOP': 'Roman', 'INSTRUME': 'WFI'}, 4 + 128, 1 + 512 + 1024 + 2**31, 2, 0),
    ],
)
def test_missions_and_instruments_have_their_own_bits(cards, cosmic_rays, unusable, saturated, hot):
    table = find_table(fits.Header(), fits.Header(cards))
    assert [table.bits(meaning) for meaning in MEANINGS][:4] == [cosmic_rays, unusable, saturated, hot]


@pytest.mark.parametrize(
    'cards', [{}, {'TELESCOP': 'VLT'}, {'TELESCOP': 'HST'}, HST, HST | {'DETECTOR': 'X'}, {'TELESCOP': 7}]
)
def test_other_frames_have_no_table(cards):
    assert find_table(fits.Header(), fits.Header(cards)) is None


def test_the_header_of_the_plane_overrides_that_of_the_image():
    found = find_table(fits.Header({'DETECTOR': 'IR'}), fits.Header(HST | {'DETECTOR': 'UVIS'}))
    assert found.name == 'HST WFC3 IR'


@pytest.mark.parametrize('dtype', INTEGERS)
def test_the_highest_bit_of_every_type_is_a_flag(dtype):
    size = 8 * np.dtype(dtype).itemsize
    plane = np.zeros((3, 4), dtype)
    plane.view(plane.dtype.str.replace('i', 'u'))[1, 2] = 1 << (size - 1)
    masks = table_of(*['noted'] * (size - 1), 'cosmic ray').split(plane)
    assert list(masks) == ['cosmic ray']
    assert_array_equal(np.argwhere(masks['cosmic ray']), [[1, 2]])


@pytest.mark.parametrize('dtype', [*INTEGERS, 'f4', '>f8'])
def test_planes_are_split_by_meaning(dtype):
    plane = np.array([[0, 1, 2, 3], [4, 8, 12, 7]], dtype)
    masks = table_of('cosmic ray', 'unusable', 'saturated').split(plane)
    assert_array_equal(masks['cosmic ray'], [[0, 1, 0, 1], [0, 0, 0, 1]])
    assert_array_equal(masks['saturated'], [[0, 0, 0, 0], [1, 0, 1, 1]])
    assert_array_equal(masks['unusable'], [[0, 0, 1, 1], [0, 1, 1, 1]])  # 8 is not in the table
    assert table_of('cosmic ray', 'unusable', 'saturated').unknown(plane) == (8,)


def test_bools_are_bit_one():
    assert_array_equal(table_of('hot').split(np.eye(3, dtype=bool))['hot'], np.eye(3, dtype=bool))


def test_bits_beyond_the_type_of_a_plane_are_ignored():
    assert find_table(fits.Header({'TELESCOP': 'JWST'})).split(np.full((2, 2), 8, 'u1')).keys() == {'noted'}


@pytest.mark.parametrize('value', [0.5, -1.0, np.nan, np.inf, 1e300])
def test_other_numbers_are_no_flags(value):
    with pytest.raises(ValueError, match='its float64 values are not whole numbers'):
        to_unsigned(np.array([[0.0, value]]))


def test_planes_of_rubin_are_named_by_numbers():
    header = fits.Header(
        {
            'MP_BAD': 3,
            'MP_CR': 0,
            'MP_SAT': 31,
            'HIERARCH MP_NO_DATA': 8,
            'HIERARCH MP_DETECTED': 5,
            'MP_X': 99,
            'MP_Y': 'z',
        }
    )
    table = find_table(header)
    assert [table.bits(meaning) for meaning in MEANINGS] == [1, 8 + 256, 2**31, 0, 32]


def test_planes_of_rubin_are_named_by_values():
    header = fits.Header()
    for number, (name, value) in enumerate({'COSMIC_RAY': 2, 'NO_DATA': 1, 'SATURATED': 64, 'DETECTED': 4}.items()):
        header[f'MSKN{number:04}'], header[f'MSKM{number:04}'] = name, value
    header['MSKN0009'], header['MSKM0010'] = 'BAD', 128
    table = find_table(header)
    assert [table.bits(meaning) for meaning in MEANINGS] == [2, 1, 64, 0, 4]


@pytest.mark.parametrize('mission', ['hst', 'jwst', 'roman', 'rubin'])
def test_tables_for_writing_have_cosmic_rays(mission):
    assert mission_table(mission).bits('cosmic ray')


def test_saturated_pixels_are_excluded_and_keep_their_cause():
    assert MEANINGS['saturated'] & MaskBit.before_run()
    assert MEANINGS['saturated'] & MaskBit.SATURATED


@pytest.mark.parametrize(('text', 'bits'), [('any', 'any'), (' None', 'none'), ('4', (4,)), ('256, 1,4', (1, 4, 256))])
def test_choices_of_bits(text, bits):
    assert parse_dq_bits(text) == bits


@pytest.mark.parametrize('text', ['', 'all', '3', '0', '1,,2', '-1', '1.0', str(2**64)])
def test_other_choices_are_refused(text):
    with pytest.raises(ValueError, match='it must be any, none, or powers of two'):
        parse_dq_bits(text)
