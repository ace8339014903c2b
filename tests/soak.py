"""Drive the plugin through Ginga's own shell, off screen, for a long time: python -m tests.soak --minutes 10.

The steps come in any order. Now and then all is closed and opened again, and what is left is counted: memory, threads,
panels, images, errors. Nothing may grow, and nothing may go wrong.
"""

import argparse
import ctypes
import gc
import itertools
import logging
import math
import os
import sys
import tempfile
import threading
import time
import traceback
import weakref
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
from astropy.io import fits

from ginga_crplugin import MaskBit
from ginga_crplugin.core.read import read_mask
from ginga_crplugin.ginga_pencil import MODES
from tests.gui.conftest import Shell

SHAPE = (500, 600)
#: Seconds that anything may take; the machine may be busy with others.
PATIENCE = 900.0
#: What memory may grow by, in percent of what there was after the warm-up.
GROWTH = 5.0
#: The part of the time that is warm-up, and after how many steps what is left is counted.
WARM_UP, EVERY = 0.4, 40


class Errors(logging.Handler):
    """Whatever goes wrong: errors that are logged, and exceptions that nobody catches, in any thread."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.words = []
        sys.excepthook = lambda _kind, error, _trace: self.caught(error)
        threading.excepthook = lambda given: self.caught(given.exc_value)
        sys.unraisablehook = lambda given: self.caught(given.exc_value)
        logging.getLogger().addHandler(self)

    def listen(self, logger):
        """Take the errors of a logger that doesn't hand them on, too."""
        if not logger.propagate:
            logger.addHandler(self)

    def emit(self, record):
        """Remember what was logged."""
        self.words.append(record.getMessage())

    def caught(self, error):
        """Remember what was raised."""
        self.words.append(f'{type(error).__name__}: {error}')
        traceback.print_exception(error)


class Soak:
    """A user who never tires.

    Parameters
    ----------
    shell : Shell
    folder : `~pathlib.Path`
        Where the frames are, and what is saved.
    seed : int
    """

    def __init__(self, shell, folder, seed):
        self.shell, self.folder = shell, folder
        self.rng = np.random.default_rng(seed)
        self.counts = Counter()
        self.held = []
        self.paths = [folder / f'frame{number}.fits' for number in range(3)]
        for number, path in enumerate(self.paths):
            fits.PrimaryHDU(pixels(number), fits.Header({'BUNIT': 'adu', 'RDNOISE': 8.0})).writeto(path)
        self.mask = folder / 'mask.fits'
        fits.PrimaryHDU(np.eye(*SHAPE, dtype=np.uint8)).writeto(self.mask)
        self.enter()

    # the channel

    def enter(self):
        """Open a frame and the panel."""
        self.channel = self.shell.channel('Soak')
        self.load()
        self.start()

    def start(self):
        """Open the panel."""
        self.plugin = self.shell.start(self.channel)
        self.held += [weakref.ref(each) for each in (self.plugin.panel, self.channel.fitsimage.get_image())]

    def leave(self):
        """Close the panel, and all images; Ginga itself never lets go of a channel that was deleted."""
        self.plugin = None
        for name in ('Soak', 'Saved mask'):
            if self.shell.fv.has_channel(name):
                channel = self.shell.fv.get_channel(name)
                self.shell.stop(channel)
                for image in list(channel.get_image_names()):
                    channel.remove_image(image)
        self.shell.settle()

    def come_back(self):
        """Leave and enter again."""
        self.leave()
        self.enter()

    def reopen(self):
        """Close the panel and open it again."""
        self.shell.stop(self.channel)
        self.start()

    def load(self):
        """Open a frame; Ginga turns to it at once where it has it."""
        self.shell.fv.load_file(str(self.rng.choice(self.paths)), chname='Soak')
        self.shell.settle()

    def rest(self):
        """Let all that was begun come to its end."""
        session = self.plugin.session
        self.shell.wait(lambda: session.frame is not None and not session.busy and not session.verifying, PATIENCE)
        self.shell.settle()

    # the run

    def change(self):
        """Choose another value; live, this runs."""
        name, values = [('sigclip', (3.5, 4.5, 6.0)), ('objlim', (3.0, 5.0)), ('niter', (2, 4))][self.rng.integers(3)]
        self.plugin.choose(name, self.rng.choice(values).item())

    def detect(self):
        """Run, and wait most of the time."""
        self.click('run')
        if self.rng.random() < 0.7:
            self.rest()

    def cancel(self):
        """Run and cancel at once."""
        self.click('run')
        self.shell.pump(float(self.rng.uniform(0.0, 0.03)))
        self.click('cancel')

    def add_mask(self):
        """Use the mask, or use it no more."""
        masks = self.plugin.session.masks
        if masks:
            self.plugin.use_mask(0, bool(self.rng.integers(2)))
        else:
            path = self.mask
            self.plugin.session.add_mask(lambda: read_mask(path, default=MaskBit.BAD))

    def compare(self):
        """Pin, compare, verify."""
        session = self.plugin.session
        [session.pin, session.verify, lambda: session.compare('pinned'), lambda: session.compare('without masks')][
            self.rng.integers(4)
        ]()

    def live(self):
        """Have the result follow, or not."""
        self.plugin.set_live(bool(self.rng.integers(4)))

    # the review

    def click(self, name):
        """Press a button of the panel, unless it is grey."""
        getattr(self.plugin.panel, name).get_widget().click()

    def review(self):
        """Go on to a segment and pass a verdict."""
        self.plugin.step(int(self.rng.choice((-1, 1))))
        self.click(str(self.rng.choice(('keep', 'reject'))))

    def take_back(self):
        """Undo, redo."""
        self.click(str(self.rng.choice(('undo', 'redo'))))

    def draw(self):
        """Draw by hand."""
        self.plugin.draw(str(self.rng.choice(MODES)))
        places = self.rng.integers(0, SHAPE[0] * SHAPE[1], 20)
        if self.plugin.session.result is not None:
            self.plugin.session.draw(self.plugin.pencil.mode, places)

    def show(self):
        """Show the cleaned frame, blink, show a layer or not."""
        if self.plugin.session.result is not None:
            self.click('blink')
        self.plugin.show_layer('cosmic ray', bool(self.rng.integers(2)))
        self.plugin.choose_opacity(float(self.rng.uniform(0.2, 0.9)))

    def back(self):
        """Display the frame rather than its cleaned copy."""
        if self.plugin.session.result is not None and self.channel.fitsimage.get_image() is not self.plugin._image:
            self.plugin.blink()

    # the output

    def save(self):
        """Save, and look at what was saved."""
        self.back()
        self.rest()
        if self.plugin.session.outdated or self.plugin.session.result is None:
            self.click('run')
            self.rest()
        kind = str(self.rng.choice(('new', 'mask')))
        session = self.plugin.session
        path = self.folder / f'{session.frame.path.stem}_{kind}.fits'
        self.plugin.ask_save()
        session.save(path, kind=kind, overwrite=True, cleaned=bool(self.rng.integers(2)))
        self.shell.wait(lambda: session.saved is not None or session.error, PATIENCE)
        if session.error:
            raise AssertionError(session.error)
        if self.rng.random() < 0.3:
            self.plugin.show_saved()
            self.shell.settle()
            self.shell.fv.change_channel('Soak')

    STEPS = {  # noqa: RUF012 - never changed
        load: 3, change: 4, detect: 6, cancel: 3, review: 10, draw: 3, take_back: 6, add_mask: 1, compare: 2, live: 1,
        show: 3, back: 2, save: 2, reopen: 1, come_back: 1,
    }  # fmt: skip

    def step(self):
        """Do anything."""
        weights = np.array(list(self.STEPS.values()), dtype=float)
        chosen = list(self.STEPS)[self.rng.choice(len(weights), p=weights / weights.sum())]
        self.counts[chosen.__name__] += 1
        chosen(self)
        if self.rng.random() < 0.5:
            self.shell.pump(0.02)


def pixels(seed):
    """A frame with tracks."""
    rng = np.random.default_rng(seed)
    image = rng.normal(300.0, 12.0, SHAPE).astype('f4')
    for y, x, length in zip(*rng.integers(10, 480, (2, 150)), rng.integers(1, 9, 150), strict=True):
        image[y, x : x + length] += 3000.0
    return image


def memory():
    """Bytes that the process holds, once it has given back what it can."""
    for _ in range(3):
        gc.collect()
    with suppress(OSError, AttributeError):  # not the GNU library
        ctypes.CDLL('libc.so.6').malloc_trim(0)
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def native_threads():
    """How many threads the process has, those of compiled code included."""
    return len(list(Path('/proc/self/task').iterdir()))


def soak(user, seconds, steps):
    """Drive the shell for so long, or so many steps; return the memory and the threads that were counted."""
    start, counted = time.monotonic(), []
    for step in itertools.count():
        done = max((time.monotonic() - start) / seconds, step / steps)
        if done >= 1.0 or step % EVERY == EVERY - 1:
            user.leave()
            if done >= WARM_UP:
                counted.append((memory(), native_threads()))
            if done >= 1.0:
                return zip(*counted, strict=True)
            user.enter()
        user.step()


def main():
    """Print the figures; the exit code is 1 where memory grew, or anything is left or went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--minutes', type=float, default=10.0)
    parser.add_argument('--steps', type=float, default=math.inf, help='at most; no end if not given')
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args()
    errors, before, start = Errors(), set(threading.enumerate()), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(Path(folder))
        errors.listen(shell.fv.logger)
        user = Soak(shell, Path(folder), options.seed)
        held, threads = soak(user, 60.0 * options.minutes, options.steps)
        kept = sum(each() is not None for each in user.held)
        shell.close()
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    for words, count in user.counts.most_common():
        print(f'{count:7d}  {words}')
    growth = 100.0 * (held[-1] / held[0] - 1.0)
    print(f'{user.counts.total()} steps in {(time.monotonic() - start) / 60.0:.1f} minutes')
    print(f'memory {held[0] / 1e6:.1f} MB after the warm-up, {held[-1] / 1e6:.1f} MB at the end: {growth:+.1f} %')
    print(
        f'threads {threads[0]} after the warm-up, {threads[-1]} at the end; left when all was closed: {left or "none"}'
    )
    print(f'closed panels and images that are held: {kept} of {len(user.held)}')
    print(f'errors: {len(errors.words)}', *sorted(set(errors.words)), sep='\n  ')
    sys.exit(1 if growth > GROWTH or threads[-1] > threads[0] or left or kept or errors.words else 0)


if __name__ == '__main__':
    main()
