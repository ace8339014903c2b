"""Controls of the notebook panel: methods that show values in its widgets."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w

from ginga_crplugin.core.bits import CAUSES, cause_name
from ginga_crplugin.core.decisions import Decisions
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic.tails import TailOptions
from ginga_crplugin.core.segments import Segments
from ginga_crplugin.panels.labels import TIPS
from ginga_crplugin.panels.text import comparison_text, counts_text, frame_text, mask_size_text, unsaved_review_text
from ginga_crplugin.session.comparing import Comparison
from ginga_crplugin.session.frame_inputs import MaskSetting

from .layout import ControlsLayout, gray_html, make_row

__all__ = ['Controls']


class Controls(ControlsLayout):
    """The widgets of the notebook panel, and methods that show values in them.

    Parameters
    ----------
    panel : CosmicRayPanel
        The panel, whose actions the controls call.
    """

    def show_frame(self, frame: Frame | None) -> None:
        """Show name, size, unit and notes of the frame.

        Parameters
        ----------
        frame : Frame or None
            The frame; None without an image.
        """
        self.frame.value = escape(frame_text(frame)).replace('   ', ' &emsp;')
        self.notes.value = '<br>'.join(map(gray_html, () if frame is None else frame.notes))
        _hide_if_empty(self.notes)
        self.save_form.set_frame(frame)

    def show_unit(self, unit: str | None) -> None:
        """Show the unit that the user has selected.

        Parameters
        ----------
        unit : str or None
            The unit; None for that of the header.
        """
        self._set_quietly(self.unit, unit or '')

    def _set_quietly(self, widget: Any, value: Any) -> None:
        """Set the value of a widget without calling its action."""
        self._showing = True
        try:
            widget.value = value
        finally:
            self._showing = False

    def show_masks(self, settings: Sequence[MaskSetting], shape: tuple[int, int] | None) -> None:
        """Show a row for each input mask; masks with another shape than the image are disabled.

        Parameters
        ----------
        settings : sequence of MaskSetting
            The masks.
        shape : tuple of int or None
            (ny, nx) of the image; None without an image.
        """
        rows = [self._mask_row(i, setting, shape) for i, setting in enumerate(settings)]
        self.masks.children = rows or [w.Label('none')]

    def _mask_row(self, index: int, setting: MaskSetting, shape: tuple[int, int] | None) -> w.HBox:
        mask, masks = setting.mask, self._session.masks
        mismatch = mask_size_text(mask.mask.shape, shape)
        value = setting.used and not mismatch
        used = w.Checkbox(value=value, disabled=bool(mismatch), description=mask.name, indent=False)
        used.layout = w.Layout(width='auto', flex='1 1 auto')
        used.tooltip = mismatch or mask.name
        used.observe(lambda change: masks.change(index, used=change['new']), 'value')
        fixed = mask.bit not in CAUSES.values()
        options = {cause_name(mask.bit): mask.bit} if fixed else CAUSES
        cause = w.Dropdown(options=options, value=mask.bit, layout=w.Layout(width='76px'), tooltip=TIPS['cause'])
        cause.disabled = fixed
        cause.observe(lambda change: masks.change(index, bit=change['new']), 'value')
        return make_row(used, cause, w.Label(f'{mask.count:,} px'.replace(',', ' ')))

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
        self.recipe.value = gray_html(text)
        _hide_if_empty(self.recipe)
        self.min_size.value, self.grow.value = min_size, grow

    def show_repair(self, chosen: str, default: str) -> None:
        """Show the repair of the selected segment, and the default.

        Parameters
        ----------
        chosen : str
            The repair of the selected segment; empty for the default.
        default : str
            The default.
        """
        self._set_quietly(self.repair, chosen)
        self._set_quietly(self.default_repair, default)

    @property
    def shown_repair(self) -> str:
        """The repair that is shown for the selected segment; empty for the default."""
        return self.repair.value

    def show_tails(self, tails: TailOptions, *, edges: bool) -> None:
        """Show whether and how tails are found, and whether the edges are searched.

        Parameters
        ----------
        tails : TailOptions
            The settings of the tails.
        edges : bool
            Whether the edges are searched.
        """
        values = {self.tails: tails.enabled, self.tail_sigma: tails.sigma, self.tail_steps: tails.steps}
        for widget, value in (values | {self.edges: edges}).items():
            self._set_quietly(widget, value)

    def show_unsaved_review(self, review: tuple | None) -> None:
        """Offer to restore an unsaved review.

        Parameters
        ----------
        review : tuple of (n,) int64 and (n,) uint8 ndarray, or None
            The decisions (`Review.edited`); None if there are none.
        """
        if review is not None:
            self.unsaved_review_text.value = unsaved_review_text(len(review[0]))
        self.unsaved_review.layout.display = 'none' if review is None else 'flex'

    def show_counts(self, segments: Segments | None, decisions: Decisions | None) -> None:
        """Show the number of kept and rejected segments.

        Parameters
        ----------
        segments : Segments or None
            The segments of the result; None without a result.
        decisions : Decisions or None
            The review decisions.
        """
        self.counts.value = '' if segments is None or decisions is None else counts_text(segments, decisions)

    def show_comparison(self, comparison: Comparison | None) -> None:
        """Show the counts of a comparison.

        Parameters
        ----------
        comparison : Comparison or None
            The comparison; None for no comparison.
        """
        self.compared.value = comparison_text(comparison)
        _hide_if_empty(self.compared)

    def clear_comparison(self) -> None:
        """Show that there is no comparison."""
        self._set_quietly(self.compare, '')
        self.show_comparison(None)

    def show_drawing_mode(self, mode: str) -> None:
        """Show the drawing mode.

        Parameters
        ----------
        mode : str
            One of `~ginga_crplugin.panels.drawing_tool.MODES`.
        """
        self.draw.value = mode

    def show_cleaned(self) -> None:
        """Display the cleaned frame if its button is pressed, else the original."""
        self._actions.values['cleaned'](self.cleaned.value)

    def show_engine_note(self, text: str) -> None:
        """Show the state of the fast engine.

        Parameters
        ----------
        text : str
            The state; empty if there is nothing to show.
        """
        self.engine.value = gray_html(text)
        _hide_if_empty(self.engine)

    def show_progress(self, fraction: float | None) -> None:
        """Show the progress bar.

        Parameters
        ----------
        fraction : float or None
            The fraction done, 0 to 1; None hides the bar.
        """
        self.bar.layout.visibility = 'hidden' if fraction is None else 'visible'
        self.bar.value = fraction or 0.0

    def show_result(self, lines: Sequence[str], *, error: bool = False) -> None:
        """Show the summary of the result, or an error.

        Parameters
        ----------
        lines : sequence of str
            The lines.
        error : bool, optional
            Whether to show them in red.
        """
        html = '<br>'.join(map(escape, lines))
        self.result.value = f'<span class="crp-wrong" role="alert">{html}</span>' if error else html

    def show_saved_path(self, text: str, path: Path | str | None = '') -> None:
        """Show the saved file.

        Parameters
        ----------
        text : str
            The text; empty if nothing was saved.
        path : path-like, optional
            The full path, for the tooltip.
        """
        self.saved.value = escape(text)
        self.saved.tooltip = str(path)
        _hide_if_empty(self.saved)

    def show_disabled(self, reasons: Mapping[str, str]) -> None:
        """Disable controls, with the reason as tooltip.

        Parameters
        ----------
        reasons : dict of str
            Why a control can't be used, by its name; empty if it can.
        """
        for name, reason in reasons.items():
            widget = self._controls[name]
            widget.disabled = bool(reason)
            widget.tooltip = reason or TIPS[name]


def _hide_if_empty(html: w.HTML) -> None:
    html.layout.display = None if html.value else 'none'
