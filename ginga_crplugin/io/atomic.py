"""The room of whole files: what is written stands under its name when all of it is there, or not at all."""

import os
import re
import secrets
import shutil
import stat
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ['AtomicFile', 'chunks', 'remove_leftovers']

#: The names of files that are being written; none of them tells for what, for that name may be as long as names can be.
_TEMPORARY = '.ginga-crplugin-{}.part'
_OURS = re.compile(re.escape(_TEMPORARY).replace(r'\{\}', '[0-9a-f]{16}'))

#: Seconds to wait for a program that has locked the file, and from which a file is left over where there are no locks.
PATIENCE, OLD = 5.0, 86400.0

#: Bytes that are written at once: file systems take several times as long for megabytes in one piece.
CHUNK_SIZE = 1 << 18

_TAKING = threading.Lock()


class AtomicFile:
    """A name under which a file shall be written, and what stands there now.

    What is written takes its place when it is whole, by renaming, and if what stands there is still the same: of two
    that write at once, one gets an error. A symbolic link stays, the file behind it is replaced. Owner, group, rights
    and extended attributes of a file that is replaced are kept. What a killed writer left in the folder is swept away.

    Parameters
    ----------
    path : path-like
    overwrite : bool, optional
        Whether what stands there now may be replaced.
    private : bool, optional
        Whether its user alone may read it.

    Attributes
    ----------
    path : `~pathlib.Path`
        The file itself, behind all links.

    Raises
    ------
    FileExistsError
        If something stands there, and ``overwrite`` is not set.
    OSError
        If what stands there can't be replaced: no plain file, write-protected, or a file that has other names (hard
        links), which would keep the old content.
    """

    def __init__(self, path, *, overwrite=False, private=False):
        self.path = Path(os.path.realpath(path))
        self._private = private
        remove_leftovers(self.path.parent)
        with self._told():
            self._before = _standing(self.path)
        if self._before is not None:
            if not overwrite:
                raise self._taken()
            self._check_replaceable()

    def _check_replaceable(self):
        if not stat.S_ISREG(self._before.st_mode):
            why = 'it is not a plain file'
        elif self._before.st_nlink > 1:
            why = f'it has {self._before.st_nlink} names (hard links), and the others would keep the old content'
        elif not os.access(self.path, os.W_OK):
            why = 'it is write-protected'
        else:
            return
        msg = f'{self.path} cannot be written: {why}'
        raise OSError(msg)

    def _taken(self):
        return FileExistsError(f'{self.path} exists already: choose another name, or say that it may be overwritten')

    @contextmanager
    def _told(self):
        """Say in one line what the system refused."""
        try:
            yield
        except OSError as error:
            if error.errno is None:  # it tells by itself
                raise
            msg = f'{self.path} cannot be written: {error.strerror or error}'
            raise OSError(msg) from error

    def write(self, content):
        """Write bytes (see `writing`)."""
        with self.writing() as file:
            file.writelines(chunks(content))

    @contextmanager
    def writing(self):
        """Open a binary file that takes its place when the block ends well, and is gone if it does not.

        Raises
        ------
        FileExistsError
            If another file has come to stand there meanwhile.
        OSError
            If it can't be written, or what stood there has changed meanwhile; all is left as it was.
        """
        with self._told(), ExitStack() as stack:
            temporary, file = self._begun(stack)
            yield file
            file.flush()
            self._take_on_rights(file.fileno(), temporary)
            os.fsync(file.fileno())
            if fcntl is None:  # Windows renames no open file
                file.close()
            with _TAKING:
                self._take(temporary)
        _settle(self.path.parent)

    def _begun(self, stack):
        """Return the name of a new file in the folder, and the file; both go when the stack ends.

        It is locked while it is written, by which those are told that a kill left.
        """
        mode = 0o666 if self._before is None and not self._private else 0o600
        while True:
            path = self.path.with_name(_TEMPORARY.format(secrets.token_hex(8)))
            stack.callback(_tried, path.unlink)
            file = open(path, 'x+b', opener=partial(os.open, mode=mode))  # noqa: SIM115 - the stack closes it
            stack.callback(_tried, file.close)
            _lock(file.fileno(), PATIENCE)
            if os.fstat(file.fileno()).st_nlink:  # else it was swept away before it was locked
                return path, file

    def _take_on_rights(self, handle, temporary):
        if self._before is None:
            return
        self._check_unchanged()
        if self._private:
            return
        new, old = os.fstat(handle), self._before
        if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
            try:
                os.chown(temporary, old.st_uid, old.st_gid)
            except PermissionError:
                msg = f'{self.path} cannot be written: its owner or group is another, who would lose it'
                raise OSError(msg) from None
        shutil.copystat(self.path, temporary)
        os.utime(temporary)

    def _take(self, temporary):
        """Give the file its name."""
        if self._before is None:
            try:
                os.link(temporary, self.path)  # unlike renaming, it replaces nothing
            except FileExistsError:
                raise self._taken() from None
            except OSError:  # a file system without hard links
                if os.path.lexists(self.path):
                    raise self._taken() from None
                temporary.rename(self.path)
            return
        with _held(self.path):
            self._check_unchanged()
            temporary.replace(self.path)

    def _check_unchanged(self):
        now = _standing(self.path)
        if now is None or _mark(now) != _mark(self._before):
            msg = f'{self.path} cannot be written: it was changed meanwhile by somebody else'
            raise OSError(msg)


def chunks(content):
    """Yield bytes in pieces that are written fast."""
    view = memoryview(content)
    for begin in range(0, len(view), CHUNK_SIZE):
        yield view[begin : begin + CHUNK_SIZE]


def remove_leftovers(folder):
    """Take away what writers that were killed left in a folder; nothing else, and nothing that is being written."""
    try:
        with os.scandir(folder) as entries:
            left = [Path(entry.path) for entry in entries if _OURS.fullmatch(entry.name)]
    except OSError:  # no such folder, or no right: whoever writes there is told
        return
    for path in left:
        with suppress(OSError):  # another user's, or gone
            _sweep_away(path)


def _sweep_away(path):
    handle = os.open(path, os.O_RDWR | getattr(os, 'O_NOFOLLOW', 0) | getattr(os, 'O_NONBLOCK', 0))
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or (hasattr(os, 'geteuid') and found.st_uid != os.geteuid()):
            return
        locked = _lock(handle)
        if locked or (locked is None and time.time() - found.st_mtime > OLD):
            path.unlink()
    finally:
        os.close(handle)


def _standing(path):
    """Return what stands under a name (`os.stat_result`), or None."""
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def _mark(found):
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _lock(handle, patience=0.0):
    """Lock an open file; return False if somebody else has locked it, None where there are no locks."""
    end = time.monotonic() + patience
    while fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.01)
        except OSError:  # a file system without locks
            return None
        else:
            return True
    return None


@contextmanager
def _held(path):
    """Lock a file that is about to be replaced, so that of two that do so the second sees what the first did."""
    if fcntl is None:
        yield
        return
    handle = os.open(path, os.O_RDWR)
    try:
        if _lock(handle, PATIENCE) is False:
            msg = f'{path} cannot be written: another program has locked it'
            raise OSError(msg)
        yield
    finally:
        _tried(os.close, handle)


def _tried(act, *args):
    """Do what does no harm if it can't be done: the file is in its place by then, or given up."""
    with suppress(OSError):
        act(*args)


def _settle(folder):
    """Have the new name stand a power failure; where a folder can't be asked to, the file is whole all the same."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
