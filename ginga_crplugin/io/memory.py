"""Available memory, and whether a frame fits into it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

resource: ModuleType | None
try:
    import resource
except ImportError:  # Windows
    resource = None

__all__ = ['SYSTEM_ROOT', 'available_memory', 'check_memory', 'format_size']

#: The folder that contains ``/proc`` and ``/sys``.
SYSTEM_ROOT = Path('/')


def available_memory() -> int | None:
    """Return the number of bytes of memory that are available now.

    It is the smallest of the free memory of the machine (its total memory on systems other than Linux), and of what
    the limits of the process and of its control groups leave.

    Returns
    -------
    int or None
        None if the system does not report it.
    """
    sizes = [_machine_memory(), _process_memory(), *_group_memory()]
    return min((max(0, size) for size in sizes if size is not None), default=None)


def check_memory(needed: float, what: str) -> None:
    """Raise an error if less memory is available than needed.

    Parameters
    ----------
    needed : float
        Number of bytes.
    what : str
        The name of what needs them, for the message.

    Raises
    ------
    ValueError
        If less is available.
    """
    free = available_memory()
    if free is not None and needed > free:
        msg = f'{what} needs about {format_size(needed)} of memory; {format_size(free)} are available'
        raise ValueError(msg)


def format_size(size: float) -> str:
    """Return a number of bytes as text with a unit.

    Parameters
    ----------
    size : float
        Number of bytes.

    Returns
    -------
    str
        The size in GiB or MiB.

    Examples
    --------
    >>> format_size(3 * 2**30), format_size(5e6)
    ('3.0 GiB', '4.8 MiB')
    """
    return f'{size / 2**30:.1f} GiB' if size >= 2**30 else f'{size / 2**20:.1f} MiB'


def _read(path: str | Path) -> str:
    """Return the content of a system file; empty on systems without it."""
    try:
        return (SYSTEM_ROOT / str(path).lstrip('/')).read_text()
    except OSError:
        return ''


def _number(text: str, pattern: str = r'(\d+)') -> int | None:
    found = re.search(pattern, text, re.MULTILINE)
    return None if found is None else int(found[1])


def _machine_memory() -> int | None:
    free = _number(_read('/proc/meminfo'), r'^MemAvailable:\s*(\d+) kB')
    if free is not None:
        return free * 1024
    try:
        return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _process_memory() -> int | None:
    if resource is None:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    used = _number(_read('/proc/self/statm'))
    if limit == resource.RLIM_INFINITY or used is None:
        return None
    return limit - used * os.sysconf('SC_PAGE_SIZE')


#: For both versions of control groups: folder, pattern of the line in ``/proc/self/cgroup``, files with the numbers.
_GROUPS = (
    ('/sys/fs/cgroup', r'^0::/(.*)$', ('memory.max', 'memory.current', 'inactive_file')),
    (
        '/sys/fs/cgroup/memory',
        r'^\d+:(?:.*,)?memory(?:,.*)?:/(.*)$',
        ('memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'),
    ),
)


def _group_memory() -> Iterator[int | None]:
    """Yield the memory left in each control group of the process."""
    own = _read('/proc/self/cgroup')
    for folder, pattern, names in _GROUPS:
        found = re.search(pattern, own, re.MULTILINE)
        if found:
            group = Path(folder, found[1])
            yield from (_left(each, *names) for each in (group, *group.parents) if each.is_relative_to(folder))


def _left(group: Path, limit_file: str, used_file: str, cached: str) -> int | None:
    """Return the memory left in a group, None if it has no limit; cached files count as free."""
    limit, used = (_number(_read(group / name)) for name in (limit_file, used_file))
    if limit is None or used is None:
        return None
    return limit - used + (_number(_read(group / 'memory.stat'), rf'^{cached} (\d+)') or 0)
