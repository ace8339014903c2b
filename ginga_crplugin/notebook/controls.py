"""The room of the controls in a notebook: the panel's widgets, from top to bottom in the order of work."""

from html import escape

import ipywidgets as w

from ginga_crplugin.core.bits import CAUSES
from ginga_crplugin.core.header import UNITS
from ginga_crplugin.panels.drawing_tool import MODES
from ginga_crplugin.panels.mask_overlay import COLORS
from ginga_crplugin.panels.text import TIPS, comparison_text, counts_text, frame_text

from .checks import STYLE as CHECKS_STYLE
from .checks import CheckList
from .parameters import ParameterControls
from .save_form import SaveForm
from .segment_table import STYLE, SegmentTable
from .thumbnails import Thumbnails

__all__ = ['Controls']

_AS_HEADER = 'unit: header'
_COMPARE = {'nothing': '', 'the run without masks': 'without masks', 'the pinned result': 'pinned'}

_STYLE = (
    """
.crp .widget-label {min-width: 0;}
.crp .jupyter-button {width: auto; padding: 0 9px;}
.crp .widget-inline-hbox, .crp .widget-html {margin: 1px 2px;}
.crp-column > * {flex: 0 0 auto;}
.crp-column .lm-Widget.jupyter-widget-Collapse-header {padding: 3px 8px; font-size: 12px; font-weight: normal;}
.crp .jupyter-widget-Collapse-contents {padding: 4px 8px;}
.crp .widget-html-content {line-height: 1.35; overflow-wrap: anywhere;}
.crp .widget-checkbox {margin-right: 8px;}
.crp-head-line, .crp-head-line .widget-label {font-weight: bold;}
.crp-soft, .crp-soft .widget-label {color: var(--jp-ui-font-color2, #555);}
.crp .crp-soft.widget-label {white-space: normal; line-height: 14px; font-size: 12px; display: flex;
  align-items: center;}
.crp-wrong {color: #b00020; font-weight: bold;}
"""
    + STYLE
    + CHECKS_STYLE
)


class Controls:
    """The widgets, and what they show.

    Parameters
    ----------
    panel : CosmicRayPanel
        Whose methods the widgets call.
    """

    def __init__(self, panel):
        self._panel, self._session, self._actions = panel, panel.session, panel.actions
        self._showing = False
        self._limited = {}
        parts = (
            self._frame_part,
            self._mask_part,
            self._params_part,
            self._run_part,
            self._table_part,
            self._review_part,
            self._output_part,
        )
        self.column = w.VBox([widget for part in parts for widget in part()])
        self.layers = w.VBox(self._layers_part())
        for box in (self.column, self.layers):
            box.add_class('crp')
        self.column.add_class('crp-column')
        self.style = w.HTML(f'<style>{_STYLE}</style>', layout=w.Layout(display='none'))

    # building

    def _frame_part(self):
        self.frame = w.HTML()
        self.frame.add_class('crp-head-line')
        self._units = {_AS_HEADER: ''} | {str(unit): str(unit) for unit in UNITS}
        self.unit = w.Dropdown(options=self._units, layout=w.Layout(width='112px'))
        self.unit.tooltip = 'The unit of the pixels: as the header says, or what you choose here.'
        self.unit.observe(lambda change: self._showing or self._actions.values['unit'](change['new'] or None), 'value')
        self.notes = w.HTML()
        self.checks = CheckList(self._session.apply_remedy)
        return _row(self.frame, self.unit, between=True), self.notes, self.checks.button, self.checks.box

    def _mask_part(self):
        self.masks = w.VBox()
        self.mask_path = w.Text(placeholder='path of a FITS file', layout=w.Layout(width='auto', flex='1 1 auto'))
        self.add = self._button('add', 'Add mask')
        self.add.tooltip = 'A FITS image in which every pixel that is not 0 is bad.'
        self.dark = self._button('dark', 'Dark')
        self.dark.tooltip = 'A combined dark: its pixels above the limit are hot.'
        self.limit = w.FloatText(value=30.0, layout=w.Layout(width='64px'), tooltip='In the unit of the dark.')
        row = _row(self.mask_path, self.add, self.dark, w.Label('limit'), self.limit)
        return _heading('Masked before the run'), self.masks, row

    def _params_part(self):
        self.live = w.Checkbox(value=self._session.live, description='live', indent=False)
        self.live.layout.width = 'auto'
        self.live.tooltip = 'The result follows every change, once there is one.'
        self.live.observe(lambda change: self._actions.values['live'](change['new']), 'value')
        self.params = ParameterControls(self._actions.set_param)
        self.more = w.Accordion([self.params.others])
        self.more.set_title(0, 'More: iterations, median, cleaning, fine structure, sky, edges')
        return _row(_heading('Detection'), self.live, between=True), self.params.common, self.more

    def _run_part(self):
        self.run = self._button('run', 'Run')
        self.run.button_style = 'primary'
        self.cancel = self._button('cancel', 'Cancel')
        self.reset = self._button('reset', 'Reset')
        self.reset.tooltip = 'All parameters as the header or the defaults have them.'
        self.bar = w.FloatProgress(
            min=0.0, max=1.0, layout=w.Layout(width='auto', flex='1 1 auto', visibility='hidden')
        )
        self.engine, self.result = w.HTML(), w.HTML()
        return _row(self.run, self.cancel, self.reset, self.bar), self.engine, self.result

    def _table_part(self):
        self.table = SegmentTable(self._actions.select, self._actions.press)
        self.min_size = w.BoundedIntText(value=self._session.min_size, min=1, max=1000, layout=w.Layout(width='60px'))
        self.min_size.tooltip = 'The smallest segment that is listed; smaller ones are in the mask all the same.'
        self.min_size.observe(lambda change: self._actions.values['min_size'](change['new']), 'value')
        words = [w.Label(word) for word in ('show', 'at least', 'px')]
        row = _row(_heading('Segments'), words[0], self.table.filter, words[1], self.min_size, words[2])
        self.thumbnails = Thumbnails(self._actions.step)
        return row, self.table.view, self.table.pages, self.thumbnails.image, self.thumbnails.hint, self.thumbnails.row

    def _review_part(self):
        buttons = [
            self._button('keep', 'Keep'),
            self._button('reject', 'Reject'),
            self._button('undo', 'Undo'),
            self._button('redo', 'Redo'),
            self._button('reject_shown', 'Reject shown'),
        ]
        self.draw = self._limited['draw'] = w.Dropdown(options=MODES, layout=w.Layout(width='116px'))
        self.draw.observe(lambda change: self._actions.values['draw'](change['new']), 'value')
        self.width = w.BoundedIntText(value=3, min=1, max=15, layout=w.Layout(width='52px'))
        self.width.observe(lambda change: self._actions.values['width'](change['new']), 'value')
        self.width.tooltip = 'Width of the brush and of the line, in pixels.'
        self.grow = w.BoundedIntText(value=0, min=0, max=3, layout=w.Layout(width='52px'))
        self.grow.tooltip = 'Grow the cosmic rays of the mask by so many pixels; shown in yellow.'
        self.grow.observe(lambda change: self._actions.values['grow'](change['new']), 'value')
        drawing = [w.Label('draw'), self.draw, self.width, w.Label('px')] if self._panel.view.has_pixels else []
        self.compare = self._limited['compare'] = w.Dropdown(options=_COMPARE, layout=w.Layout(width='190px'))
        self.compare.observe(
            lambda change: self._showing or self._actions.values['compare'](change['new'] or None), 'value'
        )
        pin = self._button('pin', 'Pin')
        self.compared, self.counts = w.HTML(), w.HTML()
        return (
            _row(*buttons, wrap=True),
            _row(*drawing, w.Label('grow'), self.grow, w.Label('px')),
            _row(w.Label('compare with'), self.compare, pin),
            self.compared,
            self.counts,
            self._kept_part(),
        )

    def _kept_part(self):
        self.saved_review_text = w.HTML()
        restore = self._button('restore', 'Restore')
        discard = self._button('discard', 'Discard')
        restore.tooltip, discard.tooltip = 'Go on with the kept review.', 'Drop the kept review.'
        self.saved_review = _row(self.saved_review_text, restore, discard)
        return self.saved_review

    def _layers_part(self):
        self.visible, self.colors, cells = {}, {}, []
        for layer in (*COLORS, 'segments') if self._panel.view.has_pixels else ('cosmic rays', 'segments'):
            if layer in COLORS:
                color = self.colors[layer] = w.ColorPicker(concise=True, value=COLORS[layer])
                color.layout.width, color.tooltip = '30px', 'Choose another color.'
                color.observe(lambda change, name=layer: self._panel.overlay.set_color(name, change['new']), 'value')
                cells.append(color)
            check = self.visible[layer] = w.Checkbox(value=True, description=layer, indent=False)
            check.layout.width = 'auto'
            check.observe(lambda change, name=layer: self._panel.overlay.set_visible(name, change['new']), 'value')
            cells.append(check)
        self.opacity = w.IntSlider(value=60, min=0, max=100, step=5, readout=False)
        self.opacity.tooltip = 'How much the colors cover the image.'
        self.opacity.layout.width = '160px'
        self.opacity.observe(lambda change: self._actions.values['opacity'](change['new'] / 100.0), 'value')
        self.viewer_note = w.HTML(_soft(self._panel.view.note), layout=w.Layout(max_width='500px'))
        opacity = [_row(w.Label('opacity'), self.opacity)] if self._panel.view.has_pixels else [self.viewer_note]
        return [_row(*cells, wrap=True), *opacity]

    def _output_part(self):
        self.cleaned = self._limited['cleaned'] = w.ToggleButton(description='Show cleaned')
        self.cleaned.observe(lambda _: self.show_cleaned(), 'value')
        verify = self._button('verify', 'Verify')
        self.save = SaveForm(self._session.save)
        self._limited['save'] = self.save.button
        self.ask = w.ToggleButton(description='Save...', tooltip='Where to, and what will be written.')
        self.ask.observe(lambda change: self._show_save(shown=change['new']), 'value')
        self.saved = w.HTML()
        self._show_save(shown=False)
        return [_row(self.cleaned, verify, self.ask), self.saved, *self.save.widgets, *self._recipe_part()]

    def _recipe_part(self):
        self.recipe_path = w.Text(placeholder='path of a recipe', layout=w.Layout(width='auto', flex='1 1 auto'))
        load = self._button('load_recipe', 'Load recipe')
        load.tooltip = TIPS['load_recipe']
        save = self._button('save_recipe', 'Save recipe')
        self.recipe = w.HTML()
        return _row(self.recipe_path, load, save), self.recipe

    def _show_save(self, *, shown):
        for widget in self.save.widgets:
            widget.layout.display = 'flex' if shown else 'none'

    def _button(self, name, text):
        button = w.Button(description=text)
        button.on_click(lambda _: self._actions.buttons[name]())
        if name in TIPS:
            self._limited[name] = button
        return button

    def __getitem__(self, name):
        return self._limited[name]

    # showing

    def show_frame(self, frame):
        """Show which frame is at hand and what is to be known of it."""
        self.frame.value = escape(frame_text(frame)).replace('   ', ' &emsp;')
        self.notes.value = '<br>'.join(map(_soft, () if frame is None else frame.notes))
        _fold(self.notes)
        self.save.set_frame(frame)

    def show_unit(self, unit):
        """Show the unit that was chosen."""
        self._quietly(self.unit, unit or '')

    def _quietly(self, widget, value):
        self._showing = True
        try:
            widget.value = value
        finally:
            self._showing = False

    def show_masks(self, choices, shape):
        """Show a row for each input mask; those of another shape than the image are grayed."""
        self.masks.children = [self._mask_row(i, choice, shape) for i, choice in enumerate(choices)] or [
            w.Label('none')
        ]

    def _mask_row(self, index, choice, shape):
        mask, fits = choice.mask, choice.mask.mask.shape == shape
        ny, nx = mask.mask.shape
        used = w.Checkbox(value=choice.used and fits, disabled=not fits, description=mask.name, indent=False)
        used.layout = w.Layout(width='auto', flex='1 1 auto')
        used.tooltip = mask.name if fits else f'It has {nx} x {ny} pixels, the image has not.'
        used.observe(lambda change: self._session.masks.change(index, used=change['new']), 'value')
        cause = w.Dropdown(options=CAUSES, value=mask.bit, layout=w.Layout(width='76px'))
        cause.tooltip = 'Why these pixels are bad.'
        cause.observe(lambda change: self._session.masks.change(index, bit=change['new']), 'value')
        return _row(used, cause, w.Label(f'{mask.count:,} px'.replace(',', ' ')))

    def show_recipe(self, words, min_size, grow):
        """Show which recipe is used, or was written, and what it says of the list and of growing."""
        self.recipe.value = _soft(words)
        _fold(self.recipe)
        self.min_size.value, self.grow.value = min_size, grow

    def show_saved_review(self, kept):
        """Offer the review that was kept of this frame, or don't."""
        if kept is not None:
            self.saved_review_text.value = f'an unsaved review of this frame was kept ({len(kept[0])} px)'
        self.saved_review.layout.display = 'none' if kept is None else 'flex'

    def show_counts(self, segments, decisions):
        """Show what was said of the segments."""
        self.counts.value = '' if decisions is None else counts_text(segments, decisions)

    def show_comparison(self, comparison):
        """Show how two results compare, or nothing."""
        self.compared.value = comparison_text(comparison)
        _fold(self.compared)

    def clear_comparison(self):
        """Show that nothing is compared any more."""
        self._quietly(self.compare, '')
        self.show_comparison(None)

    def show_drawing_mode(self, mode):
        """Show what the mouse draws."""
        self.draw.value = mode

    def show_cleaned(self):
        """Display the cleaned frame if its button is down, or the original."""
        self._actions.values['cleaned'](self.cleaned.value)

    def show_engine_note(self, words):
        """Show what is to be known of the fast engine."""
        self.engine.value = _soft(words)
        _fold(self.engine)

    def show_progress(self, fraction):
        """Show the bar with a share done, or no bar."""
        self.bar.layout.visibility = 'hidden' if fraction is None else 'visible'
        self.bar.value = fraction or 0.0

    def show_result(self, lines, *, error=False):
        """Show the result in words, or in red what went wrong."""
        lines = '<br>'.join(map(escape, lines))
        self.result.value = f'<span class="crp-wrong" role="alert">{lines}</span>' if error else lines

    def show_saved_path(self, words, path=''):
        """Show where the mask was written, or nothing."""
        self.saved.value = escape(words)
        self.saved.tooltip = str(path)
        _fold(self.saved)

    def show_disabled(self, reasons):
        """Gray what can't be used now, with the reason as its tooltip; ``{widget name: reason or ''}``."""
        for name, reason in reasons.items():
            widget = self._limited[name]
            widget.disabled = bool(reason)
            widget.tooltip = reason or TIPS[name]


def _fold(html):
    html.layout.display = None if html.value else 'none'


def _soft(words):
    return f'<span class="crp-soft">{escape(words)}</span>' if words else ''


def _heading(text):
    label = w.Label(text)
    label.add_class('crp-head-line')
    return label


def _row(*widgets, between=False, wrap=False):
    layout = w.Layout(align_items='center', flex_flow='row wrap' if wrap else 'row')
    layout.justify_content = 'space-between' if between else 'flex-start'
    return w.HBox(widgets, layout=layout)
