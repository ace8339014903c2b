"""The room of the record: what was found and how, in words and in header cards."""

import math
from dataclasses import fields

import numpy as np
from astropy.io import fits

from ginga_crplugin import __version__
from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.frame import datasum

__all__ = ['grow_cards', 'provenance_cards', 'summary_lines', 'to_cards']

_COMMENT = 44


def provenance_cards(frame, detection, segments, plane, sources, verified='', more=()):
    """Return the header cards that tell how a mask was made.

    Parameters
    ----------
    frame : Frame
    detection : Detection
    segments : Segments
    plane : (ny, nx) uint8 ndarray
        The merged mask.
    sources : dict of str
        Where each parameter comes from.
    verified : str, optional
        What a comparison with another engine said.
    more : list of (str, value, str), optional
        Further cards.

    Returns
    -------
    list of `~astropy.io.fits.Card`
        Versions, parameters, input masks with their DATASUM, the run and the review.
    """
    cards = [
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
            (f'CRSUM{number}', _datasum(mask, frame), f'DATASUM of CRMSK{number}'),
        ]
    for card, image in (('CRBKG', frame.background), ('CRVAR', frame.variance), ('CRPSFK', frame.psfk)):
        if image is not None:
            cards.append((card, datasum(image), 'DATASUM of the image used'))
    found, marked = (int(np.count_nonzero(plane & np.uint8(bit))) for bit in (MaskBit.CR_DETECTED, MaskBit.CR_MARKED))
    cards += [
        ('CRITER', ' '.join(map(str, detection.per_iteration)), 'new pixels in each iteration'),
        ('CRUNSRCH', detection.excluded_fraction, 'fraction of the frame excluded from the search'),
        ('CRNDET', detection.pixels, 'pixels detected'),
        ('CRNREJ', detection.pixels - found, 'detected pixels rejected in review'),
        ('CRNMARK', marked, 'pixels marked by hand'),
        ('CRNPIX', found + marked, 'cosmic-ray pixels in this mask'),
        ('CRNSEG', len(segments), 'segments'),
        *more,
    ]
    return to_cards(cards)


def to_cards(cards):
    """Return cards of keyword, value and comment as a header can hold them."""
    return [fits.Card(key, _ascii(value), _ascii(comment)[:_COMMENT]) for key, value, comment in cards]


def grow_cards(grow):
    """Return what tells by how many pixels the cosmic rays were grown; nothing where they were not."""
    return [('CRGROW', grow, '[pix] the cosmic rays are grown by')] if grow else []


def _datasum(mask, frame):
    """Return the checksum of what a mask was made from: the frame itself, if a check made it."""
    return datasum(frame.ccd.data) if mask.origin in ('bad_pixels', 'overscan') else mask.datasum


def _ascii(value):
    """Return what a header can hold."""
    if not isinstance(value, str):
        return value
    return ''.join(c if c.isprintable() and c.isascii() else '?' for c in value)


def summary_lines(detection, segments):
    """Return what was found, in words.

    Parameters
    ----------
    detection : Detection
    segments : Segments

    Returns
    -------
    list of str
        A line on pixels and segments, and a line on the run.
    """
    number = '1 segment' if len(segments) == 1 else f'{len(segments)} segments'
    iterations = ', '.join(map(str, detection.per_iteration))
    return [
        f'{detection.pixels} px in {number} ({len(segments.listed)} of {segments.min_size} px or more)',
        f'new pixels per iteration: {iterations}; {100.0 * detection.excluded_fraction:.1f} % of the frame excluded',
    ]
