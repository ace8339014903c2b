"""Start Ginga with the plugin, after a check that it can open a window."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ginga_crplugin.batch.reopen import BatchReview

__all__ = ['open_batch', 'open_ginga', 'show_batch', 'startup_problem']

#: The Qt bindings by module, in the order of preference, and their names in qtpy.
_QT = {'PySide6': 'pyside6', 'PyQt6': 'pyqt6', 'PySide2': 'pyside2', 'PyQt5': 'pyqt5'}


def startup_problem(toolkit: str = 'qt') -> str | None:
    """Return why Ginga cannot open a window, and the remedy.

    Parameters
    ----------
    toolkit : str, optional
        Ginga's name of the toolkit; ``'qt'`` is the installed Qt binding, ``'pg'`` the browser.

    Returns
    -------
    str or None
        The message for the user, None if Ginga can be started.
    """
    if not importlib.util.find_spec('ginga'):
        extra = 'web' if toolkit == 'pg' else 'qt'
        return f"Ginga is not installed: pip install 'ginga-crplugin[{extra}]'"
    if toolkit == 'pg':
        known = importlib.util.find_spec('pgwidgets')
        return None if known else "Ginga's web widgets are not installed: pip install 'ginga-crplugin[web]'"
    variables = ('DISPLAY', 'WAYLAND_DISPLAY', 'QT_QPA_PLATFORM')
    if sys.platform.startswith('linux') and not any(os.environ.get(name) for name in variables):
        return 'Ginga was not started: no display. Run it in a desktop session or use `view -t pg`.'
    if not toolkit.startswith(('qt', 'pyside')):
        return None
    installed = [api for module, api in _QT.items() if importlib.util.find_spec(module)]
    if not installed:
        return "Qt is not installed: pip install 'ginga-crplugin[qt]'"
    if toolkit == 'qt':
        os.environ.setdefault('QT_API', installed[0])
    return _qt_problem()


def _qt_problem() -> str | None:
    """Return why Qt does not start; tested in another process, as Qt aborts it if libraries are missing."""
    command = [sys.executable, '-c', 'from qtpy.QtWidgets import QApplication; QApplication([])']
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode == 0:
        return None
    lines = [line for line in ended.stderr.splitlines() if line.strip()] or ['its process was aborted']
    reason = next((line for line in lines if 'could not' in line.lower()), lines[-1])
    return f'Qt does not start ({reason}); see the README for the libraries that a server needs'


def open_ginga(frames: list[str], toolkit: str = 'qt') -> int:
    """Open frames in Ginga with the plugin started, and wait until Ginga is closed.

    Parameters
    ----------
    frames : list of str
        Files, optionally with an extension: ``FILE[EXT]``.
    toolkit : str, optional
        Ginga's name of the toolkit; check it with `startup_problem` first.

    Returns
    -------
    int
        The exit code.
    """

    def begin(shell: Any, load: Callable[[list[str]], None]) -> None:
        _start_plugin_once(shell)
        load(frames)

    return _run_ginga(begin, toolkit)


def open_batch(review: 'BatchReview', toolkit: str = 'qt') -> int:
    """Open frames of a batch in Ginga with the plugin and their recipe, and wait until Ginga is closed.

    Each frame is read when it is first displayed.

    Parameters
    ----------
    review : BatchReview
        The frames to open.
    toolkit : str, optional
        Ginga's name of the toolkit; check it with `startup_problem` first.

    Returns
    -------
    int
        The exit code.
    """
    return _run_ginga(lambda shell, _: shell.gui_do(show_batch, shell, review), toolkit)


def _run_ginga(begin: Callable[[Any, Callable[[list[str]], None]], None], toolkit: str) -> int:
    """Run Ginga, and call ``begin(shell, load)`` once it has started."""
    from argparse import ArgumentParser

    from ginga.rv.main import ReferenceViewer

    viewer = ReferenceViewer()
    viewer.add_default_plugins()
    viewer.add_separately_distributed_plugins()
    parser = ArgumentParser()
    viewer.add_default_options(parser)
    load = viewer.process_args
    viewer.process_args = lambda _: begin(viewer.ginga_shell, load)
    options = ['--toolkit', toolkit]
    if toolkit == 'pg':  # without a geometry, the page stays empty
        options += ['--geometry', '1400x900']
    try:
        viewer.main(parser.parse_args(options), [])
    except SystemExit as ended:  # Ginga always ends this way
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def show_batch(shell: Any, review: 'BatchReview') -> None:
    """List frames of a batch in Ginga's first channel, start the plugin, and display the first frame.

    Parameters
    ----------
    shell : `ginga.rv.Control.GingaShell`
        The shell of the running viewer.
    review : BatchReview
        The frames to list.
    """
    from ginga.misc.Future import Future

    from ginga_crplugin import ginga_plugin_spec

    name = ginga_plugin_spec().name
    channel = shell.get_channel(shell.get_channel_names()[0])
    recipes = channel.opmon.get_plugin(name).session.recipes
    recipes.outputs = review.outputs
    recipes.apply(review.recipe)
    titles = []
    for path, ext in review.frames:
        future = Future()
        future.freeze(shell.load_image, str(path), idx=ext)
        titles.append(path.stem if ext is None else f'{path.stem}[{ext}]')
        channel.add_history(titles[-1], str(path), idx=ext, image_future=future, nothumb=True)
    _fit_in_browser(shell, channel)
    shell.start_local_plugin(channel.name, name)
    channel.switch_name(titles[0])


def _fit_in_browser(shell: Any, channel: Any) -> None:
    if shell.is_web_backend():  # the image was fitted before the page was opened and its size known
        channel.fitsimage.add_callback('map', lambda viewer: viewer.zoom_fit())


def _start_plugin_once(shell: Any) -> None:
    """Start the plugin when the first image is loaded."""
    from ginga_crplugin import ginga_plugin_spec

    started: list[str] = []

    def start(shell: Any, channel: str, *_: Any) -> None:
        if not started:
            started.append(channel)
            _fit_in_browser(shell, shell.get_channel(channel))
            shell.gui_do(shell.start_local_plugin, channel, ginga_plugin_spec().name)

    shell.add_callback('add-image', start)
