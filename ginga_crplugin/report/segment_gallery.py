"""Cutouts of the largest segments of a batch, and of segments with a hint, for the report."""

import base64
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import QTable
from PIL import Image

from ginga_crplugin.batch.job import LargeSegment, Outcome
from ginga_crplugin.core.segments import Segments
from ginga_crplugin.figures.contact_sheet import draw_cutouts
from ginga_crplugin.figures.cutout import MAX_SIZE, cutout_size, mask_image
from ginga_crplugin.io.saved_mask import SegmentCutout, read_segment_cutout

__all__ = ['GalleryItem', 'segment_galleries']

#: The largest number of segments in a gallery.
MAX_ITEMS = 24

#: The approximate side of a cutout in the page (pixels).
CUTOUT_SIZE = 202

_Candidates = Sequence[tuple[Outcome, LargeSegment]]


@dataclass(frozen=True)
class GalleryItem:
    """A segment in a gallery.

    Attributes
    ----------
    frame : str
        The name of its frame.
    title : str
        Its label, position and size.
    hint : str
        The possible cause other than a cosmic ray.
    image : str
        The mask beside the frame, as PNG in base64; empty if it cannot be drawn.
    reason : str
        Why it cannot be drawn.
    """

    frame: str
    title: str
    hint: str
    image: str
    reason: str = ''


def segment_galleries(outcomes: Sequence[Outcome]) -> tuple[list[GalleryItem], list[GalleryItem]]:
    """Draw the largest segments of a batch, and other segments with a hint.

    Parameters
    ----------
    outcomes : list of Outcome
        The outcomes of the frames.

    Returns
    -------
    largest : list of GalleryItem
        The largest segments, at most `MAX_ITEMS`.
    hinted : list of GalleryItem
        Other segments with a hint, at most `MAX_ITEMS`: the largest with each hint, then the second largest with
        each, and so on.
    """
    candidates = [(outcome, segment) for outcome in outcomes for segment in outcome.largest]
    candidates.sort(key=lambda candidate: -candidate[1].pixels)
    largest, rest = _draw(candidates)
    counts: Counter[str] = Counter()
    ranked = []
    for outcome, segment in rest:
        if segment.hint:
            ranked.append((counts[segment.hint], outcome, segment))
            counts[segment.hint] += 1
    ranked.sort(key=lambda candidate: candidate[0])
    return largest, _draw([candidate[1:] for candidate in ranked])[0]


def _draw(candidates: _Candidates) -> tuple[list[GalleryItem], _Candidates]:
    """Draw the first segments that were not rejected in review, and return them and the candidates that are left."""
    items: list[GalleryItem] = []
    for index, (outcome, segment) in enumerate(candidates):
        if len(items) == MAX_ITEMS or index == 2 * MAX_ITEMS:  # the second limit bounds the number of files opened
            return items, candidates[index:]
        item = _draw_segment(outcome, segment)
        if item is not None:
            items.append(item)
    return items, []


def _draw_segment(outcome: Outcome, segment: LargeSegment) -> GalleryItem | None:
    """Draw a segment; None if it was rejected in review."""
    frame = f'{Path(outcome.path).name} [{outcome.ext}]'
    title = f'#{segment.label}, x {segment.x + 1:.1f}, y {segment.y + 1:.1f}, {segment.pixels} px'
    science = None if '://' in outcome.path else (outcome.path, outcome.ext)
    try:
        cutout = read_segment_cutout(outcome.output, segment.label, MAX_SIZE, science)
    except (OSError, ValueError) as error:
        return GalleryItem(frame, title, segment.hint, '', ' '.join(str(error).split()))
    return None if cutout is None else GalleryItem(frame, title, segment.hint, _png(cutout))


def _png(cutout: SegmentCutout) -> str:
    """Return the mask beside the frame as PNG in base64."""
    pixels = np.flatnonzero(cutout.segment)
    segments = Segments(cutout.plane.shape, pixels, np.ones(len(pixels), dtype=np.int32), QTable())
    side = cutout_size(np.nonzero(cutout.segment))
    science = None if cutout.science is None else np.asarray(cutout.science, dtype=float)
    image = draw_cutouts(
        segments, 1, [('mask', mask_image(cutout.plane)), ('frame', science)], side, max(1, round(CUTOUT_SIZE / side))
    )
    file = io.BytesIO()
    Image.fromarray(image).save(file, 'PNG', optimize=True)
    return base64.b64encode(file.getvalue()).decode()
