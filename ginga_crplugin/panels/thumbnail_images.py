"""Images in the thumbnails of a segment."""

import numpy as np

from ginga_crplugin.core.repair.repair import Repair
from ginga_crplugin.figures.cutout import ComputedImage, mask_image
from ginga_crplugin.session.session import Session

__all__ = ['thumbnail_images']


def thumbnail_images(session: Session, name: str, other: np.ndarray | None) -> list[tuple]:
    """Return the images that thumbnails show: mask, science, another image, and cleaned.

    Parameters
    ----------
    session : Session
        The session.
    name : str
        Title of the other image.
    other : (ny, nx) ndarray or None
        The other image, such as the dark.

    Returns
    -------
    list of tuple
        Title, (ny, nx) image (`~ginga_crplugin.figures.cutout.ComputedImage` where it depends on the result), and the
        group of images with the same stretch, as for `~ginga_crplugin.figures.contact_sheet.draw_cutouts`; empty
        without a result.
    """
    result, decisions = session.result, session.review.decisions
    if result is None or decisions is None:
        return []
    frame = result.frame
    try:
        repaired = session.repairing.current
    except ValueError:  # another exposure is needed, and there is none
        repaired = None

    def mask_at(pixels: np.ndarray) -> np.ndarray:
        return mask_image(decisions.plane_at(pixels, frame.bits))

    return [
        ('mask', ComputedImage(frame.shape, np.dtype(np.uint8), mask_at)),
        ('science', _as_image(frame.ccd.data), 'science'),
        (name, _as_image(other), 'other'),
        ('cleaned', None if repaired is None else _computed(repaired), 'science'),
    ]


def _computed(repaired: Repair) -> ComputedImage:
    return ComputedImage(repaired.frame.shape, repaired.detection.values.dtype, repaired.cleaned_at)


def _as_image(image: np.ndarray | None) -> np.ndarray | None:
    """Return an image as floats if its dtype is that of a mask."""
    return image.astype(np.float32) if image is not None and image.dtype in (np.uint8, bool) else image
