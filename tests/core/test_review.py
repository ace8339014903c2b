from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import ndimage

from ginga_crplugin import Frame, LACosmicParams, MaskBit
from ginga_crplugin.core.lacosmic.detection import Detection
from ginga_crplugin.core.review import Review, stroke_pixels
from ginga_crplugin.core.segments import segment

SHAPE = (24, 30)


def segments_of(mask):
    """Return the segments of a mask."""
    pixels = np.zeros(SHAPE, np.float32)
    return segment(
        Frame(pixels), Detection.from_images(LACosmicParams(), mask, pixels, ~mask, (int(mask.sum()),), 'test')
    )


def boxes(*slices):
    mask = np.zeros(SHAPE, bool)
    for rows, columns in slices:
        mask[rows, columns] = True
    return mask


TRACK, SPOT = (slice(3, 4), slice(3, 9)), (slice(12, 14), slice(20, 22))


@pytest.fixture
def segments():
    return segments_of(boxes(TRACK, SPOT))


@pytest.fixture
def review():
    return Review(SHAPE)


def test_without_decisions_the_mask_is_what_was_detected(review, segments):
    decisions = review.decisions(segments)
    assert_array_equal(decisions.mask, boxes(TRACK, SPOT))
    assert (len(decisions.rejected), len(decisions.rejected_labels), len(decisions.marked), decisions.pending) == (
        0,
        0,
        0,
        0,
    )


def test_a_segment_is_rejected_and_kept_again(review, segments):
    review.reject(segments.pixels_of(1))
    decisions = review.decisions(segments)
    assert_array_equal(decisions.mask, boxes(SPOT))
    assert_array_equal(decisions.rejected_labels, [1])
    assert_array_equal(decisions.rejected, segments.pixels_of(1))
    review.keep(segments.pixels_of(1))
    assert_array_equal(review.decisions(segments).mask, boxes(TRACK, SPOT))


def test_erased_and_marked_pixels(review, segments):
    review.erase([3 * 30 + 3, 20 * 30 + 5])
    review.mark([20 * 30 + 5, 20 * 30 + 6])
    expected = boxes(TRACK, SPOT)
    expected[3, 3] = False
    expected[20, 5:7] = True
    decisions = review.decisions(segments)
    assert_array_equal(decisions.mask, expected)
    assert_array_equal(decisions.marked, [20 * 30 + 5, 20 * 30 + 6])
    assert len(decisions.rejected_labels) == 0


def test_a_rejected_segment_remains_rejected_if_detected_larger(review, segments):
    review.reject(segments.pixels_of(1))
    larger = boxes((slice(3, 4), slice(2, 11)), SPOT)
    assert_array_equal(review.decisions(segments_of(larger)).mask, boxes(SPOT))


def test_a_segment_with_a_minority_of_rejected_pixels_is_not_rejected(review, segments):
    review.reject(segments.pixels_of(2))
    swallowed = boxes((slice(8, 16), slice(18, 24)))
    assert_array_equal(review.decisions(segments_of(swallowed)).mask, swallowed)


def test_erasing_most_of_a_segment_keeps_the_other_pixels(review, segments):
    review.erase(segments.pixels_of(1)[:5])
    assert_array_equal(review.decisions(segments).mask, boxes((slice(3, 4), slice(8, 9)), SPOT))


def test_erasing_in_a_rejected_segment_does_not_restore_it(review, segments):
    review.reject(segments.pixels_of(1))
    review.erase(segments.pixels_of(1)[:4])
    decisions = review.decisions(segments)
    assert_array_equal(decisions.mask, boxes(SPOT))
    assert_array_equal(decisions.rejected_labels, [1])


def test_a_segment_of_which_every_pixel_is_erased_is_rejected(review, segments):
    review.erase(segments.pixels_of(2))
    assert_array_equal(review.decisions(segments).rejected_labels, [2])


def test_growing_does_not_restore_rejected_or_erased_pixels(review, segments):
    review.reject(segments.pixels_of(1))
    neighbor = int(segments.pixels_of(2)[0]) - 1
    review.erase([neighbor])
    mask = review.decisions(segments, 3).mask.ravel()
    assert not mask[[*segments.pixels_of(1), neighbor]].any()


def test_the_plane_has_causes_and_decisions(review, segments):
    bits = np.zeros(SHAPE, np.int16)
    bits[12, 20] = MaskBit.HOT
    review.reject(segments.pixels_of(1))
    review.mark([5])
    decisions = review.decisions(segments)
    plane = decisions.plane(bits)
    assert plane[12, 20] == MaskBit.HOT | MaskBit.CR_DETECTED
    assert plane[0, 5] == MaskBit.CR_MARKED
    assert plane[3, 5] == 0
    assert_array_equal((plane & ~np.int16(MaskBit.HOT)) != 0, decisions.mask)


def test_some_pixels_of_the_plane_are_those_of_the_plane(review, segments):
    spot, other = segments.pixels_of(1), segments.pixels_of(2)
    segments = replace(segments, mission_only=np.sort(np.concatenate([spot, other])))
    bits = np.zeros(SHAPE, np.int16)
    bits.ravel()[segments.mission_only] = MaskBit.CR_MISSION
    review.reject(spot)
    review.mark([5])
    decisions = review.decisions(segments)
    every = np.arange(bits.size).reshape(SHAPE)
    assert_array_equal(decisions.plane_at(every, bits), decisions.plane(bits))


def test_decisions_are_pending_if_the_result_lacks_their_segment(review, segments):
    review.reject(segments.pixels_of(1))
    gone = review.decisions(segments_of(boxes(SPOT)))
    assert (gone.pending, len(gone.rejected_labels)) == (6, 0)
    assert_array_equal(review.decisions(segments).rejected_labels, [1])


edits = st.lists(
    st.tuples(
        st.sampled_from(['reject', 'keep', 'erase', 'mark', 'undo', 'redo']),
        st.lists(st.integers(0, SHAPE[0] * SHAPE[1] - 1), max_size=12),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(edits, st.integers(0, 2**32 - 1))
def test_undo_restores_the_detected_mask_and_redo_the_last(steps, seed):
    segments = segments_of(np.random.default_rng(seed).random(SHAPE) < 0.2)
    review = Review(SHAPE)
    for name, pixels in steps:
        getattr(review, name)(*([] if name in ('undo', 'redo') else [pixels]))
    last = review.decisions(segments).mask
    count = 0
    while review.can_undo:
        review.undo()
        count += 1
    assert_array_equal(review.decisions(segments).mask.ravel().nonzero()[0], segments.pixels)
    for _ in range(count):
        review.redo()
    assert_array_equal(review.decisions(segments).mask, last)


def decided(review):
    """Return the decision on each pixel that has one."""
    return dict(zip(*(array.tolist() for array in review.edited), strict=True))


def test_undo_of_a_thousand_edits():
    rng = np.random.default_rng(7)
    segments = segments_of(rng.random(SHAPE) < 0.2)
    review, masks = Review(SHAPE), []
    for _ in range(1000):
        masks.append(review.decisions(segments).mask)
        pixels = rng.integers(0, SHAPE[0] * SHAPE[1], 6)
        before = decided(review)
        while decided(review) == before:  # an edit without effect can't be undone
            getattr(review, rng.choice(['reject', 'keep', 'erase', 'mark']))(pixels)
            pixels = rng.integers(0, SHAPE[0] * SHAPE[1], 6)
    for mask in reversed(masks):
        review.undo()
        assert_array_equal(review.decisions(segments).mask, mask)
    assert not review.can_undo


def test_a_new_edit_discards_undone_edits(review, segments):
    review.mark([1])
    review.undo()
    review.mark([2])
    assert not review.can_redo


def test_saved_decisions_are_restored(review, segments):
    review.reject(segments.pixels_of(2))
    review.erase([95])
    review.mark([700])
    other = Review(SHAPE)
    other.restore(*review.edited)
    assert_array_equal(other.decisions(segments).mask, review.decisions(segments).mask)
    other.undo()
    assert not other.can_undo  # restore is one edit
    assert_array_equal(other.decisions(segments).pixels, segments.pixels)
    other.redo()
    assert_array_equal(other.decisions(segments).mask, review.decisions(segments).mask)


@pytest.mark.parametrize(('pixels', 'codes'), [([24 * 30], [1]), ([-1], [1]), ([5], [9]), ([5, 6], [1])])
def test_decisions_of_another_frame_are_not_restored(review, pixels, codes):
    with pytest.raises(ValueError, match='does not belong'):
        review.restore(pixels, codes)
    assert not review.can_undo


@pytest.mark.parametrize('grow', [0, 1, 3])
def test_cosmic_rays_are_grown(review, grow):
    corner = (slice(0, 1), slice(28, 30))
    segments = segments_of(boxes(TRACK, SPOT, corner))
    review.reject(segments.pixels_of(segments.labels[3, 3]))
    review.mark([20 * 30 + 5])
    kept = boxes(SPOT, corner, (slice(20, 21), slice(5, 6)))
    expected = ndimage.binary_dilation(kept, np.ones((2 * grow + 1, 2 * grow + 1)))
    decisions = review.decisions(segments, grow)
    assert_array_equal(decisions.mask, expected)
    assert_array_equal(decisions.marked, np.flatnonzero(expected & (segments.labels == 0)))


@pytest.mark.parametrize('width', range(1, 16))
def test_a_stroke_at_one_point_is_a_disk(width):
    y, x = np.indices(SHAPE)
    center = (14.5, 11.5) if width % 2 == 0 else (14.0, 12.0)  # nearest possible center to the mouse
    expected = (y - center[1]) ** 2 + (x - center[0]) ** 2 <= (width / 2) ** 2
    pixels = stroke_pixels([(14.2, 11.8)], width, SHAPE)
    assert_array_equal(pixels, np.flatnonzero(expected))
    for places in np.divmod(pixels, SHAPE[1]):
        assert np.ptp(places) + 1 == width


def test_a_stroke_has_no_gaps_and_is_clipped_to_the_frame():
    pixels = stroke_pixels([(-5, 2), (40, 20)], 1, SHAPE)
    mask = np.zeros(SHAPE, bool)
    mask.ravel()[pixels] = True
    _, count = ndimage.label(mask, np.ones((3, 3)))
    assert count == 1
    assert mask[:, 0].any()
    assert mask[:, -1].any()
    assert_array_equal(stroke_pixels([(2, 5), (6, 5)], 1, SHAPE), 5 * 30 + np.arange(2, 7))


# repairs


def test_a_repair_is_chosen_and_undone(review, segments):
    review.repair(segments.pixels_of(2), 'x')
    decisions = review.decisions(segments)
    assert list(decisions.repairs) == ['', 'x']
    assert_array_equal(decisions.mask, boxes(TRACK, SPOT))
    assert decisions.pending == 0
    assert list(decisions.annotate(segments, 'median').table['repair']) == ['median', 'x']
    review.repair(segments.pixels_of(2), 'y')
    review.undo()
    assert list(review.decisions(segments).repairs) == ['', 'x']
    review.undo()
    assert list(review.decisions(segments).repairs) == ['', '']
    review.redo()
    review.repair(segments.pixels_of(2))
    assert list(review.decisions(segments).repairs) == ['', '']
    assert not len(review.edited[0])


def test_decisions_and_repairs_do_not_disturb_each_other(review, segments):
    pixels = segments.pixels_of(1)
    review.repair(pixels, 'surface')
    review.reject(pixels)
    decisions = review.decisions(segments)
    assert (list(decisions.rejected_labels), list(decisions.repairs)) == ([1], ['surface', ''])
    review.keep(pixels)
    decisions = review.decisions(segments)
    assert (list(decisions.rejected_labels), list(decisions.repairs)) == ([], ['surface', ''])
    review.mark([0])
    review.repair([0], 'x')
    assert 0 in review.decisions(segments).pixels


def test_a_repair_stays_with_most_of_the_pixels(review, segments):
    review.repair(segments.pixels_of(1), 'x')
    smaller = segments_of(boxes((slice(3, 4), slice(3, 6)), (slice(3, 4), slice(8, 14)), SPOT))
    assert list(review.decisions(smaller).repairs) == ['x', '', '']


def test_saved_repairs_are_restored_and_others_refused(review, segments):
    review.repair(segments.pixels_of(1), 'exposure')
    review.reject(segments.pixels_of(1)[:2])
    other = Review(SHAPE)
    other.restore(*review.edited)
    assert_array_equal(other.edited[1], review.edited[1])
    assert list(other.decisions(segments).repairs) == ['exposure', '']
    for code in (4, 15, 16 * 9, 16 * 8 + 1, 255):
        with pytest.raises(ValueError, match='does not belong'):
            other.restore([3], [code])


def test_there_is_no_other_repair(review):
    with pytest.raises(ValueError, match="repair is 'z'"):
        review.repair([3], 'z')
