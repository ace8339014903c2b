import sys

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin import MaskBit, detect, merge_mask, read_frame, save_mask, segment

asdf = pytest.importorskip('asdf')

SHAPE = (60, 70)


def planes():
    data = np.random.default_rng(8).poisson(200, SHAPE).astype('f4')
    data[20:24, 30] += 3000
    dq = np.zeros(SHAPE, 'u4')
    dq[20:24, 30] = dq[40, 10] = 4
    dq[50, 50:60] = 2**31
    return data, np.sqrt(data), dq


def write(path, *, roman, **changes):
    data, err, dq = planes()
    instrument = {'name': 'WFI', 'detector': 'WFI01', 'optical_element': 'F158'}
    meta = {
        'telescope': 'ROMAN' if roman else 'JWST',
        'instrument': instrument if roman else {'name': 'NIRCAM', 'detector': 'NRCA1', 'filter': 'F200W'},
        'exposure': {'exposure_time': 139.8, 'effective_exposure_time': 130.5, 'start_time': '2027-01-01T00:00:00'},
    }
    tree = {'data': data, 'err': err, 'dq': dq, 'meta': meta} | changes
    asdf.AsdfFile({'roman': tree} if roman else tree).write_to(path)
    return path


@pytest.mark.parametrize('roman', [True, False])
def test_image_error_and_flags_are_read(tmp_path, roman):
    frame = read_frame(write(tmp_path / 'f.asdf', roman=roman), unit='electron')
    data, _, dq = planes()
    assert_array_equal(frame.ccd.data, data)
    header = frame.ccd.header
    assert (header['TELESCOP'], header['FILTER']) == (('ROMAN', 'F158') if roman else ('JWST', 'F200W'))
    assert (header['EXPTIME'], header['EFFEXPTM']) == (139.8, 130.5)
    assert_array_equal((frame.bits & MaskBit.CR_MISSION) != 0, dq == 4)
    assert_array_equal((frame.bits & MaskBit.INPUT) != 0, dq == 2**31)
    assert frame.uncertainty is not None


@pytest.mark.parametrize('kind', ['new', 'mask'])
@pytest.mark.parametrize('dq', ['own', 'roman'])
def test_the_mask_is_saved_as_fits_beside_it(tmp_path, kind, dq):
    path = write(tmp_path / 'f.asdf', roman=True)
    before = path.read_bytes()
    frame = read_frame(path, unit='electron')
    found = detect(frame)
    out = save_mask(frame, found, segment(frame, found), kind=kind, dq=dq)
    assert out == tmp_path / 'f_crmask.fits'
    assert path.read_bytes() == before
    merged = merge_mask(frame, found)
    assert_array_equal(fits.getdata(out, 'MASK'), merged != 0)
    if dq == 'roman':
        flags = fits.getdata(out, 'DQ')
        assert_array_equal(flags & planes()[2], planes()[2])
        assert (flags[20:24, 30] == 5).all()
    if kind == 'new':
        again = read_frame(out, unit='electron')
        assert_array_equal(again.ccd.data, frame.ccd.data)
        assert_array_equal(again.bits, frame.bits)


def test_a_mask_is_not_written_into_asdf(tmp_path):
    frame = read_frame(write(tmp_path / 'f.asdf', roman=True), unit='electron')
    with pytest.raises(ValueError, match="is an ASDF file: use kind 'new' or 'mask'"):
        save_mask(frame, detect(frame), kind='into')


@pytest.mark.parametrize(
    ('changes', 'unit'),
    [
        ({}, 'adu / s'),
        ({'data': {'value': planes()[0], 'unit': 'electron'}}, 'electron'),
        ({'meta': {'bunit_data': 'DN'}}, 'adu'),
        ({'data': planes()[0].astype('u2')}, 'adu'),
    ],
)
def test_the_unit_is_that_of_the_data_or_of_the_schema(tmp_path, changes, unit):
    assert str(read_frame(write(tmp_path / 'f.asdf', roman=True, **changes)).ccd.unit) == unit


NO_TIME = {'meta': {'exposure': {'exposure_time': float('nan')}}}


@pytest.mark.parametrize(
    'changes', [{'err': None, 'dq': None}, {'meta': {}}, {'meta': {'instrument': [], 'telescope': 3}}, NO_TIME]
)
def test_missing_planes_and_metadata(tmp_path, changes):
    frame = read_frame(write(tmp_path / 'f.asdf', roman=False, **changes))
    assert frame.shape == SHAPE


def test_files_without_an_image_and_damaged_files_are_refused_in_one_line(tmp_path):
    path = tmp_path / 'f.asdf'
    asdf.AsdfFile({'roman': {'meta': {}}}).write_to(path)
    with pytest.raises(ValueError, match=r'cannot be read as ASDF \(it has meta, but no image "data"\)'):
        read_frame(path)
    content = write(tmp_path / 'g.asdf', roman=True).read_bytes()
    for end in (8, 100, 1000, len(content) // 2):
        path.write_bytes(content[:end])
        with pytest.raises(ValueError) as info:
            read_frame(path)
        assert str(info.value).startswith(str(path))
        assert '\n' not in str(info.value)


def test_without_the_package_the_error_says_what_to_install(tmp_path, monkeypatch):
    path = write(tmp_path / 'f.asdf', roman=True)
    monkeypatch.setitem(sys.modules, 'asdf', None)
    with pytest.raises(
        ValueError, match=r"is an ASDF file: install the package asdf \(pip install 'ginga-crplugin\[asdf\]'\)"
    ):
        read_frame(path)
