"""The input masks of recipes, cached until their files change."""

from functools import lru_cache
from pathlib import Path

from ginga_crplugin.core.input_mask import InputMask, MaskSource
from ginga_crplugin.io.input_masks import read_mask_source

__all__ = ['cached_mask']


def cached_mask(source: MaskSource, index: int | None = 0) -> InputMask:
    """Make the input mask of a `MaskSource`, cached until its file changes.

    Parameters
    ----------
    source : MaskSource
        File, extension and cause of the mask.
    index : int or None, optional
        The HDU number of the frame, for ``ext='same'``; None if it is not known.

    Returns
    -------
    InputMask
        The mask.

    Raises
    ------
    OSError, ValueError
        If it cannot be read.
    """
    stat = Path(source.path).stat()
    return _cached_mask(source, index if source.ext == 'same' else 0, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=8)
def _cached_mask(source: MaskSource, index: int | None, _mtime: int, _size: int) -> InputMask:
    return read_mask_source(source, index)
