import inspect
import math
from dataclasses import FrozenInstanceError, fields, replace

import astroscrappy
import ccdproc
import numpy as np
import pytest

from ginga_crplugin import LACosmicParams
from ginga_crplugin.core.params import resolve

FIELDS = {item.name: item for item in fields(LACosmicParams)}
NUMBERS = [name for name, item in FIELDS.items() if item.type in (int, float)]


def test_defaults_are_those_of_ccdproc():
    signature = inspect.signature(ccdproc.cosmicray_lacosmic)
    ours = {name: item.default for name, item in FIELDS.items() if name in signature.parameters}
    assert ours == {name: signature.parameters[name].default for name in ours} | {'satlevel': math.inf}
    assert set(FIELDS) - set(ours) == {'search_edges'}


def test_all_options_of_astroscrappy_are_fields():
    images = {'indat', 'inmask', 'inbkg', 'invar', 'psfk', 'verbose'}
    signature = inspect.signature(astroscrappy.detect_cosmics)
    assert set(signature.parameters) - images <= set(FIELDS)


def test_fields_have_complete_metadata():
    for name, item in FIELDS.items():
        assert item.metadata['label'], name
        assert item.metadata['help'].endswith('.'), name
        assert bool(item.metadata['choices']) == (item.type is str), name
        assert (item.metadata['low'] is not None) == (name in NUMBERS), name


def test_cards_are_unique_fits_keywords():
    cards = [item.metadata['card'] for item in FIELDS.values()]
    assert len(set(cards)) == len(cards)
    assert all(card.isascii() and card.isupper() and card.isalnum() and len(card) <= 8 for card in cards)


def test_parameters_cannot_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        LACosmicParams().sigclip = 3.0


@pytest.mark.parametrize('name', NUMBERS)
def test_limits_are_allowed_values(name):
    meta = FIELDS[name].metadata
    for value in (meta['low'], meta['high']):
        assert getattr(LACosmicParams(**{name: value}), name) == value


@pytest.mark.parametrize('name', NUMBERS)
@pytest.mark.parametrize('wrong', ['below', np.nan, '5', None, True, [5.0], 1 + 1j])
def test_invalid_numbers_raise_with_name_value_and_range(name, wrong):
    low = FIELDS[name].metadata['low']
    value = low - 1 if wrong == 'below' else wrong
    with pytest.raises(ValueError) as error:
        LACosmicParams(**{name: value})
    assert str(error.value).startswith(f'{name} is {value!r}: it must be a')
    assert f'{low:g}' in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('name', [name for name in NUMBERS if FIELDS[name].metadata['high'] < np.inf])
def test_numbers_above_the_limit_raise(name):
    high = FIELDS[name].metadata['high']
    with pytest.raises(ValueError, match=f'{name} is .* to {high:g}'.replace('+', r'\+')):
        LACosmicParams(**{name: high + 1})


@pytest.mark.parametrize(
    ('name', 'value', 'allowed'),
    [
        ('niter', 2.5, 'a whole number'),
        ('psfsize', 8, 'odd'),
        ('sepmed', 'yes', 'True or False'),
        ('cleantype', 'mean', 'meanmask, medmask, idw'),
        ('cleantype', 'median', 'broken'),
        ('fsmode', 'psf', 'median, convolve'),
        ('psfmodel', 'airy', 'gauss, gaussx, gaussy, moffat'),
        ('gain', -1.5, '1e-06'),
    ],
)
def test_invalid_values_raise_with_the_allowed_ones(name, value, allowed):
    with pytest.raises(ValueError, match=f'{name} .*{value}.*{allowed}'):
        LACosmicParams(**{name: value})


@pytest.mark.parametrize(
    ('name', 'value', 'kind'),
    [('gain', np.float32(1.5), float), ('sigclip', 5, float), ('niter', np.int64(3), int), ('sepmed', np.False_, bool)],
)
def test_numpy_scalars_are_converted(name, value, kind):
    got = getattr(LACosmicParams(**{name: value}), name)
    assert type(got) is kind
    assert got == value


def test_a_replaced_value_is_checked():
    with pytest.raises(ValueError, match='sigclip is 0'):
        replace(LACosmicParams(), sigclip=0)


def test_later_layers_override_earlier_ones_with_their_source():
    params, sources = resolve(
        {'gain': (2.0, 'GAIN in the header'), 'readnoise': (5.0, 'RDNOISE in the header')},
        {'gain': (3.0, 'recipe'), 'objlim': (2.0, 'recipe')},
        {'objlim': (4.0, 'user')},
    )
    assert (params.gain, params.readnoise, params.objlim) == (3.0, 5.0, 4.0)
    assert params == replace(LACosmicParams(), gain=3.0, readnoise=5.0, objlim=4.0)
    given = {name: source for name, source in sources.items() if source != 'default'}
    assert given == {'gain': 'recipe', 'readnoise': 'RDNOISE in the header', 'objlim': 'user'}
    assert set(sources) == set(FIELDS)
