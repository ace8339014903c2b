"""Checksums of images."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from astropy.io import fits

from ginga_crplugin.core.pixels import datasum


@pytest.mark.parametrize('kind', ['f4', 'i4', '>f4', 'u1', 'i2', 'u2', 'u4', 'f8'])
@pytest.mark.parametrize('value', [0, -1, None])
def test_the_datasum_equals_that_of_astropy(kind, value):
    some = np.random.default_rng(5).integers(0, 256, 40 * 31 * 8, dtype=np.uint8)
    pixels = some.view(kind)[: 40 * 31].reshape(40, 31)  # NaN among them
    if value is not None:
        pixels = np.full(pixels.shape, value).astype(kind)
    for image in (pixels, pixels[:, ::2], pixels.T):
        hdu = fits.ImageHDU(image.copy())
        hdu.add_datasum()
        assert datasum(image) == hdu.header['DATASUM']


def test_the_datasum_does_not_swap_bytes_in_place():
    pixels = np.full((1024, 1024), 100.0, dtype=np.float64)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(lambda: [datasum(pixels) for _ in range(20)])
        seen = set()
        while not job.done():
            seen.add(float(pixels[512, 512]))
    assert seen == {100.0}
    assert len(set(job.result())) == 1
