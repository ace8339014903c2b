"""Read, search and write into unusual and damaged FITS files: python -m tests.tools.fuzz_fits --cases 10000 --seed 0.

Half of the files have unusual cards and planes, half are small real or simulated frames with one or more kinds of
damage. Each is given to one command or function, with one of several options. It must give a result that can be read
again, or exit with 1 and a one-line error, in bounded memory and time.
"""

import argparse
import bz2
import contextlib
import faulthandler
import functools
import gc
import gzip
import io
import json
import lzma
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

from tests.tools.damage import damage, damaged, sources
from tests.tools.unusual import BLOCK, unusual

#: Limits of a worker: bytes of memory in addition to what is loaded, seconds of CPU time per case, more seconds for
#: imports before the first case, and seconds of wall time.
MEMORY, SECONDS, LOADING, WAITING = 1 << 30, 20.0, 60.0, 600.0

#: Options of ``detect``.
OPTIONS = (
    *((), (), (), (), ('--cleaned',), ('--no-own-masks',), ('--json',), ('--unit', 'adu'), ('--unit', 'electron')),
    *(('--gain', '2', '--readnoise', '5'), ('--background', '{}[MODEL]'), ('--variance', '{}[VAR]')),
    *(('--variance', 'own'), ('--variance', 'amplifiers'), ('--dq-bits', 'any'), ('--dq-bits', '1,4')),
    *(('--dq', name, '--allow-mosaic') for name in ('hst', 'jwst', 'roman', 'rubin')),
)


def case(seed):
    """Return a description and the HDUs of a file as bytes, a single part if it is damaged."""
    rng = np.random.default_rng((seed, 0))
    if rng.random() < 0.5:
        what, content = damaged(seed)
        return what, [content]
    what, hdus = unusual(rng)
    if rng.random() < 0.15:
        content, done = damage(b''.join(hdus), rng)
        return f'{what}: {done}', [content]
    return what, hdus


# operations on the files


def command(*args):
    """Run the command; return the exit code, its stdout and its stderr."""
    from ginga_crplugin.cli.main import main

    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main(list(map(str, args)))
    return code, stdout.getvalue(), stderr.getvalue()


def classify(code, stdout, stderr):
    """Return the outcome of a command as text, 'bad: ...' if it is not allowed."""
    lines = stderr.splitlines()
    if code == 0:
        if stdout.startswith('{'):
            json.loads(stdout)
        return 'result' if all(': warning: ' in line for line in lines) else f'bad: a result, and {stderr!r}'
    if code != 1 or len(lines) != 1 or not lines[0].startswith('ginga-crplugin: ') or not stderr.strip().isprintable():
        return f'bad: exit {code}, {stderr!r}'
    return 'refused'


def decompressed(content):
    """Return a file without its compression."""
    for magic, function in ((b'\x1f\x8b', gzip.decompress), (b'BZh', bz2.decompress), (b'\xfd7zXZ', lzma.decompress)):
        if content.startswith(magic):
            return function(content)
    return content


def check_output(path):
    """Assert that the extensions of a mask are complete."""
    content = decompressed(path.read_bytes())
    with fits.open(io.BytesIO(content), ignore_missing_simple=True) as hdus:
        made = {hdu.name: hdu.fileinfo() for hdu in hdus if 'CRPBITS' in hdu.header}
    assert {'MASK', 'CRSEG'} <= set(made), set(made)
    assert {'DQ', 'CRDQ'} & set(made), set(made)
    for name, at in made.items():
        if name in ('MASK', 'CRSEG'):
            part = content[at['hdrLoc'] : at['datLoc'] + at['datSpan']]
            assert len(part) == at['datLoc'] + at['datSpan'] - at['hdrLoc'], f'{name} is cut off'
            assert not np.frombuffer(part, '>u4').sum(dtype=np.uint64) % 0xFFFFFFFF, f'the checksum of {name} is wrong'


def search(path, options):
    """Write a new file, which must be complete, and can be added to the frame."""
    from ginga_crplugin import read_frame
    from ginga_crplugin.io.read import add_saved_mask

    out = path.with_name('out.fits')
    found = classify(*command('detect', path, '-o', out, '--overwrite', *options))
    if found == 'result':
        check_output(out)
        unit = options[1] if '--unit' in options else None
        assert add_saved_mask(read_frame(path, unit=unit), out).saved is not None
    return found


def write_into(path, options, hdus=()):
    """Write into the file, which keeps the bytes of its other HDUs, and is not changed if it is refused."""
    from ginga_crplugin import read_frame

    before = path.read_bytes()
    found = classify(*command('detect', path, '--into', *options))
    after = path.read_bytes()
    if found == 'result':
        check_output(path)
        unit = options[1] if '--unit' in options else None
        assert read_frame(path, unit=unit).saved is not None
        lost = [number for number, hdu in enumerate(hdus) if hdu[BLOCK:] not in after]
        return f'bad: HDUs {lost} were changed' if lost else 'written into'
    return 'bad: changed, and refused' if found == 'refused' and after != before else found


def search_and_check(path, options):
    """Search the file and check it: both give a result, or none."""
    found, checked = search(path, options), classify(*command('check', path))
    if found.startswith('bad') or checked == found or (found == 'refused' and checked == 'result'):
        return found
    return checked if checked.startswith('bad') else f'bad: detect {found}, check {checked}'


def read(path, options):
    """Read the file as a frame, a mask and a dark."""
    from ginga_crplugin import read_dark, read_frame, read_mask

    found = 'refused'
    for function in (read_frame, read_mask, lambda path: read_dark(path, 400.0)):
        try:
            function(path)
            found = 'read'
        except (ValueError, OSError) as error:
            if not str(error).isprintable():
                return f'bad: {error}'
    return found


def process(path, seed, hdus):
    """Do one of the operations; return the outcome as text."""
    rng = np.random.default_rng((seed, 1))
    options = [option.format(path) for option in OPTIONS[rng.integers(len(OPTIONS))]]
    kind = rng.random()
    if kind < 0.4:
        return search(path, options)
    if kind < 0.7:
        return write_into(path, options, hdus if len(hdus) > 1 else ())
    if kind < 0.8:
        return classify(*command('check', path, '--json'))
    return search_and_check(path, ()) if kind < 0.9 else read(path, options)


def work(connection, folder, limit):
    """Run the requested cases in a process with limited memory."""
    import resource

    from ginga_crplugin.cli import parser
    from ginga_crplugin.core.frame import Frame
    from ginga_crplugin.core.lacosmic import compilation
    from ginga_crplugin.core.lacosmic.detect import detect
    from ginga_crplugin.io import memory

    warnings.simplefilter('ignore')
    faulthandler.enable()
    for module, name in ((parser, 'build_parser'), (memory, 'available_memory')):
        setattr(module, name, functools.cache(getattr(module, name)))
    for name in ('enable_record_valued_keyword_cards', 'strip_header_whitespace', 'use_memmap'):
        setattr(type(fits.conf), name, getattr(fits.conf, name))  # looked up for each card
    sources()
    compilation.usable()
    detect(Frame(np.random.default_rng(0).normal(300.0, 12.0, (48, 40))))
    used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + limit, used + limit))
    gc.freeze()
    path = Path(folder) / 'frame.fits'
    while True:
        seed = connection.recv()
        what, hdus = case(seed)
        path.write_bytes(b''.join(hdus))
        try:
            found = process(path, seed, hdus)
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
        return self.seed, case(self.seed)[0], problem

    def end(self):
        self._process.kill()
        self._process.join()
        self.connection.close()


def run(seeds, workers=2):
    """Run cases; yield the seed, the damage, the outcome and the CPU time."""
    context = multiprocessing.get_context('spawn')
    seeds = iter(seeds)
    memory = '/dev/shm' if Path('/dev/shm').is_dir() else None  # nothing waits for a disk
    with tempfile.TemporaryDirectory(dir=memory) as folder:
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
    try:
        for seed, what, found, seconds in run(range(options.seed, options.seed + options.cases), options.workers):
            if found.startswith('bad'):
                print(f'case {seed} ({what}): {found}', flush=True)
            counts[found.split(':')[0]] += 1
            if counts.total() > options.workers:  # the first cases include imports
                slowest = max(slowest, seconds)
    except KeyboardInterrupt:
        print('interrupted')
    for outcome, count in counts.most_common():
        print(f'{count:6d}  {outcome}')
    print(f'{sum(counts.values())} files in {time.monotonic() - start:.0f} s, the slowest took {slowest:.1f} s')
    sys.exit(1 if counts['bad'] else 0)


if __name__ == '__main__':
    main()
