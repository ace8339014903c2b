"""Frames at fsspec addresses, downloaded to temporary files."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ['local_file', 'remote_name']


def remote_name(address: str) -> str:
    """Return the name of the file at an fsspec address.

    Parameters
    ----------
    address : str
        An address, possibly of chained file systems.

    Returns
    -------
    str
        The last part of the path; ``'frame.fits'`` where there is none.

    Examples
    --------
    >>> remote_name('simplecache::s3://night/f1.fits'), remote_name('zip://f2.fits::file:///all.zip')
    ('f1.fits', 'f2.fits')
    """
    file = next(part for part in address.split('::') if '://' in part)
    return file.rstrip('/').rpartition('/')[2] or 'frame.fits'


@contextmanager
def local_file(path: str) -> Iterator[Path]:
    """Provide a local file for a path or an fsspec address; errors name the address.

    Parameters
    ----------
    path : str
        A local path, or an address, which is downloaded for the duration of the block.

    Yields
    ------
    `~pathlib.Path`
        The local file.

    Raises
    ------
    OSError, ValueError
        If the file cannot be downloaded or read.
    """
    if '://' not in path:
        yield Path(path)
        return
    from fsspec.core import url_to_fs

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / remote_name(path)
        filesystem, remote_path = url_to_fs(path)
        filesystem.get_file(remote_path, str(copy))
        try:
            yield copy
        except (ValueError, OSError) as error:
            if str(copy) not in str(error):
                raise
            raise ValueError(str(error).replace(str(copy), path)) from error
