"""A finder of tails that is used again finds what a new one finds."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ginga_crplugin import Frame, InputMask, LACosmicParams, MaskBit, TailFinder, TailOptions, detect, find_tails
from tests.star_fields import star_field

PARAMS = LACosmicParams(gain=1.5, readnoise=8.0)
RNG = np.random.default_rng


def steps(seed):
    """Return parameters and options as of a panel in use: mostly small changes of a threshold."""
    rng, params, options = RNG(seed), PARAMS, TailOptions()
    for _ in range(12):
        name, value = [
            ('sigclip', rng.uniform(3.5, 7.0)),
            ('sigclip', params.sigclip + rng.uniform(-0.2, 0.2)),
            ('sigfrac', rng.uniform(0.1, 0.6)),
            ('satlevel', rng.choice([8000.0, 65535.0])),
            ('readnoise', rng.uniform(7.0, 9.0)),
            ('tails', TailOptions(sigma=rng.uniform(2.0, 5.0), steps=int(rng.integers(1, 9)))),
        ][rng.choice(6, p=[0.3, 0.3, 0.2, 0.1, 0.05, 0.05])]
        if name == 'tails':
            options = value
        else:
            params = replace(params, **{name: value})
        yield params, options


def assert_as_new(finder, frame, detection, options=None):
    tails, expected = finder.find(frame, detection, options), find_tails(frame, detection, options)
    assert_array_equal(tails.indices, expected.indices)
    assert_array_equal(tails.sources, expected.sources)
    assert_array_equal(tails.levels, expected.levels)
    return len(tails.indices)


def images(seed):
    """Return the images that a frame may have besides its pixels."""
    shape, rng = (256, 256), RNG(seed)
    return [
        {},
        {'background': rng.uniform(190.0, 200.0, shape).astype(np.float32)},
        {'variance': rng.uniform(300.0, 400.0, shape).astype(np.float32)},
        {'masks': (InputMask('bad', MaskBit.INPUT, rng.random(shape) > 0.995),)},
    ]


@pytest.mark.parametrize('kind', range(4))
@pytest.mark.parametrize('seed', [1, 2, 3])
def test_after_any_changes(seed, kind):
    data = star_field(seed, (256, 256), stars=30, rays=80).frame.ccd.data
    frame, finder = Frame(data, **images(seed)[kind]), TailFinder()
    found = [assert_as_new(finder, frame, detect(frame, params), options) for params, options in steps(seed)]
    assert min(found[:3]) > 20


def without(detection, pixels):
    """Return a detection in which some pixels are not flagged."""
    kept = ~np.isin(detection.indices, pixels)
    return replace(detection, indices=detection.indices[kept], values=detection.values[kept])


def test_pixels_flagged_beside_a_segment_count():
    frame, finder = star_field(5, (256, 256), rays=80, stars=60).frame, TailFinder()
    detection, rng = detect(frame, PARAMS), RNG(5)
    for _ in range(60):
        assert assert_as_new(finder, frame, without(detection, rng.choice(detection.indices, 4))) > 20


def test_the_values_that_replace_pixels_count():
    """Bright ones are a star, into which nothing grows."""
    frame, finder = star_field(5, (256, 256), rays=80, stars=60).frame, TailFinder()
    detection = detect(frame, PARAMS)
    found = []
    for height in (0.0, 5000.0, 0.0):
        values = detection.values + np.float32(height) * (detection.indices < 128 * 256)
        found.append(assert_as_new(finder, frame, replace(detection, values=values)))
    assert found[0] == found[2] > found[1]


def test_a_segment_that_breaks_far_away_is_another():
    image = RNG(3).normal(200.0, 10.0, (128, 128)).astype(np.float32)
    track = np.zeros(image.shape, bool)
    track[10, 63:81] = track[20, 63:81] = track[10:21, 80] = True
    image[track] += 3000.0
    image[11, 62:66] += 80.0
    frame, finder = Frame(image), TailFinder()
    detection = replace(detect(frame, PARAMS), indices=np.flatnonzero(track), values=np.full(track.sum(), 200.0))
    assert assert_as_new(finder, frame, detection)
    assert assert_as_new(finder, frame, without(detection, [15 * 128 + 80]))  # 16 pixels from the border of the block


@pytest.mark.parametrize(
    'change',
    [{'masks': True}, {'satlevel': 400.0}, {'area': 400.0}, {'readnoise': 12.0}, {'sigma': 2.0}, {'steps': 2}],
)
def test_other_inputs_count(change):
    """The flagged pixels are the same."""
    field, finder = star_field(7, (256, 256), rays=60, stars=60), TailFinder()
    frame = Frame(field.frame.ccd.data)
    detection = detect(frame, replace(PARAMS, satlevel=2500.0))
    before = find_tails(frame, detection)
    assert assert_as_new(finder, frame, detection)
    options = TailOptions(**{name: value for name, value in change.items() if name in ('sigma', 'steps')})
    if 'masks' in change:
        frame = Frame(frame.ccd.data, masks=(InputMask('bad', MaskBit.INPUT, RNG(4).random(frame.shape) > 0.9),))
    elif 'area' in change:  # as the other filter of sepmed may find other saturated stars
        area = detect(frame, replace(PARAMS, satlevel=change['area'])).area
        detection = replace(detection, area=area)
    elif options == TailOptions():
        params = replace(detection.params, **change)
        detection = replace(detection, params=params)
    assert_as_new(finder, frame, detection, options)
    after = find_tails(frame, detection, options)
    assert not (np.array_equal(after.indices, before.indices) and np.array_equal(after.levels, before.levels))


def test_only_groups_near_changes_are_examined_again(monkeypatch):
    from ginga_crplugin.core.lacosmic import tail_kernels

    grow_tails, examined = tail_kernels.grow_tails, []
    monkeypatch.setattr(
        tail_kernels, 'grow_tails', lambda boxes, *rest: examined.append(len(boxes)) or grow_tails(boxes, *rest)
    )
    frame, finder = star_field(5, (512, 512), rays=200).frame, TailFinder()
    detection = detect(frame, PARAMS)
    first = finder.find(frame, detection)
    assert sum(examined) > 100
    examined.clear()
    again = finder.find(frame, detection)
    assert sum(examined) == 0
    assert_array_equal(again.indices, first.indices)
    finder.find(frame, without(detection, detection.indices[:3]))
    assert sum(examined) < 10
