"""Default output of a frame, and what saving will write."""

from pathlib import Path
from typing import Any

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.io.save import default_path

from .labels import OVERWRITE

__all__ = ['default_kind', 'default_target', 'save_text']


def default_target(frame: Frame) -> Path:
    """Return the default output file of a frame.

    Parameters
    ----------
    frame : Frame
        The frame.

    Returns
    -------
    `~pathlib.Path`
        The file of its saved mask, if there is one; else a new file.
    """
    saved: Any = frame.saved
    if default_kind(frame) == 'mask':
        return saved.path
    try:
        return default_path(frame)
    except ValueError:  # the frame was not read from a file
        return Path.cwd() / f'{Path(frame.name).stem}_crmask.fits'


def default_kind(frame: Frame | None) -> str:
    """Return the default kind of output of a frame: that of its saved mask, if there is one.

    Parameters
    ----------
    frame : Frame or None
        The frame; None without an image.

    Returns
    -------
    str
        ``'new'``, ``'into'`` or ``'mask'``.
    """
    saved: Any = None if frame is None else frame.saved
    if frame is None or saved is None:
        return 'new'
    return 'into' if saved.path == frame.path else 'mask'


def save_text(frame: Frame, kind: str, path: Path, *, overwrite: bool) -> str:
    """Return what saving will write or overwrite.

    Parameters
    ----------
    frame : Frame
        The frame.
    kind : {'new', 'into', 'mask'}
        The kind of output.
    path : `~pathlib.Path`
        The output file.
    overwrite : bool
        Whether an existing file or mask may be overwritten.

    Returns
    -------
    str
        One line.
    """
    name, rest = path.name, '; its other HDUs are unchanged' if kind == 'into' else ''
    saved: Any = frame.saved
    if saved is not None and path == saved.path:
        if overwrite:
            return f'the mask in {name} will be overwritten{rest}'
        return f'{name} already holds a saved mask: select "{OVERWRITE}" to overwrite it'
    if kind == 'into':
        return f'MASK, DQ and CRSEG will be added to {name}{rest}'
    if path.exists():
        if overwrite:
            return f'{name} will be overwritten'
        return f'{name} exists: choose another name or select "{OVERWRITE}"'
    return f'{name} will be written'
