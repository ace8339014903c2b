"""Functions for the differences between Ginga's widget toolkits (Qt, GTK and web)."""

import textwrap
from html import escape
from itertools import pairwise
from typing import Any

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
    'protect_value',
    'reserve_lines',
    'set_number',
    'set_tab_order',
    'set_text_wrapped',
    'text_width',
]

#: Font of headings.
BOLD = Font(family='sans', style='normal', weight='bold')


def in_browser() -> bool:
    """Return whether the widgets are shown in a browser (``ginga -t pg``).

    Returns
    -------
    bool
        True for the web toolkit.
    """
    return toolkit.get_family() == 'pg'


def set_text_wrapped(label: Any, text: str, width: int) -> None:
    """Set the text of a label, with line wrapping.

    Parameters
    ----------
    label : `ginga.gw.Widgets.Label`
        The label.
    text : str
        The text; in a browser, it is escaped for HTML.
    width : int
        Characters in a line, for toolkits whose labels do not wrap by themselves.
    """
    if in_browser():
        label.set_text(escape(text).replace('\n', '<br>'))
    elif hasattr(label.get_widget(), 'setWordWrap'):
        label.get_widget().setWordWrap(True)
        label.set_text(text)
    else:
        label.set_text('\n'.join(textwrap.fill(line, width, break_on_hyphens=False) for line in text.split('\n')))


def text_width(widget: Any, count: float) -> int:
    """Return the width of a number of characters in the font of a widget, which depends on the user's settings.

    Parameters
    ----------
    widget : Ginga widget
        The widget.
    count : float
        Number of characters.

    Returns
    -------
    int
        The width in screen pixels.
    """
    if hasattr(widget.get_widget(), 'fontMetrics'):
        return round(widget.get_widget().fontMetrics().horizontalAdvance('0') * count)
    return round(8 * count)


def fit_spin_box(spin: Any, count: int) -> None:
    """Limit the width of a spin box in Qt, which would otherwise reserve space for its maximum.

    Parameters
    ----------
    spin : `ginga.gw.Widgets.SpinBox`
        The spin box.
    count : int
        Number of characters that must fit in.
    """
    if hasattr(spin.get_widget(), 'lineEdit'):  # Qt
        spin.get_widget().setMaximumWidth(text_width(spin, count) + 36)


def fit_width(scroll: Any, box: Any) -> None:
    """Set the minimum width of a scroll area in Qt so that its content fits, in the user's font.

    Parameters
    ----------
    scroll : `ginga.gw.Widgets.ScrollArea`
        The scroll area.
    box : Ginga widget
        Its content.
    """
    if hasattr(scroll.get_widget(), 'verticalScrollBar'):  # Qt; the other toolkits do this by themselves
        bar = scroll.get_widget().verticalScrollBar().sizeHint().width()
        scroll.get_widget().setMinimumWidth(box.get_widget().minimumSizeHint().width() + bar + 4)


def limit_width(widget: Any, width: int) -> Any:
    """Set the maximum width of a widget in a browser; the other toolkits choose it well by themselves.

    Parameters
    ----------
    widget : Ginga widget
        The widget.
    width : int
        Maximum width in screen pixels.

    Returns
    -------
    Ginga widget
        The same widget.
    """
    if in_browser():
        widget.set_max_size(width, None)
    return widget


def protect_value(control: Any) -> Any:
    """Let a control take a number only when it is typed completely, and the wheel only while it has the focus.

    In Qt, spin boxes otherwise take every prefix of a number that is being typed, and all three kinds change when the
    panel is scrolled with the mouse over them. The other toolkits need no change.

    Parameters
    ----------
    control : Ginga widget
        Spin box, slider or combo box.

    Returns
    -------
    Ginga widget
        The same widget.
    """
    widget = control.get_widget()
    if hasattr(widget, 'installEventFilter'):
        from .wheel import need_focus  # Qt need not be installed for the other toolkits

        need_focus(widget)
    if hasattr(widget, 'setKeyboardTracking'):
        widget.setKeyboardTracking(False)
    return control


def reserve_lines(label: Any, count: int) -> None:
    """Reserve the height of a number of lines for a label, so that the widgets below do not move.

    Parameters
    ----------
    label : `ginga.gw.Widgets.Label`
        The label.
    count : int
        Number of lines.
    """
    label.set_min_size(360, 25 * count if in_browser() else text_width(label, 2.25 * count))


def set_number(spin: Any, value: float) -> None:
    """Set the value of a spin box, unless the user is typing another one.

    Parameters
    ----------
    spin : `ginga.gw.Widgets.SpinBox`
        The spin box.
    value : float
        The value.
    """
    widget = spin.get_widget()
    if hasattr(widget, 'lineEdit') and widget.hasFocus() and widget.text() != widget.textFromValue(widget.value()):
        return
    spin.set_value(value)


def set_tab_order(*widgets: Any) -> None:
    """Set the order in which the Tab key visits widgets.

    Parameters
    ----------
    *widgets : Ginga widget
        The widgets, first to last.
    """
    if hasattr(widgets[0].get_widget(), 'setTabOrder'):  # only Qt orders them by time of creation
        for one, other in pairwise(widgets):
            one.get_widget().setTabOrder(one.get_widget(), other.get_widget())


def delete_dialog(dialog: Any) -> None:
    """Close and delete a dialog.

    Parameters
    ----------
    dialog : Ginga dialog or SaveDialog
        The dialog, shown or not.
    """
    if in_browser() and isinstance(dialog, Widgets.FileDialog):
        dialog._dialog.destroy()  # FileDialog.delete does not work there
    else:
        dialog.delete()


def entry_text(entry: Any) -> str:
    """Return the current text of a text entry, whether or not it was confirmed with Return.

    Parameters
    ----------
    entry : `ginga.gw.Widgets.TextEntry`
        The text entry.

    Returns
    -------
    str
        The text.
    """
    # in a browser, `get_text` returns the last confirmed text
    return entry._call('get_text') if in_browser() else entry.get_text()
