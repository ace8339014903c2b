"""Existing outputs of a batch: whether they are complete, and what they contain."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from astropy.io import fits
from astropy.table import QTable

from ginga_crplugin.core.bits import BITS_CARD, REVIEW
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.pixels import datasum
from ginga_crplugin.io.companions import image_shape
from ginga_crplugin.io.saved_mask import kept_segments

__all__ = ['CompleteOutput', 'format_checks', 'has_review', 'read_complete_output', 'written_by_batch']


class CompleteOutput(NamedTuple):
    """The contents of a complete output.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        The header of the mask.
    segments : `~astropy.table.QTable`
        The segments that were not rejected.
    checks : tuple of (str, str)
        Name and mark of the checks recorded in the header.
    reviewed : bool
        Whether there is a review.
    """

    header: fits.Header
    segments: QTable
    checks: tuple[tuple[str, str], ...]
    reviewed: bool


def read_complete_output(output: Path, identity: str, frame: Frame) -> CompleteOutput | None:
    """Read an output if it is complete and has this identity.

    Parameters
    ----------
    output : `~pathlib.Path`
        The file.
    identity : str
        The hash of everything that determines the output.
    frame : Frame
        The frame; if the output contains an image, it must have the same pixels.

    Returns
    -------
    CompleteOutput or None
        The contents, None if the output is incomplete or has another identity.
    """
    try:
        with fits.open(output, memmap=False) as hdus:
            ours = [hdu for hdu in hdus if BITS_CARD in hdu.header]
            header = next(hdu.header for hdu in ours if hdu.name == 'MASK')
            if header.get('CRIDENT') != identity:
                return None
            if any(hdu.verify_checksum() != 1 or hdu.verify_datasum() != 1 for hdu in ours):
                return None
            images = [hdu for hdu in hdus if image_shape(hdu.header) == frame.shape and hdu not in ours]
            if images and datasum(images[0].data) != datasum(frame.ccd.data):
                return None
            return CompleteOutput(header.copy(), kept_segments(hdus), _parse_checks(header['CRCHECKS']), REVIEW in hdus)
    except (OSError, ValueError, TypeError, KeyError, StopIteration):
        return None


def format_checks(checks: Iterable[tuple[str, str]]) -> str:
    """Return checks as the value of the card CRCHECKS.

    Parameters
    ----------
    checks : iterable of (str, str)
        Name and mark of each check.

    Returns
    -------
    str
        The checks: ``'noise warning, sky error'``.
    """
    return ', '.join(f'{name} {mark}' for name, mark in checks)


def _parse_checks(text: str) -> tuple[tuple[str, str], ...]:
    """Parse the value of the card CRCHECKS."""
    pairs = [item.rsplit(' ', 1) for item in text.split(', ') if item]
    return tuple((name, mark) for name, mark in pairs)


def written_by_batch(output: Path) -> bool:
    """Return whether a file, complete or not, was written by a batch.

    Parameters
    ----------
    output : `~pathlib.Path`
        The file.

    Returns
    -------
    bool
        Whether it has the identity card of a batch.
    """
    try:
        with fits.open(output, ignore_missing_simple=True) as hdus:
            return any('CRIDENT' in hdu.header for hdu in hdus)
    except (OSError, ValueError):
        return False


def has_review(output: Path) -> bool:
    """Return whether a file contains a review.

    Parameters
    ----------
    output : `~pathlib.Path`
        The file.

    Returns
    -------
    bool
        Whether it has the extension of the review; False if it cannot be read.
    """
    try:
        with fits.open(output) as hdus:
            return REVIEW in hdus
    except (OSError, ValueError):
        return False
