"""The room of the still picture: a frame, and what was found in it, as a PNG."""

import numpy as np
from PIL import Image, ImageDraw

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.io.atomic import AtomicFile

from .style import COSMIC_RAY, INK, MASKED, PAPER, colored, draw_legend, font, grown, stretched, upright, zscale

__all__ = ['save_overview']

#: Sizes on the picture, in its pixels.
PANE, GAP, TITLE, FOOT = 560, 20, 34, 84
#: Side of the part of the frame that is shown enlarged, in pixels of the frame.
PART = 140


def save_overview(path, frame, detection, caption=''):
    """Write the frame, an enlarged part of it, and the same part with its masks, side by side.

    Parameters
    ----------
    path : path-like
        A PNG file; it is replaced if it exists, once the new one is whole.
    frame : Frame
        The frame with its input masks.
    detection : Detection
        What was found in it.
    caption : str, optional
        A line to stand below.
    """
    masked = (frame.bits & np.uint8(MaskBit.before_run())) != 0
    layers = ((masked, MASKED), (detection.crmask, COSMIC_RAY))
    gray = stretched(frame.filled, zscale(frame.filled))
    part = _part(masked, detection.crmask)
    height, width = frame.shape
    scale = PANE / max(height, width)
    whole = _whole(gray, layers, scale)
    # rows count from below, as in Ginga
    box = [
        part[1].start * scale,
        (height - part[0].stop) * scale,
        part[1].stop * scale - 1,
        (height - part[0].start) * scale - 1,
    ]
    ImageDraw.Draw(whole).rectangle(box, outline='white', width=2)
    plain = _enlarged(colored(gray[part], ()))
    marked = _enlarged(colored(gray[part], [(mask[part], color) for mask, color in layers]))
    titles = (f'{frame.name}, {width} x {height} pixels', 'the part in the box', 'the same part, masked')
    page = _page(zip(titles, (whole, plain, marked), strict=True), caption)
    with AtomicFile(path, overwrite=True).writing() as file:
        page.save(file, format='PNG', optimize=True)


def _enlarged(rgb):
    scale = PANE / max(rgb.shape[:2])
    size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
    return upright(rgb).resize(size, Image.Resampling.NEAREST)


def _whole(gray, layers, scale):
    """Return the whole frame at a size that fits, every masked pixel still to be seen."""
    size = (round(gray.shape[1] * scale), round(gray.shape[0] * scale))
    small = np.asarray(upright(gray).resize(size, Image.Resampling.BOX))
    masks = []
    for mask, color in layers:
        share = np.asarray(upright(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX))
        masks.append((grown(share > 0), color))
    return Image.fromarray(colored(small, masks))


def _part(masked, crmask):
    """Return the slices of the part that has the most to show: cosmic rays, and masked pixels beside them."""
    side = min(PART, *crmask.shape)
    step = max(1, side // 8)
    best, most = (0, 0), -1.0
    for y in range(0, crmask.shape[0] - side + 1, step):
        for x in range(0, crmask.shape[1] - side + 1, step):
            box = np.s_[y : y + side, x : x + side]
            many = np.count_nonzero(crmask[box]) * (1.0 + np.count_nonzero(masked[box])) ** 0.5
            if many > most:
                best, most = (y, x), many
    return slice(best[0], best[0] + side), slice(best[1], best[1] + side)


def _page(panes, caption):
    """Put the panes side by side, with their titles, the legend and the caption."""
    panes = list(panes)
    tallest = max(pane.height for _, pane in panes)
    page = Image.new('RGB', (GAP + len(panes) * (PANE + GAP), TITLE + tallest + FOOT), PAPER)
    draw = ImageDraw.Draw(page)
    for number, (title, pane) in enumerate(panes):
        left = GAP + number * (PANE + GAP)
        draw.text((left, TITLE / 2), title, fill=INK, font=font(18), anchor='lm')
        page.paste(pane, (left, TITLE))
    line = TITLE + tallest + 26
    draw_legend(draw, GAP, line, (('masked before the run', MASKED), ('cosmic rays', COSMIC_RAY)), 18)
    draw.text((GAP, line + 34), caption, fill=INK, font=font(18), anchor='lm')
    return page
