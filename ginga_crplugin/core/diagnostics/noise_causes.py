"""Diagnosis of a mismatch between the measured and the expected noise."""

import math

from astropy import units as u

from ginga_crplugin.core.amplifiers import read_amplifiers
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.header import header_values
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.pixel_evidence import MAX_READNOISE

from .background import Sky

__all__ = ['diagnose_noise', 'header_gain_and_readnoise']

#: Maximum deviation from 1 of the ratio of measured to expected noise that counts as agreement; also the relative
#: tolerance for the read noise of the header.
TOLERANCE = 0.1
#: Ratios of measured to expected noise below and above which the result is affected.
LOW, HIGH = 0.8, 1.15
#: Relative tolerance for a factor that equals a known gain, and where the read noise is known as well.
GAIN_TOLERANCE, KNOWN_NOISE_TOLERANCE = 0.06, 0.1
#: Maximum factor that is a plausible gain where a remaining bias would explain it too.
PLAUSIBLE_GAIN = 3.0
#: Read noise that no CCD has (electron rms), so that the gain must be too large.
IMPOSSIBLE_READNOISE = 100.0


def header_gain_and_readnoise(frame: Frame) -> tuple[float | None, float | None]:
    """Return the gain and the read noise given by the header.

    Parameters
    ----------
    frame : Frame
        The frame with its header.

    Returns
    -------
    gain : float or None
        Gain (electron/adu); None if the header has no usable value.
    readnoise : float or None
        Read noise (electron rms); None if the header has no usable value.
    """
    evidence = (lambda: frame.evidence) if frame.ccd.unit == u.adu else None
    values, _ = header_values(frame.ccd.header, u.adu, None, evidence)
    values = {name: pair for name, pair in values.items() if not pair[1].startswith('default')}  # contradicted
    gain, readnoise = (values[name][0] if name in values else None for name in ('gain', 'readnoise'))
    return gain, readnoise


def diagnose_noise(frame: Frame, params: LACosmicParams, sky: Sky) -> dict[str, str]:
    """Diagnose a mismatch between the measured and the expected noise.

    A single ratio does not distinguish all causes. Gain and read noise of the header decide between them; without
    these, the more probable cause is marked as an error and the other one as a warning.

    Parameters
    ----------
    frame : Frame
        The frame with its header.
    params : LACosmicParams
        Gain, read noise and ``sigclip`` to use.
    sky : Sky
        The result of `~ginga_crplugin.core.diagnostics.background.measure_sky`.

    Returns
    -------
    dict of str
        'warning' or 'error' for the checks 'noise', 'sky', 'units' and 'bias' that are affected; empty if the noise
        agrees.
    """
    several = frame.variance is None and read_amplifiers(frame.ccd.header, frame.ccd.unit)
    if abs(sky.ratio - 1.0) <= TOLERANCE or several:  # one gain and read noise do not describe several amplifiers
        return {}
    strong = not LOW <= sky.ratio <= HIGH
    mark = 'error' if strong else 'warning'
    harmful = sky.ratio < LOW or (strong and params.sigclip / sky.ratio < 4.2)
    found = {'noise': 'error' if harmful and frame.variance is None else 'warning'}
    header_gain, header_noise = header_gain_and_readnoise(frame)
    if frame.variance is not None or (header_noise and abs(params.readnoise / header_noise - 1.0) > TOLERANCE):
        return found  # a variance image, or a read noise that contradicts the header, is the only cause
    if sky.ratio > 1.0:
        tolerance = KNOWN_NOISE_TOLERANCE if header_noise else GAIN_TOLERANCE
        return found | _diagnose_excess(frame.ccd.unit, params, sky, header_gain, mark, tolerance)
    return found | _diagnose_deficit(frame.ccd.unit, params, sky, header_gain, mark)


def _diagnose_excess(
    unit: u.UnitBase, params: LACosmicParams, sky: Sky, header_gain: float | None, mark: str, tolerance: float
) -> dict[str, str]:
    """Diagnose more noise than expected: a subtracted sky, or a gain applied twice."""
    found = {}
    if sky.level < 2.0 * sky.scatter:
        found['sky'] = mark
    extra_gain = 1.0 / sky.scale_factor if sky.scale_factor else math.inf
    if any(gain and gain != 1.0 and abs(extra_gain / gain - 1.0) < tolerance for gain in (params.gain, header_gain)):
        found['units'] = 'warning' if 'sky' in found else mark
    elif 'sky' not in found and header_gain is None and unit == u.electron:
        found['units'] = mark if sky.implied_readnoise > MAX_READNOISE else 'warning'
    elif 'sky' not in found and unit != u.electron and sky.implied_readnoise > IMPOSSIBLE_READNOISE:
        found['units'] = mark
    return found


def _diagnose_deficit(
    unit: u.UnitBase, params: LACosmicParams, sky: Sky, header_gain: float | None, mark: str
) -> dict[str, str]:
    """Diagnose less noise than expected: a remaining bias, or ADU treated as electrons."""
    bias = sky.implied_level > 0.0 and sky.excess_level > 0.0
    default_noise = params.readnoise == LACosmicParams().readnoise  # a default is no evidence about the gain
    known_gain = params.gain == header_gain or (params.gain != 1.0 and unit != u.electron)
    if known_gain and default_noise and sky.implied_readnoise > 0.0:
        return {}
    if header_gain is not None:
        missing_gain = header_gain / params.gain
        if missing_gain != 1.0 and abs(sky.scale_factor / missing_gain - 1.0) < GAIN_TOLERANCE:
            return {'units': mark} | ({'bias': 'warning'} if bias else {})
        return {'bias': mark} if bias else {}
    if params.gain != 1.0 and unit == u.adu:  # set by the user
        return {'bias': mark} if bias else {}
    if not bias:
        return {'units': 'warning' if default_noise else mark}
    if sky.scale_factor > PLAUSIBLE_GAIN:
        return {'bias': mark, 'units': 'warning'}
    return {'units': mark, 'bias': 'warning'}
