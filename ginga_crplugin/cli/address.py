"""Download of a frame at an address that fsspec understands."""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

__all__ = ['is_address', 'local_frame']


def is_address(frame: object) -> bool:
    """Return whether the name of a frame is an address.

    Parameters
    ----------
    frame : str or `~pathlib.Path`
        The name of the frame.

    Returns
    -------
    bool
        False for a local file.
    """
    return isinstance(frame, str) and '://' in frame


@contextmanager
def local_frame(args: argparse.Namespace) -> Iterator[None]:
    """Download a frame at an address for the duration of the block; a local file is used as it is.

    Parameters
    ----------
    args : `argparse.Namespace`
        The parsed arguments; ``frame`` becomes the local file, ``remote`` whether it was downloaded.

    Yields
    ------
    None
        Nothing.

    Raises
    ------
    OSError, ValueError
        If the frame cannot be downloaded; errors in the block name the address.
    """
    frame, ext = args.frame
    args.remote = is_address(frame)
    if not args.remote:
        yield
        return
    from ginga_crplugin.io.remote import local_file

    with ExitStack() as stack:
        try:
            path = stack.enter_context(local_file(frame))
        except ImportError as error:
            msg = f"{frame} cannot be downloaded: {error}; pip install fsspec and what it needs, such as 'fsspec[http]'"
            raise ValueError(msg) from error
        except Exception as error:  # fsspec raises errors of any type
            msg = f'{frame} cannot be downloaded: {error}'
            raise ValueError(msg) from error
        args.frame = path, ext
        yield
