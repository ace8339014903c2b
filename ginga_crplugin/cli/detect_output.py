"""The result of the ``detect`` command as text and as JSON."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ginga_crplugin.core.diagnostics.check import Check
    from ginga_crplugin.recipe.run import RecipeResult

__all__ = ['check_line', 'json_lines', 'text_lines']

#: What is printed of a check as JSON.
_KEYS = 'name', 'mark', 'measured', 'effect', 'advice'


def check_line(check: 'Check') -> str:
    """Return a check as a line of text.

    Parameters
    ----------
    check : Check
        The check.

    Returns
    -------
    str
        Mark, name, what was measured, what it means and what to do.
    """
    parts = '; '.join(filter(None, [check.measured, check.effect, check.advice]))
    return f'{check.mark:<9}{check.name:<12}{parts}'


def json_lines(found: 'RecipeResult', output: Path) -> Iterator[str]:
    """Yield the result as one JSON object; infinite numbers become strings, as JSON has none.

    Parameters
    ----------
    found : RecipeResult
        The result.
    output : `~pathlib.Path`
        The file that was written.

    Yields
    ------
    str
        The whole text.
    """
    from ginga_crplugin.core.bits import cause_name
    from ginga_crplugin.io.provenance import origin_counts

    frame, detection, segments = found.prepared.frame, found.detection, found.segments
    values = asdict(detection.params).items()
    stages = {'before': found.prepared.advice, 'after': found.checks}
    checks = [(stage, check) for stage, items in stages.items() for check in items]
    result = {
        'frame': frame.label,
        'pixels': detection.pixels,
        'tail_pixels': len(detection.tail_indices),
        'mask_pixels': len(segments.pixels) if found.crmask is None else int(found.crmask.sum()),
        'pixels_by_mission': len(frame.mission),
        'segments': len(segments),
        'segments_by_origin': origin_counts(segments),
        'segments_listed': len(segments.listed),
        'tails': {**asdict(found.prepared.recipe.tails), 'reason': _reason(found)},
        'stars': found.touched.count,
        'stars_touched': len(found.touched),
        'stars_flux': found.touched.flux_lost,
        'touched_stars': list(_touched(found)),
        'protected': list(_protected(found)),
        'protected_pixels_kept': found.kept or 0,
        'per_iteration': list(detection.per_iteration),
        'excluded_fraction': detection.excluded_fraction,
        'edge_fraction': detection.area.edge_fraction,
        'output': str(output),
        'parameters': {k: str(v) if isinstance(v, float) and math.isinf(v) else v for k, v in values},
        'sources': found.prepared.sources,
        'masks': [{'name': m.name, 'cause': cause_name(m.bit), 'pixels': m.count} for m in frame.masks],
        'nonfinite': int(frame.nonfinite.sum()),
        'notes': list(frame.notes),
        'engine': detection.engine,
        'checks': [{'stage': stage} | {key: getattr(check, key) for key in _KEYS} for stage, check in checks],
        'errors': [check.name for _, check in checks if check.mark == 'error'],
        'warnings': [check.name for _, check in checks if check.mark == 'warning'],
    }
    yield json.dumps(result, indent=2, allow_nan=False)


def _touched(found: 'RecipeResult') -> Iterator[dict[str, float | None]]:
    """Yield the touched stars."""
    stars, touched = found.prepared.stars, found.touched
    for place, star in enumerate(touched.stars):
        lost = None if touched.lost is None else round(float(touched.lost[place]), 4)
        x, y = round(float(stars.x[star]), 2), round(float(stars.y[star]), 2)
        yield {'x': x, 'y': y, 'pixels': int(touched.pixels[place]), 'flux': lost}


def _protected(found: 'RecipeResult') -> Iterator[dict[str, str | float | None]]:
    """Yield the protected stars, touched or not."""
    stars, touched = found.prepared.protected, found.protected
    places = {int(star): place for place, star in enumerate(touched.stars)}
    for star, name in enumerate(stars.names):
        place = places.get(star)
        pixels = 0 if place is None else int(touched.pixels[place])
        known = None if stars.profile is None else 0.0
        lost = known if place is None or touched.lost is None else round(float(touched.lost[place]), 4)
        yield {'name': name, 'x': float(stars.x[star]), 'y': float(stars.y[star]), 'pixels': pixels, 'flux': lost}


def _protected_lines(found: 'RecipeResult') -> Iterator[str]:
    """Yield the protected stars whose cores are flagged; nothing if none are protected."""
    if found.prepared.recipe.protect is None:
        return
    kept = '' if found.kept is None else f', {found.kept} px in their cores kept out of the mask'
    yield f'protected stars touched: {len(found.protected)} of {found.protected.count}{kept}'
    yield from (f'  {text}' for text in found.protected.named_texts(found.prepared.protected))


def _reason(found: 'RecipeResult') -> str:
    """Return why no tails were looked for; empty if they were, or are switched off."""
    return '' if found.detection.tails is None else found.detection.tails.reason


def text_lines(found: 'RecipeResult', output: Path, *, verbose: bool = False) -> Iterator[str]:
    """Yield the result as lines of text.

    Parameters
    ----------
    found : RecipeResult
        The result.
    output : `~pathlib.Path`
        The file that was written.
    verbose : bool, optional
        Whether to print what the checks measured.

    Yields
    ------
    str
        The next line.
    """
    from ginga_crplugin.core.bits import MaskBit, cause_name
    from ginga_crplugin.io.provenance import summary_lines

    frame, detection, segments, sources = found.prepared.frame, found.detection, found.segments, found.prepared.sources
    ny, nx = frame.shape
    yield f'{frame.label}   {nx} x {ny}   {frame.ccd.unit}'
    yield from (f'note: {note}' for note in frame.notes)
    yield 'masked before the search:'
    masks = [(m.name, cause_name(m.bit), m.count) for m in frame.masks if m.bit != MaskBit.CR_MISSION]
    if frame.nonfinite.any():
        masks.append(('pixels of the frame', 'not finite', int(frame.nonfinite.sum())))
    width = max((len(name) for name, _, _ in masks), default=0)
    yield from (f'  {name:<{width}}  {cause:<10} {count:>8} px' for name, cause, count in masks)
    if not masks:
        yield '  nothing'
    yield 'parameters:'
    for item in fields(detection.params):
        value = getattr(detection.params, item.name)
        text = f'{value:.10g}' if isinstance(value, float) else str(value)
        yield f'  {item.name:<14} {text + " " + item.metadata["unit"]:<20} {sources[item.name]}'
    before = found.prepared.advice if verbose else found.prepared.checks
    for stage, checks in (('before', before), ('after', found.checks)):
        yield f'checks {stage} the run: {_marks(checks)}'
        yield from (f'  {check_line(check)}' for check in checks if verbose)
    yield from summary_lines(detection, segments, 'exact')
    yield found.touched.text
    yield from _protected_lines(found)
    yield f'engine: {detection.engine}'
    yield f'written: {output}'


def _marks(checks: 'list[Check]') -> str:
    """Return the names of the checks that are not ok."""
    names = {mark: ', '.join(check.name for check in checks if check.mark == mark) for mark in ('error', 'warning')}
    return '; '.join(f'{mark} in {text}' for mark, text in names.items() if text) or 'ok'
