"""Actions that only the panel in Ginga has: dialogs, colors, and images of the channel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ginga.colors import get_hex

from ginga_crplugin.figures.contact_sheet import contact_sheet
from ginga_crplugin.panels.actions import Actions

from .dialogs import FITS, YAML

if TYPE_CHECKING:
    from .cosmic_rays import CosmicRays

__all__ = ['GingaActions']

#: Controls whose values are preferences.
_REMEMBERED = 'live', 'min_size', 'opacity', 'tails', 'tail_sigma', 'tail_steps', 'edges'


class GingaActions(Actions):
    """Actions of the controls and keys of the panel in Ginga.

    Parameters
    ----------
    plugin : CosmicRays
        The plugin, whose session, overlay, dialogs, preferences and images are used.
    """

    def __init__(self, plugin: CosmicRays) -> None:
        super().__init__(plugin.session, plugin.overlay, plugin.overlay.canvas)
        self._plugin, self._dialogs, self._preferences = plugin, plugin.dialogs, plugin.preferences
        self.repairs.find_exposure = self.find_exposure
        self.buttons |= {
            'reset': self.reset,
            'add': self.ask_masks,
            'dark': self.ask_darks,
            'cleaned': plugin.images.show_cleaned,
            'blink': self.blink,
            'save': self.ask_save,
            'show_saved': self.show_saved,
            'sheet': self.ask_sheet,
            'load_recipe': self.ask_recipe,
            'save_recipe': self.ask_save_recipe,
        }
        self.values |= {'unit': plugin.images.set_unit, **{name: self._remembered(name) for name in _REMEMBERED}}

    def _remembered(self, name):
        """Return the action of a control that also sets the preference of the same name."""
        action = self.values[name]

        def remember(value):
            self._preferences[name] = value
            action(value)

        return remember

    def reset(self) -> None:
        """Reset the parameters, the tails and the search of the edges, and the preferences of the last two."""
        self.settings.reset_params()
        tails, edges = self.session.settings.tails, self.session.params.search_edges
        values = {'tails': tails.enabled, 'tail_sigma': tails.sigma, 'tail_steps': tails.steps, 'edges': edges}
        for name, value in values.items():
            self._preferences[name] = value

    def blink(self) -> None:
        """Show the cleaned frame instead of the original, or the original again."""
        self._plugin.images.blink()

    def find_exposure(self) -> np.ndarray:
        """Return the other exposure: the open image that is selected beside the thumbnails, or the only one.

        Returns
        -------
        (ny, nx) ndarray
            An open image of the shape of the frame.

        Raises
        ------
        ValueError
            If there is none, or there are several and none of them is selected.
        """
        images = self._plugin.images.exposures()
        selected = self.widgets.thumbnails.selected_name
        if selected in images:
            return images[selected]
        if len(images) == 1:
            return next(iter(images.values()))
        what = 'select one of them in the list below the thumbnails' if images else 'open one in Ginga'
        msg = f'{len(images)} other images of this shape are open: {what}'
        raise ValueError(msg)

    # files

    def ask_masks(self) -> None:
        """Ask for mask files and add them."""
        self._ask_fits('Mask: pixels that are not 0 are bad', self.settings.add_mask)

    def ask_darks(self) -> None:
        """Ask for combined darks and add their hot pixels."""
        limit = self.widgets.limit.get_value()
        self._ask_fits(
            'Combined dark: pixels above the limit are hot', lambda path: self.settings.add_dark(path, limit)
        )

    def _ask_fits(self, title, chosen):
        frame = self.session.frame
        folder = frame.path.parent if frame is not None and frame.path is not None else None
        self._dialogs.ask_files(title, 'files', chosen, file_types=FITS, folder=folder)

    def ask_recipe(self) -> None:
        """Ask for a recipe and apply it."""
        self._dialogs.ask_files('Recipe', 'file', self.settings.apply_recipe, file_types=YAML)

    def ask_save_recipe(self) -> None:
        """Ask where to save the present settings as a recipe."""
        self._dialogs.ask_files('Recipe: a new .yaml file', 'save', self.session.recipes.save)

    def ask_save(self) -> None:
        """Ask where to save the mask, and show what will be written."""
        self._dialogs.ask_save(self.session.result, self.session.review.save)

    def show_saved(self) -> None:
        """Open the saved mask in the channel "Saved mask"."""
        self._plugin.fv.load_file(f'{self.session.review.saved_mask}[MASK]', chname='Saved mask')

    def ask_sheet(self) -> None:
        """Ask where to save the contact sheet of all listed segments."""
        self._dialogs.ask_files('Contact sheet: a new .pdf or .png file', 'save', self.save_sheet)

    def save_sheet(self, path: Path) -> None:
        """Save the contact sheet of all listed segments, as a PDF or PNG.

        Parameters
        ----------
        path : `~pathlib.Path`
            The file to write.
        """
        session = self.session
        if session.result is None:
            self.presenter.show_error('there is nothing to draw: run L.A.Cosmic first')
            return
        segments = session.review.decisions.annotate(session.result.segments)
        decisions = dict(zip(segments.table['label'], segments.table['decision'], strict=True))
        labels, images = list(self.widgets.table.rows.labels), self.widgets.thumbnails.images(session)

        def done(paths, error):
            if self.presenter is not None:
                self.presenter.show_error(str(error)) if error else self.widgets.show_saved_path(
                    f'written: {paths[0].name}'
                )

        self._plugin.worker(lambda: contact_sheet(path, segments, labels, images, decisions=decisions), done)

    # colors

    def ask_color(self, layer: str) -> None:
        """Ask for the color of a layer.

        Parameters
        ----------
        layer : str
            Name of the layer.
        """
        color = self._preferences.colors[layer]
        self._dialogs.ask_color(f'Color of: {layer}', color, lambda chosen: self.set_color(layer, chosen))

    def set_color(self, layer: str, color: str | tuple[float, ...]) -> None:
        """Draw a layer in a color, given as a hex string or as a tuple from 0 to 1.

        Parameters
        ----------
        layer : str
            Name of the layer.
        color : str or tuple of float
            Hex string, or red, green and blue from 0 to 1.
        """
        color = color if isinstance(color, str) else get_hex(color[:3])
        self._preferences.set_color(layer, color)
        self.overlay.set_color(layer, color)
        self.widgets.swatches[layer].set_color(bg=color)
