"""The room of the output: the merged mask written as FITS; the old file or the new one is there, always whole."""

import bz2
import gzip
import io
import lzma
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.utils.data import get_readable_fileobj

from .bits import BITS_CARD, REVIEW, MaskBit, merge_mask
from .detection import restore
from .record import record
from .segment import segment
from .whole import Place

__all__ = ['default_path', 'save_mask']

_OURS = ('MASK', 'DQ', 'CRDQ', 'CRSEG', 'CLEANED', REVIEW)

#: Version of the bits, for `BITS_CARD`.
BITS_VERSION = 1


def default_path(frame):
    """Return ``<name>_crmask.fits`` beside the frame.

    Raises
    ------
    ValueError
        If the frame did not come from a file.
    """
    if frame.path is None:
        msg = f'{frame.name} did not come from a file: say where its mask shall be written'
        raise ValueError(msg)
    name = frame.path.name
    for suffix in ('.gz', '.fz', '.bz2', '.xz', '.fits', '.fit', '.fts'):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return frame.path.with_name(f'{name}_crmask.fits')


def save_mask(
    frame, detection, segments=None, path=None, *, crmask=None, kind='new', cleaned=False, overwrite=False,
    sources=None, verified='', review=None, cards=(),
):  # fmt: skip
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
        By default ``<name>_crmask.fits`` beside the frame, or the frame's own file for ``kind='into'``.
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
    place = Place(beside, overwrite=overwrite or kind == 'into')
    if kind != 'into' and frame.path is not None and place.path == frame.path.resolve():
        msg = f"{place.path} is the frame's own file: choose another name, or kind 'into'"
        raise FileExistsError(msg)
    segments = segments if segments is not None else segment(frame, detection, crmask=crmask)
    plane = merge_mask(frame, detection, crmask)
    raw = _Raw(frame) if kind != 'mask' else None
    name_dq = 'CRDQ' if kind == 'into' and raw.has_foreign('DQ') else 'DQ'
    cards = record(frame, detection, segments, plane, sources or {}, verified, cards)
    hdus = _extensions(frame, detection, segments, plane, cards, name_dq, cleaned=cleaned)
    if review is not None and len(review[0]):
        hdus.append(_review_hdu(*review))
    ours = _written(hdus, raw)
    if kind == 'mask':
        content = ours
    elif kind == 'new':
        content = raw.science() + ours[2880:]
    else:
        content = raw.others(name_dq, overwrite=overwrite) + ours[2880:]
    place.write(_packed(content, place.path, into=kind == 'into'))
    return beside


_PACKERS = {'.gz': (b'\x1f\x8b', gzip.compress), '.bz2': (b'BZh', bz2.compress), '.xz': (b'\xfd7zXZ', lzma.compress)}


def _packed(content, target, *, into):
    """Compress the content as the old file is, or as the name of a new one says."""
    start = b''
    if into:
        with target.open('rb') as file:
            start = file.read(6)
    for suffix, (magic, compress) in _PACKERS.items():
        if start.startswith(magic) if into else target.suffix.lower() == suffix:
            return compress(content)
    return content


def _extensions(frame, detection, segments, plane, cards, name_dq, *, cleaned):
    mask = fits.ImageHDU((plane != 0).astype(np.uint8), name='MASK')
    mask.header.extend(cards)
    quality = fits.ImageHDU(plane, name=name_dq)
    quality.header[BITS_CARD] = (BITS_VERSION, 'bits as explained by the next cards')
    for number, bit in enumerate(MaskBit):
        quality.header[f'DQBIT{number}'] = (bit.name, f'{int(bit)}: {bit.meaning}')
    quality.header.extend(cards)
    hdus = [mask, quality, _table_hdu(segments.table)]
    if cleaned:
        kept = (plane & np.uint8(MaskBit.CR_DETECTED)) != 0  # what was rejected in review stays as it is
        hdus.append(fits.ImageHDU(restore(frame, kept, detection.cleaned), name='CLEANED'))
        hdus[-1].header['BUNIT'] = frame.ccd.unit.to_string()
    for hdu in hdus[:2] + hdus[3:]:
        if frame.ccd.wcs is not None:
            hdu.header.update(frame.ccd.wcs.to_header(relax=True))
    return hdus


def _table_hdu(table):
    hdu = fits.BinTableHDU(table.as_array(), name='CRSEG')
    for number, name in enumerate(table.colnames, start=1):
        if table[name].unit is not None:  # not as TUNIT: FITS has no word for electrons, and readers warn of it
            hdu.header.comments[f'TTYPE{number}'] = f'[{table[name].unit}]'
    return hdu


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
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(file, checksum=True)
    return file.getvalue()


class _Raw:
    """The bytes of the frame's file, HDU by HDU."""

    def __init__(self, frame):
        self._frame = frame
        self._index = frame.ext if frame.path is not None else 0
        if frame.path is None:
            file = io.BytesIO()
            frame.ccd.copy().to_hdu().writeto(file)  # a copy, for astropy swaps the bytes in place as it writes
            self._bytes = file.getvalue()
        else:
            with get_readable_fileobj(frame.path, encoding='binary') as file:
                self._bytes = file.read()
            if not self._bytes.startswith(b'SIMPLE'):
                msg = f"{frame.path} is packed in a way that can be read only: take kind 'mask'"
                raise ValueError(msg)
            self._check_pixels()
        with fits.open(io.BytesIO(self._bytes), disable_image_compression=True) as hdus:
            self._hdus = [(hdu.name, hdu.ver, hdu.header.copy(), hdu.fileinfo()) for hdu in hdus]

    def _check_pixels(self):
        """Refuse to put a mask beside other pixels than those that were searched."""
        with fits.open(io.BytesIO(self._bytes)) as hdus:
            data = hdus[self._index].data if self._index < len(hdus) else None
            frame = self._frame.ccd.data
            if data is None or not np.array_equal(data, frame, equal_nan=frame.dtype.kind == 'f'):
                msg = f'{self._frame.path} has changed since it was read: open it again'
                raise ValueError(msg)

    @property
    def version(self):
        """EXTVER of the science image."""
        return self._hdus[self._index][1]

    def has_foreign(self, name):
        """Whether an extension of this name, for this image, was written by somebody else."""
        return any(n == name and v == self.version and BITS_CARD not in h for n, v, h, _ in self._hdus)

    def _cut(self, index):
        info = self._hdus[index][3]
        return self._bytes[info['hdrLoc'] : info['datLoc'] + info['datSpan']]

    def science(self):
        """Return the science image, behind its primary header where it is an extension."""
        if self._index == 0:
            return self._cut(0)
        primary = self._cut(0)
        science = self._cut(self._index)
        if 'ZIMAGE' in self._hdus[self._index][2]:  # unpacked: readers take the first image for the frame
            science = self._unpacked()
        if self._hdus[0][2]['NAXIS'] > 0:  # a second image, not asked for
            file = io.BytesIO()
            fits.PrimaryHDU(header=self._hdus[0][2]).writeto(file)
            primary = file.getvalue()
        return primary + science

    def _unpacked(self):
        file = io.BytesIO()
        with fits.open(io.BytesIO(self._bytes)) as hdus:
            hdu = hdus[self._index]
            image = fits.ImageHDU(hdu.data, hdu.header)
            fits.HDUList([fits.PrimaryHDU(), image]).writeto(file, checksum=True)
        return file.getvalue()[2880:]

    def others(self, name_dq, *, overwrite):
        """Return all HDUs but those that are to be replaced."""
        kept = []
        for index, (name, ver, header, _) in enumerate(self._hdus):
            replaced = index != self._index and ver == self.version and name in {*_OURS, name_dq}
            if replaced and (name == 'DQ' and name_dq != 'DQ'):
                replaced = False  # another pipeline's flags stay
            if replaced and not overwrite:
                whose = 'from an earlier run' if BITS_CARD in header else 'of its own'
                msg = f'{self._frame.path} has a {name} {whose}: save a new file, or say that it may be replaced'
                raise FileExistsError(msg)
            if not replaced:
                kept.append(self._cut(index))
        return b''.join(kept)
