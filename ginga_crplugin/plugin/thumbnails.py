"""Thumbnails of the selected segment in the panel."""

from collections.abc import Callable
from logging import Logger

import numpy as np
from ginga.gw import Viewers, Widgets
from ginga.RGBImage import RGBImage

from ginga_crplugin.figures.contact_sheet import draw_cutouts
from ginga_crplugin.figures.cutout import cutout_size
from ginga_crplugin.panels.labels import TIPS
from ginga_crplugin.panels.text import hint_text
from ginga_crplugin.panels.thumbnail_images import thumbnail_images
from ginga_crplugin.session.session import Session

from .toolkit import protect_value, reserve_lines, set_text_wrapped

__all__ = ['Thumbnails']

_DARK = 'dark'
#: Approximate width of a cutout on the screen; all cutouts are similar, so that their titles have the same size.
_SIZE = 90
#: Characters in a line of the hint.
_LINE_LENGTH = 64


class Thumbnails:
    """Cutouts of the selected segment, its hint, and the buttons for the previous and the next segment.

    Parameters
    ----------
    logger : `logging.Logger`
        Logger of the viewer.
    step : callable
        ``step(number)`` selects the segment a number of rows after the selected one.
    open_images : callable
        ``open_images(shape)`` returns ``{name: (ny, nx) array}`` of the other open images of a shape.
    """

    def __init__(
        self,
        logger: Logger,
        step: Callable[[int], None],
        open_images: Callable[[tuple[int, int]], dict[str, np.ndarray]],
    ) -> None:
        self._open_images = open_images
        self._names = [_DARK]
        self._shown: tuple[Session, int] | None = None
        self.viewer = Viewers.CanvasView(logger=logger)
        self.viewer.set_desired_size(360, 110)
        self.viewer.set_bg(1.0, 1.0, 1.0)
        self.viewer.enable_autozoom('on')
        self.viewer.enable_autocuts('off')
        for enable in (self.viewer.get_bindings().enable_pan, self.viewer.get_bindings().enable_zoom):
            enable(False)  # noqa: FBT003
        self.view = Viewers.GingaViewerWidget(self.viewer)
        self.view.set_min_size(360, 110)
        self._build_row(step)
        self.hint = Widgets.Label('')
        reserve_lines(self.hint, 2)
        self.hint.set_tooltip(TIPS['hint'])

    def _build_row(self, step: Callable[[int], None]) -> None:
        self.sheet = Widgets.Button('Sheet...')
        self.other = protect_value(Widgets.ComboBox())
        self.other.append_text(_DARK)
        self.other.set_tooltip('The image next to the science frame: the dark, or another open image.')
        self.other.add_callback('activated', lambda *_: self._draw())
        previous, next_ = Widgets.Button('<'), Widgets.Button('>')
        previous.add_callback('activated', lambda _: step(-1))
        next_.add_callback('activated', lambda _: step(1))
        self.position = Widgets.Label('')
        self.position.set_valign('center')
        self.row = Widgets.HBox()
        self.row.set_spacing(4)
        self.row.add_widget(self.other, stretch=0)
        self.row.add_widget(Widgets.Label(''), stretch=1)
        for widget in (self.sheet, previous, self.position, next_):
            self.row.add_widget(widget, stretch=0)

    def show(self, session: Session, label: int | None, position: int, count: int) -> None:
        """Show a segment.

        Parameters
        ----------
        session : Session
            The session.
        label : int or None
            The label of the segment; None for no segment.
        position : int
            Its row in the segment table, from 1; 0 if it is not listed.
        count : int
            Number of rows in the segment table.
        """
        self.position.set_text(f'{position or "-"} of {count}')
        set_text_wrapped(self.hint, hint_text(session, label), _LINE_LENGTH)
        self._shown = None if label is None or session.result is None else (session, label)
        if self._shown is None:
            self.viewer.clear()
            return
        self._update_names(session)
        self._draw()

    def _update_names(self, session: Session) -> None:
        names = [_DARK, *sorted(self._other_images(session))]
        if names != self._names:
            selected = self.selected_name
            self._names = names
            self.other.clear()
            for name in names:
                self.other.append_text(name)
            self.other.set_index(names.index(selected) if selected in names else 0)

    def _other_images(self, session: Session) -> dict[str, np.ndarray]:
        return {} if session.frame is None else self._open_images(session.frame.shape)

    @property
    def selected_name(self) -> str:
        """The name of the image next to the science frame."""
        return self._names[max(0, self.other.get_index())]

    def _draw(self) -> None:
        if self._shown is None:
            return
        session, label = self._shown
        if session.result is None:
            return
        images, segments = self.images(session), session.result.segments
        size = cutout_size(np.divmod(segments.pixels_of([label]), segments.shape[1]))
        drawn = draw_cutouts(segments, label, images, scale=max(1, _SIZE // size))
        self.viewer.set_image(RGBImage(data_np=np.ascontiguousarray(drawn)))
        self.viewer.cut_levels(0.0, 255.0)
        self.viewer.zoom_fit()

    def images(self, session: Session) -> list[tuple]:
        """Return the images that are shown.

        Parameters
        ----------
        session : Session
            The session.

        Returns
        -------
        list of tuple
            Title, (ny, nx) image, and the group of images with the same stretch, as for
            `~ginga_crplugin.figures.contact_sheet.draw_cutouts`.
        """
        name = self.selected_name
        other = session.masks.dark if name == _DARK else self._other_images(session).get(name)
        return thumbnail_images(session, name[:14], other)
