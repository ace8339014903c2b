"""Kill saves or let them fail at each system call; nothing may be lost: python -m tests.tools.fault_saves."""

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

from tests.tools.saves import SAVES, SEVERAL, Saver, left_over, restore, states, swept, whole

#: What the calls by which files are changed are made to fail with; all others get an I/O error.
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
#: The calls by which files come to be, and go.
WRITING = {'openat', 'write', 'fsync', 'rename', 'link', 'unlink', 'mkdir', 'chmod', 'utimensat', 'flock'}


def why_not():
    """Why system calls can't be made to fail here; empty where they can."""
    if shutil.which('strace') is None:
        return 'strace is not installed'
    tried = subprocess.run(['strace', '-qq', '-e', 'trace=none', 'true'], capture_output=True, text=True)
    return '' if tried.returncode == 0 else f'strace cannot trace here: {tried.stderr.strip()}'


def _traced(saver, name, folder, *options):
    """Have a save done under strace."""
    pid = saver.begin(name, folder)
    strace = subprocess.Popen(['strace', '-p', str(pid), *options], stderr=subprocess.PIPE, text=True)
    assert 'attached' in strace.stderr.readline()
    os.kill(pid, signal.SIGCONT)
    end = saver.end(pid)
    strace.communicate(timeout=30)
    return end


def calls(saver, name, folder, before):
    """By name, which of its system calls a save makes on the files of the folder, numbered from 1."""
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
    """Yield system calls, ``most`` of each name, with their number and what to do to them: KILL, or an error."""
    for call, those in numbers.items():
        if only is None or call in only:
            for place in sorted({round(n) for n in np.linspace(0, len(those) - 1, min(most, len(those)))}):
                yield from ((call, those[place], how) for how in ('KILL', *ERRORS.get(call, ('EIO',))))


def fault(saver, name, folder, before, after, call, number, how):
    """Do something to one system call of a save; return in words what came of it, 'lost: ...' where it went wrong."""
    restore(folder, before)
    inject = f'inject={call}:' + ('signal=KILL' if how == 'KILL' else f'error={how}') + f':when={number}'
    end = _traced(saver, name, folder, '-o', os.devnull, '-e', f'trace={call}', '-e', inject)
    left = left_over(folder) if how != 'KILL' and call != 'unlink' else []
    files = swept(folder)
    where = f'{name}, {how} at {call} {number}: exit {end.code} {end.said!r}'
    if left or left_over(folder):
        return f'lost: a file is left over: {where}'
    if end.code not in (0, 1, -signal.SIGKILL) or '\n' in end.said:
        return f'lost: no clear error: {where}'
    if end.code == 0:
        return 'saved all the same' if files == after else f'lost: said to be saved: {where}'
    if files == before:
        return 'old'
    if end.code == 1 and name not in SEVERAL:
        return f'lost: said to have failed, but changed: {where}'
    return 'new' if files == after else 'some new' if whole(files, before, after) else f'lost: neither: {where}'


def run(folder, names=tuple(SAVES), only=None):
    """Try every fault of every kind of save; return how often what came of it."""
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
    finally:
        saver.close()
    return counts


def main():
    """Print how often what came of it; the exit code is 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--kind', choices=SAVES, action='append', help='this kind of save alone')
    options = parser.parse_args()
    if why_not():
        sys.exit(why_not())
    with tempfile.TemporaryDirectory() as folder:
        counts = run(Path(folder), options.kind or tuple(SAVES))
    for (kind, words), count in sorted(counts.items()):
        print(f'{count:6d}  {kind}: {words}')
    lost = sum(count for (_, words), count in counts.items() if words == 'lost')
    print(f'{sum(counts.values())} faults in {len(options.kind or SAVES)} kinds of save, {lost} lost')
    sys.exit(1 if lost else 0)


if __name__ == '__main__':
    main()
