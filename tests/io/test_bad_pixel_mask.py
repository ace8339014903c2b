"""Masks made from flats and darks: pixels, cause, header and errors."""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData
from ccdproc import ccdmask
from numpy.testing import assert_array_equal

from ginga_crplugin import MaskBit, Recipe, load_recipe, make_mask, read_dark, read_frame, read_mask, save_recipe
from ginga_crplugin.cli.main import main
from ginga_crplugin.core.input_mask import MaskSource
from ginga_crplugin.core.pixels import datasum
from ginga_crplugin.io.ccdmask_options import CCDMASK_OPTIONS

SHAPE = (60, 70)


def flat(level, seed, dtype=np.float32):
    """Return a flat with a bad column, a dead pixel and a bright one."""
    image = np.random.default_rng(seed).normal(level, np.sqrt(level), SHAPE)
    image[20:, 30] = 0.5 * image[20:, 30] + 2000.0  # not linear
    image[5, 5] = 0.0
    image[40, 60] = 2.0 * level if level > 1e4 else level
    return image.astype(dtype)


def write(path, image, **header):
    fits.PrimaryHDU(image, fits.Header(header)).writeto(path, overwrite=True)
    return path


@pytest.fixture
def flats(tmp_path):
    return [write(tmp_path / f'flat{level}.fits', flat(level, level)) for level in (20000, 4000)]


@pytest.fixture
def ratio(flats, tmp_path):
    with np.errstate(all='ignore'):
        image = fits.getdata(flats[0]) / fits.getdata(flats[1])
    image[5, 5] = 1.0
    return write(tmp_path / 'ratio.fits', image.astype('f4'))


def expected(image, **options):
    return ccdmask(CCDData(np.asarray(image, dtype=image.dtype.newbyteorder('=')), unit=u.one), **options)


def test_cube_of_darks_is_refused_in_one_line(tmp_path, capsys):
    cube = write(tmp_path / 'cube.fits', np.ones((3, *SHAPE), dtype=np.float32))
    output = tmp_path / 'hot.fits'
    assert main(['make-mask', '--dark', str(cube), '--limit', '0.5', '-o', str(output)]) == 1
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert 'cube.fits has 3 axes, shape (3, 60, 70): an image must have 2 axes' in error
    assert not output.exists()


def test_cube_of_one_dark_is_read(tmp_path):
    image = np.zeros(SHAPE, dtype=np.float32)
    image[3, 4] = 100.0
    cube = write(tmp_path / 'cube.fits', image[np.newaxis])
    _, mask = make_mask(tmp_path / 'hot.fits', dark=cube, limit=50.0)
    assert_array_equal(mask, image > 50.0)


@pytest.mark.parametrize(
    'options',
    [
        {},
        {'findbadcolumns': True},
        {'byblocks': True, 'lsigma': 7.0},
        {'ncmed': 9, 'nlmed': 5, 'ncsig': 11, 'nlsig': 21, 'hsigma': 6, 'findbadcolumns': True, 'ngood': 3},
    ],
)
def test_the_mask_of_a_ratio_equals_ccdmask(ratio, tmp_path, options):
    path, mask = make_mask(tmp_path / 'bad.fits', flats=[ratio], **options)
    assert_array_equal(mask, expected(fits.getdata(ratio), **options))
    assert mask[25, 30]
    assert 30 < mask.sum() < 200
    with fits.open(path, checksum=True) as hdus:
        assert len(hdus) == 1
        assert_array_equal(hdus['MASK'].data, mask.astype(np.uint8))
        assert hdus[0].data.dtype == np.uint8
        header = hdus[0].header
    used = {name: item[0] for name, item in CCDMASK_OPTIONS.items()} | options
    assert {name: header[item[2]] for name, item in CCDMASK_OPTIONS.items()} == used
    assert (header['CRFILE1'], header['CRSUM1']) == ('ratio.fits', datasum(fits.getdata(ratio)))
    assert header['CRNBAD'] == mask.sum()
    assert header['CRMADEBY'].startswith('ccdproc.ccdmask ')


def test_the_ratio_of_two_flats_is_computed_and_non_finite_pixels_are_bad(flats, tmp_path):
    path, mask = make_mask(tmp_path / 'bad.fits', flats=flats)
    one, other = (fits.getdata(file) for file in flats)
    with np.errstate(all='ignore'):
        image = one / other
    assert list(zip(*np.nonzero(~np.isfinite(image)), strict=True)) == [(5, 5)]
    image[5, 5] = np.median(image[np.isfinite(image)])
    reference = expected(image)
    assert not reference[5, 5]
    reference[5, 5] = True
    assert_array_equal(mask, reference)
    header = fits.getheader(path)
    assert (header['CRFILE1'], header['CRFILE2']) == ('flat20000.fits', 'flat4000.fits')
    assert (header['CRSUM1'], header['CRSUM2']) == (datasum(one), datasum(other))


def test_unsigned_integers_do_not_wrap_around(tmp_path):
    """Differences of unsigned integers, as in ccdmask, would be huge."""
    image = flat(20000, 1, np.uint16)
    path = write(tmp_path / 'flat.fits', image)
    assert_array_equal(make_mask(tmp_path / 'bad.fits', flats=[path])[1], expected(image.astype(float)))


def test_the_mask_of_a_dark_has_the_pixels_above_the_limit(data, tmp_path):
    dark = data / 'feder_kelt16b_combined_dark_90.000.fit.gz'
    path, mask = make_mask(tmp_path / 'hot.fits', dark=dark, limit=30)
    assert_array_equal(mask, fits.getdata(dark) > 30.0)
    assert mask.sum() == 86
    header = fits.getheader(path)
    assert (header['CRLIMIT'], header['CRFILE1']) == (30.0, dark.name)
    assert header['CRSUM1'] == read_dark(dark, 30).datasum


def test_real_flats(data, tmp_path):
    file = data / 'feder_kelt16b_combined_flat_filter_r.fit.gz'
    _, mask = make_mask(tmp_path / 'bad.fits', flats=[(file, 0)], byblocks=True)
    assert_array_equal(mask, expected(fits.getdata(file), byblocks=True))


@pytest.mark.parametrize('kind', ['bad', 'hot'])
def test_the_file_is_read_with_its_cause(ratio, tmp_path, kind):
    source = {'flats': [ratio]} if kind == 'bad' else {'dark': ratio, 'limit': 5.2}
    path, mask = make_mask(tmp_path / 'made.fits', **source)
    bit = MaskBit.BAD if kind == 'bad' else MaskBit.HOT
    read = read_mask(path)
    assert read.bit == bit
    assert_array_equal(read.mask, mask)
    assert read_mask(path, default=MaskBit.BAD).bit == bit  # as the panels read it
    frame = read_frame(write(tmp_path / 'frame.fits', flat(300, 1), BUNIT='adu'))
    save_recipe(Recipe(masks=(MaskSource(path),)), tmp_path / 'r.yaml')
    prepared = load_recipe(tmp_path / 'r.yaml').prepare(frame)
    assert_array_equal(prepared.frame.bits, mask * np.uint8(bit))
    for options in ({}, {'unit': u.dimensionless_unscaled}):  # the second as in the guide
        assert_array_equal(CCDData.read(path, **options).data, mask.astype(np.uint8))
    assert_array_equal(CCDData.read(path).mask, mask)


def test_the_output_can_be_compressed_and_the_flat_in_an_extension(ratio, tmp_path):
    image = fits.getdata(ratio)
    several = tmp_path / 'several.fits'
    fits.HDUList(
        [fits.PrimaryHDU(), fits.ImageHDU(image, name='SCI'), fits.ImageHDU(image[::-1], name='SCI', ver=2)]
    ).writeto(several)
    path, mask = make_mask(tmp_path / 'bad.fits.gz', flats=[(several, ('SCI', 2))])
    assert path.read_bytes()[:2] == b'\x1f\x8b'
    assert_array_equal(read_mask(path).mask, mask)
    assert_array_equal(mask, expected(image[::-1]))
    assert fits.getheader(path)['CRFILE1'] == 'several.fits[SCI,2]'


def test_equal_input_gives_equal_bytes(ratio, tmp_path):
    one, other = (make_mask(tmp_path / name, flats=[ratio])[0] for name in ('one.fits', 'other.fits'))
    assert one.read_bytes() == other.read_bytes()


# errors


def test_existing_files_need_overwrite_and_inputs_are_never_replaced(flats, ratio, tmp_path):
    path = make_mask(tmp_path / 'bad.fits', flats=[ratio])[0]
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r'bad.fits already exists'):
        make_mask(path, flats=flats)
    assert path.read_bytes() == before
    make_mask(path, flats=flats, overwrite=True)
    assert path.read_bytes() != before
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match=r'already exists|is one of the input files'):
            make_mask(ratio, dark=ratio, limit=5.0, overwrite=overwrite)
    with pytest.raises(FileNotFoundError, match='none: no such folder'):
        make_mask(tmp_path / 'none' / 'bad.fits', flats=[ratio])


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({}, 'give either one or two flats, or a dark with its limit'),
        ({'flats': ['a', 'b', 'c']}, 'give either one or two flats'),
        ({'flats': ['a'], 'dark': 'b', 'limit': 3}, 'give either one or two flats'),
        ({'dark': 'b'}, 'dark and limit must be given together'),
        ({'flats': ['a'], 'limit': 3}, 'dark and limit must be given together'),
        ({'dark': 'b', 'limit': 3, 'ncmed': 3}, 'ncmed: options of ccdmask are for flats only'),
        ({'flats': ['a'], 'ncmde': 3}, 'ncmde is not an option of ccdmask: use findbadcolumns, byblocks'),
        ({'flats': ['a'], 'ncmed': 0}, 'ncmed is 0: it must be a whole number of 1 or more'),
        ({'flats': ['a'], 'nlsig': 9}, 'nlsig is 9: it must be a whole number of 10 or more'),
        ({'flats': ['a'], 'ngood': 2.5}, 'ngood is 2.5: it must be a whole number of 1 or more'),
        ({'flats': ['a'], 'lsigma': np.nan}, 'lsigma is nan: it must be a number of 0.1 or more'),
        ({'flats': ['none.fits']}, 'none.fits: no such file'),
        ({'dark': 'none.fits', 'limit': 3}, 'none.fits: no such file'),
    ],
)
def test_invalid_arguments_are_refused(tmp_path, arguments, message):
    with pytest.raises((ValueError, OSError), match=message):
        make_mask(tmp_path / 'bad.fits', **arguments)
    assert list(tmp_path.iterdir()) == []


def test_unusable_flats_are_refused(flats, tmp_path):
    small = write(tmp_path / 'small.fits', flat(300, 1)[:50])
    with pytest.raises(
        ValueError, match=r'small.fits: shape \(50, 70\) differs from that of .*flat20000.fits, \(60, 70\)'
    ):
        make_mask(tmp_path / 'bad.fits', flats=[flats[0], small])
    with pytest.raises(ValueError, match='have the same pixels: use two flats of different exposure'):
        make_mask(tmp_path / 'bad.fits', flats=[flats[0], flats[0]])
    zeros = write(tmp_path / 'zeros.fits', np.zeros(SHAPE, dtype='f4'))
    with pytest.raises(ValueError, match='has no finite pixel'):
        make_mask(tmp_path / 'bad.fits', flats=[flats[0], zeros])
    cube = write(tmp_path / 'cube.fits', np.ones((3, 40, 40), dtype='f4'))
    with pytest.raises(ValueError, match=r'cube.fits has 3 axes'):
        make_mask(tmp_path / 'bad.fits', flats=[cube])
    assert not (tmp_path / 'bad.fits').exists()


# command line


def test_the_command_writes_the_same_file(flats, ratio, tmp_path, capsys):
    out = tmp_path / 'bad.fits'
    assert main(['make-mask', '--flats', *map(str, flats), '-o', str(out), '--byblocks', '--lsigma', '7']) == 0
    mask = make_mask(tmp_path / 'again.fits', flats=flats, byblocks=True, lsigma=7.0)[1]
    assert capsys.readouterr().out == (f'{mask.sum()} of 4200 px are bad ({100 * mask.mean():.2g} %)\nwritten: {out}\n')
    assert out.read_bytes() == (tmp_path / 'again.fits').read_bytes()
    hot = tmp_path / 'hot.fits'
    assert main(['make-mask', '--dark', f'{ratio}[0]', '--limit', '5.2', '-o', str(hot)]) == 0
    assert ' px are hot (' in capsys.readouterr().out
    assert_array_equal(read_mask(hot).mask, fits.getdata(ratio) > 5.2)


@pytest.mark.parametrize(
    'arguments',
    [
        ['-o', 'x.fits'],
        ['--flats', 'a', '--dark', 'b', '--limit', '3', '-o', 'x.fits'],
        ['--flats', 'a', 'b', 'c', '-o', 'x.fits'],
        ['--flats', 'a', '--limit', '3', '-o', 'x.fits'],
        ['--dark', 'b', '-o', 'x.fits'],
        ['--dark', 'b', '--limit', '3', '--ncmed', '3', '-o', 'x.fits'],
        ['--flats', 'a'],
    ],
)
def test_wrong_usage_of_the_command_is_an_error(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(['make-mask', *arguments])
    assert ended.value.code == 2
    assert 'make-mask' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_unreadable_file_is_reported_in_one_line(ratio, tmp_path, capsys):
    (tmp_path / 'none.fits').write_text('none')
    for options in (
        ['--flats', 'none.fits'],
        ['--flats', str(ratio), 'gone.fits'],
        ['--dark', 'none.fits', '--limit', '3'],
    ):
        arguments = [str(tmp_path / option) if option.endswith('.fits') else option for option in options]
        assert main(['make-mask', *arguments, '-o', str(tmp_path / 'out.fits')]) == 1
        printed = capsys.readouterr()
        assert printed.out == ''
        assert printed.err.count('\n') == 1
        assert not (tmp_path / 'out.fits').exists()
