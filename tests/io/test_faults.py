"""Saves that are killed, fail at a system call, meet a full disk, or each other: old file or new, always whole."""

import os
import signal
import subprocess

import pytest

from tests.tools.fault_saves import WRITING, calls, fault, faults, why_not
from tests.tools.kill_saves import run as kill_saves
from tests.tools.saves import SAVES, SEVERAL, Saver, left_over, restore, state, states, whole

pytestmark = pytest.mark.slow  # kills processes and fails system calls

PAGE = 4096


@pytest.fixture(scope='module')
def saver():
    saver = Saver()
    yield saver
    saver.close()


@pytest.mark.parametrize('name', SAVES)
def test_no_fault_of_a_system_call_loses_anything(saver, name, tmp_path):
    if why_not():
        pytest.skip(why_not())
    before, after = states(saver, name, tmp_path)
    numbers = calls(saver, name, tmp_path, before)
    assert {'openat', 'write', 'fsync', 'flock', 'unlink'} <= set(numbers)
    assert {'rename', 'link'} & set(numbers)
    found = [fault(saver, name, tmp_path, before, after, *each) for each in faults(numbers, WRITING, most=4)]
    assert [words for words in found if words.startswith('lost')] == []
    assert {'old', 'new'} <= set(found)


def test_no_kill_loses_anything(tmp_path):
    counts = kill_saves(20, 1, tmp_path, tuple(SAVES)[::3])
    assert sum(counts.values()) == 20
    assert counts['lost'] == 0
    assert counts['done before'] < 20


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB."""
    mounted = subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=1m', 'small', str(tmp_path)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f'a small file system cannot be mounted here: {mounted.stderr.strip()}')
    yield tmp_path
    subprocess.run(['umount', str(tmp_path)], check=True)


@pytest.mark.parametrize('name', SAVES)
def test_a_full_disk_loses_nothing(saver, name, small_disk):
    folder, filler = small_disk / 'night', small_disk / 'filler'
    folder.mkdir()
    before, after = states(saver, name, folder)
    ends = []
    for pages in range(256):  # as much room
        restore(folder, before)
        filler.write_bytes(b'')
        filler.write_bytes(bytes((os.statvfs(folder).f_bavail - pages) * PAGE))
        assert os.statvfs(folder).f_bavail == pages
        end = saver.save(name, folder)
        ends.append(end.code)
        assert left_over(folder) == []
        if end.code == 0:
            break
        assert 'No space left on device' in end.said
        assert whole(state(folder), before, after) if name in SEVERAL else state(folder) == before
    assert len(ends) > 1
    assert state(folder) == after


@pytest.mark.parametrize('name', SAVES)
def test_a_limit_of_the_file_size_loses_nothing(saver, name, tmp_path):
    before, after = states(saver, name, tmp_path)
    changed = [len(after[name]) for name in after if before.get(name) != after[name]]
    for limit in {100, min(changed) // 2, min(changed) - 1}:
        restore(tmp_path, before)
        end = saver.save(name, tmp_path, limit)
        assert (end.code, 'File too large' in end.said) == (1, True)
        assert left_over(tmp_path) == []
        assert state(tmp_path) == before


@pytest.mark.parametrize('name', ['new', 'mask alone', 'into', 'into, beside tables'])
def test_of_saves_at_once_one_goes_on(saver, name, tmp_path):
    before, after = states(saver, name, tmp_path)
    for _ in range(5):
        restore(tmp_path, before)
        pids = [saver.begin(name, tmp_path) for _ in range(4)]
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        ends = [saver.end(pid) for pid in pids]
        assert sorted(end.code for end in ends) == [0, 1, 1, 1]
        words = (
            'exists already',
            'modified by another process',
            'from an earlier run',
            'was modified since it was read',
        )
        assert all(any(word in end.said for word in words) for end in ends if end.code)
        assert state(tmp_path) == after
