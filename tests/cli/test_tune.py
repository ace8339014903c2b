"""The ``tune`` command."""

import json

import numpy as np
import pytest
from astropy.io import fits

from ginga_crplugin import load_recipe
from ginga_crplugin.cli.main import main
from ginga_crplugin.core.tuning.inject import inject_rays
from ginga_crplugin.core.tuning.rays import simulate_rays
from tests.core.tuning.test_stars import PARAMS, field


@pytest.fixture(scope='module')
def frame_path(tmp_path_factory):
    """A frame of stars with cosmic rays, which needs no calibration."""
    frame, _ = field(4.0)
    rng = np.random.default_rng(5)
    data = inject_rays(frame, PARAMS, simulate_rays(rng, 30), rng).frame.ccd.data[:256, :256]
    path = tmp_path_factory.mktemp('tune') / 'frame.fits'
    fits.PrimaryHDU(data, fits.Header({'GAIN': 1.0, 'RDNOISE': 8.0, 'EXPTIME': 600.0})).writeto(path)
    return path


def test_json_recipe_and_plot(frame_path, tmp_path, capsys):
    recipe, plot = tmp_path / 'tuned.yaml', tmp_path / 'plot.png'
    args = ['tune', str(frame_path), '--json', '--sigclip', '6', '--save-recipe', str(recipe), '--plot', str(plot)]
    assert main(args) == 0
    found = json.loads(capsys.readouterr().out)
    assert found['current']['parameters']['sigclip'] == 6.0
    assert found['defaults']['parameters']['sigclip'] == 4.5
    assert found['refused'] == ''
    assert plot.read_bytes().startswith(b'\x89PNG')
    parameters = load_recipe(recipe).parameters
    assert {name: parameters[name] for name in ('sigclip', 'objlim')} == {
        name: found['suggested']['parameters'][name] for name in ('sigclip', 'objlim')
    }
    assert main(args) == 1
    assert 'already exists' in capsys.readouterr().err


def test_rays_of_darks_are_injected(frame_path, tmp_path, capsys):
    rng = np.random.default_rng(6)
    dark = rng.normal(100.0, 8.0, (200, 200)).astype(np.float32)
    dark[50, 60:70] += 800.0
    fits.PrimaryHDU(dark).writeto(tmp_path / 'dark.fits')
    fits.PrimaryHDU(rng.normal(100.0, 8.0, (200, 200)).astype(np.float32)).writeto(tmp_path / 'empty.fits')
    assert main(['tune', str(frame_path), '--rays', str(tmp_path / 'dark.fits')]) == 0
    out = capsys.readouterr().out
    assert 'given rays' in out
    assert out.count('stars touched') == 3
    assert main(['tune', str(frame_path), '--rays', str(tmp_path / 'empty.fits')]) == 1
    assert 'no cosmic rays in the images of --rays' in capsys.readouterr().err


def test_a_refusal_has_a_reason_and_an_exit_code(frame_path, tmp_path, capsys):
    data, header = fits.getdata(frame_path), fits.getheader(frame_path)
    fits.PrimaryHDU(data - 200.0, header).writeto(tmp_path / 'sky.fits')
    assert main(['tune', str(tmp_path / 'sky.fits')]) == 1
    assert capsys.readouterr().out.startswith('no suggestion: ')


def test_plots_have_known_formats(frame_path, capsys):
    with pytest.raises(SystemExit):
        main(['tune', str(frame_path), '--plot', 'plot.txt'])
    assert 'must end in .png, .svg or .pdf' in capsys.readouterr().err
