"""Tails in a session: live, in recipes, and off where they cannot be rays."""

import numpy as np
import pytest

from ginga_crplugin import Frame, LACosmicParams, TailOptions, detect, find_tails
from ginga_crplugin.core.lacosmic import compilation
from ginga_crplugin.recipe.recipe import Recipe
from ginga_crplugin.session.session import Session


def run_at_once(job, done):
    try:
        outcome = job()
    except Exception as error:
        done(None, error)
    else:
        done(outcome, None)


def image():
    pixels = np.random.default_rng(3).normal(100.0, 8.0, (64, 64))
    pixels[30, 20:34] += 3000.0
    pixels[29, 20:34] += 60.0
    return pixels.astype(np.float32)


@pytest.fixture
def session():
    assert compilation.compile_all()
    session = Session(run_at_once)
    session.open(lambda: Frame(image()))
    session.runner.detect()
    return session


def test_the_result_has_tails_and_follows_their_settings(session):
    assert session.result.detection.tails.options == TailOptions()
    before = session.result.detection.indices
    events = []
    session.events.result_changed.connect(lambda: events.append(len(session.result.detection.tail_indices)))
    for changes in ({'sigma': 2.0}, {'steps': 1}, {'enabled': False}):
        session.set_tails(**changes)
        expected = find_tails(session.frame, detect(session.frame, session.params), session.settings.tails)
        np.testing.assert_array_equal(session.result.detection.tail_indices, expected.indices)
        np.testing.assert_array_equal(session.result.detection.indices, before)
    assert len(events) == 3
    assert events[-1] == 0


def test_an_invalid_setting_changes_nothing(session):
    with pytest.raises(ValueError, match='tail steps is 0'):
        session.set_tails(steps=0)
    assert session.settings.tails == TailOptions()
    assert not session.outdated


def test_reset_restores_the_tails_of_the_recipe(session):
    recipe = Recipe(tails=TailOptions(sigma=2.5))
    session.recipes.apply(recipe)
    session.set_tails(enabled=False)
    assert session.settings.reset().tails == recipe.tails


def test_recipes_hold_the_settings_of_tails(session):
    session.set_tails(sigma=2.5, steps=4)
    recipe = session.recipes.current
    assert recipe.tails == TailOptions(sigma=2.5, steps=4)
    other = Session(run_at_once)
    other.open(lambda: Frame(image()))
    other.recipes.apply(recipe)
    assert other.settings.tails == recipe.tails


def test_parameters_of_the_run_are_those_of_lacosmic(session):
    assert session.result.detection.params == LACosmicParams(**vars(session.params))
