"""The room of the report's sheets: the largest segments of the night, and others with a hint, each beside itself."""

import base64
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import QTable
from PIL import Image

from ginga_crplugin.core.segments import Segments
from ginga_crplugin.figures.contact_sheet import draw_cutouts
from ginga_crplugin.figures.cutout import MAX_SIZE, cutout_size
from ginga_crplugin.io.saved_mask import read_segment_cutout

__all__ = ['Cell', 'sheets']

#: How many segments there are on each sheet, at most.
MOST = 24

#: About the side of a cutout in the page, in its pixels.
PANE = 202


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
    """Draw the largest segments of the night, and others that have a hint: the largest of each hint in turn.

    Parameters
    ----------
    outcomes : list of Outcome

    Returns
    -------
    largest, hinted : list of Cell
    """
    told = [(outcome, item) for outcome in outcomes for item in outcome.largest]
    told.sort(key=lambda one: -one[1][3])
    largest, rest = _cells(told)
    ranks = Counter()
    turns = []
    for outcome, item in rest:
        if item[4]:
            turns.append((ranks[item[4]], outcome, item))
            ranks[item[4]] += 1
    turns.sort(key=lambda one: one[0])
    return largest, _cells([one[1:] for one in turns])[0]


def _cells(told):
    """Draw as many as a sheet holds, and give back the others; those that were rejected in review are passed over."""
    cells = []
    for place, (outcome, item) in enumerate(told):
        if len(cells) == MOST or place == 2 * MOST:  # so that few files are opened
            return cells, told[place:]
        cell = _cell(outcome, *item)
        if cell is not None:
            cells.append(cell)
    return cells, []


def _cell(outcome, label, x, y, size, hint):
    frame = f'{Path(outcome.path).name} [{outcome.ext}]'
    words = f'#{label}, x {x + 1:.1f}, y {y + 1:.1f}, {size} px'
    own = None if '://' in outcome.path else (outcome.path, outcome.ext)
    try:
        cut = read_segment_cutout(outcome.output, label, MAX_SIZE, own)
    except (OSError, ValueError) as error:
        return Cell(frame, words, hint, '', ' '.join(str(error).split()))
    return None if cut is None else Cell(frame, words, hint, _picture(cut))


def _picture(cut):
    pixels = np.flatnonzero(cut.segment)
    segments = Segments(cut.plane.shape, pixels, np.ones(len(pixels), dtype=np.int32), QTable())
    side = cutout_size(np.nonzero(cut.segment))
    science = None if cut.science is None else np.asarray(cut.science, dtype=float)
    drawn = draw_cutouts(segments, 1, [('mask', cut.plane), ('frame', science)], side, max(1, round(PANE / side)))
    file = io.BytesIO()
    Image.fromarray(drawn).save(file, 'PNG', optimize=True)
    return base64.b64encode(file.getvalue()).decode()
