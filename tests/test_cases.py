"""Tests of the frames of the cases."""

import numpy as np

from tests.cases import case, false_pixels, rays_found


def test_counts():
    truth = np.zeros((20, 20), dtype=bool)
    truth[5, 5] = truth[6, 6] = truth[15, 15] = True
    found = np.zeros_like(truth)
    found[6, 6] = found[7, 8] = found[12, 12] = True
    assert rays_found(found, truth) == (1, 2)
    assert false_pixels(found, truth) == 1  # (7, 8) is 2 pixels from (6, 6), (12, 12) is 3 from (15, 15)


def test_case():
    frame, truth = case('border_zero')
    assert frame.is_file()
    assert rays_found(np.zeros((512, 512), dtype=bool), truth) == (0, 27)
    assert false_pixels(np.ones((512, 512), dtype=bool), truth) > 200_000
