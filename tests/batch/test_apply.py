"""A recipe applied to many frames: in one process, in several processes, and on a cluster."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from numpy.testing import assert_array_equal, assert_equal

from ginga_crplugin import (
    MaskBit,
    Recipe,
    TailOptions,
    detect,
    load_recipe,
    merge_mask,
    read_dark,
    read_frame,
    save_recipe,
    with_tails,
)
from ginga_crplugin.batch.apply import apply_recipe, find_files
from ginga_crplugin.batch.cluster import collect_outcome, local_client, remote_client
from ginga_crplugin.batch.job import Job, process
from ginga_crplugin.cli.main import main
from ginga_crplugin.core.input_mask import MaskSource
from ginga_crplugin.core.params import FromHeader
from ginga_crplugin.demo.simulation import simulate
from ginga_crplugin.recipe.rule import Rule


@pytest.fixture(scope='module')
def night(tmp_path_factory):
    """A folder with frames of two cameras, a dark, a mosaic, and a file that is not FITS."""
    folder = tmp_path_factory.mktemp('night')
    for number in range(4):
        truth = simulate((128, 128), number)
        truth.ccd.header.update({'INSTRUME': 'red' if number % 2 else 'blue', 'IMAGETYP': 'LIGHT', 'XPIXSZ': 13.5})
        truth.ccd.write(folder / f'f{number}.fits')
    truth.dark.header['IMAGETYP'] = 'DARK'
    truth.dark.write(folder / 'dark.fits')
    hdus = [fits.PrimaryHDU()]
    for chip in (1, 2):
        ccd = simulate((96, 128), 10 + chip).ccd
        hdus.append(fits.ImageHDU(ccd.data, ccd.header, name=f'CHIP{chip}'))
    fits.HDUList(hdus).writeto(folder / 'mosaic.fits')
    (folder / 'broken.fits').write_bytes(b'no frame')
    return folder


@pytest.fixture(scope='module')
def recipe_path(night):
    dark = MaskSource(night / 'dark.fits', None, MaskBit.HOT, 30.0)
    rules = (
        Rule({'INSTRUME': 'red'}, 'red', {'sigclip': 6.0}),
        Rule({'EXTNAME': ('CHIP1', 'CHIP2')}, 'chips', masks=()),
    )
    return save_recipe(Recipe({'sigclip': 5.0, 'gain': FromHeader()}, (dark,), rules=rules), night / 'night.yaml')


@pytest.fixture(scope='module')
def recipe(recipe_path):
    return load_recipe(recipe_path)


@pytest.fixture(scope='module')
def reference(night, recipe, tmp_path_factory):
    """The outputs of a run in this process, by name."""
    folder = tmp_path_factory.mktemp('reference')
    list(apply_recipe(recipe, sorted(night.glob('*[0-9c].fits')), folder))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob('*_crmask.fits'))}


# one frame


def test_recipe_is_applied_to_a_frame(night, recipe, tmp_path):
    job = Job(str(night / 'f1.fits'), 0, str(tmp_path / 'f1_crmask.fits'))
    outcome = process(recipe, job)
    frame = read_frame(night / 'f1.fits').replace(masks=(read_dark(night / 'dark.fits', 30),))
    params, _ = frame.parameters({'sigclip': 6.0})
    found = with_tails(frame, detect(frame, params))
    with fits.open(job.output) as hdus:
        assert_array_equal(hdus['DQ'].data, merge_mask(frame, found))
        header = hdus['MASK'].header
        assert (header['CRRECIPE'], header['CRRULE'], header['LASIGCLP']) == ('night.yaml', 'red', 6.0)
        assert header['CRCHECKS'] == outcome.checks_text
        rows = {row['label']: row for row in hdus['CRSEG'].data}
    assert (outcome.status, outcome.rule, outcome.pixels) == ('done', 'red', len(found.flagged))
    assert (outcome.segments, outcome.excluded_fraction) == (len(rows), found.excluded_fraction)
    assert outcome.rate == pytest.approx(len(rows) / ((128 * 13.5e-4) ** 2 * 10.0))
    sizes = sorted((row['area'] for row in rows.values()), reverse=True)
    assert [size for _, _, _, size, _ in outcome.largest][:6] == sizes[:6]
    for label, x, y, size, hint in outcome.largest:
        row = rows[label]
        assert (x, y, size, hint) == (row['x_centroid'], row['y_centroid'], row['area'], row['hint'].strip())


def file_identity(path):
    """Return the inode and the modification time of a file."""
    status = Path(path).stat()
    return status.st_ino, status.st_mtime_ns


def test_complete_output_is_skipped(night, recipe, tmp_path):
    job = Job(str(night / 'f0.fits'), 0, str(tmp_path / 'out.fits'))
    first = process(recipe, job)
    before = file_identity(job.output)
    again = process(recipe, job)
    assert file_identity(job.output) == before
    assert again.status == 'skipped'
    for name in (
        'rule',
        'object',
        'exposure',
        'pixels',
        'segments',
        'listed',
        'stars',
        'stars_touched',
        'rate',
        'stars_flux',
        'excluded_fraction',
        'checks',
        'largest',
    ):
        assert_equal(getattr(again, name), getattr(first, name), name)


@pytest.mark.parametrize('what', ['cut', 'flipped', 'recipe', 'frame', 'gain'])
def test_incomplete_output_or_one_of_another_recipe_fails_unless_resumed_or_overwritten(night, recipe, tmp_path, what):
    path, output = tmp_path / 'f0.fits', tmp_path / 'out.fits'
    path.write_bytes((night / 'f0.fits').read_bytes())
    job = Job(str(path), 0, str(output))
    process(recipe, job)
    if what == 'cut':
        output.write_bytes(output.read_bytes()[:-2880])
    elif what == 'flipped':
        content = bytearray(output.read_bytes())
        content[len(content) // 2] ^= 1
        output.write_bytes(content)
    elif what == 'recipe':
        recipe = Recipe({'sigclip': 9.0})
    else:
        with fits.open(path, mode='update') as hdus:
            if what == 'frame':
                hdus[0].data[3, 3] += 1.0
            else:
                hdus[0].header['GAIN'] = 1.6
    before = output.read_bytes()
    assert process(recipe, job).status == 'failed'
    assert 'is incomplete or of another recipe' in process(recipe, job).reason
    assert output.read_bytes() == before
    options = {'overwrite': True} if what == 'cut' else {'resume': True}
    assert process(recipe, job, **options).status == 'done'
    assert process(recipe, job).status == 'skipped'


def test_other_default_tails_make_the_frame_be_processed_again(night, recipe, tmp_path, monkeypatch):
    job = Job(str(night / 'f0.fits'), 0, str(tmp_path / 'out.fits'))
    assert process(recipe, job).status == 'done'
    other = TailOptions(sigma=4.0)
    monkeypatch.setattr('ginga_crplugin.batch.job.DEFAULT_TAILS', other, raising=False)  # of a later version
    assert process(replace(recipe, tails=other), job, resume=True).status == 'done'
    assert fits.getheader(job.output, 'DQ')['CRTAILSG'] == 4.0


def test_resume_does_not_overwrite_other_files(night, recipe, tmp_path):
    job = Job(str(night / 'f0.fits'), 0, str(tmp_path / 'out.fits'))
    fits.writeto(job.output, np.zeros((4, 4)))
    before = Path(job.output).read_bytes()
    outcome = process(recipe, job, resume=True)
    assert outcome.status == 'failed'
    assert 'already exists' in outcome.reason
    assert Path(job.output).read_bytes() == before


@pytest.mark.parametrize(
    ('recipe', 'reason'),
    [
        (Recipe(stop=('bad_pixels',)), 'f0.fits is not processed: bad_pixels: '),
        (Recipe(masks=(MaskSource(Path('none.fits')),)), 'none.fits'),
        (Recipe(unit='electron'), 'gain'),
    ],
)
def test_failed_frame_has_a_reason(night, tmp_path, recipe, reason):
    recipe = Recipe({'gain': 2.0}, stop=recipe.stop, masks=recipe.masks, unit=recipe.unit)
    outcome = process(recipe, Job(str(night / 'f0.fits'), 0, str(tmp_path / 'out.fits')))
    assert outcome.status == 'failed'
    assert reason in outcome.reason
    assert not list(tmp_path.iterdir())


def test_unexpected_error_is_the_reason(night, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr('ginga_crplugin.batch.job.run_recipe', lambda prepared: 1 // 0)
    outcome = process(recipe, Job(str(night / 'f0.fits'), 0, str(tmp_path / 'out.fits')))
    assert (outcome.status, outcome.reason.split(':')[0]) == ('failed', 'ZeroDivisionError')


def test_masks_are_grown(night, tmp_path):
    path = str(night / 'f0.fits')
    for grow in (0, 2):
        process(Recipe(grow=grow, kind='mask'), Job(path, 0, str(tmp_path / f'{grow}.fits')))
    plain, grown = (fits.getdata(tmp_path / f'{grow}.fits', 'MASK') for grow in (0, 2))
    from scipy.ndimage import maximum_filter

    assert_array_equal(grown, maximum_filter(plain, 5))
    assert fits.getheader(tmp_path / '2.fits', 'MASK')['CRGROW'] == 2


# many


def test_all_frames_of_all_files(night, recipe, reference, tmp_path):
    outcomes = list(apply_recipe(recipe, sorted(night.glob('*.fits')), tmp_path))
    by_name = {(Path(o.path).name, o.ext): o for o in outcomes}
    assert by_name['broken.fits', 0].status == 'failed'
    assert 'not a FITS file' in by_name['broken.fits', 0].reason
    assert by_name['mosaic.fits', 1].rule == by_name['mosaic.fits', 2].rule == 'chips'
    assert by_name['f0.fits', 0].rule == ''
    assert 'dark.fits: the recipe reads gain from the header, which has none' in by_name['dark.fits', 0].reason
    assert set(contents(tmp_path)) == {
        'f0_crmask.fits',
        'f1_crmask.fits',
        'f2_crmask.fits',
        'f3_crmask.fits',
        'mosaic_ext1_crmask.fits',
        'mosaic_ext2_crmask.fits',
    }
    assert reference.items() <= contents(tmp_path).items()
    for chip in (1, 2):
        assert_array_equal(
            fits.getdata(tmp_path / f'mosaic_ext{chip}_crmask.fits', f'CHIP{chip}'),
            fits.getdata(night / 'mosaic.fits', chip),
        )


def test_outcomes_are_yielded_one_by_one(night, recipe, tmp_path):
    outcomes = apply_recipe(recipe, [night / 'f0.fits', night / 'f1.fits'], tmp_path)
    assert Path(next(outcomes).path).name == 'f0.fits'
    assert list(contents(tmp_path)) == ['f0_crmask.fits']
    assert Path(next(outcomes).path).name == 'f1.fits'


def test_two_frames_of_the_same_name_do_not_share_an_output(night, recipe, tmp_path):
    other = tmp_path / 'other' / 'f0.fits'
    other.parent.mkdir()
    other.write_bytes((night / 'f1.fits').read_bytes())
    outcomes = list(apply_recipe(recipe, [night / 'f0.fits', other], tmp_path))
    assert [o.status for o in outcomes] == ['done', 'failed']
    assert outcomes[1].reason == 'f0_crmask.fits is already the mask of another frame of the same name'


def test_names_in_headers_are_not_paths(night, recipe, tmp_path):
    ccd = CCDData.read(night / 'f0.fits')
    hdus = [fits.PrimaryHDU(), *(fits.ImageHDU(ccd.data, ccd.header, name='../../X') for _ in range(2))]
    fits.HDUList(hdus).writeto(tmp_path / 'in.fits')
    (tmp_path / 'a' / 'b').mkdir(parents=True)
    list(apply_recipe(recipe, [tmp_path / 'in.fits'], tmp_path / 'a' / 'b'))
    assert sorted(p.name for p in tmp_path.rglob('*.fits')) == ['in.fits', 'in_ext1_crmask.fits', 'in_ext2_crmask.fits']


@pytest.mark.parametrize('address', ['file://{}', 'simplecache::file://{}'])
def test_address_is_fetched(night, recipe, reference, tmp_path, address):
    pytest.importorskip('fsspec')
    [outcome] = apply_recipe(recipe, [address.format(night / 'f0.fits')], tmp_path)
    assert outcome.status == 'done', outcome.reason
    assert contents(tmp_path)['f0_crmask.fits'] == reference['f0_crmask.fits']


def test_every_image_at_an_address_is_a_frame(night, recipe, reference, tmp_path):
    pytest.importorskip('fsspec')
    packed = tmp_path / 'packed.fits.fz'
    data, header = fits.getdata(night / 'f0.fits', header=True)
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(data.astype(np.int16), header)]).writeto(packed)
    outcomes = list(apply_recipe(recipe, [f'file://{night / "mosaic.fits"}', f'file://{packed}'], tmp_path))
    assert [(o.status, o.ext, o.frames_in_file, o.reason) for o in outcomes] == [
        ('done', 1, 2, ''),
        ('done', 2, 2, ''),
        ('done', 1, 1, ''),
    ]
    assert (tmp_path / 'packed_crmask.fits').exists()
    for name in ('mosaic_ext1_crmask.fits', 'mosaic_ext2_crmask.fits'):
        assert contents(tmp_path)[name] == reference[name]


def test_errors_of_an_address_name_the_address(recipe, tmp_path):
    pytest.importorskip('fsspec')
    (tmp_path / 'text.fits').write_text('no FITS')
    fits.PrimaryHDU(np.zeros((60, 60))).writeto(tmp_path / 'short.fits')
    (tmp_path / 'short.fits').write_bytes((tmp_path / 'short.fits').read_bytes()[:9000])
    addresses = [f'file://{tmp_path / name}' for name in ('text.fits', 'short.fits')] + ['nowhere://f.fits']
    outcomes = list(apply_recipe(recipe, addresses, tmp_path))
    assert [o.status for o in outcomes] == ['failed'] * 3
    assert [o.path for o in outcomes] == addresses
    for outcome in outcomes[:2]:
        assert outcome.reason.startswith(outcome.path), outcome.reason
    assert 'nowhere' in outcomes[2].reason


def test_files_are_found_by_pattern_folder_and_header(night, monkeypatch):
    monkeypatch.chdir(night)
    assert find_files(['f?.fits', 'f1.fits', 'mosaic.fits[1]']) == [
        'f0.fits',
        'f1.fits',
        'f2.fits',
        'f3.fits',
        'mosaic.fits[1]',
    ]
    assert find_files([str(night)]) == sorted(map(str, night.glob('*.fits')))
    assert find_files(['f*.fits', 'dark.fits'], {'imagetyp': 'DARK'}) == ['dark.fits']
    assert find_files(['*.fits'], {'imagetyp': 'LIGHT', 'instrume': 'red'}) == ['f1.fits', 'f3.fits']
    assert find_files(['f*.fits'], {'xpixsz': 13.5}) == [f'f{n}.fits' for n in range(4)]
    with pytest.raises(FileNotFoundError, match='no such file'):
        find_files(['g*.fits'])


def test_names_with_brackets_are_taken_literally_if_they_exist(night, recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ('night[1]', 'night1', 'night2'):
        (tmp_path / folder).mkdir()
        shutil.copy(night / 'f0.fits', tmp_path / folder / 'a[1].fits')
    expected = [str(Path('night[1]', 'a[1].fits'))]
    assert find_files(['night[1]/*.fits']) == expected
    assert find_files(['night[1]']) == expected
    assert find_files(['night[1]/a[1].fits']) == expected
    assert find_files(['night[1]/a[1].fits[0]']) == ['night[1]/a[1].fits[0]']
    assert find_files(['night[1]/*.fits'], {'imagetyp': 'LIGHT'}) == expected
    assert find_files(['night[2]/*.fits']) == [str(Path('night2', 'a[1].fits'))]
    [outcome] = apply_recipe(recipe, expected, tmp_path)
    assert outcome.status == 'done', outcome.reason
    assert (tmp_path / 'a[1]_crmask.fits').is_file()


def test_links_keep_their_names(night, recipe, tmp_path):
    links = [tmp_path / name for name in ('a.fits', 'b.fits')]
    for link in links:
        link.symlink_to(night / 'f0.fits')
    outcomes = list(apply_recipe(recipe, find_files([str(tmp_path)]), tmp_path))
    assert [(o.status, o.path) for o in outcomes] == [('done', str(link)) for link in links]
    assert {path.name for path in tmp_path.glob('*_crmask.fits')} == {'a_crmask.fits', 'b_crmask.fits'}


def test_folder_without_frames(tmp_path):
    with pytest.raises(FileNotFoundError, match='this folder is empty'):
        find_files([str(tmp_path)])
    (tmp_path / 'notes.txt').write_text('clouds')
    with pytest.raises(FileNotFoundError, match='no FITS file in this folder'):
        find_files([str(tmp_path)])


def test_outputs_are_not_frames(night, recipe, tmp_path):
    list(apply_recipe(recipe, [night / 'f0.fits'], tmp_path))
    with pytest.raises(FileNotFoundError, match='no FITS file in this folder'):
        find_files([str(tmp_path)])
    assert find_files([str(tmp_path / 'f0_crmask.fits')])


# the command


def apply(*args):
    return main(['apply', *map(str, args)])


def test_command(night, recipe_path, reference, tmp_path, capsys):
    out = tmp_path / 'out'
    assert apply(recipe_path, night / 'f*.fits', '-o', out, '-j', 1) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith('done ') for line in lines) == 4
    assert any('f1.fits [0]' in line and 'rule red' in line for line in lines)
    assert '4 frames: 4 done, 0 skipped, 0 failed' in lines
    assert lines[-1].startswith('errors in checks: ')
    assert {name: reference[name] for name in contents(out)} == contents(out)


def test_quiet_command_prints_failed_frames_only(night, recipe_path, tmp_path, capsys):
    assert apply(recipe_path, night / 'f0.fits', '-o', tmp_path / 'a', '-j', 1, '--quiet') == 0
    assert capsys.readouterr() == ('', '')
    assert (tmp_path / 'a' / 'report.html').is_file()
    assert apply(recipe_path, night / 'f0.fits', night / 'broken.fits', '-o', tmp_path / 'b', '-j', 1, '-q') == 1
    printed = capsys.readouterr()
    assert printed.out == ''
    [line] = printed.err.splitlines()
    assert line.startswith(f'ginga-crplugin: {night / "broken.fits"}: ')


def test_verbose_command_prints_outputs_and_times(night, recipe_path, tmp_path, capsys):
    out = tmp_path / 'out'
    assert apply(recipe_path, night / 'f0.fits', '-o', out, '-j', 1, '--verbose') == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('done     ')
    assert lines[1].startswith(f'         {out / "f0_crmask.fits"}, ')
    assert lines[1].endswith(' s')


def test_repair_from_another_exposure_is_refused_at_the_start(night, tmp_path, capsys):
    out, path = tmp_path / 'out', save_recipe(Recipe(cleaned=True, repair='exposure'), tmp_path / 'exposure.yaml')
    assert apply(path, night / 'f0.fits', '-o', out, '-j', 1) == 1
    assert main(['sheet', str(night / 'f0.fits'), '--recipe', str(path), '-o', str(tmp_path / 'sheet.png')]) == 1
    captured = capsys.readouterr()
    assert captured.out == ''
    assert captured.err.count("repair is 'exposure', which needs another exposure") == 2
    assert not out.exists()


def test_command_resumes(night, recipe_path, tmp_path, capsys):
    out = tmp_path / 'out'
    frames = [night / 'f0.fits', night / 'broken.fits', night / 'f1.fits']
    assert apply(recipe_path, *frames, '-o', out, '-j', 1) == 1
    captured = capsys.readouterr()
    assert captured.out.count('broken.fits') == 1
    assert any(line.startswith('failed ') and 'broken.fits' in line for line in captured.out.splitlines())
    assert 'Traceback' not in captured.err
    assert apply(recipe_path, *frames, '-o', out, '-j', 1) == 1
    assert 'already has results; use --resume to continue' in capsys.readouterr().err
    (out / 'f1_crmask.fits').unlink()
    assert apply(recipe_path, *frames, '-o', out, '-j', 1, '--resume', '--json') == 1
    *rows, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert {Path(row['path']).name: row['status'] for row in rows} == {
        'f0.fits': 'skipped',
        'broken.fits': 'failed',
        'f1.fits': 'done',
    }
    assert (last['frames'], last['failed']) == (3, 1)
    named = [item.rsplit(' ', 1) for row in rows for item in row['checks'].split(', ') if item]
    for key, mark in (('errors', 'error'), ('warnings', 'warning')):
        assert last[key] == Counter(name for name, found in named if found == mark)


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (['none.yaml', 'f0.fits'], 'none.yaml: No such file'),
        (['f0.fits', 'f0.fits'], 'f0.fits'),
        (['night.yaml', 'none.fits'], 'none.fits: no such file'),
        (['night.yaml', 'f0.fits', '--scheduler', 'tcp://127.0.0.1:1'], 'no scheduler answers at tcp://127.0.0.1:1'),
    ],
)
def test_command_fails_with_one_line(night, recipe_path, tmp_path, monkeypatch, capsys, args, message):
    monkeypatch.chdir(night)
    monkeypatch.setattr('ginga_crplugin.batch.cluster.CONNECT_TIMEOUT', 1)
    assert apply(*args, '-o', tmp_path / 'out') == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.count('\n') == 1


def test_missing_package_is_named(night, recipe_path, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr('ginga_crplugin.cli.apply.find_spec', lambda name: None if name == 'distributed' else True)
    assert apply(recipe_path, night / 'f0.fits', '-o', tmp_path / 'out') == 1
    assert "apply needs distributed: pip install 'ginga-crplugin[batch]'" in capsys.readouterr().err


def start(*args, folder):
    command = [sys.executable, '-m', 'ginga_crplugin', 'apply', *map(str, args)]
    interruptible = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # nohup would ignore it
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        preexec_fn=interruptible,
        start_new_session=True,
    )


@pytest.mark.parametrize('jobs', [1, 2])
@pytest.mark.slow  # starts and interrupts the command
def test_interrupted_run_leaves_complete_files_and_is_resumed(night, recipe_path, reference, tmp_path, jobs, capsys):
    out = tmp_path / 'out'
    frames = sorted(night.glob('f?.fits'))
    process = start(recipe_path, *frames, '-o', out, '-j', jobs, folder=tmp_path)
    process.stdout.readline()  # the first is done
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in a terminal
    _, err = process.communicate(timeout=60)
    assert err == 'ginga-crplugin: interrupted\n'
    assert process.returncode in (130, -signal.SIGINT)  # a shell reports both as 130
    assert {path.name for path in out.iterdir()} <= {*reference, 'recipe.yaml'}
    assert contents(out).items() <= reference.items()
    assert apply(recipe_path, *frames, '-o', out, '-j', 1, '--resume') == 0
    assert contents(out) == {name: reference[name] for name in reference if name.startswith('f')}


# several processes, and a cluster


@pytest.mark.slow  # starts Dask workers
def test_several_processes_write_the_same_files(night, recipe, reference, tmp_path):
    with local_client(2) as client:
        outcomes = list(apply_recipe(recipe, sorted(night.glob('*[0-9c].fits')), tmp_path, client=client))
    assert {outcome.status for outcome in outcomes} == {'done'}
    assert contents(tmp_path) == reference


@pytest.fixture
def cluster(tmp_path):
    from tests.batch.cluster import Cluster

    folder = tmp_path / 'cluster'
    folder.mkdir()
    cluster = Cluster(folder)
    yield cluster
    cluster.close()


@pytest.fixture(scope='module')
def long_night(night, tmp_path_factory):
    """More frames than can be processed at once."""
    folder = tmp_path_factory.mktemp('long')
    for number in range(24):
        (folder / f'g{number:02}.fits').write_bytes((night / f'f{number % 4}.fits').read_bytes())
    return folder


@pytest.mark.slow  # starts a Dask cluster
def test_cluster_writes_the_same_files_although_a_worker_dies(cluster, long_night, recipe, reference, tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    outcomes = []
    with remote_client(cluster.address) as client:
        client.wait_for_workers(2, timeout=60)
        for outcome in apply_recipe(recipe, sorted(long_night.iterdir()), out, client=client):
            outcomes.append(outcome)
            if len(outcomes) == 4:
                cluster.kill(cluster.workers[0])
    assert sorted(Path(outcome.path).name for outcome in outcomes) == sorted(p.name for p in long_night.iterdir())
    assert {outcome.status for outcome in outcomes} <= {
        'done',
        'skipped',
    }  # skipped: it was complete when its worker died
    assert contents(out) == {f'g{n:02}_crmask.fits': reference[f'f{n % 4}_crmask.fits'] for n in range(24)}


def test_lost_scheduler_while_a_result_is_fetched():
    class Future:
        status = 'finished'

        def result(self):
            raise ConnectionResetError(104, 'Connection reset by peer')

    with pytest.raises(OSError, match='lost the Dask scheduler'):
        collect_outcome(Future(), None)


@pytest.mark.slow  # starts a Dask cluster
def test_lost_scheduler_is_reported_and_the_run_is_resumed(
    cluster, long_night, recipe_path, reference, tmp_path, capsys
):
    out = tmp_path / 'out'
    frames = sorted(long_night.iterdir())
    process = start(recipe_path, *frames, '-o', out, '--scheduler', cluster.address, folder=tmp_path)
    for _ in range(3):
        process.stdout.readline()
    cluster.kill(cluster.scheduler)
    start_time = time.monotonic()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert err.strip().splitlines()[-1] == (
        'ginga-crplugin: lost the Dask scheduler; finished outputs are complete, continue with --resume'
    )
    assert 'Traceback' not in err
    assert time.monotonic() - start_time < 60.0
    assert len(contents(out)) < 24
    cluster.close()
    assert apply(recipe_path, *frames, '-o', out, '-j', 1, '--resume') == 0
    assert contents(out) == {f'g{n:02}_crmask.fits': reference[f'f{n % 4}_crmask.fits'] for n in range(24)}
    assert np.all([not path.name.startswith('.') for path in out.iterdir()])
