"""The room of the calibration masks: bad pixels that flats show, and hot ones that a dark shows, written once for all.

ccdproc's `~ccdproc.ccdmask` is called here.
"""

import importlib.metadata
import io
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData

from ginga_crplugin import __version__
from ginga_crplugin.core.bits import CAUSE_CARD
from ginga_crplugin.core.frame import check_pixels

from .atomic import AtomicFile
from .ccdmask_options import CCDMASK_OPTIONS
from .input_masks import read_dark
from .provenance import to_cards
from .read import read_image
from .save import compressed_writer

__all__ = ['make_mask']


def make_mask(path, *, flats=(), dark=None, limit=None, overwrite=False, **options):
    """Write a mask of the bad pixels that flats show, or of the hot ones that a dark shows.

    The file says why its pixels are bad, so that it is taken for what it is wherever an input mask can be given.

    Parameters
    ----------
    path : path-like
        The file to write: an image called MASK, uint8, 1 where a pixel is bad.
    flats : list of one or two, optional
        The ratio of two flats of different light, or the two, whose ratio is then taken: paths, or path and extension
        (as for `read_frame`). `ccdproc.ccdmask` looks for bad pixels in it; that takes about ten seconds for a million
        pixels. Pixels where the ratio is not finite are bad too.
    dark : path-like or (path-like, extension), optional
        A combined dark: pixels above ``limit``, in its own unit, are hot, and those that are not finite.
    limit : float, optional
    overwrite : bool, optional
        Whether an existing file may be replaced.
    **options
        Those of `ccdproc.ccdmask`.

    Returns
    -------
    path : `~pathlib.Path`
        The file that was written.
    mask : (ny, nx) bool ndarray
        What it holds.

    Raises
    ------
    OSError
        If a file can't be read or written, or would be replaced and ``overwrite`` is not set.
    ValueError
        If not either flats or a dark with its limit are given, the flats have different shapes or the same pixels, or
        an option is not allowed.
    """
    flats = [_with_ext(flat) for flat in flats]
    if bool(flats) == (dark is not None) or len(flats) > 2:
        msg = 'give either one or two flats, or a dark with its limit'
        raise ValueError(msg)
    if (dark is None) != (limit is None) or (dark is not None and options):
        msg = 'a limit goes with a dark, and the options of ccdmask with flats'
        raise ValueError(msg)
    options = _checked(options)
    sources = flats or [_with_ext(dark)]
    place = _place(Path(path), sources, overwrite=overwrite)
    if flats:
        mask, sums = _of_flats(flats, options)
    else:
        hot = read_dark(sources[0][0], limit, sources[0][1])
        mask, sums = hot.mask, [hot.datasum]
    hdu = fits.PrimaryHDU(mask.astype(np.uint8))
    hdu.header.extend(_cards(sources, sums, mask, limit, options), unique=True)
    hdu.add_checksum(when='of this HDU')  # no date, so that the same is the same
    file = io.BytesIO()
    hdu.writeto(file)
    with place.writing() as out, compressed_writer(out, place.path.suffix.lower()) as packed:
        packed.write(file.getvalue())
    return Path(path), mask


def _with_ext(source):
    """Return path and extension; None is the first image."""
    path, ext = source if isinstance(source, tuple) else (source, None)
    return Path(path), ext


def _checked(options):
    """Return all options of ccdmask, those that were not given at their defaults."""
    for name, value in options.items():
        if name not in CCDMASK_OPTIONS:
            msg = f'{name} is no option of ccdmask: they are {", ".join(CCDMASK_OPTIONS)}'
            raise ValueError(msg)
        default, lowest, _, _ = CCDMASK_OPTIONS[name]
        if lowest is None:
            continue
        whole = isinstance(default, int)
        if not np.isfinite(value) or value < lowest or (whole and value != int(value)):
            msg = f'{name} is {value}: it must be {"a whole number of" if whole else "a number of"} {lowest} or more'
            raise ValueError(msg)
    return {name: type(item[0])(options.get(name, item[0])) for name, item in CCDMASK_OPTIONS.items()}


def _place(path, sources, *, overwrite):
    """Return where the mask will be written; say what stands in the way before the long part."""
    if not path.parent.is_dir():
        msg = f'{path.parent}: no such folder'
        raise FileNotFoundError(msg)
    place = AtomicFile(path, overwrite=overwrite)
    if any(source.exists() and path.exists() and source.samefile(path) for source, _ in sources):
        msg = f'{path} is one of the files to be read: choose another name'
        raise FileExistsError(msg)
    return place


def _of_flats(flats, options):
    """Return the mask of the ratio, and the checksums of what it was made of."""
    from ccdproc import ccdmask  # here, for it takes its time

    read = [read_image(*flat) for flat in flats]
    images, sums = zip(*read, strict=True)
    for (path, _), image in zip(flats, images, strict=True):
        check_pixels(image, path.name)
    if len({image.shape for image in images}) > 1:
        msg = f'{flats[1][0]} has shape {images[1].shape}, {flats[0][0]} has {images[0].shape}: they must be the same'
        raise ValueError(msg)
    if len(sums) == 2 and sums[0] == sums[1]:
        msg = f'{flats[0][0]} and {flats[1][0]} hold the same pixels: their ratio shows nothing'
        raise ValueError(msg)
    with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
        ratio = images[0] if len(images) == 1 else images[0] / images[1]
    unknown = ~np.isfinite(ratio)
    if unknown.all():
        msg = f'the ratio of {flats[0][0]} and {flats[-1][0]} is finite nowhere'
        raise ValueError(msg)
    # they would spoil the medians around them; and of whole numbers floats are made, for ccdmask takes differences
    ratio = np.where(unknown, np.median(ratio[~unknown]), ratio)
    return ccdmask(CCDData(ratio, unit=u.dimensionless_unscaled), **options) | unknown, list(sums)


def _cards(sources, sums, mask, limit, options):
    """Return the header cards that tell how the mask was made."""
    cards = [
        ('EXTNAME', 'MASK', '1 is bad'),
        ('BUNIT', '', ''),
        (CAUSE_CARD, 'bad' if limit is None else 'hot', 'why the pixels are bad'),
        ('CRVERSIO', __version__, 'version of ginga_crplugin'),
    ]
    if limit is None:
        what = 'a ratio of flats' if len(sources) == 1 else 'flat 1 / flat 2'
        cards.append(('CRMADEBY', f'ccdproc.ccdmask {importlib.metadata.version("ccdproc")} of {what}', ''))
        cards += [(CCDMASK_OPTIONS[name][2], value, f'{name} of ccdmask') for name, value in options.items()]
    else:
        cards += [
            ('CRMADEBY', 'pixels of a dark above a limit', ''),
            ('CRLIMIT', float(limit), 'the limit, in the unit of the dark'),
        ]
    for number, ((path, ext), total) in enumerate(zip(sources, sums, strict=True), start=1):
        cards.append((f'CRFILE{number}', path.name if ext is None else f'{path.name}[{_words(ext)}]', ''))
        cards.append((f'CRSUM{number}', total, f'DATASUM of CRFILE{number}'))
    cards.append(('CRNBAD', int(np.count_nonzero(mask)), 'bad pixels'))
    return to_cards(cards)


def _words(ext):
    return ','.join(map(str, ext)) if isinstance(ext, tuple) else str(ext)
