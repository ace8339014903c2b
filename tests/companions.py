"""Files in which an image is accompanied by everything that a pipeline may write beside it."""

import gzip
from io import BytesIO

import numpy as np
from astropy.io import fits


def image(name, data, ver=1, **cards):
    """Return an image extension."""
    return fits.ImageHDU(data, fits.Header(cards), name=name, ver=ver)


def with_companions(science, sigma):
    """Return an image HDU, and after it its ERR, DQ, VAR, UNCERT, MASK, other images, and tables, with its EXTVER."""
    table = np.array([(1, 'a'), (2, 'b')], dtype=[('n', 'i4'), ('t', 'S3')])
    packed = fits.CompImageHDU(sigma.astype('i4'), name='RAW', compression_type='RICE_1')
    ver = packed.ver = science.ver
    bad = np.zeros(sigma.shape, 'u1')
    bad[5, 5] = 1
    return [
        science,
        image('ERR', sigma, ver, BUNIT='adu'),
        image('DQ', bad.astype('i4') * 4, ver),
        image('VAR', sigma**2, ver),
        image('UNCERT', sigma, ver, UTYPE='StdDevUncertainty'),
        image('MASK', bad, ver),
        image('WHT', sigma, ver),
        packed,
        image('LOOKUP', np.ones((4, 4), 'f4'), 7),
        fits.BinTableHDU(table, name='LOG', ver=ver),
        fits.TableHDU.from_columns(fits.ColDefs(table), name='ASCII'),
    ]


def write(path, *hdus):
    """Write a file with an empty primary HDU."""
    fits.HDUList([fits.PrimaryHDU(header=fits.Header({'TELESCOP': 'T'})), *hdus]).writeto(path, checksum=True)
    return path


def parts(file):
    """Return the bytes of each HDU of a file (a path, or its content), with its name and EXTVER."""
    raw = file if isinstance(file, bytes) else file.read_bytes()
    raw = gzip.decompress(raw) if raw[:2] == b'\x1f\x8b' else raw
    with fits.open(BytesIO(raw), disable_image_compression=True) as hdus:
        infos = [(hdu.name, hdu.ver, hdu.fileinfo()) for hdu in hdus]
    return [(name, ver, raw[info['hdrLoc'] : info['datLoc'] + info['datSpan']]) for name, ver, info in infos]
