"""Measure time and memory of the engines, each in its own process.

    python tests/benchmarks/bench_engine.py                    1024, 2048 and 4096 squared, and the large frames
    python tests/benchmarks/bench_engine.py --sizes 1024       a short run
    python tests/benchmarks/bench_engine.py --sizes 8192 --json
    python tests/benchmarks/bench_engine.py --output docs/benchmarks/engine.json       the numbers of the documentation

The reference is ccdproc.cosmicray_lacosmic with one OpenMP thread, or with all cores where the engine uses all cores;
the drop-in for it uses as many threads. The large frames are that of the largest common CMOS sensor, with as many
cosmic rays per area as the others, and one of 12288 squared with as many in total as that of 4096 squared. The
reference is not run on them. Times are medians in seconds; memory is the increase of the peak memory of the process
during the run, in MiB. All results of the engine are kept, as in a panel.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np

GAIN, READNOISE, SATLEVEL = 1.5, 10.0, 60000.0
HITS, STARS, HOT = 1120, 2000, 800  # in 4096 x 4096 pixels
#: The large frames: name, shape, and the area with as many objects.
LARGE = (
    ('CMOS of 151 megapixels', (10656, 14208), 10656 * 14208),
    ('12288 x 12288, objects of 4096 x 4096', (12288, 12288), 4096**2),
)
CORES = os.cpu_count()
#: The measurements of the engine that are no times: memory in MiB and number of pixels.
NO_TIMES = 'memory', 'kept result', 'flagged'


def scene(shape, crowded, area=None):
    """Return pixels (ny, nx) float32 in adu and a mask: sky, stars, hot pixels, a bad column, cosmic rays.

    ``area`` is the number of pixels that have as many objects as the image, by default its own.
    """
    rng = np.random.default_rng(1)
    share = (area or shape[0] * shape[1]) / 4096**2
    image = np.full(shape, 200.0, np.float32)
    for _ in range(round(STARS * share)):
        _add_star(rng, image)
    np.minimum(image, 65000.0, out=image)
    for row in image:
        row[:] = rng.poisson(row) + rng.normal(0.0, READNOISE, row.size)
    for _ in range(round(HITS * share)):
        _add_track(rng, image)
    if crowded:
        hit = rng.random(image.shape, dtype=np.float32) < 0.041
        image[hit] += 10 ** rng.uniform(2.0, 4.0, np.count_nonzero(hit)).astype(np.float32)
    mask = np.zeros(image.shape, bool)
    mask[:, shape[1] // 3] = True
    mask[rng.integers(0, shape[0], round(HOT * share)), rng.integers(0, shape[1], round(HOT * share))] = True
    image[mask] = 25000.0
    np.minimum(image, 65000.0, out=image)
    image /= np.float32(GAIN)
    return image, mask


def _add_star(rng, image):
    flux, (y, x) = 10 ** rng.uniform(2.8, 6.2), rng.uniform(0, image.shape)
    y0, x0 = max(0, int(y) - 20), max(0, int(x) - 20)
    part = image[y0 : int(y) + 21, x0 : int(x) + 21]
    dy, dx = np.arange(part.shape[0]) + y0 - y, np.arange(part.shape[1]) + x0 - x
    width = 2.8 / 2.3548
    profile = np.exp(-0.5 * (dy / width) ** 2)[:, None] * np.exp(-0.5 * (dx / width) ** 2)
    part += flux / (2 * np.pi * width**2) * profile


def _add_track(rng, image):
    along = np.arange(0.0, min(60.0, 1.0 + rng.exponential(4.0)), 0.5)
    angle, (y, x) = rng.uniform(0, np.pi), rng.uniform(0, image.shape)
    rows, columns = (y + along * np.sin(angle)).astype(int), (x + along * np.cos(angle)).astype(int)
    inside = (rows >= 0) & (rows < image.shape[0]) & (columns >= 0) & (columns < image.shape[1])
    np.add.at(image, (rows[inside], columns[inside]), 0.5 * 10 ** rng.uniform(2.0, 4.3))


# the measurements, in the processes


def measured(run, repeats):
    """Return the median time of a run, and the increase of the peak memory in the first run."""
    before = _resident()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
        if len(times) == 1:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return statistics.median(times), max(0, peak - before) / 2**20


def _resident():
    """Return the resident memory of the process in bytes."""
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def reference(pixels, mask, options):
    """Time ccdproc."""
    from ccdproc import cosmicray_lacosmic

    return _time_function(cosmicray_lacosmic, pixels, mask, options)


def drop_in(pixels, mask, options):
    """Time the drop-in for the function of ccdproc."""
    from ginga_crplugin import cosmicray_lacosmic
    from ginga_crplugin.core.lacosmic.compilation import compile_all

    compile_all()
    return _time_function(cosmicray_lacosmic, pixels, mask, options)


def _time_function(cosmicray_lacosmic, pixels, mask, options):
    from astropy import units as u
    from astropy.nddata import CCDData

    ccd = CCDData(pixels, unit='adu', mask=mask)

    def run():
        return cosmicray_lacosmic(
            ccd,
            gain=GAIN * u.electron / u.adu,
            readnoise=READNOISE * u.electron,
            satlevel=SATLEVEL,
            sepmed=options.sepmed,
            gain_apply=False,
        )

    seconds, memory = measured(run, options.repeats)
    return {'first': seconds, 'memory': memory}


def peer(pixels, mask, options):
    """Time the package lacosmic, which uses SciPy."""
    if find_spec('lacosmic') is None:
        return {}
    from lacosmic import remove_cosmics

    def run():
        remove_cosmics(pixels * GAIN, 5.0, 4.5, 0.3, effective_gain=1.0, readnoise=READNOISE, mask=mask, maxiter=4)

    seconds, memory = measured(run, 1)
    return {'first': seconds, 'memory': memory}


def engine(pixels, mask, options):
    """Time the engine: the first result of a frame, then changes of each kind."""
    from ginga_crplugin import Frame, InputMask, LACosmicParams, MaskBit
    from ginga_crplugin.core.lacosmic.compilation import compile_all
    from ginga_crplugin.core.lacosmic.engine import LACosmic

    compile_all()
    params = LACosmicParams(gain=GAIN, readnoise=READNOISE, satlevel=SATLEVEL, sepmed=options.sepmed)

    def new_engine():
        frame = Frame(pixels, masks=(InputMask('bad', MaskBit.BAD, mask),))
        return LACosmic(frame, params, options.threads)

    seconds, memory = measured(lambda: new_engine().detect(), options.repeats)
    result = {'first': seconds, 'memory': memory}
    kept = new_engine()
    results = [kept.detect()]  # a panel keeps several results
    result |= {'flagged': results[0].pixels, 'kept result': _kept_bytes(results[0]) / 2**20}
    changes = {
        'sigclip': [{'sigclip': value} for value in (4.6, 5.0, 5.5, 4.8, 6.0)],
        'objlim': [{'objlim': value} for value in (4.8, 4.0, 6.0, 5.5, 4.5)],
        'sigfrac': [{'sigfrac': value} for value in (0.35, 0.4, 0.25, 0.5, 0.2)],
        'lower sigclip': [{'sigclip': value} for value in (4.4, 4.3, 4.2, 4.1, 4.0)],
        'satlevel': [{'satlevel': value} for value in (50000.0, 55000.0, 45000.0, 58000.0, 40000.0)],
        'read noise': [{'readnoise': value} for value in (9.0, 11.0, 9.5, 12.0, 10.5)],
        'gain': [{'gain': value} for value in (1.6, 1.4, 1.7, 1.45, 1.3)],
    }
    for name, values in changes.items():
        kept.detect()
        result[name] = statistics.median(_timed(kept, replace(params, **value), results) for value in values)
    kept.detect()
    result['mask'] = statistics.median(_edit(kept, mask, 100 * k + 50) for k in range(1, 6))
    return result


def _kept_bytes(detection):
    """Return the memory that a result takes in addition to the frame."""
    return detection.indices.nbytes + detection.values.nbytes + detection.area.others.nbytes


def _timed(kept, params, results):
    start = time.perf_counter()
    results.append(kept.detect(params))
    return time.perf_counter() - start


def _edit(kept, mask, place):
    from ginga_crplugin import InputMask, MaskBit

    edited = mask.copy()
    edited[place : place + 3, place : place + 3] = True
    start = time.perf_counter()
    kept.set_frame(kept.frame.replace(masks=(InputMask('bad', MaskBit.BAD, edited),)))
    kept.detect()
    return time.perf_counter() - start


def fresh_process(pixels, mask, options):
    """Time a new process with cached kernels: its imports, and the first result after these."""
    code = (
        'import sys, time, numpy as np; start = time.perf_counter()\n'
        'from ginga_crplugin import Frame, LACosmicParams, detect\n'
        'frame, params = Frame(np.load(sys.argv[1])), LACosmicParams(gain=1.5, readnoise=10)\n'
        'imported = time.perf_counter(); detect(frame, params)\n'
        'print(imported - start, time.perf_counter() - imported)'
    )
    command = [sys.executable, '-c', code, f'{options.scene}.pixels.npy']
    outputs = [
        subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        for _ in range(options.repeats)
    ]
    imports, first = (statistics.median(map(float, times)) for times in zip(*outputs, strict=True))
    return {'imports': imports, 'first': first}


WORKERS = {
    'reference': reference,
    'drop_in': drop_in,
    'engine': engine,
    'peer': peer,
    'fresh_process': fresh_process,
}


def _work(options):
    pixels, mask = (np.load(f'{options.scene}.{name}.npy') for name in ('pixels', 'mask'))
    print(json.dumps(WORKERS[options.worker](pixels, mask, options)))


# starting the processes


def _process(worker, path, *, threads=1, sepmed=True, repeats=1):
    """Run a worker with a number of threads, and return its measurements."""
    command = [sys.executable, __file__, '--worker', worker, '--scene', path]
    command += ['--threads', str(threads), '--repeats', str(repeats)] + ['--full-medians'] * (not sepmed)
    environment = os.environ | {name: str(threads) for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS')}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])  # other packages may print as well


@contextmanager
def _saved_scene(*args):
    """Simulate a scene and save it; the value is the path for the processes."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / 'scene')
        for name, array in zip(('pixels', 'mask'), scene(*args), strict=True):
            np.save(f'{path}.{name}.npy', array)
        yield path


def measure_large(options):
    """Return the measurements of the engine for the large frames."""
    results = []
    for name, shape, area in LARGE:
        with _saved_scene(shape, False, area) as path:
            measured = _process('engine', path, repeats=min(options.repeats, 3))
            results.append({'name': name, 'shape': shape, 'engine': measured})
    return results


def compare(size, crowded, options):
    """Return the measurements for one frame."""
    with _saved_scene((size, size), crowded) as path:
        result = {'size': size, 'crowded': crowded}
        times = options.repeats
        for sepmed in (True, False) if not crowded else (True,):
            name = 'sepmed' if sepmed else 'full medians'
            slow = times if size <= 1024 else 1
            result[name] = {
                'engine': _process('engine', path, sepmed=sepmed, repeats=times),
                'drop-in': _process('drop_in', path, sepmed=sepmed, repeats=times),
                'reference': _process('reference', path, sepmed=sepmed, repeats=slow),
            }
        if not crowded:
            result['all cores'] = {
                'engine': _process('engine', path, threads=CORES, repeats=times),
                'drop-in': _process('drop_in', path, threads=CORES, repeats=times),
                'reference': _process('reference', path, threads=CORES),
            }
            result['new process'] = _process('fresh_process', path, repeats=times)
            result['lacosmic'] = _process('peer', path) if options.peers else {}
    return result


def report(result):
    """Yield the lines of a table of the measurements."""
    yield f'\n{result["size"]} x {result["size"]}, ' + ('crowded' if result['crowded'] else 'simulated')
    for name in ('sepmed', 'full medians', 'all cores'):
        if name in result:
            yield from _rows(name, result[name])
    if result.get('new process'):
        yield '  new process: imports {imports:.2f} s, first result {first:.2f} s'.format(**result['new process'])
    if result.get('lacosmic'):
        yield f'  lacosmic: {result["lacosmic"]["first"]:.2f} s, {result["lacosmic"]["memory"]:.0f} MiB'


def report_large(results):
    """Yield the lines of a table of the measurements for the large frames."""
    for result in results:
        pixels, times = result['shape'][0] * result['shape'][1], result['engine']
        yield f'\n{result["name"]}: {times["flagged"]} pixels'
        yield from (f'    {key:14s} {1e3 * times[key]:9.1f} ms' for key in times if key not in NO_TIMES)
        megabytes = times['memory']
        yield f'    {"memory":14s} {megabytes:9.0f} MiB  {megabytes * 2**20 / (4 * pixels):.2f} of the frame in float32'


def _rows(name, result):
    engine, reference = result['engine'], result['reference']
    yield f'  {name}: ccdproc {reference["first"]:.2f} s, {reference["memory"]:.0f} MiB; {engine["flagged"]} pixels'
    times = {'drop-in': result['drop-in']['first']} | engine
    for key, seconds in times.items():
        if key not in NO_TIMES:
            yield f'    {key:14s} {1e3 * seconds:9.1f} ms   1/{reference["first"] / seconds:.0f}'
    ratio = engine['memory'] / max(reference['memory'], 1)
    yield f'    {"memory":14s} {engine["memory"]:9.0f} MiB  {ratio:.2f} of ccdproc'


def growth(results):
    """Yield the exponents of the growth of time with the number of pixels, between successive sizes."""
    plain = [result for result in results if not result['crowded']]
    for small, large in pairwise(plain):
        pixels = np.log((large['size'] / small['size']) ** 2)
        for who in ('engine', 'reference'):
            ratio = large['sepmed'][who]['first'] / small['sepmed'][who]['first']
            yield f'  {who}, {small["size"]} to {large["size"]}: time ~ pixels ** {np.log(ratio) / pixels:.2f}'


def machine():
    """Return what affects the times: the processor, its load, and the versions."""
    lines = Path('/proc/cpuinfo').read_text().splitlines()
    model = next((line.split(':')[1].strip() for line in lines if line.startswith('model name')), platform.machine())
    names = ('ginga-crplugin', 'astroscrappy', 'ccdproc', 'numba', 'numpy')
    return {
        'processor': model,
        'cores': CORES,
        'load before': round(os.getloadavg()[0], 1),
        'date': time.strftime('%Y-%m-%d'),
        'python': platform.python_version(),
    } | {name: version(name) for name in names}


def main():
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--sizes', default='1024,2048,4096', help='sides of the frames, in pixels')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--json', action='store_true')
    parser.add_argument('--output', type=Path, help='also write the measurements to this file, as JSON')
    parser.add_argument('--no-peers', dest='peers', action='store_false')
    parser.add_argument('--no-crowded', dest='crowded', action='store_false')
    parser.add_argument('--no-large', dest='large', action='store_false')
    for hidden in ('--worker', '--scene'):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument('--threads', type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument('--full-medians', dest='sepmed', action='store_false', help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        _work(options)
        return
    results, about = [], machine()
    for size in map(int, options.sizes.split(',')):
        for crowded in (False, True) if options.crowded else (False,):
            results.append(compare(size, crowded, options))
            if not options.json:
                print(*report(results[-1]), sep='\n', flush=True)
    large = measure_large(options) if options.large else []
    measurements = {'machine': about, 'results': results, 'large': large}
    if options.output:
        options.output.write_text(json.dumps(measurements, indent=1) + '\n')
    if options.json:
        print(json.dumps(measurements, indent=2))
    else:
        print(*report_large(large), sep='\n')
        print('\ngrowth', *growth(results), sep='\n')


if __name__ == '__main__':
    main()
