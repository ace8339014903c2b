import bz2
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData, NDData
from astropy.wcs import WCS
from numpy.testing import assert_array_equal

from ginga_crplugin import (
    Frame,
    InputMask,
    LACosmicParams,
    MaskBit,
    check_frame,
    detect,
    read_dark,
    read_frame,
    read_mask,
    segment,
)
from ginga_crplugin.io.read import read_image

SHAPE = (20, 24)
PIXELS = np.arange(480).reshape(SHAPE) + 100
ADU = {'BUNIT': 'adu'}


def flags(*places):
    plane = np.zeros(SHAPE, dtype=np.uint8)
    for place in places:
        plane[place] = 1
    return plane


def write(path, *hdus, primary=None):
    fits.HDUList([primary or fits.PrimaryHDU(), *hdus]).writeto(path)
    return path


def single(path, pixels, **cards):
    return write(path, primary=fits.PrimaryHDU(pixels, fits.Header(cards)))


def image(name, pixels, ver=1, **cards):
    return fits.ImageHDU(pixels, fits.Header(cards), name=name, ver=ver)


# the pixels


@pytest.mark.parametrize('dtype', ['u1', 'i2', 'u2', 'i4', 'u4', 'f4', 'f8', '>f4', '>i2', '>f8'])
def test_read_pixels_equal_the_file_in_native_byte_order(tmp_path, dtype):
    pixels = (PIXELS // 3).astype(dtype)
    frame = read_frame(single(tmp_path / 'a.fits', pixels, **ADU))
    assert_array_equal(frame.ccd.data, pixels)
    assert frame.ccd.data.dtype == np.dtype(dtype).newbyteorder('=')
    assert frame.ccd.data.dtype.isnative


def test_unsigned_pixels_with_bzero_equal_astropy(saao_path):
    frame = read_frame(saao_path)
    assert_array_equal(frame.ccd.data, fits.getdata(saao_path), strict=True)
    assert frame.ccd.data.dtype == np.uint16


@pytest.mark.parametrize('pack', [gzip.compress, bz2.compress])
def test_compressed_files(tmp_path, pack):
    plain = single(tmp_path / 'a.fits', PIXELS, **ADU)
    packed = tmp_path / 'a.fits.packed'
    packed.write_bytes(pack(plain.read_bytes()))
    assert_array_equal(read_frame(packed).ccd.data, PIXELS)


def test_tile_compressed_file(tmp_path):
    path = write(tmp_path / 'a.fits.fz', fits.CompImageHDU(PIXELS.astype('i4'), fits.Header(ADU)))
    frame = read_frame(path)
    assert_array_equal(frame.ccd.data, PIXELS)
    assert frame.ext == 1


def test_compressed_and_plain_saao_frames_are_the_same(data):
    packed, plain = read_frame(data / 'saao_rice.fits.fz'), read_frame(data / 'saao_ste3_a8280271.fits')
    assert_array_equal(packed.ccd.data, plain.ccd.data, strict=True)
    assert packed.parameters() == plain.parameters()


def test_the_first_image_is_read_by_default(tmp_path):
    path = write(tmp_path / 'a.fits', image('SCI', PIXELS, 1, **ADU), image('SCI', PIXELS + 1, 2, **ADU))
    for ext, index in ((None, 1), (2, 2), (-1, 2), ('SCI', 1), (('SCI', 2), 2), ('sci', 1)):
        frame = read_frame(path, ext)
        assert_array_equal(frame.ccd.data, PIXELS + index - 1)
        assert frame.ext == index
    assert frame.label == 'a.fits [1]'


def test_other_images_of_the_file_are_noted(tmp_path):
    images = [fits.ImageHDU(PIXELS + n, name=name) for n, name in enumerate(('CHIP1', 'CHIP2', 'MODEL', 'CHIP3'))]
    path = tmp_path / 'chips.fits'
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(path)
    note = 'extension 1 is read, one of 3 images in the file; the others are 2 CHIP2, 4 CHIP3'
    assert note in read_frame(path).notes
    assert not [text for ext in (1, 2, 'CHIP3') for text in read_frame(path, ext).notes if 'images in the file' in text]


def test_cards_of_the_extension_override_the_primary_header(gmos_path, tmp_path):
    assert read_frame(gmos_path).ccd.header['EXPTIME'] == fits.getheader(gmos_path)['EXPTIME']
    primary = fits.PrimaryHDU(header=fits.Header({'GAIN': 9.0, 'RDNOISE': 4.0}))
    path = write(tmp_path / 'a.fits', image('SCI', PIXELS, GAIN=1.5, **ADU), primary=primary)
    params, sources = read_frame(path).parameters()
    assert (params.gain, params.readnoise) == (1.5, 4.0)
    assert sources['gain'] == 'GAIN in the header'


def test_sky_coordinates_are_read(tmp_path):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.cdelt = ['RA---TAN', 'DEC--TAN'], [10, 20], [-0.001, 0.001]
    path = write(tmp_path / 'a.fits', image('SCI', PIXELS, **wcs.to_header(), **ADU))
    assert read_frame(path).ccd.wcs.wcs.compare(WCS(fits.getheader(path, 1)).wcs)
    assert read_frame(single(tmp_path / 'b.fits', PIXELS, **ADU)).ccd.wcs is None


def test_a_frame_with_an_invalid_wcs_is_read(tmp_path):
    cards = {'CTYPE1': 'RA---TAN', 'CTYPE2': 'DEC--SIN', 'CD1_1': 0.0, 'CD2_2': 0.0}
    path = single(tmp_path / 'a.fits', PIXELS, **cards, **ADU)
    assert_array_equal(read_frame(path).ccd.data, PIXELS)


@pytest.mark.parametrize(
    ('bad', 'dtype'), [(np.nan, 'f4'), (np.inf, 'f8'), (-np.inf, 'f4'), (3e38, 'f4'), (1e300, 'f8'), (-1e31, 'f8')]
)
def test_nonfinite_pixels_are_masked_and_replaced_in_filled(bad, dtype):
    pixels = PIXELS.astype(dtype)
    pixels[3, 4:6] = bad
    frame = Frame(pixels)
    hole = flags((3, 4), (3, 5)) == 1
    assert_array_equal(frame.nonfinite, hole)
    assert_array_equal(frame.bits, 8 * hole.astype(np.uint8))
    assert_array_equal(frame.filled, np.where(hole, np.median(PIXELS[~hole]), PIXELS).astype(dtype), strict=True)
    assert_array_equal(frame.ccd.data, pixels)


def test_masked_and_nonfinite_pixels_are_excluded():
    pixels = PIXELS.astype('f4')
    pixels[3, 4] = np.nan
    masks = [
        InputMask(bit.name, bit, flags(pixel) == 1)
        for bit, pixel in (
            (MaskBit.HOT, (5, 6)),
            (MaskBit.INPUT | MaskBit.SATURATED, (7, 8)),
            (MaskBit.CR_MISSION, (9, 10)),
        )
    ]
    frame = Frame(pixels, masks=masks)
    assert_array_equal(frame.excluded(), flags((3, 4), (5, 6), (7, 8)) == 1)
    assert_array_equal(frame.excluded(slice(4, 8)), frame.excluded()[4:8])
    assert not Frame(PIXELS).excluded().any()


@pytest.mark.parametrize('shape', [(16, 300_000), (300_000, 16), (601, 907)])
def test_all_pixels_of_large_frames_are_checked(shape):
    pixels = np.random.default_rng(1).normal(100.0, 9.0, shape).astype(np.float32)
    params = LACosmicParams(gain=1.7, pssl=3.0, satlevel=230.0)
    frame = Frame(pixels)
    assert not frame.nonfinite.any()
    assert frame.saturated(params).any()
    electrons = ((pixels + 3.0) * float(np.float32(1.7))).astype(np.float32)
    assert_array_equal(frame.saturated(params), electrons >= np.float32(230.0), strict=True)
    for place in ((0, 0), (-1, -1), (shape[0] // 2, 7)):
        broken = pixels.copy()
        broken[place] = np.nan
        assert_array_equal(Frame(broken).nonfinite, np.isnan(broken), strict=True)


def test_masked_pixels_are_not_used_for_the_fill_value():
    pixels = PIXELS.astype(float)
    pixels[0, 0] = np.nan
    mask = pixels > 200
    assert Frame(pixels, masks=[InputMask('m', MaskBit.HOT, mask)]).filled[0, 0] == np.nanmedian(pixels[~mask])


def test_a_frame_from_an_array_is_in_adu():
    frame = Frame(PIXELS)
    assert frame.ccd.unit == u.adu
    assert frame.path is None
    assert frame.parameters()[0] == LACosmicParams()


def test_the_mask_of_a_ccddata_becomes_an_input_mask():
    mask = flags((2, 3)).astype(bool)
    frame = Frame(CCDData(PIXELS, unit='electron', mask=mask))
    assert [(item.bit, item.count) for item in frame.masks] == [(MaskBit.INPUT, 1)]
    assert_array_equal(frame.bits, mask)
    assert_array_equal(frame.replace(name='again').bits, mask)
    assert frame.ccd.unit == u.electron


# the unit and the parameters


@pytest.mark.parametrize(('bunit', 'unit'), [('ADU', u.adu), ('counts', u.adu), ('e-', u.electron)])
def test_the_unit_is_read_from_bunit(tmp_path, bunit, unit):
    frame = read_frame(single(tmp_path / 'a.fits', PIXELS, BUNIT=bunit))
    assert frame.ccd.unit == unit
    assert frame.notes == ()


def test_without_bunit_adu_is_assumed_and_noted(saao_path):
    frame = read_frame(saao_path)
    assert frame.ccd.unit == u.adu
    assert frame.notes == ('BUNIT is missing: assuming adu',)


def test_a_given_unit_overrides_bunit(tmp_path):
    frame = read_frame(single(tmp_path / 'a.fits', PIXELS, BUNIT='furlong'), unit='electron')
    assert frame.ccd.unit == u.electron
    assert frame.notes == ()


def test_parameters_come_from_default_header_and_user(saao):
    params, sources = saao.parameters({'sigclip': 7, 'readnoise': 6})
    assert (params.gain, params.readnoise, params.sigclip, params.objlim) == (1.9, 6.0, 7.0, 5.0)
    shown = {name: sources[name] for name in ('gain', 'readnoise', 'sigclip', 'objlim')}
    assert shown == {'gain': 'GAIN in the header', 'readnoise': 'user', 'sigclip': 'user', 'objlim': 'default'}


@pytest.mark.parametrize('gain', [-1.5, 0, 'much', None, np.nan])
def test_an_invalid_gain_raises_before_it_is_used(gain):
    frame = Frame(CCDData(PIXELS, unit='adu', header=fits.Header({'SATURATE': 60000, 'GAIN': 2.0})))
    with pytest.raises(ValueError, match=f'gain is {gain!r}: it must be a number from'):
        frame.parameters({'gain': gain})


def test_saturation_of_a_real_header_is_in_electrons(data):
    frame = read_frame(data / 'decam_c4d_170316_ooi_z_N2.fits')
    header = fits.getheader(data / 'decam_c4d_170316_ooi_z_N2.fits', 1)
    params, sources = frame.parameters()
    assert params.satlevel == header['SATURATE'] * header['GAINA']
    assert (params.gain, params.readnoise) == (header['GAINA'], header['RDNOISEA'])
    assert sources['satlevel'] == 'SATURATE in the header, times the gain'


# the masks


@pytest.mark.parametrize('dtype', ['u1', 'i2', 'i4', 'u2', 'f4'])
@pytest.mark.parametrize('bit', [MaskBit.INPUT, MaskBit.HOT, MaskBit.BAD])
def test_nonzero_pixels_of_a_mask_are_bad(tmp_path, dtype, bit):
    plane = 7 * flags((1, 2), (3, 4)).astype(dtype)
    mask = read_mask(write(tmp_path / 'm.fits', image('ANY', plane)), bit)
    assert_array_equal(mask.mask, plane != 0, strict=True)
    assert (mask.name, mask.bit, mask.count) == ('m.fits', bit, 2)


def test_the_datasum_of_a_mask_equals_that_of_its_file(tmp_path):
    for dtype in ('u1', 'i4', 'u2', 'f8'):
        path = tmp_path / f'{dtype}.fits'
        fits.PrimaryHDU(flags((1, 2)).astype(dtype)).writeto(path, checksum=True)
        assert read_mask(path).datasum == fits.getheader(path)['DATASUM'] == read_image(path)[1]


def test_the_extension_of_a_mask_file(tmp_path):
    path = write(tmp_path / 'm.fits', image('A', flags((1, 1))), image('B', flags((2, 2))))
    assert_array_equal(read_mask(path, ext='B').mask, flags((2, 2)))


def test_a_dark_with_a_limit_gives_the_hot_pixels(data):
    path = data / 'feder_kelt16b_combined_dark_90.000.fit.gz'
    mask = read_dark(path, 30)
    assert_array_equal(mask.mask, fits.getdata(path) > 30)
    assert (mask.bit, mask.name) == (MaskBit.HOT, f'{path.name} > 30')


def test_nan_pixels_of_a_dark_are_hot(tmp_path):
    dark = np.where(flags((1, 1)), np.nan, 5.0)
    dark[2, 2], dark[3, 3] = 30.0, 30.5
    path = single(tmp_path / 'd.fits', dark)
    assert_array_equal(read_dark(path, 30).mask, flags((1, 1), (3, 3)))
    with pytest.raises(ValueError, match='limit of the dark is nan'):
        read_dark(path, np.nan)


def test_masks_are_combined_and_keep_their_causes():
    masks = [InputMask(bit.name, bit, flags((1, 1), (int(bit), 5)) == 1) for bit in (MaskBit.HOT, MaskBit.BAD)]
    assert_array_equal(Frame(PIXELS, masks=masks).bits, 6 * flags((1, 1)) + 2 * flags((2, 5)) + 4 * flags((4, 5)))


def test_masked_pixels_are_those_with_a_cause_but_the_cosmic_rays_of_the_mission():
    pixels = np.ones((20, 30))
    pixels[2, 3] = np.nan
    hot, mission = np.zeros((2, 20, 30), bool)
    hot[4, 5] = mission[4, 5] = mission[6, 7] = True
    masks = InputMask('hot', MaskBit.HOT, hot), InputMask('mission', MaskBit.CR_MISSION, mission)
    assert_array_equal(Frame(pixels, masks=masks).masked_pixels, [2 * 30 + 3, 4 * 30 + 5])


@pytest.mark.parametrize('name', ['MASK', 'DQ'])
def test_the_mask_of_a_frame_is_found_by_extver(tmp_path, name):
    hdus = [image('SCI', PIXELS, ver, **ADU) for ver in (1, 2)]
    hdus += [image(name, 4 * flags((ver, ver)).astype('i2'), ver) for ver in (2, 1)]
    path = write(tmp_path / 'a.fits', *hdus)
    for ver in (1, 2):
        (mask,) = read_frame(path, ('SCI', ver)).masks
        assert_array_equal(mask.mask, flags((ver, ver)))
        assert (mask.name, mask.bit) == (f'{name} in this file', MaskBit.INPUT)


def test_a_mask_of_another_extver_or_shape_is_ignored(tmp_path):
    others = image('DQ', flags((1, 1)), 2), image('MASK', np.ones((20, 20), dtype='u1'))
    assert read_frame(write(tmp_path / 'a.fits', image('SCI', PIXELS, **ADU), *others)).masks == ()


def test_an_image_called_mask_does_not_mask_itself(tmp_path):
    assert read_frame(write(tmp_path / 'a.fits', image('MASK', PIXELS, **ADU))).masks == ()


@pytest.mark.parametrize('what', ['mask dark.fits', 'the background', 'the variance'])
def test_companions_of_another_shape_raise_with_both_shapes(what):
    other = np.ones((20, 23))
    companion = {
        'mask dark.fits': {'masks': [InputMask('dark.fits', MaskBit.HOT, other > 0)]},
        'the background': {'background': other},
        'the variance': {'variance': other},
    }[what]
    with pytest.raises(ValueError, match=rf"{what}: shape \(20, 23\) differs from the frame's \(20, 24\)"):
        Frame(PIXELS, **companion)


@pytest.mark.parametrize('psfk', [np.ones((3, 5)), np.ones((4, 4)), np.ones(3), np.full((3, 3), np.nan)])
def test_a_kernel_must_be_a_square_of_odd_side(psfk):
    with pytest.raises(ValueError, match=r'psfk has shape .* square of odd side'):
        Frame(PIXELS, psfk=psfk)


@pytest.mark.parametrize('name', ['background', 'variance'])
def test_companions_with_nonfinite_pixels_raise(name):
    with pytest.raises(ValueError, match=f'the {name} has non-finite pixels'):
        Frame(PIXELS, **{name: np.full(SHAPE, np.nan)})


# invalid files


def bad_file(folder, what):
    path = folder / 'bad.fits'
    whole = single(folder / 'whole.fits', PIXELS.astype('f4'), **ADU).read_bytes()
    table = fits.BinTableHDU(np.zeros(3, dtype=[('a', 'f4')]), name='TAB')
    content = {
        'empty': b'',
        'text': b'no stars tonight\n' * 500,
        'packed text': gzip.compress(b'no stars tonight\n' * 500),
        'cut in the header': whole[:1000],
        'cut in the pixels': whole[:3900],
        'packed and cut': gzip.compress(whole)[:-300],
    }
    pixels = {
        'cube': np.ones((3, 20, 20)),
        'line': np.ones(400),
        'all NaN': np.full(SHAPE, np.nan),
        'all too large': np.full(SHAPE, 1e300),
        'narrow': np.ones((20, 15)),
        'two wide': np.ones((200, 2)),
    }
    if what in content:
        path.write_bytes(content[what])
    elif what in pixels:
        single(path, pixels[what], **ADU)
    elif what == 'folder':
        path.mkdir()
    elif what != 'no file':
        write(path, *([] if what == 'no image' else [table]))
    return path


@pytest.mark.parametrize(
    ('what', 'ext', 'message'),
    [
        ('no file', None, 'no such file'),
        ('folder', None, 'is a folder'),
        ('empty', None, 'not a FITS file'),
        ('text', None, 'not a FITS file'),
        ('packed text', None, 'not a FITS file'),
        ('cut in the header', None, 'not a FITS file'),
        ('cut in the pixels', None, 'truncated'),
        ('packed and cut', None, 'truncated|not a FITS file'),
        ('no image', None, 'no image in it'),
        ('table', None, 'no image in it'),
        ('table', 1, 'extension 1 is a table'),
        ('table', 0, 'extension 0 is empty'),
        ('table', 7, 'no extension 7; it has 0 PRIMARY, 1 TAB'),
        ('table', 'SCI', "no extension 'SCI'; it has 0 PRIMARY, 1 TAB"),
        ('cube', None, r'3 axes, shape \(3, 20, 20\): an image must have 2 axes'),
        ('line', None, '1 axes'),
        ('all NaN', None, 'no finite pixel'),
        ('all too large', None, 'no finite pixel'),
        ('narrow', None, r'shape \(20, 15\): it must have at least 16 x 16'),
        ('two wide', None, r'shape \(200, 2\): it must have at least 16 x 16'),
    ],
)
def test_an_invalid_file_raises_one_line_with_its_name(tmp_path, what, ext, message):
    with pytest.raises((ValueError, FileNotFoundError), match=f'bad.fits.*({message})') as error:
        read_frame(bad_file(tmp_path, what), ext)
    assert '\n' not in str(error.value)


def test_an_unknown_unit_raises_with_the_supported_ones(tmp_path):
    with pytest.raises(ValueError, match=r"a.fits: unit 'Jy' is not supported: give one of adu, .*electron") as error:
        read_frame(single(tmp_path / 'a.fits', PIXELS, BUNIT='Jy'))
    assert '\n' not in str(error.value)


def test_a_permission_error_names_the_file(tmp_path, monkeypatch):
    def deny(path, *args, **kwargs):
        raise PermissionError(13, os.strerror(13), str(path))

    path = single(tmp_path / 'a.fits', PIXELS)
    monkeypatch.setattr(Path, 'open', deny)
    with pytest.raises(PermissionError, match=r'Permission denied: .*a.fits'):
        read_frame(path)


@pytest.mark.parametrize('dtype', ['bool', 'c16', 'f2', 'U3'])
def test_other_dtypes_raise(dtype):
    with pytest.raises(ValueError, match=r'frame has dtype .*: use integers'):
        Frame(CCDData(PIXELS.astype(dtype), unit='adu'))


# images without a frame


@pytest.mark.parametrize(
    ('kind', 'unit'),
    [
        (CCDData, u.electron),
        (NDData, u.electron),
        (NDData, None),
        (lambda data, mask, unit: np.ma.masked_array(data, mask), None),
        (lambda data, mask, unit: data, None),
    ],
    ids=['CCDData', 'NDData', 'NDData without unit', 'masked array', 'array'],
)
def test_images_are_accepted_in_place_of_a_frame(kind, unit):
    pixels = np.random.default_rng(3).normal(200.0, 15.0, (64, 64))
    pixels[[30, 31, 32, 50], [20, 21, 22, 50]] = 4000.0
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[50, 50] = True
    image = kind(pixels, mask=mask, unit=unit)
    masks = () if isinstance(image, np.ndarray) and not np.ma.isMaskedArray(image) else (mask,)
    masks = tuple(InputMask.from_data('mask', MaskBit.INPUT, item) for item in masks)
    frame = Frame(CCDData(pixels, unit=unit or u.adu), masks=masks)
    params = LACosmicParams(readnoise=10.0)
    detection, expected = detect(image, params), detect(frame, params)
    assert detection.pixels > 0
    assert_array_equal(detection.crmask, expected.crmask)
    assert (segment(image, detection).table == segment(frame, expected).table).all()
    found, wanted = check_frame(image, params), check_frame(frame, params)
    assert [(c.name, c.mark, c.measured) for c in found] == [(c.name, c.mark, c.measured) for c in wanted]
