"""Input masks: pixels that are known to be bad before the run, and the files they come from."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from .bits import MaskBit
from .pixels import datasum

__all__ = ['InputMask', 'MaskSource']


@dataclass(frozen=True)
class MaskSource:
    """A file from which an input mask is made.

    Attributes
    ----------
    path : `~pathlib.Path`
        The file.
    ext : int, str, (str, int) or None
        The extension; None is the extension MASK or else the first image, ``'same'`` the HDU number of the frame.
    cause : MaskBit or None
        The cause; None is the cause in the header of the file, else INPUT.
    limit : float or None
        For a combined dark, the level in its own unit above which pixels are hot. None for a mask.
    datasum : str
        The expected FITS checksum (DATASUM) of the pixels; '' accepts any.
    """

    path: Path
    ext: int | str | tuple[str, int] | None = None
    cause: MaskBit | None = None
    limit: float | None = None
    datasum: str = ''


@dataclass(frozen=True, eq=False)
class InputMask:
    """Pixels that are known to be bad before the run, with their cause.

    Attributes
    ----------
    name : str
        The name of its source.
    bit : MaskBit
        The cause.
    mask : (ny, nx) bool ndarray
        True for bad pixels.
    datasum : str
        FITS checksum (DATASUM) of the pixels from which it was made; '' if a check made it from the frame itself.
    image : (ny, nx) ndarray or None
        The dark from which it was made, for display.
    origin : MaskSource, str or None
        How a recipe reproduces it: from a file, by the check of this name, or from the frame itself (``'own'``); None
        if it cannot, as for the mask of an image in memory.
    assumed : str
        What was assumed about its pixels, of which a check warns; '' if nothing was.
    """

    name: str
    bit: MaskBit
    mask: np.ndarray
    datasum: str = ''
    image: np.ndarray | None = field(default=None, repr=False)
    origin: MaskSource | str | None = None
    assumed: str = ''

    @classmethod
    def from_data(
        cls, name: str, bit: MaskBit, data: np.ndarray, origin: MaskSource | str | None = None
    ) -> 'InputMask':
        """Make a mask of the nonzero pixels of an image.

        Parameters
        ----------
        name : str
            The name of its source.
        bit : MaskBit
            The cause.
        data : (ny, nx) ndarray
            The image.
        origin : MaskSource, str or None
            How a recipe reproduces it.

        Returns
        -------
        InputMask
            The mask, with the checksum of the image.
        """
        return cls(name, bit, data != 0, datasum(data), origin=origin)

    @cached_property
    def count(self) -> int:
        """Number of masked pixels."""
        return int(np.count_nonzero(self.mask))
