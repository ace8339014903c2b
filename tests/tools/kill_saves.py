"""Kill saves at random moments, and see that nothing is lost: python -m tests.tools.kill_saves --times 500."""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from tests.tools.saves import SAVES, Saver, left_over, restore, state, states, swept, whole


def kill(saver, name, folder, before, after, seconds):
    """Kill a save after so many seconds; return in words what was there then, 'lost' if that is neither old nor new."""
    restore(folder, before)
    pid = saver.begin(name, folder)
    os.kill(pid, signal.SIGCONT)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    killed = saver.end(pid).code == -signal.SIGKILL
    left = len(left_over(folder))
    files = swept(folder)
    if left_over(folder) or not whole(files, before, after):
        return 'lost'
    again = saver.save(name, folder)
    if (again.code != 0 and files == before) or (again.code == 0 and state(folder) != after):
        return 'lost'
    if not killed:
        return 'done before'
    return 'new' if files == after else 'half written, swept' if left else 'old' if files == before else 'some new'


def duration(saver, name, folder, before):
    """Seconds that a save takes, the median of five."""
    seconds = []
    for _ in range(5):
        restore(folder, before)
        start = time.perf_counter()
        saver.save(name, folder)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def run(times, seed, folder, names=tuple(SAVES)):
    """Kill so many saves, each kind in turn; return how often which state was found."""
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
    finally:
        saver.close()
    return counts


def main():
    """Print how often which state was found; the exit code is 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--times', type=int, default=500)
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = run(options.times, options.seed, Path(folder))
    for words, count in counts.most_common():
        print(f'{count:6d}  {words}')
    print(f'{sum(counts.values())} saves of {len(SAVES)} kinds, {counts["lost"]} lost')
    sys.exit(1 if counts['lost'] else 0)


if __name__ == '__main__':
    main()
