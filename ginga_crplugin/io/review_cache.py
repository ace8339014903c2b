"""The room of kept reviews: decisions that were not saved yet, so that a crash takes none of them."""

import hashlib
import io
import threading
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .atomic import AtomicFile, remove_leftovers
from .saved_mask import READ_ERRORS

__all__ = ['ReviewCache', 'frame_hash']

#: What NumPy and zipfile raise where a file is damaged: flipped bits may ask for a password or an unknown method.
_DAMAGED = (*READ_ERRORS, KeyError, RuntimeError, zipfile.BadZipFile)


def frame_hash(frame):
    """Return a word for a frame: its file, its extension and its pixels.

    Parameters
    ----------
    frame : Frame

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    path = '' if frame.path is None else str(frame.path.resolve())
    word = hashlib.blake2b(f'{path} {frame.ext} {frame.shape}'.encode(), digest_size=16)
    word.update(np.ascontiguousarray(frame.ccd.data))
    return word.hexdigest()


class ReviewCache:
    """The reviews that were not saved, one small file each, in a folder that only their user can read.

    Parameters
    ----------
    folder : path-like
        It is made when there is something to keep.
    """

    def __init__(self, folder):
        self._folder = Path(folder)
        self._lock = threading.Lock()
        self._written = {}

    def _path(self, word):
        return self._folder / f'{word}.npz'

    def load(self, word):
        """Return the pixels and codes that were kept for a frame (`Review.edited`), or None."""
        remove_leftovers(self._folder)
        try:
            with self._path(word).open('rb') as file, np.load(file, allow_pickle=False) as kept:
                whole = kept.zip.testzip() is None  # NumPy does not read to the end, where the checksum is looked at
                return (kept['pixels'], kept['codes']) if whole else None
        except FileNotFoundError:
            return None
        except _DAMAGED:  # damaged: as good as none
            return None

    def save(self, word, number, pixels, codes):
        """Keep the decisions on a frame; of two at once the one with the higher number stays.

        Raises
        ------
        OSError
            If they can't be written, in words; those kept before are left as they were.
        """
        with self._lock, self._in_words('the review cannot be kept for later', 'save the mask before you leave'):
            if self._written.get(word, -1) >= number:
                return
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = io.BytesIO()
            np.savez_compressed(file, pixels=pixels, codes=codes)
            AtomicFile(self._path(word), overwrite=True, private=True).write(file.getvalue())
            self._written[word] = number

    def delete(self, word, number):
        """Drop what was kept for a frame, unless it has a higher number; what has a lower one comes too late."""
        with self._lock, self._in_words('the kept review cannot be dropped', 'it will be offered again'):
            if self._written.get(word, -1) > number:
                return
            self._path(word).unlink(missing_ok=True)
            self._written[word] = number

    @contextmanager
    def _in_words(self, what, advice):
        try:
            yield
        except OSError as error:
            why = error.strerror or getattr(error.__cause__, 'strerror', None) or error
            msg = f'{what}: {self._folder}: {why}; {advice}'
            raise OSError(msg) from error
