import pytest
from astropy import units as u
from astropy.io import fits

from ginga_crplugin.core.header import UNITS, frame_unit, header_values


@pytest.mark.parametrize(
    ('names', 'unit'),
    [
        (['adu', 'ADU', 'count', 'Counts', 'DN', ' adu ', 'ct', u.ct, u.DN], u.adu),
        (['electron', 'ELECTRONS', 'e-', 'e', 'photon', 'PHOTONS', u.photon], u.electron),
        (['electron/s', 'electrons / s', 'e-/s', 'ELECTRONS/S', 'electron s-1', 'e/s'], u.electron / u.s),
        (['e- s-1', 'electrons s-1', 'electron s^-1', 'electron s**-1', 'e-/sec', 'photon / s'], u.electron / u.s),
        (['adu/s', 'ADU / s', 'counts/s', 'DN/s', 'ADU/sec', 'DN/sec', 'count/second', u.DN / u.s], u.adu / u.s),
        (['ct s-1', 'adu s-1', 'ADU s^-1', 'DN s-1', 'ct.s-1', 'adu*s**(-1)', 'counts per second'], u.adu / u.s),
    ],
)
def test_names_of_units(names, unit):
    assert [frame_unit(name) for name in names] == [unit] * len(names)


@pytest.mark.parametrize('unit', UNITS)
def test_units_and_their_astropy_strings_are_supported(unit):
    assert frame_unit(unit) == unit
    assert frame_unit(unit.to_string()) == unit
    assert frame_unit(unit.to_string('generic')) == unit


@pytest.mark.parametrize('bunit', ['Jy', 'mag', 'electron/adu', '', 'furlong'])
def test_other_units_raise_with_the_supported_ones(bunit):
    with pytest.raises(ValueError, match=f"unit '{bunit}' is not supported: .*adu, .*electron, .*electron/s") as error:
        frame_unit(bunit)
    assert '--unit' in str(error.value)
    assert 'unit in the panel' in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('field', 'card'),
    [('gain', card) for card in ('GAIN', 'EGAIN', 'GAINA', 'ATODGAIN', 'CCDGAIN')]
    + [('readnoise', card) for card in ('RDNOISE', 'READNOIS', 'RON', 'RDNOISEA', 'ENOISE')]
    + [('satlevel', card) for card in ('SATURATE', 'SATLEVEL')],
)
@pytest.mark.parametrize('value', [1.9, 3, '2.5'])
def test_all_names_of_a_card_are_read(field, card, value):
    values, notes = header_values({card: value}, u.adu)
    assert values == {field: (float(value), f'{card} in the header')}
    assert notes == []


def test_a_header_without_cards_has_no_values():
    assert header_values(fits.Header(), u.adu) == ({}, [])


@pytest.mark.parametrize('value', [0.0, -1.9, 'unknown', float('inf'), float('nan')])
def test_an_invalid_card_is_noted_and_the_next_one_used(value):
    values, notes = header_values({'GAIN': value, 'EGAIN': 1.4}, u.adu)
    assert values == {'gain': (1.4, 'EGAIN in the header')}
    assert notes == [f'GAIN in the header is {value!r}, not a positive number: ignored']


@pytest.mark.parametrize(
    ('card', 'value', 'name', 'limits'),
    [
        ('RDNOISE', 2e4, 'readnoise', 'from 0 to 10000'),
        ('GAIN', 1e12, 'gain', 'from 1e-06 to 1e+06'),
        ('GAIN', 1e-9, 'gain', 'from 1e-06 to 1e+06'),
        ('SATURATE', 1e-5, 'satlevel', 'of 0.001 or more'),
    ],
)
def test_a_card_beyond_the_limits_is_noted_and_the_next_one_used(card, value, name, limits):
    following = {'RDNOISE': 'RON', 'GAIN': 'EGAIN', 'SATURATE': 'SATLEVEL'}[card]
    note = f'{card} in the header is ignored: {name} is {value!r}: it must be a number {limits}'
    assert header_values({card: value}, u.adu) == ({}, [note])
    assert header_values({card: value, following: 9.0}, u.adu) == ({name: (9.0, f'{following} in the header')}, [note])


@pytest.mark.parametrize(
    ('unit', 'cards', 'gain', 'name'),
    [
        (u.electron / u.s, {'EXPTIME': 1e7}, None, 'gain'),
        (u.adu / u.s, {'EXPTIME': 1e4, 'GAIN': 1e3}, None, 'gain'),
        (u.adu, {'SATURATE': 1.0}, 1e-6, 'satlevel'),
        (u.adu, {'SATURATE': 0.01, 'GAIN': 0.01}, None, 'satlevel'),
    ],
)
def test_a_product_beyond_the_limits_is_ignored(unit, cards, gain, name):
    values, notes = header_values(cards, unit, gain)
    assert name not in values
    assert len(notes) == 1
    assert f'is ignored: {name} is ' in notes[0]


def test_the_limits_of_saturation_apply_in_electrons():
    values, notes = header_values({'SATURATE': 5e-4, 'GAIN': 1e4}, u.adu)
    assert (values['satlevel'][0], notes) == (5.0, [])


def test_cards_without_value_are_ignored():
    header = fits.Header()
    header['GAIN'] = None
    header['RDNOISE'] = fits.card.Undefined()
    assert header_values(header, u.adu) == ({}, [])


@pytest.mark.parametrize(
    ('unit', 'cards', 'gain'),
    [
        (u.electron, {'GAIN': 1.9}, (1.0, 'frame in electron')),
        (u.electron, {}, (1.0, 'frame in electron')),
        (u.electron / u.s, {'EXPTIME': 90, 'GAIN': 1.9}, (90.0, 'EXPTIME')),
        (u.electron / u.s, {'EXPOSURE': 60}, (60.0, 'EXPOSURE')),
        (u.adu / u.s, {'EXPTIME': 10, 'GAIN': 1.5}, (15.0, 'GAIN')),
        (u.adu / u.s, {'EXPTIME': 10}, (None, '')),
    ],
)
def test_gain_for_each_unit(unit, cards, gain):
    value, source = header_values(cards, unit)[0].get('gain', (None, ''))
    assert value == gain[0]
    assert gain[1] in source


@pytest.mark.parametrize('unit', [u.electron / u.s, u.adu / u.s])
def test_a_rate_without_exposure_time_is_noted(unit):
    values, notes = header_values({'GAIN': 2.0}, unit)
    assert 'gain' not in values
    assert len(notes) == 1
    assert 'EXPTIME' in notes[0]


@pytest.mark.parametrize(
    ('unit', 'chosen', 'electrons'),
    [
        (u.adu, None, 120e3),  # 60000 ADU times GAIN 2
        (u.adu, 3.0, 180e3),  # the gain given by the user
        (u.electron, 1.0, 120e3),  # 1 is not the gain of the detector
        (u.electron / u.s, None, 120e3),
        (u.electron / u.s, 90.0, 120e3),  # an exposure time is not a gain
        (u.adu / u.s, 20.0, 120e3),
    ],
)
def test_saturation_is_converted_to_electrons(unit, chosen, electrons):
    cards = {'GAIN': 2.0, 'SATURATE': 60000, 'EXPTIME': 10.0}
    values, _ = header_values(cards, unit, chosen)
    assert values['satlevel'] == (electrons, 'SATURATE in the header, times the gain')


def test_saturation_without_gain_is_not_converted():
    assert header_values({'SATURATE': 60000}, u.adu)[0] == {'satlevel': (60000.0, 'SATURATE in the header')}
