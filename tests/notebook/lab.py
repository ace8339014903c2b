"""JupyterLab in a real browser: a server of its own, Chromium, and what a user does there."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import nbformat

import ginga_crplugin

with suppress(ImportError):
    from playwright.sync_api import TimeoutError, sync_playwright

CHROMIUM = '/usr/bin/chromium'

_ARGS = ('--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
         '--disable-component-update', '--disable-sync')  # fmt: skip

_IDLE = """() => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  const kernel = panel?.context?.sessionContext?.session?.kernel;
  return kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle';
}"""

_RUN = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"

_PIXELS = """async () => {
  const img = document.querySelector('.jp-OutputArea img');
  const canvas = document.createElement('canvas');
  canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
  const context = canvas.getContext('2d');
  context.drawImage(img, 0, 0);
  const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
  const count = {vermilion: 0, blue: 0, yellow: 0, sum: 0};
  for (let i = 0; i < data.length; i += 4) {
    const [red, green, blue] = data.slice(i, i + 3);
    if (red > green + 25 && green > blue + 15) count.vermilion++;
    if (blue > green + 20 && green > red + 20) count.blue++;
    if (red > blue + 50 && green > blue + 50 && Math.abs(red - green) < 25) count.yellow++;
    count.sum = (count.sum * 31 + red + 3 * green + 7 * blue) % 1000000007;
  }
  return count;
}"""


def missing():
    """Return what is not there."""
    modules = [name for name in ('jupyterlab', 'playwright', 'astrowidgets') if find_spec(name) is None]
    return modules + [name for name in (CHROMIUM,) if shutil.which(name) is None]


class Lab:
    """A server of JupyterLab and a browser.

    Parameters
    ----------
    folder : path-like
        Where the notebooks and frames are.
    size : (int, int), optional
        Of the page.
    """

    def __init__(self, folder, size=(1240, 1000)):
        self.folder = Path(folder)
        self._own = Path(tempfile.mkdtemp(prefix='lab'))
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self._port = probe.getsockname()[1]
        self._log = (self._own / 'log').open('wb')
        words = [sys.executable, '-m', 'jupyterlab', '--no-browser', '--allow-root', '--ip=127.0.0.1',
                 f'--port={self._port}', '--ServerApp.port_retries=0', '--IdentityProvider.token=',
                 '--ServerApp.password=', f'--ServerApp.root_dir={self.folder}',
                 '--LabApp.expose_app_in_browser=True']  # fmt: skip
        settings = self._own / 'settings' / '@jupyterlab' / 'apputils-extension'
        settings.mkdir(parents=True)
        (settings / 'notification.jupyterlab-settings').write_text('{"fetchNews": "false"}')
        self._server = subprocess.Popen(words, stdout=self._log, stderr=self._log, env=self._environment())
        self._playwright = self._browser = None
        try:
            self._start_browser(size)
        except BaseException:
            self.close()
            raise

    def _start_browser(self, size):
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(_ARGS))
        width, height = size
        self.page = self._browser.new_page(viewport={'width': width, 'height': height})
        self.errors = []
        self.page.on('pageerror', lambda error: self.errors.append(str(error)))
        self._wait_for_server()

    def _environment(self):
        package = str(Path(ginga_crplugin.__file__).parents[1])
        path = os.pathsep.join([package, *filter(None, [os.environ.get('PYTHONPATH')])])
        folders = {f'JUPYTER_{kind}_DIR': str(self._own / kind.lower()) for kind in ('CONFIG', 'DATA', 'RUNTIME')}
        folders['JUPYTERLAB_WORKSPACES_DIR'] = str(self._own / 'workspaces')
        folders['JUPYTERLAB_SETTINGS_DIR'] = str(self._own / 'settings')
        return (
            os.environ
            | folders
            | {'PYTHONPATH': path, 'OMP_NUM_THREADS': '1', 'IPYTHONDIR': str(self._own / 'ipython')}
        )

    def _wait_for_server(self, timeout=60.0):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(('127.0.0.1', self._port)) == 0:
                    return
            assert self._server.poll() is None, self.log
            time.sleep(0.1)
        raise AssertionError(self.log)

    @property
    def log(self):
        """The end of what the server wrote."""
        return (self._own / 'log').read_text()[-3000:]

    def open(self, name, *cells):
        """Make a notebook of cells, open it, and run it; again where the widgets did not come."""
        nbformat.write(
            nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
                metadata={'kernelspec': {'name': 'python3', 'display_name': 'Python 3', 'language': 'python'}},
            ),
            self.folder / f'{name}.ipynb',
        )
        address = f'http://127.0.0.1:{self._port}/doc/workspaces/{name}/tree/{name}.ipynb?reset'
        for _ in range(3):  # the first kernel may not answer, and early runs are lost now and then
            with suppress(TimeoutError):
                self.page.goto(address)
                self.page.wait_for_selector('.jp-Notebook .jp-Cell', timeout=60_000)
                self.page.wait_for_function(_IDLE, timeout=25_000)
                self.page.evaluate(_RUN)
                self.button('Run').wait_for(timeout=30_000)
                self.page.wait_for_function(_IDLE, timeout=25_000)
                return
        raise AssertionError(f'{self.page.inner_text("body")[:2000]}\n{self.log}')

    def button(self, name):
        """Return a button of the panel."""
        return self.page.locator('.crp').get_by_role('button', name=name, exact=True)

    def says(self, text, timeout=60.0):
        """Wait until the panel holds a text."""
        words = "text => [...document.querySelectorAll('.crp')].some(e => e.innerText.includes(text))"
        try:
            self.page.wait_for_function(words, arg=text, timeout=1000 * timeout)
        except TimeoutError as error:
            raise AssertionError(f'{text!r} is not in {self.words!r}; {self.log}') from error

    def gone(self, text, timeout=120.0):
        """Wait until the panel does not hold a text."""
        words = "text => ![...document.querySelectorAll('.crp')].some(e => e.innerText.includes(text))"
        self.page.wait_for_function(words, arg=text, timeout=1000 * timeout)

    @property
    def words(self):
        """All that the panel says."""
        return '\n'.join(self.page.locator('.crp').all_inner_texts())

    @property
    def result(self):
        """The line with the count."""
        return next(line for line in self.words.splitlines() if ' px in ' in line)

    @property
    def pixels(self):
        """How many pixels of the image in the page are vermilion, blue and yellow, and a number that stands for all."""
        return self.page.evaluate(_PIXELS)

    def until(self, condition, timeout=30.0):
        """Wait until a condition holds."""
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, 'it did not come'
            self.page.wait_for_timeout(50)

    def ask(self, expression):
        """Have the kernel compute an expression, and return it as JSON would have it."""
        code = f'import json; print(json.dumps({expression}))'
        answer = self.page.evaluate(
            """code => new Promise((resolve, reject) => {
              const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
              const future = kernel.requestExecute({code, store_history: false});
              let text = '';
              future.onIOPub = m => {
                if (m.header.msg_type === 'stream' && m.content.name === 'stdout') text += m.content.text;
                if (m.header.msg_type === 'error') reject(m.content.ename + m.content.evalue);
              };
              future.done.then(() => resolve(text));
            })""",
            code,
        )
        return json.loads(answer)

    def drag(self, handle, pixels):
        """Take the handle of a slider, and move it so many pixels."""
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        x, y = box['x'] + box['width'] / 2, box['y'] + box['height'] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for step in range(1, 11):
            self.page.mouse.move(x + pixels * step / 10, y)
            self.page.wait_for_timeout(30)
        self.page.mouse.up()

    def close(self):
        """End all of it."""
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()
        self._server.terminate()
        try:
            self._server.wait(15)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._log.close()
        shutil.rmtree(self._own, ignore_errors=True)
