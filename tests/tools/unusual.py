"""Small FITS files of valid structure with unusual cards and planes, as bytes."""

import functools
import re

import numpy as np

from ginga_crplugin.core.claims import CARDS

BLOCK, SHAPE = 2880, (48, 40)

#: Values of every type, as they stand in a card; a text in quotes, and what is no value at all.
VALUES = (
    *('0', '1', '-1', '2', '16', '120', '65535', '-100', '4294967296', '99999999999999999999'),
    *('0.9', '3.5', '-2.5', '0.0', '1E-30', '1E308', '-1E308', '1.5D0', '1.E5', '+.5', '1E999', 'NaN', 'INF', '-inf'),
    *(
        "'1.5'",
        "'nan'",
        "'inf'",
        "'-3'",
        "'1,5'",
        "'1.5 e-/ADU'",
        "'1.5;2.5'",
        "'N/A'",
        "'T'",
        "'0x10'",
        "'1e5'",
        "'\u0661'",
    ),
    *("''", "'   '", "'electron'", "'a/b'", "'it''s'", "'[1:40,1:48]'", "'<b>1</b>'"),
    *('T', 'F', '', '/ a comment alone', '(1.5, 0.0)', '1,5', '1.5 e-', "'open", 'garbage', '1.5 2.5', '--'),
)
SECTIONS = (
    *('[1:40,1:48]', '[1:20,1:48]', '[21:40,1:48]', '[1:40,1:24]', '[1:40,25:48]', '[5:36,3:46]', '[1:1,1:1]'),
    *('[0:40,0:48]', '[1:400,1:480]', '[-5:10,3:4]', '[41:80,1:48]', '[1:99999999999999999999,1:48]'),
    *('[40:1,48:1]', '[1:40]', '[1:40,1:48,1:1]', '1:40,1:48', '[*,*]', '[1:40:2,1:48:2]', '[a:b,c:d]', '[1.5:3,4:5]'),
    *('', '[]', '[:,:]', '[1:40,1:48', '[ 1 : 40 , 1 : 48 ]', '[0:0,0:0]', '(1:40,1:48)', '[1:40;1:48]'),
)
SECTION_CARDS = (
    *('TRIMSEC', 'DATASEC', 'BIASSEC', 'CCDSEC', 'AMPSEC', 'DETSEC', 'CCDSEC1', 'AMPSEC1', 'AMPSEC2', 'AMPSECA'),
    *('AMPSECB', 'DATASEC1', 'DATASEC2', 'TRIMSEC1', 'CSECA', 'DSECA', 'TSEC1', 'BSEC1'),
)
#: Cards of other subjects, each with values that mean something.
OTHER_CARDS = {
    'BUNIT': ("'adu'", "'electron'", "'ADU/s'", "'e- s-1'", "'DN'", "'ct'", "'counts/sec'", "'Jy/beam'", "'photon'"),
    'TIMEUNIT': ("'d'", "'s'", "'ms'", "'min'", "'h'", "'fortnight'", "'Days'"),
    'BLANK': ('0', '-999', '-32768', '32767', '300', '1.5', "'0'"),
    'BZERO': ('32768', '0', '100.0', '-1E30', 'NaN'),
    'BSCALE': ('1', '2', '0', '0.1', '-1', '1E30', 'NaN'),
    'BAYERPAT': ("'RGGB'", "'TRUE'", "'GBRG'", "''"),
    'COLORTYP': ("'RGGB'", "'Mono'"),
    'TELESCOP': ("'HST'", "'JWST'", "'ROMAN'", "'LSST'", "'VLT'"),
    'INSTRUME': ("'ACS'", "'WFC3'", "'STIS'", "'NIRCAM'", "'WFI'", "'lsstCam'"),
    'DETECTOR': ("'WFC'", "'UVIS'", "'IR'", "'CCD'"),
    'ORIGIN': ("'LSST'", "'STScI'"),
    'IMAGETYP': ("'object'", "'bias'", "'dark'", "'flat'", "'spectrum'", "'Light Frame'"),
    'OBSTYPE': ("'SPECT'", "'OBJECT'"),
    'CTYPE1': ("'WAVE'", "'LINEAR'", "'RA---TAN'", "'RA---SIP'", "'AWAV-LOG'", "''"),
    'CTYPE2': ("'DEC--TAN'", "'LINEAR'", "'PIXEL'"),
    'CUNIT1': ("'Angstrom'", "'deg'", "'furlong'"),
    'DISPAXIS': ('1', '2', '7'),
    'DISPERSR': ("'G140L'",),
    'GRATING': ("'B600'", "'mirror'", "'none'"),
    'CALSTAT': ("'BDF'", "'B'", "''"),
    'DATAMIN': ('0', '-1000', '400'),
    'SKY': ('300', '-5'),
    'MDRIZSKY': ('12.5', "'none'"),
    'CRPBITS': ("'1 INPUT, 2 HOT'", '1', "''"),
    'CRPVERS': ("'0.1'",),
    'CRPCAUSE': ("'hot'", "'aliens'"),
    'MSKN1': ("'CR'", "'SAT'"),
    'MSKM1': ('8', '-1', '2'),
    'MSKD1': ("'cosmic ray'",),
    'MP_CR': ('3', '31', '-1', '99', '1.5'),
    'MP_BAD': ('0', '3'),
    'MP_NO_DATA': ('8',),
    'EXTVER': ('1', '2', "'1'"),
    'EXTLEVEL': ('1',),
    'INHERIT': ('T', 'F'),
    'UTYPE': ("'StdDevUncertainty'", "'VarianceUncertainty'", "'ivar'", "'unknown'", "'nothing'"),
    'RADESYS': ("'ICRS'", "'unknown'"),
    'DATE-OBS': ("'2026-11-30T12:00:00'", "'yesterday'"),
    'CHECKSUM': ("'0000000000000000'",),
    'DATASUM': ("'0'", "'12'"),
}
DTYPES = ('u1', 'i1', 'i2', 'u2', 'i4', 'u4', 'i8', 'f4', 'f8')
PLANES = (
    *('DQ', 'DQ', 'DQ', 'MASK', 'FLAGS', 'ERR', 'ERR', 'VAR', 'VARIANCE', 'UNCERT', 'IVAR', 'WHT', 'MODEL', 'SCI'),
    *('BACKGROUND', 'CLEANED', 'CRSEG', 'CRDQ', 'CRREVIEW', 'BPM', 'SKY', ''),
)
UNITS = ("'adu'", "'electron'", "'adu2'", "'electron**2'", "'1/adu2'", "'s'", "'Jy/beam'", "''", '7')


def choose(rng, values):
    return values[int(rng.integers(len(values)))]


# cards


@functools.cache
def claim_cards():
    """Return the keywords of the table of claims."""
    return tuple(dict.fromkeys(name for _, names in CARDS.values() for name in names))


def claim_keyword(rng):
    return re.sub('#', lambda _: choose(rng, ('1', '2', '01', '16', 'A', 'B', 'P', '99')), choose(rng, claim_cards()))


def make_card(keyword, value):
    """Return a card of 80 bytes, with HIERARCH if the keyword needs it; a value that is too long is cut off."""
    if len(keyword) > 8 or ' ' in keyword:
        card = f'HIERARCH {keyword} = {value}'
    elif value.startswith("'"):
        card = f'{keyword:<8}= {value}'
    else:
        card = f'{keyword:<8}= {value:>20}'
    return card.encode('latin1', 'replace')[:80].ljust(80)


def continued(rng, keyword):
    """Return a text over several cards, some of them not as the standard wants it."""
    parts = [choose(rng, ('a long text ' * 5, '1.5', '', "it''s", 'adu')) for _ in range(rng.integers(1, 4))]
    cards = [make_card(keyword, f"'{parts[0][:60]}&'")]
    ends = ['&'] * (len(parts) - 2) + [choose(rng, ('', '&'))]
    for part, end in zip(parts[1:], ends, strict=False):
        cards.append(f"CONTINUE  '{part[:60]}{end}'".encode().ljust(80))
    return cards


def unusual_cards(rng, count):
    """Return cards: claims, sections and others, with values of every type, some of them repeated."""
    cards = []
    for _ in range(count):
        kind = rng.random()
        if kind < 0.5:
            keyword, values = claim_keyword(rng), VALUES
        elif kind < 0.65:
            keyword, values = choose(rng, SECTION_CARDS), tuple(f"'{section}'" for section in SECTIONS)
        else:
            keyword = choose(rng, tuple(OTHER_CARDS))
            values = OTHER_CARDS[keyword]
        value = choose(rng, values if rng.random() < 0.85 else VALUES)
        if rng.random() < 0.08:
            keyword = f'{choose(rng, ("ESO DET", "ESO DET OUT1", "Camera", "x"))} {keyword}'
        if rng.random() < 0.06:
            cards += continued(rng, keyword)
        else:
            cards.append(make_card(keyword, value))
        if rng.random() < 0.15:
            cards.append(make_card(keyword, choose(rng, (value, choose(rng, VALUES)))))
    return cards


# pixels


def _clip(pixels, rng):
    return np.minimum(pixels, 310.0)


def _fill(pixels, rng):
    pixels[..., : pixels.shape[-1] // 2] = choose(rng, (0.0, -999.0, -1e30, np.nan, 65535.0, np.inf))
    return pixels


def _normalize(pixels, rng):
    return pixels / 65535.0


def _pad(pixels, rng):
    return pixels.round() * 16.0


def _make_constant(pixels, rng):
    return np.full_like(pixels, choose(rng, (0.0, 300.0, np.nan, np.inf, -1e30)))


def _make_mosaic(pixels, rng):
    pixels[..., ::2] *= 2.0
    return pixels


def _add_lines(pixels, rng):
    return pixels + 1000.0 * (np.arange(pixels.shape[-1]) % 8 == 0)


def _scale(pixels, rng):
    return pixels * choose(rng, (1e-30, 1e30, -1.0, 1e300))


def _add_step(pixels, rng):
    return pixels + 400.0 * (np.arange(pixels.shape[-1]) > 20)


FAULTS = _clip, _fill, _normalize, _pad, _make_constant, _make_mosaic, _add_lines, _scale, _add_step


def frame_pixels(rng, shape, dtype):
    """Return pixels with noise, two cosmic rays and in half of the frames a fault."""
    pixels = rng.normal(300.0, 12.0, shape)
    if pixels.shape[-2:] == SHAPE:
        pixels[..., 20, 20:25] += 2000.0
        pixels[..., 35:37, 8] += 900.0
    return _cast(choose(rng, FAULTS)(pixels, rng) if rng.random() < 0.5 else pixels, dtype)


def flag_pixels(rng, shape, dtype):
    """Return flags: few bits, any bits, or none."""
    kind = rng.integers(5)
    if kind == 0:
        flags = np.zeros(shape)
    elif kind == 1:
        flags = rng.integers(-(2**31), 2**31, shape).astype(float)
    elif kind == 2:
        flags = np.full(shape, choose(rng, (1.0, 4.0, -1.0, 4096.0, np.nan)))
    else:
        flags = (rng.random(shape) < 0.02) * 2.0 ** rng.integers(0, 16, shape)
    return _cast(flags, dtype)


def error_pixels(rng, shape, dtype):
    """Return errors: usual ones, or zero, negative or not finite in places."""
    errors = np.full(shape, 12.0)
    errors[rng.random(shape) < 0.1] = choose(rng, (12.0, 0.0, -1.0, np.nan, np.inf, 1e38))
    return _cast(errors, dtype)


def _cast(pixels, dtype):
    with np.errstate(all='ignore'):
        if np.dtype(dtype).kind in 'iu':
            info = np.iinfo(dtype)
            pixels = np.clip(np.nan_to_num(pixels, posinf=info.max, neginf=info.min), info.min, info.max)
        return pixels.astype(dtype)


# HDUs


def make_hdu(pixels, cards, *, primary=False, name=''):
    """Return an image HDU as bytes; unsigned integers are stored with BZERO, as the standard has it."""
    pixels = np.zeros((0,), 'u1') if pixels is None else pixels
    dtype, shape = pixels.dtype, pixels.shape if pixels.shape != (0,) else ()
    zero = {'i1': -128, 'u2': 1 << 15, 'u4': 1 << 31, 'u8': 1 << 63}.get(dtype.str[1:], 0)
    if zero:
        kind = {'i1': 'u1', 'u2': 'i2', 'u4': 'i4', 'u8': 'i8'}[dtype.str[1:]]
        pixels = (pixels.astype('i8') - zero).astype(kind)
    bits = 8 * pixels.dtype.itemsize * (-1 if pixels.dtype.kind == 'f' else 1)
    head = [
        make_card('SIMPLE', 'T') if primary else make_card('XTENSION', "'IMAGE   '"),
        make_card('BITPIX', str(bits)),
    ]
    head.append(make_card('NAXIS', str(len(shape))))
    head += [make_card(f'NAXIS{axis}', str(side)) for axis, side in enumerate(reversed(shape), 1)]
    if not primary:
        head += [make_card('PCOUNT', '0'), make_card('GCOUNT', '1')]
    if name:
        head.append(make_card('EXTNAME', f"'{name}'"))
    if zero:
        head += [make_card('BSCALE', '1'), make_card('BZERO', str(zero))]
    header = b''.join([*head, *cards, b'END'.ljust(80)])
    data = pixels.astype(pixels.dtype.newbyteorder('>')).tobytes()
    return _padded(header, b' ') + _padded(data, b'\0')


def _padded(content, fill):
    return content + fill * (-len(content) % BLOCK)


def plane_shape(rng, shape):
    """Return the shape of a plane beside an image: mostly the same."""
    ny, nx = shape[-2:] if len(shape) > 1 else (1, shape[-1])
    others = ((ny, nx + 1), (nx, ny), (1, ny, nx), (1, 1, ny, nx), (2, ny, nx), (ny * nx,), (1, 1), (0, nx), (0,))
    return shape if rng.random() < 0.75 else choose(rng, others)


def make_plane(rng, shape):
    """Return a name and a plane that accompanies an image."""
    name = choose(rng, PLANES)
    fill = flag_pixels if name in ('DQ', 'MASK', 'FLAGS', 'BPM', 'CRDQ', 'CRSEG', 'CRREVIEW') else error_pixels
    usual = ('u1', 'i2', 'i4') if fill is flag_pixels else ('f4', 'f8')
    pixels = fill(rng, plane_shape(rng, shape), choose(rng, usual if rng.random() < 0.6 else DTYPES))
    cards = [make_card('BUNIT', choose(rng, UNITS))] if rng.random() < 0.5 else []
    cards += unusual_cards(rng, rng.poisson(1.0))
    return name, make_hdu(pixels, cards, name=name)


@functools.cache
def _tables():
    """Return a table, one with rows of variable length, and an ASCII table, as bytes."""
    import io

    from astropy.io import fits

    rows = np.array([(1, 'abc', 1.5), (2, 'de', 2.5)], dtype=[('a', 'i4'), ('b', 'S3'), ('c', 'f8')])
    lists = np.array([np.arange(3.0), np.arange(7.0)], dtype=object)
    made = (
        fits.BinTableHDU(rows, name='LOG'),
        fits.BinTableHDU.from_columns([fits.Column(name='V', format='PD()', array=lists)], name='LISTS'),
        fits.TableHDU.from_columns(fits.ColDefs(rows), name='ASCII'),
    )
    contents = []
    for hdu in made:
        file = io.BytesIO()
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(file)
        contents.append(file.getvalue()[BLOCK:])
    return tuple(contents)


def unusual(rng):
    """Return a description of an unusual file, and its HDUs as bytes."""
    leading = choose(rng, ((), (), (), (), (), (1,), (1, 1), (2,)))
    sides = SHAPE if rng.random() < 0.9 else choose(rng, ((1, 1), (3, 3), (5, 200), (48, 1), (1, 40), (40,)))
    shape, dtype = (*leading, *sides), choose(rng, DTYPES)
    cards = [make_card('BUNIT', choose(rng, OTHER_CARDS['BUNIT']))] if rng.random() < 0.8 else []
    if rng.random() < 0.7:
        cards += [make_card('GAIN', '1.5'), make_card('RDNOISE', '8.0')]
    cards += unusual_cards(rng, rng.poisson(4.0))
    pixels = frame_pixels(rng, shape, dtype)
    if rng.random() < 0.7:
        names, hdus = ['primary'], [make_hdu(pixels, cards, primary=True)]
    else:
        names = ['empty primary', 'SCI']
        hdus = [make_hdu(None, unusual_cards(rng, rng.poisson(1.0)), primary=True)]
        hdus.append(make_hdu(pixels, cards, name='SCI'))
    for _ in range(rng.integers(0, 4)):
        name, hdu = ('table', choose(rng, _tables())) if rng.random() < 0.15 else make_plane(rng, shape)
        names.append(name)
        hdus.append(hdu)
    return f'{dtype} {"x".join(map(str, shape))}, {", ".join(names)}', hdus
