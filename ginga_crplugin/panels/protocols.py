"""Interfaces of the widgets and the overlay that `Actions` and `Presenter` use.

``tests/panels/compliance.py`` checks the signatures and the effects in both panels. The arguments are described
in the implementations.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from astropy.table import QTable

from ginga_crplugin.core.decisions import Decisions
from ginga_crplugin.core.diagnostics.check import Check
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic.tails import TailOptions
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.segments import Segments
from ginga_crplugin.session.comparing import Comparison
from ginga_crplugin.session.frame_inputs import MaskSetting
from ginga_crplugin.session.session import Session

from .segment_rows import SegmentRows

__all__ = ['CheckList', 'Overlay', 'PanelWidgets', 'ParameterWidgets', 'SegmentTable', 'Thumbnails']

#: (ny, nx) of an image.
Shape = tuple[int, int]


@runtime_checkable
class Overlay(Protocol):
    """Pixels and segments drawn over the image; pixels are flat indices, positions are 0-based."""

    def show(self) -> None:
        """Add the overlay to the viewer."""

    def hide(self) -> None:
        """Remove the overlay from the viewer."""

    def clear(self) -> None:
        """Remove all pixels and segments."""

    def set_mask(self, layer: str, mask: np.ndarray, /) -> None:
        """Draw the pixels of a mask in a layer."""

    def set_layers(self, layers: dict[str, np.ndarray], shape: Shape, /) -> None:
        """Draw pixels in layers."""

    def set_segments(
        self, segments: Segments, /, decisions: Decisions | None = None, selected: int | None = None
    ) -> None:
        """Draw the segments of a result."""

    def set_decisions(self, segments: Segments, decisions: Decisions | None, /) -> None:
        """Draw other decisions on the same segments."""

    def set_comparison(self, comparison: Comparison, shape: Shape, /) -> None:
        """Draw a comparison of two results instead of the segments."""

    def set_visible(self, layer: str, /, *, visible: bool) -> None:
        """Show or hide a layer."""

    def set_color(self, layer: str, color: str, /) -> None:
        """Set the color of a layer."""

    def set_opacity(self, opacity: float, /) -> None:
        """Set the opacity of the pixels."""

    def select(self, label: int | None, /) -> None:
        """Mark the selected segment."""

    def label_at(self, x: float, y: float, /) -> int | None:
        """Return the label of the segment at a position."""

    def pan_to(self, x: float, y: float, /, size: float = 3.0) -> None:
        """Center the view on a position; zoom in if a segment would be too small."""

    def pan_back(self) -> None:
        """Restore the view before the last `pan_to`."""


@runtime_checkable
class ParameterWidgets(Protocol):
    """The widgets of the parameters."""

    def show(self, params: LACosmicParams, sources: dict[str, str], /) -> None:
        """Show the parameters and their sources."""


@runtime_checkable
class SegmentTable(Protocol):
    """The table of the listed segments."""

    rows: SegmentRows

    def show(self, table: QTable | None, /, rejected: Sequence[int] = (), selected: int | None = None) -> None:
        """Show the listed segments."""

    def show_decisions(self, rejected: Sequence[int], /) -> None:
        """Show other decisions on the same segments."""

    def select(self, label: int | None, /) -> None:
        """Select the row of a segment."""


@runtime_checkable
class Thumbnails(Protocol):
    """The cutouts of the selected segment."""

    def show(self, session: Session, label: int | None, position: int, count: int, /) -> None:
        """Show a segment of the result."""


@runtime_checkable
class CheckList(Protocol):
    """The checks of the frame and the result."""

    def show(self, checks: Sequence[Check], /) -> None:
        """Show checks."""


@runtime_checkable
class PanelWidgets(Protocol):
    """The widgets of a panel."""

    params: ParameterWidgets
    table: SegmentTable
    thumbnails: Thumbnails
    checks: CheckList

    @property
    def shown_repair(self) -> str:
        """The repair that is shown for the selected segment; empty for the default."""

    def show_frame(self, frame: Frame | None, /) -> None:
        """Show the name, shape and unit of the frame, and its notes."""

    def show_masks(self, masks: Sequence[MaskSetting], shape: Shape | None, /) -> None:
        """Show the input masks."""

    def show_recipe(self, text: str, min_size: int, grow: int, /) -> None:
        """Show the recipe in use, its minimum size and its growth."""

    def show_repair(self, chosen: str, default: str, /) -> None:
        """Show the repair of the selected segment, and the default."""

    def show_tails(self, tails: TailOptions, /, *, edges: bool) -> None:
        """Show whether and how tails are found, and whether the edges are searched."""

    def show_unsaved_review(self, edited: tuple[np.ndarray, np.ndarray] | None, /) -> None:
        """Offer to restore or discard an unsaved review."""

    def show_counts(self, segments: Segments | None, decisions: Decisions | None, /) -> None:
        """Show the number of kept and rejected segments."""

    def show_comparison(self, comparison: Comparison | None, /) -> None:
        """Show the counts of a comparison."""

    def clear_comparison(self) -> None:
        """Show that there is no comparison, and reset its control."""

    def show_drawing_mode(self, mode: str, /) -> None:
        """Show the drawing mode."""

    def show_engine_note(self, text: str, /) -> None:
        """Show the state of the fast engine."""

    def show_progress(self, fraction: float | None, /) -> None:
        """Show the progress of a run."""

    def show_result(self, lines: Sequence[str], /, *, error: bool = False) -> None:
        """Show the lines of the result, or an error."""

    def show_saved_path(self, text: str, /, path: str | Path = '') -> None:
        """Show where the mask was saved."""

    def show_disabled(self, reasons: dict[str, str], /) -> None:
        """Disable widgets, with the reason as tooltip."""
