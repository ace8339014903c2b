"""Tests of fill values."""

import numpy as np
import pytest
from astropy.io import fits

from ginga_crplugin import MaskBit, check_frame, detect
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.interpretation import as_frame
from ginga_crplugin.core.no_data import find_fill_values
from ginga_crplugin.io.read import read_frame
from tests.cases import case, false_pixels, rays_found

SHAPE = 300, 260
ROWS, COLUMNS = np.indices(SHAPE)
CORNER = ROWS + 2 * COLUMNS < 150


def sky(seed, level=100.0, scatter=10.0, dtype='f4'):
    values = np.random.default_rng(seed).normal(level, scatter, SHAPE)
    return (np.round(values) if np.dtype(dtype).kind in 'iu' else values).astype(dtype)


@pytest.mark.parametrize(
    ('name', 'text'), [('border_zero', '0'), ('border_999', '-999'), ('border_huge', '-1e+30'), ('border_nan', None)]
)
def test_case(name, text):
    path, truth = case(name)
    frame = read_frame(path)
    if text is not None:
        assert [mask.name for mask in frame.masks] == [f'no data (fill value {text})']
        assert any(f'fill value {text}: masked as no data' in note for note in frame.notes)
        with np.load(truth) as arrays:
            assert np.array_equal(frame.bits & MaskBit.NO_DATA != 0, arrays['nodata'])
    crmask = detect(frame).crmask
    found, count = rays_found(crmask, truth)
    assert found >= 0.9 * count
    assert false_pixels(crmask, truth) <= 30
    checks = {check.name: check for check in check_frame(frame)}
    assert checks['bias'].measured.startswith('level 150 e-')
    assert text is None or f'no data (fill value {text})' in checks['nonfinite'].measured


@pytest.mark.parametrize('dtype', ['f4', 'f8', 'i2', 'i4'])
@pytest.mark.parametrize('value', [0, -999, 7, -32768])
def test_several_regions(value, dtype):
    data = sky(1, dtype=dtype)
    fill = CORNER.copy()
    fill[-20:, 40:200] = fill[150:160, 100:130] = fill[200, 50] = True
    data[fill] = value
    found = find_fill_values(data)
    assert list(found) == [value]
    assert np.array_equal(found[value], fill)


@pytest.mark.parametrize('dtype', ['f4', 'f8', 'i2', 'u2'])
@pytest.mark.parametrize('value', [0, -999])
def test_a_gap_that_does_not_reach_the_edge(value, dtype):
    data = sky(3, level=1000.0, dtype=dtype)
    gap = (np.abs(ROWS - 150) < 6) & (np.abs(COLUMNS - 130) < 100)
    data[gap] = value = np.array(value).astype(dtype)
    found = find_fill_values(data)
    assert list(found) == ([float(value)] if value < 1000 else [])  # what lies above may be saturated
    assert all(np.array_equal(mask, gap) for mask in found.values())


def test_two_values():
    data = sky(2)
    data[CORNER] = 0
    data[:, -30:] = -1e31
    found = find_fill_values(data)
    assert found.keys() == {0.0, float(np.float32(-1e31))}


@pytest.mark.parametrize('level', [0.0, 5.0, 100.0])
def test_fill_at_the_level_of_the_sky(level):
    data = sky(3, level)
    data[CORNER] = level
    assert np.array_equal(find_fill_values(data)[level], CORNER)


@pytest.mark.parametrize('rate', [0.01, 0.1, 0.5, 1.0, 3.0])
def test_faint_integers_are_no_fill(rate):
    rng = np.random.default_rng(4)
    assert find_fill_values(rng.poisson(rate, SHAPE).astype('i4')) == {}
    assert find_fill_values(np.round(rng.normal(0, rate, SHAPE)).astype('i2')) == {}
    data = rng.poisson(rate, SHAPE).astype('i4')
    data[CORNER] = -1000
    assert np.array_equal(find_fill_values(data)[-1000], CORNER)


def test_saturated_columns_are_no_fill():
    data = sky(5, dtype='u2')
    data[:, 100:106] = 65535
    data[:, 50] = 0
    assert find_fill_values(data) == {}


def test_flat_simulated_background_is_no_fill():
    data = np.full(SHAPE, 100.0)
    assert find_fill_values(data) == {}
    data[100, 50:60] = 3000.0
    assert find_fill_values(data) == {}
    for y, x in np.random.default_rng(6).uniform(0, 260, (40, 2)):
        data += 2000.0 * np.exp(-((ROWS - y) ** 2 + (COLUMNS - x) ** 2) / 8.0)
    assert find_fill_values(data.astype('f4')) == {}
    assert find_fill_values(np.round(data).astype('i4')) == {}


@pytest.mark.parametrize('value', [0, 7])
def test_all_constant(value):
    frame = as_frame(np.full((40, 50), value, dtype='i2'))
    assert frame.masks == ()


def test_flags_and_labels_are_no_fill():
    data = np.zeros(SHAPE, dtype='i4')
    data[CORNER] = 3
    data[200:, 100:] = 4
    assert find_fill_values(data) == {}


def test_masked_pixels_are_filled_in_their_dtype():
    data = sky(7, dtype='u2')
    data[CORNER] = 0
    frame = as_frame(data)
    assert frame.filled.dtype == data.dtype
    assert abs(int(frame.filled[0, 0]) - 100) <= 1
    assert np.array_equal(frame.filled[~CORNER], data[~CORNER])
    assert frame.ccd.data[0, 0] == 0


def test_mask_can_be_left_out():
    data = sky(8)
    data[CORNER] = 0
    frame = as_frame(data)
    assert frame.replace(masks=()).masks == ()
    assert Frame(data).masks == ()  # as it is, for the drop-in replacement of ccdproc


def test_levels_have_a_readable_format(tmp_path):
    data = sky(9)
    data[::2] = -9e29
    fits.PrimaryHDU(data).writeto(tmp_path / 'a.fits')
    for check in check_frame(read_frame(tmp_path / 'a.fits')):
        assert len(max(check.measured.split(), key=len)) < 25
