"""The session without a panel: runs, late results, errors, masks, parameters, recipes and reviews."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from ginga_crplugin import (
    Frame,
    InputMask,
    LACosmicParams,
    MaskBit,
    Recipe,
    Remedy,
    detect,
    load_recipe,
    read_dark,
    read_frame,
)
from ginga_crplugin.core.input_mask import MaskSource
from ginga_crplugin.core.lacosmic import compilation, engine
from ginga_crplugin.core.lacosmic.detection import Cancelled
from ginga_crplugin.io.read import make_frame
from ginga_crplugin.io.review_cache import ReviewCache, frame_hash
from ginga_crplugin.panels.text import engine_note, saved_text
from ginga_crplugin.session import runner
from ginga_crplugin.session.session import Session


class Worker:
    """Queues jobs and timers until the test runs them."""

    def __init__(self):
        self.jobs, self.timers = [], []

    def __call__(self, job, done):
        self.jobs.append((job, done))

    def call_later(self, _seconds, callback):
        self.timers.append(callback)

    def expire(self):
        self.timers.pop(0)()

    def work(self, index=0):
        job, done = self.jobs.pop(index)
        try:
            result, error = job(), None
        except Exception as failure:
            result, error = None, failure
        done(result, error)

    def work_jobs(self):
        while self.jobs:
            self.work()

    def work_all(self):
        self.work_jobs()
        while self.timers:
            self.expire()
            self.work_jobs()


@pytest.fixture
def worker():
    return Worker()


@pytest.fixture
def session(worker, saao):
    session = Session(worker, None, worker.call_later)
    session.open(lambda: saao)
    worker.work_all()
    return session


def recorded(session):
    """Return a list to which the names of the events of a session are added."""
    events = []
    session.events.connect(lambda info: events.append(info.signal.name))
    return events


def test_run_equals_detect(session, worker, saao):
    session.runner.detect()
    worker.work_all()
    assert_array_equal(session.result.detection.crmask, detect(saao).crmask)
    assert not session.outdated


def test_latest_request_runs_next_and_late_result_is_dropped(session, worker):
    session.runner.detect()
    session.set_params(sigclip=7.0)
    session.runner.detect()
    session.set_params(sigclip=9.0)
    session.runner.detect()
    assert len(worker.jobs) == 1  # at most one run at a time
    worker.work()
    assert session.result is None
    assert session.runner.busy
    worker.work()
    assert session.result.detection.params.sigclip == 9.0
    assert not session.runner.busy


def test_result_of_a_cancelled_run_is_dropped(session, worker):
    session.runner.detect()
    session.runner.cancel()
    worker.work_all()
    assert session.result is None
    assert not session.runner.busy


def test_failed_run_keeps_the_last_result_and_reports_the_error(session, worker):
    session.runner.detect()
    worker.work_all()
    first = session.result
    session.masks.add(lambda: InputMask('all', MaskBit.BAD, np.ones(session.frame.shape, bool)))
    worker.work_all()
    session.runner.detect()
    worker.work_all()
    assert session.result.detection is first.detection
    assert 'no pixels to search' in session.error


def test_unexpected_error_is_reported_with_its_type(session, worker):
    def broken():
        raise RuntimeError('out of luck')

    session.open(broken)
    worker.work_all()
    assert session.error == 'RuntimeError: out of luck'
    assert session.frame is None


def test_opening_a_frame_drops_run_and_loading_of_the_previous_one(session, worker, saao):
    session.runner.detect()
    small = Frame(np.random.default_rng(0).poisson(100, (20, 30)))
    session.open(lambda: saao)
    session.open(lambda: small)
    worker.work(2)
    worker.work_all()
    assert session.frame.shape == (20, 30)
    assert session.result is None


def test_user_parameters_persist_and_header_values_are_read_again(session, worker, saao):
    session.set_params(sigclip=7, gain=3.0)
    assert session.sources['gain'] == 'user'
    session.set_params(gain=None)
    assert (session.params.gain, session.sources['gain']) == (1.9, 'GAIN in the header')
    session.open(lambda: Frame(np.random.default_rng(0).poisson(100, (20, 30))))
    worker.work_all()
    assert (session.params.sigclip, session.params.gain) == (7.0, 1.0)


def test_invalid_parameter_changes_nothing(session):
    before = session.params
    with pytest.raises(ValueError, match='gain is -1'):
        session.set_params(gain=-1)
    assert session.params == before


def test_masks_can_be_ignored_and_their_cause_changed(session, worker):
    mask = np.zeros(session.frame.shape, bool)
    mask[5, 7] = True
    session.masks.add(lambda: InputMask('m', MaskBit.BAD, mask))
    worker.work_all()
    assert session.frame.bits[5, 7] == MaskBit.BAD
    session.masks.change(0, bit=MaskBit.HOT)
    assert session.frame.bits[5, 7] == MaskBit.HOT
    session.masks.change(0, used=False)
    assert session.frame.bits[5, 7] == 0
    assert len(session.masks) == 1


def test_added_masks_are_used_on_later_frames_of_the_same_shape(session, worker, saao):
    session.masks.add(lambda: InputMask('m', MaskBit.BAD, np.eye(512, dtype=bool)))
    worker.work_all()
    session.open(lambda: saao)
    worker.work_all()
    assert [setting.mask.name for setting in session.masks] == ['m']
    session.open(lambda: Frame(np.random.default_rng(0).poisson(100, (20, 30))))
    worker.work_all()
    assert session.frame.masks == ()
    session.open(lambda: saao)
    worker.work_all()
    assert [mask.name for mask in session.frame.masks] == ['m']


def test_outdated_result_is_not_saved(session, worker, tmp_path):
    session.runner.detect()
    worker.work_all()
    session.runner.set_live(live=False)
    session.set_params(sigclip=8.0)
    session.review.save(tmp_path / 'out.fits')
    worker.work_all()
    assert 'run L.A.Cosmic again' in session.error
    assert not (tmp_path / 'out.fits').exists()


def test_mask_of_another_shape_is_an_error(session, worker):
    session.masks.add(lambda: InputMask('m', MaskBit.BAD, np.ones((3, 4), bool)))
    worker.work_all()
    assert '(3, 4)' in session.error
    assert '(512, 512)' in session.error
    assert len(session.masks) == 0


def test_one_of_two_added_masks_has_another_shape(session, worker):
    session.masks.add(lambda: InputMask('good', MaskBit.BAD, np.eye(512, dtype=bool)))
    session.masks.add(lambda: InputMask('small', MaskBit.BAD, np.ones((3, 4), bool)))
    worker.work_all()
    assert '(3, 4)' in session.error
    assert [setting.mask.name for setting in session.masks] == ['good']


def test_masks_of_a_frame_are_dropped_with_it(session, worker):
    own = InputMask('MASK in this file', MaskBit.INPUT, np.zeros((20, 30), bool))
    session.open(lambda: Frame(np.random.default_rng(0).poisson(100, (20, 30)), masks=(own,)))
    worker.work_all()
    assert [setting.own for setting in session.masks] == [True]
    session.close()
    assert len(session.masks) == 0


def test_result_is_outdated_after_a_change(session, worker):
    session.runner.detect()
    worker.work_all()
    session.set_params(sigclip=7.0)
    assert session.outdated
    session.set_params(sigclip=None)
    assert not session.outdated


def test_save_emits_mask_saved_and_does_not_overwrite(session, worker, tmp_path):
    session.runner.detect()
    worker.work_all()
    events = recorded(session)
    session.review.save(tmp_path / 'out.fits')
    worker.work_all()
    assert session.review.saved_mask == tmp_path / 'out.fits'
    assert events == ['mask_saved']
    session.review.save(tmp_path / 'out.fits')
    worker.work_all()
    assert 'exists' in session.error


def test_saved_sources_are_those_of_the_run(session, worker, tmp_path):
    session.runner.detect()
    worker.work_all()
    session.review.save(tmp_path / 'out.fits')
    session.set_params(gain=1.9)  # the same value, but set by the user
    worker.work_all()
    header = fits.getheader(tmp_path / 'out.fits', 'MASK')
    assert header['LAGAIN'] == 1.9
    assert header.comments['LAGAIN'].endswith('GAIN in the header')


def test_save_without_a_result_is_an_error(session, worker):
    session.review.save()
    assert 'run L.A.Cosmic first' in session.error
    assert not worker.jobs


def test_minimum_size_changes_only_the_list(session, worker):
    session.runner.detect()
    worker.work_all()
    mask = session.result.detection.crmask
    session.set_min_size(6)
    assert (session.result.segments.listed['area'].value >= 6).all()
    assert session.result.detection.crmask is mask


@pytest.fixture
def fast(monkeypatch):
    """Compile the fast engine."""
    if not compilation.compile_all():
        pytest.skip(f'the fast engine cannot run here: {compilation.problem()}')


def test_live_result_follows_changes_after_the_first_run(session, worker, fast):
    session.set_params(sigclip=6.0)
    assert not worker.jobs
    session.runner.detect()
    worker.work_all()
    session.set_params(sigclip=7.0)
    worker.work_all()
    assert_array_equal(session.result.detection.crmask, detect(session.frame, session.params, 'ccdproc').crmask)
    assert not session.outdated
    session.runner.set_live(live=False)
    session.set_params(sigclip=8.0)
    assert not worker.jobs
    assert session.outdated
    session.runner.set_live(live=True)
    worker.work_all()
    assert session.result.detection.params.sigclip == 8.0


def test_first_result_follows_changes_made_during_the_run(session, worker, fast):
    session.runner.detect()
    session.set_params(sigclip=7.0)
    worker.work_all()
    assert session.result.detection.params.sigclip == 7.0
    assert not session.outdated


def test_engine_is_reused_after_a_change_of_masks(session, worker, fast, monkeypatch):
    made = []

    class Counted(engine.LACosmic):
        def __init__(self, *args, **options):
            made.append(self)
            super().__init__(*args, **options)

    monkeypatch.setattr(engine, 'LACosmic', Counted)
    session.runner.detect()
    worker.work_jobs()
    session.masks.add(lambda: InputMask('some', MaskBit.BAD, np.eye(512, dtype=bool)))
    worker.work_jobs()
    assert len(made) == 1


def test_hints_arrive_although_the_minimum_size_changes(session, worker):
    session.runner.detect()
    worker.work_jobs()
    worker.expire()
    assert len(worker.jobs) == 1
    session.set_min_size(5)
    worker.work_all()
    assert 'hint' in session.result.segments.table.colnames
    assert session.result.segments.min_size == 5


def test_hints_arrive_although_the_next_run_is_cancelled(session, worker, fast):
    session.runner.detect()
    session.set_params(sigclip=7.0)
    worker.work()
    assert session.runner.busy
    session.runner.cancel()
    worker.work_all()
    assert session.result.detection.params.sigclip == 4.5
    assert session.result.is_hinted


def test_hints_arrive_although_another_result_was_shown_meanwhile(session, worker, fast, monkeypatch):
    monkeypatch.setattr(runner, 'SLOW_RUN', 0.0)
    session.runner.detect()
    worker.work_jobs()
    first = session.result
    session.set_params(sigclip=7.0)
    while session.result is first:
        worker.work()
    assert not session.result.exact
    worker.expire()  # it is not the result that the hints were requested for
    session.runner.cancel()
    assert session.result.detection is first.detection
    worker.work_all()
    assert session.result.is_hinted


def test_hints_are_computed_when_the_session_is_idle(session, worker, fast):
    session.runner.detect()
    worker.work_jobs()
    assert not session.result.is_hinted
    session.set_params(sigclip=7.0)
    worker.work_jobs()
    worker.expire()  # another result has come meanwhile
    assert not worker.jobs
    worker.expire()
    worker.work_jobs()
    assert session.result.is_hinted
    assert not worker.timers


def make_mosaic():
    levels = np.full((64, 96), 400.0)
    levels[::2, ::2] = 200.0
    return Frame(np.random.default_rng(2).poisson(levels), name='mosaic')


def test_color_mosaic_needs_consent(session, worker, saao):
    session.open(make_mosaic)
    worker.work_all()
    session.runner.detect()
    worker.work_all()
    assert session.result is None
    assert session.error.startswith('mosaic is a color mosaic (levels 200')
    assert '"Run anyway"' in session.error
    session.apply_remedy(session.checks[0].remedy)
    worker.work_all()
    assert session.result is not None
    assert session.recipes.current.allow_mosaic
    session.open(make_mosaic)  # for this frame only
    worker.work_all()
    session.runner.detect()
    worker.work_all()
    assert session.result is None


def test_color_mosaic_with_a_recipe(session, worker):
    session.open(make_mosaic)
    session.recipes.apply(Recipe(allow_mosaic=True))
    worker.work_all()
    session.runner.detect()
    worker.work_all()
    assert session.result is not None
    assert session.recipes.current.allow_mosaic


def test_mask_of_a_remedy_is_used_on_its_frame_only(session, worker, saao):
    mask = InputMask('outliers', MaskBit.BAD, np.eye(512, dtype=bool))
    session.apply_remedy(Remedy('use it', mask=mask))
    assert [item.name for item in session.frame.masks] == ['outliers']
    session.open(lambda: saao)
    worker.work_all()
    assert len(session.masks) == 0


def test_rejected_segments_are_not_cleaned_in_the_saved_file(session, worker, tmp_path):
    session.runner.detect()
    worker.work_all()
    pixels = session.result.segments.pixels_of([1])
    session.review.edit('reject', pixels)
    session.review.save(tmp_path / 'out.fits', cleaned=True)
    worker.work_all()
    cleaned = fits.getdata(tmp_path / 'out.fits', 'CLEANED').ravel()
    assert_array_equal(cleaned[pixels], session.frame.ccd.data.ravel()[pixels])
    others = np.setdiff1d(session.result.segments.pixels, pixels)
    assert_array_equal(cleaned[others], session.result.detection.cleaned.ravel()[others])


def test_the_cleaned_image_is_that_of_the_saved_file(session, worker, tmp_path):
    session.runner.detect()
    worker.work_all()
    segments = session.result.segments
    session.review.edit('repair', segments.pixels_of([2]), 'surface')
    session.review.edit('mark', np.arange(100, 108))
    session.review.set_grow(1)
    session.repairing.set_default('y')
    session.review.save(tmp_path / 'out.fits', cleaned=True)
    worker.work_all()
    cleaned = session.repairing.current.cleaned
    assert_array_equal(fits.getdata(tmp_path / 'out.fits', 'CLEANED'), cleaned)
    assert not (cleaned != session.frame.ccd.data)[~session.review.decisions.mask].any()
    assert (cleaned.ravel()[100:108] != session.frame.ccd.data.ravel()[100:108]).all()
    assert list(fits.getdata(tmp_path / 'out.fits', 'CRSEG')['repair'][:3]) == ['y', 'surface', 'y']
    assert fits.getheader(tmp_path / 'out.fits', 'MASK')['CRREPAIR'] == 'y'
    session.repairing.set_default('x')
    assert session.review.saved_mask is None
    assert session.recipes.current.repair == 'x'


def test_chosen_repairs_are_restored_with_a_saved_mask_and_an_unsaved_review(worker, saao_path, tmp_path):
    cache = ReviewCache(tmp_path / 'reviews')
    first = Session(worker, cache, worker.call_later)
    first.open(lambda: read_frame(saao_path))
    worker.work_all()
    first.runner.detect()
    worker.work_all()
    first.review.edit('repair', first.result.segments.pixels_of([1]), 'x')
    worker.work_all()
    second = Session(worker, cache, worker.call_later)
    second.open(lambda: read_frame(saao_path))
    worker.work_all()
    second.review.restore()
    second.runner.detect()
    worker.work_all()
    assert second.repairing.choice(1) == 'x'
    second.review.save(tmp_path / 'out.fits')
    worker.work_all()
    third = Session(worker, None, worker.call_later)
    third.open(lambda: read_frame(tmp_path / 'out.fits'))
    worker.work_all()
    third.runner.detect()
    worker.work_all()
    assert (third.repairing.choice(1), third.repairing.choice(2), third.repairing.choice(None)) == ('x', '', '')


def test_another_exposure_belongs_to_its_frame(session, worker, saao):
    with pytest.raises(ValueError, match='shape'):
        session.repairing.set_exposure(np.zeros((3, 3)))
    session.repairing.set_exposure(saao.ccd.data)
    session.runner.detect()
    worker.work_all()
    session.repairing.set_default('exposure')
    assert np.isfinite(session.repairing.current.cleaned).all()
    session.open(lambda: saao)
    worker.work_all()
    assert session.repairing.exposure is None
    session.runner.detect()
    worker.work_all()
    with pytest.raises(ValueError, match='no other exposure'):
        _ = session.repairing.current
    session.close()
    with pytest.raises(ValueError, match='no frame yet'):
        session.repairing.set_exposure(saao.ccd.data)


def test_live_result_follows_a_change_of_masks(session, worker, fast):
    session.runner.detect()
    worker.work_all()
    everywhere = session.result.detection.crmask.copy()
    mask = np.zeros(session.frame.shape, bool)
    mask[:256] = True
    session.masks.add(lambda: InputMask('half', MaskBit.BAD, mask))
    worker.work_all()
    assert_array_equal(session.result.detection.crmask, detect(session.frame, session.params, 'ccdproc').crmask)
    session.masks.change(0, used=False)
    worker.work_all()
    assert_array_equal(session.result.detection.crmask, everywhere)


def test_a_slow_run_shows_its_first_iteration_in_between(session, worker, fast, monkeypatch):
    session.runner.detect()
    worker.work_all()
    monkeypatch.setattr(runner, 'SLOW_RUN', 0.0)
    session.set_params(sigclip=7.0)
    worker.work()
    assert not session.result.exact
    assert session.outdated
    assert_array_equal(
        session.result.detection.crmask, detect(session.frame, replace(session.params, niter=1), 'ccdproc').crmask
    )
    worker.work()
    assert session.result.exact
    assert not session.outdated


def test_cancel_after_the_first_iteration_restores_the_last_result(session, worker, fast, monkeypatch):
    session.runner.detect()
    worker.work_all()
    first = session.result.detection
    monkeypatch.setattr(runner, 'SLOW_RUN', 0.0)
    session.set_params(sigclip=7.0)
    worker.work()
    session.runner.cancel()
    worker.work_all()
    assert session.result.detection is first


def test_a_cancelled_run_stops_early(session, worker, fast):
    session.runner.detect()
    job, done = worker.jobs.pop()
    session.runner.cancel()
    with pytest.raises(Cancelled):
        job()
    done(None, Cancelled())
    assert session.error == ''


def test_verify_compares_with_ccdproc(session, worker, fast):
    session.runner.detect()
    worker.work_all()
    session.verification.start()
    assert session.verification.running
    worker.work_all()
    assert session.result.verified.startswith('identical to ccdproc')
    session.set_params(sigclip=7.0)
    worker.work_all()
    assert session.result.verified == ''


def test_verification_of_an_earlier_result_is_dropped(session, worker, fast):
    session.runner.detect()
    worker.work_all()
    session.verification.start()
    session.set_params(sigclip=7.0)
    worker.work(1)
    worker.work_all()
    assert session.result.verified == ''
    assert not session.verification.running


def test_ccdproc_is_used_until_the_fast_engine_is_compiled(session, worker, monkeypatch):
    monkeypatch.setattr(compilation, 'ready', lambda: False)
    session.runner.detect()
    worker.work_all()
    assert session.result.detection.engine.startswith('ccdproc')
    session.set_params(sigclip=7.0)
    assert not worker.jobs
    assert 'compiling' in engine_note()


@pytest.fixture
def reviews(tmp_path, worker, saao):
    """Return a cache with the review of a frame in which pixels 7 and 9 are marked."""
    reviews = ReviewCache(tmp_path / 'reviews')
    session = Session(worker, reviews, worker.call_later)
    session.open(lambda: saao)
    worker.work_all()
    session.runner.detect()
    worker.work_all()
    session.review.edit('mark', [7, 9])
    worker.work_all()
    return reviews


@pytest.fixture
def again(worker, reviews, saao):
    """Return another session with the same frame and a result."""
    session = Session(worker, reviews, worker.call_later)
    session.open(lambda: saao)
    worker.work_all()
    session.runner.detect()
    worker.work_all()
    return session


def test_unsaved_review_is_offered_restored_or_discarded(again, worker, reviews, saao):
    assert again.review.unsaved_review is not None
    again.review.restore()
    assert list(again.review.decisions.marked) == [7, 9]
    again.review.restore()  # has no effect
    assert list(again.review.decisions.marked) == [7, 9]
    other = Session(worker, reviews, worker.call_later)
    other.open(lambda: saao)
    worker.work_all()
    other.review.discard()
    worker.work_all()
    assert reviews.load(frame_hash(saao)) is None


def test_edit_restores_the_unsaved_review_first(again, worker, reviews, saao):
    again.review.edit('mark', [20])
    worker.work_all()
    assert list(reviews.load(frame_hash(saao))[0]) == [7, 9, 20]
    assert list(again.review.decisions.marked) == [7, 9, 20]


def test_saving_the_mask_discards_the_unsaved_review_if_it_was_restored(again, worker, reviews, saao, tmp_path):
    again.review.save(tmp_path / 'one.fits')
    worker.work_all()
    assert reviews.load(frame_hash(saao)) is not None
    again.review.restore()
    again.review.save(tmp_path / 'two.fits')
    worker.work_all()
    assert again.review.saved_mask == tmp_path / 'two.fits'
    assert reviews.load(frame_hash(saao)) is None


def test_edit_during_the_save_stays_in_the_cache(again, worker, reviews, saao, tmp_path):
    again.review.restore()
    again.review.save(tmp_path / 'one.fits')
    again.review.edit('mark', [20])
    worker.work_all()
    assert again.review.last_saved_mask == tmp_path / 'one.fits'
    assert again.review.saved_mask is None  # the review has changed since
    assert list(reviews.load(frame_hash(saao))[0]) == [7, 9, 20]


def test_error_of_the_cache_is_reported_and_the_review_goes_on(again, worker, reviews, saao, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise PermissionError(13, 'Permission denied')

    again.review.restore()
    with monkeypatch.context() as patch:
        patch.setattr('os.open', fail)
        again.review.edit('mark', [20])
        worker.work_all()
    assert again.error.startswith('cannot store the unsaved review')
    assert list(again.review.decisions.marked) == [7, 9, 20]
    monkeypatch.setattr('ginga_crplugin.io.review_cache.ReviewCache.delete', fail)
    again.review.save(tmp_path / 'one.fits')
    worker.work_all()
    assert (tmp_path / 'one.fits').exists()
    assert again.review.saved_mask == tmp_path / 'one.fits'


def test_defaults_without_a_frame(worker):
    session = Session(worker, None, worker.call_later)
    assert session.params == LACosmicParams()
    session.runner.detect()
    assert not worker.jobs


# recipes


@pytest.fixture
def dark(tmp_path, saao):
    path = tmp_path / 'dark.fits'
    pixels = np.full(saao.shape, 5.0, np.float32)
    pixels[100, 200] = 900.0
    fits.writeto(path, pixels)
    return path


def test_recipe_of_one_session_gives_the_same_mask_in_another(session, worker, saao, dark):
    session.set_params(sigclip=6.0)
    session.masks.add(lambda: read_dark(dark, 30.0))
    session.set_min_size(2)
    session.review.set_grow(1)
    session.runner.detect()
    worker.work_all()
    other = Session(worker, None, worker.call_later)
    other.recipes.apply(session.recipes.current)
    other.open(lambda: saao)
    worker.work_all()
    assert other.params == session.params
    assert other.sources['sigclip'] == 'recipe'
    assert other.sources['gain'] == session.sources['gain']
    assert [setting.mask.name for setting in other.masks] == ['dark.fits > 30']
    assert (other.min_size, other.review.grow) == (2, 1)
    other.runner.detect()
    worker.work_all()
    assert_array_equal(other.review.decisions.mask, session.review.decisions.mask)
    assert other.recipes.current == session.recipes.current


def test_applied_recipe_replaces_user_parameters_and_masks(session, worker, dark):
    session.set_params(sigclip=9.0, objlim=2.0)
    session.masks.add(lambda: InputMask.from_data('mine', MaskBit.BAD, np.ones(session.frame.shape, bool)))
    session.runner.detect()
    worker.work_all()
    events = recorded(session)
    session.recipes.apply(Recipe({'sigclip': 6.0}, (MaskSource(dark, None, MaskBit.HOT, 30.0),)))
    worker.work_all()
    assert (session.params.sigclip, session.params.objlim) == (6.0, 5.0)
    assert [setting.mask.count for setting in session.masks] == [1]
    assert events[-3:] == ['recipe_changed', 'masks_changed', 'params_changed'] or 'recipe_changed' in events
    session.set_params(sigclip=7.0)
    assert (session.params.sigclip, session.sources['sigclip']) == (7.0, 'user')
    session.set_params(sigclip=None)
    assert (session.params.sigclip, session.sources['sigclip']) == (6.0, 'recipe')


def test_recipe_with_a_missing_mask_changes_nothing(session, worker, tmp_path):
    before = session.params, session.masks
    session.recipes.apply(Recipe({'sigclip': 6.0}, (MaskSource(tmp_path / 'none.fits'),)))
    worker.work_all()
    assert (session.params, session.masks) == before
    assert session.settings.recipe is None
    assert 'none.fits' in session.error


def test_recipe_applied_while_a_frame_is_opened(worker, saao, dark):
    session = Session(worker, None, worker.call_later)
    session.open(lambda: saao)
    session.recipes.apply(Recipe({'sigclip': 6.0}, (MaskSource(dark, None, MaskBit.HOT, 30.0),)))
    worker.work(1)
    worker.work_all()
    assert session.params.sigclip == 6.0
    assert [setting.mask.count for setting in session.masks] == [1]


def test_recipe_applies_to_later_frames(session, worker, saao, dark):
    session.recipes.apply(Recipe({'sigclip': 6.0}, (MaskSource(dark, None, MaskBit.HOT, 30.0),), own_masks=False))
    worker.work_all()
    own = InputMask.from_data('MASK in this file', MaskBit.INPUT, np.ones(saao.shape, bool), 'own')
    session.open(lambda: saao.replace(masks=(own,)))
    worker.work_all()
    assert [setting.used for setting in session.masks] == [False, True]
    assert np.count_nonzero(session.frame.bits) == 1
    assert session.recipes.current.own_masks is False


def test_save_recipe(session, worker, tmp_path):
    path = tmp_path / 'night.yaml'
    session.set_params(sigclip=6.0)
    session.recipes.save(path)
    worker.work_all()
    assert session.recipes.saved_path == path
    assert load_recipe(path) == session.recipes.current
    session.recipes.save(path)
    worker.work_all()
    assert 'already exists' in session.error


def test_settings_that_a_recipe_cannot_hold_are_reported(session, worker, tmp_path):
    session.masks.add(lambda: InputMask.from_data('mine', MaskBit.BAD, np.ones(session.frame.shape, bool)))
    worker.work_all()
    session.recipes.save(tmp_path / 'night.yaml')
    assert 'mask mine was not read from a file' in session.error
    assert not list(tmp_path.iterdir())
    empty = Session(worker, None, worker.call_later)
    empty.recipes.save(tmp_path / 'night.yaml')
    assert 'there is no frame yet' in empty.error


# the review in a saved mask


def test_review_is_saved_with_the_mask_and_restored(session, worker, tmp_path):
    session.runner.detect()
    worker.work_all()
    session.review.edit('reject', session.result.segments.pixels_of([2]))
    session.review.edit('mark', [5, 6])
    session.review.save(tmp_path / 'out.fits')
    worker.work_all()
    again = Session(worker, None, worker.call_later)
    again.open(lambda: read_frame(tmp_path / 'out.fits'))
    worker.work_all()
    again.runner.detect()
    worker.work_all()
    assert_array_equal(again.review.decisions.mask, session.review.decisions.mask)
    assert again.review.decisions.rejected_labels.tolist() == session.review.decisions.rejected_labels.tolist() == [2]
    again.review.save(None, kind='into', overwrite=True)
    worker.work_all()
    assert not again.error
    with fits.open(tmp_path / 'out.fits') as hdus:
        assert [hdu.name for hdu in hdus] == ['PRIMARY', 'MASK', 'DQ', 'CRSEG', 'CRREVIEW']
        assert_array_equal(
            (hdus['DQ'].data & (MaskBit.CR_DETECTED | MaskBit.CR_MARKED)) != 0, session.review.decisions.mask
        )
        assert hdus['CRREVIEW'].data['CODE'].tolist().count(3) == 2
    again.review.edit('keep', again.review.edited[0])
    again.review.save(None, kind='into', overwrite=True)
    worker.work_all()
    with fits.open(tmp_path / 'out.fits') as hdus:
        assert 'CRREVIEW' not in hdus


def test_changes_during_compilation_are_followed(session, worker, monkeypatch):
    session.runner.detect()
    worker.work_all()
    ready = []
    monkeypatch.setattr(compilation, 'ready', lambda: bool(ready))
    monkeypatch.setattr(compilation, 'problem', lambda: '')
    monkeypatch.setattr(compilation, 'compile_all', lambda: ready.append(True))
    session.runner.prepare()
    session.set_params(sigclip=6.0)
    assert not session.runner.busy
    worker.work_all()
    assert session.result.detection.params.sigclip == 6.0


def test_review_of_another_shape_is_reported(worker, saao):
    session = Session(worker, None, worker.call_later)
    session.open(lambda: saao.replace(review=(np.array([saao.ccd.data.size]), np.array([1]))))
    worker.work_all()
    assert session.frame is not None
    assert 'does not belong to a frame of shape' in session.error


def test_no_event_of_a_late_save_for_the_next_frame(again, worker, saao, tmp_path):
    events = recorded(again)
    again.review.save(tmp_path / 'one.fits')
    again.open(lambda: saao)
    worker.work_all()
    assert (tmp_path / 'one.fits').exists()
    assert 'mask_saved' not in events


@pytest.mark.parametrize('change', ['another frame', 'grow', 'unsaved review'])
def test_review_changed_during_the_save_is_unsaved(again, worker, saao, tmp_path, change):
    again.review.save(tmp_path / 'one.fits')
    if change == 'another frame':
        again.open(lambda: saao)
    elif change == 'grow':
        again.review.set_grow(1)
    else:
        again.review.restore()
    worker.work_all()
    assert again.review.last_saved_mask == tmp_path / 'one.fits'
    assert again.review.saved_mask is None
    assert 'without the latest changes' in saved_text(again)


@pytest.mark.parametrize('change', ['grow', 'unsaved review'])
def test_review_changed_after_the_save_is_unsaved(again, worker, tmp_path, change):
    again.review.save(tmp_path / 'one.fits')
    worker.work_all()
    assert saved_text(again) == 'saved: one.fits'
    again.review.set_grow(1) if change == 'grow' else again.review.restore()
    assert again.review.saved_mask is None


@pytest.mark.parametrize('card', [{'RDNOISE': 2e4}, {'GAIN': 1e12}, {'GAIN': 1e-9}, {'SATURATE': 1e-5}])
def test_header_value_that_cannot_be_is_ignored_with_a_note(worker, card):
    session = Session(worker, None, worker.call_later)
    events = recorded(session)
    frame = make_frame(
        np.random.default_rng(0).normal(100.0, 5.0, (60, 60)), fits.Header(card | {'BUNIT': 'adu'}), 'far'
    )
    session.open(lambda: frame)
    worker.work_all()
    assert session.params == LACosmicParams()
    assert set(session.sources.values()) == {'default'}
    keyword = next(iter(card))
    assert [note for note in session.frame.notes if keyword in note and 'ignored' in note]
    assert 'checks_changed' in events
    assert not session.error


def test_saturation_of_the_header_is_ignored_if_too_low_in_electrons(worker):
    session = Session(worker, None, worker.call_later)
    data = np.random.default_rng(0).normal(100.0, 5.0, (60, 60))
    session.open(lambda: make_frame(data, fits.Header({'BUNIT': 'adu', 'SATURATE': 100.0}), 'low'))
    worker.work_all()
    session.set_params(gain=1e-6)
    worker.work_all()
    assert session.sources['satlevel'] == 'default'
    session.set_params(gain=2.0)
    assert session.params.satlevel == 200.0
