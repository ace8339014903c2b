"""Kill saves at random times and check that nothing is lost: python -m tests.tools.kill_saves --times 500."""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from tests.tools.saves import SAVES, Saver, is_complete, left_over, restore, state, state_without_leftovers, states


def kill(saver, name, folder, before, after, seconds):
    """Kill a save after some seconds; return the state of the files, 'lost' if it is neither old nor new."""
    restore(folder, before)
    pid = saver.begin(name, folder)
    os.kill(pid, signal.SIGCONT)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    killed = saver.end(pid).code == -signal.SIGKILL
    left = len(left_over(folder))
    files = state_without_leftovers(folder)
    if left_over(folder) or not is_complete(files, before, after):
        return 'lost'
    again = saver.save(name, folder)
    if (again.code != 0 and files == before) or (again.code == 0 and state(folder) != after):
        return 'lost'
    if not killed:
        return 'done before'
    return 'new' if files == after else 'incomplete, removed' if left else 'old' if files == before else 'some new'


def duration(saver, name, folder, before):
    """Return the duration of a save in seconds, the median of five."""
    seconds = []
    for _ in range(5):
        restore(folder, before)
        start = time.perf_counter()
        saver.save(name, folder)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def run(times, seed, folder, names=tuple(SAVES)):
    """Kill saves of each kind in turn; return the count of each state, of those before an interruption."""
    rng, saver, counts = np.random.default_rng(seed), Saver(), Counter()
    try:
        for number, name in enumerate(names):
            before, after = states(saver, name, folder)
            longest = duration(saver, name, folder, before)
            for _ in range(number, times, len(names)):
                seconds = rng.uniform(0.0, 1.1 * longest)
                found = kill(saver, name, folder, before, after, seconds)
                if found == 'lost':
                    print(f'lost: {name}, killed after {seconds:.6f} s', flush=True)
                counts[found] += 1
    except KeyboardInterrupt:
        print('interrupted')
    finally:
        saver.close()
    return counts


def main():
    """Print the count of each state; the exit code is 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--times', type=int, default=500)
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = run(options.times, options.seed, Path(folder))
    for outcome, count in counts.most_common():
        print(f'{count:6d}  {outcome}')
    print(f'{sum(counts.values())} saves of {len(SAVES)} kinds, {counts["lost"]} lost')
    sys.exit(1 if counts['lost'] else 0)


if __name__ == '__main__':
    main()
