"""Saving masks: content, overwriting, and errors."""

import bz2
import errno
import gzip
import os
import stat
from dataclasses import fields, replace
from io import BytesIO
from pathlib import Path

import astroscrappy
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.table import QTable
from astropy.utils.data import get_readable_fileobj
from astropy.wcs import WCS
from numpy.testing import assert_array_equal

import ginga_crplugin
from ginga_crplugin import (
    Frame,
    InputMask,
    LACosmicParams,
    MaskBit,
    check_frame,
    detect,
    merge_mask,
    read_dark,
    read_frame,
    read_mask,
    repair,
    save_mask,
    segment,
)
from ginga_crplugin.io.read import add_saved_mask
from ginga_crplugin.io.save import default_path, table_hdu
from tests.headers import WCS_CARDS
from tests.tools import saves

SHAPE = (48, 40)
PIXELS = np.random.default_rng(3).normal(300.0, 12.0, SHAPE).round()
PIXELS[20, 20:25] += 2000.0
PIXELS[35, 8] += 900.0
CARDS = {'BUNIT': 'adu', 'GAIN': 1.5, 'RDNOISE': 8.0, 'OBJECT': 'field 7', **WCS_CARDS}
FILES = ['plain', 'uint16', 'mef', 'gz', 'bz2', 'fz']


def sci(pixels=PIXELS, ver=1, name='SCI'):
    return fits.ImageHDU(pixels.astype('f4'), fits.Header(CARDS), name=name, ver=ver)


def make(folder, kind):
    """Write a frame; return its path and the number of decompressed bytes of the science image."""
    header = fits.Header(CARDS)
    hdus = {
        'uint16': [fits.PrimaryHDU(PIXELS.astype('u2'), header)],
        'mef': [fits.PrimaryHDU(header=fits.Header({'TELESCOP': 'T'})), sci(), sci(PIXELS**0.5, name='VAR')],
        'fz': [fits.PrimaryHDU(), fits.CompImageHDU(PIXELS.astype('i4'), header)],
    }.get(kind, [fits.PrimaryHDU(PIXELS.astype('f4'), header)])
    file = BytesIO()
    fits.HDUList(hdus).writeto(file, checksum=True)
    raw = file.getvalue()
    path = folder / ('field.fits' + (f'.{kind}' if kind in ('gz', 'bz2', 'fz') else ''))
    path.write_bytes({'gz': gzip.compress, 'bz2': bz2.compress}.get(kind, bytes)(raw))
    return path, 2880 + (len(raw) - 2880) // 2 if kind == 'mef' else len(raw)


@pytest.mark.parametrize('kind', ['compressed', 'not from a file'])
def test_blank_is_not_copied_to_an_image_of_floats(tmp_path, kind):
    header = fits.Header(CARDS)
    packed = fits.CompImageHDU(PIXELS.astype('i2'), header, compression_type='RICE_1')
    path = tmp_path / 'packed.fits.fz'
    fits.HDUList([fits.PrimaryHDU(), packed]).writeto(path)
    with fits.open(path, mode='update', disable_image_compression=True) as hdus:
        hdus[1].header.update({'BSCALE': 0.5, 'BZERO': 100.0, 'BLANK': -32768})
    frame = read_frame(path)
    assert frame.ccd.data.dtype.kind == 'f'
    if kind == 'not from a file':
        ccd = frame.ccd.copy()
        ccd.header['BLANK'] = -32768
        frame = Frame(ccd)
    output = save_mask(frame, detect(frame), path=tmp_path / 'out.fits')
    with fits.open(output) as hdus:
        image = next(hdu for hdu in hdus if hdu.is_image and hdu.shape == SHAPE)
        assert_array_equal(image.data, frame.ccd.data)
        assert image.header['BITPIX'] < 0
        assert [hdu.name for hdu in hdus if 'BLANK' in hdu.header] == []


def test_blank_of_a_primary_image_that_is_not_copied(tmp_path):
    primary = fits.PrimaryHDU(PIXELS.astype('i2'))
    primary.header['BLANK'] = -32768
    path = tmp_path / 'two.fits'
    fits.HDUList([primary, sci()]).writeto(path)
    frame = read_frame(path, 1)
    output = save_mask(frame, detect(frame), path=tmp_path / 'out.fits')
    with fits.open(output) as hdus:
        assert hdus[0].data is None
        assert 'BLANK' not in hdus[0].header


def decompressed(path):
    with get_readable_fileobj(path, encoding='binary') as file:
        return file.read()


def blocks(path):
    """Return the bytes of each HDU, by name and EXTVER."""
    raw = decompressed(path)
    with fits.open(BytesIO(raw), disable_image_compression=True) as hdus:
        infos = {(hdu.name, hdu.ver): hdu.fileinfo() for hdu in hdus}
    return {key: raw[info['hdrLoc'] : info['datLoc'] + info['datSpan']] for key, info in infos.items()}


def mask_at(*indices):
    mask = np.zeros(SHAPE, dtype=bool)
    for index in indices:
        mask[index] = True
    return mask


def plane(path, name='DQ'):
    return np.array(fits.getdata(path, name))


@pytest.fixture
def frame(tmp_path):
    return read_frame(make(tmp_path, 'plain')[0])


@pytest.fixture
def found(frame):
    return detect(frame)


@pytest.fixture
def listing(tmp_path):
    """Return the names in the folder, to check that nothing else was left there."""
    return lambda: sorted(path.name for path in tmp_path.iterdir())


# content


@pytest.mark.parametrize('kind', [kind for kind in FILES if kind != 'fz'])
def test_a_new_file_contains_the_science_image_byte_for_byte(tmp_path, kind):
    source, length = make(tmp_path, kind)
    before = source.read_bytes()
    out = save_mask(read_frame(source), detect(read_frame(source)))
    assert out == tmp_path / 'field_crmask.fits'
    assert out.read_bytes()[:length] == decompressed(source)[:length]
    assert list(blocks(out)) == [*blocks(source), ('MASK', 1), ('DQ', 1), ('CRSEG', 1)]
    assert source.read_bytes() == before


def test_a_new_file_contains_a_compressed_image_decompressed(tmp_path):
    source, _ = make(tmp_path, 'fz')
    out = save_mask(read_frame(source), detect(read_frame(source)))
    assert_array_equal(fits.getdata(out, 1), fits.getdata(source, 1))
    assert fits.getheader(out, 1)['BUNIT'] == fits.getheader(source, 1)['BUNIT']
    assert list(blocks(out))[2:] == [('MASK', 1), ('DQ', 1), ('CRSEG', 1)]


@pytest.mark.parametrize('kind', FILES)
def test_into_keeps_every_other_hdu_byte_for_byte(tmp_path, kind, listing):
    source, _ = make(tmp_path, kind)
    packed, before = source.read_bytes(), decompressed(source)
    assert save_mask(read_frame(source), detect(read_frame(source)), kind='into') == source
    assert decompressed(source).startswith(before)
    assert source.read_bytes()[:3] == packed[:3]
    assert list(blocks(source))[-3:] == [('MASK', 1), ('DQ', 1), ('CRSEG', 1)]
    assert listing() == [source.name]


def test_into_keeps_compressed_images_and_tables_byte_for_byte(tmp_path):
    saves.prepare(tmp_path)
    before = (tmp_path / 'mef.fits').read_bytes()
    for overwrite in (False, True):
        saves.mask(tmp_path, 'mef.fits', kind='into', overwrite=overwrite)
        assert (tmp_path / 'mef.fits').read_bytes().startswith(before)
    assert [name for name, _ in blocks(tmp_path / 'mef.fits')][-4:] == ['ASCII', 'MASK', 'DQ', 'CRSEG']


def test_a_frame_with_hard_links_is_not_written_into(frame, found, tmp_path, listing):
    before = frame.path.read_bytes()
    os.link(frame.path, tmp_path / 'other.fits')
    with pytest.raises(OSError, match=r'field.fits cannot be written: it has 2 hard links'):
        save_mask(frame, found, kind='into')
    assert frame.path.read_bytes() == before
    assert listing() == ['field.fits', 'other.fits']


@pytest.mark.parametrize('overwrite', [False, True])
def test_of_two_concurrent_writers_the_second_is_refused(frame, found, monkeypatch, overwrite, listing):
    fsync = os.fsync

    def interrupted(handle):  # another writer finishes in between
        monkeypatch.setattr(os, 'fsync', fsync)
        save_mask(frame, found, kind='into', overwrite=overwrite)
        fsync(handle)

    monkeypatch.setattr(os, 'fsync', interrupted)
    with pytest.raises(OSError, match=r'field.fits cannot be written: it was modified by another process'):
        save_mask(frame, found, kind='into', overwrite=overwrite, cleaned=True)
    assert list(blocks(frame.path)) == [('PRIMARY', 1), ('MASK', 1), ('DQ', 1), ('CRSEG', 1)]
    assert listing() == ['field.fits']


@pytest.mark.parametrize('kind', FILES)
def test_the_mask_alone(tmp_path, kind):
    frame = read_frame(make(tmp_path, kind)[0])
    found = detect(frame)
    out = save_mask(frame, found, kind='mask')
    assert list(blocks(out)) == [('PRIMARY', 1), ('MASK', 1), ('DQ', 1), ('CRSEG', 1)]
    assert_array_equal(read_mask(out).mask, found.crmask)


@pytest.mark.parametrize('mode', ['new', 'into', 'mask'])
@pytest.mark.parametrize('kind', FILES)
def test_checksums_are_valid(tmp_path, kind, mode):
    frame = read_frame(make(tmp_path, kind)[0])
    out = save_mask(frame, detect(frame), kind=mode, cleaned=True)
    with fits.open(out, checksum=True, disable_image_compression=True) as hdus:  # a wrong one is a warning: an error
        hdus.verify('exception')
        assert all('CHECKSUM' in hdu.header and 'DATASUM' in hdu.header for hdu in hdus)
        assert [hdu.data is None for hdu in hdus][1:] == [False] * (len(hdus) - 1)


@pytest.mark.parametrize('mode', ['new', 'into'])
@pytest.mark.parametrize('kind', FILES)
def test_ccddata_reads_the_merged_mask_and_the_untouched_data(tmp_path, kind, mode):
    frame = read_frame(make(tmp_path, kind)[0])
    frame = frame.replace(masks=[InputMask('hot', MaskBit.HOT, mask_at((2, 2), (40, 30)))])
    found = detect(frame)
    out = save_mask(frame, found, kind=mode)
    ccd = CCDData.read(
        out, hdu=int(kind == 'fz' and mode == 'into')
    )  # it passes over compressed images unless asked for them
    assert_array_equal(ccd.data, PIXELS)
    assert_array_equal(ccd.mask, found.crmask | mask_at((2, 2), (40, 30)))
    assert dict(ccd.wcs.to_header()) == dict(frame.ccd.wcs.to_header())


@pytest.mark.parametrize('unit', ['adu', 'electron', 'electron/s', 'adu/s'])
@pytest.mark.parametrize('dtype', ['i2', 'u2', 'i4', 'f4', 'f8', '>f4'])
def test_a_frame_from_memory_is_written_and_read_again(tmp_path, dtype, unit):
    frame = Frame(CCDData(PIXELS.astype(dtype), unit=unit, wcs=WCS(fits.Header(WCS_CARDS)), meta={'OBJECT': 'field 7'}))
    found = detect(frame)
    out = save_mask(frame, found, path=tmp_path / 'm.fits')
    ccd, again = CCDData.read(out), read_frame(out)
    for data in (ccd.data, again.ccd.data):
        assert_array_equal(data, PIXELS)
    assert again.ccd.data.dtype == np.dtype(dtype).newbyteorder('=')
    assert ccd.unit == again.ccd.unit == frame.ccd.unit
    assert_array_equal(ccd.mask, found.crmask)
    assert ccd.header['OBJECT'] == 'field 7'


def test_old_scaling_cards_do_not_scale_a_frame_from_memory(tmp_path):
    header = fits.Header({'BITPIX': 16, 'BZERO': 32768, 'BSCALE': 2.0, 'BUNIT': 'electron'})
    frame = Frame(CCDData(PIXELS + 0.5, unit='adu', header=header))
    out = save_mask(frame, detect(frame), path=tmp_path / 'm.fits')
    assert_array_equal(fits.getdata(out), PIXELS + 0.5)
    assert fits.getheader(out)['BUNIT'] == 'adu'


def test_the_kelt_16b_frame_keeps_hot_pixels_and_cosmic_rays(data, tmp_path):
    raw = read_frame(data / 'feder_kelt16b_S001-R001-C084-r.fit.gz')
    bias = read_frame(data / 'feder_kelt16b_combined_bias.fit.gz').ccd.data
    hot = read_dark(data / 'feder_kelt16b_combined_dark_90.000.fit.gz', 30)
    ccd = CCDData(raw.ccd.data - bias, unit='adu', header=raw.ccd.header, wcs=raw.ccd.wcs)
    frame = Frame(ccd, 'kelt', masks=[hot])
    found = detect(frame, frame.parameters({'gain': 1.5, 'readnoise': 10.0})[0])
    out = save_mask(frame, found, path=tmp_path / 'kelt.fits')
    again = CCDData.read(out)
    assert found.pixels
    assert_array_equal(again.data, ccd.data)
    assert_array_equal(again.mask, hot.mask | found.crmask)
    assert_array_equal(plane(out), MaskBit.HOT * hot.mask + MaskBit.CR_DETECTED * found.crmask)


def test_one_of_several_images_gets_masks_of_its_extver(tmp_path):
    path = tmp_path / 'a.fits'
    fits.HDUList([fits.PrimaryHDU(PIXELS * 2), sci(ver=1), sci(ver=2), sci(PIXELS, 2, 'VAR')]).writeto(path)
    for ver in (1, 2):
        frame = read_frame(path, ('SCI', ver))
        new = blocks(save_mask(frame, detect(frame), path=tmp_path / f'{ver}.fits'))
        own = {('SCI', ver), *([('VAR', 2)] if ver == 2 else [])}
        assert set(new) == {('PRIMARY', 1), *own, ('MASK', ver), ('DQ', ver), ('CRSEG', ver)}
        assert new['SCI', ver] == blocks(path)['SCI', ver]
        assert len(new['PRIMARY', 1]) == 2880  # without the other image
        assert add_saved_mask(frame, tmp_path / f'{ver}.fits').saved is not None
    before = blocks(path)
    for ver in (1, 2):
        frame = read_frame(path, ('SCI', ver))
        save_mask(frame, detect(frame), kind='into')
    after = blocks(path)
    assert before.items() <= after.items()
    assert {('MASK', 1), ('MASK', 2), ('DQ', 1), ('DQ', 2)} <= set(after)


def test_dq_holds_every_cause_and_explains_its_bits(tmp_path):
    pixels = PIXELS.copy()
    pixels[10, 10], pixels[12, 30] = np.nan, 9e4
    inputs = MaskBit.INPUT, MaskBit.HOT, MaskBit.BAD, MaskBit.CR_MISSION, MaskBit.NO_DATA
    masks = [InputMask(bit.name, bit, mask_at((5, 5), (6, number))) for number, bit in enumerate(inputs)]
    frame = Frame(pixels, masks=masks)
    found = detect(frame, LACosmicParams(satlevel=65535.0))
    crmask = found.crmask.copy()
    crmask[20, 20], crmask[40, 3], crmask[5, 5] = False, True, True
    out = save_mask(frame, found, path=tmp_path / 'm.fits', crmask=crmask)
    quality = plane(out)
    assert_array_equal(quality, merge_mask(frame, found, crmask))
    assert quality.dtype == np.dtype('>i2')
    assert np.bitwise_or.reduce(quality, axis=None) == sum(MaskBit) & ~MaskBit.CR_TAIL
    assert quality[5, 5] == sum(inputs)
    assert quality[20, 20] == 0
    assert_array_equal(plane(out, 'MASK'), quality != 0)
    header = fits.getheader(out, 'DQ')
    explained = [(header[f'DQBIT{n}'], header.comments[f'DQBIT{n}']) for n in range(len(MaskBit))]
    assert explained == [(bit.name, f'{int(bit)}: {bit.meaning}') for bit in MaskBit]


def test_the_header_describes_how_the_mask_was_made(tmp_path, frame):
    dark = tmp_path / 'dark.fits'
    fits.PrimaryHDU(np.where(mask_at((3, 3)), 90.0, 1.0)).writeto(dark, checksum=True)
    frame = frame.replace(masks=[read_dark(dark, 30)], background=np.full(SHAPE, 290.0))
    params, sources = frame.parameters({'sigclip': 5.5, 'satlevel': np.inf})
    found = detect(frame, params)
    out = save_mask(frame, found, sources=sources)
    for name in ('MASK', 'DQ'):
        header = fits.getheader(out, name)
        for item in fields(params):
            value = getattr(params, item.name)
            assert header[item.metadata['card']] == ('inf' if value == np.inf else value)
            assert item.name in header.comments[item.metadata['card']]
        assert header.comments['LAGAIN'] == '[electron/adu] gain: GAIN in the header'
        assert header.comments['LASIGCLP'] == '[sigma] sigclip: user'
        assert (header['CRMSK1'], header['CRBIT1']) == ('dark.fits > 30', 'HOT')
        assert header['CRSUM1'] == fits.getheader(dark)['DATASUM']
        assert 'CRBKG' in header
        assert 'CRVAR' not in header
        assert header['CRENGINE'] == found.engine
        assert astroscrappy.__version__ in header['CRENGINE']
        assert header['CRVERSIO'] == ginga_crplugin.__version__
        assert header['CRITER'] == ' '.join(map(str, found.per_iteration))
        assert header['CRUNSRCH'] == pytest.approx(found.excluded_fraction)


def test_a_mask_made_by_a_check_has_the_checksum_of_the_frame(tmp_path):
    pixels = np.random.default_rng(1).normal(100.0, 5.0, (64, 70)).astype(np.float32)
    pixels[:, :8] -= 100.0
    fits.PrimaryHDU(pixels, fits.Header({'BUNIT': 'adu', 'RDNOISE': 3.0})).writeto(tmp_path / 'f.fits', checksum=True)
    frame = read_frame(tmp_path / 'f.fits')
    check = next(check for check in check_frame(frame) if check.name == 'overscan')
    frame = frame.replace(masks=(check.remedy.mask,))
    header = fits.getheader(save_mask(frame, detect(frame)), 'DQ')
    assert header['CRSUM1'] == fits.getheader(tmp_path / 'f.fits')['DATASUM']


def test_astropy_writes_a_copy_of_the_pixels(monkeypatch, tmp_path):
    frame = Frame(CCDData(PIXELS.astype(np.float32), unit='adu'))
    write, shared = fits.HDUList.writeto, []

    def recorded(hdus, *args, **options):
        shared.extend(
            np.shares_memory(hdu.data, frame.ccd.data) for hdu in hdus if hdu.is_image and hdu.data is not None
        )
        write(hdus, *args, **options)

    monkeypatch.setattr(fits.HDUList, 'writeto', recorded)
    out = save_mask(frame, detect(frame), path=tmp_path / 'saved.fits', cleaned=True)
    assert_array_equal(fits.getdata(out), PIXELS)
    assert len(shared) >= 4
    assert not any(shared)


def test_the_header_describes_the_review(frame, found):
    crmask = found.crmask.copy()
    crmask[20, 20:22], crmask[4, 4] = False, True
    header = fits.getheader(save_mask(frame, found, crmask=crmask), 'DQ')
    counts = {name: header[name] for name in ('CRNDET', 'CRNREJ', 'CRNMARK', 'CRNPIX', 'CRNSEG')}
    labels = len(segment(frame, found, crmask=crmask))
    wanted = {'CRNDET': found.pixels, 'CRNREJ': 2, 'CRNMARK': 1, 'CRNPIX': found.pixels - 1, 'CRNSEG': labels}
    assert counts == wanted


def test_long_and_non_ascii_names_fit_into_the_header(frame):
    name = 'dunkel-Übersicht ' + 90 * 'x'
    frame = frame.replace(masks=[InputMask(name, MaskBit.HOT, mask_at((3, 3)))])
    header = fits.getheader(save_mask(frame, detect(frame)), 'MASK')
    assert header['CRMSK1'] == name.replace('Ü', '?')


def test_the_mask_has_the_sky_coordinates_of_the_image(frame, found):
    out = save_mask(frame, found, cleaned=True)
    for name in ('MASK', 'DQ', 'CLEANED'):
        assert dict(WCS(fits.getheader(out, name)).to_header()) == dict(frame.ccd.wcs.to_header())


def test_the_table_of_segments_is_read_back(frame, found):
    segments = segment(frame, found)
    table = QTable.read(save_mask(frame, found, segments), hdu='CRSEG')
    assert table.colnames == segments.table.colnames
    for name in table.colnames:
        assert_array_equal(table[name], getattr(segments.table[name], 'value', segments.table[name]))


def test_the_cleaned_image_is_optional(frame, found):
    assert ('CLEANED', 1) not in blocks(save_mask(frame, found))
    out = save_mask(frame, found, overwrite=True, cleaned=True)
    assert_array_equal(plane(out, 'CLEANED'), found.cleaned)
    assert fits.getheader(out, 'CLEANED')['BUNIT'] == 'adu'


def test_what_replaces_the_pixels_is_saved(frame, found):
    segments = segment(frame, found)
    table = segments.table.copy()
    table['repair'] = np.where(np.arange(len(table)) == 0, 'median', 'y')
    annotated = replace(segments, table=table)
    mask = found.crmask.copy()
    mask[7, 7] = True
    out = save_mask(frame, found, annotated, crmask=mask, cleaned=True, repair='x')
    expected = repair(frame, found, annotated, np.flatnonzero(mask), method='x').cleaned
    assert_array_equal(plane(out, 'CLEANED'), expected)
    assert plane(out, 'CLEANED')[7, 7] != PIXELS[7, 7]
    assert list(QTable.read(out, hdu='CRSEG')['repair']) == list(table['repair'])
    header = fits.getheader(out, 'CLEANED')
    names = [header[f'CRREP{number}'].split()[0] for number in range(1, 4) if f'CRREP{number}' in header]
    assert names == sorted({'x', *table['repair']})


def test_an_unknown_repair_and_a_missing_exposure_are_refused(frame, found):
    with pytest.raises(ValueError, match="repair is 'z': it must be one of"):
        save_mask(frame, found, repair='z')
    with pytest.raises(ValueError, match='there is no other exposure'):
        save_mask(frame, found, cleaned=True, repair='exposure')
    assert not list(frame.path.parent.glob('*_crmask*'))


@pytest.mark.parametrize('kind', ['new', 'into'])
def test_a_mask_is_not_saved_with_a_modified_frame(frame, found, kind):
    fits.PrimaryHDU((PIXELS + 1.0).astype('f4'), fits.Header(CARDS)).writeto(frame.path, overwrite=True)
    before = frame.path.read_bytes()
    with pytest.raises(ValueError, match='was modified since it was read: open it again'):
        save_mask(frame, found, kind=kind)
    assert [path.name for path in frame.path.parent.iterdir()] == [frame.path.name]
    assert frame.path.read_bytes() == before


@pytest.mark.parametrize('kind', ['new', 'into'])
def test_an_empty_mask_is_saved(tmp_path, kind):
    path = tmp_path / 'flat.fits'
    fits.PrimaryHDU(np.full(SHAPE, 100.0), fits.Header({'BUNIT': 'adu'})).writeto(path)
    frame = read_frame(path)
    out = save_mask(frame, detect(frame), kind=kind)
    assert not plane(out).any()
    assert len(QTable.read(out, hdu='CRSEG')) == 0


# reading saved files


@pytest.mark.parametrize('mode', ['new', 'into'])
@pytest.mark.parametrize('kind', FILES)
def test_a_saved_file_is_read_with_its_input_masks_without_its_cosmic_rays(tmp_path, kind, mode):
    frame = read_frame(make(tmp_path, kind)[0])
    masks = {MaskBit.INPUT: mask_at((2, 2)), MaskBit.HOT: mask_at((2, 2), (3, 30)), MaskBit.BAD: mask_at((44, 4))}
    frame = frame.replace(masks=[InputMask(bit.name, bit, mask) for bit, mask in masks.items()])
    found = detect(frame)
    again = read_frame(save_mask(frame, found, kind=mode))
    assert {item.bit for item in again.masks} == set(masks)
    for item in again.masks:
        assert_array_equal(item.mask, masks[item.bit])
    assert_array_equal(again.bits, frame.bits)
    assert_array_equal(detect(again).crmask, found.crmask)


@pytest.fixture
def foreign(tmp_path):
    """A frame whose file has the DQ of another pipeline."""
    path = tmp_path / 'a.fits'
    quality = fits.ImageHDU(5 * mask_at((7, 7)).astype('i4'), name='DQ')
    fits.HDUList([fits.PrimaryHDU(), sci(), quality]).writeto(path)
    return read_frame(path)


def test_the_dq_of_another_pipeline_is_kept_and_the_new_one_is_named_crdq(foreign):
    before = blocks(foreign.path)
    found = detect(foreign)
    for overwrite in (False, True):
        save_mask(foreign, found, kind='into', overwrite=overwrite)
        assert before.items() <= blocks(foreign.path).items()
        assert set(blocks(foreign.path)) - set(before) == {('MASK', 1), ('CRDQ', 1), ('CRSEG', 1)}
    assert_array_equal(plane(foreign.path, 'CRDQ'), merge_mask(foreign, found))
    assert_array_equal(read_frame(foreign.path).bits, foreign.bits)


def test_a_new_file_keeps_the_dq_of_another_pipeline_too(foreign):
    before = blocks(foreign.path)
    out = save_mask(foreign, detect(foreign))
    assert before.items() <= blocks(out).items()
    assert_array_equal(plane(out, 'CRDQ'), merge_mask(foreign, detect(foreign)))
    again = read_frame(out)
    assert_array_equal(again.bits, foreign.bits)
    save_mask(again, detect(again), kind='into', overwrite=True)
    assert list(blocks(out)) == [*before, ('MASK', 1), ('CRDQ', 1), ('CRSEG', 1)]


# existing files


def test_an_existing_file_is_replaced_only_with_overwrite(frame, found, listing):
    out = default_path(frame)
    out.write_bytes(b'precious')
    with pytest.raises(FileExistsError, match=r'field_crmask.fits already exists') as error:
        save_mask(frame, found)
    assert '\n' not in str(error.value)
    assert out.read_bytes() == b'precious'
    save_mask(frame, found, overwrite=True)
    assert_array_equal(read_mask(out, ext='MASK').mask, found.crmask)
    assert listing() == ['field.fits', 'field_crmask.fits']


def test_a_file_created_by_another_process_is_kept(frame, found, monkeypatch, listing):
    out = default_path(frame)
    monkeypatch.setattr(os, 'fsync', lambda _: out.write_bytes(b'precious'))
    with pytest.raises(FileExistsError, match=r'field_crmask.fits already exists'):
        save_mask(frame, found)
    assert out.read_bytes() == b'precious'
    assert listing() == ['field.fits', 'field_crmask.fits']


@pytest.mark.parametrize('kind', ['new', 'mask'])
def test_the_frame_s_own_file_is_never_replaced_by_a_new_one(frame, found, kind):
    before = frame.path.read_bytes()
    with pytest.raises(FileExistsError, match=r"field.fits is the frame's own file"):
        save_mask(frame, found, path=frame.path, kind=kind, overwrite=True)
    assert frame.path.read_bytes() == before


@pytest.mark.parametrize('kind', ['new', 'into'])
@pytest.mark.parametrize('name', ['MASK', 'CRSEG', 'CLEANED'])
def test_an_extension_of_another_program_is_kept_after_the_new_one_of_that_name(tmp_path, name, kind):
    path = tmp_path / 'a.fits'
    hdus = [sci(), fits.ImageHDU(mask_at((7, 7)).astype('u1'), name=name), sci(PIXELS**0.5, name='ERR')]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path, checksum=True)
    before = path.read_bytes()
    tail = before[blocks_end(path, 'SCI') :]
    for overwrite in (False, True):
        frame = read_frame(path)
        out = save_mask(frame, detect(frame), kind=kind, overwrite=overwrite, cleaned=True)
        saved = out.read_bytes()
        assert saved.startswith(before[: -len(tail)])
        assert saved.endswith(tail)
        with fits.open(out) as hdus:
            new = ['MASK', 'DQ', 'CRSEG', 'CLEANED', 'CLEANED_UNCERT']
            assert [hdu.name for hdu in hdus] == ['PRIMARY', 'SCI', *new, name, 'ERR']
            assert 'CRPBITS' in hdus[name].header
        assert_array_equal(CCDData.read(out).mask, merge_mask(frame, detect(frame)) != 0)
        assert plane(out)[7, 7] == (MaskBit.INPUT if name == 'MASK' else 0)


def blocks_end(path, name):
    """Return the number of bytes of a file up to the end of an HDU."""
    with fits.open(path) as hdus:
        info = hdus[name].fileinfo()
    return info['datLoc'] + info['datSpan']


def test_saving_into_twice_replaces_the_first(frame, found):
    save_mask(frame, found, kind='into')
    once = decompressed(frame.path)
    again = read_frame(frame.path)
    with pytest.raises(FileExistsError, match='has a MASK extension from an earlier run'):
        save_mask(again, found, kind='into')
    save_mask(again, found, kind='into', overwrite=True)
    assert list(blocks(frame.path)) == [('PRIMARY', 1), ('MASK', 1), ('DQ', 1), ('CRSEG', 1)]
    assert len(decompressed(frame.path)) == len(once)


def test_the_target_of_a_link_is_replaced(tmp_path, frame, found):
    (tmp_path / 'deep').mkdir()
    real, link = tmp_path / 'deep' / 'real.fits', tmp_path / 'link.fits'
    link.symlink_to(real)
    for overwrite in (False, True):
        assert save_mask(frame, found, path=link, overwrite=overwrite) == link
        assert link.is_symlink()
        assert_array_equal(read_mask(real, ext='MASK').mask, found.crmask)


@pytest.mark.parametrize('umask', [0o022, 0o077, 0o002])
def test_a_new_file_follows_the_umask(frame, found, umask):
    old = os.umask(umask)
    try:
        out = save_mask(frame, found)
    finally:
        os.umask(old)
    assert stat.S_IMODE(out.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize('kind', ['new', 'into'])
def test_a_replaced_file_keeps_its_permissions(frame, found, kind):
    out = frame.path if kind == 'into' else save_mask(frame, found)
    out.chmod(0o640)
    save_mask(frame, found, kind=kind, overwrite=True)
    assert stat.S_IMODE(out.stat().st_mode) == 0o640


@pytest.mark.parametrize(('suffix', 'magic'), [('.fits.gz', b'\x1f\x8b'), ('.fits.bz2', b'BZh'), ('.fits', b'SIMPLE')])
def test_a_new_file_is_compressed_according_to_its_suffix(tmp_path, frame, found, suffix, magic):
    out = save_mask(frame, found, path=tmp_path / f'm{suffix}')
    assert out.read_bytes().startswith(magic)
    assert_array_equal(read_mask(out, ext='MASK').mask, found.crmask)


@pytest.mark.parametrize(
    'name', ['field.fits', 'field.fit', 'field.FITS', 'field.fits.gz', 'field.fits.fz', 'field.fts.bz2', 'field']
)
def test_the_default_name(frame, name):
    assert default_path(replace(frame, path=Path('night') / name)) == Path('night/field_crmask.fits')


def test_two_images_of_one_file_have_two_default_names(tmp_path):
    path = tmp_path / 'field.fits'
    fits.HDUList([fits.PrimaryHDU(), sci(), sci(PIXELS[::-1], ver=2)]).writeto(path)
    frames = [read_frame(path), read_frame(path, ('SCI', 2)), read_frame(path, ('SCI', 1)), read_frame(path, 2)]
    names = ['field_crmask.fits', 'field_ext2_crmask.fits', 'field_crmask.fits', 'field_ext2_crmask.fits']
    assert [default_path(frame).name for frame in frames] == names
    for frame in frames[:2]:
        assert_array_equal(read_frame(save_mask(frame, detect(frame))).ccd.data, frame.ccd.data)


# errors


def no_space(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize('kind', ['new', 'into', 'mask'])
@pytest.mark.parametrize('stage', ['write', 'rename'])
@pytest.mark.parametrize('overwrite', [False, True])
def test_without_disk_space_the_old_file_is_kept_and_nothing_is_left(
    frame, found, monkeypatch, listing, kind, stage, overwrite
):
    out = frame.path if kind == 'into' else default_path(frame)
    if overwrite and kind != 'into':
        out.write_bytes(b'precious')
    before, names = out.read_bytes() if out.exists() else None, listing()
    for name in ('fsync',) if stage == 'write' else ('link', 'rename', 'replace'):
        monkeypatch.setattr(os, name, no_space)
    with pytest.raises(OSError, match=f'{out.name} cannot be written: No space left on device') as error:
        save_mask(frame, found, kind=kind, overwrite=overwrite)
    assert '\n' not in str(error.value)
    assert listing() == names
    assert before is None or out.read_bytes() == before


def test_an_interrupted_write_leaves_nothing(frame, found, monkeypatch, listing):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, 'fsync', interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_mask(frame, found)
    assert listing() == ['field.fits']


@pytest.mark.parametrize(
    ('path', 'reason'), [('missing/m.fits', 'No such file or directory'), ('field.fits/m.fits', 'Not a directory')]
)
def test_a_missing_folder_is_reported(tmp_path, frame, found, path, reason, listing):
    with pytest.raises(OSError, match=f'm.fits cannot be written: {reason}') as error:
        save_mask(frame, found, path=tmp_path / path)
    assert '\n' not in str(error.value)
    assert listing() == ['field.fits']


def test_a_folder_without_write_permission_is_reported(frame, found, monkeypatch, listing):
    def refuse(path, flags, *_, open=os.open, **__):
        if flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return open(path, flags)

    monkeypatch.setattr(os, 'open', refuse)
    with pytest.raises(OSError, match=r'field_crmask.fits cannot be written: Permission denied'):
        save_mask(frame, found)
    assert listing() == ['field.fits']


def test_a_write_protected_file_is_not_replaced(frame, found, monkeypatch, listing):
    before = frame.path.read_bytes()
    monkeypatch.setattr(os, 'access', lambda path, mode: mode != os.W_OK)
    with pytest.raises(OSError, match=r'field.fits cannot be written: it is write-protected'):
        save_mask(frame, found, kind='into')
    assert frame.path.read_bytes() == before
    assert listing() == ['field.fits']


def test_a_frame_without_a_file_has_no_default_name():
    frame = Frame(PIXELS, 'mine')
    found = detect(frame)
    for kind, advice in (('new', 'give the path of the mask'), ('into', "use kind 'new'")):
        with pytest.raises(ValueError, match=f'mine was not read from a file: {advice}'):
            save_mask(frame, found, kind=kind)


def test_an_unknown_kind_is_refused(frame, found):
    with pytest.raises(ValueError, match="kind is 'beside': it must be new, into or mask"):
        save_mask(frame, found, kind='beside')


def test_a_reviewed_mask_of_another_shape_is_refused_before_anything_is_written(frame, found, listing):
    with pytest.raises(ValueError, match=r"crmask: shape \(3, 3\) differs from the frame's \(48, 40\)"):
        save_mask(frame, found, segment(frame, found), crmask=np.ones((3, 3), dtype=bool))
    assert listing() == ['field.fits']


@pytest.mark.parametrize('rows', [0, 1, 90])
def test_the_table_has_the_bytes_that_astropy_writes(rows, tmp_path):
    pixels = np.full((64, 96), 100.0, dtype=np.float32)
    pixels[5::9, 5::9].flat[:rows] = 5000.0
    frame = Frame(pixels)
    table = segment(frame, detect(frame)).table
    assert len(table) == min(rows, 70)
    table['hint'] = np.array(['', 'hot pixel'] * 45, dtype='U17')[: len(table)]
    expected = fits.BinTableHDU(table.as_array(), name='CRSEG')
    for number, name in enumerate(table.colnames, start=1):
        if table[name].unit is not None:
            expected.header.comments[f'TTYPE{number}'] = f'[{table[name].unit}]'
    expected.writeto(tmp_path / 'expected.fits')
    fits.HDUList([fits.PrimaryHDU(), table_hdu(table)]).writeto(tmp_path / 'own.fits')
    assert (tmp_path / 'own.fits').read_bytes() == (tmp_path / 'expected.fits').read_bytes()
