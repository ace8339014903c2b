"""Check of the noise of a frame with several amplifiers."""

from collections.abc import Sequence

from ginga_crplugin.core.amplifiers import Amplifier, step_height
from ginga_crplugin.core.frame import Frame

from .check import Check, Remedy
from .noise_causes import TOLERANCE

__all__ = ['HIGH_STEP', 'check_amplifier_noise']

#: Step between the levels of two amplifiers, in units of the scatter, above which it is flagged. The Laplacian has a
#: quarter of it, in units of the noise.
HIGH_STEP = 12.0


def check_amplifier_noise(frame: Frame, amplifiers: Sequence[Amplifier], ratio: float) -> Check:
    """Check the noise of a frame whose amplifiers differ in gain or read noise.

    One gain and one read noise cannot describe it. With the smallest gain and the largest read noise, the noise is
    underestimated nowhere, but a high step between the amplifiers is flagged: about 600 false pixels in a frame of 512
    x 512 pixels with gains of 1.5 and 2.9 and a sky of 2,000 electrons.

    Parameters
    ----------
    frame : Frame
        The frame.
    amplifiers : sequence of Amplifier
        Its amplifiers.
    ratio : float
        Ratio of the measured noise to that expected with the gain and the read noise in use.

    Returns
    -------
    Check
        The check ``noise``.
    """
    names = ', '.join(item.name for item in amplifiers)
    gains = ', '.join(f'{item.gain:.4g}' for item in amplifiers)
    noises = ', '.join(f'{item.readnoise:.4g}' for item in amplifiers)
    measured = f'amplifiers {names} with gain {gains} and read noise {noises} e-'
    effect = 'one gain and read noise for all: faint cosmic rays are missed'
    if any(item.section is None for item in amplifiers):
        if abs(ratio - 1.0) <= TOLERANCE:
            return Check('noise', 'ok', f'{measured}, which differ little on this sky (ratio {ratio:.2f})')
        advice = 'give the variance of the pixels (--variance), since the sections of the amplifiers are not known'
        return Check('noise', 'warning', measured, effect, advice)
    step = step_height(frame, amplifiers)
    mark = 'warning'
    if step > HIGH_STEP:
        mark, effect = 'error', f'{effect}, and the step between them ({step:.0f} times the scatter) is flagged'
    remedy = Remedy('Use noise of each amplifier', noise='amplifiers')
    return Check('noise', mark, measured, effect, 'use the noise of each amplifier (--variance amplifiers)', remedy)
