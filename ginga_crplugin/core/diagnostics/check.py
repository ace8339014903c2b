"""The room of the marks: what a check says, and what a front can do about it."""

from dataclasses import dataclass, field

from ginga_crplugin.core.frame import InputMask

__all__ = ['MARKS', 'Check', 'Remedy']

#: The marks, from harmless to harmful.
MARKS = ('ok', 'warning', 'error')


@dataclass(frozen=True, eq=False)
class Remedy:
    """What a front can do about it at a click.

    Attributes
    ----------
    name : str
        What it does, in a few words for a button.
    params : dict
        Parameters to choose, by field name; empty if none.
    mask : InputMask or None
        A mask to suggest.
    """

    name: str
    params: dict = field(default_factory=dict)
    mask: InputMask | None = None


@dataclass(frozen=True, eq=False)
class Check:
    """What one check says.

    Attributes
    ----------
    name : str
        bias, flat, sky, noise, units, bad_pixels, sampling, overscan or nonfinite; share, stars or rate for a result.
    mark : {'ok', 'warning', 'error'}
    measured : str
        What was measured.
    effect : str
        What it does to the result; empty if nothing.
    advice : str
        What to do; empty if nothing.
    remedy : Remedy or None
    """

    name: str
    mark: str
    measured: str
    effect: str = ''
    advice: str = ''
    remedy: Remedy | None = None
