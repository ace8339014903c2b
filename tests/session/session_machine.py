"""A session as a Hypothesis state machine: actions in random order, with late and failing workers.

The worker of the machine queues jobs; each is run, made to fail, and has its result delivered as a step of its own.
After each step the session is compared with a simple model of the review, made of loops and whole arrays.
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
from ginga_crplugin.core.bits import REJECTED_RAY
from ginga_crplugin.core.lacosmic import compilation
from ginga_crplugin.core.review import ERASED, MARKED, REJECTED
from ginga_crplugin.io.review_cache import ReviewCache, frame_hash
from ginga_crplugin.session import runner
from ginga_crplugin.session.session import Session
from tests.tools.saves import left_over

SHAPE = (24, 28)
#: A file system in memory, if there is one: every file that is written is flushed, which takes long on a disk.
MEMORY = Path('/dev/shm')
CODES = {'reject': REJECTED, 'keep': 0, 'erase': ERASED, 'mark': MARKED}
#: Types of errors that would be defects of the session; no message may begin with one.
DEFECTS = ('TypeError', 'AttributeError', 'KeyError', 'IndexError', 'AssertionError', 'NameError', 'UnboundLocalError')


def pixels(seed, shape=SHAPE):
    """Return an image with some tracks."""
    rng = np.random.default_rng(seed)
    image = rng.normal(300.0, 12.0, shape).astype('f4')
    for y, x, length in ((5, 5, 4), (6, 12, 1), (12, 8, 3), (17, 18, 5), (18, 4, 2)):
        image[y, x : x + length] += 2000.0
    return image


def rays():
    """Return cosmic rays that the mission found: one of those in the image, and another."""
    mask = np.zeros(SHAPE, dtype=bool)
    mask[12, 8:11] = mask[3, 15:18] = True
    return mask


class Worker:
    """Queues of jobs, results and timers; the machine decides what comes next."""

    def __init__(self):
        self.waiting, self.done, self.timers = [], [], []

    def __call__(self, job, done):
        self.waiting.append((job, done))

    def call_later(self, seconds, callback):
        assert seconds > 0.0
        self.timers.append(callback)

    def expire(self, index=0):
        """Call the callback of a timer."""
        self.timers.pop(index % len(self.timers))()

    def work(self, index, failure=None):
        """Run a job, or make it fail; its result is queued."""
        job, done = self.waiting.pop(index % len(self.waiting))
        try:
            if failure is not None:
                raise failure
            outcome = job(), None
        except Exception as error:
            outcome = None, error
        self.done.append((done, *outcome))

    def answer(self, index=0):
        """Deliver the result of a job."""
        done, *outcome = self.done.pop(index % len(self.done))
        done(*outcome)

    def drain(self):
        """Run all jobs, deliver all results and expire all timers, in order."""
        for _ in range(1000):
            if self.waiting:
                self.work(0)
            elif self.done:
                self.answer(0)
            elif self.timers:
                self.expire(0)
            else:
                return
        raise AssertionError('the session never becomes idle')


class Reviews(ReviewCache):
    """Review cache that records what was saved and deleted, by key and number."""

    calls: ClassVar[dict] = {}

    def save(self, key, number, *edited):
        super().save(key, number, *edited)
        self.calls.setdefault(key, {})[number] = edited

    def delete(self, key, number):
        super().delete(key, number)
        self.calls.setdefault(key, {})[number] = None

    @classmethod
    def newest(cls, key):
        """Return what the cache must hold for a frame, (pixels, codes) or None."""
        calls = cls.calls.get(key)
        return calls[max(calls)] if calls else None


class Model:
    """Model of the review of a frame."""

    def __init__(self, shape, saved=None):
        self.codes = np.zeros(shape, np.uint8)
        self.undone, self.history = [], []
        if saved is not None:
            self.set(*saved)

    def set(self, flat, code):
        changed = self.codes.copy()
        changed.ravel()[np.asarray(flat, dtype=int)] = code  # one code for all pixels, or one for each
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
        """Return the cosmic-ray mask after review."""
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
    """Open, change, run, review, save, fail and crash, in any order; ``walked`` counts the steps."""

    walked: ClassVar[Counter] = Counter()

    @initialize(found=st.booleans(), early=st.booleans())
    def begin(self, found, early):
        compilation.compile_all()  # results follow changes only with the fast engine
        runner.SLOW_RUN = 0.0 if early else 0.5
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        Reviews.calls.clear()
        self.pristine = {}
        for number in range(2):
            path = self.folder / f'{number}.fits'
            hdus = [fits.PrimaryHDU(pixels(number), fits.Header({'BUNIT': 'adu', 'RDNOISE': 8.0}))]
            if number:  # with cosmic rays found by the mission
                hdus[0].header['TELESCOP'] = 'JWST'
                hdus.append(fits.ImageHDU(4 * rays().astype('u4'), name='DQ'))
            fits.HDUList(hdus).writeto(path)
            self.pristine[path] = pixels(number)
        self.memory = Frame(pixels(2), 'from memory', masks=(InputMask('rays', MaskBit.CR_MISSION, rays()),))
        self.start()
        if found:  # most rules need a result
            self.open('0.fits')
            self.worker.drain()
            self.session.runner.detect()
            self.worker.drain()

    def start(self):
        """Start a new session, as after the start of the program."""
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
        self.model, self.requested = None, None
        self.unsaved = self.run_stopped = self.job_failed = False

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
        if self.session.runner.busy:
            self.run_stopped = False

    def error_raised(self, message):
        self.run_stopped = True
        assert message == self.session.error != ''
        assert '\n' not in message
        assert not message.startswith(DEFECTS), message

    def count(self, what):
        self.walked[what] += 1

    # the frame

    def open(self, which):
        self.count('open')
        path = self.folder / which
        self.requested = which
        self.session.open((lambda: self.memory) if which == 'memory' else (lambda: read_frame(path)))

    def close(self):
        self.count('close')
        self.requested = None
        self.session.close()

    def crash(self):
        """Crash the program and start it again; the cache of reviews is still there."""
        self.count('crash')
        self.start()

    @precondition(lambda self: self.session.frame is None)
    @rule(which=st.sampled_from(['0.fits', '0.fits', '1.fits', 'memory']))
    def open_first(self, which):
        self.open(which)

    @rule(what=st.sampled_from(['crash', 'close', '0.fits', '1.fits', 'memory', 'missing.fits']))
    def leave(self, what):
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
        self.unsaved, self.job_failed = False, True
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
        self.check_idle()

    # settings

    @rule(sigclip=st.sampled_from([3.0, 4.5, 8.0, None, -1]), niter=st.sampled_from([1, 4]))
    def set_params(self, sigclip, niter):
        self.count('set parameters')
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
            self.session.runner.set_live(live=number > 0)
        elif what == 'size':
            self.session.set_min_size(1 + number)
        elif what == 'grow':
            self.session.review.set_grow(number % 3)
        elif what == 'recipe':
            self.session.recipes.save(self.folder / 'recipe.yaml', overwrite=True)
        elif remedies:
            self.session.apply_remedy(remedies[0])

    @rule(sigclip=st.sampled_from([5.0, 7.0]), grow=st.integers(0, 1), own=st.booleans())
    def apply_recipe(self, sigclip, grow, own):
        self.count('apply recipe')
        self.session.recipes.apply(Recipe({'sigclip': sigclip}, grow=grow, own_masks=own))

    # the run

    @rule()
    def detect(self):
        self.count('detect')
        self.session.runner.detect()

    @rule()
    def cancel(self):
        self.count('cancel')
        before = self.session.result
        self.session.runner.cancel()
        self.run_stopped = True
        assert not self.session.runner.busy
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

    def edit_pixels(self, name, flat):
        self.count('edit')
        self.restore_in_model()
        self.model.set(flat, CODES[name])
        self.unsaved = True
        self.session.review.edit(name, flat)

    @precondition(lambda self: self.session.result is not None)
    @rule(name=st.sampled_from(list(CODES)), seed=st.integers(0, 200), count=st.integers(1, 6))
    def draw(self, name, seed, count):
        self.edit_pixels(name, np.random.default_rng(seed).integers(0, SHAPE[0] * SHAPE[1], count))

    @precondition(lambda self: self.session.result is not None and len(self.session.result.segments))
    @rule(name=st.sampled_from(['reject', 'keep']), seed=st.integers(0, 20))
    def decide(self, name, seed):
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
    def open_again(self, crash, run):
        """Open the frame again: its review is offered."""
        which, edited = self.requested, self.session.review.edited
        unsaved = self.unsaved
        self.worker.drain()
        self.crash() if crash else self.close()
        self.open(which)
        self.worker.drain()
        if unsaved and len(edited[0]):
            np.testing.assert_array_equal(self.session.review.unsaved_review[0], edited[0])
            np.testing.assert_array_equal(self.session.review.unsaved_review[1], edited[1])
        if run:
            self.session.runner.detect()
            self.worker.drain()

    @precondition(lambda self: self.session.result is not None)
    @rule(name=st.sampled_from(['undo', 'redo']))
    def undo_or_redo(self, name):
        self.count(name)
        self.restore_in_model()
        getattr(self.model, name)()
        self.unsaved = True
        self.session.review.edit(name)

    def restore_in_model(self):
        if self.session.review.unsaved_review is not None:
            self.model.set(*self.session.review.unsaved_review)

    @precondition(lambda self: self.session.review.unsaved_review is not None)
    @rule(restore=st.booleans())
    def restore_or_discard(self, restore):
        self.count('restore' if restore else 'discard')
        if restore:
            self.restore_in_model()
        self.session.review.restore() if restore else self.session.review.discard()

    # the output

    @rule(
        kind=st.sampled_from(['new', 'into', 'mask']),
        name=st.sampled_from(['a.fits', 'b.fits', '0.fits']),
        overwrite=st.booleans(),
        cleaned=st.booleans(),
        dq=st.sampled_from(['own', 'own', 'jwst']),
    )
    def save(self, kind, name, overwrite, cleaned, dq):
        self.count('save')
        self.unsaved = False
        path = None if kind == 'into' else self.folder / name
        if path in self.pristine and self.session.result and self.session.result.frame.path != path:
            overwrite = False  # the file would be overwritten
        self.session.review.save(path, kind=kind, overwrite=overwrite, cleaned=cleaned, dq=dq)

    # what holds after each step

    @invariant()
    def the_parameters_are_those_of_the_settings(self):
        expected = self.session.settings.resolved(self.session.frame)
        assert (self.session.params, self.session.sources) == expected

    @invariant()
    def the_selection_is_a_segment_of_the_result(self):
        if self.session.selection is not None:
            assert 1 <= self.session.selection <= len(self.session.result.segments)

    @invariant()
    def frames_are_unchanged(self):
        self.count('states')
        np.testing.assert_array_equal(self.memory.ccd.data, pixels(2))
        for path, expected in self.pristine.items():
            with fits.open(path) as hdus:
                np.testing.assert_array_equal(hdus[0].data, expected)
        assert left_over(self.folder) == []

    @invariant()
    def the_frame_is_the_requested_one(self):
        frame = self.session.frame
        if frame is None:
            assert self.session.result is None
            assert self.session.review.edited is None
            assert self.session.checks == []
            return
        expected = pixels(2) if self.requested == 'memory' else self.pristine[self.folder / self.requested]
        np.testing.assert_array_equal(frame.ccd.data, expected)

    @invariant()
    def the_result_is_that_of_the_open_frame(self):
        result = self.session.result
        if result is None:
            assert self.session.comparing.comparison is None
            return
        frame = self.session.frame
        assert result.frame.ccd is frame.ccd or np.array_equal(result.frame.ccd.data, frame.ccd.data)
        assert self.session.outdated or result.detection.params == self.session.params
        assert result.exact or self.session.runner.busy
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
    def the_review_equals_the_model(self):
        session = self.session
        assert (session.review.edited is None) == (self.model is None)
        if session.review.edited is None:
            return
        flat, codes = session.review.edited
        np.testing.assert_array_equal(flat, np.flatnonzero(self.model.codes))
        np.testing.assert_array_equal(codes, self.model.codes.ravel()[flat])
        assert session.review.can_undo == bool(self.model.history)
        assert session.review.can_redo == bool(self.model.undone)
        if session.result is not None:
            found = session.result.detection.crmask.copy()
            found.ravel()[session.result.frame.mission] = True
            expected = self.model.mask(found, session.review.grow)
            np.testing.assert_array_equal(session.review.decisions.mask, expected)
            plane = session.review.decisions.plane(session.result.frame.bits)
            merged = merge_mask(session.result.frame, session.result.detection, expected)
            np.testing.assert_array_equal(plane & ~np.int16(MaskBit.SATURATED), merged & ~np.int16(MaskBit.SATURATED))

    @invariant()
    def the_saved_mask_is_the_shown_one(self):
        session = self.session
        if session.review.saved_mask is None:
            return
        with fits.open(session.review.saved_mask) as hdus:
            plane = np.array(hdus['CRDQ' if 'CRDQ' in hdus else 'DQ'].data)
            table = hdus['CRREVIEW'].data if 'CRREVIEW' in hdus else ()
            saved = {int(p): int(c) for p, c in table if c != REJECTED_RAY}
        expected = merge_mask(session.result.frame, session.result.detection, session.review.decisions.mask)
        np.testing.assert_array_equal(plane, expected)
        assert saved == dict(zip(*map(np.ndarray.tolist, session.review.edited), strict=True))

    @invariant()
    def the_cache_holds_the_newest_reviews(self):
        for key in Reviews.calls:
            cached, newest = self.reviews.load(key), Reviews.newest(key)
            assert (cached is None) == (newest is None)
            if cached is not None:
                np.testing.assert_array_equal(cached[0], newest[0])
                np.testing.assert_array_equal(cached[1], newest[1])

    @invariant()
    def a_busy_session_has_a_job(self):
        if self.session.runner.busy:
            assert self.worker.waiting or self.worker.done

    def check_idle(self):
        """Check what holds when the session is idle."""
        session = self.session
        assert not session.runner.busy
        assert not session.verification.running
        if session.frame is None:
            return
        if session.runner.live and session.result is not None and compilation.ready():
            assert not session.outdated or self.run_stopped
        assert session.result is None or session.result.exact
        assert session.result is None or session.result.is_hinted or self.job_failed
        if self.unsaved:
            cached = self.reviews.load(frame_hash(session.frame))
            flat, codes = session.review.edited
            assert (cached is None) == (len(flat) == 0)
            if cached is not None:
                np.testing.assert_array_equal(cached[0], flat)
                np.testing.assert_array_equal(cached[1], codes)

    def teardown(self):
        if hasattr(self, 'worker'):
            self.worker.drain()
            self.check_idle()
            shutil.rmtree(self.folder)
