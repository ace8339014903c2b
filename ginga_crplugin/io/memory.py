"""The room of the memory: how much can be had, and whether a frame fits into it."""

import os
import re
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None

__all__ = ['available_memory', 'check_memory', 'format_size']


def available_memory():
    """Return how many bytes of memory can be had now, or None where the system does not tell.

    It is the least of what the machine has free (Linux; elsewhere what it has at all), what the process may take, and
    what its control group may.
    """
    figures = [_of_machine(), _of_process(), *_of_groups()]
    return min((max(0, figure) for figure in figures if figure is not None), default=None)


def check_memory(needed, what):
    """Raise a `ValueError` with both figures where so many bytes can't be had."""
    free = available_memory()
    if free is not None and needed > free:
        msg = f'{what} would need about {format_size(needed)} of memory, and {format_size(free)} are free'
        raise ValueError(msg)


def format_size(size):
    """Return a number of bytes in words.

    Examples
    --------
    >>> format_size(3 * 2**30), format_size(5e6)
    ('3.0 GiB', '4.8 MiB')
    """
    return f'{size / 2**30:.1f} GiB' if size >= 2**30 else f'{size / 2**20:.1f} MiB'


def _text(path):
    try:
        return path.read_text()
    except OSError:  # not this kind of system
        return ''


def _number(text, pattern=r'(\d+)'):
    found = re.search(pattern, text, re.MULTILINE)
    return None if found is None else int(found[1])


def _of_machine():
    free = _number(_text(Path('/proc/meminfo')), r'^MemAvailable:\s*(\d+) kB')
    if free is not None:
        return free * 1024
    try:
        return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _of_process():
    if resource is None:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    taken = _number(_text(Path('/proc/self/statm')))
    if limit == resource.RLIM_INFINITY or taken is None:
        return None
    return limit - taken * os.sysconf('SC_PAGE_SIZE')


#: Of both versions of control groups: their folder, how a process names its own, and the files that tell.
_GROUPS = (
    ('/sys/fs/cgroup', r'^0::/(.*)$', ('memory.max', 'memory.current', 'inactive_file')),
    (
        '/sys/fs/cgroup/memory',
        r'^\d+:(?:.*,)?memory(?:,.*)?:/(.*)$',
        ('memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'),
    ),
)


def _of_groups():
    """Yield what is left in the control groups that the process is in."""
    own = _text(Path('/proc/self/cgroup'))
    for folder, pattern, names in _GROUPS:
        found = re.search(pattern, own, re.MULTILINE)
        if found:
            group = Path(folder, found[1])
            yield from (_left(each, *names) for each in (group, *group.parents) if each.is_relative_to(folder))


def _left(group, limit, taken, cached):
    """Return what a group has left, None where it is none or has no limit; what is cached of files can be had."""
    limit, taken = (_number(_text(group / name)) for name in (limit, taken))
    if limit is None or taken is None:
        return None
    return limit - taken + (_number(_text(group / 'memory.stat'), rf'^{cached} (\d+)') or 0)
