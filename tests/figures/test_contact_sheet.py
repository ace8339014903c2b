"""Cutouts of segments, pixel by pixel, and contact sheets as PNG and PDF."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal
from PIL import Image, ImageDraw, PdfParser

from ginga_crplugin import (
    Detection,
    Frame,
    LACosmicParams,
    detect,
    merge_mask,
    read_dark,
    read_frame,
    segment,
    with_tails,
)
from ginga_crplugin.cli.main import main
from ginga_crplugin.figures.contact_sheet import (
    BORDER,
    GAP,
    HEAD,
    LINE,
    MARGIN,
    PANE,
    TEXT,
    TITLE,
    contact_sheet,
    draw_cutouts,
)
from ginga_crplugin.figures.cutout import GOOD, MAX_SIZE, STRIPES, mask_image
from ginga_crplugin.figures.style import COSMIC_RAY, INK, MARKED, MASKED, PAPER, SATURATED, load_font, zscale_limits

SHAPE = (70, 60)
#: Segments 1 to 4: two pixels, an L, a row of five, and the pixel in the upper right corner.
PAIR, ELL, ROW, CORNER = 1, 2, 3, 4
PIXELS = [(5, 5), (5, 6), (40, 30), (41, 30), (42, 30), (40, 31), *((60, x) for x in range(8, 13)), (69, 59)]


def make_detection(pixels=PIXELS, shape=SHAPE, min_size=1):
    """Return a frame of noise, a detection of pixels 1000 electrons above the cleaned frame, and its segments."""
    cleaned = np.random.default_rng(2).normal(200.0, 10.0, shape).round().astype(np.float32)
    crmask = np.zeros(shape, dtype=bool)
    crmask[tuple(np.transpose(pixels))] = True
    frame = Frame(np.where(crmask, cleaned + np.float32(1000.0), cleaned), 'frame')
    params = LACosmicParams(gain=1.0, satlevel=50000.0)
    detection = Detection.from_images(params, crmask, cleaned, np.ones(shape, dtype=bool), (len(pixels),), 'none')
    return frame, detection, segment(frame, detection, min_size)


@pytest.fixture(scope='module')
def made():
    return make_detection()


def get_cutouts(picture, count, side):
    """Return the cutouts in a figure without their borders, ``side`` pixels of the figure wide."""
    assert picture.dtype == np.uint8
    assert picture.shape == (side + 2 + TITLE, count * (side + 2 + GAP) - GAP, 3)
    lefts = [number * (side + 2 + GAP) for number in range(count)]
    for left in lefts:
        box = picture[: side + 2, left : left + side + 2]
        for line in (box[0], box[-1], box[:, 0], box[:, -1]):
            assert (line == BORDER).all()
    return [picture[1 : side + 1, left + 1 : left + side + 1] for left in lefts]


def has_color(picture, color):
    return (picture == color).all(axis=2)


def is_striped(picture):
    return has_color(picture, STRIPES[0]) | has_color(picture, STRIPES[1])


def centers(cutout, scale):
    """Return one pixel of the figure for each pixel of the frame, away from the outline, with row 0 first."""
    return cutout[::-1][scale // 2 :: scale, scale // 2 :: scale]


# cutouts of a segment


def test_the_outline_of_one_pixel():
    frame, _, segments = make_detection([(40, 30)])
    (cutout,) = get_cutouts(draw_cutouts(segments, 1, [('science', frame.ccd.data)], size=5, scale=4), 1, 20)
    expected = np.zeros((20, 20), dtype=bool)
    expected[7, 8:12] = expected[12, 8:12] = expected[8:12, 7] = expected[8:12, 12] = True
    assert_array_equal(has_color(cutout, COSMIC_RAY), expected)


def test_the_outline_of_a_segment_has_row_0_at_the_bottom(made):
    frame, _, segments = made
    (cutout,) = get_cutouts(draw_cutouts(segments, ELL, [('science', frame.ccd.data)], size=5, scale=3), 1, 15)
    # its box is 2 x 3 pixels, the cutout columns 28 to 32 and rows 39 to 43; row 43 is drawn on top
    own = np.zeros((5, 5), dtype=bool)
    own[[1, 2, 3, 3], [2, 2, 2, 3]] = True
    inside = own.repeat(3, axis=0).repeat(3, axis=1)
    neighbors = np.zeros_like(inside)
    for y, x in np.argwhere(inside):
        for row, column in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            neighbors[row, column] = True
    assert_array_equal(has_color(cutout, COSMIC_RAY), neighbors & ~inside)
    assert (cutout[inside] > 240).all()  # all of its pixels are far above the sky


def test_the_first_row_of_the_frame_is_at_the_bottom(made):
    _, _, segments = made
    ramp = np.add.outer(np.arange(70.0), np.zeros(60)) + np.arange(60) / 100.0
    (cutout,) = get_cutouts(draw_cutouts(segments, ELL, [('ramp', ramp)], size=25, scale=4), 1, 100)
    gray = centers(cutout, 4)[..., 0].astype(int)
    assert (np.diff(gray, axis=0) > 0).all()
    assert (np.diff(gray, axis=1) >= 0).all()


def test_the_pixels_are_stretched_by_zscale_of_the_cutout(made):
    frame, _, segments = made
    (cutout,) = get_cutouts(draw_cutouts(segments, ELL, [('science', frame.ccd.data)]), 1, 100)
    part = frame.ccd.data[29:54, 18:43].astype(float)
    low, high = zscale_limits(part)
    assert high < 1000.0
    gray = (255 * np.clip((part - low) / (high - low), 0, 1)).astype(np.uint8)
    assert_array_equal(centers(cutout, 4), np.repeat(gray[..., np.newaxis], 3, axis=2))


def test_images_of_a_group_share_their_stretch(made):
    frame, detection, segments = made
    dark = np.random.default_rng(3).normal(4.0, 1.0, SHAPE)
    images = [('science', frame.ccd.data), ('dark', dark, 'dark'), ('cleaned', detection.cleaned)]
    science, faint, cleaned = (
        centers(cutout, 4) for cutout in get_cutouts(draw_cutouts(segments, ELL, images), 3, 100)
    )
    other = (science != cleaned).any(axis=2)
    assert np.count_nonzero(other) == 4
    assert_array_equal(np.argwhere(other) + (29, 18), [(40, 30), (40, 31), (41, 30), (42, 30)])
    images[1] = ('dark', dark * 1024, 'dark')
    assert_array_equal(
        draw_cutouts(segments, ELL, images), draw_cutouts(segments, ELL, [images[0], ('dark', dark, 'dark'), images[2]])
    )
    images[1] = ('dark', dark)
    together = [centers(cutout, 4) for cutout in get_cutouts(draw_cutouts(segments, ELL, images), 3, 100)]
    assert together[1].max() <= 1  # black compared with a sky of 200
    assert len(np.unique(faint)) > 100
    images = [('science', frame.ccd.data, 'one'), ('cleaned', detection.cleaned, 'two')]
    alone = get_cutouts(draw_cutouts(segments, ELL, images[1:]), 1, 100)[0]
    assert_array_equal(get_cutouts(draw_cutouts(segments, ELL, images), 2, 100)[1], alone)
    assert (centers(get_cutouts(draw_cutouts(segments, ELL, images), 2, 100)[1], 4) != cleaned).any()


def test_pixels_outside_the_frame_are_striped(made):
    frame, detection, segments = made
    images = [
        ('science', frame.ccd.data),
        ('mask', merged_image(frame, detection)),
        ('mask', detection.crmask),
    ]
    off = np.ones((25, 25), dtype=bool)
    off[12:, :13] = False  # columns 47 to 59 and rows 57 to 69; the segment is the uppermost and rightmost pixel
    off = off.repeat(4, axis=0).repeat(4, axis=1)
    for cutout, color in zip(
        get_cutouts(draw_cutouts(segments, CORNER, images), 3, 100), (COSMIC_RAY, INK, INK), strict=True
    ):
        assert_array_equal(is_striped(cutout) | has_color(cutout, color) & off, off)
        assert np.count_nonzero(has_color(cutout, color)) == 16
        assert all(np.count_nonzero(has_color(cutout, stripe)) > 1000 for stripe in STRIPES)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, 1e31, -3e38])
def test_nonfinite_pixels_are_striped(made, value):
    frame, _, segments = made
    data = frame.ccd.data.copy()
    data[50, 40] = value
    (cutout,) = get_cutouts(draw_cutouts(segments, ELL, [('science', data)]), 1, 100)
    expected = np.zeros((25, 25), dtype=bool)
    expected[53 - 50, 40 - 18] = True
    assert_array_equal(is_striped(cutout), expected.repeat(4, axis=0).repeat(4, axis=1))


def test_a_missing_image_is_striped(made):
    frame, _, segments = made
    cutout, science = get_cutouts(draw_cutouts(segments, ELL, [('dark', None), ('science', frame.ccd.data)]), 2, 100)
    assert_array_equal(is_striped(cutout), ~has_color(science, COSMIC_RAY))
    assert_array_equal(science, get_cutouts(draw_cutouts(segments, ELL, [('science', frame.ccd.data)]), 1, 100)[0])


COLORS = {
    0: (GOOD, GOOD, GOOD),
    1: MASKED,
    2: MASKED,
    4: MASKED,
    8: MASKED,
    15: MASKED,
    16: SATURATED,
    16 | 2: MASKED,
    32: COSMIC_RAY,
    32 | 16 | 4: COSMIC_RAY,
    64: MARKED,
    64 | 1: MARKED,
    1024: COSMIC_RAY,
    2048: MASKED,
}


@pytest.mark.parametrize('bits', COLORS)
def test_the_colors_of_the_bits(made, bits):
    _, _, segments = made
    plane = np.zeros(SHAPE, dtype=np.int16)
    plane[50, 40] = bits
    (cutout,) = get_cutouts(draw_cutouts(segments, ELL, [('mask', mask_image(plane))]), 1, 100)
    expected = np.full((25, 25, 3), GOOD)
    expected[50 - 29, 40 - 18] = COLORS[bits]
    assert_array_equal(centers(cutout, 4), expected)


def test_a_plain_mask_is_blue_and_its_outline_dark(made):
    frame, detection, segments = made
    images = [('mask', detection.crmask), ('science', frame.ccd.data)]
    mask, science = get_cutouts(draw_cutouts(segments, ELL, images, size=9), 2, 36)
    alone = get_cutouts(draw_cutouts(segments, ELL, images[1:], size=9), 1, 36)[0]
    assert_array_equal(science, alone)  # the mask does not change the stretch
    assert np.count_nonzero(has_color(mask, MASKED)) == 4 * 16
    assert_array_equal(has_color(mask, INK), has_color(science, COSMIC_RAY))
    assert not has_color(mask, COSMIC_RAY).any()


def test_titles_are_below_the_cutouts(made):
    frame, _, segments = made
    images = [
        ('science', frame.ccd.data),
        ('', frame.ccd.data),
        ('a very long name of a combined dark', frame.ccd.data),
    ]
    below = draw_cutouts(segments, ELL, images)[102:]
    written = [(below[:, left : left + 102] != PAPER).any(axis=2) for left in (0, 108, 216)]
    assert [part.any() for part in written] == [True, False, True]
    columns = np.flatnonzero(written[0].any(axis=0))
    assert abs(columns[0] - (101 - columns[-1])) <= 2  # centered
    assert (below[:, 102:108] == PAPER).all()
    assert (below[:, 210:216] == PAPER).all()
    assert np.count_nonzero(written[2].any(axis=0)) > 60
    for part in written:  # nothing is cut off above or below
        assert not part[[0, -1]].any()


def test_the_size_depends_on_the_segment():
    rows = [[(10, x) for x in range(150, 150 + length)] for length in (13, 14, 60, 89, 95, 150)]
    for pixels, side in zip(rows, (25, 27, 73, 101, 101, 101), strict=True):
        frame, _, segments = make_detection(pixels, (60, 400))
        assert draw_cutouts(segments, 1, [('science', frame.ccd.data)], scale=1).shape[1] == side + 2


def test_part_of_a_ring_larger_than_the_window_is_shown():
    y, x = np.indices((300, 300))
    frame, _, segments = make_detection(np.argwhere(np.abs(np.hypot(y - 150, x - 150) - 120) < 1), (300, 300))
    assert len(segments) == 1
    (cutout,) = get_cutouts(draw_cutouts(segments, 1, [('science', frame.ccd.data)]), 1, 4 * MAX_SIZE)
    assert np.count_nonzero(has_color(cutout, COSMIC_RAY)) > 100


@pytest.mark.parametrize('size', [1, 2, 5, 24, 200])
@pytest.mark.parametrize('scale', [1, 3])
def test_any_size_and_scale(made, size, scale):
    frame, detection, segments = made
    for label in range(1, len(segments) + 1):
        images = [('science', frame.ccd.data), ('mask', merged_image(frame, detection))]
        get_cutouts(draw_cutouts(segments, label, images, size=size, scale=scale), 2, size * scale)


@pytest.mark.parametrize('dtype', ['>f4', '>i2', 'u2', 'i4', 'i8', 'f8'])
def test_pixels_of_any_kind(made, dtype):
    frame, _, segments = made
    whole = np.round(frame.ccd.data)
    assert_array_equal(
        draw_cutouts(segments, ELL, [('science', whole.astype(dtype))]),
        draw_cutouts(segments, ELL, [('science', whole)]),
    )


@pytest.mark.parametrize('level', [0.0, -5.0, 1e30, np.nan])
def test_a_constant_image(made, level):
    _, _, segments = made
    for size in (1, 2, 25):
        draw_cutouts(segments, ELL, [('flat', np.full(SHAPE, level))], size=size)


def test_the_images_are_not_changed(made):
    frame, detection, segments = made
    plane = merged_image(frame, detection)
    before = [frame.ccd.data.copy(), plane.copy()]
    draw_cutouts(segments, CORNER, [('science', frame.ccd.data), ('mask', plane)])[:] = 0
    assert_array_equal(frame.ccd.data, before[0])
    assert_array_equal(plane, before[1])


@pytest.mark.parametrize(
    ('label', 'images', 'options', 'message'),
    [
        (0, [('a', np.ones(SHAPE))], {}, 'no segment 0: the labels are 1 to 4'),
        (5, [('a', np.ones(SHAPE))], {}, 'no segment 5'),
        (1, [], {}, 'images is empty: give at least one image'),
        (1, [('dark', np.ones((4, 4)))], {}, r"dark: shape \(4, 4\) differs from the frame's \(70, 60\)"),
        (1, [('a', np.ones(SHAPE))], {'size': 0}, 'size is 0'),
        (1, [('a', np.ones(SHAPE))], {'scale': 1.5}, 'scale is 1.5'),
    ],
)
def test_cutouts_with_invalid_arguments(made, label, images, options, message):
    with pytest.raises(ValueError, match=message):
        draw_cutouts(made[2], label, images, **options)


# contact sheets


def opened(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert('RGB'))


def merged_image(frame, detection):
    return mask_image(merge_mask(frame, detection))


def images_of(frame, detection):
    return [
        ('mask', merged_image(frame, detection)),
        ('science', frame.ccd.data),
        ('cleaned', detection.cleaned),
    ]


def cell(page, number, columns=2, images=3):
    """Return the text and the cutouts of a segment on a page."""
    width, height = images * (PANE + 2 + GAP) - GAP, LINE + PANE + 2 + TITLE
    left = MARGIN + number % columns * (width + MARGIN)
    top = HEAD + number // columns * (height + MARGIN)
    part = page[top : top + height, left : left + width]
    return part[:LINE], part[LINE:]


def draw_text(text, width):
    line = Image.new('RGB', (width, LINE), PAPER)
    ImageDraw.Draw(line).text((0, LINE / 2), text, INK, load_font(TEXT), 'lm')
    return np.asarray(line)


def assert_shown(part, segments, label, images):
    """Assert that the cutouts are shown; a segment of less than 13 pixels has 25 x 25 pixels at a scale of 8."""
    expected = draw_cutouts(segments, label, images, size=25, scale=8)
    assert_array_equal(part[: expected.shape[0], : expected.shape[1]], expected)


def test_all_segments_are_shown_the_largest_first(made, tmp_path):
    frame, detection, segments = made
    images = images_of(frame, detection)
    assert contact_sheet(tmp_path / 'out.png', segments, 'all', images) == [tmp_path / 'out.png']
    page = opened(tmp_path / 'out.png')
    for index, label in enumerate((ROW, ELL, PAIR, CORNER)):
        assert_shown(cell(page, index)[1], segments, label, images)
    assert page.shape[0] < HEAD + 3 * (LINE + PANE + TITLE + MARGIN)


def test_all_means_all_listed_segments(tmp_path):
    frame, detection, segments = make_detection(min_size=3)
    contact_sheet(tmp_path / 'out.png', segments, 'all', images_of(frame, detection), columns=1)
    page = opened(tmp_path / 'out.png')
    for index, label in enumerate((ROW, ELL)):
        assert_shown(cell(page, index, columns=1)[1], segments, label, images_of(frame, detection))
    assert page.shape[0] < HEAD + 3 * (LINE + PANE + TITLE + MARGIN)


@pytest.mark.parametrize(
    ('labels', 'expected'), [(1, [ROW]), (np.int64(2), [ROW, ELL]), ([4, 2], [4, 2]), (9, [3, 2, 1, 4])]
)
def test_the_largest_segments_or_given_labels(made, tmp_path, labels, expected):
    frame, detection, segments = made
    images = images_of(frame, detection)
    contact_sheet(tmp_path / 'out.png', segments, labels, images, columns=9)
    page = opened(tmp_path / 'out.png')
    for index, label in enumerate(expected):
        assert_shown(cell(page, index, columns=9)[1], segments, label, images)
    assert page.shape[1] == 2 * MARGIN + len(expected) * (3 * (PANE + 2 + GAP) - GAP + MARGIN) - MARGIN


def test_the_text_above_the_cutouts(made, tmp_path):
    frame, detection, segments = made
    table = segments.table.copy()
    table['hint'] = ['', 'hot pixel', '', '']
    hinted = replace(segments, table=table)
    for given, decisions, text in (
        (segments, None, '#2    x 31.2  y 41.8    4 px    4 000 e-'),
        (hinted, {ELL: 'rejected', ROW: 'keep'}, '#2    x 31.2  y 41.8    4 px    4 000 e-    hot pixel    rejected'),
        (hinted, {ROW: 'keep'}, '#2    x 31.2  y 41.8    4 px    4 000 e-    hot pixel'),
    ):
        contact_sheet(
            tmp_path / 'o.png', given, [ELL], images_of(frame, detection), decisions=decisions, overwrite=True
        )
        shown = cell(opened(tmp_path / 'o.png'), 0)[0]
        assert_array_equal(shown, draw_text(text, shown.shape[1]))


def test_a_long_text_above_a_single_image_is_not_cut_off(made, tmp_path):
    segments = made[2]
    decisions = {ELL: 'rejected: the core of a star, with a text much longer than the cutout'}
    contact_sheet(tmp_path / 'out.png', segments, [ELL], [('a', merged_image(*made[:2]))], decisions=decisions)
    page = opened(tmp_path / 'out.png')
    assert page.shape[1] > PANE + 2 * MARGIN
    for edge in (page[:, :MARGIN], page[:, 1 - MARGIN :], page[:4], page[-4:]):
        assert (edge == PAPER).all()


def test_the_legend_explains_the_colors_of_masks(made, tmp_path):
    frame, detection, segments = made
    for images, there in (
        ([('mask', merged_image(frame, detection))], True),
        ([('a', frame.ccd.data)], False),
    ):
        contact_sheet(tmp_path / 'out.png', segments, [CORNER], images, overwrite=True)
        foot = opened(tmp_path / 'out.png')[HEAD + LINE + PANE + 2 + TITLE :]
        for color in (SATURATED, MASKED, COSMIC_RAY, MARKED):
            assert has_color(foot, color).any() == there


def test_the_caption_fits_on_the_page(made, tmp_path):
    frame, _, segments = made
    heads = []
    for caption in ('', 'frame.fits', 'frame.fits ' * 40):
        images = [('a', frame.ccd.data)]
        contact_sheet(tmp_path / 'o.png', segments, [ELL], images, caption=caption, overwrite=True)
        heads.append(opened(tmp_path / 'o.png')[:HEAD])
    dark = [(head != PAPER).any(axis=2) for head in heads]
    assert [part.any() for part in dark] == [False, True, True]
    assert not dark[2][:, : MARGIN - 1].any()
    assert not dark[2][:, -MARGIN:].any()


@pytest.mark.parametrize('suffix', ['.png', '.pdf'])
def test_a_sheet_without_segments(tmp_path, suffix):
    frame, detection, segments = make_detection(min_size=9)
    written = contact_sheet(tmp_path / f'out{suffix}', segments, 'all', images_of(frame, detection))
    assert written == [tmp_path / f'out{suffix}']
    if suffix == '.png':
        assert has_color(opened(written[0]), INK).any()
    else:
        assert pages_of(written[0]) == 1


def pages_of(path):
    with PdfParser.PdfParser(str(path)) as pdf:
        return len(pdf.pages)


@pytest.mark.parametrize(('per_page', 'pages'), [(1, 4), (2, 2), (3, 2), (4, 1), (None, 1)])
def test_the_pages_of_a_pdf(made, tmp_path, per_page, pages):
    frame, detection, segments = made
    path = tmp_path / 'out.PDF'
    assert contact_sheet(path, segments, 'all', images_of(frame, detection), per_page=per_page) == [path]
    assert pages_of(path) == pages
    assert path.read_bytes().startswith(b'%PDF')
    assert [file.name for file in tmp_path.iterdir()] == ['out.PDF']


def test_a_page_of_a_pdf_has_twelve_segments(tmp_path):
    frame, detection, segments = make_detection([(10, 2 * n) for n in range(25)])
    contact_sheet(tmp_path / 'out.pdf', segments, 'all', images_of(frame, detection))
    assert pages_of(tmp_path / 'out.pdf') == 3


@pytest.mark.parametrize(
    ('per_page', 'names'),
    [(4, ['a.b.png']), (3, ['a.b-1.png', 'a.b-2.png']), (1, [f'a.b-{n}.png' for n in range(1, 5)])],
)
def test_the_pages_of_a_png(made, tmp_path, per_page, names):
    frame, detection, segments = made
    images = images_of(frame, detection)
    paths = contact_sheet(tmp_path / 'a.b.png', segments, 'all', images, columns=1, per_page=per_page)
    assert [path.name for path in paths] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    order = (ROW, ELL, PAIR, CORNER)
    for number, path in enumerate(paths):
        for index, label in enumerate(order[number * per_page : (number + 1) * per_page]):
            assert_shown(cell(opened(path), index, columns=1)[1], segments, label, images)
    assert len({opened(path).shape for path in paths}) == 1


@pytest.mark.parametrize('suffix', ['.png', '.pdf'])
def test_the_same_sheet_gives_the_same_file(made, tmp_path, suffix, monkeypatch):
    frame, detection, segments = made
    for name in ('one', 'two'):
        contact_sheet(tmp_path / (name + suffix), segments, 'all', images_of(frame, detection))
        monkeypatch.setattr('time.gmtime', lambda *args: time.struct_time((1999, 1, 1, 0, 0, 0, 4, 1, 0)))
    assert (tmp_path / f'one{suffix}').read_bytes() == (tmp_path / f'two{suffix}').read_bytes()


@pytest.mark.parametrize(
    ('name', 'taken', 'per_page'), [('o.png', 'o.png', 9), ('o.png', 'o-2.png', 2), ('o.pdf', 'o.pdf', 2)]
)
def test_existing_files_are_not_overwritten_by_default(made, tmp_path, name, taken, per_page):
    frame, detection, segments = made
    (tmp_path / taken).write_text('mine')
    args = (tmp_path / name, segments, 'all', images_of(frame, detection))
    with pytest.raises(FileExistsError, match=f'{taken} already exists'):
        contact_sheet(*args, per_page=per_page)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {taken: 'mine'}
    assert tmp_path / taken in contact_sheet(*args, per_page=per_page, overwrite=True)
    assert (tmp_path / taken).read_bytes()[:4] in (b'\x89PNG', b'%PDF')


@pytest.mark.parametrize('name', ['o.png', 'o.pdf'])
def test_a_failed_write_leaves_the_files_unchanged(made, tmp_path, name, monkeypatch):
    frame, detection, segments = made
    args = (tmp_path / name, segments, 'all', images_of(frame, detection))
    contact_sheet(*args, per_page=9)
    before = (tmp_path / name).read_bytes()
    save, saved = Image.Image.save, []

    def full(self, *args, **options):
        if saved:
            raise OSError(28, 'No space left on device')
        saved.append(save(self, *args, **options))

    monkeypatch.setattr(Image.Image, 'save', full)
    with pytest.raises(OSError, match=r'o.* cannot be written: No space left on device'):
        contact_sheet(*args, per_page=1, overwrite=True)
    assert saved == [None]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {name: before}


def test_a_missing_folder(made, tmp_path):
    with pytest.raises(OSError, match='cannot be written: No such file'):
        contact_sheet(tmp_path / 'no' / 'o.png', made[2], 'all', images_of(*made[:2]))


@pytest.mark.parametrize(
    ('name', 'labels', 'options', 'message'),
    [
        ('o.jpg', 'all', {}, 'must end in .png or .pdf'),
        ('png', 'all', {}, 'must end in .png or .pdf'),
        ('o.png', 'some', {}, "labels is 'some'"),
        ('o.png', 0, {}, 'labels is 0'),
        ('o.png', [1, 0], {}, 'no segment 0'),
        ('o.png', [5], {}, 'no segment 5'),
        ('o.png', 'all', {'columns': 0}, 'columns is 0'),
        ('o.png', 'all', {'per_page': -1}, 'per_page is -1'),
    ],
)
def test_sheets_with_invalid_arguments(made, tmp_path, name, labels, options, message):
    with pytest.raises(ValueError, match=message):
        contact_sheet(tmp_path / name, made[2], labels, images_of(*made[:2]), **options)
    assert list(tmp_path.iterdir()) == []


# the command


@pytest.fixture
def files(tmp_path):
    """A frame with three tracks and a hot pixel, its dark, and a mask."""
    image = np.random.default_rng(5).normal(200.0, 15.0, (64, 64)).astype(np.float32)
    image[[30, 31, 32], [20, 21, 22]] = image[45, 40:44] = image[10, 50:52] = 3000.0
    image[50, 10] = 5000.0
    dark = np.random.default_rng(6).normal(5.0, 1.0, (64, 64)).astype(np.float32)
    dark[50, 10] = 900.0
    header = fits.Header({'BUNIT': 'adu', 'GAIN': 1.5, 'RDNOISE': 10.0})
    fits.PrimaryHDU(image, header).writeto(tmp_path / 'frame.fits')
    fits.PrimaryHDU(dark).writeto(tmp_path / 'dark.fits')
    return tmp_path


def sheet(capsys, *args):
    """Run ``sheet`` in this process."""
    assert main(['sheet', *map(str, args)]) == 0
    printed = capsys.readouterr()
    assert printed.err == ''
    return printed.out.splitlines()


def test_the_command_draws_the_dark_too(files, capsys):
    out = files / 'out.png'
    dark = files / 'dark.fits'
    lines = sheet(capsys, files / 'frame.fits', '--dark', dark, '--dark-limit', 30, '-o', out, '--min-size', 1)
    assert lines == [f'written: {out}']
    frame = read_frame(files / 'frame.fits')
    frame = frame.replace(masks=(read_dark(dark, 30.0),))
    detection = with_tails(frame, detect(frame, frame.parameters()[0]))
    segments = segment(frame, detection, 1)
    assert len(segments) == 3
    images = images_of(frame, detection)
    images.insert(2, ('dark', fits.getdata(dark), 'dark'))
    found = f'{detection.pixels} px by L.A.Cosmic, {len(detection.tails.indices)} px in tails'
    caption = f'frame.fits [0]: {found}, in 3 segments (3 of 1 px or more)'
    contact_sheet(files / 'expected.png', segments, 'all', images, caption=caption)
    assert out.read_bytes() == (files / 'expected.png').read_bytes()
    assert has_color(opened(out), MASKED).any()


def test_a_dark_is_shown_without_a_limit(files, capsys):
    for name, args in (('one', []), ('two', ['--dark', files / 'dark.fits'])):
        sheet(capsys, files / 'frame.fits', '-o', files / f'{name}.png', *args)
    one, two = opened(files / 'one.png'), opened(files / 'two.png')
    assert two.shape[1] - one.shape[1] == 2 * (PANE + 2 + GAP)
    assert np.count_nonzero(has_color(two, MASKED)) == np.count_nonzero(has_color(one, MASKED))  # in the legend only


@pytest.mark.parametrize(
    ('args', 'labels'), [([], [3, 2, 1]), (['--largest', '1'], [3]), (['--labels', '1,3'], [1, 3])]
)
def test_the_command_selects_segments(files, args, labels, capsys):
    frame = read_frame(files / 'frame.fits')
    params = frame.parameters({'sigclip': 6.0})[0]
    detection = detect(frame, params)
    segments = segment(frame, detection)
    assert segments.table['area'].value.tolist() == [3, 4, 5, 1]
    sheet(capsys, files / 'frame.fits', '-o', files / 'o.png', '--sigclip', 6, *args)
    page = opened(files / 'o.png')
    for index, label in enumerate(labels):
        assert_shown(cell(page, index)[1], segments, label, images_of(frame, detection))
    assert page.shape[1] == 2 * MARGIN + min(2, len(labels)) * (3 * (PANE + 2 + GAP) - GAP + MARGIN) - MARGIN


def test_the_command_writes_pdf(files, capsys):
    assert sheet(capsys, files / 'frame.fits', '-o', files / 'o.pdf') == [f'written: {files / "o.pdf"}']
    assert pages_of(files / 'o.pdf') == 1


def test_the_command_shows_nan_as_unknown(files, capsys):
    with fits.open(files / 'frame.fits', mode='update') as hdus:
        hdus[0].data[30, 25] = np.nan
    sheet(capsys, files / 'frame.fits', '-o', files / 'o.png', '--labels', '2')
    assert is_striped(opened(files / 'o.png')).any()


@pytest.mark.parametrize(
    'args',
    [
        [],
        ['-o', 'o.jpg'],
        ['-o', 'o.png', '--largest', '0'],
        ['-o', 'o.png', '--labels', '0'],
        ['-o', 'o.png', '--labels', '1;2'],
        ['-o', 'o.png', '--labels', '1', '--largest', '1'],
        ['-o', 'o.png', '--dark-limit', '30'],
        ['-o', 'o.png', '--into'],
    ],
)
def test_wrong_usage_of_the_command(files, args, capsys, monkeypatch):
    monkeypatch.chdir(files)
    with pytest.raises(SystemExit) as ended:
        main(['sheet', 'frame.fits', *args])
    assert ended.value.code == 2
    assert capsys.readouterr().out == ''
    assert sorted(path.name for path in files.iterdir()) == ['dark.fits', 'frame.fits']


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (['-o', 'mine.png'], 'mine.png already exists; choose another name with -o, or use --overwrite'),
        (['-o', 'o.png', '--labels', '77'], 'no segment 77'),
        (['-o', 'no/o.png'], 'no: no such folder'),
        (
            ['-o', 'o.png', '--dark', 'small.fits'],
            "dark: shape (32, 32) differs from the frame's (64, 64)",
        ),
        (['-o', 'o.png', '--gain', '-1'], 'gain is -1'),
    ],
)
def test_the_command_reports_errors(files, args, message, capsys, monkeypatch):
    monkeypatch.chdir(files)
    Path('mine.png').write_text('mine')
    fits.writeto('small.fits', np.ones((32, 32), dtype=np.uint8))
    assert main(['sheet', 'frame.fits', *args]) == 1
    printed = capsys.readouterr()
    assert printed.out == ''
    assert printed.err.count('\n') == 1
    assert message in printed.err
    assert sorted(path.name for path in files.iterdir()) == ['dark.fits', 'frame.fits', 'mine.png', 'small.fits']
    assert Path('mine.png').read_text() == 'mine'


def test_the_command_overwrites_on_request(files, capsys):
    (files / 'o.png').write_text('mine')
    sheet(capsys, files / 'frame.fits', '-o', files / 'o.png', '--overwrite')
    assert opened(files / 'o.png').ndim == 3
