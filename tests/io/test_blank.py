"""Tests of pixels without a value in integer images."""

import numpy as np
import pytest
from astropy.io import fits

from ginga_crplugin import MaskBit, detect, save_mask
from ginga_crplugin.io.read import read_frame

EMPTY = np.zeros((60, 70), dtype=bool)
EMPTY[10:20, 5:30] = EMPTY[40, 40] = True


def write(path, raw, blank, compression=None, **cards):
    """Write integers as they are, with BLANK and other cards."""
    header = fits.Header({'BLANK': blank} | cards)
    if compression is None:
        hdu = fits.PrimaryHDU(raw, do_not_scale_image_data=True)
        hdu.header.update(header)
        hdu.writeto(path)
    else:
        hdu = fits.CompImageHDU(raw, compression_type=compression)
        hdu.header.update(header)
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    return path


def raw_pixels(dtype, blank, offset=0):
    data = np.random.default_rng(1).normal(1000, 30, EMPTY.shape).round().astype('i8') + offset
    data[EMPTY] = blank
    return data.astype(dtype)


CASES = {
    'int16': ('i2', -32768, 0, {}, None),
    'uint8': ('u1', 255, -900, {}, None),
    'int32': ('i4', -999, 0, {}, None),
    'uint16': ('i2', -32768, -32768, {'BZERO': 32768, 'BSCALE': 1}, None),
    'uint32': ('i4', -(2**31), -(2**31), {'BZERO': 2**31, 'BSCALE': 1}, None),
    'scaled': ('i2', -32768, 0, {'BZERO': 10.0, 'BSCALE': 0.5}, None),
    'RICE': ('i2', 30000, 0, {}, 'RICE_1'),
    'GZIP': ('i4', -999, 0, {}, 'GZIP_1'),
}


@pytest.mark.parametrize('name', CASES)
def test_blank(name, tmp_path):
    dtype, blank, offset, cards, compression = CASES[name]
    path = write(tmp_path / 'a.fits', raw_pixels(dtype, blank, offset), blank, compression, **cards)
    if name.startswith('uint') and dtype != 'u1':
        with fits.open(path) as hdus:
            assert hdus[0].data.dtype.kind == 'u'  # astropy does not convert these
    frame = read_frame(path)
    assert np.array_equal(frame.bits & MaskBit.NO_DATA != 0, EMPTY)
    assert [mask.name for mask in frame.masks] == [f'no data (BLANK {blank})']
    assert np.isfinite(frame.filled).all()
    assert np.ptp(frame.filled) < 300


def test_blank_of_compressed_unsigned(tmp_path):
    data = raw_pixels('u2', 0)
    path = write(tmp_path / 'a.fits', data, -32768, 'RICE_1')
    assert np.array_equal(read_frame(path).bits & MaskBit.NO_DATA != 0, EMPTY)


def test_saved_blank_is_not_masked_twice(tmp_path):
    path = write(tmp_path / 'a.fits', raw_pixels('i2', -32768, -32768), -32768, BZERO=32768, BSCALE=1)
    frame = read_frame(path)
    output = save_mask(frame, detect(frame), path=tmp_path / 'b.fits')
    again = read_frame(output)
    assert [mask.bit for mask in again.masks] == [MaskBit.NO_DATA]
    assert np.array_equal(again.bits, frame.bits)


@pytest.mark.parametrize('blank', ['text', 1.5, True])
def test_blank_that_is_no_integer(blank, tmp_path):
    path = tmp_path / 'a.fits'
    hdu = fits.PrimaryHDU(raw_pixels('f4', 0))
    hdu.header['BLANK'] = blank
    hdu.writeto(path, output_verify='ignore')
    assert not any('BLANK' in mask.name for mask in read_frame(path).masks)
