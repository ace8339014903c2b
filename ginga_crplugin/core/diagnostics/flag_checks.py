"""Check of the data-quality planes that came with a frame."""

from ginga_crplugin.core.frame import Frame

from .check import Check

__all__ = ['check_flags']


def check_flags(frame: Frame) -> Check:
    """Check whether the meaning of the flags in the file of a frame is known.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks.

    Returns
    -------
    Check
        A warning if bits mask pixels without a table that says so.
    """
    assumed = [f'{mask.name}: {mask.assumed}' for mask in frame.masks if mask.assumed]
    if not assumed:
        return Check('flags', 'ok', 'no bits of unknown meaning')
    effect = 'cosmic rays and usable pixels among them are excluded from the search'
    advice = 'choose the bits with --dq-bits (any, none, or 1,4,256), dq_bits in a recipe; or switch the mask off'
    return Check('flags', 'warning', '; '.join(assumed), effect, advice)
