"""The room of the words: what a front says of a session, the same in every front that takes them from here."""

from pathlib import Path

from ginga_crplugin.core.diagnostics.check import MARKS
from ginga_crplugin.core.diagnostics.hints import explain_hint
from ginga_crplugin.core.lacosmic import compilation
from ginga_crplugin.io.provenance import summary_lines
from ginga_crplugin.io.save import default_path

__all__ = [
    'KINDS',
    'TIPS',
    'UNIT_LABELS',
    'check_text',
    'comparison_text',
    'count_marks',
    'counts_text',
    'default_kind',
    'default_target',
    'disabled_reasons',
    'engine_note',
    'frame_text',
    'hint_text',
    'recipe_text',
    'result_lines',
    'save_text',
    'saved_text',
]

#: The kinds of output, and the words for them.
KINDS = {
    'a new file: image, MASK, DQ, CRSEG': 'new',
    'into the file of the image': 'into',
    'the mask alone: MASK, DQ, CRSEG': 'mask',
}

#: The words for the units of the parameters.
UNIT_LABELS = {'electron': 'e-', 'electron/adu': 'e-/adu'}

#: What each button does.
TIPS = {
    'run': 'Find the cosmic rays of the displayed image.',
    'cancel': 'Give up the run; the last result stays.',
    'keep': 'The selected segment is a cosmic ray (key k).',
    'reject': 'The selected segment is none (key x).',
    'reject_shown': 'Reject all segments in the list.',
    'undo': 'Take the last edit back (key u).',
    'redo': 'Make it again (key U).',
    'draw': 'What the mouse draws (key d: paint, Esc: off).',
    'compare': 'Which pixels another result has, and this one has not.',
    'pin': 'Remember this result, to compare others with it.',
    'cleaned': 'The cleaned frame and the original in turn (key b).',
    'verify': 'Have ccdproc compute the same, and compare pixel by pixel. It takes its time.',
    'save': 'Write the merged mask.',
    'load_recipe': 'Parameters and masks from a recipe (YAML), for this frame and those that come.',
    'save_recipe': 'Write what is done here as a recipe (YAML) for many frames: ginga-crplugin apply.',
}


def frame_text(frame):
    """Return which frame is at hand."""
    if frame is None:
        return 'no image'
    ny, nx = frame.shape
    return f'{frame.label}   {nx} x {ny}   {frame.ccd.unit}'


def count_marks(checks):
    """Return the number of checks with each mark: ``'6 ok, 2 warnings, 1 error'``."""
    counts = {mark: sum(check.mark == mark for check in checks) for mark in MARKS}
    plurals = {mark: mark if mark == 'ok' or count == 1 else f'{mark}s' for mark, count in counts.items()}
    return ', '.join(f'{count} {plurals[mark]}' for mark, count in counts.items() if count)


def check_text(check):
    """Return what was measured; with a warning or an error also what it means and what to do."""
    line = f'{check.mark} - {check.name}: {check.measured}'
    more = () if check.mark == 'ok' else (check.effect, check.advice)
    return '; '.join([line, *filter(None, more)])


def comparison_text(comparison):
    """Return how two results compare, with the colors; empty where none are compared."""
    return '' if comparison is None else f'{comparison.text} (green, vermilion, pink)'


def counts_text(segments, decisions):
    """Return what was said of the segments."""
    rejected = len(decisions.rejected_labels)
    words = f'{len(segments) - rejected} kept, {rejected} rejected, {len(decisions.marked)} px by hand'
    return f'{words}; {decisions.pending} px wait' if decisions.pending else words


def hint_text(session, label):
    """Return what a segment may be instead of a cosmic ray, and why; empty where nothing is known of it yet."""
    if label is None or session.result is None or 'hint' not in session.result.segments.table.colnames:
        return ''
    row = session.result.segments.table[label - 1]
    return f'{row["hint"]}: {explain_hint(row)}' if row['hint'] else 'no sign of another cause'


def saved_text(session):
    """Return where the review was saved, and whether it has changed since; empty where it was not."""
    review = session.review
    if review.last_saved_mask is None:
        return ''
    return f'saved: {review.last_saved_mask.name}' + ('' if review.saved_mask else ', as it was before the last change')


def engine_note():
    """Return the state of the fast engine; empty if it is ready."""
    if compilation.ready():
        return ''
    if compilation.problem():
        return f'the fast engine cannot run here, ccdproc is used ({compilation.problem()})'
    return 'compiling the fast engine, once on this machine; until then ccdproc is used'


def result_lines(session):
    """Return what was found, line by line."""
    result = session.result
    if result is None:
        return []
    lines = summary_lines(result.detection, result.segments)
    lines[0] += ' - exact' if result.exact else f' - so far: iteration 1 of {session.params.niter}'
    more = 'comparing with ccdproc...' if session.verification.running else result.verified
    return [*lines, more] if more else lines


def recipe_text(session):
    """Return which recipe was written, or is used."""
    if session.recipes.saved_path is not None:
        return f'written: {session.recipes.saved_path.name}'
    return '' if session.settings.recipe is None else f'by {session.settings.recipe.name}'


def default_target(frame):
    """Return where the mask of a frame goes if nobody says otherwise."""
    if default_kind(frame) == 'mask':
        return frame.saved.path
    try:
        return default_path(frame)
    except ValueError:  # it was not read from a file
        return Path.cwd() / f'{Path(frame.name).stem}_crmask.fits'


def default_kind(frame):
    """Return what is saved of a frame if nobody says otherwise: what was saved of it before, anew."""
    if frame is None or frame.saved is None:
        return 'new'
    return 'into' if frame.saved.path == frame.path else 'mask'


def save_text(frame, kind, path, *, overwrite):
    """Return what will be written, and what it takes the place of.

    Parameters
    ----------
    frame : Frame
    kind : {'new', 'into', 'mask'}
    path : `~pathlib.Path`
    overwrite : bool
        Whether the user has said that what is there may be replaced.
    """
    rest = '; all else in it stays byte for byte' if kind == 'into' else ''
    if frame.saved is not None and path == frame.saved.path:
        if overwrite:
            return f'the mask that was saved in {path.name} is replaced by this one{rest}'
        return f'{path.name} holds the mask that was saved before: tick "replace what is there" to replace it'
    if kind == 'into':
        return f'{path.name} gets MASK, DQ and CRSEG{rest}'
    if path.exists():
        if overwrite:
            return f'{path.name} will be replaced'
        return f'{path.name} exists: choose another name, or tick "replace what is there"'
    return f'{path.name} will be written'


def disabled_reasons(session):
    """Return why something can't be done now, by its name; empty where it can."""
    no_frame = '' if session.frame is not None else 'Open an image first.'
    no_result = no_frame or ('' if session.result is not None else 'Run it first.')
    old = no_result or ('Run it again first: parameters or masks have changed.' if session.outdated else '')
    review = session.review
    return {
        'run': no_frame,
        'cancel': '' if session.busy else 'Nothing is running.',
        **dict.fromkeys(('keep', 'reject', 'reject_shown', 'draw', 'compare', 'pin', 'cleaned'), no_result),
        'undo': '' if review.can_undo else 'There is nothing to undo.',
        'redo': '' if review.can_redo else 'There is nothing to redo.',
        'verify': old or ('It is being compared.' if session.verification.running else ''),
        'save': old,
        'save_recipe': no_frame,
    }
