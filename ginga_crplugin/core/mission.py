"""Cosmic rays that the pipeline of the mission flagged in the mask of a frame."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .frame import Frame

__all__ = ['add_mission']


def add_mission(frame: 'Frame', pixels: np.ndarray) -> np.ndarray:
    """Add the cosmic rays that the mission found to those that were detected.

    Parameters
    ----------
    frame : Frame
        The frame.
    pixels : (n,) int64 ndarray
        Flat indices of the detected pixels, sorted.

    Returns
    -------
    (m,) int64 ndarray
        Flat indices of both, sorted; ``pixels`` itself if the mission found none.
    """
    return np.union1d(pixels, frame.mission) if len(frame.mission) else pixels
