import stat

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ginga_crplugin import Frame
from ginga_crplugin.io.review_cache import ReviewCache, frame_hash

PIXELS, CODES = np.array([3, 77, 400]), np.array([1, 2, 3], np.uint8)


@pytest.fixture
def kept(tmp_path):
    return ReviewCache(tmp_path / 'reviews')


def test_what_is_kept_comes_back(kept):
    assert kept.load('a') is None
    kept.save('a', 1, PIXELS, CODES)
    for one, other in zip(kept.load('a'), (PIXELS, CODES), strict=True):
        assert_array_equal(one, other)
    assert kept.load('b') is None
    kept.delete('a', 2)
    assert kept.load('a') is None
    kept.delete('a', 3)


def test_an_older_one_that_comes_late_is_not_kept(kept):
    kept.save('a', 2, PIXELS, CODES)
    kept.save('a', 1, PIXELS[:1], CODES[:1])
    assert len(kept.load('a')[0]) == 3


def test_what_comes_late_is_neither_kept_nor_forgotten(kept):
    kept.save('a', 3, PIXELS, CODES)
    kept.delete('a', 2)  # of a save that began before the last edit
    assert kept.load('a') is not None
    kept.delete('a', 4)
    kept.save('a', 3, PIXELS, CODES)
    assert kept.load('a') is None


def test_what_cannot_be_written_is_told_in_words(kept, monkeypatch):
    def fail(*_, **__):
        raise PermissionError(13, 'Permission denied')

    with monkeypatch.context() as patch:
        patch.setattr('os.open', fail)
        with pytest.raises(OSError, match=r'cannot be kept for later: .*reviews: Permission denied; save the mask'):
            kept.save('a', 1, PIXELS, CODES)
    kept.save('a', 1, PIXELS, CODES)
    monkeypatch.setattr('pathlib.Path.unlink', fail)
    with pytest.raises(OSError, match=r'cannot be dropped: .*reviews: Permission denied; it will be offered again'):
        kept.delete('a', 2)


def test_only_its_user_can_read_it(kept, tmp_path):
    kept.save('a', 1, PIXELS, CODES)
    folder = tmp_path / 'reviews'
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]


@pytest.mark.parametrize('content', [b'', b'nonsense', b'PK\x03\x04 half a zip'])
def test_a_damaged_one_is_none(kept, tmp_path, content):
    kept.save('a', 1, PIXELS, CODES)
    (tmp_path / 'reviews' / 'a.npz').write_bytes(content)
    assert kept.load('a') is None


@pytest.mark.parametrize('count', [3, 2000])  # NumPy alone checks only what it reads at once
def test_flipped_bits_are_no_review_or_leave_it_as_it_was(kept, tmp_path, count):
    rng = np.random.default_rng(count)
    pixels, codes = np.sort(rng.choice(10**6, count, replace=False)), rng.integers(1, 4, count).astype(np.uint8)
    kept.save('a', 1, pixels, codes)
    path = tmp_path / 'reviews' / 'a.npz'
    good = path.read_bytes()
    lost = 0
    for bit in [*rng.choice(8 * len(good), 400, replace=False), *rng.choice(8 * 200, 200, replace=False)]:
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        found = kept.load('a')
        lost += found is None
        if found is not None:
            assert_array_equal(found[0], pixels)
            assert_array_equal(found[1], codes)
    assert 0 < lost < 600


def test_objects_are_not_loaded(kept, tmp_path):
    kept.save('a', 1, PIXELS, CODES)
    np.savez(tmp_path / 'reviews' / 'a.npz', pixels=np.array([print], dtype=object), codes=CODES)
    assert kept.load('a') is None


def test_frames_are_told_apart(tmp_path):
    data = np.random.default_rng(0).random((20, 20))
    words = {
        frame_hash(frame)
        for frame in (
            Frame(data),
            Frame(data.T),
            Frame(data, path=tmp_path / 'a.fits'),
            Frame(data, path=tmp_path / 'b.fits'),
            Frame(data, path=tmp_path / 'a.fits', ext=1),
        )
    }
    assert len(words) == 5
    assert frame_hash(Frame(data.copy())) == frame_hash(Frame(data))
