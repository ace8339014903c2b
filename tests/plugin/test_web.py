"""The plugin in a browser with Ginga's web backend: clicks, keys and drawing."""

import time

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin import detect, merge_mask, read_dark, read_frame, segment, with_tails
from ginga_crplugin.demo.demo import DARK_LIMIT
from ginga_crplugin.demo.simulation import simulate
from tests.plugin.web import Web, missing

pytestmark = [
    pytest.mark.browser,
    pytest.mark.flaky(reruns=2),  # a browser on a busy machine
    pytest.mark.skipif(bool(missing()), reason=f'not installed: {", ".join(missing())}'),
]


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a simulated frame and its dark."""
    truth = simulate((512, 512))
    truth.ccd.write(tmp_path / 'night1.fits')
    truth.dark.write(tmp_path / 'dark.fits')
    return tmp_path


@pytest.fixture(params=[False])
def web(folder, request, took):
    start = time.monotonic()
    web = Web(folder / 'night1.fits', view=request.param)
    yield web
    web.close()
    took('Ginga in Chromium', start)


def run(web):
    """Run the detection and wait for the result and the hints."""
    web.wait_for_text('night1.fits [0]')
    web.wait_until_gone('compiling')
    seen = None
    while seen != (seen := web.text):  # the checks appear above the button, and their remedies once they were tried
        time.sleep(3.0)
    web.click('Run')
    web.wait_for_text(' px by L.A.Cosmic')
    web.wait_until(lambda: len(web.rows.first.inner_text().split()) > 6)  # with S/N


def test_detect_review_and_save(web, folder):
    for text in ('Plugins', 'Analysis', 'Cosmic Rays', 'Dark...'):
        web.click(text)
    web.dialog.get_by_text('dark.fits', exact=True).click()
    web.dialog.get_by_text('Open', exact=True).click()
    web.wait_for_text('dark.fits > 30')
    run(web)
    frame = read_frame(folder / 'night1.fits')
    frame = frame.replace(masks=(read_dark(folder / 'dark.fits', DARK_LIMIT),))
    expected = with_tails(frame, detect(frame))
    assert web.result.startswith(f'{expected.pixels} px by')
    assert ' px by L.A.Cosmic (exact), ' in web.result

    row = web.rows.nth(3)
    label, x, y = (float(word) for word in row.inner_text().split()[:3])
    row.click()
    web.wait_until(lambda: web.ask(pan=True) == pytest.approx([x - 1.0, y - 1.0], abs=0.06))
    web.wait_until(lambda: web.pixels['central'] > 20)
    web.click('Reject')
    web.wait_for_text('1 rejected')
    web.wait_until(lambda: row.inner_text().endswith('rejected'))

    panel = web.page.locator('.scrollarea-viewport').filter(has_text='Input masks')
    assert panel.evaluate('panel => panel.scrollWidth - panel.clientWidth') == 0  # nothing scrolls horizontally

    web.click('Save...')
    web.dialog.locator('input[type=text]').nth(1).fill(str(folder / 'mine.fits'))  # without Return
    web.dialog.get_by_text('Save', exact=True).click()
    web.wait_for_text('saved: mine.fits')
    labels = segment(frame, expected).labels
    assert (labels == label).any()
    plane = merge_mask(frame, expected, (labels > 0) & (labels != label))
    with fits.open(folder / 'mine.fits', checksum=True) as hdus:
        assert_array_equal(hdus['DQ'].data, plane)
        assert_array_equal(hdus['MASK'].data, (plane != 0).astype(np.uint8))
        assert_array_equal(hdus[0].data, frame.ccd.data)
        assert hdus['CRSEG'].data['decision'][int(label) - 1] == 'rejected'
    assert sorted(path.name for path in folder.glob('*.fits')) == ['dark.fits', 'mine.fits', 'night1.fits']
    assert web.errors == []
    assert 'ginga_crplugin' not in web.log


@pytest.mark.parametrize('web', [True], indirect=True, ids=['view'])
def test_keys_and_drawing_on_the_image(web):
    run(web)
    web.wait_until(lambda: web.pixels['vermilion'] > 200)  # the whole image is visible
    web.rows.nth(3).click()
    web.wait_until(lambda: web.pixels['central'] > 20)
    x, y = web.pixels['middle']
    web.page.mouse.click(x + 150, y + 100)  # the image gets the keyboard focus
    web.page.keyboard.press('n')
    web.wait_for_text('5 of ')
    web.page.keyboard.press('x')
    web.wait_for_text('1 rejected')
    web.wait_until(lambda: web.rows.nth(4).inner_text().endswith('rejected'))
    web.page.keyboard.press('u')
    web.wait_for_text('0 rejected')
    web.page.keyboard.press('d')
    web.stroke((x + 60, y + 100), (x + 160, y + 140))
    web.wait_until_gone(' 0 px by hand')
    web.wait_until(lambda: web.pixels['yellow'] > 100)
    web.page.keyboard.press('u')
    web.wait_for_text(' 0 px by hand')
    assert web.errors == []
    assert 'ginga_crplugin' not in web.log
