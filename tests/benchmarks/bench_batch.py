"""Benchmark of a batch: two processes, one process, copying, and a loop over ccdproc; the outputs are compared.

    python tests/benchmarks/bench_batch.py                     200 frames of 2048 x 2048
    python tests/benchmarks/bench_batch.py --frames 40 --size 1024 --reference 4

Each run is the ``apply`` command, including reading and writing. The time per frame is measured from when every process
has finished one frame until the last frame is finished. The loop over ccdproc.cosmicray_lacosmic reads, processes and
writes some of the same frames, with its default number of threads. The time since the start of a command is given too.
The copies are the least that a batch must do: as many processes read each frame and write as many bytes as its output
has, with the system call ``fsync`` after each file, as ``cp`` and ``sync`` do.
Memory is the peak of the sum over all processes of a run (the proportional set size if available, so that shared pages
count once).
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
from astropy.io import fits
from distributed import as_completed

from ginga_crplugin import MaskBit, Recipe, save_recipe
from ginga_crplugin.batch.cluster import local_client
from ginga_crplugin.core.input_mask import MaskSource
from ginga_crplugin.demo.demo import DARK_LIMIT
from ginga_crplugin.demo.simulation import simulate

LOOP = """
import sys
from pathlib import Path
import ccdproc
import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData

out, dark, limit, *frames = sys.argv[1:]
hot = fits.getdata(dark) > float(limit)
for frame in frames:
    ccd = CCDData.read(frame, unit='adu')
    ccd.mask = hot
    found = ccdproc.cosmicray_lacosmic(
        ccd, sigclip=4.5, sigfrac=0.3, objlim=5.0, gain=ccd.header['GAIN'] * u.electron / u.adu,
        readnoise=ccd.header['RDNOISE'] * u.electron, satlevel=ccd.header['SATURATE'] * ccd.header['GAIN'],
        gain_apply=False,
    )
    ccd.mask = found.mask
    ccd.write(Path(out) / Path(frame).name)
    print(frame, flush=True)
"""

COPY = """
import os
import sys

out, size, *frames = sys.argv[1:]
buffer = memoryview(bytearray(1 << 18))
for frame in frames:
    copy = os.path.join(out, os.path.basename(frame))
    with open(frame, 'rb', buffering=0) as source, open(copy, 'wb', buffering=0) as target:
        while count := source.readinto(buffer):
            target.write(buffer[:count])
        while (left := int(size) - target.tell()) > 0:
            target.write(buffer[:left])
        os.fsync(target.fileno())
    print(frame, flush=True)
"""


def make_batch(folder, count, size):
    """Write different frames and a dark, and return the frames and the recipe."""
    scenes = [simulate((size, size), seed) for seed in range(min(count, 5))]
    rng = np.random.default_rng(0)
    dark = scenes[0].dark.data
    fits.writeto(folder / 'dark.fits', dark)
    hot = dark > DARK_LIMIT
    frames = []
    for number in range(count):
        scene = scenes[number % len(scenes)]
        data = np.roll(scene.ccd.data, rng.integers(0, size, 2), (0, 1))
        data[hot] = np.maximum(data[hot], dark[hot])
        frames.append(folder / f'frame{number:04}.fits')
        fits.writeto(frames[-1], data, scene.ccd.header)
    recipe = Recipe(masks=(MaskSource(folder / 'dark.fits', None, MaskBit.HOT, DARK_LIMIT),))
    return frames, save_recipe(recipe, folder / 'recipe.yaml')


def memory(process):
    """Return the memory of a process and its children (MiB)."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                info = one.memory_full_info()
                total += getattr(info, 'pss', info.rss)
    return total / 2**20


def timed(command, count, jobs=1):
    """Run a command that prints a line per frame, and return its times (second) and peak memory (MiB).

    The times are: per frame after each process has finished one, until then, until the last frame, and in total.
    """
    start = time.perf_counter()
    running = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    process, lines, moments = psutil.Process(running.pid), [], []

    def read():
        for line in running.stdout:
            lines.append(line)
            moments.append(time.perf_counter() - start)

    reader = threading.Thread(target=read)
    reader.start()
    peak = 0.0
    while running.poll() is None:
        peak = max(peak, memory(process))
        time.sleep(3.0)  # measuring slows down the process
    seconds = time.perf_counter() - start
    reader.join()
    if running.returncode:
        raise SystemExit(f'{command} failed:\n{"".join(lines)}')
    first, last = moments[jobs - 1], moments[count - 1]
    return {
        'per_frame': (last - first) / (count - jobs),
        'first': first,
        'seconds': last,
        'with_report': seconds,
        'peak_mib': peak,
    }


def apply(frames, recipe, out, jobs):
    """Apply the recipe, and return the measurements and the checksum of every output by name."""
    command = [sys.executable, '-m', 'ginga_crplugin', 'apply', recipe, *frames, '-o', out, '-j', jobs]
    figures = timed(command, len(frames), jobs)
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.glob('*_crmask.fits'))}
    return figures, sums


def copy(frames, size, out, jobs):
    """Return the time (second) per frame of processes that read the frames and write files of a size in bytes."""
    out.mkdir()
    parts = [frames[first::jobs] for first in range(jobs)]
    start = time.perf_counter()
    running = [
        subprocess.Popen([sys.executable, '-S', '-c', COPY, out, str(size), *part], stdout=subprocess.DEVNULL)
        for part in parts
    ]
    if any([process.wait() for process in running]):
        raise SystemExit('copying failed')
    seconds = time.perf_counter() - start
    shutil.rmtree(out)
    return seconds / len(frames)


def overhead(tasks=2000):
    """Return the time (second) that Dask takes for an empty task, with a few submitted at a time."""
    with local_client(2) as client:
        start = time.perf_counter()
        waiting = as_completed([client.submit(int, number, pure=False) for number in range(4)])
        for number, _ in enumerate(waiting, 4):
            if number < tasks:
                waiting.add(client.submit(int, number, pure=False))
        return (time.perf_counter() - start) / tasks


def differing(outputs, loop):
    """Return the number of pixels that differ from the masks of the loop."""
    count = 0
    for path in loop:
        dq = fits.getdata(outputs / f'{path.stem}_crmask.fits', 'DQ')
        ours = dq & ~(MaskBit.SATURATED | MaskBit.CR_TAIL) != 0  # these are included in our mask only
        count += np.count_nonzero(ours != (fits.getdata(path, 'MASK') != 0))
    return int(count)


def run(count, size, reference):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frames, recipe = make_batch(folder, count, size)
        apply(frames[:2], recipe, folder / 'first', 1)  # compile the kernels
        figures, sums = {'frames': count, 'size': size, 'cores': os.cpu_count()}, {}
        for jobs in (1, 2):
            out = folder / f'out{jobs}'
            figures[f'jobs{jobs}'], sums[jobs] = apply(frames, recipe, out, jobs)
            written = (out / next(iter(sums[jobs]))).stat().st_size
            figures[f'copy{jobs}'] = copy(frames, written, folder / 'copy', jobs)
            figures[f'against_copy{jobs}'] = figures[f'jobs{jobs}']['per_frame'] / figures[f'copy{jobs}']
            if jobs == 1:
                shutil.rmtree(out)
        (folder / 'loop').mkdir()
        some = frames[:: max(1, count // reference)][:reference]
        command = [sys.executable, '-c', LOOP, folder / 'loop', folder / 'dark.fits', DARK_LIMIT, *some]
        figures['loop'] = timed(command, len(some)) | {'frames': len(some)}
        figures['files'] = len(sums[1])
        figures['files_that_differ'] = len(sums[1].items() ^ sums[2].items()) // 2
        figures['pixels_that_differ_from_ccdproc'] = differing(out, sorted((folder / 'loop').iterdir()))
        figures['bytes_read'] = frames[0].stat().st_size
        figures['bytes_written'] = written
    figures['overhead'] = overhead()
    for name, key in (('', 'per_frame'), ('_with_start', 'seconds')):
        figures[f'two_against_one{name}'] = figures['jobs1'][key] / figures['jobs2'][key]
    figures['against_ccdproc'] = figures['loop']['per_frame'] / figures['jobs2']['per_frame']
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--frames', type=int, default=200)
    parser.add_argument('--size', type=int, default=2048)
    parser.add_argument('--reference', type=int, default=6, help='frames for the loop over ccdproc')
    parser.add_argument('--write', type=Path, help='a JSON file for the figures, as the docs have one')
    args = parser.parse_args()
    text = json.dumps(run(args.frames, args.size, args.reference), indent=2)
    print(text)
    if args.write:
        args.write.write_text(text + '\n')


if __name__ == '__main__':
    main()
