"""The plugin in a window on a virtual screen, operated with mouse and keys."""

import time

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin import detect, merge_mask, read_frame, segment, with_tails
from tests.plugin.window import Window, missing

pytestmark = [
    pytest.mark.window,
    pytest.mark.flaky(reruns=2),  # a real mouse on a busy machine
    pytest.mark.skipif(bool(missing()), reason=f'programs for a virtual screen are missing: {missing()}'),
]


@pytest.fixture
def window(frame_file):
    window = Window(frame_file)
    yield window
    window.close()


def test_result_follows_the_slider(window, frame_file):
    for text in ('Plugins', 'Analysis', 'Cosmic Rays'):
        window.click(text)
    window.wait_for('Run')
    window.wait_until_gone('compiling the fast engine')
    window.click('Run')
    before = window.wait_for_text(' segments (')
    window.drag_slider(0, 30)
    time.sleep(1.0)
    after = window.wait_for_text(' segments (')
    sigclip = window.ask(spin=1)
    assert 5.0 < sigclip < 15.0
    frame = read_frame(frame_file)
    expected = detect(frame, frame.parameters({'sigclip': sigclip})[0], engine='ccdproc')
    assert after != before
    assert f'{expected.pixels} px by' in after
    assert ' px by L.A.Cosmic (exact), ' in after


def test_typing_digit_by_digit_and_turning_the_wheel(window):
    for text in ('Plugins', 'Analysis', 'Cosmic Rays', 'Run'):
        window.click(text)
    window.wait_for_text(' segments (')
    before = [window.ask(spin=index) for index in range(4)]
    window.xdotool('mousemove', *window.ask(spin_at=1), 'sleep', 0.2, 'click', '--repeat', 3, 1)
    for digit in '7.25':
        window.xdotool('type', digit)
        time.sleep(0.5)
        assert window.ask(spin=1) == before[1]
    window.xdotool('key', 'Tab')
    time.sleep(0.5)
    assert window.ask(spin=1) == 7.25
    before[1] = 7.25
    window.click('Run')
    for index in range(4):
        window.xdotool('mousemove', *window.ask(spin_at=index), 'sleep', 0.1, 'click', '--repeat', 3, 5, 'sleep', 0.1)
    assert [window.ask(spin=index) for index in range(4)] == before


def test_detect_select_and_save(window, frame_file, tmp_path):
    for text in ('Plugins', 'Analysis', 'Cosmic Rays', 'Run'):
        window.click(text)
    expected = detect(read_frame(frame_file))
    assert f'{expected.pixels} px by' in window.wait_for_text(' segments (')
    row = window.row(3)
    window.click_at(*row['at'])
    assert window.row(3)['selected'] == [3]
    # the view is centered on the segment of the row; a click on another segment selects its row
    other = window.row(2)
    x, y = (float(word) - 1.0 for word in other['words'][1:3])
    window.click_at(*window.row(2)['at'])
    window.click_at(*row['at'])
    window.click_at(*window.row(2)['at'])
    time.sleep(0.5)
    window.click_at(*window.on_image(x, y))
    assert window.row(2)['selected'] == [2]
    window.click('Save...')
    window.click('Save')
    window.wait_for_text('saved: night1_crmask.fits')
    saved = tmp_path / 'night1_crmask.fits'
    check_saved(saved, reviewed(frame_file))
    with fits.open(saved, checksum=True) as hdus:
        assert_array_equal(hdus[0].data, fits.getdata(frame_file))
    assert 'Traceback' not in window.log


def reviewed(frame_file, rejected=()):
    """Return the plane of causes without the rejected segments."""
    frame = read_frame(frame_file)
    expected = with_tails(frame, detect(frame))
    labels = segment(frame, expected).labels
    return merge_mask(frame, expected, (labels > 0) & ~np.isin(labels, rejected))


def check_saved(path, plane):
    with fits.open(path) as hdus:
        assert_array_equal(hdus['MASK'].data, (plane != 0).astype(np.uint8))
        assert_array_equal(hdus['DQ'].data, plane)


def start(window):
    for text in ('Plugins', 'Analysis', 'Cosmic Rays', 'Run'):
        window.click(text)
    window.wait_for_text(' segments (')
    time.sleep(1.0)


def test_review_of_ten_segments_with_the_mouse_only(window, frame_file, tmp_path):
    start(window)
    rejected = []
    for index in range(10):
        row = window.row(index)
        window.click_at(*row['at'])
        if index % 3 == 0:
            window.click('Reject')
            rejected.append(int(row['words'][0]))
    window.click_at(*window.row(3)['at'])
    window.click('Keep')
    rejected.remove(int(window.row(3)['words'][0]))
    window.wait_for_text('3 rejected')
    window.click('Save...')
    window.click('Save')
    window.wait_for_text('saved: night1_crmask.fits')
    check_saved(tmp_path / 'night1_crmask.fits', reviewed(frame_file, rejected))


def test_review_of_ten_segments_with_keys_only(window, frame_file, tmp_path):
    start(window)
    labels = [int(window.row(index)['words'][0]) for index in range(10)]
    window.click_at(*window.on_image(250, 250))  # the image gets the keyboard focus
    for index in range(10):
        window.keys('n', *(['x'] if index % 2 else []))
    window.keys('u', 'shift+u', 'shift+n', 'shift+n', 'k')  # undo, redo; go back to the eighth segment and keep it
    window.wait_for_text('4 rejected')
    window.tab_to('Save...')
    window.keys('space')
    window.tab_to('Save')
    window.keys('space')
    window.wait_for_text('saved: night1_crmask.fits')
    rejected = [label for index, label in enumerate(labels) if index % 2 and index != 7]
    check_saved(tmp_path / 'night1_crmask.fits', reviewed(frame_file, rejected))
