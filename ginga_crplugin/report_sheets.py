"""The room of the report's sheets: the largest segments of the night, and the largest with a hint, each beside itself."""

import base64
import heapq
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import QTable
from PIL import Image

from .core.cuts import read_cut
from .core.segment import Segments
from .cutouts import strip
from .window import WIDEST, side_of

__all__ = ['Cell', 'sheets']

#: How many segments there are on each sheet, at most.
MOST = 24

#: Side of a cutout in the page, in its pixels.
PANE = 176


@dataclass(frozen=True)
class Cell:
    """A segment on a sheet.

    Attributes
    ----------
    frame : str
        Which frame it is in.
    words : str
        Which one it is, and how large.
    hint : str
        What it may be.
    picture : str
        The mask beside the frame, as PNG in base64; empty where it can't be drawn.
    reason : str
        Why it can't be drawn.
    """

    frame: str
    words: str
    hint: str
    picture: str
    reason: str = ''


def sheets(outcomes):
    """Draw the largest segments of the night, and the largest that have a hint.

    Parameters
    ----------
    outcomes : list of Outcome

    Returns
    -------
    largest, hinted : list of Cell
    """
    told = [(item[3], -place, item[0], outcome, item) for place, outcome in enumerate(outcomes) for item in outcome.largest]
    largest = heapq.nlargest(2 * MOST, told, key=lambda one: one[:3])
    hinted = heapq.nlargest(2 * MOST, (one for one in told if one[4][4]), key=lambda one: one[:3])
    return _cells(largest), _cells(hinted)


def _cells(chosen):
    """Draw so many as a sheet holds; those that were rejected in review are passed over."""
    cells = []
    for *_, outcome, item in chosen:
        if len(cells) == MOST:
            break
        cell = _cell(outcome, *item)
        if cell is not None:
            cells.append(cell)
    return cells


def _cell(outcome, label, x, y, size, hint):
    frame = f'{Path(outcome.path).name} [{outcome.ext}]'
    words = f'#{label}, x {x + 1:.1f}, y {y + 1:.1f}, {size} px'
    own = None if '://' in outcome.path else (outcome.path, outcome.ext)
    try:
        cut = read_cut(outcome.output, label, WIDEST, own)
    except (OSError, ValueError) as error:
        return Cell(frame, words, hint, '', ' '.join(str(error).split()))
    return None if cut is None else Cell(frame, words, hint, _picture(cut))


def _picture(cut):
    pixels = np.flatnonzero(cut.segment)
    segments = Segments(cut.plane.shape, pixels, np.ones(len(pixels), dtype=np.int32), QTable())
    side = side_of(np.nonzero(cut.segment))
    science = None if cut.science is None else np.asarray(cut.science, dtype=float)
    drawn = strip(segments, 1, [('mask', cut.plane), ('frame', science)], side, max(1, PANE // side))
    file = io.BytesIO()
    Image.fromarray(drawn).save(file, 'PNG', optimize=True)
    return base64.b64encode(file.getvalue()).decode()
