"""A short version of the comparison with known cosmic rays of `tests.tools.truth`."""

from collections import defaultdict

import pytest

from tests.tools.truth import compare, report
from tests.tools.truth_frames import cases, put_in


@pytest.mark.slow
def test_tuned_parameters_beat_the_defaults_on_rays_that_were_not_seen_before():
    (case,) = cases('simulated 4.0 thick')
    hints = defaultdict(int)
    scores, result = compare(put_in(case, 0), hints)
    defaults, tuned, best = (scores[name] for name in ('defaults', 'tuned', 'best of grid'))
    assert tuned.pixels > defaults.pixels + 3.0
    assert tuned.rays > defaults.rays
    assert tuned.pixels > best.pixels - 3.0
    assert tuned.stars <= defaults.stars
    assert scores['tuned, edges, tails'].pixels > tuned.pixels
    assert abs(100.0 * result.suggested.f1_pixels - tuned.pixels) < 10.0
    assert any('4.0 thick' in line for line in report([(case, scores, result)], hints))


@pytest.mark.slow
def test_nothing_is_suggested_for_a_frame_full_of_hot_pixels():
    (case,) = cases('hot pixels, no dark')
    scores, result = compare(put_in(case, 0), defaultdict(int))
    assert 'cannot be cosmic rays' in result.refused
    assert scores['tuned'] == scores['defaults']
