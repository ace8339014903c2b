"""CCD frames with their input masks and companion images."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from astropy.nddata import CCDData, NDUncertainty

from .bits import DQ_DTYPE, MaskBit
from .data_scale import DataScale, find_scale
from .header import header_values
from .image_data import split_image
from .input_mask import InputMask
from .params import FromHeader, LACosmicParams, resolve
from .pixel_evidence import PixelEvidence, measure_pixels
from .pixels import MAX_VALUE
from .saturation import Clipping, find_clipping, saturation_level
from .stats import local_medians, median, row_slices
from .uncertainty import detached_uncertainty

__all__ = ['Frame']


#: Pixels that are filled before the run.
_EMPTY = DQ_DTYPE(MaskBit.NONFINITE | MaskBit.NO_DATA)

#: The cached properties, which depend on the pixels and the input masks only.
_MEASURED = {'_all_finite', 'nonfinite', 'bits', 'filled', 'evidence', 'mission', 'mission_levels', 'clipping', 'scale'}

#: Those of them that depend on no other input masks than those of pixels without data.
_OF_DATA = {'nonfinite', 'clipping', 'scale'}


@dataclass(frozen=True, eq=False)
class Frame:
    """A CCD frame with unchanged pixels, its input masks and its companion images.

    Attributes
    ----------
    ccd : `~astropy.nddata.CCDData`
        The (ny, nx) pixels in native byte order, their unit (adu, electron, or one of them per second) and the header.
        It is made from a `~astropy.nddata.CCDData`, `~astropy.nddata.NDData`, array, masked array or
        `~astropy.units.Quantity` (in adu if it has no unit), whose mask becomes an input mask of unknown cause. Axes
        of length 1 are removed.
    name : str
        The name for display and messages.
    path : `~pathlib.Path` or None
        The file from which it was read.
    ext : int
        The number of its HDU in that file.
    first : bool
        Whether it is the first image of that file.
    masks : tuple of InputMask
        The input masks.
    background, variance : (ny, nx) ndarray or None
        Model of the sky and the objects that the frame contains, in its unit, and variance in that unit squared.
    psfk : (n, n) float32 ndarray or None
        Kernel of the point spread function for ``fsmode='convolve'``.
    notes : tuple of str
        Messages on how the file was interpreted.
    review : tuple of (n,) int64 and (n,) uint8 ndarray, or None
        The review decisions that were saved with it (`Review.edited`).
    saved : SavedMask or None
        The mask that was saved with it.
    uncertainty_source : `~astropy.nddata.NDUncertainty`, callable or None
        The `uncertainty`, or a function without arguments that reads it; by default that of ``ccd``.

    Raises
    ------
    ValueError
        If the pixels are not two-dimensional numbers, too few, or all non-finite, or if a mask or companion image has
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
    saved: Any = None
    uncertainty_source: NDUncertainty | Callable[[], NDUncertainty] | None = None

    def __post_init__(self) -> None:
        ccd, notes = split_image(self.ccd, self.name)
        if ccd.mask is not None:
            own = InputMask.from_data(f'mask of the {type(self.ccd).__name__}', MaskBit.INPUT, ccd.mask)
            object.__setattr__(self, 'masks', (own, *self.masks))
        native = np.ascontiguousarray(ccd.data)
        if not native.dtype.isnative:
            native = native.astype(native.dtype.newbyteorder('='))
        if self.psfk is not None:
            object.__setattr__(self, 'psfk', np.ascontiguousarray(self.psfk, dtype=np.float32))
        if ccd.uncertainty is not None and self.uncertainty_source is None:
            object.__setattr__(self, 'uncertainty_source', ccd.uncertainty)
        if isinstance(self.uncertainty_source, NDUncertainty):
            detached = detached_uncertainty(self.uncertainty_source, native.shape, ccd.unit)
            object.__setattr__(self, 'uncertainty_source', detached)
        clean = CCDData(native, unit=ccd.unit, header=ccd.header, wcs=ccd.wcs, psf=ccd.psf)
        object.__setattr__(self, 'ccd', clean)
        object.__setattr__(self, 'masks', tuple(self.masks))
        object.__setattr__(self, 'notes', (*self.notes, *notes))
        self._check_companions()

    def _check_companions(self):
        images = [(f'mask {item.name}', item.mask) for item in self.masks]
        images += [('the background', self.background), ('the variance', self.variance)]
        for name, array in images:
            if array is not None and array.shape != self.shape:
                msg = f"{name}: shape {array.shape} differs from the frame's {self.shape}"
                raise ValueError(msg)
        for name, array in images[-2:]:
            if array is not None and not np.isfinite(array).all():
                msg = f'{name} has non-finite pixels: replace them first'
                raise ValueError(msg)
        if self.psfk is not None and not _is_kernel(self.psfk):
            msg = f'psfk has shape {self.psfk.shape}: it must be a square of odd side, with finite values'
            raise ValueError(msg)

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx) of the frame."""
        return self.ccd.data.shape

    @property
    def uncertainty(self) -> NDUncertainty | None:
        """The uncertainty of the pixels, read from the file at each access; None if there is none.

        Without a unit, it is in that of the frame (or its power that the type of the uncertainty implies). It is not
        used as the noise unless `variance` is set from it.
        """
        source = self.uncertainty_source
        if source is None or isinstance(source, NDUncertainty):
            return source
        return detached_uncertainty(source(), self.shape, self.ccd.unit)

    @property
    def label(self) -> str:
        """The name with the number of the HDU, for display."""
        return f'{self.name} [{self.ext}]'

    @cached_property
    def nonfinite(self) -> np.ndarray:
        """(ny, nx) bool ndarray: True for pixels that are NaN, infinite, or beyond `MAX_VALUE`."""
        if self._all_finite:
            return np.zeros(self.shape, dtype=bool)
        return ~(np.abs(self.ccd.data) <= MAX_VALUE)

    @cached_property
    def _all_finite(self):
        data = self.ccd.data
        return data.dtype.kind in 'iu' or all(
            data[rows].min() >= -MAX_VALUE and data[rows].max() <= MAX_VALUE for rows in row_slices(self.shape)
        )

    @cached_property
    def bits(self) -> np.ndarray:
        """(ny, nx) int16 ndarray: the sum of the `MaskBit` values known before the run."""
        bits = np.zeros(self.shape, dtype=DQ_DTYPE)
        masks = [(item.mask, DQ_DTYPE(item.bit)) for item in self.masks]
        if not self._all_finite:
            masks.append((self.nonfinite, DQ_DTYPE(MaskBit.NONFINITE)))
        for mask, bit in masks:
            for rows in row_slices(self.shape):
                bits[rows] |= mask[rows] * bit
        return bits

    def excluded(self, rows: slice = slice(None)) -> np.ndarray:
        """Return the pixels that are masked before the run, without their neighbors.

        Parameters
        ----------
        rows : slice, optional
            The rows of the frame; by default all.

        Returns
        -------
        (n, nx) bool ndarray
            True for pixels in an input mask or that are not finite.
        """
        excluded = np.zeros(self.ccd.data[rows].shape, bool) if self._all_finite else self.nonfinite[rows].copy()
        for item in self.masks:
            if item.bit & MaskBit.before_run():
                excluded |= item.mask[rows]
        return excluded

    @cached_property
    def masked_pixels(self) -> np.ndarray:
        """(n,) int64 ndarray: flat indices of the pixels that are known to be bad before the run, sorted."""
        pixels = np.flatnonzero(self.bits)
        return pixels[self.bits.reshape(-1)[pixels] & ~DQ_DTYPE(MaskBit.CR_MISSION) != 0]

    @cached_property
    def filled(self) -> np.ndarray:
        """(ny, nx) ndarray: the pixels, with those that are non-finite or no data replaced by the median of the good.

        The dtype is that of the pixels.
        """
        data = self.ccd.data
        if self._all_finite and not any(item.bit & MaskBit.NO_DATA for item in self.masks):
            return data
        bits = self.bits
        empty = bits & _EMPTY != 0
        if not empty.any():
            return data
        good = next((some for some in (bits == 0, ~empty) if some.any()), ~self.nonfinite)
        values = data[good] if data.dtype.kind == 'f' else data[good].astype(float)
        return np.where(empty, data.dtype.type(median(values)), data)

    @cached_property
    def evidence(self) -> PixelEvidence:
        """PixelEvidence: level and scatter of the blank sky, in the unit of the frame."""
        return measure_pixels(self.filled, self.bits)

    @cached_property
    def mission(self) -> np.ndarray:
        """(n,) int64 ndarray: flat indices of the cosmic-ray pixels that the mission found, sorted."""
        if not any(item.bit & MaskBit.CR_MISSION for item in self.masks):
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(self.bits & DQ_DTYPE(MaskBit.CR_MISSION))

    @cached_property
    def mission_levels(self) -> np.ndarray:
        """(n,) float ndarray: the median of the good pixels around each pixel of `mission`."""
        return local_medians(self.filled, self.mission, self.bits != 0)

    @cached_property
    def clipping(self) -> Clipping | None:
        """Clipping: the pixels that were clipped at the saturation level; None if there are none."""
        return find_clipping(self.filled)

    @cached_property
    def scale(self) -> DataScale | None:
        """DataScale: the scale of values from 0 to 1 or of padded values; None for other values."""
        return find_scale(self.ccd.data, (self.bits & _EMPTY) == 0)

    def saturated(self, params: LACosmicParams) -> np.ndarray:
        """Return the saturated pixels, compared in float32 as in Astro-SCRAPPY.

        Parameters
        ----------
        params : LACosmicParams
            ``satlevel`` and ``gain``, and the subtracted sky ``pssl``, which is added back.

        Returns
        -------
        (ny, nx) bool ndarray
            True for pixels at or above ``params.satlevel``.
        """
        gain, level = float(np.float32(params.gain)), np.float32(params.satlevel)
        saturated = np.empty(self.shape, bool)
        for rows in row_slices(self.shape):
            electrons = (self.filled[rows] + params.pssl) * gain
            saturated[rows] = electrons.astype(np.float32, copy=False) >= level
        return saturated

    def parameters(
        self, chosen: dict[str, Any] | None = None, recipe: dict[str, Any] | None = None
    ) -> tuple[LACosmicParams, dict[str, str]]:
        """Return the parameters for this frame.

        Values of the user override those of a recipe, these override the header, and the header overrides the defaults.
        Where a recipe has `FromHeader`, the value is that of the header, or its ``default`` if the header has none.

        Parameters
        ----------
        chosen : dict, optional
            ``{field name: value}`` given by the user.
        recipe : dict, optional
            The same of a recipe; a value may be `FromHeader`.

        Returns
        -------
        params : LACosmicParams
            The parameters.
        sources : dict of str
            The source of each value: its card (``'GAIN in the header'``), ``'estimated from the pixels'``,
            ``'recipe'``, ``'user'`` or ``'default'``. Cards that the pixels contradict follow after a semicolon.

        Raises
        ------
        ValueError
            If a value is not allowed, or if the recipe reads a value from the header, which has none.
        """
        chosen, recipe = chosen or {}, recipe or {}
        user = {name: (value, 'user') for name, value in chosen.items()}
        given = {name: (value, 'recipe') for name, value in recipe.items() if not isinstance(value, FromHeader)}
        from_header = {name: value.default for name, value in recipe.items() if isinstance(value, FromHeader)}
        fallback = {
            name: (value, 'recipe, not in the header') for name, value in from_header.items() if value is not None
        }
        resolve(fallback, given, user)  # raises for invalid values before the gain is used
        gain = (given | user).get('gain', (None,))[0]
        header = self._header_values(gain)
        if gain is None and 'gain' not in header and 'gain' in fallback:
            header = self._header_values(fallback['gain'][0])
        params, sources = resolve(fallback, header, given, user)
        for name in from_header:
            kind, _, reason = sources[name].partition('; ')
            if kind == 'default':
                missing = f'but {reason}' if reason else 'which has none'
                msg = f'{self.name}: the recipe reads {name} from the header, {missing}; set {name}'
                raise ValueError(msg)
        level, sources['satlevel'] = saturation_level(self.clipping, params, sources['satlevel'])
        return replace(params, satlevel=level), sources

    def _header_values(self, gain):
        values, _ = header_values(self.ccd.header, self.ccd.unit, gain, lambda: self.evidence)
        if self.background is not None or self.variance is not None:  # then ccdproc takes no subtracted sky
            values.pop('pssl', None)
        return values

    def replace(self, **changes: Any) -> 'Frame':
        """Return a copy of the frame with other attributes.

        Parameters
        ----------
        **changes
            The new attributes, such as ``masks`` or ``background``.

        Returns
        -------
        Frame
            The copy.
        """
        copy = replace(self, **changes)
        if not changes.keys() & {'ccd', 'masks'}:
            vars(copy).update({name: vars(self)[name] for name in _MEASURED & vars(self).keys()})
        if copy.ccd.data is self.ccd.data:
            kept = _OF_DATA if _no_data(copy) == _no_data(self) else {'nonfinite'}
            vars(copy).update({name: vars(self)[name] for name in kept & vars(self).keys()})
        return copy


def _no_data(frame):
    return [mask for mask in frame.masks if mask.bit == MaskBit.NO_DATA]


def _is_kernel(psfk):
    return psfk.ndim == 2 and psfk.shape[0] == psfk.shape[1] and psfk.shape[0] % 2 == 1 and np.isfinite(psfk).all()
