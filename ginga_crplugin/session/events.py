"""Signals of a session: what has changed."""

from psygnal import Signal, SignalGroup

__all__ = ['SessionEvents']


class SessionEvents(SignalGroup):
    """Signals that are emitted after a change, in the GUI thread.

    Connect a callback with ``session.events.result_changed.connect(callback)``, or to all signals with
    ``session.events.connect(callback)``.

    Parameters
    ----------
    instance : object, optional
        Argument of psygnal; not used.
    """

    frame_changed = Signal(description='Another frame was opened, or the frame was closed.')
    params_changed = Signal(description='The parameters or their sources have changed.')
    recipe_changed = Signal(description='A recipe was applied or saved.')
    masks_changed = Signal(description='The input masks have changed.')
    busy_changed = Signal(description='A run was requested, has ended or was cancelled.')
    result_changed = Signal(description='There is another result; the selection was carried over to it.')
    hints_changed = Signal(description='The segments of the result have received their hints, and the frame its stars.')
    verification_changed = Signal(description='A comparison with ccdproc has started or ended.')
    engine_changed = Signal(description='The fast engine was compiled, or cannot be.')
    checks_changed = Signal(description='The checks of the frame have changed.')
    review_changed = Signal(description='The review decisions have changed.')
    unsaved_review_found = Signal(description='There is an unsaved review of the frame that can be restored.')
    comparison_changed = Signal(description='A result was pinned or compared, or the comparison has ended.')
    selection_changed = Signal(description='Another segment was selected, or none.')
    mask_saved = Signal(description='The merged mask of the frame was written.')
    error_raised = Signal(str, description='Something failed; the argument is the message.')
