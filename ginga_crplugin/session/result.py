"""The result of a run, with the frame that it ran on."""

from dataclasses import dataclass, field

import numpy as np

from ginga_crplugin.core.diagnostics.check import Check
from ginga_crplugin.core.diagnostics.hints import with_hints
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic.detection import Detection
from ginga_crplugin.core.segments import Segments

__all__ = ['Result']


@dataclass(frozen=True, eq=False)
class Result:
    """The result of a run, with the frame that it ran on.

    Attributes
    ----------
    frame : Frame
        The frame, with the masks that were used.
    detection : Detection
        The flagged pixels.
    segments : Segments
        The flagged pixels in connected groups.
    sources : dict of str
        Where each parameter came from.
    exact : bool
        Whether it is the full result, not the first iteration alone.
    verified : str
        The outcome of a comparison with ccdproc; empty if there was none.
    remarks : list of Check
        The checks of the result.
    """

    frame: Frame
    detection: Detection
    segments: Segments
    sources: dict[str, str]
    exact: bool = True
    verified: str = ''
    remarks: list[Check] = field(default_factory=list)

    @property
    def is_hinted(self) -> bool:
        """Whether the segments have their hints."""
        return 'hint' in self.segments.table.colnames

    def hinted(self, dark: np.ndarray | None) -> Segments:
        """Return the segments with their hints, computed now if they have none.

        Parameters
        ----------
        dark : (ny, nx) ndarray or None
            A combined dark of the same shape, which distinguishes hot pixels from cosmic rays.

        Returns
        -------
        Segments
            With the columns of `~ginga_crplugin.core.diagnostics.hints.with_hints`.
        """
        if self.is_hinted:
            return self.segments
        return with_hints(self.frame, self.detection, self.segments, dark)
