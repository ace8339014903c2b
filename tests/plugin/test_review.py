"""Review in Ginga's reference viewer, off screen: decisions by button, key and mouse."""

import gzip
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits
from ginga.AstroImage import AstroImage
from numpy.testing import assert_array_equal

from ginga_crplugin import InputMask, MaskBit, read_mask
from ginga_crplugin.core.diagnostics.hints import HINTS
from ginga_crplugin.core.lacosmic import compilation
from ginga_crplugin.figures.contact_sheet import draw_cutouts
from ginga_crplugin.figures.cutout import mask_image


@pytest.fixture
def plugin(shell, channel, frame_file):
    """Return the plugin with a result."""
    return shell.find(channel, frame_file)


def press(plugin, key):
    event = SimpleNamespace(key=key, viewer=plugin.fitsimage)
    plugin.overlay.canvas.make_callback('key-down-none', event, 0.0, 0.0)


def drag(plugin, *positions):
    """Move the mouse with its button pressed."""
    canvas = plugin.overlay.canvas
    event = SimpleNamespace(viewer=plugin.fitsimage)
    canvas.make_callback('cursor-down', event, *positions[0], plugin.fitsimage)
    for position in positions[1:]:
        canvas.make_callback('cursor-move', event, *position, plugin.fitsimage)
    canvas.make_callback('cursor-up', event, *positions[-1], plugin.fitsimage)


def select(plugin, row):
    plugin.panel.table.view.get_widget().selectRow(row)
    return plugin.panel.table.labels[row]


def decision(plugin, label):
    return next(row['decision'] for row in plugin.panel.table.view.get_rows() if int(row['label']) == label)


def test_buttons_reject_keep_undo_and_redo(shell, plugin):
    mask = plugin.session.result.detection.crmask
    label = select(plugin, 3)
    plugin.panel.reject.get_widget().click()
    expected = mask & (plugin.session.result.segments.labels != label)
    assert_array_equal(plugin.session.review.decisions.mask, expected)
    assert decision(plugin, label) == 'rejected'
    assert '1 rejected' in plugin.panel.counts.get_text()
    plugin.panel.undo.get_widget().click()
    assert_array_equal(plugin.session.review.decisions.mask, mask)
    assert decision(plugin, label) == 'keep'
    plugin.panel.redo.get_widget().click()
    plugin.panel.keep.get_widget().click()
    assert_array_equal(plugin.session.review.decisions.mask, mask)


def selected_row(plugin):
    table = plugin.panel.table
    rows = [table.labels[index.row()] for index in table.view.get_widget().selectionModel().selectedRows()]
    return rows[0] if rows else None


def test_selected_row_stays_selected(shell, plugin):
    label = select(plugin, 3)
    pixels = plugin.session.result.segments.pixels_of([label])
    plugin.panel.params['sigclip'].spin.get_widget().setValue(5.0)
    shell.wait(lambda: not plugin.session.runner.busy)
    shell.settle()
    again = plugin.session.selection
    assert selected_row(plugin) == again
    assert np.isin(plugin.session.result.segments.pixels_of([again]), pixels).any()
    plugin.panel.table.set_filter('keep')
    assert selected_row(plugin) == again
    plugin.panel.reject.get_widget().click()
    assert selected_row(plugin) is None  # it is not listed any more
    plugin.panel.undo.get_widget().click()
    assert selected_row(plugin) == again


def test_hint_and_its_reason_are_shown_below_the_thumbnails(shell, plugin):
    first = plugin.session.result.segments.listed[0]
    mask = np.zeros(plugin.session.frame.shape, bool)
    mask[int(first['bbox_ymax'].value), int(first['bbox_xmax'].value) + 2] = True
    plugin.session.masks.add(lambda: InputMask('next to it', MaskBit.BAD, mask))
    shell.wait(lambda: not (plugin.session.outdated or plugin.session.runner.busy) and plugin.session.masks)
    shell.wait(lambda: 'hint' in plugin.session.result.segments.table.colnames)
    shell.settle()
    label = plugin.panel.thumbnails.hint
    assert label.get_text() == ''
    labels = {str(row['hint']): int(row['label']) for row in plugin.session.result.segments.listed}
    plugin.actions.select(labels['touches a mask'], pan=False)
    text = 'touches a mask: ' + HINTS['touches a mask']
    assert label.get_text().replace('\n', ' ').startswith(f'{text} (peak ')
    plugin.actions.select(labels[''], pan=False)
    assert label.get_text() == 'no sign of another cause'


def test_nothing_is_drawn_before_the_first_result(shell, channel, plugin, tmp_path, saao):
    press(plugin, 'd')
    assert plugin.actions.drawing_tool.mode == 'paint'
    fits.PrimaryHDU(saao.ccd.data[:200, :300]).writeto(tmp_path / 'night2.fits')
    shell.load(channel, tmp_path / 'night2.fits')
    shell.wait(lambda: plugin.session.frame is not None)
    shell.settle()
    assert plugin.actions.drawing_tool.mode == 'off'
    assert plugin.panel.draw.get_index() == 0
    plugin.actions.drawing_tool.mode = 'paint'
    drag(plugin, (50, 50), (60, 50))
    assert not len(plugin.overlay.layers.pixels.get('by hand', ()))


def test_keys(shell, plugin):
    labels = plugin.panel.table.labels
    press(plugin, 'n')
    assert plugin.session.selection == labels[0]
    press(plugin, 'n')
    press(plugin, 'x')
    assert decision(plugin, labels[1]) == 'rejected'
    press(plugin, 'N')
    assert plugin.session.selection == labels[0]
    press(plugin, 'u')
    assert decision(plugin, labels[1]) == 'keep'
    press(plugin, 'U')
    assert decision(plugin, labels[1]) == 'rejected'
    press(plugin, 'n')
    press(plugin, 'k')
    assert decision(plugin, labels[1]) == 'keep'
    press(plugin, 'd')
    assert plugin.panel.draw.get_text() == 'paint'
    press(plugin, 'escape')
    assert plugin.panel.draw.get_text() == 'off'


def test_backspace_restores_the_previous_view(shell, plugin):
    before = plugin.fitsimage.get_pan()
    select(plugin, 5)
    assert plugin.fitsimage.get_pan() != before
    press(plugin, 'backspace')
    assert plugin.fitsimage.get_pan() == pytest.approx(before)


def test_paint_line_and_erase(shell, plugin):
    mask = plugin.session.result.detection.crmask
    plugin.actions.drawing_tool.width = 1
    plugin.actions.set_drawing_mode('paint')
    drag(plugin, (200, 300), (203, 300))
    expected = mask.copy()
    expected[300, 200:204] = True
    assert_array_equal(plugin.session.review.decisions.mask, expected)
    assert '4 px by hand' in plugin.panel.counts.get_text()
    plugin.actions.set_drawing_mode('line')
    drag(plugin, (50, 60), (90, 90), (60, 60))
    expected[60, 50:61] = True
    assert_array_equal(plugin.session.review.decisions.mask, expected)
    plugin.actions.set_drawing_mode('erase')
    drag(plugin, (201, 300), (202, 300))
    expected[300, 201:203] = False
    assert_array_equal(plugin.session.review.decisions.mask, expected)
    for _ in range(3):
        press(plugin, 'u')
    assert_array_equal(plugin.session.review.decisions.mask, mask)


def test_polygon_marks_and_box_rejects(shell, plugin):
    mask = plugin.session.result.detection.crmask
    plugin.actions.set_drawing_mode('polygon')
    canvas = plugin.overlay.canvas
    polygon = canvas.get_draw_class('polygon')([(99.6, 99.6), (104.4, 99.6), (104.4, 102.4), (99.6, 102.4)])
    canvas.make_callback('draw-event', canvas.add(polygon))
    painted = plugin.session.review.decisions.mask & ~mask
    expected = np.zeros_like(painted)
    expected[100:103, 100:105] = True
    assert_array_equal(painted, expected)
    press(plugin, 'u')
    plugin.actions.set_drawing_mode('reject in box')
    box = canvas.get_draw_class('rectangle')(-1, -1, 600, 256)
    canvas.make_callback('draw-event', canvas.add(box))
    table = plugin.session.result.segments.table
    inside = np.rint(table['y_centroid'].value) <= 256
    assert_array_equal(plugin.session.review.decisions.rejected_labels, table['label'][inside])


def test_reject_shown_and_filter_by_decision(shell, plugin):
    plugin.panel.min_size.get_widget().setValue(5)
    shown = list(plugin.panel.table.rows.labels)
    plugin.panel.reject_shown.get_widget().click()
    assert_array_equal(plugin.session.review.decisions.rejected_labels, shown)
    plugin.panel.min_size.get_widget().setValue(1)
    which = plugin.panel.table.filter
    which.set_index(plugin.panel.table.rows.filters.index('rejected'))
    which.make_callback('activated', which.get_index())
    assert list(plugin.panel.table.rows.labels) == shown
    plugin.session.review.edit('undo')
    assert len(plugin.panel.table.rows.labels) == 0


def test_decisions_are_kept_after_a_change_of_parameters(shell, plugin):
    shell.wait(compilation.ready)
    label = select(plugin, 4)
    pixels = plugin.session.result.segments.pixels_of([label])
    plugin.panel.reject.get_widget().click()
    plugin.session.review.edit('mark', [5000, 5001])
    for value in (60, 45):
        plugin.panel.params['sigclip'].slider.get_widget().setValue(value)
        shell.wait(lambda: not plugin.session.runner.busy)
        shell.settle()
        mask = plugin.session.review.decisions.mask.ravel()
        assert not mask[pixels].any()
        assert mask[5000:5002].all()
        assert '1 rejected, 2 px by hand' in plugin.panel.counts.get_text()


def test_saved_mask_has_the_decisions(shell, plugin, tmp_path):
    detected = plugin.session.result.detection.crmask
    label = select(plugin, 2)
    plugin.panel.reject.get_widget().click()
    plugin.session.review.edit('mark', [60 * 512 + 70])
    plugin.session.review.save(tmp_path / 'out.fits')
    shell.wait(lambda: plugin.session.review.saved_mask)
    expected = detected & (plugin.session.result.segments.labels != label)
    quality = expected * np.int16(MaskBit.CR_DETECTED)
    quality[60, 70] = MaskBit.CR_MARKED
    with fits.open(tmp_path / 'out.fits') as hdus:
        assert_array_equal(hdus['DQ'].data, quality)
        assert_array_equal(hdus['MASK'].data, quality != 0)
        assert hdus['DQ'].header['CRNMARK'] == 1
        rejected = int((plugin.session.result.segments.labels == label).sum())
        assert hdus['DQ'].header['CRNREJ'] == rejected
        decisions = dict(zip(hdus['CRSEG'].data['label'], hdus['CRSEG'].data['decision'], strict=True))
    assert decisions.pop(label) == 'rejected'
    assert set(decisions.values()) == {'keep'}


def test_saved_mask_is_grown(shell, plugin, tmp_path):
    plugin.panel.grow.get_widget().setValue(1)
    mask = plugin.session.review.decisions.mask
    assert mask.sum() > plugin.session.result.detection.pixels
    assert f'{len(plugin.session.review.decisions.marked)} px by hand' in plugin.panel.counts.get_text()
    plugin.session.review.save(tmp_path / 'out.fits')
    shell.wait(lambda: plugin.session.review.saved_mask)
    assert_array_equal(fits.getdata(tmp_path / 'out.fits', 'MASK') != 0, mask)


def test_unsaved_review_is_offered_and_restored(shell, channel, plugin):
    label = select(plugin, 2)
    plugin.panel.reject.get_widget().click()
    mask = plugin.session.review.decisions.mask
    shell.settle()
    plugin.close()
    shell.settle()
    again = shell.start(channel)
    shell.wait(lambda: again.session.review.unsaved_review is not None)
    shell.settle()
    assert 'unsaved review' in again.panel.unsaved_review_text.get_text()
    again.session.review.restore()
    again.session.runner.detect()
    shell.wait(lambda: again.session.result is not None)
    shell.settle()
    assert_array_equal(again.session.review.decisions.mask, mask)
    assert list(again.session.review.decisions.rejected_labels) == [label]


def test_no_review_is_offered_after_saving_the_mask(shell, channel, plugin, tmp_path):
    select(plugin, 2)
    plugin.panel.reject.get_widget().click()
    shell.settle()
    plugin.session.review.save(tmp_path / 'out.fits')
    shell.wait(lambda: plugin.session.review.saved_mask)
    plugin.close()
    shell.settle()
    again = shell.start(channel)
    shell.wait(lambda: again.session.frame is not None)
    assert again.session.review.unsaved_review is None


def test_compare_with_the_run_without_masks(shell, plugin, tmp_path):
    mask = np.zeros((512, 512), np.uint8)
    mask[:, 250:] = 1
    fits.PrimaryHDU(mask).writeto(tmp_path / 'half.fits')
    everywhere = plugin.session.result.detection.crmask
    plugin.session.masks.add(lambda: read_mask(tmp_path / 'half.fits'))
    shell.wait(lambda: plugin.session.masks)
    plugin.session.runner.detect()
    shell.wait(lambda: not plugin.session.runner.busy and not plugin.session.outdated)
    here = plugin.session.result.detection.crmask
    plugin.panel.compare.set_index(1)
    plugin.panel.compare.make_callback('activated', 1)
    shell.wait(lambda: plugin.session.comparing.comparison is not None)
    shell.settle()
    text = plugin.panel.compared.get_text().replace('\n', ' ')
    assert f'{here.sum()} px here, {everywhere.sum()} px without the masks' in text
    assert f'{(here & everywhere).sum()} in both' in text
    assert_array_equal(plugin.overlay.layers.pixels['only there'], np.flatnonzero(everywhere & ~here))
    plugin.session.comparing.compare(None)
    assert len(plugin.overlay.layers.pixels['only there']) == 0
    assert_array_equal(plugin.overlay.layers.pixels['cosmic rays'], np.flatnonzero(here))


def test_compare_with_a_pinned_result(shell, plugin):
    shell.wait(compilation.ready)
    first = plugin.session.result.detection.flagged
    plugin.panel.pin.get_widget().click()
    plugin.panel.params['sigclip'].slider.get_widget().setValue(70)
    shell.wait(lambda: not plugin.session.runner.busy)
    second = plugin.session.result.detection.flagged
    plugin.session.comparing.compare('pinned')
    found = plugin.session.comparing.comparison
    assert_array_equal(found.both, np.intersect1d(first, second))
    assert_array_equal(found.here, np.setdiff1d(second, first))
    assert_array_equal(found.there, np.setdiff1d(first, second))


def test_blink_alternates_cleaned_and_original(shell, plugin):
    original, result = plugin.fitsimage.get_image(), plugin.session.result
    press(plugin, 'b')
    shell.wait(lambda: plugin.images.cleaned.shown)
    assert_array_equal(plugin.fitsimage.get_image().get_data(), result.detection.cleaned)
    press(plugin, 'b')
    shell.settle()
    assert plugin.fitsimage.get_image() is original
    press(plugin, 'b')
    shell.wait(lambda: plugin.images.cleaned.shown)
    assert_array_equal(plugin.fitsimage.get_image().get_data(), result.detection.cleaned)
    assert plugin.session.result.detection is result.detection


def test_cleaned_image_follows_the_review_and_the_result(shell, plugin):
    session, result = plugin.session, plugin.session.result
    press(plugin, 'b')
    shell.wait(lambda: plugin.images.cleaned.shown)
    shell.settle()
    image = plugin.fitsimage.get_image()

    def check_image():
        shell.wait(lambda: plugin.images.cleaned.current)
        shell.settle()
        assert plugin.fitsimage.get_image() is image
        assert_array_equal(image.get_data(), session.repairing.current.cleaned)
        assert_array_equal(image.get('ccd').data, session.repairing.current.cleaned)
        assert_array_equal(image.get('ccd').mask, session.review.decisions.mask)

    select(plugin, 3)
    plugin.panel.reject.get_widget().click()
    assert (session.repairing.current.cleaned != result.detection.cleaned).any()
    check_image()
    plugin.panel.undo.get_widget().click()
    check_image()
    plugin.panel.params['sigclip'].spin.get_widget().setValue(8.0)
    shell.wait(lambda: session.result.detection is not result.detection and not session.runner.busy)
    check_image()
    press(plugin, 'b')  # it does not follow while the original is shown
    plugin.panel.reject_shown.get_widget().click()
    shell.settle()
    press(plugin, 'b')
    shell.wait(lambda: plugin.images.cleaned.shown and plugin.images.cleaned.current)
    assert_array_equal(plugin.fitsimage.get_image().get_data(), session.repairing.current.cleaned)


def test_an_open_image_is_the_other_exposure(shell, plugin):
    select(plugin, 0)
    plugin.actions.values['repair']('exposure')
    assert '0 other images of this shape are open: open one in Ginga' in plugin.panel.result
    frame = plugin.session.frame
    other = AstroImage(data_np=frame.ccd.data[::-1].copy(), logger=plugin.logger)
    other.set(name='other')
    plugin.fv.get_channel_on_demand('Other').add_image(other)
    shell.settle()
    plugin.actions.values['repair']('exposure')
    assert plugin.session.repairing.choice(plugin.session.selection) == 'exposure'
    assert_array_equal(plugin.session.repairing.exposure, frame.ccd.data[::-1])
    press(plugin, 'b')
    shell.wait(lambda: plugin.images.cleaned.shown)
    assert_array_equal(plugin.fitsimage.get_image().get_data(), plugin.session.repairing.current.cleaned)
    assert list(plugin.images.exposures()) == ['other']  # not the cleaned copy


def test_the_selected_one_of_several_open_images_is_the_other_exposure(shell, plugin):
    frame, channel = plugin.session.frame, plugin.fv.get_channel_on_demand('Two others')
    for name, factor in (('first', 2.0), ('second', 3.0)):
        image = AstroImage(data_np=frame.ccd.data * factor, logger=plugin.logger)
        image.set(name=name)
        channel.add_image(image)
    shell.settle()
    select(plugin, 0)
    number = len(plugin.images.exposures())
    plugin.actions.values['repair']('exposure')
    assert f'{number} other images of this shape are open: select one' in plugin.panel.result
    other = plugin.panel.thumbnails.other
    other.get_widget().setCurrentText('second')
    plugin.actions.values['repair']('exposure')
    assert_array_equal(plugin.session.repairing.exposure, frame.ccd.data * 3.0)
    plugin.fv.delete_channel('Two others')


def test_thumbnails_show_the_selected_segment(shell, plugin):
    assert plugin.panel.thumbnails.position.get_text().startswith('- of')
    label = select(plugin, 3)
    shell.settle()
    result = plugin.session.result
    assert plugin.panel.thumbnails.position.get_text() == f'4 of {len(plugin.panel.table.rows.labels)}'
    images = [
        ('mask', mask_image(plugin.session.review.decisions.plane(result.frame.bits))),
        ('science', result.frame.ccd.data, 'science'),
        ('dark', None, 'other'),
        ('cleaned', result.detection.cleaned, 'science'),
    ]
    shown = plugin.panel.thumbnails.viewer.get_image().get_data()
    assert_array_equal(shown, draw_cutouts(result.segments, label, images, scale=3))


def test_checks_are_shown_and_a_remedy_is_applied(shell, channel, tmp_path, saao):
    path = tmp_path / 'nosky.fits'
    data = saao.ccd.data - np.median(saao.ccd.data)
    header = saao.ccd.header.copy()
    header['BUNIT'] = 'adu'
    fits.PrimaryHDU(data, header).writeto(path, output_verify='silentfix')
    shell.load(channel, path)
    plugin = shell.start(channel)
    shell.wait(lambda: plugin.session.checks)
    shell.settle()
    assert 'error' in plugin.panel.checks.button.get_text()
    sky = next(check for check in plugin.session.checks if check.name == 'sky')
    assert sky.mark == 'error'
    shell.wait(lambda: next(check for check in plugin.session.checks if check.name == 'sky').remedy is not None)
    sky = next(check for check in plugin.session.checks if check.name == 'sky')
    plugin.session.apply_remedy(sky.remedy)
    assert plugin.session.params.pssl == sky.remedy.params['pssl']
    shell.wait(lambda: next(check for check in plugin.session.checks if check.name == 'sky').mark == 'ok')


def test_segments_with_a_hint_are_listed_and_rejected(shell, channel, data, tmp_path):
    path = tmp_path / 'kelt.fits'
    path.write_bytes(gzip.decompress((data / 'feder_kelt16b_S001-R001-C084-r.fit.gz').read_bytes()))
    shell.load(channel, path)
    plugin = shell.start(channel)
    shell.wait(lambda: plugin.session.frame is not None)
    plugin.session.set_params(gain=1.5, readnoise=10.0)
    plugin.panel.min_size.get_widget().setValue(1)
    plugin.session.runner.detect()
    shell.wait(lambda: plugin.session.result is not None and 'hint' in plugin.session.result.segments.table.colnames)
    shell.settle()
    hot = np.flatnonzero(plugin.session.result.segments.table['hint'] == 'hot pixel') + 1
    assert len(hot) > 20
    which = plugin.panel.table.filter
    which.set_index(plugin.panel.table.rows.filters.index('hot pixel'))
    which.make_callback('activated', which.get_index())
    plugin.panel.reject_shown.get_widget().click()
    assert_array_equal(plugin.session.review.decisions.rejected_labels, hot)


def test_contact_sheet_of_the_listed_segments(shell, plugin, tmp_path):
    plugin.actions.save_sheet(tmp_path / 'sheet.pdf')
    shell.wait(lambda: 'written: sheet.pdf' in plugin.panel.saved.get_text())
    assert (tmp_path / 'sheet.pdf').read_bytes().startswith(b'%PDF')
    plugin.actions.save_sheet(tmp_path / 'sheet.pdf')
    shell.wait(lambda: 'exists' in plugin.panel.result)
