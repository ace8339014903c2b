"""The notebook panel in JupyterLab in a browser: clicks, keys and drawing."""

import time

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin import MaskBit, detect, read_dark, read_frame, read_mask
from ginga_crplugin.demo.demo import DARK_LIMIT
from ginga_crplugin.demo.simulation import simulate
from tests.notebook.lab import Lab, missing

pytestmark = [
    pytest.mark.browser,
    pytest.mark.flaky(reruns=2),  # a browser on a busy machine
    pytest.mark.skipif(bool(missing()), reason=f'not installed: {", ".join(missing())}'),
]

START = """from ginga_crplugin import CosmicRayPanel
panel = CosmicRayPanel('night1.fits')
panel"""

BQPLOT = """from astrowidgets.bqplot import ImageWidget
from astropy.nddata import CCDData
from ginga_crplugin import CosmicRayPanel
image_widget = ImageWidget(display_width=560)
image_widget.load_image(CCDData.read('night1.fits'))
panel = CosmicRayPanel(image_widget)
panel.add_dark('dark.fits', 30)
panel"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Return a folder with a simulated frame, its dark, and the mask of its bad column."""
    folder = tmp_path_factory.mktemp('notebook')
    truth = simulate((512, 512))
    truth.ccd.write(folder / 'night1.fits')
    truth.dark.write(folder / 'dark.fits')
    fits.PrimaryHDU(truth.column.astype(np.uint8)).writeto(folder / 'column.fits')
    return folder


@pytest.fixture(scope='module')
def lab(folder, took):
    start = time.monotonic()
    lab = Lab(folder)
    yield lab
    lab.close()
    took('JupyterLab and Chromium', start)


def add(lab, name, button):
    lab.page.get_by_placeholder('path of a FITS file').fill(name)
    lab.button(button).click()
    lab.wait_for_text(name)


def row(lab, index):
    return lab.page.locator('.crp-table tr').nth(index)


def wait_for_image(lab):
    """Wait until the kernel is idle and the image in the page no longer changes."""
    lab.wait_until(
        lambda: lab.ask('not panel.session.runner.busy and not panel.view.viewer.viewer.is_redraw_pending()')
    )
    seen = []

    def still():
        lab.page.wait_for_timeout(100)
        seen.append(lab.pixels['sum'])
        return len(seen) > 6 and len(set(seen[-6:])) == 1

    lab.wait_until(still)


@pytest.fixture
def frame(folder):
    """Return the frame with all its masks."""
    masks = (read_dark(folder / 'dark.fits', DARK_LIMIT), read_mask(folder / 'column.fits', MaskBit.BAD))
    return read_frame(folder / 'night1.fits').replace(masks=masks)


def drag_sigclip(lab):
    """Drag the slider, wait for the result, and return the value."""
    handle, before = lab.page.locator('.crp-column .noUi-handle').first, lab.result
    lab.drag(handle, 40)
    lab.wait_until(lambda: lab.result != before)
    value = float(handle.get_attribute('aria-valuetext'))
    lab.wait_until(lambda: lab.ask('panel.params.sigclip') == pytest.approx(value, abs=1e-6))
    lab.wait_until(lambda: lab.ask('not panel.session.runner.busy and not panel.session.outdated'))
    return lab.ask('panel.params.sigclip')


def click_row(lab, index):
    """Click a row; return its label, x, y and area."""
    label, x, y, area = (float(row(lab, index).locator('td').nth(place).inner_text()) for place in range(4))
    row(lab, index).locator('td').nth(1).click()
    lab.page.locator('.crp-chosen').wait_for()
    return int(label), x, y, int(area)


def save_as(lab, name):
    lab.button('Save...').click()
    lab.page.get_by_title('Path of the output file.').fill(name)
    lab.wait_for_text(f'{name} will be written')
    lab.button('Save').click()
    lab.wait_for_text(f'saved: {name}')


def test_detect_review_and_save(lab, folder, frame):
    (folder / 'ginga_crmask.fits').unlink(missing_ok=True)
    lab.open('ginga', START)
    lab.wait_until_gone('compiling')
    add(lab, 'dark.fits', 'Dark')
    add(lab, 'column.fits', 'Add mask')
    lab.button('Run').click()
    lab.wait_for_text(f'{detect(frame).pixels} px by')
    wait_for_image(lab)
    before = lab.pixels

    sigclip = drag_sigclip(lab)
    assert 6.0 < sigclip < 12.0
    expected = detect(frame, frame.parameters({'sigclip': sigclip})[0])
    lab.wait_for_text(f'{expected.pixels} px by')
    assert 'exact' in lab.result
    wait_for_image(lab)
    assert 0 < lab.pixels['vermilion'] < before['vermilion']

    label, x, y, area = click_row(lab, 3)
    assert lab.ask('list(panel.view.viewer.viewer.get_pan())') == pytest.approx([x, y], abs=0.06)
    wait_for_image(lab)
    panned = lab.pixels
    assert panned['sum'] != before['sum']
    lab.button('Reject').click()
    lab.wait_for_text('1 rejected')
    assert 'rejected' in row(lab, 3).inner_text()
    wait_for_image(lab)
    assert lab.pixels['vermilion'] < panned['vermilion']
    lab.button('Undo').click()
    lab.wait_until(lambda: lab.pixels['vermilion'] == panned['vermilion'])
    lab.button('Redo').click()
    lab.wait_for_text('1 rejected')

    save_as(lab, 'ginga_crmask.fits')
    with fits.open(folder / 'ginga_crmask.fits', checksum=True) as hdus:
        found = (hdus['DQ'].data & MaskBit.CR_DETECTED) != 0
        assert_array_equal(hdus['MASK'].data, hdus['DQ'].data != 0)
        assert_array_equal(hdus[0].data, frame.ccd.data)
        assert_array_equal(found & expected.crmask, found)
        assert expected.pixels - np.count_nonzero(found) == area - hdus['CRSEG'].data['tail_area'][label - 1]
        assert hdus['CRSEG'].data['decision'][label - 1] == 'rejected'
        assert hdus['MASK'].header['LASIGCLP'] == sigclip
    assert lab.errors == []


def test_mouse_selects_and_draws_on_the_image(lab):
    lab.open('mouse', START)
    lab.wait_until_gone('compiling')
    lab.button('Run').click()
    lab.wait_for_text(' px by ')
    wait_for_image(lab)
    label = lab.ask('int(panel.session.result.segments.listed["label"][5])')
    x, y = (lab.ask(f'float(panel.segments["{name}"][{label - 1}].value)') for name in ('x_centroid', 'y_centroid'))
    x, y = lab.ask(f'[float(v) for v in panel.view.viewer.viewer.get_canvas_xy({x}, {y})]')
    image = lab.page.locator('.jp-OutputArea img').first
    image.click(position={'x': x, 'y': y})
    lab.wait_until(lambda: lab.ask('panel.session.selection') == label)
    lab.page.locator('.crp-chosen').wait_for()
    lab.page.locator('.crp-column select:has(option:text-is("polygon"))').select_option('line')
    lab.wait_until(lambda: lab.ask('panel.controls.draw.value') == 'line')
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    lab.page.mouse.move(box['x'] + 100, box['y'] + 100)
    lab.page.mouse.down()
    lab.page.mouse.move(box['x'] + 160, box['y'] + 120, steps=4)
    lab.page.mouse.up()
    lab.wait_until_gone(' 0 px by hand', timeout=10.0)
    wait_for_image(lab)
    assert lab.pixels['yellow'] > 50


def test_keys_on_the_image_and_on_the_table_control_the_panel(lab):
    lab.open('keys', START, '1 + 1')
    lab.wait_until_gone('compiling')
    lab.button('Run').click()
    lab.wait_for_text(' px by ')
    click_row(lab, 4)
    first = lab.ask('panel.session.selection')
    press = lab.page.keyboard.press
    press('x')  # JupyterLab would cut the cell
    lab.wait_for_text('1 rejected')
    press('ArrowDown')
    lab.wait_until(lambda: lab.ask('panel.session.selection') not in (None, first))
    press('Control+x')
    press('ArrowUp')
    lab.wait_until(lambda: lab.ask('panel.session.selection') == first)
    assert '1 rejected' in lab.text
    lab.page.locator('.jp-OutputArea img').first.click(position={'x': 3, 'y': 3})
    press('u')
    lab.wait_for_text('0 rejected')
    assert lab.page.evaluate('window.jupyterapp.shell.currentWidget.content.widgets.length') == 2


def test_errors_are_shown_in_the_page(lab, folder):
    lab.open('errors', START)
    lab.page.get_by_placeholder('path of a FITS file').fill('nothing.fits')
    lab.button('Add mask').click()
    lab.wait_for_text('nothing.fits: no such file')
    assert lab.page.get_by_role('alert').count() == 1


COUNT = """color => [...document.querySelectorAll('.bqplot .dot')]
  .filter(marker => getComputedStyle(marker).stroke === color).length"""

VERMILION, GRAY, WHITE = 'rgb(213, 94, 0)', 'rgb(153, 153, 153)', 'rgb(255, 255, 255)'


def test_markers_in_bqplot(lab, folder):
    (folder / 'bqplot_crmask.fits').unlink(missing_ok=True)
    lab.open('bqplot', BQPLOT)
    lab.wait_until_gone('compiling')
    lab.wait_for_text('need astrowidgets.ginga.ImageWidget')
    lab.button('Run').click()
    lab.wait_for_text(' px by ')

    def count(*colors):
        return tuple(lab.page.evaluate(COUNT, color) for color in colors)

    before = lab.ask('len(panel.session.result.segments.listed)')
    lab.wait_until(lambda: count(VERMILION) == (before,))
    drag_sigclip(lab)
    listed = lab.ask('len(panel.session.result.segments.listed)')
    assert 0 < listed < before
    lab.wait_until(lambda: count(VERMILION) == (listed,))
    _, x, y, _ = click_row(lab, 2)
    lab.wait_until(lambda: count(WHITE) == (1,))
    center = lab.ask('[float(v) for v in image_widget.get_viewport(sky_or_pixel="pixel")["center"]]')
    assert center == pytest.approx([x, y], abs=0.06)
    lab.button('Reject').click()
    lab.wait_until(lambda: count(GRAY, VERMILION) == (1, listed - 1))
    lab.button('Undo').click()
    lab.wait_until(lambda: count(GRAY, VERMILION) == (0, listed))
    lab.page.screenshot(path=folder / 'bqplot.png')
    save_as(lab, 'bqplot_crmask.fits')
    with fits.open(folder / 'bqplot_crmask.fits') as hdus:
        assert_array_equal(hdus['MASK'].data, hdus['DQ'].data != 0)
        assert (hdus['DQ'].data & MaskBit.HOT).any()
    assert lab.errors == []
