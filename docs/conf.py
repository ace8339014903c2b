"""Sphinx configuration, based on sphinx-astropy."""

import os
import shutil
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx_astropy.conf.v2 import *
from sphinx_astropy.conf.v2 import exclude_patterns, extensions, numpydoc_xref_aliases, numpydoc_xref_ignore

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / '_ext'), str(HERE.parent)]

shutil.rmtree(HERE / 'api', ignore_errors=True)  # pages of an earlier build may refer to removed names

project = 'ginga-crplugin'
author = 'The ginga_crplugin developers'
project_copyright = f'2026, {author}'
release = version = installed_version(project)

# The notebook kernel and the workers import this checkout and use one thread each.
os.environ['PYTHONPATH'] = os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get('PYTHONPATH')])])
os.environ.setdefault('OMP_NUM_THREADS', '1')

extensions += ['myst_nb', 'from_code']
exclude_patterns += ['_build', 'images']

# Names in other packages are listed in text files (inventory version 1), so that nothing is downloaded.
_PROJECTS = {
    'python': 'https://docs.python.org/3/',
    'numpy': 'https://numpy.org/doc/stable/',
    'astropy': 'https://docs.astropy.org/en/stable/',
    'ccdproc': 'https://ccdproc.readthedocs.io/en/stable/',
    'photutils': 'https://photutils.readthedocs.io/en/stable/',
    'astro_image_display_api': 'https://astro-image-display-api.readthedocs.io/en/stable/',
    'distributed': 'https://distributed.dask.org/en/stable/',
    'ginga': 'https://ginga.readthedocs.io/en/stable/',
}
intersphinx_mapping = {name: (address, f'inventories/{name}.txt') for name, address in _PROJECTS.items()}

smartquotes = False  # keep the two hyphens of options
autodoc_typehints = 'none'  # the docstrings have shapes and units too
nitpicky = True
nitpick_ignore = [  # not documented
    ('py:class', 'ipywidgets.widgets.widget_box.VBox'),
    ('py:class', 'psygnal._group.SignalGroup'),
    ('py:class', 't.Any'),
    ('py:obj', 'astrowidgets.ginga.ImageWidget'),
]
numpydoc_xref_param_type = True
numpydoc_xref_aliases |= {
    'bool': ':class:`python:bool`',
    'array_like': 'array_like',
    'iterable': 'iterable',
    'mapping': 'mapping',
    'sequence': 'sequence',
    'ndarray': 'numpy.ndarray',
    'QTable': 'astropy.table.QTable',
    'CCDData': 'astropy.nddata.CCDData',
    'path-like': 'os.PathLike',
}
numpydoc_xref_ignore |= {
    'array_like',
    'iterable',
    'mapping',
    'sequence',
    'callable',
    'viewer',
    'as',
    'a',
    'source',
    'and',
    'value',
}
numpydoc_xref_ignore |= {
    'one',
    'two',
    'extension',
    'ny',
    'nx',
    'n',
    'h',
    'w',
    'uint8',
    'int16',
    'int32',
    'int64',
    'float32',
}

nb_execution_mode = 'force'  # show the output of the current code
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True

plot_formats = ['svg']
plot_html_show_formats = plot_html_show_source_link = False

html_theme_options = {'navbar_center': [], 'show_prev_next': False, 'secondary_sidebar_items': ['page-toc']}
html_static_path = ['_static']
html_css_files = ['own.css']
html_sidebars = {'**': ['globaltoc.html']}
html_title = f'ginga-crplugin {release}'
html_show_sourcelink = False
html_last_updated_fmt = None
