"""Run every command and every Python block of the documentation, in the order of the pages."""

import os
import re
import runpy
import shutil
import subprocess
import sys
import textwrap
import time
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import ginga_crplugin
from ginga_crplugin import LACosmicParams
from ginga_crplugin.cli.parser import build_parser
from ginga_crplugin.demo.demo import run_demo
from ginga_crplugin.recipe.parse import parse_recipe

ROOT = Path(__file__).parents[2]
DOCS = ROOT / 'docs'
PAGES = [ROOT / 'README.md', *sorted(DOCS.glob('*.rst'))]

#: Commands that are not run here, by their beginning, with where they are run instead.
RUN_ELSEWHERE = {
    'apt-get install': '.ci/run, from the README',
    'python3.12 -m venv .venv && .venv/bin/pip install': '.ci/run, from the README',
    'pip install': '.ci/run, in environments with these extras',
    'python -m pytest': 'by the developer',
    'python -m tests.tools.kill_saves --times 5000': 'a short version is part of the test suite',
    'python -m tests.tools.fault_saves': 'a short version is part of the test suite',
    'python -m tests.tools.soak --minutes 12': 'a short version is part of the test suite',
    'python -m tests.tools.fuzz_fits --cases 100000': 'a short version is part of the test suite',
    'python -m tests.tools.walk_session --walks 1000': 'a short version is part of the test suite',
    'ruff ': '.ci/run',
    'lint-imports': '.ci/run',
    'mypy': '.ci/run',
    'codespell': '.ci/run',
    'sphinx-build': '.ci/run',
    'dask ': 'tests/batch/test_apply.py, with a local cluster',
    "ginga-crplugin apply night.yaml '/archive/": 'tests/batch/test_apply.py, on that cluster',
    'docs/make_pictures': 'by the developer; tests/plugin/test_real_window.py operates the same window',
}
#: Commands that open a window and wait for the user.
INTERACTIVE = 'ginga-crplugin view'

_RST = re.compile(r'^( *)\.\. code-block:: *(\w+)\n((?:\1 +.*\n|\n)+)', re.MULTILINE)
_MD = re.compile(r'^()```(\w+)\n(.*?)^```', re.MULTILINE | re.DOTALL)


def blocks(page):
    """Return the language and the text of each code block, except for doctests, which pytest collects itself."""
    found = (_MD if page.suffix == '.md' else _RST).findall(page.read_text())
    return [(language, textwrap.dedent(text).strip()) for _, language, text in found if '>>> ' not in text]


def commands(text):
    """Return the commands of a block."""
    return text.replace('\\\n', ' ').splitlines()


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    """The files of the demo, and copies of them with the file names used in the README."""
    folder = tmp_path_factory.mktemp('demo')
    run_demo(folder)
    for name, alias in {'demo': 'frame', 'demo_dark': 'combined_dark', 'demo_column': 'columns'}.items():
        shutil.copy(folder / f'{name}.fits', folder / f'{alias}.fits')
    fits.setval(folder / 'combined_dark.fits', 'EXPTIME', value=600.0)
    frame, header = fits.getdata(folder / 'frame.fits', header=True)
    bias = np.full(frame.shape, 700.0, dtype=np.float32)
    fits.PrimaryHDU(bias, fits.Header({'BUNIT': 'adu'})).writeto(folder / 'combined_bias.fits')
    raw = frame + fits.getdata(folder / 'combined_dark.fits') + bias
    fits.PrimaryHDU(raw, header).writeto(folder / 'raw.fits')
    return folder


@pytest.fixture
def environment(tmp_path):
    """Environment variables with the package on the path, a home directory of its own and no display."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']])
    package = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    return os.environ | {
        'PATH': path,
        'PYTHONPATH': package,
        'HOME': str(tmp_path / 'home'),
        'QT_QPA_PLATFORM': 'offscreen',
        'OMP_NUM_THREADS': '1',
    }


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
@pytest.mark.slow  # runs many commands
def test_every_block_runs(page, demo, tmp_path, monkeypatch, environment):
    (tmp_path / 'home').mkdir()
    folder = tmp_path / 'work'
    if 'ginga-crplugin demo --no-gui --output .' in page.read_text():
        folder.mkdir()  # the page itself makes the files
    else:
        shutil.copytree(demo, folder)
    (folder / 'tests').symlink_to(ROOT / 'tests')
    monkeypatch.chdir(folder)
    known = {}
    for language, text in blocks(page):
        if language == 'python':
            exec(compile(text, page.name, 'exec'), known)
            continue
        if language == 'yaml':
            assert parse_recipe(text).parameters
            continue
        assert language == 'sh', f'{page.name} has a block of unknown language {language}'
        for command in commands(text):
            run(command, environment)


def run(command, environment):
    if command.startswith(tuple(RUN_ELSEWHERE)):
        return
    if command.startswith(INTERACTIVE):
        process = subprocess.Popen(['bash', '-c', f'exec {command}'], env=environment)
        time.sleep(8.0)
        assert process.poll() is None, command
        process.terminate()
        process.wait(20)
        save_demo_mask(environment)
        return
    done = subprocess.run(['bash', '-eu', '-c', command], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f'{command}\n{done.stdout}\n{done.stderr}'


def save_demo_mask(environment):
    if not Path('demo_crmask.fits').exists():
        masks = '--dark demo_dark.fits --dark-limit 30 --mask demo_column.fits:bad'
        run(f'ginga-crplugin detect demo.fits {masks}', environment)


def test_commands_run_elsewhere_are_in_the_pages():
    texts = [text for page in PAGES for language, text in blocks(page) if language == 'sh']
    found = [command for text in texts for command in commands(text)]
    assert [start for start in RUN_ELSEWHERE if not any(command.startswith(start) for command in found)] == []
    assert any(command.startswith(INTERACTIVE) for command in found)


def test_links_in_the_readme_exist():
    links = re.findall(r'\]\(([^)#]+)\)', (ROOT / 'README.md').read_text())
    links = [link for link in links if not link.startswith('http')]
    assert len(links) > 2
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize('path', sorted((DOCS / 'inventories').glob('*.txt')), ids=lambda path: path.stem)
def test_names_in_inventories_exist(path):
    if path.stem != 'python':
        pytest.importorskip(path.stem)
    lines = path.read_text().splitlines()
    assert lines[0] == '# Sphinx inventory version 1'
    for line in lines[3:]:
        name, kind, page = line.split()
        assert kind in ('class', 'function', 'exception', 'attribute', 'data')
        assert page.endswith('.html')
        module, _, last = name.rpartition('.')
        try:
            found = import_module(module or 'builtins')
        except ModuleNotFoundError:  # an attribute of a class
            module, _, owner = module.rpartition('.')
            found = getattr(import_module(module), owner)
        assert last == 'None' or hasattr(found, last), name


def test_api_page_lists_existing_names_and_all_public_names():
    pytest.importorskip('ginga')
    listed = {}
    for block in (DOCS / 'api.rst').read_text().split('.. automodapi:: ')[1:]:
        listed.setdefault(block.split()[0], []).extend(re.findall(r':include: (\w+)', block))
    missing = [
        f'{name}.{item}' for name, items in listed.items() for item in items if item not in import_module(name).__all__
    ]
    assert missing == []
    public = set(ginga_crplugin.__all__) - {'__version__', 'ginga_plugin_spec'}
    assert sorted(listed['ginga_crplugin']) == sorted(public)


def test_import_diagrams_have_every_package():
    pytest.importorskip('grimp')
    pytest.importorskip('matplotlib')
    diagrams = runpy.run_path(str(DOCS / 'plots' / 'imports.py'))
    package = Path(ginga_crplugin.__file__).parent
    assert sorted(diagrams['PACKAGES']) == sorted(path.parent.name for path in package.glob('*/__init__.py'))
    core = {path.stem for path in package.glob('core/*.py')} | {
        path.parent.name for path in package.glob('core/*/*.py')
    }
    assert sorted(diagrams['CORE']) == sorted(core - {'__init__'})


def test_every_parameter_has_a_section():
    text = (DOCS / 'parameters.rst').read_text()
    documented = re.findall(r'^\.\. parameter:: (\w+)$', text, re.MULTILINE)
    assert sorted(documented) == sorted(item.name for item in fields(LACosmicParams))


def test_every_command_has_a_section():
    commands = re.findall(r'^    ([a-z][\w-]*)(?: |$)', build_parser().format_help(), re.MULTILINE)
    documented = re.findall(r'^\.\. command:: ([\w-]+)$', (DOCS / 'command_line.rst').read_text(), re.MULTILINE)
    assert len(commands) > 3
    assert sorted(documented) == sorted(commands)
