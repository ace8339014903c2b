"""A Ginga window on a virtual screen, operated with mouse and keys.

Run as a script, this module starts Ginga, and answers questions about its widgets, such as their positions on the
screen, on its standard output. `Window` starts the script under Xvfb, and moves the mouse with xdotool.
"""

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

NEEDS = ('Xvfb', 'xdotool', 'openbox', 'import')


def missing():
    """Return the names of the required programs that are not installed."""
    return [name for name in NEEDS if shutil.which(name) is None]


#: Options of the process, for `ask`.
PIPES = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'text': True, 'bufsize': 1}


def ask(program, question, log):
    """Ask the script a question; ``log`` is the file of its standard error."""
    stuck = threading.Timer(120.0, program.kill)
    stuck.start()
    try:
        print(json.dumps(question), file=program.stdin, flush=True)
        for line in program.stdout:
            if line.startswith('answer '):
                return json.loads(line.removeprefix('answer '))
    finally:
        stuck.cancel()
    raise AssertionError(f'Ginga has ended or does not respond:\n{log.read_text()[-2000:]}')


def end(process):
    """Terminate a process."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Window:
    """Ginga on a new virtual screen.

    Parameters
    ----------
    *frames : path-like
        Files to open.
    size : str, optional
        Size of the screen.
    view : bool, optional
        Whether to start ``ginga-crplugin view`` instead of ``ginga``.
    """

    def __init__(self, *frames, size='1600x1000', environment=(), view=False):
        self._folder = Path(tempfile.mkdtemp(prefix='window'))
        self._log = (self._folder / 'log').open('wb')
        self._processes = []
        try:
            self._open(frames, size, environment, view=view)
        except BaseException:
            self.close()
            raise

    def _open(self, frames, size, environment, *, view):
        self.environment = os.environ | {'DISPLAY': self._screen(size), 'QT_API': 'pyside6'} | dict(environment)
        self.environment.pop('QT_QPA_PLATFORM', None)
        self._start(['openbox'])
        width, height = size.split('x')
        command = [
            sys.executable,
            __file__,
            '-t',
            'pyside6',
            '--basedir',
            str(self._folder),
            '--nosplash',
            '--norestore',
            '--geometry',
            f'{width}x{int(height) - 30}+0+0',
            *map(str, frames),
        ]
        if view:
            command = [sys.executable, __file__, 'view', *map(str, frames), '-t', 'pyside6']
            self.environment['GINGA_HOME'] = str(self._folder)
        self._ginga = self._start(command, **PIPES)
        self.wait_for('Plugins')

    def _screen(self, size):
        """Start a virtual screen and return the name of the display."""
        read, write = os.pipe()
        command = ['Xvfb', '-displayfd', str(write), '-screen', '0', f'{size}x24', '-nolisten', 'tcp']
        self._start(command, pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as number:
            assert select.select([number], [], [], 60.0)[0], 'Xvfb did not report its display'
            name = number.readline().strip()
        assert name, f'Xvfb ended: {self.log}'
        return f':{name}'

    def _start(self, command, **options):
        options = {'stdout': self._log, 'stderr': self._log, 'env': getattr(self, 'environment', None)} | options
        self._processes.append(subprocess.Popen(command, **options))
        return self._processes[-1]

    def ask(self, **question):
        """Ask the script about its widgets."""
        return ask(self._ginga, question, self._folder / 'log')

    def wait_for(self, text, timeout=60.0, kind='find'):
        """Wait until a widget with this text can be clicked, and return its position."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            position = self.ask(**{kind: text})
            if position is not None:
                return position
            time.sleep(0.1)
        raise AssertionError(f'no widget with the text {text!r} on the screen')

    def wait_for_text(self, text, timeout=60.0):
        """Wait until a label contains this text, and return the text of the label."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            label = self.ask(label=text)
            if label is not None:
                return label
            time.sleep(0.1)
        raise AssertionError(f'no label contains {text!r}')

    def wait_until_gone(self, text, timeout=120.0):
        """Wait until no visible label contains this text."""
        end = time.monotonic() + timeout
        while self.ask(label=text) is not None:
            assert time.monotonic() < end, text
            time.sleep(0.2)

    def xdotool(self, *arguments):
        """Run xdotool to move the mouse or press keys."""
        subprocess.run(['xdotool', *map(str, arguments)], env=self.environment, check=True, timeout=20)
        time.sleep(0.3)

    def click(self, text):
        """Click the widget with this text."""
        position = None
        while position != (position := self.wait_for(text)):  # menus and panels move while they open
            time.sleep(0.5)
        x, y = position
        self.xdotool('mousemove', x, y, 'sleep', 0.2, 'click', 1)

    def click_at(self, x, y):
        """Click a position on the screen."""
        self.xdotool('mousemove', x, y, 'sleep', 0.2, 'click', 1)

    def keys(self, *keys):
        """Press keys, one after another."""
        for key in keys:
            self.xdotool('key', key)

    def tab_to(self, text, most=120):
        """Press Tab until the button with this text has the focus."""
        for _ in range(most):
            if self.ask(focus=True) == text:
                return
            self.xdotool('key', 'Tab')
        raise AssertionError(f'Tab does not reach {text!r}')

    def choose(self, name):
        """Select a file in a file dialog."""
        self.click_at(*self.wait_for(name, kind='file'))
        self.click('Open')

    def row(self, index):
        """Return the position, the texts and the selection of a row of the segment table."""
        return self.ask(row=index)

    def on_image(self, x, y):
        """Return the position of an image pixel on the screen."""
        return self.ask(pixel=[x, y])

    def drag_slider(self, index, pixels):
        """Drag the handle of a slider by a number of pixels."""
        x, y = self.ask(slider=index)
        steps = [word for k in range(1, 11) for word in ('mousemove', round(x + pixels * k / 10), y, 'sleep', 0.05)]
        self.xdotool('mousemove', x, y, 'sleep', 0.2, 'mousedown', 1, 'sleep', 0.2, *steps, 'mouseup', 1)

    def type_in(self, index, text):
        """Type a value into a spin box, counted from the top."""
        self.xdotool('mousemove', *self.ask(spin_at=index), 'sleep', 0.2, 'click', '--repeat', 3, 1)
        self.xdotool('type', text)
        self.xdotool('key', 'Tab')

    def pick(self, shown, down):
        """Open the combo box with a text and select the option a number of lines below."""
        self.click(shown)
        self.keys(*['Down' if down > 0 else 'Up'] * abs(down), 'Return')

    def box(self, name):
        """Return the corners of ``panel``, ``image`` or ``dialog`` on the screen: left, top, right, bottom."""
        return self.ask(box=name)

    def picture(self, path):
        """Save a screenshot."""
        subprocess.run(['import', '-window', 'root', str(path)], env=self.environment, check=True, timeout=30)

    def close(self):
        """Close Ginga and the screen."""
        for process in reversed(self._processes):
            end(process)
            for pipe in filter(None, (process.stdin, process.stdout)):
                pipe.close()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def log(self):
        """The standard error of Ginga."""
        return (self._folder / 'log').read_text()


# the script


def answer(question):
    """Return the answer to a question about Ginga or its widgets."""
    [(kind, argument)] = question.items()
    kinds = {
        'address': lambda _: _shell().get_url(),
        'pan': _pan,
        'find': _center,
        'file': _file,
        'label': _label,
        'focus': _focus,
        'spin': lambda index: _spins()[index].value(),
        'spin_at': _spin_at,
        'box': _box,
        'head': _head,
        'slider': _handle,
        'row': _row,
        'pixel': lambda place: _pixel(*place),
    }
    return kinds[kind](argument)


def _pan(_):
    return [float(place) for place in _shell().get_channel('Image').fitsimage.get_pan()]


def _label(text):
    from qtpy import QtWidgets

    kinds = QtWidgets.QLabel | QtWidgets.QCheckBox
    texts = [w.text() for w in QtWidgets.QApplication.allWidgets() if isinstance(w, kinds) and w.isVisible()]
    return next((shown for shown in texts if text in shown), None)


def _focus(_):
    from qtpy import QtWidgets

    widget = QtWidgets.QApplication.focusWidget()
    return widget.text() if isinstance(widget, QtWidgets.QAbstractButton) else type(widget).__name__


def _spin_at(index):
    spin = _spins()[index]
    return _global(spin, spin.lineEdit().geometry().center())


def _spins():
    from qtpy import QtWidgets

    kind = QtWidgets.QDoubleSpinBox
    spins = [w for w in QtWidgets.QApplication.allWidgets() if isinstance(w, kind) and w.isVisible()]
    return sorted(spins, key=lambda w: w.mapToGlobal(w.rect().topLeft()).y())


def _box(name):
    from qtpy import QtWidgets

    if name == 'dialog':
        dialogs = (w for w in QtWidgets.QApplication.topLevelWidgets() if isinstance(w, QtWidgets.QDialog))
        return list(next(w for w in dialogs if w.isVisible()).frameGeometry().getCoords())
    if name == 'image':
        widget = _shell().get_channel('Image').fitsimage.get_widget()
    else:
        buttons = QtWidgets.QApplication.allWidgets()
        widget = next(w for w in buttons if isinstance(w, QtWidgets.QPushButton) and w.text() == 'Run')
        while not isinstance(widget, QtWidgets.QTabWidget):
            widget = widget.parent()
    return _global(widget, widget.rect().topLeft()) + _global(widget, widget.rect().bottomRight())


def _center(text):
    from qtpy import QtWidgets

    for widget in reversed(QtWidgets.QApplication.allWidgets()):
        if not widget.isVisible():
            continue
        if isinstance(widget, QtWidgets.QMenu | QtWidgets.QMenuBar):
            for action in widget.actions():
                if action.text() == text:
                    return _global(widget, widget.actionGeometry(action).center())
        elif (
            isinstance(widget, QtWidgets.QAbstractButton)
            and widget.text().replace('&', '') == text
            and widget.isEnabled()
        ):
            _scroll_to(widget)
            place = widget.rect().center()
            if isinstance(widget, QtWidgets.QCheckBox):
                place.setX(8)
            return _global(widget, place)
        elif isinstance(widget, QtWidgets.QComboBox) and widget.currentText() == text and widget.isEnabled():
            _scroll_to(widget)
            return _global(widget, widget.rect().center())
    return None


def _file(name):
    from qtpy import QtWidgets

    for view in QtWidgets.QApplication.allWidgets():
        if isinstance(view, QtWidgets.QTreeView) and view.isVisible():
            model, root = view.model(), view.rootIndex()
            for index in (model.index(row, 0, root) for row in range(model.rowCount(root))):
                if index.data() == name:
                    view.scrollTo(index)
                    return _global(view.viewport(), view.visualRect(index).center())
    return None


def _scroll_to(widget):
    """Scroll until a widget is visible."""
    from qtpy import QtWidgets

    parent = widget.parent()
    while parent is not None:
        if isinstance(parent, QtWidgets.QScrollArea):
            parent.ensureWidgetVisible(widget)
        parent = parent.parent()


def _handle(index):
    from qtpy import QtWidgets

    sliders = [w for w in QtWidgets.QApplication.allWidgets() if isinstance(w, QtWidgets.QSlider) and w.isVisible()]
    slider = sorted(sliders, key=lambda w: w.mapToGlobal(w.rect().topLeft()).y())[index]
    options = QtWidgets.QStyleOptionSlider()
    slider.initStyleOption(options)
    style, kind = slider.style(), QtWidgets.QStyle
    handle = style.subControlRect(kind.CC_Slider, options, kind.SC_SliderHandle, slider)
    return _global(slider, handle.center())


def _table():
    from qtpy import QtWidgets

    for table in QtWidgets.QApplication.allWidgets():
        shown = isinstance(table, QtWidgets.QTableWidget) and table.isVisible()
        if shown and table.horizontalHeaderItem(0).text() == '#':
            _scroll_to(table)
            return table
    return None


def _row(index):
    table = _table()
    if table is None or table.rowCount() <= index:
        return None
    table.scrollToItem(table.item(index, 0))
    words = [table.item(index, column).text() for column in range(table.columnCount())]
    selected = [i.row() for i in table.selectionModel().selectedRows()]
    place = table.visualItemRect(table.item(index, 1)).center()
    return {'at': _global(table.viewport(), place), 'words': words, 'selected': selected}


def _head(text):
    from qtpy import QtCore

    head = _table().horizontalHeader()
    words = [_table().horizontalHeaderItem(column).text() for column in range(_table().columnCount())]
    at = words.index(text)
    place = QtCore.QPoint(head.sectionViewportPosition(at) + head.sectionSize(at) // 2, head.height() // 2)
    return _global(head.viewport(), place)


def _pixel(x, y):
    viewer = _shell().get_channel('Image').fitsimage
    x, y = viewer.get_canvas_xy(x, y)
    from qtpy import QtCore

    return _global(viewer.get_widget(), QtCore.QPoint(round(x), round(y)))


def _global(widget, place):
    place = widget.mapToGlobal(place)
    return [place.x(), place.y()]


#: The running reference viewer.
VIEWERS = []


def _shell():
    return VIEWERS[0].ginga_shell


def serve(viewer):
    """Answer the questions on standard input, in Ginga's GUI thread."""
    for line in sys.stdin:
        question = json.loads(line)
        done = threading.Event()

        def reply(question=question, done=done):
            print('answer', json.dumps(answer(question)), flush=True)
            done.set()

        while getattr(viewer, 'ginga_shell', None) is None:
            time.sleep(0.1)
        viewer.ginga_shell.gui_do(reply)
        done.wait(60)


def watch():
    """Let the next Ginga of this process answer questions."""
    from ginga.rv import main

    class Viewer(main.ReferenceViewer):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            VIEWERS.append(self)
            threading.Thread(target=serve, args=(self,), daemon=True).start()

    main.ReferenceViewer = Viewer
    return main


if __name__ == '__main__':
    main = watch()
    if sys.argv[1] == 'view':
        from ginga_crplugin.cli.main import main as command

        sys.exit(command(sys.argv[1:]))
    main.reference_viewer(['ginga', *sys.argv[1:]])
