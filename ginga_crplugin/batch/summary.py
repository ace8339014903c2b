"""The room of the summary: what came of a night as a table, and which of its frames stand out."""

import io
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.stats import mad_std
from astropy.table import QTable

from ginga_crplugin import __version__
from ginga_crplugin.io.atomic import AtomicFile

__all__ = ['FAR', 'NAME', 'counts', 'kinds_of', 'place_of', 'read_summary', 'summary', 'write_summary']

NAME = 'summary.ecsv'

#: The fewest frames that a night's scatter is taken from.
FEWEST = 5

#: How many times the scatter a frame that stands out is away from the others.
FAR = 5.0

#: The scatter of the excluded fraction is taken to be at least this.
LEAST_SHARE = 0.002

#: The counts that are compared: name, what they are told as, and what the count of segments is divided by.
_COUNTS = ('rate', 'per cm2 and minute'), ('second', 'per second'), ('frame', 'segments')


def summary(outcomes):
    """Return a table of what came of each frame, in the order of their files and HDUs.

    Parameters
    ----------
    outcomes : iterable of Outcome

    Returns
    -------
    `~astropy.table.QTable`
        The attributes of `Outcome`, ``path`` as ``file`` and ``output`` without its folder, and ``stands_out``: in
        words why a frame is unlike the others; empty where it is not.
    """
    outcomes = sorted(outcomes, key=lambda outcome: (outcome.path, outcome.ext))
    table = QTable(meta={'ginga_crplugin': __version__})
    table['file'] = _column(outcomes, 'path', str)
    table['ext'] = _column(outcomes, 'ext', int)
    table['output'] = np.array([Path(outcome.output).name for outcome in outcomes], dtype=str)
    for name in ('status', 'reason', 'rule', 'object', 'date'):
        table[name] = _column(outcomes, name, str)
    table['exposure'] = _column(outcomes, 'exposure', float) * u.s
    for name in ('pixels', 'segments', 'listed'):
        table[name] = _column(outcomes, name, int)
    table['rate'] = _column(outcomes, 'rate', float) / (u.cm**2 * u.min)
    table['excluded'] = _column(outcomes, 'excluded', float)
    table['checks'] = _column(outcomes, 'checks', str)
    table['reviewed'] = _column(outcomes, 'reviewed', bool)
    table['seconds'] = _column(outcomes, 'seconds', float) * u.s
    table['stands_out'] = np.array(_standing_out(table), dtype=str)
    return table


def _column(outcomes, name, kind):
    return np.array([getattr(outcome, name) for outcome in outcomes], dtype=kind)


def write_summary(table, folder):
    """Write the table into a folder, over an earlier one, and return its path.

    Raises
    ------
    FileExistsError
        If a file of that name stands there that was not written here.
    OSError
        If it can't be written.
    """
    text = io.StringIO()
    table.write(text, format='ascii.ecsv')
    path = Path(folder) / NAME
    # names of files that are no text keep their bytes
    place_of(path).write(text.getvalue().encode('utf-8', 'surrogateescape'))
    return path


def place_of(path):
    """Return the `AtomicFile` of a table or page, which may take that of an earlier one, but of no other file.

    Raises
    ------
    FileExistsError
        If another file stands there.
    """
    if path.is_file():
        with path.open('rb') as file:
            if b'ginga_crplugin' not in file.read(4096):
                msg = f'{path} was not written here: move it away'
                raise FileExistsError(msg)
    return AtomicFile(path, overwrite=True)


def read_summary(folder):
    """Read the table of a night.

    Parameters
    ----------
    folder : path-like
        Where the masks are.

    Returns
    -------
    `~astropy.table.QTable`
        As `summary` makes it.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is no such table.
    """
    path = Path(folder) / NAME
    if not path.is_file():
        msg = f'{path}: no such file; ginga-crplugin apply writes it'
        raise FileNotFoundError(msg)
    try:
        text = path.read_bytes().decode('utf-8', 'surrogateescape')
        table = QTable.read(text + '\n', format='ascii.ecsv')  # a text without lines would be a file name
    except (ValueError, TypeError, KeyError, IndexError) as error:  # what astropy says of a damaged table
        msg = f'{path} is no summary of a night: {(str(error).splitlines() or [""])[0]}'
        raise ValueError(msg) from error
    empty = summary([])
    missing = [name for name in empty.colnames if name not in table.colnames]
    if missing:
        msg = f'{path} is no summary of a night: it has no column {missing[0]}'
        raise ValueError(msg)
    for name in empty.colnames:
        if empty[name].dtype.kind == 'U':  # an empty word is read as a missing one
            table[name] = np.ma.filled(np.ma.asarray(table[name].astype(str)), '')
    return table


# what stands out


def _standing_out(table):
    """Return in words why each frame stands out."""
    reasons = [[] for _ in table]
    for reason, status, checks in zip(reasons, table['status'], table['checks'], strict=True):
        if status == 'failed':
            reason.append('failed')
        errors = [check.removesuffix(' error') for check in checks.split(', ') if check.endswith(' error')]
        if errors:
            reason.append(f'errors of the checks: {", ".join(errors)}')
    there = np.flatnonzero(table['status'] != 'failed')
    for index, words in _unusual_counts(table, there):
        reasons[index].append(words)
    share = table['excluded']
    for members, judged in _groups(table, there[np.isfinite(share[there])]):
        usual = np.median(share[members])
        scatter = max(mad_std(share[members]), LEAST_SHARE)
        for index in judged[np.abs(share[judged] - usual) > FAR * scatter]:
            reasons[index].append(
                f'{100 * share[index]:.1f} % of the frame excluded; the median is {100 * usual:.1f} %'
            )
    return ['; '.join(words) for words in reasons]


def _unusual_counts(table, there):
    """Yield the frames with unusually many or few segments, and words for it."""
    kinds = kinds_of(table)
    values = counts(table)
    for kind, unit in _COUNTS:
        for members, judged in _groups(table, there[kinds[there] == kind]):
            usual, scatter = np.median(values[members]), mad_std(values[members])
            with np.errstate(divide='ignore', invalid='ignore'):
                times = table['segments'] / values  # what a count is divided by
            times = np.where(values > 0, times, _median(times[members]))
            poisson = np.sqrt(np.maximum(usual * times, 1.0)) / times
            away = (values - usual) / np.maximum(scatter, poisson)
            for index in judged[np.abs(away[judged]) > FAR]:
                many = 'many' if away[index] > 0 else 'few'
                yield index, f'{many} cosmic rays: {values[index]:.3g} {unit}, {usual:.3g} are usual'


def _median(values):
    values = values[np.isfinite(values) & (values > 0)]
    return np.median(values) if len(values) else np.nan


def kinds_of(table):
    """Return how the segments of each frame can be counted: 'rate', 'second' or 'frame'."""
    exposure = table['exposure'].value
    timed = np.where(np.isfinite(exposure) & (exposure > 0), 'second', 'frame')
    return np.where(np.isfinite(table['rate'].value), 'rate', timed)


def counts(table):
    """Return the segments of each frame, counted as `kinds_of` says."""
    kinds = kinds_of(table)
    timed = np.where(kinds == 'second', table['exposure'].value, 1.0)
    return np.where(kinds == 'rate', table['rate'].value, table['segments'] / timed)


def _groups(table, frames):
    """Yield frames to compare with each other, and those of them that are judged by it.

    They are those of the same rule and about the same exposure; where these are few, those of the same rule; where
    these are few too, all. Of fewer than `FEWEST` nothing is said.
    """
    about = np.array([f'{seconds:.1e}' for seconds in table['exposure'].value], dtype=str)
    rules = np.asarray(table['rule'])
    left = frames
    for keys in ((rules, about), (rules,), ()):
        names = np.array(['\n'.join(names) for names in zip(*(key[frames] for key in keys), strict=True)], dtype=str)
        number = np.unique(names, return_inverse=True)[1] if keys else np.zeros(len(frames), dtype=int)
        order = np.argsort(number, kind='stable')
        for members in np.split(frames[order], np.flatnonzero(np.diff(number[order])) + 1):
            judged = np.intersect1d(members, left, assume_unique=True)
            if len(members) >= FEWEST and len(judged):
                yield members, judged
                left = np.setdiff1d(left, judged, assume_unique=True)
