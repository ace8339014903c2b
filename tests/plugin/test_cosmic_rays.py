"""The plugin in a real Ginga shell, off screen."""

import threading

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.wcs import WCS
from ginga.AstroImage import AstroImage
from numpy.testing import assert_array_equal

from ginga_crplugin import InputMask, MaskBit, detect, read_frame, segment
from ginga_crplugin.core.lacosmic import compilation
from tests.headers import WCS_CARDS

VERMILION = np.array((0xD5, 0x5E, 0x00))


@pytest.fixture
def plugin(shell, channel, frame_file):
    """The panel, started on the frame."""
    shell.load(channel, frame_file)
    plugin = shell.start(channel)
    shell.wait(lambda: plugin.session.frame is not None)
    shell.settle()
    return plugin


def run(shell, plugin):
    plugin.panel.run.get_widget().click()
    shell.wait(lambda: not plugin.session.busy)
    shell.settle()


def rows(plugin):
    return plugin.panel.table.labels


def actions(menu):
    for action in menu.actions():
        yield action.text()
        if action.menu() is not None:
            yield from actions(action.menu())


def test_it_stands_in_the_menus(shell, channel):
    spec = shell.fv.get_plugin_spec('Cosmic Rays')
    assert (spec.category, spec.ptype, spec.workspace) == ('Analysis', 'local', 'dialogs')
    assert 'Cosmic Rays' in list(actions(shell.fv.gpmon.get_plugin('GingaMenubar').w.menubar.get_widget()))


def test_run_gives_what_the_core_gives(shell, plugin, frame_file):
    run(shell, plugin)
    frame = read_frame(frame_file)
    expected = detect(frame)
    segments = segment(frame, expected)
    result = plugin.session.result
    assert_array_equal(result.detection.crmask, expected.crmask)
    assert_array_equal(result.segments.labels, segments.labels)
    assert rows(plugin) == list(segments.listed['label'])
    words = plugin.panel.result
    assert f'{expected.pixels} px in {len(segments)} segments ({len(segments.listed)} of 3 px or more)' in words
    assert ', '.join(map(str, expected.per_iteration)) in words


def test_the_displayed_image_is_never_changed(shell, plugin):
    image = plugin.fitsimage.get_image()
    before = image.get_data().copy()
    run(shell, plugin)
    assert plugin.fitsimage.get_image() is image
    assert_array_equal(image.get_data(), before)


def test_header_values_and_their_sources_are_shown(plugin):
    assert plugin.panel.params['gain'].spin.get_value() == pytest.approx(1.9)
    assert plugin.panel.params.sources['gain'].get_text() == 'GAIN in the header'
    assert plugin.panel.params.sources['satlevel'].get_text() == 'default'


def test_a_typed_value_is_used_and_survives_another_image(shell, channel, plugin, tmp_path, saao):
    plugin.panel.params['sigclip'].spin.get_widget().setValue(7.0)
    assert plugin.session.sources['sigclip'] == 'user'
    other = tmp_path / 'night2.fits'
    header = saao.ccd.header.copy()
    header['GAIN'] = 2.5
    fits.PrimaryHDU(saao.ccd.data[:200, :300], header).writeto(other, output_verify='silentfix')
    shell.load(channel, other)
    shell.wait(lambda: plugin.session.frame is not None)
    assert plugin.session.frame.shape == (200, 300)
    assert (plugin.session.params.sigclip, plugin.session.params.gain) == (7.0, 2.5)
    assert plugin.session.result is None
    assert rows(plugin) == []


def test_slider_and_spin_box_move_together(plugin):
    control = plugin.panel.params['objlim']
    control.slider.get_widget().setValue(33)
    assert control.spin.get_value() == pytest.approx(3.3)
    assert plugin.session.params.objlim == 3.3
    control.spin.get_widget().setValue(8.0)
    assert control.slider.get_value() == 80


def test_reset_gives_values_back(plugin):
    plugin.panel.params['gain'].spin.get_widget().setValue(3.0)
    plugin.actions.reset_params()
    assert plugin.session.params.gain == 1.9
    assert plugin.panel.params.sources['gain'].get_text() == 'GAIN in the header'


def screen(shell, plugin):
    shell.settle()
    picture = plugin.fitsimage.get_widget().grab().toImage()
    pixels = np.asarray(picture.convertToFormat(picture.Format.Format_RGB888).constBits())
    return pixels.reshape(picture.height(), -1)[:, : 3 * picture.width()].reshape(picture.height(), -1, 3).astype(int)


def vermilion(shell, plugin):
    """How many pixels of the screen are vermilion."""
    return int((np.abs(screen(shell, plugin) - VERMILION).sum(axis=2) < 12).sum())


def test_cosmic_rays_are_drawn_and_can_be_switched_off(shell, plugin):
    plugin.actions.values['opacity'](1.0)
    assert vermilion(shell, plugin) == 0
    run(shell, plugin)
    plugin.fitsimage.scale_to(1.0, 1.0)
    shown = vermilion(shell, plugin)
    assert shown >= plugin.session.result.detection.pixels / 2
    plugin.overlay.set_visible('cosmic rays', visible=False)
    plugin.overlay.set_visible('segments', visible=False)
    assert vermilion(shell, plugin) == 0


def test_a_row_pans_to_its_segment_and_a_click_selects_its_row(shell, plugin):
    run(shell, plugin)
    index = 4
    plugin.panel.table.view.get_widget().selectRow(index)
    shell.settle()
    row = plugin.session.result.segments.listed[index]
    x, y = row['x_centroid'].value, row['y_centroid'].value
    assert plugin.fitsimage.get_pan() == pytest.approx((x, y))
    assert plugin.session.selection == row['label']
    other = plugin.session.result.segments.listed[1]
    x, y = other['x_centroid'].value, other['y_centroid'].value
    plugin.overlay.canvas.make_callback('cursor-down', None, x, y, plugin.fitsimage)
    shell.settle()
    assert plugin.session.selection == other['label']
    assert [int(r['label']) for r in plugin.panel.table.view.get_selected()] == [other['label']]


def test_the_table_sorts_by_number(shell, plugin):
    run(shell, plugin)
    plugin.panel.table.view.sort_by_column(5, ascending=False)
    flux = [float(row['flux']) for row in plugin.panel.table.view.get_rows()]
    assert flux == sorted(flux, reverse=True)


def test_many_segments_come_in_pages_sorted_over_all(shell, plugin, monkeypatch):
    monkeypatch.setattr('ginga_crplugin.panels.segment_rows.PAGE_SIZE', 4)
    plugin.panel.min_size.get_widget().setValue(1)
    run(shell, plugin)
    table, segments = plugin.panel.table, plugin.session.result.segments.table
    assert table.labels == [1, 2, 3, 4]
    assert table.page_text.get_text() == f'1 to 4 of {len(segments)}'
    table.next.get_widget().click()
    assert table.labels == [5, 6, 7, 8]
    table.select(14)
    assert 14 in table.labels
    assert [int(row['label']) for row in table.view.get_selected()] == [14]
    table.view.sort_by_column(5, ascending=False)
    brightest = segments['label'][np.argsort(-segments['flux'].value)][:4]
    assert table.labels == list(brightest)


def test_masks_with_causes_are_used_and_saved(shell, plugin, tmp_path):
    ny, nx = plugin.session.frame.shape
    mask = np.zeros((ny, nx), np.uint8)
    mask[:, 300:340] = 1
    fits.PrimaryHDU(mask).writeto(tmp_path / 'columns.fits')
    plugin.actions.ask_masks()
    plugin.dialogs.shown.make_callback('activated', [str(tmp_path / 'columns.fits')])
    shell.wait(lambda: plugin.session.masks)
    plugin.session.masks.change(0, bit=MaskBit.HOT)
    run(shell, plugin)
    assert not plugin.session.result.detection.crmask[:, 299:341].any()
    plugin.actions.ask_save()
    target = tmp_path / 'out.fits'
    plugin.dialogs.shown.path.set_text(str(target))
    plugin.dialogs.shown.dialog.buttons[0].get_widget().click()
    shell.wait(lambda: plugin.session.review.saved_mask is not None)
    shell.settle()
    assert 'saved: out.fits' in plugin.panel.saved.get_text()
    saved = CCDData.read(target)
    assert_array_equal(saved.data, plugin.session.frame.ccd.data)
    assert_array_equal(saved.mask, (mask == 1) | plugin.session.result.detection.crmask)
    quality = fits.getdata(target, 'DQ')
    assert_array_equal(quality[:, 300:340], np.full((ny, 40), MaskBit.HOT))


def test_a_mask_of_another_shape_is_refused_in_words(shell, plugin, tmp_path):
    fits.PrimaryHDU(np.zeros((40, 50), np.uint8)).writeto(tmp_path / 'small.fits')
    plugin.session.masks.add(lambda: __import__('ginga_crplugin').read_mask(tmp_path / 'small.fits'))
    shell.wait(lambda: plugin.session.error)
    shell.settle()
    words = plugin.panel.result
    assert '(40, 50)' in words
    assert '(512, 512)' in words
    assert len(plugin.session.masks) == 0


def test_the_result_follows_the_slider(shell, plugin, frame_file):
    shell.wait(compilation.ready)
    run(shell, plugin)
    assert ' - exact' in plugin.panel.result
    for value in (45, 60, 90, 70):
        plugin.panel.params['sigclip'].slider.get_widget().setValue(value)
        shell.pump(0.02)
    shell.wait(lambda: not plugin.session.busy)
    shell.settle()
    expected = detect(read_frame(frame_file), plugin.session.params, engine='ccdproc')
    assert expected.params.sigclip == 7.0
    assert_array_equal(plugin.session.result.detection.crmask, expected.crmask)
    assert f'{expected.pixels} px' in plugin.panel.result
    assert plugin.panel.save.get_enabled()


def test_verify_says_identical_and_save_records_it(shell, plugin, tmp_path):
    run(shell, plugin)
    plugin.panel.verify.get_widget().click()
    assert 'comparing' in plugin.panel.result
    shell.wait(lambda: not plugin.session.verification.running)
    shell.settle()
    assert 'identical to ccdproc' in plugin.panel.result
    plugin.session.review.save(tmp_path / 'out.fits')
    shell.wait(lambda: plugin.session.review.saved_mask)
    assert fits.getheader(tmp_path / 'out.fits', 'DQ')['CRVERIF'].startswith('identical to ccdproc')


def test_verify_tells_what_differs(shell, plugin, monkeypatch):
    run(shell, plugin)
    plugin.session.result.detection.crmask[100, 100] ^= True
    plugin.panel.verify.get_widget().click()
    shell.wait(lambda: not plugin.session.verification.running)
    assert '1 px differ from ccdproc' in plugin.panel.result


def test_save_waits_for_a_new_run_when_something_changed(shell, plugin):
    plugin.panel.live.get_widget().click()
    assert not plugin.session.live
    assert not plugin.panel.save.get_enabled()
    run(shell, plugin)
    assert plugin.panel.save.get_enabled()
    plugin.panel.params['sigclip'].spin.get_widget().setValue(9.0)
    assert not plugin.panel.save.get_enabled()
    assert 'run the detection again' in plugin.panel.save.get_widget().toolTip()


def test_the_dialog_stays_where_it_cannot_be_saved(shell, plugin, tmp_path):
    run(shell, plugin)
    plugin.actions.ask_save()
    there = tmp_path / 'there.fits'
    there.write_bytes(b'mine')
    plugin.dialogs.shown.path.set_text(str(there))
    plugin.dialogs.shown.dialog.buttons[0].get_widget().click()
    shell.wait(lambda: plugin.session.error)
    shell.settle()
    assert 'exists' in plugin.dialogs.shown.message.get_text()
    plugin.dialogs.shown.overwrite.get_widget().click()
    plugin.dialogs.shown.dialog.buttons[0].get_widget().click()
    shell.wait(lambda: plugin.session.review.saved_mask == there)
    shell.settle()
    assert plugin.dialogs.shown is None


def test_a_layer_can_have_another_color(shell, plugin):
    plugin.actions.values['opacity'](1.0)
    run(shell, plugin)
    plugin.fitsimage.scale_to(1.0, 1.0)
    plugin.actions.set_color('cosmic rays', (0.0, 1.0, 0.0, 1.0))
    assert vermilion(shell, plugin) == 0
    green = np.abs(screen(shell, plugin) - (0, 255, 0)).sum(axis=2) < 12
    assert green.sum() >= plugin.session.result.detection.pixels / 2
    plugin.actions.set_color('cosmic rays', '#d55e00')
    assert vermilion(shell, plugin) > 0


def test_an_existing_file_is_not_overwritten(shell, plugin, tmp_path):
    run(shell, plugin)
    there = tmp_path / 'there.fits'
    there.write_bytes(b'mine')
    plugin.session.review.save(there)
    shell.wait(lambda: plugin.session.error)
    shell.settle()
    assert there.read_bytes() == b'mine'
    assert 'exists' in plugin.panel.result


@pytest.fixture
def held(monkeypatch):
    """Let a detection wait until the test says so."""
    gate = threading.Event()
    started = threading.Event()

    def slow(detector, frame, params, progress=None, cancel=None):
        started.set()
        assert gate.wait(30)
        return detect(frame, params, engine='ccdproc')

    monkeypatch.setattr('ginga_crplugin.session.runner.Detector.detect', slow)
    gate.started = started
    yield gate
    gate.set()


def test_another_image_makes_a_late_answer_void(shell, channel, plugin, held, tmp_path):
    plugin.panel.run.get_widget().click()
    shell.wait(held.started.is_set)
    other = AstroImage(data_np=np.random.default_rng(1).normal(500, 5, (64, 80)).astype('f4'), logger=shell.fv.logger)
    other.set(name='other')
    channel.add_image(other)
    shell.wait(lambda: plugin.session.frame is not None and plugin.session.frame.shape == (64, 80))
    held.set()
    shell.pump(0.5)
    assert plugin.session.result is None
    assert rows(plugin) == []


def test_cancel_keeps_the_last_result(shell, plugin, held):
    held.set()
    run(shell, plugin)
    first = plugin.session.result
    held.clear()
    held.started.clear()
    plugin.panel.params['sigclip'].spin.get_widget().setValue(6.0)
    plugin.panel.run.get_widget().click()
    shell.wait(held.started.is_set)
    plugin.panel.cancel.get_widget().click()
    assert not plugin.session.busy
    held.set()
    shell.pump(0.5)
    assert plugin.session.result.detection is first.detection


def test_closing_during_a_run_leaves_nothing(shell, channel, plugin, held):
    plugin.panel.run.get_widget().click()
    shell.wait(held.started.is_set)
    plugin.close()
    shell.settle()
    held.set()
    shell.pump(0.5)
    assert plugin.session.result is None
    assert not plugin.overlay.shown


def test_a_failing_worker_is_told_and_loses_nothing(shell, plugin, monkeypatch):
    run(shell, plugin)
    first = plugin.session.result

    def fail(*_):
        raise RuntimeError('the disk is on fire')

    monkeypatch.setattr('ginga_crplugin.session.runner.Detector.detect', fail)
    plugin.panel.run.get_widget().click()
    shell.wait(lambda: plugin.session.error)
    shell.settle()
    assert 'the disk is on fire' in plugin.panel.result
    assert plugin.session.result.detection is first.detection
    assert rows(plugin) == list(first.segments.listed['label'])


def test_the_cleaned_frame_is_a_new_image_and_keeps_the_result(shell, channel, plugin):
    run(shell, plugin)
    original, result = plugin.fitsimage.get_image(), plugin.session.result
    plugin.panel.cleaned.get_widget().click()
    shell.wait(lambda: plugin.fitsimage.get_image() is not original)
    shell.settle()
    assert_array_equal(plugin.fitsimage.get_image().get_data(), result.detection.cleaned)
    assert plugin.session.result.detection is result.detection
    channel.switch_image(original)
    shell.settle()
    assert plugin.session.result.detection is result.detection


def test_an_image_from_memory(shell, channel):
    image = AstroImage(data_np=np.random.default_rng(0).poisson(300, (64, 70)).astype('f4'), logger=shell.fv.logger)
    image.get_data()[30, 30] += 5000
    image.set(name='memory')
    channel.add_image(image)
    shell.settle()
    plugin = shell.start(channel)
    shell.wait(lambda: plugin.session.frame is not None)
    assert 'adu' in plugin.panel.frame.get_text()
    run(shell, plugin)
    assert plugin.session.result.detection.crmask[30, 30]


def test_an_image_that_cannot_be_searched_is_told(shell, channel):
    image = AstroImage(data_np=np.full((64, 70), np.nan, 'f4'), logger=shell.fv.logger)
    image.set(name='blank')
    channel.add_image(image)
    shell.settle()
    plugin = shell.start(channel)
    shell.wait(lambda: plugin.session.error)
    shell.settle()
    assert 'no finite pixel' in plugin.panel.result
    assert not plugin.panel.run.get_enabled()


def test_an_unknown_unit_is_asked_for(shell, channel, tmp_path):
    path = tmp_path / 'jansky.fits'
    data = np.random.default_rng(0).poisson(300, (64, 70)).astype('f4')
    fits.PrimaryHDU(data, fits.Header({'BUNIT': 'Jy'})).writeto(path)
    shell.load(channel, path)
    plugin = shell.start(channel)
    shell.wait(lambda: plugin.session.error)
    assert 'Jy' in plugin.session.error
    plugin.images.set_unit('electron')
    shell.wait(lambda: plugin.session.frame is not None)
    assert plugin.session.frame.ccd.unit == 'electron'


def test_settings_are_kept(shell, plugin, channel):
    plugin.actions.values['opacity'](0.35)
    plugin.close()
    shell.settle()
    again = shell.start(channel)
    assert again.panel.opacity.get_value() == 35
    settings = shell.log.parent / 'plugin_CosmicRays.cfg'
    assert 'opacity = 0.35' in settings.read_text()
    assert settings.stat().st_mode & 0o077 == 0  # for their user alone


def memory_image(shell, channel, name='memory', header=None):
    image = AstroImage(data_np=np.random.default_rng(0).poisson(300, (64, 70)).astype('f4'), logger=shell.fv.logger)
    image.get_data()[30, 30] += 5000
    image.update_keywords(header or {})
    image.set(name=name)
    channel.add_image(image)
    shell.settle()
    return image


def test_the_header_of_an_image_from_memory_is_read_and_saved(shell, channel, tmp_path):
    raw = {'SIMPLE': True, 'BITPIX': 16, 'NAXIS': 2, 'NAXIS1': 7, 'BZERO': 32768, 'COMMENT': 'one line'}
    image = memory_image(shell, channel, header=WCS_CARDS | raw | {'BUNIT': 'count', 'GAIN': 1.5, 'RDNOISE': 4.0})
    plugin = shell.start(channel)
    shell.wait(lambda: plugin.session.frame is not None)
    assert (plugin.session.params.gain, plugin.session.sources['readnoise']) == (1.5, 'RDNOISE in the header')
    run(shell, plugin)
    plugin.session.review.save(tmp_path / 'saved.fits')
    shell.wait(lambda: plugin.session.review.saved_mask or plugin.session.error)
    assert plugin.session.error == ''
    saved = CCDData.read(tmp_path / 'saved.fits', unit='adu')
    assert_array_equal(saved.data, image.get_data())
    assert saved.mask[30, 30]
    assert WCS(fits.getheader(tmp_path / 'saved.fits', 'MASK')).wcs.crval.tolist() == [10.0, 20.0]


def test_the_user_is_told_that_an_image_from_memory_has_no_unit(shell, channel):
    memory_image(shell, channel)
    plugin = shell.start(channel)
    shell.wait(lambda: plugin.session.frame is not None)
    assert 'BUNIT is missing' in plugin.panel.notes.get_text()


def test_an_image_changed_in_place_is_taken_up_anew(shell, channel):
    image = memory_image(shell, channel)
    plugin = shell.start(channel)
    shell.wait(lambda: plugin.session.frame is not None)
    run(shell, plugin)
    image.get_data()[50, 50] += 5000
    assert plugin.session.frame.ccd.data[50, 50] < 1000
    image.make_callback('modified')
    shell.wait(lambda: plugin.session.frame is not None and plugin.session.result is None)
    run(shell, plugin)
    assert plugin.session.result.detection.crmask[50, 50]


def test_the_cleaned_frame_keeps_its_sky_coordinates(shell, channel, tmp_path):
    path = tmp_path / 'sky.fits'
    header = fits.Header(WCS_CARDS)
    header.add_history('one')
    header.add_history('two')
    fits.PrimaryHDU(np.random.default_rng(0).poisson(300, (64, 70)).astype('f4'), header).writeto(path)
    original = shell.load(channel, path)
    plugin = shell.start(channel)
    shell.wait(lambda: plugin.session.frame is not None)
    run(shell, plugin)
    plugin.images.show_cleaned()
    shell.settle()
    assert plugin.fitsimage.get_image().pixtoradec(30, 40) == pytest.approx(original.pixtoradec(30, 40))


def test_a_mask_can_be_added_and_switched_off_before_there_is_an_image(shell, channel):
    plugin = shell.start(channel)
    plugin.session.masks.add(lambda: InputMask('eye', MaskBit.BAD, np.eye(64, 70, dtype=bool)))
    shell.wait(lambda: plugin.session.masks)
    shell.settle()
    plugin.session.masks.change(0, used=False)
    plugin.session.masks.change(0, used=True)
    memory_image(shell, channel)
    shell.wait(lambda: plugin.session.frame is not None)
    assert plugin.session.frame.bits[5, 5] == MaskBit.BAD


def test_the_masks_of_an_image_go_from_the_panel_with_it(shell, channel, tmp_path):
    path = tmp_path / 'masked.fits'
    data = np.random.default_rng(0).poisson(300, (64, 70)).astype('f4')
    fits.HDUList([fits.PrimaryHDU(data), fits.ImageHDU(np.eye(64, 70, dtype='u1'), name='MASK')]).writeto(path)
    image = shell.load(channel, path)
    plugin = shell.start(channel)
    shell.wait(lambda: plugin.session.frame is not None)
    assert [type(row).__name__ for row in plugin.panel.masks.get_children()] == ['HBox']
    channel.remove_image(image.get('name'))
    shell.settle()
    assert [row.get_text() for row in plugin.panel.masks.get_children()] == ['none']


def test_cancel_of_the_first_run_leaves_no_word_of_it(shell, plugin, held):
    plugin.panel.run.get_widget().click()
    shell.wait(lambda: 'searching' in plugin.panel.result)
    plugin.panel.cancel.get_widget().click()
    assert plugin.panel.result == ''


def test_the_save_dialog_goes_with_its_image(shell, channel, plugin):
    run(shell, plugin)
    plugin.actions.ask_save()
    memory_image(shell, channel, 'another')
    shell.wait(lambda: plugin.session.frame is not None)
    assert plugin.dialogs.shown is None


def test_no_error_of_the_plugin_was_logged(shell):
    # Ginga logs errors of its own too; those of the plugin show its modules in the traceback
    assert [line for line in shell.log.read_text().splitlines() if '/ginga_crplugin/' in line] == []
