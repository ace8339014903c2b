"""Layout of the panel: its widgets, from top to bottom in the order of work."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ginga.gw import Widgets

from ginga_crplugin.core.header import UNITS
from ginga_crplugin.core.lacosmic.tails import MAX_SIGMA, MAX_STEPS, MIN_SIGMA
from ginga_crplugin.core.repair_names import REPAIRS
from ginga_crplugin.panels.drawing_tool import MODES
from ginga_crplugin.panels.labels import COMPARE_OPTIONS, HEADER_UNIT, HEADINGS, LABELS, REPAIR_OPTIONS, TIPS
from ginga_crplugin.panels.mask_overlay import COLORS

from .checks import CheckList
from .parameters import ParameterControls
from .segment_table import SegmentTable
from .thumbnails import Thumbnails
from .toolkit import BOLD, fit_width, limit_width, protect_value, reserve_lines

if TYPE_CHECKING:
    from .cosmic_rays import CosmicRays

__all__ = ['GINGA_TIPS', 'PanelLayout', 'make_row']

#: Width of the panel in a browser, in screen pixels.
_WIDTH = 396
#: Number of lines of the details of the result.
_LINES = 5

#: Buttons that open a dialog.
_OPEN_DIALOG = ('add', 'dark', 'save', 'load_recipe', 'save_recipe')

#: Tooltips of the controls in Ginga, by name.
GINGA_TIPS = TIPS | {
    'blink': TIPS['cleaned'],
    'cleaned': 'Open the cleaned frame as a new image of this channel.',
    'draw': TIPS['draw'] + ' Key v adds a corner of a polygon.',
    'sheet': 'Write thumbnails of all listed segments to a PDF or PNG file.',
    'show_saved': 'Open the saved mask.',
}


class PanelLayout:
    """The widgets of the panel; `Panel` shows values in them.

    Parameters
    ----------
    container : Ginga container widget
        The widget that contains the panel.
    plugin : CosmicRays
        The plugin, whose actions the controls call.

    Attributes
    ----------
    result : str
        The text of the result or error.
    """

    def __init__(self, container: Any, plugin: CosmicRays) -> None:
        self._plugin, self._actions = plugin, plugin.actions
        top = Widgets.VBox()
        top.set_border_width(4)
        box, scroll, _ = Widgets.get_oriented_box(top, orientation='vertical')
        box.set_spacing(3)
        limit_width(box, _WIDTH)
        for add_part in (
            self._add_frame,
            self._add_masks,
            self._add_params,
            self._add_result,
            self._add_table,
            self._add_review,
            self._add_drawing,
            self._add_comparison,
            self._add_unsaved_review,
            self._add_layers,
        ):
            add_part(box)
        top.add_widget(scroll, stretch=1)
        fit_width(scroll, box)
        self._add_output(top)  # below the scroll area, so that it is always visible
        self._add_run(top)
        container.add_widget(top, stretch=1)

    def _button(self, name: str) -> Any:
        label = LABELS[name] + '...' * (name in _OPEN_DIALOG)
        return _make_button(label, self._actions.buttons[name], GINGA_TIPS[name])

    def _spin_box(self, name: str, limits: tuple, width: int, kind: type = int) -> Any:
        spin = protect_value(limit_width(Widgets.SpinBox(dtype=kind), width))
        spin.set_limits(*limits)
        spin.set_tooltip(TIPS[name])
        if name in self._actions.values:
            spin.add_callback('value-changed', lambda _, value: self._actions.values[name](value))
        return spin

    def _check_box(self, name: str, label: str) -> Any:
        check = Widgets.CheckBox(label)
        check.set_tooltip(TIPS[name])
        check.add_callback('activated', lambda _, on: self._actions.values[name](bool(on)))
        return check

    def _combo_box(self, name: str, options: dict[str, Any]) -> Any:
        combo, values = protect_value(Widgets.ComboBox()), list(options.values())
        for option in options:
            combo.append_text(option)
        combo.set_tooltip(GINGA_TIPS[name])
        combo.add_callback('activated', lambda _, index: self._actions.values[name](values[index]))
        return combo

    def _add_frame(self, box: Any) -> None:
        self.frame = Widgets.Label('no image')
        units = [unit.to_string() for unit in UNITS]
        self.unit = self._combo_box('unit', {HEADER_UNIT: None} | dict(zip(units, units, strict=True)))
        box.add_widget(self.frame, stretch=0)
        box.add_widget(make_row(self.unit), stretch=0)
        self.notes = Widgets.Label('')
        box.add_widget(self.notes, stretch=0)
        self.checks = CheckList(self._plugin.session.apply_remedy)
        box.add_widget(self.checks.button, stretch=0)
        box.add_widget(self.checks.box, stretch=0)

    def _add_masks(self, box: Any) -> None:
        box.add_widget(_make_heading(HEADINGS['masks']), stretch=0)
        self.masks = Widgets.VBox()
        box.add_widget(self.masks, stretch=0)
        self.limit = self._spin_box('limit', (0.0, 1e6, 1.0), 90, float)
        self.limit.set_value(30.0)
        row = make_row(self._button('add'), self._button('dark'), Widgets.Label('limit'), self.limit)
        box.add_widget(row, stretch=0)

    def _add_params(self, box: Any) -> None:
        self.live = self._check_box('live', 'live')
        box.add_widget(make_row(_make_heading(HEADINGS['params']), self.live, self._button('reset')), stretch=0)
        self.params = ParameterControls(self._actions.settings.set_param)
        box.add_widget(self.params.common, stretch=0)
        self.more = Widgets.Expander('More: iterations, cleaning, sky, edges...')
        self.more.set_widget(self.params.others)
        box.add_widget(self.more, stretch=0)

    def _add_result(self, box: Any) -> None:
        self.engine = Widgets.Label('')
        self.engine.set_color(fg='#666666')
        box.add_widget(self.engine, stretch=0)
        self.lines = [Widgets.Label('') for _ in range(_LINES)]
        for line in self.lines:
            box.add_widget(line, stretch=0)
        self.tails, self.edges = self._check_box('tails', 'tails'), self._check_box('edges', 'search edges')
        self.tail_sigma = self._spin_box('tail_sigma', (MIN_SIGMA, MAX_SIGMA, 0.5), 70, float)
        self.tail_steps = self._spin_box('tail_steps', (1, MAX_STEPS, 1), 55)
        sigma, steps = Widgets.Label('sigma'), Widgets.Label('steps')
        row = make_row(self.tails, self.tail_sigma, sigma, self.tail_steps, steps, self.edges)
        box.add_widget(row, stretch=0)

    def _add_table(self, box: Any) -> None:
        self.min_size = self._spin_box('min_size', (1, 1000, 1), 70)
        self.table = SegmentTable(self._actions.select, self._plugin.fv.settings.get('pixel_coords_offset', 1.0))
        show, at_least, px = (Widgets.Label(text) for text in ('show', 'at least', 'px'))
        heading = _make_heading(HEADINGS['table'])
        box.add_widget(make_row(heading, show, self.table.filter, at_least, self.min_size, px), stretch=0)
        box.add_widget(self.table.view, stretch=1)
        box.add_widget(self.table.pages, stretch=0)
        self.thumbnails = Thumbnails(self._plugin.logger, self._actions.step, self._plugin.images.others)
        self.sheet = self.thumbnails.sheet
        self.sheet.add_callback('activated', lambda _: self._actions.buttons['sheet']())
        for widget in (self.thumbnails.view, self.thumbnails.hint, self.thumbnails.row):
            box.add_widget(widget, stretch=0)

    def _add_review(self, box: Any) -> None:
        self.keep, self.reject = self._button('keep'), self._button('reject')
        self.undo, self.redo = self._button('undo'), self._button('redo')
        self.reject_shown = self._button('reject_shown')
        box.add_widget(make_row(self.keep, self.reject, self.undo, self.redo), stretch=0)
        self.repair, self.repair_shown = self._combo_box('repair', REPAIR_OPTIONS), self._button('repair_shown')
        self.default_repair = self._combo_box('default_repair', dict(zip(REPAIRS, REPAIRS, strict=True)))
        repair, default = Widgets.Label('repair'), Widgets.Label('default')
        box.add_widget(make_row(repair, self.repair, self.repair_shown, default, self.default_repair), stretch=0)

    def _add_drawing(self, box: Any) -> None:
        self.draw = self._combo_box('draw', dict(zip(MODES, MODES, strict=True)))
        self.width = self._spin_box('width', (1, 15, 1), 60)
        self.width.set_value(3)
        self.grow = self._spin_box('grow', (0, 3, 1), 60)
        draw, width_unit, grow, grow_unit = (Widgets.Label(text) for text in ('draw', 'px', 'grow', 'px'))
        box.add_widget(make_row(draw, self.draw, self.width, width_unit, grow, self.grow, grow_unit), stretch=0)

    def _add_comparison(self, box: Any) -> None:
        self.compare, self.pin = self._combo_box('compare', COMPARE_OPTIONS), self._button('pin')
        box.add_widget(make_row(Widgets.Label('compare with'), self.compare, self.pin), stretch=0)
        self.compared = Widgets.Label('')
        box.add_widget(self.compared, stretch=0)
        self.counts = Widgets.Label('')
        box.add_widget(make_row(self.counts, self.reject_shown, stretch=self.counts), stretch=0)

    def _add_unsaved_review(self, box: Any) -> None:
        self.unsaved_review_text = Widgets.Label('')
        self.unsaved_review = Widgets.VBox()
        for widget in (self.unsaved_review_text, make_row(self._button('restore'), self._button('discard'))):
            self.unsaved_review.add_widget(widget, stretch=0)
        self.unsaved_review.hide()
        box.add_widget(self.unsaved_review, stretch=0)

    def _add_layers(self, box: Any) -> None:
        overlay = self._plugin.overlay
        row: list[Any] = []
        checks: dict[str, Any] = {}
        self.swatches: dict[str, Any] = {}
        for layer in (*COLORS, 'segments'):
            check = checks[layer] = Widgets.CheckBox(layer)
            check.set_state(True)
            check.add_callback('activated', lambda _, on, name=layer: overlay.set_visible(name, visible=bool(on)))
            if layer in COLORS:
                swatch = _make_button('', partial(self._actions.ask_color, layer), TIPS['color'])
                swatch.set_min_size(20, 20)
                swatch.set_max_size(20, 20)
                self.swatches[layer] = swatch
                row += swatch, check
        box.add_widget(make_row(*row), stretch=0)
        self.opacity = protect_value(Widgets.Slider(orientation='horizontal', dtype=int, track=True))
        self.opacity.set_limits(0, 100, 5)
        self.opacity.set_tooltip(TIPS['opacity'])
        self.opacity.add_callback('value-changed', lambda _, value: self._actions.values['opacity'](value / 100.0))
        cells = checks['segments'], Widgets.Label('opacity'), self.opacity
        box.add_widget(make_row(*cells, stretch=self.opacity), stretch=0)

    def _add_output(self, box: Any) -> None:
        self.cleaned, self.blink = self._button('cleaned'), self._button('blink')
        self.save, self.show_saved, self.verify = map(self._button, ('save', 'show_saved', 'verify'))
        box.add_widget(make_row(self.cleaned, self.blink, self.verify, self.save), stretch=0)
        load, self.save_recipe = self._button('load_recipe'), self._button('save_recipe')
        self.recipe = Widgets.Label('')
        box.add_widget(make_row(load, self.save_recipe, self.recipe), stretch=0)
        self.saved = Widgets.Label('')
        box.add_widget(make_row(self.saved, self.show_saved, stretch=self.saved), stretch=0)

    def _add_run(self, box: Any) -> None:
        self.result = ''
        self.status = Widgets.Label('')
        reserve_lines(self.status, 2)
        box.add_widget(self.status, stretch=0)
        self.run, self.cancel = self._button('run'), self._button('cancel')
        help_ = _make_button('Help', self._plugin.help, 'Show the help of this panel.')
        close = _make_button('Close', self._plugin.close, 'Close the panel.')
        self.bar, place = Widgets.ProgressBar(), Widgets.HBox()
        place.add_widget(self.bar, stretch=1)  # keeps the place of a hidden bar
        box.add_widget(make_row(self.run, self.cancel, place, help_, close, stretch=place), stretch=0)


def make_row(*widgets: Any, stretch: Any = None) -> Any:
    """Return a row of widgets.

    Parameters
    ----------
    *widgets : Ginga widget
        The widgets, from left to right.
    stretch : Ginga widget, optional
        The widget that takes the remaining width; by default the row is left-aligned.

    Returns
    -------
    `ginga.gw.Widgets.HBox`
        The row.
    """
    row = Widgets.HBox()
    row.set_spacing(4)
    for widget in widgets:
        if isinstance(widget, Widgets.Label):
            widget.set_valign('center')
        row.add_widget(widget, stretch=1 if widget is stretch else 0)
    if stretch is None:
        row.add_widget(Widgets.Label(''), stretch=1)
    return row


def _make_button(label: str, action: Callable[[], Any], tip: str) -> Any:
    button = Widgets.Button(label)
    button.add_callback('activated', lambda _: action())
    button.set_tooltip(tip)
    return button


def _make_heading(text: str) -> Any:
    label = Widgets.Label(text)
    label.set_font(BOLD, 10)
    return label
