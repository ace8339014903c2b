"""The summary table of a batch, and the frames that stand out in it."""

import io
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.stats import mad_std
from astropy.table import QTable

from ginga_crplugin import __version__
from ginga_crplugin.io.atomic import AtomicFile

from .job import Outcome

__all__ = [
    'OUTLIER_THRESHOLD',
    'SUMMARY_NAME',
    'count_kinds',
    'make_summary',
    'own_file',
    'read_summary',
    'segment_counts',
    'write_summary',
]

SUMMARY_NAME = 'summary.ecsv'

#: The smallest number of frames that a scatter is estimated from.
MIN_FRAMES = 5

#: A frame stands out if it differs from the median by more than this factor times the scatter.
OUTLIER_THRESHOLD = 5.0

#: The lower limit of the scatter of the excluded fraction.
MIN_SCATTER = 0.002

#: The kinds of counts that are compared, and their units in messages.
_COUNT_UNITS = {'rate': 'per cm2 per minute', 'second': 'per second', 'frame': 'segments'}


def make_summary(outcomes: Iterable[Outcome]) -> QTable:
    """Return a table of the outcomes, ordered by file and HDU.

    Parameters
    ----------
    outcomes : iterable of Outcome
        The outcomes of the frames.

    Returns
    -------
    `~astropy.table.QTable`
        The attributes of `Outcome`, with ``path`` as ``file``, ``output`` without its folder and ``checks`` as text;
        and ``stands_out``: why a frame differs from the others, empty if it does not.
    """
    outcomes = sorted(outcomes, key=lambda outcome: (outcome.path, outcome.ext))
    table = QTable(meta={'ginga_crplugin': __version__})
    table['file'] = _column(outcomes, 'path', str)
    table['ext'] = _column(outcomes, 'ext', int)
    table['output'] = np.array([Path(outcome.output).name for outcome in outcomes], dtype=str)
    for name in ('status', 'reason', 'rule', 'object', 'date'):
        table[name] = _column(outcomes, name, str)
    table['exposure'] = _column(outcomes, 'exposure', float) * u.s
    for name in ('pixels', 'segments', 'listed', 'stars', 'stars_touched'):
        table[name] = _column(outcomes, name, int)
    table['rate'] = _column(outcomes, 'rate', float) / (u.cm**2 * u.min)
    table['stars_flux'] = _column(outcomes, 'stars_flux', float)
    table['excluded_fraction'] = _column(outcomes, 'excluded_fraction', float)
    table['checks'] = _column(outcomes, 'checks_text', str)
    table['reviewed'] = _column(outcomes, 'reviewed', bool)
    table['seconds'] = _column(outcomes, 'seconds', float) * u.s
    errors = [[name for name, mark in outcome.checks if mark == 'error'] for outcome in outcomes]
    table['stands_out'] = np.array(_reasons(table, errors), dtype=str)
    return table


def _column(outcomes: list[Outcome], name: str, kind: type) -> np.ndarray:
    return np.array([getattr(outcome, name) for outcome in outcomes], dtype=kind)


def write_summary(table: QTable, folder: str | PathLike[str]) -> Path:
    """Write a summary table into a folder, and overwrite an earlier one.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        The table.
    folder : path-like
        The folder.

    Returns
    -------
    `~pathlib.Path`
        The file.

    Raises
    ------
    FileExistsError
        If the file exists and was not written by this package.
    OSError
        If it cannot be written.
    """
    text = io.StringIO()
    table.write(text, format='ascii.ecsv')
    path = Path(folder) / SUMMARY_NAME
    # file names that cannot be decoded keep their bytes
    own_file(path).write(text.getvalue().encode('utf-8', 'surrogateescape'))
    return path


def own_file(path: Path) -> AtomicFile:
    """Return the file of a summary or report for writing; only files of this package may be overwritten.

    Parameters
    ----------
    path : `~pathlib.Path`
        The file.

    Returns
    -------
    AtomicFile
        The file.

    Raises
    ------
    FileExistsError
        If the file exists and was not written by this package.
    """
    if path.is_file():
        with path.open('rb') as file:
            if b'ginga_crplugin' not in file.read(4096):
                msg = f'{path} was not written by ginga_crplugin; move it away'
                raise FileExistsError(msg)
    return AtomicFile(path, overwrite=True)


def read_summary(folder: str | PathLike[str]) -> QTable:
    """Read the summary table of a batch.

    Parameters
    ----------
    folder : path-like
        The folder of the masks.

    Returns
    -------
    `~astropy.table.QTable`
        The table, as returned by `make_summary`.

    Raises
    ------
    FileNotFoundError
        If there is no summary.
    ValueError
        If the file is not a summary.
    """
    path = Path(folder) / SUMMARY_NAME
    if not path.is_file():
        msg = f'{path}: no such file; `ginga-crplugin apply` writes it'
        raise FileNotFoundError(msg)
    try:
        text = path.read_bytes().decode('utf-8', 'surrogateescape')
        table = QTable.read(text + '\n', format='ascii.ecsv')  # a text without a newline would be a file name
    except (ValueError, TypeError, KeyError, IndexError) as error:  # raised by astropy for damaged tables
        msg = f'{path} is not a summary of a batch: {(str(error).splitlines() or [""])[0]}'
        raise ValueError(msg) from error
    empty = make_summary([])
    missing = [name for name in empty.colnames if name not in table.colnames]
    if missing:
        msg = f'{path} is not a summary of a batch: column {missing[0]} is missing'
        raise ValueError(msg)
    for name in empty.colnames:
        if empty[name].dtype.kind == 'U':  # empty strings are read as masked values
            table[name] = np.ma.filled(np.ma.asarray(table[name].astype(str)), '')
    return table


# frames that stand out


def _reasons(table: QTable, errors: list[list[str]]) -> list[str]:
    """Return why each frame stands out.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        The summary without its last column.
    errors : list of list of str
        The names of each frame's checks with the mark error.

    Returns
    -------
    list of str
        The reasons; empty for a frame that does not stand out.
    """
    reasons: list[list[str]] = [[] for _ in table]
    for reason, status, names in zip(reasons, table['status'], errors, strict=True):
        if status == 'failed':
            reason.append('failed')
        if names:
            reason.append(f'failed checks: {", ".join(names)}')
    done = np.flatnonzero(table['status'] != 'failed')
    for index, text in _unusual_counts(table, done):
        reasons[index].append(text)
    excluded = table['excluded_fraction']
    for members, compared in _groups(table, done[np.isfinite(excluded[done])]):
        median = np.median(excluded[members])
        scatter = max(mad_std(excluded[members]), MIN_SCATTER)
        for index in compared[np.abs(excluded[compared] - median) > OUTLIER_THRESHOLD * scatter]:
            reasons[index].append(
                f'{100 * excluded[index]:.1f} % excluded from the search, the median is {100 * median:.1f} %'
            )
    return ['; '.join(texts) for texts in reasons]


def _unusual_counts(table: QTable, done: np.ndarray) -> Iterator[tuple[int, str]]:
    """Yield the frames with unusually many or few segments, and the reason."""
    kinds = count_kinds(table)
    values = segment_counts(table)
    for kind, unit in _COUNT_UNITS.items():
        for members, compared in _groups(table, done[kinds[done] == kind]):
            median, scatter = np.median(values[members]), mad_std(values[members])
            # values = segments / divisors (area x time, time or 1); without segments, that of similar frames is used
            with np.errstate(divide='ignore', invalid='ignore'):
                divisors = table['segments'] / values
            divisors = np.where(values > 0, divisors, _median_of_positive(divisors[members]))
            poisson = np.sqrt(np.maximum(median * divisors, 1.0)) / divisors
            deviation = (values - median) / np.maximum(scatter, poisson)
            for index in compared[np.abs(deviation[compared]) > OUTLIER_THRESHOLD]:
                many = 'many' if deviation[index] > 0 else 'few'
                yield index, f'{many} cosmic rays: {values[index]:.3g} {unit}, the median is {median:.3g}'


def _median_of_positive(values: np.ndarray) -> Any:
    values = values[np.isfinite(values) & (values > 0)]
    return np.median(values) if len(values) else np.nan


def count_kinds(table: QTable) -> np.ndarray:
    """Return how the segments of each frame can be counted.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        The summary of a batch.

    Returns
    -------
    (n,) str ndarray
        'rate' (per area and time), 'second' (per exposure time) or 'frame'.
    """
    exposure = table['exposure'].value
    timed = np.where(np.isfinite(exposure) & (exposure > 0), 'second', 'frame')
    return np.where(np.isfinite(table['rate'].value), 'rate', timed)


def segment_counts(table: QTable) -> np.ndarray:
    """Return the counts of segments.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        The summary of a batch.

    Returns
    -------
    (n,) float ndarray
        Counts per cm2 and minute, per second, or per frame, as given by `count_kinds`.
    """
    kinds = count_kinds(table)
    timed = np.where(kinds == 'second', table['exposure'].value, 1.0)
    return np.where(kinds == 'rate', table['rate'].value, table['segments'] / timed)


def _groups(table: QTable, frames: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield groups of similar frames, and the frames to compare with each group.

    A group has the same rule and about the same exposure time. Frames in a group of fewer than `MIN_FRAMES` are
    compared with all frames of the same rule; if these are too few as well, with all frames.
    """
    exposures = np.array([f'{seconds:.1e}' for seconds in table['exposure'].value], dtype=str)
    rules = np.asarray(table['rule'])
    left = frames
    for keys in ((rules, exposures), (rules,), ()):
        groups: dict[tuple[str, ...], list[int]] = {}
        for frame in frames:
            groups.setdefault(tuple(key[frame] for key in keys), []).append(frame)
        for members in map(np.array, groups.values()):
            compared = np.intersect1d(members, left, assume_unique=True)
            if len(members) >= MIN_FRAMES and len(compared):
                yield members, compared
                left = np.setdiff1d(left, compared, assume_unique=True)
