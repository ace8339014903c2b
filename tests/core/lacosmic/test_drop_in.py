"""The drop-in equals `ccdproc.cosmicray_lacosmic` in data, mask, unit, meta and dtype."""

import os
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import CCDData, StdDevUncertainty
from ccdproc import cosmicray_lacosmic as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ginga_crplugin import cosmicray_lacosmic

#: Made inputs in the suite; ``DROP_IN_CASES=500`` tries as many.
CASES = int(os.environ.get('DROP_IN_CASES', '40'))


def frame(seed, dtype='float32', shape=(40, 48), sky=200.0):
    rng = np.random.default_rng(seed)
    data = rng.normal(sky, 15.0, shape)
    y, x = np.mgrid[: shape[0], : shape[1]]
    data += 4000 * np.exp(-((y - 20) ** 2 + (x - 30) ** 2) / 5.0)
    for _ in range(6):
        row, column = rng.integers(0, shape[0]), rng.integers(0, shape[1] - 3)
        data[row, column : column + rng.integers(1, 4)] += rng.uniform(200, 3000)
    return data.astype(dtype)


def outcome(function, image, options):
    """Return what a call does: its result or its error, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        try:
            result = function(image, **options)
        except (ValueError, TypeError) as error:
            result = error
    return result, [item.category for item in caught if 'astroscrappy' not in str(item.filename)]


def assert_same(image, **options):
    before = image.copy()
    theirs, their_warnings = outcome(reference, image, options)
    ours, our_warnings = outcome(cosmicray_lacosmic, image, options)
    assert type(ours) is type(theirs), ours
    assert our_warnings == their_warnings
    if isinstance(theirs, Exception):
        assert str(ours) == str(theirs)
        return
    if isinstance(theirs, tuple):
        for one, other in zip(ours, theirs, strict=True):
            assert one.dtype == other.dtype
            assert_array_equal(one, other)
        assert_array_equal(image, before)
        return
    assert (ours.data.dtype, ours.unit, ours.meta, ours.mask.dtype) == (
        theirs.data.dtype,
        theirs.unit,
        theirs.meta,
        theirs.mask.dtype,
    )
    assert_array_equal(ours.data, theirs.data)
    assert_array_equal(ours.mask, theirs.mask)
    if theirs.uncertainty is None:
        assert ours.uncertainty is None
    else:
        assert type(ours.uncertainty) is type(theirs.uncertainty)
        assert_array_equal(ours.uncertainty.array, theirs.uncertainty.array)
    assert_array_equal(image.data, before.data)


gains = st.sampled_from([1.0, 1, 1.5, 0.3, np.float32(2.2), np.float64(4.0)])
scalars = {
    'sigclip': st.sampled_from([4.5, 7.0, 3, np.float64(5.5)]),
    'sigfrac': st.sampled_from([0.3, 0.1, 1.0]),
    'objlim': st.sampled_from([5.0, 2, 10.0]),
    'satlevel': st.sampled_from([65535.0, 3000.0, np.inf]),
    'niter': st.sampled_from([4, 1, 2, 6]),
    'sepmed': st.booleans(),
    # 'median' is left out: in Astro-SCRAPPY 1.3.0 it takes the median of memory that was never written
    'cleantype': st.sampled_from(['meanmask', 'medmask', 'idw', 'nothing']),
    'fsmode': st.sampled_from(['median', 'convolve', 'other']),
    'psfmodel': st.sampled_from(['gauss', 'gaussx', 'gaussy', 'moffat']),
    'psffwhm': st.sampled_from([2.5, 1.5]),
    'psfsize': st.sampled_from([7, 5]),
    'psfbeta': st.sampled_from([4.765, 2.5]),
    'gain_apply': st.booleans(),
    'verbose': st.just(value=True),
    'pssl': st.sampled_from([0.0, 100.0, 30]),
}


@st.composite
def calls(draw):
    seed = draw(st.integers(0, 10_000))
    dtype = draw(st.sampled_from(['float32', 'float64', 'uint16', 'int32', 'int16', '>f4', '>i2']))
    options = {name: draw(values) for name, values in scalars.items() if draw(st.integers(0, 4)) == 0}
    options |= {'gain': draw(gains), 'readnoise': draw(st.sampled_from([6.5, 10, 3.5]))}
    data = frame(seed, dtype)
    if draw(st.integers(0, 3)) == 0:
        options['inbkg'] = np.full(data.shape, 150.0, draw(st.sampled_from(['float32', 'float64'])))
    if draw(st.integers(0, 3)) == 0:
        options['invar'] = np.full(data.shape, 250.0, draw(st.sampled_from(['float32', 'float64'])))
    if data.dtype.kind == 'f' and draw(st.integers(0, 9)) == 0:
        data[5, 5] = np.nan
    if not draw(st.booleans()):
        return data, options
    unit = draw(st.sampled_from([u.adu, u.electron, u.Unit('electron / s'), u.photon]))
    if draw(st.booleans()):
        options['gain'] = options['gain'] * draw(st.sampled_from([u.electron / u.adu, u.one, u.photon / u.adu]))
    if draw(st.booleans()):
        options['readnoise'] = options['readnoise'] * draw(st.sampled_from([u.electron, u.adu, u.photon]))
    mask = draw(st.sampled_from([None, 'bool', 'uint8']))
    if mask is not None:
        mask = (np.random.default_rng(seed).random(data.shape) > 0.97).astype(mask)
    uncertainty = StdDevUncertainty(np.full(data.shape, 9.0)) if draw(st.booleans()) else None
    return CCDData(data, unit=unit, mask=mask, uncertainty=uncertainty, meta={'OBJECT': 'M 51'}), options


@settings(max_examples=CASES, deadline=None)
@given(calls())
def test_made_inputs_give_the_same(call):
    image, options = call
    assert_same(image, **options)


@pytest.mark.parametrize('image', [[[1.0, 2.0]], None, np.ma.masked_array(frame(1), frame(1) > 220)])
def test_other_types_are_left_to_ccdproc(image):
    theirs, _ = outcome(reference, image, {})
    ours, _ = outcome(cosmicray_lacosmic, image, {})
    assert type(ours) is type(theirs)


def test_the_median_is_left_to_ccdproc(monkeypatch):
    calls = []
    monkeypatch.setattr('ccdproc.cosmicray_lacosmic', lambda ccd, **options: calls.append(options) or 'its result')
    assert cosmicray_lacosmic(frame(2), gain=1.5, cleantype='median') == 'its result'
    assert [(call['cleantype'], call['gain']) for call in calls] == [('median', 1.5)]


def test_the_engine_computes_it(monkeypatch):
    monkeypatch.setattr('ccdproc.cosmicray_lacosmic', None)
    cleaned, crmask = cosmicray_lacosmic(frame(2), gain=1.5)
    assert crmask.any()
    assert cleaned.shape == crmask.shape
