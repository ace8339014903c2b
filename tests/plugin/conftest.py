"""Ginga's reference viewer in the test process, off screen."""

import threading
import time
from argparse import ArgumentParser

import pytest
from astropy.io import fits
from ginga.rv import main as rvmain
from qtpy.QtCore import QCoreApplication, QEvent

import tests.conftest  # noqa: F401 - chooses Ginga's toolkit


def make_viewer(basedir, toolkit='pyside6'):
    """Start the reference viewer without its main loop."""
    rv = rvmain.ReferenceViewer(
        layout=rvmain.default_layout, plugins=rvmain.plugins, appname='ginga', basedir=str(basedir), channels=['Image']
    )
    rv.add_default_plugins()
    rv.add_separately_distributed_plugins()
    parser = ArgumentParser()
    rv.add_default_options(parser)
    arguments = ['--basedir', str(basedir), '-t', toolkit, '--nosplash', '--norestore', '--loglevel', '30']
    options = parser.parse_args([*arguments, '--numthreads', '4', '--log', str(basedir / 'ginga.log')])
    rv.process_args = lambda args: None
    rv.run = lambda: None
    rv.main(options, [])
    rv.ginga_shell.settings.set(confirm_shutdown=False, save_layout=False)
    return rv


class Shell:
    """Ginga's shell, with methods for what a user does."""

    def __init__(self, basedir):
        self.rv = make_viewer(basedir)
        self.fv = self.rv.ginga_shell
        self.log = basedir / 'ginga.log'

    def pump(self, seconds=0.0):
        """Process events."""
        end = time.monotonic() + seconds
        while True:
            self.fv.update_pending(timeout=0.005)
            if time.monotonic() >= end:
                return

    def wait(self, condition, timeout=60.0):
        """Process events until a condition is true."""
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, 'timed out'
            self.fv.update_pending(timeout=0.01)
        self.fv.update_pending(timeout=0.0)

    def settle(self):
        """Process all queued events and delayed redraws."""
        self.wait(lambda: self.fv.gui_queue.empty() and self.fv.priority_gui_queue.empty())
        self.pump(0.1)
        QCoreApplication.sendPostedEvents(None, QEvent.DeferredDelete)  # done by Qt's main loop otherwise

    def channel(self, name):
        """Add a channel and switch to it."""
        if not self.fv.has_channel(name):
            self.fv.add_channel(name)
        self.fv.change_channel(name)
        self.pump(0.05)
        return self.fv.get_channel(name)

    def load(self, channel, path):
        """Open a file in a channel."""
        before = channel.fitsimage.get_image()
        self.fv.load_file(str(path), chname=channel.name)
        self.wait(lambda: channel.fitsimage.get_image() is not before)
        self.settle()
        return channel.fitsimage.get_image()

    def start(self, channel):
        """Open the panel."""
        self.fv.start_local_plugin(channel.name, 'Cosmic Rays')
        self.settle()
        return channel.opmon.get_plugin('Cosmic Rays')

    def find(self, channel, path):
        """Open a file and the panel, and run the detection."""
        self.load(channel, path)
        plugin = self.start(channel)
        self.wait(lambda: plugin.session.frame is not None)
        plugin.panel.run.get_widget().click()
        self.wait(lambda: plugin.session.result is not None and not plugin.session.runner.busy)
        self.settle()
        return plugin

    def stop(self, channel):
        """Close the panel."""
        for name in list(channel.opmon.get_active()):
            channel.opmon.deactivate(name)
        self.settle()

    def close(self):
        """Close the shell and stop its threads."""
        for name in list(self.fv.get_channel_names()):
            self.stop(self.fv.get_channel(name))
        self.fv.quit()
        self.pump(0.05)
        self.fv.threadPool.stopall(wait=True)
        if self.rv._gui_log_listener is not None:
            self.rv._gui_log_listener.stop()
            self.rv._gui_log_listener = None


@pytest.fixture(scope='session')
def shell(tmp_path_factory):
    """Return the shell of all tests; there can be only one in a process."""
    before = set(threading.enumerate())
    shell = Shell(tmp_path_factory.mktemp('ginga'))
    yield shell
    shell.close()
    assert not [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]


@pytest.fixture
def channel(shell, request):
    """Return a new channel for each test, and reset the preferences."""
    settings = shell.fv.get_preferences().create_category('plugin_CosmicRays')
    settings.set(opacity=0.6, min_size=3, dark_limit=30.0, live=True)
    settings.set(tails=True, tail_sigma=3.5, tail_steps=8, edges=False)
    settings.save()  # the plugin reads them again
    channel = shell.channel(request.node.name[:40])
    yield channel
    shell.stop(channel)
    shell.fv.delete_channel(channel.name)
    shell.settle()


@pytest.fixture
def frame_file(tmp_path, saao):
    """Return the file of the trimmed and bias-subtracted SAAO frame."""
    path = tmp_path / 'night1.fits'
    header = saao.ccd.header.copy()
    header['BUNIT'] = 'adu'
    fits.PrimaryHDU(saao.ccd.data, header).writeto(path, output_verify='silentfix')
    return path
