"""Frames that were read out through several amplifiers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import numpy as np
from astropy import units as u

from .claim_choice import MAX_SPREAD
from .claims import Claim, read_claims
from .frame import Frame
from .metadata import Section, read_section
from .params import LACosmicParams, is_allowed
from .pixel_evidence import PixelEvidence

__all__ = ['Amplifier', 'amplifier_images', 'find_amplifiers', 'read_amplifiers', 'step_height']

#: Keywords of the section of an amplifier, without its name.
SECTIONS = 'CCDSEC', 'AMPSEC', 'DATASEC'
#: Maximum number of amplifiers that are located by the pixels.
MAX_LOCATED = 4
#: Maximum deviation from 1 (robust) of the ratio of measured to expected noise in located amplifiers, and the factor by
#: which that of every other arrangement must be larger.
TOLERANCE, MARGIN = 0.12, 1.5


@dataclass(frozen=True)
class Amplifier:
    """An amplifier with its part of a frame.

    Attributes
    ----------
    name : str
        Its name in the keywords: a letter or a number.
    gain : float
        Electrons per unit of the frame.
    readnoise : float
        Read noise (electron rms).
    section : (slice, slice) or None
        Its rows and columns; None if they are not known.
    """

    name: str
    gain: float
    readnoise: float
    section: Section | None = None


def read_amplifiers(header: Mapping[str, Any], unit: u.UnitBase) -> tuple[Amplifier, ...]:
    """Read the amplifiers of a frame, if their gains or read noises differ.

    Parameters
    ----------
    header : mapping
        The header of the frame.
    unit : `~astropy.units.UnitBase`
        The unit of the frame.

    Returns
    -------
    tuple of Amplifier
        The amplifiers without their sections; empty if one gain and one read noise serve for all, and for a frame per
        second.
    """
    if unit not in (u.adu, u.electron):
        return ()
    claims, _ = read_claims(header, 'gain', 'readnoise')
    gains = {} if unit == u.electron else _by_amplifier(claims['gain'])
    noises = _by_amplifier(claims['readnoise'])
    differ = any(
        values and max(values.values()) > MAX_SPREAD[name] * min(values.values())
        for name, values in (('gain', gains), ('readnoise', noises))
    )
    if not differ or (gains and noises and gains.keys() != noises.keys()):
        return ()
    other_gain = 1.0 if unit == u.electron or not claims['gain'] else claims['gain'][0].value
    other_noise = claims['readnoise'][0].value if claims['readnoise'] else LACosmicParams().readnoise
    return tuple(
        Amplifier(name, gains.get(name, other_gain), noises.get(name, other_noise)) for name in gains or noises
    )


def _by_amplifier(claims: Sequence[Claim]) -> dict[str, float]:
    """Return the values of the first keyword that names several amplifiers."""
    usable = [claim for claim in claims if claim.amplifier and is_allowed(claim.quantity, claim.value)]
    for template in dict.fromkeys(claim.template for claim in usable):
        values = {claim.amplifier.lstrip('0'): claim.value for claim in usable if claim.template == template}
        if len(values) > 1:
            return values
    return {}


def find_amplifiers(frame: Frame) -> tuple[Amplifier, ...]:
    """Find the amplifiers of a frame, if their gains or read noises differ, and their sections.

    The sections are those of the header (CCDSECA, AMPSECA, DATASECA, ...) if they cover the frame. Otherwise halves,
    quadrants and strips are tried: the sections are known if the noise agrees in one arrangement only.

    Parameters
    ----------
    frame : Frame
        The frame with its header.

    Returns
    -------
    tuple of Amplifier
        The amplifiers; empty if one gain and one read noise serve for all. Either all have a section or none.
    """
    found = read_amplifiers(frame.ccd.header, frame.ccd.unit)
    if not found:
        return ()
    for keyword in SECTIONS:
        sections = [read_section(frame.ccd.header, f'{keyword}{item.name}', frame.shape) for item in found]
        if all(sections) and _cover(sections, frame.shape):
            return tuple(replace(item, section=section) for item, section in zip(found, sections, strict=True))
    return _locate(found, frame)


def _cover(sections: Sequence[Section | None], shape: tuple[int, int]) -> bool:
    """Return whether sections cover every pixel once."""
    count = np.zeros(shape, dtype=np.uint8)
    for section in sections:
        if section is not None:
            count[section] += 1
    return bool((count == 1).all())


def _locate(found: tuple[Amplifier, ...], frame: Frame) -> tuple[Amplifier, ...]:
    """Return amplifiers with the sections in which the noise agrees."""
    if len(found) > MAX_LOCATED:
        return found
    trials: list[tuple[float, tuple[Amplifier, ...]]] = []
    for sections in _arrangements(len(found), frame.shape):
        parts = [_evidence_in(frame.evidence, section) for section in sections]
        for order in permutations(zip(sections, parts, strict=True)):
            placed = tuple(replace(item, section=section) for item, (section, _) in zip(found, order, strict=True))
            if all(part is not None for part in parts):
                ratios = [
                    part.noise_ratios(item.gain, item.readnoise)
                    for item, (_, part) in zip(placed, order, strict=True)
                    if part is not None
                ]
                trials.append((1.4826 * float(np.nanmedian(np.abs(np.concatenate(ratios) - 1.0))), placed))
    trials.sort(key=lambda trial: trial[0])
    if len(trials) > 1 and trials[0][0] < min(TOLERANCE, trials[1][0] / MARGIN):
        return trials[0][1]
    return found


def _arrangements(count: int, shape: tuple[int, int]) -> Iterator[list[Section]]:
    rows, columns = ([slice(k * n // count, (k + 1) * n // count) for k in range(count)] for n in shape)
    everything = slice(0, shape[0]), slice(0, shape[1])
    yield [(everything[0], column) for column in columns]
    yield [(row, everything[1]) for row in rows]
    if count == 4:
        halves = [(slice(0, n // 2), slice(n // 2, n)) for n in shape]
        yield [(row, column) for row in halves[0] for column in halves[1]]


def _evidence_in(evidence: PixelEvidence, section: Section) -> PixelEvidence | None:
    """Return the tiles inside a section; None if there are none."""
    y, x, side = evidence.tiles
    rows, columns = section
    inside = (y >= rows.start) & (y + side <= rows.stop) & (x >= columns.start) & (x + side <= columns.stop)
    if not inside.any():
        return None
    return PixelEvidence((y[inside], x[inside], side), evidence.levels[inside], evidence.scatters[inside])


def amplifier_images(frame: Frame, amplifiers: Sequence[Amplifier]) -> dict[str, np.ndarray]:
    """Return the background and the variance of a frame from the gain and read noise of each amplifier.

    Parameters
    ----------
    frame : Frame
        The frame.
    amplifiers : sequence of Amplifier
        Its amplifiers, with their sections.

    Returns
    -------
    dict of (ny, nx) float32 ndarray
        ``variance`` is the noise squared of each pixel as L.A.Cosmic computes it: the level divided by the gain, plus
        the square of the read noise. ``background`` is the level of each amplifier, so that no step is left between
        them. Both are in the unit of the frame.
    """
    pixels = frame.filled
    background, variance = (np.zeros(frame.shape, dtype=np.float32) for _ in range(2))
    for item in amplifiers:
        if item.section is not None:
            part, inside = pixels[item.section], _evidence_in(frame.evidence, item.section)
            background[item.section] = np.median(part) if inside is None else inside.level
            variance[item.section] = np.maximum(part, 0) / item.gain + (item.readnoise / item.gain) ** 2
    return {'background': background, 'variance': variance}


def step_height(frame: Frame, amplifiers: Sequence[Amplifier]) -> float:
    """Return the largest difference between the levels of amplifiers.

    Parameters
    ----------
    frame : Frame
        The frame.
    amplifiers : sequence of Amplifier
        Its amplifiers, with their sections.

    Returns
    -------
    float
        The difference, in units of the smallest scatter of an amplifier; 0 if the sections are not known.
    """
    sections = [item.section for item in amplifiers if item.section is not None]
    parts = [part for part in (_evidence_in(frame.evidence, section) for section in sections) if part is not None]
    if not parts:
        return 0.0
    levels = [part.level for part in parts]
    return (max(levels) - min(levels)) / max(min(part.scatter for part in parts), 1e-9)
