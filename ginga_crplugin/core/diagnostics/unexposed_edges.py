"""Unexposed edges of a frame: overscan and masked rows."""

from dataclasses import dataclass

import numpy as np

from ginga_crplugin.core.frame import Frame

from .header_history import bias_section, outside_trimsec

__all__ = ['UnexposedEdges', 'locate_edges']

#: Minimum depth of an unexposed section below the level of the rest, in scatters.
MIN_DEPTH = 3.0


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


def locate_edges(frame: Frame, found: dict[str, int]) -> UnexposedEdges:
    """Return the unexposed edges by the sections of the header, where the pixels confirm these, else by the pixels.

    Parameters
    ----------
    frame : Frame
        The frame with its header.
    found : dict of int
        Number of unexposed columns or rows that the pixels show, by the side of the frame.

    Returns
    -------
    UnexposedEdges
        The edges.
    """
    header, shape = frame.ccd.header, frame.shape
    by_pixels = _mask_of(found, shape)
    bias, outside = bias_section(header, shape), outside_trimsec(header, shape)
    sections = [item for item in (bias, ('TRIMSEC', outside) if outside is not None else None) if item is not None]
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


def _is_dark(frame: Frame, section: np.ndarray, dark: np.ndarray) -> bool:
    """Test whether a section is darker than the exposed pixels."""
    exposed = ~(section | dark)
    if not exposed.any():
        return False
    depth = np.median(frame.filled[exposed]) - np.median(frame.filled[section])
    return bool(depth > MIN_DEPTH * frame.evidence.scatter)
