"""Unexposed edges of a frame: overscan and masked rows."""

from dataclasses import dataclass

import numpy as np

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.stats import nanmad_std

from .header_history import bias_section, outside_trimsec

__all__ = ['UnexposedEdges', 'locate_edges']

#: Minimum depth of an unexposed section below the level of the rest, in scatters.
MIN_DEPTH = 3.0
#: Scatter of exposed pixels at an edge, relative to that of the frame, and the minimum length of an edge to measure it.
EXPOSED, MIN_LENGTH = 0.75, 30


@dataclass(frozen=True, eq=False)
class UnexposedEdges:
    """Unexposed edges of a frame.

    Attributes
    ----------
    counts : dict of int
        Number of unexposed columns or rows, by the side of the frame; empty if there are none.
    mask : (ny, nx) bool ndarray
        True for unexposed pixels.
    source : str
        Keywords of the sections; empty if the edges were found from the pixels alone.
    """

    counts: dict[str, int]
    mask: np.ndarray
    source: str = ''

    def __str__(self) -> str:
        text = ', '.join(f'{count} px {side}' for side, count in self.counts.items())
        return f'{text} ({self.source})' if self.source else text

    @property
    def name(self) -> str:
        """Name of the mask."""
        return f'unexposed edges, by {self.source}' if self.source else 'unexposed edges'


def locate_edges(frame: Frame, found: dict[str, int], params: LACosmicParams) -> UnexposedEdges:
    """Return the unexposed edges by the sections of the header, where the pixels confirm these, else by the pixels.

    Parameters
    ----------
    frame : Frame
        The frame with its header.
    found : dict of int
        Number of columns or rows darker than the rest, by the side of the frame.
    params : LACosmicParams
        Gain and read noise: pixels with more noise are exposed.

    Returns
    -------
    UnexposedEdges
        The edges.
    """
    header, shape, good = frame.ccd.header, frame.shape, frame.bits == 0
    found = {side: count for side, count in found.items() if not _is_exposed(frame, side, count, params)}
    by_pixels = _mask_of(found, shape)
    bias, trimmed = bias_section(header, shape), outside_trimsec(header, shape)
    sections = ([] if bias is None else [bias]) + ([] if trimmed is None else [('TRIMSEC', trimmed)])
    sections = [(name, section & good) for name, section in sections]
    confirmed = [item for item in sections if item[1].any() and _is_dark(frame, item[1], by_pixels)]
    if not confirmed:
        return UnexposedEdges(found, by_pixels)
    mask = np.logical_or.reduce([section for _, section in confirmed])
    level, limit = float(np.median(frame.filled[mask])), MIN_DEPTH * frame.evidence.scatter
    for side, count in found.items():  # vignetted edges are exposed: they are brighter than the overscan
        edge = _mask_of({side: count}, shape)
        if np.median(frame.filled[edge]) < level + limit:
            mask |= edge
    return UnexposedEdges(_counts(mask), mask, ', '.join(name for name, _ in confirmed))


def _mask_of(edges: dict[str, int], shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    ny, nx = shape
    mask[:, : edges.get('left', 0)] = mask[:, nx - edges.get('right', 0) :] = True
    mask[: edges.get('bottom', 0)] = mask[ny - edges.get('top', 0) :] = True
    return mask


def _counts(mask: np.ndarray) -> dict[str, int]:
    """Return the number of columns or rows at each side that are entirely in a mask."""
    columns, rows = mask.all(axis=0), mask.all(axis=1)
    sides = {'left': columns, 'right': columns[::-1], 'bottom': rows, 'top': rows[::-1]}
    counts = {side: int(np.argmin(lines)) for side, lines in sides.items()}
    return {side: count for side, count in counts.items() if count}


def _is_exposed(frame: Frame, side: str, count: int, params: LACosmicParams) -> bool:
    """Test whether the pixels of an edge have about the noise of the rest, far more than the read noise alone."""
    edge = _mask_of({side: count}, frame.shape)
    lines = frame.filled[np.ix_(edge.any(axis=1), edge.any(axis=0))].astype(float)
    lines = lines if side in ('bottom', 'top') else lines.T  # differences along the edge
    if edge.all(axis=None) or lines.shape[1] < MIN_LENGTH:
        return False
    steps = lines[:, 2:] - lines[:, :-2]
    scatter = float(nanmad_std(steps.reshape(1, -1))[0]) / np.sqrt(2.0)
    return scatter > EXPOSED * frame.evidence.scatter and scatter * params.gain > 2.0 * params.readnoise


def _is_dark(frame: Frame, section: np.ndarray, dark: np.ndarray) -> bool:
    """Test whether a section is darker than the exposed pixels."""
    exposed = ~(section | dark)
    if not exposed.any():
        return False
    depth = np.median(frame.filled[exposed]) - np.median(frame.filled[section])
    return bool(depth > MIN_DEPTH * frame.evidence.scatter)
