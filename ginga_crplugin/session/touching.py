"""The stars of the open frame, and those that the mask touches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ginga_crplugin.core.stars.finding import find_star_list
from ginga_crplugin.io.provenance import protect_cards, star_cards
from ginga_crplugin.io.star_catalog import read_stars

if TYPE_CHECKING:
    from ginga_crplugin.core.decisions import Decisions
    from ginga_crplugin.core.stars.star_list import StarList, StarsTouched

    from .result import Result
    from .session import Session

__all__ = ['Touching']

#: Maximum number of protected stars that are named in a line of text.
MAX_NAMED = 3


class Touching:
    """Finds the stars of the frame of a session once, and which of them the mask touches.

    Parameters
    ----------
    session : Session
        The session.

    Attributes
    ----------
    stars : StarList or None
        The stars of the frame; None before they were looked for.
    protected : StarList or None
        Those that the recipe protects; None if it has no list of them, or before.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.reset()

    def reset(self) -> None:
        """Discard the stars, without an event."""
        self.stars: StarList | None = None
        self.protected: StarList | None = None
        self._key: tuple[object, ...] = ()
        self._touched: dict[StarList, tuple[Decisions, StarsTouched]] = {}

    def find(self, result: Result) -> None:
        """Find the stars of the frame of a result in the worker, unless they were found with the same noise.

        Parameters
        ----------
        result : Result
            The result of a run on the frame.

        Raises
        ------
        OSError, ValueError
            If the list of protected stars cannot be used.
        """
        if self.is_current(result):
            return
        params, key = result.detection.params, self._key_of(result)
        protect = key[-1]
        stars = self.stars if self.stars is not None and key[:-1] == self._key[:-1] else None
        if stars is None:
            stars = find_star_list(result.frame, params)
        protected = None if protect is None else stars.given(*read_stars(protect, result.frame))
        if result.frame is self._session.frame:
            self.stars, self.protected, self._key, self._touched = stars, protected, key, {}

    def is_current(self, result: Result) -> bool:
        """Return whether the stars are those of a result.

        Parameters
        ----------
        result : Result
            The result of a run on the frame.

        Returns
        -------
        bool
            False if the frame, its noise or the list of protected stars is another.
        """
        return self._key_of(result) == self._key

    def _key_of(self, result: Result) -> tuple[Any, ...]:
        params, recipe = result.detection.params, self._session.settings.recipe
        protect = None if recipe is None else recipe.protect
        return result.frame, params.gain, params.readnoise, params.satlevel, params.pssl, protect

    @property
    def kept(self) -> np.ndarray:
        """(n,) int64 ndarray: flat indices of the pixels that the recipe keeps out of the mask."""
        recipe, stars = self._session.settings.recipe, self.protected
        keeps = recipe is not None and recipe.keep_protected and stars is not None
        return np.unique(stars.cores[0]) if keeps and stars is not None else np.zeros(0, np.int64)

    @property
    def touched(self) -> StarsTouched | None:
        """The stars that the mask of the result touches; None if there is no result, or no stars yet."""
        return self._those(self.stars)

    @property
    def lines(self) -> list[str]:
        """The stars that the mask touches, and the protected ones by name, as text."""
        touched, protected = self.touched, self._those(self.protected)
        lines = [] if touched is None else [touched.text]
        if protected is not None and self.protected is not None:
            texts = protected.named_texts(self.protected)
            more = [f'and {len(texts) - MAX_NAMED} more'] if len(texts) > MAX_NAMED else []
            count = f'protected stars touched: {len(protected)} of {protected.count}'
            lines += ['; '.join([count, *texts[:MAX_NAMED], *more])]
        return lines

    def cards(self, decisions: Decisions, kept: int) -> list[tuple[str, Any, str]]:
        """Return the header cards of the stars that a mask touches.

        Parameters
        ----------
        decisions : Decisions
            The decisions that make the mask.
        kept : int
            Number of cosmic-ray pixels that are kept out of it.

        Returns
        -------
        list of (str, value, str)
            Keyword, value and comment.
        """
        recipe, cards = self._session.settings.recipe, []
        if self.stars is not None:
            cards += star_cards(self.stars.touched(decisions.pixels))
        if self.protected is not None and recipe is not None and recipe.protect is not None:
            touched = self.protected.touched(decisions.pixels)
            number = kept if recipe.keep_protected else None
            cards += protect_cards(recipe.protect.name, self.protected, touched, number)
        return cards

    def _those(self, stars: StarList | None) -> StarsTouched | None:
        decisions = self._session.review.decisions
        if stars is None or decisions is None or stars.shape != decisions.shape:
            return None
        if stars not in self._touched or self._touched[stars][0] is not decisions:
            self._touched[stars] = decisions, stars.touched(decisions.pixels)
        return self._touched[stars][1]
