"""Preferences of the plugin, in a file in Ginga's folder."""

from io import StringIO
from typing import Any

from ginga_crplugin.core.lacosmic.tails import DEFAULT_TAILS, TailOptions
from ginga_crplugin.io.atomic import AtomicFile
from ginga_crplugin.panels.mask_overlay import COLORS
from ginga_crplugin.session.settings import Settings

__all__ = ['Preferences']


class Preferences:
    """Opacity, colors, size of listed segments, limit of the dark, tails, edges, and whether the result is live.

    Parameters
    ----------
    fv : `ginga.rv.Control.GingaShell`
        Ginga's shell.
    """

    def __init__(self, fv: Any) -> None:
        self._logger = fv.logger
        self._settings = fv.get_preferences().create_category('plugin_CosmicRays')
        self._settings.add_defaults(opacity=0.6, min_size=3, dark_limit=30.0, live=True)
        self._settings.add_defaults(
            tails=True, tail_sigma=DEFAULT_TAILS.sigma, tail_steps=DEFAULT_TAILS.steps, edges=False
        )
        self._settings.add_defaults(**{_color_key(layer): color for layer, color in COLORS.items()})
        self._settings.load(onError='silent')

    @property
    def settings(self) -> Settings:
        """The settings of a session that were remembered."""
        try:
            tails = TailOptions(*(self[name] for name in ('tails', 'tail_sigma', 'tail_steps')))
        except (TypeError, ValueError) as error:  # the file was edited, or a browser sent such a value
            self._logger.warning('the preferences of Cosmic Rays: %s; using the defaults', error)
            tails = DEFAULT_TAILS
        return Settings({'search_edges': True} if self['edges'] else {}, tails=tails)

    def __getitem__(self, name):
        return self._settings[name]

    def __setitem__(self, name, value):
        self._settings[name] = value

    @property
    def colors(self) -> dict[str, str]:
        """The color of each layer, ``{layer: hex string}``."""
        return {layer: self._settings[_color_key(layer)] for layer in COLORS}

    def set_color(self, layer: str, color: str) -> None:
        """Set the color of a layer.

        Parameters
        ----------
        layer : str
            Name of the layer.
        color : str
            The color, such as ``'#0072b2'``.
        """
        self._settings[_color_key(layer)] = color

    def save(self) -> None:
        """Write the preferences atomically, readable by their user only; Ginga itself writes in place."""
        text = StringIO()
        self._settings.save(output=text)
        try:
            AtomicFile(self._settings.preffile, overwrite=True, private=True).write(text.getvalue().encode())
        except OSError as error:
            self._logger.warning('the preferences of Cosmic Rays were not saved: %s', error)


def _color_key(layer):
    return f'color_{layer.replace(" ", "_")}'
