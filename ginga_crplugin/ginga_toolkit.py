"""The room of the toolkits: what Ginga's widgets need on one of them, and not on the others."""

import textwrap
from html import escape
from itertools import pairwise

from ginga import toolkit
from ginga.fonts.font_asst import Font
from ginga.gw import Widgets

__all__ = ['BOLD', 'dismiss', 'in_browser', 'narrow', 'set_words', 'tab_after', 'typed']

#: The font of headings.
BOLD = Font(family='sans', style='normal', weight='bold')


def in_browser():
    """Tell whether the widgets stand in a web page (``ginga -t pg``)."""
    return toolkit.get_family() == 'pg'


def set_words(label, text, wide):
    """Show a text in a label, broken into lines.

    Parameters
    ----------
    label : Ginga label
    text : str
        In a browser, a label takes HTML and breaks its lines itself.
    wide : int
        How many characters a line has elsewhere.
    """
    if in_browser():
        label.set_text(escape(text).replace('\n', '<br>'))
    else:
        label.set_text('\n'.join(textwrap.fill(line, wide, break_on_hyphens=False) for line in text.split('\n')))


def narrow(widget, width):
    """Keep a widget from growing wider than so many pixels in a browser; elsewhere the toolkit knows better."""
    if in_browser():
        widget.set_max_size(width, None)
    return widget


def tab_after(first, *later):
    """Have Tab go from a widget to others that were made after those that follow it."""
    if hasattr(first.get_widget(), 'setTabOrder'):  # Qt alone goes by when they were made
        for one, other in pairwise([first, *later]):
            one.get_widget().setTabOrder(one.get_widget(), other.get_widget())


def dismiss(dialog):
    """Take a dialog away, open or not."""
    if in_browser() and isinstance(dialog, Widgets.FileDialog):
        dialog._dialog.destroy()  # the file dialog itself can't be taken away there
    else:
        dialog.delete()


def typed(entry):
    """Return what stands in a text entry, entered with Return or not."""
    # in a browser, `get_text` tells what was entered last
    return entry._call('get_text') if in_browser() else entry.get_text()
