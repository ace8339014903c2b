"""Masks that version 0.1 wrote: DQ of 8 bits, CRPBITS = 1. They are read, reviewed and overwritten."""

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin import InputMask, MaskBit, Recipe, detect, read_frame, save_mask, save_recipe
from ginga_crplugin.batch.apply import apply_recipe
from ginga_crplugin.batch.reopen import frames_to_review
from ginga_crplugin.core.pixels import datasum
from ginga_crplugin.demo.simulation import simulate
from ginga_crplugin.io.read import add_saved_mask
from ginga_crplugin.recipe.parse import load_recipe
from ginga_crplugin.report.page import write_report
from ginga_crplugin.session.session import Session

SHAPE = (96, 80)
NAMES = 'INPUT', 'HOT', 'BAD', 'NONFINITE', 'SATURATED', 'CR_DETECTED', 'CR_MARKED'


def as_version_0_1(path):
    """Change the extensions of a file to those of version 0.1; return the content of its DQ."""
    with fits.open(path) as hdus:
        old = [hdu.copy() for hdu in hdus]
    for index, hdu in enumerate(old):
        if 'CRPBITS' not in hdu.header:
            continue
        header = hdu.header
        for card in ('CHECKSUM', 'DATASUM', 'CRREPBIT', 'CRREPNUM', 'BZERO', 'BSCALE', *header['DQBIT*']):
            header.remove(card, ignore_missing=True)
        if hdu.name == 'DQ':
            plane = hdu.data.astype('u1')
            assert_array_equal(plane, hdu.data)
            old[index] = hdu = fits.ImageHDU(plane, header, name='DQ', ver=hdu.ver)
            for number, name in enumerate(NAMES):
                hdu.header[f'DQBIT{number}'] = (name, f'{1 << number}: its meaning')
        hdu.header['CRPBITS'] = 1
        hdu.header['CRVERSIO'] = '0.1.0'
        hdu.add_checksum()
    fits.HDUList(old).writeto(path, overwrite=True)
    return plane


def parts(path):
    with fits.open(path) as hdus:
        return [(hdu.name, hdu.header.get('CRPBITS'), hdu.header.get('BITPIX')) for hdu in hdus]


@pytest.fixture
def frame(tmp_path):
    simulate(SHAPE, 5).ccd.write(tmp_path / 'f.fits')
    frame = read_frame(tmp_path / 'f.fits')
    hot, bad = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    hot[10, 10:12] = bad[:, 40] = True
    masks = InputMask('hot', MaskBit.HOT, hot), InputMask('bad', MaskBit.BAD, bad)
    return frame.replace(masks=(*frame.masks, *masks))


def saved_by_0_1(frame, kind, **options):
    """Save a mask with a review as version 0.1 did; return its file and DQ."""
    found = detect(frame)
    crmask = found.crmask.copy()
    first = np.flatnonzero(crmask)[:1]
    crmask.ravel()[first] = False
    crmask[50, 50:53] = True
    edited = np.append(first, 50 * SHAPE[1] + np.arange(50, 53)), np.array([1, 3, 3, 3], np.uint8)
    path = save_mask(frame, found, kind=kind, crmask=crmask, review=edited, **options)
    return path, as_version_0_1(path), edited


@pytest.mark.parametrize('cleaned', [False, True])
@pytest.mark.parametrize('kind', ['new', 'into', 'mask'])
def test_masks_and_review_are_read_and_overwritten(frame, kind, cleaned):
    path, plane, edited = saved_by_0_1(frame, kind, cleaned=cleaned)
    before = path.read_bytes()
    again = add_saved_mask(read_frame(frame.path), path) if kind == 'mask' else read_frame(path)
    assert again.saved.cleaned == cleaned
    assert {mask.bit for mask in again.saved.masks} == {MaskBit.HOT, MaskBit.BAD}
    for mask in again.saved.masks:
        assert_array_equal(mask.mask, (plane & int(mask.bit)) != 0)
    for array, expected in zip(again.review, edited, strict=True):
        assert_array_equal(array, expected)
    again = again.replace(masks=again.saved.masks)
    found = detect(again)
    with pytest.raises(FileExistsError):
        save_mask(again, found, path=path, kind='mask' if kind == 'mask' else 'into')
    assert path.read_bytes() == before
    save_mask(again, found, path=path, kind='mask' if kind == 'mask' else 'into', overwrite=True, cleaned=cleaned)
    own = [('MASK', 2, 8), ('DQ', 2, 16), ('CRSEG', 2, 8), *([('CLEANED', 2, -32)] if cleaned else [])]
    assert parts(path)[1:] == own
    assert_array_equal(fits.getdata(path, 'DQ') & ~np.int16(32 | 64), plane & ~np.uint8(32 | 64))
    with fits.open(path, checksum=True) as hdus:
        assert len(hdus) == len(own) + 1


@pytest.fixture
def batch(tmp_path):
    """A batch of two frames whose masks are of version 0.1."""
    for number in (1, 2):
        simulate(SHAPE, number).ccd.write(tmp_path / f'f{number}.fits')
    return tmp_path


def run(job, done):
    try:
        result = job()
    except Exception as error:
        done(None, error)
    else:
        done(result, None)


@pytest.mark.parametrize('kind', ['new', 'mask'])
def test_a_batch_is_resumed_reviewed_and_processed_again(batch, kind):
    folder = batch / 'masked'
    folder.mkdir()
    save_recipe(Recipe({'sigclip': 6.0}, kind=kind), folder / 'recipe.yaml')
    recipe = load_recipe(folder / 'recipe.yaml')
    frames = sorted(batch.glob('f?.fits'))
    outcomes = list(apply_recipe(recipe, frames, folder))
    write_report(folder, outcomes, recipe)
    for outcome in outcomes:
        as_version_0_1(folder / f'{outcome.output}')
    assert [outcome.status for outcome in apply_recipe(recipe, frames, folder, resume=True)] == ['skipped'] * 2
    review = frames_to_review(folder, all_frames=True)
    session = Session(run)
    session.recipes.outputs = review.outputs
    session.recipes.apply(review.recipe)
    path, ext = review.frames[0]
    session.open(lambda: read_frame(path, ext))
    session.runner.detect()
    output = review.outputs.get((path.resolve(), ext), path)
    plane = fits.getdata(output, 'DQ').astype('i2')
    labels = [1]
    pixels = session.result.segments.pixels_of(labels)
    session.review.edit('reject', pixels)
    session.review.save(None if kind == 'new' else output, kind='into' if kind == 'new' else 'mask', overwrite=True)
    assert session.error == ''
    plane.ravel()[pixels] &= ~np.int16(MaskBit.CR_DETECTED | MaskBit.CR_TAIL)
    assert_array_equal(fits.getdata(output, 'DQ'), plane)
    assert fits.getheader(output, 'DQ')['CRPBITS'] == 2
    assert fits.getheader(output, 'MASK')['CRRECSUM'] == recipe.checksum
    if kind == 'new':
        assert datasum(fits.getdata(output).astype('f4')) == datasum(fits.getdata(frames[0]).astype('f4'))
    outcomes = list(apply_recipe(recipe, frames, folder, overwrite=True))
    assert [outcome.status for outcome in outcomes] == ['failed', 'done']  # the first one has a review
    assert 'has a review' in outcomes[0].reason
