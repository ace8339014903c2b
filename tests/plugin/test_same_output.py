"""The same settings in Ginga, in a notebook and on the command line give the same files."""

import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits

from ginga_crplugin import LACosmicParams, load_recipe
from ginga_crplugin.cli.main import main
from ginga_crplugin.demo.simulation import simulate

pytestmark = pytest.mark.slow  # starts a kernel and Ginga

NOTEBOOK = """
import sys
from pathlib import Path
from ginga_crplugin import CosmicRayPanel, save_recipe
folder = Path(sys.argv[1])
panel = CosmicRayPanel(folder / 'night1.fits')
panel.session.runner.prepare()
panel.controls.mask_path.value = str(folder / 'column.fits')
panel.controls['add'].click()
panel.controls.mask_path.value = str(folder / 'dark.fits')
panel.controls['dark'].click()
panel.controls.params['sigclip'].slider.value = 6.0
panel.controls.params['readnoise'].box.value = 4.0
panel.controls.run.click()
panel.controls.save_form.path.value = str(folder / 'notebook.fits')
panel.controls.save_form.button.click()
panel.controls.recipe_path.value = str(folder / 'notebook.yaml')
panel.controls['save_recipe'].click()
panel.recipe = folder / 'line.yaml'
panel.run()
panel.save(folder / 'again_notebook.fits')
"""


@pytest.fixture
def folder(tmp_path):
    truth = simulate((256, 256))
    truth.ccd.write(tmp_path / 'night1.fits')
    truth.dark.write(tmp_path / 'dark.fits')
    fits.writeto(tmp_path / 'column.fits', truth.column.astype(np.uint8))
    return tmp_path


def run_command_line(folder):
    frame = str(folder / 'night1.fits')
    masks = ['--dark', f'{folder / "dark.fits"}', '--dark-limit', '30', '--mask', f'{folder / "column.fits"}:bad']
    params = ['--sigclip', '6', '--readnoise', '4', '--save-recipe', str(folder / 'line.yaml')]
    assert main(['detect', frame, *masks, *params, '-o', str(folder / 'line.fits')]) == 0
    again = ['--recipe', str(folder / 'line.yaml'), '-o', str(folder / 'again_line.fits')]
    assert main(['detect', frame, *again]) == 0


def run_in_ginga(folder, shell, channel):
    shell.load(channel, folder / 'night1.fits')
    plugin = shell.start(channel)
    session = plugin.session
    shell.wait(lambda: session.frame is not None)
    for ask, name in ((plugin.actions.ask_masks, 'column.fits'), (plugin.actions.ask_darks, 'dark.fits')):
        before = len(session.masks)
        ask()
        plugin.dialogs.shown.make_callback('activated', [str(folder / name)])
        shell.wait(lambda before=before: len(session.masks) > before)
    plugin.panel.params['sigclip'].spin.get_widget().setValue(6.0)
    plugin.panel.params['readnoise'].spin.get_widget().setValue(4.0)
    run(shell, plugin)
    save(shell, plugin, folder / 'ginga.fits')
    plugin.actions.ask_save_recipe()
    plugin.dialogs.shown.make_callback('activated', [str(folder / 'ginga.yaml')])
    shell.wait(lambda: session.recipes.saved_path is not None)
    assert plugin.panel.recipe.get_text() == 'saved: ginga.yaml'
    plugin.actions.ask_recipe()
    plugin.dialogs.shown.make_callback('activated', [str(folder / 'line.yaml')])
    shell.wait(lambda: session.settings.recipe is not None)
    assert plugin.panel.recipe.get_text() == 'using line.yaml'
    run(shell, plugin)
    save(shell, plugin, folder / 'again_ginga.fits')


def run(shell, plugin):
    plugin.panel.run.get_widget().click()
    shell.wait(lambda: not plugin.session.runner.busy and not plugin.session.outdated)
    shell.settle()


def save(shell, plugin, path):
    plugin.actions.ask_save()
    plugin.dialogs.shown.path.set_text(str(path))
    plugin.dialogs.shown.save()
    shell.wait(lambda: plugin.session.review.saved_mask == path)


def test_masks_and_recipes_are_the_same(shell, channel, folder):
    run_command_line(folder)
    run_in_ginga(folder, shell, channel)
    done = subprocess.run(
        [sys.executable, '-c', NOTEBOOK, str(folder)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    for kind in ('', 'again_'):
        line, ginga, notebook = ((folder / f'{kind}{name}.fits').read_bytes() for name in ('line', 'ginga', 'notebook'))
        assert line == ginga
        assert line == notebook
    header = fits.getheader(folder / 'line.fits', 'MASK')
    assert (header['LASIGCLP'], header['LARDNOIS'], header['LAGAIN']) == (6.0, 4.0, 1.5)
    recipes = [load_recipe(folder / f'{name}.yaml') for name in ('line', 'ginga', 'notebook')]
    assert recipes[1:] == [recipes[0]] * 2
    assert recipes[0].parameters['sigclip'] == 6.0
    assert LACosmicParams().sigclip != 6.0
    for name in ('MASK', 'DQ'):
        assert (fits.getdata(folder / 'again_line.fits', name) == fits.getdata(folder / 'line.fits', name)).all()
