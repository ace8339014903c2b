"""Files that are written whole: names, links, rights, two writers at once, and what killed ones leave behind."""

import os
import stat
from pathlib import Path
from threading import Barrier, Thread

import pytest

from ginga_crplugin.io import atomic
from ginga_crplugin.io.atomic import AtomicFile, remove_leftovers

LEFT = '.ginga-crplugin-0123456789abcdef.part'


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_is_there_when_it_is_whole(tmp_path):
    with AtomicFile(tmp_path / 'a').writing() as file:
        file.write(b'whole')
        file.flush()
        assert 'a' not in names(tmp_path)
    assert (tmp_path / 'a').read_bytes() == b'whole'
    assert names(tmp_path) == ['a']


def test_the_old_file_is_there_until_the_new_one_is_whole(tmp_path):
    (tmp_path / 'a').write_bytes(b'old')
    with AtomicFile(tmp_path / 'a', overwrite=True).writing() as file:
        file.write(b'new')
        assert (tmp_path / 'a').read_bytes() == b'old'
    assert (tmp_path / 'a').read_bytes() == b'new'
    assert names(tmp_path) == ['a']


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt, SystemExit])
def test_what_breaks_off_leaves_nothing(tmp_path, error):
    def half():
        with AtomicFile(tmp_path / 'a').writing() as file:
            file.write(b'half')
            raise error

    with pytest.raises(error):
        half()
    assert names(tmp_path) == []


def test_names_may_be_as_long_as_the_file_system_allows(tmp_path):
    AtomicFile(tmp_path / ('n' * 255)).write(b'x')
    assert names(tmp_path) == ['n' * 255]


# what stands there


def test_what_stands_there_is_replaced_only_when_asked(tmp_path):
    (tmp_path / 'a').write_bytes(b'old')
    with pytest.raises(FileExistsError, match='a exists already: choose another name'):
        AtomicFile(tmp_path / 'a')


def test_what_has_come_meanwhile_is_kept(tmp_path):
    place = AtomicFile(tmp_path / 'a')
    (tmp_path / 'a').write_bytes(b'first')
    with pytest.raises(FileExistsError, match='a exists already'):
        place.write(b'second')
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
def test_what_has_changed_meanwhile_is_kept(tmp_path, change):
    (tmp_path / 'a').write_bytes(b'old')
    place = AtomicFile(tmp_path / 'a', overwrite=True)
    change(tmp_path / 'a')
    before = [path.read_bytes() for path in tmp_path.iterdir()]
    with pytest.raises(OSError, match='a cannot be written: it was changed meanwhile by somebody else'):
        place.write(b'new')
    assert [path.read_bytes() for path in tmp_path.iterdir()] == before


@pytest.mark.parametrize('overwrite', [False, True])
def test_of_many_threads_one_writes(tmp_path, overwrite):
    if overwrite:
        (tmp_path / 'a').write_bytes(b'old')
    barrier, ends = Barrier(8), []

    def write(number):
        place = AtomicFile(tmp_path / 'a', overwrite=overwrite)
        barrier.wait()
        try:
            place.write(number * 1000)
        except OSError:
            ends.append(None)
        else:
            ends.append(number)

    threads = [Thread(target=write, args=(bytes([number]),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (won,) = set(ends) - {None}
    assert ends.count(None) == 7
    assert (tmp_path / 'a').read_bytes() == won * 1000
    assert names(tmp_path) == ['a']


def test_a_link_stays_and_the_file_behind_it_is_replaced(tmp_path):
    (tmp_path / 'deep').mkdir()
    (tmp_path / 'link').symlink_to('deep/a')
    for content in (b'one', b'two'):
        place = AtomicFile(tmp_path / 'link', overwrite=True)
        place.write(content)
        assert place.path == (tmp_path / 'deep' / 'a').resolve()
        assert (tmp_path / 'link').is_symlink()
        assert (tmp_path / 'deep' / 'a').read_bytes() == content
    assert names(tmp_path / 'deep') == ['a']


def test_a_file_with_two_names_is_not_parted_from_the_other(tmp_path):
    (tmp_path / 'a').write_bytes(b'old')
    os.link(tmp_path / 'a', tmp_path / 'b')
    with pytest.raises(OSError, match=r'a cannot be written: it has 2 names \(hard links\)'):
        AtomicFile(tmp_path / 'a', overwrite=True)
    assert (tmp_path / 'a').samefile(tmp_path / 'b')


def folder(path):
    path.mkdir()


def circle(path):
    path.symlink_to(path)


@pytest.mark.parametrize('make', [folder, os.mkfifo, circle])
def test_what_is_no_plain_file_is_not_replaced(tmp_path, make):
    make(tmp_path / 'a')
    mode = (tmp_path / 'a').lstat().st_mode
    with pytest.raises(FileExistsError, match='a exists already'):
        AtomicFile(tmp_path / 'a')
    with pytest.raises(OSError, match='a cannot be written: it is not a plain file'):
        AtomicFile(tmp_path / 'a', overwrite=True)
    assert (tmp_path / 'a').lstat().st_mode == mode


def test_a_device_is_not_replaced():
    with pytest.raises(OSError, match='null cannot be written: it is not a plain file'):
        AtomicFile('/dev/null', overwrite=True)


# rights


@pytest.mark.parametrize('umask', [0o022, 0o077, 0o002])
def test_a_new_file_has_the_rights_that_the_umask_leaves_and_a_private_one_fewer(tmp_path, umask):
    old = os.umask(umask)
    try:
        AtomicFile(tmp_path / 'a').write(b'x')
        AtomicFile(tmp_path / 'b', private=True).write(b'x')
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / 'a').stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE((tmp_path / 'b').stat().st_mode) == 0o600


@pytest.mark.parametrize('mode', [0o640, 0o600, 0o664])
def test_a_replaced_file_keeps_its_rights_and_nobody_else_reads_the_new_one_before(tmp_path, mode):
    (tmp_path / 'a').write_bytes(b'old')
    (tmp_path / 'a').chmod(mode)
    with AtomicFile(tmp_path / 'a', overwrite=True).writing():
        (temporary,) = tmp_path.glob('.*')
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / 'a').stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can give a file away')
def test_a_replaced_file_keeps_its_owner_and_group(tmp_path):
    (tmp_path / 'a').write_bytes(b'old')
    os.chown(tmp_path / 'a', 12345, 23456)
    AtomicFile(tmp_path / 'a', overwrite=True).write(b'new')
    found = (tmp_path / 'a').stat()
    assert (found.st_uid, found.st_gid) == (12345, 23456)


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can give a file away')
def test_a_file_whose_owner_cannot_be_kept_is_not_replaced(tmp_path, monkeypatch):
    (tmp_path / 'a').write_bytes(b'old')
    os.chown(tmp_path / 'a', 12345, 23456)

    def refuse(*_):
        raise PermissionError(1, 'Operation not permitted')

    monkeypatch.setattr(os, 'chown', refuse)
    with pytest.raises(OSError, match='a cannot be written: its owner or group is another'):
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


# where the file system can do less


def unable(*_, **__):
    raise OSError(95, 'Operation not supported')


def test_without_hard_links_files_are_renamed(tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'link', unable)
    place = AtomicFile(tmp_path / 'a')
    AtomicFile(tmp_path / 'a').write(b'first')
    with pytest.raises(FileExistsError, match='a exists already'):
        place.write(b'second')
    assert (tmp_path / 'a').read_bytes() == b'first'
    assert names(tmp_path) == ['a']


@pytest.mark.parametrize('missing', ['module', 'locks'])
def test_without_locks_files_are_written_all_the_same(tmp_path, monkeypatch, missing):
    if missing == 'module':
        monkeypatch.setattr(atomic, 'fcntl', None)
    else:
        monkeypatch.setattr(atomic.fcntl, 'flock', unable)
    for content in (b'one', b'two'):
        AtomicFile(tmp_path / 'a', overwrite=True).write(content)
        assert (tmp_path / 'a').read_bytes() == content
    assert names(tmp_path) == ['a']


def test_a_file_that_another_program_has_locked_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, 'PATIENCE', 0.05)
    (tmp_path / 'a').write_bytes(b'old')
    with (tmp_path / 'a').open('rb') as file:
        atomic.fcntl.flock(file, atomic.fcntl.LOCK_EX)
        with pytest.raises(OSError, match='a cannot be written: another program has locked it'):
            AtomicFile(tmp_path / 'a', overwrite=True).write(b'new')
    assert (tmp_path / 'a').read_bytes() == b'old'
    assert names(tmp_path) == ['a']


# what killed writers leave


def test_what_is_left_over_is_swept_when_the_next_file_is_written(tmp_path):
    (tmp_path / LEFT).write_bytes(b'half')
    AtomicFile(tmp_path / 'a').write(b'x')
    assert names(tmp_path) == ['a']


def test_what_is_being_written_is_not_swept(tmp_path):
    with AtomicFile(tmp_path / 'a').writing() as file:
        file.write(b'slow')
        remove_leftovers(tmp_path)
        AtomicFile(tmp_path / 'b').write(b'fast')
    assert (tmp_path / 'a').read_bytes() == b'slow'
    assert names(tmp_path) == ['a', 'b']


def test_what_is_swept_before_it_is_locked_is_begun_again(tmp_path, monkeypatch):
    swept = []

    def late(handle, patience=0.0, lock=atomic._lock):
        if not swept:
            swept.extend(tmp_path.glob('.*'))
            swept[0].unlink()
        return lock(handle, patience)

    place = AtomicFile(tmp_path / 'a')
    monkeypatch.setattr(atomic, '_lock', late)
    place.write(b'x')
    assert len(swept) == 1
    assert names(tmp_path) == ['a']
    assert (tmp_path / 'a').read_bytes() == b'x'


@pytest.mark.parametrize(
    'name', ['.ginga-crplugin-0123456789abcdef.part.fits', '.ginga-crplugin-notes.part', 'frame.part', '.a.fits.tmp']
)
def test_nothing_else_is_swept(tmp_path, name):
    (tmp_path / name).write_bytes(b'mine')
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [name]


@pytest.mark.parametrize('make', [folder, os.mkfifo, circle])
def test_nothing_is_swept_that_only_has_the_name(tmp_path, make):
    make(tmp_path / LEFT)
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [LEFT]


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can give a file away')
def test_what_another_user_writes_is_not_swept(tmp_path):
    (tmp_path / LEFT).write_bytes(b'half')
    os.chown(tmp_path / LEFT, 12345, -1)
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [LEFT]


@pytest.mark.parametrize(('age', 'swept'), [(0.0, False), (2.0 * atomic.OLD, True)])
def test_without_locks_what_is_old_is_swept(tmp_path, monkeypatch, age, swept):
    (tmp_path / LEFT).write_bytes(b'half')
    then = (tmp_path / LEFT).stat().st_mtime - age
    os.utime(tmp_path / LEFT, (then, then))
    monkeypatch.setattr(atomic.fcntl, 'flock', unable)
    remove_leftovers(tmp_path)
    assert names(tmp_path) == ([] if swept else [LEFT])


def test_a_folder_that_is_not_there_is_told_when_it_is_written_to(tmp_path):
    remove_leftovers(tmp_path / 'missing')
    with pytest.raises(OSError, match='a cannot be written: No such file or directory'):
        AtomicFile(tmp_path / 'missing' / 'a').write(b'x')
