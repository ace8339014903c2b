"""The stars of a frame, and those that a result touches."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ginga_crplugin.core.flat_indices import locate

from .profile import StarProfile

__all__ = ['StarList', 'StarsTouched', 'core_radius']


def core_radius(fwhm: float | None) -> float:
    """Return the radius of the core of a star.

    Parameters
    ----------
    fwhm : float or None
        The width of the stars in pixels; None if it is not known.

    Returns
    -------
    float
        Three quarters of the width, and at least 1.5 pixels; 2 pixels without a width.
    """
    return max(1.5, 0.75 * fwhm) if fwhm else 2.0


@dataclass(frozen=True, eq=False)
class StarsTouched:
    """The stars of which pixels near the center are flagged.

    Attributes
    ----------
    count : int
        Number of stars in the list.
    stars : (n,) int64 ndarray
        The places in the list of those that are touched.
    pixels : (n,) int64 ndarray
        Number of flagged pixels in the core of each of them.
    lost : (n,) float64 ndarray or None
        Share of the flux of each of them in flagged pixels, from 0 to 1; None if the profile of the stars is not known.
    flux_lost : float or None
        Share of the flux of all stars of the list that is in flagged pixels of these; None if it is not known.
    reason : str
        Why no stars were looked for; empty if they were.
    """

    count: int
    stars: np.ndarray
    pixels: np.ndarray
    lost: np.ndarray | None
    flux_lost: float | None
    reason: str = ''

    def __len__(self) -> int:
        return len(self.stars)

    @property
    def share(self) -> float:
        """Share of the stars that are touched; 0 without stars."""
        return len(self) / self.count if self.count else 0.0

    @property
    def text(self) -> str:
        """The counts in one line: ``'stars touched: 3 of 312 (1.0 %), 1.2 % of the flux of the stars'``."""
        if not self.count:
            return f'stars touched: not measured ({self.reason or "no stars found"})'
        line = f'stars touched: {len(self)} of {self.count} ({100.0 * self.share:.1f} %)'
        lost = self.flux_lost
        return line if lost is None else f'{line}, {100.0 * lost:.2g} % of the flux of the stars'

    def named_texts(self, stars: 'StarList') -> list[str]:
        """Return a line of text for each touched star: ``"WASP-12: core flagged, 4 px, 0.8 % of its flux"``.

        Parameters
        ----------
        stars : StarList
            The list, with names.

        Returns
        -------
        list of str
            The lines.
        """
        lines = [
            f'{stars.names[star]}: core flagged, {pixels} px'
            for star, pixels in zip(self.stars, self.pixels, strict=True)
        ]
        if self.lost is None:
            return lines
        return [f'{line}, {100.0 * lost:.2g} % of its flux' for line, lost in zip(lines, self.lost, strict=True)]


@dataclass(frozen=True, eq=False)
class StarList:
    """The stars of a frame.

    Attributes
    ----------
    shape : tuple of int
        (ny, nx) of the frame.
    y, x : (n,) float64 ndarray
        Centers of the stars (0-based pixels).
    flux : (n,) float64 ndarray
        Their flux (electron); NaN if the profile is not known.
    fwhm : float or None
        Full width at half maximum of the stars in pixels; None if it is not known.
    profile : StarProfile or None
        The profile of the stars; None if there are too few.
    names : tuple of str
        The names of stars that were given; empty for those that were found.
    radii : (n,) float64 ndarray or None
        The radii of the cores of given stars, in pixels; None for `radius`.
    reason : str
        Why no stars were looked for; empty if they were.
    """

    shape: tuple[int, int]
    y: np.ndarray
    x: np.ndarray
    flux: np.ndarray
    fwhm: float | None = None
    profile: StarProfile | None = None
    names: tuple[str, ...] = ()
    radii: np.ndarray | None = None
    reason: str = ''

    @classmethod
    def empty(cls, shape: tuple[int, int], reason: str = '') -> 'StarList':
        """Return a list without stars.

        Parameters
        ----------
        shape : tuple of int
            (ny, nx) of the frame.
        reason : str, optional
            Why no stars were looked for.

        Returns
        -------
        StarList
            The list.
        """
        none = np.zeros(0)
        return cls(shape, none, none, none, reason=reason)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def radius(self) -> float:
        """Distance from the center in pixels within which a flagged pixel touches a star."""
        return core_radius(self.fwhm)

    @cached_property
    def cores(self) -> tuple[np.ndarray, np.ndarray]:
        """(m,) int64 flat indices of the pixels in cores, sorted, and (m,) int64 the place of the star of each.

        A pixel in the cores of several stars is there once for each of them.
        """
        pixels, stars = _pixels_near(self.y, self.x, self.radius if self.radii is None else self.radii, self.shape)
        order = np.argsort(pixels, kind='stable')
        return pixels[order], stars[order]

    def given(self, names: tuple[str, ...], y: np.ndarray, x: np.ndarray, radii: np.ndarray) -> 'StarList':
        """Return a list of given stars, with the profile of these.

        Parameters
        ----------
        names : tuple of str
            Their names.
        y, x : (n,) float64 ndarray
            Their centers (0-based pixels).
        radii : (n,) float64 ndarray
            The radii of their cores in pixels; NaN for `radius`.

        Returns
        -------
        StarList
            The list, in which the fluxes are 0.
        """
        radii = np.where(np.isnan(radii), self.radius, radii)
        return replace(self, y=y, x=x, flux=np.zeros(len(y)), names=names, radii=radii, reason='')

    def touched(self, pixels: np.ndarray) -> StarsTouched:
        """Return the stars of which pixels near the center are flagged.

        The time depends on the number of flagged pixels and of stars, not on the size of the frame.

        Parameters
        ----------
        pixels : (n,) int64 ndarray
            Flat indices of the flagged pixels, sorted.

        Returns
        -------
        StarsTouched
            The stars.
        """
        own, stars = self.cores
        first, stop = (np.searchsorted(own, pixels, side) for side in ('left', 'right'))
        number = stop - first  # of stars with this pixel in the core
        places = np.repeat(first - np.cumsum(number) + number, number) + np.arange(number.sum())
        touched, counts = np.unique(stars[places], return_counts=True)
        if self.profile is None:
            return StarsTouched(len(self), touched, counts, None, None, self.reason)
        y, x = self.y[touched], self.x[touched]
        near, places = _pixels_near(y, x, self.profile.radii[-1], self.shape)
        hit = locate(pixels, near)[1]
        near, places = near[hit], places[hit]
        rows, columns = np.divmod(near, self.shape[1])
        share = self.profile.at(np.hypot(rows - y[places], columns - x[places]))
        lost = np.minimum(np.bincount(places, share, len(touched)), 1.0)
        total = float(self.flux.sum())
        return StarsTouched(
            len(self), touched, counts, lost, float((lost * self.flux[touched]).sum()) / total if total else 0.0
        )


def _pixels_near(y, x, radius, shape):
    """Return the pixels within a distance of each star, and the stars."""
    radius = np.broadcast_to(radius, y.shape)[:, None, None]
    side = int(np.ceil(radius.max(initial=0.0) + 0.5))
    steps = np.arange(-side, side + 1)
    middle_y, middle_x = (np.round(values).astype(np.int64)[:, None, None] for values in (y, x))
    rows, columns = np.broadcast_arrays(middle_y + steps[:, None], middle_x + steps)
    near = np.hypot(rows - y[:, None, None], columns - x[:, None, None]) <= radius
    near &= (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    return (rows * shape[1] + columns)[near], np.nonzero(near)[0]
