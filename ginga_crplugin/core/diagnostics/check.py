"""Result of a check and its remedy."""

from dataclasses import dataclass, field
from typing import Any

from ginga_crplugin.core.input_mask import InputMask

__all__ = ['CHECKS', 'MARKS', 'Check', 'Remedy', 'format_level']

#: The marks, from harmless to harmful.
MARKS = ('ok', 'warning', 'error')

#: The names of the checks of a frame, in their order.
CHECKS = (
    'kind',
    'bias',
    'flat',
    'sky',
    'noise',
    'units',
    'bad_pixels',
    'sampling',
    'overscan',
    'nonfinite',
    'saturation',
    'flags',
)


@dataclass(frozen=True, eq=False)
class Remedy:
    """Change of parameters or masks that a panel applies at a click.

    Attributes
    ----------
    name : str
        Text of the button.
    params : dict
        New values of parameters, by field name of `~ginga_crplugin.LACosmicParams`; empty if none change.
    mask : `~ginga_crplugin.InputMask` or None
        Input mask to add.
    noise : {'own', 'amplifiers'} or None
        What to take the noise of the pixels from: the uncertainty of the frame, or its amplifiers.
    allow_mosaic : bool
        Whether the user agrees to search this color mosaic.
    """

    name: str
    params: dict[str, Any] = field(default_factory=dict)
    mask: InputMask | None = None
    noise: str | None = None
    allow_mosaic: bool = False


@dataclass(frozen=True, eq=False)
class Check:
    """Result of one check of a frame or a detection.

    Attributes
    ----------
    name : str
        kind, bias, flat, sky, noise, units, bad_pixels, sampling, overscan, nonfinite, saturation or flags for a frame;
        share, stars or rate for a detection.
    mark : {'ok', 'warning', 'error'}
        Severity; an error affects the result.
    measured : str
        What was measured.
    effect : str
        What it means for the result; empty if it has no effect.
    advice : str
        What to do; empty if nothing.
    remedy : Remedy or None
        The change that follows the advice, where it can be applied automatically.
    """

    name: str
    mark: str
    measured: str
    effect: str = ''
    advice: str = ''
    remedy: Remedy | None = None


def format_level(value: float) -> str:
    """Return a level as text: in full up to a million, in exponential notation above.

    Parameters
    ----------
    value : float
        The level.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> format_level(12345.6), format_level(-1e30)
    ('12,346', '-1e+30')
    """
    return f'{value:,.0f}' if abs(value) < 1e6 else f'{value:.3g}'
