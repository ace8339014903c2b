"""Cache of unsaved reviews."""

import stat

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ginga_crplugin import Frame
from ginga_crplugin.io.review_cache import ReviewCache, frame_hash

PIXELS, CODES = np.array([3, 77, 400]), np.array([1, 2, 3], np.uint8)


@pytest.fixture
def cache(tmp_path):
    return ReviewCache(tmp_path / 'reviews')


def test_a_stored_review_is_loaded(cache):
    assert cache.load('a') is None
    cache.save('a', 1, PIXELS, CODES)
    for one, other in zip(cache.load('a'), (PIXELS, CODES), strict=True):
        assert_array_equal(one, other)
    assert cache.load('b') is None
    cache.delete('a', 2)
    assert cache.load('a') is None
    cache.delete('a', 3)


def test_an_older_review_does_not_replace_a_later_one(cache):
    cache.save('a', 2, PIXELS, CODES)
    cache.save('a', 1, PIXELS[:1], CODES[:1])
    assert len(cache.load('a')[0]) == 3


def test_late_calls_neither_save_nor_delete(cache):
    cache.save('a', 3, PIXELS, CODES)
    cache.delete('a', 2)  # by a save that began before the last edit
    assert cache.load('a') is not None
    cache.delete('a', 4)
    cache.save('a', 3, PIXELS, CODES)
    assert cache.load('a') is None


def test_write_errors_name_folder_reason_and_advice(cache, monkeypatch):
    def fail(*_, **__):
        raise PermissionError(13, 'Permission denied')

    with monkeypatch.context() as patch:
        patch.setattr('os.open', fail)
        with pytest.raises(
            OSError, match=r'cannot store the unsaved review: .*reviews: Permission denied; save the mask'
        ):
            cache.save('a', 1, PIXELS, CODES)
    cache.save('a', 1, PIXELS, CODES)
    monkeypatch.setattr('pathlib.Path.unlink', fail)
    with pytest.raises(
        OSError, match=r'cannot delete the stored review: .*reviews: Permission denied; it will be offered again'
    ):
        cache.delete('a', 2)


def test_only_the_owner_can_read_reviews(cache, tmp_path):
    cache.save('a', 1, PIXELS, CODES)
    folder = tmp_path / 'reviews'
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]


@pytest.mark.parametrize('content', [b'', b'nonsense', b'PK\x03\x04 half a zip'])
def test_a_damaged_review_is_ignored(cache, tmp_path, content):
    cache.save('a', 1, PIXELS, CODES)
    (tmp_path / 'reviews' / 'a.npz').write_bytes(content)
    assert cache.load('a') is None


@pytest.mark.parametrize('count', [3, 2000])  # NumPy alone checks only what it reads at once
def test_a_review_with_flipped_bits_is_ignored_or_intact(cache, tmp_path, count):
    rng = np.random.default_rng(count)
    pixels, codes = np.sort(rng.choice(10**6, count, replace=False)), rng.integers(1, 4, count).astype(np.uint8)
    cache.save('a', 1, pixels, codes)
    path = tmp_path / 'reviews' / 'a.npz'
    good = path.read_bytes()
    lost = 0
    for bit in [*rng.choice(8 * len(good), 400, replace=False), *rng.choice(8 * 200, 200, replace=False)]:
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        found = cache.load('a')
        lost += found is None
        if found is not None:
            assert_array_equal(found[0], pixels)
            assert_array_equal(found[1], codes)
    assert 0 < lost < 600


def test_pickled_objects_are_not_loaded(cache, tmp_path):
    cache.save('a', 1, PIXELS, CODES)
    np.savez(tmp_path / 'reviews' / 'a.npz', pixels=np.array([print], dtype=object), codes=CODES)
    assert cache.load('a') is None


def test_the_frame_hash_depends_on_pixels_shape_file_and_extension(tmp_path):
    data = np.random.default_rng(0).random((20, 20))
    hashes = {
        frame_hash(frame)
        for frame in (
            Frame(data),
            Frame(data.T),
            Frame(data, path=tmp_path / 'a.fits'),
            Frame(data, path=tmp_path / 'b.fits'),
            Frame(data, path=tmp_path / 'a.fits', ext=1),
        )
    }
    assert len(hashes) == 5
    assert frame_hash(Frame(data.copy())) == frame_hash(Frame(data))
