"""The command line: output, files and exit codes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin import LACosmicParams, MaskBit, __version__, detect, load_recipe, read_frame, read_mask, repair
from ginga_crplugin.cli.arguments import file_and_extension, given_params
from ginga_crplugin.cli.main import main
from ginga_crplugin.cli.parser import build_parser
from ginga_crplugin.core.diagnostics.check import CHECKS

COMMAND = [sys.executable, '-c', 'import sys; from ginga_crplugin.cli.main import main; sys.exit(main())']
KEYS = {
    'stars',
    'stars_touched',
    'stars_flux',
    'touched_stars',
    'protected',
    'protected_pixels_kept',
    'tails',
    'tail_pixels',
    'mask_pixels',
    'edge_fraction',
    'frame',
    'pixels',
    'segments',
    'segments_listed',
    'per_iteration',
    'excluded_fraction',
    'output',
    'parameters',
    'sources',
    'masks',
    'nonfinite',
    'pixels_by_mission',
    'segments_by_origin',
    'notes',
    'engine',
    'checks',
    'errors',
    'warnings',
}


def command(*args, **options):
    return subprocess.run(
        [*COMMAND, *map(str, args)], capture_output=True, text=True, timeout=120, check=False, **options
    )


def without_display():
    """Return the environment without a display."""
    return {k: v for k, v in os.environ.items() if k not in ('DISPLAY', 'WAYLAND_DISPLAY', 'QT_QPA_PLATFORM')}


def pixels():
    """64 x 64 pixels of sky with one short track, and one bright pixel."""
    image = np.random.default_rng(5).normal(200.0, 15.0, (64, 64)).astype(np.float32)
    image[[30, 31, 32], [20, 21, 22]] = 3000.0
    image[50, 50] = 5000.0
    return image


@pytest.fixture
def frame(tmp_path):
    path = tmp_path / 'frame.fits'
    header = fits.Header({'BUNIT': 'adu', 'GAIN': 1.5, 'RDNOISE': 10.0})
    fits.PrimaryHDU(pixels(), header).writeto(path)
    return path


@pytest.fixture
def mask(tmp_path):
    path = tmp_path / 'mask.fits'
    image = np.zeros((64, 64), dtype=np.uint8)
    image[50, 50] = 1
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(image, name='BPM')]).writeto(path)
    return path


def result(capsys, *args):
    """Run ``detect --json`` in this process."""
    assert main(['detect', *map(str, args), '--json']) == 0
    printed = capsys.readouterr()
    assert printed.err == ''
    return json.loads(printed.out)


def saved_bits(path):
    with fits.open(path) as hdus:
        return np.array(hdus['CRDQ' if 'CRDQ' in hdus else 'DQ'].data)


# detect


def test_tails_are_switched_off_and_their_numbers_set(data, tmp_path, capsys):
    frame = data / 'decam_c4d_170316_ooi_z_N2.fits'
    counts = []
    for options in (['--no-tails'], ['--tail-sigma', 5], ['--tail-steps', 1], ['--tail-sigma', 2.5]):
        found = result(capsys, frame, '-o', tmp_path / 'out.fits', '--overwrite', *options)
        assert found['pixels'] == 31
        counts.append(found['tail_pixels'])
    assert counts[0] == 0
    assert counts[1] < counts[2] <= counts[3]
    header = fits.getheader(tmp_path / 'out.fits', 'MASK')
    assert (header['CRTAILSG'], header['CRTAILST'], header['CRNTAIL']) == (2.5, 8, counts[3])
    ended = command('detect', frame, '-o', tmp_path / 'no.fits', '--tail-steps', 0)
    assert (ended.returncode, 'tail steps is 0' in ended.stderr) == (1, True)


def test_json_of_the_electron_frame(data, tmp_path):
    out = tmp_path / 'out.fits'
    ended = command('detect', data / 'saao_sci_err_dq_electron.fits', '-o', out, '--json')
    assert (ended.returncode, ended.stderr) == (0, '')
    found = json.loads(ended.stdout)
    assert set(found) == KEYS
    assert (found['pixels'], found['segments'], found['segments_listed']) == (79, 24, 14)
    assert found['per_iteration'] == [73, 6, 0]
    assert found['output'] == str(out)
    assert found['parameters']['gain'] == 1.0
    assert found['sources']['readnoise'] == 'RDNOISE in the header'
    assert found['masks'] == [{'name': 'DQ in this file', 'cause': 'other', 'pixels': 0}]
    assert np.count_nonzero(saved_bits(out) & MaskBit.CR_DETECTED) == 79
    assert np.count_nonzero(saved_bits(out) & MaskBit.CR_TAIL) == found['tail_pixels']
    assert np.count_nonzero(saved_bits(out)) == found['mask_pixels'] == 79 + found['tail_pixels']
    assert found['tails'] == {'enabled': True, 'sigma': 3.5, 'steps': 8, 'reason': ''}
    assert found['edge_fraction'] == pytest.approx(1 - 506**2 / 512**2)


def test_sigclip_7_of_the_electron_frame(data, tmp_path, capsys):
    found = result(capsys, data / 'saao_sci_err_dq_electron.fits', '-o', tmp_path / 'out.fits', '--sigclip', 7)
    assert (found['pixels'], found['segments']) == (56, 18)
    assert (found['parameters']['sigclip'], found['sources']['sigclip']) == (7.0, 'user')


def test_result_as_text(data, tmp_path):
    out = tmp_path / 'out.fits'
    ended = command('detect', data / 'saao_sci_err_dq_electron.fits', '-o', out, '--min-size', 4)
    assert (ended.returncode, ended.stderr) == (0, '')
    lines = ended.stdout.splitlines()
    assert lines[0] == 'saao_sci_err_dq_electron.fits [1]   512 x 512   electron'
    assert lines[2].split() == ['DQ', 'in', 'this', 'file', 'other', '0', 'px']
    listed = np.count_nonzero(fits.getdata(out, 'CRSEG')['area'] >= 4)
    tails = np.count_nonzero(saved_bits(out) & MaskBit.CR_TAIL)
    found = f'79 px by L.A.Cosmic (exact), {tails} px in tails'
    assert lines[-5] == f'{found}, in 24 segments ({listed} of 4 px or more)'
    assert lines[-4] == 'new pixels per iteration: 73, 6, 0; 2.3 % of the frame excluded (edges 2.3 %)'
    assert lines[-3].startswith('stars touched: ')
    assert lines[-1] == f'written: {out}'
    readnoise = next(line for line in lines if line.split()[0] == 'readnoise')
    assert readnoise.split() == ['readnoise', '5', 'electron', 'RDNOISE', 'in', 'the', 'header']


def test_gmos_with_its_sky_from_another_extension(gmos_path, tmp_path, capsys):
    both = ('--gain', 1.933, '--readnoise', 4.24)
    args = (gmos_path, *both, '--background', f'{gmos_path}[SKYFIT]', '-o')
    found = result(capsys, *args, tmp_path / 'a.fits')
    params = LACosmicParams(gain=1.933, readnoise=4.24)
    frame = read_frame(gmos_path).replace(background=fits.getdata(gmos_path, 'SKYFIT').astype(np.float32))
    assert found['pixels'] == detect(frame, params).pixels
    assert found['notes'] == ['BUNIT is missing: assuming adu']


def test_default_output_is_beside_the_frame(frame, capsys):
    found = result(capsys, frame)
    output = frame.with_name('frame_crmask.fits')
    assert found['output'] == str(output)
    assert_array_equal((saved_bits(output) & MaskBit.CR_DETECTED) != 0, detect(read_frame(frame)).crmask)
    assert_array_equal(fits.getdata(output), pixels())


@pytest.mark.parametrize(
    ('suffix', 'bit', 'cause'),
    [
        ('', MaskBit.INPUT, 'other'),
        (':hot', MaskBit.HOT, 'hot'),
        (':bad', MaskBit.BAD, 'bad'),
        ('[BPM]:bad', MaskBit.BAD, 'bad'),
        ('[1]', MaskBit.INPUT, 'other'),
        ('[bpm,1]:hot', MaskBit.HOT, 'hot'),
    ],
)
def test_mask_with_a_cause(frame, mask, capsys, suffix, bit, cause):
    found = result(capsys, frame, '--mask', f'{mask}{suffix}')
    assert found['masks'] == [{'name': 'mask.fits', 'cause': cause, 'pixels': 1}]
    bits = saved_bits(found['output'])
    assert bits[50, 50] == bit
    detection = detect(read_frame(frame).replace(masks=(read_mask(mask, bit),)))
    assert_array_equal((bits & MaskBit.CR_DETECTED) != 0, detection.crmask)


def test_several_masks_and_a_dark(frame, mask, tmp_path, capsys):
    dark = np.zeros((64, 64), dtype=np.float32)
    dark[10, 11:13] = 31.0
    fits.writeto(tmp_path / 'dark.fits', dark)
    found = result(
        capsys, frame, '--mask', f'{mask}:bad', '--mask', mask, '--dark', tmp_path / 'dark.fits', '--dark-limit', 30
    )
    assert [(m['name'], m['cause'], m['pixels']) for m in found['masks']] == [
        ('mask.fits', 'bad', 1),
        ('mask.fits', 'other', 1),
        ('dark.fits > 30', 'hot', 2),
    ]
    bits = saved_bits(found['output'])
    assert bits[50, 50] == MaskBit.BAD | MaskBit.INPUT
    assert list(bits[10, 10:14]) == [0, MaskBit.HOT, MaskBit.HOT, 0]


def test_names_with_colons_and_brackets(frame, mask, tmp_path, capsys):
    odd = tmp_path / 'run:hot'
    shutil.copy(mask, odd)
    assert result(capsys, frame, '--mask', odd)['masks'][0]['cause'] == 'other'
    assert result(capsys, frame, '--mask', f'{odd}:bad', '--overwrite')['masks'][0]['cause'] == 'bad'
    bracketed = tmp_path / 'frame[1]'
    shutil.copy(frame, bracketed)
    assert file_and_extension(str(bracketed)) == (bracketed, None)
    assert result(capsys, bracketed)['frame'] == 'frame[1] [0]'


def test_own_masks_can_be_ignored(tmp_path, capsys):
    path = tmp_path / 'own.fits'
    own = np.zeros((64, 64), dtype=np.uint8)
    own[50, 50] = 1
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(pixels(), name='SCI'), fits.ImageHDU(own, name='MASK')]
    fits.HDUList(hdus).writeto(path)
    common = (path, '--unit', 'adu', '--gain', 1.5, '--readnoise', 10)
    with_own = result(capsys, *common)
    without = result(capsys, *common, '--no-own-masks', '--overwrite')
    assert (with_own['masks'][0]['pixels'], without['masks']) == (1, [])
    assert saved_bits(without['output'])[50, 50] == MaskBit.CR_DETECTED


@pytest.fixture
def with_dq(tmp_path):
    """A frame with a DQ plane: a flagged cosmic ray at (50, 50), and a bad pixel."""
    path, plane = tmp_path / 'dq.fits', np.zeros((64, 64), dtype=np.int16)
    plane[50, 50], plane[5, 5] = 4, 1
    primary = fits.PrimaryHDU()
    hdus = [primary, fits.ImageHDU(pixels(), name='SCI'), fits.ImageHDU(plane, name='DQ')]
    fits.HDUList(hdus).writeto(path)
    return path


def test_bits_of_an_unknown_dq_are_chosen(with_dq, capsys):
    common = (with_dq, '--unit', 'adu', '--gain', 1.5, '--readnoise', 10, '--overwrite')
    every = result(capsys, *common)
    assert 'flags' in every['warnings']
    assert [mask['pixels'] for mask in every['masks']] == [2]
    chosen = result(capsys, *common, '--dq-bits', '1', '--save-recipe', with_dq.with_name('r.yaml'))
    assert 'flags' not in chosen['warnings']
    assert [mask['pixels'] for mask in chosen['masks']] == [1]
    again = result(capsys, *common, '--recipe', with_dq.with_name('r.yaml'))
    assert again['masks'] == chosen['masks']


def test_bits_do_not_apply_to_a_saved_mask(with_dq, capsys):
    common = (with_dq, '--unit', 'adu', '--gain', 1.5, '--readnoise', 10, '--into')
    result(capsys, *common)
    again = result(capsys, *common, '--overwrite', '--dq-bits', '1')
    assert [mask['pixels'] for mask in again['masks']] == [2]
    assert any('--dq-bits is ignored' in note for note in again['notes'])
    none = result(capsys, *common, '--overwrite', '--dq-bits', '1', '--no-own-masks')
    assert not any('--dq-bits' in note for note in none['notes'])


def test_rays_of_the_mission_are_counted_and_saved_in_its_bits(with_dq, capsys):
    with fits.open(with_dq, mode='update') as hdus:
        hdus[0].header['TELESCOP'] = 'JWST'
        hdus['DQ'].data[20, 20] = 4
    common = ('--unit', 'adu', '--gain', 1.5, '--readnoise', 10, '--overwrite', '--dq', 'jwst')
    found = result(capsys, with_dq, *common)
    assert found['pixels_by_mission'] == 2
    assert (found['segments_by_origin']['mission'], found['segments_by_origin']['both']) == (1, 1)
    with fits.open(found['output']) as hdus, fits.open(with_dq) as original:
        before, after = original['DQ'].data, hdus['DQ'].data
        assert_array_equal(after & before, before)
        assert after[50, 50] == 5
        assert hdus['CRDQ'].data[20, 20] == MaskBit.CR_MISSION
    assert main(['detect', str(with_dq), *map(str, common)]) == 0
    lines = capsys.readouterr().out
    assert 'mission: 1, both: 1' in lines


@pytest.mark.parametrize('how', [('--ext', 'SCI,2'), ('--ext', '2')])
def test_extension_is_read(tmp_path, capsys, how):
    path = tmp_path / 'two.fits'
    images = [fits.ImageHDU(np.full((64, 64), 100.0, dtype=np.float32), name='SCI', ver=1)]
    images += [fits.ImageHDU(pixels(), name='SCI', ver=2)]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(path)
    found = result(capsys, path, *how)
    assert found['frame'] == 'two.fits [2]'
    assert result(capsys, f'{path}[SCI,2]', '--overwrite') == found


def test_mask_is_added_to_the_file_of_the_frame(frame, capsys):
    found = result(capsys, frame, '--into')
    assert found['output'] == str(frame)
    with fits.open(frame) as hdus:
        assert [hdu.name for hdu in hdus] == ['PRIMARY', 'MASK', 'DQ', 'CRSEG']
        assert_array_equal(hdus[0].data, pixels())


def test_mask_alone_and_cleaned_image(frame, tmp_path, capsys):
    result(capsys, frame, '--mask-only', '--cleaned', '-o', tmp_path / 'alone.fits')
    with fits.open(tmp_path / 'alone.fits') as hdus:
        assert [hdu.name for hdu in hdus] == ['PRIMARY', 'MASK', 'DQ', 'CRSEG', 'CLEANED']
        assert_array_equal(hdus['CLEANED'].data, detect(read_frame(frame)).cleaned)


def test_the_repair_is_chosen_and_saved_in_the_recipe(frame, tmp_path, capsys):
    recipe = tmp_path / 'recipe.yaml'
    result(capsys, frame, '--cleaned', '--repair', 'y', '--save-recipe', recipe)
    cleaned = fits.getdata(frame.with_name('frame_crmask.fits'), 'CLEANED')
    read = read_frame(frame)
    assert_array_equal(cleaned, repair(read, detect(read), method='y').cleaned)
    assert load_recipe(recipe).repair == 'y'
    result(capsys, frame, '--recipe', recipe, '-o', tmp_path / 'again.fits')
    assert_array_equal(fits.getdata(tmp_path / 'again.fits', 'CLEANED'), cleaned)


def test_the_repair_from_another_exposure(frame, tmp_path, capsys):
    other = tmp_path / 'other.fits'
    fits.writeto(other, pixels() + 50.0)
    options = '--cleaned', '--repair', 'exposure'
    result(capsys, frame, *options, '--exposure', other)
    cleaned = fits.getdata(frame.with_name('frame_crmask.fits'), 'CLEANED')
    read = read_frame(frame)
    expected = repair(read, detect(read), method='exposure', exposure=pixels() + 50.0)
    assert_array_equal(cleaned, expected.cleaned)
    with pytest.raises(SystemExit):
        main(['detect', str(frame), *options, '--overwrite'])
    assert 'needs --exposure FILE' in capsys.readouterr().err


def test_infinity_is_a_string_in_json(frame, capsys):
    assert result(capsys, frame, '--satlevel', 'inf')['parameters']['satlevel'] == 'inf'


def test_nonfinite_pixels_are_counted(frame, capsys):
    with fits.open(frame, mode='update') as hdus:
        hdus[0].data[3, 4:6] = np.nan
    assert result(capsys, frame)['nonfinite'] == 2
    assert main(['detect', str(frame), '--overwrite']) == 0
    assert 'not finite' in capsys.readouterr().out


# checks


def test_checks_are_reported_as_json(frame, capsys):
    found = result(capsys, frame, '--readnoise', 40)
    names = [item['name'] for item in found['checks']]
    assert names[-3:] == ['share', 'stars', 'rate']
    assert [item['stage'] for item in found['checks']] == ['before'] * (len(names) - 3) + ['after'] * 3
    for key, mark in (('errors', 'error'), ('warnings', 'warning')):
        assert found[key] == [item['name'] for item in found['checks'] if item['mark'] == mark]
    assert 'noise' in found['errors']


def test_checks_are_reported_as_text(frame, capsys):
    assert main(['detect', str(frame), '--readnoise', '40']) == 0
    lines = capsys.readouterr().out.splitlines()
    [before] = [line for line in lines if line.startswith('checks before the run: ')]
    [after] = [line for line in lines if line.startswith('checks after the run: ')]
    assert 'error in ' in before
    assert 'noise' in before
    assert after == 'checks after the run: ok'


@pytest.mark.parametrize(
    ('args', 'name'), [(['--readnoise', '40'], 'noise'), (['--sigclip', '0.1', '--objlim', '0.01'], 'share')]
)
def test_strict_writes_nothing_after_an_error_in_a_check(frame, capsys, args, name):
    assert main(['detect', str(frame), *args, '--strict', '--save-recipe', str(frame.with_name('a.yaml'))]) == 3
    printed = capsys.readouterr()
    assert printed.out == ''
    assert printed.err.startswith('ginga-crplugin: frame.fits: ')
    assert f' {name}: ' in printed.err
    assert printed.err.endswith('; nothing was written (--strict)\n')
    assert printed.err.count('\n') == 1
    assert [path.name for path in frame.parent.iterdir()] == ['frame.fits']


@pytest.fixture
def mosaic(tmp_path):
    """A frame whose even pixels of even rows are fainter, without a card that says so."""
    levels = np.full((128, 128), 400.0)
    levels[::2, ::2] = 250.0
    path = tmp_path / 'mosaic.fits'
    write(path, np.random.default_rng(5).poisson(levels).astype(np.float32), RDNOISE=1.0)
    return path


def test_color_mosaic_is_refused(mosaic, capsys):
    assert main(['detect', str(mosaic)]) == main(['sheet', str(mosaic), '-o', str(mosaic.with_name('a.pdf'))]) == 1
    printed = capsys.readouterr()
    assert printed.out == ''
    assert printed.err.count('\n') == 2
    assert printed.err.startswith('ginga-crplugin: mosaic.fits is a color mosaic (levels 250')
    assert '--allow-mosaic' in printed.err
    assert [path.name for path in mosaic.parent.iterdir()] == ['mosaic.fits']


def test_color_mosaic_on_request(mosaic, capsys):
    recipe = mosaic.with_name('recipe.yaml')
    found = result(capsys, mosaic, '--allow-mosaic', '--save-recipe', recipe)
    assert found['errors'][0] == found['checks'][0]['name'] == 'kind'
    assert found['checks'][0]['stage'] == 'before'
    again = result(capsys, mosaic, '--recipe', recipe, '--overwrite')
    assert again['pixels'] == found['pixels']
    assert main(['detect', str(mosaic), '--allow-mosaic', '--overwrite']) == 0
    assert 'checks before the run: error in kind' in capsys.readouterr().out.splitlines()
    assert main(['detect', str(mosaic), '--allow-mosaic', '--overwrite', '--strict']) == 3
    assert 'kind: color mosaic' in capsys.readouterr().err


def test_check_of_a_color_mosaic(mosaic, capsys):
    assert main(['check', str(mosaic)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('error    kind        color mosaic (levels ')
    assert {line.split()[0] for line in lines[1:]} == {'ok'}


def test_strict_without_an_error_writes_the_mask(data, tmp_path, capsys):
    found = result(capsys, data / 'saao_sci_err_dq_electron.fits', '-o', tmp_path / 'out.fits', '--strict')
    assert found['errors'] == []
    assert Path(found['output']).is_file()


# frames at addresses


@pytest.mark.parametrize('ext', ['', '[0]'])
def test_frame_at_an_address(frame, tmp_path, capsys, monkeypatch, ext):
    pytest.importorskip('fsspec')
    local = result(capsys, frame, '-o', tmp_path / 'local.fits')
    folder = tmp_path / 'elsewhere'
    folder.mkdir()
    monkeypatch.chdir(folder)
    found = result(capsys, f'file://{frame}{ext}')
    assert found == local | {'output': 'frame_crmask.fits'}
    assert (folder / 'frame_crmask.fits').read_bytes() == (tmp_path / 'local.fits').read_bytes()
    assert_refused(['detect', f'file://{frame}'], tmp_path, 'frame_crmask.fits already exists', capsys)
    assert result(capsys, f'file://{frame}', '-o', 'other.fits')['output'] == 'other.fits'
    assert {path.name for path in folder.iterdir()} == {'frame_crmask.fits', 'other.fits'}


def test_check_and_sheet_of_a_frame_at_an_address(frame, tmp_path, capsys):
    pytest.importorskip('fsspec')
    pytest.importorskip('matplotlib')
    assert checked(capsys, f'file://{frame}') == checked(capsys, frame)
    assert main(['sheet', f'file://{frame}', '-o', str(tmp_path / 'sheet.png')]) == 0
    assert (tmp_path / 'sheet.png').is_file()


@pytest.mark.parametrize(
    ('address', 'message'),
    [
        ('file:///none/f.fits', 'file:///none/f.fits cannot be downloaded: '),
        ('nowhere://f.fits', 'nowhere://f.fits cannot be downloaded: Protocol not known: nowhere'),
    ],
)
def test_address_that_cannot_be_read(address, message, tmp_path, capsys):
    pytest.importorskip('fsspec')
    assert_refused(['detect', address], tmp_path, message, capsys)


def test_errors_of_an_address_name_the_address(frame, tmp_path, capsys):
    pytest.importorskip('fsspec')
    frame.write_text('no FITS')
    assert_refused(['detect', f'file://{frame}'], tmp_path, f'file://{frame}: ', capsys)


def test_mask_is_not_added_to_a_file_at_an_address(frame, capsys):
    with pytest.raises(SystemExit) as ended:
        main(['detect', f'file://{frame}', '--into'])
    assert ended.value.code == 2
    assert '--into needs a local file' in capsys.readouterr().err


# how much is printed


def test_quiet_prints_errors_only(frame, capsys, monkeypatch):
    import warnings

    def warn(*args, **options):
        warnings.warn('a warning', UserWarning, stacklevel=2)
        return read_frame(*args, **options)

    monkeypatch.setattr('ginga_crplugin.io.read.read_frame', warn)
    assert main(['detect', str(frame), '--quiet']) == 0
    assert capsys.readouterr() == ('', '')
    assert frame.with_name('frame_crmask.fits').is_file()
    assert main(['detect', str(frame), '-q']) == 1
    printed = capsys.readouterr()
    assert printed.out == ''
    assert 'already exists' in printed.err


def test_verbose_prints_the_checks(frame, capsys):
    assert main(['detect', str(frame), '-o', str(frame.with_name('a.fits'))]) == 0
    usual = capsys.readouterr().out.splitlines()
    assert main(['detect', str(frame), '-o', str(frame.with_name('a.fits')), '--overwrite', '--verbose']) == 0
    lines = capsys.readouterr().out.splitlines()
    added = [line for line in lines if line not in usual]
    assert [line.split()[1] for line in added][-3:] == ['share', 'stars', 'rate']
    assert len(added) == 15
    assert main(['check', str(frame)]) == 0
    assert capsys.readouterr().out.splitlines() == [line.removeprefix('  ') for line in added[:12]]


@pytest.mark.parametrize('options', [['-q', '-v'], ['-q', '--json'], ['-v', '--json']])
@pytest.mark.parametrize('args', [['detect', 'f.fits'], ['apply', 'r.yaml', 'f.fits', '-o', 'out']])
def test_quiet_verbose_and_json_exclude_each_other(args, options, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*args, *options])
    assert ended.value.code == 2
    assert 'not allowed with' in capsys.readouterr().err


# options


def test_every_parameter_is_an_option():
    values = {'sigclip': 7.5, 'niter': 2, 'sepmed': False, 'cleantype': 'idw', 'search_edges': True}
    for item in fields(LACosmicParams):
        value = values.get(item.name, item.default)
        option = '--' + item.name.replace('_', '-')
        typed = [option if value else f'--no-{option[2:]}'] if item.type is bool else [option, str(value)]
        args = build_parser().parse_args(['detect', 'frame.fits', *typed])
        assert given_params(args) == {item.name: value}
    assert given_params(build_parser().parse_args(['detect', 'frame.fits'])) == {}


@pytest.mark.parametrize(
    ('text', 'ext'), [('f.fits', None), ('f.fits[2]', 2), ('f.fits[SCI]', 'SCI'), ('f.fits[SCI, 2]', ('SCI', 2))]
)
def test_extensions_after_a_file_name(text, ext):
    assert file_and_extension(text) == (Path('f.fits'), ext)


@pytest.mark.parametrize(
    'args',
    [
        [],
        ['detect'],
        ['nothing'],
        ['detect', 'f.fits', '--gain', 'many'],
        ['detect', 'f.fits', '--niter', '2.5'],
        ['detect', 'f.fits', '--dark', 'd.fits'],
        ['detect', 'f.fits', '--dark-limit', '30'],
        ['detect', 'f.fits', '--ext', '-1'],
        ['detect', 'f.fits', '--ext', 'SCI,'],
        ['detect', 'f.fits[1]', '--ext', '1'],
        ['detect', 'f.fits[,2]'],
        ['detect', 'f.fits', '--into', '-o', 'g.fits'],
        ['detect', 'f.fits', '-o', 'g.jpg'],
        ['detect', 'f.fits', '-o', 'g.fits.txt'],
        ['detect', 'f.fits', '--into', '--mask-only'],
        ['detect', 'f.fits', '--min-size', '0'],
        ['detect', 'f.fits', '--sigcl', '7'],
        ['view'],
        ['view', 'f.fits[-1]'],
    ],
)
def test_wrong_usage(args, capsys):
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert ended.value.code == 2
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize(
    ('args', 'line'),
    [
        (['detect', 'f.fits', '--gain', 'many'], "detect: error: argument --gain: invalid float value: 'many'"),
        (
            ['detect', 'f.fits', '--min-size', 'x'],
            "detect: error: argument --min-size: 'x' is not an integer of at least 1",
        ),
        (['detect', 'f.fits', '--sigcl', '7'], 'detect: error: unrecognized arguments: --sigcl 7'),
        (['detect', 'f.fits', '--dark', 'd.fits'], 'detect: error: --dark needs --dark-limit'),
        (['sheet', 'f.fits'], 'sheet: error: the following arguments are required: -o/--output'),
        (['detect'], 'detect: error: the following arguments are required: FRAME'),
    ],
)
def test_wrong_usage_is_one_line_that_names_the_option(args, line, capsys):
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert ended.value.code == 2
    help_hint = f"; see 'ginga-crplugin {args[0]} --help'"
    assert capsys.readouterr().err == f'ginga-crplugin {line}{help_hint}\n'


def test_completion_of_the_shell(tmp_path, capsys):
    pytest.importorskip('shtab')
    with pytest.raises(SystemExit) as ended:
        main(['--print-completion', 'bash'])
    assert ended.value.code == 0
    script = tmp_path / 'completion'
    script.write_text(capsys.readouterr().out)
    (tmp_path / 'frame.fits').touch()
    complete = (
        f'source {script}; COMP_WORDS=({{words}}); COMP_CWORD=$((${{{{#COMP_WORDS[@]}}}} - 1)); '
        'cur="${{COMP_WORDS[$COMP_CWORD]}}"; COMPREPLY=(); $(complete -p ginga-crplugin | sed "s/.*-F //; s/ .*//") '
        '; echo "${{COMPREPLY[@]}}"'
    )

    def completed(words):
        return subprocess.run(
            ['bash', '-c', complete.format(words=words)], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.split()

    assert completed('ginga-crplugin de') == ['detect', 'demo']
    assert '--allow-mosaic' in completed('ginga-crplugin detect --al')
    assert completed('ginga-crplugin detect fr') == ['frame.fits']


def test_completion_without_its_package(capsys, monkeypatch):
    monkeypatch.setattr('ginga_crplugin.cli.completion.find_spec', lambda name: None)
    assert main(['--print-completion', 'zsh']) == 1
    assert "pip install 'ginga-crplugin[completion]'" in capsys.readouterr().err


def test_unknown_command_is_one_line(capsys):
    with pytest.raises(SystemExit):
        main(['nothing'])
    error = capsys.readouterr().err
    assert error.startswith("ginga-crplugin: error: argument COMMAND: invalid choice: 'nothing'")
    assert error.endswith("; see 'ginga-crplugin --help'\n")
    assert error.count('\n') == 1


def test_unknown_cause_of_a_mask_is_wrong_usage(frame, mask, capsys):
    with pytest.raises(SystemExit) as ended:
        main(['detect', str(frame), '--mask', f'{mask}:warm'])
    assert ended.value.code == 2
    assert "unknown cause 'warm': use one of hot, bad, other" in capsys.readouterr().err


# input that cannot be used


def write(path, data=None, **cards):
    fits.PrimaryHDU(data, fits.Header(cards)).writeto(path, overwrite=True)


def cut(frame):
    frame.write_bytes(frame.read_bytes()[:9000])


def table(frame):
    columns = [fits.Column(name='X', format='E', array=np.arange(4.0))]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(frame, overwrite=True)


BAD_FRAMES = {
    'no file': (lambda p: p.unlink(), 'no such file'),
    'a folder': (lambda p: (p.unlink(), p.mkdir()), 'is a folder'),
    'an empty file': (lambda p: p.write_bytes(b''), 'not a FITS file'),
    'not FITS': (lambda p: p.write_text('no picture\n' * 500), 'not a FITS file'),
    'truncated': (cut, 'truncated or damaged'),
    'no image in it': (write, 'no image in it'),
    'a table': (table, 'no image in it'),
    'a cube': (lambda p: write(p, np.ones((3, 32, 32))), '3 axes'),
    'a row': (lambda p: write(p, np.ones(32)), '1 axes'),
    'all NaN': (lambda p: write(p, np.full((32, 32), np.nan)), 'no finite pixel'),
    'under 16 pixels': (lambda p: write(p, np.ones((64, 15))), 'at least 16 x 16'),
    'unit unknown': (lambda p: write(p, np.ones((32, 32)), BUNIT='parsec'), "'parsec' is not supported"),
}


def assert_refused(args, folder, message, capsys):
    """Check that there is one line on stderr, nothing on stdout, and the folder is unchanged."""
    before = {path: path.read_bytes() for path in folder.rglob('*') if path.is_file()}
    assert main([str(arg) for arg in args]) == 1
    printed = capsys.readouterr()
    assert printed.out == ''
    assert printed.err.startswith('ginga-crplugin: ')
    assert printed.err.count('\n') == 1
    assert message in printed.err
    assert 'ignore_missing' not in printed.err  # a message of astropy for programmers
    assert {path: path.read_bytes() for path in folder.rglob('*') if path.is_file()} == before


@pytest.mark.parametrize('kind', BAD_FRAMES)
def test_frame_that_cannot_be_used(kind, frame, tmp_path, capsys):
    spoil, message = BAD_FRAMES[kind]
    spoil(frame)
    assert_refused(['detect', frame], tmp_path, message, capsys)


BAD_OPTIONS = {
    'negative gain': (['--gain', '-1.5'], 'gain is -1.5: it must be a number'),
    'gain NaN': (['--gain', 'nan'], 'gain is nan'),
    'cleantype median': (['--cleantype', 'median'], 'broken in Astro-SCRAPPY'),
    'no such mode': (['--fsmode', 'magic'], 'must be one of median, convolve'),
    'even kernel': (['--psfsize', '8'], 'must be odd'),
    'unit unknown': (['--unit', 'parsec'], "'parsec' is not supported"),
    'gain for electrons': (['--unit', 'electron', '--gain', '2'], 'gain is 2'),
    'no such extension': (['--ext', 'SCI'], "no extension 'SCI'"),
    'mask of another shape': (['--mask', 'small.fits'], "shape (32, 32) differs from the frame's"),
    'no such mask': (['--mask', 'none.fits:hot'], 'none.fits: no such file'),
    'all masked': (['--mask', 'all.fits'], 'no pixels to search'),
    'dark of another shape': (
        ['--dark', 'small.fits', '--dark-limit', '0'],
        "shape (32, 32) differs from the frame's",
    ),
    'no limit': (['--dark', 'all.fits', '--dark-limit', 'nan'], 'must be a finite number'),
    'background of another shape': (
        ['--background', 'small.fits'],
        "shape (32, 32) differs from the frame's",
    ),
    'background and sky level': (['--background', 'all.fits', '--pssl', '3'], 'use only one of them'),
    'even kernel image': (['--psf', 'small.fits'], 'odd side'),
    'no such folder': (['-o', 'nowhere/out.fits'], 'nowhere: no such folder'),
    'output in a file': (['-o', 'all.fits/out.fits'], 'all.fits: no such folder'),
    'output exists': (['-o', 'all.fits'], 'all.fits already exists'),
    'output is the frame': (['-o', 'frame.fits', '--overwrite'], 'is an input file'),
    'recipe exists': (['--save-recipe', 'all.fits'], 'all.fits already exists; choose another name with --save-recipe'),
    'no folder for the recipe': (['--save-recipe', 'nowhere/a.yaml'], 'nowhere: no such folder'),
    'no recipe with a background': (['--save-recipe', 'a.yaml', '--background', 'all.fits'], 'a recipe cannot contain'),
    'recipe is the output': (['--save-recipe', 'a.fits', '-o', 'a.fits'], 'a.fits is the mask'),
    'recipe is the frame': (['--save-recipe', 'frame.fits', '--overwrite'], 'frame.fits is an input file'),
    'output is a mask': (['-o', 'small.fits', '--overwrite', '--dark', 'small.fits', '--dark-limit', '3'], '(32, 32)'),
    'output is the mask': (['--mask', 'mask.fits', '-o', 'mask.fits', '--overwrite'], 'is an input file'),
}


@pytest.mark.parametrize('kind', BAD_OPTIONS)
def test_options_that_cannot_be_used(kind, frame, mask, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fits.writeto('small.fits', np.ones((32, 32), dtype=np.uint8))
    fits.writeto('all.fits', np.ones((64, 64), dtype=np.uint8))
    args, message = BAD_OPTIONS[kind]
    assert_refused(['detect', 'frame.fits', *args], tmp_path, message, capsys)


def test_existing_mask_in_the_file_of_the_frame_is_kept(frame, tmp_path, capsys):
    result(capsys, frame, '--into')
    assert_refused(['detect', frame, '--into'], tmp_path, 'has a MASK', capsys)
    result(capsys, frame, '--into', '--overwrite')


def test_existing_output_is_overwritten_on_request(frame, capsys):
    first = result(capsys, frame)
    assert_refused(['detect', frame], frame.parent, 'use --overwrite', capsys)
    assert result(capsys, frame, '--overwrite') == first


def test_bad_input_in_a_process(tmp_path):
    ended = command('detect', tmp_path / 'none.fits', '--json')
    assert (ended.returncode, ended.stdout) == (1, '')
    assert ended.stderr == f'ginga-crplugin: {tmp_path / "none.fits"}: no such file\n'


@pytest.mark.skipif(sys.platform == 'win32', reason='the limit of file sizes is that of POSIX')
def test_disk_full(frame):
    def limit():
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    ended = command('detect', frame, preexec_fn=limit)
    assert (ended.returncode, ended.stdout) == (1, '')
    assert ended.stderr.count('\n') == 1
    assert 'cannot be written' in ended.stderr
    assert [path.name for path in frame.parent.iterdir()] == ['frame.fits']


@pytest.mark.skipif(not hasattr(os, 'geteuid') or os.geteuid() == 0, reason='the superuser may write anywhere')
def test_folder_without_write_permission(frame, tmp_path, capsys):
    tmp_path.chmod(0o500)
    try:
        assert_refused(['detect', frame], tmp_path, 'is not writable', capsys)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not Path('/proc/self').exists(), reason='needs a folder where nobody can write')
def test_folder_that_nobody_can_write_to(frame, capsys):
    assert_refused(['detect', frame, '-o', '/proc/out.fits'], frame.parent, '/proc', capsys)


@pytest.mark.skipif(sys.platform == 'win32', reason='signals are those of POSIX')
def test_interrupted(frame):
    code = 'import sys, ginga_crplugin.cli.main as cli; print(1, flush=True); sys.exit(cli.main())'
    started = subprocess.Popen(
        [sys.executable, '-c', code, 'detect', frame],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert started.stdout.readline() == '1\n'
    time.sleep(0.3)
    started.send_signal(signal.SIGINT)
    _, errors = started.communicate(timeout=60)
    assert (started.returncode, errors) == (130, 'ginga-crplugin: interrupted\n')


def test_not_enough_memory(frame, capsys, monkeypatch):
    def full(*args):
        raise MemoryError

    monkeypatch.setattr('ginga_crplugin.recipe.prepare.Detector.detect', full)
    assert_refused(['detect', frame], frame.parent, 'not enough memory', capsys)


def test_warnings_are_printed_as_lines(frame, capsys, monkeypatch):
    import warnings

    def warn(*args, **options):
        for _ in range(2):
            warnings.warn('first line\nsecond line', UserWarning, stacklevel=2)
        return read_frame(*args, **options)

    monkeypatch.setattr('ginga_crplugin.io.read.read_frame', warn)
    assert main(['detect', str(frame)]) == 0
    assert capsys.readouterr().err == 'ginga-crplugin: warning: first line second line\n'


# the command line


@pytest.mark.parametrize('start', [[sys.executable, '-m', 'ginga_crplugin'], ['ginga-crplugin']])
def test_version(start):
    if not Path(start[0]).is_absolute():
        script = shutil.which(start[0], path=str(Path(sys.executable).parent))
        if script is None:
            pytest.skip('the package is not installed beside this Python')
        start = [script]
    ended = subprocess.run([*start, '--version'], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f'ginga-crplugin {__version__}\n', '')


def test_help_imports_nothing_slow():
    heavy = {'astropy', 'ccdproc', 'photutils', 'ginga', 'qtpy', 'PySide6', 'PIL'}
    code = f"""
import sys
from ginga_crplugin.cli.main import main
try:
    main(['detect', '--help'])
except SystemExit as ended:
    assert ended.code == 0
assert not {heavy!r} & set(sys.modules), {heavy!r} & set(sys.modules)
"""
    ended = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, '')
    for item in fields(LACosmicParams):
        assert '--' + item.name.replace('_', '-') in ended.stdout


def test_reader_of_the_output_may_close_it(frame):
    piped = subprocess.Popen([*COMMAND, 'detect', frame], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    piped.stdout.close()
    assert piped.stderr.read() == ''
    assert piped.wait(timeout=60) == 1
    piped.stderr.close()


# view


def test_view_of_a_missing_file(tmp_path, capsys):
    assert_refused(['view', tmp_path / 'none.fits'], tmp_path, 'none.fits: no such file', capsys)


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='elsewhere there is always a display')
def test_view_without_a_display(frame):
    ended = command('view', frame, env=without_display())
    assert (ended.returncode, ended.stdout) == (1, '')
    assert ended.stderr == (
        'ginga-crplugin: Ginga was not started: no display. Run it in a desktop session or use `view -t pg`.\n'
    )


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='elsewhere there is always a display')
def test_view_on_a_missing_display(frame):
    ended = command('view', frame, env={**without_display(), 'DISPLAY': ':4711'})
    assert (ended.returncode, ended.stdout) == (1, '')
    assert ended.stderr.startswith('ginga-crplugin: Qt does not start (')
    assert ended.stderr.count('\n') == 1


@pytest.mark.parametrize(
    ('toolkit', 'installed', 'message'),
    [
        ('qt', [], "Ginga is not installed: pip install 'ginga-crplugin[qt]'"),
        ('qt', ['ginga'], "Qt is not installed: pip install 'ginga-crplugin[qt]'"),
        ('pg', [], "Ginga is not installed: pip install 'ginga-crplugin[web]'"),
        ('pg', ['ginga'], "Ginga's web widgets are not installed: pip install 'ginga-crplugin[web]'"),
    ],
)
def test_view_without_required_packages(toolkit, installed, message, frame, capsys, monkeypatch):
    monkeypatch.setenv('QT_QPA_PLATFORM', 'offscreen')
    monkeypatch.setattr('importlib.util.find_spec', lambda name: name if name in installed else None)
    assert_refused(['view', '-t', toolkit, frame], frame.parent, message, capsys)


@pytest.mark.slow  # starts Ginga
def test_view_starts_the_plugin_on_the_frame(frame, tmp_path):
    code = """
import sys, time
from ginga.rv.main import ReferenceViewer

def run(viewer):
    shell, until = viewer.ginga_shell, time.monotonic() + 60
    channel = shell.get_channel('Image')
    while not channel.opmon.is_active('Cosmic Rays') and time.monotonic() < until:
        shell.update_pending(timeout=0.01)
    print(channel.opmon.get_active(), channel.fitsimage.get_image().get('name'), flush=True)
    viewer.ev_quit.set()
    sys.exit(0)

ReferenceViewer.run = run
from ginga_crplugin.cli.main import main
import os
os._exit(main(sys.argv[1:]))
"""
    pytest.importorskip('PySide6')
    env = {**without_display(), 'QT_QPA_PLATFORM': 'offscreen', 'GINGA_HOME': str(tmp_path / 'home')}
    (tmp_path / 'home').mkdir()
    ended = subprocess.run(
        [sys.executable, '-c', code, 'view', frame], capture_output=True, text=True, timeout=120, check=False, env=env
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "['cosmic rays'] frame[PRIMARY,1]"


# check


def checked(capsys, *args):
    assert main(['check', *map(str, args), '--json']) == 0
    printed = capsys.readouterr()
    assert printed.err == ''
    return {item['name']: item for item in json.loads(printed.out)}


def test_check_names_what_is_wrong(data, capsys):
    found = checked(capsys, data / 'saao_ste3_a8280271.fits')
    assert tuple(found) == CHECKS
    assert all(set(item) == {'name', 'mark', 'measured', 'effect', 'advice'} for item in found.values())
    assert [name for name, item in found.items() if item['mark'] == 'error'] == ['bias', 'noise', 'overscan']
    assert found['overscan']['measured'] == 'unexposed edges: 16 px left, 8 px right, 8 px top (BIASSEC, TRIMSEC)'
    electrons = checked(capsys, data / 'saao_sci_err_dq_electron.fits')
    assert {item['mark'] for item in electrons.values()} == {'ok', 'warning'}


def test_check_as_text(data):
    ended = command('check', data / 'saao_ste3_a8280271.fits')
    assert (ended.returncode, ended.stderr) == (0, '')
    lines = ended.stdout.splitlines()
    assert len(lines) == 12
    assert lines[1].startswith('error    bias        unexposed edges have a level of 21')
    assert lines[9] == 'ok       nonfinite   all pixels are finite'


def test_check_takes_the_options_of_detect(frame, mask, capsys):
    assert checked(capsys, frame)['noise']['mark'] == 'warning'
    wrong = checked(capsys, frame, '--readnoise', 40, '--mask', f'{mask}:bad', '--unit', 'adu')
    assert wrong['noise']['mark'] == 'error'
    assert '(1 px masked)' in wrong['bad_pixels']['measured']


@pytest.mark.parametrize('args', [['nothing.fits'], ['frame.fits', '--ext', '7'], ['frame.fits', '--gain', '-1']])
def test_check_of_input_that_cannot_be_used(frame, capsys, monkeypatch, args):
    monkeypatch.chdir(frame.parent)
    assert main(['check', *args]) == 1
    printed = capsys.readouterr()
    assert printed.out == ''
    assert printed.err.count('\n') == 1


def test_check_with_wrong_usage(frame):
    with pytest.raises(SystemExit) as ended:
        main(['check', str(frame), '--dark', str(frame)])
    assert ended.value.code == 2
