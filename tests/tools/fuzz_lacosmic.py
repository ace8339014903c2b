"""Compare the engine with ccdproc on random frames: python -m tests.tools.fuzz_lacosmic --cases 3000 --seed 1."""

import argparse
import os
import sys
import time
from collections import Counter

os.environ.setdefault('OMP_NUM_THREADS', '1')

from ginga_crplugin.core.lacosmic.detect import detect
from tests.core.lacosmic.cases import differences, random_case


def outcome(seed):
    """Return in words what came of one case."""
    frame, params = random_case(seed)
    try:
        expected = detect(frame, params, engine='ccdproc')
    except ValueError:
        try:
            detect(frame, params)
        except ValueError:
            return 'refused by both'
        return f'differs: only ccdproc refused case {seed}'
    found = detect(frame, params)
    names = differences(found, expected)
    if names:
        return f'differs: {", ".join(names)} in case {seed}, {frame.shape} {frame.ccd.data.dtype} {params}'
    if 'numba' not in found.engine:
        return 'left to ccdproc'
    return 'equal' if expected.pixels else 'equal, nothing found'


def main():
    """Run the cases and print the count of each outcome; the exit code is 1 where any differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--cases', type=int, default=3000)
    parser.add_argument('--seed', type=int, default=0, help='the first case; the others follow')
    options = parser.parse_args()
    counts, start = Counter(), time.monotonic()
    for seed in range(options.seed, options.seed + options.cases):
        words = outcome(seed)
        if words.startswith('differs'):
            print(words, flush=True)
        counts[words.split(':')[0]] += 1
    for words, count in counts.most_common():
        print(f'{count:6d}  {words}')
    print(f'{options.cases} cases in {time.monotonic() - start:.0f} s')
    sys.exit(1 if counts['differs'] else 0)


if __name__ == '__main__':
    main()
