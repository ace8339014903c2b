"""Stars touched in the output of the command line."""

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from photutils.datasets import make_model_image
from photutils.psf import CircularGaussianPRF

from ginga_crplugin.cli.main import main

SIDE = 256


@pytest.fixture
def narrow(tmp_path):
    """A frame of 36 stars with a FWHM of 1.5 pixels, whose cores L.A.Cosmic flags."""
    rng = np.random.default_rng(3)
    rows, columns = np.divmod(np.arange(36), 6)
    shifts = rng.uniform(-0.5, 0.5, (2, 36))
    stars = QTable({'x_0': 24 + 40 * columns + shifts[0], 'y_0': 24 + 40 * rows + shifts[1]})
    stars['flux'] = rng.uniform(5000.0, 30000.0, 36)
    image = make_model_image((SIDE, SIDE), CircularGaussianPRF(fwhm=1.5), stars, model_shape=(31, 31))
    pixels = rng.poisson(image + 200.0) + rng.normal(0.0, 8.0, image.shape)
    path = tmp_path / 'narrow.fits'
    header = fits.Header({'BUNIT': 'electron', 'GAIN': 1.0, 'RDNOISE': 8.0})
    fits.PrimaryHDU(pixels.astype(np.float32), header).writeto(path)
    return path, stars


def test_json_and_header(narrow, capsys):
    path, stars = narrow
    assert main(['detect', str(path), '--json', '--gain', '1']) == 0
    result = json.loads(capsys.readouterr().out)
    assert result['stars'] == 36
    assert 0 < result['stars_touched'] == len(result['touched_stars']) <= 36
    assert 0.0 < result['stars_flux'] < 1.0
    for star in result['touched_stars']:
        assert np.hypot(star['x'] - stars['x_0'], star['y'] - stars['y_0']).min() < 0.5
        assert star['pixels'] > 0
        assert 0.0 < star['flux'] <= 1.0
    header = fits.getheader(result['output'], 'MASK')
    assert (header['CRNSTAR'], header['CRNTOUCH']) == (36, result['stars_touched'])
    assert header['CRSTARFL'] == pytest.approx(result['stars_flux'])


def test_text_and_higher_objlim(narrow, capsys):
    path, _ = narrow
    main(['detect', str(path), '--objlim', '50', '--no-sepmed'])
    lines = capsys.readouterr().out.splitlines()
    assert 'stars touched: 0 of 36 (0.0 %), 0 % of the flux of the stars' in lines
