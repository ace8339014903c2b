"""The cleaned image after review: every cosmic-ray pixel is replaced as chosen for its segment."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from astropy.nddata import NDData, NDUncertainty
from numpy.typing import ArrayLike

from ginga_crplugin.core.flat_indices import connected_labels, locate
from ginga_crplugin.core.interpretation import as_frame
from ginga_crplugin.core.mission import add_mission
from ginga_crplugin.core.repair_names import DEFAULT_REPAIR, REPAIR_DTYPE, check_repair
from ginga_crplugin.core.uncertainty import inflate_uncertainty

from .fill import fill_from_exposure, fill_from_line, fill_from_surface, fill_inwards, fill_like_lacosmic
from .surroundings import Surroundings

if TYPE_CHECKING:
    from ginga_crplugin.core.frame import Frame
    from ginga_crplugin.core.lacosmic.detection import Detection
    from ginga_crplugin.core.segments import Segments

__all__ = ['Repair', 'check_exposure', 'repair']


@dataclass(frozen=True, eq=False)
class Repair:
    """The replacement of the cosmic-ray pixels of a frame; nothing is computed before it is asked for.

    Attributes
    ----------
    frame : Frame
        The frame.
    detection : Detection
        The detected pixels.
    pixels : (n,) int64 ndarray
        Flat indices of the cosmic-ray pixels after review, sorted; these are replaced.
    methods : (n,) str ndarray
        What replaces each of them, a key of `~ginga_crplugin.core.repair_names.REPAIRS`.
    exposure : (ny, nx) ndarray or None
        The other exposure for ``'exposure'``.
    """

    frame: 'Frame'
    detection: 'Detection'
    pixels: np.ndarray
    methods: np.ndarray
    exposure: np.ndarray | None = None

    @property
    def cleaned(self) -> np.ndarray:
        """(ny, nx) float ndarray: the frame in its own unit with the cosmic-ray pixels replaced.

        All other pixels are unchanged. The dtype is that of `Detection.cleaned`.
        """
        cleaned = self.frame.ccd.data.astype(self.detection.values.dtype)
        cleaned.reshape(-1)[self.pixels] = self._fill(np.arange(len(self.pixels)))
        return cleaned

    def cleaned_at(self, pixels: np.ndarray) -> np.ndarray:
        """Return pixels of the cleaned image, without computing the others.

        Parameters
        ----------
        pixels : int64 ndarray
            Flat indices.

        Returns
        -------
        float ndarray
            The values, in the shape of ``pixels``.
        """
        values = self.frame.ccd.data.reshape(-1)[pixels].astype(self.detection.values.dtype)
        place, replaced = locate(self.pixels, pixels)
        place = place[replaced]
        needed = np.unique(place)
        if (self.methods[needed] == 'maskfill').any():  # it fills whole groups
            groups = connected_labels(self.pixels, self.frame.shape[1])
            needed = np.flatnonzero(np.isin(groups, groups[needed]))
        values[replaced] = self._fill(needed)[np.searchsorted(needed, place)]
        return values

    @property
    def uncertainty(self) -> NDUncertainty | None:
        """The uncertainty of the cleaned image; None if the frame has none.

        That of the frame, to which the scatter of the good pixels around is added in quadrature in the pixels that are
        replaced (`~ginga_crplugin.core.uncertainty.inflate_uncertainty`).
        """
        own = self.frame.uncertainty
        return None if own is None else inflate_uncertainty(own, self.pixels, self._near.scatter(self.pixels))

    @cached_property
    def _near(self) -> Surroundings:
        return Surroundings(self.frame, self.detection.params, self.pixels)

    def _fill(self, places: np.ndarray) -> np.ndarray:
        """Return the values of some of the pixels, given by their places in ``pixels``."""
        methods, values = self.methods[places], np.full(len(places), np.nan)
        for name in np.unique(methods):
            chosen = np.flatnonzero(methods == name)
            values[chosen] = self._filled(str(name), self.pixels[places[chosen]])
        empty = np.flatnonzero(np.isnan(values))
        if len(empty):
            values[empty] = self._near.median(self.pixels[places[empty]])
        return values

    def _filled(self, name: str, pixels: np.ndarray) -> np.ndarray:
        """Return the values of pixels by one method; NaN where it gives none."""
        if name == 'detected':
            values = self.detection.cleaned_at(pixels).astype(float)
            new = np.flatnonzero(~locate(self.detection.indices, pixels)[1])
            if len(new):
                values[new] = fill_like_lacosmic(self._near, pixels[new], self.detection.params.cleantype)
            return values
        if name in ('x', 'y'):
            return fill_from_line(self._near, pixels, axis='yx'.index(name))
        if name == 'exposure':
            assert self.exposure is not None  # `repair` has checked it
            return fill_from_exposure(self._near, pixels, self.frame.filled, self.exposure)
        if name == 'median':
            return self._near.median(pixels)
        return (fill_from_surface if name == 'surface' else fill_inwards)(self._near, pixels)


def repair(
    frame: 'Frame | NDData | ArrayLike',
    detection: 'Detection',
    segments: 'Segments | None' = None,
    pixels: ArrayLike | None = None,
    *,
    method: str = DEFAULT_REPAIR,
    exposure: ArrayLike | None = None,
) -> Repair:
    """Replace the cosmic-ray pixels of a frame, also those that were marked by hand or added to the detected ones.

    Parameters
    ----------
    frame : Frame, `~astropy.nddata.CCDData`, `~astropy.nddata.NDData` or (ny, nx) array_like
        The frame.
    detection : Detection
        The detected pixels.
    segments : Segments, optional
        The segments. If their table has a column ``repair``, it names what replaces the pixels of each, and the pixels
        connected with it that are in no segment.
    pixels : (n,) int64 array_like, optional
        Flat indices of the cosmic-ray pixels after review, sorted; by default those detected, their tails, and those
        that the mission found.
    method : str, optional
        What replaces all other pixels, a key of `~ginga_crplugin.core.repair_names.REPAIRS`.
    exposure : (ny, nx) array_like, optional
        Another exposure of the same field and shape, registered to the frame, for ``'exposure'``.

    Returns
    -------
    Repair
        The cleaned image and its uncertainty, computed on access.

    Raises
    ------
    ValueError
        If there is no such repair, or ``'exposure'`` is chosen without another exposure, or its shape differs.
    """
    check_repair(method)
    frame = as_frame(frame)
    pixels = add_mission(frame, detection.flagged) if pixels is None else np.asarray(pixels, dtype=np.int64)
    methods = np.full(len(pixels), method, dtype=REPAIR_DTYPE)
    if segments is not None and 'repair' in segments.table.colnames:
        methods = _methods(pixels, segments, methods)
    other = None if exposure is None else check_exposure(exposure, frame)
    if other is None and (methods == 'exposure').any():
        msg = (
            "repair is 'exposure', but there is no other exposure: give one of the same shape, or choose another repair"
        )
        raise ValueError(msg)
    return Repair(frame, detection, pixels, methods, other)


def check_exposure(exposure: ArrayLike, frame: 'Frame') -> np.ndarray:
    """Return another exposure as an array.

    Parameters
    ----------
    exposure : (ny, nx) array_like
        The other exposure.
    frame : Frame
        The frame.

    Returns
    -------
    (ny, nx) ndarray
        The array.

    Raises
    ------
    ValueError
        If its shape differs from that of the frame.
    """
    array = np.asarray(exposure)
    if array.shape != frame.shape:
        msg = f"the other exposure: shape {array.shape} differs from the frame's {frame.shape}"
        raise ValueError(msg)
    return array


def _methods(pixels: np.ndarray, segments: 'Segments', methods: np.ndarray) -> np.ndarray:
    """Return the method of each pixel: of its segment, or of the first segment in its connected group."""
    names = np.asarray(segments.table['repair']).astype(REPAIR_DTYPE)
    for name in np.unique(names):
        check_repair(str(name))
    place, inside = locate(segments.pixels, pixels)
    methods = methods.copy()
    if not len(names) or not inside.any():
        return methods
    labels = segments.pixel_labels[place[inside]]
    methods[inside] = names[labels - 1]
    if inside.all():
        return methods
    groups = connected_labels(pixels, segments.shape[1])
    first = np.full(int(groups.max()) + 1, len(names) + 1)
    np.minimum.at(first, groups[inside], labels)
    rest = np.flatnonzero(~inside)
    rest = rest[first[groups[rest]] <= len(names)]
    methods[rest] = names[first[groups[rest]] - 1]
    return methods
