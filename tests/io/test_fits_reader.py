"""Files that are no frames, or damaged: each is told in one line, in bounded memory and time."""

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
from tests.tools.fuzz_fits import run
from tests.tools.spoil import sources

PIXELS = np.random.default_rng(3).normal(300.0, 12.0, (48, 40)).astype('f4')
ADU = {'BUNIT': 'adu'}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'a.fits'
    fits.PrimaryHDU(PIXELS, fits.Header(ADU)).writeto(path)
    return path


def refused(path, words, ext=None):
    """See that a file is refused in one line that names it, by the function and by the command."""
    with pytest.raises(ValueError, match=words) as error:
        read_frame(path, ext)
    assert str(path) in str(error.value) or f'{path.name} [' in str(error.value)
    assert '\n' not in str(error.value)
    assert main(['check', str(path)]) == 1


def with_cards(path, *cards, index=0):
    """Put cards, as they stand, over the first ones of a header that are not needed."""
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


def replaced(path, old, new):
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new.ljust(len(old))))
    return path


# what is no plain file


@pytest.mark.parametrize(
    ('make', 'words'), [(os.mkfifo, 'is not a regular file'), (os.mkdir, 'is a folder, not a FITS file')]
)
def test_what_is_no_plain_file_is_not_opened(tmp_path, make, words):
    make(tmp_path / 'a.fits')
    refused(tmp_path / 'a.fits', words)


def test_a_device_is_not_opened(tmp_path):
    (tmp_path / 'a.fits').symlink_to('/dev/zero')
    refused(tmp_path / 'a.fits', 'is not a regular file')


@pytest.mark.parametrize('to', ['a.fits', 'missing.fits'])
def test_a_link_that_leads_nowhere_is_no_file(tmp_path, to, capsys):
    (tmp_path / 'a.fits').symlink_to(to)
    with pytest.raises(FileNotFoundError, match=r'a.fits: no such file'):
        read_frame(tmp_path / 'a.fits')
    assert main(['detect', str(tmp_path / 'a.fits')]) == 1
    assert capsys.readouterr().err.count('\n') == 1


def test_a_name_is_taken_as_it_stands(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('~root', '$HOME', 'file:a.fits', '-x.fits'):
        (tmp_path / name).write_bytes(path.read_bytes())
        assert_array_equal(read_frame(name).ccd.data, PIXELS)


# what is larger than it can be


def sparse(path, header, size):
    with path.open('wb') as file:
        file.write(header)
        try:
            file.truncate(size)
        except OSError as error:
            pytest.skip(f'the file system has no such large files: {error.strerror}')


def test_a_frame_that_does_not_fit_into_memory_is_refused_with_the_figures(path, capsys):
    content = re.sub(rb'(NAXIS[12]  = ) *\d+', rb'\g<1>              200000', path.read_bytes())
    sparse(path, content[:2880], 2880 + 4 * 200000**2)
    refused(path, r'a.fits \[200000 x 200000 pixels\] needs about 894.1 GiB of memory; \d+.\d GiB are available')
    assert capsys.readouterr().err.count('\n') == 1


def test_a_compressed_frame_that_does_not_fit_into_memory_is_refused(tmp_path):
    content = re.sub(rb'(ZNAXIS[12] = ) *\d+', rb'\g<1>              200000', sources()['RICE_1'])
    (tmp_path / 'a.fits').write_bytes(content)
    refused(tmp_path / 'a.fits', r'\[200000 x 200000 pixels\] needs about 894.1 GiB of memory')


def test_a_frame_of_which_the_file_holds_little_is_refused(path):
    content = re.sub(rb'(NAXIS[12]  = ) *\d+', rb'\g<1>              200000', path.read_bytes())
    path.write_bytes(content)
    refused(path, r'cut short or damaged \(8,640 of 160,000,000,000 bytes\)')


@pytest.mark.parametrize('what', ['NAXIS', 'TFIELDS', 'ZNAXIS'])
def test_nothing_is_counted_without_end(tmp_path, what):
    content = re.sub(rb'\b(' + what.encode() + rb' *= ) *\d+', rb'\g<1>          9999999999', sources()['RICE_1'])
    (tmp_path / 'a.fits').write_bytes(content)
    refused(tmp_path / 'a.fits', f'not a FITS file, or damaged .{what} is 9999999999')


@pytest.mark.parametrize('index', [0, 1])
def test_a_header_without_end_is_not_searched_for_it_without_end(tmp_path, index):
    content = bytearray(sources()['mef'])
    starts = [at for at in range(0, len(content), 2880) if content[at : at + 8] in (b'SIMPLE  ', b'XTENSION')]
    end = content.index(b'END' + b' ' * 77, starts[index])
    sparse(tmp_path / 'a.fits', content[:end], 20 << 30)
    refused(tmp_path / 'a.fits', 'a header has no END')


@pytest.mark.parametrize('compress', [gzip.compress, bz2.compress, lzma.compress])
def test_what_unpacks_to_more_than_any_frame_is_refused(path, compress, monkeypatch):
    monkeypatch.setattr(fits_reader, 'MOST', 1 << 25)
    path.write_bytes(compress(path.read_bytes()) + 4 * compress(bytes(1 << 24)))
    refused(
        path, r'a.fits \(.* MiB\) decompresses to more than 32.0 MiB, and .* are free: it is too large, or no frame'
    )
    path.write_bytes(path.read_bytes()[:-1000])
    refused(path, 'decompresses to more than|cannot be unpacked')


def test_what_unpacks_to_more_than_there_is_memory_is_refused(path, monkeypatch):
    monkeypatch.setattr(fits_reader, 'available_memory', lambda: 1 << 26)
    path.write_bytes(gzip.compress(path.read_bytes()) + 4 * gzip.compress(bytes(1 << 24)))
    refused(path, r'decompresses to more than 32.0 MiB, and 64.0 MiB of memory are free')


@pytest.mark.parametrize('compress', [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize('spoil', ['cut', 'flip'])
def test_what_cannot_be_unpacked_is_refused(path, compress, spoil):
    content = bytearray(compress(path.read_bytes()))
    if spoil == 'cut':
        del content[-200:]
    else:
        content[len(content) // 2] ^= 255
    path.write_bytes(content)
    refused(path, 'it cannot be unpacked, it is cut short or damaged')


def test_a_frame_in_a_small_bomb_is_read(path):
    """A mask of zeros packs very well: it is no bomb."""
    zeros = BytesIO()
    fits.PrimaryHDU(np.zeros((4096, 4096), 'u1')).writeto(zeros)
    path.write_bytes(gzip.compress(zeros.getvalue()))
    assert path.stat().st_size < 20000
    assert not read_mask(path).mask.any()


# the memory


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
asked = []
source.check_memory = lambda needed, what: asked.append(needed)
Path('/proc/self/clear_refs').write_text('5')
before = peak('VmRSS:')
save(large)
print(asked[0], peak('VmHWM:') - before)
"""


@pytest.mark.parametrize('dtype', ['u2', 'f4', 'f8'])
def test_as_much_memory_is_asked_for_as_is_taken(path, tmp_path, dtype):
    large = tmp_path / 'large.fits'
    fits.PrimaryHDU(np.full((2000, 2000), 300, dtype), fits.Header(ADU)).writeto(large)
    command = [sys.executable, '-c', _MEASURE, str(path), str(large)]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {'OMP_NUM_THREADS': '1'}
    )
    asked, taken = map(int, ended.stdout.split())
    assert taken < asked < 2.0 * taken


# what is damaged, and can be read all the same


@pytest.mark.parametrize('junk', [bytes(28800), b' ' * 5760, b'\xff' * 2880, b'more', bytes(100 << 20)])
def test_what_follows_the_last_hdu_is_left_alone(path, junk):
    content = path.read_bytes()
    path.write_bytes(content + junk)
    frame = read_frame(path)
    assert_array_equal(frame.ccd.data, PIXELS)
    out = save_mask(frame, detect(frame))
    assert out.read_bytes().startswith(content)
    save_mask(frame, detect(frame), kind='into')
    assert path.read_bytes() == out.read_bytes()


def test_a_last_block_that_is_not_filled_up_is_filled(path):
    content = path.read_bytes()
    path.write_bytes(content[: 2880 + PIXELS.nbytes])
    frame = read_frame(path)
    save_mask(frame, detect(frame), kind='into')
    assert path.read_bytes().startswith(content)
    assert_array_equal(fits.getdata(path, 'MASK'), detect(frame).crmask)


@pytest.mark.parametrize('compressed', [False, True])
def test_pixels_that_do_not_fit_their_sum_are_told(path, compressed):
    with fits.open(path) as hdus:
        hdus.writeto(path, checksum=True, overwrite=True)
    assert not any('DATASUM' in note for note in read_frame(path).notes)
    content = bytearray(path.read_bytes())
    content[2880 + 4 * 500] ^= 1
    path.write_bytes(gzip.compress(content) if compressed else content)
    assert (
        'DATASUM does not fit the pixels: they were changed or damaged after it was written' in read_frame(path).notes
    )


@pytest.mark.parametrize('dtype', ['u1', 'i2', 'u2', 'i4', 'f4', 'f8'])
def test_sums_that_fit_are_not_told(tmp_path, dtype):
    fits.PrimaryHDU(PIXELS.astype(dtype), fits.Header(ADU)).writeto(tmp_path / 'a.fits', checksum=True)
    assert read_frame(tmp_path / 'a.fits').notes == ()


@pytest.mark.parametrize(
    ('bad', 'words'), [(['SATURATE= \x07'], '1 card'), (['SATURATE= \x07', 'OBJECT  = \x1b'], '2 cards')]
)
def test_cards_that_cannot_be_read_are_told_and_kept_in_the_file(path, bad, words):
    before = with_cards(path, *bad, "OBSERVER= 'open", 'GAIN    = (1.0, ').read_bytes()
    frame = read_frame(path)
    assert f'{words} of the header cannot be read: left aside' in frame.notes
    assert "GAIN in the header is '(1.0,', not a positive number: left aside" in frame.notes
    assert 'SATURATE' not in frame.ccd.header
    assert save_mask(frame, detect(frame)).read_bytes().startswith(before)
    save_mask(frame, detect(frame), kind='into')
    assert path.read_bytes().startswith(before)


@pytest.mark.parametrize('card', ['CTYPE1  = 5', "CTYPE1  = 'RA---TPV'", "CPDIS1  = 'LOOKUP'", 'PV1_1   = (1.0, 2.0)'])
def test_sky_coordinates_that_cannot_be_read_are_left_aside(path, card):
    frame = read_frame(with_cards(path, card, "CTYPE2  = 'DEC--TPV'", 'A_ORDER = 99'))
    assert_array_equal(frame.ccd.data, PIXELS)
    assert (frame.ccd.wcs is None) == any('sky coordinates cannot be read' in note for note in frame.notes)
    save_mask(frame, detect(frame))


def test_a_version_that_is_no_number_counts_as_1(tmp_path):
    path = tmp_path / 'a.fits'
    path.write_bytes(sources()['tables first'])
    frame = read_frame(with_cards(path, "EXTVER  = 'two'", index=3))
    save_mask(frame, detect(frame), kind='into')
    assert fits.getheader(path, 'MASK').get('EXTVER', 1) == 1


def test_a_dq_of_ours_that_holds_no_whole_numbers_is_refused(path):
    frame = read_frame(path)
    save_mask(frame, detect(frame), kind='into')
    with fits.open(path) as hdus:
        hdus['DQ'].data = hdus['DQ'].data.astype('f4')
        hdus.writeto(path, overwrite=True)
    refused(path, 'its DQ holds float32, not the whole numbers')


@pytest.mark.parametrize('kind', ['RICE_1', 'GZIP_1', 'GZIP_2', 'HCOMPRESS_1', 'PLIO_1', 'quantized'])
def test_damaged_tiles_are_refused_or_read(tmp_path, kind):
    content = sources()[kind]
    at = content.rindex(b'END' + b' ' * 77)
    start = at + 2880 - at % 2880
    seen = set()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        spoilt = bytearray(content)
        for place in rng.integers(start, len(spoilt), 5):
            spoilt[place] = rng.integers(256)
        (tmp_path / 'a.fits').write_bytes(spoilt)
        try:
            seen.add(type(read_frame(tmp_path / 'a.fits')))
        except ValueError:
            seen.add(ValueError)
    assert ValueError in seen


# nothing in a file reaches the terminal, or is followed


def test_what_a_file_says_does_not_reach_the_terminal_unseen(tmp_path, capsys):
    path = tmp_path / 'a.fits'
    fits.HDUList([fits.PrimaryHDU(PIXELS), fits.ImageHDU(PIXELS, name='ESCAPES')]).writeto(path)
    replaced(path, b"'ESCAPES '", b"'\x1b[2J\x07' ")
    assert main(['check', str(path), '--ext', '7']) == 1
    assert capsys.readouterr().err.strip().isprintable()


def test_names_in_a_header_are_no_paths(path, tmp_path):
    names = ("FILENAME= '../../other.fits'", "OBJECT  = '/etc/passwd'", "EXTNAME = '../up'", "ORIGFILE= '~/x'")
    frame = read_frame(with_cards(path, *names))
    assert save_mask(frame, detect(frame)) == tmp_path / 'a_crmask.fits'
    assert sorted(each.name for each in tmp_path.iterdir()) == ['a.fits', 'a_crmask.fits']


# many


@pytest.mark.slow  # hundreds of files
def test_spoilt_files_give_a_result_or_one_line():
    found = list(run(range(20000, 20300)))
    assert [f'case {seed} ({what}): {words}' for seed, what, words, *_ in found if words.startswith('bad')] == []
    assert len(found) == 300
    kinds = [words.split(',')[0] for _, _, words, *_ in found]
    assert min(kinds.count('result'), kinds.count('refused')) > 60


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
