"""Check of the tiles of compressed images."""

import math
from itertools import product

import numpy as np
from astropy.io import fits

__all__ = ['check_tiles']

#: The first bytes of a tile in HCOMPRESS compression; two 4-byte integers follow, the sides of the tile in pixels.
_MAGIC = b'\xdd\x99'


def check_tiles(hdu: fits.CompImageHDU) -> None:
    """Check the sizes of the tiles of an image in HCOMPRESS compression.

    The decoder of astropy (cfitsio) trusts the size in the tile, and writes beyond its memory if it is too large.

    Parameters
    ----------
    hdu : `~astropy.io.fits.CompImageHDU`
        The compressed image; its file is open.

    Raises
    ------
    ValueError
        If a tile has more pixels than its place in the image.
    """
    if hdu.compression_type != 'HCOMPRESS_1':
        return
    info = hdu.fileinfo()
    info['file'].seek(info['hdrLoc'])
    content = info['file'].read(info['datLoc'] + info['datSpan'] - info['hdrLoc'])
    table = fits.BinTableHDU.fromstring(content)
    shape = hdu.shape
    whole_rows = (1,) * (len(shape) - 1) + shape[-1:]  # the default
    sides = [table.header.get(f'ZTILE{len(shape) - axis}', side) for axis, side in enumerate(whole_rows)]
    starts = product(*(range(0, size, side) for size, side in zip(shape, sides, strict=True)))
    for tile, start in zip(table.data['COMPRESSED_DATA'], starts, strict=False):
        available = math.prod(min(side, size - at) for side, size, at in zip(sides, shape, start, strict=True))
        stored = bytes(np.asarray(tile, dtype=np.uint8)[:10])
        if stored.startswith(_MAGIC) and not 0 < _pixels(stored) <= available:
            msg = f'a tile of {available} pixels claims to have {_pixels(stored)}'
            raise ValueError(msg)


def _pixels(stored: bytes) -> int:
    return math.prod(int.from_bytes(stored[at : at + 4], signed=True) for at in (2, 6))
