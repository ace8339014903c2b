"""The room of the frame: its pixels as they are, and what is known to be bad in it."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData

from .bits import MaskBit
from .header import frame_unit, header_values
from .params import FromHeader, resolve
from .stats import CHUNK_SIZE, median

__all__ = ['Frame', 'InputMask', 'MaskSource', 'check_pixels', 'datasum', 'same_pixels']

#: Frames narrower than this are refused: there is no room for the median filters, and Astro-SCRAPPY
#: corrupts memory on frames one or two pixels wide.
MIN_SIDE = 16

#: Values beyond this are treated as infinite: their products leave the range of float32.
MAX_VALUE = 1e30

#: The kinds of numbers that FITS can hold.
DTYPES = {'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f4', 'f8'}


@dataclass(frozen=True)
class MaskSource:
    """A file that an input mask is made from.

    Attributes
    ----------
    path : `~pathlib.Path`
    ext : int, str, (str, int) or None
        The extension; None is the one called MASK, else the first image; ``'same'`` that of the frame, by number.
    cause : MaskBit or None
        Why its pixels are bad; None is what the file says of itself, else INPUT.
    limit : float or None
        For a combined dark: pixels above it, in its own unit, are hot. None is a mask.
    datasum : str
        FITS checksum (DATASUM) of the pixels that are expected; '' takes any.
    """

    path: Path
    ext: int | str | tuple[str, int] | None = None
    cause: MaskBit | None = None
    limit: float | None = None
    datasum: str = ''


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
        FITS checksum (DATASUM) of the pixels that it was made from; '' where these are the frame's own.
    image : (ny, nx) ndarray or None
        The image that it was made from, if that is worth looking at: a dark.
    origin : MaskSource, str or None
        How a recipe makes it again: from a file, by the check of this name, or from the file of the frame (``'own'``);
        None where it can't.
    """

    name: str
    bit: MaskBit
    mask: np.ndarray
    datasum: str = ''
    image: np.ndarray | None = field(default=None, repr=False)
    origin: 'MaskSource | str | None' = None

    @classmethod
    def from_data(cls, name, bit, data, origin=None):
        """Make a mask of the pixels of ``data`` that are not 0."""
        return cls(name, bit, data != 0, datasum(data), origin=origin)

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
    first : bool
        Whether it is the first image of that file.
    masks : tuple of InputMask
        What is bad already.
    background, variance : (ny, nx) ndarray or None
        Sky image in the frame's unit, and noise squared in that unit squared, if the user has them.
    psfk : (n, n) float32 ndarray or None
        Kernel of the point spread function, for ``fsmode='convolve'``.
    notes : tuple of str
        What the user should know about how it was understood.
    review : tuple of (n,) int64 and (n,) uint8 ndarray, or None
        The decisions that were saved with it (`Review.edited`).
    saved : Saved or None
        The mask that was saved of it.

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
    first: bool = True
    masks: tuple[InputMask, ...] = ()
    background: np.ndarray | None = None
    variance: np.ndarray | None = None
    psfk: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    review: tuple[np.ndarray, np.ndarray] | None = None
    saved: 'object | None' = None

    def __post_init__(self):
        ccd = self.ccd
        if not isinstance(ccd, CCDData):
            ccd = CCDData(np.asarray(ccd), unit=u.adu)
        check_pixels(ccd.data, self.name)
        masks = tuple(self.masks)
        if ccd.mask is not None:
            own = np.broadcast_to(np.asarray(ccd.mask, dtype=bool), ccd.data.shape)
            masks = (InputMask.from_data('mask of the CCDData', MaskBit.INPUT, own, 'own'), *masks)
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
        data = self.ccd.data
        if data.dtype.kind in 'iu' or all(
            part.min() >= -MAX_VALUE and part.max() <= MAX_VALUE for part in _parts(data)
        ):
            return np.zeros(self.shape, dtype=bool)
        return ~(np.abs(data) <= MAX_VALUE)

    @cached_property
    def bits(self):
        """(ny, nx) uint8: the sum of the `MaskBit` values known before the run."""
        bits = np.zeros(self.shape, dtype=np.uint8)
        for item in self.masks:
            bits |= item.mask * np.uint8(item.bit)
        if self.nonfinite.any():
            bits |= self.nonfinite * np.uint8(MaskBit.NONFINITE)
        return bits

    @cached_property
    def filled(self):
        """(ny, nx) ndarray: the pixels, with the median of the good ones where they are not finite."""
        if not self.nonfinite.any():
            return self.ccd.data
        good = self.bits == 0
        level = median(self.ccd.data[good if good.any() else ~self.nonfinite])
        return np.where(self.nonfinite, level, self.ccd.data)

    def saturated(self, params):
        """Return where the pixels, sky put back, are at or above ``params.satlevel``, (ny, nx) bool.

        They are rounded as Astro-SCRAPPY does.
        """
        gain, level = float(np.float32(params.gain)), np.float32(params.satlevel)
        parts = [((part + params.pssl) * gain).astype(np.float32, copy=False) >= level for part in _parts(self.filled)]
        return np.concatenate(parts)

    def parameters(self, chosen=None, recipe=None):
        """Return the parameters for this frame: defaults, below its header, below a recipe, below what the user chose.

        Parameters
        ----------
        chosen : dict, optional
            ``{field name: value}``, as the user gave them.
        recipe : dict, optional
            The same of a recipe; a value may be `FromHeader`.

        Returns
        -------
        params : LACosmicParams
        sources : dict of str
            The source of each value: its card (``'GAIN in the header'``), ``'recipe'``, ``'user'`` or ``'default'``.

        Raises
        ------
        ValueError
            If a value is not allowed, or one that a recipe takes from the header is not there.
        """
        chosen, recipe = chosen or {}, recipe or {}
        own = {name: (value, 'user') for name, value in chosen.items()}
        given = {name: (value, 'recipe') for name, value in recipe.items() if not isinstance(value, FromHeader)}
        asked = {name: value.default for name, value in recipe.items() if isinstance(value, FromHeader)}
        below = {name: (value, 'recipe, not in the header') for name, value in asked.items() if value is not None}
        resolve(below, given, own)  # says what is wrong with them, before the gain is used
        gain = (given | own).get('gain', (None,))[0]
        header, _ = header_values(self.ccd.header, self.ccd.unit, gain)
        if gain is None and 'gain' not in header and 'gain' in below:
            header, _ = header_values(self.ccd.header, self.ccd.unit, below['gain'][0])
        params, sources = resolve(below, header, given, own)
        for name in asked:
            if sources[name] == 'default':
                msg = f'{name} is not in the header of {self.name}, where the recipe takes it from'
                raise ValueError(msg)
        return params, sources

    def replace(self, **changes):
        """Return a frame with the same pixels and other companions (``masks``, ``background``, ...)."""
        return replace(self, **changes)


def check_pixels(data, name):
    """Refuse what L.A.Cosmic can't be run on, with a `ValueError`."""
    if data.ndim != 2:
        msg = f'{name} has {data.ndim} axes, shape {data.shape}: an image of 2 axes is needed'
        raise ValueError(msg)
    if f'{data.dtype.kind}{data.dtype.itemsize}' not in DTYPES:
        msg = f'{name} holds {data.dtype}: integers of 8 to 64 bit, or floats of 32 or 64 bit, are needed'
        raise ValueError(msg)
    if min(data.shape) < MIN_SIDE:
        msg = f'{name} has shape {data.shape}: at least {MIN_SIDE} x {MIN_SIDE} pixels are needed'
        raise ValueError(msg)
    if data.dtype.kind == 'f' and not any((np.abs(row) <= MAX_VALUE).any() for row in data):
        msg = f'{name} has no finite pixel'
        raise ValueError(msg)


def _parts(image):
    """Return parts of an image, some rows each, so few that they stay in the cache."""
    rows = max(1, CHUNK_SIZE // image.shape[1])
    return [image[begin : begin + rows] for begin in range(0, len(image), rows)]


def _is_kernel(psfk):
    return psfk.ndim == 2 and psfk.shape[0] == psfk.shape[1] and psfk.shape[0] % 2 == 1 and np.isfinite(psfk).all()


def same_pixels(one, other):
    """Whether two images have the same values; NaN are looked for in rows that differ alone, for time and memory."""
    nan = one.dtype.kind == other.dtype.kind == 'f'
    rows = zip(one, other, strict=True) if one.shape == other.shape else [(one, other)]
    return all(np.array_equal(*two) or (nan and np.array_equal(*two, equal_nan=True)) for two in rows)


def datasum(data):
    """Return the FITS checksum (DATASUM) of an array as it would be written, for the record of what was used."""
    if data.dtype in (np.float32, np.int32) and data.flags.c_contiguous:  # the words as they are, several times faster
        total = int(data.view(np.uint32).sum(dtype=np.uint64))
        return str(total and (total - 1) % 0xFFFFFFFF + 1)
    pixels = data.astype(np.uint8) if data.dtype == bool else data.view()
    pixels.flags.writeable = False  # else astropy swaps their bytes in place for a moment, while others look at them
    hdu = fits.ImageHDU(pixels)
    hdu.add_datasum()
    return hdu.header['DATASUM']
