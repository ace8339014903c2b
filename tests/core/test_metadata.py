"""Metadata of images in memory as FITS headers: nothing is lost that a header can hold."""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData

from ginga_crplugin import Frame, detect, read_frame, save_mask
from ginga_crplugin.core.diagnostics.header_history import calibration_keyword
from ginga_crplugin.core.metadata import card_value, fits_header

PIXELS = np.random.default_rng(2).normal(200.0, 9.0, (40, 36)).astype('f4')


def rich():
    """Return a header with cards of every kind."""
    header = fits.Header({'BUNIT': 'adu', 'GAIN': 1.5, 'LONG': 'x' * 200, 'YES': True, 'TINY': 1e-25})
    header['HIERARCH ESO DET OUT1 RON'] = (4.0, 'electrons')
    header['NONE'] = fits.card.Undefined()
    header.add_comment('one')
    header.add_comment('two')
    header.add_history('three')
    for value in (1, 2):
        header.append(('DUP', value, f'number {value}'), end=True)
    header.append(('', 'without a keyword'), end=True)
    header.append(fits.Card.fromstring('ODD     =              1.50E+003 / an unusual format'.ljust(80)), end=True)
    return header


def cards(header):
    return [line for line in header.tostring(sep='\n').split('\n') if line[:8] != 'END     ']


@pytest.mark.parametrize('kind', ['memory', 'compressed', 'header of another image', 'plain'])
def test_cards_of_every_kind_are_in_a_new_file(tmp_path, kind):
    path = tmp_path / 'f.fits'
    hdus = {
        'compressed': [fits.PrimaryHDU(), fits.CompImageHDU(PIXELS.round().astype('i4'), rich())],
        'header of another image': [fits.PrimaryHDU(PIXELS, rich()), fits.ImageHDU(PIXELS + 1)],
    }.get(kind, [fits.PrimaryHDU(PIXELS, rich())])
    fits.HDUList(hdus).writeto(path)
    if kind == 'compressed':  # astropy drops these when it makes the HDU
        with fits.open(path, mode='update', disable_image_compression=True) as raw:
            raw[1].header.append(('DUP', 2, 'number 2'), end=True)
            raw[1].header.append(('', 'without a keyword'), end=True)
    ext = 1 if kind == 'header of another image' else None
    frame = Frame(CCDData(PIXELS, unit='adu', header=rich())) if kind == 'memory' else read_frame(path, ext)
    out = save_mask(frame, detect(frame), path=tmp_path / 'out.fits')
    saved = cards(fits.getheader(out, 1 if kind == 'compressed' else 0))
    expected = cards(rich())
    assert sorted(line for line in saved if line in expected) == sorted(expected)


def test_metadata_that_is_no_header_is_converted():
    meta = {'exposure': 30.0 * u.s, 'filters': ['B', 'V'], 'nested': {'a': 1}, 'PI': 'Müller', 'GAIN': (1.5, 'e-/ADU')}
    meta |= {'a long keyword': 'v' * 100, 'COMMENT': ['one', 'two'], 'HISTORY': 'first\nsecond', 'bad\nkey': 1}
    header, notes = fits_header(meta)
    assert header['EXPOSURE'] == '30.0 s'
    assert header['FILTERS'] == "['B', 'V']"
    assert header['NESTED'] == "{'a': 1}"
    assert header['PI'] == 'M?ller'
    assert (header['GAIN'], header.comments['GAIN']) == (1.5, 'e-/ADU')
    assert header['a long keyword'] == 'v' * 100
    assert list(header['COMMENT']) == ['one', 'two']
    assert list(header['HISTORY']) == ['first', 'second']
    assert notes == ['bad\nkey in the metadata cannot be written to a FITS header: ignored']


def test_a_frame_with_such_metadata_is_saved(tmp_path):
    frame = Frame(CCDData(PIXELS, unit='adu', meta={'nested': {'a': 1}, 'when': 1 * u.h}))
    out = save_mask(frame, detect(frame), path=tmp_path / 'out.fits')
    assert fits.getheader(out)['NESTED'] == "{'a': 1}"


def test_a_card_that_cannot_be_parsed_has_the_default_value():
    header = fits.Header.fromstring("FLATCOR = 12 ab cd ' x".ljust(80))
    assert card_value(header, 'FLATCOR', '') == ''
    assert calibration_keyword(header, 'flat') == ''
