"""Unit, gain, read noise and saturation level from the header of a frame."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from astropy import units as u

from .claim_choice import Candidate, Choice, candidates, choose_gain, choose_pedestal, choose_readnoise
from .claims import Claim, read_claims
from .params import LACosmicParams
from .pixel_evidence import PixelEvidence

__all__ = ['UNITS', 'frame_unit', 'gain_choice', 'header_values']

_ADU = 'adu', 'adus', 'count', 'counts', 'ct', 'cts', 'dn', 'dns'
_ELECTRON = 'electron', 'electrons', 'e-', 'e', 'elec', 'photon', 'photons', 'ph'

#: The supported units, with their lower-case names in BUNIT.
UNITS = {
    u.adu: _ADU,
    u.electron: _ELECTRON,
    u.electron / u.s: tuple(f'{name}/s' for name in _ELECTRON),
    u.adu / u.s: tuple(f'{name}/s' for name in _ADU),
}
#: Patterns in a lower-case unit, and their replacements that give the names above.
_SPELLINGS = (
    (r'\s*/\s*', '/'),
    (r'/(sec|secs|second|seconds)$', '/s'),
    (r'(\s+|\s*[.*]\s*)(s|sec)(\^|\*\*)?\(?-1\)?$', '/s'),
    (r'\s+per\s+(s|sec|second)$', '/s'),
)

#: Minimum ratio of the saturation level of a card to the level of the frame, which may be saturated altogether.
MIN_SATURATION = 0.8

#: Returns the level and scatter of the sky when it is called.
type Evidence = Callable[[], PixelEvidence]


def frame_unit(bunit: str | u.UnitBase) -> u.UnitBase:
    """Parse the unit of a frame.

    Parameters
    ----------
    bunit : str or `~astropy.units.UnitBase`
        The value of a BUNIT card, or a unit: ``'ADU'``, ``'counts'``, ``'e-'``, ``'electron/s'``, ``'DN s-1'``. Case
        does not matter. A photon is taken as an electron.

    Returns
    -------
    `~astropy.units.UnitBase`
        adu, electron, adu / s or electron / s.

    Raises
    ------
    ValueError
        If the unit is not supported.
    """
    name = ' '.join(str(bunit).lower().split())
    for pattern, replacement in _SPELLINGS:
        name = re.sub(pattern, replacement, name)
    for unit, names in UNITS.items():
        if name in names:
            return unit
    supported = 'adu, count, DN, electron, e-, electron/s, adu/s'
    msg = f'unit {str(bunit)!r} is not supported: give one of {supported} (--unit, or unit in the panel)'
    raise ValueError(msg)


def header_values(
    header: Mapping[str, Any], unit: u.UnitBase, gain: float | None = None, evidence: Evidence | None = None
) -> tuple[dict[str, tuple[float, str]], list[str]]:
    """Read the parameters in the header of a frame.

    Where the cards of a quantity differ, the level and scatter of the sky decide between them if ``evidence`` is given.

    Parameters
    ----------
    header : mapping
        The header cards, see `~ginga_crplugin.core.claims.CARDS`.
    unit : `~astropy.units.UnitBase`
        The unit of the frame.
    gain : float, optional
        The gain with which a saturation level in ADU is converted to electrons; by default that of the header.
    evidence : callable, optional
        Returns the level and scatter of the sky; it is called only if it is needed.

    Returns
    -------
    values : dict
        ``{field name of LACosmicParams: (value, source)}``. If the pixels contradict all gains, the gain is 1, and its
        source starts with ``'default'``.
    notes : list of str
        Cards that are ignored, contradicted or different from another one, and important cards that are missing.
    """
    claims, notes = read_claims(header, 'gain', 'readnoise', 'saturation', 'pedestal')
    noises = _allowed_candidates('readnoise', claims['readnoise'], notes)
    own = _allowed_candidates('gain', claims['gain'], notes)
    choice = _choose_gain(_frame_gains(header, unit, own, notes), unit, noises, evidence)
    values: dict[str, tuple[float, str]] = {}
    if choice is not None:
        values['gain'] = (1.0 if choice.value is None else choice.value, choice.source)
    used = gain or (choice.value if choice is not None else None)
    pixels = evidence if used is not None else None
    if claims['pedestal']:
        pedestal = _choose_pedestal(claims['pedestal'], used, noises, pixels)
        notes += pedestal.notes
        if pedestal.value is not None and _allowed('pssl', pedestal.value, pedestal.source, notes):
            values['pssl'] = (pedestal.value, pedestal.source)
    if noises:
        measured = pixels() if pixels is not None and len(noises) > 1 else None
        noise = choose_readnoise(noises, measured, used or 1.0, values.get('pssl', (0.0,))[0])
        notes += noise.notes
        values['readnoise'] = (noises[0].value if noise.value is None else noise.value, noise.source)
    notes += () if choice is None else choice.notes
    own_gain = choice.value if choice is not None and unit == u.adu else own[0].value if own else None
    level = None
    if claims['saturation'] and evidence is not None:
        level = (evidence().level + values.get('pssl', (0.0,))[0]) * (used or 1.0)
    adu_gain = own_gain if gain is None or unit != u.adu else gain  # in other units, gain is not in electrons per ADU
    saturation = _saturation(claims['saturation'], adu_gain, level, notes)
    return values | ({'satlevel': saturation} if saturation else {}), notes


def gain_choice(header: Mapping[str, Any], unit: u.UnitBase, evidence: Evidence) -> Choice | None:
    """Choose the gain of a frame by its pixels.

    Parameters
    ----------
    header : mapping
        The header cards.
    unit : `~astropy.units.UnitBase`
        The unit of the frame.
    evidence : callable
        Returns the level and scatter of the sky.

    Returns
    -------
    Choice or None
        The gain (electrons per unit of the frame); None if the header has none.
    """
    claims, notes = read_claims(header, 'gain', 'readnoise')
    gains = _frame_gains(header, unit, _allowed_candidates('gain', claims['gain'], notes), notes)
    return _choose_gain(gains, unit, _allowed_candidates('readnoise', claims['readnoise'], notes), evidence)


def _allowed_candidates(field: str, claims: Sequence[Claim], notes: list[str]) -> list[Candidate]:
    allowed = [claim for claim in claims if _allowed(field, claim.value, f'{claim.card} in the header', notes)]
    return candidates(allowed, max if field == 'readnoise' else min)


def _frame_gains(
    header: Mapping[str, Any], unit: u.UnitBase, own: list[Candidate], notes: list[str]
) -> list[Candidate]:
    """Return the candidates for the electrons per unit of the frame."""
    if unit == u.electron:
        return [Candidate(1.0, 'frame in electron', 'gain = 1')]
    if u.s not in unit.bases:
        return own
    claims, more = read_claims(header, 'exposure')
    notes += more
    times = candidates(claims['exposure'])
    if not times:
        notes.append(f'frame in {unit}, but no EXPTIME in the header: give the electrons per {unit} as gain')
    if unit == u.electron / u.s:
        found = [Candidate(item.value, f'{item.source} (frame in electron / s)', item.text) for item in times]
    else:
        found = [_product(item, time) for item in own for time in times]
    return [item for item in found if _allowed('gain', item.value, item.source, notes)]


def _product(gain: Candidate, time: Candidate) -> Candidate:
    source = f'{gain.source}, times {time.source.removesuffix(" in the header")}'
    return Candidate(gain.value * time.value, source, f'{gain.text} with {time.text}', gain.firm)


def _choose_gain(
    gains: list[Candidate], unit: u.UnitBase, noises: list[Candidate], evidence: Evidence | None
) -> Choice | None:
    if not gains:
        return None
    if evidence is None or unit == u.electron:
        return choose_gain(gains, None, None)
    return choose_gain(gains, evidence(), noises[0].value if noises else None)


def _choose_pedestal(
    claims: Sequence[Claim], gain: float | None, noises: list[Candidate], evidence: Evidence | None
) -> Choice:
    offered = candidates(claims)[0]
    if evidence is None or gain is None:
        return Choice(offered.value, offered.source)
    return choose_pedestal(offered, evidence(), gain, noises[0].value if noises else None)


def _saturation(
    claims: Sequence[Claim], gain: float | None, level: float | None, notes: list[str]
) -> tuple[float, str] | None:
    """Return the saturation level in electrons; the cards but FULLWELL are in ADU, whatever the unit of the frame.

    A card that is far below the level of the frame (electron) is ignored.
    """
    for claim in claims:
        factor = 1.0 if gain is None or claim.unit == 'electron' else gain
        source = f'{claim.card} in the header'
        if level is not None and claim.value * factor < MIN_SATURATION * level:
            notes.append(f'{claim} in the header is below the level of the frame: ignored')
        elif _allowed('satlevel', claim.value * factor, source, notes):
            return claim.value * factor, source if factor == 1.0 else f'{source}, times the gain'
    return None


def _allowed(field: str, value: float, source: str, notes: list[str]) -> bool:
    """Return whether a value is allowed for a parameter; if not, add a note that it is ignored."""
    given: dict[str, Any] = {field: value}
    try:
        LACosmicParams(**given)
    except ValueError as error:
        notes.append(f'{source} is ignored: {error}')
        return False
    return True
