"""Check of the gain against the pixels and the cards of the header."""

from astropy import units as u

from ginga_crplugin.core.claim_choice import Choice
from ginga_crplugin.core.claims import read_claims
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.header import gain_choice
from ginga_crplugin.core.params import LACosmicParams, is_allowed

from .background import Sky
from .check import Check, Remedy
from .noise_causes import KNOWN_NOISE_TOLERANCE, header_gain_and_readnoise

__all__ = ['OVERESTIMATED', 'UNDERESTIMATED', 'check_contradiction', 'check_units', 'estimate_gain']

#: Effects of a gain, sky level or read noise that is not correct.
UNDERESTIMATED = 'the noise is underestimated: false pixels'
OVERESTIMATED = 'the noise is overestimated: faint cosmic rays are missed'

#: Read noise of a typical camera whose software writes its gain setting into GAIN (electron rms).
TYPICAL_READNOISE = 3.0


def check_units(frame: Frame, params: LACosmicParams, sky: Sky, mark: str | None) -> Check:
    """Check that pixels times gain are electrons.

    A gain of 1.5 applied twice causes 319 false pixels, a gain of 4 applied twice 17,868; with ADU treated as
    electrons, 132 of 149 cosmic rays are found. A camera setting of 120 taken as the gain causes false pixels in two
    thirds of the frame. The factor with which level and scatter agree is compared with the gain.

    Parameters
    ----------
    frame : Frame
        The frame with its header.
    params : LACosmicParams
        The parameters to be used.
    sky : Sky
        Level and scatter of the sky with these parameters.
    mark : {'warning', 'error'} or None
        What `~ginga_crplugin.core.diagnostics.noise_causes.diagnose_noise` found.

    Returns
    -------
    Check
        The check ``units``.
    """
    unit = frame.ccd.unit
    choice = gain_choice(frame.ccd.header, unit, lambda: frame.evidence)
    measured = f'unit {unit}, gain {params.gain:g}'
    if mark is None:
        header_gain, _ = header_gain_and_readnoise(frame)
        if unit == u.adu and params.gain == 1.0 and header_gain is None and not (choice and choice.contradicted):
            effect = 'the noise is incorrect unless 1 adu is 1 electron'
            advice = 'set the gain in electron/adu'
            return Check('units', 'warning', f'{measured}, but no gain in the header', effect, advice)
        if params.gain == 1.0 and choice is not None and choice.value is None:
            texts = ' and '.join(item.text for item in choice.contradicted)
            effect, advice = 'correct if 1 adu is 1 electron', 'set the gain in electron/adu if it is known'
            return Check('units', 'warning', f'{measured}, but {texts} in the header', effect, advice)
        others = choice.notes if choice is not None and choice.value == params.gain else ()
        return Check('units', 'ok', ', '.join((measured, *(note.replace(';', ',') for note in others))))
    return _mismatch(frame, params, sky, mark)


def _mismatch(frame: Frame, params: LACosmicParams, sky: Sky, mark: str) -> Check:
    unit = frame.ccd.unit
    measured = f'unit {unit}, gain {params.gain:g}, but level and scatter agree only if the pixels are multiplied by '
    measured += f'{sky.scale_factor:.3g}'
    if sky.ratio > 1.0:
        return _excess(params, sky, unit, mark, measured)
    if unit == u.electron:
        advice = 'check whether the frame is in adu instead of electrons'
        return Check('units', mark, measured, OVERESTIMATED, advice)
    header_gain, _ = header_gain_and_readnoise(frame)
    gain = header_gain or float(f'{params.gain * sky.scale_factor:.3g}')
    remedy = Remedy(f'Set gain to {gain:g}', {'gain': gain})
    return Check('units', mark, measured, OVERESTIMATED, f'set the gain to about {gain:g}', remedy)


def _excess(params: LACosmicParams, sky: Sky, unit: u.UnitBase, mark: str, measured: str) -> Check:
    gain, advice = float(f'{params.gain * sky.scale_factor:.3g}'), 'check whether the gain was applied twice'
    if abs(gain - 1.0) < KNOWN_NOISE_TOLERANCE and params.gain != 1.0 and unit == u.adu:
        remedy = Remedy('Set gain to 1', {'gain': 1.0})
        return Check('units', mark, measured, UNDERESTIMATED, f'{advice}, and set the gain to 1', remedy)
    if unit == u.electron or params.gain == 1.0:
        return Check('units', mark, measured, UNDERESTIMATED, advice)
    remedy = Remedy(f'Set gain to {gain:g} (estimated)', {'gain': gain})
    return Check('units', mark, measured, UNDERESTIMATED, f'set the gain to about {gain:g}', remedy)


def check_contradiction(frame: Frame, params: LACosmicParams) -> Check | None:
    """Check whether the pixels contradict the gain, or all gains of the header and no other was chosen.

    Parameters
    ----------
    frame : Frame
        The frame with its header.
    params : LACosmicParams
        The parameters to be used.

    Returns
    -------
    Check or None
        The check ``units`` with an error and an estimate of the gain; None if there is no contradiction. A frame per
        second without exposure time or gain has no gain either.
    """
    unit, defaults = frame.ccd.unit, LACosmicParams()
    if unit == u.electron or frame.variance is not None:
        return None
    choice = gain_choice(frame.ccd.header, unit, lambda: frame.evidence)
    own_noise = _header_readnoise(frame)
    in_use = frame.evidence.contradicts(params.gain, max(own_noise or 0.0, params.readnoise), params.pssl)
    advice, remedy = estimate_gain(frame, params)
    unchanged = (params.gain, params.readnoise) == (defaults.gain, own_noise or defaults.readnoise)
    chosen = not unchanged or remedy.params == {'gain': params.gain, 'readnoise': params.readnoise}
    unknown = choice is None and u.s in unit.bases and params.gain == defaults.gain
    if not in_use and not unknown and (choice is None or choice.value is not None or chosen):
        return None
    effect = 'the gain is unknown, so that the noise is incorrect'
    if unknown:
        claims, _ = read_claims(frame.ccd.header, 'exposure')
        missing = 'gain' if claims['exposure'] else 'exposure time'
        measured = f'unit {unit}, but no {missing} in the header, gain {params.gain:g} is used'
        return Check('units', 'error', measured, effect, advice, remedy)
    text = f'gain {params.gain:g}'
    if choice is not None and choice.value is None:
        text = ' and '.join(item.text for item in choice.contradicted)
    needed = frame.evidence.implied_readnoise(_value_of(params, choice), params.pssl)
    measured = f'{text} contradicts the noise: it would need a read noise of {needed:,.0f} e-'
    if not in_use:
        measured += f', gain {params.gain:g} is used'
    return Check('units', 'error', measured, effect, advice, remedy)


def estimate_gain(frame: Frame, params: LACosmicParams) -> tuple[str, Remedy]:
    """Estimate the gain of a frame from its level and scatter.

    Parameters
    ----------
    frame : Frame
        The frame with its header.
    params : LACosmicParams
        The parameters to be used. Their read noise is used if it is not the default and the header has none.

    Returns
    -------
    advice : str
        The advice to set it, with the assumptions.
    remedy : Remedy
        The gain and the read noise.
    """
    used = params.readnoise if params.readnoise != LACosmicParams().readnoise else TYPICAL_READNOISE
    readnoise = _header_readnoise(frame) or used
    unit = frame.ccd.unit
    gain = float(f'{frame.evidence.estimate_gain(readnoise, params.pssl):.3g}')
    name = f'Set gain to {gain:g}, read noise to {readnoise:g} e- (estimated)'
    wanted = f'set the gain in {"electron/adu" if unit == u.adu else f"electrons per {unit}"}'
    advice = f'{wanted}, estimated {gain:g} for a read noise of {readnoise:g} e- and no bias'
    return advice, Remedy(name, {'gain': gain, 'readnoise': readnoise})


def _header_readnoise(frame: Frame) -> float | None:
    """Return the first read noise of the header that is within the limits."""
    claims, _ = read_claims(frame.ccd.header, 'readnoise')
    return next((claim.value for claim in claims['readnoise'] if is_allowed('readnoise', claim.value)), None)


def _value_of(params: LACosmicParams, choice: Choice | None) -> float:
    return choice.contradicted[0].value if choice is not None and choice.value is None else params.gain
