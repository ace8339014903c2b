"""The room of the thumbnails in a notebook: the selected segment beside itself in mask, science, dark and cleaned."""

import io
from html import escape

import ipywidgets as w
import numpy as np
from PIL import Image

from ginga_crplugin.figures.contact_sheet import draw_cutouts
from ginga_crplugin.figures.cutout import cutout_size
from ginga_crplugin.panels.text import hint_text

__all__ = ['Thumbnails']

#: About how wide a cutout is, in pixels of the screen.
_SIDE = 104


class Thumbnails:
    """A row of cutouts of the selected segment, and the way to the next one.

    Parameters
    ----------
    step : callable
        ``step(number)`` goes to the segment that comes so many rows later.
    """

    def __init__(self, step):
        self.image = w.Image(format='png', layout=w.Layout(max_width='100%', height='auto', object_fit='contain'))
        self.previous, self.next = (w.Button(description=word, layout=w.Layout(width='36px')) for word in '<>')
        self.previous.on_click(lambda _: step(-1))
        self.next.on_click(lambda _: step(1))
        self.previous.tooltip, self.next.tooltip = 'The segment before (key N).', 'The next segment (key n).'
        self.position = w.Label()
        self.hint = w.HTML(layout=w.Layout(min_height='36px'))  # two lines, so that nothing below moves
        self.hint.tooltip = 'What the selected segment may be instead of a cosmic ray, and why.'
        self.hint.add_class('crp-soft')
        self.row = w.HBox([self.previous, self.position, self.next], layout=w.Layout(align_items='center'))
        self.show(None, None, 0, 0)

    def show(self, session, label, place, count):
        """Show a segment of the session's result, or none; it is at a place, from 1, among those that are listed."""
        self.position.value = f'{place or "-"} of {count}'
        self.previous.disabled, self.next.disabled = place <= 1, count == 0 or place == count
        shown = label is not None and session.result is not None
        self.hint.value = escape(hint_text(session, label)) if shown else ''
        self.image.layout.display = self.hint.layout.display = None if shown else 'none'
        if shown:
            file = io.BytesIO()
            Image.fromarray(_picture(session, label)).save(file, 'PNG')
            self.image.value = file.getvalue()


def _picture(session, label):
    result = session.result
    images = [
        ('mask', session.review.decisions.plane(result.frame.bits)),
        ('science', _drawable(result.frame.ccd.data), 'science'),
        ('dark', _drawable(session.masks.dark), 'other'),
        ('cleaned', _drawable(result.detection.cleaned), 'science'),
    ]
    pixels = np.divmod(session.result.segments.pixels_of([label]), result.segments.shape[1])
    return draw_cutouts(result.segments, label, images, scale=max(1, _SIDE // cutout_size(pixels)))


def _drawable(image):
    """Return an image as floats where it would be taken for a mask."""
    return image.astype(np.float32) if image is not None and image.dtype in (np.uint8, bool) else image
