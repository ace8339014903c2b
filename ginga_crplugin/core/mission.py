"""Cosmic rays that the mission found, which came with a frame."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .frame import Frame

__all__ = ['add_mission']


def add_mission(frame: 'Frame', crmask: np.ndarray) -> np.ndarray:
    """Add the cosmic rays that the mission found to those that were detected.

    Parameters
    ----------
    frame : Frame
        The frame.
    crmask : (ny, nx) bool ndarray
        The detected pixels.

    Returns
    -------
    (ny, nx) bool ndarray
        Both; ``crmask`` itself if the mission found none.
    """
    if not len(frame.mission):
        return crmask
    both = crmask.copy()
    both.ravel()[frame.mission] = True
    return both
