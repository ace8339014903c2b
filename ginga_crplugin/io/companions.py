"""The HDUs of a FITS file that accompany an image: its uncertainty, and what belongs to other images of the file."""

import re
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

from astropy.io import fits
from astropy.nddata import InverseVariance, NDUncertainty, StdDevUncertainty, UnknownUncertainty, VarianceUncertainty

from ginga_crplugin.core.bits import IMAGE_CARD
from ginga_crplugin.core.header import frame_unit
from ginga_crplugin.core.image_data import image_plane, plane_axes

from .fits_reader import open_fits, read_pixels
from .image_hdus import COMPANIONS, extver

__all__ = ['UncertaintyHDU', 'companions', 'find_uncertainty', 'image_shape', 'of_other_images']

#: The types of uncertainty by the name of the extension, in order of preference. That of UNCERT is in its header.
_TYPES: dict[str, type[NDUncertainty]] = {
    'UNCERT': StdDevUncertainty,
    'ERR': StdDevUncertainty,
    'ERROR': StdDevUncertainty,
    'VAR': VarianceUncertainty,
    'VARIANCE': VarianceUncertainty,
    'IVAR': InverseVariance,
}

#: The types by the value of the card UTYPE, as `~astropy.nddata.CCDData.write` and others write it.
_UTYPES: dict[str, type[NDUncertainty]] = {
    name: cls
    for cls, names in {
        StdDevUncertainty: ('stddevuncertainty', 'std'),
        VarianceUncertainty: ('varianceuncertainty', 'var'),
        InverseVariance: ('inversevariance', 'ivar'),
        UnknownUncertainty: ('unknownuncertainty', 'unknown'),
    }.items()
    for name in names
}

#: A unit to the power of 2 or -2.
_SQUARED = re.compile(r'^\(?(.+?)\)?\s*(?:\*\*|\^)?\s*\(?-?2\)?$')

#: Cards that tell the detectors or amplifiers of a mosaic apart.
_DETECTOR_CARDS = 'DETSEC', 'CCDNUM', 'CCDCHIP', 'CHIPID', 'AMPNAME'


class UncertaintyHDU:
    """An extension with the uncertainty of an image; calling it reads the uncertainty.

    Parameters
    ----------
    path : `~pathlib.Path`
        The file.
    index : int
        The number of the HDU of the uncertainty.
    name : str
        Its EXTNAME.
    bunit : str
        BUNIT of the image.
    """

    def __init__(self, path: Path, index: int, name: str, bunit: str) -> None:
        self._path, self._index, self.name, self._bunit = path, index, name, bunit

    def __call__(self) -> NDUncertainty:
        """Read the uncertainty.

        Returns
        -------
        `~astropy.nddata.NDUncertainty`
            Without a unit, which follows from that of the image; of unknown type if it does not.

        Raises
        ------
        OSError, ValueError
            If the file cannot be read, or has no such extension any more.
        """
        with open_fits(self._path) as hdus:
            hdu: Any = hdus[self._index] if self._index < len(hdus) else None
            if hdu is None or hdu.name != self.name:
                msg = f'{self._path} has no {self.name} extension any more: open the frame again'
                raise ValueError(msg)
            data = image_plane(read_pixels(hdu, self._path), f'{self._path} [{self.name}]')
            cls = _TYPES[self.name]
            if self.name == 'UNCERT':
                cls = _UTYPES.get(str(_value(hdu.header, 'UTYPE')).strip().lower(), cls)
            bunit = str(_value(hdu.header, 'BUNIT') or '').strip()
        return _uncertainty(cls, data.astype(data.dtype.newbyteorder('='), copy=False), bunit, self._bunit)


def _uncertainty(cls: type[NDUncertainty], data: Any, bunit: str, image_bunit: str) -> NDUncertainty:
    """Return an uncertainty; it is of unknown type if its unit does not follow from that of the image."""
    if not bunit or bunit == image_bunit or _same_unit(_SQUARED.sub(r'\1', bunit), image_bunit or 'adu'):
        return cls(data, copy=False)
    return UnknownUncertainty(data, copy=False)  # with a unit, astropy fails to assign it to an image


def _same_unit(one: str, other: str) -> bool:
    try:
        return frame_unit(one) == frame_unit(other)
    except ValueError:
        return False


def find_uncertainty(hdus: fits.HDUList, science: Any, path: Path) -> UncertaintyHDU | None:
    """Find the uncertainty of an image, without reading its pixels.

    Parameters
    ----------
    hdus : `~astropy.io.fits.HDUList`
        The HDUs of the file.
    science : image HDU
        The image; an extension with the same EXTVER and shape belongs to it.
    path : `~pathlib.Path`
        The file.

    Returns
    -------
    UncertaintyHDU or None
        The first of UNCERT, ERR, ERROR, VAR, VARIANCE and IVAR that there is.
    """
    found = {hdus[index].name: index for index in reversed(companions(hdus, science, _TYPES))}
    bunit = str(_value(science.header, 'BUNIT') or _value(hdus[0].header, 'BUNIT') or '').strip()
    return next((UncertaintyHDU(path, found[name], name, bunit) for name in _TYPES if name in found), None)


def companions(hdus: fits.HDUList, science: Any, names: Container[str]) -> list[int]:
    """Return the extensions with some names that accompany an image.

    Parameters
    ----------
    hdus : `~astropy.io.fits.HDUList`
        The HDUs of the file.
    science : image HDU
        The image.
    names : container of str
        Values of EXTNAME.

    Returns
    -------
    list of int
        The numbers of those with the same EXTVER and shape, unless they name another image. Where several have one
        name, those that directly follow the image.
    """
    shape, version = image_shape(science.header), extver(science.ver)
    found = [
        index
        for index, hdu in enumerate(hdus)
        if hdu is not science and hdu.name in names and hdu.ver == version
        if hdu.header.get(IMAGE_CARD, science.name) == science.name and image_shape(hdu.header) == shape
    ]
    images = [hdu.name if image_shape(hdu.header) else '' for hdu in hdus]
    following = _following(images, next(i for i, hdu in enumerate(hdus) if hdu is science))
    nearer = {hdus[index].name for index in found if index in following}
    return [index for index in found if index in following or hdus[index].name not in nearer]


def _following(names: Sequence[str], index: int) -> range:
    """Return the numbers of the HDUs between an image and the next; the names of tables are empty."""
    end = next((i for i in range(index + 1, len(names)) if names[i] and names[i] not in COMPANIONS), len(names))
    return range(index + 1, end)


def image_shape(header: fits.Header) -> tuple[int, ...]:
    """Return the shape of the image that a header describes, tile-compressed or not.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        The header.

    Returns
    -------
    tuple of int
        Without axes of length 1 beyond two; empty if there are no pixels.
    """
    prefix = 'Z' if _value(header, 'ZIMAGE') is True else ''
    if not prefix and str(_value(header, 'XTENSION') or 'IMAGE').strip() != 'IMAGE':
        return ()
    naxis = _value(header, f'{prefix}NAXIS')
    shape = tuple(
        _value(header, f'{prefix}NAXIS{axis}') for axis in range(naxis if isinstance(naxis, int) else 0, 0, -1)
    )
    whole = all(isinstance(side, int) and side > 0 for side in shape)
    return tuple(shape[axis] for axis in plane_axes(shape)) if whole else ()


def _value(header: fits.Header, key: str) -> Any:
    """Return the value of a card; None if it is missing or cannot be parsed."""
    try:
        return header.get(key)
    except (fits.VerifyError, ValueError):
        return None


def of_other_images(hdus: Sequence[tuple[str, Any, fits.Header]], index: int) -> set[int]:
    """Return the HDUs that belong to other images than one: other detectors of a mosaic and what accompanies them.

    Another detector is an image that has the same name with another number or EXTVER, or another value of DETSEC,
    CCDNUM, CCDCHIP, CHIPID or AMPNAME. Images with its EXTVER and shape accompany it; where the images have one EXTVER,
    those that directly follow it, if there are some of the same name that directly follow the image.

    Parameters
    ----------
    hdus : sequence of (str, int, `~astropy.io.fits.Header`)
        Name, EXTVER and header of each HDU.
    index : int
        The number of the image.

    Returns
    -------
    set of int
        The numbers of the HDUs; the primary HDU is not among them.
    """
    images = {i: image_shape(hdus[i][2]) for i in range(1, len(hdus)) if i != index}
    images = {i: shape for i, shape in images.items() if shape}
    detectors = {i for i in images if _is_other_detector(hdus[i], hdus[index])}
    accompanied = {(hdus[i][1], images[i]) for i in detectors if hdus[i][1] != hdus[index][1]}
    names = [name if image_shape(header) else '' for name, _, header in hdus]
    own = {names[i] for i in _following(names, index)}
    following = {i for detector in detectors for i in _following(names, detector) if i in images and names[i] in own}
    return detectors | following | {i for i in images if (hdus[i][1], images[i]) in accompanied}


def _is_other_detector(hdu: tuple[str, Any, fits.Header], image: tuple[str, Any, fits.Header]) -> bool:
    (name, version, header), (own_name, own_version, own_header) = hdu, image
    if name in COMPANIONS and name != own_name:
        return False
    if any(card in header and card in own_header and header[card] != own_header[card] for card in _DETECTOR_CARDS):
        return True
    same = re.sub(r'\d+', '', name) == re.sub(r'\d+', '', own_name)
    return same and (name, version) != (own_name, own_version)
