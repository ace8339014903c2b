import gc
import tracemalloc
from weakref import ref

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ginga_crplugin import Detection, Frame, InputMask, LACosmicParams, MaskBit, detect, segment
from ginga_crplugin.core.lacosmic.compilation import usable
from ginga_crplugin.core.lacosmic.detection import Cancelled
from ginga_crplugin.core.lacosmic.engine import LACosmic

SIDE = 3072
PARAMS = LACosmicParams(gain=1.5, readnoise=8.0)


def make_frame(side, hits, seed=8, **images):
    """Return a frame of sky with hits of four pixels, a masked column, and a saturated star."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(150.0, 11.0, (side, side)).astype(np.float32)
    for y, x in rng.integers(8, side - 8, (hits, 2)):
        pixels[y, x : x + 4] += rng.uniform(800.0, 9000.0)
    pixels[40:52, 40:52] = 64000.0
    mask = np.zeros(pixels.shape, bool)
    mask[:, side // 2] = True
    return Frame(pixels, masks=(InputMask('column', MaskBit.BAD, mask),), **images)


@pytest.fixture(scope='module')
def engine():
    assert usable()
    engine = LACosmic(make_frame(SIDE, 1000), PARAMS)
    engine.detect(LACosmicParams(gain=1.5, readnoise=8.0, sigclip=4.0))
    return engine


def traced(run):
    """Return what a function returns, and its allocated and its peak memory in bytes."""
    gc.collect()
    tracemalloc.start()
    try:
        kept = run()
        gc.collect()
        return kept, *tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


def test_a_kept_result_of_1000_hits_takes_less_than_a_megabyte(engine):
    kept, memory, _ = traced(lambda: engine.detect(LACosmicParams(gain=1.5, readnoise=8.0, sigclip=5.0)))
    assert kept.pixels > 4000
    assert memory < 2**20


def test_a_change_of_a_threshold_allocates_no_array_of_the_size_of_the_frame(engine):
    def change():
        detection = engine.detect(LACosmicParams(gain=1.5, readnoise=8.0, objlim=6.0))
        return detection, segment(engine.frame, detection)

    engine.detect()
    _, _, peak = traced(change)
    assert peak < SIDE**2  # one byte for each pixel


def test_results_of_other_thresholds_share_the_search_area(engine):
    one, other = engine.detect(), engine.detect(LACosmicParams(gain=1.5, readnoise=8.0, sigfrac=0.5))
    assert one.area is other.area


def test_images_are_made_when_asked_for_and_freed():
    found = detect(make_frame(64, 5), PARAMS)
    for name in ('crmask', 'cleaned', 'searched'):
        image = getattr(found, name)
        assert getattr(found, name) is image
        with pytest.raises(ValueError, match='read-only'):
            image[0, 0] = 0
        kept, before = ref(image), image.copy()
        del image
        assert kept() is None
        assert_array_equal(getattr(found, name), before)


@pytest.mark.parametrize('search_edges', [False, True])
@pytest.mark.parametrize('sepmed', [False, True])
def test_images_and_pixels_agree(sepmed, search_edges):
    frame = make_frame(128, 20)
    params = LACosmicParams(gain=1.5, readnoise=8.0, satlevel=60000.0, sepmed=sepmed, search_edges=search_edges)
    fast, slow = detect(frame, params), detect(frame, params, engine='ccdproc')
    assert not fast.searched[45, 45]
    for found in (fast, slow):
        assert_array_equal(np.flatnonzero(found.crmask), found.indices)
        assert_array_equal(found.cleaned.ravel()[found.indices], found.values)
        assert found.area.count == np.count_nonzero(found.searched)
    for name in ('indices', 'values', 'searched', 'cleaned'):
        assert_array_equal(getattr(fast, name), getattr(slow, name), strict=True)
    assert fast.area.count == slow.area.count


def test_cleaned_pixels():
    frame = make_frame(64, 5)
    found = detect(frame, PARAMS)
    pixels = np.array([0, found.indices[3], 70, found.indices[0]])
    assert_array_equal(found.cleaned_at(pixels), found.cleaned.ravel()[pixels], strict=True)
    one = found.clean(found.indices[:1])
    assert np.flatnonzero(one != frame.ccd.data).tolist() == [found.indices[0]]


def test_from_images():
    found = detect(make_frame(64, 5), PARAMS)
    again = Detection.from_images(
        found.params, found.crmask, found.cleaned, found.searched, found.per_iteration, found.engine
    )
    for name in ('crmask', 'cleaned', 'searched'):
        assert_array_equal(getattr(again, name), getattr(found, name), strict=True)
    assert (again.pixels, again.excluded_fraction) == (found.pixels, found.excluded_fraction)


def test_a_cancelled_run_leaves_nothing_behind():
    frame = make_frame(128, 20)
    engine, calls = LACosmic(frame, PARAMS), iter([False] * 6 + [True] * 100)
    with pytest.raises(Cancelled):
        engine.detect(cancel=lambda: next(calls))
    assert_array_equal(engine.detect().crmask, detect(frame, PARAMS).crmask)
