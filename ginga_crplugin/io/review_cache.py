"""Cache of unsaved reviews, so that a crash loses no decisions."""

import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ginga_crplugin.core.frame import Frame

from .atomic import AtomicFile, remove_leftovers
from .saved_mask import READ_ERRORS

__all__ = ['ReviewCache', 'frame_hash']

#: What NumPy and zipfile raise on missing or damaged files; flipped bits may look like encryption or an unknown method.
_UNREADABLE = (*READ_ERRORS, KeyError, RuntimeError, zipfile.BadZipFile)


def frame_hash(frame: Frame) -> str:
    """Return a hash of a frame's file, extension and pixels.

    Parameters
    ----------
    frame : Frame
        The frame.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    path = '' if frame.path is None else str(frame.path.resolve())
    digest = hashlib.blake2b(f'{path} {frame.ext} {frame.shape}'.encode(), digest_size=16)
    digest.update(np.ascontiguousarray(frame.ccd.data))
    return digest.hexdigest()


class ReviewCache:
    """Unfinished reviews, stored in one small file each in a folder that only their user can read.

    Parameters
    ----------
    folder : path-like
        The folder; it is created when the first review is saved.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        self._lock = threading.Lock()
        self._written: dict[str, int] = {}

    def _path(self, key: str) -> Path:
        return self._folder / f'{key}.npz'

    def load(self, key: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Load the review of a frame.

        Parameters
        ----------
        key : str
            Hash of the frame (`frame_hash`).

        Returns
        -------
        tuple of (n,) int64 and (n,) uint8 ndarray, or None
            Flat pixel indices and codes (`Review.edited`); None if there is no readable review.
        """
        remove_leftovers(self._folder)
        try:
            with self._path(key).open('rb') as file, np.load(file, allow_pickle=False) as saved:
                complete = saved.zip.testzip() is None  # NumPy does not read to the end, where the checksum is tested
                return (saved['pixels'], saved['codes']) if complete else None
        except _UNREADABLE:
            return None

    def save(self, key: str, order: int, pixels: np.ndarray, codes: np.ndarray) -> None:
        """Save the review of a frame, unless a later one was saved or deleted already.

        Parameters
        ----------
        key : str
            Hash of the frame (`frame_hash`).
        order : int
            A number that increases from edit to edit.
        pixels : (n,) int64 ndarray
            Flat indices of the edited pixels.
        codes : (n,) uint8 ndarray
            Their codes.

        Raises
        ------
        OSError
            If it cannot be written; an earlier one is kept.
        """
        with self._lock, self._one_line_errors('cannot store the unsaved review', 'save the mask before closing'):
            if self._written.get(key, -1) >= order:
                return
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = io.BytesIO()
            np.savez_compressed(file, pixels=pixels, codes=codes)
            AtomicFile(self._path(key), overwrite=True, private=True).write(file.getvalue())
            self._written[key] = order

    def delete(self, key: str, order: int) -> None:
        """Delete the review of a frame, unless a later one was saved.

        Parameters
        ----------
        key : str
            Hash of the frame (`frame_hash`).
        order : int
            A number that increases from edit to edit.

        Raises
        ------
        OSError
            If it cannot be deleted.
        """
        with self._lock, self._one_line_errors('cannot delete the stored review', 'it will be offered again'):
            if self._written.get(key, -1) > order:
                return
            self._path(key).unlink(missing_ok=True)
            self._written[key] = order

    @contextmanager
    def _one_line_errors(self, problem: str, advice: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or getattr(error.__cause__, 'strerror', None) or error
            msg = f'{problem}: {self._folder}: {reason}; {advice}'
            raise OSError(msg) from error
