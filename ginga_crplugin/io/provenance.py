"""Provenance of a saved mask: header cards, and a summary of the result."""

import math
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from ginga_crplugin import __version__
from ginga_crplugin.core.bits import DQ_DTYPE, MaskBit
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.input_mask import InputMask
from ginga_crplugin.core.pixels import datasum
from ginga_crplugin.core.repair_names import DEFAULT_REPAIR

if TYPE_CHECKING:
    from ginga_crplugin.core.lacosmic.detection import Detection
    from ginga_crplugin.core.segments import Segments
    from ginga_crplugin.core.stars.star_list import StarList, StarsTouched

__all__ = [
    'grow_cards',
    'origin_counts',
    'protect_cards',
    'provenance_cards',
    'repair_cards',
    'star_cards',
    'summary_lines',
    'to_cards',
]

#: Maximum number of protected stars that are named in a header, whose keywords have two digits for it.
MAX_NAMED = 99
#: Characters of a comment that fit into a card with a number.
_COMMENT_LENGTH = 44


def provenance_cards(
    frame: Frame,
    detection: 'Detection',
    segments: 'Segments',
    plane: np.ndarray,
    sources: dict[str, str],
    verified: str = '',
    extra: Iterable[tuple[str, Any, str]] = (),
) -> list[fits.Card]:
    """Return the header cards that describe how a mask was made.

    Parameters
    ----------
    frame : Frame
        The frame.
    detection : Detection
        The detected pixels.
    segments : Segments
        The segments.
    plane : (ny, nx) int16 ndarray
        The merged mask.
    sources : dict of str
        The source of each parameter's value.
    verified : str, optional
        Result of the comparison with ccdproc.
    extra : iterable of (str, value, str), optional
        More cards.

    Returns
    -------
    list of `~astropy.io.fits.Card`
        Versions, parameters, input masks with their DATASUM, the run and the review.
    """
    cards: list[tuple[str, Any, str]] = [
        ('CRVERSIO', __version__, 'version of ginga_crplugin'),
        ('CRENGINE', detection.engine, ''),
        ('CRVERIF', verified or 'not verified', ''),
    ]
    for item in fields(detection.params):
        value = getattr(detection.params, item.name)
        if isinstance(value, float) and math.isinf(value):
            value = 'inf'
        unit = f'[{item.metadata["unit"]}] ' if item.metadata['unit'] else ''
        source = sources.get(item.name)
        cards.append((item.metadata['card'], value, f'{unit}{item.name}' + (f': {source}' if source else '')))
    for number, mask in enumerate(frame.masks, start=1):
        cards += [
            (f'CRMSK{number}', mask.name, ''),
            (f'CRBIT{number}', mask.bit.name, f'cause of the pixels of CRMSK{number}'),
            (f'CRSUM{number}', _mask_datasum(mask, frame), f'DATASUM of CRMSK{number}'),
        ]
    for card, image in (('CRBKG', frame.background), ('CRVAR', frame.variance), ('CRPSFK', frame.psfk)):
        if image is not None:
            cards.append((card, datasum(image), 'DATASUM of the image used'))
    found, marked, mission, rays = (
        int(np.count_nonzero(plane & DQ_DTYPE(bits)))
        for bits in (MaskBit.CR_DETECTED, MaskBit.CR_MARKED, MaskBit.CR_MISSION, MaskBit.cosmic_rays())
    )
    cards += [
        ('CRITER', ' '.join(map(str, detection.per_iteration)), 'new pixels in each iteration'),
        ('CRUNSRCH', detection.excluded_fraction, 'fraction of the frame excluded from the search'),
        ('CRNDET', detection.pixels, 'pixels detected'),
        ('CRNREJ', detection.pixels - found, 'detected pixels rejected in review'),
        ('CRNMARK', marked, 'pixels marked by hand'),
        ('CRNPIX', rays, 'cosmic-ray pixels in this mask'),
        ('CRNSEG', len(segments), 'segments'),
        *extra,
    ]
    cards += _tail_cards(detection, plane)
    if len(frame.mission):
        cards.append(('CRNMISS', mission, 'pixels found by the mission in this mask'))
    return to_cards(cards)


def _tail_cards(detection, plane):
    """Return the cards of the tails; none if they were not looked for at all."""
    tails = detection.tails
    if tails is None:
        return []
    cards = [
        ('CRTAIL', tails.options.enabled, 'whether tails of cosmic rays are added'),
        ('CRTAILSG', tails.options.sigma, '[sigma] minimum height of pixels in tails'),
        ('CRTAILST', tails.options.steps, '[pix] steps from a detected pixel'),
        ('CRNTAIL', int(np.count_nonzero(plane & DQ_DTYPE(MaskBit.CR_TAIL))), 'pixels in tails in this mask'),
    ]
    return [*cards, ('CRTAILNO', tails.reason, '')] if tails.reason else cards


def to_cards(cards: Iterable[tuple[str, Any, str]]) -> list[fits.Card]:
    """Make header cards, with text in ASCII and comments of limited length.

    Parameters
    ----------
    cards : iterable of (str, value, str)
        Keyword, value and comment.

    Returns
    -------
    list of `~astropy.io.fits.Card`
        The cards.
    """
    return [fits.Card(key, _ascii(value), _ascii(comment)[:_COMMENT_LENGTH]) for key, value, comment in cards]


def grow_cards(grow: int) -> list[tuple[str, int, str]]:
    """Return the card for the growth of the cosmic rays.

    Parameters
    ----------
    grow : int
        Number of pixels.

    Returns
    -------
    list of (str, int, str)
        Keyword, value and comment; empty if they were not grown.
    """
    return [('CRGROW', grow, '[pix] growth of the cosmic rays')] if grow else []


def repair_cards(repair: str) -> list[tuple[str, str, str]]:
    """Return the card for the default repair.

    Parameters
    ----------
    repair : str
        Its name.

    Returns
    -------
    list of (str, str, str)
        Keyword, value and comment; empty for that of L.A.Cosmic.
    """
    return [] if repair == DEFAULT_REPAIR else [('CRREPAIR', repair, 'repair of the cosmic rays in CLEANED')]


def star_cards(touched: 'StarsTouched | None') -> list[tuple[str, Any, str]]:
    """Return the cards of the stars that a mask touches.

    Parameters
    ----------
    touched : StarsTouched or None
        The stars; None if they are not known.

    Returns
    -------
    list of (str, value, str)
        Keyword, value and comment; without the flux if it is not known.
    """
    if touched is None:
        return []
    cards: list[tuple[str, Any, str]] = [
        ('CRNSTAR', touched.count, 'stars found'),
        ('CRNTOUCH', len(touched), 'stars with a flagged core'),
    ]
    if touched.flux_lost is not None:
        cards.append(('CRSTARFL', touched.flux_lost, 'share of the flux of the stars in these pixels'))
    return cards


def protect_cards(
    name: str, stars: 'StarList', touched: 'StarsTouched', kept: int | None
) -> list[tuple[str, Any, str]]:
    """Return the cards of protected stars.

    Parameters
    ----------
    name : str
        The file with the stars.
    stars : StarList
        The protected stars.
    touched : StarsTouched
        Those that the mask touches.
    kept : int or None
        Number of cosmic-ray pixels in their cores that are not in the mask; None if these may be flagged.

    Returns
    -------
    list of (str, value, str)
        Keyword, value and comment; with lines for at most 99 stars.
    """
    cards: list[tuple[str, Any, str]] = [
        ('CRPROT', name, 'protected stars'),
        ('CRNPROT', len(stars), 'protected stars in the frame'),
        ('CRNPRTCH', len(touched), 'of these, stars with a flagged core'),
    ]
    if kept is not None:
        cards.append(('CRNPKEPT', kept, 'pixels in their cores that are not flagged'))
    texts = enumerate(touched.named_texts(stars)[:MAX_NAMED], start=1)
    return [*cards, *((f'CRPROT{number}', text, '') for number, text in texts)]


def _mask_datasum(mask: InputMask, frame: Frame) -> str:
    """Return the checksum of the pixels a mask was made from; those of the frame, if it was made by a check."""
    return datasum(frame.ccd.data) if mask.origin in ('bad_pixels', 'overscan') else mask.datasum


def _ascii(value: Any) -> Any:
    """Replace characters that a header cannot contain."""
    if not isinstance(value, str):
        return value
    return ''.join(c if c.isprintable() and c.isascii() else '?' for c in value)


def origin_counts(segments: 'Segments') -> dict[str, int]:
    """Count the segments by who found them.

    Parameters
    ----------
    segments : Segments
        The segments.

    Returns
    -------
    dict of int
        Numbers of segments by origin, without those marked by hand; empty if the mission found none.
    """
    if 'origin' not in segments.table.colnames:
        return {}
    origins = segments.table['origin']
    return {name: int(np.count_nonzero(origins == name)) for name in ('L.A.Cosmic', 'mission', 'both')}


def summary_lines(detection: 'Detection', segments: 'Segments', state: str = '') -> list[str]:
    """Summarize a result in two lines of text.

    Parameters
    ----------
    detection : Detection
        The detected pixels.
    segments : Segments
        The segments.
    state : str, optional
        Whether the pixels are those of the full run.

    Returns
    -------
    list of str
        A line about pixels and segments, and a line about the iterations and the excluded fraction.
    """
    number = '1 segment' if len(segments) == 1 else f'{len(segments)} segments'
    iterations = ', '.join(map(str, detection.per_iteration))
    origins = origin_counts(segments)
    found = f'{detection.pixels} px by L.A.Cosmic' + (f' ({state})' if state else '') + _tail_text(detection)
    if len(segments.mission_only):
        found += f', {len(segments.mission_only)} px by the mission alone'
    found += f', in {number} ({len(segments.listed)} of {segments.min_size} px or more)'
    if origins:
        found += '; found by ' + ', '.join(f'{name}: {count}' for name, count in origins.items())
    excluded = f'{100.0 * detection.excluded_fraction:.1f} % of the frame excluded'
    if detection.area.border:
        excluded += f' (edges {100.0 * detection.area.edge_fraction:.1f} %)'
    return [found, f'new pixels per iteration: {iterations}; {excluded}']


def _tail_text(detection):
    """Return the number of pixels in tails, or why there are none; empty if they were not looked for."""
    tails = detection.tails
    if tails is None or not tails.options.enabled:
        return ''
    return f', no tails ({tails.reason})' if tails.reason else f', {len(tails.indices)} px in tails'
