"""Have broken FITS files read, searched and written into: python -m tests.tools.fuzz_fits --cases 10000 --seed 0.

Each is made of a small real or simulated frame, spoilt in one way or more. The command must end with a result, or with
1 and one line that says why, in bounded memory and time; and so must the functions behind it.
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

from tests.tools.spoil import sources, spoilt

#: Bytes of memory that a worker may take on top of what it has loaded, and for a case the seconds of work, those of
#: loading all before the first, and those of waiting for others on the same machine.
MEMORY, SECONDS, LOADING, WAITING = 1 << 30, 20.0, 60.0, 600.0

# what is done with them


def command(*args):
    """Run the command; return the exit code, and what it printed on stderr."""
    from ginga_crplugin.cli.main import main

    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        code = main(list(map(str, args)))
    return code, said.getvalue()


def judged(code, said):
    """Return in words what came of a command, 'bad: ...' where it is not as it must be."""
    lines = said.splitlines()
    if code == 0:
        return 'result' if all(': warning: ' in line for line in lines) else f'bad: a result, and {said!r}'
    if code != 1 or len(lines) != 1 or not lines[0].startswith('ginga-crplugin: ') or not said.strip().isprintable():
        return f'bad: exit {code}, {said!r}'
    return 'refused'


def tried(path):
    """Search a file, check it, and write into it; return in words what came of it."""
    from ginga_crplugin import read_dark, read_frame, read_mask

    out = path.with_name('out.fits')
    found = judged(*command('detect', path, '-o', out, '--overwrite'))
    if found.startswith('bad'):
        return found
    checked = judged(*command('check', path))
    if checked != found and not (found == 'refused' and checked == 'result'):  # the check searches nothing
        return checked if checked.startswith('bad') else f'bad: detect {found}, check {checked}'
    for read in (read_frame, read_mask, lambda path: read_dark(path, 400.0)):
        with contextlib.suppress(ValueError, OSError):
            read(path)
    if found == 'result':
        with fits.open(out) as hdus:
            assert {'MASK', 'DQ', 'CRSEG'} <= {hdu.name for hdu in hdus}
        before = path.read_bytes()
        into = judged(*command('detect', path, '--into'))
        if into.startswith('bad') or (into == 'refused' and path.read_bytes() != before):
            return f'bad: into: {into}'
        found = f'{found}, {"written into" if into == "result" else "not written into"}'
    return found


def work(connection, folder, memory):
    """Do cases as they are asked for, in a process that may take no more memory than this."""
    import resource

    from ginga_crplugin.core.frame import Frame
    from ginga_crplugin.core.lacosmic import compilation
    from ginga_crplugin.core.lacosmic.detect import detect

    warnings.simplefilter('ignore')
    faulthandler.enable()
    sources()
    compilation.usable()
    detect(Frame(np.random.default_rng(0).normal(300.0, 12.0, (48, 40))))
    taken = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + memory, taken + memory))
    path = Path(folder) / 'frame.fits'
    while True:
        seed = connection.recv()
        what, content = spoilt(seed)
        path.write_bytes(content)
        try:
            found = tried(path)
        except BaseException:
            found = f'bad: {traceback.format_exc()}'
        connection.send((seed, what, found))


class Worker:
    """A process that does cases, and is ended where one takes too long."""

    def __init__(self, context, folder):
        self._context, self._folder = context, folder
        self._start()

    def _start(self):
        self.connection, theirs = self._context.Pipe()
        self._process = self._context.Process(target=work, args=(theirs, self._folder, MEMORY), daemon=True)
        self._process.start()
        theirs.close()
        self._fresh = True

    def begin(self, seed):
        self.seed, self.began, self._worked = seed, time.monotonic(), self._work()
        self.connection.send(seed)

    def _work(self):
        """Seconds that the process has worked."""
        try:
            words = Path(f'/proc/{self._process.pid}/stat').read_text().rpartition(')')[2].split()
        except OSError:  # not Linux, or dead
            return 0.0
        return (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')

    def answer(self):
        """Return what came of the case; None while it goes on."""
        self.seconds = self._work() - self._worked
        if self.connection.poll():
            try:
                self._fresh = False
                return self.connection.recv()
            except EOFError:
                self._process.join()
                why = f'bad: the process died, {self._process.exitcode}'
        elif self.seconds < SECONDS + LOADING * self._fresh and time.monotonic() - self.began < WAITING:
            return None
        else:
            why = f'bad: it took more than {SECONDS:g} s'
        self.end()
        self._start()
        return self.seed, spoilt(self.seed)[0], why

    def end(self):
        self._process.kill()
        self._process.join()
        self.connection.close()


def run(seeds, workers=2):
    """Do cases; yield the seed, what was done to what, in words what came of it, and the seconds of work."""
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
    """Run the cases and print the count of each outcome; the exit code is 1 where any is bad."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--cases', type=int, default=10000)
    parser.add_argument('--seed', type=int, default=0, help='the first case; the others follow')
    parser.add_argument('--workers', type=int, default=os.cpu_count())
    options = parser.parse_args()
    counts, slowest, start = Counter(), 0.0, time.monotonic()
    for seed, what, found, seconds in run(range(options.seed, options.seed + options.cases), options.workers):
        if found.startswith('bad'):
            print(f'case {seed} ({what}): {found}', flush=True)
        counts[found.split(':')[0]] += 1
        slowest = max(slowest, seconds if counts.total() > options.workers else 0.0)  # the first load all
    for words, count in counts.most_common():
        print(f'{count:6d}  {words}')
    print(f'{sum(counts.values())} files in {time.monotonic() - start:.0f} s, the slowest took {slowest:.1f} s')
    sys.exit(1 if counts['bad'] else 0)


if __name__ == '__main__':
    main()
