"""The same settings in Ginga, in a notebook and on the command line give the same files."""

import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, StdDevUncertainty

from ginga_crplugin import LACosmicParams, MaskBit, detect, load_recipe, read_frame, repair, with_tails
from ginga_crplugin.cli.main import main
from ginga_crplugin.core.repair_names import REPAIRS
from ginga_crplugin.demo.simulation import simulate
from tests.companions import parts, with_companions, write

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
panel.controls.tail_sigma.value = 2.5
panel.controls.edges.value = True
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
    params = ['--sigclip', '6', '--readnoise', '4', '--search-edges', '--tail-sigma', '2.5']
    params += ['--save-recipe', str(folder / 'line.yaml')]
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
    plugin.panel.tail_sigma.get_widget().setValue(2.5)
    plugin.panel.edges.get_widget().click()
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


def save(shell, plugin, path, kind=0, cleaned=False):
    plugin.actions.ask_save()
    plugin.dialogs.shown.path.set_text(str(path))
    plugin.dialogs.shown.kind.set_index(kind)
    plugin.dialogs.shown.cleaned.set_state(cleaned)
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
    assert (header['CRTAIL'], header['CRTAILSG'], header['CRTAILST']) == (True, 2.5, 8)
    tails = fits.getdata(folder / 'line.fits', 'DQ') & MaskBit.CR_TAIL != 0
    assert np.count_nonzero(tails) == header['CRNTAIL'] > 0
    recipes = [load_recipe(folder / f'{name}.yaml') for name in ('line', 'ginga', 'notebook')]
    assert recipes[1:] == [recipes[0]] * 2
    assert recipes[0].parameters['sigclip'] == 6.0
    assert (recipes[0].tails.sigma, recipes[0].parameters['search_edges']) == (2.5, True)
    assert LACosmicParams().sigclip != 6.0
    for name in ('MASK', 'DQ'):
        assert (fits.getdata(folder / 'again_line.fits', name) == fits.getdata(folder / 'line.fits', name)).all()


KINDS = 'new', 'into', 'mask'
REPAIR = '--repair', 'surface'

NOTEBOOK_SAVES = """
import sys
from pathlib import Path
from ginga_crplugin import CosmicRayPanel
folder = Path(sys.argv[1])
panel = CosmicRayPanel(folder / 'notebook.fits')
panel.session.runner.prepare()
panel.controls.run.click()
panel.controls.default_repair.value = 'surface'
form = panel.controls.save_form
for kind in ('new', 'mask', 'into'):
    form.kind.value = kind
    form.path.value = str(folder / f'notebook_{kind}.fits')
    form.cleaned.value = True
    form.button.click()
panel.ccd.write(folder / 'notebook_ccd.fits')
panel.cleaned.write(folder / 'notebook_cleaned.fits')
"""


def saved(folder, front):
    """Return the files that a front has saved, by kind."""
    return {kind: folder / (f'{front}.fits' if kind == 'into' else f'{front}_{kind}.fits') for kind in KINDS}


def save_from_command_line(folder):
    for kind, options in {'new': [], 'mask': ['--mask-only'], 'into': ['--into']}.items():
        target = [] if kind == 'into' else ['-o', str(folder / f'line_{kind}.fits')]
        assert main(['detect', str(folder / 'line.fits'), '--cleaned', *REPAIR, *options, *target]) == 0


def save_in_ginga(folder, shell, channel):
    shell.load(channel, folder / 'ginga.fits')
    plugin = shell.start(channel)
    shell.wait(lambda: plugin.session.frame is not None)
    run(shell, plugin)
    plugin.panel.default_repair.set_index(list(REPAIRS).index('surface'))
    plugin.panel.default_repair.make_callback('activated', list(REPAIRS).index('surface'))
    for kind, number in (('new', 0), ('mask', 2)):
        save(shell, plugin, folder / f'ginga_{kind}.fits', number, cleaned=True)
    plugin.images.show_cleaned()
    shell.wait(lambda: plugin.images.cleaned.shown)
    cleaned = plugin.fitsimage.get_image().get('ccd')
    cleaned.write(folder / 'ginga_cleaned.fits')
    plugin.actions.ask_save()
    plugin.dialogs.shown.kind.set_index(1)
    plugin.dialogs.shown.cleaned.set_state(True)
    plugin.dialogs.shown.save()
    shell.wait(lambda: plugin.session.review.last_saved_mask == folder / 'ginga.fits')


def test_nothing_is_lost_in_any_kind_of_save(shell, channel, tmp_path):
    truth = simulate((256, 256))
    sigma = np.sqrt(np.abs(truth.ccd.data)).astype('f4')
    science = fits.ImageHDU(truth.ccd.data, truth.ccd.header, name='SCI')
    science.header['BUNIT'] = 'adu'
    original = write(tmp_path / 'original.fits', *with_companions(science, sigma))
    for front in ('line', 'ginga', 'notebook'):
        (tmp_path / f'{front}.fits').write_bytes(original.read_bytes())
    save_from_command_line(tmp_path)
    save_in_ginga(tmp_path, shell, channel)
    done = subprocess.run(
        [sys.executable, '-c', NOTEBOOK_SAVES, str(tmp_path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    before = parts(original)
    for kind in KINDS:
        line, ginga, notebook = (saved(tmp_path, front)[kind] for front in ('line', 'ginga', 'notebook'))
        assert line.read_bytes() == ginga.read_bytes() == notebook.read_bytes()
        if kind != 'mask':
            assert [part for part in parts(line) if part in before] == before
            plane = fits.getdata(line, 'CRDQ')
            check_ccd(CCDData.read(line), truth.ccd.data, plane, sigma)
    cleaned, inflated = (fits.getdata(tmp_path / 'line.fits', name) for name in ('CLEANED', 'CLEANED_UNCERT'))
    frame = read_frame(original, 'SCI')
    found = with_tails(frame, detect(frame))
    assert (cleaned != found.cleaned).any()
    assert (cleaned == repair(frame, found, method='surface').cleaned).all()
    replaced = (plane & MaskBit.cosmic_rays()) != 0
    assert (inflated > sigma)[replaced].all()
    assert (inflated == sigma)[~replaced].all()
    check_ccd(CCDData.read(tmp_path / 'notebook_ccd.fits'), truth.ccd.data, plane, sigma)
    for front in ('notebook', 'ginga'):
        check_ccd(CCDData.read(tmp_path / f'{front}_cleaned.fits'), cleaned, plane, inflated)


def check_ccd(ccd, data, plane, sigma):
    assert (ccd.data == data).all()
    assert (ccd.mask == (plane != 0)).all()
    assert ccd.mask.any()
    assert isinstance(ccd.uncertainty, StdDevUncertainty)
    assert (ccd.uncertainty.array == sigma).all()
    assert ccd.unit == 'adu'
    assert ccd.header['EXTNAME'] == 'SCI'
