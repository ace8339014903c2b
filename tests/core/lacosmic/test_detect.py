import sys
import threading
from dataclasses import asdict, replace

import astroscrappy
import ccdproc
import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData
from numpy.testing import assert_array_equal

from ginga_crplugin import Frame, InputMask, LACosmicParams, MaskBit, detect, read_dark, read_frame, segment
from ginga_crplugin.core.lacosmic.detection import EDGE

GMOS = {'gain': 1.933, 'readnoise': 4.24}
PIXELS = np.random.default_rng(1).normal(200.0, 15.0, (40, 48))
PIXELS[10, 10:14] += 900.0
PIXELS[30, 40] += 500.0
PIXELS[1, 1] += 800.0


@pytest.fixture(scope='module')
def gmos(gmos_path):
    with fits.open(gmos_path) as hdus:
        return Frame(hdus['SCI'].data.astype('f4'), 'gmos')


@pytest.fixture(scope='module')
def companions(gmos_path):
    with fits.open(gmos_path) as hdus:
        return {
            'variance': hdus['VAR'].data.astype('f4') / np.float32(GMOS['gain']) ** 2,
            'background': hdus['SKYFIT'].data.astype('f4'),
        }


def reference(pixels, params, inmask=None, **images):
    """Return the mask of Astro-SCRAPPY, and the pixels with its cleaned values in the flagged pixels."""
    options = {name: value for name, value in asdict(params).items() if name not in ('pssl', 'search_edges')}
    crmask, cleaned = astroscrappy.detect_cosmics(pixels + params.pssl, inmask=inmask, **options, **images)
    return crmask, np.where(crmask, cleaned - params.pssl, pixels)


def assert_same(found, expected):
    crmask, cleaned = expected
    assert crmask.any()
    assert_array_equal(found.crmask, crmask, strict=True)
    assert_array_equal(found.cleaned, cleaned)


# all options, against Astro-SCRAPPY


# within each list, all results differ
PLAIN = [
    {},
    {'sigclip': 8.0},
    {'sigfrac': 0.7},
    {'objlim': 1.5},
    {'gain': 4.0},
    {'satlevel': 3e3},
    {'sepmed': False},
    {'pssl': 150.0},
]
MATCHED = [
    {},
    {'psfmodel': 'gaussx'},
    {'psfmodel': 'gaussy'},
    {'psfmodel': 'moffat'},
    {'psfmodel': 'moffat', 'psfbeta': 2.5},
    {'psffwhm': 4.0},
    {'psfsize': 3},
]
MATCHED = [{'fsmode': 'convolve', 'objlim': 2.5} | options for options in MATCHED]
OTHERS = [
    {'readnoise': 30.0},
    {'satlevel': np.inf},
    {'sepmed': False, 'satlevel': 3e3},
    {'niter': 1},
    {'niter': 2},
    {'niter': 8, 'sigclip': 2.0},
    {'cleantype': 'medmask'},
    {'cleantype': 'idw'},
]


@pytest.mark.parametrize('options', PLAIN + MATCHED + OTHERS, ids=str)
def test_results_for_all_options_equal_those_of_astroscrappy(gmos, options):
    params = LACosmicParams(**GMOS | options)
    assert_same(detect(gmos, params), reference(gmos.ccd.data, params))


@pytest.mark.parametrize('several', [PLAIN, MATCHED], ids=['plain', 'matched'])
def test_options_change_the_result(gmos, several):
    found = {detect(gmos, LACosmicParams(**GMOS | options)).crmask.tobytes() for options in several}
    assert len(found) == len(several)


@pytest.mark.parametrize('given', [['background'], ['variance'], ['background', 'variance']], ids=str)
def test_results_with_background_and_variance_equal_those_of_astroscrappy(gmos, companions, given):
    params = LACosmicParams(**GMOS)
    images = {name: companions[name] for name in given}
    expected = reference(gmos.ccd.data, params, inbkg=images.get('background'), invar=images.get('variance'))
    assert_same(detect(gmos.replace(**images), params), expected)


def test_companions_in_double_precision(gmos, companions):
    params = LACosmicParams(**GMOS)
    double = {name: array.astype('>f8') for name, array in companions.items()}
    expected = reference(gmos.ccd.data, params, inbkg=companions['background'], invar=companions['variance'])
    assert_same(detect(gmos.replace(**double), params), expected)


def test_results_with_a_kernel_equal_those_of_astroscrappy(gmos):
    y, x = np.mgrid[-3:4, -3:4]
    psfk = np.exp(-(x**2 + 0.5 * y**2 + 0.3 * x * y + 0.4 * x) / 4)
    params = LACosmicParams(fsmode='convolve', objlim=2.0, **GMOS)
    expected = reference(gmos.ccd.data, params, psfk=psfk.astype('f4'))
    assert_same(detect(gmos.replace(psfk=psfk), params), expected)


def test_results_with_input_masks_equal_those_of_astroscrappy(gmos):
    bad = np.random.default_rng(2).random((3, *gmos.shape)) > 0.995
    masks = [InputMask(bit.name, bit, mask) for bit, mask in zip(list(MaskBit)[:3], bad, strict=True)]
    params = LACosmicParams(**GMOS)
    found = detect(gmos.replace(masks=masks), params)
    assert_same(found, reference(gmos.ccd.data, params, inmask=bad.any(axis=0)))
    assert not (found.crmask & bad.any(axis=0)).any()


def test_search_edges_equals_a_run_on_the_mirrored_frame(gmos, companions):
    mask = np.zeros(gmos.shape, dtype=bool)
    mask[0:40, 3] = True
    params = LACosmicParams(search_edges=True, **GMOS)
    frame = gmos.replace(masks=[InputMask('column', MaskBit.BAD, mask)], background=companions['background'])
    padded = [np.pad(array, 8, mode='reflect') for array in (gmos.ccd.data, mask, companions['background'])]
    expected = reference(padded[0], params, inmask=padded[1], inbkg=padded[2])
    assert_same(detect(frame, params), [array[8:-8, 8:-8] for array in expected])


def test_a_cosmic_ray_in_the_corner_is_detected_with_search_edges():
    found = [detect(Frame(PIXELS), LACosmicParams(search_edges=edges)).crmask[1, 1] for edges in (False, True)]
    assert found == [False, True]
    assert EDGE == 8


@pytest.mark.parametrize('unit', ['adu', 'electron', 'electron/s', 'adu/s'])
def test_results_in_all_units_equal_those_of_astroscrappy(unit):
    scale = 30.0 if unit.endswith('/s') else 1.0
    frame = Frame(CCDData(PIXELS / scale, unit=unit))
    params = LACosmicParams(gain=scale, readnoise=8.0)
    found = detect(frame, params)
    assert_same(found, reference(PIXELS / scale, params))
    assert frame.ccd.unit == u.Unit(unit)


@pytest.mark.parametrize('options', [{}, {'sigclip': 7.0}, {'cleantype': 'idw', 'sepmed': False}], ids=str)
def test_a_masked_run_equals_ccdproc(saao, options):
    pixels = saao.ccd.data[100:260, 100:300]
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[::9, ::7] = True
    ccd = CCDData(pixels, unit='adu', mask=mask)
    new = ccdproc.cosmicray_lacosmic(ccd, gain=1.9, readnoise=5.0, gain_apply=False, **options)
    found = detect(Frame(ccd), LACosmicParams(gain=1.9, readnoise=5.0, **options))
    assert found.pixels
    assert_array_equal(found.crmask, new.mask & ~mask)
    assert_array_equal(found.cleaned[found.crmask], new.data[found.crmask])


# real frames


@pytest.mark.parametrize(('sigclip', 'pixels', 'segments'), [(4.5, 79, 24), (7.0, 56, 18)])
def test_the_saao_frame_with_its_own_gain_and_read_noise(saao, sigclip, pixels, segments):
    params, _ = saao.parameters({'sigclip': sigclip})
    found = detect(saao, params)
    assert (found.pixels, len(segment(saao, found))) == (pixels, segments)
    assert_same(found, reference(saao.ccd.data, params))


def test_a_frame_in_electrons_needs_no_parameters(data, saao):
    frame = read_frame(data / 'saao_sci_err_dq_electron.fits')
    found = detect(frame)
    assert found.params.gain == 1.0
    assert found.pixels == 79
    assert_array_equal(found.crmask, detect(saao).crmask)


def test_the_gmos_frame(gmos_path):
    frame = read_frame(gmos_path)
    params, _ = frame.parameters(GMOS)
    found = detect(frame, params)
    assert found.pixels == 169
    assert_same(found, reference(frame.ccd.data, params))


def test_only_two_tracks_are_detected_in_the_gmos_frame_with_its_sky(gmos, companions):
    frame = gmos.replace(background=companions['background'])
    segments = segment(frame, detect(frame, LACosmicParams(**GMOS)))
    assert len(segments) == 2
    assert min(segments.table['length'].value) > 30


def test_the_mask_of_a_dark_removes_detections_of_hot_pixels(data):
    raw = read_frame(data / 'feder_kelt16b_S001-R001-C084-r.fit.gz')
    bias = read_frame(data / 'feder_kelt16b_combined_bias.fit.gz').ccd.data
    hot = read_dark(data / 'feder_kelt16b_combined_dark_90.000.fit.gz', 30)
    frame = raw.replace(ccd=CCDData(raw.ccd.data - bias, unit='adu'))
    params = LACosmicParams(gain=1.5, readnoise=10.0)
    assert (detect(frame, params).crmask & hot.mask).any()
    found = detect(frame.replace(masks=[hot]), params)
    assert not (found.crmask & hot.mask).any()
    assert_same(found, reference(frame.ccd.data, params, inmask=hot.mask))


def test_nan_pixels_do_not_change_the_cosmic_rays_of_a_real_frame(data):
    whole = read_frame(data / 'decam_c4d_170316_ooi_z_N2.fits')
    holed = read_frame(data / 'decam_c4d_170316_nan.fits')
    assert holed.nonfinite.any()
    found = detect(holed)
    assert_array_equal(found.crmask, detect(whole).crmask)
    assert_array_equal(np.isnan(found.cleaned), np.isnan(holed.ccd.data))


# unchanged pixels


@pytest.mark.parametrize('dtype', ['u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'f4', 'f8', '>f4', '>i2'])
def test_unflagged_pixels_are_unchanged(dtype):
    pixels = (PIXELS / 5).clip(0, 255).astype(dtype)
    before = pixels.copy()
    params = LACosmicParams(gain=1.7)
    frame = Frame(pixels)
    found = detect(frame, params)
    assert_same(found, reference(before.astype(float), params))
    assert_array_equal(found.cleaned[~found.crmask], before[~found.crmask])
    assert (found.cleaned[found.crmask] < before[found.crmask]).any()
    assert found.cleaned.dtype == (np.float32 if dtype in ('u1', 'i2', 'u2', 'f4', '>f4', '>i2') else np.float64)
    assert_array_equal(pixels, before, strict=True)
    assert_array_equal(frame.ccd.data, before)


def test_large_integers_and_fine_floats_are_not_rounded():
    for pixels in (PIXELS.astype('i4') + 2**24 + 1, PIXELS + 1e-9):
        found = detect(Frame(pixels), LACosmicParams(satlevel=np.inf))
        assert_array_equal(found.cleaned[~found.crmask], pixels[~found.crmask])


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_nonfinite_pixels_are_masked_and_unchanged(bad):
    pixels = PIXELS.copy()
    hole = np.zeros(pixels.shape, dtype=bool)
    hole[20, 5:8] = hole[29, 30] = True
    pixels[hole] = bad
    filled = np.where(hole, np.median(pixels[~hole]), pixels)
    params = LACosmicParams(readnoise=8.0)
    found = detect(Frame(pixels), params)
    crmask, cleaned = reference(filled, params, inmask=hole)
    assert_same(found, (crmask, np.where(hole, bad, cleaned)))


def test_detect_does_not_change_its_input(gmos, companions):
    mask = gmos.ccd.data > 1000
    psfk = np.ones((3, 3), dtype='f4')
    frame = gmos.replace(masks=[InputMask('m', MaskBit.INPUT, mask)], psfk=psfk, **companions)
    arrays = [frame.ccd.data, mask, frame.psfk, psfk, frame.bits, *companions.values()]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    try:
        found = detect(frame, LACosmicParams(fsmode='convolve', objlim=2.0, **GMOS))
    finally:
        for array in arrays:
            array.flags.writeable = True
    for array, old in zip(arrays, before, strict=True):
        assert_array_equal(array, old, strict=True)
    assert not np.shares_memory(found.cleaned, frame.ccd.data)


# other results


@pytest.mark.parametrize('options', [{}, {'niter': 2}, {'sigclip': 2.0, 'niter': 6}, {'search_edges': True}], ids=str)
def test_per_iteration_counts_new_pixels(gmos, options):
    params = LACosmicParams(**GMOS | options)
    found = detect(gmos, params)
    runs = [detect(gmos, replace(params, niter=n)) for n in range(1, len(found.per_iteration) + 1)]
    assert found.per_iteration == tuple(np.diff([0] + [run.pixels for run in runs]))
    assert sum(found.per_iteration) == found.pixels
    assert len(found.per_iteration) <= params.niter


@pytest.mark.parametrize('options', [{}, {'satlevel': 1e6}, {'sepmed': False}, {'search_edges': True}], ids=str)
def test_cosmic_rays_are_detected_exactly_in_searched_pixels(options):
    pixels = np.full((26, 27), 100.0)
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[8, 9] = True
    if 'satlevel' not in options:
        pixels[14:21, 14:21] = 9e4  # a saturated star
    params = LACosmicParams(**{'satlevel': 8e4, 'sigfrac': 1.0} | options)
    searched = detect(Frame(pixels, masks=[InputMask('m', MaskBit.BAD, mask)]), params).searched
    places = [place for place in np.ndindex(pixels.shape) if not params.search_edges or min(place) == 0]
    for place in places:
        hit = pixels.copy()
        hit[place] += 5e3
        found = detect(Frame(hit, masks=[InputMask('m', MaskBit.BAD, mask)]), params)
        assert found.crmask[place] == searched[place], place
    assert 0.1 < np.mean(searched) < 0.99


def test_the_excluded_fraction_agrees_with_searched(saao):
    found = detect(saao)
    assert found.excluded_fraction == pytest.approx(np.mean(~found.searched), abs=1e-15)
    assert not (found.crmask & ~found.searched).any()


def test_a_frame_without_cosmic_rays_is_unchanged():
    flat = np.full((30, 30), 100.0, dtype='f4')
    found = detect(Frame(flat))
    assert (found.pixels, found.per_iteration) == (0, (0,))
    assert_array_equal(found.cleaned, flat, strict=True)


def test_engine_has_versions():
    for engine, own in (('fast', 'numba'), ('ccdproc', f'ccdproc {ccdproc.__version__}')):
        found = detect(Frame(PIXELS), engine=engine)
        assert own in found.engine
        assert f'astroscrappy {astroscrappy.__version__}' in found.engine


def test_the_default_parameters_are_those_of_the_header(saao):
    assert detect(saao).params == saao.parameters()[0]


def test_nothing_is_printed_and_output_of_other_threads_is_kept(gmos, capsys):
    done, printed = threading.Event(), []

    def write():
        while not done.wait(0.001):
            sys.stdout.write('other\n')
            printed.append('other')

    thread = threading.Thread(target=write)
    thread.start()
    stdout = sys.stdout
    for _ in range(3):
        detect(gmos, LACosmicParams(**GMOS))
    done.set()
    thread.join()
    assert sys.stdout is stdout
    assert capsys.readouterr().out.split() == printed


def test_two_threads_have_the_same_results_as_one(gmos):
    params = [LACosmicParams(sigclip=sigclip, **GMOS) for sigclip in (3.0, 9.0)]
    alone = [detect(gmos, each) for each in params]
    together = [None, None]

    def work(number):
        together[number] = detect(gmos, params[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(alone, together, strict=True):
        assert_array_equal(one.crmask, other.crmask)
        assert one.per_iteration == other.per_iteration


# errors


def test_a_gain_for_a_frame_in_electrons_raises():
    with pytest.raises(ValueError, match=r'gain is 1.9: it must be 1 for a frame in electrons'):
        detect(Frame(CCDData(PIXELS, unit='electron')), LACosmicParams(gain=1.9))


@pytest.mark.parametrize('name', ['background', 'variance'])
def test_a_sky_level_with_a_companion_image_raises(name):
    with pytest.raises(ValueError, match=r'pssl is 100, but the frame has a .* image: use only one of them'):
        detect(Frame(PIXELS, **{name: PIXELS}), LACosmicParams(pssl=100.0))


def test_a_completely_masked_frame_raises():
    frame = Frame(PIXELS, masks=[InputMask('m', MaskBit.INPUT, np.ones(PIXELS.shape, dtype=bool))])
    with pytest.raises(ValueError, match='no pixels to search'):
        detect(frame)


def test_a_completely_saturated_frame_raises():
    with pytest.raises(ValueError, match='no pixels to search'):
        detect(Frame(PIXELS), LACosmicParams(satlevel=10.0))
