"""Ginga with its web backend in Chromium, with methods for what a user does.

Run as a script, this module starts Ginga like ``ginga -t pg`` or ``ginga-crplugin view -t pg``, but on unused ports,
and answers questions on its standard output like `tests.plugin.window`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from functools import partialmethod
from pathlib import Path
from urllib.parse import urlsplit

from tests.notebook import chromium

sys.path.insert(0, str(Path(__file__).parents[2]))  # for the script

from tests.plugin import window

_PIXELS = """() => {
  const big = [...document.querySelectorAll('canvas')].filter(c => c.offsetParent)
    .sort((a, b) => b.width * b.height - a.width * a.height)[0];
  const box = big.getBoundingClientRect();
  const data = big.getContext('2d').getImageData(0, 0, big.width, big.height).data;
  const found = {vermilion: 0, central: 0, yellow: 0, middle: [box.x + box.width / 2, box.y + box.height / 2]};
  for (let y = 0; y < big.height; y++) for (let x = 0; x < big.width; x++) {
    const [red, green, blue] = data.slice(4 * (y * big.width + x), 4 * (y * big.width + x) + 3);
    if (red > green + 25 && green > blue + 15) {
      found.vermilion++;
      if (Math.hypot(x - big.width / 2, y - big.height / 2) < 60) found.central++;
    }
    if (red > blue + 50 && green > blue + 50 && Math.abs(red - green) < 25) found.yellow++;
  }
  return found;
}"""


def missing():
    """Return the names of the required programs and modules that are not installed."""
    return chromium.missing('pgwidgets')


class Web(chromium.Browser):
    """Ginga in a page.

    Parameters
    ----------
    *frames : path-like
        Files to open.
    size : (int, int), optional
        Size of the page.
    view : bool, optional
        Whether to start ``ginga-crplugin view`` instead of ``ginga``.
    """

    def __init__(self, *frames, size=(1400, 1000), view=False):
        self._folder = Path(tempfile.mkdtemp(prefix='web'))
        self._log = self._folder / 'log'
        more = ['--nosplash', '--norestore', '--geometry', '{}x{}'.format(*size), '--loglevel', '40', '--stderr']
        words = ['view'] if view else ['ginga', *more]
        words = [sys.executable, __file__, *words, '-t', 'pg', *map(str, frames)]
        environment = os.environ | {'GINGA_HOME': str(self._folder)}
        with self._log.open('wb') as log:
            self._ginga = subprocess.Popen(words, stderr=log, env=environment, **window.PIPES)
        try:
            address = self.ask(address=True)
            chromium.wait_for_server(urlsplit(address).port, self._ginga, lambda: self.log)
            super().__init__(size, 'body')
        except BaseException:
            self._close_ginga()
            raise
        try:
            self.page.goto(address)
        except BaseException:
            self.close()
            raise

    @property
    def log(self):
        """The standard error of Ginga."""
        return self._log.read_text()

    def ask(self, **question):
        """Ask the script about its widgets."""
        return window.ask(self._ginga, question, self._log)

    def click(self, text):
        """Click the widget with this text."""
        self.page.get_by_text(text, exact=True).filter(visible=True).last.click()

    @property
    def dialog(self):
        """The topmost dialog."""
        return self.page.locator('.dialog-widget').filter(visible=True).last

    @property
    def rows(self):
        """The rows of the segment table."""
        return self.page.locator('.tableview-widget').filter(has_text='S/N').locator('.treeview-row')

    @property
    def pixels(self):
        """The number of vermilion, central vermilion and yellow pixels of the image, and the position of its center."""
        return self.page.evaluate(_PIXELS)

    def close(self):
        """Close the browser and stop Ginga."""
        super().close()
        self._close_ginga()

    def _close_ginga(self):
        window.end(self._ginga)
        self._ginga.stdin.close()
        self._ginga.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)


# the script


def run(name, *words):
    """Run Ginga or ``ginga-crplugin view`` on unused ports."""
    from ginga import toolkit

    toolkit.use('pg')
    from ginga.web.pgw import Widgets

    application = Widgets.Application
    application.__init__ = partialmethod(application.__init__, port=chromium.free_port(), ws_port=chromium.free_port())
    main = window.watch()
    if name == 'view':
        from ginga_crplugin.cli.main import main as command

        return command(['view', *words])
    return main.reference_viewer([name, *words])


if __name__ == '__main__':
    sys.exit(run(*sys.argv[1:]))
