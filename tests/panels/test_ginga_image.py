"""Frames made from images of Ginga."""

import numpy as np
import pytest
from astropy.nddata import CCDData, StdDevUncertainty
from ginga.AstroImage import AstroImage
from ginga.misc.log import NullLogger
from numpy.testing import assert_array_equal

from ginga_crplugin.panels.ginga_image import frame_of_image

PIXELS = np.random.default_rng(8).normal(200.0, 9.0, (40, 36)).astype('f4')


@pytest.fixture
def cleaned():
    """A cleaned frame as the plugin shows it."""
    mask = PIXELS > 225.0
    ccd = CCDData(PIXELS, unit='electron', mask=mask, uncertainty=StdDevUncertainty(np.sqrt(PIXELS)))
    ccd.header['OBJECT'] = 'field 7'
    image = AstroImage(data_np=ccd.data, logger=NullLogger())
    image.set(name='f_cleaned', ccd=ccd)
    return image


def test_a_cleaned_frame_that_is_opened_has_its_mask_and_uncertainty(cleaned):
    frame = frame_of_image(cleaned)
    ccd = cleaned.get('ccd')
    assert frame.ccd.unit == 'electron'
    assert frame.ccd.header['OBJECT'] == 'field 7'
    assert_array_equal(frame.masks[0].mask, ccd.mask)
    assert_array_equal(frame.uncertainty.array, ccd.uncertainty.array)
    assert not np.shares_memory(frame.ccd.data, ccd.data)
    assert frame_of_image(cleaned, 'adu').ccd.unit == 'adu'
    assert_array_equal(frame_of_image(cleaned, 'adu').uncertainty.array, ccd.uncertainty.array)


def test_of_an_image_that_was_changed_since_they_are_not_used(cleaned):
    cleaned.set_data(PIXELS + 1)
    frame = frame_of_image(cleaned)
    assert frame.masks == ()
    assert frame.uncertainty is None
