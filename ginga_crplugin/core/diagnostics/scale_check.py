"""Check whether the pixel values were scaled or padded."""

from astropy import units as u

from ginga_crplugin.core.claims import read_claims
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.params import LACosmicParams, is_allowed

from .check import Check, Remedy
from .unit_check import estimate_gain

__all__ = ['check_scale']

#: Number of electrons of the brightest pixel below which values from 0 to 1 cannot be adu or electrons.
MAX_ELECTRONS = 100.0
#: Ratios of measured to expected noise between which a gain agrees with the pixels.
AGREES = 0.75, 1.33


def check_scale(frame: Frame, params: LACosmicParams) -> Check | None:
    """Check that the values are not scaled to the range from 0 to 1, and not padded where the gain is not.

    With values that were divided by 65535 and the gain of the camera, no cosmic ray is found.

    Parameters
    ----------
    frame : Frame
        The frame.
    params : LACosmicParams
        The parameters to be used.

    Returns
    -------
    Check or None
        The check ``units`` as an error; None if the values are not scaled, or the gain takes it into account.
    """
    scale = frame.scale
    if scale is None or frame.variance is not None or (frame.ccd.unit != u.adu and scale.padded):
        return None
    measured = f'gain {params.gain:g}, but {scale.text}'
    if scale.padded:
        gain = _header_gain(frame, params) * (scale.factor or 1.0)
        if _agrees(frame, params.gain, params) or not _agrees(frame, gain, params):
            return None
        effect, advice = 'the noise is underestimated: false pixels', scale.advice
        return Check('units', 'error', measured, effect, advice, _remedy(gain))
    if float(frame.filled.max()) * params.gain > MAX_ELECTRONS or u.s in frame.ccd.unit.bases:
        return None
    effect = 'cosmic rays cannot be found: all pixels are fainter than the noise'
    if frame.ccd.unit != u.adu:
        return Check('units', 'error', measured, effect, 'multiply the frame by the factor it was divided by')
    if scale.factor is None and not frame.evidence.is_subtracted(params.pssl):
        advice, remedy = estimate_gain(frame, params)
        return Check('units', 'error', measured, effect, f'{scale.advice}, or {advice}', remedy)
    gain = _header_gain(frame, params) * (scale.factor or 1.0)
    offered = scale.factor is not None and (scale.exact or _agrees(frame, gain, params))
    return Check('units', 'error', measured, effect, scale.advice, _remedy(gain) if offered else None)


def _header_gain(frame, params):
    """Return the gain of the camera: that of the header, even if the pixels contradict it, or the one in use."""
    claims, _ = read_claims(frame.ccd.header, 'gain')
    return claims['gain'][0].value if claims['gain'] else params.gain


def _agrees(frame, gain, params):
    ratio = frame.evidence.noise_ratio(gain, params.readnoise, params.pssl)
    return AGREES[0] < ratio < AGREES[1]


def _remedy(gain):
    gain = float(f'{gain:.6g}')
    return Remedy(f'Set gain to {gain:g}', {'gain': gain}) if is_allowed('gain', gain) else None
