"""A frame of a batch in the notebook panel: its masks, and where its review is saved."""

import numpy as np
import pytest
from astropy.io import fits

pytest.importorskip('astrowidgets')

from ginga_crplugin import CosmicRayPanel, MaskBit, Recipe
from ginga_crplugin.batch.apply import apply_recipe
from ginga_crplugin.core.input_mask import MaskSource
from ginga_crplugin.demo.simulation import simulate

pytestmark = pytest.mark.filterwarnings(
    'ignore:Passing unrecognized arguments to super:DeprecationWarning',
)


@pytest.fixture
def night(tmp_path):
    """Return a recipe with a unit, its output for a frame, and the frame."""
    truth = simulate((120, 130), 3)
    truth.dark.write(tmp_path / 'dark.fits')
    header = truth.ccd.header.copy()
    header['BUNIT'] = 'counts of some kind'
    fits.PrimaryHDU(truth.ccd.data, header).writeto(tmp_path / 'f1.fits')
    recipe = Recipe({'sigclip': 6.0}, (MaskSource(tmp_path / 'dark.fits', None, MaskBit.HOT, 30.0),), unit='adu')
    (outcome,) = apply_recipe(recipe, [tmp_path / 'f1.fits'], tmp_path)
    assert outcome.status == 'done', outcome.reason
    return recipe, tmp_path / 'f1_crmask.fits', tmp_path / 'f1.fits'


def test_review_is_saved_into_the_file_of_the_mask(night):
    recipe, output, frame = night
    panel = CosmicRayPanel()
    panel.recipe = recipe
    panel.load(output)
    assert [setting.mask.name for setting in panel.session.masks] == ['dark.fits > 30']
    panel.run()
    form = panel.controls.save_form
    assert form.kind.value == 'into'
    assert 'already holds a saved mask' in form.message.value
    panel.session.review.edit('reject', panel.session.result.segments.pixels_of([1]))
    before = fits.getdata(output, 'DQ')
    form.button.click()
    assert panel.session.error
    assert np.array_equal(fits.getdata(output, 'DQ'), before)
    form.overwrite.value = True
    assert 'will be overwritten' in form.message.value
    form.button.click()
    assert panel.session.error == ''
    assert np.count_nonzero(fits.getdata(output, 'DQ') != before) == np.count_nonzero(
        panel.session.result.segments.labels == 1
    )
    panel.load(output)  # the option was meant for the previous file
    assert form.overwrite.value is False
    panel.run()
    assert list(panel.session.review.decisions.rejected_labels) == [1]
    panel.load(frame)
    assert form.kind.value == 'new'


def test_unit_of_a_recipe_is_used(night):
    recipe, _, frame = night
    panel = CosmicRayPanel(frame)
    assert panel.session.frame is None
    assert 'counts of some kind' in panel.session.error
    panel.recipe = recipe
    assert panel.session.frame.ccd.unit == 'adu'
    assert panel.session.error == ''
