"""What the package loads when it starts; a slow import that is not needed costs every command."""

import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits

#: Packages that take a tenth of a second or more to import, in order of their cost.
SLOW = {'ccdproc', 'photutils', 'numba', 'astropy', 'scipy', 'numpy', 'matplotlib', 'ginga', 'dask', 'distributed'}
#: Modules that ``detect`` needs only with some of its options.
NOT_FOR_DETECT = {
    'ccdproc',
    'photutils',
    'matplotlib',
    'ginga',
    'dask',
    'distributed',
    'scipy.ndimage',
    'scipy.optimize',
    'astropy.modeling',
    'ginga_crplugin.recipe.parse',
    'ginga_crplugin.recipe.format',
    'ginga_crplugin.core.lacosmic.drop_in',
    'ginga_crplugin.session',
    'ginga_crplugin.batch',
}


def loaded_by(code):
    """Return the modules that a new process has loaded after running the code."""
    code += '\nimport sys; print(*sys.modules)'
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split())


def command(*args):
    """Return the code of a command."""
    return (
        'import contextlib, io\nfrom ginga_crplugin.cli.main import main\n'
        f'with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): main({list(args)!r})'
    )


def test_import_of_the_package():
    assert not loaded_by('import ginga_crplugin') & SLOW


def test_ginga_plugin_specification():
    assert not loaded_by('from ginga_crplugin import ginga_plugin_spec; ginga_plugin_spec()') & (SLOW - {'ginga'})


@pytest.mark.parametrize('args', [('--help',), ('--version',), ('detect', '--help'), ('apply', '--help')])
def test_help(args):
    assert not loaded_by(command(*args)) & SLOW


def test_detect(tmp_path):
    pixels = np.random.default_rng(3).normal(100.0, 5.0, (64, 64)).astype(np.float32)
    pixels[20, 20:24] += 3000.0
    y, x = np.indices(pixels.shape)
    pixels += 5000.0 * np.exp(-((y - 40) ** 2 + (x - 44) ** 2) / 4.0)  # a star
    path = tmp_path / 'frame.fits'
    fits.writeto(path, pixels)
    modules = loaded_by(command('detect', str(path)))
    assert (tmp_path / 'frame_crmask.fits').exists()
    assert 'numba' in modules
    assert not modules & NOT_FOR_DETECT
