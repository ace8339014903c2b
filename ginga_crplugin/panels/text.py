"""Texts of both panels: descriptions of the state of a session."""

from collections.abc import Sequence

from ginga_crplugin.core.decisions import Decisions
from ginga_crplugin.core.diagnostics.check import MARKS, Check
from ginga_crplugin.core.diagnostics.hints import explain_hint
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.lacosmic import compilation
from ginga_crplugin.core.segments import Segments
from ginga_crplugin.io.provenance import origin_counts, summary_lines
from ginga_crplugin.session.comparing import Comparison
from ginga_crplugin.session.session import Session

__all__ = [
    'check_text',
    'comparison_text',
    'count_marks',
    'counts_text',
    'disabled_reasons',
    'engine_note',
    'frame_text',
    'hint_text',
    'mask_size_text',
    'recipe_text',
    'result_lines',
    'saved_text',
    'unsaved_review_text',
]

#: Controls that need a result.
_NEED_RESULT = 'keep', 'reject', 'reject_shown', 'repair', 'repair_shown', 'draw', 'compare', 'pin', 'cleaned'


def frame_text(frame: Frame | None) -> str:
    """Return the name, size and unit of a frame.

    Parameters
    ----------
    frame : Frame or None
        The frame; None without an image.

    Returns
    -------
    str
        One line.
    """
    if frame is None:
        return 'no image'
    ny, nx = frame.shape
    return f'{frame.label}   {nx} x {ny}   {frame.ccd.unit}'


def mask_size_text(mask_shape: tuple[int, int], shape: tuple[int, int] | None) -> str:
    """Return why an input mask can't be used with an image.

    Parameters
    ----------
    mask_shape : tuple of int
        (ny, nx) of the mask.
    shape : tuple of int or None
        (ny, nx) of the image; None without an image.

    Returns
    -------
    str
        The reason; empty if the shapes are equal.
    """
    if mask_shape == shape:
        return ''
    return 'Open an image first.' if shape is None else f"Shape {mask_shape} differs from the image's {shape}."


def count_marks(checks: Sequence[Check]) -> str:
    """Return the number of checks with each mark: ``'6 ok, 2 warnings, 1 error'``.

    Parameters
    ----------
    checks : sequence of Check
        The checks.

    Returns
    -------
    str
        The counts that are not 0.
    """
    counts = {mark: sum(check.mark == mark for check in checks) for mark in MARKS}
    plurals = {mark: mark if mark == 'ok' or count == 1 else f'{mark}s' for mark, count in counts.items()}
    return ', '.join(f'{count} {plurals[mark]}' for mark, count in counts.items() if count)


def check_text(check: Check) -> str:
    """Return what a check measured; for a warning or an error also what it means and what to do.

    Parameters
    ----------
    check : Check
        The check.

    Returns
    -------
    str
        One line.
    """
    line = f'{check.mark} - {check.name}: {check.measured}'
    more = () if check.mark == 'ok' else (check.effect, check.advice)
    return '; '.join([line, *filter(None, more)])


def comparison_text(comparison: Comparison | None) -> str:
    """Return the counts of a comparison, with the colors.

    Parameters
    ----------
    comparison : Comparison or None
        The comparison.

    Returns
    -------
    str
        One line; empty without a comparison.
    """
    return '' if comparison is None else f'{comparison.text} (green, vermilion, pink)'


def counts_text(segments: Segments, decisions: Decisions) -> str:
    """Return the number of kept and rejected segments and of pixels marked by hand.

    Parameters
    ----------
    segments : Segments
        The segments of the result.
    decisions : Decisions
        The review decisions.

    Returns
    -------
    str
        One line.
    """
    rejected = len(decisions.rejected_labels)
    text = f'{len(segments) - rejected} kept, {rejected} rejected, {len(decisions.marked)} px by hand'
    origins = origin_counts(segments)
    if origins:
        text += f'; {origins["mission"] + origins["both"]} found by the mission'
    return f'{text}; {decisions.pending} px with decisions are not in this result' if decisions.pending else text


def hint_text(session: Session, label: int | None) -> str:
    """Return the hint of a segment, and the reason for it.

    Parameters
    ----------
    session : Session
        The session.
    label : int or None
        The label of the segment.

    Returns
    -------
    str
        One line; empty without a segment or before the hints are computed.
    """
    if label is None or session.result is None or 'hint' not in session.result.segments.table.colnames:
        return ''
    row = session.result.segments.table[label - 1]
    return f'{row["hint"]}: {explain_hint(row)}' if row['hint'] else 'no sign of another cause'


def saved_text(session: Session) -> str:
    """Return the name of the saved file, and whether the review has changed since.

    Parameters
    ----------
    session : Session
        The session.

    Returns
    -------
    str
        One line; empty if nothing was saved.
    """
    review = session.review
    if review.last_saved_mask is None:
        return ''
    return f'saved: {review.last_saved_mask.name}' + ('' if review.saved_mask else ', without the latest changes')


def unsaved_review_text(pixels: int) -> str:
    """Return the offer of an unsaved review.

    Parameters
    ----------
    pixels : int
        Number of pixels with a decision.

    Returns
    -------
    str
        One line.
    """
    return f'unsaved review of this frame: decisions on {pixels} px'


def engine_note() -> str:
    """Return the state of the fast engine.

    Returns
    -------
    str
        One line; empty if the engine is ready.
    """
    if compilation.ready():
        return ''
    if compilation.problem():
        return f'fast engine not available ({compilation.problem()}); using ccdproc'
    return 'compiling the fast engine, once on this machine; using ccdproc until then'


def result_lines(session: Session) -> list[str]:
    """Return a summary of the result.

    Parameters
    ----------
    session : Session
        The session.

    Returns
    -------
    list of str
        The lines; empty without a result.
    """
    result = session.result
    if result is None:
        return []
    state = 'exact' if result.exact else f'preliminary: iteration 1 of {session.params.niter}'
    lines = summary_lines(result.detection, result.segments, state)
    lines += session.touching.lines
    more = 'comparing with ccdproc...' if session.verification.running else result.verified
    return [*lines, more] if more else lines


def recipe_text(session: Session) -> str:
    """Return the name of the recipe that was saved or is used.

    Parameters
    ----------
    session : Session
        The session.

    Returns
    -------
    str
        One line; empty without a recipe.
    """
    if session.recipes.saved_path is not None:
        return f'saved: {session.recipes.saved_path.name}'
    return '' if session.settings.recipe is None else f'using {session.settings.recipe.name}'


def disabled_reasons(session: Session) -> dict[str, str]:
    """Return why controls can't be used now.

    Parameters
    ----------
    session : Session
        The session.

    Returns
    -------
    dict of str
        The reason, by the name of the control; empty if it can be used.
    """
    no_frame = '' if session.frame is not None else 'Open an image first.'
    no_result = no_frame or ('' if session.result is not None else 'Run the detection first.')
    outdated = no_result or ('Parameters or masks have changed: run the detection again.' if session.outdated else '')
    review = session.review
    return {
        'run': no_frame,
        'cancel': '' if session.runner.busy else 'Nothing is running.',
        **dict.fromkeys(_NEED_RESULT, no_result),
        'undo': '' if review.can_undo else 'There is nothing to undo.',
        'redo': '' if review.can_redo else 'There is nothing to redo.',
        'verify': outdated or ('The comparison is running.' if session.verification.running else ''),
        'save': outdated,
        'save_recipe': no_frame,
    }
