"""Atomic writing: a file is replaced completely or not at all."""

import os
import re
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ['LEFTOVER_AGE', 'LOCK_TIMEOUT', 'TEMPORARY_NAME', 'AtomicFile', 'chunks', 'lock_file', 'remove_leftovers']

#: Names of temporary files. They do not contain the name of the target, which may have the maximum length already.
_TEMPORARY = '.ginga-crplugin-{}.part'

#: Pattern of the names of temporary files.
TEMPORARY_NAME = re.compile(re.escape(_TEMPORARY).replace(r'\{\}', '[0-9a-f]{16}'))

#: Seconds to wait for the lock of a file.
LOCK_TIMEOUT = 5.0

#: Age in seconds above which a temporary file is a leftover, on file systems without locks.
LEFTOVER_AGE = 86400.0

#: Bytes per write: file systems take several times as long for megabytes in one call.
CHUNK_SIZE = 1 << 18

_RENAMING = threading.Lock()


class AtomicFile:
    """A file that is written under a temporary name and renamed when it is complete.

    Of several writers that start at the same time one succeeds, the others get an error. A symbolic link is kept and
    its target replaced. A replaced file keeps its owner, group, permissions and extended attributes. Temporary files
    of killed writers in the same folder are removed.

    Parameters
    ----------
    path : path-like
        The file to write.
    overwrite : bool, optional
        Whether an existing file may be replaced.
    private : bool, optional
        Whether only its owner may read the file.

    Attributes
    ----------
    path : `~pathlib.Path`
        The file after resolving symbolic links.

    Raises
    ------
    FileExistsError
        If the file exists and ``overwrite`` is not set.
    OSError
        If the existing file cannot be replaced: it is not a regular file, is write-protected, or has other hard links,
        which would keep the old content.
    """

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False, private: bool = False) -> None:
        self.path = Path(os.path.realpath(path))
        self._private = private
        remove_leftovers(self.path.parent)
        with self._one_line_errors():
            self._before = _lstat(self.path)
        if self._before is not None:
            if not overwrite:
                raise self._exists_error()
            self._check_replaceable(self._before)

    def _check_replaceable(self, existing: os.stat_result) -> None:
        if not stat.S_ISREG(existing.st_mode):
            why = 'it is not a regular file'
        elif existing.st_nlink > 1:
            why = f'it has {existing.st_nlink} hard links, and the others would keep the old content'
        elif not os.access(self.path, os.W_OK):
            why = 'it is write-protected'
        else:
            return
        msg = f'{self.path} cannot be written: {why}'
        raise OSError(msg)

    def _exists_error(self) -> FileExistsError:
        return FileExistsError(f'{self.path} already exists: choose another name or allow overwriting')

    @contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        """Turn errors of the operating system into one line with the path and the reason."""
        try:
            yield
        except OSError as error:
            if error.errno is None:  # raised here, with its message
                raise
            msg = f'{self.path} cannot be written: {error.strerror or error}'
            raise OSError(msg) from error

    def write(self, content: bytes | memoryview) -> None:
        """Write the whole content.

        Parameters
        ----------
        content : bytes-like
            The content.
        """
        with self.writing() as file:
            file.writelines(chunks(content))

    @contextmanager
    def writing(self) -> Iterator[BinaryIO]:
        """Open a temporary file that replaces the file at the end of the block, and is removed after an error.

        Yields
        ------
        binary file
            Open for writing, seekable.

        Raises
        ------
        FileExistsError
            If another process created the file in the meantime.
        OSError
            If it cannot be written, or another process modified the existing file; nothing is changed.
        """
        with self._one_line_errors(), ExitStack() as stack:
            temporary, file = self._open_temporary(stack)
            yield file
            file.flush()
            self._copy_metadata(file.fileno(), temporary)
            os.fsync(file.fileno())
            if fcntl is None:  # Windows cannot rename an open file
                file.close()
            with _RENAMING:
                self._rename(temporary)
        _sync_folder(self.path.parent)

    def _open_temporary(self, stack: ExitStack) -> tuple[Path, BinaryIO]:
        """Create a temporary file in the same folder, locked so that it is not removed as a leftover.

        The exit stack closes and removes it.
        """
        mode = 0o666 if self._before is None and not self._private else 0o600
        while True:
            path = self.path.with_name(_TEMPORARY.format(secrets.token_hex(8)))
            stack.callback(_ignore_errors, path.unlink)
            file = open(path, 'x+b', opener=partial(os.open, mode=mode))  # noqa: SIM115 - the stack closes it
            stack.callback(_ignore_errors, file.close)
            lock_file(file.fileno(), LOCK_TIMEOUT)
            if os.fstat(file.fileno()).st_nlink:  # else it was removed as a leftover before it was locked
                return path, file

    def _copy_metadata(self, handle: int, temporary: Path) -> None:
        """Give the temporary file the owner, group, permissions and attributes of the existing file."""
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
                msg = f'{self.path} cannot be written: its owner or group would change'
                raise OSError(msg) from None
        shutil.copystat(self.path, temporary)
        os.utime(temporary)

    def _rename(self, temporary: Path) -> None:
        """Give the temporary file its final name."""
        if self._before is None:
            try:
                os.link(temporary, self.path)  # unlike renaming, it never replaces a file
            except FileExistsError:
                raise self._exists_error() from None
            except OSError:  # a file system without hard links
                if os.path.lexists(self.path):
                    raise self._exists_error() from None
                temporary.rename(self.path)
            return
        with _locked(self.path):
            self._check_unchanged()
            temporary.replace(self.path)

    def _check_unchanged(self) -> None:
        now = _lstat(self.path)
        if now is None or self._before is None or _identity(now) != _identity(self._before):
            msg = f'{self.path} cannot be written: it was modified by another process'
            raise OSError(msg)


def chunks(content: bytes | memoryview) -> Iterator[memoryview]:
    """Yield the content in chunks of ``CHUNK_SIZE`` bytes.

    Parameters
    ----------
    content : bytes-like
        The content.

    Yields
    ------
    memoryview
        The next chunk.
    """
    view = memoryview(content)
    for begin in range(0, len(view), CHUNK_SIZE):
        yield view[begin : begin + CHUNK_SIZE]


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of killed writers; files that are being written are kept.

    Parameters
    ----------
    folder : `~pathlib.Path`
        The folder to clean; it may be missing.
    """
    try:
        with os.scandir(folder) as entries:
            left = [Path(entry.path) for entry in entries if TEMPORARY_NAME.fullmatch(entry.name)]
    except OSError:  # missing or not readable: writing there raises the error
        return
    for path in left:
        with suppress(OSError):  # another user's, or already removed
            _remove_leftover(path)


def _remove_leftover(path: Path) -> None:
    handle = os.open(path, os.O_RDWR | getattr(os, 'O_NOFOLLOW', 0) | getattr(os, 'O_NONBLOCK', 0))
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or (hasattr(os, 'geteuid') and found.st_uid != os.geteuid()):
            return
        locked = lock_file(handle)
        if locked or (locked is None and time.time() - found.st_mtime > LEFTOVER_AGE):
            path.unlink()
    finally:
        os.close(handle)


def _lstat(path: Path) -> os.stat_result | None:
    """Return the status of a file without following links; None if there is none."""
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def lock_file(handle: int, timeout: float = 0.0) -> bool | None:
    """Lock an open file for this process.

    Parameters
    ----------
    handle : int
        File descriptor.
    timeout : float, optional
        Seconds to wait for another process to unlock it.

    Returns
    -------
    bool or None
        Whether it is locked now; None where the file system has no locks.
    """
    end = time.monotonic() + timeout
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
def _locked(path: Path) -> Iterator[None]:
    """Lock an existing file while it is replaced, so that a second writer sees that it has changed."""
    if fcntl is None:
        yield
        return
    handle = os.open(path, os.O_RDWR)
    try:
        if lock_file(handle, LOCK_TIMEOUT) is False:
            msg = f'{path} cannot be written: another program has locked it'
            raise OSError(msg)
        yield
    finally:
        _ignore_errors(os.close, handle)


def _ignore_errors(function: Callable[..., object], *args: object) -> None:
    """Call a function and ignore an OSError; the new file is complete by then, or discarded."""
    with suppress(OSError):
        function(*args)


def _sync_folder(folder: Path) -> None:
    """Flush the folder entry to disk, where the system can; the file is complete in any case."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
