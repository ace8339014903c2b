"""Cutouts of images around a segment."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from astropy.nddata import overlap_slices
from PIL import Image
from scipy.ndimage import binary_dilation

from ginga_crplugin.core.bits import DQ_DTYPE, MaskBit
from ginga_crplugin.core.pixels import MAX_VALUE

from .style import (
    COSMIC_RAY,
    INK,
    MARKED,
    MASKED,
    SATURATED,
    Color,
    draw_masks,
    scale_to_gray,
    to_image,
    zscale_limits,
)

__all__ = [
    'LEGEND',
    'MAX_SIZE',
    'ComputedImage',
    'CutoutWindow',
    'cutout_size',
    'is_mask',
    'mask_image',
    'stretch_limits',
]

#: Minimum and maximum side of a cutout, and minimum margin around a segment, in pixels of the frame.
MIN_SIZE, MAX_SIZE, MIN_MARGIN = 25, 101, 6
#: Gray level of a good pixel in a mask, and the two colors of the stripes on unknown pixels.
GOOD, STRIPES = 238, ((190, 190, 190), (214, 214, 214))
#: Texts, colors and bits of a mask; later ones cover earlier ones.
LEGEND = (
    ('saturated', SATURATED, MaskBit.SATURATED),
    ('masked before the run', MASKED, MaskBit.before_run()),
    ('cosmic rays', COSMIC_RAY, MaskBit.CR_DETECTED | MaskBit.CR_TAIL | MaskBit.CR_MISSION),
    ('marked by hand', MARKED, MaskBit.CR_MARKED),
)


@dataclass(frozen=True, eq=False)
class CutoutWindow:
    """A square window around a segment, which may extend beyond the frame.

    Attributes
    ----------
    frame_slices : tuple of slice
        The part of the frame inside the window.
    cutout_slices : tuple of slice
        The same part in the cutout.
    segment : (side, side) bool ndarray
        The pixels of the segment.
    """

    frame_slices: tuple[slice, slice]
    cutout_slices: tuple[slice, slice]
    segment: np.ndarray

    @classmethod
    def from_pixels(cls, pixels: Sequence[np.ndarray], shape: tuple[int, int], side: int) -> 'CutoutWindow':
        """Return the window around the pixels of a segment.

        If the segment is larger than the window, the window is centered on the pixel nearest to its middle.

        Parameters
        ----------
        pixels : (y, x) of (n,) int ndarray
            The pixels of the segment.
        shape : (int, int)
            Shape (ny, nx) of the frame.
        side : int
            Side of the window in pixels of the frame.

        Returns
        -------
        CutoutWindow
            The window.
        """
        center = (np.min(pixels, axis=1) + np.max(pixels, axis=1)) / 2
        if np.ptp(pixels, axis=1).max() >= side:
            distance = np.hypot(*(np.array(pixels) - center[:, np.newaxis]))
            center = np.array(pixels)[:, np.argmin(distance)]
        frame_slices, cutout_slices = overlap_slices(shape, (side, side), tuple(center))
        segment = np.zeros((side, side), dtype=bool)
        y, x = (
            coordinate - large.start + small.start
            for coordinate, large, small in zip(pixels, frame_slices, cutout_slices, strict=True)
        )
        inside = (y >= 0) & (y < side) & (x >= 0) & (x < side)
        segment[y[inside], x[inside]] = True
        return cls(frame_slices, cutout_slices, segment)

    def extract(self, image: np.ndarray | None) -> np.ndarray:
        """Extract the cutout of an image.

        Parameters
        ----------
        image : (ny, nx) ndarray or None
            A mask (see `is_mask`), pixel values, or None if there is no image.

        Returns
        -------
        (side, side) ndarray
            A mask as int16, with -1 outside the frame; pixel values as float, with NaN outside the frame and where
            they are not finite.
        """
        if image is None:
            return np.full(self.segment.shape, np.nan)
        part = image[self.frame_slices]
        if part.dtype == bool:
            part = mask_image(part * DQ_DTYPE(MaskBit.INPUT))
        if is_mask(part):
            cutout = np.full(self.segment.shape, -1, dtype=np.int16)
        else:
            cutout = np.full(self.segment.shape, np.nan)
            part = np.where(np.abs(part) <= MAX_VALUE, part, np.nan)
        cutout[self.cutout_slices] = part
        return cutout

    def draw(self, cutout: np.ndarray, limits: tuple[float, float], scale: int) -> Image.Image:
        """Draw a cutout with the outline of the segment.

        Parameters
        ----------
        cutout : (side, side) ndarray
            Cutout that `extract` returned.
        limits : (float, float)
            Pixel values that are shown black and white.
        scale : int
            Pixels of the figure for each pixel of the frame.

        Returns
        -------
        `PIL.Image.Image`
            The drawn cutout, of ``side * scale`` pixels.
        """
        rgb, unknown, outline_color = _color_pixels(cutout, limits) if cutout.dtype == float else _color_mask(cutout)
        drawn, striped, segment = (_enlarge(image, scale) for image in (rgb, unknown, self.segment))
        drawn.paste(_stripes(drawn.width), mask=striped)
        inside = np.asarray(segment)
        drawn.paste(outline_color, mask=Image.fromarray(binary_dilation(inside) & ~inside))
        return drawn


@dataclass(frozen=True, eq=False)
class ComputedImage:
    """An image of which only the parts that are read are computed.

    Attributes
    ----------
    shape : tuple of int
        (ny, nx) of the image.
    dtype : `numpy.dtype`
        The type of its pixels.
    pixels_at : callable
        Returns the pixels at flat indices, in the shape of the indices.
    """

    shape: tuple[int, int]
    dtype: np.dtype
    pixels_at: Callable[[np.ndarray], np.ndarray]

    def __getitem__(self, part: tuple[slice, slice]) -> np.ndarray:
        y, x = (np.arange(size)[one] for size, one in zip(self.shape, part, strict=True))
        return self.pixels_at(y[:, None] * self.shape[1] + x)


def cutout_size(pixels: Sequence[np.ndarray]) -> int:
    """Return the side of the cutout of a segment.

    Parameters
    ----------
    pixels : (y, x) of (n,) int ndarray
        The pixels of the segment.

    Returns
    -------
    int
        Side in pixels of the frame; odd.
    """
    needed = int(np.ptp(pixels, axis=1).max()) + 1 + 2 * MIN_MARGIN
    return min(max(needed, MIN_SIZE), MAX_SIZE) | 1


def is_mask(image: np.ndarray) -> bool:
    """Test whether an image is a mask.

    Parameters
    ----------
    image : ndarray
        The image.

    Returns
    -------
    bool
        True for bool and for uint8, which `mask_image` returns.
    """
    return image.dtype in (bool, np.uint8)


def mask_image(plane: np.ndarray) -> np.ndarray:
    """Convert a plane of causes to an image that is drawn as a mask.

    Parameters
    ----------
    plane : (ny, nx) int16 ndarray
        The sum of the `~ginga_crplugin.MaskBit` values of each pixel, as `~ginga_crplugin.merge_mask` returns it.

    Returns
    -------
    (ny, nx) uint8 ndarray
        One bit for each entry of `LEGEND`.
    """
    image = np.zeros(plane.shape, dtype=np.uint8)
    for number, (_, _, bits) in enumerate(LEGEND):
        image |= ((plane & DQ_DTYPE(bits)) != 0) * np.uint8(1 << number)
    return image


def stretch_limits(cutouts: Iterable[np.ndarray]) -> tuple[float, float]:
    """Return common display limits of several cutouts.

    Parameters
    ----------
    cutouts : iterable of ndarray
        Cutouts that `CutoutWindow.extract` returned; masks are ignored.

    Returns
    -------
    low, high : float
        Limits by `~ginga_crplugin.figures.style.zscale_limits` of all pixel values.
    """
    pixels = [cutout.ravel() for cutout in cutouts if cutout.dtype == float]
    return zscale_limits(np.concatenate([np.zeros(0), *pixels]))


def _color_pixels(cutout: np.ndarray, limits: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, Color]:
    """Return the colors of pixel values, the unknown pixels, and the color of the outline."""
    unknown = np.isnan(cutout)
    gray = scale_to_gray(np.where(unknown, limits[0], cutout), limits)
    return draw_masks(gray, ()), unknown, COSMIC_RAY


def _color_mask(cutout: np.ndarray) -> tuple[np.ndarray, np.ndarray, Color]:
    """Return the same for a mask; its outline is dark, to be visible around a cosmic ray."""
    layers = [((cutout & (1 << number)) != 0, color) for number, (_, color, _) in enumerate(LEGEND)]
    return draw_masks(np.full(cutout.shape, GOOD, dtype=np.uint8), layers), cutout < 0, INK


@lru_cache(maxsize=8)
def _stripes(side: int) -> Image.Image:
    steps = np.arange(side)
    return Image.fromarray(np.array(STRIPES, dtype=np.uint8)[np.add.outer(steps, steps) // 4 % 2])


def _enlarge(image: np.ndarray, scale: int) -> Image.Image:
    side = image.shape[0] * scale
    return to_image(image).resize((side, side), Image.Resampling.NEAREST)
