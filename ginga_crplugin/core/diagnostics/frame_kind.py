"""Kinds of frames: images of stars, color mosaics and spectra."""

from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from ginga_crplugin.core.frame import Frame

from .check import Check, Remedy
from .color_pattern import find_color_pattern
from .kind_cards import mosaic_card, spectrum_card
from .spectral_lines import SpectralLines, find_spectral_lines

__all__ = [
    'FrameKind',
    'MosaicError',
    'check_kind',
    'find_frame_kind',
    'not_checked',
    'require_monochrome',
    'valid_checks',
]

#: FWHM (pixels) below which spectral lines are flagged: 30 lines of 240 pixels cause 5,000 false pixels at 1.9 pixels,
#: up to 1,000 at 3.5, up to 200 at 4, and none at 5.
NARROW = 4.0

#: The kinds that were found.
_KINDS: 'WeakKeyDictionary[Frame, FrameKind]' = WeakKeyDictionary()


class MosaicError(ValueError):
    """A color mosaic is not searched unless the user asks for it."""


@dataclass(frozen=True)
class FrameKind:
    """The kind of a frame, and how it was recognized.

    Attributes
    ----------
    name : {'image', 'color mosaic', 'spectrum'}
        The kind.
    evidence : str
        The header card or the pattern in the pixels; empty for an image.
    lines : SpectralLines or None
        The spectral lines in the pixels.
    """

    name: str
    evidence: str = ''
    lines: SpectralLines | None = None

    def __str__(self) -> str:
        return f'{self.name} ({self.evidence})' if self.evidence else self.name

    @property
    def is_image(self) -> bool:
        """Whether it is a monochrome image."""
        return self.name == 'image'

    @property
    def is_mosaic(self) -> bool:
        """Whether it is a color mosaic."""
        return self.name == 'color mosaic'


def find_frame_kind(frame: Frame) -> FrameKind:
    """Find the kind of a frame, from its header and from its pixels.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks.

    Returns
    -------
    FrameKind
        The kind. It is computed once for each frame.
    """
    if frame not in _KINDS:
        _KINDS[frame] = _find(frame)
    return _KINDS[frame]


def _find(frame: Frame) -> FrameKind:
    header = frame.ccd.header
    card = mosaic_card(header)
    if card:
        return FrameKind('color mosaic', card)
    pattern = find_color_pattern(frame)
    if pattern is not None:
        levels = ', '.join(f'{level:.4g}' for level in pattern)
        return FrameKind('color mosaic', f'levels {levels} {frame.ccd.unit} in every 2 x 2 pixels')
    card, lines = spectrum_card(header), find_spectral_lines(frame)
    if card or lines is not None:
        seen = '' if lines is None else f'{lines.number} lines along {lines.axis}, FWHM {lines.width:.1f} pixels'
        return FrameKind('spectrum', ', '.join(filter(None, (card, seen))), lines)
    return FrameKind('image')


def require_monochrome(frame: Frame, remedy: str) -> None:
    """Raise an error if a frame is a color mosaic.

    Parameters
    ----------
    frame : Frame
        The frame with its input masks.
    remedy : str
        How to run anyway, for the message.

    Raises
    ------
    MosaicError
        If it is a color mosaic.
    """
    kind = find_frame_kind(frame)
    if kind.is_mosaic:
        msg = f'{frame.name} is a {kind}; its brighter pixels would be flagged; {remedy}'
        raise MosaicError(msg)


def check_kind(frame: Frame, residual: Frame) -> Check:
    """Check whether a frame is a monochrome image, for which L.A.Cosmic and the other checks are meant.

    Parameters
    ----------
    frame : Frame
        The frame.
    residual : Frame
        The frame without its background; the frame itself if it has none.

    Returns
    -------
    Check
        The check ``kind``. For a color mosaic, its remedy is the consent to run L.A.Cosmic anyway.
    """
    kind = find_frame_kind(frame)
    if kind.is_image:
        return Check('kind', 'ok', 'no sign of a color mosaic or a spectrum')
    if kind.is_mosaic:
        effect = 'pixels of the brighter colors are flagged'
        advice = 'separate the colors into one image each, or run anyway (--allow-mosaic)'
        return Check('kind', 'error', str(kind), effect, advice, Remedy('Run anyway', allow_mosaic=True))
    if residual is frame:
        narrow = kind.lines is not None and kind.lines.width < NARROW
        effect = 'its narrow lines are flagged' if narrow else 'lines and traces may be flagged'
        advice = 'give a model of the spectrum as the background (--background)'
        return Check('kind', 'error' if narrow else 'warning', str(kind), effect, advice)
    lines = find_spectral_lines(residual)
    if lines is None:
        return Check('kind', 'ok', f'{kind}; no lines remain without the background')
    measured = f'{kind}; {lines.number} lines remain without the background'
    return Check('kind', 'warning', measured, 'lines may be flagged', 'check the model of the spectrum')


def valid_checks(kind: FrameKind, names: Iterable[str], *, has_background: bool) -> tuple[str, ...]:
    """Return the checks of a frame that are valid for its kind.

    Parameters
    ----------
    kind : FrameKind
        The kind of the frame.
    names : iterable of str
        The names of all checks but ``kind``.
    has_background : bool
        Whether the frame has a background image, without which there are no lines in it.

    Returns
    -------
    tuple of str
        The names of those that do not assume an image of stars on a sky.
    """
    if kind.is_image:
        return tuple(names)
    if kind.is_mosaic:
        return ('nonfinite',)
    return tuple(name for name in names if name != 'sampling') if has_background else ('flat', 'nonfinite')


def not_checked(name: str, kind: FrameKind) -> Check:
    """Return the result of a check that is not valid for the kind of a frame.

    Parameters
    ----------
    name : str
        The name of the check.
    kind : FrameKind
        The kind of the frame.

    Returns
    -------
    Check
        An ``ok``, with the reason.
    """
    return Check(name, 'ok', f'not checked: {kind.name}')
