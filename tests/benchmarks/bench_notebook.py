"""Benchmark of the notebook panel: time from a slider step to the updated image, in JupyterLab and Chromium.

Run as ``python tests/benchmarks/bench_notebook.py [--size 2048] [--segments 1000] [--steps 15] [--json]``. Each step is
a key press on the sigclip slider. It is timed in the page, from the key press to the last image loaded after it; the
first step, which fills the caches of the engine, is not counted.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.frames import sky_with_hits
from tests.notebook.lab import Lab, missing

_WATCH = """() => {
  window.steps = [];
  document.addEventListener('keydown', () => window.steps.push({pressed: performance.now(), images: []}), true);
  document.addEventListener('load', event => {
    if (event.target.tagName === 'IMG' && window.steps.length) window.steps.at(-1).images.push(performance.now());
  }, true);
}"""


def measure(size, segments, steps):
    """Press the keys and return the measured times."""
    with tempfile.TemporaryDirectory() as folder:
        fits.PrimaryHDU(sky_with_hits(size, segments)).writeto(Path(folder) / 'frame.fits')
        lab = Lab(folder)
        try:
            return _measure(lab, size, steps)
        finally:
            lab.close()


def _measure(lab, size, steps):
    lab.open(
        'bench',
        'from ginga_crplugin import CosmicRayPanel',
        "panel = CosmicRayPanel('frame.fits'); panel.params = {'readnoise': 10.0}; panel",
    )
    lab.wait_until_gone('compiling')
    lab.button('Run').click()
    lab.wait_for_text(' px by ')
    lab.page.wait_for_timeout(1000)
    lab.page.evaluate(_WATCH)
    handle = lab.page.locator('.crp-column .noUi-handle').first
    handle.focus()
    results = []
    for step in range(steps + 1):
        lab.page.keyboard.press('ArrowRight' if step % 10 < 5 else 'ArrowLeft')
        lab.page.wait_for_timeout(1500)
        results.append(lab.result)
    timed = lab.page.evaluate('() => window.steps')[1:]
    last = [step['images'][-1] - step['pressed'] for step in timed if step['images']]
    assert len(set(results)) > 3, results
    assert len(last) == steps, timed
    return {
        'size': size,
        'result': results[-1],
        'median_ms': float(np.median(last)),
        'longest_ms': max(last),
        'images_per_step': max(len(step['images']) for step in timed),
    }


def main():
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--size', type=int, default=2048)
    parser.add_argument('--segments', type=int, default=1000)
    parser.add_argument('--steps', type=int, default=15)
    parser.add_argument('--json', action='store_true')
    args = parser.parse_args()
    if missing():
        sys.exit(f'missing: {", ".join(missing())}')
    row = measure(args.size, args.segments, args.steps)
    if args.json:
        print(json.dumps(row, indent=2))
        return
    print('{size} x {size}, {result}: {median_ms:.0f} ms (longest {longest_ms:.0f})'.format(**row))


if __name__ == '__main__':
    main()
