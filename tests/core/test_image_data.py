"""Tests of images in memory of every type."""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData, NDData, StdDevUncertainty
from astropy.utils.masked import Masked
from astropy.wcs import WCS
from astropy.wcs.wcsapi import BaseLowLevelWCS, HighLevelWCSWrapper, SlicedLowLevelWCS

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.interpretation import as_frame
from ginga_crplugin.notebook.convert import to_frame
from tests.headers import WCS_CARDS

DATA = np.random.default_rng(1).normal(100, 10, (30, 40))
MASK = np.zeros(DATA.shape, bool)
MASK[3, 4] = MASK[20, 7] = True

IMAGES = {
    'array': (DATA, 'adu', False),
    'list': (DATA.tolist(), 'adu', False),
    'quantity': (DATA * u.electron, 'electron', False),
    'rate': (DATA * u.electron / u.s, 'electron / s', False),
    'masked array': (np.ma.array(DATA, mask=MASK), 'adu', True),
    'masked array without mask': (np.ma.array(DATA), 'adu', False),
    'masked': (Masked(DATA, mask=MASK), 'adu', True),
    'masked quantity': (Masked(DATA * u.electron, mask=MASK), 'electron', True),
    'nddata': (NDData(DATA, mask=MASK, unit='electron'), 'electron', True),
    'nddata of a masked array': (NDData(np.ma.array(DATA, mask=MASK)), 'adu', True),
    'nddata of a quantity': (NDData(DATA * u.electron), 'electron', False),
    'ccddata': (CCDData(DATA, unit='adu', mask=MASK), 'adu', True),
}


@pytest.mark.parametrize('make', [Frame, as_frame, to_frame])
@pytest.mark.parametrize('name', IMAGES)
def test_types(name, make):
    image, unit, masked = IMAGES[name]
    frame = make(image)
    assert frame.ccd.unit.to_string() == unit
    assert type(frame.ccd.data) is np.ndarray
    assert np.array_equal(frame.ccd.data, DATA)
    assert np.array_equal(frame.bits != 0, MASK if masked else np.zeros_like(MASK))
    assert [mask.name for mask in frame.masks] == ([f'mask of the {type(image).__name__}'] if masked else [])
    assert [mask.origin for mask in frame.masks] == ([None] if masked else [])


def test_unsupported_unit():
    with pytest.raises(ValueError, match="unit 'Jy' is not supported"):
        Frame(DATA * u.Jy)


@pytest.mark.parametrize('make', [Frame, to_frame])
def test_uncertainty_and_header(make):
    shape = 1, *DATA.shape
    meta = {'EGAIN': 2.0, 'OBJECT': 'M 51', 'bad\nkey': [1]}
    image = NDData(
        DATA.reshape(shape), unit='adu', meta=meta, uncertainty=StdDevUncertainty(np.full(shape, 3.0)), mask=False
    )
    frame = make(image)
    assert frame.uncertainty.array.shape == DATA.shape
    assert frame.parameters()[0].gain == 2.0
    assert any('cannot be written to a FITS header' in note for note in frame.notes)
    assert 'NAXIS' not in image.meta


class OtherWCS(BaseLowLevelWCS):
    """A WCS that cannot be written to a FITS header."""

    pixel_n_dim = world_n_dim = 2
    world_axis_physical_types = 'pos.eq.ra', 'pos.eq.dec'
    world_axis_units = 'deg', 'deg'
    world_axis_object_components = ('ra', 0, 'value'), ('dec', 0, 'value')
    world_axis_object_classes = {'ra': (u.Quantity, (), {'unit': 'deg'}), 'dec': (u.Quantity, (), {'unit': 'deg'})}  # noqa: RUF012

    def pixel_to_world_values(self, *pixels):
        return pixels

    def world_to_pixel_values(self, *world):
        return world


class WritableWCS(OtherWCS):
    """A WCS that offers an approximation as a FITS header, as gwcs does."""

    def to_fits_sip(self):
        return fits.Header(WCS_CARDS | {'NAXIS': 2, 'NAXIS1': 40, 'NAXIS2': 30})


@pytest.mark.parametrize('make', [Frame, to_frame])
def test_wcs_of_other_kinds(make):
    for wcs in (OtherWCS(), SlicedLowLevelWCS(WCS(fits.Header(WCS_CARDS)), np.s_[1:, 2:])):
        frame = make(NDData(DATA, wcs=HighLevelWCSWrapper(wcs)))
        assert frame.ccd.wcs is None
        assert 'the WCS cannot be written to a FITS header: ignored' in frame.notes
        frame.ccd.to_hdu()
    frame = make(NDData(DATA, wcs=HighLevelWCSWrapper(WritableWCS())))
    assert frame.ccd.wcs.pixel_to_world_values(4, 5) == pytest.approx((10, 20))
    assert not any('WCS' in note for note in frame.notes)


@pytest.mark.parametrize('make', [Frame, to_frame])
def test_wcs_with_three_axes(make):
    cube = WCS(fits.Header(WCS_CARDS | {'CTYPE3': 'FREQ', 'CRVAL3': 1e9, 'CDELT3': 1.0, 'CRPIX3': 1.0}), naxis=3)
    for image in (CCDData(DATA[None], unit='adu', wcs=cube), CCDData(DATA, unit='adu', wcs=cube)):
        frame = make(image)
        assert frame.ccd.wcs.naxis == 2
        assert frame.ccd.wcs.pixel_to_world_values(4, 5) == pytest.approx((10, 20))


def test_a_mask_of_another_shape_is_refused():
    image = NDData(np.zeros((20, 30)), mask=np.zeros((3, 4), bool))
    with pytest.raises(ValueError, match=r"the mask: shape \(3, 4\) differs from the frame's \(20, 30\)"):
        Frame(image)
