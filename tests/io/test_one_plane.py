"""Tests of images with axes of length 1."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

from ginga_crplugin import detect, read_frame, save_mask
from ginga_crplugin.core.interpretation import as_frame
from ginga_crplugin.io.input_masks import read_mask
from ginga_crplugin.io.read import read_image
from ginga_crplugin.io.saved_mask import read_segment_cutout
from tests.cases import case, false_pixels, rays_found
from tests.headers import WCS_CARDS

SHAPES = [(1, 50, 60), (1, 1, 50, 60), (50, 60, 1), (1, 50, 60, 1)]


def image(shape):
    data = np.random.default_rng(1).normal(100, 10, shape).astype('f4')
    data.reshape(50, 60)[20:24, 30] = 5000
    return data


def write(path, shape, kind='primary'):
    cards = WCS_CARDS | {'BUNIT': 'electron', 'RDNOISE': 5.0, 'CTYPE3': 'FREQ', 'CDELT3': 1.0, 'CRPIX3': 1.0}
    hdus = {
        'primary': lambda: [fits.PrimaryHDU(image(shape))],
        'extension': lambda: [fits.PrimaryHDU(), fits.ImageHDU(image(shape), name='SCI')],
        'compressed': lambda: [fits.PrimaryHDU(), fits.CompImageHDU(np.round(image(shape)).astype('i4'), name='SCI')],
    }[kind]()
    hdus[-1].header.update(cards)
    fits.HDUList(hdus).writeto(path)
    return path


def test_case(tmp_path):
    path, truth = case('one_plane')
    frame = read_frame(path)
    assert frame.shape == (512, 512)
    detection = detect(frame)
    found, count = rays_found(detection.crmask, truth)
    assert found >= 0.95 * count
    assert false_pixels(detection.crmask, truth) <= 30
    output = save_mask(frame, detection, path=tmp_path / 'a.fits', cleaned=True)
    with fits.open(path) as hdus:
        size = hdus[0].filebytes()
    assert output.read_bytes()[:size] == path.read_bytes()[:size]


@pytest.mark.parametrize('kind', ['primary', 'extension', 'compressed'])
@pytest.mark.parametrize('shape', SHAPES)
def test_every_save_keeps_the_axes(shape, kind, tmp_path):
    path = write(tmp_path / 'a.fits', shape, kind)
    frame = read_frame(path)
    assert frame.shape == (50, 60)
    detection = detect(frame)
    assert detection.pixels >= 4
    for save in ('new', 'mask', 'into'):
        target = None if save == 'into' else tmp_path / f'{save}.fits'
        output = save_mask(frame, detection, path=target, kind=save, cleaned=True)
        with fits.open(output) as hdus:
            for hdu in hdus:
                if hdu.is_image and hdu.shape:
                    assert hdu.shape == shape
            assert np.array_equal(hdus['MASK'].data.reshape(50, 60) != 0, detection.crmask | (frame.bits != 0))
        if save != 'mask':
            again = read_frame(output)
            assert again.saved is not None
            assert np.array_equal(again.ccd.data, frame.ccd.data)
        assert read_mask(output, ext='MASK').mask.shape == (50, 60)
        cutout = read_segment_cutout(output, 1, 3, (path, frame.ext))
        assert cutout.science.shape == cutout.plane.shape
    ccd = CCDData.read(tmp_path / 'new.fits', hdu=frame.ext if kind == 'primary' else 1, unit='electron')
    assert ccd.mask.shape == ccd.shape


def test_wcs_has_two_axes(tmp_path):
    frame = read_frame(write(tmp_path / 'a.fits', (1, 50, 60)))
    assert frame.ccd.wcs.naxis == 2
    assert frame.ccd.wcs.pixel_to_world_values(4, 5) == pytest.approx((10, 20))


def test_companions_may_have_another_number_of_axes(tmp_path):
    mask, error = np.zeros((50, 60), 'u1'), np.ones((1, 50, 60), 'f4')
    mask[5, 5] = 1
    hdus = [fits.PrimaryHDU(image((1, 50, 60))), fits.ImageHDU(mask, name='MASK'), fits.ImageHDU(error, name='ERR')]
    fits.HDUList(hdus).writeto(tmp_path / 'a.fits')
    frame = read_frame(tmp_path / 'a.fits')
    assert frame.masks[0].count == 1
    assert frame.uncertainty.array.shape == (50, 60)
    assert read_image(tmp_path / 'a.fits', 'ERR')[0].shape == (50, 60)


def test_cube_is_refused_in_words(tmp_path):
    fits.PrimaryHDU(np.zeros((1, 5, 50, 60), 'f4')).writeto(tmp_path / 'a.fits')
    for read in (read_frame, read_image):
        with pytest.raises(ValueError, match=r'a\.fits.*shape \(1, 5, 50, 60\).*its 5 planes.*extension'):
            read(tmp_path / 'a.fits')
    with pytest.raises(ValueError, match='5 planes'):
        as_frame(np.zeros((5, 50, 60)))


@pytest.mark.parametrize('shape', SHAPES)
def test_in_memory(shape, tmp_path):
    mask = np.zeros(shape, bool)
    mask.reshape(50, 60)[3, 4] = True
    frame = as_frame(CCDData(image(shape), unit='electron', mask=mask))
    assert np.argwhere(frame.bits).tolist() == [[3, 4]]
    output = save_mask(frame, detect(frame), path=tmp_path / 'a.fits')
    with fits.open(output) as hdus:
        assert hdus[0].shape == hdus['MASK'].shape == hdus['DQ'].shape == shape
