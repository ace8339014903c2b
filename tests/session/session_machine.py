"""The session as a machine: whatever is done in whatever order, with late and failing workers, what it says holds.

The machine has a `run` of its own, which holds the jobs back: they are done, fail, and answer when the machine says so.
Beside the session it keeps a plain model of what must be so, made of loops and whole arrays.
"""

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from scipy import ndimage

from ginga_crplugin import Frame, InputMask, MaskBit, Recipe, detect, merge_mask, read_frame
from ginga_crplugin.core.lacosmic import compilation
from ginga_crplugin.core.review import ERASED, MARKED, REJECTED
from ginga_crplugin.io.review_cache import ReviewCache, frame_hash
from ginga_crplugin.session import runner
from ginga_crplugin.session.session import Session
from tests.tools.saves import left_over

SHAPE = (24, 28)
#: A file system in memory, where there is one: what is written is flushed each time.
MEMORY = Path('/dev/shm')
CODES = {'reject': REJECTED, 'keep': 0, 'erase': ERASED, 'mark': MARKED}
#: What an error must not begin with: it would be one of our own.
OURS = ('TypeError', 'AttributeError', 'KeyError', 'IndexError', 'AssertionError', 'NameError', 'UnboundLocalError')


def pixels(seed, shape=SHAPE):
    """A frame with some tracks."""
    rng = np.random.default_rng(seed)
    image = rng.normal(300.0, 12.0, shape).astype('f4')
    for y, x, length in ((5, 5, 4), (6, 12, 1), (12, 8, 3), (17, 18, 5), (18, 4, 2)):
        image[y, x : x + length] += 2000.0
    return image


class Worker:
    """Holds jobs; they are done when the machine says so, and answer when it says so."""

    def __init__(self):
        self.waiting, self.done, self.timers = [], [], []

    def __call__(self, job, done):
        self.waiting.append((job, done))

    def call_later(self, seconds, callback):
        assert seconds > 0.0
        self.timers.append(callback)

    def expire(self, index=0):
        """Let a timer expire."""
        self.timers.pop(index % len(self.timers))()

    def work(self, index, failure=None):
        """Do a job, or let it fail."""
        job, done = self.waiting.pop(index % len(self.waiting))
        try:
            if failure is not None:
                raise failure
            outcome = job(), None
        except Exception as error:
            outcome = None, error
        self.done.append((done, *outcome))

    def answer(self, index=0):
        """Have a job that is done answer."""
        done, *outcome = self.done.pop(index % len(self.done))
        done(*outcome)

    def drain(self):
        """Do all that is to be done, in order."""
        for _ in range(1000):
            if self.waiting:
                self.work(0)
            elif self.done:
                self.answer(0)
            elif self.timers:
                self.expire(0)
            else:
                return
        raise AssertionError('the session has something done without end')


class Reviews(ReviewCache):
    """Kept reviews that remember what was done with them, by word and number."""

    calls: ClassVar[dict] = {}

    def save(self, word, number, *edited):
        super().save(word, number, *edited)
        self.calls.setdefault(word, {})[number] = edited

    def delete(self, word, number):
        super().delete(word, number)
        self.calls.setdefault(word, {})[number] = None

    @classmethod
    def newest(cls, word):
        """What must be kept for a frame, (pixels, codes) or None."""
        calls = cls.calls.get(word)
        return calls[max(calls)] if calls else None


class Model:
    """What the review of a frame must come to."""

    def __init__(self, shape, saved=None):
        self.codes = np.zeros(shape, np.uint8)
        self.undone, self.history = [], []
        if saved is not None:
            self.set(*saved)

    def set(self, places, code):
        changed = self.codes.copy()
        changed.ravel()[np.asarray(places, dtype=int)] = code  # one for all, or one each
        if (changed != self.codes).any():
            self.history.append(self.codes)
            self.undone = []
            self.codes = changed

    def undo(self):
        if self.history:
            self.undone.append(self.codes)
            self.codes = self.history.pop()

    def redo(self):
        if self.undone:
            self.history.append(self.codes)
            self.codes = self.undone.pop()

    def mask(self, crmask, grow):
        """The cosmic-ray pixels after review."""
        labels, count = ndimage.label(crmask, np.ones((3, 3)))
        out = self.codes == ERASED
        for label in range(1, count + 1):
            own = labels == label
            rejected, erased = (self.codes[own] == REJECTED).sum(), (self.codes[own] == ERASED).sum()
            if (rejected and 2 * (rejected + erased) >= own.sum()) or erased == own.sum():
                out |= own & (self.codes != MARKED)
        mask = (crmask & ~out) | (self.codes == MARKED)
        if grow:
            grown = ndimage.binary_dilation(mask, np.ones((2 * grow + 1, 2 * grow + 1)))
            mask = grown & ~((crmask & out) | (self.codes == ERASED))
        return mask


class SessionMachine(RuleBasedStateMachine):
    """Open, change, run, review, save, fail, crash: in any order."""

    walked: ClassVar[Counter] = Counter()

    @initialize(found=st.booleans(), early=st.booleans())
    def begin(self, found, early):
        compilation.compile_all()  # what is live follows from then on
        runner.PATIENCE = 0.0 if early else 0.5
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        Reviews.calls.clear()
        self.pristine = {}
        for number in range(2):
            path = self.folder / f'{number}.fits'
            fits.PrimaryHDU(pixels(number), fits.Header({'BUNIT': 'adu', 'RDNOISE': 8.0})).writeto(path)
            self.pristine[path] = pixels(number)
        self.memory = Frame(pixels(2), 'from memory')
        self.start()
        if found:  # most of what can be done comes later
            self.open('0.fits')
            self.worker.drain()
            self.session.detect()
            self.worker.drain()

    def start(self):
        """Start the program."""
        self.worker = Worker()
        self.reviews = Reviews(self.folder / 'reviews')
        self.session = Session(self.worker, self.reviews, self.worker.call_later)
        self.selected_pixels = None
        events = self.session.events
        events.frame_changed.connect(self.frame_changed)
        events.result_changed.connect(self.result_changed)
        events.selection_changed.connect(self.remember_selection)
        events.busy_changed.connect(self.busy_changed)
        events.error_raised.connect(self.error_raised)
        self.model, self.asked = None, None
        self.unsaved = self.given_up = self.spoilt = False

    def frame_changed(self):
        self.unsaved = False
        frame = self.session.frame_read
        self.model = None if frame is None else Model(frame.shape, frame.review)
        self.remember_selection()

    def result_changed(self):
        if not self.session.result.exact:
            self.count('first iteration')
        if self.selected_pixels is not None:
            found = np.intersect1d(self.session.result.segments.pixels, self.selected_pixels)
            assert (self.session.selection is None) == (len(found) == 0)
            if self.session.selection is not None:
                self.count('selection carried over')
                assert np.isin(self.session.result.segments.pixels_of([self.session.selection]), found).any()
        self.remember_selection()

    def remember_selection(self):
        label = self.session.selection
        self.selected_pixels = None if label is None else self.session.result.segments.pixels_of([label])

    def busy_changed(self):
        if self.session.busy:
            self.given_up = False

    def error_raised(self, message):
        self.given_up = True
        assert message == self.session.error != ''
        assert '\n' not in message
        assert not message.startswith(OURS), message

    def count(self, what):
        self.walked[what] += 1

    # the frame

    def open(self, which):
        self.count('open')
        path = self.folder / which
        self.asked = which
        self.session.open((lambda: self.memory) if which == 'memory' else (lambda: read_frame(path)))

    def close(self):
        self.count('close')
        self.asked = None
        self.session.close()

    def crash(self):
        """The program dies; what had been written down is there when it is started again."""
        self.count('crash')
        self.start()

    @precondition(lambda self: self.session.frame is None)
    @rule(which=st.sampled_from(['0.fits', '0.fits', '1.fits', 'memory']))
    def open_first(self, which):
        self.open(which)

    @rule(what=st.sampled_from(['crash', 'close', '0.fits', '1.fits', 'memory', 'missing.fits']))
    def go_on(self, what):
        if what in ('crash', 'close'):
            getattr(self, what)()
        else:
            self.open(what)

    # the worker

    @precondition(lambda self: self.worker.waiting)
    @rule(index=st.integers(0, 5))
    def work(self, index):
        self.count('work')
        self.worker.work(index)

    @precondition(lambda self: self.worker.waiting)
    @rule(index=st.integers(0, 2))
    def work_and_answer(self, index):
        self.count('work')
        self.worker.work(index)
        self.count('answer')
        self.worker.answer(-1)

    @precondition(lambda self: self.worker.waiting)
    @rule(index=st.integers(0, 5), unexpected=st.booleans())
    def fail(self, index, unexpected):
        self.count('fail')
        self.unsaved, self.spoilt = False, True
        self.worker.work(index, RuntimeError('out of luck') if unexpected else OSError('no disk'))

    @precondition(lambda self: self.worker.done)
    @rule(index=st.integers(0, 3))
    def answer(self, index):
        self.count('answer')
        self.worker.answer(index)

    @precondition(lambda self: self.worker.timers)
    @rule(index=st.integers(0, 3))
    def expire(self, index):
        self.count('timer')
        self.worker.expire(index)

    @precondition(lambda self: self.worker.waiting or self.worker.done or self.worker.timers)
    @rule()
    def drain(self):
        self.count('drain')
        self.worker.drain()
        self.check_rest()

    # choices

    @rule(sigclip=st.sampled_from([3.0, 4.5, 8.0, None, -1]), niter=st.sampled_from([1, 4]))
    def choose(self, sigclip, niter):
        self.count('choose')
        if sigclip == -1:
            before = self.session.params
            with pytest.raises(ValueError, match='sigclip is -1'):
                self.session.set_params(sigclip=sigclip, niter=niter)
            assert self.session.params == before
        else:
            self.session.set_params(sigclip=sigclip, niter=niter)

    @rule(
        shape=st.sampled_from([SHAPE, SHAPE, (7, 7), None]),
        y=st.integers(0, 23),
        bit=st.sampled_from(list(MaskBit)[:3]),
    )
    def add_mask(self, shape, y, bit):
        self.count('add mask')

        def load():
            if shape is None:
                raise ValueError('no such mask')
            mask = np.zeros(shape, bool)
            mask[y % shape[0]] = True
            return InputMask(f'row {y}', bit, mask)

        self.session.masks.add(load)

    @precondition(lambda self: self.session.masks)
    @rule(index=st.integers(0, 5), used=st.booleans())
    def switch_mask(self, index, used):
        self.count('switch mask')
        self.session.masks.change(index % len(self.session.masks), used=used)

    @rule(what=st.sampled_from(['live', 'size', 'grow', 'recipe', 'remedy']), number=st.integers(0, 3))
    def adjust(self, what, number):
        self.count(f'adjust {what}')
        remedies = [check.remedy for check in self.session.checks if check.remedy]
        if what == 'live':
            self.session.set_live(live=number > 0)
        elif what == 'size':
            self.session.set_min_size(1 + number)
        elif what == 'grow':
            self.session.review.set_grow(number % 3)
        elif what == 'recipe':
            self.session.recipes.save(self.folder / 'recipe.yaml', overwrite=True)
        elif remedies:
            self.session.apply_remedy(remedies[0])

    @rule(sigclip=st.sampled_from([5.0, 7.0]), grow=st.integers(0, 1), own=st.booleans())
    def take_recipe(self, sigclip, grow, own):
        self.count('take recipe')
        self.session.recipes.apply(Recipe({'sigclip': sigclip}, grow=grow, own_masks=own))

    # the run

    @rule()
    def detect(self):
        self.count('detect')
        self.session.detect()

    @rule()
    def cancel(self):
        self.count('cancel')
        before = self.session.result
        self.session.cancel()
        self.given_up = True
        assert not self.session.busy
        assert before is None or not before.exact or self.session.result is before

    @precondition(lambda self: self.session.result is not None)
    @rule(what=st.sampled_from(['verify', 'pin', 'pinned', 'without masks', None]))
    def compare(self, what):
        self.count('compare')
        if what == 'verify':
            self.session.verification.start()
        elif what == 'pin':
            self.session.comparing.pin()
        else:
            self.session.comparing.compare(what)

    # the review

    def edit_pixels(self, name, places):
        self.count('edit')
        self.take_up_in_model()
        self.model.set(places, CODES[name])
        self.unsaved = True
        self.session.review.edit(name, places)

    @precondition(lambda self: self.session.result is not None)
    @rule(name=st.sampled_from(list(CODES)), seed=st.integers(0, 200), count=st.integers(1, 6))
    def draw(self, name, seed, count):
        self.edit_pixels(name, np.random.default_rng(seed).integers(0, SHAPE[0] * SHAPE[1], count))

    @precondition(lambda self: self.session.result is not None and len(self.session.result.segments))
    @rule(name=st.sampled_from(['reject', 'keep']), seed=st.integers(0, 20))
    def judge(self, name, seed):
        self.edit_pixels(name, self.session.result.segments.pixels_of([1 + seed % len(self.session.result.segments)]))

    @precondition(lambda self: self.session.result is not None)
    @rule(label=st.integers(0, 12))
    def select(self, label):
        self.count('select')
        before = self.session.selection
        if 1 <= label <= len(self.session.result.segments):
            self.session.select(label)
            assert self.session.selection == label
        else:
            with pytest.raises(ValueError, match=f'label is {label}: '):
                self.session.select(label)
            assert self.session.selection == before

    @precondition(lambda self: self.session.result is not None)
    @rule(crash=st.booleans(), run=st.booleans())
    def leave_and_come_back(self, crash, run):
        """What was said of the frame is offered again."""
        which, self_said = self.asked, self.session.review.edited
        unsaved = self.unsaved
        self.worker.drain()
        self.crash() if crash else self.close()
        self.open(which)
        self.worker.drain()
        if unsaved and len(self_said[0]):
            np.testing.assert_array_equal(self.session.review.saved_review[0], self_said[0])
            np.testing.assert_array_equal(self.session.review.saved_review[1], self_said[1])
        if run:
            self.session.detect()
            self.worker.drain()

    @precondition(lambda self: self.session.result is not None)
    @rule(name=st.sampled_from(['undo', 'redo']))
    def take_back(self, name):
        self.count(name)
        self.take_up_in_model()
        getattr(self.model, name)()
        self.unsaved = True
        self.session.review.edit(name)

    def take_up_in_model(self):
        if self.session.review.saved_review is not None:
            self.model.set(*self.session.review.saved_review)

    @precondition(lambda self: self.session.review.saved_review is not None)
    @rule(kept=st.booleans())
    def take_up(self, kept):
        self.count('take up' if kept else 'forget')
        if kept:
            self.take_up_in_model()
        self.session.review.restore() if kept else self.session.review.discard()

    # the output

    @rule(
        kind=st.sampled_from(['new', 'into', 'mask']),
        name=st.sampled_from(['a.fits', 'b.fits', '0.fits']),
        overwrite=st.booleans(),
        cleaned=st.booleans(),
    )
    def save(self, kind, name, overwrite, cleaned):
        self.count('save')
        self.unsaved = False
        path = None if kind == 'into' else self.folder / name
        if path in self.pristine and self.session.result and self.session.result.frame.path != path:
            overwrite = False  # it would be done
        self.session.review.save(path, kind=kind, overwrite=overwrite, cleaned=cleaned)

    # what holds at any time

    @invariant()
    def the_parameters_are_those_of_the_settings(self):
        expected = self.session.settings.resolved(self.session.frame)
        assert (self.session.params, self.session.sources) == expected

    @invariant()
    def the_selection_is_a_segment_of_the_result(self):
        if self.session.selection is not None:
            assert 1 <= self.session.selection <= len(self.session.result.segments)

    @invariant()
    def what_is_displayed_is_unchanged(self):
        self.count('states')
        np.testing.assert_array_equal(self.memory.ccd.data, pixels(2))
        for path, expected in self.pristine.items():
            with fits.open(path) as hdus:
                np.testing.assert_array_equal(hdus[0].data, expected)
        assert left_over(self.folder) == []

    @invariant()
    def the_frame_is_the_one_that_was_asked_for(self):
        frame = self.session.frame
        if frame is None:
            assert self.session.result is None
            assert self.session.review.edited is None
            assert self.session.checks == []
            return
        expected = pixels(2) if self.asked == 'memory' else self.pristine[self.folder / self.asked]
        np.testing.assert_array_equal(frame.ccd.data, expected)

    @invariant()
    def the_result_is_of_the_frame_at_hand(self):
        result = self.session.result
        if result is None:
            assert self.session.comparing.comparison is None
            return
        frame = self.session.frame
        assert result.frame.ccd is frame.ccd or np.array_equal(result.frame.ccd.data, frame.ccd.data)
        assert self.session.outdated or result.detection.params == self.session.params
        assert result.exact or self.session.busy
        expected = self.found(result.frame, result.detection.params)
        np.testing.assert_array_equal(result.detection.crmask, expected)

    def found(self, frame, params):
        key = id(frame), params
        known = getattr(frame, '_found', {})
        if key not in known:
            known[key] = detect(frame, params, engine='ccdproc').crmask
            object.__setattr__(frame, '_found', known)
        return known[key]

    @invariant()
    def the_review_is_what_was_said(self):
        session = self.session
        assert (session.review.edited is None) == (self.model is None)
        if session.review.edited is None:
            return
        places, codes = session.review.edited
        np.testing.assert_array_equal(places, np.flatnonzero(self.model.codes))
        np.testing.assert_array_equal(codes, self.model.codes.ravel()[places])
        assert session.review.can_undo == bool(self.model.history)
        assert session.review.can_redo == bool(self.model.undone)
        if session.result is not None:
            expected = self.model.mask(session.result.detection.crmask, session.review.grow)
            np.testing.assert_array_equal(session.review.decisions.mask, expected)
            plane = session.review.decisions.plane(session.result.frame.bits)
            merged = merge_mask(session.result.frame, session.result.detection, expected)
            np.testing.assert_array_equal(plane & ~np.uint8(MaskBit.SATURATED), merged & ~np.uint8(MaskBit.SATURATED))

    @invariant()
    def what_was_saved_is_what_is_shown(self):
        session = self.session
        if session.review.saved_mask is None:
            return
        with fits.open(session.review.saved_mask) as hdus:
            plane = np.array(hdus['DQ'].data)
            said = {int(p): int(c) for p, c in hdus['CRREVIEW'].data} if 'CRREVIEW' in hdus else {}
        expected = merge_mask(session.result.frame, session.result.detection, session.review.decisions.mask)
        np.testing.assert_array_equal(plane, expected)
        assert said == dict(zip(*map(np.ndarray.tolist, session.review.edited), strict=True))

    @invariant()
    def what_is_kept_is_the_newest(self):
        for word in Reviews.calls:
            kept, newest = self.reviews.load(word), Reviews.newest(word)
            assert (kept is None) == (newest is None)
            if kept is not None:
                np.testing.assert_array_equal(kept[0], newest[0])
                np.testing.assert_array_equal(kept[1], newest[1])

    @invariant()
    def nobody_waits_in_vain(self):
        if self.session.busy:
            assert self.worker.waiting or self.worker.done

    def check_rest(self):
        """What holds when nothing is left to be done."""
        session = self.session
        assert not session.busy
        assert not session.verification.running
        if session.frame is None:
            return
        if session.live and session.result is not None and compilation.ready():
            assert not session.outdated or self.given_up
        assert session.result is None or session.result.exact
        assert session.result is None or session.result.is_hinted or self.spoilt
        if self.unsaved:
            kept = self.reviews.load(frame_hash(session.frame))
            places, codes = session.review.edited
            assert (kept is None) == (len(places) == 0)
            if kept is not None:
                np.testing.assert_array_equal(kept[0], places)
                np.testing.assert_array_equal(kept[1], codes)

    def teardown(self):
        if hasattr(self, 'worker'):
            self.worker.drain()
            self.check_rest()
            shutil.rmtree(self.folder)
