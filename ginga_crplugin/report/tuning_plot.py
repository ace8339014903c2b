"""Plot of the rays found against the stars touched by the parameter sets that were tried."""

import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from ginga_crplugin.figures.style import COSMIC_RAY, INK, MASKED, hex_color
from ginga_crplugin.io.atomic import AtomicFile

if TYPE_CHECKING:
    from ginga_crplugin.core.tuning.quality import Tuning

__all__ = ['plot_tuning']


def plot_tuning(result: 'Tuning', path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a plot of the rays found against the stars touched, with the current, default and suggested parameters.

    Without stars, the pixels flagged in noise are plotted instead.

    Parameters
    ----------
    result : Tuning
        The result of `tune`.
    path : path-like
        The file; its suffix (.png, .svg or .pdf) sets the format.
    overwrite : bool, optional
        Whether to overwrite an existing file.

    Returns
    -------
    `~pathlib.Path`
        The file.

    Raises
    ------
    FileExistsError
        If the file exists and may not be overwritten.
    ValueError
        If nothing was measured.
    """
    if not result.sets:
        msg = f'nothing to plot: {result.refused}'
        raise ValueError(msg)
    stars = result.sets[0].stars > 0

    def position(item):
        return 100.0 * item.stars_share if stars else item.noise_pixels_per_megapixel, 100.0 * item.rays_found

    figure = Figure(figsize=(6.4, 4.4), layout='constrained')
    axes = figure.add_subplot()
    axes.plot(*zip(*map(position, result.sets), strict=True), '.', color=hex_color(MASKED), markersize=4, label='tried')
    ink, vermilion = hex_color(INK), hex_color(COSMIC_RAY)
    marks: dict[str, dict[str, Any]] = {
        'defaults': {'marker': 's', 'color': ink, 'markersize': 9, 'markerfacecolor': 'none'},
        'current': {'marker': 'D', 'color': ink, 'markersize': 6, 'markerfacecolor': 'none'},
        'suggested': {'marker': 'o', 'color': vermilion, 'markersize': 10},
    }
    for name, style in marks.items():
        item = getattr(result, name)
        if item is not None:
            axes.plot(*position(item), linestyle='none', label=name, **style)
    axes.set_xscale('symlog', linthresh=1.0)
    axes.set_xlim(left=-0.05)
    axes.set_xlabel('stars touched (%)' if stars else 'pixels flagged in noise, per million')
    axes.set_ylabel('injected rays found (%)')
    axes.legend(loc='lower right')
    path, content = Path(path), BytesIO()
    figure.savefig(content, format=path.suffix.lstrip('.').lower() or 'png', dpi=150)
    AtomicFile(path, overwrite=overwrite).write(content.getvalue())
    return path
