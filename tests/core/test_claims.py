import numpy as np
import pytest
from astropy.io import fits

from ginga_crplugin.core.claims import CARDS, read_claims


def claims_of(header, quantity):
    return read_claims(header, quantity)[0][quantity]


@pytest.mark.parametrize(
    ('quantity', 'template'), [(quantity, name) for quantity, (_, names) in CARDS.items() for name in names]
)
@pytest.mark.parametrize('kind', [dict, fits.Header])
def test_every_card_of_the_table_is_read(quantity, template, kind):
    for amplifier in ('A', 'P', '1', '07') if '#' in template else ('',):
        card = template.replace('#', amplifier)
        keyword = f'HIERARCH {card}' if len(card) > 8 else card
        (claim,) = claims_of(kind({keyword: 2.5}), quantity)
        assert (claim.value, claim.card, claim.amplifier, claim.template) == (2.5, card, amplifier, template)


def test_claims_are_in_order_of_preference():
    header = {'GAINB': 4.0, 'GAIN': 120, 'GAINA': 3.0, 'EGAIN': 0.9, 'GAIN10': 6.0, 'GAIN2': 5.0}
    cards = [claim.card for claim in claims_of(header, 'gain')]
    assert cards == ['EGAIN', 'GAIN', 'GAIN2', 'GAINA', 'GAINB', 'GAIN10']


def test_cards_of_eso():
    header = fits.Header()
    header['HIERARCH ESO DET OUT1 GAIN'] = 0.55  # in adu/electron
    header['HIERARCH ESO DET OUT1 CONAD'] = 1.82
    header['HIERARCH ESO DET OUT1 RON'] = 3.1
    claims, notes = read_claims(header)
    assert [str(claim) for claim in claims['gain']] == ['ESO DET OUT1 CONAD = 1.82']
    assert [str(claim) for claim in claims['readnoise']] == ['ESO DET OUT1 RON = 3.1']
    assert claims_of({'HIERARCH ESO DET OUT2 CONAD': 1.9}, 'gain')[0].amplifier == '2'
    assert notes == []


@pytest.mark.parametrize(
    'value', [True, np.True_, '1,5', 'unknown', '', np.nan, np.inf, -2.0, 0, 1 + 2j, '1.5 e-/adu'], ids=repr
)
def test_what_is_not_a_positive_number_is_noted(value):
    assert read_claims({'GAIN': value}, 'gain') == (
        {'gain': ()},
        [f'GAIN in the header is {value!r}, not a positive number: ignored'],
    )


def test_cards_without_value_are_ignored():
    header = fits.Header({'GAIN': None})
    header['RDNOISE'] = fits.card.Undefined()
    assert read_claims(header, 'gain', 'readnoise') == ({'gain': (), 'readnoise': ()}, [])


def test_a_second_card_with_another_value_is_noted():
    header = fits.Header([('GAIN', 1.5), ('GAIN', 1.5), ('GAIN', 2.9)])
    claims, notes = read_claims(header, 'gain')
    assert [claim.value for claim in claims['gain']] == [1.5, 2.9]
    assert notes == ['GAIN occurs 3 times in the header, with the values 1.5, 2.9']
    assert read_claims(fits.Header([('GAIN', 1.5), ('GAIN', 1.5)]), 'gain')[1] == []


def test_long_values_are_read():
    header = fits.Header.fromstring(fits.Header({'GAIN': 'x' * 100}).tostring())
    assert read_claims(header, 'gain')[1] == [f'GAIN in the header is {"x" * 100!r}, not a positive number: ignored']


@pytest.mark.parametrize(
    ('unit', 'seconds'),
    [('s', 1), ('ms', 1e-3), ('min', 60), ('h', 3600), ('d', 86400), ('D', 86400), ('hours', 3600), (' sec ', 1)],
)
def test_exposure_times_are_in_seconds(unit, seconds):
    for card in ('EXPOSURE', 'XPOSURE', 'TELAPSE'):
        (claim,) = claims_of({card: 0.5, 'TIMEUNIT': unit}, 'exposure')
        assert (claim.value, claim.unit) == (pytest.approx(0.5 * seconds), 's')
    assert claims_of({'EXPTIME': 0.5, 'TIMEUNIT': unit}, 'exposure')[0].value == 0.5


def test_an_unknown_unit_of_time_is_noted():
    claims, notes = read_claims({'EXPOSURE': 30.0, 'TELAPSE': 31.0, 'TIMEUNIT': 'm'}, 'exposure')
    assert [claim.value for claim in claims['exposure']] == [30.0, 31.0]
    assert notes == ["TIMEUNIT in the header is 'm', not a unit of time: taking seconds"]


def test_a_pedestal_has_a_sign():
    assert [claim.value for claim in claims_of({'PEDESTAL': -100}, 'pedestal')] == [-100.0]
    assert read_claims({'PEDESTAL': 0}, 'pedestal') == ({'pedestal': ()}, [])
    assert read_claims({'PEDESTAL': 'x'}, 'pedestal')[1] == ["PEDESTAL in the header is 'x', not a number: ignored"]


def test_a_full_well_is_in_electrons():
    units = {claim.card: claim.unit for claim in claims_of({'FULLWELL': 9e4, 'SATURATE': 6e4}, 'saturation')}
    assert units == {'FULLWELL': 'electron', 'SATURATE': 'adu'}
