"""Random sequences of user actions in Ginga's reference viewer; ``tests/tools/soak.py`` runs for hours."""

import logging

import pytest

from tests.tools.soak import Errors, Soak

pytestmark = pytest.mark.slow  # many steps in Ginga


@pytest.mark.filterwarnings('ignore::RuntimeWarning:ginga.ImageView')  # Ginga divides by the size of an empty channel
@pytest.mark.parametrize('seed', [1, 2])
def test_no_objects_are_left_after_many_steps(shell, tmp_path, seed):
    with Errors(logging.getLogger(), shell.fv.logger).collect() as errors:
        user = Soak(shell, tmp_path, seed)
        for _ in range(40):
            user.step()
        user.leave()
        assert user.left() == 0
    assert not errors.messages, '\n'.join(errors.messages)
    for name in {'Soak', 'Saved mask'} & set(shell.fv.get_channel_names()):
        shell.fv.delete_channel(name)
