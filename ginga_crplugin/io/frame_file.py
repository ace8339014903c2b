"""The file of a frame as bytes, from which the unchanged parts of an output are copied."""

import io
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits
from astropy.nddata import InverseVariance, NDUncertainty, StdDevUncertainty, VarianceUncertainty

from ginga_crplugin.core.bits import BITS_CARD, IMAGE_CARD, REVIEW
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.image_data import image_plane, original_shape
from ginga_crplugin.core.metadata import fits_header
from ginga_crplugin.core.pixels import same_pixels

from .atomic import CHUNK_SIZE, chunks
from .cleaned_hdus import CLEANED_NAMES
from .companions import of_other_images
from .fits_reader import BLOCK_SIZE, clean_header, open_decompressed, read_hdus, read_pixels
from .image_hdus import extver

__all__ = ['FrameFile', 'open_frame_file']

#: Names of the extensions that this package writes.
_OWN_NAMES = ('MASK', 'DQ', 'CRDQ', 'CRSEG', *CLEANED_NAMES, REVIEW)

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
        copy.header = fits_header(copy.header)[0]
        if copy.data.dtype.kind == 'f':  # of packed integers, which were scaled; FITS forbids BLANK for floats
            copy.header.pop('BLANK', None)
        hdus = copy.to_hdu()
        hdus[0].data = hdus[0].data.reshape(original_shape(frame.ccd))
        if frame.uncertainty is not None:
            hdus.append(_uncertainty_hdu(frame.uncertainty, hdus[0].data.shape))
        hdus.writeto(file, output_verify=_LENIENT)
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
            self._check_pixels(frame.ccd.data, file, 'was modified since it was read: open it again')
        with read_hdus(file, frame.name, disable_image_compression=True) as hdus:
            self._hdus = [(hdu.name, hdu.ver, clean_header(hdu.header)[0]) for hdu in hdus]
            self._spans = [_span(hdu.fileinfo()) for hdu in hdus]
            self._of_others = of_other_images(self._hdus, index)
        end = sum(self._spans[-1])
        file.seek(end)
        if frame.path is not None and file.read(1):  # what follows the last HDU is not copied
            file.seek(0)
            why = 'has pixels after the end of its last extension: save the mask alone (--mask-only)'
            self._check_pixels(frame.ccd.data, io.BytesIO(file.read(end)), why)

    def _check_pixels(self, searched: np.ndarray, file: BinaryIO, why: str) -> None:
        """Check that a file contains the pixels of the frame."""
        with read_hdus(file, self._path) as hdus:
            if self._index < len(hdus) and _has_bytes_of(searched, hdus[self._index], file):
                return
            data = image_plane(read_pixels(hdus[self._index], self._path), '') if self._index < len(hdus) else None
        if data is None or not same_pixels(data, searched):
            msg = f'{self._path} {why}'
            raise ValueError(msg)

    @property
    def version(self) -> int:
        """EXTVER of the science image; 1 if that is not an integer."""
        return extver(self._hdus[self._index][1])

    @property
    def image_name(self) -> str:
        """EXTNAME of the image if another image of the file has the same EXTVER; else empty."""
        shared = any(self._hdus[index][1] == self.version for index in self._of_others)
        return self._hdus[self._index][0] if shared else ''

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
        return any(n == name and v == self.version and BITS_CARD not in h for n, v, h in self._hdus)

    def with_extensions(
        self,
        content: memoryview,
        names: Collection[str],
        kind: str,
        replaced: Mapping[int, memoryview],
        *,
        overwrite: bool,
    ) -> Iterator[bytes | memoryview]:
        """Yield the bytes of an output: HDUs of the frame's file and new extensions.

        The new extensions are at the end, but before an extension of another program with the name of one of them, so
        that readers find the new one under that name.

        Parameters
        ----------
        content : memoryview
            The bytes of the new extensions.
        names : collection of str
            Their names.
        kind : {'new', 'into'}
            ``'new'``: the primary HDU, the image, and all other HDUs that do not belong to other images; ``'into'``:
            all HDUs, in their order.
        replaced : dict of memoryview
            The bytes of HDUs that are replaced in their places, by number.
        overwrite : bool
            Whether extensions of an earlier run, and those in ``replaced``, may be replaced.

        Yields
        ------
        bytes-like
            The next chunk.

        Raises
        ------
        FileExistsError
            If an extension of an earlier run would be replaced and ``overwrite`` is not set.
        """
        order = self._new_order() if kind == 'new' else self._kept(overwrite=overwrite)
        after = order[order.index(self._index) + 1 :]
        versions = (self.version,) if kind == 'into' else None
        count = sum(1 for _ in takewhile(lambda i: not self._has_name_of(i, names, versions), after))
        end = len(order) - len(after) + count
        if kind == 'into' and replaced and not overwrite:
            name = ', '.join(self._hdus[index][0] for index in replaced)
            msg = f'{self._path} has a {name} that would be changed: save a new file or allow overwriting'
            raise FileExistsError(msg)
        for index in order[:end]:
            if index in replaced:
                yield from chunks(replaced[index])
            else:
                yield from self._hdu_bytes(index) if kind == 'into' else self._readable(index)
        yield from chunks(content)
        for index in order[end:]:
            yield from chunks(replaced[index]) if index in replaced else self._hdu_bytes(index)

    def _has_name_of(self, index: int, names: Collection[str], versions: Collection[int] | None) -> bool:
        """Return whether an extension of another program has the name of a new one, and one of the EXTVER if given."""
        name, version, header = self._hdus[index]
        return name in names and (versions is None or version in versions) and BITS_CARD not in header

    def _new_order(self) -> list[int]:
        """Return the HDUs for a new file: the primary HDU, the image, and what belongs to it."""
        foreign = {index for index, (_, _, header) in enumerate(self._hdus) if BITS_CARD not in header}
        others = sorted(foreign - self._of_others - {0, self._index})
        return [0, self._index, *others] if self._index else [0, *others]

    def _kept(self, *, overwrite: bool) -> list[int]:
        """Return the HDUs that stay in the file, without the extensions of an earlier run."""
        kept, image = [], self._hdus[self._index][0]
        for index, (name, version, header) in enumerate(self._hdus):
            own = BITS_CARD in header and name in _OWN_NAMES and header.get(IMAGE_CARD, image) == image
            if index == self._index or version != self.version or not own:
                kept.append(index)
            elif not overwrite:
                msg = f'{self._path} has a {name} extension from an earlier run: save a new file or allow overwriting'
                raise FileExistsError(msg)
        return kept

    def _hdu_bytes(self, index: int) -> Iterator[bytes]:
        """Yield the bytes of an HDU, padded to full blocks; raise a ValueError if more is missing."""
        begin, left = self._spans[index]
        self._file.seek(begin)
        while part := self._file.read(min(left, CHUNK_SIZE)):
            left -= len(part)
            yield part
        if left >= BLOCK_SIZE:
            msg = f'{self._path} [{index}] lacks {left} of its bytes: save the mask alone (--mask-only)'
            raise ValueError(msg)
        yield bytes(left)  # padding of an incomplete last block

    def _readable(self, index: int) -> Iterator[bytes | memoryview]:
        """Yield the bytes of an HDU so that readers find the image of the frame as the first image."""
        header = self._hdus[index][2]
        if index == 0 != self._index and header.get('NAXIS', 0):  # another image, which is not copied
            header = header.copy()
            header.remove('BLANK', ignore_missing=True)  # it belongs to the image
            yield from chunks(_bytes_of(fits.PrimaryHDU(header=header)))
        elif index == self._index != 0 and header.get('ZIMAGE') is True:
            with read_hdus(self._file, self._path) as hdus:
                hdu = hdus[index]
                image = fits.ImageHDU(read_pixels(hdu, self._path), clean_header(hdu.header)[0])
            yield from chunks(_bytes_of(fits.PrimaryHDU(), image)[BLOCK_SIZE:])
        else:
            yield from self._hdu_bytes(index)


def _has_bytes_of(pixels: np.ndarray, hdu: Any, file: BinaryIO) -> bool:
    """Return whether the data of an HDU are these pixels bit by bit, as in most files; scaled pixels never are."""
    header, kind = hdu.header, pixels.dtype.kind
    bitpix = 8 * pixels.itemsize * (-1 if kind == 'f' else 1)
    scaled = isinstance(hdu, fits.CompImageHDU) or 'BSCALE' in header or 'BZERO' in header
    if scaled or header.get('BITPIX') != bitpix or pixels.nbytes > hdu.fileinfo()['datSpan']:
        return False
    flat = pixels.reshape(-1).view(f'u{pixels.itemsize}')
    file.seek(hdu.fileinfo()['datLoc'])
    size = CHUNK_SIZE // pixels.itemsize
    for begin in range(0, flat.size, size):
        part = flat[begin : begin + size]
        content = file.read(part.nbytes)
        if len(content) < part.nbytes:
            return False
        stored = np.frombuffer(content, dtype=flat.dtype)
        if not np.array_equal(stored.byteswap() if sys.byteorder == 'little' else stored, part):
            return False
    return True


def _span(info: dict[str, Any]) -> tuple[int, int]:
    """Return the first byte of an HDU and the number of its bytes."""
    return info['hdrLoc'], info['datLoc'] + info['datSpan'] - info['hdrLoc']


def _uncertainty_hdu(uncertainty: NDUncertainty, shape: tuple[int, ...]) -> fits.ImageHDU:
    """Return the HDU of an uncertainty as CCDData writes it; one of unknown type has a name CCDData does not read."""
    known = isinstance(uncertainty, StdDevUncertainty | VarianceUncertainty | InverseVariance)
    hdu = fits.ImageHDU(np.array(uncertainty.array).reshape(shape), name='UNCERT' if known else 'UNKNOWN_UNCERT')
    hdu.header['UTYPE'] = type(uncertainty).__name__
    return hdu


def _bytes_of(*hdus: Any) -> memoryview:
    file = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(file, checksum=True, output_verify=_LENIENT)
    return memoryview(file.getvalue())
