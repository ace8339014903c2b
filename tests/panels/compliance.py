"""Compliance tests of a panel: it implements the protocols, and its actions have the same effect on the session."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ginga_crplugin import TailOptions, read_frame
from ginga_crplugin.core.review import stroke_pixels
from ginga_crplugin.demo.demo import simulate
from ginga_crplugin.panels import protocols
from ginga_crplugin.panels.actions import Actions
from ginga_crplugin.panels.presenter import Presenter
from ginga_crplugin.session.session import Session

WIDTH = 3


def run_at_once(job, done):
    done(job(), None)


def write_frame(folder):
    """Write a simulated frame, and return its path."""
    path = folder / 'frame.fits'
    simulate((160, 180)).ccd.write(path)
    return path


@pytest.fixture
def expected(frame_path):
    """Return a session without a panel on the same frame."""
    session = Session(run_at_once)
    session.open(lambda: read_frame(frame_path))
    return session


def missing(obj, protocol):
    """Return the members, parameters and defaults of a protocol that an object lacks."""
    found = [name for name in protocol.__annotations__ if not hasattr(obj, name)]
    for name, declared in inspect.getmembers(protocol, inspect.isfunction):
        if name.startswith('_'):
            continue
        if not callable(getattr(obj, name, None)):
            found.append(name)
            continue
        parameters = [item for item in inspect.signature(declared).parameters.values() if item.name != 'self']
        required = [item for item in parameters if item.kind is item.POSITIONAL_ONLY]
        named = {item.name: item for item in parameters if item not in required}
        signature = inspect.signature(getattr(obj, name))
        try:
            signature.bind(*required, **named)
            signature.bind(*required, **{key: item for key, item in named.items() if item.default is item.empty})
        except TypeError as error:
            found.append(f'{name}{inspect.signature(declared)}: {error}')
            continue
        found += [
            f'{name}: default of {key}'
            for key, item in named.items()
            if item.default is not item.empty and signature.parameters[key].default != item.default
        ]
    return found


class PanelCompliance:
    """The tests; a subclass runs where there is a fixture ``panel``.

    It has the session, actions, widgets, presenter and overlay of a panel on the file ``frame_path``, and the methods
    ``wait(condition)``, ``set_parameter(name, value)``, ``click(button)``, ``save(path)`` and ``message()``, which use
    the widgets as a user does.
    """

    def test_protocols(self, panel):
        parts = {
            protocols.Overlay: panel.overlay,
            protocols.PanelWidgets: panel.widgets,
            protocols.ParameterWidgets: panel.widgets.params,
            protocols.SegmentTable: panel.widgets.table,
            protocols.Thumbnails: panel.widgets.thumbnails,
            protocols.CheckList: panel.widgets.checks,
        }
        assert {protocol.__name__ for protocol in parts} == set(protocols.__all__)
        assert {
            protocol.__name__: found for protocol, part in parts.items() if (found := missing(part, protocol))
        } == {}
        assert isinstance(panel.actions, Actions)
        assert isinstance(panel.presenter, Presenter)

    def test_set_parameter(self, panel, expected):
        panel.set_parameter('sigclip', 6.0)
        expected.set_params(sigclip=6.0)
        assert (panel.session.params, panel.session.sources) == (expected.params, expected.sources)
        panel.actions.values['edges'](True)
        panel.actions.values['tail_sigma'](2.0)
        panel.actions.values['tails'](False)
        panel.actions.buttons['reset']()
        assert panel.session.settings.tails == TailOptions()
        assert panel.session.params == read_frame(panel.session.frame.path).parameters()[0]

    def test_invalid_value_is_shown_as_an_error(self, panel):
        before = panel.session.params
        panel.actions.settings.set_param('gain', -1.0)
        assert panel.session.params == before
        assert 'gain is -1.0' in panel.message()

    def run(self, panel, expected):
        panel.set_parameter('sigclip', 6.0)
        panel.click('run')
        panel.wait(lambda: panel.session.result is not None and not panel.session.runner.busy)
        expected.set_params(sigclip=6.0)
        expected.runner.detect()

    def press(self, panel, key):
        panel.overlay.canvas.make_callback('key-down-none', SimpleNamespace(key=key), 0.0, 0.0)

    def assert_same(self, panel, expected):
        one, other = panel.session, expected
        assert_array_equal(one.result.detection.crmask, other.result.detection.crmask)
        assert_array_equal(one.result.segments.labels, other.result.segments.labels)
        assert one.selection == other.selection
        for ours, theirs in zip(one.review.edited, other.review.edited, strict=True):
            assert_array_equal(ours, theirs)
        assert_array_equal(one.review.decisions.mask, other.review.decisions.mask)
        assert (one.review.can_undo, one.review.can_redo) == (other.review.can_undo, other.review.can_redo)

    def test_run(self, panel, expected):
        self.run(panel, expected)
        assert panel.session.result.exact
        self.assert_same(panel, expected)
        assert_array_equal(panel.widgets.table.rows.labels, expected.result.segments.listed['label'])

    def test_select_reject_undo_redo_and_keep(self, panel, expected):
        self.run(panel, expected)
        labels = expected.result.segments.listed['label']
        for key, label in zip('nnnN', labels[[0, 1, 2, 1]], strict=True):
            self.press(panel, key)
            expected.select(int(label))
            self.assert_same(panel, expected)
        for button in ('reject', 'undo', 'redo', 'keep'):
            panel.click(button)
            pixels = [] if button in ('undo', 'redo') else [expected.result.segments.pixels_of([expected.selection])]
            expected.review.edit(button, *pixels)
            self.assert_same(panel, expected)
        panel.click('reject_shown')
        expected.review.edit('reject', expected.result.segments.pixels_of(labels))
        self.assert_same(panel, expected)

    def test_click_on_the_image_selects(self, panel, expected):
        self.run(panel, expected)
        segments = expected.result.segments
        label = int(segments.listed['label'][2])
        y, x = divmod(int(segments.pixels_of([label])[0]), segments.shape[1])
        panel.overlay.canvas.make_callback('cursor-down', None, float(x), float(y), None)
        expected.select(label)
        self.assert_same(panel, expected)

    def test_draw(self, panel, expected):
        self.run(panel, expected)
        self.press(panel, 'd')
        assert panel.actions.drawing_mode == 'paint'
        points, canvas = [(20.0, 30.0), (26.0, 31.0)], panel.overlay.canvas
        for name, point in zip(('cursor-down', 'cursor-up'), points, strict=True):
            canvas.make_callback(name, None, *point, None)
        expected.review.draw('paint', stroke_pixels(points, WIDTH, expected.frame.shape))
        self.assert_same(panel, expected)
        self.press(panel, 'escape')
        assert panel.actions.drawing_mode == 'off'

    def test_choose_repairs(self, panel, expected):
        self.run(panel, expected)
        self.press(panel, 'n')
        segments = expected.result.segments
        labels = segments.listed['label']
        chosen = segments.pixels_of([int(labels[0])])
        assert panel.widgets.shown_repair == ''
        panel.actions.values['repair']('x')
        expected.review.edit('repair', chosen, 'x')
        self.assert_same_repairs(panel, expected)
        assert panel.widgets.shown_repair == 'x'
        panel.click('undo')
        assert panel.widgets.shown_repair == ''
        panel.click('redo')
        panel.actions.values['default_repair']('median')
        expected.repairing.set_default('median')
        self.assert_same_repairs(panel, expected)
        self.press(panel, 'n')
        assert panel.widgets.shown_repair == ''
        self.press(panel, 'N')
        panel.click('repair_shown')
        expected.review.edit('repair', segments.pixels_of(labels), 'x')
        self.assert_same_repairs(panel, expected)
        panel.actions.values['repair']('exposure')
        self.assert_same_repairs(panel, expected)
        assert panel.widgets.shown_repair == 'x'
        assert 'other' in panel.message()

    def assert_same_repairs(self, panel, expected):
        one, other = panel.session, expected
        assert_array_equal(one.review.decisions.repairs, other.review.decisions.repairs)
        assert_array_equal(one.repairing.current.cleaned, other.repairing.current.cleaned)

    def test_save(self, panel, expected, tmp_path):
        self.run(panel, expected)
        self.press(panel, 'n')
        panel.click('reject')
        expected.select(int(expected.result.segments.listed['label'][0]))
        expected.review.edit('reject', expected.result.segments.pixels_of([expected.selection]))
        panel.save(tmp_path / 'panel.fits')
        panel.wait(lambda: panel.session.review.saved_mask is not None)
        expected.review.save(tmp_path / 'expected.fits')
        assert (tmp_path / 'panel.fits').read_bytes() == (tmp_path / 'expected.fits').read_bytes()
        assert np.count_nonzero(expected.review.decisions.mask) > 0

    def test_closing_the_frame_resets_the_panel(self, panel, expected):
        self.run(panel, expected)
        self.press(panel, 'n')
        self.press(panel, 'd')
        panel.session.close()
        assert panel.session.selection is None
        assert panel.actions.drawing_mode == 'off'
        assert len(panel.widgets.table.rows) == 0
