import numpy as np
import pytest
from astropy.nddata import InverseVariance, StdDevUncertainty, UnknownUncertainty, VarianceUncertainty
from numpy.testing import assert_allclose, assert_array_equal

from ginga_crplugin import Frame, InputMask, LACosmicParams, MaskBit, detect, merge_mask, segment, with_tails
from ginga_crplugin.core.lacosmic.detection import Detection
from ginga_crplugin.core.repair.repair import repair
from ginga_crplugin.core.repair_names import REPAIRS
from ginga_crplugin.demo.simulation import simulate

SHAPE = 40, 50
Y, X = np.mgrid[:40, :50].astype(float)
HERE = [name for name in REPAIRS if name != 'exposure']


def found_in(image, mask, values=None, cleantype='meanmask'):
    """Return a detection of a mask in an image."""
    cleaned = np.where(mask, 0.0 if values is None else values, image)
    params = LACosmicParams(cleantype=cleantype)
    return Detection.from_images(params, mask, cleaned, ~mask, (int(mask.sum()),), 'test')


def box(rows, columns):
    mask = np.zeros(SHAPE, bool)
    mask[rows, columns] = True
    return mask


TRACK = box(slice(20, 22), slice(10, 17))
NOTHING = np.zeros(SHAPE, bool)


@pytest.mark.parametrize('name', HERE)
def test_a_level_sky_is_restored(name):
    image = np.full(SHAPE, 100.0)
    image[TRACK] = 5000.0
    cleaned = repair(Frame(image), found_in(image, NOTHING), pixels=np.flatnonzero(TRACK), method=name).cleaned
    assert_allclose(cleaned, 100.0)


@pytest.mark.parametrize(
    ('name', 'image'),
    [
        ('x', 3.0 * X + 50.0 * (Y % 7)),
        ('y', 3.0 * Y + 50.0 * (X % 7)),
        ('surface', 0.3 * X * X - 0.2 * X * Y + Y),
        ('exposure', 50.0 * (X % 7) + 20.0 * (Y % 5)),
    ],
)
def test_each_repair_restores_what_it_assumes(name, image):
    hit = np.where(TRACK, 9000.0, image)
    other = 40.0 + image
    found = found_in(hit, NOTHING)
    cleaned = repair(Frame(hit), found, pixels=np.flatnonzero(TRACK), method=name, exposure=other).cleaned
    assert_allclose(cleaned, image, atol=1e-6)
    alike = repair(Frame(hit), found, pixels=np.flatnonzero(TRACK), method='median').cleaned
    assert np.abs(alike - image).max() > 1.0


def test_another_exposure_is_scaled():
    rng = np.random.default_rng(7)
    stars = np.where(rng.random(SHAPE) < 0.05, 4000.0, 0.0)
    image = 100.0 + stars + rng.normal(0.0, 1.0, SHAPE)
    hit = np.where(TRACK, 9000.0, image)
    other = 30.0 + 0.5 * stars + rng.normal(0.0, 0.5, SHAPE)
    cleaned = repair(
        Frame(hit), found_in(hit, NOTHING), pixels=np.flatnonzero(TRACK), method='exposure', exposure=other
    ).cleaned
    assert np.abs(cleaned - image)[TRACK].max() < 8.0


def test_maskfill_gives_what_the_package_gives():
    package = pytest.importorskip('maskfill')
    image = np.random.default_rng(8).normal(100.0, 3.0, SHAPE)
    mask = TRACK | box(slice(0, 3), slice(0, 2)) | box(slice(38, 40), slice(47, 50))
    cleaned = repair(Frame(image), found_in(image, NOTHING), pixels=np.flatnonzero(mask), method='maskfill').cleaned
    assert_array_equal(cleaned, package.maskfill(image, mask)[0])


def test_maskfill_fills_inwards_and_smooths():
    image, mask = np.full(SHAPE, 100.0), box(slice(21, 24), slice(11, 14))
    image[20:25, 10:15] = [[1, 2, 3, 4, 5], [6, 0, 0, 0, 7], [8, 0, 0, 0, 9], [10, 0, 0, 0, 11], [12, 13, 14, 15, 16]]
    cleaned = repair(Frame(image), found_in(image, NOTHING), pixels=np.flatnonzero(mask), method='maskfill').cleaned
    medians = np.array([[3, 3, 5], [8, 8.5, 9], [12, 14, 14]])
    assert cleaned[22, 12] == medians.mean()
    assert cleaned[21, 11] == (1 + 2 + 3 + 6 + 8 + medians[:2, :2].sum()) / 9


@pytest.mark.parametrize('cleantype', ['meanmask', 'medmask', 'idw'])
def test_pixels_without_a_value_of_lacosmic_are_filled_by_its_rule(cleantype):
    image = np.random.default_rng(9).normal(100.0, 3.0, (64, 64)).astype(np.float32)
    image[30:32, 20:26] += 2000.0
    frame = Frame(image)
    found = detect(frame, LACosmicParams(cleantype=cleantype, gain=1.0, readnoise=3.0))
    assert found.pixels
    replaced = repair(
        frame, found_in(image, np.zeros((64, 64), bool), cleantype=cleantype), pixels=np.flatnonzero(found.crmask)
    ).cleaned
    assert_allclose(replaced, found.cleaned, rtol=2e-6)


def test_detected_pixels_have_the_values_of_lacosmic():
    image = np.random.default_rng(10).normal(100.0, 3.0, SHAPE)
    found = found_in(image, TRACK, values=77.0)
    assert_array_equal(repair(Frame(image), found).cleaned, found.cleaned, strict=True)
    wings = TRACK | box(19, slice(10, 17))
    cleaned = repair(Frame(image), found, pixels=np.flatnonzero(wings)).cleaned
    assert (cleaned[TRACK] == 77.0).all()
    assert (cleaned[19, 10:17] != image[19, 10:17]).all()


def test_tails_are_replaced():
    frame = Frame(simulate((256, 256)).ccd)
    plain = detect(frame)
    found = with_tails(frame, plain)
    assert len(found.tail_indices)
    for name in HERE:
        changed = repair(frame, found, segment(frame, found), method=name).cleaned != frame.ccd.data
        assert changed.ravel()[found.tail_indices].mean() > 0.9
        assert not (changed & (merge_mask(frame, found) & MaskBit.cosmic_rays() == 0)).any()
    assert_array_equal(repair(frame, found).cleaned[plain.crmask], plain.cleaned[plain.crmask])


def test_rejected_pixels_keep_their_values():
    image = np.random.default_rng(11).normal(100.0, 3.0, SHAPE)
    found = found_in(image, TRACK, values=77.0)
    assert_array_equal(repair(Frame(image), found, pixels=np.flatnonzero(NOTHING)).cleaned, image)


@pytest.mark.parametrize('name', HERE)
def test_masked_saturated_and_flagged_pixels_are_not_used(name):
    image = np.full(SHAPE, 100.0)
    bad = box(slice(18, 24), 12) | box(19, slice(10, 17))
    image[bad], image[TRACK] = -9999.0, 5000.0
    image[22, 10:17] = 70000.0
    frame = Frame(image, masks=(InputMask('column', MaskBit.BAD, bad),))
    found = found_in(image, NOTHING)
    found = Detection(**(vars(found) | {'params': LACosmicParams(satlevel=60000.0)}))
    cleaned = repair(frame, found, pixels=np.flatnonzero(TRACK), method=name).cleaned
    assert_allclose(cleaned[TRACK], 100.0)


@pytest.mark.parametrize('name', HERE)
def test_wide_blobs_and_edges_are_filled_with_finite_values(name):
    image = np.random.default_rng(12).normal(100.0, 3.0, SHAPE)
    image[5, 5] = np.nan
    blob = box(slice(0, 30), slice(0, 30)) | box(39, slice(0, 50)) | box(slice(0, 40), 49)
    image[blob & np.isfinite(image)] = 5000.0
    cleaned = repair(Frame(image), found_in(image, NOTHING), pixels=np.flatnonzero(blob), method=name).cleaned
    assert np.abs(cleaned[blob] - 100.0).max() < 20.0


@pytest.mark.parametrize('name', HERE)
def test_a_frame_without_good_pixels_is_filled_with_finite_values(name):
    image = np.full(SHAPE, 7.0)
    everywhere = np.ones(SHAPE, bool)
    assert np.isfinite(
        repair(Frame(image), found_in(image, NOTHING), pixels=np.flatnonzero(everywhere), method=name).cleaned
    ).all()


def test_each_segment_has_its_own_repair():
    image = 3.0 * X + 50.0 * (Y % 7)
    other = box(slice(30, 32), slice(30, 36))
    hit = np.where(TRACK | other, 9000.0, image)
    frame, found = Frame(hit), found_in(hit, TRACK | other, values=1.0)
    segments = segment(frame, found)
    segments.table['repair'] = ['x', 'detected']
    wings = box(22, slice(10, 17)) | box(32, slice(30, 36))
    mask = TRACK | other | wings | box(5, slice(5, 9))
    cleaned = repair(frame, found, segments, np.flatnonzero(mask)).cleaned
    assert_allclose(cleaned[TRACK], image[TRACK])
    assert_allclose(cleaned[22, 10:17], image[22, 10:17])  # connected with the first segment
    assert (cleaned[other] == 1.0).all()
    alone = repair(frame, found, segments, np.flatnonzero(mask), method='x').cleaned
    assert_allclose(alone[5, 5:9], image[5, 5:9])
    assert (alone[32, 30:36] == cleaned[32, 30:36]).all()


@pytest.mark.parametrize('name', REPAIRS)
def test_pixels_of_the_cleaned_image_are_computed_alone(name):
    rng = np.random.default_rng(13)
    image = rng.normal(100.0, 3.0, SHAPE).astype(np.float32)
    mask = rng.random(SHAPE) < 0.15
    made = repair(
        Frame(image), found_in(image, TRACK, values=3.0), pixels=np.flatnonzero(mask), method=name, exposure=image[::-1]
    )
    part = np.arange(600, 1500).reshape(30, 30)
    assert_array_equal(made.cleaned_at(part), made.cleaned.ravel()[part], strict=True)


def test_what_cannot_be_is_refused():
    image = np.full(SHAPE, 100.0)
    frame, found = Frame(image), found_in(image, TRACK)
    with pytest.raises(ValueError, match="repair is 'z': it must be one of detected, x, y"):
        repair(frame, found, method='z')
    with pytest.raises(ValueError, match="repair is 'exposure', but there is no other exposure"):
        repair(frame, found, method='exposure')
    with pytest.raises(ValueError, match=r"shape \(40, 49\) differs from the frame's \(40, 50\)"):
        repair(frame, found, method='exposure', exposure=image[:, 1:])


# the uncertainty


@pytest.mark.parametrize(
    ('kind', 'of_sigma'),
    [
        (StdDevUncertainty, lambda sigma: sigma),
        (VarianceUncertainty, lambda sigma: sigma**2),
        (InverseVariance, lambda sigma: sigma**-2.0),
    ],
)
def test_the_scatter_around_is_added_to_the_uncertainty_of_replaced_pixels(kind, of_sigma):
    image = np.random.default_rng(14).normal(100.0, 4.0, SHAPE)
    own = kind(of_sigma(np.full(SHAPE, 3.0)).astype(np.float32))
    frame = Frame(image, uncertainty_source=own)
    inflated = repair(frame, found_in(image, TRACK)).uncertainty
    assert type(inflated) is kind
    assert inflated.array.dtype == np.float32
    assert_array_equal(inflated.array[~TRACK], own.array[~TRACK])
    sigma = np.sqrt(inflated.represent_as(VarianceUncertainty).array)[TRACK]
    assert abs(np.median(sigma) - 5.0) < 1.0
    assert sigma.min() > 3.0
    assert_array_equal(frame.uncertainty.array, of_sigma(np.full(SHAPE, 3.0)).astype(np.float32))


def test_an_uncertainty_of_unknown_type_and_none_stay():
    image = np.full(SHAPE, 100.0)
    unknown = UnknownUncertainty(np.full(SHAPE, 3.0))
    assert_array_equal(repair(Frame(image, uncertainty_source=unknown), found_in(image, TRACK)).uncertainty.array, 3.0)
    assert repair(Frame(image), found_in(image, TRACK)).uncertainty is None


def test_an_inverse_variance_of_zero_stays_zero():
    image = np.random.default_rng(15).normal(100.0, 4.0, SHAPE)
    frame = Frame(image, uncertainty_source=InverseVariance(np.zeros(SHAPE)))
    assert_array_equal(repair(frame, found_in(image, TRACK)).uncertainty.array, 0.0)
