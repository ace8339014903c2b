import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin import Frame, InputMask, LACosmicParams, MaskBit, detect, merge_mask, read_frame, save_mask, segment
from ginga_crplugin.core.review import Review
from tests.cases import case

SHAPE = (60, 70)
RAY, MISSED, BAD, NOTED = np.s_[20:24, 30], np.s_[40:44, 10], np.s_[50, 50:60], np.s_[10:30, 20:50]
HST = {'TELESCOP': 'HST', 'INSTRUME': 'ACS'}
JWST = {'TELESCOP': 'JWST', 'INSTRUME': 'NIRCAM'}


def pixels():
    data = np.random.default_rng(8).poisson(200, SHAPE).astype('f4')
    data[RAY] += 3000
    data[8, 50:54] += 3000  # found by L.A.Cosmic only
    return data


def write(path, plane, name='DQ', plane_cards=(), **cards):
    science = fits.ImageHDU(pixels(), name='SCI')
    science.header.update({'BUNIT': 'electron', 'RDNOISE': 3.0})
    hdu = fits.ImageHDU(plane, name=name)
    hdu.header.update(plane_cards)
    hdu.header['HISTORY'] = 'kept'
    primary = fits.PrimaryHDU()
    primary.header.update(cards)
    error = fits.ImageHDU(np.ones(SHAPE, 'f4'), name='ERR')
    fits.HDUList([primary, science, hdu, error]).writeto(path)
    return path


def plane_of(dtype, *, ray, bad, noted):
    plane = np.zeros(SHAPE, dtype)
    plane[RAY] = plane[MISSED] = ray
    plane[BAD] = bad
    plane[NOTED] += np.dtype(dtype).type(noted)
    return plane


def save(path, out, dq, rejected=(), **options):
    frame = read_frame(path)
    found = detect(frame)
    segments, review = segment(frame, found), Review(SHAPE)
    labels = [segments.labels[place][0] for place in rejected]
    review.reject(segments.pixels_of(labels))
    decisions = review.decisions(segments)
    return save_mask(
        frame, found, segments, out, crmask=decisions.mask, review=review.edited, dq=dq, **options
    ), merge_mask(frame, found, decisions.mask)


@pytest.mark.parametrize('name', ['flags_hst', 'flags_jwst'])
@pytest.mark.parametrize('kind', ['new', 'mask'])
def test_saving_with_the_bits_of_the_mission_gives_back_every_bit(tmp_path, name, kind):
    path, truth = case(name)
    frame = read_frame(path, unit='electron')
    out = save_mask(frame, detect(frame), path=tmp_path / 'm.fits', dq=name.removeprefix('flags_'), kind=kind)
    before, after = fits.getdata(path, 'DQ'), fits.getdata(out, 'DQ')
    assert after.dtype == before.dtype
    assert_array_equal(after & before, before)
    rays = np.load(truth)['rays']
    assert (after[rays] & (8192 if name == 'flags_hst' else 4) != 0).all()
    assert_array_equal(fits.getdata(out, 'CRDQ'), merge_mask(frame, detect(frame)))


@pytest.mark.parametrize(
    ('dq', 'dtype', 'bits', 'added', 'cards'),
    [
        ('hst', 'i2', {'ray': 4096, 'bad': 4, 'noted': 1024}, 8192, HST),
        ('hst', 'u1', {'ray': 0, 'bad': 4, 'noted': 0}, 8192, HST),
        ('hst', 'f4', {'ray': 4096, 'bad': 4, 'noted': 1024}, 8192, HST),
        ('jwst', 'u4', {'ray': 16, 'bad': 2**31, 'noted': 2048}, 5, JWST),
        ('jwst', 'i4', {'ray': 4, 'bad': 512, 'noted': 2048}, 5, JWST),
        ('jwst', 'u2', {'ray': 4, 'bad': 512, 'noted': 2**15}, 5, JWST),
        ('roman', 'i8', {'ray': 128, 'bad': 1024, 'noted': 64}, 5, {'TELESCOP': 'ROMAN'}),
    ],
)
def test_rays_found_here_are_added_and_other_bits_stay(tmp_path, dq, dtype, bits, added, cards):
    path = write(tmp_path / 'f.fits', plane_of(dtype, **bits), **cards)
    out, merged = save(path, tmp_path / 'm.fits', dq)
    before, after = (fits.getdata(name, 'DQ').astype('i8') for name in (path, out))
    found = (merged & MaskBit.CR_DETECTED) != 0
    assert found[8, 50:54].all()
    assert_array_equal(after, np.where(found, before | added, before))
    header = fits.getheader(out, 'DQ')
    assert header['HISTORY'][0] == 'kept'
    assert 'CRPBITS' not in header
    with fits.open(out) as hdus:
        names = [hdu.name for hdu in hdus]
        assert names.index('DQ') < names.index('ERR')
        hdus.verify('exception')
    again = read_frame(out)
    assert_array_equal(merge_mask(again, detect(again)), merged)


def test_a_rejected_ray_of_the_mission_loses_only_its_bit(tmp_path):
    path = write(tmp_path / 'f.fits', plane_of('i2', ray=8192 + 64, bad=4, noted=1024), **HST)
    out, _ = save(path, tmp_path / 'm.fits', 'hst', rejected=(MISSED, RAY))
    before, after = fits.getdata(path, 'DQ'), fits.getdata(out, 'DQ')
    assert (after[MISSED] == 64).all()
    assert_array_equal(after[RAY], before[RAY] & ~np.int16(8192))
    assert (after[8, 50:54] & 8192).all()


def test_a_second_save_of_the_output_restores_the_bits_of_what_is_rejected_then(tmp_path):
    path = write(tmp_path / 'f.fits', plane_of('u4', ray=4, bad=1, noted=2048), **JWST)
    first, _ = save(path, tmp_path / 'a.fits', 'jwst')
    assert (fits.getdata(first, 'DQ')[8, 50:54] == 5).all()
    second, _ = save(first, tmp_path / 'b.fits', 'jwst', rejected=(np.s_[8, 50:54],))
    before = fits.getdata(path, 'DQ')
    assert not fits.getdata(second, 'DQ')[8, 50:54].any()
    before[RAY] |= 1  # found by L.A.Cosmic as well
    assert_array_equal(fits.getdata(second, 'DQ'), before)


def test_into_changes_the_plane_only_if_overwriting_is_allowed(tmp_path):
    path = write(tmp_path / 'f.fits', plane_of('i2', ray=8192, bad=4, noted=1024), **HST)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match='has a DQ that would be changed'):
        save(path, None, 'hst', kind='into')
    assert path.read_bytes() == before
    save(path, None, 'hst', kind='into', overwrite=True)
    assert (fits.getdata(path, 'DQ')[8, 50:54] == 8192).all()


@pytest.mark.parametrize(
    'cards',
    [{'MP_CR': 3, 'MP_BAD': 0}, {'MSKN0000': 'COSMIC_RAY', 'MSKM0000': 8, 'MSKN0001': 'BAD', 'MSKM0001': 1}],
)
@pytest.mark.parametrize('name', ['MASK', 'DQ'])
def test_planes_of_rubin_have_their_names_in_the_header(tmp_path, name, cards):
    path = write(tmp_path / 'f.fits', plane_of('i4', ray=8, bad=1, noted=32), name, cards)
    out, _ = save(path, tmp_path / 'm.fits', 'rubin')
    with fits.open(out) as hdus:
        hdu = next(hdu for hdu in hdus if hdu.name == name and 'MSKN0000' in hdu.header)
        values = {hdu.header[f'MSKN{n:04}']: hdu.header[f'MSKM{n:04}'] for n in range(2)}
        assert set(values.values()) == {1, 8}
        assert (hdu.data[8, 50:54] == 8).all()
        assert_array_equal(hdu.data & fits.getdata(path, name), fits.getdata(path, name))


@pytest.mark.parametrize(('dq', 'ray', 'bad'), [('hst', 8192, 1), ('jwst', 5, 1), ('roman', 5, 1), ('rubin', 8, 1)])
@pytest.mark.parametrize('kind', ['new', 'mask'])
def test_frames_without_a_plane_get_one(tmp_path, dq, ray, bad, kind):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[BAD] = True
    frame = Frame(pixels(), masks=[InputMask('bad', MaskBit.BAD, mask)])
    out = save_mask(frame, detect(frame), path=tmp_path / 'm.fits', dq=dq, kind=kind)
    plane = fits.getdata(out, 'DQ')
    assert (plane[8, 50:54] == ray).all()
    assert (plane[BAD] == bad).all()
    assert np.count_nonzero(plane) == np.count_nonzero(fits.getdata(out, 'CRDQ'))
    if dq == 'rubin':
        header = fits.getheader(out, 'DQ')
        assert [header[card] for card in ('MSKN0003', 'MSKM0003', 'MSKD0003')] == ['CR', 8, 'cosmic ray']


@pytest.mark.parametrize('kind', ['new', 'into'])
def test_a_plane_keeps_its_axes_of_length_1(tmp_path, kind):
    path, flags = tmp_path / 'a.fits', np.zeros((1, 1, 48, 40), np.int16)
    flags[0, 0, 7, 9] = 16
    image = np.random.default_rng(2).normal(300.0, 12.0, flags.shape).astype('f4')
    image[0, 0, 20, 20:23] += 2000.0
    fits.HDUList([fits.PrimaryHDU(image), fits.ImageHDU(flags, name='DQ')]).writeto(path)
    frame = read_frame(path)
    out = save_mask(frame, detect(frame), kind=kind, dq='hst', overwrite=True)
    written = fits.getdata(out, 'DQ')
    assert written.shape == flags.shape
    assert written[0, 0, 7, 9] == 16
    assert (written[0, 0, 20, 20:23] == 8192).all()


def test_saving_again_removes_the_earlier_cosmic_rays_of_a_frame_with_axes_of_length_1(tmp_path):
    image = np.random.default_rng(2).normal(300.0, 12.0, (1, 48, 40)).astype('f4')
    image[0, 20, 20:23] += 2000.0
    fits.PrimaryHDU(image).writeto(tmp_path / 'a.fits')
    for sigclip, count in ((4.5, 3), (1000.0, 0)):
        frame = read_frame(tmp_path / 'a.fits')
        found = detect(frame, LACosmicParams(sigclip=sigclip))
        written = fits.getdata(save_mask(frame, found, kind='into', dq='hst', overwrite=True), 'DQ')
        assert written.shape == image.shape
        assert np.count_nonzero(written) == count


def test_planes_of_images_with_the_same_extver_are_distinguished(tmp_path):
    chips = [fits.ImageHDU(pixels(), name=name) for name in ('CHIP1', 'CHIP2')]
    chips[1].data[30, 40:43] += 3000
    fits.HDUList([fits.PrimaryHDU(), *chips]).writeto(tmp_path / 'a.fits')
    for _ in range(2):
        for chip in ('CHIP1', 'CHIP2'):
            frame = read_frame(tmp_path / 'a.fits', chip)
            assert not frame.masks
            save_mask(frame, detect(frame), kind='into', dq='hst', overwrite=True)
        with fits.open(tmp_path / 'a.fits') as hdus:
            planes = {hdu.header['CRIMAGE']: hdu.data for hdu in hdus if hdu.name == 'DQ'}
            assert sum(hdu.name == 'DQ' for hdu in hdus) == 2
        assert (planes['CHIP1'][30, 40:43] == 0).all()
        assert (planes['CHIP2'][30, 40:43] == 8192).all()
        assert (planes['CHIP2'][RAY] == 8192).all()


def test_the_plane_of_another_mission_is_refused(tmp_path):
    path = write(tmp_path / 'f.fits', plane_of('i2', ray=8192, bad=4, noted=1024), **HST)
    with pytest.raises(ValueError, match=r'DQ in f.fits has the bits of HST ACS: use dq hst or own'):
        save(path, tmp_path / 'm.fits', 'jwst')
    with pytest.raises(ValueError, match="dq is 'x': it must be one of own, hst, jwst, roman, rubin"):
        save(path, tmp_path / 'm.fits', 'x')
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_mission_the_original_plane_is_unchanged(tmp_path):
    path = write(tmp_path / 'f.fits', plane_of('i2', ray=8192, bad=4, noted=1024), **HST)
    out, merged = save(path, tmp_path / 'm.fits', 'own')
    assert_array_equal(fits.getdata(out, 'DQ'), fits.getdata(path, 'DQ'))
    assert_array_equal(fits.getdata(out, 'CRDQ'), merged)
