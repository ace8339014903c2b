"""The room of drawing: colors, stretch and words, for all pictures that need no display."""

from functools import cache

import numpy as np
from astropy.visualization import ZScaleInterval
from PIL import Image, ImageFont

__all__ = [
    'COSMIC_RAY',
    'INK',
    'MARKED',
    'MASKED',
    'PAPER',
    'SATURATED',
    'colored',
    'draw_legend',
    'fitted',
    'font',
    'grown',
    'legend_width',
    'stretched',
    'upright',
    'zscale',
]

#: Colors of the masks, as on the image in Ginga; they can be told apart by the color-blind too.
MASKED = (0x00, 0x72, 0xB2)
SATURATED = (0x56, 0xB4, 0xE9)
COSMIC_RAY = (0xD5, 0x5E, 0x00)
MARKED = (0xF0, 0xE4, 0x42)
PAPER, INK = (255, 255, 255), (30, 30, 30)


def zscale(values):
    """Return the limits between which the sky and faint sources show, by IRAF's zscale.

    Parameters
    ----------
    values : ndarray
        Those that are not finite don't count.

    Returns
    -------
    low, high : float
    """
    return ZScaleInterval().get_limits(values) if np.isfinite(values).any() else (0.0, 1.0)


def stretched(data, limits):
    """Return finite data as gray, (ny, nx) uint8: black at the lower of the limits, white at the upper."""
    low, high = limits
    span = high - low if high > low else 1.0
    return (255.0 * np.clip((data - low) / span, 0.0, 1.0)).astype(np.uint8)


def colored(gray, layers):
    """Return (ny, nx, 3) uint8 with every layer, a mask and its color, laid over the gray image."""
    rgb = np.repeat(gray[..., np.newaxis], 3, axis=2)
    for mask, color in layers:
        rgb[mask] = color
    return rgb


def grown(mask):
    """Return the mask with the neighbors above, below, left and right of its pixels."""
    rows, columns = mask.shape
    padded = np.pad(mask, 1)
    around = [padded[y : y + rows, x : x + columns] for y, x in ((0, 1), (1, 0), (1, 2), (2, 1))]
    return np.logical_or.reduce([mask, *around])


def upright(array):
    """Return an array as a `PIL.Image.Image`, its first row at the bottom as in Ginga."""
    return Image.fromarray(np.ascontiguousarray(array[::-1]))


@cache
def font(size):
    """Return the font, ``size`` pixels high."""
    return ImageFont.load_default(size)


def fitted(text, width, size):
    """Return the text, or as much of its beginning as fits into a width, with dots behind."""
    if font(size).getlength(text) <= width:
        return text
    shorter = (text[:end].rstrip() + '\N{HORIZONTAL ELLIPSIS}' for end in range(len(text) - 1, 0, -1))
    return next((short for short in shorter if font(size).getlength(short) <= width), '')


def draw_legend(draw, left, line, entries, size):
    """Write what each color means, a patch before each text, side by side.

    Parameters
    ----------
    draw : `PIL.ImageDraw.ImageDraw`
    left, line : float
        Where it begins, and the height of its middle, in pixels of the picture.
    entries : list of (str, tuple)
        Each text, and its color.
    size : int
        Height of the font.
    """
    half = size // 2
    for text, color in entries:
        draw.rectangle([left, line - half, left + size, line + half], fill=color)
        draw.text((left + size + 10, line), text, fill=INK, font=font(size), anchor='lm')
        left += legend_width([text], size) + 32


def legend_width(texts, size):
    """Return how wide a legend with these texts is (`draw_legend`)."""
    return sum(size + 42 + int(font(size).getlength(text)) for text in texts) - 32
