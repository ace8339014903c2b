"""The room of the results: what a run found on what frame, and how it compares with another."""

from dataclasses import dataclass, field

import numpy as np

from ginga_crplugin.core.diagnostics.hints import with_hints
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic.detect import Detection, detect
from ginga_crplugin.core.segments import Segments

__all__ = ['Comparison', 'Result', 'verify', 'without_masks']


@dataclass(frozen=True, eq=False)
class Result:
    """What a run found, with the very frame that it ran on.

    Attributes
    ----------
    frame : Frame
    detection : Detection
    segments : Segments
    sources : dict of str
        Where each parameter came from.
    exact : bool
        Whether it is the full result, not the first iteration alone.
    verified : str
        What a comparison with ccdproc said; empty if there was none.
    remarks : list of Check
        What speaks against the result.
    """

    frame: Frame
    detection: Detection
    segments: Segments
    sources: dict[str, str]
    exact: bool = True
    verified: str = ''
    remarks: list = field(default_factory=list)

    @property
    def is_hinted(self):
        """Whether the segments have their hints."""
        return 'hint' in self.segments.table.colnames

    def hinted(self, dark):
        """Return the segments with their hints, worked out with the help of the dark where they are not there."""
        if self.is_hinted:
            return self.segments
        return with_hints(self.frame, self.detection, self.segments, dark)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Which pixels two results have in common.

    Attributes
    ----------
    name : str
        What the present result is compared with, in words.
    both, here, there : (n,) int64 ndarray
        The flat indices of the pixels that both have, the present one alone, and the other one alone.
    """

    name: str
    both: np.ndarray
    here: np.ndarray
    there: np.ndarray

    @classmethod
    def of(cls, result, pixels, name):
        """Compare a result with the flagged pixels of another."""
        here = result.segments.pixels
        both = np.intersect1d(here, pixels, assume_unique=True)
        sides = (np.setdiff1d(one, both, assume_unique=True) for one in (here, pixels))
        return cls(name, both, *sides)

    @property
    def words(self):
        """The counts in words."""
        here, there = len(self.both) + len(self.here), len(self.both) + len(self.there)
        return (
            f'{here} px here, {there} px {self.name}: {len(self.both)} in both, '
            f'{len(self.here)} only here, {len(self.there)} only there'
        )


def without_masks(result):
    """Compare a result with the same run without any input mask, in the same units."""
    other = detect(result.frame.replace(masks=()), result.detection.params)
    return Comparison.of(result, np.flatnonzero(other.crmask), 'without the masks')


def verify(result):
    """Compute a result by ccdproc, and say how many pixels differ, in the mask or in the cleaned values."""
    reference = detect(result.frame, result.detection.params, engine='ccdproc')
    differing = (reference.crmask != result.detection.crmask) | ~_equal(reference.cleaned, result.detection.cleaned)
    count = int(np.count_nonzero(differing))
    return f'{count} px differ from {reference.engine}' if count else f'identical to {reference.engine}'


def _equal(one, other):
    return (one == other) | (np.isnan(one) & np.isnan(other))
