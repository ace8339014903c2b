"""The room of the frame: its pixels as they are, what is bad in it already, and the reading of FITS files."""

import warnings
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.utils.exceptions import AstropyUserWarning
from astropy.wcs import WCS, FITSFixedWarning, WcsError

from .bits import MaskBit
from .header import frame_unit, header_values
from .params import resolve

__all__ = ['Frame', 'InputMask', 'read_dark', 'read_frame', 'read_image', 'read_mask']

#: Frames narrower than this are refused: there is no room for the median filters, and Astro-SCRAPPY
#: corrupts memory on frames one or two pixels wide.
SMALLEST = 16

#: Values beyond this are treated as infinite: their products leave the range of float32.
LARGEST = 1e30

#: The kinds of numbers that FITS can hold.
_NUMBERS = {'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f4', 'f8'}

#: The card by which a DQ extension says that its bits are those of `MaskBit`.
BITS_CARD = 'CRPBITS'

#: Card by which the extensions of the package name themselves, with the version of their layout.
BITS_VERSION = 1


@dataclass(frozen=True, eq=False)
class InputMask:
    """Pixels known to be bad before the run, with their cause.

    Attributes
    ----------
    name : str
        Where it comes from, in words.
    bit : MaskBit
        The cause.
    mask : (ny, nx) bool ndarray
        True where a pixel is bad.
    datasum : str
        FITS checksum (DATASUM) of the pixels that it was made from.
    """

    name: str
    bit: MaskBit
    mask: np.ndarray
    datasum: str = ''

    @cached_property
    def count(self):
        """How many pixels it masks."""
        return int(np.count_nonzero(self.mask))


@dataclass(frozen=True, eq=False)
class Frame:
    """A CCD frame with untouched pixels, and all that accompanies it.

    Attributes
    ----------
    ccd : `~astropy.nddata.CCDData`
        (ny, nx) pixels in native byte order, unit (adu, electron, or one of them per second), header. An array or
        a `~astropy.nddata.CCDData` may be given; a mask in it becomes an input mask of unknown cause.
    name : str
        What to call it.
    path : `~pathlib.Path` or None
        The file it was read from.
    ext : int
        The number of its HDU in that file.
    masks : tuple of InputMask
        What is bad already.
    background, variance : (ny, nx) ndarray or None
        Sky image in the frame's unit, and noise squared in that unit squared, if the user has them.
    psfk : (n, n) float32 ndarray or None
        Kernel of the point spread function, for ``fsmode='convolve'``.
    notes : tuple of str
        What the user should know about how it was understood.

    Raises
    ------
    ValueError
        If the pixels are not two-dimensional numbers, too few, none of them finite, or if a companion has
        another shape.
    """

    ccd: CCDData
    name: str = 'frame'
    path: Path | None = None
    ext: int = 0
    masks: tuple[InputMask, ...] = ()
    background: np.ndarray | None = None
    variance: np.ndarray | None = None
    psfk: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        ccd = self.ccd
        if not isinstance(ccd, CCDData):
            ccd = CCDData(np.asarray(ccd), unit=u.adu)
        _check_pixels(ccd.data, self.name)
        masks = tuple(self.masks)
        if ccd.mask is not None:
            own = np.broadcast_to(np.asarray(ccd.mask, dtype=bool), ccd.data.shape)
            masks = (_input_mask('mask of the CCDData', MaskBit.INPUT, own), *masks)
        native = np.ascontiguousarray(ccd.data, dtype=ccd.data.dtype.newbyteorder('='))
        unit = frame_unit(ccd.unit)
        if self.psfk is not None:
            object.__setattr__(self, 'psfk', np.ascontiguousarray(self.psfk, dtype=np.float32))
        clean = CCDData(native, unit=unit, header=ccd.header, wcs=ccd.wcs)
        object.__setattr__(self, 'ccd', clean)
        object.__setattr__(self, 'masks', masks)
        self._check_companions()

    def _check_companions(self):
        named = [(f'mask {item.name}', item.mask) for item in self.masks]
        named += [('the background', self.background), ('the variance', self.variance)]
        for name, array in named:
            if array is not None and array.shape != self.shape:
                msg = f'{name} has shape {array.shape}, the frame {self.shape}: they must be the same'
                raise ValueError(msg)
        for name, array in named[-2:]:
            if array is not None and not np.isfinite(array).all():
                msg = f'{name} has pixels that are not finite: fill them first'
                raise ValueError(msg)
        if self.psfk is not None and not _is_kernel(self.psfk):
            msg = f'psfk has shape {self.psfk.shape}: it must be a square of odd side, with finite values'
            raise ValueError(msg)

    @property
    def shape(self):
        """(ny, nx)."""
        return self.ccd.data.shape

    @property
    def label(self):
        """Name and number of the HDU, as the user knows it."""
        return f'{self.name} [{self.ext}]'

    @cached_property
    def nonfinite(self):
        """(ny, nx) bool: NaN, infinite, or beyond what float32 can square."""
        if self.ccd.data.dtype.kind in 'iu':
            return np.zeros(self.shape, dtype=bool)
        return ~(np.abs(self.ccd.data) <= LARGEST)

    @cached_property
    def bits(self):
        """(ny, nx) uint8: the sum of the `MaskBit` values known before the run."""
        bits = np.zeros(self.shape, dtype=np.uint8)
        for item in self.masks:
            bits[item.mask] |= np.uint8(item.bit)
        bits[self.nonfinite] |= np.uint8(MaskBit.NONFINITE)
        return bits

    @cached_property
    def filled(self):
        """(ny, nx) ndarray: the pixels, with the median of the good ones where they are not finite."""
        if not self.nonfinite.any():
            return self.ccd.data
        good = self.bits == 0
        level = np.median(self.ccd.data[good if good.any() else ~self.nonfinite])
        return np.where(self.nonfinite, level, self.ccd.data).astype(self.ccd.data.dtype)

    def electrons(self, params):
        """Return the filled pixels in electrons, (ny, nx) float32, rounded as Astro-SCRAPPY does."""
        return (self.filled * float(np.float32(params.gain))).astype(np.float32)

    def saturated(self, params):
        """Return where the pixels are at or above ``params.satlevel``, (ny, nx) bool."""
        return self.electrons(params) >= np.float32(params.satlevel)

    def parameters(self, chosen=None):
        """Return the parameters for this frame: defaults, below its header, below what the user chose.

        Parameters
        ----------
        chosen : dict, optional
            ``{field name: value}``, as the user gave them.

        Returns
        -------
        params : LACosmicParams
        sources : dict of str
            Where each value comes from: ``'default'``, a header card, or ``'you'``.
        """
        chosen = chosen or {}
        own = {name: (value, 'you') for name, value in chosen.items()}
        resolve(own)  # says what is wrong with them, before the gain is used
        header, _ = header_values(self.ccd.header, self.ccd.unit, chosen.get('gain'))
        return resolve(header, own)

    def replace(self, **changes):
        """Return a frame with the same pixels and other companions (``masks``, ``background``, ...)."""
        return replace(self, **changes)


def _check_pixels(data, name):
    if data.ndim != 2:
        msg = f'{name} has {data.ndim} axes, shape {data.shape}: an image of 2 axes is needed'
        raise ValueError(msg)
    if f'{data.dtype.kind}{data.dtype.itemsize}' not in _NUMBERS:
        msg = f'{name} holds {data.dtype}: integers of 8 to 64 bit, or floats of 32 or 64 bit, are needed'
        raise ValueError(msg)
    if min(data.shape) < SMALLEST:
        msg = f'{name} has shape {data.shape}: at least {SMALLEST} x {SMALLEST} pixels are needed'
        raise ValueError(msg)
    if data.dtype.kind == 'f' and not (np.abs(data) <= LARGEST).any():
        msg = f'{name} has no finite pixel'
        raise ValueError(msg)


def _is_kernel(psfk):
    return psfk.ndim == 2 and psfk.shape[0] == psfk.shape[1] and psfk.shape[0] % 2 == 1 and np.isfinite(psfk).all()


def read_frame(path, ext=None, unit=None):
    """Read a frame from a FITS file, with the MASK and DQ that belong to it.

    Parameters
    ----------
    path : path-like
        A FITS file; ``.gz`` and tile-compressed ``.fz`` too.
    ext : int, str or (str, int), optional
        The extension by number, name, or name and EXTVER; by default the first image.
    unit : str, optional
        The unit of the pixels, over what BUNIT says.

    Returns
    -------
    Frame

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not FITS, holds no such image, or its unit is not understood.
    """
    path = Path(path)
    with _opened(path) as hdus:
        index = _image_index(hdus, ext, path)
        hdu = hdus[index]
        header = hdu.header.copy()
        header.extend(hdus[0].header, unique=True, strip=True)
        data = _pixels(hdu, path)
        masks = _own_masks(hdus, index, path)
        wcs = _wcs(header, hdus)
    named, notes = (unit, []) if unit is not None else _unit_of(header)
    try:
        unit = frame_unit(named)
    except ValueError as error:
        msg = f'{path.name}: {error}'
        raise ValueError(msg) from None
    notes += header_values(header, unit)[1]
    _check_pixels(data, f'{path.name} [{index}]')
    ccd = CCDData(data, unit=unit, header=header, wcs=wcs)
    return Frame(ccd, path.name, path, index, masks, notes=tuple(notes))


def _unit_of(header):
    """Return what the header says of the unit, and what to tell the user about it."""
    bunit = str(header.get('BUNIT', '')).strip()
    return (bunit, []) if bunit else ('adu', ['BUNIT is missing: the frame is taken to be in adu'])


def read_image(path, ext=None):
    """Read a plain image: a mask, a dark, a background, a variance or a kernel.

    Parameters
    ----------
    path, ext
        As for `read_frame`.

    Returns
    -------
    data : (ny, nx) ndarray
        In native byte order.
    datasum : str
        FITS checksum (DATASUM) of the pixels.
    """
    path = Path(path)
    with _opened(path) as hdus:
        data = _pixels(hdus[_image_index(hdus, ext, path)], path)
    return data.astype(data.dtype.newbyteorder('='), copy=False), _datasum(data)


def read_mask(path, bit=MaskBit.INPUT, ext=None):
    """Read an input mask: every pixel that is not 0 is bad.

    Parameters
    ----------
    path, ext
        As for `read_frame`.
    bit : MaskBit
        The cause: HOT, BAD, or INPUT where it is another or unknown.

    Returns
    -------
    InputMask
    """
    data, datasum = read_image(path, ext)
    return InputMask(Path(path).name, MaskBit(bit), data != 0, datasum)


def read_dark(path, limit, ext=None):
    """Make a mask of the hot pixels of a combined dark.

    Parameters
    ----------
    path, ext
        As for `read_frame`.
    limit : float
        Pixels above it, in the unit of the dark, and pixels that are not finite, are hot.

    Returns
    -------
    InputMask
    """
    if not np.isfinite(limit):
        msg = f'the limit of the dark is {limit}: it must be a finite number'
        raise ValueError(msg)
    data, datasum = read_image(path, ext)
    return InputMask(f'{Path(path).name} > {limit:g}', MaskBit.HOT, ~(data <= limit), datasum)


@contextmanager
def _opened(path):
    """Open a FITS file for reading; say in one line what is wrong with it."""
    if not path.exists():
        msg = f'{path}: no such file'
        raise FileNotFoundError(msg)
    if path.is_dir():
        msg = f'{path} is a folder, not a FITS file'
        raise ValueError(msg)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', AstropyUserWarning)  # a file cut short is an error where its pixels are read
        try:
            hdus = fits.open(path, memmap=False)
        except PermissionError:
            raise
        except _DAMAGED as error:
            msg = f'{path}: not a FITS file ({str(error).splitlines()[0]})'
            raise ValueError(msg) from error
        with hdus:
            yield hdus


_DAMAGED = (OSError, ValueError, TypeError, EOFError, zlib.error)


def _pixels(hdu, path):
    """Return the pixels of an HDU; say in one line if they are not all there."""
    try:
        return np.asarray(hdu.data)
    except _DAMAGED as error:
        msg = f'{path}: the pixels cannot be read, the file is cut short or damaged'
        raise ValueError(msg) from error


def _wcs(header, hdus):
    """Return the sky coordinates that a header gives, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', FITSFixedWarning)
        try:
            wcs = WCS(header, hdus, naxis=2)
        except (WcsError, ValueError, TypeError, KeyError, AssertionError):  # no usable WCS, the pixels are
            return None
    return wcs if wcs.wcs.ctype[0] else None


def _image_index(hdus, ext, path):
    """Return the number of the HDU asked for, or of the first image."""
    if ext is None:
        for index, hdu in enumerate(hdus):
            if hdu.is_image and len(hdu.shape) > 0:
                return index
        msg = f'{path}: no image in it'
        raise ValueError(msg)
    try:
        index = hdus.index_of(ext)
        hdu = hdus[index]
        index %= len(hdus)
    except (KeyError, IndexError):
        names = ', '.join(f'{i} {hdu.name}'.strip() for i, hdu in enumerate(hdus))
        msg = f'{path}: no extension {ext!r}; it has {names}'
        raise ValueError(msg) from None
    if not hdu.is_image or len(hdu.shape) == 0:
        kind = 'empty' if hdu.is_image else 'a table'
        msg = f'{path}: extension {ext!r} is {kind}, not an image'
        raise ValueError(msg)
    return index


def _own_masks(hdus, index, path):
    """Return the masks that stand beside the image in its own file, matched by EXTVER."""
    science = hdus[index]
    others = [hdu for hdu in hdus if hdu is not science]
    beside = [hdu for hdu in others if hdu.is_image and hdu.ver == science.ver and hdu.shape == science.shape]
    planes = [hdu for hdu in beside if BITS_CARD in hdu.header and hdu.name in ('DQ', 'CRDQ')]
    if planes:
        return tuple(_split(_pixels(planes[0], path)))
    return tuple(
        _input_mask(f'{hdu.name} in this file', MaskBit.INPUT, _pixels(hdu, path))
        for hdu in beside
        if hdu.name in ('MASK', 'DQ')
    )


def _split(plane):
    """Give back the input masks of a saved plane by cause; its cosmic rays are found anew."""
    for bit in (MaskBit.INPUT, MaskBit.HOT, MaskBit.BAD):
        mask = (plane & np.uint8(bit)) != 0
        if mask.any():
            yield _input_mask(f'{bit.name} of the DQ in this file', bit, mask)


def _input_mask(name, bit, data):
    return InputMask(name, bit, data != 0, _datasum(data))


def _datasum(data):
    """FITS checksum of an array as it would be written, for the record of what a mask was made from."""
    hdu = fits.ImageHDU(data.astype(np.uint8) if data.dtype == bool else data)
    hdu.add_datasum()
    return hdu.header['DATASUM']
