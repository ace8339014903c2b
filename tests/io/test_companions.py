"""What accompanies an image in its file: uncertainties, planes, tables and other HDUs, and what becomes of them."""

import gzip
import tracemalloc

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData, InverseVariance, StdDevUncertainty, UnknownUncertainty, VarianceUncertainty
from numpy.testing import assert_allclose, assert_array_equal

from ginga_crplugin import Frame, MaskBit, detect, merge_mask, read_frame, repair, save_mask
from ginga_crplugin.io.companions import UncertaintyHDU, of_other_images
from ginga_crplugin.io.image_hdus import frame_extensions
from tests.companions import image, parts, with_companions, write

SHAPE = (40, 52)
RNG = np.random.default_rng(11)
PIXELS = RNG.normal(250.0, 9.0, SHAPE).astype('f4')
PIXELS[12, 30:36] += 1500.0
SIGMA = RNG.uniform(8.0, 10.0, SHAPE).astype('f4')


def science(ver=1):
    return image('SCI', PIXELS + np.float32(ver), ver, BUNIT='adu', GAIN=1.2)


def full(ver=1):
    """Return an image that is not the first HDU, with its companions."""
    first, second, *rest = with_companions(science(ver), SIGMA)
    return [second, first, *rest]


# every save keeps everything


@pytest.mark.parametrize('suffix', ['.fits', '.fits.gz'])
@pytest.mark.parametrize('kind', ['new', 'into'])
def test_everything_beside_the_image_is_kept_byte_for_byte(tmp_path, kind, suffix):
    path = write(tmp_path / 'a.fits', *full())
    if suffix.endswith('gz'):
        packed = path.with_suffix('.fits.gz')
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
        path = packed
    before = parts(path)
    frame = read_frame(path, 'SCI')
    out = save_mask(frame, detect(frame), kind=kind, cleaned=True)
    after = parts(out)
    first = ['PRIMARY', 'SCI'] if kind == 'new' else []  # in front, so that readers find them
    moved = [part for name in first for part in before if part[0] == name]
    assert [part for part in after if part in before] == moved + [part for part in before if part not in moved]
    at = [name for name, *_ in after].index('MASK')  # in front of that of the other program
    added = ['MASK', 'CRDQ', 'CRSEG', 'CLEANED', 'CLEANED_UNCERT']
    assert [name for name, *_ in after[at : at + 6]] == [*added, 'MASK']
    assert len(after) == len(before) + 5
    ccd = CCDData.read(out, hdu=('SCI', 1))
    assert_array_equal(ccd.data, PIXELS + np.float32(1))
    assert_array_equal(ccd.mask, merge_mask(frame, detect(frame)) != 0)
    assert_array_equal(ccd.uncertainty.array, SIGMA)
    with fits.open(out, checksum=True) as hdus:  # a wrong one is a warning: an error
        assert len(hdus) == len(after)
    if kind == 'new':
        assert_array_equal(CCDData.read(out).data, ccd.data)  # the first image is the frame


def test_the_new_mask_is_the_first_in_a_new_file_whatever_the_extver_of_others(tmp_path):
    path = write(tmp_path / 'a.fits', science(2), image('MASK', np.ones(SHAPE, 'u1'), 3))
    frame = read_frame(path)
    out = save_mask(frame, detect(frame))
    assert [part[:2] for part in parts(out)][-4:] == [('MASK', 2), ('DQ', 2), ('CRSEG', 2), ('MASK', 3)]
    assert_array_equal(CCDData.read(out).mask, merge_mask(frame, detect(frame)) != 0)


@pytest.mark.parametrize('kind', ['new', 'into'])
def test_saving_a_saved_file_again_keeps_everything(tmp_path, kind):
    path = write(tmp_path / 'a.fits', *full())
    before, frame = parts(path), read_frame(path, 'SCI')
    out = save_mask(frame, detect(frame), kind='new')
    again = read_frame(out)
    options = {'overwrite': True} if kind == 'into' else {'path': tmp_path / 'b.fits'}
    twice = save_mask(again, detect(again), kind=kind, **options)
    assert sorted(part for part in parts(twice) if part in before) == sorted(before)
    assert [name for name, *_ in parts(twice)].count('CRDQ') == 1


def test_companions_are_not_frames_of_their_own(tmp_path):
    names = 'MODEL', 'SKYMODEL', 'SKY', 'BKG', 'BACKGROUND', 'ERR', 'DQ'
    chips = [image(name, PIXELS, 1) for name in ('CHIP1', *names, 'CHIP2')]
    assert frame_extensions(write(tmp_path / 'a.fits', *chips)) == (1, 9)


def test_of_a_mosaic_the_other_detectors_are_not_copied(tmp_path):
    path = write(tmp_path / 'a.fits', *full(1), *full(2), *full(3))
    frame = read_frame(path, ('SCI', 2))
    out = save_mask(frame, detect(frame))
    names = [part[:2] for part in parts(out)]
    for name in ('SCI', 'ERR', 'VAR', 'UNCERT', 'WHT', 'DQ'):
        assert [ver for other, ver in names if other == name] == [2]
    assert names.count(('LOOKUP', 7)) == names.count(('ASCII', 1)) == 3
    assert [ver for name, ver in names if name == 'LOG'] == [1, 2, 3]
    assert {part for part in parts(out) if part[0] not in ('MASK', 'CRDQ', 'CRSEG')} < set(parts(path))
    assert [ver for name, ver in names if name == 'MASK'] == [2, 2]


HEADERS = [
    (['CCD1', 'CCD2', 'LOG'], {}, {1}),
    (['S29', 'N4', 'MODEL'], {'S29': {'CCDNUM': 1}, 'N4': {'CCDNUM': 35}, 'MODEL': {'CCDNUM': 1}}, {1}),
    (['SCI', 'MODEL', 'BKG'], {}, set()),
    (['', ''], {}, set()),
    (['SCI', 'ERR'], {'SCI': {'DETSEC': '[1:2]'}, 'ERR': {'DETSEC': '[1:3]'}}, set()),
]


@pytest.mark.parametrize(('names', 'cards', 'others'), HEADERS)
def test_other_detectors_are_recognized_by_name_or_cards(names, cards, others):
    shape = {'NAXIS': 2, 'NAXIS1': 52, 'NAXIS2': 40}
    hdus = [('PRIMARY', 1, fits.Header()), *((name, 1, fits.Header(shape | cards.get(name, {}))) for name in names)]
    assert of_other_images(hdus, 1) == {number + 1 for number in others}


def test_detectors_with_the_same_extver_have_masks_of_their_own(tmp_path):
    names = 'S29', 'N4', 'CCD7'
    chips = [image(name, PIXELS + np.float32(n), BUNIT='adu', CCDNUM=n) for n, name in enumerate(names)]
    path = write(tmp_path / 'a.fits', *chips)
    before, planes = parts(path), {}
    for name in (*names, 'N4'):
        frame = read_frame(path, name)
        found = detect(frame)
        crmask = found.crmask.copy()
        crmask[3, names.index(name)] = True
        save_mask(frame, found, crmask=crmask, kind='into', overwrite=name in planes)
        planes[name] = merge_mask(frame, found, crmask)
    assert parts(path)[: len(before)] == before
    with fits.open(path) as hdus:
        saved = {hdu.header['CRIMAGE']: np.array(hdu.data) for hdu in hdus if hdu.name == 'DQ'}
        assert len(hdus) == len(before) + 9
    for name in names:
        assert_array_equal(saved[name], planes[name])
        assert read_frame(path, name).saved is not None
    with pytest.raises(FileExistsError, match='has a MASK extension from an earlier run'):
        save_mask(read_frame(path, 'N4'), detect(read_frame(path, 'N4')), kind='into')


def test_the_copied_parts_are_not_held_in_memory(tmp_path):
    big = np.zeros((1500, 1500), 'f8')  # 18 MB
    path = write(tmp_path / 'a.fits', science(), *(image(f'EXTRA_{letter}', big) for letter in 'ABCD'))
    frame = read_frame(path)
    found = detect(frame)
    tracemalloc.start()
    try:
        save_mask(frame, found)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8e6


# uncertainties


UNCERTAINTIES = {
    StdDevUncertainty: SIGMA,
    VarianceUncertainty: SIGMA**2,
    InverseVariance: SIGMA**-2,
}


@pytest.mark.parametrize('cls', UNCERTAINTIES)
@pytest.mark.parametrize('unit', ['adu', 'electron', 'adu/s'])
def test_a_frame_from_memory_is_saved_with_uncertainty_mask_and_psf(tmp_path, cls, unit):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[4, 4] = True
    ccd = CCDData(PIXELS, unit=unit, mask=mask, uncertainty=cls(UNCERTAINTIES[cls]), psf=np.full((5, 5), 0.04))
    frame = Frame(ccd)
    out = save_mask(frame, detect(frame), path=tmp_path / 'a.fits')
    again = CCDData.read(out)
    assert type(again.uncertainty) is cls
    assert_array_equal(again.uncertainty.array, UNCERTAINTIES[cls])
    assert_array_equal(again.mask, merge_mask(frame, detect(frame)) != 0)
    assert again.mask[4, 4]
    assert_array_equal(again.psf, ccd.psf)
    assert type(read_frame(out).uncertainty) is cls


def test_the_uncertainty_of_a_frame_from_memory_may_have_another_unit_or_type(tmp_path):
    ccd = CCDData(PIXELS, unit='electron', uncertainty=StdDevUncertainty(SIGMA / 1000, unit=1000 * u.electron))
    assert_allclose(Frame(ccd).uncertainty.array, SIGMA, rtol=1e-6)
    frame = Frame(CCDData(PIXELS, unit='electron', uncertainty=UnknownUncertainty(SIGMA)))
    out = save_mask(frame, detect(frame), path=tmp_path / 'a.fits')
    assert_array_equal(fits.getdata(out, 'UNKNOWN_UNCERT'), SIGMA)
    assert CCDData.read(out).uncertainty is None  # it would be read as a standard deviation


@pytest.mark.parametrize('from_file', [False, True])
def test_the_uncertainty_of_a_cube_of_one_plane_has_its_axes(tmp_path, from_file):
    ccd = CCDData(PIXELS[np.newaxis], unit='adu', uncertainty=StdDevUncertainty(SIGMA[np.newaxis]))
    ccd.write(tmp_path / 'cube.fits')
    frame = read_frame(tmp_path / 'cube.fits') if from_file else Frame(ccd)
    assert_array_equal(frame.uncertainty.array, SIGMA)
    again = CCDData.read(save_mask(frame, detect(frame), path=tmp_path / 'a.fits'))
    assert again.shape == again.mask.shape == again.uncertainty.array.shape == (1, *SHAPE)
    assert_array_equal(again.uncertainty.array[0], SIGMA)


def test_an_uncertainty_of_another_shape_is_refused():
    ccd = CCDData(PIXELS, unit='adu', uncertainty=StdDevUncertainty(SIGMA[1:]))
    with pytest.raises(ValueError, match=r"the uncertainty: shape \(39, 52\) differs from the frame's \(40, 52\)"):
        Frame(ccd)


FILES = {
    'UNCERT': ({'UTYPE': 'VarianceUncertainty'}, VarianceUncertainty),
    'ERR': ({}, StdDevUncertainty),
    'ERROR': ({'BUNIT': 'adu'}, StdDevUncertainty),
    'VAR': ({'BUNIT': 'ADU**2'}, VarianceUncertainty),
    'VARIANCE': ({'BUNIT': '(DN)^2'}, VarianceUncertainty),
    'IVAR': ({'BUNIT': 'adu-2'}, InverseVariance),
}


@pytest.mark.parametrize('name', FILES)
@pytest.mark.parametrize('packed', [False, True])
def test_the_uncertainty_in_a_file_is_found_by_name(tmp_path, name, packed):
    cards, cls = FILES[name]
    hdu = (
        fits.CompImageHDU(SIGMA, name=name, compression_type='GZIP_2', quantize_level=0)
        if packed
        else image(name, SIGMA)
    )
    hdu.header.update(cards)
    frame = read_frame(write(tmp_path / 'a.fits', science(), hdu))
    assert isinstance(frame.uncertainty_source, UncertaintyHDU)
    assert type(frame.uncertainty) is cls
    assert frame.uncertainty.unit is None
    assert_array_equal(frame.uncertainty.array, SIGMA)
    assert frame.variance is None


def test_the_uncertainty_belongs_to_the_image_by_extver_and_shape(tmp_path):
    path = tmp_path / 'a.fits'
    write(path, science(1), science(2), image('ERR', SIGMA[1:], 1), image('VAR', SIGMA, 2), image('ERR', 2 * SIGMA, 3))
    assert read_frame(path).uncertainty is None
    assert type(read_frame(path, ('SCI', 2)).uncertainty) is VarianceUncertainty


def test_planes_of_images_with_one_extver_are_those_that_follow_each(tmp_path):
    flags = np.zeros(SHAPE, 'u1')
    flags[5, 5] = 1
    chips = [
        [image(name, PIXELS, 1), image('ERR', scale * SIGMA, 1), image('DQ', scale * flags, 1)]
        for name, scale in (('CHIP1', 1), ('CHIP2', 2))
    ]
    path = write(tmp_path / 'a.fits', *chips[0], *chips[1])
    for index, scale in ((1, 1), (4, 2)):
        frame = read_frame(path, index, dq_bits=(scale,))
        assert_array_equal(frame.uncertainty.array, scale * SIGMA)
        assert [mask.count for mask in frame.masks] == [1]
    frame = read_frame(path, 4, dq_bits='none')
    out = save_mask(frame, detect(frame), path=tmp_path / 'b.fits')
    assert_array_equal(fits.getdata(out, 'ERR'), 2 * SIGMA)


def test_an_uncertainty_in_a_unit_that_does_not_fit_is_of_unknown_type(tmp_path):
    path = write(tmp_path / 'a.fits', science(), image('ERR', SIGMA, BUNIT='electron/s'))
    assert type(read_frame(path).uncertainty) is UnknownUncertainty


def test_reading_a_frame_does_not_read_its_uncertainty(tmp_path):
    path = write(tmp_path / 'a.fits', science(), image('ERR', SIGMA))
    frame = read_frame(path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match='no such file'):
        _ = frame.uncertainty
    write(path, science())
    with pytest.raises(ValueError, match=r'a.fits has no ERR extension any more: open the frame again'):
        _ = frame.uncertainty


# what tells the replaced pixels


def test_the_header_of_cleaned_tells_which_pixels_are_replaced(tmp_path):
    path = write(tmp_path / 'a.fits', science())
    frame = read_frame(path)
    found = detect(frame)
    crmask = found.crmask.copy()
    crmask[12, 30], crmask[3, 3] = False, True  # rejected and marked by hand
    out = save_mask(frame, found, crmask=crmask, cleaned=True)
    header, plane = fits.getheader(out, 'CLEANED'), fits.getdata(out, 'DQ')
    replaced = (plane & header['CRREPBIT']) != 0
    assert header['CRREPBIT'] == MaskBit.cosmic_rays()
    assert header['CRREPNUM'] == np.count_nonzero(replaced)
    assert header['LACLEAN'] == found.params.cleantype
    cleaned = fits.getdata(out, 'CLEANED')
    assert_array_equal(cleaned[~replaced], frame.ccd.data[~replaced])
    assert_array_equal(cleaned[found.crmask & replaced], found.cleaned[found.crmask & replaced])
    assert_array_equal(replaced, crmask)
    assert cleaned[3, 3] != frame.ccd.data[3, 3]


@pytest.mark.parametrize('name', ['UNCERT', 'ERR', 'VAR', 'IVAR'])
def test_the_uncertainty_of_the_cleaned_image_is_beside_it(tmp_path, name):
    path = write(tmp_path / 'a.fits', science(), image(name, SIGMA))
    frame = read_frame(path)
    found = detect(frame)
    out = save_mask(frame, found, kind='into', cleaned=True)
    assert_array_equal(fits.getdata(out, name), SIGMA)
    ccd = CCDData.read(out, hdu='CLEANED', hdu_uncertainty='CLEANED_UNCERT')
    assert type(ccd.uncertainty) is type(frame.uncertainty)
    assert_array_equal(ccd.uncertainty.array, repair(frame, found).uncertainty.array)
    assert_array_equal(ccd.uncertainty.array[~found.crmask], SIGMA[~found.crmask])
    larger = ccd.uncertainty.represent_as(VarianceUncertainty).array
    assert (larger > frame.uncertainty.represent_as(VarianceUncertainty).array)[found.crmask].all()
    again = read_frame(path)
    assert_array_equal(again.uncertainty.array, SIGMA)
    save_mask(again, found, kind='into', overwrite=True)
    assert not {'CLEANED', 'CLEANED_UNCERT'} & {part[0] for part in parts(path)}


def test_an_uncertainty_of_unknown_type_is_not_written_beside_the_cleaned_image(tmp_path):
    path = write(tmp_path / 'a.fits', science(), image('ERR', SIGMA, BUNIT='electron/s'))
    frame = read_frame(path)
    out = save_mask(frame, detect(frame), cleaned=True)
    assert 'CLEANED_UNCERT' not in {part[0] for part in parts(out)}
