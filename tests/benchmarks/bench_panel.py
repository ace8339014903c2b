"""Benchmark of the panel: time from a slider step to the painted result, in a window of Ginga.

    python tests/benchmarks/bench_panel.py                           4096 squared, 1,000 and 50,000 segments
    python tests/benchmarks/bench_panel.py --shape 10656 14208       the largest common CMOS
    python tests/benchmarks/bench_panel.py --zoom 1 0.18 --json

The window is that of a real Qt platform if ``DISPLAY`` is set (such as ``Xvfb :77 -screen 0 1440x900x24``), otherwise
off screen. For each number of segments it prints medians over the steps of the sigclip slider, in milliseconds:

- *step*: from the step until the exact result is painted;
- *bare*: a complete redraw of the image by Ginga without the overlay, in the same run, up to its painting;
- *beyond*: the difference;
- *tick*: the longest time in which the event loop was not reached during a step, and the longest of all steps.

On a busy machine, the processor times are more reliable: of the worker in a step (*worker*: L.A.Cosmic and segments),
of the GUI thread in a step (*GUI*) and in a bare redraw (*bare GUI*), and the longest between two ticks (*tick*).
"""

import argparse
import json
import os
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
if 'DISPLAY' in os.environ:
    os.environ['QT_QPA_PLATFORM'] = 'xcb'

from ginga_crplugin.core.lacosmic import compilation
from tests.benchmarks.frames import sky_with_hits
from tests.plugin.conftest import Shell


class Clock:
    """Times of the event loop and of the painting of the image."""

    def __init__(self, shell, viewer):
        from qtpy.QtCore import QTimer

        self._shell, self.ticks, self.cpu, self.painted = shell, [], [], []
        window = viewer.get_widget()
        paint = type(window).paintEvent

        def timed(event):
            paint(window, event)
            self.painted.append(time.perf_counter())

        window.paintEvent = timed
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)
        self._timer.start(1)

    def _tick(self):
        self.ticks.append(time.perf_counter())
        self.cpu.append(time.thread_time())

    def wait(self, condition):
        """Process events as Ginga's main loop does until a condition is true."""
        end = time.monotonic() + 600.0
        while not condition():
            assert time.monotonic() < end, 'timed out'
            self._shell.fv.update_pending(timeout=0.001)

    def _next_tick(self):
        count = len(self.ticks)
        self.wait(lambda: len(self.ticks) > count)

    def measure(self, change, condition):
        """Make a change, wait for a condition and the painting; return time, CPU time, and the longest of ticks."""
        self._next_tick()
        first, count, start, cpu = len(self.ticks) - 1, len(self.painted), time.perf_counter(), time.thread_time()
        change()
        self.wait(lambda: condition() and len(self.painted) > count)
        seconds, cpu = self.painted[-1] - start, time.thread_time() - cpu
        self._next_tick()
        longest = [max(b - a for a, b in pairwise(times[first:])) for times in (self.ticks, self.cpu)]
        return seconds, cpu, *longest


def time_jobs(worker):
    """Return a list that receives the processor times of the jobs of a worker."""
    run, times = worker.__call__, []

    def timed(_, job, done):
        def timed_job():
            start = time.thread_time()
            try:
                return job()
            finally:
                times.append(time.thread_time() - start)

        run(timed_job, done)

    type(worker).__call__ = timed
    return times


def measure(shell, shape, segments, zoom, steps):
    """Move the slider and return the measured times."""
    channel, plugin = open_frame(shell, shape, segments)
    session, viewer = plugin.session, plugin.fitsimage
    if zoom:
        viewer.scale_to(zoom, zoom)
    shell.pump(1.0)  # hints
    clock, jobs = Clock(shell, viewer), time_jobs(plugin.worker)
    slider = plugin.panel.params['sigclip'].slider.get_widget()
    bare, moved, worker = [], [], []
    for step in range(steps):
        plugin.overlay.hide()
        shell.settle()
        bare.append(clock.measure(lambda: viewer.redraw_now(whence=0), lambda: True))
        plugin.overlay.show()
        shell.settle()
        old, count = session.result, len(jobs)

        def done(old=old):
            exact = session.result is not old and not session.runner.busy and not session.outdated
            return exact and not viewer.is_redraw_pending()

        moved.append(clock.measure(lambda step=step: slider.setValue(40 + step % 7), done))
        worker.append(jobs[count])
        shell.settle()
    found = session.result
    (bare_time, bare_cpu), (time_, cpu, tick, tick_cpu) = (
        1e3 * np.median(rows, axis=0) for rows in (np.array(bare)[:, :2], moved)
    )
    row = {
        'shape': shape,
        'segments': len(found.segments),
        'pixels': found.detection.pixels,
        'zoom': round(viewer.get_scale_min(), 3),
        'window': viewer.get_window_size(),
        'step': time_,
        'bare': bare_time,
        'beyond': time_ - bare_time,
        'tick': tick,
        'longest_tick': 1e3 * np.max(moved, axis=0)[2],
        'cpu': {
            'worker': 1e3 * np.median(worker),
            'GUI': cpu,
            'bare GUI': bare_cpu,
            'tick': tick_cpu,
            'longest tick': 1e3 * np.max(moved, axis=0)[3],
        },
    }
    shell.stop(channel)
    shell.fv.delete_channel(channel.name)
    return row


def open_frame(shell, shape, segments):
    """Open a simulated frame and the panel, and run the detection."""
    from ginga.AstroImage import AstroImage

    channel = shell.channel(f'{segments}')
    image = AstroImage(data_np=sky_with_hits(shape, segments), logger=shell.fv.logger)
    image.set(name=f'{segments}')
    channel.add_image(image)
    shell.settle()
    plugin = shell.start(channel)
    session = plugin.session
    shell.wait(lambda: session.frame is not None and compilation.ready(), timeout=300.0)
    session.set_params(readnoise=10.0)
    session.runner.detect()
    shell.wait(lambda: not session.runner.busy, timeout=300.0)
    shell.settle()
    return channel, plugin


def main():
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--shape', type=int, nargs=2, default=[4096, 4096], help='ny and nx')
    parser.add_argument('--segments', type=int, nargs='+', default=[1000, 50000])
    parser.add_argument('--zoom', type=float, nargs='+', default=[0.0], help='scales; 0 fits the frame in the window')
    parser.add_argument('--steps', type=int, default=15)
    parser.add_argument('--json', action='store_true')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(Path(folder))
        shell.fv.w.root.get_widget().resize(1440, 900)
        shell.pump(0.5)
        rows = [
            measure(shell, tuple(args.shape), segments, zoom, args.steps)
            for segments in args.segments
            for zoom in args.zoom
        ]
        shell.close()
    if args.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(
            '{shape}, {segments} segments, {pixels} px, zoom {zoom}, window {window}:\n  step {step:.0f}, '
            'bare {bare:.0f}, beyond {beyond:.0f}, tick {tick:.0f}, longest {longest_tick:.0f} ms'.format(**row)
        )
        print('  CPU time: ' + ', '.join(f'{name} {value:.0f}' for name, value in row['cpu'].items()) + ' ms')


if __name__ == '__main__':
    main()
