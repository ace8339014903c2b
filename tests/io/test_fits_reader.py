"""Files that are damaged or not frames: one-line errors, with bounded memory and time."""

import bz2
import gzip
import lzma
import os
import re
import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin import detect, read_frame, read_mask, save_mask
from ginga_crplugin.cli.main import main
from ginga_crplugin.io import fits_reader, memory
from tests.tools.damage import sources
from tests.tools.fuzz_fits import run
from tests.tools.unusual import make_card, make_hdu

PIXELS = np.random.default_rng(3).normal(300.0, 12.0, (48, 40)).astype('f4')
ADU = {'BUNIT': 'adu'}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'a.fits'
    fits.PrimaryHDU(PIXELS, fits.Header(ADU)).writeto(path)
    return path


def assert_refused(path, message, ext=None):
    """Assert that the function and the command reject a file with one line that names it."""
    with pytest.raises(ValueError, match=message) as error:
        read_frame(path, ext)
    assert str(path) in str(error.value) or f'{path.name} [' in str(error.value)
    assert '\n' not in str(error.value)
    assert main(['check', str(path)]) == 1


def with_cards(path, *cards, index=0):
    """Append raw cards to a header."""
    content = bytearray(path.read_bytes())
    start = [at for at in range(0, len(content), 2880) if content[at : at + 8] in (b'SIMPLE  ', b'XTENSION')][index]
    end = content.index(b'END' + b' ' * 77, start)
    for number, card in enumerate(cards):
        at = end + 80 * number
        content[at : at + 80] = card.encode('latin1').ljust(80)
    at = end + 80 * len(cards)
    content[at : at + 80] = b'END'.ljust(80)
    path.write_bytes(content)
    return path


def replace_bytes(path, old, new):
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new.ljust(len(old))))
    return path


# not a regular file


@pytest.mark.parametrize(
    ('make', 'message'), [(os.mkfifo, 'is not a regular file'), (os.mkdir, 'is a folder, not a FITS file')]
)
def test_only_regular_files_are_opened(tmp_path, make, message):
    make(tmp_path / 'a.fits')
    assert_refused(tmp_path / 'a.fits', message)


def test_a_device_is_not_opened(tmp_path):
    (tmp_path / 'a.fits').symlink_to('/dev/zero')
    assert_refused(tmp_path / 'a.fits', 'is not a regular file')


@pytest.mark.parametrize('to', ['a.fits', 'missing.fits'])
def test_a_broken_link_is_a_missing_file(tmp_path, to, capsys):
    (tmp_path / 'a.fits').symlink_to(to)
    with pytest.raises(FileNotFoundError, match=r'a.fits: no such file'):
        read_frame(tmp_path / 'a.fits')
    assert main(['detect', str(tmp_path / 'a.fits')]) == 1
    assert capsys.readouterr().err.count('\n') == 1


def test_file_names_are_not_expanded(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('~root', '$HOME', 'file:a.fits', '-x.fits'):
        (tmp_path / name).write_bytes(path.read_bytes())
        assert_array_equal(read_frame(name).ccd.data, PIXELS)


# too large


def sparse(path, header, size):
    with path.open('wb') as file:
        file.write(header)
        try:
            file.truncate(size)
        except OSError as error:
            pytest.skip(f'the file system has no such large files: {error.strerror}')


def test_a_frame_that_exceeds_the_memory_is_refused_with_both_sizes(path, capsys):
    content = re.sub(rb'(NAXIS[12]  = ) *\d+', rb'\g<1>              200000', path.read_bytes())
    sparse(path, content[:2880], 2880 + 4 * 200000**2)
    assert_refused(path, r'a.fits \[200000 x 200000 pixels\] needs about 894.1 GiB of memory; \d+.\d GiB are available')
    assert capsys.readouterr().err.count('\n') == 1


def test_a_compressed_frame_that_exceeds_the_memory_is_refused(tmp_path):
    content = re.sub(rb'(ZNAXIS[12] = ) *\d+', rb'\g<1>              200000', sources()['RICE_1'])
    (tmp_path / 'a.fits').write_bytes(content)
    assert_refused(tmp_path / 'a.fits', r'\[200000 x 200000 pixels\] needs about 894.1 GiB of memory')


def test_a_truncated_frame_is_refused(path):
    content = re.sub(rb'(NAXIS[12]  = ) *\d+', rb'\g<1>              200000', path.read_bytes())
    path.write_bytes(content)
    assert_refused(path, r'truncated or damaged \(8,640 of 160,000,000,000 bytes\)')


@pytest.mark.parametrize('what', ['NAXIS', 'TFIELDS', 'ZNAXIS'])
def test_huge_counts_in_the_header_are_refused(tmp_path, what):
    content = re.sub(rb'\b(' + what.encode() + rb' *= ) *\d+', rb'\g<1>          9999999999', sources()['RICE_1'])
    (tmp_path / 'a.fits').write_bytes(content)
    assert_refused(tmp_path / 'a.fits', f'not a FITS file, or damaged .{what} is 9999999999')


def test_too_many_axes_in_the_first_extension_are_refused(tmp_path):
    path, cards = tmp_path / 'a.fits', [make_card('BUNIT', "'adu'")]
    content = make_hdu(PIXELS, cards, primary=True) + make_hdu(PIXELS, [], name='SKY')  # without EXTEND, astropy looks
    at = content.index(b'NAXIS   =', content.index(b'XTENSION'))
    path.write_bytes(content[: at + 10] + b'9999999999'.rjust(20) + content[at + 30 :])
    assert_refused(path, 'not a FITS file, or damaged .NAXIS is 9999999999')


@pytest.mark.parametrize('index', [0, 1])
def test_a_header_without_end_card_is_refused(tmp_path, index):
    content = bytearray(sources()['mef'])
    starts = [at for at in range(0, len(content), 2880) if content[at : at + 8] in (b'SIMPLE  ', b'XTENSION')]
    end = content.index(b'END' + b' ' * 77, starts[index])
    sparse(tmp_path / 'a.fits', content[:end], 20 << 30)
    assert_refused(tmp_path / 'a.fits', 'a header has no END')


@pytest.mark.parametrize('compress', [gzip.compress, bz2.compress, lzma.compress])
def test_a_decompression_bomb_is_refused(path, compress, monkeypatch):
    monkeypatch.setattr(fits_reader, 'MAX_DECOMPRESSED', 1 << 25)
    path.write_bytes(compress(path.read_bytes()) + 4 * compress(bytes(1 << 24)))
    assert_refused(
        path,
        r'a.fits decompresses from .* MiB to more than 32.0 MiB, .* of memory are available: not read',
    )
    path.write_bytes(path.read_bytes()[:-1000])
    assert_refused(path, 'to more than|cannot be decompressed')


def test_a_file_that_decompresses_to_more_than_half_the_memory_is_refused(path, monkeypatch):
    monkeypatch.setattr(fits_reader, 'available_memory', lambda: 1 << 26)
    path.write_bytes(gzip.compress(path.read_bytes()) + 4 * gzip.compress(bytes(1 << 24)))
    assert_refused(path, r'to more than 32.0 MiB, 64.0 MiB of memory are available')


@pytest.mark.parametrize('compress', [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize('damage', ['cut', 'flip'])
def test_damaged_compressed_files_are_refused(path, compress, damage):
    content = bytearray(compress(path.read_bytes()))
    if damage == 'cut':
        del content[-200:]
    else:
        content[len(content) // 2] ^= 255
    path.write_bytes(content)
    assert_refused(path, 'cannot be decompressed, it is truncated or damaged')


def test_a_highly_compressible_mask_is_read(path):
    """A mask of zeros compresses very well and is not a decompression bomb."""
    zeros = BytesIO()
    fits.PrimaryHDU(np.zeros((4096, 4096), 'u1')).writeto(zeros)
    path.write_bytes(gzip.compress(zeros.getvalue()))
    assert path.stat().st_size < 20000
    assert not read_mask(path).mask.any()


# memory


def test_memory_is_the_smallest_of_all_limits(monkeypatch, tmp_path):
    free = memory.available_memory()
    assert 0 < free <= os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    top = tmp_path / 'sys' / 'fs' / 'cgroup'
    group = top / 'night' / 'run'
    group.mkdir(parents=True)
    for folder, limit in ((top, 'max'), (top / 'night', '50000'), (group, '90000')):
        (folder / 'memory.max').write_text(f'{limit}\n')
        (folder / 'memory.current').write_text('20000\n')
        (folder / 'memory.stat').write_text('anon 1\ninactive_file 5000\n')
    own = tmp_path / 'proc' / 'self' / 'cgroup'
    own.parent.mkdir(parents=True)
    own.write_text('3:cpu:/\n0::/night/run\n')
    monkeypatch.setattr(memory, 'SYSTEM_ROOT', tmp_path)
    assert memory.available_memory() == 50000 - 20000 + 5000
    own.write_text('4:memory:/\n')
    assert memory.available_memory() > 50000


def test_memory_is_limited_by_the_process_limit():
    code = (
        'import resource; from ginga_crplugin.io.memory import available_memory;'
        'resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)); print(available_memory())'
    )
    ended = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert 2 << 30 < int(ended.stdout) < 3 << 30


def test_without_reported_memory_nothing_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, 'SYSTEM_ROOT', tmp_path)
    monkeypatch.setattr(memory, 'resource', None)
    monkeypatch.delattr(os, 'sysconf')
    assert memory.available_memory() is None
    memory.check_memory(1 << 60, 'it')


_MEASURE = """
import sys
from pathlib import Path
from ginga_crplugin import detect, read_frame, save_mask
from ginga_crplugin.io import read, fits_reader as source
small, large = map(Path, sys.argv[1:])
def peak(name):
    return int(Path('/proc/self/status').read_text().split(name)[1].split()[0]) * 1024
def save(path):
    frame = read_frame(path)
    return save_mask(frame, detect(frame), kind='new', overwrite=True)
save(small)
estimates = []
source.check_memory = lambda needed, what: estimates.append(needed)
Path('/proc/self/clear_refs').write_text('5')
before = peak('VmRSS:')
save(large)
print(estimates[0], peak('VmHWM:') - before)
"""


@pytest.mark.parametrize('dtype', ['u2', 'f4', 'f8'])
def test_the_memory_estimate_covers_what_is_used(tmp_path, dtype):
    small, large = tmp_path / 'small.fits', tmp_path / 'large.fits'
    for path, side in ((small, 64), (large, 2000)):  # the kernels for this type are loaded with the small one
        fits.PrimaryHDU(np.full((side, side), 300, dtype), fits.Header(ADU)).writeto(path)
    command = [sys.executable, '-c', _MEASURE, str(small), str(large)]
    # tests of batch set options of malloc for worker processes
    environment = {name: value for name, value in os.environ.items() if not name.startswith('MALLOC_')}
    environment['OMP_NUM_THREADS'] = '1'
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    estimated, used = map(int, ended.stdout.split())
    assert used < estimated < 3.0 * used  # what is used depends on the versions of NumPy and astropy


# damaged, but readable


@pytest.mark.parametrize('junk', [bytes(28800), b' ' * 5760, b'\xff' * 2880, b'more', bytes(100 << 20)])
def test_bytes_after_the_last_hdu_are_kept(path, junk):
    content = path.read_bytes()
    path.write_bytes(content + junk)
    frame = read_frame(path)
    assert_array_equal(frame.ccd.data, PIXELS)
    out = save_mask(frame, detect(frame))
    assert out.read_bytes().startswith(content)
    save_mask(frame, detect(frame), kind='into')
    assert path.read_bytes() == out.read_bytes()


def test_an_incomplete_last_block_is_padded(path):
    content = path.read_bytes()
    path.write_bytes(content[: 2880 + PIXELS.nbytes])
    frame = read_frame(path)
    save_mask(frame, detect(frame), kind='into')
    assert path.read_bytes().startswith(content)
    assert_array_equal(fits.getdata(path, 'MASK'), detect(frame).crmask)


@pytest.mark.parametrize('compressed', [False, True])
def test_a_wrong_datasum_is_noted(path, compressed):
    with fits.open(path) as hdus:
        hdus.writeto(path, checksum=True, overwrite=True)
    assert not any('DATASUM' in note for note in read_frame(path).notes)
    content = bytearray(path.read_bytes())
    content[2880 + 4 * 500] ^= 1
    path.write_bytes(gzip.compress(content) if compressed else content)
    assert (
        'DATASUM does not match the pixels: they were modified or damaged after it was written'
        in read_frame(path).notes
    )


@pytest.mark.parametrize('dtype', ['u1', 'i2', 'u2', 'i4', 'f4', 'f8'])
def test_a_correct_datasum_is_not_noted(tmp_path, dtype):
    fits.PrimaryHDU(PIXELS.astype(dtype), fits.Header(ADU)).writeto(tmp_path / 'a.fits', checksum=True)
    assert read_frame(tmp_path / 'a.fits').notes == ()


@pytest.mark.parametrize(
    ('bad', 'count'), [(['SATURATE= \x07'], '1 header card'), (['SATURATE= \x07', 'OBJECT  = \x1b'], '2 header cards')]
)
def test_unreadable_cards_are_noted_and_kept_in_the_file(path, bad, count):
    before = with_cards(path, *bad, "OBSERVER= 'open", 'GAIN    = (1.0, ').read_bytes()
    frame = read_frame(path)
    assert f'{count} cannot be parsed: ignored' in frame.notes
    assert "GAIN in the header is '(1.0,', not a positive number: ignored" in frame.notes
    assert 'SATURATE' not in frame.ccd.header
    assert save_mask(frame, detect(frame)).read_bytes().startswith(before)
    save_mask(frame, detect(frame), kind='into')
    assert path.read_bytes().startswith(before)


@pytest.mark.parametrize('card', ['CTYPE1  = 5', "CTYPE1  = 'RA---TPV'", "CPDIS1  = 'LOOKUP'", 'PV1_1   = (1.0, 2.0)'])
def test_invalid_sky_coordinates_are_ignored(path, card):
    frame = read_frame(with_cards(path, card, "CTYPE2  = 'DEC--TPV'", 'A_ORDER = 99'))
    assert_array_equal(frame.ccd.data, PIXELS)
    assert (frame.ccd.wcs is None) == any('sky coordinates are not valid' in note for note in frame.notes)
    save_mask(frame, detect(frame))


def test_a_non_numeric_extver_counts_as_1(tmp_path):
    path = tmp_path / 'a.fits'
    path.write_bytes(sources()['tables first'])
    frame = read_frame(with_cards(path, "EXTVER  = 'two'", index=3))
    save_mask(frame, detect(frame), kind='into')
    assert fits.getheader(path, 'MASK').get('EXTVER', 1) == 1
    assert read_frame(path).saved is not None


def test_a_saved_dq_without_integers_is_refused(path):
    frame = read_frame(path)
    save_mask(frame, detect(frame), kind='into')
    with fits.open(path) as hdus:
        hdus['DQ'].data = hdus['DQ'].data.astype('f4')
        hdus.writeto(path, overwrite=True)
    assert_refused(path, 'DQ has dtype float32, not integers')


@pytest.mark.parametrize('kind', ['RICE_1', 'GZIP_1', 'GZIP_2', 'HCOMPRESS_1', 'PLIO_1', 'quantized'])
def test_damaged_tiles_are_refused_or_read(tmp_path, kind):
    content = sources()[kind]
    end = content.rindex(b'END' + b' ' * 77)
    start = end + 2880 - end % 2880
    seen = set()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        damaged = bytearray(content)
        for at in rng.integers(start, len(damaged), 5):
            damaged[at] = rng.integers(256)
        (tmp_path / 'a.fits').write_bytes(damaged)
        try:
            seen.add(type(read_frame(tmp_path / 'a.fits')))
        except ValueError:
            seen.add(ValueError)
    assert ValueError in seen


# header values neither reach the terminal unescaped nor are used as paths


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path, capsys):
    path = tmp_path / 'a.fits'
    fits.HDUList([fits.PrimaryHDU(PIXELS), fits.ImageHDU(PIXELS, name='ESCAPES')]).writeto(path)
    replace_bytes(path, b"'ESCAPES '", b"'\x1b[2J\x07' ")
    assert main(['check', str(path), '--ext', '7']) == 1
    assert capsys.readouterr().err.strip().isprintable()


def test_names_in_a_header_are_not_used_as_paths(path, tmp_path):
    names = ("FILENAME= '../../other.fits'", "OBJECT  = '/etc/passwd'", "EXTNAME = '../up'", "ORIGFILE= '~/x'")
    frame = read_frame(with_cards(path, *names))
    assert save_mask(frame, detect(frame)) == tmp_path / 'a_crmask.fits'
    assert sorted(each.name for each in tmp_path.iterdir()) == ['a.fits', 'a_crmask.fits']


# random damage


@pytest.mark.parametrize('count', [200, pytest.param(5000, marks=pytest.mark.slow)])
def test_unusual_and_damaged_files_give_a_result_or_one_line(count):
    seeds = [*range(20000, 20000 + count), 2005617]  # the last has pixels after the end of its last extension
    found = list(run(seeds))
    assert [f'case {seed} ({what}): {outcome}' for seed, what, outcome, *_ in found if outcome.startswith('bad')] == []
    assert len(found) == len(seeds)
    outcomes = [outcome for _, _, outcome, *_ in found]
    assert min(map(outcomes.count, ('result', 'refused', 'written into', 'read'))) > count / 50


def test_a_primary_image_with_zimage_is_saved_as_it_is(path):
    frame = read_frame(with_cards(path, 'ZIMAGE  =                    T'))
    out = save_mask(frame, detect(frame))
    assert out.read_bytes().startswith(path.read_bytes())


def test_a_repeated_card_of_the_structure_is_ignored(path):
    fits.append(path, np.zeros(PIXELS.shape, np.int16), fits.Header({'EXTNAME': 'DQ'}))
    with_cards(path, "NAXIS   = 'IMAGE'", index=1)
    frame = read_frame(with_cards(path, "NAXIS   = 'two'"))
    assert 'NAXIS occurs again in the header: ignored' in frame.notes
    out = save_mask(frame, detect(frame), dq='hst')
    assert fits.getdata(out, 'DQ').shape == PIXELS.shape


@pytest.mark.parametrize('kind', ['new', 'into'])
def test_an_incomplete_hdu_is_not_filled_up(tmp_path, kind):
    path = tmp_path / 'incomplete.fits'
    fits.HDUList([fits.PrimaryHDU(PIXELS), fits.ImageHDU(PIXELS, name='SKY')]).writeto(path)
    content = path.read_bytes()
    at = content.index(b'PCOUNT  ')
    content = content[:at] + f'PCOUNT  = {2147483647:20d}'.encode() + content[at + 30 :]
    path.write_bytes(content)
    frame = read_frame(path)
    with pytest.raises(ValueError, match=r'\[1\] lacks \d+ of its bytes: save the mask alone'):
        save_mask(frame, detect(frame), kind=kind)
    assert [each.name for each in tmp_path.iterdir()] == ['incomplete.fits']
    assert path.read_bytes() == content
    assert save_mask(frame, detect(frame), kind='mask').exists()


@pytest.mark.parametrize('axis', [-64, -60])
def test_an_hdu_of_a_negative_size_is_refused(tmp_path, axis):
    path = tmp_path / 'negative.fits'
    pixels = np.ones((48, 40), np.float32)
    fits.HDUList([fits.PrimaryHDU(pixels), fits.ImageHDU(pixels, name='DQ')]).writeto(path)
    content = path.read_bytes()
    at = content.index(b'NAXIS1  ', content.index(b'XTENSION'))
    path.write_bytes(content[:at] + f'NAXIS1  = {axis:20d}'.encode() + content[at + 30 :])
    with pytest.raises(ValueError, match=r'negative.fits: .*HDU DQ has a negative size'):
        read_frame(path)
