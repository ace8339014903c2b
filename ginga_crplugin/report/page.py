"""The room of the report: what came of a night, as a table and as a page that needs nothing else."""

import base64
import hashlib
import math
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ginga_crplugin import __version__
from ginga_crplugin.batch.summary import FAR, place_of, summary, write_summary
from ginga_crplugin.batch.summary import NAME as SUMMARY
from ginga_crplugin.figures.cutout import LEGEND
from ginga_crplugin.recipe.format import format_recipe

__all__ = ['NAME', 'check_folder', 'write_report']

NAME = 'report.html'

#: How many frames the table of the page shows, and how much of each word.
ROWS, LONGEST = 1000, 300

#: The columns behind the name of the frame: their heads, how they are set, and how the values are written.
_COLUMNS = {
    'state': ('state', '', str),
    'why': ('stands out', 'why', str),
    'object': ('object', '', str),
    'date': ('DATE-OBS', 'date', str),
    'exposure': ('exposure [s]', 'number', '.4g'),
    'pixels': ('cosmic rays [px]', 'number', '.0f'),
    'segments': ('segments', 'number', '.0f'),
    'rate': ('rate [/cm²/min]', 'number', '.3g'),
    'excluded': ('excluded [%]', 'number', '.2f'),
    'checks': ('checks', 'checks', str),
    'rule': ('rule', '', str),
}


def check_folder(folder):
    """Raise a FileExistsError if a file of another maker stands in a folder where the report would go."""
    for name in (SUMMARY, NAME):
        place_of(Path(folder) / name)


def write_report(folder, outcomes, recipe):
    """Write the summary of a night, ``summary.ecsv``, and the page about it, ``report.html``, over earlier ones.

    Parameters
    ----------
    folder : path-like
        Where the masks are.
    outcomes : iterable of Outcome
    recipe : Recipe

    Returns
    -------
    list of `~pathlib.Path`
        What was written.

    Raises
    ------
    FileExistsError
        If a file of such a name stands there that was not written here.
    OSError
        If they can't be written.
    """
    folder, outcomes = Path(folder), list(outcomes)
    table = summary(outcomes)
    written = write_summary(table, folder)
    path = folder / NAME
    page = _page(folder, table, outcomes, recipe)
    place_of(path).write(page.encode('utf-8', 'replace'))
    return [written, path]


@dataclass(frozen=True)
class _Cell:
    text: str
    kind: str = ''
    value: str = ''


@dataclass(frozen=True)
class _Row:
    path: str
    frame: str
    cells: list
    out: bool


def _page(folder, table, outcomes, recipe):
    """Return the page; whatever comes from files is escaped by the template."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    from .rate_plot import night_plot
    from .segment_gallery import MOST, sheets

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
    plot, words = night_plot(table)
    plot = plot.replace('<svg', f'<svg role="img" aria-label="{words}"', 1)  # numbers alone, nothing from a file
    places, columns = _shown(table), _filled(table)
    drawn = [[_cell_in_words(cell) for cell in cells] for cells in sheets(outcomes)]
    most = f'Of no frame more than a few, {MOST} in all at most; the mask beside the frame, pixels count from 1.'
    return pages.get_template('report.html').render(
        version=__version__,
        recipe_name=_plain(recipe.name),
        count=len(table),
        span=_span(table),
        counts=list(_counts(table)),
        folder=_plain(shlex.quote(str(folder))),
        recipe_text=_recipe_text(recipe),
        plot=Markup(plot),
        plot_words=words,
        far=f'{FAR:g}',
        columns=[('frame', ''), *(_COLUMNS[name][:2] for name in columns)],
        rows=[_row(table[place], columns) for place in places],
        shown=_shown_in_words(table, places),
        sheets=[('largest', 'The largest segments', most, drawn[0]), ('hinted', 'Others with a hint', most, drawn[1])],
        legend=[(text, '#{:02x}{:02x}{:02x}'.format(*color)) for text, color, _ in LEGEND] if any(drawn) else [],
        style=Markup(style),
        script=Markup(script),
        script_hash=_hash(script),
    )


def _hash(script):
    """Return the word by which a browser knows the one script that may run."""
    return 'sha256-' + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _plain(text):
    """Return a text that can be shown: no control characters, none that turn the direction, and not too long."""
    text = ''.join(char if char.isprintable() else '\N{REPLACEMENT CHARACTER}' for char in str(text))
    return text if len(text) <= LONGEST else text[:LONGEST] + '\N{HORIZONTAL ELLIPSIS}'


def _recipe_text(recipe):
    text = format_recipe(recipe)
    return '\n'.join(map(_plain, text.splitlines()))


def _cell_in_words(cell):
    return replace(cell, frame=_plain(cell.frame), hint=_plain(cell.hint), reason=_plain(cell.reason))


def _span(table):
    """Return from when to when the night lasted."""
    dates = sorted(_plain(date) for date in set(table['date']) if date)
    return '' if not dates else dates[0] if len(dates) == 1 else f'{dates[0]} to {dates[-1]}'


def _counts(table):
    """Yield the figures of the head: number, words, and whether it asks for a look."""
    status = np.asarray(table['status'])
    failed, out = status == 'failed', table['stands_out'] != ''
    figures = [
        (len(table), 'frames', False),
        (np.count_nonzero(status == 'done'), 'done', False),
        (np.count_nonzero(status == 'skipped'), 'done before', False),
        (np.count_nonzero(failed), 'failed', True),
        (np.count_nonzero(out & ~failed), 'others stand out', True),
        (np.count_nonzero(table['reviewed']), 'reviewed', False),
        (table['segments'].sum(), 'segments', False),
        (table['pixels'].sum(), 'cosmic-ray pixels', False),
    ]
    for number, words, asks in figures:
        if number or words != 'done before':
            yield f'{number:,}'.replace(',', ' '), words, asks and number > 0


def _shown(table):
    """Return which rows the page shows: all; of too many those that stand out, and the first of the others."""
    if len(table) <= ROWS:
        return np.arange(len(table))
    return np.sort(np.argsort(table['stands_out'] == '', kind='stable')[:ROWS])


def _shown_in_words(table, places):
    sorting = 'A click on the head of a column sorts by it.'
    if len(places) == len(table):
        return f'All {len(table)} frames. {sorting}'
    out = table['stands_out'] != ''
    all_out, some = np.count_nonzero(out), np.count_nonzero(out[places])
    which = f'the {some} that stand out' if some == all_out else f'{some} of the {all_out} that stand out'
    others = '' if some == len(places) else f' and the first {len(places) - some} of the others'
    return f'{len(places)} of {len(table)} frames: {which}{others}; summary.ecsv has all. {sorting}'


def _filled(table):
    """Return the names of the columns that hold something."""
    known = {'rule': table['rule'] != '', 'object': table['object'] != '', 'date': table['date'] != ''}
    known |= {name: np.isfinite(table[name].value) for name in ('exposure', 'rate')}
    return [name for name in _COLUMNS if name not in known or known[name].any()]


def _row(row, columns):
    failed = row['status'] == 'failed'
    values = {name: getattr(row[name], 'value', row[name]) for name in _COLUMNS if name in row.colnames}
    values['excluded'] *= 100.0
    values['state'] = f'{row["status"]}, reviewed' if row['reviewed'] else row['status']
    values['why'] = f'failed: {row["reason"]}' if failed else row['stands_out']
    cells = [_cell(values[name], *_COLUMNS[name][1:], empty=failed) for name in columns]
    path, ext = str(row['file']), row['ext']
    return _Row(_plain(path), _plain(f'{Path(path).name or path} [{ext}]'), cells, bool(row['stands_out']))


def _cell(value, kind, style, *, empty):
    if kind != 'number':
        return _Cell(_plain(value), kind)
    if empty or math.isnan(value):
        return _Cell('', kind)
    return _Cell(f'{value:{style}}', kind, f'{float(value)!r}')
