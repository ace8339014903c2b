"""Thumbnails of the selected segment in the notebook panel."""

import io
from collections.abc import Callable
from html import escape

import ipywidgets as w
import numpy as np
from PIL import Image

from ginga_crplugin.figures.contact_sheet import draw_cutouts
from ginga_crplugin.figures.cutout import cutout_size
from ginga_crplugin.panels.labels import TIPS
from ginga_crplugin.panels.text import hint_text
from ginga_crplugin.panels.thumbnail_images import thumbnail_images
from ginga_crplugin.session.session import Session

__all__ = ['Thumbnails']

#: Approximate width of a cutout, in screen pixels.
_SIZE = 104


class Thumbnails:
    """Cutouts of the selected segment, its hint, and the buttons for the previous and the next segment.

    Parameters
    ----------
    step : callable
        ``step(number)`` selects the segment a number of rows after the selected one.
    """

    def __init__(self, step: Callable[[int], None]) -> None:
        self.image = w.Image(format='png', layout=w.Layout(max_width='100%', height='auto', object_fit='contain'))
        self.previous, self.next = (w.Button(description=text, layout=w.Layout(width='36px')) for text in '<>')
        self.previous.on_click(lambda _: step(-1))
        self.next.on_click(lambda _: step(1))
        self.previous.tooltip, self.next.tooltip = TIPS['previous'], TIPS['next']
        self.position = w.Label()
        self.hint = w.HTML(layout=w.Layout(min_height='36px'))  # two lines, so that the widgets below do not move
        self.hint.tooltip = TIPS['hint']
        self.hint.add_class('crp-soft')
        self.row = w.HBox([self.previous, self.position, self.next], layout=w.Layout(align_items='center'))
        self.show(None, None, 0, 0)

    def show(self, session: Session | None, label: int | None, position: int, count: int) -> None:
        """Show a segment.

        Parameters
        ----------
        session : Session or None
            The session; None without an image.
        label : int or None
            The label of the segment; None for no segment.
        position : int
            Its row in the segment table, from 1; 0 if it is not listed.
        count : int
            Number of rows in the segment table.
        """
        self.position.value = f'{position or "-"} of {count}'
        self.previous.disabled, self.next.disabled = position <= 1, count == 0 or position == count
        if session is None or session.result is None or label is None:
            self.hint.value = ''
            self.image.layout.display = self.hint.layout.display = 'none'
            return
        self.hint.value = escape(hint_text(session, label))
        self.image.layout.display = self.hint.layout.display = None
        images, segments = thumbnail_images(session, 'dark', session.masks.dark), session.result.segments
        size = cutout_size(np.divmod(segments.pixels_of([label]), segments.shape[1]))
        drawn = draw_cutouts(segments, label, images, scale=max(1, _SIZE // size))
        file = io.BytesIO()
        Image.fromarray(drawn).save(file, 'PNG')
        self.image.value = file.getvalue()
