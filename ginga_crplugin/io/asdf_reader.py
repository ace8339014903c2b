"""ASDF files of Roman and JWST, read as FITS files in memory."""

import io
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits

__all__ = ['ASDF_MAGIC', 'asdf_as_fits', 'is_asdf']

#: The first bytes of an ASDF file.
ASDF_MAGIC = b'#ASDF'

#: The planes of an image: their names in a data model, and in FITS.
_PLANES = {'data': 'SCI', 'err': 'ERR', 'dq': 'DQ'}

#: Cards of the FITS header, and the entries of ``meta`` that give their values; the first that exists is used.
_CARDS = {
    'TELESCOP': ('telescope',),
    'INSTRUME': ('instrument.name',),
    'DETECTOR': ('instrument.detector',),
    'FILTER': ('instrument.optical_element', 'instrument.filter'),
    'OBJECT': ('target.catalog_name', 'target.proposer_name'),
    'DATE-OBS': ('exposure.start_time', 'observation.date_beg', 'observation.date'),
    'EXPTIME': ('exposure.exposure_time',),
    'EFFEXPTM': ('exposure.effective_exposure_time',),
    'BUNIT': ('bunit_data',),
}


def is_asdf(path: Path) -> bool:
    """Return whether a file is an ASDF file.

    Parameters
    ----------
    path : `~pathlib.Path`
        An existing file.

    Returns
    -------
    bool
        Whether its first bytes are those of one.
    """
    with path.open('rb') as file:
        return file.read(len(ASDF_MAGIC)) == ASDF_MAGIC


def asdf_as_fits(file: BinaryIO, path: Path) -> io.BytesIO:
    """Convert an image in ASDF to a FITS file in memory.

    Parameters
    ----------
    file : binary file
        The ASDF file, open for reading.
    path : `~pathlib.Path`
        Its name, for errors.

    Returns
    -------
    `~io.BytesIO`
        A FITS file with the extensions SCI, and ERR and DQ if there are any, and with the cards of the header that
        the metadata give.

    Raises
    ------
    ValueError
        If the package ``asdf`` is not installed, or if the file is damaged or has no image.
    """
    try:
        import asdf
    except ImportError:
        msg = f"{path} is an ASDF file: install the package asdf (pip install 'ginga-crplugin[asdf]')"
        raise ValueError(msg) from None
    file.seek(0)
    content = io.BytesIO(file.read())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # tags of packages that are not installed
            with asdf.open(content, ignore_unrecognized_tag=True, ignore_missing_extensions=True) as opened:
                hdus = _hdus(opened.tree)
    except Exception as error:
        detail = ' '.join(str(error).split())[:80] or type(error).__name__
        msg = f'{path}: cannot be read as ASDF ({detail}); check the file with asdftool info'
        raise ValueError(msg) from error
    content = io.BytesIO()
    hdus.writeto(content)
    content.seek(0)
    return content


def _hdus(tree: Mapping[str, Any]) -> fits.HDUList:
    model = tree.get('roman', tree)
    if not isinstance(model, Mapping) or 'data' not in model:
        msg = f'it has {", ".join(map(str, list(model)[:5]))}, but no image "data"'
        raise ValueError(msg)
    header = _header(model.get('meta', {}))
    planes = {name: _array(model[key]) for key, name in _PLANES.items() if model.get(key) is not None}
    unit = planes['SCI'][1] or header.get('BUNIT', '')
    if not unit and 'roman' in tree and planes['SCI'][0].dtype.kind == 'f':
        unit = 'DN/s'  # that of calibrated images in the schema
    header.remove('BUNIT', ignore_missing=True)
    hdus = fits.HDUList([fits.PrimaryHDU(header=header)])
    for name, (array, _) in planes.items():
        if array.dtype.kind not in 'iuf' or array.dtype == np.float16:
            array = array.astype(np.float32 if array.dtype.kind == 'f' else np.uint8)
        hdus.append(fits.ImageHDU(array, name=name))
        if name != 'DQ' and unit:
            hdus[-1].header['BUNIT'] = str(unit)
    return hdus


def _array(value: Any) -> tuple[np.ndarray, str]:
    """Return the pixels and the unit of an array or a quantity, whose package may not be installed."""
    unit = ''
    if isinstance(value, Mapping):
        value, unit = value['value'], str(value.get('unit', ''))
    elif hasattr(value, 'unit'):
        value, unit = value.value, str(value.unit)
    array = np.array(value)
    return array.astype(array.dtype.newbyteorder('='), copy=False), unit.strip()


def _header(meta: Mapping[str, Any]) -> fits.Header:
    header = fits.Header()
    for card, paths in _CARDS.items():
        values = (_look_up(meta, path) for path in paths)
        value = next((value for value in values if value is not None), None)
        if isinstance(value, bool | int | float):
            if math.isfinite(value):  # FITS headers have no NaN
                header[card] = value
        elif value is not None:
            text = str(getattr(value, 'isot', value))  # of a Time
            header[card] = ''.join(c for c in text if c.isprintable() and c.isascii())[:68]
    return header


def _look_up(meta: Any, path: str) -> Any:
    for key in path.split('.'):
        if not isinstance(meta, Mapping) or key not in meta:
            return None
        meta = meta[key]
    return None if isinstance(meta, Mapping | list) else meta
