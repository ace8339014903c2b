"""The stars that the mask of a session touches."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

from ginga_crplugin import Frame, Recipe
from ginga_crplugin.panels.text import result_lines
from ginga_crplugin.session import touching
from ginga_crplugin.session.session import Session


def run_at_once(job, done):
    try:
        result, error = job(), None
    except Exception as failure:
        result, error = None, failure
    done(result, error)


@pytest.fixture
def session():
    """A session with a frame of 16 narrow stars, whose cores L.A.Cosmic flags."""
    rng = np.random.default_rng(3)
    image = np.full((200, 200), 200.0)
    y, x = np.mgrid[:200, :200]
    for row in (25.2, 75.0, 124.9, 174.7):
        for column in (25.1, 74.8, 125.0, 174.9):
            image += 8000.0 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 0.6**2))
    pixels = (rng.poisson(image) + rng.normal(0.0, 5.0, image.shape)).astype(np.float32)
    session = Session(run_at_once)
    session.open(lambda: Frame(CCDData(pixels, unit='electron')))
    session.set_params(readnoise=5.0)
    session.runner.detect()
    assert session.error == ''
    return session


def touched(session):
    return len(session.touching.touched)


def test_the_line_follows_parameters_and_review(session):
    assert session.touching.stars.shape == (200, 200)
    assert (touched(session), session.touching.touched.count) == (16, 16)
    assert session.touching.touched.text in result_lines(session)
    y, x = np.divmod(session.result.segments.pixels, 200)
    session.review.edit('erase', session.result.segments.pixels[(y < 40) & (x < 40)])
    assert touched(session) == 15
    session.review.edit('undo')
    session.set_params(objlim=50.0, sepmed=False)
    session.runner.detect()
    assert touched(session) == 0
    assert 'stars touched: 0 of 16 (0.0 %), 0 % of the flux of the stars' in result_lines(session)


def test_the_stars_are_found_once_for_a_frame(session, monkeypatch):
    def fail(*_args):
        raise AssertionError

    monkeypatch.setattr(touching, 'find_star_list', fail)
    session.set_params(sigclip=6.0)
    session.runner.detect()
    assert session.error == ''
    assert touched(session) == 16


def test_another_frame_has_other_stars(session):
    session.close()
    assert session.touching.touched is None
    assert result_lines(session) == []


def test_they_are_recorded_in_the_saved_mask(session, tmp_path):
    path = tmp_path / 'out.fits'
    session.review.save(path, kind='mask')
    header = fits.getheader(path, 'MASK')
    assert (header['CRNSTAR'], header['CRNTOUCH']) == (16, touched(session))
    assert header['CRSTARFL'] == pytest.approx(session.touching.touched.flux_lost)


@pytest.mark.parametrize('keep', [False, True])
def test_stars_of_a_recipe_are_protected(session, tmp_path, keep):
    (tmp_path / 'targets.csv').write_text('name,x,y\nmine,25.1,25.2\n')
    before = session.review.decisions.pixels
    session.recipes.apply(Recipe({'readnoise': 5.0}, protect=tmp_path / 'targets.csv', keep_protected=keep))
    assert session.error == ''
    assert touched(session) == (15 if keep else 16)
    removed = np.setdiff1d(before, session.review.decisions.pixels)
    assert bool(len(removed)) is keep
    (line,) = [line for line in result_lines(session) if line.startswith('protected stars touched')]
    assert line.startswith('protected stars touched: 0 of 1' if keep else 'protected stars touched: 1 of 1; mine: core')
    path = tmp_path / 'out.fits'
    session.review.save(path, kind='mask')
    header = fits.getheader(path, 'MASK')
    assert (header['CRNPROT'], header['CRNPRTCH'], header.get('CRNPKEPT', 0)) == (1, int(not keep), len(removed))
    assert np.flatnonzero(fits.getdata(path, 'DQ')).tolist() == session.review.decisions.pixels.tolist()


def test_the_first_protected_stars_are_named(session, tmp_path):
    stars = session.touching.stars
    rows = [f'{x},{y}' for x, y in zip(stars.x, stars.y, strict=True)]
    (tmp_path / 'targets.csv').write_text('\n'.join(['x,y', *rows]))
    session.recipes.apply(Recipe({'readnoise': 5.0}, protect=tmp_path / 'targets.csv'))
    (line,) = [line for line in result_lines(session) if line.startswith('protected stars touched: 16 of 16; star 1: ')]
    assert line.endswith(' of its flux; and 13 more')


def test_a_missing_list_of_protected_stars_is_reported(session, tmp_path):
    session.recipes.apply(Recipe({'readnoise': 5.0}, protect=tmp_path / 'none.csv'))
    session.runner.detect()
    assert 'none.csv: no such file' in session.error
