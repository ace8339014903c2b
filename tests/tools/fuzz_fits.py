"""Read, search and write into damaged FITS files: python -m tests.tools.fuzz_fits --cases 10000 --seed 0.

Each file is a small real or simulated frame with one or more kinds of damage. The command must give a result, or exit
with 1 and a one-line error, in bounded memory and time; so must the functions that it calls.
"""

import argparse
import contextlib
import faulthandler
import io
import multiprocessing
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from multiprocessing.connection import wait
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np
from astropy.io import fits

from tests.tools.damage import damaged, sources

#: Limits of a worker: bytes of memory in addition to what is loaded, seconds of CPU time per case, more seconds for
#: imports before the first case, and seconds of wall time.
MEMORY, SECONDS, LOADING, WAITING = 1 << 30, 20.0, 60.0, 600.0

# operations on the files


def command(*args):
    """Run the command; return the exit code and its stderr."""
    from ginga_crplugin.cli.main import main

    stderr = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(stderr):
        code = main(list(map(str, args)))
    return code, stderr.getvalue()


def classify(code, stderr):
    """Return the outcome of a command as text, 'bad: ...' if it is not allowed."""
    lines = stderr.splitlines()
    if code == 0:
        return 'result' if all(': warning: ' in line for line in lines) else f'bad: a result, and {stderr!r}'
    if code != 1 or len(lines) != 1 or not lines[0].startswith('ginga-crplugin: ') or not stderr.strip().isprintable():
        return f'bad: exit {code}, {stderr!r}'
    return 'refused'


def process(path):
    """Search a file, check it, and write into it; return the outcome as text."""
    from ginga_crplugin import read_dark, read_frame, read_mask

    out = path.with_name('out.fits')
    found = classify(*command('detect', path, '-o', out, '--overwrite'))
    if found.startswith('bad'):
        return found
    checked = classify(*command('check', path))
    if checked != found and not (found == 'refused' and checked == 'result'):  # check runs no detection
        return checked if checked.startswith('bad') else f'bad: detect {found}, check {checked}'
    for read in (read_frame, read_mask, lambda path: read_dark(path, 400.0)):
        with contextlib.suppress(ValueError, OSError):
            read(path)
    if found == 'result':
        with fits.open(out) as hdus:
            assert {'MASK', 'DQ', 'CRSEG'} <= {hdu.name for hdu in hdus}
        before = path.read_bytes()
        into = classify(*command('detect', path, '--into'))
        if into.startswith('bad') or (into == 'refused' and path.read_bytes() != before):
            return f'bad: into: {into}'
        found = f'{found}, {"written into" if into == "result" else "not written into"}'
    return found


def work(connection, folder, memory):
    """Run the requested cases in a process with limited memory."""
    import resource

    from ginga_crplugin.core.frame import Frame
    from ginga_crplugin.core.lacosmic import compilation
    from ginga_crplugin.core.lacosmic.detect import detect

    warnings.simplefilter('ignore')
    faulthandler.enable()
    sources()
    compilation.usable()
    detect(Frame(np.random.default_rng(0).normal(300.0, 12.0, (48, 40))))
    used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + memory, used + memory))
    path = Path(folder) / 'frame.fits'
    while True:
        seed = connection.recv()
        what, content = damaged(seed)
        path.write_bytes(content)
        try:
            found = process(path)
        except BaseException:
            found = f'bad: {traceback.format_exc()}'
        connection.send((seed, what, found))


class Worker:
    """A process that runs cases and is killed if one exceeds the limits."""

    def __init__(self, context, folder):
        self._context, self._folder = context, folder
        self._start()

    def _start(self):
        self.connection, other_end = self._context.Pipe()
        self._process = self._context.Process(target=work, args=(other_end, self._folder, MEMORY), daemon=True)
        self._process.start()
        other_end.close()
        self._is_new = True

    def begin(self, seed):
        self.seed, self.began, self._start_time = seed, time.monotonic(), self._cpu_time()
        self.connection.send(seed)

    def _cpu_time(self):
        """Return the CPU time of the process in seconds."""
        try:
            values = Path(f'/proc/{self._process.pid}/stat').read_text().rpartition(')')[2].split()
        except OSError:  # not Linux, or dead
            return 0.0
        return (int(values[11]) + int(values[12])) / os.sysconf('SC_CLK_TCK')

    def answer(self):
        """Return the outcome of the case; None while it runs."""
        self.seconds = self._cpu_time() - self._start_time
        if self.connection.poll():
            try:
                self._is_new = False
                return self.connection.recv()
            except EOFError:
                self._process.join()
                problem = f'bad: the process died, {self._process.exitcode}'
        elif self.seconds < SECONDS + LOADING * self._is_new and time.monotonic() - self.began < WAITING:
            return None
        else:
            problem = f'bad: it took more than {SECONDS:g} s'
        self.end()
        self._start()
        return self.seed, damaged(self.seed)[0], problem

    def end(self):
        self._process.kill()
        self._process.join()
        self.connection.close()


def run(seeds, workers=2):
    """Run cases; yield the seed, the damage, the outcome and the CPU time."""
    context = multiprocessing.get_context('spawn')
    seeds = iter(seeds)
    with tempfile.TemporaryDirectory() as folder:
        folders = [Path(folder) / str(number) for number in range(workers)]
        for each in folders:
            each.mkdir()
        busy = [Worker(context, each) for each in folders]
        try:
            for worker in busy:
                worker.begin(next(seeds))
            while busy:
                wait([worker.connection for worker in busy], 1.0)
                for worker in list(busy):
                    answer = worker.answer()
                    if answer is None:
                        continue
                    yield (*answer, worker.seconds)
                    seed = next(seeds, None)
                    if seed is None:
                        worker.end()
                        busy.remove(worker)
                    else:
                        worker.begin(seed)
        finally:
            for worker in busy:
                worker.end()


def main():
    """Run the cases and print the count of each outcome; the exit code is 1 if any is bad."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--cases', type=int, default=10000)
    parser.add_argument('--seed', type=int, default=0, help='seed of the first case; the others follow')
    parser.add_argument('--workers', type=int, default=os.cpu_count())
    options = parser.parse_args()
    counts, slowest, start = Counter(), 0.0, time.monotonic()
    for seed, what, found, seconds in run(range(options.seed, options.seed + options.cases), options.workers):
        if found.startswith('bad'):
            print(f'case {seed} ({what}): {found}', flush=True)
        counts[found.split(':')[0]] += 1
        slowest = max(slowest, seconds if counts.total() > options.workers else 0.0)  # the first cases include imports
    for outcome, count in counts.most_common():
        print(f'{count:6d}  {outcome}')
    print(f'{sum(counts.values())} files in {time.monotonic() - start:.0f} s, the slowest took {slowest:.1f} s')
    sys.exit(1 if counts['bad'] else 0)


if __name__ == '__main__':
    main()
