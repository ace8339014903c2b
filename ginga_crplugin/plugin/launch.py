"""The room of the launch: whether a window can be opened, and Ginga started on frames with the plugin."""

import importlib.util
import os
import subprocess
import sys

__all__ = ['no_window', 'open_ginga', 'open_night']

#: The bindings of Qt by module, in the order of preference, and their names for qtpy.
_QT = {'PySide6': 'pyside6', 'PyQt6': 'pyqt6', 'PySide2': 'pyside2', 'PyQt5': 'pyqt5'}


def no_window(toolkit='qt'):
    """Return why Ginga can't open a window, and what to do; None if it can.

    Parameters
    ----------
    toolkit : str
        Ginga's name for it; ``'qt'`` is whichever Qt is installed.
    """
    if not importlib.util.find_spec('ginga'):
        extra = 'web' if toolkit == 'pg' else 'qt'
        return f"Ginga is not installed: pip install 'ginga-crplugin[{extra}]'"
    if toolkit == 'pg':
        known = importlib.util.find_spec('pgwidgets')
        return None if known else "Ginga's web widgets are not installed: pip install 'ginga-crplugin[web]'"
    named = ('DISPLAY', 'WAYLAND_DISPLAY', 'QT_QPA_PLATFORM')
    if sys.platform.startswith('linux') and not any(os.environ.get(name) for name in named):
        return 'there is no display: start it where windows can open, or set DISPLAY'
    if not toolkit.startswith(('qt', 'pyside')):
        return None
    installed = [api for module, api in _QT.items() if importlib.util.find_spec(module)]
    if not installed:
        return "Qt is not installed: pip install 'ginga-crplugin[qt]'"
    if toolkit == 'qt':
        os.environ.setdefault('QT_API', installed[0])
    return _qt_fails()


def _qt_fails():
    """Try in another process whether Qt starts: where libraries or the display are missing, it aborts."""
    trial = [sys.executable, '-c', 'from qtpy.QtWidgets import QApplication; QApplication([])']
    tried = subprocess.run(trial, capture_output=True, text=True, check=False)
    if tried.returncode == 0:
        return None
    lines = [line for line in tried.stderr.splitlines() if line.strip()] or ['it aborts']
    why = next((line for line in lines if 'could not' in line.lower()), lines[-1])
    return f'Qt does not start ({why}): see the README for the libraries that a bare server needs'


def open_ginga(frames, toolkit='qt'):
    """Open frames in Ginga with the plugin started, and wait until the user leaves it.

    Parameters
    ----------
    frames : list of str
        Files, as Ginga understands them: ``FILE[EXT]`` too.
    toolkit : str
        As for `no_window`, which should be asked first.

    Returns
    -------
    int
        The exit code.
    """

    def begin(shell, load):
        _start_plugin_once(shell)
        load(frames)

    return _launched(begin, toolkit)


def open_night(night, toolkit='qt'):
    """Open frames of a night in Ginga, the plugin started and their recipe taken up, and wait until the user leaves it.

    Each frame is read when the user turns to it.

    Parameters
    ----------
    night : Night
    toolkit : str
        As for `no_window`, which should be asked first.

    Returns
    -------
    int
        The exit code.
    """
    return _launched(lambda shell, _: shell.gui_do(_show_night, shell, night), toolkit)


def _launched(begin, toolkit):
    """Start Ginga, have ``begin(shell, load)`` called when it is there, and wait for its end."""
    from argparse import ArgumentParser

    from ginga.rv.main import ReferenceViewer

    viewer = ReferenceViewer()
    viewer.add_default_plugins()
    viewer.add_separately_distributed_plugins()
    options = ArgumentParser()
    viewer.add_default_options(options)
    load = viewer.process_args
    viewer.process_args = lambda _: begin(viewer.ginga_shell, load)
    words = ['--toolkit', toolkit]
    if toolkit == 'pg':  # without a size, nothing of it is seen in the page
        words += ['--geometry', '1400x900']
    try:
        viewer.main(options.parse_args(words), [])
    except SystemExit as done:  # so Ginga ends
        return done.code or 0
    return 0


def _show_night(shell, night):
    """List the frames in Ginga's first channel, start the plugin, and turn to the first of them."""
    from ginga.misc.Future import Future

    from ginga_crplugin import ginga_plugin_spec

    name = ginga_plugin_spec().name
    channel = shell.get_channel(shell.get_channel_names()[0])
    channel.opmon.get_plugin(name).take_night(night)
    titles = []
    for path, ext in night.frames:
        future = Future()
        future.freeze(shell.load_image, str(path), idx=ext)
        titles.append(path.stem if ext is None else f'{path.stem}[{ext}]')
        channel.add_history(titles[-1], str(path), idx=ext, image_future=future, nothumb=True)
    _fit_in_browser(shell, channel)
    shell.start_local_plugin(channel.name, name)
    channel.switch_name(titles[0])


def _fit_in_browser(shell, channel):
    if shell.is_web_backend():  # the image was fitted to a page that nobody had opened yet
        channel.fitsimage.add_callback('map', lambda viewer: viewer.zoom_fit())


def _start_plugin_once(shell):
    """Start the plugin when the first image is there."""
    from ginga_crplugin import ginga_plugin_spec

    started = []

    def start(shell, channel, *_):
        if not started:
            started.append(channel)
            _fit_in_browser(shell, shell.get_channel(channel))
            shell.gui_do(shell.start_local_plugin, channel, ginga_plugin_spec().name)

    shell.add_callback('add-image', start)
