"""Overview of a frame and its detection as a PNG file."""

from collections.abc import Sequence
from os import PathLike

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation

from ginga_crplugin.core.bits import DQ_DTYPE, MaskBit
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic.detection import Detection
from ginga_crplugin.core.mission import add_mission
from ginga_crplugin.io.atomic import AtomicFile

from .style import (
    COSMIC_RAY,
    INK,
    MASKED,
    PAPER,
    Color,
    draw_legend,
    draw_masks,
    load_font,
    scale_to_gray,
    to_image,
    zscale_limits,
)

__all__ = ['save_overview']

#: Side of a panel, gap between panels, and height of titles and of the foot, in pixels of the figure.
PANEL, GAP, TITLE, FOOT = 560, 20, 34, 84
#: Side of the enlarged part, in pixels of the frame.
PART_SIZE = 140
#: Height of the font, in pixels of the figure.
FONT = 18

type _Layers = Sequence[tuple[np.ndarray, Color]]


def save_overview(path: str | PathLike[str], frame: Frame, detection: Detection, caption: str = '') -> None:
    """Save the frame, an enlarged part of it, and the same part with its masks, side by side.

    Parameters
    ----------
    path : path-like
        A PNG file; an existing file is overwritten.
    frame : Frame
        The frame with its input masks.
    detection : Detection
        The detection in the frame.
    caption : str, optional
        A line below the figure.
    """
    masked = (frame.bits & DQ_DTYPE(MaskBit.before_run())) != 0
    rays = np.zeros(frame.shape, dtype=bool)
    rays.ravel()[add_mission(frame, detection.flagged)] = True
    layers = ((masked, MASKED), (rays, COSMIC_RAY))
    gray = scale_to_gray(frame.filled, zscale_limits(frame.filled))
    part = _select_part(masked, rays)
    height, width = frame.shape
    scale = PANEL / max(height, width)
    whole = _draw_whole(gray, layers, scale)
    # row 0 is at the bottom, as in Ginga
    box = [
        part[1].start * scale,
        (height - part[0].stop) * scale,
        part[1].stop * scale - 1,
        (height - part[0].start) * scale - 1,
    ]
    ImageDraw.Draw(whole).rectangle(box, outline='white', width=2)
    plain = _enlarge(draw_masks(gray[part], ()))
    marked = _enlarge(draw_masks(gray[part], [(mask[part], color) for mask, color in layers]))
    titles = (f'{frame.name}, {width} x {height} pixels', 'the part in the box', 'the same part, masked')
    page = _compose(list(zip(titles, (whole, plain, marked), strict=True)), caption)
    with AtomicFile(path, overwrite=True).writing() as file:
        page.save(file, format='PNG', optimize=True)


def _enlarge(rgb: np.ndarray) -> Image.Image:
    scale = PANEL / max(rgb.shape[:2])
    size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
    return to_image(rgb).resize(size, Image.Resampling.NEAREST)


def _draw_whole(gray: np.ndarray, layers: _Layers, scale: float) -> Image.Image:
    """Draw the whole frame; every masked pixel stays visible when it is reduced in size."""
    size = (round(gray.shape[1] * scale), round(gray.shape[0] * scale))
    small = np.asarray(to_image(gray).resize(size, Image.Resampling.BOX))
    masks = []
    for mask, color in layers:
        fraction = np.asarray(to_image(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX))
        masks.append((binary_dilation(fraction > 0), color))
    return Image.fromarray(draw_masks(small, masks))


def _select_part(masked: np.ndarray, crmask: np.ndarray) -> tuple[slice, slice]:
    """Return the slices of the part with the most cosmic rays and masked pixels."""
    side = min(PART_SIZE, *crmask.shape)
    step = max(1, side // 8)
    best, highest = (0, 0), -1.0
    for y in range(0, crmask.shape[0] - side + 1, step):
        for x in range(0, crmask.shape[1] - side + 1, step):
            box = np.s_[y : y + side, x : x + side]
            weight = float(np.count_nonzero(crmask[box]) * (1.0 + np.count_nonzero(masked[box])) ** 0.5)
            if weight > highest:
                best, highest = (y, x), weight
    return slice(best[0], best[0] + side), slice(best[1], best[1] + side)


def _compose(panels: Sequence[tuple[str, Image.Image]], caption: str) -> Image.Image:
    """Put the panels side by side, with their titles, the legend and the caption."""
    tallest = max(panel.height for _, panel in panels)
    page = Image.new('RGB', (GAP + len(panels) * (PANEL + GAP), TITLE + tallest + FOOT), PAPER)
    draw = ImageDraw.Draw(page)
    for number, (title, panel) in enumerate(panels):
        left = GAP + number * (PANEL + GAP)
        draw.text((left, TITLE / 2), title, fill=INK, font=load_font(FONT), anchor='lm')
        page.paste(panel, (left, TITLE))
    middle = TITLE + tallest + 26
    draw_legend(draw, GAP, middle, (('masked before the run', MASKED), ('cosmic rays', COSMIC_RAY)), FONT)
    draw.text((GAP, middle + 34), caption, fill=INK, font=load_font(FONT), anchor='lm')
    return page
