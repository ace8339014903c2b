import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ginga_crplugin import Detection, Frame, InputMask, LACosmicParams, MaskBit, detect, merge_mask

SHAPE = (16, 18)


def mask_at(*places):
    mask = np.zeros(SHAPE, dtype=bool)
    for place in places:
        mask[place] = True
    return mask


def detection_of(crmask, **params):
    return Detection.from_images(LACosmicParams(**params), crmask, 0.0 * crmask, ~crmask, (1,), 'test')


def test_the_values_of_the_bits():
    assert {bit.name: int(bit) for bit in MaskBit} == {
        'INPUT': 1,
        'HOT': 2,
        'BAD': 4,
        'NONFINITE': 8,
        'SATURATED': 16,
        'CR_DETECTED': 32,
        'CR_MARKED': 64,
        'CR_TAIL': 128,
        'CR_MISSION': 1024,
        'NO_DATA': 2048,
    }


def test_the_meanings_are_unique():
    meanings = [bit.meaning for bit in MaskBit]
    assert all(meanings)
    assert len(set(meanings)) == len(MaskBit)


def test_cosmic_rays_and_saturation_are_not_known_before_the_run():
    before = MaskBit.before_run()
    assert not before & (MaskBit.CR_DETECTED | MaskBit.CR_MARKED | MaskBit.SATURATED)
    assert before == MaskBit.INPUT | MaskBit.HOT | MaskBit.BAD | MaskBit.NONFINITE | MaskBit.NO_DATA


def test_causes_add_up_in_one_pixel():
    pixels = np.ones(SHAPE)
    pixels[3, 4] = 9e4
    pixels[5, 5] = np.nan
    masks = [InputMask(bit.name, bit, mask_at((3, 4), (7, 7))) for bit in (MaskBit.INPUT, MaskBit.HOT, MaskBit.BAD)]
    detection = detection_of(mask_at((3, 4), (9, 9)), satlevel=65535.0)
    merged = merge_mask(Frame(pixels, masks=masks), detection, mask_at((9, 9), (2, 2)))
    expected = np.zeros(SHAPE, dtype=np.int16)
    expected[3, 4] = 1 + 2 + 4 + 16  # also detected, but rejected in review
    expected[7, 7] = 1 + 2 + 4
    expected[5, 5] = 8
    expected[9, 9] = 32
    expected[2, 2] = 64
    assert_array_equal(merged, expected, strict=True)


def test_without_crmask_the_detected_pixels_are_merged():
    crmask = mask_at((3, 4), (9, 9))
    assert_array_equal(merge_mask(Frame(np.ones(SHAPE)), detection_of(crmask)), np.where(crmask, 32, 0))


@pytest.mark.parametrize(('gain', 'saturated'), [(1.0, False), (2.0, True)])
def test_saturation_is_tested_in_electrons(gain, saturated):
    pixels = np.full(SHAPE, 10.0)
    pixels[1, 2] = 600.0
    merged = merge_mask(Frame(pixels), detection_of(mask_at(), gain=gain, satlevel=1200.0))
    assert_array_equal(merged, np.where(mask_at((1, 2)), 16 * saturated, 0))


def test_merging_changes_neither_frame_nor_masks():
    mask, crmask = mask_at((1, 1)), mask_at((2, 2))
    frame = Frame(np.ones(SHAPE), masks=[InputMask('hot', MaskBit.HOT, mask)])
    bits = frame.bits.copy()
    merge_mask(frame, detection_of(crmask))[:] = 255
    assert_array_equal(frame.bits, bits)
    assert_array_equal(mask, mask_at((1, 1)))
    assert_array_equal(crmask, mask_at((2, 2)))


@pytest.mark.parametrize('which', ['the detection', 'crmask'])
def test_another_shape_raises_with_both_shapes(which):
    detection = detection_of(np.zeros((16, 17), dtype=bool) if which == 'the detection' else mask_at())
    with pytest.raises(ValueError, match=rf"{which}: shape \(16, 17\) differs from the frame's \(16, 18\)"):
        merge_mask(Frame(np.ones(SHAPE)), detection, np.zeros((16, 17), dtype=bool))


def test_saturation_includes_the_subtracted_sky():
    data = np.random.default_rng(0).poisson(300, (40, 40)).astype('f4')
    data[20:24, 20:24] = 59_950.0
    frame = Frame(data)
    params = LACosmicParams(satlevel=60_000.0, pssl=100.0)
    detection = detect(frame, params)
    assert not detection.searched[21, 21]
    saturated = (merge_mask(frame, detection) & np.int16(MaskBit.SATURATED)) != 0
    assert_array_equal(saturated, data == 59_950.0)
