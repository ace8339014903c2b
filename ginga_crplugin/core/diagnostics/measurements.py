"""Measurements that the checks of a frame share."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import numpy as np

from ginga_crplugin.core.amplifiers import Amplifier, find_amplifiers, step_height
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic.detect import Detector
from ginga_crplugin.core.lacosmic.detection import Detection
from ginga_crplugin.core.params import LACosmicParams

from .amplifier_noise import HIGH_STEP
from .background import measure_sky, normalized_residual
from .frame_kind import find_frame_kind
from .noise_causes import diagnose_noise
from .outliers import DeviantPixels, Outliers, find_deviant_pixels, find_outliers
from .scale_check import check_scale
from .unexposed_edges import UnexposedEdges, locate_edges
from .unit_check import check_contradiction

__all__ = ['Measurements']


class Measurements:
    """The measurements that the checks of a frame share, each made once.

    Parameters
    ----------
    frame : Frame
        The frame.
    params : LACosmicParams
        The parameters to be used.
    detection : callable, optional
        Returns the cosmic rays detected with these parameters; by default they are detected when they are needed.

    Attributes
    ----------
    sky : Sky
        Level and scatter of the blank sky.
    scatter : float
        The scatter, in the unit of the frame.
    noise_marks : dict of str
        The result of `~ginga_crplugin.core.diagnostics.noise_causes.diagnose_noise`.
    contradiction : Check or None
        The check ``units``, if the pixels contradict the gain.
    residual : Frame
        The frame in which outliers and stars are found.
    residual_scatter, saturation : float
        Its scatter, and the saturation level in its unit.
    """

    def __init__(self, frame: Frame, params: LACosmicParams, detection: Callable[[], Detection] | None = None) -> None:
        self.frame, self.params, self._detection = frame, params, detection
        self.sky = measure_sky(frame, params)
        self.scatter = max(self.sky.scatter / params.gain, 1e-6)  # in the unit of the frame
        self.noise_marks = diagnose_noise(frame, params, self.sky)
        self.contradiction = check_scale(frame, params) or check_contradiction(frame, params)
        if self.contradiction is not None:  # without the gain, the causes cannot be distinguished
            known = {'noise': self.noise_marks['noise']} if 'noise' in self.noise_marks else {}
            self.noise_marks = known | {'units': 'error'}
        self.residual = normalized_residual(frame, params)
        self.residual_scatter, self.saturation = self.scatter, params.satlevel / params.gain
        if self.residual is not frame:  # in which saturated pixels are masked
            self.residual_scatter, self.saturation = max(self.sky.ratio, 1e-6), np.inf

    @cached_property
    def deviant(self) -> DeviantPixels:
        """The pixels far from the local level."""
        return find_deviant_pixels(self.residual, self.residual_scatter)

    @cached_property
    def outliers(self) -> Outliers:
        """Hot and negative pixels, bad lines and unexposed edges."""
        found = find_outliers(self.residual, self.residual_scatter, self.deviant)
        if find_frame_kind(self.frame).is_image:
            return found
        return replace(
            found, columns={}, rows={}, dead_columns=(), dead_rows=()
        )  # a spectral line that remains is no bad line

    @cached_property
    def amplifiers(self) -> tuple[Amplifier, ...]:
        """The amplifiers, if the header has several."""
        return find_amplifiers(self.frame)

    @cached_property
    def edges(self) -> UnexposedEdges:
        """Unexposed edges, by the sections of the header where the pixels confirm them."""
        found = self.outliers.edges
        if self.amplifiers and step_height(self.frame, self.amplifiers) > HIGH_STEP:
            found = {}  # a step between amplifiers looks like the end of an edge
        return locate_edges(self.frame, found, self.params)

    def flagged(self, params: LACosmicParams) -> np.ndarray:
        """Return the pixels that L.A.Cosmic flags.

        Parameters
        ----------
        params : LACosmicParams
            The parameters.

        Returns
        -------
        (ny, nx) bool ndarray
            True for flagged pixels; none if these parameters cannot be used for this frame, as the run then reports.
        """
        try:
            if self._detection is not None and params == self.params:
                return self._detection().crmask
            return Detector(wait=True).detect(self.frame, params).crmask
        except ValueError:
            return np.zeros(self.frame.shape, dtype=bool)
