"""Rules of a recipe by header keywords, and checks of its values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from ginga_crplugin.core.input_mask import MaskSource
from ginga_crplugin.core.params import HEADER_FIELDS, FromHeader, LACosmicParams

__all__ = ['Rule', 'check_choice', 'check_parameters', 'hashable']


@dataclass(frozen=True)
class Rule:
    """Changes to a recipe for frames that match header keywords.

    Attributes
    ----------
    where : dict
        ``{keyword: value or tuple of values}``; all must match. Text is compared case-insensitively.
    name : str
        The name of the rule in headers and tables.
    parameters : dict
        As for `Recipe`; they override those of the recipe.
    masks : tuple of MaskSource or None
        Used instead of those of the recipe; None to keep those.
    stop : tuple of str or None
        Used instead of those of the recipe; None to keep those.
    remedy : tuple of str or None
        Used instead of those of the recipe; None to keep those.
    """

    where: dict[str, Any]
    name: str = ''
    parameters: dict[str, Any] = field(default_factory=dict)
    masks: tuple[MaskSource, ...] | None = None
    stop: tuple[str, ...] | None = None
    remedy: tuple[str, ...] | None = None

    def matches(self, header: Mapping[str, Any]) -> bool:
        """Return whether the rule is for a frame with this header.

        Parameters
        ----------
        header : mapping
            The header.

        Returns
        -------
        bool
            Whether all keywords match.
        """
        return all(_matches(header.get(keyword), wanted) for keyword, wanted in self.where.items())


def check_parameters(parameters: dict[str, Any]) -> None:
    """Check the parameters of a recipe or rule.

    Parameters
    ----------
    parameters : dict
        ``{field of LACosmicParams: value or FromHeader}``.

    Raises
    ------
    ValueError
        If a name or a value is not allowed.
    """
    names = [item.name for item in fields(LACosmicParams)]
    for name, value in parameters.items():
        check_choice('name of a parameter', name, names)
        from_header = isinstance(value, FromHeader)
        if from_header:
            check_choice('name of a parameter from the header', name, HEADER_FIELDS)
        if not from_header or value.default is not None:
            LACosmicParams(**{name: value.default if from_header else value})


def check_choice(what: str, value: Any, allowed: Iterable[str]) -> None:
    """Check that a value is one of those allowed.

    Parameters
    ----------
    what : str
        What the value is, for the message.
    value : object
        The value.
    allowed : iterable of str
        The allowed values.

    Raises
    ------
    ValueError
        If it is not one of them.
    """
    if value not in allowed:
        msg = f'{what} is {value!r}: it must be one of {", ".join(allowed)}'
        raise ValueError(msg)


def _matches(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, tuple):
        return any(_matches(value, one) for one in wanted)
    if isinstance(wanted, str) or isinstance(value, str):
        return str(value).strip().casefold() == str(wanted).strip().casefold()
    return value is not None and value == wanted


def hashable(value: Any) -> Any:
    """Return a value of a recipe in a form whose text is equal for equal values.

    Parameters
    ----------
    value : object
        The value.

    Returns
    -------
    object
        Numbers, texts and lists.
    """
    if isinstance(value, MaskSource):
        return value.path.name, value.ext, value.cause, value.limit, value.datasum
    if isinstance(value, Path):
        return value.name
    if isinstance(value, dict):
        return sorted((key, hashable(item)) for key, item in value.items())
    if isinstance(value, tuple | list):
        return [hashable(item) for item in value]
    if is_dataclass(value):
        return type(value).__name__, [hashable(getattr(value, item.name)) for item in fields(value)]
    return float(value) if isinstance(value, int) else value
