"""The uncertainty of a frame as the noise of its pixels: only when asked."""

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, InverseVariance, StdDevUncertainty, UnknownUncertainty, VarianceUncertainty
from numpy.testing import assert_allclose, assert_array_equal

from ginga_crplugin import Frame, Recipe, check_frame, detect, load_recipe, read_frame, save_recipe
from ginga_crplugin.cli.main import main
from ginga_crplugin.core.uncertainty import own_variance
from ginga_crplugin.session.session import Session
from tests.companions import image, write

SHAPE = (64, 56)
RNG = np.random.default_rng(4)
SIGMA = RNG.uniform(9.0, 11.0, SHAPE).astype('f4')
PIXELS = RNG.normal(100.0, SIGMA).astype('f4')
PIXELS[20, 10:16] += 900.0


def framed(uncertainty, unit='electron'):
    return Frame(CCDData(PIXELS, unit=unit, uncertainty=uncertainty), 'f')


@pytest.fixture
def path(tmp_path):
    science = image('SCI', PIXELS, BUNIT='electron', RDNOISE=1.0)
    return write(tmp_path / 'f.fits', science, image('ERR', SIGMA))


@pytest.mark.parametrize('unit', ['electron', 'adu', 'adu/s'])
@pytest.mark.parametrize(
    'uncertainty', [StdDevUncertainty(SIGMA), VarianceUncertainty(SIGMA**2), InverseVariance(1.0 / SIGMA**2)]
)
def test_every_type_gives_the_variance_in_the_unit_of_the_frame_squared(uncertainty, unit):
    variance, notes = own_variance(framed(type(uncertainty)(uncertainty), unit))
    assert_allclose(variance, SIGMA**2, rtol=1e-5)
    assert notes == []


@pytest.mark.parametrize('dtype', ['>f4', '>f8', 'i2', 'f8'])
def test_every_dtype(dtype):
    sigma = SIGMA.astype(dtype)
    variance, _ = own_variance(framed(StdDevUncertainty(sigma)))
    assert variance.dtype.isnative
    assert variance.dtype.kind == 'f'
    assert_allclose(variance, sigma.astype('f8') ** 2, rtol=1e-6)


def test_values_that_are_not_finite_and_positive_are_replaced_and_counted():
    sigma = SIGMA.copy()
    sigma[0, :4] = np.nan, np.inf, 0.0, 1e25  # the last one overflows
    frame = framed(StdDevUncertainty(sigma))
    variance, notes = own_variance(frame)
    assert_allclose(variance[0, :4], np.median(sigma[1:] ** 2), rtol=0.02)
    assert_array_equal(variance[1:], SIGMA[1:] ** 2)
    assert notes == ['4 px of the uncertainty are not finite and positive: using the median variance there']
    inverse = np.ones(SHAPE)
    inverse[3, 3] = 0.0  # infinite variance
    assert own_variance(framed(InverseVariance(inverse)))[1][0].startswith('1 px of the uncertainty')


def test_without_a_usable_uncertainty_the_reason_is_given():
    with pytest.raises(ValueError, match=r'f has no uncertainty \(UNCERT, ERR, VAR or IVAR\) to use as the noise'):
        own_variance(framed(None))
    with pytest.raises(ValueError, match='the uncertainty of f is UnknownUncertainty'):
        own_variance(framed(UnknownUncertainty(SIGMA)))
    with pytest.raises(ValueError, match='the uncertainty of f has no positive, finite values'):
        own_variance(framed(VarianceUncertainty(np.zeros(SHAPE))))


# only when asked


def test_it_is_not_used_unless_asked_and_the_check_of_the_noise_says_so(path):
    frame = read_frame(path)
    plain = frame.replace(uncertainty_source=None)
    assert_array_equal(detect(frame).crmask, detect(plain).crmask)
    check, plain = (next(c for c in check_frame(f) if c.name == 'noise') for f in (frame, plain))
    assert check.measured == f'{plain.measured}; the uncertainty of the frame (ERR) is not used'
    assert '--variance own' in check.advice
    assert check.mark == plain.mark
    used = Recipe(variance='own').prepare(frame)
    assert_array_equal(used.frame.variance, SIGMA**2)
    assert not any('is not used' in c.measured for c in used.checks)


def detected(capsys, *arguments):
    assert main(['detect', *map(str, arguments), '--json', '--overwrite']) == 0
    return json.loads(capsys.readouterr().out)


def test_variance_own_on_the_command_line_and_in_a_recipe(path, tmp_path, capsys):
    variance = tmp_path / 'variance.fits'
    fits.writeto(variance, SIGMA**2)
    given = detected(capsys, path, '--variance', variance)
    header = fits.getheader(given['output'], 'MASK')
    own = detected(capsys, path, '--variance', 'own', '--save-recipe', tmp_path / 'r.yaml')
    assert fits.getheader(own['output'], 'MASK')['CRVAR'] == header['CRVAR']
    assert own['per_iteration'] == given['per_iteration']
    assert load_recipe(tmp_path / 'r.yaml').variance == 'own'
    again = detected(capsys, path, '--recipe', tmp_path / 'r.yaml')
    assert fits.getheader(again['output'], 'MASK')['CRVAR'] == header['CRVAR']
    assert 'CRVAR' not in fits.getheader(detected(capsys, path)['output'], 'MASK')


def test_variance_own_without_an_uncertainty_is_one_line(tmp_path, capsys):
    path = write(tmp_path / 'f.fits', image('SCI', PIXELS, BUNIT='electron'))
    assert main(['detect', str(path), '--variance', 'own']) == 1
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert 'f.fits has no uncertainty' in error


def test_a_recipe_without_it_has_the_hash_of_version_0_1(tmp_path):
    recipe = Recipe({'sigclip': 5.0})
    assert recipe.checksum != Recipe({'sigclip': 5.0}, variance='own').checksum
    save_recipe(recipe, tmp_path / 'r.yaml')
    assert 'variance' not in (tmp_path / 'r.yaml').read_text()
    with pytest.raises(ValueError, match="variance is 'other': it must be one of own"):
        Recipe(variance='other')


# in a session


def at_once(job, done):
    try:
        result = job()
    except Exception as error:
        done(None, error)
    else:
        done(result, None)


@pytest.fixture
def session(path):
    session = Session(at_once)
    session.open(lambda: read_frame(path))
    return session


def test_the_remedy_of_the_check_uses_it_and_the_recipe_says_so(session, path):
    check = next(check for check in session.checks if check.name == 'noise')
    assert session.frame.variance is None
    assert check.remedy.name == 'Use uncertainty'
    session.apply_remedy(check.remedy)
    assert_array_equal(session.frame.variance, SIGMA**2)
    assert session.recipes.current.variance == 'own'
    session.open(lambda: read_frame(path))  # it was for that frame only
    assert session.frame.variance is None
    assert session.recipes.current.variance is None


def test_a_recipe_uses_it_on_this_frame_and_later_ones(session, path, tmp_path):
    session.recipes.apply(Recipe(variance='own'))
    assert_array_equal(session.frame.variance, SIGMA**2)
    session.open(lambda: read_frame(path))
    assert_array_equal(session.frame.variance, SIGMA**2)
    session.recipes.apply(Recipe())
    assert session.frame.variance is None
    other = write(tmp_path / 'plain.fits', image('SCI', PIXELS, BUNIT='electron'))
    session.open(lambda: read_frame(other))
    session.recipes.apply(Recipe(variance='own'))
    assert 'plain.fits has no uncertainty' in session.error
    assert session.settings.recipe.variance is None
