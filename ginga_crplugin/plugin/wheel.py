"""The wheel over the controls of a panel in Qt."""

from typing import Any

from qtpy import QtCore, QtWidgets

__all__ = ['need_focus']


def need_focus(widget: QtWidgets.QWidget) -> None:
    """Let the wheel change a control only after a click into it, or a visit with the Tab key.

    Parameters
    ----------
    widget : QWidget
        The control.
    """
    widget.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(_WheelFilter(widget))


class _WheelFilter(QtCore.QObject):
    """Event filter that passes wheel events over a control without focus to the widgets around it."""

    def eventFilter(self, watched: Any, event: QtCore.QEvent) -> bool:
        """Withhold a wheel event from a control without focus."""
        if event.type() != QtCore.QEvent.Type.Wheel or watched.hasFocus():
            return False
        event.ignore()
        return True
