"""Tiles of images in HCOMPRESS compression that claim more pixels than fit into their place."""

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin import read_frame

PIXELS = np.random.default_rng(3).normal(300.0, 12.0, (70, 90))
MAGIC = b'\xdd\x99'


def write(path, dtype, tile):
    options = {'compression_type': 'HCOMPRESS_1', 'tile_shape': tile, 'quantize_level': 1e4}
    hdu = fits.CompImageHDU(PIXELS.astype(dtype), fits.Header({'BUNIT': 'adu'}), **options)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    return path


@pytest.mark.parametrize('tile', [(16, 20), (32, 90), (70, 90)])
@pytest.mark.parametrize('dtype', ['i2', 'i4', 'f4'])
def test_complete_tiles_are_read(tmp_path, dtype, tile):
    path = write(tmp_path / 'a.fits', dtype, tile)
    assert_array_equal(read_frame(path).ccd.data, fits.getdata(path))


@pytest.mark.parametrize('tile', [(16, 20), (32, 90)])
@pytest.mark.parametrize('which', [0, -1])
@pytest.mark.parametrize('side', [91, -4, 2**31 - 1])
def test_a_tile_that_claims_another_size_is_refused(tmp_path, tile, which, side):
    path = write(tmp_path / 'a.fits', 'i2', tile)
    content = bytearray(path.read_bytes())
    begin = [at for at in range(len(content)) if content.startswith(MAGIC, at)][which]
    content[begin + 2 : begin + 6] = int.to_bytes(side, 4, signed=True)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'a.fits: the pixels cannot be read.*a tile of \d+ pixels claims to have'):
        read_frame(path)
