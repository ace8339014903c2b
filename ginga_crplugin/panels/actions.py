"""Actions of the controls and keys, in both panels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .drawing_tool import DrawingTool
from .repair_actions import RepairActions
from .settings_actions import SettingsActions

if TYPE_CHECKING:
    from ginga_crplugin.session.session import Session

    from .presenter import Presenter
    from .protocols import Overlay

__all__ = ['Actions']


class Actions:
    """Actions of the controls and keys of a panel; a subclass adds those that only its panel has.

    Parameters
    ----------
    session : Session
        The session that is changed.
    overlay : Overlay
        The overlay on the image.
    canvas : `ginga.canvas.types.layer.DrawingCanvas`, optional
        The canvas of the overlay, whose mouse and key events are handled; None where the viewer has none.

    Attributes
    ----------
    buttons : dict of callable
        The action of each button, by its name; called without arguments.
    values : dict of callable
        The action of each other control, by its name; called with the new value.
    keys : dict of callable
        The action of each key, by Ginga's name of the key.
    drawing_tool : DrawingTool or None
        Draws on the image; None without a canvas.
    settings : SettingsActions
        The actions of the controls of the settings.
    repairs : RepairActions
        The actions of the controls of the repair.
    """

    def __init__(self, session: Session, overlay: Overlay, canvas: Any = None) -> None:
        self.session: Any = session  # Any: attributes that may be None are used only when they are not
        self.overlay = overlay
        self.widgets: Any = None  # `PanelWidgets`, with those that only the panel has
        self.presenter: Any = None
        self.drawing_tool: DrawingTool | None = None
        self.settings, self.repairs = SettingsActions(self), RepairActions(self)
        review = session.review
        self.buttons: dict[str, Callable[[], Any]] = {
            'run': session.runner.detect,
            'cancel': session.runner.cancel,
            'reset': self.settings.reset_params,
            'keep': lambda: self.decide('keep'),
            'reject': lambda: self.decide('reject'),
            'reject_shown': self.reject_listed,
            'repair_shown': self.repairs.choose_for_listed,
            'undo': lambda: review.edit('undo'),
            'redo': lambda: review.edit('redo'),
            'restore': review.restore,
            'discard': review.discard,
            'pin': session.comparing.pin,
            'verify': session.verification.start,
            'previous': lambda: self.step(-1),
            'next': lambda: self.step(1),
        }
        self.values: dict[str, Callable[[Any], Any]] = {
            'live': lambda live: session.runner.set_live(live=live),
            'min_size': session.set_min_size,
            'tails': lambda on: self.settings.set_tails(enabled=on),
            'tail_sigma': lambda sigma: self.settings.set_tails(sigma=sigma),
            'tail_steps': lambda steps: self.settings.set_tails(steps=steps),
            'edges': lambda on: self.settings.set_param('search_edges', on),
            'grow': review.set_grow,
            'repair': self.repairs.choose,
            'default_repair': self.repairs.set_default,
            'compare': session.comparing.compare,
            'draw': self.set_drawing_mode,
            'width': self.set_brush_width,
            'opacity': overlay.set_opacity,
        }
        self.keys: dict[str, Callable[[], Any]] = {
            'n': self.buttons['next'],
            'N': self.buttons['previous'],
            'x': self.buttons['reject'],
            'k': self.buttons['keep'],
            'u': self.buttons['undo'],
            'U': self.buttons['redo'],
            'd': lambda: self.set_drawing_mode('off' if self.drawing_mode == 'paint' else 'paint'),
            'b': self.blink,
            'escape': lambda: self.set_drawing_mode('off'),
            'backspace': overlay.pan_back,
        }
        if canvas is not None:
            self.drawing_tool = DrawingTool(canvas, review.draw, self._preview)
            canvas.add_callback('cursor-down', lambda _canvas, _event, x, y, *_: self.click(x, y))
            canvas.add_callback('key-down-none', lambda _canvas, event, *_: self.press(event.key))
        session.events.frame_changed.connect(self._frame_changed)

    def attach(self, widgets: Any, presenter: Presenter | None) -> None:
        """Set the widgets whose values are read, and the presenter that shows errors; None when the panel is closed.

        Parameters
        ----------
        widgets : PanelWidgets or None
            The widgets.
        presenter : Presenter or None
            The presenter.
        """
        self.widgets, self.presenter = widgets, presenter

    # segments

    def select(self, label: int, *, pan: bool = True) -> None:
        """Select a segment, and pan to it.

        Parameters
        ----------
        label : int
            Its label.
        pan : bool, optional
            Whether to pan to it.
        """
        self.session.select(label)
        if pan:
            row = self.session.result.segments.table[label - 1]
            self.overlay.pan_to(row['x_centroid'].value, row['y_centroid'].value, row['length'].value)

    def step(self, step: int) -> None:
        """Select the segment a number of rows after the selected one.

        Parameters
        ----------
        step : int
            Number of rows; negative goes up.
        """
        label = self.widgets.table.rows.neighbor(self.session.selection, step)
        if label is not None:
            self.select(label)

    def decide(self, decision: Literal['keep', 'reject']) -> None:
        """Keep or reject the selected segment.

        Parameters
        ----------
        decision : {'keep', 'reject'}
            The decision.
        """
        if self.session.selection is not None:
            self._edit(decision, [self.session.selection])

    def reject_listed(self) -> None:
        """Reject all segments in the list."""
        if self.session.result is not None:
            self._edit('reject', self.widgets.table.rows.labels)

    def _edit(self, decision: Literal['keep', 'reject'], labels: Sequence[int]) -> None:
        self.session.review.edit(decision, self.session.result.segments.pixels_of(labels))

    # mouse and keys on the image

    def click(self, x: float, y: float) -> bool:
        """Select the segment at a position of the image (0-based pixels); return whether there is one.

        Parameters
        ----------
        x : float
            Position along the row, in 0-based pixels.
        y : float
            Position along the column, in 0-based pixels.

        Returns
        -------
        bool
            Whether there is a segment.
        """
        label = self.overlay.label_at(x, y) if self.drawing_mode == 'off' else None
        if label is not None:
            self.select(label, pan=False)
        return label is not None

    def press(self, key: str) -> bool:
        """Perform the action of a key; return whether it has one.

        Parameters
        ----------
        key : str
            Ginga's name of the key.

        Returns
        -------
        bool
            Whether the key has an action.
        """
        action = self.keys.get(key)
        if action is not None:
            action()
        return action is not None

    def blink(self) -> None:
        """Show the cleaned frame instead of the original, or the original again."""
        raise NotImplementedError

    # drawing

    @property
    def drawing_mode(self) -> str:
        """What the mouse draws: one of `~ginga_crplugin.panels.drawing_tool.MODES`."""
        return 'off' if self.drawing_tool is None else self.drawing_tool.mode

    def set_drawing_mode(self, mode: str) -> None:
        """Set what the mouse draws; it is off without a result.

        Parameters
        ----------
        mode : str
            One of `~ginga_crplugin.panels.drawing_tool.MODES`.
        """
        session = self.session
        if session.result is None or self.drawing_tool is None:
            mode = 'off'
        else:
            self.overlay.set_decisions(session.result.segments, session.review.decisions)  # removes a preview
        if self.drawing_tool is not None:
            self.drawing_tool.set_mode(mode)
        if self.widgets is not None:
            self.widgets.show_drawing_mode(mode)

    def set_brush_width(self, width: int) -> None:
        """Set the width of the brush and the line, in pixels.

        Parameters
        ----------
        width : int
            The width, in pixels.
        """
        if self.drawing_tool is not None:
            self.drawing_tool.width = width

    def _frame_changed(self) -> None:
        if self.drawing_tool is not None:
            self.drawing_tool.shape = None if self.session.frame is None else self.session.frame.shape
        self.set_drawing_mode('off')

    def _preview(self, pixels: np.ndarray) -> None:
        """Show the pixels that are being drawn."""
        decisions = self.session.review.decisions
        if decisions is not None:
            marked = np.union1d(decisions.marked, pixels)
            self.overlay.set_layers({'by hand': marked}, self.session.frame.shape)
