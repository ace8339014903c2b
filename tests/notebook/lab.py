"""JupyterLab in Chromium, with methods for what a user does."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import nbformat

import ginga_crplugin
from tests.notebook import chromium
from tests.notebook.chromium import Browser, TimeoutError

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
    """Return the names of the required programs and modules that are not installed."""
    return chromium.missing('jupyterlab', 'astrowidgets')


class Lab(Browser):
    """A JupyterLab server and a browser.

    Parameters
    ----------
    folder : path-like
        Folder of the notebooks and frames.
    size : (int, int), optional
        Size of the page.
    """

    def __init__(self, folder, size=(1240, 1000)):
        self.folder = Path(folder)
        self._own = Path(tempfile.mkdtemp(prefix='lab'))
        self._port = chromium.free_port()
        self._log = (self._own / 'log').open('wb')
        command = [
            sys.executable,
            '-m',
            'jupyterlab',
            '--no-browser',
            '--allow-root',
            '--ip=127.0.0.1',
            f'--port={self._port}',
            '--ServerApp.port_retries=0',
            '--IdentityProvider.token=',
            '--ServerApp.password=',
            f'--ServerApp.root_dir={self.folder}',
            '--LabApp.expose_app_in_browser=True',
        ]
        settings = self._own / 'settings' / '@jupyterlab' / 'apputils-extension'
        settings.mkdir(parents=True)
        (settings / 'notification.jupyterlab-settings').write_text('{"fetchNews": "false"}')
        self._server = subprocess.Popen(command, stdout=self._log, stderr=self._log, env=self._environment())
        try:
            chromium.wait_for_server(self._port, self._server, lambda: self.log)
            super().__init__(size, '.crp')
        except BaseException:
            self._close_server()
            raise

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

    @property
    def log(self):
        """The end of the log of the server."""
        return (self._own / 'log').read_text()[-3000:]

    def open(self, name, *cells):
        """Open and run a notebook with these cells; try again if the widgets do not appear."""
        nbformat.write(
            nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
                metadata={'kernelspec': {'name': 'python3', 'display_name': 'Python 3', 'language': 'python'}},
            ),
            self.folder / f'{name}.ipynb',
        )
        address = f'http://127.0.0.1:{self._port}/doc/workspaces/{name}/tree/{name}.ipynb?reset'
        for _ in range(3):  # the first kernel sometimes does not respond
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

    @property
    def pixels(self):
        """The number of vermilion, blue and yellow pixels of the image in the page, and a checksum."""
        return self.page.evaluate(_PIXELS)

    def ask(self, expression):
        """Evaluate an expression in the kernel, and return its value, converted to JSON and back."""
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

    def close(self):
        """Close the browser and stop the server."""
        super().close()
        self._close_server()

    def _close_server(self):
        self._server.terminate()
        try:
            self._server.wait(15)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._log.close()
        shutil.rmtree(self._own, ignore_errors=True)
