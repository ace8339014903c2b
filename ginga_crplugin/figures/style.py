"""Colors, gray scale, fonts and legends of the figures."""

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from astropy.visualization import ZScaleInterval
from PIL import Image, ImageDraw, ImageFont

__all__ = [
    'COSMIC_RAY',
    'INK',
    'MARKED',
    'MASKED',
    'PAPER',
    'SATURATED',
    'Color',
    'draw_legend',
    'draw_masks',
    'hex_color',
    'legend_width',
    'load_font',
    'scale_to_gray',
    'to_image',
    'truncate',
    'zscale_limits',
]

#: Red, green and blue, 0 to 255.
type Color = tuple[int, int, int]

#: Colors of the masks, as in Ginga. They can be distinguished with any color vision deficiency.
MASKED = (0x00, 0x72, 0xB2)
SATURATED = (0x56, 0xB4, 0xE9)
COSMIC_RAY = (0xD5, 0x5E, 0x00)
MARKED = (0xF0, 0xE4, 0x42)
PAPER, INK = (255, 255, 255), (30, 30, 30)


def hex_color(color: Color) -> str:
    """Return a color as a hex string.

    Parameters
    ----------
    color : tuple of int
        Red, green and blue, 0 to 255.

    Returns
    -------
    str
        The color, such as ``'#0072b2'``.
    """
    return '#{:02x}{:02x}{:02x}'.format(*color)


def zscale_limits(values: np.ndarray) -> tuple[float, float]:
    """Return the display limits of the zscale algorithm of IRAF.

    Parameters
    ----------
    values : ndarray
        Pixel values; those that are not finite are ignored.

    Returns
    -------
    low, high : float
        The limits; 0 and 1 if no value is finite.
    """
    return ZScaleInterval().get_limits(values) if np.isfinite(values).any() else (0.0, 1.0)


def scale_to_gray(data: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Scale pixel values to gray levels.

    Parameters
    ----------
    data : (ny, nx) ndarray
        Finite pixel values.
    limits : (float, float)
        The values that are shown black and white.

    Returns
    -------
    (ny, nx) uint8 ndarray
        Gray levels, 0 to 255.
    """
    low, high = limits
    span = high - low if high > low else 1.0
    return (255.0 * np.clip((data - low) / span, 0.0, 1.0)).astype(np.uint8)


def draw_masks(gray: np.ndarray, layers: Iterable[tuple[np.ndarray, Color]]) -> np.ndarray:
    """Draw masks in color over a gray image.

    Parameters
    ----------
    gray : (ny, nx) uint8 ndarray
        Gray levels.
    layers : iterable of (mask, color)
        The masks, (ny, nx) bool, and their colors; later ones cover earlier ones.

    Returns
    -------
    (ny, nx, 3) uint8 ndarray
        The colored image.
    """
    rgb = np.repeat(gray[..., np.newaxis], 3, axis=2)
    for mask, color in layers:
        rgb[mask] = color
    return rgb


def to_image(array: np.ndarray) -> Image.Image:
    """Convert an array to an image whose first row is at the bottom, as in Ginga.

    Parameters
    ----------
    array : (ny, nx) or (ny, nx, 3) ndarray
        Gray levels, colors, or a mask (bool).

    Returns
    -------
    `PIL.Image.Image`
        The image.
    """
    return Image.fromarray(np.ascontiguousarray(array[::-1]))


@cache
def load_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load the font of the figures.

    Parameters
    ----------
    size : int
        Height in pixels.

    Returns
    -------
    `PIL.ImageFont.FreeTypeFont`
        The font.
    """
    return ImageFont.load_default(size)


def truncate(text: str, width: float, size: int) -> str:
    """Truncate a text to a width, with an ellipsis.

    Parameters
    ----------
    text : str
        The text.
    width : float
        Available width in pixels.
    size : int
        Height of the font in pixels.

    Returns
    -------
    str
        The text itself if it fits; empty if not even one character fits.
    """
    font = load_font(size)
    if font.getlength(text) <= width:
        return text
    shorter = (text[:end].rstrip() + '\N{HORIZONTAL ELLIPSIS}' for end in range(len(text) - 1, 0, -1))
    return next((short for short in shorter if font.getlength(short) <= width), '')


def draw_legend(
    draw: ImageDraw.ImageDraw, left: float, middle: float, entries: Sequence[tuple[str, Color]], size: int
) -> None:
    """Draw a legend in one line: a color patch before each text.

    Parameters
    ----------
    draw : `PIL.ImageDraw.ImageDraw`
        Where to draw.
    left, middle : float
        Left end and vertical middle of the legend, in pixels of the figure.
    entries : sequence of (str, tuple of int)
        The texts and their colors.
    size : int
        Height of the font in pixels.
    """
    half = size // 2
    for text, color in entries:
        draw.rectangle([left, middle - half, left + size, middle + half], fill=color)
        draw.text((left + size + 10, middle), text, fill=INK, font=load_font(size), anchor='lm')
        left += legend_width([text], size) + 32


def legend_width(texts: Sequence[str], size: int) -> int:
    """Return the width of a legend that `draw_legend` draws.

    Parameters
    ----------
    texts : sequence of str
        The texts of the legend.
    size : int
        Height of the font in pixels.

    Returns
    -------
    int
        Width in pixels.
    """
    return sum(size + 42 + int(load_font(size).getlength(text)) for text in texts) - 32
