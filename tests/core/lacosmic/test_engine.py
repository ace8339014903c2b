"""The fast engine against ccdproc and Astro-SCRAPPY: the same mask and the same cleaned values, every pixel."""

import os
import subprocess
import sys
import tracemalloc
from dataclasses import asdict, replace

import astroscrappy
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ginga_crplugin import Frame, InputMask, LACosmicParams, MaskBit, detect, read_frame
from ginga_crplugin.core.lacosmic import compilation, dense_kernels, dilation, electrons
from ginga_crplugin.core.lacosmic.detection import Cancelled, Unsupported
from ginga_crplugin.core.lacosmic.engine import LACosmic
from ginga_crplugin.core.lacosmic.exclusion import Masked
from tests.core.lacosmic.cases import COMPANIONS, DTYPES, FEATURES, differences, make_frame, make_params, random_case

PLENTY = ('stars', 'saturated', 'tracks', 'border', 'corners', 'block', 'masked')


@pytest.fixture(scope='module', autouse=True)
def compiled():
    assert compilation.compile_all(), compilation.problem()


@pytest.fixture
def frame():
    return make_frame(3, (90, 110), PLENTY)


def by_ccdproc(frame, params):
    return detect(frame, params, engine='ccdproc')


def assert_equal_to_ccdproc(frame, params, found=None):
    expected = by_ccdproc(frame, params)
    found = LACosmic(frame, params).detect() if found is None else found
    assert differences(found, expected) == []
    assert expected.engine.startswith('ccdproc')
    assert 'numba' in found.engine
    return expected


# against ccdproc: frames made by hypothesis


@given(
    seed=st.integers(0, 2**32),
    shape=st.tuples(st.integers(16, 70), st.integers(16, 70)),
    features=st.sets(st.sampled_from(FEATURES), max_size=7),
    companions=st.sets(st.sampled_from(COMPANIONS), max_size=1),
    dtype=st.sampled_from(DTYPES),
    sky=st.sampled_from([0.0, 20.0, 200.0, 3000.0]),
)
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
def test_any_frame_gives_what_ccdproc_gives(seed, shape, features, companions, dtype, sky):
    frame = make_frame(seed, shape, features, dtype, companions, sky=sky)
    params = make_params(np.random.default_rng(seed), companions)
    try:
        expected = by_ccdproc(frame, params)
    except ValueError:
        with pytest.raises(ValueError, match='nothing is left'):
            LACosmic(frame, params).detect()
    else:
        assert differences(LACosmic(frame, params).detect(), expected) == []


@pytest.mark.parametrize('seed', range(20))
def test_random_cases_of_the_long_fuzz_are_equal(seed):
    frame, params = random_case(seed)
    try:
        expected = by_ccdproc(frame, params)
    except ValueError:
        with pytest.raises(ValueError, match='nothing is left'):
            LACosmic(frame, params).detect()
    else:
        assert differences(LACosmic(frame, params).detect(), expected) == []


@pytest.mark.parametrize('sepmed', [True, False])
def test_a_frame_of_several_tiles_is_equal(sepmed):
    frame = make_frame(8, (150, 560), (*PLENTY, 'crowded', 'columns'))
    assert_equal_to_ccdproc(frame, LACosmicParams(sepmed=sepmed, gain=1.5, readnoise=10))


# against Astro-SCRAPPY itself: every option

OPTIONS = [
    {},
    {'sigclip': 7.5},
    {'sigfrac': 0.6},
    {'sigfrac': 0.0},
    {'objlim': 1.0},
    {'gain': 1.7},
    {'readnoise': 0.0},
    {'satlevel': 20000.0},
    {'satlevel': np.inf},
    {'niter': 1},
    {'niter': 2},
    {'niter': 10},
    {'cleantype': 'medmask'},
    {'cleantype': 'idw'},
    {'fsmode': 'convolve', 'objlim': 2.0},
    {'fsmode': 'convolve', 'objlim': 2.0, 'psfmodel': 'gaussx'},
    {'fsmode': 'convolve', 'objlim': 2.0, 'psfmodel': 'gaussy'},
    {'fsmode': 'convolve', 'objlim': 2.0, 'psfmodel': 'moffat', 'psfbeta': 3.1},
    {'fsmode': 'convolve', 'objlim': 2.0, 'psfsize': 13, 'psffwhm': 4.2},
]


@pytest.mark.parametrize('sepmed', [True, False])
@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_each_option_gives_what_astroscrappy_gives(frame, options, sepmed):
    params = LACosmicParams(**options, sepmed=sepmed)
    inmask = frame.masks[0].mask
    named = {name: value for name, value in asdict(params).items() if name not in ('pssl', 'search_edges')}
    crmask, cleaned = astroscrappy.detect_cosmics(frame.ccd.data, inmask=inmask, **named)
    found = LACosmic(frame, params).detect()
    assert crmask.any()
    assert_array_equal(found.crmask, crmask, strict=True)
    assert_array_equal(found.cleaned, np.where(crmask, cleaned, frame.ccd.data))
    assert found.pixels == sum(found.per_iteration)


@pytest.mark.parametrize('dtype', DTYPES)
def test_any_numbers_are_taken(dtype):
    frame = make_frame(5, (40, 50), ('tracks', 'stars'), dtype, sky=100.0)
    assert assert_equal_to_ccdproc(frame, LACosmicParams(gain=0.7, readnoise=3)).pixels


def test_given_kernels_are_not_reversed():
    frame = make_frame(6, (60, 60), ('tracks', 'stars'), companions=('psfk',))
    assert frame.psfk[0, 1] != frame.psfk[-1, -2]
    assert assert_equal_to_ccdproc(frame, LACosmicParams(fsmode='convolve', objlim=1.0)).pixels


@pytest.mark.parametrize('companions', [('background',), ('variance',), ('background', 'variance')])
@pytest.mark.parametrize('cleantype', ['meanmask', 'medmask', 'idw'])
def test_sky_and_variance_are_honoured(companions, cleantype):
    frame = make_frame(7, (60, 70), ('tracks', 'stars', 'block', 'hole'), companions=companions)
    assert assert_equal_to_ccdproc(frame, LACosmicParams(gain=1.3, sigclip=6, cleantype=cleantype)).pixels


def test_where_no_good_pixel_is_near_the_level_of_the_sky_is_taken(monkeypatch):
    image = make_frame(1, (60, 60), ()).ccd.data.copy()
    image[20:29, 20:29] += np.random.default_rng(0).uniform(0, 9000, (9, 9)).astype('f4')
    frame, params = Frame(image), LACosmicParams(objlim=0.0, sigclip=2.0, sigfrac=0.0)
    asked = []
    levels = electrons.Pixels.levels
    monkeypatch.setattr(electrons.Pixels, 'levels', lambda *args: asked.append(1) or levels(*args))
    assert_equal_to_ccdproc(frame, params)
    assert len(asked) == 1


def test_what_is_out_of_range_is_left_to_ccdproc():
    image = make_frame(1, (40, 40), ('tracks',)).ccd.data
    kernel = np.full((5, 5), -0.01, 'f4')
    kernel[2, 2] = 1
    params = LACosmicParams(fsmode='convolve', objlim=1.0, satlevel=np.inf)
    for frame in (Frame(image, psfk=kernel), Frame(image * np.float32(1e20))):
        with pytest.raises(Unsupported):
            LACosmic(frame, params).detect()
        assert detect(frame, params).engine.startswith('ccdproc')
    with pytest.raises(Unsupported):
        LACosmic(Frame(image, variance=np.full((40, 40), 1e30, 'f4')), LACosmicParams(gain=100)).detect()


def test_real_frames_are_equal(data):
    count = 0
    for path in sorted(data.glob('*.fits*')):
        with fits.open(path) as hdus:
            images = [k for k, hdu in enumerate(hdus) if hdu.is_image and hdu.data is not None and hdu.data.ndim == 2]
        for ext in images:
            frame = read_frame(path, ext, unit='adu')
            for options in ({}, {'sepmed': False}, {'fsmode': 'convolve', 'objlim': 2, 'cleantype': 'idw'}):
                params = LACosmicParams(gain=1.5, readnoise=8, **options)
                assert_equal_to_ccdproc(frame, params)
                count += 1
    assert count >= 30


# runs one after the other

CHANGES = [
    {'sigclip': 6.0},
    {'sigclip': 3.5},
    {'sigclip': 2.0},
    {'objlim': 1.0},
    {'sigfrac': 0.7},
    {'readnoise': 12.0},
    {'gain': 1.6},
    {'satlevel': 4000.0},
    {'satlevel': np.inf},
    {'niter': 1},
    {'niter': 8},
    {'sepmed': False},
    {'cleantype': 'medmask'},
    {'fsmode': 'convolve'},
    {'psffwhm': 4.0},
    {'cleantype': 'idw'},
    {'pssl': 30.0},
    {'search_edges': True},
    {},
]


def edited(rng, frame):
    """Return the frame with another mask: a few pixels, a block, or none at all."""
    mask = np.zeros(frame.shape, bool)
    how = rng.integers(0, 4)
    if how == 0 and frame.masks:
        mask |= frame.masks[0].mask
    if how < 3:
        y, x = rng.integers(0, frame.shape[0]), rng.integers(0, frame.shape[1])
        mask[y : y + rng.integers(1, 5), x : x + rng.integers(1, 5)] = True
    return frame.replace(masks=(InputMask('edited', MaskBit.HOT, mask),))


@pytest.mark.parametrize('seed', range(6))
@pytest.mark.parametrize('features', [PLENTY, (*PLENTY, 'nan', 'crowded')])
def test_any_order_of_changes_gives_what_a_fresh_engine_gives(seed, features):
    rng = np.random.default_rng(seed)
    frame = make_frame(seed, (60, 75), features)
    engine, params = LACosmic(frame), LACosmicParams()
    for _ in range(25):
        if rng.random() < 0.3:
            frame = edited(rng, frame)
            engine.set_frame(frame)
        else:
            change = CHANGES[rng.integers(len(CHANGES))]
            params = replace(params if rng.random() < 0.7 else LACosmicParams(), **change)
        found = engine.detect(params)
        assert differences(found, LACosmic(frame, params).detect()) == []
    assert_equal_to_ccdproc(frame, params, found)


def test_companions_may_be_changed():
    frame = make_frame(6, (60, 60), ('tracks', 'stars'))
    other = make_frame(6, (60, 60), (), companions=COMPANIONS)
    engine, params = LACosmic(frame), LACosmicParams(fsmode='convolve', objlim=1.0)
    engine.detect(params)
    for change in ({'background': other.background}, {'variance': other.variance}, {'psfk': other.psfk}):
        changed = frame.replace(**change)
        engine.set_frame(changed)
        assert differences(engine.detect(params), by_ccdproc(changed, params)) == []


def test_other_pixels_are_refused(frame):
    with pytest.raises(ValueError, match='other pixels'):
        LACosmic(frame).set_frame(make_frame(4, frame.shape, ()))


def test_results_stay_as_they_were(frame):
    engine = LACosmic(frame, LACosmicParams())
    first = engine.detect()
    kept = [array.copy() for array in (first.crmask, first.cleaned, first.searched)]
    engine.set_frame(edited(np.random.default_rng(1), frame))
    engine.detect(LACosmicParams(sigclip=2.0, satlevel=1000.0))
    for array, before in zip((first.crmask, first.cleaned, first.searched), kept, strict=True):
        assert_array_equal(array, before)


@pytest.mark.parametrize(
    ('change', 'fields', 'looked_at'),
    [
        ({'sigclip': 9.0}, 0, 0),
        ({'objlim': 2.0}, 0, 0),
        ({'sigfrac': 0.5}, 0, 0),
        ({'satlevel': 3000.0}, 0, 0),
        ({'cleantype': 'idw'}, 0, 0),
        ({'sigclip': 2.0}, 0, 1),
        ({'fsmode': 'convolve'}, 0, 1),
        ({'readnoise': 7.0}, 1, 1),
        ({'gain': 2.0}, 1, 1),
    ],
)
def test_a_change_costs_no_more_than_what_depends_on_it(monkeypatch, change, fields, looked_at):
    frame = make_frame(3, (200, 300), ('tracks',))
    engine = LACosmic(frame, LACosmicParams(niter=1))
    engine.detect()
    calls = {'peaks': 0, 'crop': 0}
    for name in calls:
        monkeypatch.setattr(dense_kernels, name, _counted(getattr(dense_kernels, name), calls, name))
    engine.detect(replace(engine.params, **change))
    assert (calls['peaks'] > 0, calls['crop'] > 0) == (fields, looked_at)


def test_an_edit_of_the_mask_works_on_its_neighborhood_alone(frame, monkeypatch):
    engine = LACosmic(frame, LACosmicParams())
    engine.detect()
    calls, boxes = {'peaks': 0, 'crop': 0}, []
    for name in calls:
        monkeypatch.setattr(dense_kernels, name, _counted(getattr(dense_kernels, name), calls, name))
    grow = dilation.grow_input
    monkeypatch.setattr(dilation, 'grow_input', lambda *args: boxes.append(args[2:6]) or grow(*args))
    mask = frame.masks[0].mask.copy()
    mask[40:42, 50] = ~mask[40:42, 50]
    changed = frame.replace(masks=(InputMask('edited', MaskBit.HOT, mask),))
    engine.set_frame(changed)
    assert differences(engine.detect(), by_ccdproc(changed, engine.params)) == []
    assert boxes == [(39, 43, 49, 52)]
    assert calls == {'peaks': 0, 'crop': 0}


def _counted(function, calls, name):
    def counting(*args):
        calls[name] += 1
        return function(*args)

    return counting


# progress, cancel, threads


def test_progress_is_told_by_rows_of_tiles_and_never_goes_back():
    told = []
    LACosmic(make_frame(3, (300, 40), PLENTY), LACosmicParams()).detect(progress=told.append)
    assert len(told) > 5
    assert told == sorted(told)
    assert 0 < told[0] < 0.2
    assert told[-1] == 1.0


class CancelAt:
    """Says stop when it is asked for the n-th time."""

    def __init__(self, n):
        self.left = n

    def __call__(self):
        self.left -= 1
        return self.left == 0


@pytest.mark.parametrize('threads', [1, 2])
def test_a_run_may_be_cancelled_anywhere(threads):
    frame = make_frame(3, (150, 80), PLENTY)
    params, other = LACosmicParams(), LACosmicParams(sigclip=3.0, gain=1.5, satlevel=5000.0)
    expected = LACosmic(frame, params).detect(), LACosmic(frame, other).detect()
    for begun in (False, True):
        n, cancelled = 0, True
        while cancelled:
            n += 1
            engine = LACosmic(frame, params, threads)
            if begun:
                last = engine.detect()
            try:
                engine.detect(other, cancel=CancelAt(n))
                cancelled = False
            except Cancelled:
                assert differences(engine.detect(), expected[0]) == []
                assert differences(engine.detect(other), expected[1]) == []
            if begun:
                assert differences(last, expected[0]) == []
        assert n > 5


def test_threads_change_nothing():
    frame = make_frame(9, (300, 330), (*PLENTY, 'crowded'))
    for params in (LACosmicParams(), LACosmicParams(sepmed=False, fsmode='convolve')):
        assert differences(LACosmic(frame, params, threads=3).detect(), LACosmic(frame, params).detect()) == []
    assert differences(detect(frame, params, threads=2), LACosmic(frame, params).detect()) == []


# what it stands on


def test_a_build_that_rounds_otherwise_is_met_with_its_own_functions(frame, monkeypatch):
    monkeypatch.setattr(electrons, 'laplacian_agrees', lambda: False)
    used = []
    lplus = electrons.reference_laplacian
    monkeypatch.setattr(electrons, 'reference_laplacian', lambda image: used.append(1) or lplus(image))
    for options in ({}, {'sepmed': False}):
        assert_equal_to_ccdproc(frame, LACosmicParams(**options))
    assert len(used) > 20


def test_the_laplacian_is_tested_against_the_installed_build():
    assert electrons.laplacian_agrees()


def test_the_memory_is_less_than_half_of_astroscrappys():
    frame = make_frame(2, (768, 768), ('tracks', 'stars'))
    frame.bits, frame.filled  # noqa: B018 - made before the count begins

    def peak(run):
        tracemalloc.start()
        run()
        try:
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    reference = peak(lambda: astroscrappy.detect_cosmics(frame.ccd.data, niter=1))
    assert peak(lambda: LACosmic(frame, LACosmicParams()).detect()) < 0.5 * reference


def test_saturated_stars_are_taken_back():
    masked = Masked((40, 40))
    masked.set_stars(np.array([20 * 40 + 20]), ('a',))
    assert np.count_nonzero(masked.mask) == 69
    masked.set_stars(np.array([], np.int64), ('b',))
    assert not masked.mask.any()


# where there is no numba


@pytest.mark.parametrize('fails', ['_run_once', '_run_all'])
def test_without_numba_ccdproc_does_it(frame, monkeypatch, fails):
    def fail():
        raise ImportError('no numba here')

    monkeypatch.setattr(compilation, '_state', compilation._State())
    monkeypatch.setattr(compilation, fails, fail)
    assert not compilation.ready()
    assert not compilation.compile_all()
    assert compilation.problem() == 'ImportError: no numba here'
    assert not compilation.ready()
    assert detect(frame, LACosmicParams()).engine.startswith('ccdproc') == (fails == '_run_once')


def test_what_is_compiled_is_ready(monkeypatch):
    monkeypatch.setattr(compilation, '_state', compilation._State())
    assert not compilation.ready()
    assert compilation.compile_all()
    assert compilation.ready()
    assert compilation.problem() == ''


def test_unknown_engines_are_refused(frame):
    with pytest.raises(ValueError, match="engine is 'slow'"):
        detect(frame, engine='slow')


@pytest.mark.parametrize(
    'code',
    [
        'import sys, ginga_crplugin; assert not {"numba", "numpy", "ccdproc"} & set(sys.modules)',
        'import sys; from ginga_crplugin import detect; assert not {"numba", "ccdproc"} & set(sys.modules)',
        'import sys; sys.modules["numba"] = None\n'
        'import numpy as np; from ginga_crplugin import Frame, LACosmicParams, detect\n'
        'assert detect(Frame(np.eye(32) * 1e4), LACosmicParams()).engine.startswith("ccdproc")',
    ],
)
def test_numba_is_loaded_when_it_is_needed_and_not_before(code):
    subprocess.run([sys.executable, '-c', code], check=True, env=os.environ | {'PYTHONPATH': os.pathsep.join(sys.path)})
