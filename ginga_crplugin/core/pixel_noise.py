"""Noise of the pixels from the frame itself: its uncertainty, or the cards of its amplifiers."""

from dataclasses import dataclass

import numpy as np

from .amplifiers import amplifier_images, find_amplifiers
from .frame import Frame
from .uncertainty import own_variance

__all__ = ['NOISE_SOURCES', 'PixelNoise', 'pixel_noise']

#: What the noise of the pixels can be taken from: the uncertainty of the frame, or its amplifiers.
NOISE_SOURCES = 'own', 'amplifiers'


@dataclass(frozen=True, eq=False)
class PixelNoise:
    """Noise of the pixels of a frame.

    Attributes
    ----------
    source : {'own', 'amplifiers'}
        What it is taken from.
    images : dict of (ny, nx) ndarray
        The ``variance``, and the ``background`` if there is one, as in `Frame`; empty if the noise is not known.
    notes : tuple of str
        Notes on it.
    """

    source: str
    images: dict[str, np.ndarray]
    notes: tuple[str, ...] = ()

    def applied(self, frame: Frame) -> Frame:
        """Return a frame with this noise.

        Parameters
        ----------
        frame : Frame
            A frame without background and variance image.

        Returns
        -------
        Frame
            The frame with the images and the notes.
        """
        return frame.replace(notes=(*frame.notes, *self.notes), **self.images)


def pixel_noise(frame: Frame, source: str) -> PixelNoise:
    """Take the noise of the pixels from the uncertainty of a frame, or from the cards of its amplifiers.

    Parameters
    ----------
    frame : Frame
        The frame.
    source : {'own', 'amplifiers'}
        What to take it from.

    Returns
    -------
    PixelNoise
        The noise. It has no images, but a note, if the amplifiers do not differ or their sections are not known.

    Raises
    ------
    ValueError
        If the uncertainty cannot be used.
    """
    if source == 'own':
        variance, notes = own_variance(frame)
        return PixelNoise(source, {'variance': variance}, tuple(notes))
    amplifiers = find_amplifiers(frame)
    if not amplifiers:
        return PixelNoise(source, {}, ('the header has no amplifiers that differ: using one gain and read noise',))
    if frame.background is not None or frame.variance is not None:
        return PixelNoise(source, {}, ('the noise of the amplifiers is not used with a background or variance image',))
    if any(item.section is None for item in amplifiers):
        note = 'the sections of the amplifiers are not known: using the smallest gain and the largest read noise'
        return PixelNoise(source, {}, (note,))
    return PixelNoise(source, amplifier_images(frame, amplifiers))
