"""Frames of a batch in Ginga's reference viewer, off screen, with masks in files of their own."""

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin import MaskBit, Recipe, save_recipe
from ginga_crplugin.batch.apply import apply_recipe
from ginga_crplugin.batch.reopen import frames_to_review
from ginga_crplugin.core.bits import REVIEW
from ginga_crplugin.demo.simulation import simulate
from ginga_crplugin.io.read import read_frame
from ginga_crplugin.plugin.launch import show_batch
from ginga_crplugin.report.page import write_report

SHAPE = (160, 180)


@pytest.fixture
def night(tmp_path):
    """Return the batch output of a frame and of two extensions of a file: masks only, with the unit from the recipe."""
    header = fits.Header({'GAIN': 1.0, 'RDNOISE': 10.0})
    sky = np.random.default_rng(1).poisson(200.0, SHAPE)
    images = [(sky + simulate(SHAPE, seed).cosmic_rays).astype(np.float32) for seed in (1, 2, 3)]
    fits.PrimaryHDU(images[0], header).writeto(tmp_path / 'a.fits')
    chips = [fits.ImageHDU(image, header, name='SCI', ver=ver) for ver, image in enumerate(images[1:], start=1)]
    fits.HDUList([fits.PrimaryHDU(), *chips]).writeto(tmp_path / 'b.fits')
    folder = tmp_path / 'out'
    folder.mkdir()
    recipe = Recipe({'sigclip': 6.0}, unit='electron', kind='mask', cleaned=True, min_size=1)
    save_recipe(recipe, folder / 'recipe.yaml')
    outcomes = list(apply_recipe(recipe, [tmp_path / 'a.fits', tmp_path / 'b.fits'], folder))
    assert [outcome.status for outcome in outcomes] == ['done'] * 3
    write_report(folder, outcomes, recipe)
    return frames_to_review(folder, all_frames=True)


@pytest.fixture
def plugin(shell, night):
    """Return the plugin with the first frame and its result."""
    name = shell.fv.get_channel_names()[0]
    channel = shell.channel(name)
    shell.stop(channel)
    show_batch(shell.fv, night)
    plugin = channel.opmon.get_plugin('Cosmic Rays')
    wait_for_frame(shell, plugin, 'a.fits', 0)
    yield plugin
    shell.stop(channel)
    plugin.session.recipes.outputs = {}
    plugin.session.recipes.apply(Recipe())
    for title in channel.get_image_names():
        channel.remove_image(title)
    shell.settle()


def wait_for_frame(shell, plugin, name, ext):
    def ready():
        frame, result = plugin.session.frame, plugin.session.result
        return frame is not None and (frame.path.name, frame.ext) == (name, ext) and result is not None

    shell.wait(ready)
    shell.wait(lambda: not plugin.session.runner.busy)
    shell.settle()


def test_frames_have_their_masks_and_the_unit_of_the_recipe(shell, plugin, night):
    for index, ((path, ext), output) in enumerate(night.outputs.items()):
        session = plugin.session
        assert session.frame.saved.path == output
        assert (session.frame.path, session.frame.ext) == (path, ext)
        assert session.frame.ccd.unit == 'electron'
        assert session.params.sigclip == 6.0
        with fits.open(output) as hdus:
            assert_array_equal(session.review.decisions.plane(session.frame.bits), hdus['DQ'].data)
        if index < 2:
            plugin.channel.next_image()
            wait_for_frame(shell, plugin, 'b.fits', index + 1)


def test_rejected_segment_changes_only_the_mask_file(shell, plugin, night):
    plugin.channel.next_image()
    wait_for_frame(shell, plugin, 'b.fits', 1)
    (path, ext), output = list(night.outputs.items())[1]
    before, frame = fits.getdata(output, 'DQ'), path.read_bytes()
    plugin.actions.step(1)
    label = plugin.session.selection
    assert label is not None
    plugin.actions.decide('reject')
    plugin.actions.ask_save()
    dialog = plugin.dialogs.shown
    assert (dialog.selected_kind, dialog.path.get_text(), dialog.cleaned.get_state()) == ('mask', str(output), True)
    assert 'already holds a saved mask' in dialog.message.get_text()
    dialog.save()
    shell.wait(lambda: plugin.session.error)
    assert_array_equal(fits.getdata(output, 'DQ'), before)
    dialog.overwrite.get_widget().click()
    assert 'will be overwritten' in ' '.join(dialog.message.get_text().split())
    dialog.save()
    shell.wait(lambda: plugin.session.review.saved_mask is not None)
    rejected = plugin.session.result.segments.labels == label
    with fits.open(output, checksum=True) as hdus:
        assert [hdu.name for hdu in hdus] == ['PRIMARY', 'MASK', 'DQ', 'CRSEG', 'CLEANED', REVIEW]
        kept = before & ~np.int16(MaskBit.CR_DETECTED | MaskBit.CR_TAIL)
        assert_array_equal(hdus['DQ'].data, np.where(rejected, kept, before))
    assert path.read_bytes() == frame
    assert read_frame(path, ext, 'electron').saved is None  # the file of the frame is unchanged
    plugin.channel.prev_image()
    wait_for_frame(shell, plugin, 'a.fits', 0)
    plugin.channel.next_image()
    wait_for_frame(shell, plugin, 'b.fits', 1)
    assert list(plugin.session.review.decisions.rejected_labels) == [label]


def test_recipe_with_another_unit_opens_the_frame_again(shell, plugin):
    plugin.session.recipes.apply(Recipe({'gain': 2.0}, unit='adu'))
    shell.wait(lambda: plugin.session.frame is not None and plugin.session.frame.ccd.unit == 'adu')
    shell.settle()
    assert plugin.session.params.gain == 2.0
    assert plugin.session.result is None
