"""Walk the session through random orders of events: python -m tests.tools.walk_session --walks 2000."""

import argparse
import time

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.session.session_machine import SessionMachine


def main():
    """Walk, and print how often what was done; an exception tells the shortest way to what does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--walks', type=int, default=2000)
    parser.add_argument('--steps', type=int, default=60, help='of each walk, at most')
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args()
    start = time.monotonic()
    chosen = settings(
        max_examples=options.walks,
        stateful_step_count=options.steps,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    seed(options.seed)(SessionMachine)
    run_state_machine_as_test(SessionMachine, settings=chosen)
    counts = SessionMachine.walked
    for words, count in counts.most_common():
        print(f'{count:8d}  {words}')
    print(f'{counts["states"]} states in {options.walks} walks, {time.monotonic() - start:.0f} s')


if __name__ == '__main__':
    main()
