"""The overlay on a viewer that draws with Pillow: no toolkit at all."""

import logging

import numpy as np
import pytest
from ginga.AstroImage import AstroImage
from ginga.pilw.ImageViewPil import CanvasView
from numpy.testing import assert_array_equal

from ginga_crplugin import Frame, LACosmicParams, detect, segment
from ginga_crplugin.overlay import MARKERS, MaskOverlay

VERMILION, BLUE = (0xD5, 0x5E, 0x00), (0x00, 0x72, 0xB2)


@pytest.fixture
def viewer():
    logger = logging.getLogger('viewer')
    viewer = CanvasView(logger)
    viewer.configure_surface(300, 300)
    viewer.set_image(AstroImage(data_np=np.zeros((300, 300), 'f4'), logger=logger))
    viewer.cut_levels(0, 1)
    viewer.scale_to(1.0, 1.0)
    return viewer


@pytest.fixture
def overlay(viewer):
    overlay = MaskOverlay(viewer, opacity=1.0)
    overlay.show()
    return overlay


def drawn(viewer, color):
    """Where the picture has this colour, as an image with y upwards."""
    viewer.redraw_now(whence=0)
    picture = np.asarray(viewer.get_image_as_array())[..., :3].astype(int)
    return (np.abs(picture - color).max(axis=2) <= 3)[::-1]


def spots(*places, shape=(300, 300)):
    mask = np.zeros(shape, bool)
    for y, x in places:
        mask[y, x] = True
    return mask


def test_pixels_are_drawn_where_they_are(viewer, overlay):
    mask = spots((10, 20), (250, 30), (100, 299))
    overlay.set_mask('cosmic rays', mask)
    assert_array_equal(drawn(viewer, VERMILION), mask)


def test_layers_have_their_colours_and_switches(viewer, overlay):
    overlay.set_mask('input', spots((5, 5)))
    overlay.set_mask('cosmic rays', spots((8, 8)))
    assert_array_equal(drawn(viewer, BLUE), spots((5, 5)))
    overlay.set_visible('input', visible=False)
    assert not drawn(viewer, BLUE).any()
    assert_array_equal(drawn(viewer, VERMILION), spots((8, 8)))


def test_hits_stay_visible_when_zoomed_out(viewer, overlay):
    mask = spots((31, 47))
    overlay.set_mask('cosmic rays', mask)
    for scale in (0.5, 0.3, 0.2):
        viewer.scale_to(scale, scale)
        assert drawn(viewer, VERMILION).any()
    viewer.scale_to(1.0, 1.0)
    assert_array_equal(drawn(viewer, VERMILION), mask)


@pytest.fixture
def hits():
    data = np.random.default_rng(5).poisson(200, (300, 300)).astype('f4')
    for y, x in ((40, 50), (41, 51), (42, 52), (200, 100), (200, 101), (201, 102)):
        data[y, x] += 5000
    frame = Frame(data)
    return segment(frame, detect(frame, LACosmicParams(readnoise=5)))


def test_a_place_on_or_beside_a_segment_is_found(overlay, hits):
    overlay.set_segments(hits.labels, hits.listed)
    label = hits.labels[41, 51]
    assert label > 0
    assert overlay.label_at(51.2, 41.3) == label
    assert overlay.label_at(53, 40) == label
    assert overlay.label_at(150, 150) is None
    assert overlay.label_at(-5, 1e6) is None


def test_the_selected_segment_has_a_white_box(viewer, overlay, hits):
    overlay.set_segments(hits.labels, hits.listed)
    assert not drawn(viewer, (255, 255, 255)).any()
    overlay.select(hits.labels[41, 51])
    white = np.argwhere(drawn(viewer, (255, 255, 255)))
    assert white.min() >= 35
    assert white[:, 0].max() <= 50
    overlay.select(None)
    assert not drawn(viewer, (255, 255, 255)).any()


def test_the_selection_ends_with_its_segments(viewer, overlay, hits):
    overlay.set_segments(hits.labels, hits.listed)
    overlay.select(1)
    overlay.set_segments(hits.labels, hits.listed[:1])
    assert drawn(viewer, (255, 255, 255)).any()
    overlay.set_segments(hits.labels.copy(), hits.listed)
    assert not drawn(viewer, (255, 255, 255)).any()


def test_panning_brings_a_small_segment_near(viewer, overlay):
    overlay.pan_to(200, 100)
    assert viewer.get_pan() == (200, 100)
    assert viewer.get_scale_min() == 4.0


def test_many_segments_draw_few_markers(viewer, overlay, monkeypatch):
    labels = np.arange(300 * 300).reshape(300, 300) % 2
    from ginga_crplugin.core.segment import _table

    n = 5000
    x, y = np.random.default_rng(1).integers(0, 300, (2, n))
    table = _table(np.arange(1, n + 1), x, y, np.full(n, 3), np.arange(n), np.arange(n), np.ones(n), (x, y, x, y))
    overlay.set_segments(labels, table)
    count = 0
    corners = overlay._markers._corners

    def counted(*args):
        nonlocal count
        count += 1
        return corners(*args)

    monkeypatch.setattr(overlay._markers, '_corners', counted)
    viewer.redraw_now(whence=0)
    assert count == MARKERS


def test_clear_and_hide_leave_the_image_bare(viewer, overlay, hits):
    overlay.set_mask('cosmic rays', hits.labels > 0)
    overlay.set_segments(hits.labels, hits.listed)
    overlay.clear()
    assert not drawn(viewer, VERMILION).any()
    overlay.hide()
    assert not overlay.shown
    assert overlay.canvas not in viewer.get_canvas()


def test_the_image_is_not_touched(viewer, overlay, hits):
    overlay.set_mask('cosmic rays', hits.labels > 0)
    assert_array_equal(viewer.get_image().get_data(), np.zeros((300, 300), 'f4'))
