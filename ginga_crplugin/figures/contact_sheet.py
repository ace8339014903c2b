"""The room of the cutouts: one segment beside itself in mask, science, dark, cleaned; one by one, or on a sheet."""

import math
from contextlib import ExitStack
from numbers import Integral
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from ginga_crplugin.io.atomic import AtomicFile

from .cutout import LEGEND, Window, cutout_size, is_mask, limits
from .style import INK, PAPER, draw_legend, fitted, font, legend_width

__all__ = ['contact_sheet', 'draw_cutouts']

#: Sizes on the picture, in its pixels: between cutouts, below them for the title, of the fonts.
GAP, TITLE, TEXT, HEADING = 6, 22, 14, 18
#: The same on a sheet: side of a cutout at the most, height of the line above a strip, of the head, of the margins.
PANE, LINE, HEAD, MARGIN = 202, 26, 44, 24
#: The line around a cutout, one pixel wide, by which a bright edge is told from the paper.
EDGE = (120, 120, 120)
#: How a page of a PDF is made; it tells no time, so that the same is the same.
PDF = {
    'resolution': 200,
    'quality': 95,
    'subsampling': 0,
    'title': 'cosmic rays',
    'creationDate': None,
    'modDate': None,
}
#: Strips on a page, where the caller does not say.
PER_PAGE = {'.png': 100, '.pdf': 12}


# a strip


def draw_cutouts(segments, label, images, size=None, scale=4):
    """Draw one segment in several images side by side, with its outline, the title of each image below.

    Parameters
    ----------
    segments : Segments
    label : int
        Which of them.
    images : list of (str, array or None) or (str, array or None, str)
        Title, image and group of each. An image is (ny, nx): bool is a mask; uint8 a plane of `MaskBit`, as
        `merge_mask` makes it; all else is pixels, in gray, with one stretch (zscale) for all of the same group. None
        leaves the place empty.
    size : int, optional
        Side of the cutouts, in pixels of the frame; by default as the segment needs, from 25 to 101.
    scale : int, optional
        Side of a pixel of the frame on the picture.

    Returns
    -------
    (h, w, 3) uint8 ndarray
        The first row is the upper edge of the picture; the first row of the frame is drawn lowest.

    Raises
    ------
    ValueError
        If there is no such segment, no image, an image of another shape than the frame, or a size or scale below 1.
    """
    for name, value in (('size', size), ('scale', scale)):
        if value is not None:
            _check_whole(name, value)
    images = _checked(images, segments.shape)
    pixels = _pixels_of(segments, label)
    window = Window.around(pixels, segments.shape, cutout_size(pixels) if size is None else int(size))
    cuts = [(window.cut(image), group) for _, image, group in images]
    stretch = {of: limits(cut for cut, group in cuts if group == of) for of in {group for _, group in cuts}}
    panes = [window.draw(cut, stretch[group], int(scale)) for cut, group in cuts]
    return np.array(_beside(panes, [title for title, _, _ in images]))


def _check_whole(name, value):
    if value != int(value) or value < 1:
        msg = f'{name} is {value}: it must be a whole number of 1 or more'
        raise ValueError(msg)


def _checked(images, shape):
    """Return title, image and group of each image; say which of them can't be shown."""
    images = [(*item, '')[:3] for item in images]
    if not images:
        msg = 'there is no image to show the segment in'
        raise ValueError(msg)
    for title, image, _ in images:
        if image is not None and image.shape != shape:
            msg = f'{title} has shape {image.shape}, the frame {shape}: they must be the same'
            raise ValueError(msg)
    return images


def _pixels_of(segments, label):
    """Return y and x of the pixels of a segment."""
    pixels = segments.pixels[segments.pixel_labels == label]
    if len(pixels) == 0:
        msg = f'there is no segment {label}: they are numbered from 1 to {len(segments)}'
        raise ValueError(msg)
    return np.divmod(pixels, segments.shape[1])


def _beside(panes, titles):
    """Put the cutouts side by side, with their titles below."""
    panes = [ImageOps.expand(pane, 1, EDGE) for pane in panes]
    side = panes[0].width
    page = Image.new('RGB', (_breadth(len(panes), side), side + TITLE), PAPER)
    draw = ImageDraw.Draw(page)
    for number, (pane, title) in enumerate(zip(panes, titles, strict=True)):
        left = number * (side + GAP)
        page.paste(pane, (left, 0))
        draw.text((left + side / 2, side + TITLE / 2), fitted(title, side, TEXT), INK, font(TEXT), 'mm')
    return page


def _breadth(count, side):
    return count * (side + GAP) - GAP


# a sheet


def contact_sheet(
    path, segments, labels, images, *, columns=2, per_page=None, caption='', decisions=None, overwrite=False
):
    """Write the strips of many segments, each with its number and measurements.

    Parameters
    ----------
    path : path-like
        A PNG or PDF file; of several pages of PNG, each becomes a file with its number in the name: ``out-1.png``.
    segments : Segments
    labels : 'all', int or list of int
        All segments that are listed, or so many of them, the largest first; or these.
    images : list
        As for `strip`.
    columns, per_page : int, optional
        Strips side by side; and on a page, by default 12 in a PDF and 100 in a PNG.
    caption : str, optional
        A line to stand above.
    decisions : dict of str, optional
        What was said of segments, by their labels.
    overwrite : bool, optional
        Whether existing files may be replaced.

    Returns
    -------
    list of `~pathlib.Path`
        The files that were written.

    Raises
    ------
    FileExistsError
        If one of the files exists, and ``overwrite`` is not set.
    OSError
        If one of them can't be written.
    ValueError
        If there is no such segment, an image can't be shown, or the name ends neither in .png nor in .pdf.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in PER_PAGE:
        msg = f'{path.name}: the name of a sheet must end in .png or .pdf'
        raise ValueError(msg)
    per_page = PER_PAGE[kind] if per_page is None else per_page
    for name, value in (('columns', columns), ('per_page', per_page)):
        _check_whole(name, value)
    images = _checked(images, segments.shape)
    labels = _chosen(segments, labels)
    cells = {label: _words(segments, label, decisions or {}) for label in labels}
    sheet = _Sheet(segments, images, cells, columns, per_page, caption)
    paths = [path] if kind == '.pdf' or sheet.pages == 1 else _numbered(path, sheet.pages)
    _write([AtomicFile(file, overwrite=overwrite) for file in paths], sheet, kind)
    return paths


def _chosen(segments, labels):
    """Return the labels of the segments to show; say which of them there is not."""
    if isinstance(labels, str) and labels != 'all':
        msg = f"labels is {labels!r}: it must be 'all', a number of segments, or a list of labels"
        raise ValueError(msg)
    if not isinstance(labels, str | Integral):
        for label in labels:
            _pixels_of(segments, label)
        return [int(label) for label in labels]
    table = segments.listed
    order = np.argsort(-table['area'].value, kind='stable')
    if labels != 'all':
        _check_whole('labels', labels)
        order = order[:labels]
    return table['label'][order].tolist()


def _numbered(path, pages):
    return [path.with_name(f'{path.stem}-{number}{path.suffix}') for number in range(1, pages + 1)]


def _words(segments, label, decisions):
    """Return the number of a segment, and what is known of it, in words; pixels count from 1."""
    row = segments.table[label - 1]
    x, y = (row[name].value + 1.0 for name in ('x_centroid', 'y_centroid'))
    flux = f'{row["flux"].value:,.0f}'.replace(',', ' ')
    words = [f'#{label}', f'x {x:.1f}  y {y:.1f}', f'{row["area"].value:.0f} px', f'{flux} e-']
    if 'hint' in row.colnames:
        words.append(str(row['hint']))
    words.append(decisions.get(label, ''))
    return '    '.join(word for word in words if word)


class _Sheet:
    """The pages of a sheet, all of one size, each drawn when it is asked for.

    Parameters
    ----------
    segments, images
        As for `strip`.
    cells : dict of str
        The words above each strip, by its label.
    columns, per_page, caption
        As for `contact_sheet`.
    """

    def __init__(self, segments, images, cells, columns, per_page, caption):
        self._segments, self._images, self._caption = segments, images, caption
        self._cells, self._per_page = list(cells.items()), per_page
        self._columns = max(1, min(columns, per_page, len(cells)))
        masks = any(image is not None and is_mask(image) for _, image, _ in images)
        self._legend = [entry[:2] for entry in LEGEND] if masks else []
        words = [math.ceil(font(TEXT).getlength(words)) for words in cells.values()]
        self._cell = max(_breadth(len(images), PANE + 2), *words, 0)
        strips = self._columns * (self._cell + MARGIN) - MARGIN
        self._width = max(strips, legend_width([text for text, _ in self._legend], TEXT)) + 2 * MARGIN
        self.pages = max(1, math.ceil(len(cells) / per_page))

    def page(self, number):
        """Draw a page, the first is 0, as a `PIL.Image.Image`."""
        rows = max(1, math.ceil(min(len(self._cells), self._per_page) / self._columns))
        row = LINE + PANE + 2 + TITLE + MARGIN
        height = HEAD + rows * row + (LINE + MARGIN if self._legend else 0)
        page = Image.new('RGB', (self._width, height), PAPER)
        draw = ImageDraw.Draw(page)
        self._draw_head(draw, number)
        for place, (label, words) in enumerate(self._cells[number * self._per_page :][: self._per_page]):
            left = MARGIN + place % self._columns * (self._cell + MARGIN)
            top = HEAD + place // self._columns * row
            draw.text((left, top + LINE / 2), words, INK, font(TEXT), 'lm')
            page.paste(Image.fromarray(self._strip(label)), (left, top + LINE))
        draw_legend(draw, MARGIN, height - MARGIN - LINE / 2, self._legend, TEXT)
        return page

    def _draw_head(self, draw, number):
        count = f'page {number + 1} of {self.pages}' if self.pages > 1 else ''
        room = self._width - 3 * MARGIN - font(TEXT).getlength(count)
        draw.text((MARGIN, HEAD / 2), fitted(self._caption, room, HEADING), INK, font(HEADING), 'lm')
        draw.text((self._width - MARGIN, HEAD / 2), count, INK, font(TEXT), 'rm')
        if not self._cells:
            draw.text((MARGIN, HEAD + LINE / 2), 'no segments', INK, font(TEXT), 'lm')

    def _strip(self, label):
        """Return the strip of a segment, of about the same size whatever that of the segment."""
        scale = PANE // cutout_size(_pixels_of(self._segments, label))
        return draw_cutouts(self._segments, label, self._images, PANE // scale, scale)


def _write(places, sheet, kind):
    """Write the pages; each file takes its place when all are whole."""
    with ExitStack() as stack:
        files = [stack.enter_context(place.writing()) for place in places]
        for number in range(sheet.pages):
            page = sheet.page(number)
            if kind == '.pdf':
                page.save(files[0], 'PDF', append=number > 0, **PDF)
            else:
                page.save(files[number], 'PNG')
