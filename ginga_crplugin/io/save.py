"""Writing the merged mask, the segments and the review to FITS files."""

import bz2
import gzip
import io
import lzma
import os
from collections.abc import Iterable
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits
from astropy.table import Table

from ginga_crplugin.core.bits import BITS_CARD, DQ_DTYPE, IMAGE_CARD, REJECTED_RAY, REVIEW, MaskBit, merge_mask
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.image_data import original_shape
from ginga_crplugin.core.lacosmic.detection import Detection
from ginga_crplugin.core.repair.repair import Repair
from ginga_crplugin.core.repair.repair import repair as make_repair
from ginga_crplugin.core.repair_names import DEFAULT_REPAIR, check_repair
from ginga_crplugin.core.segments import Segments, segment

from .asdf_reader import is_asdf
from .atomic import AtomicFile, chunks
from .cleaned_hdus import cleaned_hdus
from .dq_flags import MISSION_CARD, check_dq_format
from .extension import FITS_SUFFIXES
from .fits_reader import BLOCK_SIZE, compression_suffix
from .frame_file import open_frame_file
from .mission_plane import read_mission_plane
from .provenance import provenance_cards

__all__ = ['compressed_writer', 'default_path', 'fits_stem', 'save_mask', 'table_hdu']

#: Version of the bits, the value of `BITS_CARD`.
BITS_VERSION = 2


def default_path(frame: Frame) -> Path:
    """Return the default path of a mask.

    Parameters
    ----------
    frame : Frame
        The frame.

    Returns
    -------
    `~pathlib.Path`
        ``<name>_crmask.fits`` in the folder of the frame; ``<name>_ext4_crmask.fits`` for a later image of its file.

    Raises
    ------
    ValueError
        If the frame was not read from a file.
    """
    if frame.path is None:
        msg = f'{frame.name} was not read from a file: give the path of the mask'
        raise ValueError(msg)
    suffix = '' if frame.first else f'_ext{frame.ext}'
    return frame.path.with_name(f'{fits_stem(frame.path.name)}{suffix}_crmask.fits')


def fits_stem(name: str) -> str:
    """Return a file name without the suffixes of FITS files.

    Parameters
    ----------
    name : str
        A file name.

    Returns
    -------
    str
        The name without ``.fits``, ``.gz`` and similar suffixes.

    Examples
    --------
    >>> fits_stem('night1.fits.gz')
    'night1'
    """
    for suffix in (*FITS_SUFFIXES, '.asdf'):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name


def save_mask(
    frame: Frame,
    detection: Detection,
    segments: Segments | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    crmask: np.ndarray | None = None,
    kind: str = 'new',
    cleaned: bool = False,
    repair: str = DEFAULT_REPAIR,
    exposure: np.ndarray | None = None,
    dq: str = 'own',
    overwrite: bool = False,
    sources: dict[str, str] | None = None,
    verified: str = '',
    review: tuple[np.ndarray, np.ndarray] | None = None,
    cards: Iterable[tuple[str, Any, str]] = (),
) -> Path:
    """Write the merged mask with the cause of every bad pixel.

    The extensions are ``MASK`` (uint8, 0 good, 1 bad: `~astropy.nddata.CCDData.read` uses it as the mask), ``DQ``
    (int16, the sum of the `MaskBit` values, explained in its header), ``CRSEG`` (the table of the segments),
    ``CRREVIEW`` (the edited pixels) if there was a review, and optionally ``CLEANED`` and, if the frame has an
    uncertainty, ``CLEANED_UNCERT``. Their headers record the parameters, the input masks, the engine and the review.

    Parameters
    ----------
    frame : Frame
        The frame.
    detection : Detection
        The detected pixels.
    segments : Segments, optional
        By default measured from the mask.
    path : path-like, optional
        By default `default_path`, or the frame's own file for ``kind='into'``.
    crmask : (ny, nx) bool array_like, optional
        The cosmic-ray pixels after review; by default those detected and those that the mission found.
    kind : {'new', 'into', 'mask'}, optional
        ``'new'``: a new file with the unchanged science image (decompressed if it was tile-compressed) and all other
        HDUs that belong to it, byte for byte; ``'into'``: the frame's own file, whose other HDUs are kept byte for
        byte; ``'mask'``: a new file with the mask only.
    cleaned : bool, optional
        Whether to add the cleaned image, in which the cosmic-ray pixels after review are replaced, and its uncertainty
        if the frame has one.
    repair : str, optional
        What replaces them, a key of `~ginga_crplugin.core.repair_names.REPAIRS`, unless the table of segments has a
        column ``repair``; see `~ginga_crplugin.core.repair.repair.repair`.
    exposure : (ny, nx) ndarray, optional
        The other exposure for ``'exposure'``.
    dq : {'own', 'hst', 'jwst', 'roman', 'rubin'}, optional
        With a mission, its data-quality plane is written with the cosmic rays in its own bits: the plane in the frame's
        file in its place, or a new one named ``DQ``. The causes are then in ``CRDQ``.
    overwrite : bool, optional
        Whether an existing file (for ``'into'``, an existing mask) may be replaced.
    sources : dict of str, optional
        The source of each parameter's value, for the header.
    verified : str, optional
        Result of the comparison with ccdproc, for the header.
    review : tuple of (n,) int64 and (n,) uint8 ndarray, optional
        Flat indices of the edited pixels and their codes (`Review.edited`), which are restored when the file is
        opened again; empty arrays for a mask that was inspected without changes.
    cards : iterable of (str, value, str), optional
        More header cards.

    Returns
    -------
    `~pathlib.Path`
        The file that was written.

    Raises
    ------
    FileExistsError
        If the file exists and ``overwrite`` is not set, or a new file would replace the frame's own.
    OSError
        If the file cannot be written, or was modified by another process; an existing file is left unchanged.
    ValueError
        If ``kind``, ``dq`` or ``repair`` is not one of these, the frame has no file to write into, its file was
        modified since it was read, or it has the plane of another mission, or another exposure is needed.
    """
    _check_kind(frame, kind)
    mission = None if check_dq_format(dq) == 'own' else read_mission_plane(frame, dq)
    output = _output_path(frame, path, kind)
    target = AtomicFile(output, overwrite=overwrite or kind == 'into')
    if kind != 'into' and frame.path is not None and target.path == frame.path.resolve():
        msg = f"{target.path} is the frame's own file: choose another name, or kind 'into'"
        raise FileExistsError(msg)
    segments = segments if segments is not None else segment(frame, detection, crmask=crmask)
    plane = merge_mask(frame, detection, crmask)
    check_repair(repair)
    pixels = None if crmask is None else np.flatnonzero(crmask)
    repaired = make_repair(frame, detection, segments, pixels, method=repair, exposure=exposure) if cleaned else None
    suffix = compression_suffix(target.path) if kind == 'into' else target.path.suffix.lower()
    with target.writing() as out, compressed_writer(out, suffix) as file, open_frame_file(frame, kind) as raw:
        added = None if mission is None else mission.hdu(plane, frame)
        foreign = raw is not None and raw.has_foreign('DQ')
        name_dq = 'CRDQ' if foreign or (added is not None and added.name == 'DQ') else 'DQ'
        if mission is not None:
            cards = [*cards, (MISSION_CARD, dq, 'mission of the other plane of flags')]
        mask_cards = provenance_cards(frame, detection, segments, plane, sources or {}, verified, cards)
        hdus = _extensions(frame, segments, plane, mask_cards, name_dq, repaired)
        rays = frame.mission[(plane.ravel()[frame.mission] & DQ_DTYPE(MaskBit.CR_MISSION)) == 0]
        if review is not None or len(rays):
            hdus.append(_review_hdu(review, rays))
        if raw is None:
            file.writelines(chunks(_file_content(hdus, 1, added)))
            return output
        replaced = {}
        if added is not None and mission is not None and mission.index is not None:
            replaced[mission.index] = _file_content([], raw.version, added)[BLOCK_SIZE:]
        if kind == 'into' and raw.image_name:
            for hdu in hdus if added is None or replaced else [*hdus, added]:
                hdu.header[IMAGE_CARD] = (raw.image_name, 'EXTNAME of the image')
        content = _file_content(hdus, raw.version, None if replaced else added)
        names = [hdu.name for hdu in hdus]
        file.writelines(raw.with_extensions(content[BLOCK_SIZE:], names, kind, replaced, overwrite=overwrite))
    return output


def _check_kind(frame: Frame, kind: str) -> None:
    """Raise an error if the frame has no output of this kind."""
    if kind not in ('new', 'into', 'mask'):
        msg = f'kind is {kind!r}: it must be new, into or mask'
        raise ValueError(msg)
    if kind == 'into' and frame.path is None:
        msg = f"{frame.name} was not read from a file: use kind 'new' or 'mask'"
        raise ValueError(msg)
    if kind == 'into' and frame.path is not None and is_asdf(frame.path):
        msg = f"{frame.path} is an ASDF file: use kind 'new' or 'mask', which write FITS"
        raise ValueError(msg)


def _output_path(frame: Frame, path: str | os.PathLike[str] | None, kind: str) -> Path:
    if kind == 'into' and frame.path is not None:
        return frame.path
    return default_path(frame) if path is None else Path(path)


def compressed_writer(file: BinaryIO, suffix: str) -> Any:
    """Open a writer that compresses into another file; equal content gives equal bytes.

    Parameters
    ----------
    file : binary file
        Open for writing.
    suffix : str
        ``'.gz'``, ``'.bz2'`` or ``'.xz'``; any other suffix means no compression.

    Returns
    -------
    context manager
        It yields a binary file open for writing.
    """
    if suffix == '.gz':
        return gzip.GzipFile('', 'wb', fileobj=file, mtime=0)
    if suffix == '.bz2':
        return bz2.BZ2File(file, 'wb')
    return lzma.LZMAFile(file, 'wb') if suffix == '.xz' else nullcontext(file)


def _extensions(
    frame: Frame, segments: Segments, plane: np.ndarray, cards: list[fits.Card], name_dq: str, repaired: Repair | None
) -> list[Any]:
    """Return the HDUs of a mask."""
    mask = fits.ImageHDU((plane != 0).view(np.uint8), name='MASK')
    mask.header.extend(cards)
    quality = fits.ImageHDU(plane.astype(plane.dtype.newbyteorder('>')), name=name_dq)  # else astropy swaps it twice
    quality.header[BITS_CARD] = (BITS_VERSION, 'bits as explained in the next cards')
    for number, bit in enumerate(MaskBit):
        quality.header[f'DQBIT{number}'] = (bit.name, f'{int(bit)}: {bit.meaning}')
    quality.header.extend(cards)
    hdus = [mask, quality, table_hdu(segments.table)]
    if repaired is not None:
        hdus += cleaned_hdus(repaired, name_dq)
    for hdu in hdus[:2] + hdus[3:]:
        hdu.data = hdu.data.reshape(original_shape(frame.ccd))
    if frame.ccd.wcs is not None:
        sky = frame.ccd.wcs.to_header(relax=True).cards
        for hdu in hdus[:2] + hdus[3:]:
            hdu.header.extend(sky)
    return hdus


def table_hdu(table: Table) -> fits.BinTableHDU:
    """Make a binary table HDU from the bytes of the rows; astropy is slow for tables with many columns.

    Parameters
    ----------
    table : `~astropy.table.Table`
        Numbers, and text in ASCII.

    Returns
    -------
    `~astropy.io.fits.BinTableHDU`
        The HDU, named CRSEG.
    """
    rows = table.as_array()
    header = _table_header(rows.dtype, tuple(str(table[name].unit or '') for name in table.colnames)).copy()
    header['NAXIS2'] = len(rows)
    dtypes = [
        (name, f'S{dtype.itemsize // 4}' if dtype.kind == 'U' else dtype.newbyteorder('>'))
        for name, (dtype, *_) in rows.dtype.fields.items()
    ]
    content = rows.astype(dtypes).tobytes()
    return fits.BinTableHDU.fromstring(header.tostring().encode() + content + bytes(-len(content) % BLOCK_SIZE))


@lru_cache
def _table_header(dtype: np.dtype, units: tuple[str, ...]) -> fits.Header:
    hdu = fits.BinTableHDU(np.zeros(0, dtype), name='CRSEG')
    for number, unit in enumerate(units, start=1):
        if unit:  # not as TUNIT: the FITS standard has no electron, and readers warn of it
            hdu.header.comments[f'TTYPE{number}'] = f'[{unit}]'
    return hdu.header


def _review_hdu(review: tuple[np.ndarray, np.ndarray] | None, rejected_rays: np.ndarray) -> fits.BinTableHDU:
    pixels, codes = ((), ()) if review is None else review
    pixels = np.concatenate([pixels, rejected_rays]).astype(np.int64)
    codes = np.concatenate([codes, np.full(len(rejected_rays), REJECTED_RAY)]).astype(np.uint8)
    table = Table({'PIXEL': pixels, 'CODE': codes}).as_array()
    hdu = fits.BinTableHDU(table, name=REVIEW)
    hdu.header.comments['TTYPE1'] = 'flat index in the image, from 0, row by row'
    hdu.header.comments['TTYPE2'] = '1 rejected, 2 erased, 3 marked, 4 mission'
    return hdu


def _file_content(hdus: list[Any], version: int, mission: fits.ImageHDU | None = None) -> memoryview:
    """Return the bytes of a FITS file with these HDUs and their checksums; its primary HDU has one block.

    The plane of a mission comes last, without the card that identifies extensions of this package.
    """
    others = [] if mission is None else [mission]
    for hdu in others:
        hdu.ver = version
    for hdu in hdus:
        hdu.ver = version
        hdu.header[BITS_CARD] = BITS_VERSION
    file = io.BytesIO()
    primary = fits.PrimaryHDU()
    primary.header['EXTEND'] = True
    for hdu in (primary, *hdus, *others):
        hdu.add_checksum(when='of this HDU')  # without a date, so that equal content gives equal bytes
    fits.HDUList([primary, *hdus, *others]).writeto(file, output_verify='ignore')
    return memoryview(file.getvalue())
