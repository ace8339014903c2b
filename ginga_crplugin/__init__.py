"""Find, review and mask cosmic rays in CCD images: interactive L.A.Cosmic with input masks.

The public names are loaded on first use, so that importing the package is fast: Ginga imports it at every start to
find the plugin.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ginga.misc.Bunch import Bunch

__version__ = '0.1.0'

_PUBLIC = {
    'Check': 'core.diagnostics.check',
    'CosmicRayPanel': 'notebook.panel',
    'Detection': 'core.lacosmic.detection',
    'Frame': 'core.frame',
    'InputMask': 'core.frame',
    'LACosmic': 'core.lacosmic.engine',
    'LACosmicParams': 'core.params',
    'MaskBit': 'core.bits',
    'Recipe': 'recipe.recipe',
    'Remedy': 'core.diagnostics.check',
    'Segments': 'core.segments',
    'Tuning': 'core.tuning.quality',
    'TailFinder': 'core.lacosmic.tails',
    'TailOptions': 'core.lacosmic.tails',
    'Tails': 'core.lacosmic.tails',
    'apply_recipe': 'batch.apply',
    'check_frame': 'core.tuning.remedies',
    'check_result': 'core.tuning.result_remedies',
    'cosmicray_lacosmic': 'core.lacosmic.drop_in',
    'detect': 'core.lacosmic.detect',
    'find_tails': 'core.lacosmic.tails',
    'load_recipe': 'recipe.parse',
    'make_mask': 'io.bad_pixel_mask',
    'merge_mask': 'core.bits',
    'read_dark': 'io.input_masks',
    'read_frame': 'io.read',
    'read_mask': 'io.input_masks',
    'repair': 'core.repair.repair',
    'save_mask': 'io.save',
    'save_recipe': 'recipe.format',
    'segment': 'core.segments',
    'tune': 'core.tuning.tune',
    'with_hints': 'core.diagnostics.hints',
    'with_tails': 'core.lacosmic.tails',
}

__all__ = ['__version__', 'ginga_plugin_spec', *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        msg = f'module {__name__!r} has no attribute {name!r}'
        raise AttributeError(msg)
    return getattr(import_module(f'.{_PUBLIC[name]}', __name__), name)


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_PUBLIC))


def ginga_plugin_spec() -> 'Bunch':
    """Return the specification of the plugin for Ginga (entry point ``ginga.rv.plugins``).

    The plugin itself is not imported.

    Returns
    -------
    `ginga.misc.Bunch.Bunch`
        Module, class, name and place of the plugin.
    """
    from ginga.misc.Bunch import Bunch

    return Bunch(
        module='ginga_crplugin.plugin.cosmic_rays',
        klass='CosmicRays',
        name='Cosmic Rays',
        category='Analysis',
        ptype='local',
        workspace='dialogs',
    )
