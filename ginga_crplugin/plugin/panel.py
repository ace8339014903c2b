"""Panel of the plugin: methods that show values in its widgets."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

from ginga.gw import Widgets

from ginga_crplugin.core.bits import CAUSES, cause_name
from ginga_crplugin.core.decisions import Decisions
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic.tails import TailOptions
from ginga_crplugin.core.repair_names import REPAIRS
from ginga_crplugin.core.segments import Segments
from ginga_crplugin.panels.drawing_tool import MODES
from ginga_crplugin.panels.labels import REPAIR_OPTIONS, TIPS
from ginga_crplugin.panels.text import comparison_text, counts_text, mask_size_text, unsaved_review_text
from ginga_crplugin.session.comparing import Comparison
from ginga_crplugin.session.frame_inputs import MaskSetting

from .layout import GINGA_TIPS, PanelLayout, make_row
from .toolkit import protect_value, set_number, set_tab_order, set_text_wrapped

__all__ = ['Panel']

#: Characters in a line, and in a line with a button.
_LINE_LENGTH, _SHORT_LINE_LENGTH = 70, 50

_REPAIRS = list(REPAIR_OPTIONS.values())
_CAUSE_BITS = list(CAUSES.values())


class Panel(PanelLayout):
    """The widgets of the panel, and methods that show values in them.

    Parameters
    ----------
    container : Ginga container widget
        The widget that contains the panel.
    plugin : CosmicRays
        The plugin, whose actions the controls call.
    """

    def show_frame(self, frame: Frame | None, *, opening: bool = False) -> None:
        """Show name, size, unit and notes of the frame.

        Parameters
        ----------
        frame : Frame or None
            The frame; None without an image.
        opening : bool, optional
            Whether an image is being read.
        """
        if frame is None:
            self.frame.set_text('reading the image...' if opening else 'no image')
            self.notes.set_text('')
            return
        ny, nx = frame.shape
        text = f'{_shorten(frame.name, 40)} [{frame.ext}]   {nx} x {ny}   {frame.ccd.unit}'
        set_text_wrapped(self.frame, text, _LINE_LENGTH)
        set_text_wrapped(self.notes, '\n'.join(frame.notes), _LINE_LENGTH)
        (self.notes.show if frame.notes else self.notes.hide)()

    def show_masks(self, settings: Sequence[MaskSetting], shape: tuple[int, int] | None) -> None:
        """Show a row for each input mask; masks with another shape than the image are disabled.

        Parameters
        ----------
        settings : sequence of MaskSetting
            The masks.
        shape : tuple of int or None
            (ny, nx) of the image; None without an image.
        """
        self.masks.remove_all(delete=True)
        if not settings:
            self.masks.add_widget(Widgets.Label('none'), stretch=0)
        added = [widget for i, setting in enumerate(settings) for widget in self._add_mask_row(i, setting, shape)]
        set_tab_order(self.checks.last, *added)

    def _add_mask_row(self, index: int, setting: MaskSetting, shape: tuple[int, int] | None) -> tuple[Any, Any]:
        mask, masks = setting.mask, self._plugin.session.masks
        mismatch = mask_size_text(mask.mask.shape, shape)
        used = Widgets.CheckBox(_shorten(mask.name, 30))
        used.set_state(setting.used and not mismatch)
        used.set_enabled(not mismatch)
        used.set_tooltip(mismatch or mask.name)
        used.add_callback('activated', lambda _, on: masks.change(index, used=bool(on)))
        cause = protect_value(Widgets.ComboBox())
        fixed = mask.bit not in _CAUSE_BITS
        for name in (cause_name(mask.bit),) if fixed else CAUSES:
            cause.append_text(name)
        cause.set_index(0 if fixed else _CAUSE_BITS.index(mask.bit))
        cause.set_enabled(not fixed)
        cause.set_tooltip(TIPS['cause'])
        cause.add_callback('activated', lambda _, i: masks.change(index, bit=_CAUSE_BITS[i]))
        count = Widgets.Label(f'{mask.count:,} px'.replace(',', ' '), halign='right')
        self.masks.add_widget(make_row(used, cause, count, stretch=used), stretch=0)
        return used, cause

    def show_recipe(self, text: str, min_size: int, grow: int) -> None:
        """Show the recipe and its settings.

        Parameters
        ----------
        text : str
            Name of the recipe that was saved or is used.
        min_size : int
            Minimum size of a listed segment, in pixels.
        grow : int
            Number of pixels by which cosmic rays are grown.
        """
        self.recipe.set_text(_shorten(text, 34))
        self.recipe.set_tooltip(text)
        set_number(self.min_size, min_size)
        set_number(self.grow, grow)

    def show_repair(self, chosen: str, default: str) -> None:
        """Show the repair of the selected segment, and the default.

        Parameters
        ----------
        chosen : str
            The repair of the selected segment; empty for the default.
        default : str
            The default.
        """
        self.repair.set_index(_REPAIRS.index(chosen))
        self.default_repair.set_index(list(REPAIRS).index(default))

    @property
    def shown_repair(self) -> str:
        """The repair that is shown for the selected segment; empty for the default."""
        return _REPAIRS[max(0, self.repair.get_index())]

    def show_tails(self, tails: TailOptions, *, edges: bool) -> None:
        """Show whether and how tails are found, and whether the edges are searched.

        Parameters
        ----------
        tails : TailOptions
            The settings of the tails.
        edges : bool
            Whether the edges are searched.
        """
        self.tails.set_state(tails.enabled)
        set_number(self.tail_sigma, tails.sigma)
        set_number(self.tail_steps, tails.steps)
        self.edges.set_state(edges)

    def show_unsaved_review(self, review: tuple | None) -> None:
        """Offer to restore an unsaved review.

        Parameters
        ----------
        review : tuple of (n,) int64 and (n,) uint8 ndarray, or None
            The decisions (`Review.edited`); None if there are none.
        """
        if review is not None:
            self.unsaved_review_text.set_text(unsaved_review_text(len(review[0])))
        (self.unsaved_review.hide if review is None else self.unsaved_review.show)()

    def show_counts(self, segments: Segments | None, decisions: Decisions | None) -> None:
        """Show the number of kept and rejected segments.

        Parameters
        ----------
        segments : Segments or None
            The segments of the result; None without a result.
        decisions : Decisions or None
            The review decisions.
        """
        text = '' if segments is None or decisions is None else counts_text(segments, decisions)
        set_text_wrapped(self.counts, text, _SHORT_LINE_LENGTH)

    def show_comparison(self, comparison: Comparison | None) -> None:
        """Show the counts of a comparison.

        Parameters
        ----------
        comparison : Comparison or None
            The comparison; None for no comparison.
        """
        text = comparison_text(comparison)
        set_text_wrapped(self.compared, text, _LINE_LENGTH)
        (self.compared.show if text else self.compared.hide)()

    def clear_comparison(self) -> None:
        """Show that there is no comparison."""
        self.compare.set_index(0)
        self.show_comparison(None)

    def show_drawing_mode(self, mode: str) -> None:
        """Show the drawing mode.

        Parameters
        ----------
        mode : str
            One of `~ginga_crplugin.panels.drawing_tool.MODES`.
        """
        self.draw.set_index(MODES.index(mode))

    def show_engine_note(self, text: str) -> None:
        """Show the state of the fast engine.

        Parameters
        ----------
        text : str
            The state; empty if there is nothing to show.
        """
        set_text_wrapped(self.engine, text, _LINE_LENGTH)
        (self.engine.show if text else self.engine.hide)()

    def show_progress(self, fraction: float | None) -> None:
        """Show the progress bar.

        Parameters
        ----------
        fraction : float or None
            The fraction done, 0 to 1; None hides the bar.
        """
        if fraction is None:
            self.bar.hide()
        else:
            self.bar.set_value(fraction)
            self.bar.show()

    def show_result(self, lines: Sequence[str], *, error: bool = False) -> None:
        """Show the summary of the result, or an error.

        Parameters
        ----------
        lines : sequence of str
            The lines.
        error : bool, optional
            Whether to show them in red.
        """
        color = '#b00020' if error else '#1a1a1a'
        text = '\n'.join(lines)
        set_text_wrapped(
            self.status, shorten(' '.join(lines[:1]), 2 * _SHORT_LINE_LENGTH, placeholder='...'), _LINE_LENGTH
        )
        self.status.set_tooltip(text)
        self.status.set_color(fg=color)
        details = lines if error else lines[1:]
        shown = [*details, *[''] * len(self.lines)][: len(self.lines)]
        for label, line in zip(self.lines, shown, strict=True):
            set_text_wrapped(label, line, _LINE_LENGTH)
            label.set_color(fg=color)
            (label.show if line else label.hide)()
        self.result = text.replace('\n', ' ')

    def show_saved_path(self, text: str, path: Path | str | None = '') -> None:
        """Show the saved file.

        Parameters
        ----------
        text : str
            The text; empty if nothing was saved.
        path : path-like, optional
            The full path, for the tooltip.
        """
        self.saved.set_text(text)
        self.saved.set_tooltip(str(path))

    def show_disabled(self, reasons: Mapping[str, str]) -> None:
        """Disable controls, with the reason as tooltip.

        Parameters
        ----------
        reasons : dict of str
            Why a control can't be used, by its name; empty if it can.
        """
        for name, reason in reasons.items():
            widget = getattr(self, name)
            widget.set_enabled(not reason)
            widget.set_tooltip(reason or GINGA_TIPS[name])


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length // 2] + '…' + text[-(length - length // 2 - 1) :]
