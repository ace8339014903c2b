"""Tails of cosmic rays: what they grow into, what they spare, and that L.A.Cosmic's own pixels stay the same."""

from dataclasses import replace

import numpy as np
import pytest

from ginga_crplugin import (
    Frame,
    InputMask,
    LACosmicParams,
    MaskBit,
    TailOptions,
    Tails,
    detect,
    find_tails,
    merge_mask,
    segment,
    with_tails,
)
from ginga_crplugin.core.review import Review
from tests.star_fields import star_field

PARAMS = LACosmicParams(gain=1.0, readnoise=5.0)
SKY, NOISE = 100.0, np.sqrt(125.0)


def track(y, x, length=14, wing=5.0):
    """Return the sky with a bright track along x, whose neighbors on both sides stand ``wing`` sigma above the sky."""
    image = np.random.default_rng(3).normal(SKY, 0.3 * NOISE, (64, 64))
    image[y, x : x + length] += 3000.0
    for side in (y - 1, y + 1):
        if 0 <= side < 64:
            image[side, x : x + length] += wing * NOISE
    return image.astype(np.float32)


@pytest.fixture
def bare_detection():
    """A detection of the middle row of a track alone."""

    def make(image, row=30, columns=slice(20, 34), **frame_options):
        frame = Frame(image, **frame_options)
        detection = detect(frame, PARAMS)
        mask = np.zeros(image.shape, bool)
        mask[row, columns] = True
        indices = np.flatnonzero(mask)
        return frame, replace(detection, indices=indices, values=np.full(len(indices), SKY, np.float32))

    return make


def grown(frame, detection, options=None):
    mask = np.zeros(frame.shape, bool)
    mask.ravel()[find_tails(frame, detection, options).indices] = True
    return mask


def test_wings_beside_a_track_are_found_and_the_sky_is_not(bare_detection):
    mask = grown(*bare_detection(track(30, 20)))
    assert mask[29, 20:34].all()
    assert mask[31, 20:34].all()
    assert mask.sum() == 28


def test_the_height_is_compared_with_sigma(bare_detection):
    frame, detection = bare_detection(track(30, 20, wing=5.0))
    assert grown(frame, detection, TailOptions(sigma=4.0)).sum() == 28
    assert not grown(frame, detection, TailOptions(sigma=7.0)).any()


def test_growth_ends_after_the_steps(bare_detection):
    image = track(30, 20)
    image[22:30, 26] += 6.0 * NOISE
    for steps in (1, 2, 5):
        mask = grown(*bare_detection(image), TailOptions(steps=steps))
        assert mask[30 - steps : 30, 26].all()
        assert not mask[: 30 - steps].any()


def test_the_faint_end_of_a_track_is_followed_by_default(bare_detection):
    image = track(30, 20)
    image[30, 34:41] = SKY + 6.0 * NOISE
    assert grown(*bare_detection(image))[30, 34:41].all()


def test_nothing_grows_into_masked_or_nonfinite_pixels(bare_detection):
    image = track(30, 20)
    bad = np.zeros(image.shape, bool)
    bad[29, 24:28] = True
    image[31, 22:25] = np.nan
    mask = grown(*bare_detection(image, masks=(InputMask('bad', MaskBit.BAD, bad),)))
    assert not mask[29, 24:28].any()
    assert not mask[31, 22:25].any()
    assert mask[29, 20:24].all()


def test_a_segment_that_touches_saturated_pixels_does_not_grow(bare_detection):
    image = track(30, 20)
    frame, detection = bare_detection(image)
    saturated = replace(detection, params=replace(PARAMS, satlevel=2000.0))
    assert grown(frame, detection).any()
    assert not grown(frame, saturated).any()
    image[29, 34] = 60000.0  # beside the end of the track
    frame, detection = bare_detection(image)
    assert not grown(frame, replace(detection, params=replace(PARAMS, satlevel=50000.0))).any()


def star(image, y, x, peak, fwhm=4.0):
    dy, dx = np.mgrid[: image.shape[0], : image.shape[1]]
    return image + peak * np.exp(-4 * np.log(2) * ((dy - y) ** 2 + (dx - x) ** 2) / fwhm**2).astype(np.float32)


def test_nothing_grows_into_a_star_beside_the_track(bare_detection):
    image = star(track(30, 20), 36, 27, 3000.0)
    mask = grown(*bare_detection(image))
    assert not mask[33:].any()


@pytest.mark.parametrize('fwhm', [1.6, 2.5, 4.0, 8.0])
def test_a_flagged_core_of_a_star_does_not_grow(bare_detection, fwhm):
    image = star(np.full((64, 64), SKY, np.float32), 30, 20, 2000.0, fwhm)
    image += np.random.default_rng(1).normal(0, 3, image.shape).astype(np.float32)
    image[2, 2] += 5000.0  # something for L.A.Cosmic
    assert not grown(*bare_detection(image, columns=slice(20, 21))).any()


def scores(seed, fwhm, stars):
    """Return F1 of pixels in percent and the number of pixels in stars, without and with tails."""
    field = star_field(seed, fwhm=fwhm, stars=stars, diffusion=0.2)
    limit = 3.0 * np.sqrt(364.0)
    rays, light = field.rays > limit, field.light > limit
    detection = detect(field.frame, LACosmicParams(gain=1.5, readnoise=8.0))
    mask = detection.crmask
    for found in (mask, mask | grown(field.frame, detection)):
        f1 = 200.0 * np.count_nonzero(found & rays) / (np.count_nonzero(found) + np.count_nonzero(rays))
        yield f1, np.count_nonzero(found & light & ~rays)


@pytest.mark.parametrize(
    ('seed', 'fwhm', 'stars'),
    [(117, 1.4, 100), (534, 1.4, 500), (2034, 2.0, 2000), (2034, 2.5, 2000), (2034, 6.0, 2000)],
)
def test_flagged_stars_of_undersampled_and_crowded_frames_do_not_grow(seed, fwhm, stars):
    (before, few), (after, many) = scores(seed, fwhm, stars)
    assert after > before - 1.0
    assert many <= 1.05 * few + 5


@pytest.mark.parametrize('fwhm', [3.0, 6.0])
def test_rays_of_well_sampled_frames_grow(fwhm):
    (before, _), (after, _) = scores(117, fwhm, 100)
    assert after > before + 1.5


def test_tails_reach_the_edges_of_the_frame_and_end_there(bare_detection):
    mask = grown(*bare_detection(track(0, 50), row=0, columns=slice(50, 64)))
    assert mask[1, 50:64].all()
    assert mask.sum() == 14


@pytest.mark.parametrize('header', [{}, {'XPIXSZ': 9.0, 'EXPTIME': 60.0}])
def test_nothing_grows_where_the_segments_are_too_many_to_be_rays(header):
    image = track(30, 20)
    image[8:60:6, 8:60:6] += 2000.0
    frame = Frame(image)
    frame.ccd.header.update(header)
    detection = detect(frame, PARAMS)
    tails = find_tails(frame, detection)
    assert not len(tails.indices)
    assert 'segments' in tails.reason


def test_the_result_depends_on_the_arguments_only():
    frame = Frame(track(30, 20))
    detection = detect(frame, PARAMS)
    first = find_tails(frame, detection)
    find_tails(frame, detect(frame, replace(PARAMS, sigclip=8.0)))
    again = find_tails(Frame(track(30, 20)), detect(Frame(track(30, 20)), PARAMS, engine='ccdproc'))
    np.testing.assert_array_equal(first.indices, again.indices)
    np.testing.assert_array_equal(first.levels, again.levels)


def test_background_and_variance_give_the_noise(bare_detection):
    image = track(30, 20)
    frame, detection = bare_detection(image)
    sky = np.full(image.shape, SKY, np.float32)
    plain = grown(frame, detection)
    background = frame.replace(background=sky)
    np.testing.assert_array_equal(grown(background, detection), plain)
    assert grown(frame.replace(variance=sky + 25.0), detection).sum() == plain.sum()
    assert not grown(frame.replace(variance=100.0 * sky), detection).any()


def test_detected_pixels_are_the_same_with_any_options():
    rng = np.random.default_rng(7)
    for seed in range(5):
        image = np.random.default_rng(seed).normal(SKY, NOISE, (64, 64)).astype(np.float32)
        for _ in range(6):
            y, x = rng.integers(4, 58, 2)
            image[y : y + 2, x : x + 5] += rng.uniform(50, 3000)
        frame = Frame(image)
        plain = detect(frame, PARAMS)
        options = TailOptions(sigma=rng.uniform(1.5, 4.0), steps=int(rng.integers(1, 6)))
        tailed = with_tails(frame, plain, options)
        np.testing.assert_array_equal(tailed.crmask, plain.crmask)
        np.testing.assert_array_equal(tailed.cleaned, plain.cleaned)
        plane = merge_mask(frame, tailed)
        np.testing.assert_array_equal(plane & MaskBit.CR_DETECTED != 0, plain.crmask)
        np.testing.assert_array_equal(np.flatnonzero(plane & MaskBit.CR_TAIL), tailed.tails.indices)
        without, with_them = segment(frame, plain), segment(frame, tailed)
        np.testing.assert_array_equal(with_them.pixel_labels[~with_them.in_tail], without.pixel_labels)
        np.testing.assert_array_equal(with_them.table['area'] - with_them.table['tail_area'], without.table['area'])


def test_tails_belong_to_their_segment_and_do_not_join_two(bare_detection):
    image = track(30, 20)
    frame, detection = bare_detection(image)
    apart = np.delete(detection.indices, [6, 7])
    detection = with_tails(frame, replace(detection, indices=apart, values=detection.values[:12]))
    segments = segment(frame, detection)
    assert len(segments) == 2
    assert segments.table['area'].value.sum() == len(detection.flagged)
    assert segments.label_at(21, 29) == 1
    assert segments.label_at(32, 29) == 2
    decisions = Review(frame.shape).decisions(segments)
    np.testing.assert_array_equal(decisions.plane(frame.bits), merge_mask(frame, detection))


def test_rejecting_a_segment_rejects_its_tails_whether_or_not_they_were_shown(bare_detection):
    frame, plain = bare_detection(track(30, 20))
    detection = with_tails(frame, plain)
    segments = segment(frame, detection)
    for pixels in (segments.pixels_of(1), segment(frame, plain).pixels_of(1)):
        review = Review(frame.shape)
        review.reject(pixels)
        assert not len(review.decisions(segments).pixels)
        assert not len(review.decisions(segment(frame, plain)).pixels)
    review = Review(frame.shape)
    review.erase(detection.tails.indices[:3])
    decisions = review.decisions(segments)
    assert not len(decisions.rejected_labels)
    assert len(decisions.tails) == len(detection.tails.indices) - 3
    np.testing.assert_array_equal(decisions.plane(frame.bits), merge_mask(frame, detection, decisions.mask))


def test_invalid_options_are_refused():
    for options in ({'sigma': 0.0}, {'steps': 0}, {'steps': 1.5}, {'sigma': np.nan}):
        with pytest.raises(ValueError, match=r'tail (sigma|steps) is .*: it must be'):
            TailOptions(**options)


def test_disabled_tails_are_empty():
    frame = Frame(track(30, 20))
    tails = find_tails(frame, detect(frame, PARAMS), TailOptions(enabled=False))
    assert isinstance(tails, Tails)
    assert (len(tails.indices), tails.reason) == (0, '')
