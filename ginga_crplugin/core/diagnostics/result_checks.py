"""The room of the decision: whether what L.A.Cosmic found can be true."""

import numpy as np

from .check import Check, Remedy
from .header_history import area_and_exposure
from .hints import with_hints

__all__ = ['check_result']

#: Shares of the frame that cosmic rays leave on frames of some hours at most, and that none can.
MANY, TOO_MANY = 0.01, 0.05
#: Muons for a square centimeter and minute at sea level; within these factors of it a number is plausible.
MUONS, LESS, MORE = 1.0, 0.1, 10.0


def check_result(frame, detection, segments):
    """Check what was found: the share of the frame, stars, and the number of hits.

    Parameters
    ----------
    frame : Frame
    detection : Detection
    segments : Segments
        With hints (`with_hints`); they are made if need be.

    Returns
    -------
    list of Check
        share, stars, rate, in this order.
    """
    if 'hint' not in segments.table.colnames:
        segments = with_hints(frame, detection, segments)
    return [_share(detection), _stars(detection, segments), _rate(frame, segments)]


def _share(detection):
    """Share: with the sky subtracted 61 to 85 % of real DECam frames were flagged; cosmic rays leave far below 1 %."""
    share = detection.pixels / detection.crmask.size
    figure = f'{100.0 * share:.2g} % of the pixels flagged'
    if share <= MANY:
        return Check('share', 'ok', figure)
    mark = 'error' if share > TOO_MANY else 'warning'
    effect = 'most of them can be no cosmic rays'
    return Check('share', mark, figure, effect, 'see the checks of noise, sky and units; or raise sigclip')


def _stars(detection, segments):
    """Stars: cores of undersampled ones are flagged at a small objlim, or with the separable median.

    At a FWHM of 1.6 pixels the separable median made 1,744 false pixels, the full one 26.
    """
    count = int(np.count_nonzero(segments.table['hint'] == 'star-like'))
    figure = f'{count} of {len(segments)} segments look like stars'
    if count < max(3, 0.05 * len(segments)):
        return Check('stars', 'ok', figure)
    mark = 'error' if count >= max(10, 0.3 * len(segments)) else 'warning'
    remedy, advice = None, 'raise objlim'
    if detection.params.sepmed:
        remedy, advice = Remedy('Full median', {'sepmed': False}), 'switch the separable median off, or raise objlim'
    return Check('stars', mark, figure, 'stars are masked and cleaned away', advice, remedy)


def _rate(frame, segments):
    """Rate: about one muon for a square centimeter and minute; a sanity figure, three times more is nothing unusual."""
    known = area_and_exposure(frame.ccd.header, frame.shape)
    if known is None:
        return Check('rate', 'ok', f'{len(segments)} hits; the header lacks the size of a pixel or the exposure')
    area, minutes = known
    expected = MUONS * area * minutes
    figure = f'{len(segments)} hits, about {expected:.2g} expected ({area:.2g} cm2, {minutes:.3g} min)'
    if len(segments) > MORE * expected + 5.0:
        effect = 'most of them can be no cosmic rays'
        return Check('rate', 'warning', figure, effect, 'look at the hints; mask hot pixels, or raise sigclip')
    if len(segments) < LESS * expected - 5.0:
        return Check(
            'rate', 'warning', figure, 'cosmic rays are missed', 'lower sigclip, or see the check of the noise'
        )
    return Check('rate', 'ok', figure)
