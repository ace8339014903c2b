"""Recipes: sources of values, rules, checks and masks; YAML text and files."""

from dataclasses import fields, replace

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ginga_crplugin import (
    Frame,
    InputMask,
    LACosmicParams,
    MaskBit,
    Recipe,
    detect,
    read_dark,
    read_frame,
    read_mask,
    repair,
)
from ginga_crplugin.core.diagnostics.check import CHECKS
from ginga_crplugin.core.input_mask import MaskSource
from ginga_crplugin.core.params import FromHeader
from ginga_crplugin.recipe.format import format_recipe, save_recipe
from ginga_crplugin.recipe.parse import load_recipe, parse_recipe
from ginga_crplugin.recipe.prepare import FailedCheckError
from ginga_crplugin.recipe.rule import Rule
from ginga_crplugin.recipe.run import run_recipe


def frame_with(seed=1, unit='adu', **cards):
    data = np.random.default_rng(seed).poisson(300, (40, 50)).astype(np.float32)
    data[20, 10:14] += 2000
    return Frame(CCDData(data, unit=unit, header=fits.Header(cards)), 'frame')


@pytest.fixture
def dark(tmp_path):
    pixels = np.full((40, 50), 5.0, np.float32)
    pixels[7, 9] = 900.0
    path = tmp_path / 'dark.fits'
    fits.writeto(path, pixels)
    return path


@pytest.fixture
def column(tmp_path):
    pixels = np.zeros((40, 50), np.uint8)
    pixels[:, 30] = 1
    path = tmp_path / 'column.fits'
    fits.writeto(path, pixels)
    return path


# sources of values


@pytest.mark.parametrize(
    ('entry', 'cards', 'value', 'source'),
    [
        (2.0, {'GAIN': 3.0}, 2.0, 'recipe'),
        (FromHeader(), {'GAIN': 3.0}, 3.0, 'GAIN in the header'),
        (FromHeader(2.0), {'GAIN': 3.0}, 3.0, 'GAIN in the header'),
        (FromHeader(2.0), {}, 2.0, 'recipe, not in the header'),
        (None, {'GAIN': 3.0}, 3.0, 'GAIN in the header'),
        (None, {}, 1.0, 'default'),
    ],
)
def test_a_recipe_overrides_the_header_and_the_user_overrides_it(entry, cards, value, source):
    frame = frame_with(**cards)
    recipe = Recipe({} if entry is None else {'gain': entry})
    prepared = recipe.prepare(frame)
    assert (prepared.params.gain, prepared.sources['gain']) == (value, source)
    changed = recipe.prepare(frame, {'gain': 7.0})
    assert (changed.params.gain, changed.sources['gain']) == (7.0, 'user')


def test_a_missing_required_card_is_an_error():
    with pytest.raises(
        ValueError, match='frame: the recipe reads readnoise from the header, which has none; set readnoise'
    ):
        Recipe({'readnoise': FromHeader()}).prepare(frame_with(GAIN=2.0))


@pytest.mark.parametrize(
    ('gain', 'cards', 'saturation'),
    [(3.0, {}, 3000.0), (FromHeader(3.0), {}, 3000.0), (FromHeader(3.0), {'GAIN': 2.0}, 2000.0)],
)
def test_a_saturation_in_adu_is_converted_with_the_gain_of_the_run(gain, cards, saturation):
    recipe = Recipe({'gain': gain, 'satlevel': FromHeader()})
    assert recipe.prepare(frame_with(SATURATE=1000.0, **cards)).params.satlevel == saturation


# the recipe of a frame


def test_the_recipe_of_a_run_reproduces_it(dark, column):
    frame = frame_with(GAIN=1.5).replace(masks=(read_dark(dark, 30), read_mask(column, MaskBit.BAD)))
    params, sources = frame.parameters({'sigclip': 6.0})
    recipe = Recipe.from_frame(frame, params, sources, min_size=2)
    assert recipe.parameters['sigclip'] == 6.0
    assert recipe.parameters['gain'] == FromHeader()
    assert recipe.parameters['readnoise'] == FromHeader(6.5)
    prepared = recipe.prepare(frame.replace(masks=()))
    assert prepared.params == params
    assert_array_equal(prepared.frame.bits, frame.bits)
    assert_array_equal(detect(prepared.frame, prepared.params).crmask, detect(frame, params).crmask)
    other = recipe.prepare(frame_with(seed=2, GAIN=2.5, RDNOISE=4.0))
    assert (other.params.gain, other.params.readnoise, other.params.sigclip) == (2.5, 4.0, 6.0)


def test_a_recipe_made_from_a_run_keeps_the_settings_of_its_base(dark):
    first = Recipe(
        {'sigclip': 7.0, 'gain': FromHeader(2.0), 'readnoise': 4.0},
        (MaskSource(dark, None, MaskBit.HOT, 30.0),),
        stop=('sky',),
        cleaned=True,
    )
    prepared = first.prepare(frame_with())
    again = Recipe.from_frame(prepared.frame, prepared.params, prepared.sources, first)
    assert (again.stop, again.cleaned) == (('sky',), True)
    assert {name: again.parameters[name] for name in first.parameters} == first.parameters
    assert again.masks[0].datasum != ''


def test_the_repair_is_part_of_a_recipe(tmp_path):
    recipe = Recipe(cleaned=True, repair='x')
    assert parse_recipe(format_recipe(recipe)) == recipe
    assert Recipe(repair='detected').checksum == Recipe().checksum != recipe.checksum
    with pytest.raises(ValueError, match="repair is 'z': it must be one of detected"):
        Recipe(repair='z')
    with pytest.raises(ValueError, match=r"line 2: repair is 'z'"):
        parse_recipe('recipe: 1\noutput: {repair: z}')
    found = run_recipe(recipe.prepare(frame_with()))
    out = found.save(tmp_path / 'out.fits')
    expected = repair(found.prepared.frame, found.detection, method='x').cleaned
    assert_array_equal(fits.getdata(out, 'CLEANED'), expected)
    assert fits.getheader(out, 'MASK')['CRREPAIR'] == 'x'
    assert read_frame(out).saved.repair == 'x'


def test_masks_of_the_frames_own_file_are_not_listed(tmp_path):
    path = tmp_path / 'own.fits'
    data = np.zeros((40, 50), np.uint8)
    data[3, 4] = 1
    sky = fits.PrimaryHDU(frame_with().ccd.data)
    fits.HDUList([sky, fits.ImageHDU(data, name='MASK')]).writeto(path)
    frame = read_frame(path)
    recipe = Recipe.from_frame(frame, *frame.parameters())
    assert recipe.masks == ()
    assert recipe.prepare(frame).frame.bits[3, 4] == MaskBit.INPUT
    assert not replace(recipe, own_masks=False).prepare(frame).frame.bits.any()


def test_masks_without_file_and_images_of_one_frame_are_refused():
    frame = frame_with()
    params, sources = frame.parameters()
    mask = InputMask.from_data('mine', MaskBit.BAD, np.ones(frame.shape, bool))
    with pytest.raises(ValueError, match='mask mine was not read from a file'):
        Recipe.from_frame(frame.replace(masks=(mask,)), params, sources)
    with pytest.raises(
        ValueError, match='background is an image of this frame, which a recipe cannot contain: remove it first'
    ):
        Recipe.from_frame(frame.replace(background=np.zeros(frame.shape)), params, sources)


def test_a_unit_that_differs_from_the_header_is_kept():
    frame = frame_with(unit='electron', BUNIT='furlong')
    assert Recipe.from_frame(frame, *frame.parameters()).unit == 'electron'
    frame = frame_with(unit='electron', BUNIT='e-')
    assert Recipe.from_frame(frame, *frame.parameters()).unit is None


# rules, checks, masks


def test_the_first_matching_rule_is_used(column):
    rules = (
        Rule({'INSTRUME': 'red', 'XBINNING': (1, 2)}, 'red', {'readnoise': 4.0}, stop=('sky',)),
        Rule({'INSTRUME': 'RED'}, 'red too', {'readnoise': 5.0}, masks=(MaskSource(column),)),
    )
    recipe = Recipe({'sigclip': 6.0, 'readnoise': 9.0}, rules=rules, remedy=('overscan',))
    for cards, name, noise, masked in (
        ({'INSTRUME': 'Red ', 'XBINNING': 2}, 'red', 4.0, 0),
        ({'INSTRUME': 'red', 'XBINNING': 4}, 'red too', 5.0, 40),
        ({'INSTRUME': 'blue', 'XBINNING': 2}, '', 9.0, 0),
        ({}, '', 9.0, 0),
    ):
        prepared = recipe.prepare(frame_with(**cards))
        assert (prepared.rule, prepared.params.readnoise, prepared.params.sigclip) == (name, noise, 6.0)
        assert np.count_nonzero(prepared.frame.bits) == masked
    own = recipe.for_header({'INSTRUME': 'red', 'XBINNING': 1})
    assert (own.stop, own.remedy, own.rules) == (('sky',), ('overscan',), ())


def test_a_check_under_stop_excludes_the_frame():
    data = np.random.default_rng(1).normal(0.0, 30.0, (64, 64)).astype(np.float32)  # subtracted sky
    frame = Frame(CCDData(data, unit='electron'), 'flat')
    assert Recipe(stop=('bias',)).prepare(frame)
    with pytest.raises(FailedCheckError, match='flat is not processed: sky: level'):
        Recipe(stop=('bias', 'sky')).prepare(frame)


def test_a_remedy_masks_outliers():
    data = np.random.default_rng(1).poisson(300, (128, 128)).astype(np.float32)
    data[:, 40] -= 250.0
    frame = Frame(CCDData(data, unit='electron'), 'column')
    assert not Recipe().prepare(frame).frame.bits.any()
    prepared = Recipe(remedy=('bad_pixels',)).prepare(frame)
    assert prepared.frame.bits[:, 40].all()
    assert next(c for c in prepared.checks if c.name == 'bad_pixels').mark == 'ok'
    made = Recipe.from_frame(prepared.frame, prepared.params, prepared.sources)
    assert (made.remedy, made.masks) == (('bad_pixels',), ())


def test_a_modified_mask_file_is_refused(dark):
    mask = read_dark(dark, 30)
    recipe = Recipe(masks=(mask.origin,))
    assert recipe.prepare(frame_with()).frame.bits[7, 9] == MaskBit.HOT
    fits.writeto(dark, np.full((40, 50), 6.0, np.float32), overwrite=True)
    with pytest.raises(ValueError, match=f'dark.fits was modified: the DATASUM of its pixels is .*{mask.datasum}'):
        recipe.prepare(frame_with())
    assert not Recipe(masks=(replace(mask.origin, datasum=''),)).prepare(frame_with()).frame.bits.any()


def test_a_mask_with_the_extension_of_the_frame(tmp_path):
    path = tmp_path / 'masks.fits'
    planes = [np.zeros((40, 50), np.uint8) for _ in range(2)]
    planes[0][1, 1] = planes[1][2, 2] = 1
    fits.HDUList([fits.PrimaryHDU(), *map(fits.ImageHDU, planes)]).writeto(path)
    recipe = Recipe(masks=(MaskSource(path, 'same', MaskBit.BAD),))
    for ext in (1, 2):
        bits = recipe.prepare(frame_with().replace(ext=ext)).frame.bits
        assert np.flatnonzero(bits).tolist() == [ext * 51]


# text


def full_recipe(folder):
    return Recipe(
        {item.name: item.default for item in fields(LACosmicParams)}
        | {'gain': FromHeader(), 'satlevel': FromHeader(9e4)},
        (
            MaskSource(folder / 'a b.fits', ('MASK', 2), MaskBit.BAD, None, '123'),
            MaskSource(folder / 'sub' / 'dark: 1.fits', 'same', MaskBit.HOT, 30.5),
            MaskSource(folder / 'c.fits'),
        ),
        own_masks=False,
        unit='electron',
        stop=('sky', 'noise'),
        remedy=('overscan',),
        min_size=5,
        grow=2,
        kind='mask',
        cleaned=True,
        dq_bits=(1, 256),
        dq='jwst',
        rules=(
            Rule({'INSTRUME': 'no', 'XBINNING': (1, 2), 'FILTER': "r'"}, 'a: b', {'readnoise': 4.5}),
            Rule(
                {'OBJECT': '12'}, 'twelve', {}, (MaskSource(folder / 'd.fits', 3, MaskBit.INPUT),), (), ('bad_pixels',)
            ),
        ),
    )


def test_formatted_text_is_parsed_to_the_same_recipe(tmp_path):
    recipe = full_recipe(tmp_path)
    text = format_recipe(recipe, tmp_path)
    assert str(tmp_path) not in text
    assert parse_recipe(text, tmp_path) == recipe
    assert parse_recipe(format_recipe(recipe), tmp_path / 'elsewhere') == recipe
    for item in fields(LACosmicParams):
        assert f'  {item.name}: ' in text


def test_an_infinite_saturation_is_written(tmp_path):
    recipe = Recipe({'satlevel': float('inf')})
    assert parse_recipe(format_recipe(recipe)) == recipe
    recipe = Recipe({'satlevel': FromHeader(float('inf'))})
    assert parse_recipe(format_recipe(recipe)) == recipe


def test_omitted_entries_have_their_defaults():
    assert parse_recipe('recipe: 1') == Recipe()
    assert parse_recipe('recipe: 1\nmasks:\nrules: []\nparameters:\nchecks: {stop: }') == Recipe()
    assert parse_recipe('recipe: 1\nparameters: {sigclip: 7, satlevel: 1e5}') == Recipe(
        {'sigclip': 7.0, 'satlevel': 1e5}
    )


@pytest.mark.parametrize(
    ('text', 'line', 'reason'),
    [
        ('recipe: 2', 1, '"recipe: 1" is missing'),
        ('unit: adu', 1, '"recipe: 1" is missing'),
        ('recipe: 1\nparametrs: {}', 2, "unknown entry 'parametrs'"),
        ('recipe: 1\nparameters:\n  sigclip: 4\n  sigclip: 5', 4, "'sigclip' is given twice"),
        ('recipe: 1\nparameters:\n  sigclip: -1', 3, 'sigclip is -1: it must be a number from 0.1 to 1000'),
        ('recipe: 1\nparameters:\n  sigclip: many', 3, "sigclip is 'many': it must be a number"),
        ('recipe: 1\nparameters:\n  niter: 1.5', 3, 'niter is 1.5: it must be a whole number'),
        ('recipe: 1\nparameters:\n  sepmed: 2', 3, 'sepmed is 2: it must be True or False'),
        ('recipe: 1\nparameters:\n  sigclip: header', 3, "sigclip is 'header': it must be a number"),
        ('recipe: 1\nparameters:\n  gain: header else -1', 3, 'gain is -1.0: it must be a number'),
        ('recipe: 1\nparameters:\n  gain: header else often', 3, "gain is 'often': it must be a number"),
        ('recipe: 1\nparameters:\n  cleantype: median', 3, "cleantype 'median' is broken"),
        ('recipe: 1\nmasks:\n- cause: hot', 3, 'a mask must have either a "file" or a "dark"'),
        ('recipe: 1\nmasks:\n- file: a\n  cause: warm', 4, "cause is 'warm': it must be one of hot, bad, other"),
        ('recipe: 1\nmasks:\n- dark: a', 3, 'a dark needs a "limit"'),
        ('recipe: 1\nmasks:\n- dark: a\n  limit: nan', 4, "limit is 'nan': it must be a finite number"),
        ('recipe: 1\nmasks:\n- file: a\n  limit: 3', 4, 'a "limit" is allowed for a "dark" only'),
        ('recipe: 1\nmasks:\n- file: a\n  ext: [1]', 4, 'ext must be a number'),
        ('recipe: 1\nmasks: all', 2, 'a list is required'),
        ('recipe: 1\nown_masks: perhaps', 2, "own_masks is 'perhaps': it must be true or false"),
        ('recipe: 1\ndq_bits: [1, 3]', 2, "dq_bits is '1,3': it must be any, none, or powers of two"),
        ('recipe: 1\ndq_bits: all', 2, "dq_bits is 'all': it must be any, none, or powers of two"),
        ('recipe: 1\noutput: {dq: sdss}', 2, "dq is 'sdss': it must be one of own, hst"),
        ('recipe: 1\nunit: furlong', 2, "unit 'furlong' is not supported"),
        ('recipe: 1\nchecks:\n  stop: [sky, weather]', 3, "stop is 'weather': it must be one of kind"),
        ('recipe: 1\nchecks:\n  remedy: [sky]', 3, "remedy is 'sky': it must be one of bad_pixels, overscan"),
        ('recipe: 1\nsegments: {min_size: 0}', 2, 'min_size is 0: it must be a whole number from 1'),
        ('recipe: 1\nsegments: {grow: true}', 2, 'grow is True: it must be a whole number from 0 to 3'),
        ('recipe: 1\noutput: {kind: into}', 2, "kind is 'into': it must be one of new, mask"),
        ('recipe: 1\nrules:\n- parameters: {gain: 2}', 3, 'the rule has no "where"'),
        ('recipe: 1\nrules:\n- where: {}', 3, '"where" is empty'),
        ('recipe: 1\nrules:\n- where: {A: 1}\n  unit: adu', 4, "unknown entry 'unit'"),
        ('recipe: 1\nparameters: [', 2, 'not valid YAML'),
        ('- 1', 1, 'entries of the form "name: value" are required'),
        ('recipe: 1\nunit: !!python/name:os.system x', 2, "'x' is not valid"),
        ('recipe: 1\nparameters: !!python/object/apply:os.system [ls]', 2, 'entries of the form'),
        ('recipe: 1\n? [a]\n: 3', 2, 'unknown entry'),
        ('recipe: 1\nunit: [adu]', 2, 'a single value is required'),
    ],
)
def test_errors_have_a_line_number(text, line, reason):
    with pytest.raises(ValueError, match=f'^night.yaml, line {line}: ') as failed:
        parse_recipe(text, name='night.yaml')
    assert reason in str(failed.value)
    assert '\n' not in str(failed.value)


@pytest.mark.parametrize(
    'text', ['', '# nothing', '[' * 5000, 'a: &x 1\nb: *x', 'recipe: 1\n---\nrecipe: 1', '\x00', b'\xff\xfe\xff']
)
def test_text_that_is_not_a_recipe_is_refused(text):
    with pytest.raises(ValueError, match='recipe') as failed:
        parse_recipe(text)
    assert '\n' not in str(failed.value)


@given(st.text(max_size=60))
def test_any_text_gives_a_recipe_or_a_one_line_error(text):
    try:
        assert isinstance(parse_recipe(f'recipe: 1\n{text}'), Recipe)
    except ValueError as error:
        assert '\n' not in str(error)  # noqa: PT017 - it may be a recipe as well


def test_recipes_are_saved_and_loaded(tmp_path):
    path = tmp_path / 'night.yaml'
    recipe = full_recipe(tmp_path)
    assert save_recipe(recipe, path) == path
    assert load_recipe(path) == recipe
    assert load_recipe(path).name == 'night.yaml'
    with pytest.raises(FileExistsError, match='already exists'):
        save_recipe(Recipe(), path)
    save_recipe(Recipe(), path, overwrite=True)
    assert load_recipe(path) == Recipe()
    (tmp_path / 'large.yaml').write_bytes(b'#' * 1_000_001)
    with pytest.raises(ValueError, match='more than 1000000 bytes'):
        load_recipe(tmp_path / 'large.yaml')
    with pytest.raises(FileNotFoundError):
        load_recipe(tmp_path / 'none.yaml')


@pytest.mark.parametrize(
    ('options', 'reason'),
    [
        ({'parameters': {'sigma': 3}}, "name of a parameter is 'sigma'"),
        ({'parameters': {'sigclip': 0}}, 'sigclip is 0'),
        ({'parameters': {'sigclip': FromHeader()}}, "name of a parameter from the header is 'sigclip'"),
        ({'stop': ('weather',)}, "stop is 'weather'"),
        ({'remedy': ('sky',)}, "remedy is 'sky'"),
        ({'kind': 'into'}, "kind is 'into'"),
        ({'min_size': 0}, 'min_size is 0'),
        ({'grow': 4}, 'grow is 4'),
        ({'rules': (Rule({'A': 1}, parameters={'gain': -1.0}),)}, 'gain is -1.0'),
    ],
)
def test_invalid_values_are_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        Recipe(**options)


def test_all_checks_can_be_under_stop():
    frame = frame_with()
    assert [check.name for check in Recipe().prepare(frame).checks] == list(CHECKS)
    assert frame.ccd.unit == u.adu


@pytest.mark.parametrize(
    ('text', 'bits'), [('any', 'any'), ('none', 'none'), ('4', (4,)), ('1,4', (1, 4)), ('[4, 1]', (1, 4))]
)
def test_bits_of_dq_are_parsed(text, bits):
    recipe = parse_recipe(f'recipe: 1\ndq_bits: {text}')
    assert recipe.dq_bits == bits
    assert parse_recipe(format_recipe(recipe)) == recipe


@pytest.mark.parametrize('bits', ['all', (), (3,), [1], 1, (True,)])
def test_other_bits_of_dq_are_refused(bits):
    with pytest.raises(ValueError, match='it must be any, none, or powers of two'):
        Recipe(dq_bits=bits)
