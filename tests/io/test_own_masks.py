from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin import MaskBit, check_frame, detect, merge_mask, read_frame, save_mask, segment
from ginga_crplugin.core.review import Review
from ginga_crplugin.io.read import add_saved_mask
from tests.cases import case, rays_found

SHAPE = (60, 70)


def write(path, plane, name='DQ', plane_cards=None, **cards):
    rng = np.random.default_rng(8)
    data = rng.poisson(200, SHAPE).astype('f4')
    data[20:24, 30] += 3000  # found by L.A.Cosmic
    science = fits.ImageHDU(data, name='SCI')
    science.header.update({'BUNIT': 'electron', 'RDNOISE': 3.0})
    hdu = fits.ImageHDU(plane, name=name)
    hdu.header.update(plane_cards or {})
    primary = fits.PrimaryHDU()
    primary.header.update(cards)
    fits.HDUList([primary, science, hdu]).writeto(path)
    return path


def plane_of(dtype, **values):
    plane = np.zeros(SHAPE, dtype)
    plane[20:24, 30] = values.get('ray', 0)
    plane[40:44, 10] = values.get('other', 0)
    plane[50, 50:60] = values.get('bad', 0)
    plane[5, :20] = values.get('saturated', 0)
    plane[10:30, 20:50] |= np.dtype(dtype).type(values.get('noted', 0))
    return plane


@pytest.fixture
def jwst(tmp_path):
    plane = plane_of('u4', ray=4, other=4, bad=2**31, saturated=2, noted=2048)
    return write(tmp_path / 'jwst.fits', plane, TELESCOP='JWST', INSTRUME='NIRISS')


def flags(frame):
    return next(check for check in check_frame(frame) if check.name == 'flags')


def causes(frame):
    return {mask.name.rpartition(': ')[2]: mask.bit for mask in frame.masks}


@pytest.mark.parametrize('name', ['flags_hst', 'flags_jwst'])
def test_rays_of_a_mission_are_in_the_table_and_everything_usable_is_searched(name):
    path, truth = case(name)
    frame = read_frame(path, unit='electron')
    found = detect(frame)
    segments = segment(frame, found)
    by_mission = segments.table['label'][np.isin(segments.table['origin'], ['mission', 'both'])]
    assert rays_found(np.isin(segments.labels, by_mission), truth) == (30, 30)
    assert rays_found(found.crmask, truth) == (30, 30)
    assert found.searched[22:58, 22:58].all()
    assert not found.searched[100:110, 40:60].any()
    assert flags(frame).mark == 'ok'


@pytest.mark.parametrize(
    ('dtype', 'bits', 'cards'),
    [
        ('i2', {'ray': 8192, 'other': 4096, 'bad': 4, 'saturated': 256, 'noted': 1024}, ('HST', 'ACS', 'WFC')),
        ('u2', {'ray': 8192, 'other': 4096, 'bad': 8, 'saturated': 256, 'noted': 1024}, ('HST', 'WFC3', 'IR')),
        ('u4', {'ray': 4, 'other': 16, 'bad': 2**31, 'saturated': 2, 'noted': 2048}, ('JWST', 'MIRI', '')),
        ('i8', {'ray': 4, 'other': 128, 'bad': 512, 'saturated': 2, 'noted': 16}, ('ROMAN', 'WFI', '')),
    ],
)
def test_bits_are_read_by_their_meaning(tmp_path, dtype, bits, cards):
    cards = dict(zip(('TELESCOP', 'INSTRUME', 'DETECTOR'), cards, strict=True))
    frame = read_frame(write(tmp_path / 'f.fits', plane_of(dtype, **bits), **cards))
    assert causes(frame) == {
        'cosmic ray': MaskBit.CR_MISSION,
        'unusable': MaskBit.INPUT,
        'saturated': MaskBit.INPUT | MaskBit.SATURATED,
    }
    found = detect(frame)
    assert found.crmask[20:24, 30].all()  # searched, though the mission found it
    origins = set(segment(frame, found, min_size=1).table['origin'])
    assert origins == {'both', 'mission'}
    plane = merge_mask(frame, found)
    assert (plane[20:24, 30] == MaskBit.CR_DETECTED | MaskBit.CR_MISSION).all()
    assert (plane[40:44, 10] == MaskBit.CR_MISSION).all()
    assert (plane[5, :20] == MaskBit.INPUT | MaskBit.SATURATED).all()
    assert not plane[10:19, 20:50].any()


def test_hot_pixels_of_hst_are_hot(tmp_path):
    cards = {'TELESCOP': 'HST', 'INSTRUME': 'WFC3', 'DETECTOR': 'UVIS'}
    frame = read_frame(write(tmp_path / 'f.fits', plane_of('i2', bad=16, other=64), **cards))
    assert causes(frame) == {'hot': MaskBit.HOT}


@pytest.mark.parametrize(
    'cards',
    [
        {'MP_CR': 3, 'MP_BAD': 0, 'MP_SAT': 1},
        {'MSKN0000': 'COSMIC_RAY', 'MSKM0000': 8, 'MSKN0001': 'BAD', 'MSKM0001': 1},
    ],
)
@pytest.mark.parametrize('name', ['MASK', 'DQ'])
def test_planes_named_in_the_header(tmp_path, name, cards):
    frame = read_frame(write(tmp_path / 'f.fits', plane_of('i4', ray=8, bad=1), name, cards))
    assert causes(frame) == {'cosmic ray': MaskBit.CR_MISSION, 'unusable': MaskBit.INPUT}


def test_masks_without_names_stay_bools(tmp_path):
    frame = read_frame(write(tmp_path / 'f.fits', plane_of('i4', ray=4, bad=1), 'MASK', TELESCOP='JWST'))
    assert causes(frame) == {'MASK in this file': MaskBit.INPUT}
    assert flags(frame).mark == 'ok'


def test_unknown_bits_of_a_known_table_are_unusable_and_named(tmp_path):
    cards = {'TELESCOP': 'HST', 'INSTRUME': 'ACS'}
    frame = read_frame(write(tmp_path / 'f.fits', plane_of('i4', bad=1 << 20, ray=8192), **cards))
    assert causes(frame)['unusable'] == MaskBit.INPUT
    assert flags(frame).mark == 'warning'
    assert 'bits 1048576 are not in the table of HST ACS: counted as unusable' in flags(frame).measured


def test_without_a_table_every_bit_masks_with_a_warning(tmp_path):
    path = write(tmp_path / 'f.fits', plane_of('i2', ray=4, bad=16))
    frame = read_frame(path)
    assert [mask.count for mask in frame.masks] == [14]
    assert flags(frame).measured == 'DQ in this file: no table for its bits (4, 16): every bit masks a pixel'
    assert '--dq-bits' in flags(frame).advice


@pytest.mark.parametrize(
    ('dq_bits', 'counts'), [('any', [14]), ('none', []), ((16,), [10]), ((1, 4), [4]), ((1 << 40,), [0])]
)
def test_the_bits_of_an_unknown_plane_can_be_chosen(tmp_path, dq_bits, counts):
    frame = read_frame(write(tmp_path / 'f.fits', plane_of('i2', ray=4, bad=16)), dq_bits=dq_bits)
    assert [mask.count for mask in frame.masks] == counts
    assert flags(frame).mark == 'ok'


@pytest.mark.parametrize('dq_bits', ['x', 4, (3,), ()])
def test_other_choices_of_bits_are_refused(tmp_path, dq_bits):
    path = write(tmp_path / 'f.fits', plane_of('i2', ray=4, bad=16))
    with pytest.raises(ValueError, match='it must be any, none, or powers of two'):
        read_frame(path, dq_bits=dq_bits)


def test_planes_of_zeros_and_ones_are_masks(tmp_path):
    assert flags(read_frame(write(tmp_path / 'f.fits', plane_of('u1', bad=1)))).mark == 'ok'


def test_planes_of_other_numbers_are_ignored_with_a_note(tmp_path):
    plane = np.zeros(SHAPE, 'f4')
    plane[3, 3] = 0.25
    frame = read_frame(write(tmp_path / 'f.fits', plane, TELESCOP='JWST'))
    assert frame.masks == ()
    assert (
        frame.notes[-1]
        == 'DQ in this file is ignored: its float32 values are not whole numbers of 0 or more, so they are no flags'
    )


# segments and review


def test_rays_found_by_the_mission_only_are_measured_above_their_surroundings(jwst):
    with fits.open(jwst, mode='update') as hdus:
        hdus['SCI'].data[40:44, 10] += 20
    frame = read_frame(jwst)
    found = detect(frame)
    row = next(row for row in segment(frame, found).table if row['origin'] == 'mission')
    assert row['area'].value == 4
    assert 20 < row['flux'].value < 200


def test_a_rejected_ray_of_the_mission_is_not_in_the_mask_and_can_be_kept_again(jwst, tmp_path):
    frame = read_frame(jwst)
    found = detect(frame)
    segments, review = segment(frame, found), Review(SHAPE)
    labels = segments.table['label'][segments.table['origin'] != 'L.A.Cosmic']
    review.reject(segments.pixels_of(labels))
    decisions = review.decisions(segments)
    merged = merge_mask(frame, found, decisions.mask)
    assert_array_equal(decisions.plane(frame.bits), merged)
    assert not (merged & MaskBit.cosmic_rays()).any()
    out = save_mask(
        frame, found, segments, tmp_path / 'm.fits', crmask=decisions.mask, review=review.edited, kind='mask'
    )
    again = replace(frame, masks=_saved(frame, out).masks)
    assert_array_equal(again.bits, frame.bits)
    opened = Review(SHAPE)
    opened.restore(*_review(frame, out))
    decisions = opened.decisions(segment(again, detect(again)))
    assert_array_equal(decisions.plane(again.bits), merged)
    opened.keep(segments.pixels_of(labels))
    assert_array_equal(opened.decisions(segments).plane(again.bits), merge_mask(frame, found))


def _saved(frame, path):
    return add_saved_mask(frame, path).saved


def _review(frame, path):
    return add_saved_mask(frame, path).review


def test_a_saved_mask_is_read_again_with_all_causes(jwst, tmp_path):
    frame = read_frame(jwst)
    found = detect(frame)
    out = save_mask(frame, found, path=tmp_path / 'm.fits')
    again = read_frame(out)
    assert_array_equal(again.bits, frame.bits)
    assert_array_equal(detect(again).crmask, found.crmask)
    assert_array_equal(merge_mask(again, detect(again)), merge_mask(frame, found))
    assert fits.getheader(out, 'MASK')['CRNMISS'] == 8


def test_results_without_rays_of_a_mission_have_no_origin(tmp_path):
    frame = read_frame(write(tmp_path / 'f.fits', plane_of('u1', bad=1)))
    assert 'origin' not in segment(frame, detect(frame)).table.colnames
