"""Import diagrams of the package, made from the code."""

from functools import cache

import grimp
import matplotlib.pyplot as plt

PACKAGE = 'ginga_crplugin'
#: Third-party libraries that are named in the diagrams.
LIBRARIES = {
    'PIL': 'Pillow',
    'astrowidgets': 'astrowidgets',
    'ccdproc': 'ccdproc',
    'distributed': 'Dask',
    'ginga': 'Ginga',
    'ipywidgets': 'ipywidgets',
    'jinja2': 'Jinja',
    'matplotlib': 'Matplotlib',
    'numba': 'numba',
    'photutils': 'photutils',
    'psygnal': 'psygnal',
    'qtpy': 'Qt',
    'scipy': 'SciPy',
    'tqdm': 'tqdm',
    'yaml': 'YAML',
}
#: Where the boxes are drawn: the rows are the layers of the contracts in ``pyproject.toml``.
PACKAGES = {
    'cli': (0.75, 6),
    'plugin': (0.08, 5),
    'notebook': (0.45, 5),
    'panels': (0.47, 4),
    'report': (0.72, 4),
    'session': (0.3, 3),
    'batch': (0.62, 3),
    'demo': (0.93, 3),
    'recipe': (0.42, 2),
    'figures': (0.1, 2),
    'io': (0.3, 1),
    'core': (0.3, 0),
}
CORE = {
    'tuning': (0.5, 10),
    'stars': (0.5, 9),
    'diagnostics': (0.5, 8),
    'lacosmic': (0.13, 7),
    'pixel_noise': (0.37, 7),
    'segments': (0.63, 7),
    'repair': (0.87, 7),
    'amplifiers': (0.25, 6),
    'interpretation': (0.75, 6),
    'frame': (0.5, 5),
    'image_data': (0.5, 4),
    'header': (0.25, 3),
    'no_data': (0.5, 3),
    'review': (0.8, 3),
    'ray_rate': (0.05, 2),
    'claim_choice': (0.25, 2),
    'input_mask': (0.52, 2),
    'decisions': (0.83, 2),
    'bits': (0.17, 1),
    'pixel_evidence': (0.5, 1),
    'saturation': (0.83, 1),
    'claims': (0.05, 0),
    'data_scale': (0.15, 0),
    'flat_indices': (0.25, 0),
    'metadata': (0.35, 0),
    'mission': (0.43, 0),
    'params': (0.51, 0),
    'pixels': (0.59, 0),
    'repair_names': (0.69, 0),
    'stats': (0.78, 0),
    'uncertainty': (0.87, 0),
    'weak': (0.97, 0),
}

_ARROW = {'arrowstyle': '-|>', 'color': '#7090a8', 'lw': 0.8, 'shrinkA': 0, 'shrinkB': 1}
_BOX = {'boxstyle': 'round,pad=0.35', 'ec': '#5b7a90', 'lw': 0.7}


@cache
def _graph():
    return grimp.build_graph(PACKAGE, include_external_packages=True, exclude_type_checking_imports=True)


def _edges(box_of):
    """Return the imports of each box and the libraries that it imports, both as ``{box: set of names}``."""
    imports, libraries = {}, {}
    for module in _graph().modules:
        box = box_of(module)
        if box is None:
            continue
        imports.setdefault(box, set())
        libraries.setdefault(box, set())
        for other in _graph().find_modules_directly_imported_by(module):
            if other in LIBRARIES:
                libraries[box].add(LIBRARIES[other])
            elif box_of(other) not in (None, box):
                imports[box].add(box_of(other))
    return imports, libraries


def _reachable(imports, box):
    """Return all boxes that a box imports, directly or indirectly."""
    found, pending = set(), list(imports[box])
    while pending:
        other = pending.pop()
        if other not in found:
            found.add(other)
            pending += imports[other]
    return found


def _reduced(imports):
    """Return the imports that do not follow from other imports (transitive reduction)."""
    return {
        box: {other for other in others if not any(other in _reachable(imports, third) for third in others - {other})}
        for box, others in imports.items()
    }


def _draw(positions, box_of):
    """Draw the boxes, with an arrow for each import that does not follow from others."""
    imports, libraries = _edges(box_of)
    imports = _reduced(imports)
    rows = 1 + max(y for _, y in positions.values())
    figure, axis = plt.subplots(figsize=(7.5, 0.72 * rows + 0.2), layout='constrained')
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(-0.6, rows - 0.4)
    axis.set_axis_off()
    patches = {}
    for box, names in libraries.items():
        label, color = box, '#e8f1f7'
        if names:
            label, color = f'{box}\n{", ".join(sorted(names, key=str.lower))}', '#fdf1dd'
        style = _BOX | {'fc': color}
        text = axis.text(*positions[box], label, ha='center', va='center', fontsize=8, zorder=3, bbox=style)
        patches[box] = text.get_bbox_patch()
    figure.draw_without_rendering()  # sets the size of the boxes, at whose edges the arrows end
    for box, others in imports.items():
        for other in others:
            ends = {'patchA': patches[box], 'patchB': patches[other]}
            axis.annotate('', positions[other], positions[box], arrowprops=_ARROW | ends, zorder=1)


def package():
    """Draw the packages."""

    def box_of(module):
        name, _, rest = module.partition('.')
        return rest.split('.')[0] if name == PACKAGE and rest and rest != '__main__' else None

    _draw(PACKAGES, box_of)


def core():
    """Draw the core, with each of its subpackages as one box."""

    def box_of(module):
        rest = module.removeprefix(f'{PACKAGE}.core.')
        return None if rest == module else rest.split('.')[0]

    _draw(CORE, box_of)
