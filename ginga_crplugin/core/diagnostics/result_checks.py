"""Checks whether a detection is plausible."""

from typing import TYPE_CHECKING

import numpy as np
from astropy.table import QTable

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.ray_rate import FEW, HIGH, LOW, MUON_RATE, TOO_MANY, area_and_exposure
from ginga_crplugin.core.segments import Segments

from .check import Check, Remedy
from .frame_kind import FrameKind, find_frame_kind, not_checked
from .hints import with_hints

if TYPE_CHECKING:
    from ginga_crplugin.core.lacosmic.detection import Detection

__all__ = ['check_result']

#: Maximum fraction of pixels that cosmic rays hit in a few hours.
MANY = 0.01


def check_result(frame: Frame, detection: 'Detection', segments: Segments) -> list[Check]:
    """Check the fraction of flagged pixels, the number of stars among the segments, and the number of segments.

    Parameters
    ----------
    frame : Frame
        The frame.
    detection : Detection
        The detection to check.
    segments : Segments
        Its segments. If they have no hints, these are computed.

    Returns
    -------
    list of Check
        share, stars, rate, in this order.
    """
    if 'hint' not in segments.table.colnames:
        segments = with_hints(frame, detection, segments)
    table = segments.table
    if 'origin' in table.colnames:  # the mission's own rays say nothing about this run
        table = table[table['origin'] != 'mission']
    kind = find_frame_kind(frame)
    stars = _check_stars(detection, table) if kind.is_image else not_checked('stars', kind)
    return [_check_share(detection, kind), stars, _check_rate(frame, len(table), kind)]


def _check_share(detection: 'Detection', kind: FrameKind) -> Check:
    """Check the fraction of flagged pixels.

    Cosmic rays leave far below 1 %. With the sky subtracted, 61 to 85 % of the pixels of real DECam frames were
    flagged.
    """
    share = detection.pixels / detection.image.size
    measured = f'{100.0 * share:.2g} % of the pixels flagged'
    if share <= MANY:
        return Check('share', 'ok', measured)
    mark = 'error' if share > TOO_MANY else 'warning'
    effect = 'most of them cannot be cosmic rays'
    advice = 'see the checks noise, sky and units, or raise sigclip' if kind.is_image else 'see the check kind'
    return Check('share', mark, measured, effect, advice)


def _check_stars(detection: 'Detection', table: QTable) -> Check:
    """Check the number of star-like segments.

    Cores of undersampled stars are flagged if objlim is small or the median filters are separable: at a FWHM of 1.6
    pixels, separable filters caused 1,744 false pixels and full ones 26.
    """
    stars = table['hint'] == 'star-like'
    count, area = int(np.count_nonzero(stars)), int(np.sum(np.asarray(table['area'])[stars]))
    measured = f'{count} of {len(table)} segments look like stars ({area} of {detection.pixels} pixels)'
    if count < 3 or (count < 0.05 * len(table) and area < 0.05 * detection.pixels):
        return Check('stars', 'ok', measured)
    mark = 'error' if count >= max(10, 0.3 * len(table)) else 'warning'
    remedy, advice = Remedy('Raise objlim to 10', {'objlim': 10.0}), 'raise objlim'
    if detection.params.sepmed:
        remedy = Remedy('Switch off separable median', {'sepmed': False})
        advice = 'switch off the separable median (sepmed), or raise objlim'
    return Check('stars', mark, measured, 'stars are masked and cleaned', advice, remedy)


def _check_rate(frame: Frame, count: int, kind: FrameKind) -> Check:
    """Check the number of segments against one muon per square centimeter and minute.

    This is an order of magnitude: a difference by a factor of three is usual.
    """
    known = area_and_exposure(frame.ccd.header, frame.shape)
    if known is None:
        return Check('rate', 'ok', f'{count} segments (no pixel size or exposure time in the header)')
    area, minutes = known
    expected = MUON_RATE * area * minutes
    measured = f'{count} segments, about {expected:.2g} expected ({area:.2g} cm2, {minutes:.3g} min)'
    if count > HIGH * expected + FEW:
        effect = 'most of them cannot be cosmic rays'
        advice = 'see the hints, mask hot pixels, or raise sigclip' if kind.is_image else 'see the check kind'
        return Check('rate', 'warning', measured, effect, advice)
    if count < LOW * expected - FEW:
        advice = 'lower sigclip, or see the check noise'
        return Check('rate', 'warning', measured, 'cosmic rays are missed', advice)
    return Check('rate', 'ok', measured)
