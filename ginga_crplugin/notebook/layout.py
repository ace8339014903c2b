"""Layout of the notebook panel: its widgets, from top to bottom in the order of work."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from ginga_crplugin.core.header import UNITS
from ginga_crplugin.core.lacosmic.tails import MAX_SIGMA, MAX_STEPS, MIN_SIGMA
from ginga_crplugin.core.repair_names import REPAIRS
from ginga_crplugin.panels.drawing_tool import MODES
from ginga_crplugin.panels.labels import COMPARE_OPTIONS, HEADER_UNIT, HEADINGS, LABELS, REPAIR_OPTIONS, TIPS
from ginga_crplugin.panels.mask_overlay import COLORS

from .checks import STYLE as CHECKS_STYLE
from .checks import CheckList
from .parameters import ParameterControls
from .save_form import SaveForm
from .segment_table import STYLE as TABLE_STYLE
from .segment_table import SegmentTable
from .thumbnails import Thumbnails

if TYPE_CHECKING:
    from .panel import CosmicRayPanel

__all__ = ['ControlsLayout', 'arrange_panel', 'gray_html', 'make_row']

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
    + TABLE_STYLE
    + CHECKS_STYLE
)


class ControlsLayout:
    """The widgets of the notebook panel; `Controls` shows values in them. ``controls[name]`` is a control by its name.

    Parameters
    ----------
    panel : CosmicRayPanel
        The panel, whose actions the controls call.

    Attributes
    ----------
    column, layers : ipywidgets widget
        The controls next to the image, and those below it.
    style : ipywidgets widget
        The style sheet of the panel.
    """

    def __init__(self, panel: CosmicRayPanel) -> None:
        self._panel, self._session, self._actions = panel, panel.session, panel.actions
        self._showing = False
        self._controls: dict[str, Any] = {}
        parts = (
            self._frame_part,
            self._mask_part,
            self._params_part,
            self._run_part,
            self._table_part,
            self._review_part,
            self._unsaved_review_part,
            self._output_part,
            self._recipe_part,
        )
        self.column = w.VBox([widget for part in parts for widget in part()])
        self.layers = w.VBox(self._layers_part())
        for box in (self.column, self.layers):
            box.add_class('crp')
        self.column.add_class('crp-column')
        self.style = w.HTML(f'<style>{_STYLE}</style>', layout=w.Layout(display='none'))

    def __getitem__(self, name: str) -> Any:
        return self._controls[name]

    def _button(self, name: str) -> w.Button:
        button = self._controls[name] = w.Button(description=LABELS[name], tooltip=TIPS[name])
        button.on_click(lambda _: self._actions.buttons[name]())
        return button

    def _control(self, name: str, widget: Any) -> Any:
        """Connect the value of a widget to its action, except while `Controls` sets the value; return the widget."""
        self._controls[name] = widget
        widget.tooltip = TIPS[name]

        def value_changed(change: dict[str, Any]) -> None:
            if not self._showing:
                self._actions.values[name](None if change['new'] == '' else change['new'])

        widget.observe(value_changed, 'value')
        return widget

    def _frame_part(self) -> Sequence[w.Widget]:
        self.frame = w.HTML()
        self.frame.add_class('crp-head-line')
        units = {HEADER_UNIT: ''} | {str(unit): str(unit) for unit in UNITS}
        self.unit = self._control('unit', w.Dropdown(options=units, layout=w.Layout(width='112px')))
        self.notes = w.HTML()
        self.checks = CheckList(self._session.apply_remedy)
        return make_row(self.frame, self.unit, between=True), self.notes, self.checks.button, self.checks.box

    def _mask_part(self) -> Sequence[w.Widget]:
        self.masks = w.VBox()
        self.mask_path = w.Text(placeholder='path of a FITS file', layout=w.Layout(width='auto', flex='1 1 auto'))
        self.limit = w.FloatText(value=30.0, layout=w.Layout(width='64px'), tooltip=TIPS['limit'])
        row = make_row(self.mask_path, self._button('add'), self._button('dark'), w.Label('limit'), self.limit)
        return _heading(HEADINGS['masks']), self.masks, row

    def _params_part(self) -> Sequence[w.Widget]:
        live = w.Checkbox(
            value=self._session.runner.live, description='live', indent=False, layout=w.Layout(width='auto')
        )
        self.live = self._control('live', live)
        self.params = ParameterControls(self._actions.settings.set_param)
        self.more = w.Accordion([self.params.others])
        self.more.set_title(0, 'More: iterations, median, cleaning, fine structure, sky, edges')
        return make_row(_heading(HEADINGS['params']), self.live, between=True), self.params.common, self.more

    def _run_part(self) -> Sequence[w.Widget]:
        self.run = self._button('run')
        self.run.button_style = 'primary'
        layout = w.Layout(width='auto', flex='1 1 auto', visibility='hidden')
        self.bar = w.FloatProgress(min=0.0, max=1.0, layout=layout)
        self.engine, self.result = w.HTML(), w.HTML()
        run = make_row(self.run, self._button('cancel'), self._button('reset'), self.bar)
        return run, self.engine, self.result, self._tails_row()

    def _tails_row(self) -> w.HBox:
        options, layout = self._session.settings.tails, {name: w.Layout(width='auto') for name in ('tails', 'edges')}
        tails = w.Checkbox(value=options.enabled, description='tails', indent=False, layout=layout['tails'])
        edges = w.Checkbox(
            value=self._session.params.search_edges, description='search edges', indent=False, layout=layout['edges']
        )
        sigma = w.BoundedFloatText(
            value=options.sigma, min=MIN_SIGMA, max=MAX_SIGMA, step=0.5, layout=w.Layout(width='60px')
        )
        self.tails, self.edges = self._control('tails', tails), self._control('edges', edges)
        self.tail_sigma = self._control('tail_sigma', sigma)
        self.tail_steps = self._integer('tail_steps', options.steps, 1, MAX_STEPS, '52px')
        return make_row(self.tails, sigma, w.Label('sigma'), self.tail_steps, w.Label('steps'), self.edges)

    def _table_part(self) -> Sequence[w.Widget]:
        self.table = SegmentTable(self._actions.select, self._actions.press)
        self.min_size = self._integer('min_size', self._session.min_size, 1, 1000, '60px')
        show, at_least, px = (w.Label(text) for text in ('show', 'at least', 'px'))
        row = make_row(_heading(HEADINGS['table']), show, self.table.filter, at_least, self.min_size, px)
        self.thumbnails = Thumbnails(self._actions.step)
        return row, self.table.view, self.table.pages, self.thumbnails.image, self.thumbnails.hint, self.thumbnails.row

    def _integer(self, name: str, value: int, low: int, high: int, width: str) -> Any:
        return self._control(name, w.BoundedIntText(value=value, min=low, max=high, layout=w.Layout(width=width)))

    def _review_part(self) -> Sequence[w.Widget]:
        buttons = map(self._button, ('keep', 'reject', 'undo', 'redo', 'reject_shown'))
        self.repair = self._control('repair', w.Dropdown(options=REPAIR_OPTIONS, layout=w.Layout(width='92px')))
        choices = w.Dropdown(options=list(REPAIRS), layout=w.Layout(width='92px'))
        self.default_repair = self._control('default_repair', choices)
        self.draw = self._control('draw', w.Dropdown(options=MODES, layout=w.Layout(width='116px')))
        self.width = self._integer('width', 3, 1, 15, '52px')
        self.grow = self._integer('grow', 0, 0, 3, '52px')
        drawing = [w.Label('draw'), self.draw, self.width, w.Label('px')] if self._panel.view.has_pixels else []
        options = {
            text: value or '' for text, value in COMPARE_OPTIONS.items()
        }  # ipywidgets takes None for no selection
        self.compare = self._control('compare', w.Dropdown(options=options, layout=w.Layout(width='190px')))
        self.compared, self.counts = w.HTML(), w.HTML()
        return (
            make_row(*buttons, wrap=True),
            make_row(
                w.Label('repair'), self.repair, self._button('repair_shown'), w.Label('default'), self.default_repair
            ),
            make_row(*drawing, w.Label('grow'), self.grow, w.Label('px')),
            make_row(w.Label('compare with'), self.compare, self._button('pin')),
            self.compared,
            self.counts,
        )

    def _unsaved_review_part(self) -> Sequence[w.Widget]:
        self.unsaved_review_text = w.HTML()
        self.unsaved_review = make_row(self.unsaved_review_text, self._button('restore'), self._button('discard'))
        return [self.unsaved_review]

    def _layers_part(self) -> Sequence[w.Widget]:
        overlay, has_pixels = self._panel.overlay, self._panel.view.has_pixels
        self.visible, self.colors, cells = {}, {}, []
        for layer in (*COLORS, 'segments') if has_pixels else ('cosmic rays', 'segments'):
            if layer in COLORS:
                color = self.colors[layer] = w.ColorPicker(concise=True, value=COLORS[layer], tooltip=TIPS['color'])
                color.layout.width = '30px'
                color.observe(lambda change, name=layer: overlay.set_color(name, change['new']), 'value')
                cells.append(color)
            check = self.visible[layer] = w.Checkbox(value=True, description=layer, indent=False)
            check.layout.width = 'auto'
            check.observe(lambda change, name=layer: overlay.set_visible(name, visible=change['new']), 'value')
            cells.append(check)
        self.opacity = w.IntSlider(value=60, min=0, max=100, step=5, readout=False, tooltip=TIPS['opacity'])
        self.opacity.layout.width = '160px'
        self.opacity.observe(lambda change: self._actions.values['opacity'](change['new'] / 100.0), 'value')
        self.viewer_note = w.HTML(gray_html(self._panel.view.note), layout=w.Layout(max_width='500px'))
        last = make_row(w.Label('opacity'), self.opacity) if has_pixels else self.viewer_note
        return make_row(*cells, wrap=True), last

    def _output_part(self) -> Sequence[w.Widget]:
        self.cleaned = self._control('cleaned', w.ToggleButton(description=LABELS['cleaned']))
        self.save_form = SaveForm(self._session.review.save)
        self._controls['save'] = self.save_form.button
        self.save = w.ToggleButton(description=LABELS['save'] + '...', tooltip='Show the save form.')
        self.save.observe(lambda change: self._show_save_form(shown=change['new']), 'value')
        self.saved = w.HTML()
        self._show_save_form(shown=False)
        return make_row(self.cleaned, self._button('verify'), self.save), self.saved, *self.save_form.widgets

    def _show_save_form(self, *, shown: bool) -> None:
        for widget in self.save_form.widgets:
            widget.layout.display = 'flex' if shown else 'none'

    def _recipe_part(self) -> Sequence[w.Widget]:
        self.recipe_path = w.Text(placeholder='path of a recipe', layout=w.Layout(width='auto', flex='1 1 auto'))
        self.recipe = w.HTML()
        return make_row(self.recipe_path, self._button('load_recipe'), self._button('save_recipe')), self.recipe


def arrange_panel(controls: ControlsLayout, viewer: Any = None) -> list[w.Widget]:
    """Return the widgets of a panel: the image with its layers on the left, the controls on the right.

    Parameters
    ----------
    controls : ControlsLayout
        The controls.
    viewer : ipywidgets widget, optional
        The viewer; None if it is displayed already.

    Returns
    -------
    list of ipywidgets widget
        The style sheet and the panel.
    """
    height = {} if viewer is None else {'max_height': '840px', 'overflow': 'hidden auto'}
    controls.column.layout = w.Layout(flex='1 1 430px', min_width='400px', max_width='470px', **height)
    viewers = [] if viewer is None else [viewer]
    left = w.VBox([*viewers, controls.layers], layout=w.Layout(flex='0 0 auto'))
    layout = w.Layout(flex_flow='row wrap', align_items='flex-start', grid_gap='12px')
    return [controls.style, w.HBox([left, controls.column], layout=layout)]


def gray_html(text: str) -> str:
    """Return a text as gray HTML.

    Parameters
    ----------
    text : str
        The text, which is escaped.

    Returns
    -------
    str
        The HTML; empty without text.
    """
    return f'<span class="crp-soft">{escape(text)}</span>' if text else ''


def make_row(*widgets: w.Widget, between: bool = False, wrap: bool = False) -> w.HBox:
    """Return a row of widgets.

    Parameters
    ----------
    *widgets : ipywidgets widget
        The widgets, from left to right.
    between : bool, optional
        Whether the space is between the widgets instead of on the right.
    wrap : bool, optional
        Whether the widgets wrap to the next line.

    Returns
    -------
    `ipywidgets.HBox`
        The row.
    """
    layout = w.Layout(align_items='center', flex_flow='row wrap' if wrap else 'row')
    layout.justify_content = 'space-between' if between else 'flex-start'
    return w.HBox(widgets, layout=layout)


def _heading(text: str) -> w.Label:
    label = w.Label(text)
    label.add_class('crp-head-line')
    return label
