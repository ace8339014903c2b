"""The tutorial notebook runs, and is stored without outputs."""

import os
from pathlib import Path

import pytest

import ginga_crplugin

nbclient = pytest.importorskip('nbclient')
nbformat = pytest.importorskip('nbformat')
pytest.importorskip('jupyterlab')

TUTORIAL = Path(__file__).parents[2] / 'docs' / 'notebooks' / 'cosmic_rays.ipynb'

pytestmark = pytest.mark.filterwarnings(
    'ignore:.*datetime.datetime.utcnow:DeprecationWarning', 'ignore:unclosed:ResourceWarning'
)


@pytest.fixture(scope='module')
def tutorial():
    return nbformat.read(TUTORIAL, as_version=4)


def test_tutorial_is_stored_without_outputs(tutorial):
    code = [cell for cell in tutorial.cells if cell.cell_type == 'code']
    assert len(code) > 10
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.mark.slow  # starts a kernel and runs the whole notebook
def test_tutorial_runs(tutorial, tmp_path, gmos_path, monkeypatch):
    monkeypatch.setenv('PYTHONPATH', str(Path(ginga_crplugin.__file__).parents[1]))
    monkeypatch.setenv('MPLBACKEND', 'module://matplotlib_inline.backend_inline')
    monkeypatch.setenv('IPYTHONDIR', str(tmp_path / 'ipython'))
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    client = nbclient.NotebookClient(tutorial, timeout=300, resources={'metadata': {'path': str(tmp_path)}})
    client.execute(env=dict(os.environ))
    text = '\n'.join(
        output.text
        for cell in tutorial.cells
        if cell.cell_type == 'code'
        for output in cell.outputs
        if 'text' in output
    )
    assert 'CR_DETECTED' in text
    assert 'at hot pixels' in text
    figures = [
        output
        for cell in tutorial.cells
        if cell.cell_type == 'code'
        for output in cell.outputs
        if 'image/png' in output.get('data', {})
    ]
    assert len(figures) == 3
    widgets = [
        cell
        for cell in tutorial.cells
        if cell.cell_type == 'code'
        for output in cell.outputs
        if 'application/vnd.jupyter.widget-view+json' in output.get('data', {})
    ]
    assert len(widgets) == 1
