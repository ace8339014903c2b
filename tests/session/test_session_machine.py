"""Random sequences of actions on a session; ``tests/tools/walk_session.py`` runs many more."""

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.session.session_machine import SessionMachine

pytestmark = pytest.mark.slow  # thousands of steps

TestSession = SessionMachine.TestCase
TestSession.settings = settings(
    max_examples=40,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=(Phase.generate,),
    report_multiple_bugs=False,
)
