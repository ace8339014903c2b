"""The file of a frame as bytes, from which the unchanged parts of an output are copied."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits

from ginga_crplugin.core.bits import BITS_CARD, REVIEW
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.pixels import same_pixels

from .atomic import CHUNK_SIZE, chunks
from .fits_reader import BLOCK_SIZE, clean_header, open_decompressed, read_hdus, read_pixels

__all__ = ['FrameFile', 'open_frame_file']

#: Names of the extensions that this package writes.
_OWN_NAMES = ('MASK', 'DQ', 'CRDQ', 'CRSEG', 'CLEANED', REVIEW)

#: How astropy verifies the headers of frames: errors are ignored.
_LENIENT = 'silentfix+ignore'


@contextmanager
def open_frame_file(frame: Frame, kind: str) -> Iterator['FrameFile | None']:
    """Open the frame's file, or one made from the frame if it was not read from a file.

    Parameters
    ----------
    frame : Frame
        The frame.
    kind : {'new', 'into', 'mask'}
        The kind of output.

    Yields
    ------
    FrameFile or None
        None for ``'mask'``.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read, or was modified since it was read.
    """
    if kind == 'mask':
        yield None
    elif frame.path is not None:
        with open_decompressed(frame.path) as file:
            yield FrameFile(frame, file, frame.ext)
    else:
        file = io.BytesIO()
        copy = frame.ccd.copy()  # astropy swaps the byte order in place while it writes
        if copy.data.dtype.kind == 'f':  # of packed integers, which were scaled; FITS forbids BLANK for floats
            copy.header.pop('BLANK', None)
        copy.to_hdu().writeto(file, output_verify=_LENIENT)
        yield FrameFile(frame, file, 0)


class FrameFile:
    """The frame's file as bytes, HDU by HDU.

    Parameters
    ----------
    frame : Frame
        The frame.
    file : binary file
        Its file, open for reading.
    index : int
        The number of its HDU.

    Raises
    ------
    ValueError
        If the file was modified since the frame was read.
    """

    def __init__(self, frame: Frame, file: BinaryIO, index: int) -> None:
        self._path, self._file, self._index = frame.path or frame.name, file, index
        if frame.path is not None:
            self._check_pixels(frame.ccd.data)
        with read_hdus(file, frame.name, disable_image_compression=True) as hdus:
            self._hdus = [(hdu.name, hdu.ver, clean_header(hdu.header)[0], hdu.fileinfo()) for hdu in hdus]

    def _check_pixels(self, searched: np.ndarray) -> None:
        """Check that the file still contains the pixels of the frame."""
        with read_hdus(self._file, self._path) as hdus:
            data = read_pixels(hdus[self._index], self._path) if self._index < len(hdus) else None
        if data is None or not same_pixels(data, searched):
            msg = f'{self._path} was modified since it was read: open it again'
            raise ValueError(msg)

    @property
    def version(self) -> int:
        """EXTVER of the science image; 1 if that is not an integer."""
        version = self._hdus[self._index][1]
        return version if isinstance(version, int) else 1

    def has_foreign(self, name: str) -> bool:
        """Return whether the image has an extension of this name that another program wrote.

        Parameters
        ----------
        name : str
            Name of the extension.

        Returns
        -------
        bool
            Whether there is one.
        """
        return any(n == name and v == self.version and BITS_CARD not in h for n, v, h, _ in self._hdus)

    def _hdu_bytes(self, index: int) -> Iterator[bytes]:
        """Yield the bytes of an HDU, padded to full blocks."""
        info = self._hdus[index][3]
        self._file.seek(info['hdrLoc'])
        left = info['datLoc'] + info['datSpan'] - info['hdrLoc']
        while part := self._file.read(min(left, CHUNK_SIZE)):
            left -= len(part)
            yield part
        yield bytes(left)  # padding of an incomplete last block

    def science(self) -> Iterator[bytes | memoryview]:
        """Yield the bytes of the science image, after the primary HDU if it is an extension.

        Yields
        ------
        bytes-like
            The next chunk.
        """
        if self._index == 0:
            yield from self._hdu_bytes(0)
            return
        primary = self._hdus[0][2]
        if primary.get('NAXIS', 0):  # another image, which is not copied
            header = primary.copy()
            header.remove('BLANK', ignore_missing=True)  # it belongs to the image
            yield from chunks(_bytes_of(fits.PrimaryHDU(header=header)))
        else:
            yield from self._hdu_bytes(0)
        if 'ZIMAGE' in self._hdus[self._index][2]:  # decompressed: readers use the first image as the frame
            with read_hdus(self._file, self._path) as hdus:
                hdu = hdus[self._index]
                image = fits.ImageHDU(read_pixels(hdu, self._path), clean_header(hdu.header)[0])
            yield from chunks(_bytes_of(fits.PrimaryHDU(), image)[BLOCK_SIZE:])
        else:
            yield from self._hdu_bytes(self._index)

    def others(self, name_dq: str, *, overwrite: bool) -> Iterator[bytes]:
        """Yield the bytes of all HDUs except those that will be replaced.

        Parameters
        ----------
        name_dq : str
            Name of the new extension with the causes.
        overwrite : bool
            Whether extensions may be replaced.

        Yields
        ------
        bytes-like
            The next chunk.

        Raises
        ------
        FileExistsError
            If an extension would be replaced and ``overwrite`` is not set.
        """
        for index, (name, ver, header, _) in enumerate(self._hdus):
            replaced = index != self._index and ver == self.version and name in {*_OWN_NAMES, name_dq}
            if replaced and (name == 'DQ' and name_dq != 'DQ'):
                replaced = False  # the flags of another pipeline are kept
            if replaced and not overwrite:
                origin = 'from an earlier run' if BITS_CARD in header else 'from another program'
                msg = f'{self._path} has a {name} extension {origin}: save a new file or allow overwriting'
                raise FileExistsError(msg)
            if not replaced:
                yield from self._hdu_bytes(index)


def _bytes_of(*hdus: Any) -> memoryview:
    file = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(file, checksum=True, output_verify=_LENIENT)
    return memoryview(file.getvalue())
