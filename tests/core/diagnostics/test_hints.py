"""The hints: scenes whose cause is known, and the measurements of photutils as the reference."""

from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_allclose, assert_array_equal
from photutils.segmentation import SourceCatalog

from ginga_crplugin import (
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


def hinted(pixels, flagged, masks=(), dark=None, searched=None, params=PARAMS):
    """The hint of each segment of the flagged pixels, (y, x) each; cleaned to the sky."""
    crmask = np.zeros(pixels.shape, dtype=bool)
    for place in flagged:
        crmask[place] = True
    if searched is None:
        searched = np.zeros(pixels.shape, dtype=bool)
        searched[3:-3, 3:-3] = True
    cleaned = np.where(crmask, SKY, pixels)
    frame = Frame(pixels, masks=masks)
    detection = SimpleNamespace(crmask=crmask, cleaned=cleaned, params=params, searched=searched)
    segments = segment(frame, detection)
    return with_hints(frame, detection, segments, dark)


def names(segments):
    return [str(name) for name in segments.table['hint']]


def gaussian(pixels, x, y, peak, fwhm):
    rows, columns = np.indices(pixels.shape)
    pixels += peak * np.exp(-4.0 * np.log(2.0) * ((columns - x) ** 2 + (rows - y) ** 2) / fwhm**2)


TRACK = [(50, 60), (51, 61), (52, 62), (53, 63)]


def tracked(pixels=None):
    pixels = sky() if pixels is None else pixels
    for place in TRACK:
        pixels[place] += 800.0
    return pixels


# one scene for each


def test_a_track_has_no_hint():
    assert names(hinted(tracked(), TRACK)) == ['']


@pytest.mark.parametrize('place', [(100, 100), (101, 99), (98, 102), (103, 103)])
def test_beside_a_negative_pixel(place):
    pixels = sky()
    pixels[100, 100] = -2500.0
    assert names(hinted(pixels, [place])) == ['negative core']


def test_a_track_beside_a_negative_pixel_is_one_all_the_same():
    pixels = tracked()
    pixels[50, 63] = -50.0
    assert names(hinted(pixels, TRACK)) == ['']


def test_a_hot_pixel_in_the_dark():
    pixels, dark = sky(), np.random.default_rng(2).normal(5.0, 1.0, SHAPE)
    pixels[80, 80] += 500.0
    assert names(hinted(pixels, [(80, 80)])) == ['']
    assert names(hinted(pixels, [(80, 80)], dark=dark)) == ['']
    dark[80, 80] = 600.0
    assert names(hinted(pixels, [(80, 80)], dark=dark)) == ['hot pixel']
    dark[80, 80] = 20.0  # warm, but not enough to leave so much
    assert names(hinted(pixels, [(80, 80)], dark=dark)) == ['']
    dark[80, 80] = np.nan
    assert names(hinted(pixels, [(80, 80)], dark=dark)) == ['hot pixel']


def test_a_track_over_a_hot_pixel_is_one_all_the_same():
    pixels, dark = tracked(), np.random.default_rng(2).normal(5.0, 1.0, SHAPE)
    dark[TRACK[0]] = 60.0
    assert names(hinted(pixels, TRACK, dark=dark)) == ['']


def test_many_single_pixels_are_hot_without_a_dark():
    pixels, rng = sky(), np.random.default_rng(3)
    places = [(int(y), int(x)) for y, x in zip(np.arange(10, 190, 9), rng.permutation(20) * 10 + 10, strict=True)]
    for place in places:
        pixels[place] += 900.0
    assert names(hinted(pixels, places)) == ['hot pixel'] * len(places)
    assert names(hinted(pixels, places[:9])) == [''] * 9


def test_a_bad_column_and_row():
    pixels = tracked()
    pixels[20:150, 30] += 100.0
    pixels[170, :] -= 90.0
    places = [(y, 30) for y in range(20, 150, 2)] + [(169, x) for x in range(10, 190)]
    segments = hinted(pixels, places + TRACK)
    assert names(segments).count('bad column or row') == len(segments) - 1
    assert names(segments)[int(segments.labels[TRACK[0]]) - 1] == ''


def test_a_straight_line_along_a_row():
    pixels = sky()
    pixels[90, 40:80] += 300.0
    assert names(hinted(pixels, [(90, x) for x in range(40, 80)])) == ['bad column or row']
    pixels = sky()
    pixels[90, 40:50] += 300.0
    assert names(hinted(pixels, [(90, x) for x in range(40, 50)])) == ['']


@pytest.mark.parametrize('fwhm', [1.5, 2.0, 3.0])
@pytest.mark.parametrize('shift', [(0.0, 0.0), (0.4, -0.3)])
def test_the_core_of_a_star(fwhm, shift):
    pixels = sky()
    gaussian(pixels, 120 + shift[0], 90 + shift[1], 5000.0, fwhm)
    assert names(hinted(pixels, [(90, 120)])) == ['star-like']


def test_saturated():
    pixels = sky()
    pixels[60:63, 60:63] = 40000.0
    assert names(hinted(pixels, [(60, 63)])) == ['saturated']
    searched = np.ones(SHAPE, dtype=bool)
    searched[100:110, 100:110] = False  # what the engine leaves out around a saturated star
    pixels[99, 105] += 900.0
    assert names(hinted(pixels, [(99, 105)], searched=searched)) == ['saturated']


@pytest.mark.parametrize(('place', 'expected'), [((3, 50), 'at the edge'), ((196, 50), 'at the edge'), ((5, 50), '')])
def test_at_the_edge(place, expected):
    pixels = sky()
    pixels[place] += 900.0
    assert names(hinted(pixels, [place])) == [expected]
    assert names(hinted(pixels, [place], params=LACosmicParams(gain=GAIN, search_edges=True))) == ['']


def test_touching_a_mask():
    bad = np.zeros(SHAPE, dtype=bool)
    bad[50, 62] = True  # two pixels from the track, for the engine grows masks by one
    masks = (InputMask('m', MaskBit.BAD, bad),)
    assert names(hinted(tracked(), TRACK, masks)) == ['touches a mask']
    bad[50, 62], bad[50, 66] = False, True
    assert names(hinted(tracked(), TRACK, masks)) == ['']


def test_a_better_hint_goes_before_touching_a_mask():
    pixels = sky()
    gaussian(pixels, 120, 90, 5000.0, 2.0)
    bad = np.zeros(SHAPE, dtype=bool)
    bad[90, 122] = True
    assert names(hinted(pixels, [(90, 120)], (InputMask('m', MaskBit.BAD, bad),))) == ['star-like']
    assert list(HINTS)[-1] == 'touches a mask'


# what goes with them


def test_the_shape_is_that_of_photutils(saao):
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
    pixels = tracked(np.full(SHAPE, SKY))
    row = hinted(pixels, TRACK).table[0]
    assert row['snr'] == pytest.approx(800.0 * GAIN / np.sqrt(SKY * GAIN + READNOISE**2))
    assert row['orientation'].to_value('deg') == pytest.approx(45.0)


def test_reasons_are_given_in_words():
    segments = hinted(tracked(), TRACK)
    assert explain_hint(segments.table[0]) == ''
    pixels = sky()
    pixels[3, 50] += 900.0
    assert explain_hint(hinted(pixels, [(3, 50)]).table[0]).startswith('reaches the outermost searched pixels')


def test_nothing_found_gives_empty_columns_of_the_same_kind():
    empty, full = hinted(sky(), []), hinted(tracked(), TRACK)
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


def test_a_dark_of_another_shape_is_refused():
    with pytest.raises(
        ValueError, match=r'shape \(3, 4\) of the dark differs from the shape \(200, 220\) of the frame'
    ):
        hinted(tracked(), TRACK, dark=np.zeros((3, 4)))


# the real frames


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
