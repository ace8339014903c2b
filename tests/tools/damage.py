"""Small FITS files, real and simulated, and ways to damage them."""

import bz2
import functools
import gzip
import io
import lzma
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from astropy.io import fits

from tests.headers import WCS_CARDS

SHAPE = (48, 40)
BLOCK, CARD = 2880, 80


def _frame(rng, dtype='f4'):
    pixels = rng.normal(300.0, 12.0, SHAPE)
    pixels[20, 20:25] += 2000.0
    return pixels.round().astype(dtype)


def _header():
    cards = {
        'BUNIT': 'adu',
        'GAIN': 1.5,
        'RDNOISE': 8.0,
        'SATURATE': 60000,
        'OBJECT': 'field 7',
        'EXPTIME': 60.0,
        **WCS_CARDS,
        'TRIMSEC': '[3:38,2:40]',
        'ZEROCOR': 'bias.fits',
    }
    header = fits.Header(cards)
    header['LONGNAME'] = 'a text that is so long that it does not fit into one card, and goes on in the next ones ' * 2
    header['HIERARCH ESO DET OUT1 GAIN'] = 1.9
    header.add_history('simulated')
    return header


def _tables():
    rows = np.array([(1, 'abc', 1.5), (2, 'de', 2.5)], dtype=[('a', 'i4'), ('b', 'S3'), ('c', 'f8')])
    lists = np.array([np.arange(3.0), np.arange(7.0)], dtype=object)
    column = fits.Column(name='V', format='PD()', array=lists)
    return [fits.BinTableHDU(rows, name='LOG'), fits.BinTableHDU.from_columns([column], name='LISTS')]


def _real(name):
    """Return a cutout of a real frame from another package with its full header; None if it is missing."""
    package, file = {'saao': ('ccdproc', 'a8280271.fits'), 'gmos': ('astroscrappy', 'gmos.fits')}[name]
    path = Path(find_spec(package).origin).parent / 'tests' / 'data' / file
    if not path.exists():
        return None
    with fits.open(path) as hdus:
        header = fits.Header(hdus[0].header, copy=True)
        images = [hdu for hdu in hdus if hdu.is_image and hdu.data is not None]
        parts = [(hdu.data[100:148, 100:140], hdu.header.copy()) for hdu in images]
    if len(parts) == 1:
        return [fits.PrimaryHDU(parts[0][0], header)]
    return [fits.PrimaryHDU(header=header), *(fits.ImageHDU(*part) for part in parts)]


@functools.cache
def sources():
    """Return the undamaged files, by name, as bytes."""
    rng = np.random.default_rng(0)
    header = _header()
    flags = np.zeros(SHAPE, np.uint8)
    flags[7, 7] = 1
    compressed = {
        kind: [fits.PrimaryHDU(), fits.CompImageHDU(_frame(rng, 'i4'), header, compression_type=kind, name='SCI')]
        for kind in ('RICE_1', 'GZIP_1', 'GZIP_2', 'HCOMPRESS_1', 'PLIO_1')
    }
    quantized = fits.CompImageHDU(_frame(rng), header, quantize_level=16.0, quantize_method=1, dither_seed=7)
    kinds = {
        **{dtype: [fits.PrimaryHDU(_frame(rng, dtype), header)] for dtype in ('u1', 'i2', 'u2', 'i4', 'f4', 'f8')},
        'mef': [fits.PrimaryHDU(header=header), *(fits.ImageHDU(_frame(rng), name='SCI', ver=n) for n in (1, 2))],
        'flags': [
            fits.PrimaryHDU(_frame(rng), header),
            fits.ImageHDU(flags, name='MASK'),
            fits.ImageHDU(flags, name='DQ'),
        ],
        'tables': [fits.PrimaryHDU(_frame(rng), header), *_tables()],
        'tables first': [fits.PrimaryHDU(), *_tables(), fits.ImageHDU(_frame(rng), header)],
        'cube': [fits.PrimaryHDU(np.ones((3, *SHAPE), 'f4'), header)],
        'no pixels': [fits.PrimaryHDU(header=header)],
        'quantized': [fits.PrimaryHDU(), quantized],
        **compressed,
        'saao': _real('saao'),
        'gmos': _real('gmos'),
    }
    files = {}
    for name, hdus in kinds.items():
        if hdus is not None:
            file = io.BytesIO()
            fits.HDUList(hdus).writeto(file, checksum=True, output_verify='silentfix+ignore')
            files[name] = file.getvalue()
    return files


# kinds of damage

VALUES = (
    '0',
    '1',
    '-1',
    '2',
    '3',
    '7',
    '8',
    '16',
    '24',
    '-32',
    '-64',
    '64',
    '999',
    '1000',
    '2880',
    '40000',
    '2147483647',
    '9999999999',
    '99999999999999999999',
    '1.5',
    '1E308',
    '-1E-320',
    'NaN',
    'INF',
    'T',
    'F',
    "'T'",
    "''",
    "'adu'",
    "'Jy/beam'",
    "'MASK'",
    "'DQ'",
    "'SCI'",
    "'RICE_1'",
    "'GZIP_1'",
    "'HCOMPRESS_1'",
    "'PLIO_1'",
    "'NOCOMPRESS'",
    "'SUBTRACTIVE_DITHER_2'",
    "'1PB(9999)'",
    "'1QD(9999999)'",
    "'80A'",
    "'BINTABLE'",
    "'IMAGE'",
    "'TABLE'",
    "'RA---SIP'",
    "'DEC--TPV'",
    "'LOOKUP'",
    "'../../etc/passwd'",
    "'/dev/zero'",
    '<b>garbage</b>',
    "'<script>alert(1)</script>'",
    "'electrons / s'",
    "'m s-1 kg K'",
    "'10**3 adu'",
    "'open quote",
    '(1.0, 2.0)',
    '',
    "'\x1b[2J'",
)
KEYWORDS = (
    'SIMPLE',
    'XTENSION',
    'BITPIX',
    'NAXIS',
    'NAXIS1',
    'NAXIS2',
    'NAXIS3',
    'NAXIS999',
    'PCOUNT',
    'GCOUNT',
    'GROUPS',
    'EXTEND',
    'BSCALE',
    'BZERO',
    'BLANK',
    'BUNIT',
    'EXTNAME',
    'EXTVER',
    'EXTLEVEL',
    'INHERIT',
    'DATASUM',
    'CHECKSUM',
    'GAIN',
    'RDNOISE',
    'SATURATE',
    'EXPTIME',
    'CRPBITS',
    'TFIELDS',
    'TFORM1',
    'TFORM2',
    'TTYPE1',
    'TDIM1',
    'TSCAL1',
    'TZERO1',
    'TNULL1',
    'THEAP',
    'ZIMAGE',
    'ZCMPTYPE',
    'ZBITPIX',
    'ZNAXIS',
    'ZNAXIS1',
    'ZNAXIS2',
    'ZTILE1',
    'ZTILE2',
    'ZNAME1',
    'ZVAL1',
    'ZVAL2',
    'ZQUANTIZ',
    'ZDITHER0',
    'ZBLANK',
    'ZSCALE',
    'ZZERO',
    'ZSIMPLE',
    'ZTENSION',
    'ZPCOUNT',
    'ZEXTEND',
    'CTYPE1',
    'CTYPE2',
    'CRVAL1',
    'CRPIX1',
    'CDELT1',
    'CD1_1',
    'PC1_1',
    'PV1_1',
    'A_ORDER',
    'A_0_2',
    'B_ORDER',
    'CPDIS1',
    'DP1',
    'D2IMDIS1',
    'LONPOLE',
    'RADESYS',
    'EQUINOX',
    'WCSAXES',
    'TRIMSEC',
    'XPIXSZ',
    'CALSTAT',
    'DATE-OBS',
    'CONTINUE',
    'HIERARCH',
    'COMMENT',
    'END',
)


def _headers(content):
    """Return the positions of all header cards before END."""
    starts = []
    for start in range(0, len(content), BLOCK):
        if content[start : start + 6] == b'SIMPLE' or content[start : start + 8] == b'XTENSION':
            at = start
            while at < len(content) and content[at : at + 8] != b'END     ':
                starts.append(at)
                at += CARD
    return starts


def _number(rng, least, most):
    """Return a random number with a logarithmic distribution."""
    return int(min(most, least + np.exp(rng.uniform(0.0, np.log(max(2, most - least + 1)))) - 1))


def change_card(content, rng):
    starts = _headers(content)
    if not starts:
        return content
    at = starts[rng.integers(len(starts))]
    keyword = content[at : at + 8].decode('latin1') if rng.random() < 0.6 else str(rng.choice(KEYWORDS))
    return (
        content[:at]
        + f'{keyword:<8}= {rng.choice(VALUES):>20}'.encode('latin1')[:CARD].ljust(CARD)
        + content[at + CARD :]
    )


def change_structure(content, rng):
    """Change one of the cards that define the size of the data."""
    prefixes = (
        b'NAXIS',
        b'BITPIX',
        b'PCOUNT',
        b'GCOUNT',
        b'ZNAXIS',
        b'ZTILE',
        b'ZBITPIX',
        b'TFORM',
        b'THEAP',
        b'ZCMPTYPE',
        b'BSCALE',
    )
    starts = [at for at in _headers(content) if content[at : at + 8].startswith(prefixes)]
    if not starts:
        return content
    at = starts[rng.integers(len(starts))]
    return content[: at + 10] + str(rng.choice(VALUES)).rjust(20).encode('latin1') + content[at + 30 :]


def drop_card(content, rng):
    starts = _headers(content)
    if not starts:
        return content
    at = starts[rng.integers(len(starts))]
    return content[:at] + b' ' * CARD + content[at + CARD :]


def swap_cards(content, rng):
    starts = _headers(content)
    if len(starts) < 2:
        return content
    one, other = sorted(rng.choice(starts, 2, replace=False))
    cards = content[one : one + CARD], content[other : other + CARD]
    return content[:one] + cards[1] + content[one + CARD : other] + cards[0] + content[other + CARD :]


def drop_end(content, rng):
    at = content.find(b'END' + b' ' * 77)
    return content if at < 0 else content[:at] + b'   ' + content[at + 3 :]


def cut(content, rng):
    return content[: _number(rng, 0, len(content))] if rng.random() < 0.5 else content[: -_number(rng, 1, len(content))]


def flip(content, rng):
    changed = bytearray(content)
    for at in rng.integers(0, max(1, len(changed)), _number(rng, 1, 200)):
        if changed:
            changed[at] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def overwrite(content, rng):
    at, count = _number(rng, 0, len(content)), _number(rng, 1, 5000)
    junk = rng.bytes(count) if rng.random() < 0.5 else bytes([int(rng.choice([0, 32, 255]))]) * count
    return content[:at] + junk + content[at + count :]


def insert(content, rng):
    at = _number(rng, 0, len(content))
    return content[:at] + rng.bytes(_number(rng, 1, 4000)) + content[at:]


def drop_bytes(content, rng):
    at = _number(rng, 0, len(content))
    return content[:at] + content[at + _number(rng, 1, 6000) :]


def append(content, rng):
    more = (bytes(28800), b' ' * 2880, b'\xff' * 5760, rng.bytes(3000), content, content[:BLOCK], b'XTENSION' * 400)
    return content + more[rng.integers(len(more))]


def swap_blocks(content, rng):
    blocks = [content[at : at + BLOCK] for at in range(0, len(content), BLOCK)]
    rng.shuffle(blocks)
    return b''.join(blocks)


def compress(content, rng):
    return (gzip.compress, bz2.compress, lzma.compress)[rng.integers(3)](content)


def bomb(content, rng):
    """Compress the file with many zeros appended."""
    return gzip.compress(content + bytes(int(rng.integers(1, 100)) << 20), 1)


DAMAGES = {
    change_card: 10,
    change_structure: 5,
    drop_card: 4,
    swap_cards: 1,
    drop_end: 0.5,
    cut: 2,
    flip: 4,
    overwrite: 3,
    insert: 1,
    drop_bytes: 1,
    append: 3,
    swap_blocks: 0.5,
    compress: 2,
    bomb: 0.2,
}


def damage(content, rng):
    """Return the bytes of a file with one or more kinds of damage, and their names."""
    done = []
    weights = np.array(list(DAMAGES.values())) / sum(DAMAGES.values())
    for each in rng.choice(list(DAMAGES), 1 + rng.poisson(0.6), p=weights):
        content = each(content, rng)
        done.append(each.__name__)
    return content, ', '.join(done)


def damaged(seed):
    """Return a description and the bytes of a damaged file."""
    rng = np.random.default_rng(seed)
    name = str(rng.choice(list(sources())))
    content, done = damage(sources()[name], rng)
    return f'{name}: {done}', content
