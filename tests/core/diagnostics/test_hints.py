"""Hints: scenes with known causes, and shapes compared with photutils."""

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_allclose, assert_array_equal
from photutils.segmentation import SourceCatalog

from ginga_crplugin import (
    Detection,
    Frame,
    InputMask,
    LACosmicParams,
    MaskBit,
    detect,
    read_dark,
    read_frame,
    save_mask,
    segment,
    with_hints,
)
from ginga_crplugin.core.diagnostics.hints import HINTS, compute_hints, explain_hint

SHAPE = (200, 220)
GAIN, READNOISE, SKY = 2.0, 6.0, 100.0
NOISE = np.sqrt(SKY * GAIN + READNOISE**2) / GAIN
PARAMS = LACosmicParams(gain=GAIN, readnoise=READNOISE)


def sky(seed=1):
    return np.random.default_rng(seed).normal(SKY, NOISE, SHAPE)


def make_hints(pixels, flagged, masks=(), dark=None, searched=None, params=PARAMS):
    """Return segments of the flagged pixels, (y, x) each, with hints; the cleaned pixels are those of the sky."""
    crmask = np.zeros(pixels.shape, dtype=bool)
    for place in flagged:
        crmask[place] = True
    if searched is None:
        searched = np.zeros(pixels.shape, dtype=bool)
        searched[3:-3, 3:-3] = True
    cleaned = np.where(crmask, SKY, pixels)
    frame = Frame(pixels, masks=masks)
    detection = Detection.from_images(params, crmask, cleaned, searched, (1,), 'test')
    segments = segment(frame, detection)
    return with_hints(frame, detection, segments, dark)


def names(segments):
    return [str(name) for name in segments.table['hint']]


def add_gaussian(pixels, x, y, peak, fwhm):
    rows, columns = np.indices(pixels.shape)
    pixels += peak * np.exp(-4.0 * np.log(2.0) * ((columns - x) ** 2 + (rows - y) ** 2) / fwhm**2)


TRACK = [(50, 60), (51, 61), (52, 62), (53, 63)]


def add_track(pixels=None):
    pixels = sky() if pixels is None else pixels
    for place in TRACK:
        pixels[place] += 800.0
    return pixels


# one scene for each hint


def test_a_track_has_no_hint():
    assert names(make_hints(add_track(), TRACK)) == ['']


@pytest.mark.parametrize('place', [(100, 100), (101, 99), (98, 102), (103, 103)])
def test_next_to_a_negative_pixel(place):
    pixels = sky()
    pixels[100, 100] = -2500.0
    assert names(make_hints(pixels, [place])) == ['negative core']


def test_a_track_next_to_a_negative_pixel_has_no_hint():
    pixels = add_track()
    pixels[50, 63] = -50.0
    assert names(make_hints(pixels, TRACK)) == ['']


def test_a_hot_pixel_in_the_dark():
    pixels, dark = sky(), np.random.default_rng(2).normal(5.0, 1.0, SHAPE)
    pixels[80, 80] += 500.0
    assert names(make_hints(pixels, [(80, 80)])) == ['']
    assert names(make_hints(pixels, [(80, 80)], dark=dark)) == ['']
    dark[80, 80] = 600.0
    assert names(make_hints(pixels, [(80, 80)], dark=dark)) == ['hot pixel']
    dark[80, 80] = 20.0  # warm, but not enough to explain the peak
    assert names(make_hints(pixels, [(80, 80)], dark=dark)) == ['']
    dark[80, 80] = np.nan
    assert names(make_hints(pixels, [(80, 80)], dark=dark)) == ['hot pixel']


def test_a_track_across_a_hot_pixel_has_no_hint():
    pixels, dark = add_track(), np.random.default_rng(2).normal(5.0, 1.0, SHAPE)
    dark[TRACK[0]] = 60.0
    assert names(make_hints(pixels, TRACK, dark=dark)) == ['']


def test_many_single_pixels_are_hot_without_a_dark():
    pixels, rng = sky(), np.random.default_rng(3)
    places = [(int(y), int(x)) for y, x in zip(np.arange(10, 190, 9), rng.permutation(20) * 10 + 10, strict=True)]
    for place in places:
        pixels[place] += 900.0
    assert names(make_hints(pixels, places)) == ['hot pixel'] * len(places)
    assert names(make_hints(pixels, places[:9])) == [''] * 9


def test_a_bad_column_and_row():
    pixels = add_track()
    pixels[20:150, 30] += 100.0
    pixels[170, :] -= 90.0
    places = [(y, 30) for y in range(20, 150, 2)] + [(169, x) for x in range(10, 190)]
    segments = make_hints(pixels, places + TRACK)
    assert names(segments).count('bad column or row') == len(segments) - 1
    assert names(segments)[int(segments.labels[TRACK[0]]) - 1] == ''


def test_a_straight_line_along_a_row():
    pixels = sky()
    pixels[90, 40:80] += 300.0
    assert names(make_hints(pixels, [(90, x) for x in range(40, 80)])) == ['bad column or row']
    pixels = sky()
    pixels[90, 40:50] += 300.0
    assert names(make_hints(pixels, [(90, x) for x in range(40, 50)])) == ['']


@pytest.mark.parametrize('fwhm', [1.5, 2.0, 3.0])
@pytest.mark.parametrize('shift', [(0.0, 0.0), (0.4, -0.3)])
def test_the_core_of_a_star(fwhm, shift):
    pixels = sky()
    add_gaussian(pixels, 120 + shift[0], 90 + shift[1], 5000.0, fwhm)
    assert names(make_hints(pixels, [(90, 120)])) == ['star-like']


def test_saturated():
    pixels = sky()
    pixels[60:63, 60:63] = 40000.0
    assert names(make_hints(pixels, [(60, 63)], params=LACosmicParams(gain=GAIN, satlevel=65535.0))) == ['saturated']
    searched = np.ones(SHAPE, dtype=bool)
    searched[100:110, 100:110] = False  # excluded from the search around a saturated star
    pixels[99, 105] += 900.0
    assert names(make_hints(pixels, [(99, 105)], searched=searched)) == ['saturated']


@pytest.mark.parametrize(('place', 'expected'), [((3, 50), 'at the edge'), ((196, 50), 'at the edge'), ((5, 50), '')])
def test_at_the_edge(place, expected):
    pixels = sky()
    pixels[place] += 900.0
    assert names(make_hints(pixels, [place])) == [expected]
    assert names(make_hints(pixels, [place], params=LACosmicParams(gain=GAIN, search_edges=True))) == ['']


def test_touching_a_mask():
    bad = np.zeros(SHAPE, dtype=bool)
    bad[50, 62] = True  # two pixels from the track, since the engine grows masks by one
    masks = (InputMask('m', MaskBit.BAD, bad),)
    assert names(make_hints(add_track(), TRACK, masks)) == ['touches a mask']
    bad[50, 62], bad[50, 66] = False, True
    assert names(make_hints(add_track(), TRACK, masks)) == ['']


def test_touching_a_mask_has_the_lowest_priority():
    pixels = sky()
    add_gaussian(pixels, 120, 90, 5000.0, 2.0)
    bad = np.zeros(SHAPE, dtype=bool)
    bad[90, 122] = True
    assert names(make_hints(pixels, [(90, 120)], (InputMask('m', MaskBit.BAD, bad),))) == ['star-like']
    assert list(HINTS)[-1] == 'touches a mask'


# measurements


def test_shapes_equal_photutils(saao):
    found = detect(saao)
    segments = segment(saao, found)
    table = with_hints(saao, found, segments).table
    excess = (saao.ccd.data.astype(float) - found.cleaned) * found.params.gain
    catalog = SourceCatalog(excess, segments.image)
    assert_allclose(table['elongation'], catalog.elongation.value, rtol=1e-6)
    assert_allclose(table['width'].value, 2.0 * np.sqrt(2.0 * np.log(2.0)) * catalog.semiminor_axis.value, rtol=1e-6)
    long = table['elongation'] > 1.05
    difference = (table['orientation'] - catalog.orientation).to_value('deg')[long]
    assert_allclose((difference + 90.0) % 180.0 - 90.0, 0.0, atol=1e-6)


def test_the_signal_to_noise_is_that_of_the_peak():
    pixels = add_track(np.full(SHAPE, SKY))
    row = make_hints(pixels, TRACK).table[0]
    assert row['snr'] == pytest.approx(800.0 * GAIN / np.sqrt(SKY * GAIN + READNOISE**2))
    assert row['orientation'].to_value('deg') == pytest.approx(45.0)


def test_hints_are_explained():
    segments = make_hints(add_track(), TRACK)
    assert explain_hint(segments.table[0]) == ''
    pixels = sky()
    pixels[3, 50] += 900.0
    assert explain_hint(make_hints(pixels, [(3, 50)]).table[0]).startswith('reaches the outermost searched pixels')


def test_empty_columns_have_the_same_types():
    empty, full = make_hints(sky(), []), make_hints(add_track(), TRACK)
    assert len(empty) == 0
    for name in full.table.colnames:
        assert empty.table[name].dtype.kind == full.table[name].dtype.kind
        assert empty.table[name].unit == full.table[name].unit


def test_hints_change_nothing_else(saao):
    found = detect(saao)
    before = found.crmask.copy()
    segments = segment(saao, found)
    columns = list(segments.table.colnames)
    named = with_hints(saao, found, segments)
    assert segments.table.colnames == columns
    assert named.table.colnames == [*columns, 'snr', 'width', 'elongation', 'orientation', 'hint']
    assert_array_equal(named.labels, segments.labels)
    assert_array_equal(found.crmask, before)
    assert list(compute_hints(saao, found, segments)) == named.table.colnames[-5:]


def test_the_table_is_saved_with_its_hints(saao, tmp_path):
    found = detect(saao)
    segments = with_hints(saao, found, segment(saao, found))
    saved = fits.getdata(save_mask(saao, found, segments, tmp_path / 'mask.fits'), 'CRSEG')
    assert_array_equal(saved['hint'], np.asarray(segments.table['hint']))
    assert_allclose(saved['snr'], segments.table['snr'])


def test_dark_of_another_shape():
    with pytest.raises(ValueError, match=r"the dark: shape \(3, 4\) differs from the frame's \(200, 220\)"):
        make_hints(add_track(), TRACK, dark=np.zeros((3, 4)))


# real frames


def test_the_hot_pixels_of_the_feder_frame(data):
    frame = read_frame(data / 'feder_kelt16b_S001-R001-C084-r.fit.gz')
    dark = data / 'feder_kelt16b_combined_dark_90.000.fit.gz'
    params = frame.parameters({'gain': 1.5, 'readnoise': 10.0})[0]
    found = detect(frame, params)
    assert found.pixels == 33
    assert read_dark(dark, 30).mask[found.crmask].all()
    segments = segment(frame, found)
    for image in (None, fits.getdata(dark)):
        assert set(names(with_hints(frame, found, segments, image))) == {'hot pixel'}


def test_the_cosmic_rays_of_the_saao_frame_have_no_hint(saao):
    found = detect(saao)
    assert set(names(with_hints(saao, found, segment(saao, found)))) == {''}
