from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from photutils.segmentation import detect_sources
from scipy import ndimage

from ginga_crplugin import Detection, Frame, LACosmicParams, detect, segment

SHAPE = (20, 30)
TRACK = [(4, 5), (5, 6), (6, 7), (6, 8)]  # touching at corners
SPOT = [(15, 20)]
PAIR = [(0, 29), (1, 29)]


def scene(*groups, height=100.0, gain=2.0):
    """Return a constant frame with groups of brighter pixels, all flagged and cleaned to the constant."""
    pixels, crmask = np.full(SHAPE, 50.0), np.zeros(SHAPE, dtype=bool)
    for number, group in enumerate(groups, start=1):
        for place in group:
            pixels[place] += number * height
            crmask[place] = True
    cleaned = np.where(crmask, 50.0, pixels)
    params, searched = LACosmicParams(gain=gain), np.ones(SHAPE, dtype=bool)
    return Frame(pixels), Detection.from_images(params, crmask, cleaned, searched, (int(crmask.sum()),), 'test')


def test_pixels_that_touch_at_a_corner_are_connected():
    segments = segment(*scene(TRACK, SPOT))
    assert len(segments) == 2
    assert len({int(segments.labels[place]) for place in TRACK}) == 1
    assert segments.labels.dtype == np.int32


def test_labels_equal_those_of_scipy_on_a_real_frame(saao):
    found = detect(saao)
    segments = segment(saao, found)
    labels, count = ndimage.label(found.crmask, structure=np.ones((3, 3)))
    assert_array_equal(segments.labels, labels)
    assert_array_equal(segments.table['label'], np.arange(1, count + 1))
    assert_array_equal(segments.table['area'].value, np.bincount(labels.ravel())[1:])
    centers = ndimage.center_of_mass(found.crmask, labels, np.arange(1, count + 1))
    centroids = np.transpose([segments.table['y_centroid'].value, segments.table['x_centroid'].value])
    assert_allclose(centroids, centers, atol=1e-9)


def test_flux_and_peak_are_electrons_above_the_cleaned_frame(saao):
    found = detect(saao)
    segments = segment(saao, found)
    excess = (saao.ccd.data - found.cleaned.astype(float)) * found.params.gain
    index = segments.table['label']
    assert_allclose(segments.table['flux'].value, ndimage.sum_labels(excess, segments.labels, index))
    assert_allclose(segments.table['peak'].value, ndimage.maximum(excess, segments.labels, index))


def test_measurements_of_a_known_scene():
    row = segment(*scene(TRACK)).table[0]
    assert (row['x_centroid'], row['y_centroid']) == (6.5 * u.pix, 5.25 * u.pix)
    assert (row['area'], row['peak'], row['flux']) == (4 * u.pix, 200 * u.electron, 800 * u.electron)
    assert_allclose(row['length'].value, np.hypot(3, 2) + 1)


def test_the_length_of_one_pixel_is_one():
    assert segment(*scene(SPOT)).table['length'][0] == 1 * u.pix


def test_small_segments_are_in_the_table_but_not_listed():
    segments = segment(*scene(TRACK, SPOT, PAIR))
    assert sorted(segments.table['area'].value) == [1, 2, 4]
    assert list(segments.listed['area'].value) == [4]
    assert (segments.labels > 0).sum() == 7


@pytest.mark.parametrize(('min_size', 'listed'), [(1, 3), (2, 2), (3, 1), (5, 0)])
def test_min_size_sets_the_listed_segments(min_size, listed):
    assert len(segment(*scene(TRACK, SPOT, PAIR), min_size).listed) == listed


@pytest.mark.parametrize('min_size', [0, -1, 2.5])
def test_an_invalid_min_size_raises(min_size):
    with pytest.raises(ValueError, match=f'min_size is {min_size}: it must be a whole number of 1 or more'):
        segment(*scene(TRACK), min_size)


def test_crmask_replaces_the_detected_mask():
    frame, detection = scene(TRACK, SPOT)
    crmask = detection.crmask.copy()
    crmask[15, 20] = False
    crmask[5, 7] = True
    segments = segment(frame, detection, crmask=crmask)
    assert_array_equal(segments.labels > 0, crmask)
    assert list(segments.table['area'].value) == [5]


def test_an_empty_mask_has_an_empty_table_with_the_same_columns():
    empty, full = segment(*scene()), segment(*scene(TRACK))
    assert (len(empty), len(empty.listed)) == (0, 0)
    assert_array_equal(empty.labels, np.zeros(SHAPE, dtype=np.int32), strict=True)
    for name in full.table.colnames:
        assert (empty.table[name].dtype, empty.table[name].unit) == (full.table[name].dtype, full.table[name].unit)


def test_nonfinite_pixels_do_not_affect_the_flux():
    frame, detection = scene(TRACK)
    pixels = frame.ccd.data.copy()
    pixels[0, 0], pixels[5, 5] = np.nan, np.inf
    detection = replace(detection, image=pixels)
    crmask = detection.crmask.copy()
    crmask[5, 5] = True  # marked by hand
    row = segment(Frame(pixels), detection, crmask=crmask).table[0]
    assert (row['area'], row['flux']) == (5 * u.pix, 800 * u.electron)


def test_segment_does_not_change_its_input():
    frame, detection = scene(TRACK, PAIR)
    for array in (frame.ccd.data, detection.image, detection.indices, detection.values):
        array.flags.writeable = False
    assert len(segment(frame, detection)) == 2


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.tuples(st.integers(16, 40), st.integers(16, 40)), st.floats(0.0, 0.6))
def test_labels_equal_those_of_photutils(seed, shape, share):
    crmask = np.random.default_rng(seed).random(shape) < share
    pixels = np.full(shape, 50.0)
    found = Detection.from_images(LACosmicParams(), crmask, pixels, ~crmask, (int(crmask.sum()),), 'test')
    segments = segment(Frame(pixels), found)
    if not crmask.any():
        assert len(segments) == 0
        return
    expected = detect_sources(crmask, 0.5, n_pixels=1, connectivity=8)
    assert_array_equal(segments.labels, expected.data)
    assert_array_equal(segments.table['area'].value, expected.areas)
    assert_array_equal(segments.image.data, expected.data)
    boxes = [[box.ixmin, box.iymin, box.ixmax - 1, box.iymax - 1] for box in expected.bbox]
    names = ('bbox_xmin', 'bbox_ymin', 'bbox_xmax', 'bbox_ymax')
    assert_array_equal(np.transpose([segments.table[name].value for name in names]), boxes)


def test_label_at(saao):
    segments = segment(saao, detect(saao))
    for y, x in [(0, 0), (511, 511), *np.argwhere(segments.labels > 0)[:9]]:
        assert segments.label_at(x, y) == (segments.labels[y, x] or None)
    assert segments.label_at(-1, 5) is None
    assert segments.label_at(5, 512) is None
