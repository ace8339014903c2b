"""Shared fixtures: the real frames, and small ones that other packages install; the distribution of tests."""

import os
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

from ginga_crplugin import Frame
from ginga_crplugin.core.lacosmic.compilation import compile_all

# Ginga's toolkit is chosen before anything imports its widgets; the notebook tests import them, too.
os.environ.setdefault('QT_QPA_PLATFORM', 'offscreen')
os.environ.setdefault('QT_API', 'pyside6')
if find_spec('ginga') and find_spec('PySide6'):
    from ginga import toolkit

    toolkit.use('pyside6')

# Read when Astro-SCRAPPY is loaded: on small frames its threads mostly wait for each other.
os.environ.setdefault('OMP_NUM_THREADS', '1')


#: With ``-n``, the tests of a module run in one process. So do those of several modules that share a screen, a browser
#: or Ginga's shell: of the first two, one at a time; of the last, there is one in a process.
GROUPS = {
    'screen': (
        'tests/notebook/test_browser.py',
        'tests/plugin/test_night_window.py',
        'tests/plugin/test_real_window.py',
        'tests/plugin/test_web.py',
        'tests/report/test_page_in_browser.py',
    ),
    'shell': ('tests/plugin/',),
}

_TOOK = pytest.StashKey()


@pytest.fixture(scope='session')
def took(request):
    """Function that adds an elapsed time to the summary: ``took('Chromium', start)``, from `time.monotonic`."""
    lines = request.config.stash.setdefault(_TOOK, [])
    return lambda name, start: lines.append(f'{name}: {time.monotonic() - start:.0f} s')


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes():
    """Compile the kernels once, for all processes."""
    compile_all()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Distribute the tests by `GROUPS` and modules, in the order in which they are collected."""
    from xdist.scheduler import LoadScopeScheduling

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            module = nodeid.partition('::')[0]
            return next((group for group, paths in GROUPS.items() if module.startswith(paths)), module)

    config.option.loadscopereorder = False
    return GroupScheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark tests in a window or a browser as slow; distribute what is slow first."""
    for item in items:
        if item.get_closest_marker('window') or item.get_closest_marker('browser'):
            item.add_marker('slow')
    if 'PYTEST_XDIST_WORKER' in os.environ:
        items.sort(key=lambda item: item.get_closest_marker('slow') is None)


def pytest_sessionfinish(session):
    """Send the elapsed times of a worker to the controller."""
    if hasattr(session.config, 'workeroutput'):
        session.config.workeroutput['took'] = session.config.stash.get(_TOOK, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Receive the elapsed times of a worker."""
    node.config.stash.setdefault(_TOOK, []).extend(getattr(node, 'workeroutput', {}).get('took', []))


def pytest_terminal_summary(terminalreporter, config):
    """Print the elapsed times of the browsers."""
    for line in config.stash.get(_TOOK, []):
        terminalreporter.write_line(line)


def installed(package, name):
    """Return the path of a frame in the test data of an installed package."""
    path = Path(find_spec(package).origin).parent / 'tests' / 'data' / name
    if not path.exists():
        pytest.skip(f'{package} is installed without {path}')
    return path


@pytest.fixture(scope='session')
def data():
    """Folder of the shared real frames, ``../shared/data`` unless GINGA_CRPLUGIN_DATA names another."""
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
    """The SAAO frame, trimmed, its overscan level subtracted."""
    with fits.open(saao_path) as hdus:
        raw, header = hdus[0].data.astype(np.float32), hdus[0].header
    return Frame(CCDData(raw[:512, 16:528] - np.median(raw[:512, 3:13]), unit='adu', header=header), 'saao')
