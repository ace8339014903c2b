"""Import diagrams of the package, made from the code."""

from functools import cache

import grimp
import matplotlib.pyplot as plt
import numpy as np

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

_ARROW = {'arrowstyle': '-|>', 'color': '#7090a8', 'lw': 0.8, 'shrinkA': 0, 'shrinkB': 1}
_BOX = {'boxstyle': 'round,pad=0.35', 'ec': '#5b7a90', 'lw': 0.7}


@cache
def _graph():
    return grimp.build_graph(PACKAGE, include_external_packages=True)


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
        box: {
            other for other in others if not any(other in _reachable(imports, third) for third in others - {other})
        }
        for box, others in imports.items()
    }


def _level(imports, box):
    """Return the length of the longest chain of imports that starts at a box."""
    return 1 + max((_level(imports, other) for other in imports[box]), default=-1)


def _layout(imports, labels, trials=2000):
    """Return the position of each box, above those that it imports, such that few arrows run behind other boxes.

    One level after the other is arranged at random, and the arrangement is kept if it is no worse.
    """
    levels = {}
    for box in sorted(imports):
        levels.setdefault(_level(imports, box), []).append(box)
    rng = np.random.default_rng(1)
    best, least = {}, None
    for trial in range(trials):
        y = trial % len(levels)
        positions = best | _random_positions({y: levels[y]} if best else levels, labels, rng)
        cost = _cost(imports, labels, positions)
        if least is None or cost <= least:
            best, least = positions, cost
    return best


def _half_width(label):
    return 0.02 + 0.0043 * max(len(line) for line in label.splitlines())


def _random_positions(levels, labels, rng):
    """Return positions with the boxes of each level in random order, and the free space distributed at random."""
    positions = {}
    for y, row in levels.items():
        row = rng.permutation(row)
        widths = np.array([2.0 * _half_width(labels[box]) for box in row])
        gaps = rng.dirichlet(np.full(len(row) + 1, 3.0)) * (1.0 - widths.sum())
        left = np.cumsum(gaps[:-1] + widths) - widths
        positions |= {str(box): (x, y) for box, x in zip(row, left + widths / 2.0, strict=True)}
    return positions


def _cost(imports, labels, positions):
    """Return the number of arrows behind other boxes, and the total width of the arrows."""
    along = np.linspace(0.0, 1.0, 50)
    behind, width = 0, 0.0
    for box, others in imports.items():
        for other in others:
            (x0, y0), (x1, y1) = positions[box], positions[other]
            x, y = x0 + along * (x1 - x0), y0 + along * (y1 - y0)
            width += abs(x1 - x0)
            for third, (xc, yc) in positions.items():
                inside = (abs(x - xc) < 0.02 + _half_width(labels[third])) & (abs(y - yc) < 0.3)
                behind += third not in (box, other) and inside.any()
    return behind, width


def _draw(box_of):
    """Draw the boxes, with an arrow for each import that does not follow from others."""
    imports, libraries = _edges(box_of)
    imports = _reduced(imports)
    used = {box: ', '.join(sorted(names, key=str.lower)) for box, names in libraries.items()}
    labels = {box: f'{box}\n{names}' if names else box for box, names in used.items()}
    positions = _layout(imports, labels)
    rows = 1 + max(y for _, y in positions.values())
    figure, axis = plt.subplots(figsize=(7.5, 0.72 * rows + 0.2), layout='constrained')
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(-0.6, rows - 0.4)
    axis.set_axis_off()
    patches = {}
    for box, (x, y) in positions.items():
        style = _BOX | {'fc': '#fdf1dd' if used[box] else '#e8f1f7'}
        text = axis.text(x, y, labels[box], ha='center', va='center', fontsize=8, zorder=3, bbox=style)
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

    _draw(box_of)


def core():
    """Draw the core, with each of its subpackages as one box."""

    def box_of(module):
        rest = module.removeprefix(f'{PACKAGE}.core.')
        return None if rest == module else rest.split('.')[0]

    _draw(box_of)
