"""Note of the check of the noise on an uncertainty that is not used."""

from dataclasses import replace

from ginga_crplugin.core.frame import Frame

from .check import Check, Remedy

__all__ = ['with_uncertainty_note']


def with_uncertainty_note(check: Check, frame: Frame) -> Check:
    """Add to the check of the noise that the frame has an uncertainty that is not used.

    Parameters
    ----------
    check : Check
        A check of the frame.
    frame : Frame
        The frame.

    Returns
    -------
    Check
        The check, with a remedy that uses the uncertainty if it has no other remedy; unchanged for other checks, and
        for frames without an uncertainty or with a variance image.
    """
    source = frame.uncertainty_source
    if check.name != 'noise' or source is None or frame.variance is not None:
        return check
    name = getattr(source, 'name', type(source).__name__)
    measured = f'{check.measured}; the uncertainty of the frame ({name}) is not used'
    use = 'to use the uncertainty as the noise, give --variance own, or variance: own in a recipe'
    advice = f'{check.advice}; {use}' if check.advice else use
    remedy = check.remedy or Remedy('Use uncertainty', noise='own')
    return replace(check, measured=measured, advice=advice, remedy=remedy)
