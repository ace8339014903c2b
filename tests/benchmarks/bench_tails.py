"""Measure what tails add to a step of the slider: 4096 x 4096 pixels with 1,000 hits.

    python tests/benchmarks/bench_tails.py

Prints the median ratio of detection, tails and segments to detection and segments, interleaved in one process.
"""

import statistics
import time
from dataclasses import replace

from frames import sky_with_hits

from ginga_crplugin import Frame, LACosmic, LACosmicParams, TailFinder, segment, with_tails

SIZE, HITS, REPEATS = 4096, 1000, 21


def step(frame, engine, params, finder):
    """Return the CPU seconds of a step, with tails if there is a finder."""
    start = time.process_time()
    detection = engine.detect(params)
    if finder is not None:
        detection = with_tails(frame, detection, finder=finder)
    segment(frame, detection)
    return time.process_time() - start


def main():
    frame = Frame(sky_with_hits(SIZE, HITS))
    params = LACosmicParams(readnoise=5.0)
    engines = LACosmic(frame, params), LACosmic(frame, params)
    finders = None, TailFinder()
    ratios, seconds = [], []
    for k in range(REPEATS):
        params = replace(params, sigclip=4.5 + 0.1 * (k % 7))
        plain, tailed = (step(frame, *pair) for pair in zip(engines, [params] * 2, finders, strict=True))
        if k:  # compilation and the first run are no steps
            ratios.append(tailed / plain)
            seconds.append(tailed - plain)
    print(f'ratio {statistics.median(ratios):.2f}, {1e3 * statistics.median(seconds):.1f} ms more')


if __name__ == '__main__':
    main()
