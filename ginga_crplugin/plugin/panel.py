"""The room of Ginga's widgets: the panel of the plugin, from top to bottom in the order of work."""

from ginga.gw import Widgets

from ginga_crplugin.core.bits import CAUSES
from ginga_crplugin.core.header import UNITS
from ginga_crplugin.panels.drawing_tool import MODES
from ginga_crplugin.panels.mask_overlay import COLORS
from ginga_crplugin.panels.text import TIPS, comparison_text, counts_text

from .checks import CheckList
from .parameters import ParameterControls
from .segment_table import SegmentTable
from .thumbnails import Thumbnails
from .toolkit import BOLD, fit_width, limit_width, set_tab_order, set_text_wrapped

__all__ = ['Panel']

_AS_HEADER = 'unit: header'
_WIDE = 70  # characters in a line, and pixels in a browser
_PIXELS = 396
_COUNTS = 50
_LINES = 5
_MORE = 'More: iterations, cleaning, sky, edges...'
_COMPARE = {'nothing': None, 'the run without masks': 'without masks', 'the pinned result': 'pinned'}

#: The tips of all buttons; those that only Ginga has, or that do something else there.
_TIPS = TIPS | {
    'blink': TIPS['cleaned'],
    'cleaned': 'Show the cleaned frame as a new image here.',
    'draw': TIPS['draw'] + ' A polygon takes a corner at key v.',
    'sheet': 'Draw all segments in the list, each beside itself, into a PDF or PNG.',
    'show_saved': 'Open the mask that was written.',
}


class Panel:
    """The widgets, from top to bottom in the order of work.

    Parameters
    ----------
    container : Ginga container widget
    plugin : CosmicRays
        Whose methods the widgets call.
    """

    def __init__(self, container, plugin):
        self._plugin, self._actions = plugin, plugin.actions
        top = Widgets.VBox()
        top.set_border_width(4)
        box, scroll, _ = Widgets.get_oriented_box(top, orientation='vertical')
        box.set_spacing(3)
        limit_width(box, _PIXELS)
        for part in (
            self._frame_part,
            self._mask_part,
            self._params_part,
            self._run_part,
            self._table_part,
            self._review_part,
            self._layers_part,
        ):
            part(box)
        top.add_widget(scroll, stretch=1)
        fit_width(scroll, box)
        self._output_part(top)  # always in sight
        top.add_widget(self._last_row(), stretch=0)
        container.add_widget(top, stretch=1)

    # building

    def _frame_part(self, box):
        self.frame = Widgets.Label('no image')
        self.unit = Widgets.ComboBox()
        self._units = (_AS_HEADER, *(unit.to_string() for unit in UNITS))
        for word in self._units:
            self.unit.append_text(word)
        self.unit.set_tooltip('The unit of the pixels: as the header says, or what you choose here.')
        self.unit.add_callback('activated', lambda _, i: self._actions.values['unit'](self._units[i] if i else None))
        box.add_widget(self.frame, stretch=0)
        box.add_widget(_row(self.unit), stretch=0)
        self.notes = Widgets.Label('')
        box.add_widget(self.notes, stretch=0)
        self.checks = CheckList(self._plugin.session.apply_remedy)
        box.add_widget(self.checks.button, stretch=0)
        box.add_widget(self.checks.box, stretch=0)

    def _mask_part(self, box):
        box.add_widget(_heading('Masked before the run'), stretch=0)
        buttons = self._actions.buttons
        self.masks = Widgets.VBox()
        box.add_widget(self.masks, stretch=0)
        add = _button(
            'Add mask...', self._actions.buttons['add'], 'A FITS image in which every pixel that is not 0 is bad.'
        )
        dark = _button('Dark...', buttons['dark'], 'A combined dark: its pixels above the limit are hot.')
        self.limit = limit_width(Widgets.SpinBox(dtype=float), 90)
        self.limit.set_limits(0.0, 1e6, 1.0)
        self.limit.set_value(30.0)
        self.limit.set_tooltip('The limit of the dark, in its own unit.')
        box.add_widget(_row(add, dark, Widgets.Label('limit'), self.limit), stretch=0)

    def _params_part(self, box):
        self.live = Widgets.CheckBox('live')
        self.live.set_tooltip('The result follows every change, once there is one.')
        self.live.add_callback('activated', lambda _, on: self._actions.values['live'](bool(on)))
        box.add_widget(_row(_heading('Detection'), self.live), stretch=0)
        self.params = ParameterControls(self._actions.set_param)
        box.add_widget(self.params.common, stretch=0)
        self.more = Widgets.Expander(_MORE)
        self.more.set_widget(self.params.others)
        box.add_widget(self.more, stretch=0)

    def _run_part(self, box):
        buttons = self._actions.buttons
        self.run = _button('Run', buttons['run'], 'Find the cosmic rays of the displayed image.')
        self.cancel = _button('Cancel', buttons['cancel'], 'Give up the run; the last result stays.')
        self.bar = Widgets.ProgressBar()
        reset = _button('Reset', buttons['reset'], 'All parameters as the header or the defaults have them.')
        box.add_widget(_row(self.run, self.cancel, reset, self.bar, stretch=self.bar), stretch=0)
        self.engine = Widgets.Label('')
        self.engine.set_color(fg='#666666')
        box.add_widget(self.engine, stretch=0)
        self._lines = [Widgets.Label('') for _ in range(_LINES)]
        for line in self._lines:
            box.add_widget(line, stretch=0)

    def _table_part(self, box):
        self.min_size = limit_width(Widgets.SpinBox(dtype=int), 70)
        self.min_size.set_limits(1, 1000, 1)
        self.min_size.set_tooltip('The smallest segment that is listed; smaller ones are in the mask all the same.')
        self.min_size.add_callback('value-changed', lambda _, value: self._actions.values['min_size'](value))
        self.table = SegmentTable(self._actions.select, self._plugin.fv.settings.get('pixel_coords_offset', 1.0))
        words = [Widgets.Label(word) for word in ('show', 'at least', 'px')]
        heading = _heading('Segments')
        box.add_widget(_row(heading, words[0], self.table.filter, words[1], self.min_size, words[2]), stretch=0)
        box.add_widget(self.table.view, stretch=1)
        box.add_widget(self.table.pages, stretch=0)
        self.thumbnails = Thumbnails(self._plugin.logger, self._actions.step, self._plugin.images.others)
        self.sheet = self.thumbnails.sheet
        self.sheet.add_callback('activated', lambda _: self._actions.buttons['sheet']())
        box.add_widget(self.thumbnails.view, stretch=0)
        box.add_widget(self.thumbnails.hint, stretch=0)
        box.add_widget(self.thumbnails.row, stretch=0)

    def _review_part(self, box):
        buttons = self._actions.buttons
        self.keep = _button('Keep', buttons['keep'], 'The selected segment is a cosmic ray (key k).')
        self.reject = _button('Reject', buttons['reject'], 'The selected segment is none (key x).')
        self.undo = _button('Undo', buttons['undo'], 'Take the last edit back (key u).')
        self.redo = _button('Redo', buttons['redo'], 'Make it again (key U).')
        self.reject_shown = _button('Reject shown', buttons['reject_shown'], 'Reject all segments in the list.')
        box.add_widget(_row(self.keep, self.reject, self.undo, self.redo), stretch=0)
        self.draw = Widgets.ComboBox()
        for mode in MODES:
            self.draw.append_text(mode)
        self.draw.add_callback('activated', lambda _, index: self._actions.values['draw'](MODES[index]))
        self.width = limit_width(Widgets.SpinBox(dtype=int), 60)
        self.width.set_limits(1, 15, 1)
        self.width.set_value(3)
        self.width.set_tooltip('Width of the brush and of the line, in pixels.')
        self.width.add_callback('value-changed', lambda _, width: self._actions.values['width'](width))
        self.grow = limit_width(Widgets.SpinBox(dtype=int), 60)
        self.grow.set_limits(0, 3, 1)
        self.grow.set_tooltip('Grow the cosmic rays of the mask by so many pixels; shown in yellow.')
        self.grow.add_callback('value-changed', lambda _, grow: self._actions.values['grow'](grow))
        words = [Widgets.Label(word) for word in ('draw', 'px', 'grow', 'px')]
        box.add_widget(_row(words[0], self.draw, self.width, words[1], words[2], self.grow, words[3]), stretch=0)
        self.compare = Widgets.ComboBox()
        for words in _COMPARE:
            self.compare.append_text(words)
        self.compare.add_callback('activated', lambda _, i: self._actions.values['compare'](list(_COMPARE.values())[i]))
        self.pin = _button('Pin', buttons['pin'], 'Remember this result, to compare others with it.')
        box.add_widget(_row(Widgets.Label('compare with'), self.compare, self.pin), stretch=0)
        self.compared = Widgets.Label('')
        box.add_widget(self.compared, stretch=0)
        self.counts = Widgets.Label('')
        box.add_widget(_row(self.counts, self.reject_shown, stretch=self.counts), stretch=0)
        take = _button('Take up', buttons['restore'], 'Go on with the kept review.')
        forget = _button('Forget', buttons['discard'], 'Drop the kept review.')
        self.saved_review_text = Widgets.Label('')
        self.saved_review = Widgets.VBox()
        for widget in (self.saved_review_text, _row(take, forget)):
            self.saved_review.add_widget(widget, stretch=0)
        self.saved_review.hide()
        box.add_widget(self.saved_review, stretch=0)

    def _layers_part(self, box):
        row, overlay = [], self._plugin.overlay
        self.swatches = {}
        for layer in (*COLORS, 'segments'):
            check = Widgets.CheckBox(layer)
            check.set_state(True)
            check.add_callback('activated', lambda _, on, name=layer: overlay.set_visible(name, visible=bool(on)))
            if layer in COLORS:
                swatch = _button('', lambda name=layer: self._actions.ask_color(name), 'Choose another color.')
                swatch.set_min_size(20, 20)
                swatch.set_max_size(20, 20)
                self.swatches[layer] = swatch
                row.append(swatch)
                row.append(check)
        box.add_widget(_row(*row), stretch=0)
        self.opacity = Widgets.Slider(orientation='horizontal', dtype=int, track=True)
        self.opacity.set_limits(0, 100, 5)
        self.opacity.set_tooltip('How much the colors cover the image.')
        self.opacity.add_callback('value-changed', lambda _, value: self._actions.values['opacity'](value / 100.0))
        box.add_widget(_row(check, Widgets.Label('opacity'), self.opacity, stretch=self.opacity), stretch=0)

    def _output_part(self, box):
        buttons = self._actions.buttons
        self.cleaned = _button('Show cleaned', buttons['cleaned'], 'The cleaned frame as a new image here.')
        self.blink = _button('Blink', buttons['blink'], '')
        self.save = _button('Save...', buttons['save'], 'Write the merged mask.')
        self.show_saved = _button('Show saved', buttons['show_saved'], 'Open the mask that was written.')
        self.verify = _button('Verify', buttons['verify'], '')
        box.add_widget(_row(self.cleaned, self.blink, self.verify, self.save), stretch=0)
        load = _button('Load recipe...', buttons['load_recipe'], TIPS['load_recipe'])
        self.save_recipe = _button('Save recipe...', buttons['save_recipe'], TIPS['save_recipe'])
        self.recipe = Widgets.Label('')
        box.add_widget(_row(load, self.save_recipe, self.recipe), stretch=0)
        self.saved = Widgets.Label('')
        box.add_widget(_row(self.saved, self.show_saved, stretch=self.saved), stretch=0)

    def _last_row(self):
        return _row(
            _button('Close', self._plugin.close, 'Close the panel.'),
            _button('Help', self._plugin.help, 'What everything here does.'),
        )

    # showing

    def show_frame(self, frame, *, opening=False):
        """Show which frame is at hand and what is to be known of it."""
        if frame is None:
            self.frame.set_text('reading the image...' if opening else 'no image')
            self.notes.set_text('')
            return
        ny, nx = frame.shape
        set_text_wrapped(self.frame, f'{_short(frame.name, 40)} [{frame.ext}]   {nx} x {ny}   {frame.ccd.unit}', _WIDE)
        set_text_wrapped(self.notes, '\n'.join(frame.notes), _WIDE)
        (self.notes.show if frame.notes else self.notes.hide)()

    def show_masks(self, choices, shape):
        """Show a row for each input mask; those of another shape than the image are grayed."""
        self.masks.remove_all(delete=True)
        if not choices:
            self.masks.add_widget(Widgets.Label('none'), stretch=0)
        made = []
        for index, choice in enumerate(choices):
            used = Widgets.CheckBox(_short(choice.mask.name, 30))
            fits = choice.mask.mask.shape == shape
            used.set_state(choice.used and fits)
            used.set_enabled(fits)
            ny, nx = choice.mask.mask.shape
            used.set_tooltip(choice.mask.name if fits else f'It has {nx} x {ny} pixels, the image has not.')
            used.add_callback('activated', lambda _, on, i=index: self._plugin.session.masks.change(i, used=bool(on)))
            cause = Widgets.ComboBox()
            for word in CAUSES:
                cause.append_text(word)
            cause.set_index(list(CAUSES.values()).index(choice.mask.bit))
            cause.set_tooltip('Why these pixels are bad.')
            cause.add_callback(
                'activated', lambda _, k, i=index: self._plugin.session.masks.change(i, bit=list(CAUSES.values())[k])
            )
            count = Widgets.Label(f'{choice.mask.count:,} px'.replace(',', ' '), halign='right')
            self.masks.add_widget(_row(used, cause, count, stretch=used), stretch=0)
            made += used, cause
        set_tab_order(self.checks.last, *made)

    def show_recipe(self, words, min_size, grow):
        """Show which recipe is used, or was written, and what it says of the list and of growing."""
        self.recipe.set_text(_short(words, 34))
        self.recipe.set_tooltip(words)
        self.min_size.set_value(min_size)
        self.grow.set_value(grow)

    def show_saved_review(self, kept):
        """Offer the review that was kept of this frame, or don't."""
        if kept is not None:
            self.saved_review_text.set_text(f'an unsaved review of this frame was kept ({len(kept[0])} px)')
        (self.saved_review.hide if kept is None else self.saved_review.show)()

    def show_counts(self, segments, decisions):
        """Show what was said of the segments."""
        set_text_wrapped(self.counts, '' if decisions is None else counts_text(segments, decisions), _COUNTS)

    def show_comparison(self, comparison):
        """Show how two results compare, or nothing."""
        words = comparison_text(comparison)
        set_text_wrapped(self.compared, words, _WIDE)
        (self.compared.show if words else self.compared.hide)()

    def clear_comparison(self):
        """Show that nothing is compared any more."""
        self.compare.set_index(0)
        self.show_comparison(None)

    def show_drawing_mode(self, mode):
        """Show what the mouse draws."""
        self.draw.set_index(MODES.index(mode))

    def show_engine_note(self, words):
        """Show what is to be known of the fast engine."""
        set_text_wrapped(self.engine, words, _WIDE)
        (self.engine.show if words else self.engine.hide)()

    def show_progress(self, fraction):
        """Show the bar with a share done, or no bar."""
        if fraction is None:
            self.bar.hide()
        else:
            self.bar.set_value(fraction)
            self.bar.show()

    def show_result(self, lines, *, error=False):
        """Show the result in words, or in red what went wrong."""
        lines = list(lines)[:_LINES]
        for label, line in zip(self._lines, lines + [''] * (_LINES - len(lines)), strict=True):
            set_text_wrapped(label, line, _WIDE)
            label.set_color(fg='#b00020' if error else '#1a1a1a')
            (label.show if line else label.hide)()

    @property
    def result(self):
        """What stands in the result lines."""
        return ' '.join(line.get_text() for line in self._lines).strip()

    def show_saved_path(self, words, path=''):
        """Show where the mask was written, or nothing."""
        self.saved.set_text(words)
        self.saved.set_tooltip(str(path))

    def show_disabled(self, reasons):
        """Gray what can't be used now, with the reason as its tooltip; ``{widget name: reason or ''}``."""
        for name, reason in reasons.items():
            widget = getattr(self, name)
            widget.set_enabled(not reason)
            widget.set_tooltip(reason or _TIPS[name])


def _button(text, action, tip):
    button = Widgets.Button(text)
    button.add_callback('activated', lambda _: action())
    button.set_tooltip(tip)
    return button


def _heading(text):
    label = Widgets.Label(text)
    label.set_font(BOLD, 10)
    return label


def _row(*widgets, stretch=None):
    row = Widgets.HBox()
    row.set_spacing(4)
    for widget in widgets:
        if isinstance(widget, Widgets.Label):
            widget.set_valign('center')
        row.add_widget(widget, stretch=1 if widget is stretch else 0)
    if stretch is None:
        row.add_widget(Widgets.Label(''), stretch=1)
    return row


def _short(text, most):
    return text if len(text) <= most else text[: most // 2] + '…' + text[-(most - most // 2 - 1) :]
