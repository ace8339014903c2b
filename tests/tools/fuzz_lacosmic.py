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
    """Return the outcome of one case as text."""
    frame, params = random_case(seed)
    try:
        expected = detect(frame, params, engine='ccdproc')
    except ValueError:
        try:
            detect(frame, params)
        except ValueError:
            return 'error in both'
        return f'differs: error in ccdproc only, case {seed}'
    found = detect(frame, params)
    names = differences(found, expected)
    if names:
        return f'differs: {", ".join(names)} in case {seed}, {frame.shape} {frame.ccd.data.dtype} {params}'
    if 'numba' not in found.engine:
        return 'not supported by the engine'
    return 'equal' if expected.pixels else 'equal, no cosmic rays'


def main():
    """Run the cases and print the count of each outcome; the exit code is 1 if any differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--cases', type=int, default=3000)
    parser.add_argument('--seed', type=int, default=0, help='number of the first case')
    options = parser.parse_args()
    counts, start = Counter(), time.monotonic()
    for seed in range(options.seed, options.seed + options.cases):
        text = outcome(seed)
        if text.startswith('differs'):
            print(text, flush=True)
        counts[text.split(':')[0]] += 1
    for text, count in counts.most_common():
        print(f'{count:6d}  {text}')
    print(f'{options.cases} cases in {time.monotonic() - start:.0f} s')
    sys.exit(1 if counts['differs'] else 0)


if __name__ == '__main__':
    main()
