"""Choose between the claims of a header by comparing them with the pixels."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from .claims import Claim
from .pixel_evidence import MAX_READNOISE, PixelEvidence

__all__ = ['Candidate', 'Choice', 'candidates', 'choose_gain', 'choose_pedestal', 'choose_readnoise']

#: Maximum deviation from 1 of a ratio of two values, or of measured to expected noise, that counts as agreement.
TOLERANCE = 0.1
#: Maximum ratio of the values of several amplifiers for which one value serves for all: of gain and of read noise.
MAX_SPREAD = {'gain': 1.1, 'readnoise': 1.25}
#: Ratio of measured to expected noise below which another card is preferred.
LOW = 0.8


@dataclass(frozen=True)
class Candidate:
    """A value that the header offers for a parameter.

    Attributes
    ----------
    value : float
        The value.
    source : str
        Its card, ``'EGAIN in the header'``.
    text : str
        Card and value, ``'EGAIN = 0.9'``.
    firm : bool
        Whether the card has only one meaning; GAIN may also be a setting of the camera.
    """

    value: float
    source: str
    text: str
    firm: bool = True


@dataclass(frozen=True)
class Choice:
    """The value chosen for a parameter.

    Attributes
    ----------
    value : float or None
        The value; None if there is none that the pixels do not contradict.
    source : str
        Its source, with the other cards that differ.
    contradicted : tuple of Candidate
        The candidates that the noise contradicts.
    notes : tuple of str
        Notes on the other cards.
    """

    value: float | None
    source: str
    contradicted: tuple[Candidate, ...] = ()
    notes: tuple[str, ...] = ()


def candidates(claims: Sequence[Claim], worst: Callable[[Iterable[float]], float] = min) -> list[Candidate]:
    """Return the values that claims offer for the whole frame.

    Parameters
    ----------
    claims : sequence of Claim
        Claims for one quantity, in order of preference.
    worst : callable, optional
        Which value of several amplifiers is used if they differ: `min` or `max`.

    Returns
    -------
    list of Candidate
        One for each card for the whole frame, and one for the cards of all amplifiers.
    """
    found = []
    for template, group in groupby(claims, key=lambda claim: claim.template):
        items = list(group)
        if '#' not in template:
            found += [
                Candidate(item.value, f'{item.card} in the header', str(item), item.card != 'GAIN') for item in items
            ]
            continue
        values = [item.value for item in items]
        differ = max(values) > MAX_SPREAD[items[0].quantity] * min(values)
        used = items[values.index(worst(values))] if differ else items[0]
        source = f'{used.card} in the header'
        if differ:
            source += f', the {"smallest" if worst is min else "largest"} of {len(items)} amplifiers'
        found.append(Candidate(used.value, source, ', '.join(map(str, items))))
    return found


def choose_gain(offered: Sequence[Candidate], evidence: PixelEvidence | None, readnoise: float | None) -> Choice:
    """Choose the gain that the pixels support.

    The first candidate is used, unless the noise contradicts it, or it is too small and another one agrees.

    Parameters
    ----------
    offered : sequence of Candidate
        The candidates in order of preference; at least one.
    evidence : PixelEvidence or None
        Level and scatter of the sky, if they are to be used.
    readnoise : float or None
        Read noise of the header (electron rms).

    Returns
    -------
    Choice
        The gain.
    """
    if evidence is None:
        return _with_others(offered[0], offered, ())
    contradicted = tuple(item for item in offered if evidence.contradicts(item.value, readnoise))
    rest = [item for item in offered if item not in contradicted]
    if not rest:
        texts = ' and '.join(item.text for item in contradicted)
        verb = 'contradict' if len(contradicted) > 1 else 'contradicts'
        return Choice(None, f'default; {texts} {verb} the noise', contradicted)
    used = rest[0]
    if evidence.noise_ratio(used.value, readnoise or 0.0) < LOW:
        meant = [item for item in rest[1:] if item.firm or not used.firm]  # a firm card does not yield to GAIN
        agreeing = (item for item in meant if _agrees(item.value, evidence, readnoise))
        used = next(agreeing, used)
        if used is not rest[0]:
            contradicted += (rest[0],)
    return _with_others(used, offered, contradicted)


def choose_readnoise(offered: Sequence[Candidate], evidence: PixelEvidence | None, gain: float, pssl: float) -> Choice:
    """Choose the read noise that the pixels support.

    The first candidate is used, unless only another one agrees with the noise.

    Parameters
    ----------
    offered : sequence of Candidate
        The candidates in order of preference; at least one.
    evidence : PixelEvidence or None
        Level and scatter of the sky, if they are to be used.
    gain : float
        Electrons per unit of the frame.
    pssl : float
        Subtracted sky level in the unit of the frame.

    Returns
    -------
    Choice
        The read noise.
    """
    agree = [
        evidence is not None and abs(evidence.noise_ratio(gain, item.value, pssl) - 1.0) <= TOLERANCE
        for item in offered
    ]
    used = offered[agree.index(True)] if any(agree) else offered[0]
    return _with_others(used, offered, () if used is offered[0] else (offered[0],))


def choose_pedestal(offered: Candidate, evidence: PixelEvidence, gain: float, readnoise: float | None) -> Choice:
    """Choose the sign of a pedestal by the pixels.

    MaxIm DL writes the value to add to the pixels, other programs that to subtract from them.

    Parameters
    ----------
    offered : Candidate
        The value of the card, in the unit of the frame.
    evidence : PixelEvidence
        Level and scatter of the sky.
    gain : float
        Electrons per unit of the frame.
    readnoise : float or None
        Read noise of the header (electron rms).

    Returns
    -------
    Choice
        The subtracted sky ``pssl``; None if the pixels show no pedestal.
    """
    signs = [sign for sign in (1.0, -1.0, 0.0) if _agrees(gain, evidence, readnoise, sign * offered.value)]
    sign = signs[0] if signs else 1.0
    if sign == 0.0:
        note = f'{offered.text} in the header contradicts the noise: ignored'
        return Choice(None, 'default', (offered,), (note,))
    source = offered.source if sign > 0.0 else f'{offered.source}, to be subtracted'
    return Choice(sign * offered.value, source)


def _agrees(gain: float, evidence: PixelEvidence, readnoise: float | None, pssl: float = 0.0) -> bool:
    """Return whether the noise agrees with a gain, for a plausible read noise if there is none in the header."""
    if readnoise is None:
        return bool(evidence.implied_readnoise(gain, pssl) <= MAX_READNOISE)
    return abs(evidence.noise_ratio(gain, readnoise, pssl) - 1.0) <= TOLERANCE


def _with_others(used: Candidate, offered: Sequence[Candidate], contradicted: tuple[Candidate, ...]) -> Choice:
    """Return a choice whose source and notes name the candidates that differ from it."""
    parts, notes = [used.source], []
    for item in offered:
        if item in contradicted:
            parts.append(f'{item.text} contradicts the noise')
            notes.append(f'{item.text} in the header contradicts the noise; using {used.text}')
        elif abs(item.value / used.value - 1.0) > TOLERANCE:
            parts.append(f'{item.text} differs')
            notes.append(f'{item.text} in the header differs; using {used.text}')
    return Choice(used.value, '; '.join(parts), contradicted, tuple(notes))
