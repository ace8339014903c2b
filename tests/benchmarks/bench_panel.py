"""Benchmark of the panel: time from a slider step to the updated overlay, in Ginga's shell off screen.

Run as ``python tests/benchmarks/bench_panel.py [--size 4096] [--segments 1000 50000] [--json]``. For each number of
segments it prints the median and the longest time from a step of the sigclip slider until the exact result is drawn,
and the longest delay of the event loop meanwhile, without the redraw itself.
"""

import argparse
import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from ginga_crplugin.core.lacosmic import compilation
from tests.benchmarks.frames import sky_with_hits
from tests.plugin.conftest import Shell


class Clock:
    """Times of event-loop ticks and of redraws of the viewer."""

    def __init__(self, viewer):
        from qtpy.QtCore import QTimer

        self.ticks, self.redraws = [], []
        self._draw = viewer.redraw_data
        viewer.redraw_data = self._redraw
        self._timer = QTimer()
        self._timer.timeout.connect(lambda: self.ticks.append(time.perf_counter()))
        self._timer.start(2)

    def _redraw(self, *args, **options):
        start = time.perf_counter()
        self._draw(*args, **options)
        self.redraws.append((start, time.perf_counter()))

    def latest(self, start, end):
        """Return the longest delay of a tick between two times, without redraws."""
        ticks = [start, *(tick for tick in self.ticks if start < tick < end), end]
        late = 0.0
        for one, other in pairwise(ticks):
            drawing = sum(max(0.0, min(other, e) - max(one, s)) for s, e in self.redraws)
            late = max(late, other - one - drawing)
        return late


def measure(shell, size, segments, steps):
    """Move the slider and return the measured times."""
    from ginga.AstroImage import AstroImage

    channel = shell.channel(f'{segments}')
    image = AstroImage(data_np=sky_with_hits(size, segments), logger=shell.fv.logger)
    image.set(name=f'{segments}')
    channel.add_image(image)
    shell.settle()
    plugin = shell.start(channel)
    session = plugin.session
    shell.wait(lambda: session.frame is not None and compilation.ready())
    session.set_params(readnoise=10.0)
    plugin.session.runner.detect()
    shell.wait(lambda: not session.runner.busy)
    shell.settle()
    clock = Clock(plugin.fitsimage)
    slider = plugin.panel.params['sigclip'].slider.get_widget()
    times, late = [], []
    for step in range(steps):
        start = time.perf_counter()
        slider.setValue(40 + step % 7)
        drawn = len(clock.redraws)
        shell.wait(lambda: not session.runner.busy and session.result.exact and not session.outdated)
        done = len(clock.redraws)
        shell.wait(lambda drawn=drawn, done=done: len(clock.redraws) > max(drawn, done - 1))
        end = clock.redraws[-1][1]
        times.append(end - start)
        late.append(clock.latest(start, end))
        shell.settle()
    found = session.result
    shell.stop(channel)
    shell.fv.delete_channel(channel.name)
    return {
        'size': size,
        'segments': len(found.segments),
        'pixels': found.detection.pixels,
        'engine': found.detection.engine,
        'median_ms': 1e3 * float(np.median(times)),
        'longest_ms': 1e3 * max(times),
        'latest_tick_ms': 1e3 * max(late),
        'median_latest_tick_ms': 1e3 * float(np.median(late)),
    }


def main():
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--size', type=int, default=4096)
    parser.add_argument('--segments', type=int, nargs='+', default=[1000, 50000])
    parser.add_argument('--steps', type=int, default=12)
    parser.add_argument('--json', action='store_true')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(Path(folder))
        rows = [measure(shell, args.size, segments, args.steps) for segments in args.segments]
        shell.close()
    if args.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(
            '{size} x {size}, {segments} segments, {pixels} px: {median_ms:.0f} ms (longest {longest_ms:.0f}); '
            'latest tick {median_latest_tick_ms:.0f} ms (worst {latest_tick_ms:.0f}) - {engine}'.format(**row)
        )


if __name__ == '__main__':
    main()
