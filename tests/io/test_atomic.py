"""Atomic writing: names, links, permissions, concurrent writers, and leftovers of killed writers."""

import os
import stat
from pathlib import Path
from threading import Barrier, Thread

import pytest

from ginga_crplugin.io import atomic
from ginga_crplugin.io.atomic import AtomicFile, remove_leftovers

LEFTOVER = '.ginga-crplugin-0123456789abcdef.part'


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_appears_when_it_is_complete(tmp_path):
    with AtomicFile(tmp_path / 'a').writing() as file:
        file.write(b'whole')
        file.flush()
        assert 'a' not in names(tmp_path)
    assert (tmp_path / 'a').read_bytes() == b'whole'
    assert names(tmp_path) == ['a']


def test_the_old_file_stays_until_the_new_one_is_complete(tmp_path):
    (tmp_path / 'a').write_bytes(b'old')
    with AtomicFile(tmp_path / 'a', overwrite=True).writing() as file:
        file.write(b'new')
        assert (tmp_path / 'a').read_bytes() == b'old'
    assert (tmp_path / 'a').read_bytes() == b'new'
    assert names(tmp_path) == ['a']


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_no_file(tmp_path, error):
    def write_half():
        with AtomicFile(tmp_path / 'a').writing() as file:
            file.write(b'half')
            raise error

    with pytest.raises(error):
        write_half()
    assert names(tmp_path) == []


def test_names_may_be_as_long_as_the_file_system_allows(tmp_path):
    AtomicFile(tmp_path / ('n' * 255)).write(b'x')
    assert names(tmp_path) == ['n' * 255]


# existing files


def test_an_existing_file_is_replaced_only_with_overwrite(tmp_path):
    (tmp_path / 'a').write_bytes(b'old')
    with pytest.raises(FileExistsError, match='a already exists: choose another name'):
        AtomicFile(tmp_path / 'a')


def test_a_file_created_by_another_process_is_kept(tmp_path):
    target = AtomicFile(tmp_path / 'a')
    (tmp_path / 'a').write_bytes(b'first')
    with pytest.raises(FileExistsError, match='a already exists'):
        target.write(b'second')
    assert (tmp_path / 'a').read_bytes() == b'first'
    assert names(tmp_path) == ['a']


def rewritten(path):
    path.write_bytes(b'first')


def replaced(path):
    path.with_name('b').write_bytes(b'first')
    path.with_name('b').replace(path)


def same_size_and_time(path):
    found = path.stat()
    path.write_bytes(b'FIR')
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.mark.parametrize('change', [rewritten, replaced, same_size_and_time, Path.unlink])
def test_a_file_modified_by_another_process_is_kept(tmp_path, change):
    (tmp_path / 'a').write_bytes(b'old')
    target = AtomicFile(tmp_path / 'a', overwrite=True)
    change(tmp_path / 'a')
    before = [path.read_bytes() for path in tmp_path.iterdir()]
    with pytest.raises(OSError, match='a cannot be written: it was modified by another process'):
        target.write(b'new')
    assert [path.read_bytes() for path in tmp_path.iterdir()] == before


@pytest.mark.parametrize('overwrite', [False, True])
def test_of_several_threads_one_writes(tmp_path, overwrite):
    if overwrite:
        (tmp_path / 'a').write_bytes(b'old')
    barrier, ends = Barrier(8), []

    def write(number):
        target = AtomicFile(tmp_path / 'a', overwrite=overwrite)
        barrier.wait()
        try:
            target.write(number * 1000)
        except OSError:
            ends.append(None)
        else:
            ends.append(number)

    threads = [Thread(target=write, args=(bytes([number]),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = set(ends) - {None}
    assert ends.count(None) == 7
    assert (tmp_path / 'a').read_bytes() == winner * 1000
    assert names(tmp_path) == ['a']


def test_a_symbolic_link_is_kept_and_its_target_replaced(tmp_path):
    (tmp_path / 'deep').mkdir()
    (tmp_path / 'link').symlink_to('deep/a')
    for content in (b'one', b'two'):
        target = AtomicFile(tmp_path / 'link', overwrite=True)
        target.write(content)
        assert target.path == (tmp_path / 'deep' / 'a').resolve()
        assert (tmp_path / 'link').is_symlink()
        assert (tmp_path / 'deep' / 'a').read_bytes() == content
    assert names(tmp_path / 'deep') == ['a']


def test_a_file_with_hard_links_is_not_replaced(tmp_path):
    (tmp_path / 'a').write_bytes(b'old')
    os.link(tmp_path / 'a', tmp_path / 'b')
    with pytest.raises(OSError, match=r'a cannot be written: it has 2 hard links'):
        AtomicFile(tmp_path / 'a', overwrite=True)
    assert (tmp_path / 'a').samefile(tmp_path / 'b')


def folder(path):
    path.mkdir()


def circular_link(path):
    path.symlink_to(path)


@pytest.mark.parametrize('make', [folder, os.mkfifo, circular_link])
def test_only_regular_files_are_replaced(tmp_path, make):
    make(tmp_path / 'a')
    mode = (tmp_path / 'a').lstat().st_mode
    with pytest.raises(FileExistsError, match='a already exists'):
        AtomicFile(tmp_path / 'a')
    with pytest.raises(OSError, match='a cannot be written: it is not a regular file'):
        AtomicFile(tmp_path / 'a', overwrite=True)
    assert (tmp_path / 'a').lstat().st_mode == mode


def test_a_device_is_not_replaced():
    with pytest.raises(OSError, match='null cannot be written: it is not a regular file'):
        AtomicFile('/dev/null', overwrite=True)


# permissions


@pytest.mark.parametrize('umask', [0o022, 0o077, 0o002])
def test_a_new_file_follows_the_umask_unless_it_is_private(tmp_path, umask):
    old = os.umask(umask)
    try:
        AtomicFile(tmp_path / 'a').write(b'x')
        AtomicFile(tmp_path / 'b', private=True).write(b'x')
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / 'a').stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE((tmp_path / 'b').stat().st_mode) == 0o600


@pytest.mark.parametrize('mode', [0o640, 0o600, 0o664])
def test_a_replaced_file_keeps_its_permissions_and_the_temporary_one_is_private(tmp_path, mode):
    (tmp_path / 'a').write_bytes(b'old')
    (tmp_path / 'a').chmod(mode)
    with AtomicFile(tmp_path / 'a', overwrite=True).writing():
        (temporary,) = tmp_path.glob('.*')
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / 'a').stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can change the owner')
def test_a_replaced_file_keeps_its_owner_and_group(tmp_path):
    (tmp_path / 'a').write_bytes(b'old')
    os.chown(tmp_path / 'a', 12345, 23456)
    AtomicFile(tmp_path / 'a', overwrite=True).write(b'new')
    found = (tmp_path / 'a').stat()
    assert (found.st_uid, found.st_gid) == (12345, 23456)


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can change the owner')
def test_a_file_whose_owner_would_change_is_not_replaced(tmp_path, monkeypatch):
    (tmp_path / 'a').write_bytes(b'old')
    os.chown(tmp_path / 'a', 12345, 23456)

    def refuse(*_):
        raise PermissionError(1, 'Operation not permitted')

    monkeypatch.setattr(os, 'chown', refuse)
    with pytest.raises(OSError, match='a cannot be written: its owner or group would change'):
        AtomicFile(tmp_path / 'a', overwrite=True).write(b'new')
    assert (tmp_path / 'a').read_bytes() == b'old'
    assert names(tmp_path) == ['a']


def test_extended_attributes_are_kept(tmp_path):
    (tmp_path / 'a').write_bytes(b'old')
    try:
        os.setxattr(tmp_path / 'a', 'user.observer', b'me')
    except OSError as error:
        pytest.skip(f'the file system has no extended attributes: {error.strerror}')
    AtomicFile(tmp_path / 'a', overwrite=True).write(b'new')
    assert os.getxattr(tmp_path / 'a', 'user.observer') == b'me'


# file systems without hard links or locks


def unsupported(*_, **__):
    raise OSError(95, 'Operation not supported')


def test_files_are_renamed_without_hard_links(tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'link', unsupported)
    target = AtomicFile(tmp_path / 'a')
    AtomicFile(tmp_path / 'a').write(b'first')
    with pytest.raises(FileExistsError, match='a already exists'):
        target.write(b'second')
    assert (tmp_path / 'a').read_bytes() == b'first'
    assert names(tmp_path) == ['a']


@pytest.mark.parametrize('missing', ['module', 'locks'])
def test_files_are_written_without_locks(tmp_path, monkeypatch, missing):
    if missing == 'module':
        monkeypatch.setattr(atomic, 'fcntl', None)
    else:
        monkeypatch.setattr(atomic.fcntl, 'flock', unsupported)
    for content in (b'one', b'two'):
        AtomicFile(tmp_path / 'a', overwrite=True).write(content)
        assert (tmp_path / 'a').read_bytes() == content
    assert names(tmp_path) == ['a']


def test_a_locked_file_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, 'LOCK_TIMEOUT', 0.05)
    (tmp_path / 'a').write_bytes(b'old')
    with (tmp_path / 'a').open('rb') as file:
        atomic.fcntl.flock(file, atomic.fcntl.LOCK_EX)
        with pytest.raises(OSError, match='a cannot be written: another program has locked it'):
            AtomicFile(tmp_path / 'a', overwrite=True).write(b'new')
    assert (tmp_path / 'a').read_bytes() == b'old'
    assert names(tmp_path) == ['a']


# leftovers of killed writers


def test_leftovers_are_removed_by_the_next_writer(tmp_path):
    (tmp_path / LEFTOVER).write_bytes(b'half')
    AtomicFile(tmp_path / 'a').write(b'x')
    assert names(tmp_path) == ['a']


def test_files_being_written_are_not_leftovers(tmp_path):
    with AtomicFile(tmp_path / 'a').writing() as file:
        file.write(b'slow')
        remove_leftovers(tmp_path)
        AtomicFile(tmp_path / 'b').write(b'fast')
    assert (tmp_path / 'a').read_bytes() == b'slow'
    assert names(tmp_path) == ['a', 'b']


def test_a_temporary_file_removed_before_it_is_locked_is_created_again(tmp_path, monkeypatch):
    removed = []

    def remove_first(handle, timeout=0.0, lock=atomic.lock_file):
        if not removed:
            removed.extend(tmp_path.glob('.*'))
            removed[0].unlink()
        return lock(handle, timeout)

    target = AtomicFile(tmp_path / 'a')
    monkeypatch.setattr(atomic, 'lock_file', remove_first)
    target.write(b'x')
    assert len(removed) == 1
    assert names(tmp_path) == ['a']
    assert (tmp_path / 'a').read_bytes() == b'x'


@pytest.mark.parametrize(
    'name', ['.ginga-crplugin-0123456789abcdef.part.fits', '.ginga-crplugin-notes.part', 'frame.part', '.a.fits.tmp']
)
def test_other_files_are_not_removed(tmp_path, name):
    (tmp_path / name).write_bytes(b'mine')
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [name]


@pytest.mark.parametrize('make', [folder, os.mkfifo, circular_link])
def test_only_regular_files_are_removed(tmp_path, make):
    make(tmp_path / LEFTOVER)
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [LEFTOVER]


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can change the owner')
def test_files_of_other_users_are_not_removed(tmp_path):
    (tmp_path / LEFTOVER).write_bytes(b'half')
    os.chown(tmp_path / LEFTOVER, 12345, -1)
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [LEFTOVER]


@pytest.mark.parametrize(('age', 'removed'), [(0.0, False), (2.0 * atomic.LEFTOVER_AGE, True)])
def test_old_leftovers_are_removed_without_locks(tmp_path, monkeypatch, age, removed):
    (tmp_path / LEFTOVER).write_bytes(b'half')
    modified = (tmp_path / LEFTOVER).stat().st_mtime - age
    os.utime(tmp_path / LEFTOVER, (modified, modified))
    monkeypatch.setattr(atomic.fcntl, 'flock', unsupported)
    remove_leftovers(tmp_path)
    assert names(tmp_path) == ([] if removed else [LEFTOVER])


def test_a_missing_folder_raises_when_it_is_written_to(tmp_path):
    remove_leftovers(tmp_path / 'missing')
    with pytest.raises(OSError, match='a cannot be written: No such file or directory'):
        AtomicFile(tmp_path / 'missing' / 'a').write(b'x')
