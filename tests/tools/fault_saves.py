"""Kill saves or make them fail at each system call; nothing may be lost: python -m tests.tools.fault_saves."""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from tests.tools.saves import SAVES, SEVERAL, Saver, is_complete, left_over, restore, state_without_leftovers, states

#: Errors of the calls that change files; all other calls get an I/O error.
ERRORS = {
    'openat': ('ENOSPC', 'EACCES', 'EMFILE'),
    'write': ('ENOSPC', 'EDQUOT', 'EIO'),
    'fsync': ('EIO', 'ENOSPC'),
    'rename': ('EACCES', 'ENOSPC', 'EPERM'),
    'link': ('EEXIST', 'EPERM', 'ENOSPC'),
    'unlink': ('EACCES', 'EPERM'),
    'mkdir': ('EACCES', 'ENOSPC'),
    'chmod': ('EPERM',),
    'chown': ('EPERM',),
    'utimensat': ('EPERM',),
    'listxattr': ('EIO',),
    'flock': ('ENOLCK', 'EIO'),
    'getdents64': ('EACCES',),
}
#: The calls that create, change and remove files.
WRITING = {'openat', 'write', 'fsync', 'rename', 'link', 'unlink', 'mkdir', 'chmod', 'utimensat', 'flock'}


def missing_requirement():
    """Return why system calls can't be made to fail here; empty if they can."""
    if shutil.which('strace') is None:
        return 'strace is not installed'
    tried = subprocess.run(['strace', '-qq', '-e', 'trace=none', 'true'], capture_output=True, text=True)
    return '' if tried.returncode == 0 else f'strace cannot trace here: {tried.stderr.strip()}'


def _traced(saver, name, folder, *options):
    """Run a save under strace."""
    pid = saver.begin(name, folder)
    strace = subprocess.Popen(['strace', '-p', str(pid), *options], stderr=subprocess.PIPE, text=True)
    assert 'attached' in strace.stderr.readline()
    os.kill(pid, signal.SIGCONT)
    end = saver.end(pid)
    strace.communicate(timeout=30)
    return end


def calls(saver, name, folder, before):
    """Return the numbers, from 1, of the system calls of a save that concern the folder, by name of the call."""
    restore(folder, before)
    with tempfile.NamedTemporaryFile() as out:
        _traced(saver, name, folder, '-y', '-o', out.name)
        lines = re.findall(r'^(\w+)(\(.*)$', Path(out.name).read_text(), re.MULTILINE)
    counts, found = Counter(), {}
    for call, rest in lines:
        counts[call] += 1
        if str(folder) in rest:
            found.setdefault(call, []).append(counts[call])
    return found


def faults(numbers, only=None, most=1000):
    """Yield system calls, at most ``most`` of each name, with their number and the fault: KILL, or an error."""
    for call, positions in numbers.items():
        if only is None or call in only:
            for index in sorted({round(n) for n in np.linspace(0, len(positions) - 1, min(most, len(positions)))}):
                yield from ((call, positions[index], how) for how in ('KILL', *ERRORS.get(call, ('EIO',))))


def fault(saver, name, folder, before, after, call, number, how):
    """Inject a fault into a system call of a save; return the outcome as text, 'lost: ...' if it is not allowed."""
    restore(folder, before)
    inject = f'inject={call}:' + ('signal=KILL' if how == 'KILL' else f'error={how}') + f':when={number}'
    end = _traced(saver, name, folder, '-o', os.devnull, '-e', f'trace={call}', '-e', inject)
    left = left_over(folder) if how != 'KILL' and call != 'unlink' else []
    files = state_without_leftovers(folder)
    case = f'{name}, {how} at {call} {number}: exit {end.code} {end.message!r}'
    if left or left_over(folder):
        return f'lost: a file is left over: {case}'
    if end.code not in (0, 1, -signal.SIGKILL) or '\n' in end.message:
        return f'lost: no clear error: {case}'
    if end.code == 0:
        return 'saved anyway' if files == after else f'lost: reported as saved: {case}'
    if files == before:
        return 'old'
    if end.code == 1 and name not in SEVERAL:
        return f'lost: reported as failed, but changed: {case}'
    return 'new' if files == after else 'some new' if is_complete(files, before, after) else f'lost: neither: {case}'


def run(folder, names=tuple(SAVES), only=None):
    """Try every fault of every kind of save; return the count of each outcome, of those before an interruption."""
    counts, saver = Counter(), Saver()
    try:
        for name in names:
            before, after = states(saver, name, folder)
            for call, number, how in faults(calls(saver, name, folder, before), only):
                found = fault(saver, name, folder, before, after, call, number, how)
                if found.startswith('lost'):
                    print(found, flush=True)
                kind = 'killed' if how == 'KILL' else 'failed'
                counts[kind, found.split(':')[0]] += 1
    except KeyboardInterrupt:
        print('interrupted')
    finally:
        saver.close()
    return counts


def main():
    """Print the count of each outcome; the exit code is 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--kind', choices=SAVES, action='append', help='only this kind of save')
    options = parser.parse_args()
    if missing_requirement():
        sys.exit(missing_requirement())
    with tempfile.TemporaryDirectory() as folder:
        counts = run(Path(folder), options.kind or tuple(SAVES))
    for (kind, outcome), count in sorted(counts.items()):
        print(f'{count:6d}  {kind}: {outcome}')
    lost = sum(count for (_, outcome), count in counts.items() if outcome == 'lost')
    print(f'{sum(counts.values())} faults in {len(options.kind or SAVES)} kinds of save, {lost} lost')
    sys.exit(1 if lost else 0)


if __name__ == '__main__':
    main()
