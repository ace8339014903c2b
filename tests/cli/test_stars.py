"""Stars touched in the output of the command line."""

import contextlib
import io
import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from photutils.datasets import make_model_image
from photutils.psf import CircularGaussianPRF

from ginga_crplugin import MaskBit
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


@pytest.fixture
def targets(narrow, tmp_path):
    """A list of one of the stars that L.A.Cosmic flags, and of a star outside the frame."""
    path, _ = narrow
    with contextlib.redirect_stdout(io.StringIO()) as text:
        assert main(['detect', str(path), '--mask-only', '-o', str(tmp_path / 'first.fits'), '--json']) == 0
    star = json.loads(text.getvalue())['touched_stars'][0]
    table = QTable({'name': ['target', 'outside'], 'x': [star['x'], 999.0], 'y': [star['y'], 5.0]})
    table.write(tmp_path / 'targets.ecsv')
    return tmp_path / 'targets.ecsv'


def test_protected_stars_are_reported_by_name(narrow, targets, capsys):
    path, _ = narrow
    assert main(['detect', str(path), '--protect', str(targets), '--json']) == 0
    result = json.loads(capsys.readouterr().out)
    (star,) = result['protected']
    assert (star['name'], result['protected_pixels_kept']) == ('target', 0)
    assert star['pixels'] > 0
    header = fits.getheader(result['output'], 'MASK')
    assert (header['CRPROT'], header['CRNPROT'], header['CRNPRTCH']) == ('targets.ecsv', 1, 1)
    assert header['CRPROT1'].startswith('target: core flagged, ')
    assert 'CRNPKEPT' not in header


def test_protected_stars_are_kept_out_of_the_mask(narrow, targets, tmp_path, capsys):
    path, _ = narrow
    out, recipe, again = (tmp_path / name for name in ('kept.fits', 'kept.yaml', 'again.fits'))
    args = ['detect', str(path), '--protect', str(targets), '--keep-protected', '-o', str(out)]
    assert main([*args, '--save-recipe', str(recipe)]) == 0
    assert 'protected stars touched: 0 of 1, ' in capsys.readouterr().out
    first, kept = (fits.getdata(tmp_path / name, 'DQ') for name in ('first.fits', 'kept.fits'))
    changed = (first != kept).nonzero()
    assert len(changed[0]) == fits.getheader(out, 'MASK')['CRNPKEPT'] > 0
    target = QTable.read(targets)[0]
    assert np.hypot(changed[0] - target['y'], changed[1] - target['x']).max() < 2.0
    assert (first[changed] & ~(MaskBit.CR_DETECTED | MaskBit.CR_TAIL) == kept[changed]).all()
    assert f'protect: {targets.name}' in recipe.read_text()
    assert main(['detect', str(path), '--recipe', str(recipe), '-o', str(again)]) == 0
    assert (fits.getdata(again, 'DQ') == kept).all()


def test_more_protected_stars_than_a_header_can_name(narrow, targets, capsys):
    target = QTable.read(targets)[0]
    columns = {key: [target[key]] * 120 for key in ('x', 'y')}
    QTable({'name': [f's{number}' for number in range(120)], **columns}).write(targets, overwrite=True)
    assert main(['detect', str(narrow[0]), '--protect', str(targets), '--json']) == 0
    output, errors = capsys.readouterr()
    header = fits.getheader(json.loads(output)['output'], 'MASK')
    assert (header['CRNPRTCH'], 'CRPROT99' in header, 'CRPROT100' in header) == (120, True, False)
    assert errors == ''


def test_keep_protected_needs_a_file(narrow, capsys):
    assert main(['detect', str(narrow[0]), '--keep-protected']) == 1
    assert 'keep_protected needs a file with stars' in capsys.readouterr().err
