"""The room of the output: the merged mask written as FITS; the old file or the new one is there, always whole."""

import bz2
import gzip
import io
import lzma
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table

from ginga_crplugin.core.bits import BITS_CARD, REVIEW, MaskBit, merge_mask
from ginga_crplugin.core.frame import same_pixels
from ginga_crplugin.core.lacosmic.detection import restore_unflagged
from ginga_crplugin.core.segments import segment

from .atomic import CHUNK_SIZE, AtomicFile, chunks
from .fits_reader import BLOCK_SIZE, clean_header, compression_suffix, open_decompressed, read_hdus, read_pixels
from .provenance import provenance_cards

__all__ = ['compressed_writer', 'default_path', 'fits_stem', 'save_mask']

_OURS = ('MASK', 'DQ', 'CRDQ', 'CRSEG', 'CLEANED', REVIEW)

#: How astropy is to write headers that came with a frame, whatever is wrong with them.
_LENIENT = 'silentfix+ignore'

#: Version of the bits, for `BITS_CARD`.
BITS_VERSION = 1


def default_path(frame):
    """Return ``<name>_crmask.fits`` beside the frame; ``<name>_ext4_crmask.fits`` for a later image of its file.

    Raises
    ------
    ValueError
        If the frame did not come from a file.
    """
    if frame.path is None:
        msg = f'{frame.name} did not come from a file: say where its mask shall be written'
        raise ValueError(msg)
    which = '' if frame.first else f'_ext{frame.ext}'
    return frame.path.with_name(f'{fits_stem(frame.path.name)}{which}_crmask.fits')


def fits_stem(name):
    """Return the name of a file without the endings that FITS files have.

    Examples
    --------
    >>> fits_stem('night1.fits.gz')
    'night1'
    """
    for suffix in ('.gz', '.fz', '.bz2', '.xz', '.fits', '.fit', '.fts'):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name


def save_mask(
    frame,
    detection,
    segments=None,
    path=None,
    *,
    crmask=None,
    kind='new',
    cleaned=False,
    overwrite=False,
    sources=None,
    verified='',
    review=None,
    cards=(),
):
    """Write the merged mask with the cause of every bad pixel.

    The extensions written are ``MASK`` (uint8, 0 good, 1 bad: what `~astropy.nddata.CCDData.read` takes as the mask),
    ``DQ`` (uint8, the sum of the `MaskBit` values, explained in its header), ``CRSEG`` (the table of the segments), if
    there was a review ``CRREVIEW`` (what was said of which pixel), and, if asked for, ``CLEANED``. Their headers record
    the parameters, the input masks, the engine and the review.

    Parameters
    ----------
    frame : Frame
    detection : Detection
    segments : Segments, optional
        By default measured from the mask.
    path : path-like, optional
        By default `default_path`, or the frame's own file for ``kind='into'``.
    crmask : (ny, nx) bool array_like, optional
        The cosmic-ray pixels after review; by default those detected.
    kind : {'new', 'into', 'mask'}
        A new file with the untouched science image (unpacked if it was tile-compressed); the frame's own file, with
        its other HDUs kept byte for byte; or
        a new file with the mask alone.
    cleaned : bool, optional
        Whether to add the cleaned image: the detected pixels that were not rejected are replaced.
    overwrite : bool, optional
        Whether an existing file (for ``'into'``, an existing mask) may be replaced.
    sources : dict of str, optional
        Where each parameter comes from, for the record.
    verified : str, optional
        What a comparison with another engine said, for the record.
    review : tuple of (n,) int64 and (n,) uint8 ndarray, optional
        The pixels that something was said of, and what (`Review.edited`); it is taken up when the file is opened again.
        They may be none, of a mask that was looked at and found good.
    cards : list of (str, value, str), optional
        Further cards for the record.

    Returns
    -------
    `~pathlib.Path`
        The file that was written.

    Raises
    ------
    FileExistsError
        If something would be replaced and ``overwrite`` is not set; or if a new file would take the place of the
        frame's own.
    OSError
        If the file can't be written, or somebody else has changed it meanwhile; whatever stood there is left as it was.
    ValueError
        If ``kind`` is none of the three, the frame has no file to write into, or its file has changed since.
    """
    if kind not in ('new', 'into', 'mask'):
        msg = f'kind is {kind!r}: it must be new, into or mask'
        raise ValueError(msg)
    if kind == 'into' and frame.path is None:
        msg = f'{frame.name} did not come from a file: there is none to write into'
        raise ValueError(msg)
    beside = frame.path if kind == 'into' else default_path(frame) if path is None else Path(path)
    place = AtomicFile(beside, overwrite=overwrite or kind == 'into')
    if kind != 'into' and frame.path is not None and place.path == frame.path.resolve():
        msg = f"{place.path} is the frame's own file: choose another name, or kind 'into'"
        raise FileExistsError(msg)
    segments = segments if segments is not None else segment(frame, detection, crmask=crmask)
    plane = merge_mask(frame, detection, crmask)
    suffix = compression_suffix(place.path) if kind == 'into' else place.path.suffix.lower()
    with place.writing() as out, compressed_writer(out, suffix) as file, _frame_file(frame, kind) as raw:
        name_dq = 'CRDQ' if kind == 'into' and raw.has_foreign('DQ') else 'DQ'
        cards = provenance_cards(frame, detection, segments, plane, sources or {}, verified, cards)
        hdus = _extensions(frame, detection, segments, plane, cards, name_dq, cleaned=cleaned)
        if review is not None:
            hdus.append(_review_hdu(*review))
        ours = _written(hdus, raw)
        if kind == 'mask':
            file.writelines(chunks(ours))
        else:
            file.writelines(raw.science() if kind == 'new' else raw.others(name_dq, overwrite=overwrite))
            file.writelines(chunks(ours[BLOCK_SIZE:]))
    return beside


def compressed_writer(file, suffix):
    """Return a file that packs what is written to it, and writes that to another; the same gives the same bytes."""
    if suffix == '.gz':
        return gzip.GzipFile('', 'wb', fileobj=file, mtime=0)
    if suffix == '.bz2':
        return bz2.BZ2File(file, 'wb')
    return lzma.LZMAFile(file, 'wb') if suffix == '.xz' else nullcontext(file)


def _extensions(frame, detection, segments, plane, cards, name_dq, *, cleaned):
    mask = fits.ImageHDU((plane != 0).view(np.uint8), name='MASK')
    mask.header.extend(cards)
    quality = fits.ImageHDU(plane, name=name_dq)
    quality.header[BITS_CARD] = (BITS_VERSION, 'bits as explained by the next cards')
    for number, bit in enumerate(MaskBit):
        quality.header[f'DQBIT{number}'] = (bit.name, f'{int(bit)}: {bit.meaning}')
    quality.header.extend(cards)
    hdus = [mask, quality, _table_hdu(segments.table)]
    if cleaned:
        kept = (plane & np.uint8(MaskBit.CR_DETECTED)) != 0  # what was rejected in review stays as it is
        hdus.append(fits.ImageHDU(restore_unflagged(frame, kept, detection.cleaned), name='CLEANED'))
        hdus[-1].header['BUNIT'] = frame.ccd.unit.to_string()
    if frame.ccd.wcs is not None:
        sky = frame.ccd.wcs.to_header(relax=True).cards
        for hdu in hdus[:2] + hdus[3:]:
            hdu.header.extend(sky)
    return hdus


def _table_hdu(table):
    """Return the table as an HDU that is written as it is: astropy takes longer over 17 columns than for the images."""
    rows = table.as_array()
    header = _table_header(rows.dtype, tuple(str(table[name].unit or '') for name in table.colnames)).copy()
    header['NAXIS2'] = len(rows)
    kinds = [
        (name, f'S{kind.itemsize // 4}' if kind.kind == 'U' else kind.newbyteorder('>'))
        for name, (kind, _) in rows.dtype.fields.items()
    ]
    content = rows.astype(kinds).tobytes()
    return fits.BinTableHDU.fromstring(header.tostring().encode() + content + bytes(-len(content) % BLOCK_SIZE))


@lru_cache
def _table_header(kinds, units):
    hdu = fits.BinTableHDU(np.zeros(0, kinds), name='CRSEG')
    for number, unit in enumerate(units, start=1):
        if unit:  # not as TUNIT: FITS has no word for electrons, and readers warn of it
            hdu.header.comments[f'TTYPE{number}'] = f'[{unit}]'
    return hdu.header


def _review_hdu(pixels, codes):
    table = Table({'PIXEL': pixels.astype(np.int64), 'CODE': codes.astype(np.uint8)}).as_array()
    hdu = fits.BinTableHDU(table, name=REVIEW)
    hdu.header.comments['TTYPE1'] = 'from 0, row by row, in the image'
    hdu.header.comments['TTYPE2'] = '1 rejected, 2 erased, 3 marked'
    return hdu


def _written(hdus, raw):
    """Return a whole FITS file, its primary HDU of one block, with the HDUs and their checksums."""
    for hdu in hdus:
        hdu.ver = raw.version if raw is not None else 1
        hdu.header[BITS_CARD] = BITS_VERSION
    file = io.BytesIO()
    primary = fits.PrimaryHDU()
    primary.header['EXTEND'] = True
    for hdu in (primary, *hdus):
        hdu.add_checksum(when='of this HDU')  # no date, so that the same is the same
    fits.HDUList([primary, *hdus]).writeto(file, output_verify='ignore')
    return memoryview(file.getvalue())


@contextmanager
def _frame_file(frame, kind):
    """Open the frame's file, or one made of it where it has none."""
    if kind == 'mask':
        yield None
    elif frame.path is not None:
        with open_decompressed(frame.path) as file:
            yield _FrameFile(frame, file, frame.ext)
    else:
        file = io.BytesIO()
        copy = frame.ccd.copy()  # astropy swaps the bytes in place as it writes
        copy.to_hdu().writeto(file, output_verify=_LENIENT)
        yield _FrameFile(frame, file, 0)


class _FrameFile:
    """The bytes of the frame's file, HDU by HDU."""

    def __init__(self, frame, file, index):
        self._path, self._file, self._index = frame.path, file, index
        if frame.path is not None:
            self._check_pixels(frame.ccd.data)
        with read_hdus(file, frame.name, disable_image_compression=True) as hdus:
            self._hdus = [(hdu.name, hdu.ver, clean_header(hdu.header)[0], hdu.fileinfo()) for hdu in hdus]

    def _check_pixels(self, searched):
        """Refuse to put a mask beside other pixels than those that were searched."""
        with read_hdus(self._file, self._path) as hdus:
            data = read_pixels(hdus[self._index], self._path) if self._index < len(hdus) else None
        if data is None or not same_pixels(data, searched):
            msg = f'{self._path} has changed since it was read: open it again'
            raise ValueError(msg)

    @property
    def version(self):
        """EXTVER of the science image; 1 where that is no number."""
        version = self._hdus[self._index][1]
        return version if isinstance(version, int) else 1

    def has_foreign(self, name):
        """Whether an extension of this name, for this image, was written by somebody else."""
        return any(n == name and v == self.version and BITS_CARD not in h for n, v, h, _ in self._hdus)

    def _cut(self, index):
        """Yield the bytes of an HDU, to full blocks."""
        info = self._hdus[index][3]
        self._file.seek(info['hdrLoc'])
        left = info['datLoc'] + info['datSpan'] - info['hdrLoc']
        while part := self._file.read(min(left, CHUNK_SIZE)):
            left -= len(part)
            yield part
        yield bytes(left)  # the last block was not filled up

    def science(self):
        """Yield the bytes of the science image, behind its primary header where it is an extension."""
        if self._index == 0:
            yield from self._cut(0)
            return
        primary = self._hdus[0][2]
        if primary.get('NAXIS', 0):  # a second image, not asked for
            yield from chunks(_bytes_of(fits.PrimaryHDU(header=primary)))
        else:
            yield from self._cut(0)
        if 'ZIMAGE' in self._hdus[self._index][2]:  # unpacked: readers take the first image for the frame
            with read_hdus(self._file, self._path) as hdus:
                hdu = hdus[self._index]
                image = fits.ImageHDU(read_pixels(hdu, self._path), clean_header(hdu.header)[0])
            yield from chunks(_bytes_of(fits.PrimaryHDU(), image)[BLOCK_SIZE:])
        else:
            yield from self._cut(self._index)

    def others(self, name_dq, *, overwrite):
        """Yield the bytes of all HDUs but those that are to be replaced."""
        for index, (name, ver, header, _) in enumerate(self._hdus):
            replaced = index != self._index and ver == self.version and name in {*_OURS, name_dq}
            if replaced and (name == 'DQ' and name_dq != 'DQ'):
                replaced = False  # another pipeline's flags stay
            if replaced and not overwrite:
                whose = 'from an earlier run' if BITS_CARD in header else 'of its own'
                msg = f'{self._path} has a {name} {whose}: save a new file, or say that it may be replaced'
                raise FileExistsError(msg)
            if not replaced:
                yield from self._cut(index)


def _bytes_of(*hdus):
    file = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(file, checksum=True, output_verify=_LENIENT)
    return memoryview(file.getvalue())
