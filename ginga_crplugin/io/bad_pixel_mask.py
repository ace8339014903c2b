"""Masks of bad pixels from flats (with `ccdproc.ccdmask`) and of hot pixels from a dark."""

import importlib.metadata
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData

from ginga_crplugin import __version__
from ginga_crplugin.core.bits import CAUSE_CARD
from ginga_crplugin.core.image_data import image_plane
from ginga_crplugin.core.pixels import check_pixels

from .atomic import AtomicFile
from .ccdmask_options import CCDMASK_OPTIONS
from .input_masks import read_dark
from .provenance import to_cards
from .read import read_image
from .save import compressed_writer

__all__ = ['make_mask']

#: A FITS file, or a FITS file and an extension.
Source = str | os.PathLike[str] | tuple[str | os.PathLike[str], int | str | tuple[str, int] | None]

#: The same with both parts.
_PathAndExt = tuple[Path, int | str | tuple[str, int] | None]


def make_mask(
    path: str | os.PathLike[str],
    *,
    flats: Sequence[Source] = (),
    dark: Source | None = None,
    limit: float | None = None,
    overwrite: bool = False,
    **options: Any,
) -> tuple[Path, np.ndarray]:
    """Write a mask of bad pixels from flats, or of hot pixels from a dark.

    The file names the cause of its pixels, which is used wherever it is read as an input mask.

    Parameters
    ----------
    path : path-like
        The file to write: an image named MASK, uint8, 1 for bad pixels.
    flats : list of one or two path-like or (path-like, extension), optional
        The ratio of two flats of different exposure, or the two flats, whose ratio is computed.
        `ccdproc.ccdmask` finds the bad pixels in it, in about ten seconds per million pixels. Pixels whose ratio is
        not finite are bad too.
    dark : path-like or (path-like, extension), optional
        A combined dark: pixels above ``limit``, and pixels that are not finite, are hot.
    limit : float, optional
        The limit, in the unit of the dark.
    overwrite : bool, optional
        Whether an existing file may be replaced.
    **options
        Options of `ccdproc.ccdmask`.

    Returns
    -------
    path : `~pathlib.Path`
        The file that was written.
    mask : (ny, nx) bool ndarray
        The mask.

    Raises
    ------
    OSError
        If a file cannot be read or written, or exists and ``overwrite`` is not set.
    ValueError
        If neither flats nor a dark with its limit are given (or both), the flats have different shapes or the same
        pixels, or an option is not valid.
    """
    if bool(flats) == (dark is not None) or len(flats) > 2:
        msg = 'give either one or two flats, or a dark with its limit'
        raise ValueError(msg)
    if (dark is None) != (limit is None):
        msg = 'dark and limit must be given together'
        raise ValueError(msg)
    if dark is not None and options:
        msg = f'{", ".join(options)}: options of ccdmask are for flats only'
        raise ValueError(msg)
    options = _check_options(options)
    sources = [_with_ext(source) for source in (flats if dark is None else (dark,))]
    target = _open_target(Path(path), sources, overwrite=overwrite)
    if limit is None:
        mask, sums = _mask_of_flats(sources, options)
    else:
        hot = read_dark(sources[0][0], limit, sources[0][1])
        mask, sums = image_plane(hot.mask, sources[0][0].name), [hot.datasum]
    hdu = fits.PrimaryHDU(mask.astype(np.uint8))
    hdu.header.extend(_cards(sources, sums, mask, limit, options), unique=True)
    hdu.add_checksum(when='of this HDU')  # without a date, so that equal content gives equal bytes
    file = io.BytesIO()
    hdu.writeto(file)
    with target.writing() as out, compressed_writer(out, target.path.suffix.lower()) as compressed:
        compressed.write(file.getvalue())
    return Path(path), mask


def _with_ext(source: Source) -> _PathAndExt:
    """Return path and extension; None is the first image."""
    path, ext = source if isinstance(source, tuple) else (source, None)
    return Path(path), ext


def _check_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return all options of ccdmask, with defaults for those that are not given."""
    for name, value in options.items():
        if name not in CCDMASK_OPTIONS:
            msg = f'{name} is not an option of ccdmask: use {", ".join(CCDMASK_OPTIONS)}'
            raise ValueError(msg)
        default, lowest, _, _ = CCDMASK_OPTIONS[name]
        if lowest is None:
            continue
        is_int = isinstance(default, int)
        if not np.isfinite(value) or value < lowest or (is_int and value != int(value)):
            msg = f'{name} is {value}: it must be {"a whole number" if is_int else "a number"} of {lowest} or more'
            raise ValueError(msg)
    return {name: type(item[0])(options.get(name, item[0])) for name, item in CCDMASK_OPTIONS.items()}


def _open_target(path: Path, sources: list[_PathAndExt], *, overwrite: bool) -> AtomicFile:
    """Check that the file can be written before the mask is computed."""
    if not path.parent.is_dir():
        msg = f'{path.parent}: no such folder'
        raise FileNotFoundError(msg)
    target = AtomicFile(path, overwrite=overwrite)
    if any(source.exists() and path.exists() and source.samefile(path) for source, _ in sources):
        msg = f'{path} is one of the input files: choose another name'
        raise FileExistsError(msg)
    return target


def _mask_of_flats(flats: list[_PathAndExt], options: dict[str, Any]) -> tuple[np.ndarray, list[str]]:
    """Return the mask of the ratio, and the checksums of the flats."""
    from ccdproc import ccdmask  # slow to import

    read = [read_image(*flat) for flat in flats]
    images, sums = zip(*read, strict=True)
    for (path, _), image in zip(flats, images, strict=True):
        check_pixels(image, path.name)
    if len({image.shape for image in images}) > 1:
        msg = f'{flats[1][0]}: shape {images[1].shape} differs from that of {flats[0][0]}, {images[0].shape}'
        raise ValueError(msg)
    if len(sums) == 2 and sums[0] == sums[1]:
        msg = f'{flats[0][0]} and {flats[1][0]} have the same pixels: use two flats of different exposure'
        raise ValueError(msg)
    with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
        ratio = images[0] if len(images) == 1 else images[0] / images[1]
    unknown = ~np.isfinite(ratio)
    if unknown.all():
        msg = f'the ratio of {flats[0][0]} and {flats[-1][0]} has no finite pixel: use other flats'
        raise ValueError(msg)
    # non-finite pixels would change the medians of their neighbors; ccdmask subtracts, so integers become floats
    ratio = np.where(unknown, np.median(ratio[~unknown]), ratio)
    return ccdmask(CCDData(ratio, unit=u.dimensionless_unscaled), **options) | unknown, list(sums)


def _cards(
    sources: list[_PathAndExt], sums: list[str], mask: np.ndarray, limit: float | None, options: dict[str, Any]
) -> list[fits.Card]:
    """Return the header cards that describe how the mask was made."""
    cards: list[tuple[str, Any, str]] = [
        ('EXTNAME', 'MASK', '1 is bad'),
        ('BUNIT', '', ''),
        (CAUSE_CARD, 'bad' if limit is None else 'hot', 'cause of the bad pixels'),
        ('CRVERSIO', __version__, 'version of ginga_crplugin'),
    ]
    if limit is None:
        ratio = 'a ratio of flats' if len(sources) == 1 else 'flat 1 / flat 2'
        cards.append(('CRMADEBY', f'ccdproc.ccdmask {importlib.metadata.version("ccdproc")} of {ratio}', ''))
        cards += [(CCDMASK_OPTIONS[name][2], value, f'{name} of ccdmask') for name, value in options.items()]
    else:
        cards += [
            ('CRMADEBY', 'pixels of a dark above a limit', ''),
            ('CRLIMIT', float(limit), 'limit in the unit of the dark'),
        ]
    for number, ((path, ext), total) in enumerate(zip(sources, sums, strict=True), start=1):
        cards.append((f'CRFILE{number}', path.name if ext is None else f'{path.name}[{_ext_text(ext)}]', ''))
        cards.append((f'CRSUM{number}', total, f'DATASUM of CRFILE{number}'))
    cards.append(('CRNBAD', int(np.count_nonzero(mask)), 'bad pixels'))
    return to_cards(cards)


def _ext_text(ext: int | str | tuple[str, int]) -> str:
    return ','.join(map(str, ext)) if isinstance(ext, tuple) else str(ext)
