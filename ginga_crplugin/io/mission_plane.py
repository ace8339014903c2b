"""Data-quality planes in the bits of a mission, for saving."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.io import fits

from ginga_crplugin.core.bits import BITS_CARD, DQ_DTYPE, MaskBit
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.image_data import image_plane, original_shape

from .companions import image_shape
from .dq_flags import MISSION_CARD, FlagTable, find_table, mission_table, named_planes, to_unsigned
from .fits_reader import clean_header, open_fits, read_pixels
from .image_hdus import extver
from .own_masks import flag_planes
from .saved_mask import hdus_of_image

__all__ = ['MissionPlane', 'read_mission_plane']

#: The bits of a cosmic ray in an image. HST: 8192, as CR-REJ of CALACS, calwf3 and CALSTIS; AstroDrizzle clears 4096
#: when it starts (its parameter resetbits). JWST and Roman: JUMP_DET and DO_NOT_USE, since their pipelines use pixels
#: with JUMP_DET alone (resample rejects DO_NOT_USE only, which outlier_detection sets as well).
_COSMIC_RAY = {'hst': 8192, 'jwst': 4 | 1, 'roman': 4 | 1}

_FOUND_HERE = MaskBit.CR_DETECTED | MaskBit.CR_TAIL | MaskBit.CR_MARKED


@dataclass(frozen=True, eq=False)
class MissionPlane:
    """The data-quality plane of a frame in the bits of a mission.

    Attributes
    ----------
    mission : str
        One of `DQ_FORMATS`, not ``'own'``.
    table : FlagTable
        The flags.
    index : int or None
        The number of its HDU in the frame's file; None if the frame has no such plane.
    plane : (..., ny, nx) ndarray or None
        Its pixels; further axes have length 1.
    header : `~astropy.io.fits.Header`
        Its header.
    written : (ny, nx) ndarray or None
        The `MaskBit` values from which an earlier run of this package changed it; None if none did.
    """

    mission: str
    table: FlagTable
    index: int | None
    plane: np.ndarray | None
    header: fits.Header
    written: np.ndarray | None

    def hdu(self, bits: np.ndarray, frame: Frame) -> fits.ImageHDU:
        """Return the plane with the cosmic rays of a merged mask.

        Every bit of the frame's plane stays, except that of cosmic rays which the mission found and which were
        rejected.

        Parameters
        ----------
        bits : (ny, nx) int16 ndarray
            The merged mask.
        frame : Frame
            The frame.

        Returns
        -------
        `~astropy.io.fits.ImageHDU`
            The plane, of its original type if that has the bits.
        """
        ray, rays = self._ray, self.table.bits('cosmic ray') | self._ray & ~self.table.bits('unusable')
        if self.plane is None:
            flags = self._from_causes(bits)
        else:
            flags = to_unsigned(self.plane).astype(np.uint64).reshape(bits.shape)  # it may have axes of length 1
            self._remove_written(flags)
        rejected = np.zeros(bits.shape, dtype=bool)
        rejected.ravel()[frame.mission] = True
        rejected &= (bits & DQ_DTYPE(MaskBit.cosmic_rays())) == 0
        flags[rejected] &= np.uint64(~rays & (2**64 - 1))
        kept = ((bits & DQ_DTYPE(MaskBit.CR_MISSION)) != 0) & (flags & np.uint64(rays) == 0)
        flags[kept] |= np.uint64(ray & ~self.table.bits('unusable'))
        flags[(bits & DQ_DTYPE(_FOUND_HERE)) != 0] |= np.uint64(ray)
        shape = original_shape(frame.ccd) if self.plane is None else self.plane.shape
        pixels = _as_type(flags, self.plane).reshape(shape)
        hdu = fits.ImageHDU(pixels, clean_header(self.header)[0], name=self._name)
        if self.mission == 'rubin':
            _name_planes(hdu.header, self.table, ray)
        return hdu

    @property
    def _name(self) -> str:
        return str(self.header.get('EXTNAME', 'DQ'))

    @property
    def _ray(self) -> int:
        """The bits of a cosmic ray."""
        if self.mission != 'rubin':
            return _COSMIC_RAY[self.mission]
        rays = self.table.bits('cosmic ray')
        lowest = rays & -rays
        return lowest or 1 << next(number for number in range(63) if not self.table.known >> number & 1)

    def _remove_written(self, flags: np.ndarray) -> None:
        """Remove the bits that an earlier run of this package added."""
        if self.written is None:
            return
        added = (self.written & DQ_DTYPE(_FOUND_HERE)) != 0
        for causes, bits in (
            (MaskBit.CR_MISSION, self._ray & ~self.table.bits('unusable')),
            (MaskBit.INPUT, self._ray & self.table.bits('unusable')),
        ):
            flags[added & ((self.written & DQ_DTYPE(causes)) == 0)] &= np.uint64(~bits & (2**64 - 1))

    def _from_causes(self, bits: np.ndarray) -> np.ndarray:
        """Return flags for the causes that are known before the run."""
        unusable, saturated, hot = (
            next((flag.value for flag in self.table.flags if flag.meaning == meaning), 0)
            for meaning in ('unusable', 'saturated', 'hot')
        )
        flags = np.zeros(bits.shape, dtype=np.uint64)
        others = MaskBit.before_run() & ~(MaskBit.HOT if hot else MaskBit(0))
        for causes, value in ((others, unusable), (MaskBit.HOT, hot), (MaskBit.SATURATED, saturated)):
            flags[(bits & DQ_DTYPE(causes)) != 0] |= np.uint64(value)
        return flags


def read_mission_plane(frame: Frame, mission: str) -> MissionPlane:
    """Read the data-quality plane of a frame, to which cosmic rays are to be added.

    Parameters
    ----------
    frame : Frame
        The frame.
    mission : str
        One of `DQ_FORMATS`, not ``'own'``.

    Returns
    -------
    MissionPlane
        The plane in the frame's file; an empty one if there is none.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read, or its plane has the bits of another mission.
    """
    if frame.path is not None:
        with open_fits(frame.path) as hdus:
            science: Any = hdus[frame.ext]
            for hdu in flag_planes(hdus, science):
                table = find_table(hdu.header, science.header, hdus[0].header)
                boolean = hdu.name == 'MASK' and named_planes(hdu.header) is None
                if boolean or BITS_CARD in hdu.header:
                    continue
                if table is not None and table.mission != mission:
                    source = f'{hdu.name} in {frame.path.name}'
                    msg = f'{source} has the bits of {table.name}: use dq {table.mission} or own'
                    raise ValueError(msg)
                plane = read_pixels(hdu, frame.path)
                to_unsigned(plane)  # raises if these are no flags
                written = _written(hdus, science, mission, frame)
                found = table or mission_table(mission)
                return MissionPlane(mission, found, hdus.index_of(hdu), plane, hdu.header.copy(), written)
    return MissionPlane(mission, mission_table(mission), None, None, fits.Header(), None)


def _written(hdus: fits.HDUList, science: Any, mission: str, frame: Frame) -> np.ndarray | None:
    """Return the plane of this package that was written together with the mission's."""
    for hdu in hdus_of_image(hdus, science.name):
        own = hdu.is_image and BITS_CARD in hdu.header and hdu.header.get(MISSION_CARD) == mission
        belongs = hdu.ver == extver(science.ver) and image_shape(hdu.header) == frame.shape
        if own and belongs and hdu.name in ('DQ', 'CRDQ'):
            return image_plane(read_pixels(hdu, frame.path or ''), hdu.name).astype(DQ_DTYPE)
    return None


def _as_type(flags: np.ndarray, plane: np.ndarray | None) -> np.ndarray:
    """Return flags in the type of the original plane, or in the smallest that has them all."""
    highest = int(np.bitwise_or.reduce(flags, axis=None)).bit_length()
    if plane is None:
        return flags.astype(np.int16 if highest < 16 else np.int32 if highest < 32 else np.uint32)
    if plane.dtype.kind == 'f' and highest <= 24 + 29 * (plane.dtype.itemsize > 4):
        return flags.astype(plane.dtype)
    size = max(plane.dtype.itemsize, -(-highest // 8))
    if plane.dtype.kind not in 'iu' or size > plane.dtype.itemsize or plane.dtype == np.int8:  # not a type of FITS
        return flags.astype(np.int16 if highest < 16 else np.int32 if highest < 32 else np.int64)
    return flags.astype(f'u{plane.dtype.itemsize}').view(plane.dtype.newbyteorder('='))


def _name_planes(header: fits.Header, table: FlagTable, ray: int) -> None:
    """Name the flags in a header with the cards of the Rubin science pipelines, unless it has them."""
    names = {flag.value: flag.name for flag in table.flags}
    names.setdefault(ray, 'CR')
    known = {header[card] for card in header if card.startswith('MSKM')}
    number = sum(card.startswith('MSKN') for card in header)
    for value, name in sorted(names.items()):
        if value not in known:
            header[f'MSKN{number:04}'] = name
            header[f'MSKM{number:04}'] = value
            header[f'MSKD{number:04}'] = _DESCRIPTIONS.get(name, name.lower().replace('_', ' '))
            number += 1


#: Descriptions of the planes of the Rubin science pipelines.
_DESCRIPTIONS = {
    'BAD': 'bad pixel',
    'SAT': 'saturated',
    'INTRP': 'interpolated',
    'CR': 'cosmic ray',
    'EDGE': 'edge of the image, not processed completely',
    'DETECTED': 'part of a detected source',
    'DETECTED_NEGATIVE': 'part of a detected negative source',
    'SUSPECT': 'near saturation',
    'NO_DATA': 'no data',
}
