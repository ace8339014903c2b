"""Medians and standard deviations against NumPy and Astropy."""

import warnings

import numpy as np
import pytest
from astropy.stats import mad_std
from numpy.testing import assert_allclose, assert_array_equal

from ginga_crplugin.core.stats import has_distinct, median, nanmad_std, nanmedian, subsample, subsample_others


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.parametrize('shape', [(40, 9), (40, 10), (4, 5, 1), (3, 2), (6, 1001), (5, 1024), (3001,), (2, 9000)])
@pytest.mark.parametrize('share', [0.0, 0.3, 1.0])
def test_nanmedian_and_nanmad_std(dtype, shape, share):
    rng = np.random.default_rng(1)
    values = rng.normal(100.0, 9.0, shape).astype(dtype)
    values[rng.random(shape) < share] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)  # rows of NaN only
        expected = np.nanmedian(values, axis=-1)
        scatter = mad_std(values, axis=-1, ignore_nan=True)
    assert_array_equal(nanmedian(values), expected, strict=True)
    assert_allclose(nanmad_std(values), scatter, rtol=1e-5)


@pytest.mark.parametrize('dtype', [np.float32, np.float64, np.uint16])
@pytest.mark.parametrize('size', [1, 2, 3, 1000, 1001])
def test_median(dtype, size):
    values = np.random.default_rng(2).normal(100.0, 9.0, size).astype(dtype)
    assert median(values) == np.median(values)


@pytest.mark.parametrize('shape', [(1000, 1000), (2000, 1024), (600, 997), (400_000,), (30, 20)])
def test_a_subsample_has_values_of_all_columns(shape):
    columns = np.broadcast_to(np.arange(shape[-1]), shape)
    sample = subsample(columns, 5_000)
    assert 5_000 <= sample.size <= 10_000 or sample.size == columns.size
    assert np.unique(sample).size >= min(shape[-1], 5_000)


@pytest.mark.parametrize('share', [0.0, 0.01, 0.6, 1.0])
@pytest.mark.parametrize('count', [7, 500, 100_000])
def test_a_subsample_of_others_equals_that_of_a_copy(share, count):
    rng = np.random.default_rng(3)
    values, excluded = rng.random((200, 301)), rng.random((200, 301)) < share
    assert_array_equal(subsample_others(values, excluded, count), subsample(values[~excluded], count), strict=True)


def test_has_distinct():
    values = np.zeros(5_000)
    values[-3:] = [1, 2, 3]
    assert has_distinct(values, 4)
    assert not has_distinct(values, 5)
    assert not has_distinct(values[:0], 1)
