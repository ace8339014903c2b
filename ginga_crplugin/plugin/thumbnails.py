"""The room of the thumbnails in Ginga: the selected segment beside itself in mask, science, dark and cleaned."""

import numpy as np
from ginga.gw import Viewers, Widgets
from ginga.RGBImage import RGBImage

from ginga_crplugin.figures.contact_sheet import draw_cutouts
from ginga_crplugin.figures.cutout import cutout_size
from ginga_crplugin.panels.text import hint_text

from .toolkit import in_browser, set_text_wrapped, text_width

__all__ = ['Thumbnails']

_NONE = 'the dark'
#: Side of a thumbnail on the screen, about; the titles are as large as the rest only if none is much larger.
_SIDE = 90
#: Letters in a line below them.
_WIDE = 64


class Thumbnails:
    """A row of cutouts of the selected segment, and the way to the next one.

    Parameters
    ----------
    logger : `logging.Logger`
    step : callable
        ``step(number)`` goes to the segment that comes so many rows later.
    images : callable
        ``images(shape)`` returns ``{name: (ny, nx) array}`` of the other images that are open.
    """

    def __init__(self, logger, step, images):
        self._images = images
        self._names = [_NONE]
        self._shown = None
        self.viewer = Viewers.CanvasView(logger=logger)
        self.viewer.set_desired_size(360, 110)
        self.viewer.set_bg(1.0, 1.0, 1.0)
        self.viewer.enable_autozoom('on')
        self.viewer.enable_autocuts('off')
        for able in (self.viewer.get_bindings().enable_pan, self.viewer.get_bindings().enable_zoom):
            able(False)  # noqa: FBT003
        self.view = Viewers.GingaViewerWidget(self.viewer)
        self.view.set_min_size(360, 110)
        self.sheet = Widgets.Button('Sheet...')
        self.other = Widgets.ComboBox()
        self.other.append_text(_NONE)
        self.other.set_tooltip('The image beside the science frame: the dark, or another one that is open.')
        self.other.add_callback('activated', lambda *_: self._draw())
        previous, next_ = Widgets.Button('<'), Widgets.Button('>')
        previous.add_callback('activated', lambda _: step(-1))
        next_.add_callback('activated', lambda _: step(1))
        self.position = Widgets.Label('')
        self.position.set_valign('center')
        self.hint = Widgets.Label('')
        self.hint.set_min_size(
            360, 50 if in_browser() else text_width(self.hint, 4.5)
        )  # two lines: nothing below moves
        self.hint.set_tooltip('What the selected segment may be instead of a cosmic ray, and why.')
        self.row = Widgets.HBox()
        self.row.set_spacing(4)
        for widget, stretch in (
            (self.other, 0),
            (Widgets.Label(''), 1),
            (self.sheet, 0),
            (previous, 0),
            (self.position, 0),
            (next_, 0),
        ):
            self.row.add_widget(widget, stretch=stretch)

    def show(self, session, label, place, count):
        """Show a segment of the session's result, or none; it is at a place, from 1, among those that are listed."""
        self.position.set_text(f'{place or "-"} of {count}')
        set_text_wrapped(self.hint, hint_text(session, label), _WIDE)
        self._shown = None if label is None or session.result is None else (session, label)
        if self._shown is None:
            self.viewer.clear()
            return
        self._offer()
        self._draw()

    def _offer(self):
        session, _ = self._shown
        names = [_NONE, *sorted(self._images(session.frame.shape))]
        if names != self._names:
            chosen = self._chosen
            self._names = names
            self.other.clear()
            for name in names:
                self.other.append_text(name)
            self.other.set_index(names.index(chosen) if chosen in names else 0)

    @property
    def _chosen(self):
        return self._names[max(0, self.other.get_index())]

    def _draw(self):
        if self._shown is None:
            return
        session, label = self._shown
        images = self.images(session)
        segments = session.result.segments
        pixels = np.divmod(session.result.segments.pixels_of([label]), segments.shape[1])
        drawn = draw_cutouts(segments, label, images, scale=max(1, _SIDE // cutout_size(pixels)))
        picture = RGBImage(data_np=np.ascontiguousarray(drawn))
        self.viewer.set_image(picture)
        self.viewer.cut_levels(0.0, 255.0)
        self.viewer.zoom_fit()

    def images(self, session):
        """Return what a segment is shown in: title, image, and which of them share a stretch."""
        result, name = session.result, self._chosen
        other = session.masks.dark if name == _NONE else self._images(session.frame.shape).get(name)
        plane = session.review.decisions.plane(result.frame.bits)
        return [
            ('mask', plane),
            ('science', _drawable(result.frame.ccd.data), 'science'),
            ('dark' if name == _NONE else name[:14], _drawable(other), 'other'),
            ('cleaned', _drawable(result.detection.cleaned), 'science'),
        ]


def _drawable(image):
    """Return an image as floats where it would be taken for a mask."""
    return image.astype(np.float32) if image is not None and image.dtype in (np.uint8, bool) else image
