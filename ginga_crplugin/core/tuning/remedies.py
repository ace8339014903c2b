"""Checks of a frame whose remedies were tried on a copy with injected cosmic rays."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from astropy.nddata import NDData
from numpy.typing import ArrayLike

from ginga_crplugin.core.diagnostics import frame_checks
from ginga_crplugin.core.diagnostics.check import MARKS, Check, Remedy
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.interpretation import as_frame
from ginga_crplugin.core.params import LACosmicParams, is_allowed
from ginga_crplugin.core.pixel_noise import pixel_noise
from ginga_crplugin.core.stats import subsample

from .remedy_trial import Quality, RemedyTrial, own_pixels

__all__ = ['check_frame', 'try_remedies', 'without_untried']

#: Checks whose remedies are estimates that are wrong where the level is wrong.
_NEED_LEVEL = 'units', 'noise'
#: Minimum level in scatters for these estimates, and maximum fraction of pixels at the lowest or highest value.
_MIN_LEVEL, _MAX_CLIPPED = 2.0, 0.02
#: Parameters that are tried together with those of a remedy, since they help together only.
_COMPANIONS: tuple[dict[str, Any], ...] = (
    {},
    {'objlim': 2.0},
    {'objlim': 3.0},
    {'sepmed': False},
    {'sepmed': False, 'objlim': 2.0},
)

#: Parameters that describe the camera and the frame.
_OF_CAMERA = 'gain', 'readnoise', 'pssl'
#: Gain in score for which another parameter is changed.
_WORTHWHILE = 0.002

#: The checks with tried remedies, by frame and parameters.
_TRIED: 'WeakKeyDictionary[Frame, dict[LACosmicParams, list[Check]]]' = WeakKeyDictionary()


def check_frame(frame: Frame | NDData | ArrayLike, params: LACosmicParams | None = None) -> list[Check]:
    """Check whether a frame is suitable for L.A.Cosmic, and try the remedies.

    Each remedy is tried on a copy of the frame with injected cosmic rays. It is offered only if its check becomes ok
    and no other check is worse, if no fewer cosmic rays are found, and no more stars and noise are flagged. Parameters
    that help together only are offered together.

    Parameters
    ----------
    frame : Frame, `~astropy.nddata.CCDData`, `~astropy.nddata.NDData` or (ny, nx) array_like
        The frame with the input masks, background and variance that are to be used. Other images are converted with
        `Frame`.
    params : LACosmicParams, optional
        The parameters to be used; by default those given by the header of the frame.

    Returns
    -------
    list of Check
        As of `~ginga_crplugin.core.diagnostics.frame_checks.check_frame`; the advice tells what each remedy gains, or
        why it is not offered.
    """
    frame = as_frame(frame)
    params = frame.parameters()[0] if params is None else params
    return try_remedies(frame, params, frame_checks.check_frame(frame, params))


def without_untried(checks: Sequence[Check]) -> list[Check]:
    """Return checks without the remedies that must be tried before they are offered.

    Parameters
    ----------
    checks : sequence of Check
        The checks of a frame.

    Returns
    -------
    list of Check
        The checks; the consent to search a color mosaic is not removed, since it is no remedy.
    """
    return [replace(check, remedy=None) if _must_be_tried(check) else check for check in checks]


def try_remedies(frame: Frame, params: LACosmicParams, checks: Sequence[Check]) -> list[Check]:
    """Try the remedies of checks, and keep those that help.

    Parameters
    ----------
    frame : Frame
        The frame.
    params : LACosmicParams
        The parameters to be used.
    checks : sequence of Check
        The checks of this frame with these parameters, with the remedies to try.

    Returns
    -------
    list of Check
        The checks with the remedies that are offered. The result is computed once for a frame and parameters.
    """
    if not any(_must_be_tried(check) for check in checks):
        return list(checks)
    known = _TRIED.setdefault(frame, {})
    if params not in known:
        known[params] = _Advice(frame, params, checks).checks()
    return list(known[params])


def _must_be_tried(check: Check) -> bool:
    return check.remedy is not None and not check.remedy.allow_mosaic


@dataclass(frozen=True, eq=False)
class _Option:
    """A remedy with what it changes, and how the changed frame and parameters do."""

    remedy: Remedy
    frame: Frame
    params: LACosmicParams
    checks: list[Check]
    quality: Quality


class _Advice:
    """The remedies of the checks of one frame."""

    def __init__(self, frame: Frame, params: LACosmicParams, checks: Sequence[Check]) -> None:
        self._frame, self._params, self._checks = frame, params, checks
        self._marks = {check.name: MARKS.index(check.mark) for check in checks}
        self._trial: RemedyTrial | None = None

    def checks(self) -> list[Check]:
        """Return the checks with the remedies that are offered."""
        return [self._tried(check) if _must_be_tried(check) else check for check in self._checks]

    def _tried(self, check: Check) -> Check:
        assert check.remedy is not None
        known = self._frame.scale is not None and self._frame.scale.factor is not None
        reason = self._wrong_level() if check.name in _NEED_LEVEL and not known else ''
        if reason:
            return replace(check, remedy=None, advice=f'{reason} before gain and read noise are estimated')
        if not all(is_allowed(name, value) for name, value in check.remedy.params.items()):
            return replace(check, remedy=None)
        try:
            options = list(self._options(check.remedy))
        except (OSError, ValueError) as error:  # such as an uncertainty that cannot be read, or is no noise
            return replace(check, remedy=None, advice=f'"{check.remedy.name}" cannot be used: {error}')
        before = self._measure(self._frame, self._params)
        own = own_pixels([before, *(option.quality for option in options)])
        helpful = [option for option in options if not self._objection(check.name, option, before, own)]
        if not helpful:
            why = self._objection(check.name, options[0], before, own)
            return replace(check, remedy=None, advice=f'"{check.remedy.name}" was tried and does not help ({why})')
        score = {option: option.quality.score(own) - option.quality.stars for option in helpful}
        best = max(helpful, key=score.__getitem__)
        if score[best] < score[helpful[0]] + _WORTHWHILE:
            best = helpful[0]  # the simplest
        added = {name: value for name, value in best.remedy.params.items() if name not in check.remedy.params}
        advice = check.advice + ''.join(f', with {name} {_text(value)}' for name, value in added.items())
        return replace(check, remedy=best.remedy, advice=f'{advice} (tried: {best.quality.gained(before)})')

    def _wrong_level(self) -> str:
        """Return what must be done before gain and read noise can be estimated; empty if the level is right."""
        if self._marks['bias'] == MARKS.index('error'):
            return 'subtract the bias'
        values = subsample(self._frame.filled.ravel())
        ends = max(np.mean(values == values.min()), np.mean(values == values.max()))
        if ends > _MAX_CLIPPED:
            return f'use a frame that is not clipped ({100.0 * ends:.2g} % of the pixels have one value)'
        evidence = self._frame.evidence
        if evidence.level + self._params.pssl < _MIN_LEVEL * evidence.scatter:
            return 'use a frame with light'
        return ''

    def _options(self, remedy: Remedy) -> Iterator[_Option]:
        """Yield the remedy alone and together with other parameters."""
        for added in _COMPANIONS if remedy.params else _COMPANIONS[:1]:
            if added.keys() & remedy.params.keys() or any(getattr(self._params, key) == added[key] for key in added):
                continue
            text = ''.join(f', {key} {_text(value)}' for key, value in added.items())
            yield self._option(replace(remedy, name=remedy.name + text, params={**remedy.params, **added}))

    def _option(self, remedy: Remedy) -> _Option:
        frame, params = self._frame, replace(self._params, **remedy.params)
        if 'satlevel' not in remedy.params:  # it is known in the unit of the frame
            params = replace(params, satlevel=params.satlevel * params.gain / self._params.gain)
        if remedy.mask is not None:
            frame = frame.replace(masks=(*frame.masks, remedy.mask))
        if remedy.noise is not None:
            frame = pixel_noise(frame, remedy.noise).applied(frame)
            params = replace(params, pssl=0.0)  # as the frame then has a variance image
        checks = frame_checks.check_frame(frame, params)
        return _Option(remedy, frame, params, checks, self._measure(frame, params))

    def _measure(self, frame: Frame, params: LACosmicParams) -> Quality:
        if self._trial is None:
            remedies = [check.remedy for check in self._checks if check.remedy is not None]
            # full medians flag hardly any narrow stars, which are then found
            wanted: dict[str, Any] = {'satlevel': np.inf, 'sepmed': False}
            for remedy in remedies:
                wanted |= {
                    key: value for key, value in remedy.params.items() if key in _OF_CAMERA and is_allowed(key, value)
                }
            masks = [remedy.mask.mask for remedy in remedies if remedy.mask is not None]
            self._trial = RemedyTrial(self._frame, replace(self._params, **wanted), masks)
        return self._trial.measure(frame, params)

    def _objection(self, name: str, option: _Option, before: Quality, own: float) -> str:
        """Return why a remedy is not offered; empty if it is."""
        marks = {check.name: MARKS.index(check.mark) for check in option.checks}
        if marks[name] > 0 and not (marks[name] < self._marks[name] and option.remedy.mask is not None):
            return f'the check {name} stays'
        # the false pixels around bad pixels, by which these are marked, are counted in the trial
        worse = [other for other, mark in marks.items() if mark > self._marks[other] and other != 'bad_pixels']
        if worse:
            return f'the check {worse[0]} becomes worse'
        return option.quality.objection(before, own)


def _text(value: Any) -> str:
    return ('on' if value else 'off') if isinstance(value, bool) else f'{value:g}'
