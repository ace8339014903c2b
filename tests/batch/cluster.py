"""A real Dask cluster for tests, with the scheduler and the workers in processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent


class Cluster:
    """A scheduler and workers.

    Parameters
    ----------
    folder : `~pathlib.Path`
        The folder for their files.
    workers : int
        The number of workers.
    """

    def __init__(self, folder, workers=2):
        self._folder = folder
        self._file = folder / 'scheduler.json'
        options = ['--host', '127.0.0.1', '--port', '0', '--no-dashboard', '--no-show', '--scheduler-file', self._file]
        self.scheduler = self._start('scheduler', *options)
        self.address = self._wait_for_address()
        self.workers = [self._worker(number) for number in range(workers)]

    def _worker(self, number):
        options = [
            '--nthreads',
            '1',
            '--no-dashboard',
            '--nanny',
            '--local-directory',
            self._folder / f'worker{number}',
        ]
        return self._start('worker', self.address, '--name', f'w{number}', *options)

    def _start(self, kind, *options):
        log = (self._folder / f'{kind}.log').open('ab')
        command = [BIN / 'dask', kind, *options]
        environment = os.environ | {'OMP_NUM_THREADS': '1', 'DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT': '5s'}
        with log:
            return subprocess.Popen(
                [str(part) for part in command], stdout=log, stderr=log, start_new_session=True, env=environment
            )

    def _wait_for_address(self, seconds=60.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                return json.loads(self._file.read_text())['address']
            except (FileNotFoundError, ValueError):
                time.sleep(0.1)
        raise TimeoutError((self._folder / 'scheduler.log').read_text())

    @staticmethod
    def kill(process):
        """Kill a process and its children."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def close(self):
        for process in (*self.workers, self.scheduler):
            if process.poll() is None:
                self.kill(process)
