"""The overlay on a viewer that draws with Pillow, without a toolkit."""

import logging

import numpy as np
import pytest
from ginga.AstroImage import AstroImage
from ginga.pilw.ImageViewPil import CanvasView
from numpy.testing import assert_array_equal

from ginga_crplugin import Detection, Frame, LACosmicParams, detect, segment
from ginga_crplugin.panels.mask_overlay import MaskOverlay
from ginga_crplugin.panels.segment_markers import MAX_MARKERS

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
    """Return where the drawn image has a color, with y upwards."""
    viewer.redraw_now(whence=0)
    image = np.asarray(viewer.get_image_as_array())[..., :3].astype(int)
    return (np.abs(image - color).max(axis=2) <= 3)[::-1]


def make_mask(*pixels, shape=(300, 300)):
    mask = np.zeros(shape, bool)
    for y, x in pixels:
        mask[y, x] = True
    return mask


def test_pixels_are_drawn_at_their_positions(viewer, overlay):
    mask = make_mask((10, 20), (250, 30), (100, 299))
    overlay.set_mask('cosmic rays', mask)
    assert_array_equal(drawn(viewer, VERMILION), mask)


def test_layers_have_colors_and_can_be_hidden(viewer, overlay):
    overlay.set_mask('input', make_mask((5, 5)))
    overlay.set_mask('cosmic rays', make_mask((8, 8)))
    assert_array_equal(drawn(viewer, BLUE), make_mask((5, 5)))
    overlay.set_visible('input', visible=False)
    assert not drawn(viewer, BLUE).any()
    assert_array_equal(drawn(viewer, VERMILION), make_mask((8, 8)))


@pytest.mark.parametrize('scale', [0.4, 1.0, 3.7])
@pytest.mark.parametrize('transform', [(False, False, False), (True, False, True)])
@pytest.mark.parametrize('angle', [0.0, 30.0])
def test_update_equals_drawing_everything(viewer, scale, transform, angle):
    rng = np.random.default_rng(3)
    viewer.set_image(AstroImage(data_np=rng.random((300, 300)), logger=viewer.get_logger()))
    viewer.set_redraw_lag(0)
    viewer.scale_to(scale, scale)
    viewer.transform(*transform)
    viewer.rotate(angle)
    overlay = MaskOverlay(viewer, opacity=0.6)
    overlay.show()
    plain = viewer.getwin_array()
    changes = [(overlay.set_mask, layer, rng.random((300, 300)) < 0.1) for layer in ('input', 'cosmic rays', 'input')]
    changes += [(overlay.set_color, 'input', '#123456'), (overlay.set_opacity, 0.3)]
    for change, *values in changes:
        change(*values)
        changed = viewer.getwin_array()
        assert (changed != plain).any()
        viewer.redraw_now(whence=0)
        assert_array_equal(changed, viewer.getwin_array())
    overlay.set_visible('input', visible=False)
    overlay.set_mask('cosmic rays', np.zeros((300, 300), bool))
    assert_array_equal(viewer.getwin_array(), plain)
    overlay.set_visible('input', visible=True)
    viewer.set_pan(20.0, 35.0)
    overlay.clear()
    overlay.hide()
    shown = viewer.getwin_array()
    viewer.redraw_now(whence=0)
    assert_array_equal(shown, viewer.getwin_array())


def test_single_pixels_are_visible_when_zoomed_out(viewer, overlay):
    mask = make_mask((31, 47))
    overlay.set_mask('cosmic rays', mask)
    for scale in (0.5, 0.3, 0.2):
        viewer.scale_to(scale, scale)
        assert drawn(viewer, VERMILION).any()
    viewer.scale_to(1.0, 1.0)
    assert_array_equal(drawn(viewer, VERMILION), mask)


@pytest.mark.parametrize('pan', [(600, 600), (66, 970), (1150, 80), (20, 30), (700, 1190)])
@pytest.mark.parametrize('scale', [2.0, 1.0, 0.53, 0.3])
def test_pixels_are_drawn_at_their_positions_at_any_pan_and_scale(viewer, pan, scale):
    viewer.set_image(AstroImage(data_np=np.zeros((1200, 1200), 'f4'), logger=viewer.get_logger()))
    overlay = MaskOverlay(viewer, opacity=1.0)
    overlay.show()
    x, y = (np.clip(at + np.array([-40, 0, 40]), 3, 1196) for at in pan)
    overlay.set_mask('cosmic rays', make_mask(*zip(y, x, strict=True), shape=(1200, 1200)))
    viewer.scale_to(scale, scale)
    viewer.set_pan(*pan)
    shown = drawn(viewer, VERMILION)[::-1].copy()  # rows from the top, as on the screen
    for column, row in (viewer.get_canvas_xy(*place) for place in zip(x, y, strict=True)):
        if 5 < column < 295 and 5 < row < 295:
            around = np.s_[int(row) - 4 : int(row) + 5, int(column) - 4 : int(column) + 5]
            assert shown[around].any()
            shown[around] = False
    assert not shown[8:-8, 8:-8].any()  # and nowhere else


@pytest.fixture
def hits():
    data = np.random.default_rng(5).poisson(200, (300, 300)).astype('f4')
    for y, x in ((40, 50), (41, 51), (42, 52), (200, 100), (200, 101), (201, 102)):
        data[y, x] += 5000
    frame = Frame(data)
    return segment(frame, detect(frame, LACosmicParams(readnoise=5)))


def test_label_at_a_position_on_or_near_a_segment(overlay, hits):
    overlay.set_segments(hits)
    label = hits.labels[41, 51]
    assert label > 0
    assert overlay.label_at(51.2, 41.3) == label
    assert overlay.label_at(53, 40) == label
    assert overlay.label_at(150, 150) is None
    assert overlay.label_at(-5, 1e6) is None


def test_the_selected_segment_has_a_white_box(viewer, overlay, hits):
    overlay.set_segments(hits)
    assert not drawn(viewer, (255, 255, 255)).any()
    overlay.select(hits.labels[41, 51])
    white = np.argwhere(drawn(viewer, (255, 255, 255)))
    assert white.min() >= 35
    assert white[:, 0].max() <= 50
    overlay.select(None)
    assert not drawn(viewer, (255, 255, 255)).any()


def test_selection_is_set_with_the_segments(viewer, overlay, hits):
    overlay.set_segments(hits)
    overlay.select(hits.labels[200, 100])
    white = drawn(viewer, (255, 255, 255))
    assert white.any()
    upper = hits.labels.copy() > 0
    upper[:100] = False  # the segment has another label now
    frame = Frame(np.zeros((300, 300)))
    found = Detection.from_images(LACosmicParams(), upper, np.zeros((300, 300)), ~upper, (1,), 'test')
    segments = segment(frame, found)
    overlay.set_segments(segments, selected=segments.labels[200, 100])
    assert_array_equal(drawn(viewer, (255, 255, 255)), white)
    overlay.set_segments(segments)
    assert overlay.markers.selected is None
    assert not drawn(viewer, (255, 255, 255)).any()


def test_panning_zooms_in_on_a_small_segment(viewer, overlay):
    overlay.pan_to(200, 100)
    assert viewer.get_pan() == (200, 100)
    assert viewer.get_scale_min() == 8.0
    overlay.pan_back()
    assert viewer.get_scale_min() == 1.0
    assert viewer.get_pan() == (149.5, 149.5)


def test_number_of_markers_is_limited(viewer, overlay, monkeypatch):
    crmask = np.zeros((300, 300), bool)
    crmask[::3, ::3] = True
    pixels = np.zeros(crmask.shape)
    found = Detection.from_images(LACosmicParams(), crmask, pixels, ~crmask, (1,), 'test')
    overlay.set_segments(segment(Frame(pixels), found, 1))
    counts = []
    corners = overlay.markers.get_cpoints

    def counted(viewer, points):
        counts.append(len(points) // 4)
        return corners(viewer, points=points)

    monkeypatch.setattr(overlay.markers, 'get_cpoints', counted)
    viewer.redraw_now(whence=0)
    assert counts == [MAX_MARKERS]


def test_clear_and_hide_remove_everything(viewer, overlay, hits):
    overlay.set_mask('cosmic rays', hits.labels > 0)
    overlay.set_segments(hits)
    overlay.clear()
    assert not drawn(viewer, VERMILION).any()
    overlay.hide()
    assert not overlay.shown
    assert overlay.canvas not in viewer.get_canvas()


def test_image_is_not_changed(viewer, overlay, hits):
    overlay.set_mask('cosmic rays', hits.labels > 0)
    assert_array_equal(viewer.get_image().get_data(), np.zeros((300, 300), 'f4'))
