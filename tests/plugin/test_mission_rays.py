import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin import CosmicRayPanel, MaskBit

SHAPE = (60, 70)


@pytest.fixture
def frame(tmp_path):
    data = np.random.default_rng(8).poisson(200, SHAPE).astype('f4')
    data[20:24, 30] += 3000
    plane = np.zeros(SHAPE, 'u4')
    plane[20:24, 30] = plane[40:44, 10] = 4
    plane[50, 50:60] = 1
    primary = fits.PrimaryHDU()
    primary.header['TELESCOP'] = 'JWST'
    science = fits.ImageHDU(data, name='SCI')
    science.header.update({'BUNIT': 'electron', 'RDNOISE': 3.0})
    path = tmp_path / 'jwst.fits'
    fits.HDUList([primary, science, fits.ImageHDU(plane, name='DQ')]).writeto(path)
    return path


def check_output(path, rejected):
    with fits.open(path) as hdus:
        causes, flags = hdus['CRDQ'].data, hdus['DQ'].data
        assert list(hdus['CRSEG'].data['origin']) == ['both', 'mission']
    assert_array_equal(causes[20:24, 30], MaskBit.CR_DETECTED | MaskBit.CR_MISSION)
    assert_array_equal(causes[40:44, 10], 0 if rejected else MaskBit.CR_MISSION)
    assert_array_equal(flags[20:24, 30], 5)
    assert_array_equal(flags[40:44, 10], 0 if rejected else 4)


def test_rays_of_the_mission_are_listed_reviewed_and_saved_in_ginga(shell, channel, frame, tmp_path):
    shell.load(channel, frame)
    plugin = shell.start(channel)
    session = plugin.session
    shell.wait(lambda: session.frame is not None)
    plugin.panel.run.get_widget().click()
    shell.wait(lambda: session.result is not None and not session.runner.busy)
    shell.settle()
    table = plugin.panel.table
    assert [row['origin'] for row in table.view.get_rows()] == ['both', 'mission']
    assert {'both', 'mission'} <= set(table.rows.filters)
    session.review.edit('reject', session.result.segments.pixels_of([2]))
    shell.settle()
    assert [row['decision'] for row in table.view.get_rows()] == ['keep', 'rejected']
    assert [row['origin'] for row in table.view.get_rows()] == ['both', 'mission']
    plugin.actions.ask_save()
    dialog = plugin.dialogs.shown
    dialog.path.set_text(str(tmp_path / 'a.fits'))
    dialog.dq.set_index(2)
    dialog.save()
    shell.wait(lambda: session.review.saved_mask == tmp_path / 'a.fits')
    check_output(tmp_path / 'a.fits', rejected=True)


def test_the_column_is_removed_for_a_frame_without_them(shell, channel, frame, frame_file):
    shell.load(channel, frame)
    plugin = shell.start(channel)
    session = plugin.session
    shell.wait(lambda: session.frame is not None)
    session.runner.detect()
    shell.wait(lambda: session.result is not None and not session.runner.busy)
    shell.settle()
    assert plugin.panel.table.view.get_column_count() == 9
    shell.load(channel, frame_file)
    shell.wait(lambda: session.frame is not None and session.frame.shape != SHAPE)
    shell.settle()
    assert plugin.panel.table.view.get_column_count() == 8


def test_rays_of_the_mission_are_listed_and_saved_in_a_notebook(frame, tmp_path):
    panel = CosmicRayPanel(frame)
    panel.run()
    assert list(panel.segments['origin']) == ['both', 'mission']
    assert 'found by' in panel.controls.table.html.value
    form = panel.controls.save_form
    form.path.value, form.dq.value = str(tmp_path / 'b.fits'), 'jwst'
    form.button.click()
    check_output(tmp_path / 'b.fits', rejected=False)
