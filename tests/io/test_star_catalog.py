"""Stars in tables and DS9 region files."""

import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import CCDData
from astropy.table import QTable, Table
from astropy.wcs import WCS
from numpy.testing import assert_allclose

from ginga_crplugin import Frame
from ginga_crplugin.io.star_catalog import read_stars


@pytest.fixture
def frame():
    """100 x 80 pixels of 1 arcsec, with RA 10 and Dec 20 at x = 49, y = 39."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = 'RA---TAN', 'DEC--TAN'
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = (10.0, 20.0), (50.0, 40.0), (-1.0 / 3600.0, 1.0 / 3600.0)
    return Frame(CCDData(np.zeros((80, 100), np.float32), unit='adu', wcs=wcs))


@pytest.mark.parametrize('name', ['stars.ecsv', 'stars.csv', 'stars.fits'])
def test_pixels_names_and_radii(frame, tmp_path, name):
    columns = {'Name': ['a', 'b', 'outside'], 'X': [5.0, 99.4, 99.6], 'y': [6.0, -0.4, 3.0]}
    Table(columns | {'radius': [4.0, 2.0, 1.0]}).write(tmp_path / name)
    names, y, x, radii = read_stars(tmp_path / name, frame)
    assert names == ('a', 'b')
    assert (x.tolist(), y.tolist(), radii.tolist()) == ([5.0, 99.4], [6.0, -0.4], [4.0, 2.0])


@pytest.mark.parametrize('unit', [1.0, u.deg, u.arcmin])
def test_celestial_positions(frame, tmp_path, unit):
    factor = 60.0 if unit == u.arcmin else 1.0
    ra, dec = np.array([[10.0, 10.0], [20.0, 20.0 + 10.0 / 3600.0]]) * factor
    QTable({'ra': ra * unit, 'dec': dec * unit}).write(tmp_path / 'stars.ecsv')
    names, y, x, radii = read_stars(tmp_path / 'stars.ecsv', frame)
    assert names == ('star 1', 'star 2')
    assert_allclose((x, y), ([49.0, 49.0], [39.0, 49.0]), atol=0.01)
    assert np.isnan(radii).all()


def test_ds9_regions(frame, tmp_path):
    pytest.importorskip('regions')
    path = tmp_path / 'stars.reg'
    path.write_text(
        '# Region file format: DS9\nimage\ncircle(11,21,3) # text={target}\npoint(31,41)\n'
        'fk5\ncircle(10.0,20.0,5")\nimage\npolygon(1,1,5,1,5,5)\n'
    )
    names, y, x, radii = read_stars(path, frame)
    assert names == ('target', 'star 2', 'star 3')
    assert_allclose((x, y), ([10.0, 30.0, 49.0], [20.0, 40.0, 39.0]), atol=0.05)
    assert_allclose(radii, [3.0, np.nan, 5.0], rtol=0.01)


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('stars.txt', 'x y\n1 2\n', 'must end in .ecsv, .csv, .fits or .reg'),
        ('stars.csv', 'a,b\n1,2\n', 'columns x and y, or ra and dec, are needed'),
        ('stars.ecsv', 'garbage', 'is not a table'),
        ('stars.fits', 'garbage', 'stars.fits is not a table'),
        ('stars.csv', 'name,x,y\na,1,2\nb,,2\n', 'x is missing in row 2: it must be a finite number'),
        ('stars.csv', 'x,y\n1,2\n3,nan\n', "y is 'nan' in row 2: it must be a finite number"),
        ('stars.csv', 'ra,dec\n10:20:30,5\n', "ra is '10:20:30' in row 1: it must be a finite number"),
        ('stars.csv', 'name,x,y,radius\na,1,2,-3\n', 'the radius of a is -3 px: it must be above 0 and at most 100'),
        ('stars.csv', 'name,x,y,radius\na,1,2,1e9\n', 'the radius of a is 1e.09 px'),
        ('stars.reg', 'image\npolygon(1,1,5,1,5,5)\n', 'no regions with a center'),
        ('stars.reg', 'image\ncircle(1,1,500)\n', 'the radius of star 1 is 500 px'),
    ],
)
def test_files_that_cannot_be_used(frame, tmp_path, name, text, message):
    if name.endswith('.reg'):
        pytest.importorskip('regions')
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_stars(tmp_path / name, frame)


def test_a_missing_radius_is_that_of_the_stars(frame, tmp_path):
    (tmp_path / 'stars.csv').write_text('name,x,y,radius\na,1,2,\nb,3,4,5\n')
    assert_allclose(read_stars(tmp_path / 'stars.csv', frame).radii, [np.nan, 5.0])


def test_missing_file_and_missing_wcs(tmp_path):
    frame = Frame(np.zeros((20, 20), np.float32))
    with pytest.raises(FileNotFoundError, match='no such file'):
        read_stars(tmp_path / 'none.csv', frame)
    (tmp_path / 'sky.csv').write_text('ra,dec\n1,2\n')
    with pytest.raises(ValueError, match='has no WCS; give x and y in pixels'):
        read_stars(tmp_path / 'sky.csv', frame)
