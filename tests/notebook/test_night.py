"""A frame of a night in the notebook's panel: its masks, and where its review goes."""

import numpy as np
import pytest
from astropy.io import fits

pytest.importorskip('astrowidgets')

from ginga_crplugin import CosmicRayPanel, MaskBit, Recipe
from ginga_crplugin.batch.apply import apply_recipe
from ginga_crplugin.core.frame import MaskSource
from ginga_crplugin.demo.simulation import simulate

pytestmark = pytest.mark.filterwarnings(
    'ignore:Passing unrecognized arguments to super:DeprecationWarning',
)


@pytest.fixture
def night(tmp_path):
    """A frame in a unit that the recipe gives, its output, and the recipe."""
    truth = simulate((120, 130), 3)
    truth.dark.write(tmp_path / 'dark.fits')
    header = truth.ccd.header.copy()
    header['BUNIT'] = 'counts of some kind'
    fits.PrimaryHDU(truth.ccd.data, header).writeto(tmp_path / 'f1.fits')
    recipe = Recipe({'sigclip': 6.0}, (MaskSource(tmp_path / 'dark.fits', None, MaskBit.HOT, 30.0),), unit='adu')
    (outcome,) = apply_recipe(recipe, [tmp_path / 'f1.fits'], tmp_path)
    assert outcome.status == 'done', outcome.reason
    return recipe, tmp_path / 'f1_crmask.fits', tmp_path / 'f1.fits'


def test_a_review_goes_back_where_the_mask_was(night):
    recipe, output, frame = night
    panel = CosmicRayPanel()
    panel.recipe = recipe
    panel.load(output)
    assert [choice.mask.name for choice in panel.session.masks] == ['dark.fits > 30']
    panel.run()
    part = panel.controls.save_form
    assert part.kind.value == 'into'
    assert 'already holds a saved mask' in part.message.value
    panel.session.review.edit('reject', panel.session.result.segments.pixels_of([1]))
    before = fits.getdata(output, 'DQ')
    part.button.click()
    assert panel.session.error
    assert np.array_equal(fits.getdata(output, 'DQ'), before)
    part.overwrite.value = True
    assert 'will be overwritten' in part.message.value
    part.button.click()
    assert panel.session.error == ''
    assert np.count_nonzero(fits.getdata(output, 'DQ') != before) == np.count_nonzero(
        panel.session.result.segments.labels == 1
    )
    panel.load(output)  # what was said of one file is not said of the next
    assert part.overwrite.value is False
    panel.run()
    assert list(panel.session.review.decisions.rejected_labels) == [1]
    panel.load(frame)
    assert part.kind.value == 'new'


def test_the_unit_of_a_recipe_is_taken(night):
    recipe, _, frame = night
    panel = CosmicRayPanel(frame)
    assert panel.session.frame is None
    assert 'counts of some kind' in panel.session.error
    panel.recipe = recipe
    assert panel.session.frame.ccd.unit == 'adu'
    assert panel.session.error == ''
