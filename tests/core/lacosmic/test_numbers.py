"""Extreme frames, and parameters at and beyond their limits: an error, or the result of ccdproc."""

import math
from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ginga_crplugin import (
    Frame,
    InputMask,
    LACosmicParams,
    MaskBit,
    check_frame,
    check_result,
    detect,
    merge_mask,
    read_frame,
    save_mask,
    segment,
)
from ginga_crplugin.core.diagnostics.hints import with_hints
from tests.core.lacosmic.cases import differences

SHAPE = (40, 48)
NOISE = np.random.default_rng(1).normal(300.0, 17.0, SHAPE)
NOISE[20, 20:25] += 3000.0
NOISE[7, 30] += 900.0
NOISE[30:33, 5] -= 5000.0
PLACES = np.arange(NOISE.size).reshape(SHAPE)
CHECKER = np.indices(SHAPE).sum(axis=0) % 2
LARGEST = float(np.finfo('f4').max)


def only(where):
    return (InputMask('all others', MaskBit.BAD, ~where),)


FRAMES = {
    **{
        f'all {value:g}': (np.full(SHAPE, value), ())
        for value in (0.0, 1.0, 300.0, 65535.0, -500.0, 1e-40, 1e-310, 1e15, 1e19, 1e20, 9e29, 1e30, -1e30)
    },
    'normal': (NOISE, ()),
    'all saturated': (NOISE + 1e6, ()),
    'all masked': (NOISE, only(np.zeros(SHAPE, bool))),
    'one pixel not masked': (NOISE, only(PLACES == 20 * 48 + 22)),
    'nine pixels not masked': (NOISE, only(np.isin(PLACES // 48, (19, 20, 21)) & np.isin(PLACES % 48, (21, 22, 23)))),
    'NaN but a stripe': (np.where((PLACES // 48 >= 18) & (PLACES // 48 < 24), NOISE, np.nan), ()),
    'NaN but a pixel': (np.where(PLACES == 1000, NOISE, np.nan), ()),
    'every seventh infinite': (np.where(PLACES % 7 == 0, np.inf, NOISE), ()),
    'denormals': (NOISE * 1e-41, ()),
    'denormals of 64 bits': (NOISE * 1e-311, ()),
    **{f'up to {value:g}': (NOISE / NOISE.max() * value, ()) for value in (1e12, 1e15, 1e18, 1e25, 1e30)},
    **{f'one of {value:g}': (np.where(PLACES == 999, value, NOISE), ()) for value in (1e20, 1e30, -1e30, LARGEST)},
    'negative sky': (NOISE - 700.0, ()),
    'sky subtracted': (NOISE - 300.0, ()),
    'checkered': (CHECKER * 1e4, ()),
    'checkered to 1e30': ((2 * CHECKER - 1) * 1e30, ()),
}
OPTIONS = {
    'defaults': {},
    'never saturated': {'satlevel': math.inf},
    'convolve': {'satlevel': math.inf, 'fsmode': 'convolve', 'objlim': 2.0},
    'full median': {'satlevel': math.inf, 'sepmed': False, 'cleantype': 'idw'},
    'edges': {'satlevel': math.inf, 'cleantype': 'medmask', 'search_edges': True},
    'gain': {'gain': 1e6},
    'large gain': {'satlevel': math.inf, 'gain': 1e6},
    'sky added': {'satlevel': math.inf, 'pssl': 1e9},
    'no noise': {'readnoise': 0.0},
}


def _holds(dtype, values):
    kind = np.dtype(dtype)
    return kind.kind == 'f' or ((values >= np.iinfo(kind).min) & (values <= np.iinfo(kind).max)).all()


CASES = [
    (name, dtype, options)
    for name, (values, _) in FRAMES.items()
    for dtype in ('f4', 'f8', 'i4', 'u2')
    if _holds(dtype, values)
    for options in (OPTIONS if dtype == 'f4' else ('defaults', 'never saturated', 'no noise'))
]


def outcome(frame, params, engine='fast'):
    """Return the result, or the error message."""
    try:
        return detect(frame, params, engine=engine)
    except ValueError as error:
        return str(error)


@pytest.mark.filterwarnings('ignore::RuntimeWarning:astroscrappy', 'ignore::RuntimeWarning:ccdproc')
@pytest.mark.parametrize(('name', 'dtype', 'options'), CASES)
def test_extreme_frames_raise_or_equal_ccdproc(tmp_path, name, dtype, options):
    values, masks = FRAMES[name]
    frame = Frame(values.astype(dtype), masks=masks)
    params = LACosmicParams(**OPTIONS[options])
    found, expected = outcome(frame, params), outcome(frame, params, 'ccdproc')
    if isinstance(expected, str):
        assert found == expected
        assert found.startswith('no pixels to search')
        return
    assert 'numba' in found.engine or name != 'normal'
    assert differences(found, expected) == []
    assert not (np.isfinite(values) & ~np.isfinite(found.cleaned)).any()
    segments = with_hints(frame, found, segment(frame, found))
    for column in ('x_centroid', 'y_centroid', 'area', 'peak', 'flux', 'length'):
        assert np.isfinite(segments.table[column].value).all()
    marks = check_frame(frame, params) + check_result(frame, found, segments)
    assert not any('nan' in mark.measured for mark in marks)
    out = save_mask(frame, found, segments, tmp_path / 'out.fits', cleaned=True)
    again = read_frame(out)
    assert_array_equal(again.ccd.data, frame.ccd.data)
    assert_array_equal(again.saved.masks[0].mask if masks else found.crmask, masks[0].mask if masks else found.crmask)
    assert_array_equal(merge_mask(frame, found) != 0, frame.bits.astype(bool) | frame.saturated(params) | found.crmask)


@pytest.mark.parametrize('value', [1.0000001e30, LARGEST, 1e300, np.nan, np.inf, -np.inf])
def test_a_frame_without_finite_pixels_raises_with_its_name(value):
    with pytest.raises(ValueError, match='frame has no finite pixel'):
        Frame(np.full(SHAPE, value))


# the parameters

NUMBERS = [item for item in fields(LACosmicParams) if item.metadata['low'] is not None]
OTHERS = [item for item in fields(LACosmicParams) if item.metadata['low'] is None]


def beyond(item):
    """Yield values beyond the limits of a parameter, and values that are not numbers."""
    low, high = item.metadata['low'], item.metadata['high']
    yield from (np.nextafter(low, -np.inf), low - 1, -1e300, -math.inf, math.nan, '5', None, 1j, [5.0], True)
    if high < math.inf:
        yield from (np.nextafter(high, np.inf), high + 1, 1e300, math.inf)
    if item.type is int:
        yield from (low + 0.5, 10**400)
    if item.name == 'psfsize':
        yield from (4, 100)


@pytest.mark.parametrize('item', NUMBERS, ids=lambda item: item.name)
def test_values_beyond_the_limits_raise_with_the_name(item):
    for value in beyond(item):
        with pytest.raises(ValueError, match=rf'^{item.name} is .*: it must be') as error:
            LACosmicParams(**{item.name: value})
        assert '\n' not in str(error.value)


@pytest.mark.parametrize('item', OTHERS, ids=lambda item: item.name)
def test_invalid_choices_and_switches_raise_with_the_name(item):
    for value in ('', 'nonsense', None, 2, 1.5, math.nan, [1]):
        with pytest.raises(ValueError, match=rf'^{item.name} is .*: it must be'):
            LACosmicParams(**{item.name: value})


def at_limits(item):
    low, high = item.metadata['low'], item.metadata['high']
    if item.name == 'pssl':
        return low, high, -300.0
    return low, np.nextafter(low, np.inf) if item.type is float else low + 2, high


@pytest.mark.filterwarnings('ignore::RuntimeWarning:astroscrappy', 'ignore::RuntimeWarning:ccdproc')
@pytest.mark.parametrize('fsmode', ['median', 'convolve'])
@pytest.mark.parametrize('item', NUMBERS, ids=lambda item: item.name)
def test_results_at_the_limits_equal_ccdproc(item, fsmode):
    frame = Frame(NOISE)
    for value in at_limits(item):
        params = LACosmicParams(**{'fsmode': fsmode, item.name: value})
        found, expected = outcome(frame, params), outcome(frame, params, 'ccdproc')
        if isinstance(expected, str):
            assert found == expected
        else:
            assert differences(found, expected) == []
            assert np.isfinite(found.cleaned).all()


@pytest.mark.filterwarnings('ignore::RuntimeWarning:astroscrappy', 'ignore::RuntimeWarning:ccdproc')
@pytest.mark.parametrize('seed', range(60))
def test_results_with_several_values_at_their_limits_equal_ccdproc(seed):
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(NUMBERS), int(rng.integers(2, 8)), replace=False)
    options = {NUMBERS[n].name: rng.choice(np.array(at_limits(NUMBERS[n]), dtype=object)) for n in chosen}
    options['niter'] = min(10, options.get('niter', 4))
    for item in OTHERS:
        if rng.random() < 0.5:
            options[item.name] = rng.choice(np.array(item.metadata['choices'] or [True, False], dtype=object))
    params = LACosmicParams(**options)
    name = rng.choice(['normal', 'negative sky', 'one of 1e+20', 'every seventh infinite'])
    frame = Frame(FRAMES[str(name)][0])
    found, expected = outcome(frame, params), outcome(frame, params, 'ccdproc')
    if isinstance(expected, str):
        assert found == expected
    else:
        assert differences(found, expected) == []
        assert not (np.isfinite(frame.ccd.data) & ~np.isfinite(found.cleaned)).any()


def test_the_lower_limits_are_below_the_upper_ones():
    assert all(low < high for item in NUMBERS for low, high in pairwise((item.metadata['low'], item.metadata['high'])))
