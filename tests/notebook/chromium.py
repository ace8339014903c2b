"""Chromium driven by Playwright, with methods for what a user does and sees."""

import shutil
import socket
import time
from importlib.util import find_spec

try:
    from playwright.sync_api import TimeoutError, sync_playwright
except ImportError:  # the tests are skipped then
    TimeoutError = TimeoutError

CHROMIUM = '/usr/bin/chromium'

ARGS = (
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
)


def missing(*modules):
    """Return which of these modules, Playwright and Chromium are not installed."""
    return [name for name in (*modules, 'playwright') if find_spec(name) is None] + (
        [] if shutil.which(CHROMIUM) else [CHROMIUM]
    )


def wait_for_server(port, server, log, timeout=60.0):
    """Wait until a server process accepts connections; ``log()`` returns its log for the error message."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(('localhost', port)) == 0:
                return
        assert server.poll() is None, log()
        time.sleep(0.1)
    raise AssertionError(log())


def free_port():
    """Return an unused port."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Browser:
    """A page in Chromium.

    Parameters
    ----------
    size : (int, int)
        Size of the page.
    parts : str
        Selector of the parts of the page whose text is read.
    """

    def __init__(self, size, parts):
        self._parts = parts
        self.errors = []
        self._playwright = sync_playwright().start()
        try:
            chromium = self._playwright.chromium
            self._browser = chromium.launch(executable_path=CHROMIUM, headless=True, args=list(ARGS))
            self.page = self._browser.new_page(viewport=dict(zip(('width', 'height'), size, strict=True)))
        except BaseException:
            self._playwright.stop()
            raise
        self.page.on('pageerror', lambda error: self.errors.append(str(error)))

    @property
    def text(self):
        """The visible text of the parts."""
        return '\n'.join(self.page.locator(self._parts).all_inner_texts())

    @property
    def log(self):
        """The log of the server."""
        return ''

    def wait_for_text(self, text, timeout=60.0):
        """Wait until a text is visible."""
        script = '([parts, text]) => [...document.querySelectorAll(parts)].some(e => e.innerText.includes(text))'
        try:
            self.page.wait_for_function(script, arg=[self._parts, text], timeout=1000 * timeout)
        except TimeoutError as error:
            raise AssertionError(f'{text!r} is not in {self.text!r}; {self.log}') from error

    def wait_until_gone(self, text, timeout=120.0):
        """Wait until a text is not visible."""
        script = '([parts, text]) => ![...document.querySelectorAll(parts)].some(e => e.innerText.includes(text))'
        self.page.wait_for_function(script, arg=[self._parts, text], timeout=1000 * timeout)

    @property
    def result(self):
        """The line with the number of pixels."""
        return next(line for line in self.text.splitlines() if ' px by L.A.Cosmic' in line)

    def wait_until(self, condition, timeout=30.0):
        """Wait until a condition is true."""
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f'timed out; {self.log}'
            self.page.wait_for_timeout(50)

    def drag(self, handle, pixels):
        """Drag the handle of a slider by a number of pixels."""
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        x, y = box['x'] + box['width'] / 2, box['y'] + box['height'] / 2
        self.stroke((x, y), (x + pixels, y))

    def stroke(self, start, end):
        """Move the mouse between two positions of the page with its button pressed."""
        self.page.mouse.move(*start)
        self.page.mouse.down()
        for step in range(1, 11):
            self.page.mouse.move(*(a + (b - a) * step / 10 for a, b in zip(start, end, strict=True)))
            self.page.wait_for_timeout(30)
        self.page.mouse.up()

    def close(self):
        """Close Chromium."""
        self._browser.close()
        self._playwright.stop()
