"""All kinds of saves, for tests that kill them or make them fail: the files before, and the save.

`python -m tests.tools.saves` is the process that saves: it imports everything once and forks for each save. A new kind
of save gets a line in `SAVES`.
"""

import functools
import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from ginga_crplugin import Detection, LACosmicParams, Recipe, merge_mask, read_frame, save_mask, segment
from ginga_crplugin.batch.job import Job, Outcome, process
from ginga_crplugin.figures.contact_sheet import contact_sheet
from ginga_crplugin.figures.overview import save_overview
from ginga_crplugin.io.atomic import TEMPORARY_NAME, remove_leftovers
from ginga_crplugin.io.bad_pixel_mask import make_mask
from ginga_crplugin.io.review_cache import ReviewCache
from ginga_crplugin.recipe.format import save_recipe
from ginga_crplugin.report.page import write_report
from tests.companions import image, parts, with_companions, write

SHAPE = (48, 40)
HEADER = fits.Header({'BUNIT': 'adu', 'GAIN': 1.5, 'RDNOISE': 8.0})


def found(path):
    """Return a frame, and a detection and segments with two tracks."""
    frame = read_frame(path)
    crmask = np.zeros(frame.shape, dtype=bool)
    crmask[20, 20:25] = crmask[35:37, 8] = True
    cleaned = np.where(crmask, 300.0, frame.ccd.data).astype(np.float32)
    detection = Detection.from_images(LACosmicParams(), crmask, cleaned, np.ones(frame.shape, bool), (7, 0), 'none')
    return frame, detection, segment(frame, detection)


def prepare(folder):
    """Write the frames."""
    pixels = np.random.default_rng(3).normal(300.0, 12.0, SHAPE).astype('f4')
    fits.PrimaryHDU(pixels, HEADER).writeto(folder / 'plain.fits', checksum=True)
    (folder / 'compressed.fits.gz').write_bytes(gzip.compress((folder / 'plain.fits').read_bytes(), mtime=0))
    table = np.array([(1, 'abc'), (2, 'de')], dtype=[('a', 'i4'), ('b', 'S3')])
    hdus = [
        fits.PrimaryHDU(),
        fits.ImageHDU(pixels, HEADER, name='SCI'),
        fits.CompImageHDU(pixels.astype('i4'), name='RAW'),
        fits.BinTableHDU(table, name='LOG'),
        fits.TableHDU.from_columns(fits.ColDefs(table), name='ASCII'),
    ]
    fits.HDUList(hdus).writeto(folder / 'mef.fits', checksum=True)
    chips = (image('SCI', pixels + np.float32(ver), ver, **HEADER) for ver in (1, 2))
    planes = [hdu for chip in chips for hdu in with_companions(chip, np.sqrt(pixels))]
    write(folder / 'planes.fits', *planes)


def mask(folder, name='plain.fits', path=None, **options):
    frame, detection, segments = found(folder / name)
    save_mask(frame, detection, segments, path and folder / path, **options)


def save_sheet(folder, name, per_page):
    frame, detection, segments = found(folder / 'plain.fits')
    images = [('mask', merge_mask(frame, detection)), ('science', frame.ccd.data)]
    contact_sheet(folder / name, segments, [1, 2], images, per_page=per_page, overwrite=True)


def overview(folder):
    save_overview(folder / 'overview.png', *found(folder / 'plain.fits')[:2])


def review(folder, count=3):
    ReviewCache(folder / 'reviews').save('key', 1, np.arange(count), np.ones(count, np.uint8))


def recipe(folder, **options):
    save_recipe(Recipe({'sigclip': 6.0}), folder / 'recipe.yaml', **options)


def batch(folder, name='plain', index=0, **options):
    """Process a frame of a batch, and raise the reason if it fails."""
    outcome = process(
        Recipe(), Job(str(folder / f'{name}.fits'), index, str(folder / f'{name}_crmask.fits')), **options
    )
    if outcome.status == 'failed':
        raise OSError(outcome.reason)


def report(folder):
    outcomes = [Outcome(str(folder / 'plain.fits'), 0, str(folder / 'plain_crmask.fits'), 'done', pixels=7, segments=2)]
    write_report(folder, outcomes, Recipe())


def pixel_mask(folder):
    make_mask(folder / 'pixels.fits', dark=folder / 'plain.fits', limit=330.0)


def nothing(folder):
    pass


def old(name):
    """Return a function that writes an existing file of this name."""
    return lambda folder: (folder / name).write_bytes(b'an older file of that name')


#: The saves by name: preparation, and the save itself.
SAVES = {
    'new': (nothing, mask),
    'new, replacing': (old('plain_crmask.fits'), functools.partial(mask, overwrite=True)),
    'new, compressed': (nothing, functools.partial(mask, path='out.fits.gz', cleaned=True)),
    'mask alone': (nothing, functools.partial(mask, kind='mask')),
    'into': (nothing, functools.partial(mask, kind='into')),
    'into, compressed': (nothing, functools.partial(mask, name='compressed.fits.gz', kind='into')),
    'into, with tables': (nothing, functools.partial(mask, name='mef.fits', kind='into', cleaned=True)),
    'into, replacing': (
        functools.partial(mask, kind='into'),
        functools.partial(mask, kind='into', overwrite=True, cleaned=True),
    ),
    'new, with planes': (nothing, functools.partial(mask, name='planes.fits', cleaned=True)),
    'new, with planes, replacing': (
        functools.partial(mask, name='planes.fits'),
        functools.partial(mask, name='planes.fits', overwrite=True, cleaned=True),
    ),
    'mask alone, with planes': (nothing, functools.partial(mask, name='planes.fits', kind='mask')),
    'into, with planes': (nothing, functools.partial(mask, name='planes.fits', kind='into', cleaned=True)),
    'into, with planes, replacing': (
        functools.partial(mask, name='planes.fits', kind='into'),
        functools.partial(mask, name='planes.fits', kind='into', overwrite=True, cleaned=True),
    ),
    'new, bits of a mission': (nothing, functools.partial(mask, name='planes.fits', dq='jwst')),
    'into, bits of a mission': (
        functools.partial(mask, name='planes.fits', kind='into', dq='jwst', overwrite=True),
        functools.partial(mask, name='planes.fits', kind='into', dq='jwst', overwrite=True, cleaned=True),
    ),
    'sheet, PDF': (nothing, functools.partial(save_sheet, name='sheet.pdf', per_page=1)),
    'sheet, PNG': (old('sheet-1.png'), functools.partial(save_sheet, name='sheet.png', per_page=1)),
    'overview': (old('overview.png'), overview),
    'recipe': (nothing, recipe),
    'recipe, replacing': (old('recipe.yaml'), functools.partial(recipe, overwrite=True)),
    'batch': (nothing, batch),
    'batch, replacing': (old('plain_crmask.fits'), functools.partial(batch, overwrite=True)),
    'batch, with planes': (nothing, functools.partial(batch, name='planes', index=1)),
    'report': (nothing, report),
    'mask of a dark': (nothing, pixel_mask),
    'review': (nothing, review),
    'review, replacing': (review, functools.partial(review, count=2)),
}

#: The saves of several files, each of which may be old or new.
SEVERAL = {'sheet, PNG', 'report'}


#: The file that a save of a frame with planes writes, by the beginning of its name.
WITH_PLANES = {
    'new, with planes': 'planes_crmask.fits',
    'into, with planes': 'planes.fits',
    'batch, with planes': 'planes_crmask.fits',
}


def lost_planes(name, before, after):
    """Return the names of the HDUs that a save has lost; a new file needs no images of the second chip."""
    target = next((target for start, target in WITH_PLANES.items() if name.startswith(start)), None)
    if target is None:
        return []
    own = fits.Card('CRPBITS', 2).image[:8].encode()
    wanted = [part for part in parts(before['planes.fits']) if own not in part[2]]
    if target != 'planes.fits':
        images = {'SCI', 'ERR', 'DQ', 'VAR', 'UNCERT', 'MASK', 'WHT', 'RAW'}
        wanted = [part for part in wanted if part[1] != 2 or part[0] not in images]
    saved = parts(after[target])
    return [part[:2] for part in wanted if part not in saved]


def state(folder):
    """Return the content of every file in the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob('*')) if path.is_file()}


def restore(folder, files):
    """Restore a folder to exactly these files."""
    for path in folder.rglob('*'):
        if path.is_file():
            path.unlink()
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def left_over(folder):
    """Return the temporary files in the folder."""
    return [path for path in folder.rglob('*') if TEMPORARY_NAME.fullmatch(path.name)]


def state_without_leftovers(folder):
    """Remove leftovers as the next save does; return the content of every file."""
    for path in (folder, *folder.iterdir()):
        if path.is_dir():
            remove_leftovers(path)
    return state(folder)


def is_complete(files, before, after):
    """Return whether each file is completely old or new, and there is no other file."""
    return all(files.get(name) in (before.get(name), after.get(name)) for name in {*files, *before, *after})


# the process that saves


@dataclass
class End:
    """End of a save: its exit code (0 saved, 1 an error, -9 killed) and the error message."""

    code: int
    message: str = ''


class Saver:
    """Runs saves in children of a separate process; each waits for a signal before it saves."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, '-m', 'tests.tools.saves'],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {'OMP_NUM_THREADS': '1'},
            cwd=Path(__file__).parents[2],
        )

    def _request(self, *values):
        print(json.dumps(values), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def begin(self, name, folder, limit=0):
        """Start a child that will save in the folder, with files of at most ``limit`` bytes; return its process id."""
        return self._request('begin', name, str(folder), limit)

    def end(self, pid):
        """Wait for the end of a child."""
        return End(*self._request('end', pid))

    def save(self, name, folder, limit=0):
        """Run a save to its end."""
        pid = self.begin(name, folder, limit)
        os.kill(pid, signal.SIGCONT)
        return self.end(pid)

    def close(self):
        """Stop the process."""
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


def states(saver, name, folder):
    """Return the content of the files before and after a save."""
    restore(folder, {})
    prepare(folder)
    SAVES[name][0](folder)
    before = state(folder)
    end = saver.save(name, folder)
    assert end.code == 0, end.message
    after = state(folder)
    assert after != before
    assert lost_planes(name, before, after) == []
    return before, after


def serve():
    """Execute the requests on stdin, line by line."""
    fits.hdu.base._ValidHDU._get_timestamp = lambda _: '2000-01-01T00:00:00'  # the same save gives the same bytes
    for before, save in SAVES.values():  # so that late imports are done before the fork
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder))
            before(Path(folder))
            save(Path(folder))
    pipes = {}
    for line in sys.stdin:
        request, *values = json.loads(line)
        if request == 'begin':
            reading, writing = os.pipe()
            pid = os.fork()
            if pid == 0:
                _child(writing, *values)
            os.close(writing)
            os.waitpid(pid, os.WUNTRACED)  # it has stopped itself
            pipes[pid] = reading
            answer = pid
        else:
            with os.fdopen(pipes.pop(values[0])) as file:
                text = file.read()
            answer = os.waitstatus_to_exitcode(os.waitpid(values[0], 0)[1]), text
        print(json.dumps(answer), flush=True)


def _child(writing, name, folder, limit):
    if limit:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    os.kill(os.getpid(), signal.SIGSTOP)
    try:
        SAVES[name][1](Path(folder))
    except BaseException as error:
        os.write(writing, f'{type(error).__name__}: {error}'.encode())
        os._exit(1 if isinstance(error, OSError | ValueError) else 2)
    os._exit(0)


if __name__ == '__main__':
    serve()
