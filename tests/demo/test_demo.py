"""Demonstration: the simulation, the score against the truth, the files and the overview."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.table import QTable
from numpy.testing import assert_array_equal
from PIL import Image

from ginga_crplugin import Frame, MaskBit, detect, read_dark, read_frame, read_mask, segment, with_hints
from ginga_crplugin.cli.main import main
from ginga_crplugin.demo.demo import DARK_LIMIT, run_demo
from ginga_crplugin.demo.score import Score, score, score_hints
from ginga_crplugin.demo.simulation import GAIN, READNOISE, SIGNIFICANT, SKY, simulate
from ginga_crplugin.figures.overview import COSMIC_RAY, MASKED, PANEL, save_overview

SHAPE = (256, 320)


@pytest.fixture(scope='module')
def truth():
    return simulate(SHAPE, seed=3)


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    return run_demo(tmp_path_factory.mktemp('demo') / 'made', shape=SHAPE, seed=3)


# the simulation


def test_the_same_seed_gives_the_same_frame(truth):
    again, other = simulate(SHAPE, seed=3), simulate(SHAPE, seed=4)
    assert_array_equal(again.ccd.data, truth.ccd.data)
    assert_array_equal(again.dark.data, truth.dark.data)
    assert not np.array_equal(other.ccd.data, truth.ccd.data)


def test_the_truth_is_consistent(truth):
    assert truth.ccd.data.shape == truth.hits.shape == SHAPE
    assert truth.ccd.data.dtype == truth.cosmic_rays.dtype == np.float32
    assert (truth.cosmic_rays[truth.hits > 0] >= np.float32(SIGNIFICANT)).all()
    assert_array_equal(truth.dark.data > DARK_LIMIT, truth.hot)
    assert_array_equal(np.flatnonzero(truth.column.any(axis=0)), [SHAPE[1] // 3])
    assert (truth.hits > 0).any()
    assert len(truth.stars) > 0


def test_the_noise_agrees_with_the_header(truth):
    sky = truth.ccd.data[~truth.hot & ~truth.column & (truth.cosmic_rays == 0)] * GAIN
    low, median = np.percentile(sky, [15.865, 50])  # stars only add to the values above
    assert median - low == pytest.approx(np.hypot(np.sqrt(SKY), READNOISE), rel=0.02)
    header = truth.ccd.header
    assert (header['GAIN'], header['RDNOISE'], header['EXPTIME']) == (GAIN, READNOISE, 600.0)
    assert truth.ccd.wcs.wcs.ctype[0] == 'RA---TAN'


# the score


def test_score_of_a_perfect_mask(truth):
    found = score(truth, truth.hits > 0)
    assert found.pixels_found == found.pixels == np.count_nonzero(truth.hits)
    assert found.hits_found == found.hits == len(np.unique(truth.hits)) - 1
    assert (found.pixels_missed, found.hits_missed, found.false_pixels) == (0, 0, 0)


def test_score_of_an_empty_mask(truth):
    found = score(truth, np.zeros(SHAPE, dtype=bool))
    assert (found.pixels_found, found.hits_found, found.false_pixels) == (0, 0, 0)
    assert (found.pixels_missed, found.hits_missed) == (found.pixels, found.hits)


def test_false_pixels_are_counted_by_cause():
    truth = simulate((64, 64), seed=1)
    for plane in (truth.hot, truth.column, truth.hits, truth.cosmic_rays):
        plane[:] = 0
    truth = replace(truth, stars=QTable({'x_0': [50.0], 'y_0': [50.0], 'flux': [1000.0]}))
    truth.hot[10, 10], truth.column[:, 30], truth.hits[40, 10], truth.cosmic_rays[40, 10] = True, True, 1, 900.0
    flagged = np.zeros((64, 64), dtype=bool)
    for y, x in [(10, 10), (13, 7), (5, 33), (50, 55), (41, 11), (40, 10), (60, 0), (10, 14), (50, 56)]:
        flagged[y, x] = True
    assert score(truth, flagged) == Score(
        pixels=1,
        pixels_found=1,
        hits=1,
        hits_found=1,
        false_hot=2,
        false_column=1,
        false_star=1,
        false_adjacent=1,
        false_other=3,
    )


# the run


def test_the_files_contain_the_simulation(demo):
    assert_array_equal(fits.getdata(demo.frame), demo.truth.ccd.data)
    assert_array_equal(CCDData.read(demo.output).data, demo.truth.ccd.data)
    frame = read_frame(demo.frame)
    assert frame.notes == ()
    assert str(frame.ccd.unit) == 'adu'
    dark, column = read_dark(demo.dark, DARK_LIMIT), read_mask(demo.mask, MaskBit.BAD)
    assert_array_equal(dark.mask, demo.truth.hot)
    assert_array_equal(column.mask, demo.truth.column)
    bits, crmask = fits.getdata(demo.output, 'DQ'), detect(frame.replace(masks=(dark, column))).crmask
    assert_array_equal((bits & MaskBit.HOT) != 0, demo.truth.hot)
    assert_array_equal((bits & MaskBit.BAD) != 0, demo.truth.column)
    assert_array_equal((bits & MaskBit.CR_DETECTED) != 0, crmask)
    assert demo.masked == score(demo.truth, crmask)
    assert demo.unmasked == score(demo.truth, detect(frame).crmask)


def test_masks_remove_false_pixels(demo):
    assert demo.masked.hits == demo.unmasked.hits
    assert demo.masked.hits_found >= 0.9 * demo.masked.hits
    assert demo.masked.false_hot + demo.masked.false_column <= 2
    assert demo.unmasked.false_hot + demo.unmasked.false_column >= 200


def test_existing_files_are_not_overwritten_by_default(demo):
    folder = demo.frame.parent
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(FileExistsError, match=r'demo\.fits already exists'):
        run_demo(folder, shape=SHAPE, seed=4)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_single_existing_file_prevents_the_run(tmp_path):
    (tmp_path / 'demo_overlay.png').write_text('mine')
    with pytest.raises(FileExistsError, match=r'demo_overlay\.png already exists'):
        run_demo(tmp_path, shape=SHAPE)
    assert [path.name for path in tmp_path.iterdir()] == ['demo_overlay.png']
    run_demo(tmp_path, shape=SHAPE, overwrite=True)
    assert len(list(tmp_path.iterdir())) == 5


# the overview


def test_the_overview_shows_masks_and_cosmic_rays(demo):
    with Image.open(demo.overview) as picture:
        page = np.asarray(picture)
    assert page.shape[1] > 3 * PANEL
    for color in (MASKED, COSMIC_RAY):
        assert np.count_nonzero((page == color).all(axis=2)) > 100


def test_masks_are_exact_in_the_enlarged_part(tmp_path):
    image = np.random.default_rng(1).normal(100.0, 5.0, (64, 64)).astype(np.float32)
    image[60, 3] = 9000.0
    frame = read_frame_of(tmp_path, image)
    save_overview(tmp_path / 'p.png', frame, detect(frame))
    with Image.open(tmp_path / 'p.png') as picture:
        page = np.asarray(picture)
    left, top, pixel = 20 + 2 * (PANEL + 20), 34, PANEL / 64
    y, x = np.nonzero((page[top : top + PANEL, left : left + PANEL] == COSMIC_RAY).all(axis=2))
    # row 60 of 64 is near the top: row 0 is at the bottom
    assert (round(x.min() / pixel), round((x.max() + 1) / pixel)) == (3, 4)
    assert (round(y.min() / pixel), round((y.max() + 1) / pixel)) == (3, 4)


def read_frame_of(folder, image):
    fits.writeto(folder / 'f.fits', image, fits.Header({'BUNIT': 'electron', 'RDNOISE': 5.0}))
    return read_frame(folder / 'f.fits')


@pytest.mark.parametrize('shape', [(16, 16), (20, 400), (300, 17)])
def test_an_overview_of_any_shape(tmp_path, shape):
    frame = read_frame_of(tmp_path, np.random.default_rng(1).normal(100.0, 5.0, shape).astype(np.float32))
    save_overview(tmp_path / 'p.png', frame, detect(frame), 'caption')
    with Image.open(tmp_path / 'p.png') as picture:
        assert picture.width == 3 * (PANEL + 20) + 20


# the command


def test_the_command_prints_the_score(tmp_path):
    code = 'import sys; from ginga_crplugin.cli.main import main; sys.exit(main())'
    env = {k: v for k, v in os.environ.items() if k not in ('DISPLAY', 'WAYLAND_DISPLAY', 'QT_QPA_PLATFORM')}
    args = [] if sys.platform.startswith('linux') else ['--no-gui']
    ended = subprocess.run(
        [sys.executable, '-c', code, 'demo', *args],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, '')
    made = tmp_path / 'ginga-crplugin-demo'
    found = score(simulate(), (fits.getdata(made / 'demo_crmask.fits', 'DQ') & MaskBit.CR_DETECTED) != 0)
    lines = [line.split() for line in ended.stdout.splitlines()]
    assert lines[0][:4] == ['simulated:', str(found.hits), 'cosmic', 'rays']
    assert lines[2] == f'cosmic rays {found.hits_found} found {found.hits_missed} missed'.split()
    assert lines[3] == f'pixels {found.pixels_found} found {found.pixels_missed} missed'.split()
    assert lines[4][:3] == f'false pixels {found.false_pixels}:'.split()
    truth = simulate()
    bare = Frame(truth.ccd)
    flagged = detect(bare)
    hints = score_hints(truth, with_hints(bare, flagged, segment(bare, flagged), truth.dark.data))
    assert lines[9] == ['hints', 'without', 'the', 'masks:']
    assert lines[10][:9] == f'hot pixels, column and stars {hints.false_right} of {hints.false} right'.split()
    assert lines[11][:6] == f'cosmic rays {hints.cosmic_rays_wrong} of {hints.cosmic_rays} wrong'.split()
    assert sorted(path.name for path in made.iterdir()) == [
        'demo.fits',
        'demo_column.fits',
        'demo_crmask.fits',
        'demo_dark.fits',
        'demo_overlay.png',
    ]
    if not args:
        assert ended.stdout.splitlines()[-1].startswith('Ginga was not started: no display')


def test_the_command_refuses_to_overwrite(demo, capsys):
    assert main(['demo', '--no-gui', '-o', str(demo.frame.parent)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ''
    assert printed.err.count('\n') == 1
    assert 'already exists' in printed.err


def test_the_command_refuses_a_folder_that_is_a_file(tmp_path, capsys):
    (tmp_path / 'file').write_text('mine')
    assert main(['demo', '--no-gui', '-o', str(tmp_path / 'file' / 'demo')]) == 1
    assert capsys.readouterr().err.count('\n') == 1
    assert main(['demo', '--no-gui', '-o', str(tmp_path / 'file')]) == 1
    assert capsys.readouterr().err.count('\n') == 1


# the hints


@pytest.mark.parametrize('seed', [1, 2, 3])
def test_most_hints_are_correct(seed):
    truth = simulate(seed=seed)
    frame = Frame(truth.ccd)
    found = detect(frame)
    segments = with_hints(frame, found, segment(frame, found), truth.dark.data)
    hints = score_hints(truth, segments)
    assert hints.false > 200
    assert hints.false_right >= 0.95 * hints.false
    assert hints.cosmic_rays > 140
    assert hints.cosmic_rays_wrong <= 0.05 * hints.cosmic_rays
    sharp = truth.stars[truth.stars['sharp']]
    labels = segments.labels
    cores = [int(labels[round(y), round(x)]) for x, y in sharp.iterrows('x_0', 'y_0')]
    flagged = [label for label in cores if label]
    assert len(flagged) >= 10
    assert sum(segments.table['hint'][label - 1] == 'star-like' for label in flagged) >= 0.9 * len(flagged)


def test_score_of_the_hints(truth):
    frame = Frame(truth.ccd)
    found = detect(frame)
    segments = with_hints(frame, found, segment(frame, found), truth.dark.data)
    right = score_hints(truth, segments)
    segments.table['hint'] = 'bad column or row'
    all_wrong = score_hints(truth, segments)
    segments.table['hint'] = ''
    none = score_hints(truth, segments)
    assert all_wrong.cosmic_rays_wrong == all_wrong.cosmic_rays == none.cosmic_rays == right.cosmic_rays
    assert all_wrong.false_right < 0.1 * all_wrong.false
    assert (none.false_right, none.cosmic_rays_wrong, none.false) == (0, 0, right.false)
