"""The room of the toolkits: what Ginga's widgets need on one of them, and not on the others."""

import textwrap
from html import escape
from itertools import pairwise

from ginga import toolkit
from ginga.fonts.font_asst import Font
from ginga.gw import Widgets

__all__ = [
    'BOLD',
    'delete_dialog',
    'entry_text',
    'fit_spin_box',
    'fit_width',
    'in_browser',
    'limit_width',
    'set_tab_order',
    'set_text_wrapped',
    'text_width',
]

#: The font of headings.
BOLD = Font(family='sans', style='normal', weight='bold')


def in_browser():
    """Tell whether the widgets stand in a web page (``ginga -t pg``)."""
    return toolkit.get_family() == 'pg'


def set_text_wrapped(label, text, wide):
    """Show a text in a label, broken into lines.

    Parameters
    ----------
    label : Ginga label
    text : str
        In a browser and in Qt, a label breaks its lines itself; in a browser it takes HTML.
    wide : int
        How many characters a line has elsewhere.
    """
    if in_browser():
        label.set_text(escape(text).replace('\n', '<br>'))
    elif hasattr(label.get_widget(), 'setWordWrap'):
        label.get_widget().setWordWrap(True)
        label.set_text(text)
    else:
        label.set_text('\n'.join(textwrap.fill(line, wide, break_on_hyphens=False) for line in text.split('\n')))


def text_width(widget, number):
    """Return how many pixels so many characters take in a widget's own font, which the user may have made larger."""
    if hasattr(widget.get_widget(), 'fontMetrics'):
        return round(widget.get_widget().fontMetrics().horizontalAdvance('0') * number)
    return 8 * number


def fit_spin_box(spin, number):
    """Make a spin box as wide as so many characters need, where the toolkit would have room for its highest value."""
    if hasattr(spin.get_widget(), 'lineEdit'):  # Qt
        spin.get_widget().setMaximumWidth(text_width(spin, number) + 36)


def fit_width(scroll, box):
    """Have a scrolled column take the width that what stands in it needs, in the font that the user has chosen."""
    if hasattr(scroll.get_widget(), 'verticalScrollBar'):  # Qt; others grow by themselves
        bar = scroll.get_widget().verticalScrollBar().sizeHint().width()
        scroll.get_widget().setMinimumWidth(box.get_widget().minimumSizeHint().width() + bar + 4)


def limit_width(widget, width):
    """Keep a widget from growing wider than so many pixels in a browser; elsewhere the toolkit knows better."""
    if in_browser():
        widget.set_max_size(width, None)
    return widget


def set_tab_order(first, *later):
    """Have Tab go from a widget to others that were made after those that follow it."""
    if hasattr(first.get_widget(), 'setTabOrder'):  # Qt alone goes by when they were made
        for one, other in pairwise([first, *later]):
            one.get_widget().setTabOrder(one.get_widget(), other.get_widget())


def delete_dialog(dialog):
    """Take a dialog away, open or not."""
    if in_browser() and isinstance(dialog, Widgets.FileDialog):
        dialog._dialog.destroy()  # the file dialog itself can't be taken away there
    else:
        dialog.delete()


def entry_text(entry):
    """Return what stands in a text entry, entered with Return or not."""
    # in a browser, `get_text` tells what was entered last
    return entry._call('get_text') if in_browser() else entry.get_text()
