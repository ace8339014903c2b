"""The room of the outputs of a night: what stands in one, and whether it is whole."""

from astropy.io import fits

from ginga_crplugin.core.bits import BITS_CARD, REVIEW
from ginga_crplugin.core.frame import datasum
from ginga_crplugin.io.saved_mask import kept_segments

__all__ = ['holds_review', 'is_ours', 'is_whole']


def is_whole(output, identity, frame):
    """Return what a file holds, if it is whole and has this identity.

    Parameters
    ----------
    output : `~pathlib.Path`
    identity : str
    frame : Frame
        Whose pixels must stand in it, if any do.

    Returns
    -------
    (`~astropy.io.fits.Header`, `~astropy.table.QTable`, bool) or None
        The header of the mask, the table of the segments that are in it, and whether there is a review.
    """
    try:
        with fits.open(output, memmap=False) as hdus:
            ours = [hdu for hdu in hdus if BITS_CARD in hdu.header]
            header = next(hdu.header for hdu in ours if hdu.name == 'MASK')
            if header.get('CRIDENT') != identity:
                return None
            if any(hdu.verify_checksum() != 1 or hdu.verify_datasum() != 1 for hdu in ours):
                return None
            images = [hdu for hdu in hdus if hdu.is_image and hdu.shape == frame.shape and hdu not in ours]
            if images and datasum(images[0].data) != datasum(frame.ccd.data):
                return None
            return header.copy(), kept_segments(hdus), REVIEW in hdus
    except (OSError, ValueError, TypeError, KeyError, StopIteration):
        return None


def is_ours(output):
    """Whether a file was made of a frame by a recipe, whole or not."""
    try:
        with fits.open(output, ignore_missing_simple=True) as hdus:
            return any('CRIDENT' in hdu.header for hdu in hdus)
    except (OSError, ValueError):
        return False


def holds_review(output):
    """Whether a file holds decisions."""
    try:
        with fits.open(output) as hdus:
            return REVIEW in hdus
    except (OSError, ValueError):
        return False
