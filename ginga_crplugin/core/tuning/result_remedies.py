"""Checks of a result whose remedies were tried on a copy with injected cosmic rays."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ginga_crplugin.core.diagnostics import result_checks
from ginga_crplugin.core.diagnostics.check import Check, Remedy
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic.detect import Detector
from ginga_crplugin.core.lacosmic.detection import Detection
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.segments import Segments, segment

from .remedy_trial import Quality, RemedyTrial, own_pixels

__all__ = ['check_result']

#: Parameters that are tried where stars are flagged, the simplest first.
_AGAINST_STARS: tuple[dict[str, Any], ...] = (
    {'sepmed': False},
    {'objlim': 10.0},
    {'sepmed': False, 'objlim': 2.0},
    {'objlim': 20.0},
)


def check_result(frame: Frame, detection: Detection, segments: Segments) -> list[Check]:
    """Check a result, and try the remedies.

    Parameters
    ----------
    frame : Frame
        The frame.
    detection : Detection
        The detection to check.
    segments : Segments
        Its segments. If they have no hints, these are computed.

    Returns
    -------
    list of Check
        As of `~ginga_crplugin.core.diagnostics.result_checks.check_result`. A remedy is offered only if it was tried as
        by `~ginga_crplugin.core.tuning.remedies.check_frame`.
    """
    checks = result_checks.check_result(frame, detection, segments)
    return [check if check.remedy is None else _tried(check, frame, detection.params) for check in checks]


def _tried(check: Check, frame: Frame, params: LACosmicParams) -> Check:
    assert check.remedy is not None
    trial = RemedyTrial(frame, params, [])
    before = trial.measure(frame, params)
    options = [(changes, trial.measure(frame, replace(params, **changes))) for changes in _options(params)]
    own = own_pixels([before, *(quality for _, quality in options)])
    helpful = [option for option in options if not option[1].objection(before, own)]

    def score(option: tuple[dict[str, Any], Quality]) -> float:
        return option[1].score(own) - option[1].stars

    for changes, quality in sorted(helpful, key=score, reverse=True):
        other = replace(params, **changes)
        found = Detector(wait=True).detect(frame, other)
        marks = {item.name: item.mark for item in result_checks.check_result(frame, found, segment(frame, found))}
        if marks[check.name] == 'ok':
            text = ', '.join(f'{name} {_text(value)}' for name, value in changes.items())
            advice = f'set {text} (tried: {quality.gained(before)})'
            return replace(check, advice=advice, remedy=Remedy(f'Set {text}', changes))
    return replace(check, remedy=None, advice=f'{check.advice}, though the parameters that were tried do not help')


def _options(params: LACosmicParams) -> Iterator[dict[str, Any]]:
    for changes in _AGAINST_STARS:
        if all(getattr(params, name) != value for name, value in changes.items()):
            yield changes


def _text(value: Any) -> str:
    return ('on' if value else 'off') if isinstance(value, bool) else f'{value:g}'
