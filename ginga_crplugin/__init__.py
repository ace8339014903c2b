"""Find, judge and mask cosmic rays in CCD images: masked L.A.Cosmic made interactive.

The public names are loaded when they are first used, so that importing the package costs next to nothing: Ginga
imports it at every start to learn of the plugin.
"""

from importlib import import_module

__version__ = '0.1.0'

_PUBLIC = {
    'Check': 'core.checks',
    'CosmicRayPanel': 'notebook',
    'Cure': 'core.checks',
    'Detection': 'core.detect',
    'Frame': 'core.frame',
    'LACosmic': 'core.lacosmic',
    'InputMask': 'core.frame',
    'LACosmicParams': 'core.params',
    'MaskBit': 'core.bits',
    'Recipe': 'core.recipe',
    'Segments': 'core.segment',
    'apply_recipe': 'batch',
    'check_frame': 'core.checks',
    'check_result': 'core.checks',
    'detect': 'core.detect',
    'load_recipe': 'core.recipe_read',
    'make_mask': 'core.calibration',
    'merge_mask': 'core.bits',
    'read_dark': 'core.read',
    'read_frame': 'core.read',
    'read_mask': 'core.read',
    'save_mask': 'core.save',
    'save_recipe': 'core.recipe_save',
    'segment': 'core.segment',
    'with_hints': 'core.hints',
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
        module='ginga_crplugin.ginga_plugin',
        klass='CosmicRays',
        name='Cosmic Rays',
        category='Analysis',
        ptype='local',
        workspace='dialogs',
    )
