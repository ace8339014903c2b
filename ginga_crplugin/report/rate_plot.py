"""The room of the report's plot: how many cosmic rays each frame of the night has. No other room knows matplotlib."""

import io
import re
import warnings

import matplotlib as mpl
import numpy as np
from astropy.time import Time
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from ginga_crplugin.batch.summary import counts, kinds_of
from ginga_crplugin.figures.style import COSMIC_RAY, INK, MASKED

__all__ = ['night_plot']

#: What the colors of the plot are in the page: those of its own style, by which it goes with light and dark.
_IN_PAGE = {INK: 'ink', MASKED: 'plain', COSMIC_RAY: 'outstanding'}

_NAMES = {
    'rate': 'segments per cm² and minute',
    'second': 'segments per second of exposure',
    'frame': 'segments in the frame',
}

#: More points than this are drawn as one picture.
MANY = 2000


def night_plot(table):
    """Draw the cosmic rays of each frame over the night.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        The summary of the night.

    Returns
    -------
    svg : str
        To stand in a page that has colors ``--ink``, ``--plain`` and ``--outstanding``; empty where there is nothing
        to draw.
    words : str
        What is drawn.
    """
    kinds = kinds_of(table)[table['status'] != 'failed']
    if not len(kinds):
        return '', 'no frame was done'
    kind = max(_NAMES, key=lambda name: np.count_nonzero(kinds == name))
    shown = np.flatnonzero((table['status'] != 'failed') & (kinds_of(table) == kind))
    times = _times(table['date'][shown])
    x = np.arange(1, len(shown) + 1) if times is None else times.plot_date
    values = counts(table)[shown]
    outstanding, reviewed = table['stands_out'][shown] != '', np.asarray(table['reviewed'][shown])
    with mpl.rc_context({'svg.fonttype': 'none', 'svg.hashsalt': 'night', 'font.family': 'sans-serif'}):
        figure = _figure(x, values, outstanding, reviewed, kind, dated=times is not None)
        file = io.StringIO()
        figure.savefig(file, format='svg', transparent=True, metadata={'Date': None})  # the same is the same
    words = (
        f'{_NAMES[kind]} of {len(shown)} frames, from {values.min():.3g} to {values.max():.3g}, '
        f'median {np.median(values):.3g}; {np.count_nonzero(outstanding)} standing out, '
        f'{np.count_nonzero(reviewed)} reviewed'
    )
    if len(shown) < len(table):
        words += f'; without such a count, and not shown: {len(table) - len(shown)}'
    return _for_page(file.getvalue()), words


def _times(dates):
    """Return the times of the frames, or None where they can't be told apart."""
    if len(set(dates)) < 2:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of leap seconds in years to come
            times = Time(np.asarray(dates), format='isot', scale='utc')
            return times if (times.ymdhms['year'] > 0).all() else None
    except ValueError:
        return None


def _figure(x, values, outstanding, reviewed, kind, *, dated):
    ink, plain, vermilion = (_hex(color) for color in (INK, MASKED, COSMIC_RAY))
    figure = Figure(figsize=(10.5, 3.6), layout='constrained')
    axes = figure.add_subplot()
    usual = np.median(values)
    axes.axhline(usual, color=ink, linewidth=0.8, linestyle='--', label=f'median {usual:.3g}')
    for which, name, style in (
        (~outstanding, 'frame', {'marker': 'o', 'color': plain, 'markersize': 4.5}),
        (outstanding, 'stands out', {'marker': '^', 'color': vermilion, 'markersize': 8}),
        (reviewed, 'reviewed', {'marker': 's', 'color': ink, 'markersize': 12, 'markerfacecolor': 'none'}),
    ):
        many = np.count_nonzero(which)
        if many > MANY:
            style |= {'markersize': style['markersize'] / 2, 'rasterized': True}
        if many or name == 'frame':
            axes.plot(x[which], values[which], linestyle='none', label=name, **style)
    if values.max() > 20.0 * usual > 0.0:  # both the night and what stands out are to be seen
        axes.set_yscale('asinh', linear_width=2.0 * usual)
    axes.set_ylim(bottom=min(0.0, values.min()))
    axes.margins(y=0.15)
    axes.set_ylabel(_NAMES[kind])
    axes.set_xlabel('DATE-OBS' if dated else 'frames in the order of the table')
    if dated:
        axes.xaxis.set_major_locator(AutoDateLocator())
        axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    else:
        axes.xaxis.get_major_locator().set_params(integer=True)
    for side in ('top', 'right'):
        axes.spines[side].set_visible(False)
    for part in (axes.spines['left'], axes.spines['bottom']):
        part.set_color(ink)
    axes.tick_params(colors=ink, which='both')
    for label in (axes.xaxis.label, axes.yaxis.label, axes.xaxis.get_offset_text()):
        label.set_color(ink)
    figure.legend(loc='outside upper right', ncols=4, frameon=False, labelcolor=ink)
    return figure


def _hex(color):
    return '#{:02x}{:02x}{:02x}'.format(*color)


def _for_page(svg):
    """Return the picture as a part of a page: in the colors of the page, and without the addresses of its format."""
    svg = svg[svg.index('<svg') :]
    svg = re.sub(r'<metadata>.*?</metadata>', '', svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', '', svg)
    for color, name in _IN_PAGE.items():
        svg = svg.replace(_hex(color), f'var(--{name})')
    return re.sub(r' width="[^"]*pt"| height="[^"]*pt"', '', svg, count=2)
