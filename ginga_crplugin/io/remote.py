"""The room of the addresses: frames that are not files here, fetched by fsspec."""

import tempfile
from contextlib import contextmanager
from pathlib import Path

__all__ = ['local_file', 'remote_name']


def remote_name(address):
    """Return the name of the file that an fsspec address leads to.

    Examples
    --------
    >>> remote_name('simplecache::s3://night/f1.fits'), remote_name('zip://f2.fits::file:///all.zip')
    ('f1.fits', 'f2.fits')
    """
    file = next(part for part in address.split('::') if '://' in part)
    return file.rstrip('/').rpartition('/')[2] or 'frame.fits'


@contextmanager
def local_file(path):
    """Have a frame's file here; one that has an address is fetched for as long, and errors name the address."""
    if '://' not in path:
        yield Path(path)
        return
    import fsspec

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / remote_name(path)
        with fsspec.open(path, 'rb') as remote, copy.open('wb') as file:
            while block := remote.read(1 << 22):
                file.write(block)
        try:
            yield copy
        except (ValueError, OSError) as error:
            if str(copy) not in str(error):
                raise
            raise ValueError(str(error).replace(str(copy), path)) from error
