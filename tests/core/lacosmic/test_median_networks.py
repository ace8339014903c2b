"""The selection networks against sorting and np.median."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ginga_crplugin.core.lacosmic import median_networks

RNG = np.random.default_rng(2)
TILES = {
    'noise': RNG.normal(size=(40, 60)),
    'few values': RNG.integers(0, 5, (40, 60)),
    'two values': RNG.integers(0, 2, (40, 60)),
    'ramp': np.arange(2400).reshape(40, 60),
    'steps': np.repeat(RNG.normal(size=(40, 6)), 10, axis=1),
}


@pytest.fixture(params=TILES)
def tile(request):
    return TILES[request.param].astype(np.float32)


@pytest.mark.parametrize('size', [5, 7, 9])
@pytest.mark.parametrize('step', [1, 60])
def test_medians_along_a_line(tile, size, step):
    out = np.zeros(tile.size, np.float32)
    getattr(median_networks, f'median{size}')(tile.ravel(), step, out)
    half = size // 2 * step
    shifted = [tile.ravel()[k * step : tile.size - 2 * half + k * step] for k in range(size)]
    assert_array_equal(out[half:-half], np.median(shifted, axis=0).astype(np.float32))


@pytest.mark.parametrize('size', [3, 5, 7])
def test_medians_of_squares(tile, size):
    out, scratch = np.zeros(tile.size, np.float32), np.empty(7 * tile.size, np.float32)
    buffer = () if size == 3 else (scratch,)
    getattr(median_networks, f'median{size}x{size}')(tile.ravel(), tile.shape[1], out, *buffer)
    half = size // 2
    squares = np.lib.stride_tricks.sliding_window_view(tile, (size, size)).reshape(40 - 2 * half, 60 - 2 * half, -1)
    assert_array_equal(out.reshape(tile.shape)[half:-half, half:-half], np.median(squares, axis=2).astype(np.float32))


@pytest.mark.parametrize(('name', 'size'), [('sort3', 3), ('sort5', 5), ('sort6', 6), ('sort7', 7)])
def test_networks_sort_zeros_and_ones_and_therefore_any_values(name, size):
    sort = getattr(median_networks, name)
    for values in product((np.float32(0), np.float32(1)), repeat=size):
        assert sort(*values) == tuple(sorted(values))


@pytest.mark.parametrize('size', [5, 7])
def test_medians_of_all_squares_of_sorted_zeros_and_ones(size):
    """With sorted rows and columns, any square of zeros and ones is one of these, which proves the networks."""
    heights = np.array([c for c in product(range(size + 1), repeat=size) if list(c) == sorted(c)])
    squares = (np.arange(size)[None, :, None] >= size - heights[:, None, :]).astype(np.float32)
    tile = np.concatenate(list(squares), axis=1)
    out, scratch = np.zeros(tile.size, np.float32), np.empty(7 * tile.size, np.float32)
    getattr(median_networks, f'median{size}x{size}')(tile.ravel(), tile.shape[1], out, scratch)
    middle = out.reshape(tile.shape)[size // 2, size // 2 :: size]
    assert_array_equal(middle, np.median(squares.reshape(len(squares), -1), axis=1).astype(np.float32))
