"""The plot of the number of cosmic rays in each frame of a batch."""

import io
import re
import warnings
from collections.abc import Collection
from typing import Any

import matplotlib as mpl
import numpy as np
from astropy.table import QTable
from astropy.time import Time
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from ginga_crplugin.batch.summary import count_kinds, segment_counts
from ginga_crplugin.figures.style import COSMIC_RAY, INK, MASKED, hex_color

__all__ = ['plot_rates']

#: The CSS variables of the page that replace the colors of the plot, so that it follows light and dark mode.
_CSS_COLORS = {INK: 'ink', MASKED: 'plain', COSMIC_RAY: 'highlight'}

_LABELS = {
    'rate': 'segments per cm² per minute',
    'second': 'segments per second of exposure',
    'frame': 'segments per frame',
}

#: Above this number of points, they are smaller and drawn as a bitmap.
MANY_POINTS = 2000


def plot_rates(table: QTable) -> tuple[str, str]:
    """Plot the number of cosmic rays of each frame over time.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        The summary of the batch.

    Returns
    -------
    svg : str
        The plot, for a page with the CSS colors ``--ink``, ``--plain`` and ``--highlight``; empty if there is
        nothing to plot.
    description : str
        The description of the plot, or why there is none.
    """
    done = table['status'] != 'failed'
    kinds = count_kinds(table)
    if not done.any():
        return '', 'no frame was processed'
    kind = max(_LABELS, key=lambda name: np.count_nonzero(kinds[done] == name))
    shown = np.flatnonzero(done & (kinds == kind))
    times = _times(table['date'][shown])
    x = np.arange(1, len(shown) + 1) if times is None else times.plot_date
    values = segment_counts(table)[shown]
    stands_out, reviewed = table['stands_out'][shown] != '', np.asarray(table['reviewed'][shown])
    with mpl.rc_context({'svg.fonttype': 'none', 'svg.hashsalt': 'ginga_crplugin', 'font.family': 'sans-serif'}):
        figure = _figure(x, values, stands_out, reviewed, kind, dated=times is not None)
        file = io.StringIO()
        figure.savefig(file, format='svg', transparent=True, metadata={'Date': None})  # reproducible output
    count = np.count_nonzero(stands_out)
    description = (
        f'{_LABELS[kind]} in {len(shown)} frames: {values.min():.3g} to {values.max():.3g}, '
        f'median {np.median(values):.3g}; {count} {"stands" if count == 1 else "stand"} out, '
        f'{np.count_nonzero(reviewed)} reviewed'
    )
    if len(shown) < len(table):
        description += f'; {len(table) - len(shown)} without such a count are not shown'
    return _embeddable(file.getvalue()), description


def _times(dates: Collection[str]) -> Time | None:
    """Return the times of the frames, or None if they are unknown or all the same."""
    if len(set(dates)) < 2:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # astropy warns about dates after the last known leap second
            times = Time(np.asarray(dates), format='isot', scale='utc')
            return times if (times.ymdhms['year'] > 0).all() else None
    except ValueError:
        return None


def _figure(
    x: np.ndarray, values: np.ndarray, stands_out: np.ndarray, reviewed: np.ndarray, kind: str, *, dated: bool
) -> Figure:
    ink, plain, vermilion = (hex_color(color) for color in (INK, MASKED, COSMIC_RAY))
    figure = Figure(figsize=(10.5, 3.6), layout='constrained')
    axes = figure.add_subplot()
    median = np.median(values)
    axes.axhline(median, color=ink, linewidth=0.8, linestyle='--', label=f'median {median:.3g}')
    series: list[tuple[np.ndarray, str, dict[str, Any]]] = [
        (~stands_out, 'frame', {'marker': 'o', 'color': plain, 'markersize': 4.5}),
        (stands_out, 'stands out', {'marker': '^', 'color': vermilion, 'markersize': 8.0}),
        (reviewed, 'reviewed', {'marker': 's', 'color': ink, 'markersize': 12.0, 'markerfacecolor': 'none'}),
    ]
    for selected, label, style in series:
        count = np.count_nonzero(selected)
        if count > MANY_POINTS:
            style |= {'markersize': style['markersize'] / 2, 'rasterized': True}
        if count or label == 'frame':
            axes.plot(x[selected], values[selected], linestyle='none', label=label, **style)
    if values.max() > 20.0 * median > 0.0:  # so that both the typical frames and those that stand out are visible
        axes.set_yscale('asinh', linear_width=2.0 * median)
    axes.set_ylim(bottom=min(0.0, values.min()))
    axes.margins(y=0.15)
    axes.set_ylabel(_LABELS[kind])
    axes.set_xlabel('DATE-OBS' if dated else 'frames in the order of the table')
    if dated:
        axes.xaxis.set_major_locator(AutoDateLocator())
        axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    else:
        locator: Any = axes.xaxis.get_major_locator()
        locator.set_params(integer=True)
    _set_colors(axes, ink)
    figure.legend(loc='outside upper right', ncols=4, frameon=False, labelcolor=ink)
    return figure


def _set_colors(axes: Axes, ink: str) -> None:
    """Draw the axes in one color, without the top and right spines."""
    for side in ('top', 'right'):
        axes.spines[side].set_visible(False)
    for part in (axes.spines['left'], axes.spines['bottom']):
        part.set_color(ink)
    axes.tick_params(colors=ink, which='both')
    for label in (axes.xaxis.label, axes.yaxis.label, axes.xaxis.get_offset_text()):
        label.set_color(ink)


def _embeddable(svg: str) -> str:
    """Return an SVG for embedding in the page: with its CSS colors, without namespaces, metadata and fixed size."""
    svg = svg[svg.index('<svg') :]
    svg = re.sub(r'<metadata>.*?</metadata>', '', svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', '', svg)
    for color, name in _CSS_COLORS.items():
        svg = svg.replace(hex_color(color), f'var(--{name})')
    return re.sub(r' width="[^"]*pt"| height="[^"]*pt"', '', svg, count=2)
