"""What the tests share: where the real frames are, and the small ones that other packages install."""

import os
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

from ginga_crplugin import Frame

# Read when Astro-SCRAPPY is loaded: on small frames its threads mostly wait for each other.
os.environ.setdefault('OMP_NUM_THREADS', '1')


_TOOK = pytest.StashKey()


@pytest.fixture(scope='session')
def took(request):
    """A function that has a line printed at the end: ``took('Chromium', since)``, with a time of `time.monotonic`."""
    lines = request.config.stash.setdefault(_TOOK, [])
    return lambda what, since: lines.append(f'{what}: {time.monotonic() - since:.0f} s')


def pytest_terminal_summary(terminalreporter, config):
    """Print how long the browsers took."""
    for line in config.stash.get(_TOOK, []):
        terminalreporter.write_line(line)


def installed(package, name):
    """Return the path of a frame that a package brings along for its own tests."""
    path = Path(find_spec(package).origin).parent / 'tests' / 'data' / name
    if not path.exists():
        pytest.skip(f'{package} is installed without {path}')
    return path


@pytest.fixture(scope='session')
def data():
    """Folder of the shared real frames; elsewhere, name it in GINGA_CRPLUGIN_DATA."""
    folder = Path(os.environ.get('GINGA_CRPLUGIN_DATA') or Path(__file__).parents[2] / 'shared' / 'data')
    if not folder.is_dir():
        pytest.skip(f'the folder of real frames is missing: {folder} (or name it in GINGA_CRPLUGIN_DATA)')
    return folder.resolve()


@pytest.fixture(scope='session')
def gmos_path():
    """GMOS-S long slit with SCI, VAR and SKYFIT; two tracks; gain 1.933, read noise 4.24."""
    return installed('astroscrappy', 'gmos.fits')


@pytest.fixture(scope='session')
def saao_path():
    """Raw SAAO frame, uint16; GAIN and RDNOISE in its header."""
    return installed('ccdproc', 'a8280271.fits')


@pytest.fixture(scope='session')
def saao(saao_path):
    """The SAAO frame, trimmed, its overscan level taken off."""
    with fits.open(saao_path) as hdus:
        raw, header = hdus[0].data.astype(np.float32), hdus[0].header
    return Frame(CCDData(raw[:512, 16:528] - np.median(raw[:512, 3:13]), unit='adu', header=header), 'saao')
