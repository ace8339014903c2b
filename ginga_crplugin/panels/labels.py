"""Labels and tooltips of the controls, in both panels."""

import math
from typing import Any

from ginga_crplugin.core.repair_names import REPAIRS

__all__ = [
    'ADD_CLEANED',
    'COMPARE_OPTIONS',
    'HEADER_UNIT',
    'HEADINGS',
    'KINDS',
    'LABELS',
    'MAX_NUMBER',
    'OVERWRITE',
    'REPAIR_OPTIONS',
    'TIPS',
    'UNIT_LABELS',
    'WRITING',
    'source_label',
]

#: Largest number that controls show; larger ones, including infinity, are shown as this.
MAX_NUMBER = 1e7

#: Labels of the buttons, by name.
LABELS = {
    'add': 'Add mask',
    'dark': 'Dark',
    'run': 'Run',
    'cancel': 'Cancel',
    'reset': 'Reset',
    'keep': 'Keep',
    'reject': 'Reject',
    'undo': 'Undo',
    'redo': 'Redo',
    'reject_shown': 'Reject shown',
    'repair_shown': 'Repair shown',
    'pin': 'Pin',
    'restore': 'Restore',
    'discard': 'Discard',
    'cleaned': 'Show cleaned',
    'blink': 'Blink',
    'verify': 'Verify',
    'save': 'Save',
    'show_saved': 'Show saved',
    'load_recipe': 'Load recipe',
    'save_recipe': 'Save recipe',
}

#: Tooltips of the controls, by name.
TIPS = {
    'unit': 'Unit of the pixels; select one to override the header.',
    'checks': 'Checks of whether the frame is suitable for L.A.Cosmic.',
    'add': 'Mask every nonzero pixel of a FITS image.',
    'dark': 'Mask the hot pixels of a combined dark: those above the limit.',
    'limit': 'Limit of the dark, in the unit of the dark.',
    'cause': 'Why these pixels are bad.',
    'live': 'Update the result after every change, once there is a first result.',
    'tails': 'Add the faint pixels along the tracks of cosmic rays to the mask.',
    'tail_sigma': 'Minimum height of a pixel in a tail above the local level, in units of the noise.',
    'tail_steps': 'Maximum number of steps from a detected pixel.',
    'edges': 'Search the outermost pixels too, by mirroring the image at its edges; ccdproc does not.',
    'run': 'Find the cosmic rays of the displayed image.',
    'cancel': 'Stop the run and keep the last result.',
    'reset': 'Restore the parameters of the header and the defaults, also of the tails and the edges.',
    'filter': 'List all segments, or those with a decision or a hint.',
    'min_size': 'Minimum size of a listed segment; smaller ones are not listed, but they are in the mask.',
    'hint': 'Possible cause of the selected segment other than a cosmic ray, and the reason.',
    'previous': 'Previous segment (key N).',
    'next': 'Next segment (key n).',
    'keep': 'Keep: a cosmic ray (key k).',
    'reject': 'Reject: not a cosmic ray (key x).',
    'reject_shown': 'Reject all listed segments.',
    'repair': 'What replaces the pixels of the selected segment in the cleaned image.',
    'repair_shown': 'Use this repair for all listed segments.',
    'default_repair': 'What replaces the pixels of all segments without a repair of their own.',
    'undo': 'Undo the last edit (key u).',
    'redo': 'Redo the last undone edit (key U).',
    'draw': 'What the mouse draws on the image (key d: paint, Esc: off).',
    'width': 'Width of the brush and of lines, in pixels.',
    'grow': 'Add the neighbors of the cosmic rays to the mask, up to this distance in pixels; shown in yellow.',
    'compare': 'Color the pixels that this result and another have in common, or have alone.',
    'pin': 'Pin this result, to compare later results with it.',
    'restore': 'Restore the decisions of the unsaved review.',
    'discard': 'Discard the unsaved review.',
    'color': 'Change the color.',
    'opacity': 'Opacity of the mask pixels over the image.',
    'cleaned': 'Switch between the cleaned frame and the original (key b).',
    'verify': 'Compute the result again with ccdproc and compare it pixel by pixel; this takes longer than the run.',
    'save': 'Write the merged mask.',
    'dq': 'Write the data-quality plane in these bits; with those of a mission, the causes are written as CRDQ.',
    'load_recipe': 'Apply the parameters and masks of a recipe (YAML) to this frame and the next ones.',
    'save_recipe': 'Write parameters and masks as a recipe (YAML), to use with ginga-crplugin apply.',
}

#: Headings of the parts of the panels.
HEADINGS = {'masks': 'Input masks', 'params': 'Detection', 'table': 'Segments'}

#: Option of the unit control for the unit of the header.
HEADER_UNIT = 'unit: header'

#: What a result can be compared with, for `Comparing.compare`.
COMPARE_OPTIONS = {'nothing': None, 'run without masks': 'without masks', 'pinned result': 'pinned'}

#: The repairs that can be chosen for a segment, by their texts.
REPAIR_OPTIONS = {'default': ''} | {name: name for name in REPAIRS}

#: Labels of the kinds of output, for `~ginga_crplugin.io.save.save_mask`.
KINDS = {
    'new file: image, MASK, DQ, CRSEG': 'new',
    'file of the image: add MASK, DQ, CRSEG': 'into',
    'mask only: MASK, DQ, CRSEG': 'mask',
}

#: Texts of the save dialog.
ADD_CLEANED = 'add the cleaned image (CLEANED)'

#: The formats of the saved data-quality plane, by their texts.
DQ_TEXTS = {
    'bits of this package': 'own',
    'HST bits in DQ': 'hst',
    'JWST bits in DQ': 'jwst',
    'Roman bits in DQ': 'roman',
    'Rubin bits in DQ': 'rubin',
}
OVERWRITE = 'overwrite'
WRITING = 'writing...'

#: Short labels of the units of the parameters.
UNIT_LABELS = {'electron': 'e-', 'electron/adu': 'e-/adu'}


def source_label(value: Any, source: str) -> str:
    """Return the label of the source of a parameter.

    Parameters
    ----------
    value : float, int, str or bool
        The value.
    source : str
        Its source.

    Returns
    -------
    str
        The source; it says so if the value is infinite, which a number control cannot show.
    """
    return f'{source}: no limit' if isinstance(value, float) and math.isinf(value) else source
