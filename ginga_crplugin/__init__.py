"""Find, judge and mask cosmic rays in CCD images: masked L.A.Cosmic made interactive.

The public names are loaded when they are first used, so that importing the package costs next to nothing: Ginga
imports it at every start to learn of the plugin.
"""

from importlib import import_module

__version__ = '0.1.0'

_PUBLIC = {
    'Check': 'core.diagnostics.check',
    'CosmicRayPanel': 'notebook.panel',
    'Remedy': 'core.diagnostics.check',
    'Detection': 'core.lacosmic.detection',
    'Frame': 'core.frame',
    'LACosmic': 'core.lacosmic.engine',
    'InputMask': 'core.frame',
    'LACosmicParams': 'core.params',
    'MaskBit': 'core.bits',
    'Recipe': 'recipe.recipe',
    'Segments': 'core.segments',
    'apply_recipe': 'batch.apply',
    'check_frame': 'core.diagnostics.frame_checks',
    'check_result': 'core.diagnostics.result_checks',
    'detect': 'core.lacosmic.detect',
    'load_recipe': 'recipe.parse',
    'make_mask': 'io.bad_pixel_mask',
    'merge_mask': 'core.bits',
    'read_dark': 'io.read',
    'read_frame': 'io.read',
    'read_mask': 'io.read',
    'save_mask': 'io.save',
    'save_recipe': 'recipe.format',
    'segment': 'core.segments',
    'with_hints': 'core.diagnostics.hints',
}

__all__ = ['__version__', 'ginga_plugin_spec', *sorted(_PUBLIC)]


def __getattr__(name):
    if name not in _PUBLIC:
        msg = f'module {__name__!r} has no attribute {name!r}'
        raise AttributeError(msg)
    return getattr(import_module(f'.{_PUBLIC[name]}', __name__), name)


def __dir__():
    return sorted(set(globals()) | set(_PUBLIC))


def ginga_plugin_spec():
    """Describe the plugin to Ginga (entry point ``ginga.rv.plugins``), without importing it."""
    from ginga.misc.Bunch import Bunch

    return Bunch(
        module='ginga_crplugin.plugin.cosmic_rays',
        klass='CosmicRays',
        name='Cosmic Rays',
        category='Analysis',
        ptype='local',
        workspace='dialogs',
    )
