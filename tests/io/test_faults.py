"""Saves that are killed, fail at a system call, run at the same time or on a full disk: the files stay complete."""

import os
import signal
import subprocess

import pytest

from tests.tools.fault_saves import WRITING, calls, fault, faults, missing_requirement
from tests.tools.kill_saves import run as kill_saves
from tests.tools.saves import SAVES, SEVERAL, Saver, is_complete, left_over, restore, state, states

pytestmark = pytest.mark.slow  # kills processes and fails system calls

PAGE = 4096


@pytest.fixture(scope='module')
def saver():
    saver = Saver()
    yield saver
    saver.close()


@pytest.mark.parametrize('name', SAVES)
def test_failing_system_calls_lose_nothing(saver, name, tmp_path):
    if missing_requirement():
        pytest.skip(missing_requirement())
    before, after = states(saver, name, tmp_path)
    numbers = calls(saver, name, tmp_path, before)
    assert {'openat', 'write', 'fsync', 'flock', 'unlink'} <= set(numbers)
    assert {'rename', 'link'} & set(numbers)
    found = [fault(saver, name, tmp_path, before, after, *each) for each in faults(numbers, WRITING, most=4)]
    assert [outcome for outcome in found if outcome.startswith('lost')] == []
    assert {'old', 'new'} <= set(found)


def test_killed_saves_lose_nothing(tmp_path):
    counts = kill_saves(20, 1, tmp_path, tuple(SAVES)[::3])
    assert sum(counts.values()) == 20
    assert counts['lost'] == 0
    assert counts['done before'] < 20


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of 1 MiB."""
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
    for pages in range(256):  # free pages
        restore(folder, before)
        filler.write_bytes(b'')
        filler.write_bytes(bytes((os.statvfs(folder).f_bavail - pages) * PAGE))
        assert os.statvfs(folder).f_bavail == pages
        end = saver.save(name, folder)
        ends.append(end.code)
        assert left_over(folder) == []
        if end.code == 0:
            break
        assert 'No space left on device' in end.message
        assert is_complete(state(folder), before, after) if name in SEVERAL else state(folder) == before
    assert len(ends) > 1
    assert state(folder) == after


@pytest.mark.parametrize('name', SAVES)
def test_a_file_size_limit_loses_nothing(saver, name, tmp_path):
    before, after = states(saver, name, tmp_path)
    changed = [len(after[name]) for name in after if before.get(name) != after[name]]
    for limit in {100, min(changed) // 2, min(changed) - 1}:
        restore(tmp_path, before)
        end = saver.save(name, tmp_path, limit)
        assert (end.code, 'File too large' in end.message) == (1, True)
        assert left_over(tmp_path) == []
        assert state(tmp_path) == before


@pytest.mark.parametrize('name', ['new', 'mask alone', 'into', 'into, with tables'])
def test_of_concurrent_saves_one_succeeds(saver, name, tmp_path):
    before, after = states(saver, name, tmp_path)
    for _ in range(5):
        restore(tmp_path, before)
        pids = [saver.begin(name, tmp_path) for _ in range(4)]
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        ends = [saver.end(pid) for pid in pids]
        assert sorted(end.code for end in ends) == [0, 1, 1, 1]
        messages = (
            'already exists',
            'modified by another process',
            'from an earlier run',
            'was modified since it was read',
        )
        assert all(any(message in end.message for message in messages) for end in ends if end.code)
        assert state(tmp_path) == after
