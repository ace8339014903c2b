"""Long-running test of the plugin in Ginga's shell, off screen: python -m tests.tools.soak --minutes 10.

User actions are performed in random order. Every so often the panel and all images are closed, and memory, threads, and
remaining panels and results are counted. Nothing may grow, and there may be no errors.
"""

import argparse
import ctypes
import gc
import logging
import os
import sys
import tempfile
import threading
import time
import weakref
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from astropy.io import fits

from ginga_crplugin import MaskBit
from ginga_crplugin.io.input_masks import read_mask
from ginga_crplugin.panels.drawing_tool import MODES
from tests.plugin.conftest import Shell

SHAPE = (500, 600)
#: Timeout of a step in seconds, for a busy machine.
PATIENCE = 120.0
#: Allowed growth of the memory after the warm-up, in percent, and the fraction of the time used for the warm-up.
GROWTH, WARM_UP = 5.0, 0.4
#: Number of steps between two counts, and minimum number of counts after the warm-up.
EVERY, LEAST = 40, 5


class Errors(logging.Handler):
    """Collect logged errors and uncaught exceptions of all threads."""

    def __init__(self, *loggers):
        super().__init__(logging.ERROR)
        self.messages = []
        self._loggers = loggers

    def emit(self, record):
        """Store the message of a log record."""
        self.messages.append(record.getMessage())

    @contextmanager
    def collect(self):
        """Collect errors in a with block."""
        hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
        sys.excepthook = lambda _kind, error, _trace: self.messages.append(repr(error))
        threading.excepthook = sys.unraisablehook = lambda given: self.messages.append(repr(given.exc_value))
        for logger in self._loggers:
            logger.addHandler(self)
        try:
            yield self
        finally:
            sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
            for logger in self._loggers:
                logger.removeHandler(self)


class Soak:
    """Random user actions in the panel.

    Parameters
    ----------
    shell : Shell
        Ginga's shell.
    folder : `~pathlib.Path`
        Folder of the frames and of the output.
    seed : int
        Seed of the random numbers.
    """

    def __init__(self, shell, folder, seed):
        self.shell, self.folder = shell, folder
        self.rng = np.random.default_rng(seed)
        self.counts = Counter()
        self.made = []
        self.paths = [folder / f'frame{number}.fits' for number in range(3)]
        for number, path in enumerate(self.paths):
            fits.PrimaryHDU(pixels(number), fits.Header({'BUNIT': 'adu', 'RDNOISE': 8.0})).writeto(path)
        self.mask = folder / 'mask.fits'
        fits.PrimaryHDU(np.eye(*SHAPE, dtype=np.uint8)).writeto(self.mask)
        self.enter()

    @property
    def session(self):
        """The session of the panel."""
        return self.plugin.session

    def step(self):
        """Perform a random action."""
        weights = np.array(list(self.STEPS.values()), dtype=float)
        chosen = list(self.STEPS)[self.rng.choice(len(weights), p=weights / weights.sum())]
        self.counts[chosen.__name__] += 1
        chosen(self)
        if self.rng.random() < 0.5:
            self.shell.pump(0.02)
        if self.session.error:
            raise AssertionError(self.session.error)

    def any_of(self, values):
        """Return one of some values."""
        return values[self.rng.integers(len(values))]

    def click(self, name):
        """Click a button of the panel, if it is enabled."""
        getattr(self.plugin.panel, name).get_widget().click()

    def rest(self):
        """Wait until all running work is done."""
        session = self.session
        self.shell.wait(lambda: session.frame is not None and not session.runner.busy, PATIENCE)
        self.shell.settle()
        if session.result is not None:
            self.made.append(weakref.ref(session.result.detection))

    # the channel

    def enter(self):
        """Open a frame and the panel."""
        self.channel = self.shell.channel('Soak')
        self.load()
        self.start()

    def start(self):
        """Open the panel."""
        self.plugin = self.shell.start(self.channel)
        self.made.append(weakref.ref(self.plugin.panel))

    def leave(self):
        """Close the panel, and all images."""
        self.plugin = None
        for name in ('Soak', 'Saved mask'):
            if self.shell.fv.has_channel(name):
                channel = self.shell.fv.get_channel(name)
                self.shell.stop(channel)
                for image in list(channel.get_image_names()):
                    channel.remove_image(image)
        self.shell.settle()

    def left(self):
        """Return the number of panels and results that still exist after closing, once all hints are computed."""
        end = time.monotonic() + PATIENCE
        while any(each() is not None for each in self.made) and time.monotonic() < end:
            self.shell.settle()
            gc.collect()
        self.made = [each for each in self.made if each() is not None]
        return len(self.made)

    def come_back(self):
        """Close the panel and all images, and open them again."""
        self.leave()
        self.enter()

    def reopen(self):
        """Close the panel and open it again."""
        self.shell.stop(self.channel)
        self.start()

    def load(self):
        """Open a frame; Ginga shows it at once if it is already loaded."""
        self.shell.fv.load_file(str(self.any_of(self.paths)), chname='Soak')
        self.shell.settle()

    # the run

    def change(self):
        """Change a parameter; in live mode, this starts a run."""
        name, values = self.any_of([('sigclip', (3.5, 4.5, 6.0)), ('objlim', (3.0, 5.0)), ('niter', (2, 4))])
        self.plugin.actions.settings.set_param(name, self.any_of(values))

    def detect(self):
        """Start a run, and usually wait for its end."""
        self.click('run')
        if self.rng.random() < 0.7:
            self.rest()

    def cancel(self):
        """Start a run and cancel it."""
        self.click('run')
        self.shell.pump(self.rng.uniform(0.0, 0.03))
        self.click('cancel')

    def use_mask(self):
        """Turn the mask on or off."""
        if self.session.masks:
            self.session.masks.change(0, used=bool(self.rng.integers(2)))
        else:
            self.session.masks.add(lambda path=self.mask: read_mask(path, default=MaskBit.BAD))

    def compare(self):
        """Pin and compare; not with ccdproc, because astroscrappy 1.3 leaks a byte per pixel in each call."""
        self.any_of(
            [
                self.session.comparing.pin,
                lambda: self.session.comparing.compare('pinned'),
                lambda: self.session.comparing.compare('without masks'),
            ]
        )()

    def live(self):
        """Turn live mode on or off."""
        self.plugin.actions.values['live'](bool(self.rng.integers(4)))

    # the review

    def review(self):
        """Select another segment and keep or reject it."""
        self.plugin.actions.step(self.any_of((-1, 1)))
        self.click(self.any_of(('keep', 'reject')))

    def undo_or_redo(self):
        """Undo or redo."""
        self.click(self.any_of(('undo', 'redo')))

    def draw(self):
        """Draw pixels."""
        if self.session.result is not None:
            mode = self.any_of(MODES[1:])
            self.plugin.actions.set_drawing_mode(mode)
            self.session.review.draw(mode, self.rng.integers(0, SHAPE[0] * SHAPE[1], 20))
            self.plugin.actions.set_drawing_mode('off')

    def show(self):
        """Blink, and change the visibility and opacity of the layers."""
        self.click('blink')
        self.plugin.overlay.set_visible('cosmic rays', visible=bool(self.rng.integers(2)))
        self.plugin.actions.values['opacity'](self.rng.uniform(0.2, 0.9))

    # the output

    def save(self):
        """Save the mask, and sometimes open it."""
        self.rest()
        if self.session.outdated or self.session.result is None:
            self.click('run')
            self.rest()
        kind = self.any_of(('new', 'mask'))
        self.plugin.actions.ask_save()
        self.session.review.save(
            self.folder / f'{kind}.fits', kind=kind, overwrite=True, cleaned=bool(self.rng.integers(2))
        )
        self.shell.wait(lambda: self.session.review.saved_mask is not None or self.session.error, PATIENCE)
        if self.rng.random() < 0.3:
            self.plugin.actions.show_saved()
            self.shell.settle()
            self.shell.fv.change_channel('Soak')

    STEPS = {  # noqa: RUF012 - constant
        load: 3,
        change: 4,
        detect: 6,
        cancel: 3,
        review: 10,
        draw: 3,
        undo_or_redo: 6,
        use_mask: 1,
        compare: 2,
        live: 1,
        show: 3,
        save: 2,
        reopen: 1,
        come_back: 1,
    }


def pixels(seed):
    """Return a frame with tracks."""
    rng = np.random.default_rng(seed)
    image = rng.normal(300.0, 12.0, SHAPE).astype('f4')
    for y, x, length in zip(*rng.integers(10, 480, (2, 150)), rng.integers(1, 9, 150), strict=True):
        image[y, x : x + length] += 3000.0
    return image


def memory():
    """Return the memory of the process in bytes, after freeing unused memory (Linux with glibc)."""
    gc.collect()
    ctypes.CDLL('libc.so.6').malloc_trim(0)
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def native_threads():
    """Return the number of threads of the process, including those of compiled code."""
    return len(list(Path('/proc/self/task').iterdir()))


def soak(user, seconds):
    """Perform actions for a time; return memory, threads and remaining objects of each count."""
    start, counted, part = time.monotonic(), [], 0.0
    while part < 1.0:
        for _ in range(EVERY):
            user.step()
        user.leave()
        part = (time.monotonic() - start) / seconds
        left = user.left()
        if part >= WARM_UP:
            counted.append((memory(), native_threads(), left))
        user.enter()
    user.leave()
    return counted


def main():
    """Print the results; exit with code 1 if memory has grown, objects remain, or there were errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--minutes', type=float, default=10.0)
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args()
    before, start = set(threading.enumerate()), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(Path(folder))
        try:
            with Errors(logging.getLogger(), shell.fv.logger).collect() as errors:
                user = Soak(shell, Path(folder), options.seed)
                counted = soak(user, 60.0 * options.minutes)
        finally:
            shell.close()
    if len(counted) < LEAST:
        sys.exit(f'too short: {len(counted)} counts after the warm-up, at least {LEAST} are needed; increase --minutes')
    held, threads, left = zip(*counted, strict=True)
    growth = 100.0 * (max(held[1:]) / held[0] - 1.0)
    running = [thread.name for thread in threading.enumerate() if thread not in before]
    print(*(f'{count:7d}  {name}' for name, count in user.counts.most_common()), sep='\n')
    print(f'{user.counts.total()} steps in {(time.monotonic() - start) / 60.0:.1f} minutes, {len(held)} counts')
    print(
        f'memory {held[0] / 1e6:.1f} MB after the warm-up, at most {max(held[1:]) / 1e6:.1f} MB later: {growth:+.1f} %'
    )
    print(f'threads {threads[0]} after the warm-up, {threads[-1]} at the end; after closing: {running or "none"}')
    print(f'panels and results remaining after closing: {sum(left)}')
    print(f'errors: {len(errors.messages)}', *sorted(set(errors.messages)), sep='\n  ')
    sys.exit(1 if growth > GROWTH or threads[-1] > threads[0] or running or any(left) or errors.messages else 0)


if __name__ == '__main__':
    main()
