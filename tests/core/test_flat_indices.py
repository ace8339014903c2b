"""Sorted lists of pixels."""

import numpy as np
import pytest
from scipy import ndimage

from ginga_crplugin.core.flat_indices import connected_labels


@pytest.mark.parametrize('density', [0.0, 0.02, 0.1, 0.3, 0.45, 0.7, 1.0])
def test_labels_are_those_of_scipy(density):
    rng = np.random.default_rng(round(100 * density))
    for shape in ((1, 1), (1, 30), (30, 1), (17, 40), (60, 3), (200, 200)):
        mask = rng.random(shape) < density
        expected, _ = ndimage.label(mask, np.ones((3, 3)))
        labels = connected_labels(np.flatnonzero(mask), shape[1])
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(labels, expected[mask])


def test_label_of_a_long_thin_segment():
    mask = np.zeros((101, 101), bool)
    mask[::2] = True
    mask[1::4, -1] = mask[3::4, 0] = True  # one line from the first row to the last
    mask[50, 50] = False
    expected, _ = ndimage.label(mask, np.ones((3, 3)))
    labels = connected_labels(np.flatnonzero(mask), 101)
    assert labels.max() == 2
    np.testing.assert_array_equal(labels, expected[mask])
