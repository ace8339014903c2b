"""Cutouts of segments in several images, and contact sheets of them."""

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from ginga_crplugin.core.segments import Segments
from ginga_crplugin.io.atomic import AtomicFile

from .cutout import LEGEND, CutoutWindow, cutout_size, is_mask, stretch_limits
from .style import INK, PAPER, Color, draw_legend, legend_width, load_font, truncate

__all__ = ['contact_sheet', 'draw_cutouts']

#: Gap between cutouts, height of the title below them, and of the two fonts, in pixels of the figure.
GAP, TITLE, TEXT, HEADING = 6, 22, 14, 18
#: On a sheet: maximum side of a cutout, height of the line above the cutouts of a segment, of the head, and the margin.
PANE, LINE, HEAD, MARGIN = 202, 26, 44, 24
#: Color of the border of a cutout, one pixel wide, which separates a bright image from the paper.
BORDER = (120, 120, 120)
#: Options of a page of a PDF; without dates, so that the same sheet gives the same file.
PDF = {
    'resolution': 200,
    'quality': 95,
    'subsampling': 0,
    'title': 'cosmic rays',
    'creationDate': None,
    'modDate': None,
}
#: Default number of segments on a page.
PER_PAGE = {'.png': 100, '.pdf': 12}

#: Title and image, and optionally the group of images with a common stretch.
type TitledImage = tuple[str, np.ndarray | None] | tuple[str, np.ndarray | None, str]
type _Images = list[tuple[str, np.ndarray | None, str]]


# cutouts of a segment


def draw_cutouts(
    segments: Segments, label: int, images: Sequence[TitledImage], size: int | None = None, scale: int = 4
) -> np.ndarray:
    """Draw a segment in several images side by side, with its outline and the title of each image.

    Parameters
    ----------
    segments : Segments
        Segments of a frame.
    label : int
        Label of the segment.
    images : list of (str, ndarray or None) or (str, ndarray or None, str)
        Title, image and group of each image. An image is (ny, nx): bool is a mask, uint8 a mask with causes,
        as `~ginga_crplugin.figures.cutout.mask_image` returns it, and anything else pixel values. These are shown in
        gray, with the same stretch (zscale) for all images of a group. None leaves the cutout empty.
    size : int, optional
        Side of the cutouts in pixels of the frame; by default 25 to 101, depending on the segment.
    scale : int, optional
        Pixels of the figure for each pixel of the frame.

    Returns
    -------
    (h, w, 3) uint8 ndarray
        The figure; its first row is at the top, with the first row of the frame at the bottom.

    Raises
    ------
    ValueError
        If there is no such segment, no image, an image of another shape than the frame, or a size or scale below 1.
    """
    for name, value in (('size', size), ('scale', scale)):
        if value is not None:
            _check_positive_integer(name, value)
    checked = _check_images(images, segments.shape)
    pixels = _pixels_of(segments, label)
    side = cutout_size(pixels) if size is None else int(size)
    window = CutoutWindow.from_pixels(pixels, segments.shape, side)
    cutouts = [(window.extract(image), group) for _, image, group in checked]
    limits = {
        group: stretch_limits(cutout for cutout, other in cutouts if other == group)
        for group in {group for _, group in cutouts}
    }
    drawn = [window.draw(cutout, limits[group], int(scale)) for cutout, group in cutouts]
    return np.array(_compose(drawn, [title for title, _, _ in checked]))


def _check_positive_integer(name: str, value: float) -> None:
    if value != int(value) or value < 1:
        msg = f'{name} is {value}: it must be a whole number of 1 or more'
        raise ValueError(msg)


def _check_images(images: Sequence[TitledImage], shape: tuple[int, int]) -> _Images:
    """Return title, image and group of each image; raise an error if one cannot be shown."""
    checked = [(item[0], item[1], item[2] if len(item) > 2 else '') for item in images]
    if not checked:
        msg = 'images is empty: give at least one image'
        raise ValueError(msg)
    for title, image, _ in checked:
        if image is not None and image.shape != shape:
            msg = f"{title}: shape {image.shape} differs from the frame's {shape}"
            raise ValueError(msg)
    return checked


def _pixels_of(segments: Segments, label: int) -> tuple[np.ndarray, np.ndarray]:
    """Return y and x of the pixels of a segment."""
    pixels = segments.pixels[segments.pixel_labels == label]
    if len(pixels) == 0:
        known = f'the labels are 1 to {len(segments)}' if len(segments) else 'there are none'
        msg = f'no segment {label}: {known}'
        raise ValueError(msg)
    return np.divmod(pixels, segments.shape[1])


def _compose(cutouts: Sequence[Image.Image], titles: Sequence[str]) -> Image.Image:
    """Put the cutouts side by side, with their titles below."""
    cutouts = [ImageOps.expand(cutout, 1, BORDER) for cutout in cutouts]
    side = cutouts[0].width
    page = Image.new('RGB', (_total_width(len(cutouts), side), side + TITLE), PAPER)
    draw = ImageDraw.Draw(page)
    for number, (cutout, title) in enumerate(zip(cutouts, titles, strict=True)):
        left = number * (side + GAP)
        page.paste(cutout, (left, 0))
        draw.text((left + side / 2, side + TITLE / 2), truncate(title, side, TEXT), INK, load_font(TEXT), 'mm')
    return page


def _total_width(count: int, side: int) -> int:
    return count * (side + GAP) - GAP


# contact sheets


def contact_sheet(
    path: str | PathLike[str],
    segments: Segments,
    labels: str | int | Sequence[int],
    images: Sequence[TitledImage],
    *,
    columns: int = 2,
    per_page: int | None = None,
    caption: str = '',
    decisions: Mapping[int, str] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write a contact sheet: the cutouts of many segments, each with its label and measurements.

    Parameters
    ----------
    path : path-like
        A PNG or PDF file. If there are several pages, each becomes a PNG file with its number in the name:
        ``out-1.png``.
    segments : Segments
        Segments of a frame.
    labels : 'all', int or list of int
        All listed segments, that many of them, the largest first, or the segments with these labels.
    images : list of (str, ndarray or None) or (str, ndarray or None, str)
        Title, image and group of each image, as for `draw_cutouts`.
    columns : int, optional
        Number of segments side by side.
    per_page : int, optional
        Number of segments on a page; by default 12 in a PDF and 100 in a PNG.
    caption : str, optional
        A line at the top.
    decisions : dict of str, optional
        Review decisions, by label.
    overwrite : bool, optional
        Whether to overwrite existing files.

    Returns
    -------
    list of `~pathlib.Path`
        The files that were written.

    Raises
    ------
    FileExistsError
        If one of the files exists and ``overwrite`` is False.
    OSError
        If one of the files cannot be written.
    ValueError
        If there is no such segment, an image cannot be shown, or the name ends neither in .png nor in .pdf.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in PER_PAGE:
        msg = f'{path.name}: the name of a contact sheet must end in .png or .pdf'
        raise ValueError(msg)
    per_page = PER_PAGE[suffix] if per_page is None else per_page
    for name, value in (('columns', columns), ('per_page', per_page)):
        _check_positive_integer(name, value)
    checked = _check_images(images, segments.shape)
    texts = {label: _describe(segments, label, decisions or {}) for label in _select(segments, labels)}
    sheet = _Sheet(segments, checked, texts, columns, per_page, caption)
    paths = [path] if suffix == '.pdf' or sheet.pages == 1 else _number_paths(path, sheet.pages)
    _write([AtomicFile(file, overwrite=overwrite) for file in paths], sheet, suffix)
    return paths


def _select(segments: Segments, labels: str | int | Sequence[int]) -> list[int]:
    """Return the labels of the segments to show; raise an error if one does not exist."""
    if isinstance(labels, str) and labels != 'all':
        msg = f"labels is {labels!r}: it must be 'all', a number of segments, or a list of labels"
        raise ValueError(msg)
    if not isinstance(labels, str | int | np.integer):
        for label in labels:
            _pixels_of(segments, label)
        return [int(label) for label in labels]
    table = segments.listed
    order = np.argsort(-table['area'].value, kind='stable')
    if not isinstance(labels, str):
        _check_positive_integer('labels', labels)
        order = order[:labels]
    return table['label'][order].tolist()


def _number_paths(path: Path, pages: int) -> list[Path]:
    return [path.with_name(f'{path.stem}-{number}{path.suffix}') for number in range(1, pages + 1)]


def _describe(segments: Segments, label: int, decisions: Mapping[int, str]) -> str:
    """Return the label of a segment and its measurements; pixel coordinates are 1-based."""
    row = segments.table[label - 1]
    x, y = (row[name].value + 1.0 for name in ('x_centroid', 'y_centroid'))
    flux = f'{row["flux"].value:,.0f}'.replace(',', ' ')
    parts = [f'#{label}', f'x {x:.1f}  y {y:.1f}', f'{row["area"].value:.0f} px', f'{flux} e-']
    if 'hint' in row.colnames:
        parts.append(str(row['hint']))
    parts.append(decisions.get(label, ''))
    return '    '.join(part for part in parts if part)


class _Sheet:
    """The pages of a contact sheet, all of one size, each drawn when it is requested.

    Parameters
    ----------
    segments, columns, per_page, caption
        As for `contact_sheet`.
    images : list of (str, ndarray or None, str)
        Title, image and group of each image.
    texts : dict of str
        The text above the cutouts of each segment, by label.
    """

    def __init__(
        self, segments: Segments, images: _Images, texts: dict[int, str], columns: int, per_page: int, caption: str
    ) -> None:
        self._segments, self._images, self._caption = segments, images, caption
        self._cells, self._per_page = list(texts.items()), per_page
        self._columns = max(1, min(columns, per_page, len(texts)))
        masks = any(image is not None and is_mask(image) for _, image, _ in images)
        self._legend: list[tuple[str, Color]] = [entry[:2] for entry in LEGEND] if masks else []
        text_widths = [math.ceil(load_font(TEXT).getlength(text)) for text in texts.values()]
        self._cell_width = max(_total_width(len(images), PANE + 2), *text_widths, 0)
        width = self._columns * (self._cell_width + MARGIN) - MARGIN
        self._width = max(width, legend_width([text for text, _ in self._legend], TEXT)) + 2 * MARGIN
        self.pages = max(1, math.ceil(len(texts) / per_page))

    def draw_page(self, number: int) -> Image.Image:
        """Draw a page; the first one is 0."""
        rows = max(1, math.ceil(min(len(self._cells), self._per_page) / self._columns))
        row_height = LINE + PANE + 2 + TITLE + MARGIN
        height = HEAD + rows * row_height + (LINE + MARGIN if self._legend else 0)
        page = Image.new('RGB', (self._width, height), PAPER)
        draw = ImageDraw.Draw(page)
        self._draw_head(draw, number)
        for index, (label, text) in enumerate(self._cells[number * self._per_page :][: self._per_page]):
            left = MARGIN + index % self._columns * (self._cell_width + MARGIN)
            top = HEAD + index // self._columns * row_height
            draw.text((left, top + LINE / 2), text, INK, load_font(TEXT), 'lm')
            page.paste(Image.fromarray(self._draw_segment(label)), (left, top + LINE))
        draw_legend(draw, MARGIN, height - MARGIN - LINE / 2, self._legend, TEXT)
        return page

    def _draw_head(self, draw: ImageDraw.ImageDraw, number: int) -> None:
        count = f'page {number + 1} of {self.pages}' if self.pages > 1 else ''
        width = self._width - 3 * MARGIN - load_font(TEXT).getlength(count)
        draw.text((MARGIN, HEAD / 2), truncate(self._caption, width, HEADING), INK, load_font(HEADING), 'lm')
        draw.text((self._width - MARGIN, HEAD / 2), count, INK, load_font(TEXT), 'rm')
        if not self._cells:
            draw.text((MARGIN, HEAD + LINE / 2), 'no segments', INK, load_font(TEXT), 'lm')

    def _draw_segment(self, label: int) -> np.ndarray:
        """Return the cutouts of a segment, of about the same size for all segments."""
        scale = PANE // cutout_size(_pixels_of(self._segments, label))
        return draw_cutouts(self._segments, label, self._images, PANE // scale, scale)


def _write(outputs: Sequence[AtomicFile], sheet: _Sheet, suffix: str) -> None:
    """Write the pages; existing files are only replaced when all pages are complete."""
    with ExitStack() as stack:
        files = [stack.enter_context(output.writing()) for output in outputs]
        for number in range(sheet.pages):
            page = sheet.draw_page(number)
            if suffix == '.pdf':
                page.save(files[0], 'PDF', append=number > 0, **PDF)
            else:
                page.save(files[number], 'PNG')
