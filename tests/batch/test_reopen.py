"""A batch opened for review: which frames are opened, what the panel shows, and how a review is saved."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin import MaskBit, Recipe, load_recipe, read_frame, read_mask, save_recipe
from ginga_crplugin.batch.apply import apply_recipe
from ginga_crplugin.batch.job import Outcome
from ginga_crplugin.batch.reopen import MAX_FRAMES, frames_to_review
from ginga_crplugin.batch.summary import read_summary
from ginga_crplugin.cli.main import main
from ginga_crplugin.core.bits import REVIEW
from ginga_crplugin.core.input_mask import MaskSource
from ginga_crplugin.core.params import FromHeader
from ginga_crplugin.demo.simulation import simulate
from ginga_crplugin.io.read import add_saved_mask
from ginga_crplugin.panels.output import default_kind, default_target, save_text
from ginga_crplugin.recipe.rule import Rule
from ginga_crplugin.report.page import write_report
from ginga_crplugin.session.session import Session

SHAPE = (128, 144)


def run_now(job, done):
    """Run a job in the calling thread."""
    try:
        result, error = job(), None
    except Exception as failure:
        result, error = None, failure
    done(result, error)


@pytest.fixture(scope='module')
def frames(tmp_path_factory):
    """Two frames, one with a MASK of its own, a mosaic with masks chip by chip, a dark, and the mask of a column."""
    folder = tmp_path_factory.mktemp('frames')
    truth = simulate(SHAPE, 1)
    truth.dark.write(folder / 'dark.fits')
    fits.PrimaryHDU(truth.column.astype(np.uint8)).writeto(folder / 'column.fits')
    header = truth.ccd.header.copy()
    header.update({'BUNIT': 'adu', 'XPIXSZ': 13.5})
    data = truth.ccd.data.copy()
    data[[30, 60, 90, 100], [20, 40, 60, 110]] = -4000.0  # masked by the check of bad pixels
    fits.PrimaryHDU(data, header).writeto(folder / 'f1.fits')
    own = np.zeros(SHAPE, dtype=np.uint8)
    own[:, 70:72] = 1
    fits.HDUList([fits.PrimaryHDU(data, header), fits.ImageHDU(own, name='MASK')]).writeto(folder / 'f2.fits')
    chips, masks = [fits.PrimaryHDU()], [fits.PrimaryHDU()]
    for chip in (1, 2):
        chips.append(fits.ImageHDU(simulate(SHAPE, 10 + chip).ccd.data, header, name='SCI', ver=chip))
        mask = np.zeros(SHAPE, dtype=np.uint8)
        mask[:, 20 * chip] = 1
        masks.append(fits.ImageHDU(mask, name='BPM', ver=chip))
    fits.HDUList(chips).writeto(folder / 'mosaic.fits')
    fits.HDUList(masks).writeto(folder / 'bpm.fits')
    return folder


def recipes(folder):
    dark = MaskSource(folder / 'dark.fits', None, MaskBit.HOT, 30.0)
    column = MaskSource(folder / 'column.fits', None, MaskBit.BAD)
    chips = MaskSource(folder / 'bpm.fits', 'same', MaskBit.BAD)
    return {
        'plain': Recipe(),
        'masks': Recipe({'sigclip': 6.0, 'gain': FromHeader()}, (dark, column)),
        'remedy': Recipe({'sigclip': 6.0}, (dark,), remedy=('bad_pixels',)),
        'not its own': Recipe({'sigclip': 6.0}, (dark,), own_masks=False, remedy=('bad_pixels',)),
        'unit': Recipe({'sigclip': 6.0, 'gain': 1.0}, (dark,), unit='electron'),
        'grown': Recipe({}, (dark,), min_size=5, grow=1, cleaned=True),
        'chips': Recipe({}, (dark,), rules=(Rule({'EXTNAME': 'SCI'}, 'chips', {'sigclip': 5.0}, (chips,)),)),
    }


BATCHES = [('new', name) for name in sorted(recipes(Path()))]
BATCHES += [('mask', name) for name in ('chips', 'remedy', 'not its own')]


@pytest.fixture(scope='module', params=BATCHES, ids=' '.join)
def batch(request, frames, tmp_path_factory):
    """The frames to review of a batch with a recipe, and the name of the recipe."""
    kind, name = request.param
    folder = tmp_path_factory.mktemp('batch')
    save_recipe(replace(recipes(frames)[name], kind=kind), folder / 'recipe.yaml')
    recipe = load_recipe(folder / 'recipe.yaml')
    outcomes = list(apply_recipe(recipe, [frames / f'{stem}.fits' for stem in ('f1', 'f2', 'mosaic')], folder))
    assert all(outcome.status == 'done' for outcome in outcomes), outcomes
    write_report(folder, outcomes, recipe)
    review = frames_to_review(folder, all_frames=True)
    assert len(review.frames) == 4
    assert bool(review.outputs) == (kind == 'mask')
    return review, name


@pytest.fixture(autouse=True)
def hints_without_delay(monkeypatch):
    monkeypatch.setattr('ginga_crplugin.session.hinting.IDLE', 0.0)


def opened(review, index, session=None):
    """Open a frame of a batch as the panel does, and run it."""
    session = Session(run_now) if session is None else session
    session.recipes.outputs = review.outputs
    session.recipes.apply(review.recipe)
    path, ext = review.frames[index]
    session.open(lambda: read_frame(path, ext, *session.settings.reading()))
    assert session.error == ''
    if session.result is None:
        session.runner.detect()
    assert session.error == ''
    return session


def plane(session):
    saturated = session.result.frame.saturated(session.result.detection.params) * np.int16(MaskBit.SATURATED)
    return session.review.decisions.plane(session.result.frame.bits | saturated)


def output_of(review, index):
    path, ext = review.frames[index]
    return review.outputs.get((path.resolve(), ext), path)


# the panel shows what the batch found


@pytest.mark.parametrize('index', range(4))
def test_panel_finds_the_same_and_lists_no_mask_twice(batch, index):
    review, name = batch
    session = opened(review, index)
    with fits.open(output_of(review, index)) as hdus:
        assert_array_equal(plane(session), hdus['DQ'].data)
        header = hdus['MASK'].header
    assert session.result.detection.params.sigclip == header['LASIGCLP']
    assert (len(session.result.segments), session.min_size) == (header['CRNSEG'], review.recipe.min_size)
    masks = [choice.mask for choice in session.masks if choice.used]
    assert len(masks) == len(session.masks)
    made, rest = ([mask for mask in masks if (mask.origin == 'own') is own] for own in (False, True))
    expected = review.recipe.for_header(session.frame.ccd.header).masks
    assert [(mask.origin.path, mask.origin.limit) for mask in made] == [(mask.path, mask.limit) for mask in expected]
    if (name, index) == ('not its own', 1):  # it has a MASK, which was not used
        assert not session.frame.bits[5, 70:72].any()
    for mask in rest:
        assert sum(other.bit == mask.bit for other in rest) == 1
        assert not any((mask.mask & other.mask).any() for other in made if other.bit == mask.bit)


def test_dark_is_shown(results):
    session = opened(frames_to_review(results, all_frames=True), 0)
    assert_array_equal(session.masks.dark, fits.getdata(results.parent / 'frames' / 'dark.fits'))


@pytest.fixture
def results(frames, tmp_path):
    """The folder of a batch; its frames and masks can be changed."""
    shutil.copytree(frames, tmp_path / 'frames')
    folder = tmp_path / 'out'
    assert apply(folder, recipes(tmp_path / 'frames')['remedy']) == 0
    return folder


def apply(folder, recipe, *options):
    """Apply a recipe to two frames with the command."""
    top = folder.parent
    if not (top / 'r.yaml').exists():
        save_recipe(recipe, top / 'r.yaml')
    names = [top / 'frames' / 'f1.fits', top / 'frames' / 'f2.fits']
    return main(['apply', *map(str, (top / 'r.yaml', *names, '-o', folder, '-j', 1)), *options])


@pytest.mark.parametrize('what', ['gone', 'another', 'of another shape'])
def test_masks_changed_since_then_are_ignored(results, what):
    dark = results.parent / 'frames' / 'dark.fits'
    image = fits.getdata(dark)
    dark.unlink()
    if what == 'another':
        image[20:40] = 1e4
        fits.PrimaryHDU(image).writeto(dark)
    elif what == 'of another shape':
        fits.PrimaryHDU(image[:50]).writeto(dark)
    review = frames_to_review(results, all_frames=True)
    session = opened(review, 0)
    assert_array_equal(plane(session), fits.getdata(results / 'f1_crmask.fits', 'DQ'))
    assert [choice.mask.name for choice in session.masks] == [
        'HOT of the DQ in this file',
        'BAD of the DQ in this file',
    ]


def test_recipe_saved_from_an_output_is_equivalent(results, tmp_path):
    review = frames_to_review(results, all_frames=True)
    for index in range(2):
        session = opened(review, index)
        path = tmp_path / f'again{index}.yaml'
        session.recipes.save(path)
        assert session.error == ''
        recipe = load_recipe(path)
        assert (recipe.remedy, recipe.own_masks, len(recipe.masks)) == (('bad_pixels',), True, 1)
        frame = read_frame(results.parent / 'frames' / f'f{index + 1}.fits')
        assert_array_equal(recipe.prepare(frame).frame.bits, review.recipe.prepare(frame).frame.bits)
    (results.parent / 'frames' / 'dark.fits').unlink()
    assert len(opened(review, 0).recipes.current.masks) == 1  # the recipe names it although it is missing


def test_another_recipe_is_used_as_on_any_frame(results, frames):
    """The masks of the recipe are added to the DQ of the output."""
    session = opened(frames_to_review(results, all_frames=True), 0)
    column = MaskSource(frames / 'column.fits', None, MaskBit.BAD)
    session.recipes.apply(Recipe({'sigclip': 9.0}, (column,)))
    assert [choice.mask.name for choice in session.masks] == [
        'HOT of the DQ in this file',
        'BAD of the DQ in this file',
        'column.fits',
    ]
    session.recipes.apply(frames_to_review(results).recipe)
    assert [choice.mask.name for choice in session.masks] == ['BAD of the DQ in this file', 'dark.fits > 30']
    session.runner.detect()
    assert_array_equal(plane(session), fits.getdata(results / 'f1_crmask.fits', 'DQ'))


def test_recipe_can_be_loaded_after_the_frame(results):
    session = Session(run_now)
    session.open(lambda: read_frame(results / 'f2_crmask.fits'))
    session.recipes.apply(load_recipe(results / 'recipe.yaml'))
    session.runner.detect()
    assert_array_equal(plane(session), fits.getdata(results / 'f2_crmask.fits', 'DQ'))


def test_saved_result_is_shown_without_a_click(results):
    """The frame is run automatically once the engine is compiled, because its earlier result is to be reviewed."""
    review = frames_to_review(results, all_frames=True)
    jobs = []
    session = Session(lambda job, done: jobs.append((job, done)))
    session.recipes.apply(review.recipe)
    session.runner.prepare()
    session.open(lambda: read_frame(review.frames[0][0]))
    while jobs:
        run_now(*jobs.pop(0))
    assert session.result is not None
    session.open(lambda: read_frame(results.parent / 'frames' / 'f1.fits'))
    while jobs:
        run_now(*jobs.pop(0))
    assert session.result is None


# a review is saved


def reject_one(session):
    """Reject the largest segment."""
    table = session.result.segments.table
    label = int(table['label'][np.argmax(table['area'].value)])
    session.review.edit('reject', session.result.segments.pixels_of([label]))
    return label


@pytest.mark.parametrize('kind', ['new', 'mask'])
def test_review_is_saved_into_the_output_and_kept(frames, tmp_path, kind, capsys):
    shutil.copytree(frames, tmp_path / 'frames')
    folder = tmp_path / 'out'
    recipe = replace(recipes(tmp_path / 'frames')['remedy'], kind=kind, cleaned=True)
    assert apply(folder, recipe) == 0
    capsys.readouterr()
    review = frames_to_review(folder, all_frames=True)
    session = opened(review, 0)
    output = output_of(review, 0)
    before, header = fits.getdata(output, 'DQ'), fits.getheader(output, 'MASK')
    label = reject_one(session)
    frame = session.result.frame
    kind_saved, path = default_kind(frame), default_target(frame)
    assert kind_saved == {'new': 'into', 'mask': 'mask'}[kind]
    path = None if kind_saved == 'into' else path
    session.review.save(path, kind=kind_saved, cleaned=frame.saved.cleaned)
    assert session.error.startswith(str(output))  # nothing is overwritten unless the user says so
    assert_array_equal(fits.getdata(output, 'DQ'), before)
    session.review.save(path, kind=kind_saved, cleaned=frame.saved.cleaned, overwrite=True)
    assert (session.error, session.review.saved_mask) == ('', output)
    with fits.open(output, checksum=True) as hdus:
        assert REVIEW in hdus
        assert 'CLEANED' in hdus
        after = hdus['DQ'].data
        for card in ('CRRECIPE', 'CRRECSUM', 'CRRULE', 'CRHDU', 'CRIDENT', 'CRCHECKS'):
            assert hdus['MASK'].header[card] == header[card], card
        science = [hdu for hdu in hdus if hdu.is_image and hdu.shape == SHAPE and hdu.name in ('', 'PRIMARY')]
        assert len(science) == (kind == 'new')
    rejected = session.result.segments.labels == label
    assert_array_equal(after, np.where(rejected, before & ~np.int16(MaskBit.CR_DETECTED), before))
    # after reopening, the segment is rejected
    again = opened(review, 0)
    assert list(again.review.decisions.rejected_labels) == [label]
    assert_array_equal(plane(again), after)
    check_reviewed_output_is_kept(folder, recipe, output, capsys)


def check_reviewed_output_is_kept(folder, recipe, output, capsys):
    """Resume and overwrite the batch: the reviewed output does not change."""
    content = output.read_bytes()
    assert apply(folder, recipe, '--resume', '--json') == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row['status'], row['reviewed']) for row in rows[:2]] == [('skipped', True), ('skipped', False)]
    assert rows[0]['pixels'] == np.count_nonzero(fits.getdata(output, 'DQ') & np.int16(MaskBit.CR_DETECTED))
    assert rows[0]['segments'] == fits.getheader(output, 'MASK')['CRNSEG'] - 1  # the rejected segment does not count
    assert output.read_bytes() == content
    assert apply(folder, recipe, '--resume') == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[:2]] == ['reviewed', 'skipped']
    assert list(read_summary(folder)['reviewed']) == [True, False]
    assert apply(folder, recipe, '--overwrite', '--json') == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row['status'] for row in rows[:2]] == ['failed', 'done']
    assert 'has a review' in rows[0]['reason']
    assert output.read_bytes() == content


def test_review_can_be_continued(results):
    review = frames_to_review(results, all_frames=True)
    session = opened(review, 0)
    first = reject_one(session)
    session.review.save(kind='into', overwrite=True)
    session = opened(review, 0)
    table = session.result.segments.table
    other = next(int(label) for label in table['label'] if label != first)
    session.review.edit('reject', session.result.segments.pixels_of([other]))
    session.review.save(kind='into', overwrite=True)
    assert sorted(opened(review, 0).review.decisions.rejected_labels) == sorted([first, other])
    session = opened(review, 0)
    session.review.edit('keep', session.result.segments.pixels_of([first, other]))
    session.review.save(kind='into', overwrite=True)
    assert session.error == ''
    assert len(opened(review, 0).review.decisions.rejected_labels) == 0


def test_saved_mask_without_rejections_is_reviewed(results, capsys):
    """It is not overwritten, nor is one that was made with other parameters in the panel."""
    session = opened(frames_to_review(results, all_frames=True), 0)
    session.set_params(sigclip=7.5)
    session.runner.detect()
    session.review.save(kind='into', overwrite=True)
    assert session.error == ''
    content = (results / 'f1_crmask.fits').read_bytes()
    with fits.open(results / 'f1_crmask.fits') as hdus:
        assert len(hdus[REVIEW].data) == 0
    capsys.readouterr()
    assert apply(results, None, '--resume') == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[:2]] == ['reviewed', 'skipped']
    (results.parent / 'r.yaml').write_text((results.parent / 'r.yaml').read_text().replace('sigclip: 6', 'sigclip: 8'))
    assert apply(results, None, '--resume') == 1
    printed = capsys.readouterr().out
    assert 'has a review; move it away' in printed
    assert printed.splitlines()[1].startswith('done')  # the other one was processed again
    assert (results / 'f1_crmask.fits').read_bytes() == content


def test_changed_parameters_are_kept_for_their_frame_only(results):
    review = frames_to_review(results, all_frames=True)
    session = opened(review, 0)
    session.set_params(sigclip=9.0)
    session.review.set_grow(1)
    session.masks.add(lambda: read_mask(results.parent / 'frames' / 'column.fits'))
    session.runner.detect()
    session.review.save(kind='into', overwrite=True)
    assert session.error == ''
    saved = plane(session)
    assert_array_equal(fits.getdata(results / 'f1_crmask.fits', 'DQ'), saved)
    opened(review, 1, session)
    assert (session.params.sigclip, session.review.grow, len(session.masks)) == (6.0, 0, 3)
    assert_array_equal(plane(session), fits.getdata(results / 'f2_crmask.fits', 'DQ'))
    for again in (opened(review, 0, session), opened(review, 0)):
        assert (again.params.sigclip, again.review.grow, again.sources['sigclip']) == (9.0, 1, 'user')
        assert_array_equal(plane(again), saved)
    with fits.open(results / 'f1_crmask.fits', mode='update') as hdus:
        hdus['MASK'].header['LASIGCLP'] = -1.0
    assert opened(review, 0).params.sigclip == 6.0


def test_mask_of_another_recipe_is_not_complete(results, capsys):
    session = Session(run_now)
    session.open(lambda: read_frame(results / 'f1_crmask.fits'))
    session.set_params(sigclip=12.0)
    session.runner.detect()
    session.review.save(kind='into', overwrite=True)
    assert session.error == ''
    assert 'CRIDENT' not in fits.getheader(results / 'f1_crmask.fits', 'MASK')
    assert apply(results, None, '--resume') == 1
    assert 'is incomplete or of another recipe' in capsys.readouterr().out


def test_mask_saved_elsewhere_is_not_of_the_batch(results, tmp_path):
    session = opened(frames_to_review(results, all_frames=True), 0)
    session.review.save(tmp_path / 'elsewhere.fits')
    assert 'CRIDENT' not in fits.getheader(tmp_path / 'elsewhere.fits', 'MASK')


def test_output_of_another_frame_is_refused(results, tmp_path):
    frame = read_frame(results.parent / 'frames' / 'f1.fits')
    assert add_saved_mask(frame, results / 'f1_crmask.fits').saved.recipe == frames_to_review(results).recipe.checksum
    with pytest.raises(ValueError, match=r'dark.fits has no mask of f1.fits \[0\]'):
        add_saved_mask(frame, results.parent / 'frames' / 'dark.fits')
    with pytest.raises(FileNotFoundError):
        add_saved_mask(frame, tmp_path / 'none.fits')


# which frames are opened


def folder_of(tmp_path, outcomes, **options):
    save_recipe(Recipe(**options), tmp_path / 'recipe.yaml')
    write_report(tmp_path, outcomes, Recipe())
    for one in outcomes:
        if one.output:
            Path(one.output).touch()
    return tmp_path


def outcome(tmp_path, number, segments=40, **values):
    path = tmp_path / f'f{number}.fits'
    output = tmp_path / f'f{number}_crmask.fits'
    values = {'segments': segments, 'rate': segments / 40.0, 'exposure': 600.0, 'excluded_fraction': 0.0} | values
    return Outcome(str(path), 0, str(output), 'done', **values)


def test_frames_that_stand_out_are_opened(tmp_path):
    outcomes = [outcome(tmp_path, number, 400 if number == 3 else 40) for number in range(8)]
    outcomes.append(Outcome(str(tmp_path / 'f9.fits'), 0, '', 'failed', 'no FITS'))
    review = frames_to_review(folder_of(tmp_path, outcomes))
    assert review.frames == [(tmp_path / 'f3_crmask.fits', None)]
    assert review.messages == [
        'opening 1 of 9 frames; 1 failed',
        f'{tmp_path}/f3.fits [0]: many cosmic rays: 10 per cm2 per minute, the median is 1',
    ]
    assert len(frames_to_review(tmp_path, all_frames=True).frames) == 8


def test_all_frames_are_opened_if_none_stands_out(tmp_path):
    review = frames_to_review(folder_of(tmp_path, [outcome(tmp_path, number) for number in range(8)]))
    assert len(review.frames) == 8
    assert review.messages == ['no frame stands out; opening all 8']


def test_reviewed_frames_come_last_and_the_number_is_limited(tmp_path):
    outcomes = [outcome(tmp_path, number, reviewed=number < 3) for number in range(MAX_FRAMES + 5)]
    review = frames_to_review(folder_of(tmp_path, outcomes))
    files = sorted(f'f{number}.fits' for number in range(3, MAX_FRAMES + 5))
    assert [path.name.replace('_crmask', '') for path, _ in review.frames] == files[:MAX_FRAMES]
    assert review.messages[1].startswith('only the first 200 are opened;')
    (tmp_path / 'recipe.yaml').unlink()
    review = frames_to_review(folder_of(tmp_path, outcomes[:6]))
    assert [path.name for path, _ in review.frames] == [f'f{number}_crmask.fits' for number in (3, 4, 5, 0, 1, 2)]


def test_frames_are_opened_if_the_masks_are_in_files_without_them(tmp_path):
    outcomes = [replace(outcome(tmp_path, number), ext=number) for number in range(3)]
    (tmp_path / 'f0.fits').touch()
    (tmp_path / 'f2.fits').touch()
    review = frames_to_review(folder_of(tmp_path, outcomes, kind='mask'))
    assert review.frames == [(tmp_path / 'f0.fits', 0), (tmp_path / 'f2.fits', 2)]
    assert review.outputs == {(tmp_path / f'f{k}.fits', k): tmp_path / f'f{k}_crmask.fits' for k in (0, 2)}
    assert review.messages[1] == f'{tmp_path}/f1.fits [1] skipped: {tmp_path}/f1.fits not found'


def test_moved_folder_can_be_opened(tmp_path):
    folder_of(tmp_path, [outcome(tmp_path, number) for number in range(2)])
    moved = tmp_path / 'moved'
    moved.mkdir()
    for file in tmp_path.glob('*.*'):
        file.rename(moved / file.name)
    assert [path for path, _ in frames_to_review(moved).frames] == [moved / f'f{k}_crmask.fits' for k in range(2)]


def test_folder_with_a_report_of_another_program_is_refused(results, capsys):
    other = results.parent / 'other'
    other.mkdir()
    (other / 'report.html').write_text('of another program')
    assert apply(other, None) == 1
    assert 'report.html was not written by ginga_crplugin; move it away' in capsys.readouterr().err
    assert [path.name for path in other.iterdir()] == ['report.html']


def test_folder_that_is_not_a_batch_is_refused_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('ginga_crplugin.cli.view.startup_problem', lambda toolkit: None)

    def error(*args):
        assert main(['view', *map(str, args)]) == 1
        printed = capsys.readouterr()
        assert printed.out == ''
        assert printed.err.count('\n') == 1
        return printed.err

    assert 'summary.ecsv: no such file; `ginga-crplugin apply` writes it' in error(tmp_path)
    folder_of(tmp_path, [outcome(tmp_path, 1)])
    (tmp_path / 'recipe.yaml').rename(tmp_path / 'r.yaml')
    assert 'recipe.yaml' in error(tmp_path)
    (tmp_path / 'r.yaml').rename(tmp_path / 'recipe.yaml')
    (tmp_path / 'f1_crmask.fits').unlink()
    assert 'f1_crmask.fits not found' in error(tmp_path)
    write_report(tmp_path, [Outcome('/f.fits', 0, '', 'failed', 'no FITS')], Recipe())
    assert 'no frame to open; no frame was processed' in error(tmp_path)
    for args in ([tmp_path, tmp_path / 'f.fits'], [tmp_path / 'f.fits', '--all']):
        with pytest.raises(SystemExit):
            main(['view', *map(str, args)])


# what the save dialog says before a mask is overwritten


def test_save_dialog_says_what_is_overwritten(results, tmp_path):
    frame = read_frame(results / 'f1_crmask.fits')
    plain = read_frame(results.parent / 'frames' / 'f1.fits')
    path = frame.path
    assert (default_kind(frame), default_kind(plain), default_kind(None)) == ('into', 'new', 'new')
    assert save_text(frame, 'into', path, overwrite=False) == (
        'f1_crmask.fits already holds a saved mask: select "overwrite" to overwrite it'
    )
    assert save_text(frame, 'into', path, overwrite=True) == (
        'the mask in f1_crmask.fits will be overwritten; its other HDUs are unchanged'
    )
    assert save_text(plain, 'into', plain.path, overwrite=False) == (
        'MASK, DQ and CRSEG will be added to f1.fits; its other HDUs are unchanged'
    )
    assert save_text(plain, 'new', tmp_path / 'x.fits', overwrite=False) == 'x.fits will be written'
    assert save_text(plain, 'new', path, overwrite=True) == 'f1_crmask.fits will be overwritten'
    assert save_text(plain, 'new', path, overwrite=False).startswith('f1_crmask.fits exists: choose another name')
    beside = add_saved_mask(plain, path)
    assert (default_kind(beside), default_target(beside)) == ('mask', path)
    assert save_text(beside, 'mask', path, overwrite=True) == ('the mask in f1_crmask.fits will be overwritten')
