"""The room of the window: what of a frame stands around a segment, cut out of an image of that shape and drawn."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from astropy.nddata import overlap_slices
from PIL import Image

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.frame import MAX_VALUE

from .style import COSMIC_RAY, INK, MARKED, MASKED, SATURATED, colored, grown, stretched, upright, zscale

__all__ = ['LEGEND', 'Window', 'cutout_size', 'is_mask', 'limits']

#: The smallest and the largest window (pixels of the frame), and how much of the frame is shown around a segment.
MIN_SIZE, MAX_SIZE, AROUND = 25, 101, 6
#: What a good pixel looks like in a mask, and a pixel of which nothing is known: two stripes.
GOOD, STRIPES = 238, ((190, 190, 190), (214, 214, 214))
#: What the colors of a mask mean, the later above the earlier.
LEGEND = (
    ('saturated', SATURATED, MaskBit.SATURATED),
    ('masked before the run', MASKED, MaskBit.before_run()),
    ('cosmic rays', COSMIC_RAY, MaskBit.CR_DETECTED),
    ('marked by hand', MARKED, MaskBit.CR_MARKED),
)


@dataclass(frozen=True, eq=False)
class Window:
    """The square of a frame around a segment, which may reach over its edge.

    Attributes
    ----------
    frame, inside : tuple of slice
        What the two have in common, as a part of the frame and of the square.
    own : (side, side) bool ndarray
        The pixels of the segment.
    """

    frame: tuple[slice, slice]
    inside: tuple[slice, slice]
    own: np.ndarray

    @classmethod
    def around(cls, pixels, shape, side):
        """Make the square around pixels, given by y and x; of those that don't fit in, around one in the middle."""
        center = (np.min(pixels, axis=1) + np.max(pixels, axis=1)) / 2
        if np.ptp(pixels, axis=1).max() >= side:
            away = np.hypot(*(np.array(pixels) - center[:, np.newaxis]))
            center = np.array(pixels)[:, np.argmin(away)]
        frame, inside = overlap_slices(shape, (side, side), tuple(center))
        own = np.zeros((side, side), dtype=bool)
        y, x = (at - big.start + small.start for at, big, small in zip(pixels, frame, inside, strict=True))
        shown = (y >= 0) & (y < side) & (x >= 0) & (x < side)
        own[y[shown], x[shown]] = True
        return cls(frame, inside, own)

    def cut(self, image):
        """Cut an image out: the plane of a mask as (side, side) int16, -1 off the frame; pixels as float, with NaN."""
        if image is None:
            return np.full(self.own.shape, np.nan)
        part = image[self.frame]
        if part.dtype == bool:
            part = part * np.uint8(MaskBit.INPUT)
        if is_mask(part):
            cut = np.full(self.own.shape, -1, dtype=np.int16)
        else:
            cut = np.full(self.own.shape, np.nan)
            part = np.where(np.abs(part) <= MAX_VALUE, part, np.nan)
        cut[self.inside] = part
        return cut

    def draw(self, cut, limits, scale):
        """Draw a cutout, as a `PIL.Image.Image`.

        Parameters
        ----------
        cut : (side, side) ndarray
            As `cut` makes it.
        limits : tuple of float
            Of the stretch of the pixels.
        scale : int
            Side of a pixel of the frame on the picture.
        """
        drawn, unknown, color = _drawn_pixels(cut, limits) if cut.dtype == float else _drawn_mask(cut)
        pane, striped, own = (_enlarged(image, scale) for image in (drawn, unknown, self.own))
        pane.paste(_stripes(pane.width), mask=striped)
        own = np.asarray(own)
        pane.paste(color, mask=Image.fromarray(grown(own) & ~own))
        return pane


def cutout_size(pixels):
    """Return the side of the square that pixels, given by y and x, are shown in: an odd number."""
    need = int(np.ptp(pixels, axis=1).max()) + 1 + 2 * AROUND
    return min(max(need, MIN_SIZE), MAX_SIZE) | 1


def is_mask(image):
    """Whether an image is a mask: bool, or a plane of `MaskBit`."""
    return image.dtype in (bool, np.uint8)


def limits(cuts):
    """Return the limits of the stretch for all the pixels of cutouts (`Window.cut`); masks don't count."""
    return zscale(np.concatenate([np.zeros(0), *(cut.ravel() for cut in cuts if cut.dtype == float)]))


def _drawn_pixels(cut, limits):
    """Return (side, side, 3) uint8, where nothing is known of it, and a color for the outline."""
    unknown = np.isnan(cut)
    return colored(stretched(np.where(unknown, limits[0], cut), limits), ()), unknown, COSMIC_RAY


def _drawn_mask(cut):
    """Return the same of a mask; an outline in the color of a cosmic ray would not be seen around one."""
    layers = [((cut & bits) != 0, color) for _, color, bits in LEGEND]
    return colored(np.full(cut.shape, GOOD, dtype=np.uint8), layers), cut < 0, INK


@lru_cache(maxsize=8)
def _stripes(side):
    along = np.arange(side)
    return Image.fromarray(np.array(STRIPES, dtype=np.uint8)[np.add.outer(along, along) // 4 % 2])


def _enlarged(image, scale):
    side = image.shape[0] * scale
    return upright(image).resize((side, side), Image.Resampling.NEAREST)
