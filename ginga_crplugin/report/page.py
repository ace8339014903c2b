"""The report of a batch: the summary table, and a web page that needs no other files."""

import base64
import hashlib
import math
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import QTable, Row

from ginga_crplugin import __version__
from ginga_crplugin.batch.job import Outcome
from ginga_crplugin.batch.summary import OUTLIER_THRESHOLD, SUMMARY_NAME, make_summary, own_file, write_summary
from ginga_crplugin.figures.cutout import LEGEND
from ginga_crplugin.recipe.format import format_recipe
from ginga_crplugin.recipe.recipe import Recipe

__all__ = ['REPORT_NAME', 'check_folder', 'write_report']

REPORT_NAME = 'report.html'

#: The largest number of rows in the table of the page, and of characters in a cell.
MAX_ROWS, MAX_LENGTH = 1000, 300

#: The columns after the name of the frame: heading, CSS class, and format of the values.
_COLUMNS: dict[str, tuple[str, str, str]] = {
    'state': ('state', '', ''),
    'why': ('stands out', 'why', ''),
    'object': ('object', '', ''),
    'date': ('DATE-OBS', 'date', ''),
    'exposure': ('exposure [s]', 'number', '.4g'),
    'pixels': ('cosmic rays [px]', 'number', '.0f'),
    'segments': ('segments', 'number', '.0f'),
    'rate': ('rate [/cm²/min]', 'number', '.3g'),
    'stars': ('stars', 'number', '.0f'),
    'stars_touched': ('stars touched', 'number', '.0f'),
    'stars_flux': ('star flux [%]', 'number', '.2g'),
    'excluded': ('excluded [%]', 'number', '.2f'),
    'checks': ('checks', 'checks', ''),
    'rule': ('rule', '', ''),
}


def check_folder(folder: str | PathLike[str]) -> None:
    """Check that the summary and the report can be written into a folder.

    Parameters
    ----------
    folder : path-like
        The folder.

    Raises
    ------
    FileExistsError
        If a file of the same name was not written by this package.
    """
    for name in (SUMMARY_NAME, REPORT_NAME):
        own_file(Path(folder) / name)


def write_report(folder: str | PathLike[str], outcomes: Iterable[Outcome], recipe: Recipe) -> list[Path]:
    """Write the summary (``summary.ecsv``) and the report (``report.html``) of a batch, and overwrite earlier ones.

    Parameters
    ----------
    folder : path-like
        The folder of the masks.
    outcomes : iterable of Outcome
        The outcomes of the frames.
    recipe : Recipe
        The recipe that was applied.

    Returns
    -------
    list of `~pathlib.Path`
        The files.

    Raises
    ------
    FileExistsError
        If a file of the same name was not written by this package.
    OSError
        If a file cannot be written.
    """
    folder, outcomes = Path(folder), list(outcomes)
    table = make_summary(outcomes)
    summary = write_summary(table, folder)
    report = folder / REPORT_NAME
    page = _page(folder, table, outcomes, recipe)
    own_file(report).write(page.encode('utf-8', 'replace'))
    return [summary, report]


@dataclass(frozen=True)
class _Cell:
    """A cell of the table: its text, its CSS class, and the value to sort by."""

    text: str
    kind: str = ''
    value: str = ''


@dataclass(frozen=True)
class _Row:
    """A row of the table."""

    path: str
    frame: str
    cells: list[_Cell]
    stands_out: bool


@dataclass(frozen=True)
class _Count:
    """A number at the top of the page."""

    number: int
    singular: str
    plural: str
    marked: bool = False

    @property
    def text(self) -> str:
        return f'{self.number:,}'.replace(',', ' ')

    @property
    def label(self) -> str:
        return self.singular if self.number == 1 else self.plural


@dataclass(frozen=True)
class _Gallery:
    """A gallery of segments."""

    id: str
    title: str
    items: list[Any]


def _page(folder: Path, table: QTable, outcomes: list[Outcome], recipe: Recipe) -> str:
    """Return the page; the template escapes all text that comes from files."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    from .rate_plot import plot_rates
    from .segment_gallery import MAX_ITEMS, segment_galleries

    loader = PackageLoader('ginga_crplugin.report', 'templates')
    pages = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style, script = (loader.get_source(pages, f'report.{name}')[0] for name in ('css', 'js'))
    plot, description = plot_rates(table)
    plot = plot.replace('<svg', f'<svg role="img" aria-label="{description}"', 1)  # contains no text from files
    shown, columns = _shown_rows(table), _columns_with_values(table)
    largest, hinted = ([_printable_item(item) for item in items] for items in segment_galleries(outcomes))
    legend = [(text, '#{:02x}{:02x}{:02x}'.format(*color)) for text, color, _ in LEGEND]
    return pages.get_template('report.html').render(
        version=__version__,
        recipe_name=_printable(recipe.name),
        count=len(table),
        span=_time_span(table),
        counts=list(_counts(table)),
        folder=_printable(shlex.quote(str(folder))),
        recipe_text=_recipe_text(recipe),
        plot=Markup(plot),
        plot_description=description,
        threshold=f'{OUTLIER_THRESHOLD:g}',
        columns=[('frame', ''), *(_COLUMNS[name][:2] for name in columns)],
        rows=[_row(table[index], columns) for index in shown],
        caption=_caption(table, shown),
        galleries=[
            _Gallery('largest', 'Largest segments', largest),
            _Gallery('hinted', 'Other segments with a hint', hinted),
        ],
        max_items=MAX_ITEMS,
        legend=legend if largest or hinted else [],
        style=Markup(style),
        script=Markup(script),
        script_hash=_script_hash(script),
    )


def _script_hash(script: str) -> str:
    """Return the hash of the script, the only one that the content security policy of the page allows."""
    return 'sha256-' + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _printable(text: object) -> str:
    """Replace control characters, also those for the writing direction, and limit the length of a text."""
    text = ''.join(char if char.isprintable() else '\N{REPLACEMENT CHARACTER}' for char in str(text))
    return text if len(text) <= MAX_LENGTH else text[:MAX_LENGTH] + '\N{HORIZONTAL ELLIPSIS}'


def _recipe_text(recipe: Recipe) -> str:
    text = format_recipe(recipe)
    return '\n'.join(map(_printable, text.splitlines()))


def _printable_item(item: Any) -> Any:
    return replace(item, frame=_printable(item.frame), hint=_printable(item.hint), reason=_printable(item.reason))


def _time_span(table: QTable) -> str:
    """Return the first and the last observation date as text."""
    dates = sorted(_printable(date) for date in set(table['date']) if date)
    return '' if not dates else dates[0] if len(dates) == 1 else f'{dates[0]} to {dates[-1]}'


def _counts(table: QTable) -> Iterator[_Count]:
    """Yield the numbers at the top of the page."""
    status = np.asarray(table['status'])
    failed, stands_out = status == 'failed', np.asarray(table['stands_out'] != '')
    n_done, n_skipped, n_failed = (int(np.count_nonzero(status == name)) for name in ('done', 'skipped', 'failed'))
    n_others = int(np.count_nonzero(stands_out & ~failed))
    n_reviewed = int(np.count_nonzero(table['reviewed']))
    yield _Count(len(table), 'frame', 'frames')
    yield _Count(n_done, 'done', 'done')
    if n_skipped:
        yield _Count(n_skipped, 'skipped', 'skipped')
    yield _Count(n_failed, 'failed', 'failed', marked=n_failed > 0)
    yield _Count(n_others, 'other stands out', 'others stand out', marked=n_others > 0)
    yield _Count(n_reviewed, 'reviewed', 'reviewed')
    yield _Count(int(table['segments'].sum()), 'segment', 'segments')
    yield _Count(int(table['pixels'].sum()), 'cosmic-ray pixel', 'cosmic-ray pixels')


def _shown_rows(table: QTable) -> np.ndarray:
    """Return the rows that the page shows: all, or if there are too many, first those that stand out."""
    if len(table) <= MAX_ROWS:
        return np.arange(len(table))
    return np.sort(np.argsort(table['stands_out'] == '', kind='stable')[:MAX_ROWS])


def _caption(table: QTable, shown: np.ndarray) -> str:
    """Return the caption of the table: which frames it shows."""
    sorting = 'Click a column heading to sort.'
    if len(shown) == len(table):
        return f'All {len(table)} frames. {sorting}' if len(table) != 1 else 'One frame.'
    stands_out = table['stands_out'] != ''
    total, part = np.count_nonzero(stands_out), np.count_nonzero(stands_out[shown])
    which = f'the {part} that stand out' if part == total else f'{part} of the {total} that stand out'
    others = '' if part == len(shown) else f' and the first {len(shown) - part} of the others'
    return f'{len(shown)} of {len(table)} frames: {which}{others}; summary.ecsv has all. {sorting}'


def _columns_with_values(table: QTable) -> list[str]:
    """Return the names of the columns that are not empty."""
    known = {'rule': table['rule'] != '', 'object': table['object'] != '', 'date': table['date'] != ''}
    known |= {name: np.isfinite(table[name].value) for name in ('exposure', 'rate')}
    known |= dict.fromkeys(('stars', 'stars_touched', 'stars_flux'), table['stars'] > 0)
    return [name for name in _COLUMNS if name not in known or known[name].any()]


def _row(row: Row, columns: list[str]) -> _Row:
    failed = row['status'] == 'failed'
    values = {name: getattr(row[name], 'value', row[name]) for name in _COLUMNS if name in row.colnames}
    values['excluded'] = 100.0 * row['excluded_fraction']
    values['stars_flux'] = 100.0 * row['stars_flux']
    values['state'] = f'{row["status"]}, reviewed' if row['reviewed'] else row['status']
    values['why'] = f'failed: {row["reason"]}' if failed else row['stands_out']
    cells = [_cell(values[name], *_COLUMNS[name][1:], empty=failed) for name in columns]
    path, ext = str(row['file']), row['ext']
    return _Row(_printable(path), _printable(f'{Path(path).name or path} [{ext}]'), cells, bool(row['stands_out']))


def _cell(value: Any, kind: str, style: str, *, empty: bool) -> _Cell:
    if kind != 'number':
        return _Cell(_printable(value), kind)
    if empty or math.isnan(value):
        return _Cell('', kind)
    return _Cell(f'{value:{style}}', kind, f'{float(value)!r}')
