"""Review of a batch in a window: outlying frames are opened, reviewed with keys, and saved with the mouse."""

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin import MaskBit, Recipe, save_recipe
from ginga_crplugin.cli.main import main
from ginga_crplugin.core.bits import REVIEW
from ginga_crplugin.core.input_mask import MaskSource
from ginga_crplugin.demo.simulation import simulate
from tests.plugin.window import Window, missing

pytestmark = [
    pytest.mark.window,
    pytest.mark.flaky(reruns=2),  # a real mouse on a busy machine
    pytest.mark.skipif(bool(missing()), reason=f'programs for a virtual screen are missing: {missing()}'),
]

SHAPE = (200, 220)


@pytest.fixture
def night(tmp_path, capsys):
    """Return the output of a recipe with a dark for seven frames of sky, two of them with many cosmic rays."""
    dark = np.full(SHAPE, 5.0, dtype=np.float32)
    dark[::40, ::40] = 100.0
    fits.PrimaryHDU(dark).writeto(tmp_path / 'dark.fits')
    for number in range(7):
        rng = np.random.default_rng(number)
        electrons = rng.poisson(200.0, SHAPE) + rng.normal(0.0, 10.0, SHAPE)
        many = 20 if number in (2, 4) else 0
        electrons += sum(simulate(SHAPE, seed).cosmic_rays for seed in (number, *range(100, 100 + many)))
        header = fits.Header({'XPIXSZ': 13.5, 'BUNIT': 'electron', 'RDNOISE': 10.0, 'EXPTIME': 600.0})
        fits.PrimaryHDU(electrons.astype(np.float32), header).writeto(tmp_path / f'f{number}.fits')
    recipe = Recipe({'sigclip': 6.0}, (MaskSource(tmp_path / 'dark.fits', None, MaskBit.HOT, 30.0),))
    save_recipe(recipe, tmp_path / 'night.yaml')
    arguments = [
        'apply',
        tmp_path / 'night.yaml',
        *(tmp_path / f'f{k}.fits' for k in range(7)),
        '-o',
        tmp_path / 'out',
        '-j',
        1,
    ]
    assert main([str(argument) for argument in arguments]) == 0
    capsys.readouterr()
    return tmp_path / 'out'


def test_review_outlying_frames_and_save_the_mask(night):
    output = night / 'f2_crmask.fits'
    with fits.open(output) as hdus:
        before, pixels, segments = hdus['DQ'].data, hdus[0].data, hdus['CRSEG'].data
        others = {path: path.read_bytes() for path in night.glob('f*.fits') if path != output}
    window = Window(night, view=True)
    try:
        window.wait_for_text('f2_crmask.fits [0]')
        window.wait_for_text('dark.fits > 30')  # the mask of the recipe, only once
        assert window.ask(label='of the DQ in this file') is None
        assert f'{len(segments)} segments' in window.wait_for_text(' segments (')  # without a click on Run
        click_corner(window)  # the image gets the keyboard focus
        window.keys('n', 'n', 'x')
        window.wait_for_text('1 rejected')
        label = int(window.row(window.row(0)['selected'][0])['words'][0])
        window.click('Save...')
        window.wait_for_text('select "overwrite"')
        window.click('Save')
        window.wait_for_text('allow overwriting')  # nothing is overwritten without consent
        window.click('overwrite')
        window.wait_for_text('will be overwritten')
        window.click('Save')
        window.wait_for_text('saved: f2_crmask.fits')
        row = segments[segments['label'] == label][0]
        check(output, before, pixels, row)
        click_corner(window)
        window.keys('Down')
        window.wait_for_text('f4_crmask.fits [0]')
        window.wait_for_text('0 rejected')
        click_corner(window)
        window.keys('Up')
        window.wait_for_text('f2_crmask.fits [0]')
        window.wait_for_text('1 rejected')
        assert 'Traceback' not in window.log
    finally:
        window.close()
    assert {path: path.read_bytes() for path in others} == others


def click_corner(window):
    """Click the corner of the image, where there is no segment."""
    left, top, _, _ = window.ask(box='image')
    window.click_at(left + 5, top + 5)


def check(output, before, pixels, row):
    """Check that the rejected segment is not in the mask, and that nothing else has changed."""
    with fits.open(output, checksum=True) as hdus:
        after = hdus['DQ'].data
        assert_array_equal(hdus[0].data, pixels)
        assert_array_equal(hdus['MASK'].data, (after != 0).astype(np.uint8))
        assert len(hdus[REVIEW].data) == row['area']
    y, x = np.nonzero(after != before)
    assert len(y) == row['area']
    assert (before[y, x] & ~after[y, x] == MaskBit.CR_DETECTED).all()
    assert (x.min(), y.min(), x.max(), y.max()) == tuple(
        row[f'bbox_{edge}'] for edge in ('xmin', 'ymin', 'xmax', 'ymax')
    )
